"""From decoded plain text to blocks: lines, layout marks, hard-wrapped paragraphs.

Nothing is judged here; every character that is not white space ends in one block.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from typing import NamedTuple

import numpy as np

from tasks.pieces import Block
from tasks.schema import Kind, RemovalReason
from tasks.text import lexicon
from tasks.text.lines import BARS, Lines, find_lines, find_wrap_columns
from tasks.text.mojibake import find_mojibake
from tasks.text.normalise import normalise_naming
from tasks.text.shape import remember_words

_MARKS_ONLY = re.compile(r"[\W_]+")
_BULLET = re.compile(r"[•·▪▫‣⁃◦●○■□►▶➤✓✔➢*](?=\s)")
_DASH = re.compile(r"[-–—+](?=\s)")
_SPOKEN = re.compile(r"[.!?…][\"'”“»]?$")
_NUMBERED = re.compile(r"(?:\d{1,3}|[a-zA-Z])[.)]\s")
_TRAILING_BAR = re.compile(r"\s+[|¦]+$")
_SENTENCE_END = re.compile(r"(?<!\d)[.!?…。！？؟۔।;]['\"”“»›’)\]]*$")

_FEW_COLUMNS = range(55, 131)
_OVERHANG = 3  # columns, of a hyphen or punctuation mark


class Line(NamedTuple):
    """One line, as ``Lines`` has it, and its text."""

    text: str
    start: int
    end: int
    indent: int
    blank_before: bool
    width: int
    first_word: int
    is_lower: bool
    is_closed: bool
    ends_hyphen: bool


def _continues(group: list[Line], below: Line, column: int | None) -> bool:
    """Whether ``below`` goes on in the paragraph of the lines above it."""
    above = group[-1]
    if (
        (column is None and not below.is_lower)  # most lines
        or below.blank_before
        or below.indent > above.indent
    ):
        return False
    if _starts_item(below.text) and not _could_break_off(group, below, column):
        return False
    is_broken_off = below.is_lower and not above.is_closed
    if column is None:  # few lines: only a sentence that plainly goes on
        return (
            is_broken_off
            and above.width in _FEW_COLUMNS
            and not any(
                label.name in {"byline", "published", "updated"}
                and below.text[label.end : label.end + 1].isupper()
                for label in lexicon.find_labels(below.text)
            )
        )
    if above.width > column + _OVERHANG:
        return False
    if _is_full(above, below, column):
        return True
    is_hyphenated = above.ends_hyphen and below.is_lower
    return is_hyphenated or (is_broken_off and above.width * 2 >= column)


def _is_full(above: Line, below: Line, column: int) -> bool:
    """Whether the next word did not fit into the line."""
    return above.width + 1 + below.first_word > column


def _could_break_off(group: list[Line], below: Line, column: int | None) -> bool:
    """Whether a line break may stand before a date or a dash inside a sentence.

    As in ``... on the`` / ``3. May ...``; not in a list, and not behind a colon.
    """
    return (
        column is not None
        and not _BULLET.match(below.text)
        and not _starts_item(group[0].text)
        and not group[-1].is_closed
        and _is_full(group[-1], below, column)
    )


def _is_heading(above: Line, line: Line, below: Line, column: int) -> bool:
    """Whether a short line is a heading: it neither ends a sentence nor goes on.

    A paragraph that went on in it would end in the middle of a sentence.
    """
    return (
        bool(_SENTENCE_END.search(above.text))
        and not line.is_lower
        and not line.is_closed
        and not below.is_lower
        and not _is_full(line, below, column)
    )


def _starts_item(text: str) -> bool:
    if text[0].isalnum():
        return _NUMBERED.match(text) is not None
    return bool(_BULLET.match(text) or _DASH.match(text))


def _group(lines: Sequence[Line], column: int | None) -> Iterator[list[Line]]:
    """Group the lines of a text that are one paragraph."""
    group: list[Line] = []
    for line, below in zip_longest(lines, lines[1:]):
        if group and (
            not _continues(group, line, column)
            or (column and below and _is_heading(group[-1], line, below, column))
        ):
            yield group
            group = []
        group.append(line)
    if group:
        yield group


def normalise_span(span: str, *, broken: bool = False) -> tuple[str, tuple[str, ...]]:
    """Normalise the span of a plain-text block.

    Args:
        span: Part of the decoded raw text, without white space at its edges.
        broken: The text has signs of mojibake (see ``has_mojibake``).

    Returns:
        The text and the names of the normalisations that changed something, in order.
    """
    steps = ["nfc", "invisible", "spaces", "unwrap"]
    if broken:
        steps.insert(0, "mojibake")
    elif (  # whatever the normalisations would change is not printable
        span.isprintable()
        and "  " not in span
        and (span.isascii() or unicodedata.is_normalized("NFC", span))
    ):
        return span, ()
    return normalise_naming(span, steps)


class _Piece(NamedTuple):
    """A paragraph as laid out: the place of its lines.

    Attributes:
        start: First code point.
        end: One past the last code point.
        blank_before: A blank line precedes it, or nothing.
        words: Words, if it is plain.
        is_plain: It is one line that is its own text: see ``Lines``.
    """

    start: int
    end: int
    blank_before: bool
    words: int
    is_plain: bool


def find_blocks(raw: str, begin: int = 0) -> list[Block]:
    """Cut plain text into blocks: one per paragraph as laid out, one per layout mark.

    Args:
        raw: Decoded text of one article.
        begin: Where to begin.

    Returns:
        Blocks in order. Their spans hold every character that is neither white space
        nor invisible. Lines of nothing but marks, bullets of lists and bars at line
        ends are removed blocks with reason ``layout``.
    """
    return find_blocks_of([raw], [begin])[0]


def find_blocks_of(texts: Sequence[str], begins: Sequence[int]) -> list[list[Block]]:
    """Do as ``find_blocks`` with every text, faster."""
    if not texts:
        return []
    lines = find_lines(texts, begins)
    columns = find_wrap_columns(lines, len(texts))
    joined = _find_joined(lines, columns)
    pieces = _list_pieces(lines)
    ends = np.cumsum(np.bincount(lines.text, minlength=len(texts))).tolist()
    found: list[list[Block]] = []
    first = 0
    for number, (raw, past, broken) in enumerate(
        zip(texts, ends, find_mojibake(texts), strict=True)
    ):
        own = pieces[first:past]
        has_items = _has_items(raw, own)
        if number in joined:
            own = [*_join(raw, lines, (first, past), columns[number])]
        found.append(_read_pieces(raw, own, has_items=has_items, broken=broken))
        first = past
    return found


def _list_pieces(lines: Lines) -> list[_Piece]:
    """List every line as a paragraph of its own."""
    columns = (getattr(lines, name).tolist() for name in _Piece._fields)
    return [*map(_Piece._make, zip(*columns, strict=True))]


def _find_joined(lines: Lines, columns: list[int | None]) -> set[int]:
    """Return the texts in which a paragraph may have more than one line."""
    has_column = np.array([column is not None for column in columns])
    breaks_off = lines.is_lower[1:] & ~lines.is_closed[:-1]
    breaks_off &= np.isin(lines.width[:-1], _FEW_COLUMNS)
    may_go_on = has_column[lines.text[1:]] | breaks_off
    return {*lines.text[1:][may_go_on & ~lines.blank_before[1:]].tolist()}


def _join(
    raw: str, lines: Lines, place: tuple[int, int], column: int | None
) -> Iterator[_Piece]:
    """Yield the paragraphs of a text in which lines go on in the next one."""
    own = Lines._make(values[slice(*place)] for values in lines)
    texts = [
        raw[s:e] for s, e in zip(own.start.tolist(), own.end.tolist(), strict=True)
    ]
    values = (getattr(own, name).tolist() for name in Line._fields[1:])
    rows = [*map(Line._make, zip(texts, *values, strict=True))]
    alone = iter(_list_pieces(own))
    for group in _group(rows, column):
        first, *others = islice(alone, len(group))
        if others:
            yield first._replace(end=others[-1].end, is_plain=False)
        else:
            yield first


def _read_pieces(
    raw: str, pieces: Sequence[_Piece], *, has_items: bool, broken: bool
) -> list[Block]:
    """Make the blocks of a text out of its paragraphs."""
    blocks: list[Block] = []
    measured: list[tuple[str, int]] = []
    for piece in pieces:
        start, end, blank_before, words, is_plain = piece
        if is_plain and not broken:  # most
            text = raw[start:end]
            measured.append((text, words))
            blocks.append(Block(start, end, text, (), None, 0, blank_before))
        else:
            blocks += _read_piece(raw, piece, has_items=has_items, broken=broken)
    remember_words(measured)
    return blocks


def _has_items(raw: str, lines: Sequence[_Piece]) -> bool:
    """Whether lines that begin with a dash are a list.

    One alone is none, and long dashes before whole sentences are speech.
    """
    dashed = [
        raw[line.start : line.end]
        for line in lines
        if not line.is_plain and _DASH.match(raw, line.start, line.end)
    ]
    spoken = sum(text[0] in "–—" and bool(_SPOKEN.search(text)) for text in dashed)
    return len(dashed) > 1 and spoken * 2 <= len(dashed)


def _read_piece(
    raw: str, piece: _Piece, *, has_items: bool, broken: bool
) -> Iterator[Block]:
    start, end = piece.start, piece.end
    is_word = raw[start].isalnum()  # neither a mark nor a bullet
    if not is_word and _is_marks(raw[start:end]):
        yield _layout(raw, start, end, "layout.marks")
        return
    kind = None
    bullet = None if is_word else _BULLET.match(raw, start)
    if not is_word and not bullet and has_items:
        bullet = _DASH.match(raw, start)
    if bullet:
        yield _layout(raw, start, bullet.end(), "layout.bullet")
        start, kind = bullet.end(), Kind.LIST_ITEM
    bar = _TRAILING_BAR.search(raw, start, end) if raw[end - 1] in BARS else None
    stop = bar.start() if bar else end
    while start < stop and raw[start].isspace():
        start += 1
    text, names = normalise_span(raw[start:stop], broken=broken)
    if text:
        yield Block(
            start, stop, text, names, kind=kind, blank_before=piece.blank_before
        )
    if bar:
        mark = bar.start() + len(bar.group()) - len(bar.group().lstrip())
        yield _layout(raw, mark, end, "layout.bar")


def _is_marks(span: str) -> bool:
    """No letter, digit or pictograph: rules such as ``***`` or ``-----``."""
    return bool(_MARKS_ONLY.fullmatch(span)) and not any(
        unicodedata.category(char) == "So" for char in span
    )


def _layout(raw: str, start: int, end: int, rule_id: str) -> Block:
    return Block(
        start,
        end,
        raw[start:end],
        reason=RemovalReason.LAYOUT,
        rule_id=rule_id,
        blank_before=False,
    )
