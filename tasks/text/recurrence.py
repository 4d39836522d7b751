r"""Lines that come again in other files of a folder: the page around its articles.

Counted are pairs of neighbouring lines, because a page's lines come in blocks, while
the heading that many articles have ("Background") stands between paragraphs of their
own. A long line is a paragraph: no pair has one.

Examples:
    >>> text = "Home\nSport\n\nThe ferry came in late.\n"
    >>> len(survey_text(text).pairs)  # first, Home-Sport, Sport-ferry, last
    4
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from itertools import groupby, pairwise
from typing import NamedTuple
from zlib import crc32

from tasks.schema import RemovalReason
from tasks.text.draft import Draft
from tasks.text.shape import is_prose

RECURRING_FILES = 3
"""Files of one folder, of different content, from which on a pair recurs."""

LINE_CHARS = 120
"""A longer line is in no pair."""

EDGE_LINES = 400
"""Lines at either end of a text whose pairs are counted: longer texts are no pages."""

RECURRING_NATS = 3.8
"""Log-odds that a recurring line loses: see ``bench/recurring.py``."""

_HEADING_LINES = 2


class Survey(NamedTuple):
    """What is remembered of a text to tell what recurs.

    Attributes:
        content: Hash of the longest line: the same for copies and most later versions
            of one article, whose lines tell nothing about the page.
        pairs: Hashes of its pairs of neighbouring lines, each once, in order.
    """

    content: int
    pairs: list[int]


class Line(NamedTuple):
    """A line that is not blank, without white space at the edges."""

    start: int
    text: str


def survey_text(text: str) -> Survey:
    """Note what is needed to tell which lines of a text recur in others."""
    lines = [bare for line in text.splitlines() if (bare := line.strip())]
    content = _hash(max(lines, key=len, default=""))
    if len(lines) <= 2 * EDGE_LINES:
        pairs = [*_pairs(["", *lines, ""])]
    else:
        pairs = [
            *_pairs(["", *lines[:EDGE_LINES]]),
            *_pairs([*lines[-EDGE_LINES:], ""]),
        ]
    return Survey(content, list(dict.fromkeys(pairs)))


def _pairs(lines: list[str]) -> Iterator[int]:
    for above, below in pairwise(lines):
        if _is_pair(above, below):
            yield hash_pair(above, below)


def _is_pair(above: str, below: str) -> bool:
    return len(above) <= LINE_CHARS and len(below) <= LINE_CHARS


def hash_pair(above: str, below: str) -> int:
    """Return the hash of two neighbouring lines, bare; nothing is the text's edge."""
    return _hash(f"{above}\n{below}")


def _hash(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass"))


def mark_recurring(draft: Draft, pairs: Collection[int]) -> None:
    """Note which blocks of a plain text recur.

    Args:
        draft: A plain text with ``odds``; nothing is done to others.
        pairs: Hashes of its pairs that recur.
    """
    if pairs and draft.odds:
        draft.recurring = frozenset(_find_blocks(draft, pairs))


def lower_recurring(draft: Draft) -> None:
    """Let blocks that recur count as less likely the article's.

    Not those that may be part of it all the same, for some articles are made to a
    pattern: beside a short line that stays they head a list or a table or are part of
    it ("Salt", "Pepper"), and one or two between what stays may be headings.
    """
    if not draft.recurring:
        return
    draft.recurring -= set(_find_spared(draft))
    draft.odds = [
        odds - RECURRING_NATS * (index in draft.recurring)
        for index, odds in enumerate(draft.odds)
    ]


def _find_blocks(draft: Draft, pairs: Collection[int]) -> Iterator[int]:
    """Yield the blocks that consist of recurring lines only."""
    lines = find_recurring(draft.raw, pairs)
    starts = [line.start for line, _ in lines]
    for index, block in enumerate(draft.blocks):
        if block.start_chars is None or block.end_chars is None:
            continue
        first = max(bisect_right(starts, block.start_chars) - 1, 0)
        last = bisect_left(starts, block.end_chars)
        if last > first and all(is_recurring for _, is_recurring in lines[first:last]):
            yield index


def _find_spared(draft: Draft) -> Iterator[int]:
    order = [
        index
        for index, block in enumerate(draft.blocks)
        if block.reason is not RemovalReason.LAYOUT
    ]
    stays = {
        index: draft.blocks[index].reason is None and draft.odds[index] >= 0
        for index in order
    }
    for recurs, group in groupby(
        range(len(order)), lambda at: order[at] in draft.recurring
    ):
        if not recurs:
            continue
        places = list(group)
        beside = [
            *order[max(places[0] - 1, 0) : places[0]],
            *order[places[-1] + 1 :][:1],
        ]
        staying = [index for index in beside if stays[index]]
        is_inside = len(staying) > 1 and len(places) <= _HEADING_LINES
        if is_inside or not all(
            is_prose(draft.blocks[index].text) for index in staying
        ):
            yield from (order[at] for at in places)


def find_recurring(text: str, pairs: Collection[int]) -> list[tuple[Line, bool]]:
    """Return every line of a text and whether it belongs to one of the pairs."""
    lines = [Line(0, ""), *_lines(text), Line(len(text), "")]
    is_recurring = [False] * len(lines)
    for index, (above, below) in enumerate(pairwise(lines)):
        if (
            _is_pair(above.text, below.text)
            and hash_pair(above.text, below.text) in pairs
        ):
            is_recurring[index] = is_recurring[index + 1] = True
    return list(zip(lines, is_recurring, strict=True))[1:-1]


def _lines(text: str) -> Iterator[Line]:
    start = 0
    for line in text.splitlines(keepends=True):
        if bare := line.strip():
            yield Line(start + len(line) - len(line.lstrip()), bare)
        start += len(line)
