"""Which lines may be a known phrase, or have one: told for many texts at once.

Nearly all lines are none. To fold each and look at its words takes many times longer
than to see here, by hashes of folded words, that it cannot be one.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.text import hints, lexicon
from tasks.text.captions import agencies
from tasks.text.characters import PLANE, to_codes
from tasks.text.words import PRIME, Dictionary, hash_words, index_keys

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]
Bits = npt.NDArray[np.uint8]

_APART, _ODD, _DIGIT, _UNSPACED = range(4)  # instead of a letter
_ROW = 32  # a word of rows of buttons
_BY_START = hints.OPENER | hints.LABEL  # whatever stands behind
_WHOLE = hints.LEFTOVER | hints.AGENCY


def remember_hints(texts: Sequence[str]) -> None:
    """Find out what is worth asking of each text, and remember it."""
    if texts:
        hints.remember(zip(texts, find_hints(texts).tolist(), strict=True))


class _Words(NamedTuple):
    """The words of all texts in a row.

    Attributes:
        text: Number of its text.
        keys: Hash of the folded word.
        is_odd: It has digits, or is not folded letter by letter.
    """

    text: Ints
    keys: Keys
    is_odd: Flags


def find_hints(texts: Sequence[str]) -> Bits:
    """Tell what is worth asking of each text: ``hints.Hint`` in bits."""
    codes = _folded().take(to_codes(texts), mode="clip")
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    base = np.cumsum(lengths) - lengths
    words = _find_words(codes, base)
    said, said_by_two = _dictionaries()

    known = said.look_up(words.keys)
    first = np.searchsorted(words.text, np.arange(len(texts)))
    count = np.bincount(words.text, minlength=len(texts))
    one = np.append(known, np.uint8(0))[first]  # of no words, nothing
    at = np.minimum(first + 1, max(len(known) - 1, 0))
    has_two = count > 1
    found = np.where(has_two, one & _BY_START, one & (_BY_START | _WHOLE))
    if len(known):
        pairs = words.keys[np.minimum(first, at)] * PRIME ^ words.keys[at]
        found |= np.where(has_two, said_by_two.look_up(pairs), 0).astype(np.uint8)
        is_row = has_two & (one & known[at] & _ROW > 0)
        found[is_row] |= hints.LEFTOVER
        is_odd = (count > 0) & words.is_odd[np.minimum(first, at)]
        is_odd |= has_two & words.is_odd[at]
        found[is_odd] |= _BY_START | _WHOLE
    found &= ~np.uint8(hints.NOTE)
    found[words.text[known & hints.NOTE > 0]] |= hints.NOTE
    strange = np.flatnonzero((codes == _ODD) | (codes == _UNSPACED))
    found[np.searchsorted(base, strange, side="right") - 1] |= hints.NOTE
    return found


def _find_words(codes: npt.NDArray[np.uint16], base: Ints) -> _Words:
    edge = np.flatnonzero(np.diff(codes != _APART, prepend=False, append=False))
    start, end = edge[::2], edge[1::2]
    is_odd = np.zeros(len(start), np.bool_)
    odd = np.flatnonzero((codes > _APART) & (codes <= _UNSPACED))
    is_odd[np.searchsorted(start, odd, side="right") - 1] = True
    text = np.searchsorted(base, start, side="right") - 1
    return _Words(text, hash_words(codes, start, end - start), is_odd)


@cache
def _folded() -> npt.NDArray[np.uint16]:
    """Tell of the characters of the first plane what each is folded to.

    A letter to a letter, or it separates words; what is neither is odd.
    """
    table = np.full(PLANE + 1, _ODD, np.uint16)
    table[:-1] = [_fold(chr(code)) for code in range(PLANE)]
    return table


def _fold(char: str) -> int:
    if char.isdigit():
        return _DIGIT
    if lexicon.is_unspaced(char):
        return _UNSPACED
    folded = lexicon.fold_alone(char)
    if folded is None:
        return _ODD
    return ord(folded) if folded else _APART


@cache
def _dictionaries() -> tuple[Dictionary, Dictionary]:
    """Return what single words and pairs of words at the beginning may be part of."""
    heads = lexicon.phrase_heads()
    said = [
        (words, bit)
        for bit, known in (
            (hints.LEFTOVER, heads.leftovers),
            (hints.OPENER, heads.openers),
            (hints.LABEL, heads.labels),
            (hints.AGENCY, lexicon.heads_of(agencies())),
            (_ROW, [(word,) for word in heads.rows]),
            (hints.NOTE, [(word,) for word in heads.anchors]),
        )
        for words in known
    ]
    first = _hash([words[0] for words, _ in said])
    pairs = first * PRIME ^ _hash([words[-1] for words, _ in said])
    one: dict[int, int] = {}
    two: dict[int, int] = {}
    for (words, bit), key, pair in zip(
        said, first.tolist(), pairs.tolist(), strict=True
    ):
        if len(words) > 1:
            two[pair] = two.get(pair, 0) | bit
        else:
            one[key] = one.get(key, 0) | bit
    return _to_dictionary(one), _to_dictionary(two)


def _hash(words: Sequence[str]) -> Keys:
    size = np.fromiter(map(len, words), np.int64, len(words))
    return hash_words(to_codes(words), np.cumsum(size + 1) - size - 1, size)


def _to_dictionary(known: dict[int, int]) -> Dictionary:
    keys = sorted(known)
    bits = [*(known[key] for key in keys), 0]
    return Dictionary(index_keys(np.array(keys, np.uint64)), np.array(bits, np.uint8))
