"""The words of a batch of texts, as hashes, and what they are known for."""

from dataclasses import dataclass
from enum import IntFlag
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.hashindex import HashIndex
from tasks.text import lexicon
from tasks.text.captions import agencies
from tasks.text.characters import Char, Characters, line_up, lower_codes

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]

PRIME = np.uint64(0x9E3779B97F4A7C15)  # odd: 2**64 over the golden ratio
_INDEX_BITS = 18
_TINY = 2  # characters
_HASHED_CHARS = 16
_SIGN_CHARS = 300  # of a text
_AS_FIRST, _AS_LAST = np.uint64(1), np.uint64(2)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of a batch, in order.

    Chinese and Japanese have no spaces: there, any two letters in a row are a word.

    Attributes:
        start: Place of the first character.
        size: Characters.
        is_pair: Two Chinese or Japanese letters.
        keys: Hash of the word in lower case.
    """

    start: Ints
    size: Ints
    is_pair: Flags
    keys: Keys


def find_tokens(line: Characters) -> Tokens:
    """Find the words of all texts."""
    kinds = line.kinds
    is_word = (kinds >= Char.LOWER) & (kinds <= Char.DIGIT) | (kinds == Char.MARK)
    is_han = kinds == Char.HAN
    edge = np.zeros(len(is_word) + 1, np.bool_)
    edge[1:-1] = is_word[1:] != is_word[:-1]
    edge[1:-1] |= is_han[1:] | is_han[:-1]
    edge[0] = edge[-1] = True
    at = np.flatnonzero(edge)
    start, size = at[:-1], np.diff(at)
    word = is_word[start]
    start, size = start[word], size[word]
    is_pair = is_han[start] & is_han[np.minimum(start + 1, len(is_han) - 1)]
    keep = is_pair | ~is_han[start]
    start, is_pair = start[keep], is_pair[keep]
    size = np.where(is_pair, 2, size[keep])
    return Tokens(
        start, size, is_pair, hash_words(lower_codes(line.codes), start, size)
    )


def hash_words(codes: npt.NDArray[Any], start: Ints, size: Ints) -> Keys:
    """Hash the first characters of words and their length.

    Args:
        codes: Characters of all texts as numbers.
        start: Place of the first character of each word.
        size: Characters of each.
    """
    shown = np.minimum(size, _HASHED_CHARS).astype(np.uint8)
    order = np.argsort(_HASHED_CHARS - shown, kind="stable")  # longest first
    start, keys = start[order], size[order].astype(np.uint64)
    longer = len(start) - np.cumsum(np.bincount(shown, minlength=_HASHED_CHARS))
    for offset, count in enumerate(longer[:_HASHED_CHARS].tolist()):
        own = keys[:count]
        own *= PRIME
        own += codes.take(start[:count] + offset)
    found = np.empty_like(keys)
    found[order] = keys * PRIME
    return found


class Signs(NamedTuple):
    """What the words of each text may tell: words, pairs of words, first, last word.

    Attributes:
        text: Number of the text.
        keys: Hash of the word or pair, and of its place.
    """

    text: Ints
    keys: Keys


def find_signs(line: Characters, tokens: Tokens, text: Ints) -> Signs:
    """Return the signs of every text, those of its beginning and its last word.

    Args:
        line: The texts.
        tokens: Their words.
        text: Number of the text of each word.
    """
    keys = tokens.keys
    is_first = np.ones(len(keys), np.bool_)
    is_first[1:] = text[1:] != text[:-1]
    is_last = np.ones(len(keys), np.bool_)
    is_last[:-1] = is_first[1:]
    near = tokens.start - line.start[text] < _SIGN_CHARS
    pairs = np.flatnonzero(near & ~is_last)
    return Signs(
        np.concatenate((text[near], text[is_first], text[is_last], text[pairs])),
        np.concatenate(
            (
                keys[near],
                keys[is_first] * PRIME + _AS_FIRST,
                keys[is_last] * PRIME + _AS_LAST,
                keys[pairs] * PRIME ^ keys[pairs + 1],
            )
        ),
    )


class Known(IntFlag):
    """What a word is known for, in any language."""

    STOP = 1
    LEFTOVER = 2
    PHOTO = 4


def index_keys(keys: Keys) -> HashIndex[np.uint64]:
    """Make an index of hashes of words or signs, ascending."""
    return HashIndex(keys, _INDEX_BITS)


@dataclass(frozen=True, slots=True)
class Dictionary:
    """The words that are known for something.

    Attributes:
        index: Their hashes.
        known: What each is known for, and 0 at the end for all others.
    """

    index: HashIndex[np.uint64]
    known: npt.NDArray[np.uint8]

    def look_up(self, keys: Keys) -> npt.NDArray[np.uint8]:
        """Return what each word is known for; 0 for nothing."""
        found: npt.NDArray[np.uint8] = self.known[self.index.find(keys)]
        return found


@cache
def known_words() -> Dictionary:
    """Return the words of the lexicon that are known for something."""
    said: dict[Known, list[str]] = {kind: [] for kind in Known}
    for language in lexicon.LANGUAGES:
        said[Known.STOP].append(lexicon.read_language(language)["words"]["stop"])
        for group in ("leftovers", "openers"):
            said[Known.LEFTOVER] += (t for _, t in lexicon.phrases(language, group))
        said[Known.PHOTO] += (
            text
            for name, text in lexicon.phrases(language, "labels")
            if name == "photo"
        )
    said[Known.PHOTO] += sorted(agencies())
    found: dict[int, int] = {}
    stop = Known.STOP.value  # bare numbers: flags are many times slower
    for kind, texts in said.items():
        bit = kind.value
        tokens = find_tokens(line_up(texts))
        for key, size in zip(tokens.keys.tolist(), tokens.size.tolist(), strict=True):
            known = found.get(key, 0)
            is_told = bit == stop or (size > _TINY and not known & stop)
            found[key] = known | bit if is_told else known
    keys = sorted(found)
    return Dictionary(
        index_keys(np.array(keys, np.uint64)),
        np.array([*(found[key] for key in keys), 0], np.uint8),
    )
