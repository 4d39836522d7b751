"""What crawlers write: the text and the metadata of an article in a JSON object."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from pathlib import Path
from typing import Any

from tasks.pieces import Claim
from tasks.schema import Field, Markup

Json = Any
"""What ``json.loads`` returns."""


@dataclass(frozen=True, slots=True)
class Crawled:
    """One article of a JSON file.

    Attributes:
        text: Value of the text field, or the join of its parts by blank lines; empty
            if there is none. Never with lone surrogates.
        text_field: Path to that field, as the file spells it (``content.rendered``).
        markup: ``html`` if the value is HTML.
        claims: Metadata the object states.
        errors: Lone surrogates replaced by U+FFFD in ``text``.
    """

    text: str
    text_field: str | None
    markup: Markup
    claims: tuple[Claim, ...]
    errors: int


def _key(name: str) -> str:
    """Spelling that ``datePublished``, ``date_published``, ``Date-Published`` share."""
    return re.sub(r"[^\w$@:]|_", "", name).lower()


def _keys(names: list[str]) -> dict[str, str]:
    """Listed names by key, in order."""
    return {_key(name): name for name in names}


_NAMES = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "crawler_fields.toml").read_text("utf-8")
)
_TEXT_KEYS = _keys(_NAMES["text"])
_FIELD_KEYS = {
    Field(name): _keys(names)
    for name, names in _NAMES.items()
    if isinstance(names, list) and name != "text"
}
_WEAK_KEYS = {Field(name): _keys(names) for name, names in _NAMES["weak"].items()}
_NESTED = _keys(_NAMES["shape"]["nested"])
_LISTS = _keys(_NAMES["shape"]["lists"])
_TEXTS = _keys(_NAMES["shape"]["texts"])
_VALUES = _keys(_NAMES["shape"]["values"])

_SCORE = 0.9
_WEAK_SCORE = 0.5
_SCORE_STEP = 0.01  # a name further down the list is trusted a little less
_MAX_DEPTH = 4  # of values inside values: the parts of an article are near the top

_SURROGATE = re.compile("[\ud800-\udfff]")
_BLOCK = "p|div|h[1-6]|ul|ol|li|article|section|main|blockquote|figure|table|body|html"
_OPENS_WITH_TAG = re.compile(
    rf"\s*<(?:!doctype\b|!--|(?:{_BLOCK}|a|b|br|em|i|img|span|strong)\b[^<>]*>)",
    re.IGNORECASE,
)
_BREAK_TAG = re.compile(rf"</(?:{_BLOCK})\s*>|<(?:br|p)\b[^<>]*>", re.IGNORECASE)
_MIN_BREAK_TAGS = 3  # fewer may be what a text about HTML talks of
_MARKUP_IN_LINE = re.compile(r"</?[a-zA-Z][^<>]*>")

_URL = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]\w+)*")
_NOT_A_NAME = re.compile(r"https?:|www\.|\S@\S|^@|^\W*$", re.IGNORECASE)
_LABEL = re.compile(
    rf"(?:{'|'.join(_NAMES['authors_text']['labels'])})[:\s]\s*(?=[^\W\d_])",
    re.IGNORECASE,
)
_JOINER = re.compile(
    rf"\s*,\s*|\s+(?:{'|'.join(_NAMES['authors_text']['joiners'])})\s+", re.IGNORECASE
)

_DAY = re.compile(r"(\d{4})([-/.]?)(\d{2})\2(\d{2})(?![\d-])")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_YEAR = re.compile(r"\d{4}")
_EPOCH = re.compile(r"\d{10}(?:\.\d+)?|\d{13}")
_FIRST_YEAR, _LAST_YEAR = 1500, 2100
_FIRST_EPOCH = datetime(1995, 1, 1, tzinfo=UTC).timestamp()
_LAST_EPOCH = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
_MILLISECONDS = 1000


def list_articles(document: Json) -> list[Json]:
    """Articles of a whole JSON document: a list, a list inside an object, or itself.

    Examples:
        >>> list_articles({"status": "ok", "articles": [{"text": "A"}, {"text": "B"}]})
        [{'text': 'A'}, {'text': 'B'}]
    """
    if isinstance(document, list):
        return document
    if isinstance(document, dict) and not _find_text(document)[0]:
        by_key = {_key(name): value for name, value in document.items()}
        for key in _LISTS:
            value = by_key.get(key)
            if isinstance(value, list) and any(isinstance(one, dict) for one in value):
                return value
    return [document]


def read_object(article: Mapping[str, Json]) -> Crawled:
    """Read one article.

    Args:
        article: A JSON object as a crawler wrote it.

    Examples:
        >>> crawled = read_object({"Title": "On Rain", "maintext": "It rains."})
        >>> crawled.text, crawled.text_field, crawled.claims[0].value
        ('It rains.', 'maintext', 'On Rain')
    """
    text, text_field = _find_text(article)
    text, errors = _SURROGATE.subn("\ufffd", text)
    if text_field:
        text_field = _SURROGATE.sub("\ufffd", text_field)
    claims = tuple(_find_claims(article))
    return Crawled(text, text_field, _tell_markup(text), claims, errors)


def _find_text(article: Mapping[str, Json]) -> tuple[str, str | None]:
    """Text and its field: the first of the names that holds any."""
    fields = _fields(article)
    for key in _TEXT_KEYS:
        for path, value in fields.get(key, ()):
            text, inner = _join_text(value)
            if text.strip():
                return text, path + inner
    return "", None


def _fields(article: Mapping[str, Json]) -> dict[str, list[tuple[str, Json]]]:
    """Values by the spelling-free key, outermost first, each with its path."""
    fields: dict[str, list[tuple[str, Json]]] = {}
    for name, value in article.items():
        fields.setdefault(_key(name), []).append((name, value))
    for key in _NESTED:
        for outer, inside in list(fields.get(key, ())):
            if isinstance(inside, dict) and "." not in outer:
                for name, value in inside.items():
                    fields.setdefault(_key(name), []).append((f"{outer}.{name}", value))
    return fields


def _join_text(value: Json, depth: int = 0) -> tuple[str, str]:
    """Text of a value, and the rest of the path where it lies inside an object.

    Lists become paragraphs. The body of fundus (``summary``, ``sections`` of
    ``headline`` and ``paragraphs``) becomes its parts in reading order.
    """
    if isinstance(value, str):
        return value, ""
    if depth == _MAX_DEPTH or not isinstance(value, list | dict):
        return "", ""
    if isinstance(value, list):
        parts = [_join_text(one, depth + 1)[0] for one in value]
        return "\n\n".join(part for part in parts if part.strip()), ""
    if "sections" in value or "paragraphs" in value:
        names = ("summary", "headline", "paragraphs", "sections")
        parts = [_join_text(value.get(name), depth + 1)[0] for name in names]
        return "\n\n".join(part for part in parts if part.strip()), ""
    for name, inner in value.items():
        if _key(name) in _TEXTS and isinstance(inner, str):
            return inner, f".{name}"
    return "", ""


def _tell_markup(text: str) -> Markup:
    """Tell HTML from text that only mentions ``<p>`` or says ``a < b``."""
    breaks = len(_BREAK_TAG.findall(text))
    if breaks >= _MIN_BREAK_TAGS or (breaks and _OPENS_WITH_TAG.match(text)):
        return Markup.HTML
    return Markup.TEXT


def _find_claims(article: Mapping[str, Json]) -> Iterator[Claim]:
    fields = _fields(article)
    for names, best in ((_FIELD_KEYS, _SCORE), (_WEAK_KEYS, _WEAK_SCORE)):
        for field, keys in names.items():
            score = best
            for key, name in keys.items():
                for _path, value in fields.get(key, ()):
                    if found := _READERS[field](_flatten(value)):
                        yield Claim(field, found, f"json.{name}", round(score, 2))
                        score -= _SCORE_STEP


def _flatten(value: Json, depth: int = 0) -> list[str]:
    """Strings of a value: itself, the items of a list, the name in an object."""
    if isinstance(value, str):
        text = _SURROGATE.sub("\ufffd", value)
        if "<" in text:
            text = _MARKUP_IN_LINE.sub("", text)
        text = " ".join(unescape(text).split())
        return [text] if text else []
    is_number = not isinstance(value, float) or math.isfinite(value)
    if isinstance(value, bool) or not is_number or depth == _MAX_DEPTH:
        return []
    if isinstance(value, int | float):
        return [str(value)]
    if isinstance(value, list):
        return [text for one in value for text in _flatten(one, depth + 1)]
    if isinstance(value, dict):
        by_key = {_key(name): inner for name, inner in value.items()}
        for key in _VALUES:
            if texts := _flatten(by_key.get(key), depth + 1):
                return texts
    return []


def _read_title(values: list[str]) -> str:
    """A title is one string with a letter in it; a list of them is something else."""
    is_title = len(values) == 1 and any(map(str.isalpha, values[0]))
    return values[0] if is_title and not _URL.fullmatch(values[0]) else ""


def _read_authors(values: list[str]) -> str:
    names: dict[str, None] = {}
    for value in values:
        for part in re.split(r"\s*[;|]\s*", value):
            for name in _split_names(_drop_label(part)):
                if not _NOT_A_NAME.search(name) and any(map(str.isalpha, name)):
                    names.setdefault(name)
    return "; ".join(names)


def _drop_label(text: str) -> str:
    """Drop ``By`` before a name of two words; ``Von der Leyen`` keeps its ``Von``."""
    match = _LABEL.match(text)
    rest = text[match.end() :] if match else text
    return rest if rest[:1].isupper() and " " in rest else text


def _split_names(text: str) -> list[str]:
    """Split at commas and joiners, but not ``Brazil, Rachel``: one word a part."""
    parts = [part for part in _JOINER.split(text) if part]
    if len(parts) > 1 and all(" " in part for part in parts):
        return parts
    return [text.strip(" ,")]


def _read_tags(values: list[str]) -> str:
    if len(values) == 1:
        values = re.split(r"\s*[;,]\s*", values[0])
    return "; ".join(dict.fromkeys(tag.replace(";", ",") for tag in values if tag))


def _read_first(values: list[str]) -> str:
    first = values[0].partition(";")[0] if values else ""
    has_letters = any(map(str.isalpha, first))
    return first if has_letters and not _URL.fullmatch(first) else ""


def _read_url(values: list[str]) -> str:
    return next((value for value in values if _URL.fullmatch(value)), "")


def _read_language(values: list[str]) -> str:
    match = _LANGUAGE.fullmatch(values[0]) if len(values) == 1 else None
    return match[1].lower() if match else ""


def _read_date(values: list[str]) -> str:
    return read_machine_date(values[0]) if len(values) == 1 else ""


def read_machine_date(value: str) -> str:
    """Date of a time stamp, as far as it goes; empty if it is for people or no date.

    The day is the one written, in the time zone it is written in.

    Args:
        value: ISO 8601, RFC 2822, or seconds or milliseconds since 1970.

    Examples:
        >>> read_machine_date("2025-01-29T23:30:00+01:00")
        '2025-01-29'
        >>> read_machine_date("Wed, 29 Jan 2025 10:00:00 GMT")
        '2025-01-29'
        >>> read_machine_date("2025-01"), read_machine_date("03/04/2025")
        ('2025-01', '')
    """
    value = value.strip()
    if _EPOCH.fullmatch(value):
        seconds = float(value)
        seconds /= _MILLISECONDS if seconds > _LAST_EPOCH else 1
        is_time = _FIRST_EPOCH <= seconds < _LAST_EPOCH
        return (
            datetime.fromtimestamp(seconds, UTC).date().isoformat() if is_time else ""
        )
    if match := _DAY.match(value):
        return _iso(int(match[1]), int(match[3]), int(match[4]))
    if match := _MONTH.fullmatch(value):
        return _iso(int(match[1]), int(match[2]), 1)[:7]
    if _YEAR.fullmatch(value):
        return _iso(int(value), 1, 1)[:4]
    try:
        found = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return ""
    return _iso(found.year, found.month, found.day)


def _iso(year: int, month: int, day: int) -> str:
    """Write a date; empty for impossible days and for the zero of a clock."""
    if not _FIRST_YEAR <= year <= _LAST_YEAR or (year, month, day) == (1970, 1, 1):
        return ""
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return ""


def _read_publisher(values: list[str]) -> str:
    return _read_first(values).removeprefix("www.")


_READERS = {
    Field.TITLE: _read_title,
    Field.AUTHORS: _read_authors,
    Field.PUBLISHED_ON: _read_date,
    Field.MODIFIED_ON: _read_date,
    Field.PUBLISHER: _read_publisher,
    Field.URL: _read_url,
    Field.SECTION: _read_first,
    Field.TAGS: _read_tags,
    Field.LANGUAGE: _read_language,
}
