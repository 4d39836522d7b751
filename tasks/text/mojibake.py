"""Signs of mojibake: sequences that only a wrong decoding makes."""

from collections.abc import Iterable, Sequence
from functools import cache

import ftfy.badness
import numpy as np
import numpy.typing as npt

from tasks.text.characters import PLANE, to_codes

_BAD_CHARS = 6  # the longest sequence that tells
_MANY_PLACES = 200
# What a character is here, in bits.
_FOREIGN, _ODD, _ALONE, _HALF, _LETTER, _QUIET = (1 << bit for bit in range(6))
_PLAIN = (  # beyond ASCII, but never the sign in a sequence
    (0x0386, 0x0402),  # Greek
    (0x0403, 0x1E00),  # Cyrillic but for one letter, and what lies beyond
    (0x1F00, 0x2000),
    (0x2C00, 0xFB00),
    (0xFE00, 0xFFF0),
)
_HALVES = "ВГРСΒΓΞΟØÙ"  # tell in pairs, with a hyphen or a space between
_LATIN = (range(0xC0, 0x180), range(0x1E00, 0x1F00))
_NOT_LETTERS = "×÷ÎÐÂÃ"  # letters that stand before others in mojibake
_ASCII = 0x80


def has_mojibake(raw: str) -> bool:
    """Whether ftfy sees a sequence that only a wrong decoding makes."""
    return find_mojibake([raw])[0]


def find_mojibake(texts: Sequence[str]) -> list[bool]:
    """Tell which texts have a sequence that only a wrong decoding makes.

    All of them have two characters in a row beyond ASCII, at least one of which is none
    of the letters that other alphabets are made of; or one of a few letters. Where
    these are rare, to look only there is many times faster (ftfy 6,
    ``badness.BADNESS_RE``).
    """
    found = [False] * len(texts)
    foreign = [number for number, text in enumerate(texts) if not text.isascii()]
    codes = to_codes([texts[number] for number in foreign])
    sizes = [len(texts[number]) + 1 for number in foreign]
    places = _find_places(codes)
    past = np.cumsum(sizes)
    limits = np.searchsorted(places, past).tolist()
    first = 0
    for number, limit, base in zip(
        foreign, limits, (past - sizes).tolist(), strict=True
    ):
        own = places[first:limit] - base
        found[number] = _is_bad(texts[number], own)
        first = limit
    return found


def _is_bad(text: str, places: npt.NDArray[np.int64]) -> bool:
    bad = ftfy.badness.BADNESS_RE
    if len(places) > _MANY_PLACES:
        return bad.search(text) is not None
    return any(
        bad.search(text, max(place - _BAD_CHARS, 0), place + _BAD_CHARS + 1)
        for place in places.tolist()
    )


def _find_places(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.int64]:
    """Return where a sequence may be: a character that is part of any."""
    kinds = _kinds().take(codes, mode="clip")
    one, other = kinds[:-1], kinds[1:]
    # Of two letters the second is no sign in lower case.
    is_told = (one & other & _FOREIGN > 0) & ((one | other) & _ODD > 0)
    is_told &= (one & _LETTER == 0) | (other & _QUIET == 0)
    is_told |= one & _ALONE > 0
    is_told[1:] |= (one[:-1] & other[1:] & _HALF > 0) & (other[:-1] & _FOREIGN == 0)
    return np.flatnonzero(is_told)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Tell of the characters of the first plane what they are here."""
    table = np.zeros(PLANE + 1, np.uint8)
    table[_ASCII:] = _FOREIGN | _ODD
    for low, high in _PLAIN:
        table[low:high] = _FOREIGN
    table[-1] = _FOREIGN
    table[0x80:0xA0] |= _ALONE
    _mark(table, "ÂÃŒœ", _ALONE)
    _mark(table, _HALVES, _HALF)
    latin = [char for codes in _LATIN for char in map(chr, codes)]
    letters = [char for char in latin if char not in _NOT_LETTERS]
    _mark(table, letters, _LETTER)
    _mark(table, filter(str.islower, letters), _QUIET)
    return table


def _mark(table: npt.NDArray[np.uint8], characters: Iterable[str], bit: int) -> None:
    for character in characters:
        table[ord(character)] |= bit
