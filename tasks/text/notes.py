"""What notes about an article say: first publication, translator, original."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tasks.pieces import Claim
from tasks.schema import Field
from tasks.text import lexicon
from tasks.text.dates import find_dates
from tasks.text.names import is_name, parse_names
from tasks.text.shape import find_urls

_SCORE = 0.85
_WEAK_SCORE = 0.6
_VALUE_END = re.compile(r"[,;.()\[\]|\n–—]|$")
_SENTENCE_END = re.compile(r"[.!?。](?=\s|$)")
_QUOTED = re.compile(r"[„“”«»‚‘'\"]\s?([^„“”«»‚‘’\"]{2,})\s?[“”»«‘’'\"]")
_WORD_START = re.compile(r"(?<!\w)[^\W\d_]")
_URL_TAIL = re.compile(r"[\s:(–—-]*$")


def read_note(text: str, start: int | None, *, exact: bool) -> list[Claim]:
    """Read the metadata out of one note.

    As in ``Veröffentlicht am 28. Januar 2025 auf Quinterna Lab, ins Deutsche übersetzt
    von Bonustracks.``: date, publisher and translator.

    Args:
        text: Text of the note.
        start: Where it starts in the decoded raw text, if known.
        exact: Its text equals its span, so that positions inside it can be given.

    Returns:
        Claims, each with the position of its value where that is known exactly.
    """
    found: list[Claim] = []

    def claim(into: Field, low: int, high: int, rule: str, value: str = "") -> None:
        known = start is not None and exact
        found.append(
            Claim(
                into,
                value or text[low:high],
                f"note.{rule}",
                _SCORE,
                (start or 0) + low if known else None,
                (start or 0) + high if known else None,
            )
        )

    phrases = lexicon.find_notes(text)
    names = {phrase.name for phrase in phrases}
    dates = find_dates(text) if "first_published" in names else []
    if dates:
        first = dates[0]
        claim(Field.PUBLISHED_ON, first.start, first.end, "published", first.value)
    if "first_published" in names:
        places = [p.end for p in phrases if p.name == "first_published"]
        places += [date.end for date in dates[:1]]
        stops = [date.start for date in dates]
        media = (_find_medium(text, place, stops) for place in places)
        if medium := next(filter(None, media), None):
            low, high = medium
            host = urlsplit(text[low:high]).hostname or ""
            claim(Field.PUBLISHER, low, high, "medium", host.removeprefix("www."))
    translators = _find_translators(text)
    translators += [p.end for p in phrases if p.name == "translated"]
    for end in translators:
        low, high = _value_after(text, end)
        is_last = not text[high:].strip(" .)]")
        if parse_names(text[low:high]) and (is_last or " " in text[low:high]):
            claim(Field.TRANSLATOR, low, high, "translator")
            break
    if "translated" in names or translators:
        claim(Field.IS_TRANSLATED, 0, len(text), "translated", "true")
    for low, high in find_urls(text)[:1]:
        claim(Field.SOURCE_URL, low, high, "source_url")
    return found


def read_source_title(text: str, start: int | None, end: int | None) -> Claim | None:
    """Read the title of the original out of the line that a source note announces."""
    urls = find_urls(text)
    title = _URL_TAIL.sub("", text[: urls[0][0]] if urls else text).rstrip(".")
    if not title:
        return None
    return Claim(Field.SOURCE_TITLE, title, "note.announced", _WEAK_SCORE, start, end)


def _find_translators(text: str) -> list[int]:
    """Ends of the labels that announce a translator, anywhere in the text."""
    return [
        match.start() + label.end
        for match in _WORD_START.finditer(text)
        for label in lexicon.find_labels(text[match.start() :])[:1]
        if label.name == "translator"
    ]


def _find_medium(text: str, after: int, stops: list[int]) -> tuple[int, int] | None:
    """Find the name of a medium behind a preposition, as in ``on The Damp Almanac on``.

    Args:
        text: Text of the note.
        after: Where a phrase or date ends that a medium may follow.
        stops: Where dates start: no name goes on there.
    """
    word = re.compile(r"\s*[(,]?\s*([^\W\d_]+)\s+").match(text, after)
    if word and lexicon.is_stop(word[1]) and word[1].islower():
        after = word.end()
    elif not lexicon.is_stop((text[:after].split() or [""])[-1]):
        return None
    media = _media()
    low, high = _value_after(text, after)
    if urls := [span for span in find_urls(text) if span[0] == low]:
        return urls[0]
    high = min([high, *(stop for stop in stops if stop >= low)])
    lowered = text[low:high].casefold()
    high = low + min(
        [len(lowered), *(at for end in media.ends if (at := lowered.find(end)) >= 0)]
    )
    words = text[low:high].split()
    while words and words[-1].islower() and lexicon.is_stop(words[-1]):
        words.pop()  # `on` before the date
    while words and (
        (words[0].islower() and lexicon.is_stop(words[0]))
        or words[0].casefold() in media.skipped
    ):
        low += len(words.pop(0))
        low += len(text[low:]) - len(text[low:].lstrip())
    named = " ".join(words)
    if quoted := _QUOTED.search(named):  # `in dem Blatt „Grüne Zeiten“`
        low += quoted.start(1)
        named = quoted[1]
    domain = re.fullmatch(r"[\w-]+(\.[\w-]+)+", named)
    if not named or not (domain or is_name(named)):
        return None
    return (low, low + len(named)) if text.startswith(named, low) else None


class _Media(NamedTuple):
    skipped: frozenset[str]
    ends: tuple[str, ...]


@cache
def _media() -> _Media:
    """Words around names of media, from ``data/media.toml``."""
    path = Path(__file__).parents[1] / "data" / "media.toml"
    data = tomllib.loads(path.read_text("utf-8"))
    skipped = frozenset(f"{data['kinds']} {data['others']}".split())
    return _Media(skipped, tuple(data["ends"]))


def _value_after(text: str, start: int) -> tuple[int, int]:
    """Range of a value: up to the next comma, bracket, label or end of sentence."""
    while start < len(text) and (text[start].isspace() or text[start] in ":："):
        start += 1
    end = start
    for match in _VALUE_END.finditer(text, start):
        end = match.start()
        dotted = match.group() == "." and not _SENTENCE_END.match(text, end)
        if not dotted:
            break
    return start, start + len(text[start:end].rstrip())
