"""The network that looks at the blocks of plain texts; its weights are data.

It gives each block the log-odds of being part of the article, and of being its title.
It sees the numbers of ``measures``, what its words tell (``words.Signs``), and in two
further layers what it made of the blocks around. ``bench/fit_lines.py`` trains it.

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
from scipy import sparse

from tasks.hashindex import HashIndex
from tasks.text.measures import Measures
from tasks.text.words import Signs, index_keys

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

GRAIN, WEIGHT_GRAIN = 64, 256
SIGN_GRAIN = 1024
INPUT_LIMIT = 4  # standard deviations
UNIT_LIMIT = 32
DAMPING = 3  # signs; a block with few of them is told little
STEPS = (1, 3)
"""How many places away a layer looks, on both sides."""

_FILE = Path(__file__).parents[1] / "data" / "lines.npz"


@dataclass(frozen=True, slots=True)
class Layers:
    """The layers of one network, in whole numbers.

    A plain network has no signs and no further layers.

    Attributes:
        signs: What each known sign tells, signs by numbers, times ``SIGN_GRAIN``.
        inner: Weights of the first layer, inputs by units, times ``WEIGHT_GRAIN``.
        inner_bias: Their biases, times both grains.
        around: Of each further layer its weights: units of the block before, the block
            itself and the block behind, by units.
        around_bias: Their biases, times both grains.
        output: Weights of the answers: part of the article, its title.
        output_bias: Their biases, in log-odds.
    """

    signs: Floats
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
        names: Columns they look at.
        mean: Mean of each in training.
        scale: Standard deviation of each in training.
        signs: Known signs.
        members: The networks.
    """

    names: tuple[str, ...]
    mean: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    signs: HashIndex[np.uint64]
    members: tuple[Layers, ...]

    def judge(self, measures: Measures) -> Floats:
        """Return the log-odds of every block: part of the article, its title."""
        # One column after the other: faster to write than block after block.
        table = np.stack([measures.columns[name] for name in self.names])
        table -= self.mean[:, np.newaxis]
        table /= self.scale[:, np.newaxis]
        np.clip(table, -INPUT_LIMIT, INPUT_LIMIT, out=table)
        table *= GRAIN
        inputs: Floats = np.rint(table, out=table).astype(np.float32).T
        known = _find_known(self.signs, measures.signs, len(inputs))
        rows = _Rows(measures.sizes)
        odds = [_judge(layers, inputs, known, rows) for layers in self.members]
        found: Floats = sum(odds[1:], odds[0]) / np.float32(len(odds))
        return found

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return everything under names, to be saved."""
        arrays = {
            "names": np.array(self.names),
            "mean": self.mean,
            "scale": self.scale,
            "keys": self.signs.keys,
        }
        for number, layers in enumerate(self.members):
            arrays |= {f"{number}.{key}": value for key, value in _parts(layers)}
        return arrays


def _parts(layers: Layers) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    yield "signs", layers.signs.astype(np.int16)
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

        steps = [at for at in range(len(STEPS)) if f"{number}.around.{at}" in arrays]
        return Layers(
            part("signs"),
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
        tuple(layers(number) for number in range(count)),
    )


@cache
def load_network() -> Network:
    """Read the trained network."""
    with np.load(_FILE) as arrays:
        return read_network(arrays)


def _find_known(
    known: HashIndex[np.uint64], signs: Signs, rows: int
) -> sparse.csr_matrix:
    """Count the known signs of every block: blocks by signs."""
    place = known.find(signs.keys)
    is_known = place >= 0
    text, place = signs.text[is_known], place[is_known]
    place = place[np.argsort(text, kind="stable")]
    past = np.concatenate(([0], np.cumsum(np.bincount(text, minlength=rows))))
    ones = np.ones(len(place), np.float32)
    return sparse.csr_matrix((ones, place, past), shape=(rows, len(known.keys)))


class _Rows:
    """Where the blocks of a batch stand with some empty rows between the articles."""

    def __init__(self, sizes: Ints) -> None:
        gap = max(STEPS)
        before = np.repeat(np.arange(1, len(sizes) + 1) * gap, sizes)
        self.place = np.arange(int(sizes.sum())) + before
        self.count = int(sizes.sum()) + gap * (len(sizes) + 1)

    def spread(self, units: Floats) -> Floats:
        found = np.zeros((self.count, units.shape[1]), np.float32)
        found[self.place] = units
        return found


def _judge(
    layers: Layers, inputs: Floats, known: sparse.csr_matrix, rows: _Rows
) -> Floats:
    seen = inputs
    if layers.signs.shape[1]:
        seen = np.concatenate((inputs.T, _tell(layers.signs, known).T)).T
    units = _fire(seen @ layers.inner + layers.inner_bias)
    for step, weights, bias in zip(
        STEPS, layers.around, layers.around_bias, strict=False
    ):
        spread = rows.spread(units)
        around = [spread[rows.place + by] for by in (-step, 0, step)]
        units = units + _fire(np.concatenate(around, axis=1) @ weights + bias)
        units = np.minimum(units, np.float32(UNIT_LIMIT * GRAIN))
    odds: Floats = units @ layers.output / np.float32(GRAIN * WEIGHT_GRAIN)
    return odds + layers.output_bias


def _tell(signs: Floats, known: sparse.csr_matrix) -> Floats:
    """Return what the signs of each block tell together."""
    count = np.asarray(known.sum(axis=1), np.float64).reshape(-1, 1)
    damping = np.sqrt(np.maximum(count, 1) + DAMPING) * (SIGN_GRAIN / GRAIN)
    told: Floats = np.rint((known @ signs).astype(np.float64) / damping).astype(
        np.float32
    )
    return told


def _fire(sums: Floats) -> Floats:
    """Keep what is above zero, in whole grains."""
    found: Floats = np.rint(np.maximum(sums, 0) / np.float32(WEIGHT_GRAIN))
    limit = np.float32(UNIT_LIMIT * GRAIN)
    return np.minimum(found, limit)
