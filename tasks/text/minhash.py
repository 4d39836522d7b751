"""MinHash of texts: how much of their wording two articles share, from 128 bytes each.

A text is the set of its shingles: every three words in a row, whatever stands between
them, in whatever case. The share of bytes in which the MinHashes of two texts agree
estimates the Jaccard similarity of their sets, with a standard error of at most 0.05.

Figures count more than words. Weather, stock and sports reports are written around the
same sentences every day, and only their figures tell one from another.

The hashes of the shingles are ours, as stored rows depend on them: they follow from the
text alone, on every machine. ``rensa`` makes MinHashes of them.
"""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from rensa import RMinHash

from tasks.schema import MINHASH_BYTES

Hashes = npt.NDArray[np.uint64]

_SEED = 42
_BATCH_CHARS = 1 << 16  # the arrays of a batch fit into a processor's cache
_SHINGLE_WORDS = 3
_UNSPACED_CHARS = 3  # a word where scripts have no spaces: this character and the next
_AFTER_TEXT = "\n" * (_UNSPACED_CHARS - 1)
_FIGURE_WEIGHT = 2  # shingles that a number adds beside those it is part of

_FACTOR = 0x5851F42D4C957F2D  # odd, so that it has an inverse modulo 2**64
_MIX = np.uint64(0xD6E8FEB86659FD93)
_SCATTER = np.uint32(0x9E3779B1)
_HALF = np.uint64(32)
_TOP_BYTE = np.uint32(24)

_OTHER, _LETTER, _UNSPACED, _DIGIT = range(4)  # what a character is
_UNSPACED_BLOCKS = (
    (0x0E00, 0x0F00),  # Thai, Lao
    (0x1000, 0x10A0),  # Burmese
    (0x1780, 0x1800),  # Khmer
    (0x2E80, 0x3100),  # radicals, kana
    (0x31F0, 0x3200),
    (0x3400, 0xA000),  # Han
    (0xF900, 0xFB00),
    (0x1B000, 0x1B170),  # more kana
)
_BEYOND = 0x20000
"""Stands for all characters from here on: the rarest Han characters, no letters."""
_WORD_CATEGORIES = "LNM"  # letters, numbers, and the marks on letters


def minhash_texts(texts: Sequence[str]) -> list[bytes]:
    """Return the MinHash of each text.

    A text of fewer than three words has one shingle, itself: it is like another if it
    is the same, else not at all.

    Returns:
        ``MINHASH_BYTES`` bytes each, which depend on nothing but the text.

    Examples:
        >>> one, other = minhash_texts(["The tide was out.", "the TIDE -- was out"])
        >>> one == other, len(one)
        (True, 128)
    """
    found: list[bytes] = []
    for batch in _batches([text.lower() for text in texts]):
        shingles = _shingle(batch)
        ends = np.cumsum([0, *map(len, shingles)]).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(
            np.concatenate(shingles), ends, MINHASH_BYTES, _SEED
        )
        minima = np.array(matrix.to_rows(), np.uint32) * _SCATTER
        found += [row.tobytes() for row in (minima >> _TOP_BYTE).astype(np.uint8)]
    return found


def _batches(texts: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > _BATCH_CHARS:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _shingle(texts: list[str]) -> list[Hashes]:
    """Return the hashes of the shingles of each text, in any order, with repeats."""
    # A character that stands for a word takes the next two along: none of another text.
    text = "".join(text + _AFTER_TEXT for text in texts)
    code_points = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
    kinds = _kinds().take(code_points, mode="clip")
    starts, words = _hash_words(code_points, kinds)
    lengths = np.array([len(text) + len(_AFTER_TEXT) for text in texts])
    firsts = np.searchsorted(starts, np.cumsum(lengths) - lengths).tolist()
    lasts = [*firsts[1:], len(words)]
    is_figure = kinds[starts] == _DIGIT
    return [
        _shingle_words(words[first:last], is_figure[first:last])
        if first < last
        else _hash_whole(text)
        for text, first, last in zip(texts, firsts, lasts, strict=True)
    ]


def _hash_words(
    code_points: npt.NDArray[np.uint32], kinds: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.intp], Hashes]:
    """Return where each word starts, and its hash.

    The hash of a word is that of the polynomial whose coefficients are its characters;
    sums over the whole text give those of all words at once.
    """
    count = len(code_points)
    powers, inverse_powers = _powers(max(1 << count.bit_length(), _BATCH_CHARS))
    sums = np.zeros(count + 1, np.uint64)
    np.cumsum(code_points * powers[:count], out=sums[1:])
    in_word, is_unspaced = kinds != _OTHER, kinds == _UNSPACED
    edge = np.ones(count + 1, bool)
    edge[1:-1] = ~(in_word[1:] & in_word[:-1]) | is_unspaced[1:] | is_unspaced[:-1]
    starts = np.flatnonzero(in_word & edge[:-1])
    ends = np.flatnonzero(in_word & edge[1:]) + 1
    ends = np.where(is_unspaced[starts], starts + _UNSPACED_CHARS, ends)
    return starts, _mix((sums[ends] - sums[starts]) * inverse_powers[starts])


def _shingle_words(words: Hashes, is_figure: npt.NDArray[np.bool_]) -> Hashes:
    if len(words) < _SHINGLE_WORDS:
        return _mix(words.sum(keepdims=True, dtype=np.uint64))
    shingles = _mix(words[:-2] + _mix(words[1:-1] + _mix(words[2:])))
    places = np.flatnonzero(is_figure[1:]) + 1
    figures = _mix(words[places] + _mix(words[places - 1]))
    more = [_mix(figures + np.uint64(number)) for number in range(_FIGURE_WEIGHT)]
    return np.concatenate([shingles, *more])


def _hash_whole(text: str) -> Hashes:
    """Return the one shingle of a text without words."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return np.frombuffer(digest[:8], "<u8").astype(np.uint64)


def _mix(values: Hashes) -> Hashes:
    """Scatter the bits of each value: equal values stay equal, others look random."""
    mixed: Hashes = values ^ (values >> _HALF)
    mixed *= _MIX
    mixed ^= mixed >> _HALF
    mixed *= _MIX
    mixed ^= mixed >> _HALF
    return mixed


@cache
def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Return the powers of the factor, and their inverses modulo 2**64."""
    factors = np.full(count, _FACTOR, np.uint64)
    inverses = np.full(count, pow(_FACTOR, -1, 1 << 64), np.uint64)
    factors[0] = inverses[0] = 1
    return np.multiply.accumulate(factors), np.multiply.accumulate(inverses)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Return what each character is, by code point."""
    kinds = np.zeros(_BEYOND + 1, np.uint8)
    kinds[:_BEYOND] = [
        unicodedata.category(chr(point))[0] in _WORD_CATEGORIES
        for point in range(_BEYOND)
    ]
    for first, last in _UNSPACED_BLOCKS:
        kinds[first:last] *= _UNSPACED
    kinds[_BEYOND] = _UNSPACED
    for digit in filter(str.isdecimal, map(chr, range(_BEYOND))):
        kinds[ord(digit)] = _DIGIT
    return kinds
