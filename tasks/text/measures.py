"""What the blocks of plain texts look like, in numbers.

All blocks of a batch are measured at once, but the numbers of a block depend on its own
article only, exactly: whatever is added up over several blocks is a multiple of
``1 / 1024`` first, and sums of such numbers do not depend on their order.

Few of the numbers depend on a language: the share of function words, and that of words
known from leftovers and photo credits. The other ones count characters by kind, compare
a block with its neighbours, and say how many of its words the article uses elsewhere.
"""

import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from tasks.pieces import Block
from tasks.schema import Kind, RemovalReason
from tasks.text import lexicon
from tasks.text.captions import agencies, is_caption

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Columns = dict[str, Floats]


class _Char(IntEnum):
    """Kinds of characters."""

    SPACE = 0
    LOWER = 1
    UPPER = 2
    CASELESS = 3
    HAN = 4
    THAI = 5
    DIGIT = 6
    FULL_STOP = 7
    ASKING = 8
    COMMA = 9
    COLON = 10
    QUOTE = 11
    DASH = 12
    BRACKET = 13
    BAR = 14
    SIGN = 15
    MARK = 16


_KINDS = len(_Char)
_BY_CATEGORY = {
    "Ll": _Char.LOWER,
    "Lu": _Char.UPPER,
    "Lt": _Char.UPPER,
    "Lo": _Char.CASELESS,
    "Lm": _Char.CASELESS,
    "Nd": _Char.DIGIT,
    "Nl": _Char.DIGIT,
    "No": _Char.DIGIT,
    "Pd": _Char.DASH,
    "Ps": _Char.BRACKET,
    "Pe": _Char.BRACKET,
    "Pi": _Char.QUOTE,
    "Pf": _Char.QUOTE,
    "Mn": _Char.MARK,
    "Mc": _Char.MARK,
    "Zs": _Char.SPACE,
    "Cc": _Char.SPACE,
}
_SCRIPTS = (
    (0x2E80, 0x2FDF, _Char.HAN),
    (0x3041, 0x30FF, _Char.HAN),
    (0x31F0, 0x31FF, _Char.HAN),
    (0x3400, 0x9FFF, _Char.HAN),
    (0xF900, 0xFAFF, _Char.HAN),
    (0x0E00, 0x0EFF, _Char.THAI),
    (0x1000, 0x109F, _Char.THAI),
    (0x1780, 0x17FF, _Char.THAI),
)
_BY_HAND = {
    _Char.FULL_STOP: ".…。।۔",
    _Char.ASKING: "!?！？؟",
    _Char.COMMA: ",;，、；،؛",
    _Char.COLON: ":：",
    _Char.QUOTE: "\"'“”„‘’‚‹›«»「」『』",
    _Char.BAR: "|/\\·•>→←▶►▸‣¦*",
}
_IN_WORDS = np.isin(
    np.arange(_KINDS),
    (
        _Char.LOWER,
        _Char.UPPER,
        _Char.CASELESS,
        _Char.HAN,
        _Char.THAI,
        _Char.DIGIT,
        _Char.MARK,
    ),
)
_PRIME = np.uint64(0x9E3779B97F4A7C15)  # odd: 2**64 over the golden ratio
_SHIFT = np.uint64(48)
_TINY = 2  # characters
_PLANE = 0x10000  # what lies beyond is rare: emoji, old scripts
_HAN_PER_WORD, _THAI_PER_WORD = 2, 5  # characters, as in `shape.measure_words`

_SEEN_CHARS = 4000  # of a block
_SAMPLE_CHARS = 1500  # of a block; the shares of words are stable long before
_CONTENT_CHARS = 4
_HASHED_CHARS = 16
_CREDIT_WORDS = 10
_LAST_WORDS = 4
_SHARED_WORDS = 2  # of so few words others begin alike by chance
_PROSE_WORDS, _LONG_WORDS = 8, 25
_HEADLINE_WORDS = (4, 20)
_SHORT_WORDS = 12
_COUNTED_WORDS = 40
_FAR = 99  # blocks
_MOST_REPEATED = 5
_GRAIN = 1024


@cache
def _chars() -> npt.NDArray[np.uint8]:
    """Kind of every character of the first plane, and of all others at the end."""
    table = np.full(_PLANE + 1, _Char.SIGN, np.uint8)
    for code in range(_PLANE):
        found = _BY_CATEGORY.get(unicodedata.category(chr(code)))
        if found is not None:
            table[code] = found
    for low, high, kind in _SCRIPTS:
        table[low : high + 1] = kind
    for kind, characters in _BY_HAND.items():
        table[[ord(character) for character in characters]] = kind
    return table


@cache
def _lower() -> npt.NDArray[np.uint32]:
    """Lower case of every character of the first plane, where that is one character."""
    table = np.arange(_PLANE + 1, dtype=np.uint32)
    for code in range(_PLANE):
        lower = chr(code).lower()
        if len(lower) == 1:
            table[code] = ord(lower)
    return table


@dataclass(frozen=True, slots=True)
class _Characters:
    """All blocks of a batch as one row of characters.

    Attributes:
        codes: Code points, each block ended by a line feed.
        kinds: Their kinds.
        start: Place of the first character of each block.
        lengths: Characters of each block, the line feed included.
    """

    codes: npt.NDArray[np.uint32]
    kinds: npt.NDArray[np.uint8]
    start: Ints
    lengths: Ints


def _line_up(texts: Sequence[str]) -> _Characters:
    joined = "\n".join(texts) + "\n"
    order = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
    codes = np.frombuffer(joined.encode(order, "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    kinds = _chars()[np.minimum(codes, _PLANE)]
    return _Characters(codes, kinds, np.cumsum(lengths) - lengths, lengths)


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The words of a batch, in order.

    Chinese and Japanese have no spaces: there, any two letters in a row are a word.

    Attributes:
        start: Place of the first character.
        size: Characters.
        is_pair: Two Chinese or Japanese letters.
        keys: Hash of the word in lower case.
    """

    start: Ints
    size: Ints
    is_pair: Flags
    keys: npt.NDArray[np.uint64]


def _find_tokens(line: _Characters) -> _Tokens:
    is_word = _IN_WORDS[line.kinds]
    is_han = line.kinds == _Char.HAN
    edge = np.zeros(len(is_word) + 1, np.bool_)
    edge[1:-1] = is_word[1:] != is_word[:-1]
    edge[1:-1] |= is_han[1:] | is_han[:-1]
    edge[0] = edge[-1] = True
    at = np.flatnonzero(edge)
    start, size = at[:-1], np.diff(at)
    word = is_word[start]
    start, size = start[word], size[word]
    is_pair = is_han[start] & is_han[np.minimum(start + 1, len(is_han) - 1)]
    keep = is_pair | ~is_han[start]
    start, is_pair = start[keep], is_pair[keep]
    size = np.where(is_pair, 2, size[keep])
    return _Tokens(start, size, is_pair, _hash(line, start, size))


def _hash(line: _Characters, start: Ints, size: Ints) -> npt.NDArray[np.uint64]:
    """Hash the first characters of words, in lower case, and their length."""
    codes = _lower()[np.minimum(line.codes, _PLANE)].astype(np.uint64)
    shown = np.minimum(size, _HASHED_CHARS).astype(np.uint8)
    order = np.argsort(_HASHED_CHARS - shown, kind="stable")  # longest first
    start, keys = start[order], size[order].astype(np.uint64)
    longer = len(start) - np.cumsum(np.bincount(shown, minlength=_HASHED_CHARS))
    for offset, count in enumerate(longer[:_HASHED_CHARS].tolist()):
        keys[:count] = keys[:count] * _PRIME + codes[start[:count] + offset]
    found = np.empty_like(keys)
    found[order] = keys * _PRIME
    return found


class _Known(IntFlag):
    """What a word is known for, in any language."""

    STOP = 1
    LEFTOVER = 2
    PHOTO = 4


@dataclass(frozen=True, slots=True)
class _Dictionary:
    """The words that are known for something.

    Attributes:
        keys: Their hashes, ascending.
        known: What each is known for.
        first: Place of the first hash that begins with each of 65,536 numbers.
        most: Hashes that begin alike, at most.
    """

    keys: npt.NDArray[np.uint64]
    known: npt.NDArray[np.uint8]
    first: Ints
    most: int

    def look_up(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
        """Return what each word is known for; 0 for nothing."""
        found = np.zeros(len(keys), np.uint8)
        at = self.first[keys >> _SHIFT]
        for step in range(self.most):
            place = np.minimum(at + step, len(self.keys) - 1)
            found |= np.where(self.keys[place] == keys, self.known[place], 0).astype(
                np.uint8
            )
        return found


@cache
def _dictionary() -> _Dictionary:
    said: dict[_Known, list[str]] = {kind: [] for kind in _Known}
    for language in lexicon.LANGUAGES:
        said[_Known.STOP].append(lexicon.read_language(language)["words"]["stop"])
        for group in ("leftovers", "openers"):
            said[_Known.LEFTOVER] += (t for _, t in lexicon.phrases(language, group))
        said[_Known.PHOTO] += (
            text
            for name, text in lexicon.phrases(language, "labels")
            if name == "photo"
        )
    said[_Known.PHOTO] += sorted(agencies())
    found: dict[int, int] = {}
    for kind, texts in said.items():
        tokens = _find_tokens(_line_up(texts))
        for key, size in zip(tokens.keys.tolist(), tokens.size.tolist(), strict=True):
            known = found.get(key, 0)
            is_told = kind is _Known.STOP or (size > _TINY and not known & _Known.STOP)
            found[key] = known | kind if is_told else known
    keys = np.array(sorted(found), np.uint64)
    begins = np.arange(1 << 16, dtype=np.uint64) << _SHIFT
    first = np.searchsorted(keys, begins).astype(np.int64)
    return _Dictionary(
        keys,
        np.array([found[key] for key in keys.tolist()], np.uint8),
        first,
        int(np.bincount((keys >> _SHIFT).astype(np.int64)).max()),
    )


def measure_blocks(articles: Sequence[Sequence[Block]]) -> Columns:
    """Measure every block of a batch.

    Args:
        articles: The blocks of each article in order, without marks of layout. What
            rules have removed or lifted so far is evidence for its neighbours.

    Returns:
        Columns by name, each with one number per block, all articles in a row.
    """
    blocks = [block for own in articles for block in own]
    rows = _Rows(np.array([len(own) for own in articles], np.int64))
    if not blocks:
        return {}
    line = _line_up([_shorten(block.text) for block in blocks])
    text = _measure_characters(line)
    said = _measure_words(articles, line, text.prose_long)
    is_item = _floats([block.kind is Kind.LIST_ITEM for block in blocks])
    is_blank = _floats([block.blank_before for block in blocks])
    is_captioned = _floats([is_caption(block.text) for block in blocks])
    is_lifted = _flags([block.reason is RemovalReason.LIFTED for block in blocks])
    is_leftover = ~is_lifted & _flags([block.reason is not None for block in blocks])
    own = {
        **text.columns,
        **said,
        "headline": text.headline.astype(np.float64),
        "is_item": is_item,
        "is_caption": is_captioned,
        "blank_before": is_blank,
        "blank_after": rows.shift(is_blank, 1, 1.0),
    }
    return {
        **own,
        **_place(rows, text, is_item, is_leftover, is_lifted),
        **_group(rows, text, is_blank),
        **_surroundings(rows, text, own, is_leftover.astype(np.float64)),
    }


def _shorten(text: str) -> str:
    """Beginning and end of a text that is long beyond doubt."""
    half = _SEEN_CHARS // 2
    return text if len(text) <= _SEEN_CHARS else text[:half] + text[-half:]


def _floats(values: list[bool]) -> Floats:
    return np.array(values, np.float64)


def _flags(values: list[bool]) -> Flags:
    return np.array(values, np.bool_)


class _Rows:
    """Where each article begins and ends among the rows of a batch."""

    def __init__(self, lengths: Ints) -> None:
        ends = np.cumsum(lengths)
        self.index = np.arange(int(lengths.sum()))
        self.first = np.repeat(ends - lengths, lengths)
        self.last = np.repeat(ends - 1, lengths)

    @cached_property
    def place(self) -> Floats:
        """Blocks of the same article before each block."""
        return (self.index - self.first).astype(np.float64)

    @cached_property
    def count(self) -> Floats:
        """Blocks of the article."""
        return (self.last - self.first + 1).astype(np.float64)

    def shift(self, column: Floats, by: int, outside: float) -> Floats:
        """Return the number of the block ``by`` places on; ``outside`` if none is."""
        at = self.index + by
        inside = (at >= self.first) & (at <= self.last)
        return np.where(inside, column[np.clip(at, 0, len(column) - 1)], outside)

    def add(self, column: Floats, before: int, after: int) -> Floats:
        """Return the sum from the block ``before`` places on to that ``after``."""
        total = _running(column)
        low = np.clip(self.index + before, self.first, self.last + 1)
        high = np.clip(self.index + after + 1, low, np.maximum(self.last + 1, low))
        return total[high] - total[low]

    def add_all(self, column: Floats) -> tuple[Floats, Floats]:
        """Return the sum over the blocks before each, and over the whole article."""
        total = _running(column)
        start = total[self.first]
        return total[self.index] - start, total[self.last + 1] - start

    def distance(self, flags: Flags, direction: int) -> Floats:
        """Return how many blocks back (-1) or on (1) the next flagged block is."""
        if direction < 0:
            at = np.maximum.accumulate(np.where(flags, self.index, -1))
            at = np.concatenate(([-1], at[:-1]))
            steps = np.where(at >= self.first, self.index - at, _FAR)
        else:
            end = len(self.index)
            at = np.where(flags, self.index, end)[::-1]
            at = np.minimum.accumulate(at)[::-1]
            at = np.concatenate((at[1:], [end]))
            steps = np.where(at <= self.last, at - self.index, _FAR)
        return np.minimum(steps, _FAR).astype(np.float64)


def _running(column: Floats) -> Floats:
    exact = np.round(column * _GRAIN) / _GRAIN
    return np.concatenate(([0.0], np.cumsum(exact)))


@dataclass(frozen=True, slots=True)
class _Text:
    """What the characters of each block say."""

    words: Floats
    ends: Flags
    prose: Flags
    prose_long: Flags
    headline: Flags
    short: Flags
    columns: Columns


def _measure_characters(line: _Characters) -> _Text:
    kinds, start, lengths = line.kinds, line.start, line.lengths
    stop, rows = start + lengths, len(start)
    owner = np.repeat(np.arange(rows) * _KINDS, lengths)
    counts = _count(owner + kinds, rows)
    spaces = kinds == _Char.SPACE
    begins = np.flatnonzero(~spaces & np.concatenate(([True], spaces[:-1])))
    heads = _count(owner[begins] + kinds[begins], rows)

    def of(*which: _Char) -> Floats:
        found: Floats = counts[:, list(which)].sum(axis=1).astype(np.float64)
        return found

    unspaced = heads[:, [_Char.HAN, _Char.THAI, _Char.DASH, _Char.BAR]].sum(axis=1)
    spaced = heads.sum(axis=1) - unspaced
    words = spaced + of(_Char.HAN) / _HAN_PER_WORD + of(_Char.THAI) / _THAI_PER_WORD
    words = np.maximum(words, 1)
    chars = np.maximum(lengths - 1.0, 1)
    cased = of(_Char.LOWER, _Char.UPPER)
    letters = cased + of(_Char.CASELESS, _Char.HAN, _Char.THAI)
    first, last = kinds[start], kinds[np.maximum(stop - 2, start)]
    before_last = kinds[np.maximum(stop - 3, start)]
    closed = np.isin(last, (_Char.QUOTE, _Char.BRACKET))
    final = np.where(closed, before_last, last)
    ends = np.isin(final, (_Char.FULL_STOP, _Char.ASKING))

    def rate(kind: _Char) -> Floats:
        found: Floats = np.minimum(of(kind) / words, 1)
        return found

    return _Text(
        words=words,
        ends=ends,
        prose=(words >= _LONG_WORDS) | ((words >= _PROSE_WORDS) & ends),
        prose_long=(words >= _LONG_WORDS) & ends,
        headline=(words >= _HEADLINE_WORDS[0]) & (words <= _HEADLINE_WORDS[1]) & ~ends,
        short=(words < _SHORT_WORDS) & ~ends,
        columns={
            "words": np.log1p(words),
            "chars_per_word": np.minimum(chars / words, 20),
            "ends": ends.astype(np.float64),
            "ends_colon": (last == _Char.COLON).astype(np.float64),
            "begins_lower": (first == _Char.LOWER).astype(np.float64),
            "begins_digit": (first == _Char.DIGIT).astype(np.float64),
            "begins_quote": (first == _Char.QUOTE).astype(np.float64),
            "begins_dash": (first == _Char.DASH).astype(np.float64),
            "stops": rate(_Char.FULL_STOP),
            "stop_count": np.log1p(of(_Char.FULL_STOP)),
            "asking": rate(_Char.ASKING),
            "commas": rate(_Char.COMMA),
            "colons": rate(_Char.COLON),
            "quotes": rate(_Char.QUOTE),
            "dashes": rate(_Char.DASH),
            "brackets": rate(_Char.BRACKET),
            "bars": rate(_Char.BAR),
            "signs": rate(_Char.SIGN),
            "digits": of(_Char.DIGIT) / chars,
            "upper": of(_Char.UPPER) / np.maximum(letters, 1),
            "capitals": heads[:, _Char.UPPER] / np.maximum(spaced, 1),
            "cased": cased / np.maximum(letters, 1),
        },
    )


def _count(keys: Ints, rows: int) -> Ints:
    found: Ints = np.bincount(keys, minlength=rows * _KINDS).reshape(-1, _KINDS)
    return found


def _measure_words(
    articles: Sequence[Sequence[Block]], line: _Characters, prose_long: Flags
) -> Columns:
    """Measure what needs the words themselves.

    The share of function words; of words that leftovers and photo credits are made of;
    of words of some length that other blocks of the article, or its long paragraphs,
    have too; and how often the whole text comes again.
    """
    rows = len(line.start)
    tokens = _find_tokens(line)
    block = np.searchsorted(line.start, tokens.start, side="right") - 1
    sampled = tokens.start - line.start[block] < _SAMPLE_CHARS
    block, keys = block[sampled], tokens.keys[sampled]
    known = _dictionary().look_up(keys)
    total = np.bincount(block, minlength=rows)

    def count(kind: _Known) -> Floats:
        return np.bincount(block[(known & kind) > 0], minlength=rows).astype(np.float64)

    some = np.maximum(total, 1)
    is_long = (tokens.size >= _CONTENT_CHARS) | tokens.is_pair
    content = is_long[sampled] & ((known & _Known.STOP) == 0)
    copies = _count_copies(articles)
    common, common_long = _find_common(
        keys[content],
        block[content],
        _owners(articles)[block[content]],
        copies,
        prose_long,
    )
    first = np.searchsorted(block, np.arange(rows))
    last = np.searchsorted(block, np.arange(rows), side="right") - 1
    is_late = np.arange(len(block)) > last[block] - _LAST_WORDS
    is_photo = is_late & ((known & _Known.PHOTO) > 0)
    is_few = total <= _SHARED_WORDS
    if not len(keys):
        keys, first, last = np.zeros(1, np.uint64), first * 0, last * 0
    second = np.minimum(first + 1, len(keys) - 1)
    starts = keys[np.minimum(first, len(keys) - 1)] * _PRIME ^ keys[second]
    ends = keys[np.maximum(last, 0)]
    articles_of = _owners(articles)
    return {
        "photo_end": np.bincount(block[is_photo], minlength=rows) / _LAST_WORDS,
        "same_start": _count_others(starts, articles_of, copies, is_few),
        "same_end": _count_others(ends, articles_of, copies, is_few),
        "stop_share": count(_Known.STOP) / some,
        "leftover": count(_Known.LEFTOVER) / some,
        "photo": count(_Known.PHOTO) / np.minimum(some, _CREDIT_WORDS),
        "common": common,
        "common_long": common_long,
        "repeated": np.minimum(copies - 1, _MOST_REPEATED).astype(np.float64),
    }


def _count_others(
    keys: npt.NDArray[np.uint64], article: Ints, copies: Ints, is_few: Flags
) -> Floats:
    """Count the blocks of other text in the article that begin or end alike."""
    own = keys ^ (article.astype(np.uint64) * _PRIME)
    _, place, counts = np.unique(own, return_inverse=True, return_counts=True)
    others = np.minimum(np.maximum(counts[place] - copies, 0), _MOST_REPEATED)
    return np.where(is_few, 0.0, others.astype(np.float64))


def _owners(articles: Sequence[Sequence[Block]]) -> Ints:
    return np.repeat(np.arange(len(articles)), [len(blocks) for blocks in articles])


def _count_copies(articles: Sequence[Sequence[Block]]) -> Ints:
    """Count how often the text of each block stands in its article."""
    found: list[int] = []
    for blocks in articles:
        copies = Counter(block.text for block in blocks)
        found += (copies[block.text] for block in blocks)
    return np.array(found, np.int64)


def _find_common(
    keys: npt.NDArray[np.uint64],
    block: Ints,
    article: Ints,
    copies: Ints,
    prose_long: Flags,
) -> tuple[Floats, Floats]:
    """Return the share of each block's words that other blocks of the article have.

    The second share counts only long paragraphs. Copies of the block do not count.
    """
    rows = len(copies)
    own = keys ^ (article.astype(np.uint64) * _PRIME)
    order = np.argsort(own, kind="stable")  # blocks of one word stay in order
    own, block = own[order], block[order]
    is_new_word = np.ones(len(own), np.bool_)
    is_new_word[1:] = own[1:] != own[:-1]
    is_new = is_new_word.copy()
    is_new[1:] |= block[1:] != block[:-1]
    word = np.cumsum(is_new_word) - 1
    word, block = word[is_new], block[is_new]
    alone = prose_long & (copies == 1)
    spread = np.bincount(word)
    in_long = np.bincount(word, weights=alone[block])
    some = np.maximum(np.bincount(block, minlength=rows), 1)
    shared = spread[word] > copies[block]
    shared_long = in_long[word] > alone[block]
    return (
        np.bincount(block[shared], minlength=rows) / some,
        np.bincount(block[shared_long], minlength=rows) / some,
    )


def _place(
    rows: _Rows, text: _Text, is_item: Floats, is_leftover: Flags, is_lifted: Flags
) -> Columns:
    """Where the block stands in its article, and what the article is like."""
    prose = np.where(text.prose, text.words, 0.0)
    before, total = rows.add_all(prose)
    some = np.maximum(total, 1)
    back = rows.distance(~text.short, -1)
    on = rows.distance(~text.short, 1)
    return {
        "count": np.log1p(rows.count),
        "from_top": np.log1p(rows.place),
        "from_end": np.log1p(rows.count - 1 - rows.place),
        "place": (rows.place + 0.5) / rows.count,
        "prose_total": np.log1p(total),
        "prose_before": before / some,
        "prose_after": (total - before - prose) / some,
        "prose_share": total / np.maximum(rows.add_all(text.words)[1], 1),
        "article_items": rows.add_all(is_item)[1] / rows.count,
        "article_leftovers": rows.add_all(is_leftover.astype(float))[1] / rows.count,
        "back_to_long": np.log1p(rows.distance(text.prose_long, -1)),
        "on_to_long": np.log1p(rows.distance(text.prose_long, 1)),
        "back_to_leftover": np.log1p(rows.distance(is_leftover, -1)),
        "on_to_leftover": np.log1p(rows.distance(is_leftover, 1)),
        "back_to_lifted": np.log1p(rows.distance(is_lifted, -1)),
        "on_to_lifted": np.log1p(rows.distance(is_lifted, 1)),
        "short_run": np.where(text.short, np.log1p(back + on - 1), 0.0),
    }


def _group(rows: _Rows, text: _Text, is_blank: Floats) -> Columns:
    """The lines between two blank lines."""
    begins = (is_blank > 0) | (rows.index == rows.first)
    low = np.maximum.accumulate(np.where(begins, rows.index, 0))
    stops = np.concatenate((begins[1:], [True]))
    high = np.where(stops, rows.index, len(rows.index))[::-1]
    high = np.minimum.accumulate(high)[::-1]
    total = _running(np.where(text.prose, text.words, 0.0))
    return {
        "group_lines": np.log1p(high - low + 1),
        "group_prose": np.log1p(total[high + 1] - total[low]),
    }


def _surroundings(
    rows: _Rows, text: _Text, own: Columns, is_leftover: Floats
) -> Columns:
    prose = np.where(text.prose, text.words, 0.0)
    counted = np.minimum(text.words, _COUNTED_WORDS)
    found: Columns = {}
    for reach in (2, 5):
        near = np.maximum(rows.add(text.words, -reach, reach), 1)
        found[f"prose_near_{reach}"] = rows.add(prose, -reach, reach) / near
    for reach in (3, 8):
        places = 2 * reach + 1
        near = np.maximum(rows.add(counted, -reach, reach), 1)
        shared = rows.add(own["common"] * counted, -reach, reach)
        shared_prose = own["common_long"] * text.prose
        found |= {
            f"words_before_{reach}": np.log1p(rows.add(prose, -reach, -1)),
            f"words_after_{reach}": np.log1p(rows.add(prose, 1, reach)),
            f"items_near_{reach}": rows.add(own["is_item"], -reach, reach) / places,
            f"leftovers_near_{reach}": rows.add(is_leftover, -reach, reach),
            f"leftover_words_near_{reach}": rows.add(own["leftover"], -reach, reach)
            / places,
            f"common_near_{reach}": shared / near,
            f"common_before_{reach}": rows.add(shared_prose, -reach, -1) / reach,
            f"common_after_{reach}": rows.add(shared_prose, 1, reach) / reach,
            f"headlines_before_{reach}": rows.add(own["headline"], -reach, -1) / reach,
            f"headlines_after_{reach}": rows.add(own["headline"], 1, reach) / reach,
        }
    for by in (-2, -1, 1, 2, 3):
        found[f"words{by:+}"] = rows.shift(own["words"], by, -1.0)
    for by in (-2, -1, 1, 2):
        found[f"ends{by:+}"] = rows.shift(own["ends"], by, -1.0)
        found[f"is_item{by:+}"] = rows.shift(own["is_item"], by, 0.0)
    for by in (-1, 1):
        for name in ("common", "stop_share", "capitals", "ends_colon", "leftover"):
            found[f"{name}{by:+}"] = rows.shift(own[name], by, 0.0)
        found[f"is_caption{by:+}"] = rows.shift(own["is_caption"], by, 0.0)
        found[f"same_start{by:+}"] = rows.shift(own["same_start"], by, 0.0)
        found[f"photo{by:+}"] = rows.shift(own["photo"], by, 0.0)
        found[f"is_leftover{by:+}"] = rows.shift(is_leftover, by, 0.0)
    return found
