"""Texts made ready for the detector, cut into chunks, and the votes of these."""

import math
import re
import unicodedata

from tasks.languages import UNDETERMINED

_WHOLE_CHARS = 900  # eldc reads 1,000 bytes
_CHUNK_CHARS = 500
_MAX_CHUNKS = 3
_SEARCH_CHARS = 40
_ACRONYM = re.compile(r"\W*[A-Z]{1,4}\W*")
_ADDRESS = re.compile(r"\S*://\S*|\bwww\.\S*|[-\w.+]*@[-\w.]+")
_SURROGATE = re.compile("[\ud800-\udfff]")


def make_chunks(text: str) -> list[str]:
    """Return what of a text the detector looks at; of most texts, all."""
    return [prepare(chunk) for chunk in cut(text)]


def prepare(text: str) -> str:
    """Take out what says nothing about the language, and undo capitals.

    Three or four capitals on their own are a name in any language.

    Examples:
        >>> prepare("SIEHE https://example.org/a?b=c AUCH İZMİR")
        'siehe   auch izmir'
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        try:
            text.encode()
        except UnicodeEncodeError:  # eldc would raise the same
            text = _SURROGATE.sub(" ", text)
    if "\x00" in text:  # eldc would stop there
        text = text.replace("\x00", " ")
    if "://" in text or "www." in text or "@" in text:
        text = _ADDRESS.sub(" ", text)
    if text.isupper() and _ACRONYM.fullmatch(text):
        return ""
    if text.isupper():  # str.lower makes two characters of the dotted capital
        text = text.replace("\u0130", "i").lower()
    return text


def cut(text: str) -> list[str]:
    """Cut a long text into a few chunks, spread evenly; a short one is one chunk."""
    if len(text) <= _WHOLE_CHARS:
        return [text]
    count = min(_MAX_CHUNKS, math.ceil(len(text) / _WHOLE_CHARS))
    chunks = []
    for index in range(count):
        start = index * len(text) // count
        space = text.find(" ", start, start + _SEARCH_CHARS) if start else -1
        start = max(start, space + 1)  # not in the middle of a word
        chunks.append(text[start : start + _CHUNK_CHARS])
    return chunks


def elect(votes: list[tuple[str, float]]) -> tuple[str, float]:
    """Choose the language of a text from the answers to its chunks.

    Returns:
        The language with the highest sum of scores (the first by code if two are
        equal), scored by its share of the sum times its best score.

    Examples:
        >>> elect([("de", 0.9), ("en", 0.6), ("de", 0.6)])
        ('de', 0.6429)
    """
    if len(votes) == 1:  # nearly always
        return votes[0][0], round(votes[0][1], 4)
    sums: dict[str, float] = {}
    for code, score in sorted(votes):
        if code != UNDETERMINED:
            sums[code] = sums.get(code, 0.0) + score
    if not sums:
        return UNDETERMINED, 0.0
    best = max(sums, key=lambda code: sums[code])
    peak = max(score for code, score in votes if code == best)
    return best, round(peak * sums[best] / sum(sums.values()), 4)
