"""Lessons: what parts of words say once everything else has been weighed.

The traces count each part of a word on its own, so those that tell two near relatives
apart drown in what both share. The lessons are what the review got wrong, part by part:
weights fitted to add to its sums what was missing (``bench/fit_traces.py``).
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from tasks.languages.scripts import Floats, Indices
from tasks.languages.traces import Keys

ROW_BITS = 18
"""Parts of words share a row if their keys begin with the same bits."""
_SHIFT = np.uint32(32 - ROW_BITS)
_DATA = resources.files("tasks") / "data" / "lessons.npz"


@dataclass(frozen=True, slots=True)
class Lessons:
    """Sparse weights, a row per group of parts, a column per language.

    Attributes:
        languages: Codes of the columns.
        ends: Where in ``columns`` and ``values`` each row ends, with a 0 ahead.
        columns: Place in ``languages``.
        values: Weight in steps of ``unit``.
        unit: One step, in log odds per root of the number of parts.
    """

    languages: tuple[str, ...]
    ends: Indices
    columns: npt.NDArray[np.uint8]
    values: npt.NDArray[np.int8]
    unit: float

    def score(self, keys: Keys, owners: Indices, count: int) -> Floats:
        """Score each text in each language.

        Args:
            keys: Parts of words, as of ``make_keys``.
            owners: The text of each.
            count: Number of texts.

        Returns:
            Log odds to add, one row per text. A row is the same to the last bit in any
            company: it is a sum of whole numbers.
        """
        rows = find_rows(keys)
        starts = self.ends[rows]
        lengths = self.ends[rows + 1] - starts
        before = np.cumsum(lengths) - lengths
        entries = np.repeat(starts - before, lengths) + np.arange(lengths.sum())
        width = len(self.languages)
        sums = np.bincount(
            np.repeat(owners, lengths) * width + self.columns[entries],
            self.values[entries],
            minlength=count * width,
        ).reshape(count, width)
        every = np.bincount(owners, minlength=count)
        scores: Floats = sums * (self.unit / np.sqrt(np.maximum(every, 1)))[:, None]
        return scores


def find_rows(keys: Keys) -> Indices:
    """Return the row of each key."""
    return (keys >> _SHIFT).astype(np.int64)


def no_lessons(languages: Sequence[str]) -> Lessons:
    """Return lessons that say nothing."""
    return Lessons(
        tuple(languages),
        np.zeros((1 << ROW_BITS) + 1, np.int64),
        np.zeros(0, np.uint8),
        np.zeros(0, np.int8),
        1.0,
    )


@functools.cache
def load_lessons(name: str) -> Lessons:
    """Read the lessons of one of the fits in ``data/detect.json``, once a process."""
    with _DATA.open("rb") as file, np.load(file) as data:
        lengths = data[f"{name}_lengths"]
        return Lessons(
            tuple(data[f"{name}_languages"].tolist()),
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
            data[f"{name}_columns"],
            data[f"{name}_values"],
            float(data[f"{name}_unit"]),
        )
