"""Places of hashes among known ones, found many at once."""

from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

_Hash = TypeVar("_Hash", np.uint32, np.uint64)


class HashIndex(Generic[_Hash]):
    """Known hashes, and where those begin that share their upper bits.

    Attributes:
        keys: The known hashes, ascending.
    """

    def __init__(self, keys: npt.NDArray[_Hash], bits: int) -> None:
        """Build the index.

        Args:
            keys: Known hashes, ascending.
            bits: Upper bits that are looked up at once: about as many as to tell
                hashes apart mostly. Every one doubles the memory.
        """
        self.keys: npt.NDArray[_Hash] = keys
        self._shift: np.integer[Any] = keys.dtype.type(8 * keys.itemsize - bits)
        places = (keys >> self._shift).astype(np.int64)
        sizes = np.bincount(places, minlength=1 << bits).astype(np.int32)
        self._starts = np.cumsum(sizes, dtype=np.int32) - sizes

    def find(self, keys: npt.NDArray[_Hash]) -> npt.NDArray[np.int64]:
        """Return the place of each hash; -1 if it is not known.

        Examples:
            >>> HashIndex(np.array([5, 7], np.uint32), 4).find(np.uint32([7, 6, 9]))
            array([ 1, -1, -1])
        """
        if not len(self.keys):
            return np.full(len(keys), -1, np.int64)
        at = self._starts[keys >> self._shift].astype(np.int64)
        seen = self.keys.take(at, mode="clip")
        found = np.where(seen == keys, at, -1)
        # They ascend: on to the next while there are smaller ones.
        left = np.flatnonzero(seen < keys)
        at = at[left]
        while len(left):
            at, wanted = at + 1, keys[left]
            seen = self.keys.take(at, mode="clip")
            hit = seen == wanted
            found[left[hit]] = at[hit]
            on = (seen < wanted) & (at < len(self.keys))
            left, at = left[on], at[on]
        return found
