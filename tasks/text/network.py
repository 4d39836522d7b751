"""The network that looks at the blocks of plain texts; its weights are data.

It gives each block the log-odds of being part of the article, and of being its title.
It sees the numbers of ``measures``, how often blocks with its words are part of an
article (``words.Signs``), and in two further layers what it made of the blocks around.
``bench/fit_lines.py`` trains it.

Everything it adds and multiplies is a whole number small enough for ``float32`` to hold
exactly, so a block gets the same answer in any batch and on any machine.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tasks.hashindex import HashIndex
from tasks.text.measures import Measures
from tasks.text.words import index_keys

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

GRAIN, WEIGHT_GRAIN = 64, 256
SIGN_GRAIN = 256
TOLD = ("told_against", "told_for")
"""Columns that the signs make: of those that speak against the article, and for it."""

INPUT_LIMIT = 4  # standard deviations
UNIT_LIMIT = 32
DAMPING = 3  # signs; a block with few of them is told little
STEPS = (1, 3, 9)
"""How many places away a layer looks, on both sides."""

_GAP = max(STEPS)  # empty rows between articles
_FILE = Path(__file__).parents[1] / "data" / "lines.npz"


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of one network, in whole numbers.

    Attributes:
        inner: Weights of the first layer, inputs by units, times ``WEIGHT_GRAIN``.
        inner_bias: Their biases, times both grains.
        around: Of each further layer its weights: units of the block before, the block
            itself and the block behind, by units.
        around_bias: Their biases, times both grains.
        output: Weights of the answers: part of the article, its title.
        output_bias: Their biases, in log-odds.
    """

    inner: Floats
    inner_bias: Floats
    around: tuple[Floats, ...]
    around_bias: tuple[Floats, ...]
    output: Floats
    output_bias: Floats


@dataclass(frozen=True, slots=True)
class Network:
    """Several networks that look at the same; the answer is their mean.

    Attributes:
        names: Columns they look at, before those of ``TOLD``.
        mean: Mean of each in training.
        scale: Standard deviation of each in training.
        signs: Known signs.
        sign_odds: Log-odds of blocks with each sign against those of others, in whole
            numbers of ``1 / SIGN_GRAIN``.
        members: The networks.
    """

    names: tuple[str, ...]
    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    signs: HashIndex[np.uint64]
    sign_odds: Ints
    members: tuple[Layers, ...]

    def judge(self, measures: Measures) -> Floats:
        """Return the log-odds of every block: part of the article, its title."""
        place = self.signs.find(measures.signs.keys)
        is_known = place >= 0
        count = int(measures.sizes.sum())
        told = tell(
            measures.signs.text[is_known], self.sign_odds[place[is_known]], count
        )
        # One column after the other: faster to write than block after block.
        table = np.stack([*(measures.columns[name] for name in self.names), *told])
        table -= self.mean[:, np.newaxis]
        table /= self.scale[:, np.newaxis]
        np.clip(table, -INPUT_LIMIT, INPUT_LIMIT, out=table)
        table *= GRAIN
        inputs: Floats = np.rint(table, out=table).astype(np.float32).T
        rows = _Rows(measures.sizes)
        odds = [_judge(layers, inputs, rows) for layers in self.members]
        found: Floats = sum(odds[1:], odds[0]) / np.float32(len(odds))
        return found

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return everything under names, to be saved."""
        arrays = {
            "names": np.array(self.names),
            "mean": self.mean,
            "scale": self.scale,
            "keys": self.signs.keys,
            "sign_odds": self.sign_odds.astype(np.int16),
        }
        for number, layers in enumerate(self.members):
            arrays |= {f"{number}.{key}": value for key, value in _parts(layers)}
        return arrays


def _parts(layers: Layers) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    yield "inner", layers.inner.astype(np.int16)
    yield "inner_bias", layers.inner_bias.astype(np.int32)
    for at, (weights, bias) in enumerate(
        zip(layers.around, layers.around_bias, strict=True)
    ):
        yield f"around.{at}", weights.astype(np.int16)
        yield f"around_bias.{at}", bias.astype(np.int32)
    yield "output", layers.output.astype(np.int16)
    yield "output_bias", layers.output_bias


def read_network(arrays: Mapping[str, npt.NDArray[Any]]) -> Network:
    """Return the network of saved arrays."""

    def layers(number: int) -> Layers:
        def part(name: str) -> Floats:
            return arrays[f"{number}.{name}"].astype(np.float32)

        steps = range(len(STEPS))
        return Layers(
            part("inner"),
            part("inner_bias"),
            tuple(part(f"around.{at}") for at in steps),
            tuple(part(f"around_bias.{at}") for at in steps),
            part("output"),
            part("output_bias"),
        )

    count = sum(name.endswith(".inner") for name in arrays)
    return Network(
        tuple(arrays["names"].tolist()),
        arrays["mean"],
        arrays["scale"],
        index_keys(arrays["keys"]),
        arrays["sign_odds"].astype(np.int64),
        tuple(layers(number) for number in range(count)),
    )


@cache
def load_network() -> Network:
    """Read the trained network."""
    with np.load(_FILE) as arrays:
        return read_network(arrays)


def tell(
    text: Ints, odds: npt.NDArray[Any], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return what the signs of each block tell together: the columns of ``TOLD``.

    Args:
        text: Number of the block of each known sign.
        odds: What it tells, in whole numbers of ``1 / SIGN_GRAIN``.
        count: Blocks.

    Examples:
        >>> against, _ = tell(np.array([1]), np.array([-512]), 2)
        >>> against
        array([ 0., -1.])
    """
    known = np.bincount(text, minlength=count)
    damping = np.sqrt(np.maximum(known, 1) + DAMPING) * SIGN_GRAIN
    against = np.bincount(text, np.minimum(odds, 0), count)
    return against / damping, np.bincount(text, np.maximum(odds, 0), count) / damping


class _Rows:
    """Where the blocks of a batch stand with some empty rows between the articles."""

    def __init__(self, sizes: Ints) -> None:
        before = np.repeat(np.arange(1, len(sizes) + 1) * _GAP, sizes)
        self.place = np.arange(int(sizes.sum())) + before
        self.count = int(sizes.sum()) + _GAP * (len(sizes) + 1)
        self.is_block = np.zeros((self.count, 1), np.float32)
        self.is_block[self.place] = 1

    def spread(self, units: Floats) -> Floats:
        found = np.zeros((self.count, units.shape[1]), np.float32)
        found[self.place] = units
        return found


def _judge(layers: Layers, inputs: Floats, rows: _Rows) -> Floats:
    units = rows.spread(_fire(inputs @ layers.inner, layers.inner_bias))
    inside, width = slice(_GAP, rows.count - _GAP), units.shape[1]
    for step, weights, bias in zip(
        STEPS, layers.around, layers.around_bias, strict=True
    ):
        before, own, after = np.split(weights, [width, 2 * width])
        sums = units[inside] @ own
        sums += units[inside.start - step : inside.stop - step] @ before
        sums += units[inside.start + step : inside.stop + step] @ after
        units[inside] += _fire(sums, bias)
        np.minimum(units, np.float32(UNIT_LIMIT * GRAIN), out=units)
        units *= rows.is_block
    odds: Floats = units[rows.place] @ layers.output / np.float32(GRAIN * WEIGHT_GRAIN)
    return odds + layers.output_bias


def _fire(sums: Floats, bias: Floats) -> Floats:
    """Keep what is above zero with the bias, in whole grains."""
    sums += bias
    np.maximum(sums, 0, out=sums)
    sums /= np.float32(WEIGHT_GRAIN)
    np.rint(sums, out=sums)
    np.minimum(sums, np.float32(UNIT_LIMIT * GRAIN), out=sums)
    return sums
