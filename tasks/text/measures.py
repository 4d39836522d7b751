"""What the blocks of plain texts look like, in numbers.

All blocks of a batch are measured at once, but the numbers of a block depend on its own
article only, exactly: whatever is added up over several blocks is a multiple of
``1 / 1024`` first, and sums of such numbers do not depend on their order.

Few of the numbers depend on a language: the share of function words, and that of words
known from leftovers and photo credits. The other ones count characters by kind, compare
a block with its neighbours, and say how many of its words the article uses elsewhere.
"""

import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt

from tasks.pieces import Block
from tasks.schema import Kind, RemovalReason
from tasks.text import lexicon

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
_PLANE = 0x10000  # what lies beyond is rare: emoji, old scripts
_HAN_PER_WORD, _THAI_PER_WORD = 2, 5  # characters, as in `shape.measure_words`

_WORD = re.compile(r"\w+")
_HAN_LETTER = re.compile("[\u3041-\u30ff\u3400-\u9fff]")
_SAMPLE_CHARS = 1500
_CONTENT_CHARS = 4
_CREDIT_WORDS = 10
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


@dataclass(frozen=True, slots=True)
class _Words:
    """Words known in some language, in lower case."""

    stop: frozenset[str]
    leftover: frozenset[str]
    photo: frozenset[str]


@cache
def _known() -> _Words:
    stop: set[str] = set()
    leftover: set[str] = set()
    photo: set[str] = set()
    for language in lexicon.LANGUAGES:
        stop.update(lexicon.read_language(language)["words"]["stop"].casefold().split())
        for group in ("leftovers", "openers"):
            for _, text in lexicon.phrases(language, group):
                leftover.update(_WORD.findall(text.lower()))
        for name, text in lexicon.phrases(language, "labels"):
            if name == "photo":
                photo.update(_WORD.findall(text.lower()))
    tiny = {word for word in leftover | photo if len(word) <= 2}  # noqa: PLR2004
    return _Words(
        frozenset(stop),
        frozenset(leftover - stop - tiny),
        frozenset(photo - stop - tiny),
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
    text = _measure_characters([block.text or " " for block in blocks])
    said = _measure_words(articles, text.prose_long)
    is_item = _floats([block.kind is Kind.LIST_ITEM for block in blocks])
    is_blank = _floats([block.blank_before for block in blocks])
    is_lifted = _flags([block.reason is RemovalReason.LIFTED for block in blocks])
    is_leftover = ~is_lifted & _flags([block.reason is not None for block in blocks])
    own = {
        **text.columns,
        **said,
        "headline": text.headline.astype(np.float64),
        "is_item": is_item,
        "blank_before": is_blank,
        "blank_after": rows.shift(is_blank, 1, 1.0),
    }
    return {
        **own,
        **_place(rows, text, is_item, is_leftover, is_lifted),
        **_group(rows, text, is_blank),
        **_surroundings(rows, text, own, is_leftover.astype(np.float64)),
    }


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


def _measure_characters(texts: list[str]) -> _Text:
    joined = "\n".join(texts) + "\n"
    order = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
    codes = np.frombuffer(joined.encode(order, "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    stop = np.cumsum(lengths)
    start = stop - lengths
    kinds = _chars()[np.minimum(codes, _PLANE)]
    owner = np.repeat(np.arange(len(texts)) * _KINDS, lengths)
    counts = _count(owner + kinds, len(texts))
    spaces = kinds == _Char.SPACE
    begins = np.flatnonzero(~spaces & np.concatenate(([True], spaces[:-1])))
    heads = _count(owner[begins] + kinds[begins], len(texts))

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


def _measure_words(articles: Sequence[Sequence[Block]], prose_long: Flags) -> Columns:
    """Measure what needs the words themselves.

    The share of function words; of words that leftovers and photo credits are made of;
    of words of some length that other blocks of the article, or its long paragraphs,
    have too; and how often the whole text comes again.
    """
    found: list[tuple[float, ...]] = []
    is_long = iter(prose_long.tolist())
    for blocks in articles:
        found += _measure_words_of(
            [block.text for block in blocks], [next(is_long) for _ in blocks]
        )
    names = ("stop_share", "leftover", "photo", "common", "common_long", "repeated")
    table = np.array(found, np.float64)
    return dict(zip(names, table.T, strict=True))


def _measure_words_of(texts: list[str], is_long: list[bool]) -> list[tuple[float, ...]]:
    known = _known()
    found: list[tuple[float, ...]] = []
    words_of = [_split_words(text) for text in texts]
    content_of = [_content(words, known.stop) for words in words_of]
    copies = Counter(texts)
    spread = Counter(word for own in content_of for word in own)
    in_long: Counter[str] = Counter()
    for text, own, long in zip(texts, content_of, is_long, strict=True):
        if long and copies[text] == 1:
            in_long.update(own)
    for text, words, own, long in zip(
        texts, words_of, content_of, is_long, strict=True
    ):
        again = copies[text]
        alone = long and again == 1
        count, rare = max(len(words), 1), max(len(own), 1)
        found.append(
            (
                sum(map(known.stop.__contains__, words)) / count,
                sum(map(known.leftover.__contains__, words)) / count,
                sum(map(known.photo.__contains__, words)) / min(count, _CREDIT_WORDS),
                sum(spread[word] > again for word in own) / rare,
                sum(in_long[word] > alone for word in own) / rare,
                min(again - 1, _MOST_REPEATED),
            )
        )
    return found


def _split_words(text: str) -> list[str]:
    sample = text[:_SAMPLE_CHARS].lower()
    if not sample.isascii() and _HAN_LETTER.search(sample):
        return [sample[at : at + 2] for at in range(len(sample) - 1)]
    return _WORD.findall(sample)


def _content(words: list[str], stop: frozenset[str]) -> set[str]:
    """Words of some length that are no function words; pairs of Chinese letters."""
    own = {word for word in words if len(word) >= _CONTENT_CHARS or word[0] > "\u3000"}
    return own - stop


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
        found[f"photo{by:+}"] = rows.shift(own["photo"], by, 0.0)
        found[f"is_leftover{by:+}"] = rows.shift(is_leftover, by, 0.0)
    return found
