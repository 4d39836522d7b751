"""Which letters a language is written with, beyond those of ASCII.

A single letter that a language never uses says much against it, even where no word of a
text is known. Each letter counts once a text: a name may repeat one.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from tasks.languages.scripts import Floats, join_texts
from tasks.languages.sums import add_rows

_BASIC_PLANE = 0x10000
_DATA = resources.files("tasks") / "data" / "letters.npz"


@dataclass(frozen=True, slots=True)
class Letters:
    """How frequent letters are, a row per letter, a column per language.

    Attributes:
        languages: Codes of the columns.
        places: Row of each code point of the basic plane; 0 of all others.
        table: Log of the share of each letter above that of one never used, in steps of
            ``unit``. The first row is of no letter: nothing.
        unit: One step.
    """

    languages: tuple[str, ...]
    places: npt.NDArray[np.int32]
    table: npt.NDArray[np.float32]
    unit: float

    def score(self, texts: Sequence[str]) -> Floats:
        """Return the log likelihood of each text's letters in each language.

        Returns:
            One row per text, up to a constant. It is the same to the last bit in any
            company: it is a sum of whole numbers.

        Examples:
            >>> letters = load_letters()
            >>> scores = letters.score(["Fuß"])[0]
            >>> letters.languages[int(scores.argmax())]
            'de'
        """
        codes, owners = join_texts([text.lower() for text in texts])
        codes = np.where(codes < _BASIC_PLANE, codes, 0)
        rows = self.places[codes]
        size = len(self.table)
        once = np.unique((owners * size + rows)[rows > 0])
        owners, rows = np.divmod(once, size)
        sums = add_rows(self.table, rows, owners, len(texts))
        return sums.astype(np.float64) * self.unit


@functools.cache
def load_letters() -> Letters:
    """Read the shares of letters, once a process."""
    with _DATA.open("rb") as file, np.load(file) as data:
        places = np.zeros(_BASIC_PLANE, np.int32)
        places[data["letters"]] = np.arange(1, len(data["letters"]) + 1)
        steps = data["values"].astype(np.float32)
        return Letters(
            tuple(data["languages"].tolist()),
            places,
            np.concatenate([np.zeros_like(steps[:1]), steps]),
            float(data["unit"]),
        )
