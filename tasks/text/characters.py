"""Texts as numbers: the kind and the lower case of every character, at once."""

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Char(IntEnum):
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


KINDS = len(Char)
_BY_CATEGORY = {
    "Ll": Char.LOWER,
    "Lu": Char.UPPER,
    "Lt": Char.UPPER,
    "Lo": Char.CASELESS,
    "Lm": Char.CASELESS,
    "Nd": Char.DIGIT,
    "Nl": Char.DIGIT,
    "No": Char.DIGIT,
    "Pd": Char.DASH,
    "Ps": Char.BRACKET,
    "Pe": Char.BRACKET,
    "Pi": Char.QUOTE,
    "Pf": Char.QUOTE,
    "Mn": Char.MARK,
    "Mc": Char.MARK,
    "Zs": Char.SPACE,
    "Cc": Char.SPACE,
}
_SCRIPTS = (
    (0x2E80, 0x2FDF, Char.HAN),
    (0x3041, 0x30FF, Char.HAN),
    (0x31F0, 0x31FF, Char.HAN),
    (0x3400, 0x9FFF, Char.HAN),
    (0xF900, 0xFAFF, Char.HAN),
    (0x0E00, 0x0EFF, Char.THAI),
    (0x1000, 0x109F, Char.THAI),
    (0x1780, 0x17FF, Char.THAI),
)
_BY_HAND = {
    Char.FULL_STOP: ".…。।۔",
    Char.ASKING: "!?！？؟",
    Char.COMMA: ",;，、；،؛",
    Char.COLON: ":：",
    Char.QUOTE: "\"'“”„‘’‚‹›«»「」『』",
    Char.BAR: "|/\\·•>→←▶►▸‣¦*",
}
PLANE = 0x10000
"""Characters of the first plane; what lies beyond is rare: emoji, old scripts."""


@cache
def _chars() -> npt.NDArray[np.uint8]:
    """Kind of every character of the first plane, and of all others at the end."""
    table = np.full(PLANE + 1, Char.SIGN, np.uint8)
    for code in range(PLANE):
        found = _BY_CATEGORY.get(unicodedata.category(chr(code)))
        if found is not None:
            table[code] = found
    for low, high, kind in _SCRIPTS:
        table[low : high + 1] = kind
    for kind, characters in _BY_HAND.items():
        table[[ord(character) for character in characters]] = kind
    return table


def lower_codes(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the lower case of characters; beyond the first plane all are one."""
    found: npt.NDArray[np.uint32] = _lower().take(codes, mode="clip")
    return found


@cache
def _lower() -> npt.NDArray[np.uint32]:
    """Lower case of every character of the first plane, where that is one character."""
    table = np.arange(PLANE + 1, dtype=np.uint32)
    for code in range(PLANE):
        lower = chr(code).lower()
        if len(lower) == 1:
            table[code] = ord(lower)
    return table


@dataclass(frozen=True, slots=True)
class Characters:
    """All texts of a batch as one row of characters.

    Attributes:
        codes: Code points, each text ended by a line feed.
        kinds: Their kinds.
        start: Place of the first character of each text.
        lengths: Characters of each text, the line feed included.
    """

    codes: npt.NDArray[np.uint32]
    kinds: npt.NDArray[np.uint8]
    start: Ints
    lengths: Ints


def to_codes(texts: Sequence[str]) -> npt.NDArray[np.uint32]:
    """Return the code points of all texts, each text ended by a line feed."""
    joined = "\n".join([*texts, ""])
    order = "utf-32-le" if sys.byteorder == "little" else "utf-32-be"
    return np.frombuffer(joined.encode(order, "surrogatepass"), np.uint32)


def line_up(texts: Sequence[str]) -> Characters:
    """Put texts in one row of characters."""
    codes = to_codes(texts)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    kinds = _chars().take(codes, mode="clip")
    return Characters(codes, kinds, np.cumsum(lengths) - lengths, lengths)
