"""What the blocks of plain texts look like, in numbers.

All blocks of a batch are measured at once, but the numbers of a block depend on its own
article only, exactly: whatever is added up over several blocks is a multiple of
``1 / 1024`` first, and sums of such numbers do not depend on their order.

Few of the numbers depend on a language: the share of function words, and that of words
known from leftovers and photo credits. The other ones count characters by kind, compare
a block with its neighbours, and say how many of its words the article uses elsewhere.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.pieces import Block
from tasks.schema import Kind, RemovalReason
from tasks.text.captions import is_caption
from tasks.text.characters import KINDS, Char, Characters, line_up
from tasks.text.words import (
    PRIME,
    Known,
    Signs,
    Tokens,
    find_signs,
    find_tokens,
    known_words,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Columns = dict[str, Floats]

_HAN_PER_WORD, _THAI_PER_WORD = 2, 5  # characters, as in `shape.measure_words`

_SEEN_CHARS = 4000  # of a block
_SAMPLE_CHARS = 1500  # of a block; the shares of words are stable long before
_CONTENT_CHARS = 4
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


class Measures(NamedTuple):
    """The blocks of a batch in numbers, all articles in a row.

    Attributes:
        columns: One number per block, by name.
        signs: What the words of the blocks may tell.
        sizes: Blocks of each article.
    """

    columns: Columns
    signs: Signs
    sizes: Ints


def measure_blocks(articles: Sequence[Sequence[Block]]) -> Measures:
    """Measure every block of a batch.

    Args:
        articles: The blocks of each article in order, without marks of layout. What
            rules have removed or lifted so far is evidence for its neighbours.

    Returns:
        The measures; no columns if there are no blocks.
    """
    blocks = [*chain.from_iterable(articles)]
    sizes = np.array([len(own) for own in articles], np.int64)
    if not blocks:
        none = np.zeros(0, np.int64)
        return Measures({}, Signs(none, none.astype(np.uint64)), sizes)
    rows = _Rows(sizes)
    values = zip(*blocks, strict=True)
    seen: dict[str, tuple[Any, ...]] = dict(zip(Block._fields, values, strict=True))
    texts: tuple[str, ...] = seen["text"]
    line = line_up([*map(_shorten, texts)])
    tokens = find_tokens(line)
    owner = np.searchsorted(line.start, tokens.start, side="right") - 1
    text = _measure_characters(line)
    said = _measure_words(articles, line, (tokens, owner), text.prose_long)
    is_item = _floats([kind is Kind.LIST_ITEM for kind in seen["kind"]])
    is_blank = _floats(seen["blank_before"])
    is_captioned = _floats([*map(is_caption, texts)])
    is_lifted = _flags([reason is RemovalReason.LIFTED for reason in seen["reason"]])
    is_leftover = ~is_lifted & _flags([reason is not None for reason in seen["reason"]])
    own = {
        **text.columns,
        **said,
        "headline": text.headline.astype(np.float64),
        "is_item": is_item,
        "is_caption": is_captioned,
        "blank_before": is_blank,
        "blank_after": rows.shift(is_blank, 1, 1.0),
    }
    columns = {
        **own,
        **_place(rows, text, is_item, is_leftover, is_lifted),
        **_group(rows, text, is_blank),
        **_surroundings(rows, text, own, is_leftover.astype(np.float64)),
    }
    return Measures(columns, find_signs(line, tokens, owner), sizes)


def _shorten(text: str) -> str:
    """Beginning and end of a text that is long beyond doubt."""
    half = _SEEN_CHARS // 2
    return text if len(text) <= _SEEN_CHARS else text[:half] + text[-half:]


def _floats(values: Sequence[bool]) -> Floats:
    return np.array(values, np.float64)


def _flags(values: Sequence[bool]) -> Flags:
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


def _measure_characters(line: Characters) -> _Text:
    kinds, start, lengths = line.kinds, line.start, line.lengths
    stop, rows = start + lengths, len(start)
    owner = np.repeat(np.arange(rows) * KINDS, lengths)
    counts = _count(owner + kinds, rows)
    spaces = kinds == Char.SPACE
    begins = np.flatnonzero(~spaces & np.concatenate(([True], spaces[:-1])))
    heads = _count(owner[begins] + kinds[begins], rows)

    def of(*which: Char) -> Floats:
        found: Floats = counts[:, list(which)].sum(axis=1).astype(np.float64)
        return found

    unspaced = heads[:, [Char.HAN, Char.THAI, Char.DASH, Char.BAR]].sum(axis=1)
    spaced = heads.sum(axis=1) - unspaced
    words = spaced + of(Char.HAN) / _HAN_PER_WORD + of(Char.THAI) / _THAI_PER_WORD
    words = np.maximum(words, 1)
    chars = np.maximum(lengths - 1.0, 1)
    cased = of(Char.LOWER, Char.UPPER)
    letters = cased + of(Char.CASELESS, Char.HAN, Char.THAI)
    first, last = kinds[start], kinds[np.maximum(stop - 2, start)]
    before_last = kinds[np.maximum(stop - 3, start)]
    closed = np.isin(last, (Char.QUOTE, Char.BRACKET))
    final = np.where(closed, before_last, last)
    ends = np.isin(final, (Char.FULL_STOP, Char.ASKING))

    def rate(kind: Char) -> Floats:
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
            "ends_colon": (last == Char.COLON).astype(np.float64),
            "begins_lower": (first == Char.LOWER).astype(np.float64),
            "begins_digit": (first == Char.DIGIT).astype(np.float64),
            "begins_quote": (first == Char.QUOTE).astype(np.float64),
            "begins_dash": (first == Char.DASH).astype(np.float64),
            "stops": rate(Char.FULL_STOP),
            "stop_count": np.log1p(of(Char.FULL_STOP)),
            "asking": rate(Char.ASKING),
            "commas": rate(Char.COMMA),
            "colons": rate(Char.COLON),
            "quotes": rate(Char.QUOTE),
            "dashes": rate(Char.DASH),
            "brackets": rate(Char.BRACKET),
            "bars": rate(Char.BAR),
            "signs": rate(Char.SIGN),
            "digits": of(Char.DIGIT) / chars,
            "upper": of(Char.UPPER) / np.maximum(letters, 1),
            "capitals": heads[:, Char.UPPER] / np.maximum(spaced, 1),
            "cased": cased / np.maximum(letters, 1),
        },
    )


def _count(keys: Ints, rows: int) -> Ints:
    found: Ints = np.bincount(keys, minlength=rows * KINDS).reshape(-1, KINDS)
    return found


def _measure_words(
    articles: Sequence[Sequence[Block]],
    line: Characters,
    words: tuple[Tokens, Ints],
    prose_long: Flags,
) -> Columns:
    """Measure what needs the words themselves.

    The share of function words; of words that leftovers and photo credits are made of;
    of words of some length that other blocks of the article, or its long paragraphs,
    have too; and how often the whole text comes again.
    """
    rows = len(line.start)
    tokens, block = words
    sampled = tokens.start - line.start[block] < _SAMPLE_CHARS
    block, keys = block[sampled], tokens.keys[sampled]
    known = known_words().look_up(keys)
    total = np.bincount(block, minlength=rows)

    def count(kind: Known) -> Floats:
        return np.bincount(block[(known & kind) > 0], minlength=rows).astype(np.float64)

    some = np.maximum(total, 1)
    is_long = (tokens.size >= _CONTENT_CHARS) | tokens.is_pair
    content = is_long[sampled] & ((known & Known.STOP) == 0)
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
    is_photo = is_late & ((known & Known.PHOTO) > 0)
    is_few = total <= _SHARED_WORDS
    if not len(keys):
        keys, first, last = np.zeros(1, np.uint64), first * 0, last * 0
    second = np.minimum(first + 1, len(keys) - 1)
    starts = keys[np.minimum(first, len(keys) - 1)] * PRIME ^ keys[second]
    ends = keys[np.maximum(last, 0)]
    articles_of = _owners(articles)
    return {
        "photo_end": np.bincount(block[is_photo], minlength=rows) / _LAST_WORDS,
        "same_start": _count_others(starts, articles_of, copies, is_few),
        "same_end": _count_others(ends, articles_of, copies, is_few),
        "stop_share": count(Known.STOP) / some,
        "leftover": count(Known.LEFTOVER) / some,
        "photo": count(Known.PHOTO) / np.minimum(some, _CREDIT_WORDS),
        "common": common,
        "common_long": common_long,
        "repeated": np.minimum(copies - 1, _MOST_REPEATED).astype(np.float64),
    }


def _count_others(
    keys: npt.NDArray[np.uint64], article: Ints, copies: Ints, is_few: Flags
) -> Floats:
    """Count the blocks of other text in the article that begin or end alike."""
    own = keys ^ (article.astype(np.uint64) * PRIME)
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
    own = keys ^ (article.astype(np.uint64) * PRIME)
    order = np.argsort(own)
    own, block = own[order], block[order]
    is_new = np.ones(len(own), np.bool_)
    is_new[1:] = own[1:] != own[:-1]
    uses = (np.cumsum(is_new) - 1) * rows + block
    uses.sort()
    is_new[1:] = uses[1:] != uses[:-1]
    word, block = np.divmod(uses[is_new], rows)
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
