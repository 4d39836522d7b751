"""The lines of plain texts, found and measured for many texts at once.

A line costs a few array elements here, not a walk through Python; what is rare (a line
in a hard-wrapped text, a bullet) is for ``layout`` to look at.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.text.characters import PLANE, to_codes
from tasks.text.shape import UNSPACED, measure_words

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Kinds = npt.NDArray[np.uint16]

_INVISIBLE = "\u00ad\u200b\u200e\u200f\u2060\ufeff" + "".join(
    map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)
HYPHENS = "-\u2010\u00ad"
_WIDE = re.compile(
    "[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]"
)
_BREAKS = "\r\n\x0b\x0c\x85\u2028\u2029"
BARS = "|¦"
_TERMINAL = ".!?…。！？؟۔।:;"
_CLOSERS = "'\"”“»›’)]"
_JAMO = "".join(map(chr, [*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)]))

# What a character is to a line, in bits.
_BREAK, _SPACE, _BLANK, _IS_WIDE, _IRREGULAR, _LOWER, _GOES_ON, _ALNUM = (
    1 << bit for bit in range(8)
)
_IS_TERMINAL, _IS_CLOSER, _IS_HYPHEN, _IS_BAR, _IS_UNSPACED = (
    1 << bit for bit in range(8, 13)
)

_WRAP_PAIRS = 3
_WRAP_SHARE = 0.45
_RUN_ON_SHARE = 0.3
_MANY_RUN_ON, _NEARLY_ALL = 8, 0.8
_FIRST_COLUMN, _LAST_COLUMN = 30, 130
_WIDE_COLUMNS = 2
_TAB = 4
_LF, _CR, _BLANK_CODE = map(ord, "\n\r ")


class Lines(NamedTuple):
    """The lines that are not blank, of all texts in a row: one element per line.

    Attributes:
        text: Number of its text.
        start: First code point in its text.
        end: One past the last code point; no white space is at the edges.
        indent: Columns of white space before it.
        blank_before: A blank line precedes it, or nothing.
        width: Its columns on a screen.
        first_word: Columns of the shortest piece a wrapping program could move up.
        is_lower: It begins in lower case.
        goes_on: It begins as a line may in the middle of a sentence.
        is_closed: It ends with a mark that ends a sentence or announces something.
        ends_hyphen: It ends with a hyphen.
        words: As ``shape.measure_words`` counts them, if it is plain.
        is_plain: It begins with a word, neither a mark nor a bullet, and ends without
            a bar; no normalisation changes anything in it.
    """

    text: Ints
    start: Ints
    end: Ints
    indent: Ints
    blank_before: Flags
    width: Ints
    first_word: Ints
    is_lower: Flags
    goes_on: Flags
    is_closed: Flags
    ends_hyphen: Flags
    words: Ints
    is_plain: Flags


@cache
def _kinds() -> Kinds:
    """Tell of the characters of the first plane what they are to a line, in bits."""
    every = [*map(chr, range(PLANE))]
    table = np.zeros(PLANE + 1, np.uint16)

    def mark(bit: int, found: Flags) -> None:
        table[:-1] |= np.where(found, np.uint16(bit), np.uint16(0))

    def flags(values: Iterable[bool]) -> Flags:
        return np.fromiter(values, np.bool_, PLANE)

    def within(characters: str) -> Flags:
        return np.isin(np.arange(PLANE), [*map(ord, characters)])

    is_space = flags(map(str.isspace, every))
    is_alpha, is_upper = flags(map(str.isalpha, every)), flags(map(str.isupper, every))
    is_lower = flags(map(str.islower, every))
    is_break = within(_BREAKS)
    mark(_BREAK, is_break)
    mark(_SPACE, is_space)
    mark(_BLANK, is_space | within(_INVISIBLE))
    mark(_IS_WIDE, flags(map(bool, map(_WIDE.match, every))))
    mark(_IS_UNSPACED, flags(map(bool, map(UNSPACED.match, every))))
    mark(_IRREGULAR, ~is_break & ~flags(map(str.isprintable, every)))
    mark(_IRREGULAR, _may_compose(every))
    mark(_LOWER, is_lower)
    mark(_GOES_ON, is_lower | (is_alpha & ~is_upper))
    mark(_ALNUM, flags(map(str.isalnum, every)))
    for bit, characters in (
        (_IS_TERMINAL, _TERMINAL),
        (_IS_CLOSER, _CLOSERS),
        (_IS_HYPHEN, HYPHENS),
        (_IS_BAR, BARS),
    ):
        mark(bit, within(characters))
    table[-1] = _IRREGULAR  # looked at one by one
    return table


def _may_compose(every: Sequence[str]) -> Flags:
    """Tell which characters may be no part of a text in normalisation form C.

    Those it replaces, and those that it may join with the one before or put in order
    (Unicode Standard Annex 15, "NFC_QC").
    """
    parts = (unicodedata.decomposition(char).split() for char in every)
    joined = {int(pair[1], 16) for pair in parts if pair[1:] and pair[0][0] != "<"}
    joined.update(map(ord, _JAMO))
    return np.array(
        [
            number in joined
            or unicodedata.combining(char) > 0
            or not unicodedata.is_normalized("NFC", char)
            for number, char in enumerate(every)
        ],
        np.bool_,
    )


def find_lines(texts: Sequence[str], begins: Sequence[int] = ()) -> Lines:
    r"""Find the lines of decoded texts; blank lines are only remembered.

    Args:
        texts: Decoded texts with any line ends (``\n``, ``\r\n``, ``\r``, U+2028 ...).
        begins: Where to begin in each; at the first character if not given.

    Returns:
        Lines in order. What is outside of them is white space or invisible.
    """
    codes = to_codes(texts)
    kinds = _kinds().take(codes, mode="clip")
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    base = np.cumsum(lengths) - lengths
    if any(begins):
        for at, begin in zip(base.tolist(), begins, strict=True):
            kinds[at : at + begin] = _BLANK
    is_break = (kinds & _BREAK) > 0
    after = np.flatnonzero(is_break)
    before = np.concatenate(([0], after[:-1] + 1))
    edge = np.flatnonzero(np.diff((kinds & _BLANK) == 0, prepend=False, append=False))
    solid, hollow = edge[::2], edge[1::2]
    place = np.searchsorted(solid, before)
    is_line = np.append(solid, len(codes))[place] < after
    start = solid[place[is_line]]
    end = hollow[np.searchsorted(hollow, after[is_line], side="right") - 1]
    text = np.searchsorted(base, start, side="right") - 1
    offset = base[text]

    # A line end of two characters is one.
    is_one = is_break.copy()
    is_one[1:] &= ~((codes[1:] == _LF) & (codes[:-1] == _CR) & is_break[:-1])
    passed = np.cumsum(is_one[after])[is_line]
    blank_before = np.ones(len(start), np.bool_)
    blank_before[1:] = (np.diff(passed) > 1) | (text[1:] != text[:-1])

    first, last = kinds[start], kinds[end - 1]
    _look_beyond(texts, codes, (text, start, offset), first)
    # A bullet or a dash has a space behind it.
    begins_word = ((first | kinds[np.minimum(start + 1, end - 1)]) & _ALNUM) > 0
    size = end - start
    spaces = np.flatnonzero((kinds & _SPACE) > 0)
    word = np.minimum(spaces[np.searchsorted(spaces, start)] - start, size)
    return Lines(
        text=text,
        start=start - offset,
        end=end - offset,
        indent=_indents(texts, text, (before[is_line], start), offset, begins),
        blank_before=blank_before,
        width=size + _count((kinds & _IS_WIDE) > 0, start, end),
        first_word=np.where((first & _IS_WIDE) > 0, _WIDE_COLUMNS, word),
        is_lower=(first & _LOWER) > 0,
        goes_on=(first & _GOES_ON) > 0,
        is_closed=_ends_closed(kinds, start, end),
        ends_hyphen=(last & _IS_HYPHEN) > 0,
        words=_count_words(texts, kinds, spaces, (text, start, end, offset)),
        is_plain=begins_word
        & (last & _IS_BAR == 0)
        & _are_regular(codes, kinds, start, end),
    )


def _look_beyond(
    texts: Sequence[str],
    codes: npt.NDArray[np.uint32],
    lines: tuple[Ints, Ints, Ints],
    first: Kinds,
) -> None:
    """Set what first characters beyond the first plane are."""
    text, start, offset = lines
    for line in np.flatnonzero(codes[start] >= PLANE).tolist():
        char = texts[text[line]][start[line] - offset[line]]
        goes_on = char.islower() or (char.isalpha() and not char.isupper())
        first[line] = (
            _ALNUM * char.isalnum() | _LOWER * char.islower() | _GOES_ON * goes_on
        )


def _indents(
    texts: Sequence[str],
    text: Ints,
    lines: tuple[Ints, Ints],
    offset: Ints,
    begins: Sequence[int],
) -> Ints:
    """Return the columns of white space before each line; a tab has up to four."""
    before, start = lines
    indents = np.zeros(len(start), np.int64)
    for line in np.flatnonzero(start > before).tolist():
        raw = texts[text[line]]
        low = before[line] - offset[line]
        if any(begins):
            low = max(low, begins[text[line]])
        blank = raw[low : start[line] - offset[line]]
        spaces = blank[: len(blank) - len(blank.lstrip())]
        indents[line] = len(spaces.expandtabs(_TAB))
    return indents


def _count_words(
    texts: Sequence[str], kinds: Kinds, spaces: Ints, lines: tuple[Ints, ...]
) -> Ints:
    """Count the words of lines in which one space stands between any two."""
    text, start, end, offset = lines
    words = np.searchsorted(spaces, end) - np.searchsorted(spaces, start) + 1
    unspaced = _count((kinds & _IS_UNSPACED) > 0, start, end)
    for line in np.flatnonzero(unspaced).tolist():
        low, high = start[line] - offset[line], end[line] - offset[line]
        words[line] = measure_words(texts[text[line]][low:high])
    return words


def _count(marked: Flags, start: Ints, end: Ints) -> Ints:
    """Count the marked characters of each line."""
    at = np.flatnonzero(marked)
    if not len(at):
        return np.zeros(len(start), np.int64)
    return np.searchsorted(at, end) - np.searchsorted(at, start)


def _ends_closed(kinds: Kinds, start: Ints, end: Ints) -> Flags:
    """Tell which lines end with a final mark, closing quotes and brackets aside."""
    last = end - 1
    is_closer = (kinds & _IS_CLOSER) > 0
    # The last character before each that closes nothing.
    closing = np.flatnonzero(is_closer[last])
    while len(closing):
        last[closing] -= 1
        closing = closing[last[closing] >= start[closing]]
        closing = closing[is_closer[last[closing]]]
    return (last >= start) & ((kinds[last] & _IS_TERMINAL) > 0)


def _are_regular(
    codes: npt.NDArray[np.uint32], kinds: Kinds, start: Ints, end: Ints
) -> Flags:
    """Tell which lines hold neither two spaces in a row nor anything to normalise."""
    is_odd = (kinds & _IRREGULAR) > 0
    is_space = codes == _BLANK_CODE
    is_odd[1:] |= is_space[1:] & is_space[:-1]
    found: Flags = _count(is_odd, start, end) == 0
    return found


def find_wrap_columns(lines: Lines, count: int) -> list[int | None]:
    """Tell at which column each text is hard-wrapped.

    A program that fills lines breaks where the next word no longer fits. So inside a
    wrapped paragraph the wrap column lies between the width of a line and that width
    plus the next line's first word. The column that most pairs of lines agree on is
    taken, if enough of them do.

    Args:
        lines: Lines of all texts.
        count: Number of texts.

    Returns:
        The column of each text, or null if its lines are not wrapped.
    """
    below = np.flatnonzero(~lines.blank_before)
    above = below - 1
    text = lines.text[below]
    low = lines.width[above]
    high = low + 1 + lines.first_word[below]
    runs_on = lines.goes_on[below] & ~lines.is_closed[above]

    # Counted up where a pair begins to agree, down where it ceases.
    steps = _LAST_COLUMN - _FIRST_COLUMN + 2
    first = np.clip(low, _FIRST_COLUMN, _LAST_COLUMN + 1) - _FIRST_COLUMN
    past = np.clip(high, _FIRST_COLUMN, _LAST_COLUMN + 1) - _FIRST_COLUMN
    changes = np.bincount(text * steps + first, minlength=count * steps)
    changes -= np.bincount(text * steps + past, minlength=count * steps)
    agree = np.cumsum(changes.reshape(count, steps), axis=1)
    best = np.argmax(agree, axis=1)  # the first of the best
    column = best + _FIRST_COLUMN

    def add(pairs: Flags) -> list[int]:
        found: list[int] = np.bincount(text[pairs], minlength=count).tolist()
        return found

    is_below = low <= column[text]
    told = zip(
        column.tolist(),
        add(np.ones(len(text), np.bool_)),
        agree[np.arange(count), best].tolist(),
        add(is_below),
        add(runs_on & is_below & (column[text] < high)),
        add(runs_on & ~lines.ends_hyphen[above]),
        strict=True,
    )
    return [_choose_column(*numbers) for numbers in told]


def _choose_column(  # noqa: PLR0913, PLR0917  (counts of one text)
    column: int, pairs: int, agree: int, fitting: int, runs_on: int, broken_off: int
) -> int | None:
    """Return the column most pairs agree on, if they are enough."""
    if pairs < _WRAP_PAIRS:
        return None
    if agree < max(_WRAP_PAIRS, _WRAP_SHARE * fitting):
        # Many short lines stand around: then all sentences that go on must agree.
        is_plain = runs_on >= max(_MANY_RUN_ON, _NEARLY_ALL * broken_off)
        return column if is_plain else None
    return column if runs_on > max(1, _RUN_ON_SHARE * agree) else None
