"""Writing systems: which script each character of a batch belongs to, counted per text.

Codes are ISO 15924. ``Kana`` stands for Hiragana and Katakana together, ``OTHER`` for
the scripts that no supported language is written in.
"""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Codes: TypeAlias = npt.NDArray[np.uint32]
"""Code points of all texts of a batch, one after the other."""
Indices: TypeAlias = npt.NDArray[np.int64]
Flags: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

BASIC_PLANE = 0x10000
"""Code points from here on are rare: emoji, historic scripts, rare Han."""
OTHER = "Zzzz"
NO_SCRIPT = "Zyyy"
# Unicode 16 blocks; characters in them that are no letters (or marks) do not count.
_BLOCKS: dict[str, tuple[tuple[int, int], ...]] = {
    "Latn": ((0x41, 0x24F), (0x1E00, 0x1EFF), (0xFF21, 0xFF5A)),
    "Grek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "Cyrl": ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    "Armn": ((0x530, 0x58F),),
    "Hebr": ((0x590, 0x5FF),),
    "Arab": ((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)),
    "Deva": ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    "Beng": ((0x980, 0x9FF),),
    "Guru": ((0xA00, 0xA7F),),
    "Gujr": ((0xA80, 0xAFF),),
    "Orya": ((0xB00, 0xB7F),),
    "Taml": ((0xB80, 0xBFF),),
    "Telu": ((0xC00, 0xC7F),),
    "Knda": ((0xC80, 0xCFF),),
    "Mlym": ((0xD00, 0xD7F),),
    "Thai": ((0xE00, 0xE7F),),
    "Laoo": ((0xE80, 0xEFF),),
    "Geor": ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)),
    "Ethi": ((0x1200, 0x139F), (0x2D80, 0x2DDF), (0xAB00, 0xAB2F)),
    "Hang": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xAC00, 0xD7A3)),
    "Kana": ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9D)),
    "Hani": ((0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)),
}
_ASTRAL_HAN = (0x20000, 0x323AF)
_ASTRAL_OTHER = (0x10000, 0x1EFFF)  # historic and minority scripts
_DIGIT = "digit"
_SYMBOL = "symbol"
_CODE_SYMBOLS = "_(){}[]=<>\\|;#$*/@^~+`"

SCRIPTS = (*_BLOCKS, OTHER)
"""Every script that is told apart; the columns of ``Census.letters``."""
_CLASSES = (*SCRIPTS, _DIGIT, _SYMBOL)
_NONE = len(_CLASSES)  # spaces, punctuation, emoji
# A Han character says about as much as a short word; a Latin letter says least, for
# texts in any script quote Latin names and addresses.
_WEIGHTS = {"Latn": 1.0, "Hani": 6.0, "Kana": 6.0, "Hang": 4.0}
_DEFAULT_WEIGHT = 2.0
_ASCII_LETTER = re.compile("[A-Za-z]")
# Neither Latin nor punctuation, currencies, arrows.
_NOT_LATIN = re.compile(
    "[^\0-\u024f\u1e00-\u1eff\u2000-\u2070\u20a0-\u20cf\u2116\u2122\u2190-\u23ff]"
)
_BATCH = 256  # texts
_WRITTEN_SHARE = 0.4  # of the weight of the foremost script


@dataclass(frozen=True, slots=True)
class Census:
    """What the texts of a batch are written with; arrays have one row per text.

    Attributes:
        letters: Letters (and vowel signs) by script, columns as in ``SCRIPTS``.
        digits: Decimal digits.
        symbols: Signs that program code is full of.
        japanese: Han characters that only Japanese standards know.
        chinese: Han characters that only Chinese standards know.
    """

    letters: Indices
    digits: Indices
    symbols: Indices
    japanese: Indices
    chinese: Indices

    def count_letters(self, *scripts: str) -> Indices:
        """Return the letters per text in ``scripts``, in any if none is given."""
        columns = [SCRIPTS.index(script) for script in scripts or SCRIPTS]
        count: Indices = self.letters[:, columns].sum(1)
        return count

    def find_written(self) -> Flags:
        """Tell which scripts carry a good part of each text, columns as in SCRIPTS.

        Scripts of names and addresses quoted in another script are left out; Kana and
        Han are one.
        """
        weights = [_WEIGHTS.get(script, _DEFAULT_WEIGHT) for script in SCRIPTS]
        weighted: Floats = self.letters * np.array(weights)
        han, kana = SCRIPTS.index("Hani"), SCRIPTS.index("Kana")
        weighted[:, han] += weighted[:, kana]
        weighted[:, kana] = weighted[:, han]
        most = weighted.max(1, keepdims=True)
        written: Flags = (weighted > 0) & (weighted >= _WRITTEN_SHARE * most)
        return written


def join_texts(texts: Sequence[str]) -> tuple[Codes, Indices]:
    """Lay the texts out as one array of code points, each after one space.

    Returns:
        The code points, and for each of them the position of its text in ``texts``.
    """
    joined = "".join(f" {text}" for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    return codes, np.repeat(np.arange(len(texts)), lengths)


def take_census(codes: Codes, owners: Indices, count: int) -> Census:
    """Count the characters of each text by script.

    Args:
        codes: Code points, from ``join_texts``.
        owners: Text of each code point, from ``join_texts``.
        count: Number of texts.
    """
    table, japanese, chinese = _tables()
    classes = table[codes]
    width = len(_CLASSES) + 1
    counts = np.bincount(owners * width + classes, minlength=count * width)
    counts = counts.reshape(count, width)
    scripts = len(SCRIPTS)
    return Census(
        counts[:, :scripts],
        counts[:, _CLASSES.index(_DIGIT)],
        counts[:, _CLASSES.index(_SYMBOL)],
        np.bincount(owners[japanese[codes]], minlength=count),
        np.bincount(owners[chinese[codes]], minlength=count),
    )


def tell_scripts(texts: Sequence[str]) -> list[str]:
    """Tell the script of each text by most of its letters.

    Returns:
        ISO 15924: ``Jpan`` for Kana with or without Han, ``Kore`` for Hangul, ``Hans``
        or ``Hant`` for Han where characters of only one of the two say so, ``Zyyy``
        where there are no letters.

    Examples:
        >>> tell_scripts(["Straße", "東京タワー", "这是书", "這是書", "3,14"])
        ['Latn', 'Jpan', 'Hans', 'Hant', 'Zyyy']
    """
    scripts = [
        "Latn" if _ASCII_LETTER.search(text) and not _NOT_LATIN.search(text) else ""
        for text in texts
    ]
    rest = [index for index, script in enumerate(scripts) if not script]
    for start in range(0, len(rest), _BATCH):
        some = rest[start : start + _BATCH]
        for index, script in zip(
            some, _tell_scripts([texts[index] for index in some]), strict=True
        ):
            scripts[index] = script
    return scripts


def _tell_scripts(texts: Sequence[str]) -> Iterator[str]:
    codes, owners = join_texts(texts)
    letters = take_census(codes, owners, len(texts)).letters
    most = letters.argmax(1).tolist()
    kana = letters[:, SCRIPTS.index("Kana")].tolist()
    empty = (letters.sum(1) == 0).tolist()
    for text, column, has_kana, is_empty in zip(texts, most, kana, empty, strict=True):
        script = SCRIPTS[column]
        if is_empty:
            yield NO_SCRIPT
        elif script in {"Hani", "Kana"}:
            yield "Jpan" if has_kana else _tell_han(text)
        else:
            yield "Kore" if script == "Hang" else script


def _tell_han(text: str) -> str:
    simplified, traditional = _han_standards()
    letters = set(text)
    lead = len(letters & simplified) - len(letters & traditional)
    return "Hans" if lead > 0 else "Hant" if lead < 0 else "Hani"


@functools.cache
def _han_standards() -> tuple[frozenset[str], frozenset[str]]:
    """Return the characters of only the mainland's standard and of only Taiwan's."""
    every = "".join(map(chr, range(0x4E00, 0xA000)))
    mainland, taiwan = (
        set(every.encode(codec, "ignore").decode(codec)) for codec in ("gb2312", "big5")
    )
    return frozenset(mainland - taiwan), frozenset(taiwan - mainland)


@functools.cache
def classify_signs() -> npt.NDArray[np.uint8]:
    """Return the first letter of the general category of each code point.

    Of the basic plane only.

    Examples:
        >>> chr(classify_signs()[ord("ä")]), chr(classify_signs()[ord("3")])
        ('L', 'N')
    """
    every = "".join(map(chr, range(BASIC_PLANE)))
    classes = "".join(map(itemgetter(0), map(unicodedata.category, every)))
    return np.frombuffer(classes.encode("ascii"), np.uint8)


@functools.cache
def _tables() -> tuple[npt.NDArray[np.uint8], Flags, Flags]:
    """Return, by code point: class, is it Japanese only, is it Chinese only."""
    table = np.full(0x110000, _NONE, np.uint8)
    other = SCRIPTS.index(OTHER)
    classes = classify_signs()
    letters, marks = classes == ord("L"), classes == ord("M")
    table[0x250:BASIC_PLANE][letters[0x250:]] = other
    table[slice(*_ASTRAL_OTHER)] = other
    written = letters | marks  # Indic vowels are written with marks
    written[ord("\u3007")] = True
    for index, blocks in enumerate(_BLOCKS.values()):
        for first, last in blocks:
            block = slice(first, last + 1)
            table[block] = np.where(written[block], index, _NONE)
    han = SCRIPTS.index("Hani")
    table[slice(*_ASTRAL_HAN)] = han
    for zero in _zeros():
        table[zero : zero + 10] = _CLASSES.index(_DIGIT)
    table[[ord(sign) for sign in _CODE_SYMBOLS]] = _CLASSES.index(_SYMBOL)
    # National standards list the characters of a language: 県 is in the Japanese one
    # only, 们 in the Chinese ones only.
    every = "".join(map(chr, range(0x4E00, 0xA000)))
    japan, china, taiwan = (
        set(every.encode(codec, "ignore").decode(codec))
        for codec in ("shift_jis", "gb2312", "big5")
    )
    japanese, chinese = np.zeros((2, len(table)), np.bool_)
    japanese[list(map(ord, japan - china - taiwan))] = True
    chinese[list(map(ord, (china | taiwan) - japan))] = True
    return table, japanese, chinese


def _zeros() -> Iterator[int]:
    """Return the code points of all decimal zeros of the scripts we know."""
    for first, last in itertools.chain(*_BLOCKS.values(), [(0x30, 0x39)]):
        digits = np.flatnonzero(classify_signs()[first : last + 1] == ord("N"))
        for code in (digits + first).tolist():
            if unicodedata.decimal(chr(code), None) == 0:
                yield code
