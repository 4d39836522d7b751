"""Tell which paragraphs of a page are its article's.

A small neural network looks at the numbers of ``pagemeasures`` and gives each paragraph
the log-odds of being part of the article. Of most pages it is sure. For the others an
extractor is asked for its opinion, and a second network judges with that in view. Both
are trained by ``bench/fit_pages.py``; their weights, and what names of elements are
worth, are data (``tasks/data/pages.json``).

Everything they add and multiply is a whole number small enough for ``float64`` to hold
exactly, so a paragraph gets the same answer on any machine.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tasks.pages.pagelandmarks import UNDER_BACK
from tasks.pages.pagemeasures import Columns, measure_page, measure_taken
from tasks.pages.pagenames import Weigh, weigh_by
from tasks.pages.pageopinion import read_opinion
from tasks.pages.pagesource import Floats, Part, Source

INPUT_GRAIN, WEIGHT_GRAIN = 64, 256
INPUT_LIMIT = 4  # standard deviations

_OPEN_ODDS = 2.0  # on either side
_MOST_OPEN = 0.2  # of the characters of the article
_SHORT_CHARS = 300
_UNLIKELY = -3.0
_LITTLE = 0.35  # of what the extractor takes
_BARELY = 0.1
_NOTHING = 0.1  # of what the first network keeps
_FILE = Path(__file__).parents[1] / "data" / "pages.json"


@dataclass(frozen=True, slots=True)
class Network:
    """A network with one hidden layer, in whole numbers.

    Attributes:
        names: Columns it looks at.
        mean: Mean of each in training.
        scale: Standard deviation of each in training.
        hidden: Weights of the hidden layer, units by columns, times ``WEIGHT_GRAIN``.
        hidden_bias: Their biases, times both grains.
        output: Weights of the units, times ``WEIGHT_GRAIN``.
        output_bias: Its bias, in log-odds.
    """

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: float

    def judge(self, columns: Columns) -> Floats:
        """Return the log-odds of every row."""
        table = np.array([columns[name] for name in self.names])
        table -= self.mean[:, None]
        table /= self.scale[:, None]
        np.clip(table, -INPUT_LIMIT, INPUT_LIMIT, out=table)
        table *= INPUT_GRAIN
        np.rint(table, out=table)
        units = self.hidden @ table
        units += self.hidden_bias[:, None]
        np.maximum(units, 0, out=units)
        grain = INPUT_GRAIN * WEIGHT_GRAIN * WEIGHT_GRAIN
        odds: Floats = self.output @ units / grain + self.output_bias
        return odds


class Judges(NamedTuple):
    """Both networks.

    Attributes:
        alone: Knows the page only.
        advised: Knows the opinion of the extractor too.
        weigh: What names of elements are worth.
    """

    alone: Network
    advised: Network
    weigh: Weigh


@cache
def load_judges() -> Judges:
    """Read the trained networks."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    odds = {word: tuple(worth) for word, worth in data["odds"].items()}
    alone, advised = (_read_network(data[name]) for name in ("alone", "advised"))
    return Judges(alone, advised, weigh_by(odds))


def _read_network(data: Mapping[str, Any]) -> Network:
    arrays = {
        name: np.array(data[name], np.float64)
        for name in ("mean", "scale", "hidden", "hidden_bias", "output")
    }
    arrays["hidden"] = np.ascontiguousarray(arrays["hidden"].T)
    return Network(tuple(data["names"]), **arrays, output_bias=data["output_bias"])


def judge_parts(source: Source, parts: Sequence[Part], told: str) -> list[float]:
    """Log-odds of every paragraph of a page to be its article's.

    Args:
        source: The page.
        parts: Its paragraphs.
        told: Folded text that the page says is its article; may be empty.
    """
    if not parts:
        return []
    judges = load_judges()
    columns = measure_page(source, parts, told, judges.weigh)
    odds = judges.alone.judge(columns)
    size = np.array([end - start for start, end, _ in parts])
    if is_open(odds, size):
        taken = read_opinion(source, choose_likely(parts, odds))
        columns |= measure_taken(source, parts, taken)
        odds = settle(odds, judges.advised.judge(columns), size, columns, len(taken))
    found: list[float] = odds.tolist()
    return found


def settle(
    alone: Floats, advised: Floats, size: Floats, columns: Columns, taken_chars: int
) -> Floats:
    """Log-odds by both networks.

    An extractor that finds next to nothing has no opinion. Where the second network
    keeps little of what it takes, it is believed too. It always takes back matter, so
    there it counts for nothing.

    Args:
        alone: Log-odds by the network that knows the page only.
        advised: Those by the network that knows the opinion of the extractor too.
        size: Characters of the paragraphs.
        columns: Their measures, the opinion among them.
        taken_chars: Characters that the extractor takes.
    """
    if taken_chars < _NOTHING * size[alone > 0].sum():
        return alone
    if size[advised > 0].sum() < _LITTLE * taken_chars:
        is_taken = columns["taken"] >= 1
        advised = np.where(is_taken, np.maximum(advised, _BARELY), advised)
    return np.where(columns[UNDER_BACK] > 0, np.minimum(alone, advised), advised)


def choose_likely(parts: Sequence[Part], odds: Floats) -> list[Part]:
    """Paragraphs that may be the article's: what an extractor is asked about."""
    return [part for part, one in zip(parts, odds, strict=True) if one > _UNLIKELY]


def is_open(odds: Floats, size: Floats) -> bool:
    """Whether the odds leave much open, for the size of the article.

    Args:
        odds: Log-odds of the paragraphs of a page.
        size: Their characters.
    """
    kept = max(float(size[odds > 0].sum()), _SHORT_CHARS)
    return float(size[np.abs(odds) < _OPEN_ODDS].sum()) > _MOST_OPEN * kept
