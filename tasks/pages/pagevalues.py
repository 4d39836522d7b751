"""Metadata values of web pages: from what a page says to what would be stored."""

import html
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from tasks.text import lexicon
from tasks.text.dates import is_date_line
from tasks.text.normalise import compose, drop_invisible

_SEPARATOR = re.compile(
    r"\s+[|\-\u2013\u2014\u00b7\u2022\u00bb\u00ab\u203a:~/]+\s+|\s*[|»]+\s*|\s*::\s*|\s+[\u2013\u2014]|:\s+"
)
_MAINLY = 0.43  # of 17 names longer than that of their site, those below are others
_ISO = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:(?:[T\s]+|$).*)?)?)?|(\d{4})(\d\d)(\d\d)(?:T.*)?"
    r"|(\d{4})/(\d{1,2})/(\d{1,2})(?:\s.*)?",
    re.DOTALL,
)
_ENGLISH = ("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%B %d %Y")
_YEAR = re.compile(r"(?:19|20)\d\d")
_EPOCH = re.compile(r"\d{10}(?:\d{3})?")
_FIRST_YEAR, _LAST_YEAR = 1990, 2099

_COPYRIGHT = re.compile(r"(?:©|\(c\))\s*", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:;|\||/|\n|•|·|&)\s*")
_TRIMMED = " \t.,:|()[]-\u2013\u2014\u00bb\u00ab"
_COMMA = re.compile(r"\s*[,،、]\s*")
_NOISE = re.compile(
    r"\S+@\S+|https?://\S+|www\.\S+|\b\w[\w-]*\.[a-z]{2,}/\S*|@\w+|\(\s*\)"
)
_GIVEN = re.compile(r"[^\W\d_]+(?:\s[^\W\d_]\.?)?")  # Rachel, Jeff T.
_DEGREE = re.compile(
    r"(?:[A-Z][a-z]?\.?){1,4}[A-Z]?\.?|Ph\.?D\.?|Jr\.?|Sr\.?|Dr\.?|Prof\.?|II|III",
    re.ASCII,
)
# Two to four words with capitals, or of scripts without them.
_PERSON = re.compile(
    r"(?:[^\W\d_a-z][\w'\u2019.\-]*)(?:\s+(?:(?:van|von|der|den|de|del|della|di|da|dos|du|la|le"
    r"|el|al|bin|ben|zu|ter|ten|y|e)\s+){0,2}[^\W\d_a-z][^\W\d_]*[\w'\u2019.\-]*){1,3}"
)
# What may stand before the names of a visible byline.
_LEAD = re.compile(
    r"^(?:[^:]{1,30}:\s+|.*?\b(?i:by|von|par|por|door)\s+(?=[^\W\d_a-z]))"
)
_MAX_NAME_CHARS = 60
_MAX_NAME_WORDS = 6


def squash(text: str) -> str:
    """Letters and digits only, in lower case, to compare values by."""
    return "".join(filter(str.isalnum, text.casefold()))


def clean(value: str) -> str:
    """One line of visible text: references resolved, NFC, spaces collapsed."""
    if "&" in value:
        value = html.unescape(value)
    return " ".join(drop_invisible(compose(value)).split())


def iso_date(value: str) -> str | None:
    """Date of a machine-readable value, as it says itself, without change of time zone.

    Returns:
        ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``; None if it is not clearly a date.

    Examples:
        >>> iso_date("2024-11-22T23:30:00-05:00"), iso_date("20241122")
        ('2024-11-22', '2024-11-22')
        >>> iso_date("Fri, 22 Nov 2024 10:00:00 GMT"), iso_date("yesterday")
        ('2024-11-22', None)
    """
    value = value.strip()
    parts: list[int] = []
    if match := _ISO.fullmatch(value):
        parts = [int(part) for part in match.groups() if part]
    elif _EPOCH.fullmatch(value):
        moment = datetime.fromtimestamp(int(value[:10]), UTC)
        parts = [moment.year, moment.month, moment.day]
    else:
        for form in _ENGLISH:
            try:
                moment = datetime.strptime(value, form)  # noqa: DTZ007 -- a day
            except ValueError:
                continue
            parts = [moment.year, moment.month, moment.day]
            break
        else:
            try:
                moment = parsedate_to_datetime(value)
            except ValueError:
                return _named_day(value)
            parts = [moment.year, moment.month, moment.day]
    try:
        date(parts[0], *[*parts[1:], 1, 1][:2])
    except ValueError:
        return None
    if not _FIRST_YEAR <= parts[0] <= _LAST_YEAR:
        return None
    return "-".join(f"{part:02}" for part in parts)


def _named_day(value: str) -> str | None:
    """Day of a value that spells the month in a known language: ``2023 Jan 7``."""
    if not any(map(str.isalpha, value)):
        return None  # of digits alone the order is not sure
    found = is_date_line(value)
    is_clear = found is not None and not found.is_ambiguous
    return found.value if found is not None and is_clear else None


def hosts(url: str) -> set[str]:
    """``squash`` of the names that the host of an address goes by."""
    try:
        host = (urlsplit(url.strip()).hostname or "").removeprefix("www.")
    except ValueError:
        return set()
    return {squash(host), squash(host.rpartition(".")[0])} - {""}


class Sites(NamedTuple):
    """What a site calls itself, each name by ``squash``.

    Attributes:
        names: Names of the publisher and of the host; parts of titles that hold one, or
            are part of one, are no title.
        starts: Texts of links to the first page, which may be any word.
    """

    names: frozenset[str]
    starts: frozenset[str] = frozenset()


def strip_site(title: str, sites: Sites, heads: Collection[str]) -> str:
    """Title without the name of the site, or the day, before or after it.

    Args:
        title: Value of ``<title>`` or the like.
        sites: Names the site goes by.
        heads: ``squash`` of texts that are known to be headings of the page.
    """
    cuts = [match.span() for match in _SEPARATOR.finditer(title)]
    for start, end in cuts:
        if squash(title[:start]) in heads:
            return title[:start].strip()
        if squash(title[end:]) in heads:
            return title[end:].strip()
    while cuts and _is_no_title(title[cuts[-1][1] :], sites, title[slice(*cuts[-1])]):
        title = title[: cuts.pop()[0]].strip()
    if cuts and _is_no_title(title[: cuts[0][0]], sites):
        title = title[cuts[0][1] :].strip()
    return title


def find_days(title: str) -> list[str]:
    """Days that are a part of their own in the title of a page.

    Examples:
        >>> find_days("Ships at dawn | The Quay | 22.11.2024")
        ['2024-11-22']
        >>> find_days("Ships of 22 November 2024 | The Quay")
        []
    """
    parts = _SEPARATOR.split(title) if _YEAR.search(title) else []
    found = [is_date_line(part) for part in parts[1:] and parts]
    return [day.value for day in found if day and not day.is_ambiguous]


def _is_no_title(part: str, sites: Sites, mark: str = "") -> bool:
    """Whether a part of a title is a name of the site, or a day.

    Args:
        part: What stands before or after a mark.
        sites: Names the site goes by.
        mark: The mark before it. What follows a colon belongs to the title, unless it
            is a whole name.
    """
    is_loose = mark.strip() != ":"
    is_name = _is_site(part, sites.names, is_loose=is_loose)
    return is_name or squash(part) in sites.starts or bool(find_days(f"|{part}"))


def _is_site(part: str, sites: Collection[str], *, is_loose: bool) -> bool:
    name = squash(part)
    return bool(name) and any(
        name == site or (is_loose and len(name) > 3 and _is_like(name, site))  # noqa: PLR2004
        for site in sites
        if len(site) > 2  # noqa: PLR2004 -- initials are in many words
    )


def _is_like(name: str, site: str) -> bool:
    """Whether one is in the other; a longer name must be that of the site mainly."""
    return name in site or (site in name and len(site) >= _MAINLY * len(name))


def people(values: Iterable[str], *, is_strict: bool = False) -> list[str]:
    """Names of the authors, from values that may hold several and what is around them.

    Args:
        values: Texts such as ``"By Ada Byron and Bo Ek, Reporter"``.
        is_strict: The text comes from a place that may hold anything: take only what
            looks like the name of a person.

    Examples:
        >>> people(["By Ada Byron and Bo Ek, Reporter"]), people(["Brazil, Rachel"])
        (['Ada Byron', 'Bo Ek'], ['Rachel Brazil'])
        >>> people(["Kaufman, Jeff T."]), people(["Joe S."])
        (['Jeff T. Kaufman'], ['Joe S.'])
        >>> people(["Posted on 3 May 2020 by Ada Byron"], is_strict=True)
        ['Ada Byron']
    """
    names: dict[str, str] = {}
    for value in values:
        text = _NOISE.sub(" ", value).strip()
        if is_strict:
            text = _LEAD.sub("", text)
        for part in _split(_strip_label(text)):
            for piece in _by_commas(part):
                name = _once(_strip_label(_trim(piece)).strip())
                if _is_name(name) and (not is_strict or _PERSON.fullmatch(name)):
                    names.setdefault(squash(name), name)
    return [name for name in names.values() if not _holds_another(name, names)]


def _split(text: str) -> Iterator[str]:
    """Parts of a list of names, cut at marks and at the words that join names."""
    for part in _BETWEEN.split(text):
        words: list[str] = []
        for word in part.split():
            if words and word.islower() and word in lexicon.conjunctions():
                yield " ".join(words)
                words = []
            else:
                words.append(word)
        yield " ".join(words)


def _strip_label(text: str) -> str:
    """``By Ada Byron`` without ``By``; the first word of ``Von Miller`` stays."""
    text = _COPYRIGHT.sub("", text)
    for label in lexicon.find_labels(text):
        words = text[: label.end].split()
        rest = text[label.end :]
        # `Redaktion` is a name, `Redaktion: Ada Byron` is not.
        is_open = label.is_marked or lexicon.is_stop(words[-1])
        if label.name != "byline" or not is_open or not rest:
            continue
        is_particle = not label.is_marked and lexicon.fold(text[: label.end]) in (
            lexicon.particles()
        )
        return text if is_particle and len(rest.split()) == 1 else _strip_label(rest)
    return text


def _trim(name: str) -> str:
    """``Ada Byron`` without the marks around it; the full stop of ``Joe S.`` stays."""
    bare = name.strip(_TRIMMED)
    return f"{bare}." if bare[-2:-1] == " " and f"{bare}." in name else bare


def _once(name: str) -> str:
    """``Ada Byron Ada Byron``, of a picture and its caption, as one name."""
    words = name.split()
    half = len(words) // 2
    return " ".join(words[:half]) if words[:half] == words[half:] else name


def _holds_another(name: str, names: dict[str, str]) -> bool:
    """``All articles of Ada Byron`` beside ``Ada Byron``."""
    whole, count = squash(name), len(name.split())
    return any(
        key != whole and key in whole and count > len(other.split()) + 1
        for key, other in names.items()
    )


def _by_commas(part: str) -> list[str]:
    pieces = [piece for piece in _COMMA.split(part) if piece]
    if len(pieces) == 2 and pieces[0].isalpha() and _GIVEN.fullmatch(pieces[1]):  # noqa: PLR2004
        return [f"{pieces[1]} {pieces[0]}"]
    names: list[str] = []
    for piece in pieces:
        if names and (_DEGREE.fullmatch(piece) or lexicon.is_role(piece)):
            continue
        names.append(piece)
    return names


def _is_name(name: str) -> bool:
    return (
        1 < len(name) <= _MAX_NAME_CHARS
        and len(name.split()) <= _MAX_NAME_WORDS
        and any(map(str.isalpha, name))
        and not lexicon.is_unnamed(name)
    )
