"""Our own small profiles: what words of each language look like, in any letter case.

langdetect knows 55 languages and eldc 60; these profiles know all of the detector's,
and matter most for those that neither knows. They hold parts of words of three to five
letters, ends of the word included, and whole words. ``bench/fit_traces.py`` makes them.

The vocabulary is of the same make, but holds whole words only, counted on far more
text: what parts of words leave open, a single word often settles. It is the work of
``bench/fit_vocabulary.py``.
"""

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from tasks.hashindex import HashIndex
from tasks.languages.scripts import Codes, Flags, Floats, Indices, join_texts
from tasks.languages.sums import add_rows

Keys: TypeAlias = npt.NDArray[np.uint32]
"""Parts of words as numbers. Of 10,000 unknown parts one is taken for a known one."""
_Number = TypeVar("_Number", np.uint64, np.bool_)

SHORTEST, LONGEST = 3, 5
"""Letters of a part of a word; the ends of the word count as letters."""
_BASE = np.uint64(0x9E3779B97F4A7C15)  # of a polynomial over code points; odd
_MIXER = np.uint64(0xBF58476D1CE4E5B9)
_UPPER = np.uint64(32)
_WORD = np.uint64(0x5851F42D4C957F2D)  # keeps whole words apart from parts of words
_LONGEST_WORD = 64
_INDEX_BITS = 21
_MANY = 8  # languages that share a part
_SPACE = 0x20
_DATA = resources.files("tasks") / "data"


class Parts(NamedTuple):
    """Parts of words, text by text.

    Attributes:
        keys: Their numbers.
        owners: Position of the text of each.
        whole: Those that are words, not parts of one.
    """

    keys: Keys
    owners: Indices
    whole: Flags


@dataclass(frozen=True, slots=True)
class Traces:
    """The profiles as arrays; what a part says of the languages lies side by side.

    Attributes:
        languages: Codes, sorted.
        index: Parts of words.
        ends: Where in ``columns`` and ``values`` the languages of each part end, with
            a 0 ahead: also where those of the next begin.
        columns: Place in ``languages`` of a language that uses the part.
        values: How much it speaks for it: log likelihood above that of a part never
            seen, in steps of ``unit``.
        unit: Log likelihood of one step.
        few: Entries of each part that few languages share; 0 of others. As of
            ``places``, the last is of what is no part.
        places: Row of ``shared`` of each part.
        shared: The values of parts that many languages share, a column per language:
            faster than their entries. The first row is of all others: nothing.
    """

    languages: tuple[str, ...]
    index: HashIndex[np.uint32]
    ends: Indices
    columns: npt.NDArray[np.uint8]
    values: npt.NDArray[np.uint8]
    unit: float
    few: npt.NDArray[np.uint8]
    places: npt.NDArray[np.int32]
    shared: npt.NDArray[np.float32]

    def score(self, keys: Keys, owners: Indices, count: int) -> tuple[Floats, Indices]:
        """Score each text in each language.

        Args:
            keys: Parts of words, as of ``make_keys``: text by text.
            owners: The text of each.
            count: Number of texts.

        Returns:
            Log likelihood up to a constant per text (columns as ``languages``), and
            the number of parts that it rests on. A row is the same to the last bit in
            any company: it is a sum of whole numbers.
        """
        rows = self.index.find(keys)
        sums = self._add_few(rows, owners, count)
        sums += add_rows(self.shared, self.places[rows], owners, count)
        counts = np.bincount(owners, rows >= 0, minlength=count)
        return sums * self.unit, counts.astype(np.int64)

    def _add_few(self, rows: Indices, holders: Indices, count: int) -> Floats:
        """Add up what the entries of each part say, one after the other."""
        lengths = self.few[rows]
        # All entries of all parts: count up from each part's start.
        after = np.cumsum(lengths, dtype=np.int64)
        starts = self.ends[rows] - (after - lengths)
        entries = np.repeat(starts, lengths) + np.arange(after[-1:].sum())
        width = len(self.languages)
        sums = np.bincount(
            np.repeat(holders, lengths) * width + self.columns[entries],
            self.values[entries],
            minlength=count * width,
        )
        return sums.reshape(count, width).astype(np.float64)


def arrange(  # noqa: PLR0913 - the columns of the data file
    languages: Sequence[str],
    keys: Keys,
    lengths: npt.NDArray[np.uint8],
    *,
    columns: npt.NDArray[np.uint8],
    values: npt.NDArray[np.uint8],
    unit: float,
) -> Traces:
    """Make the tables from what is stored; ``lengths`` are languages per part."""
    many = lengths >= _MANY
    places = np.where(many, np.cumsum(many, dtype=np.int32), 0)
    rows = np.repeat(places, lengths)
    is_shared = rows > 0
    shared = np.zeros((int(many.sum()) + 1, len(languages)), np.float32)
    shared[rows[is_shared], columns[is_shared]] = values[is_shared]
    return Traces(
        languages=tuple(languages),
        index=HashIndex(keys, _INDEX_BITS),
        ends=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        columns=columns,
        values=values,
        unit=unit,
        few=np.append(np.where(many, 0, lengths), 0).astype(np.uint8),
        places=np.append(places, 0).astype(np.int32),
        shared=shared,
    )


@functools.cache
def load_traces() -> Traces:
    """Read the profiles, once a process."""
    return _load("traces")


@functools.cache
def load_vocabulary() -> Traces:
    """Read the vocabulary, once a process: its parts are whole words."""
    return _load("vocabulary")


def _load(name: str) -> Traces:
    with (_DATA / f"{name}.npz").open("rb") as file, np.load(file) as data:
        return arrange(
            data["languages"].tolist(),
            data["keys"],
            data["lengths"],
            columns=data["columns"],
            values=data["values"],
            unit=float(data["unit"]),
        )


def make_keys(texts: Sequence[str]) -> Parts:
    """Number the parts of the words of each text, and the longer words.

    Examples:
        >>> keys, owners, whole = make_keys(["No aliens", "No"])
        >>> owners[whole].tolist(), keys[whole][0] == keys[whole][2]
        ([0, 0, 1], np.True_)
    """
    codes, owners = join_texts([*(text.lower() for text in texts), ""])
    codes = _letters()[codes]
    is_space = codes == _SPACE
    keep = ~(is_space & _shift(is_space, 1))
    codes, owners, is_space = codes[keep], owners[keep], is_space[keep]
    letters = codes.astype(np.uint64)
    # A part that ends with its word is of the text of the letter before.
    held = np.concatenate([owners[:1], owners[:-1]])
    part, inner = letters, ~np.zeros(len(codes), np.bool_)
    inner[:1] = False
    part = _shift(part, 1) * _BASE + letters
    keys, holders, wholes = [], [], []
    for length in range(SHORTEST, LONGEST + 1):
        part = _shift(part, 1) * _BASE + letters
        inner = inner & ~_shift(is_space, length - 2)
        inner[: length - 1] = False
        keys.append(part[inner])
        holders.append(held[inner])
        wholes.append((is_space & _shift(is_space, length - 1))[inner])
    words, word_owners = _make_word_keys(letters, owners, is_space)
    wholes.append(np.ones(len(words), np.bool_))
    every = np.concatenate([*holders, word_owners])
    small = every.astype(np.min_scalar_type(len(texts)))  # sorted by radix: fast
    order = np.argsort(small, kind="stable")
    mixed = (np.concatenate([*keys, words]) * _MIXER >> _UPPER).astype(np.uint32)
    return Parts(mixed[order], every[order], np.concatenate(wholes)[order])


def number_ngrams(ngrams: Sequence[str]) -> Keys:
    """Number letters that follow each other within words, as ``make_keys`` does.

    Args:
        ngrams: Lower case, all of one length, of the basic plane.

    Examples:
        >>> set(number_ngrams(["ovi", "vie"])) < set(make_keys(["movies"])[0])
        True
    """
    joined = "".join(ngrams).encode("utf-32-le")
    letters = np.frombuffer(joined, np.uint32).reshape(len(ngrams), -1)
    part = np.zeros(len(ngrams), np.uint64)
    for column in letters.T:
        part = part * _BASE + column.astype(np.uint64)
    return (part * _MIXER >> _UPPER).astype(np.uint32)


def _make_word_keys(
    letters: npt.NDArray[np.uint64], owners: Indices, is_space: Flags
) -> tuple[npt.NDArray[np.uint64], Indices]:
    """Number the words that are longer than any part."""
    starts = np.flatnonzero(~is_space & _shift(is_space, 1))
    if not len(starts):
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    ends = np.flatnonzero(is_space)
    lengths = ends[np.searchsorted(ends, starts)] - starts
    long = (lengths > LONGEST - 2) & (lengths <= _LONGEST_WORD)
    starts, lengths = starts[long], lengths[long]
    place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    terms = letters[np.repeat(starts, lengths) + place] * _powers()[place]
    if not len(starts):
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    sums = np.add.reduceat(terms, np.cumsum(lengths) - lengths)
    return sums * _WORD + lengths.astype(np.uint64), owners[starts]


@functools.cache
def _powers() -> npt.NDArray[np.uint64]:
    factors = np.full(_LONGEST_WORD, _BASE)
    factors[0] = 1
    return np.cumprod(factors)


@functools.cache
def _letters() -> Codes:
    """Return each code point, and a space for those that are no letters or marks."""
    table = np.full(0x110000, _SPACE, np.uint32)
    for code in range(0x10000):
        if unicodedata.category(chr(code))[0] in "LM":
            table[code] = code
    return table


def _shift(values: npt.NDArray[_Number], by: int) -> npt.NDArray[_Number]:
    """Return what stood ``by`` places before each value; zero before the first."""
    shifted = np.zeros_like(values)
    shifted[by:] = values[:-by]
    return shifted
