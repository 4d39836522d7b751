"""Our own small profiles: what words of each language look like, in any letter case.

langdetect knows 55 languages and eldc 60; these profiles know all of the detector's,
and matter most for those that neither knows. They hold parts of words of three to five
letters, ends of the word included, and whole words. ``bench/fit_traces.py`` makes them.

The vocabulary is of the same make, but holds whole words only, counted on far more
text: what parts of words leave open, a single word often settles. It is the work of
``bench/fit_vocabulary.py``.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from tasks.hashindex import HashIndex
from tasks.languages.scripts import (
    Codes,
    Flags,
    Floats,
    Indices,
    classify_signs,
    join_texts,
)
from tasks.languages.sums import add_rows

Keys: TypeAlias = npt.NDArray[np.uint32]
"""Parts of words as numbers. Of 10,000 unknown parts one is taken for a known one."""
_Number = TypeVar("_Number", np.uint64, np.bool_)

TRACE_CHARS = 240
"""What of a text is looked at: more adds next to nothing."""
SHORTEST, LONGEST = 3, 5
"""Letters of a part of a word; the ends of the word count as letters."""
_BASE = np.uint64(0x9E3779B97F4A7C15)  # of a polynomial over code points; odd
_MIXER = np.uint64(0xBF58476D1CE4E5B9)
_UPPER = np.uint64(32)
_WORD = np.uint64(0x5851F42D4C957F2D)  # keeps whole words apart from parts of words
_LONGEST_WORD = 64
_INDEX_BITS = 21
_FEW = 4  # languages: that many pairs of bytes are one number
_IS_FEW, _IS_NONE = -1, -2
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


class Trail(NamedTuple):
    """What the traces say of some texts, and the parts of words that it rests on.

    Attributes:
        parts: Of each text.
        scores: Log likelihood, a row per text, columns as the traces' languages.
        counts: Parts that the traces know.
    """

    parts: Parts
    scores: Floats
    counts: Indices

    def take(self, rows: Indices) -> "Trail":
        """Return the same of some of the texts, in order."""
        is_kept = np.zeros(len(self.scores), np.bool_)
        is_kept[rows] = True
        keys, owners, whole = self.parts
        chosen = is_kept[owners]
        numbers = np.cumsum(is_kept) - 1
        return Trail(
            Parts(keys[chosen], numbers[owners[chosen]], whole[chosen]),
            self.scores[rows],
            self.counts[rows],
        )


class Stored(NamedTuple):
    """The profiles as they are stored; what a part says of languages is side by side.

    Attributes:
        languages: Codes, sorted.
        keys: Parts of words, ascending.
        lengths: Number of languages that use each.
        columns: Place in ``languages`` of each of them, part by part.
        values: How much the part speaks for it: log likelihood above that of a part
            never seen, in steps of ``unit``.
        unit: Log likelihood of one step.
    """

    languages: tuple[str, ...]
    keys: Keys
    lengths: npt.NDArray[np.uint8]
    columns: npt.NDArray[np.uint8]
    values: npt.NDArray[np.uint8]
    unit: float


@dataclass(frozen=True, slots=True)
class Traces:
    """The profiles as tables, a column per language.

    Attributes:
        languages: Codes of the columns.
        index: Parts of words.
        unit: Log likelihood of one step.
        few: The languages of each part that few share, and its values: ``_FEW`` pairs
            of bytes, as one number. A value of 0 is of none.
        places: Row of ``shared`` of each other part; ``_IS_FEW`` of these. The last is
            ``_IS_NONE``: of what is no part.
        shared: Values of parts that many languages share, a column per language.
    """

    languages: tuple[str, ...]
    index: HashIndex[np.uint32]
    unit: float
    few: npt.NDArray[np.uint64]
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
        places = self.places[rows]
        is_shared = np.flatnonzero(places >= 0)
        is_few = np.flatnonzero(places == _IS_FEW)
        sharers, holders = owners[is_shared], owners[is_few]
        sums = self._add_few(rows[is_few], holders, count)
        sums += add_rows(self.shared, places[is_shared], sharers, count)
        counts = np.bincount(sharers, minlength=count)
        counts += np.bincount(holders, minlength=count)
        return sums * self.unit, counts

    def _add_few(self, rows: Indices, owners: Indices, count: int) -> Floats:
        """Add up the values of parts that few languages share."""
        pairs = self.few[rows].view(np.uint8).reshape(-1, _FEW, 2)
        width = len(self.languages)
        sums = np.bincount(
            ((owners * width)[:, None] + pairs[:, :, 0]).ravel(),
            pairs[:, :, 1].ravel(),
            minlength=count * width,
        )
        return sums.reshape(count, width).astype(np.float64)

    def follow(self, texts: Sequence[str]) -> Trail:
        """Score texts by the parts of their words."""
        parts = make_keys([text[:TRACE_CHARS] for text in texts])
        return Trail(parts, *self.score(parts.keys, parts.owners, len(texts)))


def arrange(stored: Stored) -> Traces:
    """Make the tables from what is stored."""
    lengths, width = stored.lengths, len(stored.languages)
    many = lengths > _FEW
    shares = np.repeat(many, lengths)
    rows = np.repeat(
        np.arange(many.sum(), dtype=np.int32) * np.int32(width), lengths[many]
    )
    shared = np.zeros((int(many.sum()), width), np.float32)
    shared.ravel()[rows + stored.columns[shares]] = stored.values[shares]
    places = np.full(len(lengths) + 1, _IS_FEW, np.int32)
    places[:-1][many] = np.arange(many.sum())
    places[-1] = _IS_NONE
    pairs = np.stack([stored.columns, stored.values], axis=1).view(np.uint16).ravel()
    few = np.zeros((len(lengths), _FEW), np.uint16)
    starts = np.cumsum(lengths, dtype=np.int32) - lengths
    having = np.flatnonzero(~many)
    for place in range(_FEW):
        having = having[lengths[having] > place]
        few[having, place] = pairs[starts[having] + place]
    return Traces(
        languages=stored.languages,
        index=HashIndex(stored.keys, _INDEX_BITS),
        unit=stored.unit,
        few=few.view(np.uint64).ravel(),
        places=places,
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
            Stored(
                tuple(data["languages"].tolist()),
                data["keys"],
                data["lengths"],
                data["columns"],
                data["values"],
                float(data["unit"]),
            )
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
    # A row per letter, a column per length of the parts that end there; one of words.
    keys = np.empty((len(codes), LONGEST - SHORTEST + 2), np.uint32)
    used, whole = np.zeros_like(keys, np.bool_), np.zeros_like(keys, np.bool_)
    part = _shift(letters, 1) * _BASE + letters
    inner = np.ones(len(codes), np.bool_)
    for column, length in enumerate(range(SHORTEST, LONGEST + 1)):
        part = _shift(part, 1) * _BASE + letters
        inner &= ~_shift(is_space, length - 2)
        inner[: length - 1] = False
        keys[:, column] = part * _MIXER >> _UPPER
        used[:, column] = inner
        np.logical_and(is_space, _shift(is_space, length - 1), out=whole[:, column])
    words, ends = _make_word_keys(letters, is_space)
    keys[ends, -1] = words * _MIXER >> _UPPER
    used[ends, -1] = whole[:, -1] = True
    chosen = np.flatnonzero(used)
    return Parts(
        keys.ravel()[chosen], held[chosen // keys.shape[1]], whole.ravel()[chosen]
    )


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
    letters: npt.NDArray[np.uint64], is_space: Flags
) -> tuple[npt.NDArray[np.uint64], Indices]:
    """Number the words that are longer than any part; tell where each ends."""
    starts = np.flatnonzero(~is_space & _shift(is_space, 1))
    ends = np.flatnonzero(is_space & ~_shift(is_space, 1, first=True))
    lengths = ends - starts
    long = (lengths > LONGEST - 2) & (lengths <= _LONGEST_WORD)
    starts, ends, lengths = starts[long], ends[long], lengths[long]
    if not len(starts):
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    firsts = np.cumsum(lengths) - lengths
    place = np.arange(lengths.sum()) - np.repeat(firsts, lengths)
    terms = letters[np.repeat(starts, lengths) + place] * _powers()[place]
    sums = np.add.reduceat(terms, firsts)
    return sums * _WORD + lengths.astype(np.uint64), ends


@functools.cache
def _powers() -> npt.NDArray[np.uint64]:
    factors = np.full(_LONGEST_WORD, _BASE)
    factors[0] = 1
    return np.cumprod(factors)


@functools.cache
def _letters() -> Codes:
    """Return each code point, and a space for those that are no letters or marks."""
    table = np.full(0x110000, _SPACE, np.uint32)
    classes = classify_signs()
    letters = np.flatnonzero((classes == ord("L")) | (classes == ord("M")))
    table[letters] = letters
    return table


def _shift(
    values: npt.NDArray[_Number], by: int, *, first: bool = False
) -> npt.NDArray[_Number]:
    """Return what stood ``by`` places before each value; ``first`` before them all."""
    shifted = np.empty_like(values)
    shifted[:by] = first
    shifted[by:] = values[:-by]
    return shifted
