"""How a piece of text looks, in any script: sentences, words, headings.

Only shape is judged here; what a line says is the business of ``lexicon``.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from tasks.text.characters import PLANE, line_up, to_codes

_CLOSERS = "\"'”“»›’)\\]』」】）"
_FINAL_MARKS = ".!?…。！？؟۔।"
_FINAL = frozenset(_FINAL_MARKS)
_SENTENCE_END = re.compile(f"[{_FINAL_MARKS}][{_CLOSERS}]*(?:\\s*\\[?\\d{{1,3}}\\]?)?$")
_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
_THAI = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # and Lao, Burmese, Khmer
_JOINERS = "'’\u200c-"
_OTHER, _LETTER, _JOINER, _HAN_LETTER = range(4)  # what a character is to a word
_MARK, _MARK_ALONE, _CLOSER, _SPACE = 1, 2, 4, 8  # what it is to a sentence, in bits
_IN_HAN = re.compile(f"[{_HAN}]")
_IN_THAI = re.compile(f"[{_THAI}]")
_FAR = re.compile("[\u0e00-\u1fff\u2e80-\U0010ffff]")  # searched faster
UNSPACED = re.compile(f"[{_HAN}{_THAI}]")
"""Letters of scripts that are written without spaces between words."""
_HEADING_END = re.compile(r"[.,;:!…。！؟۔।，；：、]$")
_QUOTED_END = re.compile(f"[{_CLOSERS}]+$")
_URL = re.compile(r"https?://[^\s<>\"'）)\]]+|www\.[^\s<>\"'）)\]]+")

_END_CHARS = 40  # a full stop, closing marks and the number of a note
_REMEMBERED = 4096  # texts: several rules ask about the same one
_REMEMBERED_WORDS = 1 << 14
_MEASURED: dict[str, int] = {}
_PROSE_WORDS = 8
_LONG_WORDS = 25
_HEADING_WORDS = 16
_HEADING_CHARS = 130
_HAN_PER_WORD, _THAI_PER_WORD = 2, 5  # characters, in scripts without spaces


def count_words(texts: Sequence[str]) -> list[int]:
    """Count the words of each text: runs of letters and digits; each Han character.

    An apostrophe or a hyphen between two letters or digits is inside a word. Chinese
    and Japanese have no spaces: there, each character counts.

    Examples:
        >>> count_words(["Die EU-Länder, 27 an der Zahl", "", "你好吗"])
        [6, 0, 3]
    """
    if not texts:
        return []
    line = line_up(texts)
    kinds = np.append(np.uint8(_OTHER), _word_kinds().take(line.codes))
    is_word = kinds == _LETTER
    counts = (kinds == _HAN_LETTER).astype(np.int8)
    counts[1:] += is_word[1:] & ~is_word[:-1]
    counts[1:-1] -= is_word[:-2] & (kinds[1:-1] == _JOINER) & is_word[2:]
    sums = np.add.reduceat(counts[1:], line.start, dtype=np.int64)
    found: list[int] = sums.tolist()
    return found


@cache
def _word_kinds() -> npt.NDArray[np.uint8]:
    """Tell of every code point what it is to a word."""
    table = np.full(sys.maxunicode + 1, _OTHER, np.uint8)
    every = "".join(map(chr, range(len(table))))
    for kind, pattern in (
        (_LETTER, r"[^\W_]+"),
        (_JOINER, f"[{_JOINERS}]"),
        (_HAN_LETTER, f"[{_HAN}]+"),
    ):
        for match in re.finditer(pattern, every):
            table[match.start() : match.end()] = kind
    return table


def count_sentences(texts: Sequence[str]) -> list[int]:
    """Count the sentences of each text by final marks; one without is one sentence.

    A sentence ends with marks and closing quotes that a space follows, or with each of
    the marks that none follows in Chinese and Japanese.

    Examples:
        >>> count_sentences(["Eins. Zwei! Und drei", "3.5 km ...", "是吗？是。"])
        [3, 1, 2]
    """
    if not texts:
        return []
    codes = to_codes(texts)
    kinds = _sentence_kinds().take(codes, mode="clip")
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + 1
    base = np.cumsum(lengths) - lengths

    def own(at: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.searchsorted(base, at, side="right") - 1

    edges = np.flatnonzero(np.diff(kinds & _MARK > 0, prepend=False, append=False))
    behind = edges[1::2].copy()
    closed = np.arange(len(behind))
    while len(closed := closed[kinds[behind[closed]] & _CLOSER > 0]):
        behind[closed] += 1
    is_end = kinds[behind] & _SPACE > 0
    behind = behind[is_end]
    alone = np.flatnonzero(kinds & _MARK_ALONE > 0)
    if len(alone):
        run = np.searchsorted(edges[::2], alone, side="right") - 1
        alone = alone[~is_end[run]]
    counts = np.bincount(own(behind), minlength=len(texts))
    counts += np.bincount(own(alone), minlength=len(texts))
    last = np.zeros(len(texts), np.int64)
    np.maximum.at(last, own(behind), behind)
    np.maximum.at(last, own(alone), alone + 1)
    rests = (
        text[max(end - start, 0) :].strip() != ""
        for text, start, end in zip(texts, base.tolist(), last.tolist(), strict=True)
    )
    found: list[int] = (counts + np.fromiter(rests, np.int64, len(texts))).tolist()
    return found


@cache
def _sentence_kinds() -> npt.NDArray[np.uint8]:
    """Tell of the characters what they are to the end of a sentence, in bits."""
    table = np.zeros(PLANE + 1, np.uint8)
    every = "".join(map(chr, range(PLANE)))
    for bit, pattern in (
        (_MARK, f"[{_FINAL_MARKS}]"),
        (_MARK_ALONE, "[。！？]"),
        (_CLOSER, f"[{_CLOSERS}]"),
        (_SPACE, r"\s"),
    ):
        table[[match.start() for match in re.finditer(pattern, every)]] |= bit
    return table


def measure_words(text: str) -> int:
    """Words for comparing lengths across scripts.

    Scripts without spaces count two (Chinese, Japanese) or five (Thai, Lao, Burmese,
    Khmer) characters as a word.
    """
    words = _MEASURED.get(text)
    if words is None:
        words = _measure_words(text)
        remember_words([(text, words)])
    return words


def remember_words(measured: Iterable[tuple[str, int]]) -> None:
    """Remember for a while what ``measure_words`` is of some texts."""
    if len(_MEASURED) > _REMEMBERED_WORDS:
        _MEASURED.clear()
    _MEASURED.update(measured)


def _measure_words(text: str) -> int:
    if text.isascii() or not (_FAR.search(text) and UNSPACED.search(text)):
        return len(text.split())
    han, thai = len(_IN_HAN.findall(text)), len(_IN_THAI.findall(text))
    spaced = _IN_THAI.sub(" ", _IN_HAN.sub(" ", text)).split()
    return han // _HAN_PER_WORD + thai // _THAI_PER_WORD + len(spaced)


def ends_sentence(text: str) -> bool:
    """Whether the text ends like a sentence, closing quotes and brackets aside."""
    last = text[-1:]
    if last in _FINAL or last.isalpha():  # most
        return last in _FINAL
    return bool(_SENTENCE_END.search(text, max(len(text) - _END_CHARS, 0)))


@lru_cache(_REMEMBERED)
def is_prose(text: str) -> bool:
    """Whether the text is running text: a full sentence of some length, or long.

    A line of ten words without a full stop may be a heading, a caption or a link.
    """
    words = measure_words(text)
    return words >= _LONG_WORDS or (words >= _PROSE_WORDS and ends_sentence(text))


def is_heading_shaped(text: str) -> bool:
    """Whether the text could be a heading: short, one piece, no closing full stop.

    A question mark may close a heading; an ellipsis or exclamation mark only inside
    quotes, as in „What Goes Around, Comes Around…“.
    """
    if len(text) > _HEADING_CHARS or measure_words(text) > _HEADING_WORDS:
        return False
    if not any(char.isalpha() for char in text) or "\n" in text or _URL.search(text):
        return False
    if text[0] in "-–—":  # speech
        return False
    bare = _QUOTED_END.sub("", text)
    if bare == text:
        return not _HEADING_END.search(text)
    return not bare.endswith((".", ",", ";", ":", "。", "，"))


def find_urls(text: str) -> list[tuple[int, int]]:
    """Find web addresses, closing punctuation left out.

    Returns:
        Half-open ranges of ``text`` in order.
    """
    if "http" not in text and "www." not in text:
        return []
    return [
        (match.start(), match.start() + len(match.group().rstrip(".,;:!?")))
        for match in _URL.finditer(text)
    ]
