"""From decoded plain text to blocks: lines, layout marks, hard-wrapped paragraphs.

Nothing is judged here; every character that is not white space ends in one block.
"""

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice, pairwise, zip_longest
from typing import NamedTuple

import ftfy.badness

from tasks.pieces import Block
from tasks.schema import Kind, RemovalReason
from tasks.text import lexicon
from tasks.text.normalise import normalise_naming

_INVISIBLE = "\u00ad\u200b\u200e\u200f\u2060\ufeff" + "".join(
    map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)
_HYPHENS = "-\u2010\u00ad"
_BLANKS = _INVISIBLE + "".join(filter(str.isspace, map(chr, range(0x10000))))
_LINE = re.compile(r"[^\r\n\x0b\x0c\x85\u2028\u2029]+")
_MARKS_ONLY = re.compile(r"[\W_]+")
_BULLET = re.compile(r"[•·▪▫‣⁃◦●○■□►▶➤✓✔➢*](?=\s)")
_DASH = re.compile(r"[-–—+](?=\s)")
_SPOKEN = re.compile(r"[.!?…][\"'”“»]?$")
_NUMBERED = re.compile(r"(?:\d{1,3}|[a-zA-Z])[.)]\s")
_TRAILING_BAR = re.compile(r"\s+[|¦]+$")
_MAYBE_BAD = re.compile(r"[^\x00-\x7f](?:[^\x00-\x7f]+|(?<=[\x80-\x9fÂÃŒœ]))")
_BAD_CHARS = 6  # the longest sequence that tells
_MANY_PLACES = 60
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]"
)
_MAYBE_WIDE = re.compile(rb"[\xe1\xe3-\xed\xef]|\xe2[\xba-\xbf]")  # searched faster
_TERMINAL = re.compile(r"[.!?…。！？؟۔।:;]['\"”“»›’)\]]*$")

_SENTENCE_END = re.compile(r"(?<!\d)[.!?…。！？؟۔।;]['\"”“»›’)\]]*$")

_WRAP_COLUMNS = range(30, 131)
_FEW_COLUMNS = range(55, 131)
_WRAP_PAIRS = 3
_WRAP_SHARE = 0.45
_RUN_ON_SHARE = 0.3
_MANY_RUN_ON, _NEARLY_ALL = 8, 0.8
_OVERHANG = 3  # columns, of a hyphen or punctuation mark


class Line(NamedTuple):
    """One line that is not blank: its span without white space at the edges.

    Attributes:
        start: First code point.
        end: One past the last code point.
        text: What stands there.
        indent: Columns of white space before it.
        blank_before: A blank line precedes it, or nothing.
        width: Its columns on a screen.
    """

    start: int
    end: int
    text: str
    indent: int
    blank_before: bool
    width: int


def find_lines(raw: str, begin: int = 0) -> list[Line]:
    r"""Split decoded text into its lines; blank lines are only remembered.

    Args:
        raw: Decoded text with any line ends (``\n``, ``\r\n``, ``\r``, U+2028 ...).
        begin: Where to begin.

    Returns:
        Lines in order; characters outside their spans are white space or invisible.
    """
    lines: list[Line] = []
    has_wide = (
        not raw.isascii()
        and _MAYBE_WIDE.search(raw.encode(errors="replace")) is not None
        and _WIDE.search(raw) is not None
    )
    blank, stop = True, begin
    for match in _LINE.finditer(raw, begin):
        line, start = match[0], match.start()
        if start - stop > 1 and raw[stop:start] != "\r\n":
            blank = True  # an empty line was between
        stop = match.end()
        text = line.strip()  # faster than to look for all blanks
        if text and (text[0] in _INVISIBLE or text[-1] in _INVISIBLE):
            text = text.strip(_BLANKS)
        if not text:
            blank = True
            continue
        indent = 0
        if len(text) < len(line):
            start = stop - len(line.lstrip(_BLANKS))
            spaces = line[: len(line) - len(line.lstrip())]
            indent = len(spaces.expandtabs(4))
        width = len(text) + (len(_WIDE.findall(text)) if has_wide else 0)
        lines.append(Line(start, start + len(text), text, indent, blank, width))
        blank = False
    return lines


def _first_word(line: Line) -> int:
    """Columns of the shortest piece a wrapping program could have moved up."""
    if _WIDE.match(line.text):
        return 2
    return len(line.text.split(None, 1)[0])


def find_wrap_column(lines: list[Line]) -> int | None:
    """Tell at which column a text is hard-wrapped.

    A program that fills lines breaks where the next word no longer fits. So inside a
    wrapped paragraph the wrap column lies between the width of a line and that width
    plus the next line's first word. The column that most pairs of lines agree on is
    taken, if enough of them do.

    Returns:
        The column, or null if the lines are not wrapped.
    """
    pairs = [
        (above.width, above.width + 1 + _first_word(below), _runs_on(above, below))
        for above, below in pairwise(lines)
        if not below.blank_before
    ]
    if len(pairs) < _WRAP_PAIRS:
        return None
    agree = dict.fromkeys(_WRAP_COLUMNS, 0)
    for low, high, _ in pairs:
        for column in range(max(low, 30), min(high, 131)):
            agree[column] += 1
    column = max(agree, key=agree.__getitem__)  # the first of the best
    fitting = sum(low <= column for low, _, _ in pairs)
    runs_on = sum(on for low, high, on in pairs if low <= column < high)
    if agree[column] < max(_WRAP_PAIRS, _WRAP_SHARE * fitting):
        # Many short lines stand around: then all sentences that go on must agree.
        broken_off = sum(
            _runs_on(above, below) and above.text[-1] not in _HYPHENS
            for above, below in pairwise(lines)
            if not below.blank_before
        )
        is_plain = runs_on >= max(_MANY_RUN_ON, _NEARLY_ALL * broken_off)
        return column if is_plain else None
    return column if runs_on > max(1, _RUN_ON_SHARE * agree[column]) else None


def _runs_on(above: Line, below: Line) -> bool:
    """Whether a sentence seems to go on across the line break."""
    first = below.text[0]
    goes_on = first.islower() or (first.isalpha() and not first.isupper())
    return goes_on and not _TERMINAL.search(above.text)


def _continues(group: list[Line], below: Line, column: int | None) -> bool:
    """Whether ``below`` goes on in the paragraph of the lines above it."""
    above = group[-1]
    starts_lower = below.text[0].islower()
    if (
        (column is None and not starts_lower)  # most lines
        or below.blank_before
        or below.indent > above.indent
    ):
        return False
    if _starts_item(below.text) and not _could_break_off(group, below, column):
        return False
    is_broken_off = starts_lower and not _TERMINAL.search(above.text)
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
    is_hyphenated = above.text[-1] in _HYPHENS and starts_lower
    return is_hyphenated or (is_broken_off and above.width * 2 >= column)


def _is_full(above: Line, below: Line, column: int) -> bool:
    """Whether the next word did not fit into the line."""
    return above.width + 1 + _first_word(below) > column


def _could_break_off(group: list[Line], below: Line, column: int | None) -> bool:
    """Whether a line break may stand before a date or a dash inside a sentence.

    As in ``... on the`` / ``3. May ...``; not in a list, and not behind a colon.
    """
    return (
        column is not None
        and not _BULLET.match(below.text)
        and not _starts_item(group[0].text)
        and not _TERMINAL.search(group[-1].text)
        and _is_full(group[-1], below, column)
    )


def _is_heading(above: Line, line: Line, below: Line, column: int) -> bool:
    """Whether a short line is a heading: it neither ends a sentence nor goes on.

    A paragraph that went on in it would end in the middle of a sentence.
    """
    return (
        bool(_SENTENCE_END.search(above.text))
        and not line.text[0].islower()
        and not _TERMINAL.search(line.text)
        and not below.text[0].islower()
        and not _is_full(line, below, column)
    )


def _starts_item(text: str) -> bool:
    if text[0].isalnum():
        return _NUMBERED.match(text) is not None
    return bool(_BULLET.match(text) or _DASH.match(text))


def _paragraphs(lines: list[Line]) -> Iterator[list[Line]]:
    """Group the lines of a hard-wrapped text; otherwise every line stands alone."""
    column = find_wrap_column(lines)
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


def has_mojibake(raw: str) -> bool:
    """Whether ftfy sees a sequence that only a wrong decoding makes.

    All of them are a few characters around two in a row beyond ASCII, or around one of
    a few letters. Where these are rare, to look only there is many times faster (ftfy
    6, ``badness.BADNESS_RE``).
    """
    bad = ftfy.badness.BADNESS_RE
    places = [match.span() for match in islice(_MAYBE_BAD.finditer(raw), _MANY_PLACES)]
    if len(places) == _MANY_PLACES:
        return bool(bad.search(raw))
    return any(
        bad.search(raw, max(start - _BAD_CHARS, 0), end + _BAD_CHARS)
        for start, end in places
    )


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
    broken = has_mojibake(raw)
    blocks: list[Block] = []
    lines = find_lines(raw, begin)
    dashed = [line.text for line in lines if _DASH.match(line.text)]
    # Long dashes before whole sentences are speech, not a list.
    spoken = sum(text[0] in "–—" and bool(_SPOKEN.search(text)) for text in dashed)
    dashes = 0 if spoken * 2 > len(dashed) else len(dashed)
    for group in _paragraphs(lines):
        start, end = group[0].start, group[-1].end
        blank_before = group[0].blank_before
        is_word = raw[start].isalnum()  # most: neither a mark nor a bullet
        if not is_word and _is_marks(raw[start:end]):
            blocks.append(_layout(raw, start, end, "layout.marks"))
            continue
        kind = None
        bullet = None if is_word else _BULLET.match(raw, start)
        if not is_word and not bullet and dashes > 1:
            bullet = _DASH.match(raw, start)
        if bullet:
            blocks.append(_layout(raw, start, bullet.end(), "layout.bullet"))
            start, kind = bullet.end(), Kind.LIST_ITEM
        bar = _TRAILING_BAR.search(raw, start, end) if raw[end - 1] in "|¦" else None
        stop = bar.start() if bar else end
        while start < stop and raw[start].isspace():
            start += 1
        text, names = normalise_span(raw[start:stop], broken=broken)
        if text:
            blocks.append(
                Block(start, stop, text, names, kind=kind, blank_before=blank_before)
            )
        if bar:
            mark = bar.start() + len(bar.group()) - len(bar.group().lstrip())
            blocks.append(_layout(raw, mark, end, "layout.bar"))
    return blocks


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
