"""How a piece of text looks, in any script: sentences, words, headings.

Only shape is judged here; what a line says is the business of ``lexicon``.
"""

import re
from functools import lru_cache

_CLOSERS = "\"'”“»›’)\\]』」】）"
_SENTENCE_END = re.compile(f"[.!?…。！？؟۔।][{_CLOSERS}]*(?:\\s*\\[?\\d{{1,3}}\\]?)?$")
_SENTENCES = re.compile(  # begins with one class of characters: that is searched fast
    f"[.!?…。！？؟۔।](?:[.!?…。！？؟۔।]*[{_CLOSERS}]*(?=\\s|$)|(?<=[。！？]))"
)
_HAN = "\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
_THAI = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # and Lao, Burmese, Khmer
_WORD = re.compile(f"[{_HAN}]|[^\\W_{_HAN}]++(?:['’\u200c-][^\\W_{_HAN}]++)*+")
_SPACED_WORD = re.compile(r"[^\W_]++(?:['’\u200c-][^\W_]++)*+")
_IN_HAN = re.compile(f"[{_HAN}]")
_IN_THAI = re.compile(f"[{_THAI}]")
_UNSPACED = re.compile(f"[{_HAN}{_THAI}]")
_HEADING_END = re.compile(r"[.,;:!…。！؟۔।，；：、]$")
_QUOTED_END = re.compile(f"[{_CLOSERS}]+$")
_URL = re.compile(r"https?://[^\s<>\"'）)\]]+|www\.[^\s<>\"'）)\]]+")

_END_CHARS = 40  # a full stop, closing marks and the number of a note
_REMEMBERED = 4096  # texts: several rules ask about the same one
_PROSE_WORDS = 8
_LONG_WORDS = 25
_HEADING_WORDS = 16
_HEADING_CHARS = 130
_HAN_PER_WORD, _THAI_PER_WORD = 2, 5  # characters, in scripts without spaces


def count_words(text: str) -> int:
    """Count words: runs of letters and digits; each Chinese or Japanese character.

    Examples:
        >>> count_words("Die EU-Länder, 27 an der Zahl")
        6
        >>> count_words("你好吗")
        3
    """
    is_spaced = text.isascii() or not _IN_HAN.search(text)
    pattern = _SPACED_WORD if is_spaced else _WORD
    return len(pattern.findall(text))


def count_sentences(text: str) -> int:
    """Count sentences by their final marks; text without one is one sentence.

    Examples:
        >>> count_sentences("Eins. Zwei! Und drei")
        3
    """
    ends = [match.end() for match in _SENTENCES.finditer(text)]
    rest = text[ends[-1] :] if ends else text
    return len(ends) + bool(rest.strip())


@lru_cache(_REMEMBERED)
def measure_words(text: str) -> int:
    """Words for comparing lengths across scripts.

    Scripts without spaces count two (Chinese, Japanese) or five (Thai, Lao, Burmese,
    Khmer) characters as a word.
    """
    if text.isascii():
        return len(text.split())
    if not _UNSPACED.search(text):
        return len(text.split())
    han, thai = len(_IN_HAN.findall(text)), len(_IN_THAI.findall(text))
    spaced = _IN_THAI.sub(" ", _IN_HAN.sub(" ", text)).split()
    return han // _HAN_PER_WORD + thai // _THAI_PER_WORD + len(spaced)


def ends_sentence(text: str) -> bool:
    """Whether the text ends like a sentence, closing quotes and brackets aside."""
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
