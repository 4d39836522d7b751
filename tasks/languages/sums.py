"""Sums of rows of a table, a text at a time."""

from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from tasks.languages.scripts import Indices

_Float = TypeVar("_Float", np.float32, np.float64)
_Rows: TypeAlias = npt.NDArray[np.int32] | Indices


def add_rows(
    table: npt.NDArray[_Float], rows: _Rows, owners: Indices, count: int
) -> npt.NDArray[_Float]:
    """Add up the rows of a table that each text asks for.

    Args:
        table: Anything, a row per thing that a text may hold.
        rows: Those that the texts hold.
        owners: The text of each, ascending.
        count: Number of texts.

    Returns:
        One row per text. It does not depend on the other texts, to the last bit: it is
        summed on its own.

    Examples:
        >>> table = np.array([[1.0, 2.0], [10.0, 20.0]])
        >>> add_rows(table, np.array([1, 1, 0]), np.array([0, 0, 2]), 3)
        array([[20., 40.],
               [ 0.,  0.],
               [ 1.,  2.]])
    """
    ends = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(owners, minlength=count), out=ends[1:])
    ones = np.ones(len(rows), table.dtype)
    places = rows.astype(np.int32, copy=False)
    # One sparse product, a row per text: how often it asks for each row of the table.
    asked = csr_array((ones, places, ends), (count, len(table)))
    sums: npt.NDArray[_Float] = asked @ table
    return sums
