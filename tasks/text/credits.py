"""Credit lines: what stands under a title, names and dates and little else."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tasks.text import lexicon
from tasks.text.captions import is_caption
from tasks.text.dates import DateFound, find_dates, is_date_line
from tasks.text.names import parse_names
from tasks.text.shape import ends_sentence, measure_words

_SEGMENTS = re.compile(r"\s*(?:[|·•▪—–/]|,(?=\s|$)|\s-\s|;|\n)\s*")
_SEGMENT_MARK = re.compile(r"[|·•▪—–/,;\n-]")  # searched faster
_EDGES = " .:()[]-"
_OUTSIDE = f"{_EDGES}|·•▪—–/,;"
_DATED = frozenset({"published", "updated"})
_LABELS = _DATED | {"byline", "reading_time"}
_ROMAN = re.compile(r"[IVXLC]+")
# First words of places that have the shape of a person's name.
_PLACE_STARTS = frozenset(
    "new san santa los las den saint st tel hong são buenos rio bad el la le"  # noqa: SIM905
    " port cape salt".split()
)
_MAX_LOOSE = 2  # a section and a place


class Credits(NamedTuple):
    """What a credit line says.

    Attributes:
        names: Authors, in order; none also where a byline names nobody.
        is_labelled: A label such as ``Von`` stood before them.
        rule_id: Rule that found the names, or the date.
        dates: Dates of the line, in order.
    """

    names: tuple[str, ...]
    is_labelled: bool
    rule_id: str
    dates: list[DateFound]


def read_credits(text: str, language: str | None = None) -> Credits | None:
    """Read a line made of dates, names and the small things beside them.

    Args:
        text: One line.
        language: Language of the article, if known; tells names from headings.

    Returns:
        Null if the line holds anything else, or neither a date nor a labelled name.

    Examples:
        >>> read_credits("Von Mara Lind | 12. Februar 2025").names
        ('Mara Lind',)
        >>> read_credits("Proteste in Goma") is None
        True
    """
    dates = find_dates(text)
    pieces = _pieces(_cut(text, dates))
    if not dates and not any(label for _, label in pieces):  # most lines
        return None
    names: tuple[str, ...] = ()
    rule_id = ""
    loose: list[str] = []
    for label, value in _parts(pieces):
        if label is None:
            loose.append(value)
        elif label.name == "byline":
            found = parse_names(value)
            is_unnamed = lexicon.is_unnamed(value.strip(_EDGES))
            if not found and not is_unnamed:
                return None
            names += found
            rule_id = label.rule_id
    if rule_id:
        if any(measure_words(piece) > 1 for piece in loose):
            return None
        return Credits(names, True, rule_id, dates)  # noqa: FBT003
    if not dates or ends_sentence(text.rstrip(" .")):
        return None
    return _read_unlabelled(text, loose, dates, language)


def is_update(text: str, date: DateFound) -> bool:
    """Whether a line calls one of its dates that of an update.

    Args:
        text: The line.
        date: One of its dates. What counts is the label in the same part of the line,
            before the date or alone after it; else the one that the line begins with.

    Examples:
        >>> line = "Ada Byron | Last updated: 3 May 2020"
        >>> is_update(line, find_dates(line)[0])
        True
        >>> line = "3 May 2020, updated 4 May 2020"
        >>> [is_update(line, date) for date in find_dates(line)]
        [False, True]
    """
    before = _SEGMENTS.split(text[: date.start].rstrip(_OUTSIDE))[-1]
    after = _SEGMENTS.split(text[date.end :].strip(_OUTSIDE))[0].rstrip(_EDGES)
    own = {label.name for label in lexicon.find_labels(before)} or {
        label.name for label in lexicon.find_labels(after) if label.end == len(after)
    }
    if own.isdisjoint(_DATED):
        own = {label.name for label in lexicon.find_labels(text)}
    return "updated" in own


def _read_unlabelled(
    text: str, loose: list[str], dates: list[DateFound], language: str | None
) -> Credits | None:
    """Read the parts beside a date: names, or a section and a place."""
    names: tuple[str, ...] = ()
    sections = 0
    for piece in loose:
        found = parse_names(piece, labelled=False, language=language)
        if lexicon.is_unnamed(piece):
            sections += 1
        elif found and not _is_place(piece):
            names += found
        elif measure_words(piece) == 1 or found:
            sections += 1
        elif not is_date_line(text):
            return None
    if sections > _MAX_LOOSE:
        return None
    rule_id = "head.name_and_date" if names else "head.date_line"
    return Credits(names, False, rule_id, dates)  # noqa: FBT003


def _pieces(text: str) -> list[tuple[str, lexicon.Phrase | None]]:
    """Cut a credit line where its parts may end; return each piece and its label."""
    is_cut = _SEGMENT_MARK.search(text) is not None
    pieces = (
        _strip_small_words(segment.strip(_EDGES))
        for segment in (_SEGMENTS.split(text) if is_cut else (text,))
    )
    return [(piece, _credit_label(piece)) for piece in pieces if piece]


def _parts(
    pieces: Iterable[tuple[str, lexicon.Phrase | None]],
) -> Iterator[tuple[lexicon.Phrase | None, str]]:
    """Yield each part of a credit line with its label; null: it has none.

    A part without a label goes on in a byline before it (``Von A, Redakteurin``).
    """
    current: lexicon.Phrase | None = None
    value = ""
    for piece, label in pieces:
        if label or lexicon.find_leftover(piece):
            if current:
                yield current, value
            current = label if label and label.name == "byline" else None
            value = piece[label.end :] if label else ""
        elif current:
            value = f"{value}, {piece}"
        else:
            yield None, piece
    if current:
        yield current, value


def _credit_label(text: str) -> lexicon.Phrase | None:
    """First label of a credit; a noun (``Redaktion``) counts only with its colon."""
    for label in lexicon.find_labels(text):
        if label.name not in _LABELS:
            continue
        words = text[: label.end].split()
        is_cased = text[0].lower() != text[0].upper()
        if label.name != "byline" or label.is_marked or not is_cased:
            return label
        if lexicon.is_stop(words[-1].strip(_EDGES)):
            return label
    return None


def _strip_small_words(text: str) -> str:
    """Without the small words that led to a date or section: ``am``, ``in``, ``on``."""
    words = text.split()
    while words and words[-1].islower() and lexicon.is_stop(words[-1]):
        words.pop()
    while words and words[0].islower() and _is_small(words[0]):
        words.pop(0)
    return " ".join(words)


def _is_small(word: str) -> bool:
    return lexicon.is_stop(word) and not any(
        label.name in _LABELS for label in lexicon.find_labels(word)
    )


def _cut(text: str, dates: list[DateFound]) -> str:
    for date in reversed(dates):
        text = f"{text[: date.start]} | {text[date.end :]}"
    return text


def _is_place(text: str) -> bool:
    first, *others = text.split()
    return len(others) == 1 and first.casefold() in _PLACE_STARTS


def read_bare_names(
    text: str, language: str | None, is_written: Callable[[str], bool]
) -> tuple[str, ...]:
    """Read names that stand alone on a line, or nothing if it may be something else.

    Args:
        text: One line.
        language: Language of the article, if known.
        is_written: Whether the article has a word: one in lower case is no name.
    """
    if ends_sentence(text) or is_caption(text) or lexicon.find_notes(text):
        return ()
    # A byline's label alone names nobody: `By our correspondent`.
    labels = lexicon.find_labels(text)
    if any(label.name != "byline" or label.end == len(text) for label in labels):
        return ()
    parts = text.split()
    if all(lexicon.find_leftover(part) for part in parts):
        return ()
    for part in parts:
        if part[0].isupper() and (
            _ROMAN.fullmatch(part) or _is_common(part, is_written)
        ):
            return ()
    names = parse_names(text, labelled=False, language=language)
    if len(names) > 1 and any(" " not in name for name in names):
        return ()
    return names


def _is_common(word: str, is_written: Callable[[str], bool]) -> bool:
    lower = word.casefold()
    return len(word) > len("von") and lower.islower() and is_written(lower)
