"""langdetect's language profiles, scored exactly and a whole batch at once.

langdetect (1.0.9) draws n-grams at random until its naive Bayes is sure of itself. Here
every n-gram counts once: no randomness, the same features (checked against langdetect's
own in the tests), and one sparse product per batch instead of a loop per character.
"""

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from langdetect.detector import Detector
from langdetect.detector_factory import PROFILES_DIRECTORY
from langdetect.utils.ngram import NGram

from tasks.languages.scripts import Codes, Flags, Floats, Indices, join_texts
from tasks.languages.sums import add_rows

Keys: TypeAlias = npt.NDArray[np.uint64]
"""N-grams as numbers: up to three character classes of 16 bits each."""
Scores: TypeAlias = npt.NDArray[np.float32]

_Number = TypeVar("_Number", np.uint64, np.bool_)

LANGUAGES = {"zh-cn": "zh", "zh-tw": "zh"}
"""langdetect's names that are not the code we use."""

_SMOOTHING = Detector.ALPHA_DEFAULT / Detector.BASE_FREQ
_MOST = NGram.N_GRAM
_BITS = np.uint64(16)
_UNKNOWN = 0xFFFF
_NON_LATIN = 0x300  # from here on, but for one block
_LATIN_ADDITIONAL = (0x1E00, 0x1EFF)
_BMP_END = 0x10000
_CHANGED_END = 0x3200
_LATE_CAPITALS = ((0xA640, 0xAC00), (0xFF21, 0xFF3B))  # of the basic plane
_HANGUL = range(0xAC00, 0xD7B0)
_VIETNAMESE_MARKS = re.compile("[\u0300\u0301\u0303\u0309\u0323]")
# Multiplicative hashing (Knuth): the upper bits of the product are well mixed.
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_TABLE_BITS = 19
_SHIFT = np.uint64(64 - _TABLE_BITS)


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles as arrays.

    Attributes:
        languages: One per column of ``weights``, sorted.
        classes: Class of each code point; equal where langdetect makes no difference.
        capitals: Code points that are upper case after langdetect's normalisation.
        keys: Hash table of n-grams; 0 marks a free slot.
        rows: Row of ``weights`` of the n-gram in the same slot.
        weights: Log probability of each n-gram in each language, less its mean.
        space: Class of the word boundary.
    """

    languages: tuple[str, ...]
    classes: npt.NDArray[np.uint16]
    capitals: Flags
    keys: Keys
    rows: npt.NDArray[np.int32]
    weights: Scores
    space: int

    def score(self, texts: Sequence[str]) -> tuple[Scores, Indices]:
        """Score each text in each language.

        Args:
            texts: Any strings; long ones cost time in proportion.

        Returns:
            Log likelihood up to a constant per text (one row per text, columns as
            ``languages``), and the number of n-grams it rests on. A row does not
            depend on the other texts, to the last bit: it is summed on its own.
        """
        found, owners = self.find_ngrams(texts)
        scores = add_rows(self.weights, found, owners, len(texts))
        return scores, np.bincount(owners, minlength=len(texts))

    def find_ngrams(self, texts: Sequence[str]) -> tuple[Indices, Indices]:
        """Find the n-grams that langdetect would draw from.

        Returns:
            Row of ``weights`` of each known n-gram, and the text that holds it.
        """
        codes, owners = join_texts([_compose_vietnamese(text) for text in texts])
        codes, owners = _drop_quoted_latin(codes, owners, len(texts))
        keys, owners = self._make_keys(codes, owners)
        rows = self._look_up(keys)
        known = rows >= 0
        return rows[known], owners[known]

    def _make_keys(self, codes: Codes, owners: Indices) -> tuple[Keys, Indices]:
        """Number every window of one, two and three characters.

        Windows do not reach over a word boundary, and none ends within a run of
        capitals; both as in langdetect's ``NGram``.
        """
        classes, capitals = self.classes[codes], self.capitals[codes]
        is_space = classes == self.space
        is_first = _differs_from_previous(owners)
        keep = is_first | ~(is_space & _previous(is_space))
        classes, capitals, owners = classes[keep], capitals[keep], owners[keep]
        is_space, is_first = is_space[keep], is_first[keep]

        keys = np.empty((len(classes), _MOST), np.uint64)
        keys[:, 0] = classes
        for column in range(1, _MOST):
            keys[:, column] = _previous(keys[:, column - 1]) << _BITS | keys[:, 0]
        valid = np.empty_like(keys, np.bool_)
        valid[:, 1] = ~(is_first | (capitals & _previous(capitals)))
        valid[:, 0] = valid[:, 1] & ~is_space
        valid[:, 2] = valid[:, 1] & ~_previous(is_space)
        chosen = np.flatnonzero(valid)
        return keys.ravel()[chosen], owners[chosen // _MOST]

    def _look_up(self, keys: Keys) -> Indices:
        """Return the row of each key, -1 where it is in no profile."""
        slots = (keys * _MULTIPLIER) >> _SHIFT
        seen = self.keys[slots]
        rows = np.where(seen == keys, self.rows[slots], -1).astype(np.int64)
        open_ = np.flatnonzero((seen != keys) & (seen != 0))
        slots = slots[open_]
        while len(open_):  # linear probing: on to the next slot, until hit or free
            slots = (slots + np.uint64(1)) & np.uint64(len(self.keys) - 1)
            seen = self.keys[slots]
            hit = seen == keys[open_]
            rows[open_[hit]] = self.rows[slots[hit]]
            rest = ~hit & (seen != 0)
            open_, slots = open_[rest], slots[rest]
        return rows


@functools.cache
def load_profiles() -> Profiles:
    """Build the arrays from the installed langdetect's profiles, once a process."""
    profiles = sorted(
        (
            json.loads(path.read_text(encoding="utf-8"))
            for path in Path(PROFILES_DIRECTORY).iterdir()
            if path.is_file() and not path.name.startswith(".")
        ),
        key=lambda profile: str(profile["name"]),
    )
    names = [LANGUAGES.get(profile["name"], profile["name"]) for profile in profiles]
    ngrams, columns, shares = _list_ngrams(profiles)
    chars = sorted(set("".join(ngrams)) | {" "})
    numbers = {char: number for number, char in enumerate(chars, start=1)}
    classes, capitals = _classify(numbers)
    keys, rows = np.unique(_pack(ngrams, numbers), return_inverse=True)
    logs, lowest = np.log(shares + _SMOOTHING), np.log(_SMOOTHING)
    # Only differences count; centred, they survive single precision.
    means = lowest + np.bincount(rows, logs - lowest) / len(profiles)
    weights = np.empty((len(keys), len(profiles)), np.float32)
    weights[:] = (lowest - means)[:, None]
    weights[rows, columns] = logs - means[rows]
    table, slots = _hash_keys(keys)
    return Profiles(
        languages=tuple(names),
        classes=classes,
        capitals=capitals,
        keys=table,
        rows=slots,
        weights=weights,
        space=numbers[" "],
    )


def _list_ngrams(profiles: list[dict[str, Any]]) -> tuple[list[str], Indices, Floats]:
    """Return every n-gram of every profile, the profile's number and the share."""
    ngrams = [ngram for profile in profiles for ngram in profile["freq"]]
    sizes = [len(profile["freq"]) for profile in profiles]
    counts = np.concatenate([list(profile["freq"].values()) for profile in profiles])
    columns = np.repeat(np.arange(len(profiles)), sizes)
    lengths = np.fromiter(map(len, ngrams), np.int64, len(ngrams))
    used = np.flatnonzero(lengths <= _MOST)
    totals = np.array([profile["n_words"] for profile in profiles])
    shares = counts[used] / totals[columns[used], lengths[used] - 1]
    return [ngrams[row] for row in used.tolist()], columns[used], shares


def _pack(ngrams: list[str], numbers: dict[str, int]) -> Keys:
    """Number n-grams by the numbers of their characters."""
    codes = np.frombuffer("".join(ngrams).encode("utf-32-le"), np.uint32)
    own = np.zeros(_BMP_END, np.uint64)
    own[[ord(char) for char in numbers]] = list(numbers.values())
    letters = own[codes]
    lengths = np.fromiter(map(len, ngrams), np.int64, len(ngrams))
    starts = np.cumsum(lengths) - lengths
    keys = np.zeros(len(ngrams), np.uint64)
    for place in range(_MOST):
        has = lengths > place
        keys[has] = keys[has] << _BITS | letters[starts[has] + place]
    return keys


def _hash_keys(keys: Keys) -> tuple[Keys, npt.NDArray[np.int32]]:
    """Place every key in the first free slot from its hash on."""
    table = np.zeros(1 << _TABLE_BITS, np.uint64)
    rows = np.zeros(1 << _TABLE_BITS, np.int32)
    waiting = np.arange(len(keys))
    slots = (keys * _MULTIPLIER) >> _SHIFT
    while len(waiting):
        free = np.flatnonzero(table[slots] == 0)
        taken, first = np.unique(slots[free], return_index=True)
        placed = free[first]
        table[taken], rows[taken] = keys[waiting[placed]], waiting[placed]
        waiting = np.delete(waiting, placed)
        slots = (np.delete(slots, placed) + np.uint64(1)) & np.uint64(len(table) - 1)
    return table, rows


def _classify(
    numbers: dict[str, int],
) -> tuple[npt.NDArray[np.uint16], Flags]:
    """Apply langdetect's normalisation to every code point.

    From ``_CHANGED_END`` on it changes Han and Hangul only.
    """
    classes = np.full(0x110000, _UNKNOWN, np.uint16)
    capitals = np.zeros(0x110000, np.bool_)
    for first, end in _LATE_CAPITALS:
        capitals[first:end] = [chr(code).isupper() for code in range(first, end)]
    for char, number in numbers.items():  # mostly they stand for themselves
        classes[ord(char)] = number
    for code in range(_CHANGED_END):
        char = NGram.normalize(chr(code))
        classes[code] = numbers.get(char, _UNKNOWN)
        capitals[code] = char.isupper()
    for char, other in NGram.CJK_MAP.items():
        classes[ord(char)] = numbers.get(other, _UNKNOWN)
    classes[_HANGUL.start : _HANGUL.stop] = classes[_HANGUL.start]
    return classes, capitals


def _compose_vietnamese(text: str) -> str:
    """Put vowels and tone marks together, as langdetect does."""
    if not text.isascii() and _VIETNAMESE_MARKS.search(text):
        text = NGram.normalize_vi(text)
    return text


def _drop_quoted_latin(
    codes: Codes, owners: Indices, count: int
) -> tuple[Codes, Indices]:
    """Drop Latin letters from texts mostly in another script, as langdetect does."""
    is_latin = (codes >= ord("A")) & (codes <= ord("z"))
    is_more_latin = (codes >= _LATIN_ADDITIONAL[0]) & (codes <= _LATIN_ADDITIONAL[1])
    is_other = (codes >= _NON_LATIN) & ~is_more_latin
    if not is_other.any():
        return codes, owners
    latin = np.bincount(owners[is_latin], minlength=count)
    other = np.bincount(owners[is_other], minlength=count)
    keep = ~(is_latin & (latin * 2 < other)[owners])
    return codes[keep], owners[keep]


def _previous(values: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """Shift by one: what stood before each value; zero before the first."""
    shifted = np.zeros_like(values)
    shifted[1:] = values[:-1]
    return shifted


def _differs_from_previous(values: Indices) -> Flags:
    differs = np.ones(len(values), np.bool_)
    differs[1:] = values[1:] != values[:-1]
    return differs
