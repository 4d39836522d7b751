"""Train the network that tells page from article in plain text; write its weights.

    PYTHONPATH=. python bench/fit_lines.py [--shared ../shared] [--check]

Uses the development half of the gold pages only (``line_texts``). Needs PyTorch 2 for
the training (``pip install torch``), which the project itself does not; takes some
minutes. With ``--check`` nothing is written: networks are trained, each without a part
of the sites, and judged, in whole numbers, on the sites they have not seen: first their
answers alone, then what the whole line makes of the plain texts of the gold with them.

The weights are rounded to whole numbers, so that the answers of one file of weights are
the same everywhere.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small matrices: more cost more

import numpy as np
import numpy.typing as npt
import torch
from line_lessons import FOLDS, Lessons, find_fold, prepare, weigh_signs
from line_scores import score_lines
from line_texts import Text, read_texts
from mixed_texts import mix_texts
from torch import nn
from torch.nn import functional

from tasks.text.measures import Measures, measure_blocks
from tasks.text.network import (
    GRAIN,
    INPUT_LIMIT,
    STEPS,
    WEIGHT_GRAIN,
    Layers,
    Network,
    tell,
)
from tasks.text.words import index_keys

DATA = Path(__file__).parents[1] / "tasks" / "data" / "lines.npz"
SEEDS = (0, 1, 2)  # the mean is taken of networks that err differently
UNITS = 48
EPOCHS, SHARE = 8, 0.5  # of the texts, drawn anew for every epoch
TEXTS = 8  # at once
RATE, DECAY = 2e-3, 0.05
DROPPED = {"inputs": 0.15, "units": 0.2}
TITLE_WEIGHT = 0.5
GAP = max(STEPS)

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


# ---- training -----------------------------------------------------------------------


class Net(nn.Module):
    """The network of ``tasks/text/network.py`` while it learns."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, UNITS)
        self.around = nn.ModuleList(
            nn.Conv1d(UNITS, UNITS, 3, padding=step, dilation=step) for step in STEPS
        )
        for layer in self.around:
            layer.weight.data *= 0.5
        self.output = nn.Linear(UNITS, 2)

    def forward(self, batch: "Batch") -> torch.Tensor:
        """Return the log-odds of every row."""
        seen = functional.dropout(batch.inputs, DROPPED["inputs"], self.training)
        units = torch.relu(self.inner(seen)) * batch.is_block
        units = units.T[None]
        for layer in self.around:
            less = functional.dropout(units, DROPPED["units"], self.training)
            units = (units + torch.relu(layer(less))) * batch.is_block.T[None]
        answers: torch.Tensor = self.output(units[0].T)
        return answers


class Batch(NamedTuple):
    """Some texts in a row, with empty rows between them."""

    rows: Ints
    inputs: torch.Tensor
    is_block: torch.Tensor


class Examples(NamedTuple):
    """What a network may learn from."""

    lessons: Lessons
    inputs: Floats


def _batch(known: Examples, texts: Ints) -> Batch:
    gap = np.full(GAP, -1)
    starts = known.lessons.starts
    parts = [(np.arange(starts[at], starts[at + 1]), gap) for at in texts]
    rows = np.concatenate([piece for part in parts for piece in part])
    is_block, row = rows >= 0, np.maximum(rows, 0)
    return Batch(
        rows,
        torch.from_numpy(known.inputs[row] * is_block[:, None]),
        torch.from_numpy(is_block[:, None].astype(np.float32)),
    )


def train(lessons: Lessons, texts: Flags) -> Network:
    """Train all networks.

    Args:
        lessons: All texts.
        texts: Which of them teach.
    """
    weighed = weigh_signs(lessons, texts)
    told = tell(lessons.sign_row, weighed.elsewhere, len(lessons.inputs))
    table = np.column_stack((lessons.inputs, *told)).astype(np.float32)
    rows = np.repeat(texts, np.diff(lessons.starts))
    mean = _short(table[rows].mean(axis=0, dtype=np.float64))
    scale = _short(table[rows].std(axis=0, dtype=np.float64) + 1e-6)
    table = np.clip((table - mean) / scale, -INPUT_LIMIT, INPUT_LIMIT)
    known = Examples(lessons, table.astype(np.float32))
    chosen = np.flatnonzero(texts & (np.diff(lessons.starts) > 0))
    members = tuple(_round(_descend(known, chosen, seed)) for seed in SEEDS)
    is_telling = weighed.odds != 0
    return Network(
        tuple(lessons.names),
        mean,
        scale,
        index_keys(lessons.keys[is_telling]),
        weighed.odds[is_telling],
        members,
    )


def _short(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array([float(f"{value:.6g}") for value in values])


def _descend(known: Examples, texts: Ints, seed: int) -> Net:
    """Minimise the weighted log loss with Adam; the rate rises, then falls."""
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    net = Net(known.inputs.shape[1])
    adam = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=DECAY)
    steps = int(len(texts) * SHARE) // TEXTS
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, RATE, total_steps=EPOCHS * steps + 1, pct_start=0.1
    )
    for _ in range(EPOCHS):
        order = draw.permutation(texts)
        for at in range(steps):
            batch = _batch(known, order[at : steps * TEXTS : steps])
            _lose(net(batch), known.lessons, batch.rows).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            adam.step()
            adam.zero_grad()
            schedule.step()
    return net


def _lose(odds: torch.Tensor, lessons: Lessons, rows: Ints) -> torch.Tensor:
    """Return the loss of both answers."""
    row = np.maximum(rows, 0)
    total = torch.zeros(())
    for place, labels in enumerate((lessons.kept[row], lessons.titles[row])):
        weights = np.where((rows >= 0) & (labels >= 0), lessons.weights[row], 0)
        if place:
            weights = weights * (1 + (labels == 1))  # one title, many other lines
        counts = torch.from_numpy(weights.astype(np.float32))
        answers = torch.from_numpy((labels == 1).astype(np.float32))
        loss = functional.binary_cross_entropy_with_logits(
            odds[:, place], answers, reduction="none"
        )
        share = TITLE_WEIGHT if place else 1
        total = total + share * (loss * counts).sum() / counts.sum().clamp(min=1e-6)
    return total


def _round(net: Net) -> Layers:
    """Return the weights as whole numbers."""

    def whole(values: torch.Tensor, grain: int) -> Floats:
        found: Floats = np.rint(values.detach().numpy() * grain).astype(np.float32)
        return found

    grains = GRAIN * WEIGHT_GRAIN
    return Layers(
        inner=whole(net.inner.weight.T, WEIGHT_GRAIN),
        inner_bias=whole(net.inner.bias, grains),
        around=tuple(
            np.concatenate(
                [whole(layer.weight[:, :, at].T, WEIGHT_GRAIN) for at in range(3)]
            )
            for layer in net.around
        ),
        around_bias=tuple(whole(layer.bias, grains) for layer in net.around),
        output=whole(net.output.weight.T, WEIGHT_GRAIN),
        output_bias=np.round(net.output.bias.detach().numpy(), 4),
    )


# ---- commands -----------------------------------------------------------------------


def train_strangers(lessons: Lessons) -> list[Network]:
    """Train for every fold the network that has not seen its sites."""
    return [train(lessons, lessons.folds != fold) for fold in range(FOLDS)]


def judge_unseen(
    lessons: Lessons, texts: list[Text], strangers: list[Network]
) -> Iterator[tuple[int, Floats]]:
    """Yield each text's number and the odds of its blocks by a stranger's network."""
    for fold, network in enumerate(strangers):
        unseen = np.flatnonzero(lessons.folds == fold)
        measures: Measures = measure_blocks([texts[at].blocks for at in unseen])
        odds = network.judge(measures)
        ends = np.cumsum(measures.sizes)
        for at, end, size in zip(unseen, ends, measures.sizes, strict=True):
            yield int(at), odds[end - size : end]


def check(texts: list[Text], lessons: Lessons, strangers: list[Network]) -> None:
    """Print how well sites are judged that the network has not seen."""
    found = dict(judge_unseen(lessons, texts, strangers))
    print("set        form         texts  precision  recall  titles  right  wrong")
    for origin, form in sorted({(text.origin, text.form) for text in texts}):
        scores: list[tuple[float, float]] = []
        named = right = wrong = 0
        for at, text in enumerate(texts):
            if (text.origin, text.form) != (origin, form) or not text.blocks:
                continue
            own = slice(lessons.starts[at], lessons.starts[at + 1])
            is_open = np.array([block.reason is None for block in text.blocks])
            scores.append(_score(is_open & (found[at][:, 0] >= 0), lessons.kept[own]))
            titles = lessons.titles[own]
            if (titles == 1).any():
                odds = np.where(titles >= 0, found[at][:, 1], -np.inf)
                named += 1
                right += odds.max() >= 0 and titles[odds.argmax()] == 1
                wrong += odds.max() >= 0 and titles[odds.argmax()] != 1
        precision, recall = np.mean(scores, axis=0)
        print(
            f"{origin:10} {form:12} {len(scores):5} {precision:10.3f} {recall:7.3f}"
            f" {named:7} {right:6} {wrong:6}"
        )


def _score(kept: Flags, gold: Ints) -> tuple[float, float]:
    hits = int((kept & (gold == 1)).sum())
    given, wanted = int((kept & (gold >= 0)).sum()), int((gold == 1).sum())
    return hits / max(given, 1), hits / max(wanted, 1)


def write(lessons: Lessons, path: Path) -> None:
    """Train on everything and write the weights."""
    network = train(lessons, np.ones(len(lessons.folds), np.bool_))
    np.savez_compressed(path, **network.to_arrays())
    print(f"{len(lessons.kept):,} blocks; wrote {path}")


def main() -> None:
    """Read, train, then check or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    texts = read_texts(arguments.shared)
    texts += mix_texts(texts, find_fold)
    lessons = prepare(texts)
    if arguments.check:
        strangers = train_strangers(lessons)
        check(texts, lessons, strangers)
        shared = arguments.shared.resolve()
        print(score_lines(shared, lambda site: strangers[find_fold(site)]))
    else:
        write(lessons, DATA)


if __name__ == "__main__":
    main()
