"""Train the network that tells page from article in plain text; write its weights.

    python bench/fit_lines.py [--shared ../shared] [--check]

Uses the development half of the gold pages only (``line_texts``). Needs PyTorch 2 for
the training (``pip install torch``), which the project itself does not; takes some
minutes. With ``--check`` nothing is written: networks are trained, each without a part
of the sites, and judged, in whole numbers, on the sites they have not seen.

The weights are rounded to whole numbers, so that the answers of one file of weights are
the same everywhere.
"""

import argparse
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # small matrices: more cost more

import numpy as np
import numpy.typing as npt
import torch
from line_texts import Text, read_texts
from torch import nn
from torch.nn import functional

from tasks.text.measures import Measures, measure_blocks
from tasks.text.network import (
    DAMPING,
    GRAIN,
    INPUT_LIMIT,
    SIGN_GRAIN,
    STEPS,
    WEIGHT_GRAIN,
    Layers,
    Network,
)
from tasks.text.titles import could_be_title
from tasks.text.words import Keys, Signs, index_keys

DATA = Path(__file__).parents[1] / "tasks" / "data" / "lines.npz"
WEIGHTS = {"fundus": 1.5, "cleaneval": 0.5, "silver": 0.8, "made": 0.5}
FOLDS = 5
SITES = 9  # a sign of fewer sites is not learned
TEXTS = 8  # at once
RATE, SIGN_RATE, DECAY, SIGN_DECAY = 2e-3, 4e-3, 0.05, 0.1
DROPPED = {"inputs": 0.15, "signs": 0.4, "told": 0.3, "units": 0.2}
TITLE_WEIGHT = 0.5
GAP = max(STEPS)

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Plan(NamedTuple):
    """One of the networks whose mean is taken: different ones err differently.

    Attributes:
        seed: Of its first weights, and of the order of texts.
        units: Units of every layer.
        signs: Numbers that a sign tells; 0 if it looks at no words.
        steps: How far its further layers look.
        share: Part of the texts to learn from in an epoch, drawn anew.
        epochs: How many times.
    """

    seed: int
    units: int
    signs: int
    steps: tuple[int, ...]
    share: float
    epochs: int


PLANS = (
    Plan(0, 32, 8, STEPS, 0.5, 8),
    Plan(1, 32, 8, STEPS, 0.5, 8),
    Plan(2, 48, 0, (), 1, 6),
)


class Lessons(NamedTuple):
    """The texts as columns, one row per block.

    Attributes:
        names: Columns of ``inputs``.
        inputs: Measures.
        keys: All signs of at least ``SITES`` sites, ascending.
        on_sites: In how many sites of each fold a sign stands.
        sign: Signs of the blocks, as places in ``keys``.
        sign_row: Block of each sign, ascending.
        starts: First block of each text, and one past the last.
        kept: 1 if the block is part of the article, 0 if not, -1 if that is open.
        titles: 1 if it is the title; -1 where that is unknown or could not be.
        weights: How much the block counts.
        folds: Fold of each text.
    """

    names: list[str]
    inputs: Floats
    keys: Keys
    on_sites: Ints
    sign: Ints
    sign_row: Ints
    starts: Ints
    kept: Ints
    titles: Ints
    weights: Floats
    folds: Ints


def prepare(texts: list[Text]) -> Lessons:
    """Measure all blocks of the texts."""
    measures = measure_blocks([text.blocks for text in texts])
    blocks = [block for text in texts for block in text.blocks]
    titled = [could_be_title(block) and block.reason is None for block in blocks]
    titles = np.array([label for text in texts for label in text.titles])
    weights = [WEIGHTS.get(t.origin, 1) / max(len(t.blocks), 1) ** 0.5 for t in texts]
    sites = sorted({text.site for text in texts})
    site = np.array([sites.index(text.site) for text in texts])
    fold = np.array([zlib.crc32(name.encode()) % FOLDS for name in sites])
    owner = np.repeat(np.arange(len(texts)), measures.sizes)
    is_made = np.array([text.origin == "made" for text in texts])
    keys, on_sites = _count_sites(measures.signs, site[owner], ~is_made[owner], fold)
    place = np.minimum(np.searchsorted(keys, measures.signs.keys), len(keys) - 1)
    known = np.flatnonzero(keys[place] == measures.signs.keys)
    known = known[np.argsort(measures.signs.text[known], kind="stable")]
    return Lessons(
        names=list(measures.columns),
        inputs=np.stack([*measures.columns.values()], axis=1).astype(np.float32),
        keys=keys,
        on_sites=on_sites,
        sign=place[known],
        sign_row=measures.signs.text[known],
        starts=np.concatenate(([0], np.cumsum(measures.sizes))),
        kept=np.array([label for text in texts for label in text.kept]),
        titles=np.where(titled, titles, -1),
        weights=np.repeat(weights, measures.sizes).astype(np.float32),
        folds=fold[site],
    )


def _count_sites(
    signs: Signs, site: Ints, counts: Flags, fold: Ints
) -> tuple[Keys, Ints]:
    """Return the signs of enough sites, and in how many sites of each fold they are."""
    keys, place = np.unique(signs.keys, return_inverse=True)
    row = counts[signs.text]
    pairs = np.unique(place[row] * len(fold) + site[signs.text[row]])
    sign, on_fold = pairs // len(fold), fold[pairs % len(fold)]
    found = np.bincount(sign * FOLDS + on_fold, minlength=len(keys) * FOLDS)
    found = found.reshape(-1, FOLDS)
    enough = found.sum(axis=1) >= SITES
    return keys[enough], found[enough]


# ---- training -----------------------------------------------------------------------


class Net(nn.Module):
    """The network of ``tasks/text/network.py`` while it learns."""

    def __init__(self, plan: Plan, width: int, signs: int) -> None:
        super().__init__()
        units = plan.units
        self.signs = nn.Embedding(signs, plan.signs)
        nn.init.normal_(self.signs.weight, std=0.05)
        self.inner = nn.Linear(width + plan.signs, units)
        self.around = nn.ModuleList(
            nn.Conv1d(units, units, 3, padding=step, dilation=step)
            for step in plan.steps
        )
        for layer in self.around:
            layer.weight.data *= 0.5
        self.output = nn.Linear(units, 2)

    def forward(self, batch: "Batch") -> torch.Tensor:
        """Return the log-odds of every row."""
        seen = functional.dropout(batch.inputs, DROPPED["inputs"], self.training)
        if self.signs.embedding_dim:
            told = functional.embedding_bag(
                batch.sign,
                self.signs.weight,
                batch.first_sign,
                mode="sum",
                per_sample_weights=batch.sign_weight,
            )
            told = functional.dropout(told, DROPPED["told"], self.training)
            seen = torch.cat((seen, told), 1)
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
    sign: torch.Tensor
    first_sign: torch.Tensor
    sign_weight: torch.Tensor


class Examples(NamedTuple):
    """What a network may learn from."""

    lessons: Lessons
    inputs: Floats
    is_known: Flags
    first_sign: Ints


def _batch(known: Examples, texts: Ints, draw: np.random.Generator) -> Batch:
    gap = np.full(GAP, -1)
    starts = known.lessons.starts
    parts = [(np.arange(starts[at], starts[at + 1]), gap) for at in texts]
    rows = np.concatenate([piece for part in parts for piece in part])
    is_block, row = rows >= 0, np.maximum(rows, 0)
    first = np.where(is_block, known.first_sign[row], 0)
    count = np.where(is_block, known.first_sign[row + 1], 0) - first
    owner = np.repeat(np.arange(len(rows)), count)
    at = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
    sign = known.lessons.sign[at]
    stays = known.is_known[sign] & (draw.random(len(sign)) > DROPPED["signs"])
    sign, owner = sign[stays], owner[stays]
    count = np.bincount(owner, minlength=len(rows))
    weight = 1 / np.sqrt(np.maximum(count, 1) + DAMPING)
    return Batch(
        rows,
        torch.from_numpy(known.inputs[row] * is_block[:, None]),
        torch.from_numpy(is_block[:, None].astype(np.float32)),
        torch.from_numpy(sign),
        torch.from_numpy(np.cumsum(count) - count),
        torch.from_numpy(weight[owner].astype(np.float32)),
    )


def train(lessons: Lessons, texts: Flags, is_known: Flags) -> Network:
    """Train all networks on some texts; signs that are not known are not used.

    Args:
        lessons: All texts.
        texts: Which of them teach.
        is_known: Signs to learn.
    """
    rows = np.repeat(texts, np.diff(lessons.starts))
    mean = lessons.inputs[rows].mean(axis=0).astype(np.float64)
    scale = lessons.inputs[rows].std(axis=0).astype(np.float64) + 1e-6
    mean, scale = _short(mean), _short(scale)
    inputs = np.clip((lessons.inputs - mean) / scale, -INPUT_LIMIT, INPUT_LIMIT)
    first_sign = np.searchsorted(lessons.sign_row, np.arange(len(inputs) + 1))
    known = Examples(lessons, inputs.astype(np.float32), is_known, first_sign)
    chosen = np.flatnonzero(texts & (np.diff(lessons.starts) > 0))
    members = tuple(_round(_descend(known, chosen, plan), is_known) for plan in PLANS)
    signs = index_keys(lessons.keys[is_known])
    return Network(tuple(lessons.names), mean, scale, signs, members)


def _short(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array([float(f"{value:.6g}") for value in values])


def _descend(known: Examples, texts: Ints, plan: Plan) -> Net:
    """Minimise the weighted log loss with Adam; the rate rises, then falls."""
    torch.manual_seed(plan.seed)
    draw = np.random.default_rng(plan.seed)
    net = Net(plan, known.inputs.shape[1], len(known.is_known))
    others = [part for name, part in net.named_parameters() if name != "signs.weight"]
    adam = torch.optim.AdamW(
        [
            {"params": others, "weight_decay": DECAY, "lr": RATE},
            {
                "params": [net.signs.weight],
                "weight_decay": SIGN_DECAY,
                "lr": SIGN_RATE,
            },
        ]
    )
    steps = int(len(texts) * plan.share) // TEXTS
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        adam, [RATE, SIGN_RATE], total_steps=plan.epochs * steps + 1, pct_start=0.1
    )
    for _ in range(plan.epochs):
        order = draw.permutation(texts)
        for at in range(steps):
            batch = _batch(known, order[at : steps * TEXTS : steps], draw)
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


def _round(net: Net, is_known: Flags) -> Layers:
    """Return the weights as whole numbers."""

    def whole(values: torch.Tensor, grain: int) -> Floats:
        found: Floats = np.rint(values.detach().numpy() * grain).astype(np.float32)
        return found

    grains = GRAIN * WEIGHT_GRAIN
    return Layers(
        signs=whole(net.signs.weight, SIGN_GRAIN)[is_known],
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


def judge_unseen(lessons: Lessons, texts: list[Text]) -> Iterator[tuple[int, Floats]]:
    """Yield each text's number and the odds of its blocks by a stranger's network."""
    for fold in range(FOLDS):
        sites = lessons.on_sites.sum(axis=1) - lessons.on_sites[:, fold]
        network = train(lessons, lessons.folds != fold, sites >= SITES - 1)
        unseen = np.flatnonzero(lessons.folds == fold)
        measures: Measures = measure_blocks([texts[at].blocks for at in unseen])
        odds = network.judge(measures)
        ends = np.cumsum(measures.sizes)
        for at, end, size in zip(unseen, ends, measures.sizes, strict=True):
            yield int(at), odds[end - size : end]


def check(texts: list[Text], lessons: Lessons) -> None:
    """Print how well sites are judged that the network has not seen."""
    found = dict(judge_unseen(lessons, texts))
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
    everything = np.ones(len(lessons.folds), np.bool_)
    all_signs = np.ones(len(lessons.keys), np.bool_)
    network = train(lessons, everything, all_signs)
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
    lessons = prepare(texts)
    if arguments.check:
        check(texts, lessons)
    else:
        write(lessons, DATA)


if __name__ == "__main__":
    main()
