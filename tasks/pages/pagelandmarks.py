"""Where the paragraphs of a page stand by its landmarks, in numbers for a network.

Landmarks are the title of the page, its headings, and what it says twice.
"""

import tomllib
from collections.abc import Sequence
from functools import cache
from html import unescape
from pathlib import Path

import numpy as np

from tasks.pages.pagesource import Element, Floats, Ints, Part, Source, fold
from tasks.text import lexicon

UNDER_BACK = "under_back"
"""Column: whether a paragraph stands under a heading of back matter."""

_TITLE_CHARS = 8, 300
_TITLE_SHARE = 0.3  # of what a page calls itself, with the name of its site
_WHOLE_TITLE_CHARS = 15
_FAR_AWAY = 15
_HEADING_CHARS = 60
_LEVELS = {f"h{level}": level for level in range(1, 7)}
_NO_LEVEL = 7
_LONG_CHARS, _EDGE_CHARS = 60, 40
_FILE = Path(__file__).parents[1] / "data" / "back_matter.toml"
_MARKS = "0123456789.:;,-–—*#()[] |»›•·"


def measure_title(
    source: Source, parts: Sequence[Part], here: Ints, parents: Ints
) -> dict[str, Floats]:
    """Measure how far paragraphs are from the one that is the title of the page.

    Args:
        source: The page.
        parts: Its paragraphs; not empty.
        here: Number of the element that each stands in.
        parents: Number of the parent of each element.
    """
    rows, total = len(parts), len(source.text)
    titles = _find_titles(source, parts)
    is_title = np.zeros(rows)
    is_title[titles] = 1
    columns = {"is_title": is_title, "has_title": np.full(rows, float(bool(titles)))}
    if not titles:
        half, far = np.full(rows, 0.5), np.full(rows, 8.0)
        none = {"below_title": half, "below_first_title": half, "from_title": is_title}
        return columns | none | {"near_title": far, "out_to_title": far}
    starts = np.array([start for start, _, _ in parts], np.float64)
    at = parts[_choose_title(parts, titles)][0]
    holds = np.array([e.start <= at < e.end for e in source.elements])
    holds[0] = True
    outer, away = here, np.zeros(rows)
    for _ in range(_FAR_AWAY):
        away += ~holds[outer]
        outer = np.where(holds[outer], outer, parents[outer])
    return columns | {
        "from_title": (starts - at) / total,
        "below_title": (starts > at).astype(np.float64),
        "below_first_title": (starts > parts[titles[0]][0]).astype(np.float64),
        "near_title": np.log1p(np.abs(starts - at)),
        "out_to_title": away,
    }


def _find_titles(source: Source, parts: Sequence[Part]) -> list[int]:
    """Paragraphs that say what the page calls itself, but for the name of its site.

    If it does not call itself anything, its main headings do.
    """
    if source.title is None:
        return [n for n, part in enumerate(parts) if _level(part[2].element) == 1]
    title = fold(unescape(source.html[slice(*source.title)])).casefold()
    least, most = _TITLE_CHARS
    found = []
    for number, (start, end, _) in enumerate(parts):
        if least <= end - start <= most:
            own = source.text[start:end].casefold()
            is_part = len(own) >= _TITLE_SHARE * len(title) and own in title
            if is_part or (len(title) >= _WHOLE_TITLE_CHARS and own.startswith(title)):
                found.append(number)
    return found


def _choose_title(parts: Sequence[Part], titles: Sequence[int]) -> int:
    """Of several titles the one of the highest heading; the longest, the first."""

    def rank(number: int) -> tuple[int, int]:
        start, end, segment = parts[number]
        level = min(_level(segment.element), 3)
        return level, start - end

    return min(titles, key=rank)


def _level(element: Element) -> int:
    """Level of the heading that an element is in; the lowest if it is in none."""
    levels = (_LEVELS[e.name] for e in element.path() if e.name in _LEVELS)
    return next(levels, _NO_LEVEL)


def measure_headings(
    source: Source, parts: Sequence[Part], in_heading: Floats
) -> dict[str, Floats]:
    """Measure under which heading paragraphs stand: what it says, how far it is.

    Args:
        source: The page.
        parts: Its paragraphs.
        in_heading: Whether each is, or is in, a heading.
    """
    rows: list[tuple[bool, bool, int, int, int]] = []
    says_leftover = is_back = False
    level = since = stop = 0
    names = _back_matter()
    for (start, end, segment), is_marked_up in zip(
        parts, in_heading.tolist(), strict=True
    ):
        is_short = end - start <= _HEADING_CHARS
        own = source.text[start:end].casefold().strip(_MARKS) if is_short else ""
        if is_marked_up or own in names:
            line = source.read(start, end) if is_short else ""
            says_leftover = bool(line) and _is_leftover(line)
            is_back, level = own in names, _level(segment.element)
            since, stop = 0, end
        rows.append((says_leftover, is_back, level, since, max(start - stop, 0)))
        since += 1
    says, backs, levels, counts, chars = np.array(rows, np.float64).T
    return {
        "under_leftover": says,
        UNDER_BACK: backs,
        "heading_level": levels,
        "since_heading": np.log1p(counts),
        "chars_since_heading": np.log1p(chars),
    }


def _is_leftover(line: str) -> bool:
    return bool(lexicon.find_leftover(line) or lexicon.find_opener(line))


def measure_copies(source: Source, parts: Sequence[Part]) -> dict[str, Floats]:
    """Tell which long paragraphs begin with what the page says before or after too.

    As does the text of an article that a page holds twice, for screens of two sizes.
    """
    text = source.text
    before, after = np.zeros(len(parts)), np.zeros(len(parts))
    for number, (start, end, _) in enumerate(parts):
        if end - start >= _LONG_CHARS:
            edge = text[start : start + _EDGE_CHARS]
            before[number] = text.find(edge, 0, start) >= 0
            after[number] = text.find(edge, end) >= 0
    return {"said_before": before, "said_after": after}


@cache
def _back_matter() -> frozenset[str]:
    return frozenset(tomllib.loads(_FILE.read_text("utf-8"))["names"].split())
