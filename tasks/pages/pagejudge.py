"""Tell which paragraphs of a page are its article's.

A small neural network looks at the numbers of ``pagemeasures`` and gives each paragraph
the log-odds of being part of the article. It is trained by ``bench/fit_pages.py``; its
weights, and what names of classes are worth, are data (``tasks/data/pages.json``).

Everything it adds and multiplies is a whole number small enough for ``float64`` to hold
exactly, so a paragraph gets the same answer on any machine.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from tasks.pages.pagemeasures import (
    Columns,
    Floats,
    Known,
    NameOdds,
    Part,
    measure_page,
)
from tasks.pages.pagesource import Source

INPUT_GRAIN, WEIGHT_GRAIN = 64, 256
INPUT_LIMIT = 4  # standard deviations

_LITTLE = 0.35  # of what the extractor takes
_BARELY = 0.1
_FILE = Path(__file__).parents[1] / "data" / "pages.json"


@dataclass(frozen=True, slots=True)
class Network:
    """A network with one hidden layer, in whole numbers.

    Attributes:
        names: Columns of ``measure_page`` it looks at.
        mean: Mean of each in training.
        scale: Standard deviation of each in training.
        hidden: Weights of the hidden layer, columns by units, times ``WEIGHT_GRAIN``.
        hidden_bias: Their biases, times both grains.
        output: Weights of the units, times ``WEIGHT_GRAIN``.
        output_bias: Its bias, in log-odds.
        odds: What names of classes are worth.
    """

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: float
    odds: NameOdds

    def judge(self, columns: Columns) -> Floats:
        """Return the log-odds of every row."""
        table = np.stack([columns[name] for name in self.names], axis=1)
        table = (table - self.mean) / self.scale
        table = np.rint(np.clip(table, -INPUT_LIMIT, INPUT_LIMIT) * INPUT_GRAIN)
        units = np.maximum(table @ self.hidden + self.hidden_bias, 0)
        grain = INPUT_GRAIN * WEIGHT_GRAIN * WEIGHT_GRAIN
        odds: Floats = units @ self.output / grain + self.output_bias
        return odds


@cache
def load_network() -> Network:
    """Read the trained network."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    arrays = ("mean", "scale", "hidden", "hidden_bias", "output")
    return Network(
        names=tuple(data["names"]),
        **{name: np.array(data[name], np.float64) for name in arrays},
        output_bias=data["output_bias"],
        odds={word: tuple(worth) for word, worth in data["odds"].items()},
    )


def judge_parts(source: Source, parts: Sequence[Part], known: Known) -> list[float]:
    """Log-odds of every paragraph of a page to be its article's.

    Where the network finds little against the extractor, the extractor is believed too.

    Args:
        source: The page.
        parts: Its paragraphs.
        known: What else is known of it.
    """
    if not parts:
        return []
    network = load_network()
    columns = measure_page(source, parts, known, network.odds)
    odds = network.judge(columns)
    size = np.array([end - start for start, end, _ in parts])
    if size[odds > 0].sum() < _LITTLE * len(known.taken):
        odds = np.where(columns["taken"] >= 1, np.maximum(odds, _BARELY), odds)
    found: list[float] = odds.tolist()
    return found
