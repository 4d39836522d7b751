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
from tasks.languages.sums import add_rows
from tasks.languages.traces import Keys

ROW_BITS = 18
"""Parts of words share a row if their keys begin with the same bits."""
_SHIFT = np.uint32(32 - ROW_BITS)
_DATA = resources.files("tasks") / "data" / "lessons.npz"


@dataclass(frozen=True, slots=True)
class Lessons:
    """Weights, a row per group of parts, a column per language.

    Attributes:
        languages: Codes of the columns.
        places: Row of ``table`` of each group of parts.
        table: The weights in steps of ``unit``, columns as ``languages``. The first row
            is of all groups without any.
        unit: One step, in log odds per root of the number of parts.
    """

    languages: tuple[str, ...]
    places: npt.NDArray[np.int32]
    table: npt.NDArray[np.float32]
    unit: float

    def score(self, keys: Keys, owners: Indices, count: int) -> Floats:
        """Score each text in each language.

        Args:
            keys: Parts of words, as of ``make_keys``: text by text.
            owners: The text of each.
            count: Number of texts.

        Returns:
            Log odds to add, one row per text. A row is the same to the last bit in any
            company: it is a sum of whole numbers.
        """
        every = np.bincount(owners, minlength=count)
        sums = add_rows(self.table, self.places[find_rows(keys)], owners, count)
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
    """Make the tables from what is stored; ``lengths`` are weights per group."""
    is_taught = lengths > 0
    places = np.where(is_taught, np.cumsum(is_taught, dtype=np.int32), 0)
    table = np.zeros((int(is_taught.sum()) + 1, len(languages)), np.float32)
    table[np.repeat(places, lengths), columns] = values
    return Lessons(tuple(languages), places.astype(np.int32), table, unit)


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
