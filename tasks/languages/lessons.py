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
from scipy.sparse import csr_array

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
        lengths: Weights in each row.
        table: The weights in steps of ``unit``, columns as ``languages``.
        unit: One step, in log odds per root of the number of parts.
    """

    languages: tuple[str, ...]
    lengths: npt.NDArray[np.uint8]
    table: csr_array
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
        every = np.bincount(owners, minlength=count)
        taught = np.flatnonzero(self.lengths[rows])
        rows, owners = rows[taught], owners[taught]
        order = np.argsort(owners.astype(np.uint16), kind="stable")  # radix: fast
        ends = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=count))])
        ones = np.ones(len(rows), np.float32)
        parts = csr_array((ones, rows[order], ends), (count, self.table.shape[0]))
        sums = (parts @ self.table).toarray().astype(np.float64)
        scores: Floats = sums * (self.unit / np.sqrt(np.maximum(every, 1)))[:, None]
        return scores


def find_rows(keys: Keys) -> Indices:
    """Return the row of each key."""
    return (keys >> _SHIFT).astype(np.int64)


def arrange(
    languages: Sequence[str],
    lengths: npt.NDArray[np.uint8],
    columns: npt.NDArray[np.uint8],
    values: npt.NDArray[np.int8],
    unit: float,
) -> Lessons:
    """Make the tables from what is stored; see ``Lessons``."""
    ends = np.concatenate([[0], np.cumsum(lengths, dtype=np.int32)], dtype=np.int32)
    steps = values.astype(np.float32), columns.astype(np.int32), ends
    table = csr_array(steps, (len(lengths), len(languages)))
    return Lessons(tuple(languages), lengths, table, unit)


@functools.cache
def load_lessons(name: str) -> Lessons:
    """Read the lessons of one of the fits in ``data/detect.json``, once a process."""
    with _DATA.open("rb") as file, np.load(file) as data:
        return arrange(
            data[f"{name}_languages"].tolist(),
            data[f"{name}_lengths"],
            data[f"{name}_columns"],
            data[f"{name}_values"],
            float(data[f"{name}_unit"]),
        )
