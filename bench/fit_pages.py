"""Train the networks that tell article from page in HTML; write their weights.

    python bench/fit_pages.py [--shared ../shared] [--check [--odds FILE]]

Uses the development half of the gold pages only (``page_lessons.py``); takes some
minutes. With ``--check`` nothing is written: networks are trained, each without a
quarter of the sites, and judged on the sites they have not seen.

Pages without gold are labelled by a network that has seen the gold and the opinion of
the extractor; of the same quarters, in a check.

Deterministic on one machine. The weights are rounded to whole numbers, so that the
answers of one file of weights are the same everywhere.
"""

import argparse
import json
import os
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: more cost more

import numpy as np
import numpy.typing as npt
from page_lessons import SILVER, Page, read_pages

from tasks.pages.pagejudge import (
    INPUT_GRAIN,
    INPUT_LIMIT,
    WEIGHT_GRAIN,
    choose_likely,
    is_open,
    settle,
)
from tasks.pages.pagemeasures import measure_page, measure_taken
from tasks.pages.pagenames import NameOdds, weigh_by, zones_of
from tasks.pages.pageopinion import read_opinion

DATA = Path(__file__).parents[1] / "tasks" / "data" / "pages.json"
WEIGHTS = {
    "fundus": 1.5,
    "cleaneval": 0.4,
    "made": 0.3,
    "trafilatura": 0.5,
    "htmldate": 0.5,
}
FOLDS = 4
SITES_PER_NAME = 8  # with fewer a name says too little
PULL = 4.0  # sites that say nothing, added to each name
MOST_ODDS = 4.0
UNITS, EPOCHS, BATCH, RATE, DECAY, DROPPED = 48, 8, 512, 2e-3, 5e-4, 0.15
SEEDS = (0, 1)

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


# ---- names --------------------------------------------------------------------------


class Names(NamedTuple):
    """How often paragraphs within a name are kept: by name, zone and site."""

    kept: dict[str, list[dict[str, float]]]
    seen: dict[str, list[dict[str, float]]]
    kept_on: dict[str, float]
    seen_on: dict[str, float]


def count_names(pages: Iterable[Page]) -> Names:
    """Count on which sites what stands in elements of a name is kept."""

    def zones() -> list[dict[str, float]]:
        return [defaultdict(float) for _ in range(3)]

    names = Names(
        defaultdict(zones), defaultdict(zones), defaultdict(float), defaultdict(float)
    )
    for page in pages:
        for (*_, segment), kept, tokens in zip(
            page.parts, page.kept, page.tokens, strict=True
        ):
            if kept < 0:
                continue
            weight = (tokens + 1) ** 0.5
            names.kept_on[page.site] += weight * kept
            names.seen_on[page.site] += weight
            for zone, word in set(zones_of(segment.element)):
                names.kept[word][zone][page.site] += weight * kept
                names.seen[word][zone][page.site] += weight
    return names


class Worth(NamedTuple):
    """What names are worth.

    Attributes:
        odds: By name, zone and site: log-odds against the rest of that site.
        everywhere: By all sites.
        names: Names by site.
    """

    odds: Mapping[str, list[dict[str, float]]]
    everywhere: NameOdds
    names: Mapping[str, set[str]]

    def without(self, site: str) -> NameOdds:
        """What names are worth by all sites but one."""
        own = {word: _mean(self.odds[word], site) for word in self.names.get(site, ())}
        return {**self.everywhere, **own}


def _mean(zones: list[dict[str, float]], without: str = "") -> tuple[float, ...]:
    """Odds of each zone by all sites, but one."""
    means = []
    for odds in zones:
        count, total = len(odds), sum(odds.values())
        if without in odds:
            count, total = count - 1, total - odds[without]
        means.append(round(total / (count + PULL), 2))
    return tuple(means)


def weigh_names(names: Names) -> Worth:
    """Weigh every name by what is kept and not kept within it."""
    worth: dict[str, list[dict[str, float]]] = {}
    by_site: dict[str, set[str]] = defaultdict(set)
    for word, zones in names.seen.items():
        sites_of = set().union(*zones)
        if len(sites_of) < SITES_PER_NAME:
            continue
        worth[word] = []
        for site in sites_of:
            by_site[site].add(word)
        for zone, sites in enumerate(zones):
            odds = {}
            for site, seen in sites.items():
                kept = names.kept[word][zone][site]
                here = (kept + 1) / (seen + 2)
                there = (names.kept_on[site] - kept + 1) / (
                    names.seen_on[site] - seen + 2
                )
                value = np.log(here / (1 - here)) - np.log(
                    max(there, 1e-3) / max(1 - there, 1e-3)
                )
                odds[site] = float(np.clip(value, -MOST_ODDS, MOST_ODDS))
            worth[word].append(odds)
    everywhere = {word: _mean(zones) for word, zones in worth.items()}
    return Worth(worth, everywhere, by_site)


# ---- network ------------------------------------------------------------------------


class Lessons(NamedTuple):
    """The pages as columns, one row per paragraph.

    Attributes:
        names: Of the columns; first those of the page, then those of the opinion.
        alone: How many are of the page.
        inputs: The columns.
        kept: How likely a paragraph is the article's; -1 if that is open.
        weights: How much each counts.
    """

    names: list[str]
    alone: int
    inputs: Floats
    kept: Floats
    weights: Floats


def prepare(pages: Sequence[Page], teachers: Iterable[Page]) -> Lessons:
    """Measure all paragraphs, each by what other sites say of the names around it.

    Args:
        pages: All pages.
        teachers: Those that say what names are worth.
    """
    worth = weigh_names(count_names(teachers))
    columns = []
    for page in pages:
        weigh = weigh_by(worth.without(page.site))
        own = measure_page(page.source, page.parts, page.told, weigh)
        alone = len(own)
        columns.append(own | measure_taken(page.source, page.parts, page.taken))
    weights = [
        WEIGHTS.get(page.origin, 1.0)
        * np.sqrt(np.array(page.tokens) + 1)
        / max(sum(page.tokens), 1) ** 0.5
        for page in pages
    ]
    inputs = [np.stack([*own.values()], axis=1).astype(np.float32) for own in columns]
    return Lessons(
        names=list(columns[0]),
        alone=alone,
        inputs=np.concatenate(inputs),
        kept=np.array([label for page in pages for label in page.kept], np.float32),
        weights=np.concatenate(weights).astype(np.float32),
    )


def teach(
    pages: Sequence[Page], without: frozenset[str]
) -> tuple[list[Page], Lessons, "Trained", "Trained"]:
    """Train both networks.

    Args:
        pages: All pages.
        without: Sites that must not teach anything.

    Returns:
        The pages that taught, those without gold labelled; all pages measured; the
        network that knows the page only, and the one that knows the opinion too.
    """
    rows = np.array([page.site not in without for page in pages for _ in page.parts])
    seen = [page for page in pages if page.site not in without]
    lessons = prepare(pages, [page for page in seen if page.origin not in SILVER])
    odds = train(lessons, rows, len(lessons.names)).judge(lessons.inputs)
    likely = (1 / (1 + np.exp(-odds))).tolist()
    labelled, start = [], 0
    for page in pages:
        stop = start + len(page.parts)
        is_silver = page.origin in SILVER
        kept = likely[start:stop] if is_silver else page.kept
        labelled.append(page._replace(kept=kept))
        start = stop
    teachers = [page for page in labelled if page.site not in without]
    lessons = prepare(labelled, teachers)
    alone = train(lessons, rows, lessons.alone)
    return teachers, lessons, alone, train(lessons, rows, len(lessons.names))


class Trained(NamedTuple):
    """A trained network with one hidden layer."""

    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: float

    def judge(self, inputs: Floats) -> Floats:
        """Return log-odds; looks at the first columns only, as many as it knows."""
        inputs = inputs[:, : len(self.mean)]
        table = np.clip((inputs - self.mean) / self.scale, -INPUT_LIMIT, INPUT_LIMIT)
        units = np.maximum(table @ self.hidden + self.hidden_bias, 0)
        odds: Floats = units @ self.output + self.output_bias
        return odds


def train(lessons: Lessons, rows: Flags, width: int) -> Trained:
    """Train one network per seed on some rows and put them side by side.

    Args:
        lessons: All rows.
        rows: Those to train on.
        width: How many columns to look at.
    """
    inputs = lessons.inputs[rows, :width]
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + np.float32(1e-6)
    rows = rows & (lessons.kept >= 0)
    table = np.clip(
        (lessons.inputs[rows, :width] - mean) / scale, -INPUT_LIMIT, INPUT_LIMIT
    )
    table = table.astype(np.float32)
    weights = lessons.weights[rows] / lessons.weights[rows].mean()
    answers = lessons.kept[rows]
    parts = [_descend(table, answers, weights, seed) for seed in SEEDS]
    return Trained(
        mean,
        scale,
        np.concatenate([part[0] for part in parts], axis=1),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2][:, 0] for part in parts]) / len(parts),
        float(np.mean([part[3][0] for part in parts])),
    )


def _descend(
    table: Floats, answers: Floats, weights: Floats, seed: int
) -> list[Floats]:
    """Minimise the weighted log loss with Adam; the rate falls like a cosine."""
    draw = np.random.default_rng(seed)
    width = table.shape[1]

    def weight(rows: int, columns: int) -> Floats:
        drawn = draw.normal(size=(rows, columns)) * np.sqrt(2 / rows)
        return drawn.astype(np.float32)

    one = np.zeros(1, np.float32)
    state = [weight(width, UNITS), np.zeros(UNITS, np.float32), weight(UNITS, 1), one]
    slow = [np.zeros_like(part) for part in state]
    square = [np.zeros_like(part) for part in state]
    steps = EPOCHS * -(-len(table) // BATCH)
    step = 0
    for _ in range(EPOCHS):
        order = draw.permutation(len(table))
        for at in range(0, len(table), BATCH):
            rows = order[at : at + BATCH]
            stays = draw.random((len(rows), width), dtype=np.float32) > DROPPED
            inputs = table[rows] * stays / np.float32(1 - DROPPED)
            hidden = np.maximum(inputs @ state[0] + state[1], 0)
            odds = (hidden @ state[2] + state[3])[:, 0]
            error = (1 / (1 + np.exp(-odds)) - answers[rows]) * weights[rows]
            error = (error / len(rows))[:, None]
            back = (error @ state[2].T) * (hidden > 0)
            slopes = (
                inputs.T @ back + DECAY * state[0],
                back.sum(axis=0),
                hidden.T @ error + DECAY * state[2],
                error.sum(axis=0),
            )
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5
            for part, slope in enumerate(slopes):
                slow[part] = 0.9 * slow[part] + 0.1 * slope
                square[part] = 0.999 * square[part] + 0.001 * slope * slope
                mean = slow[part] / (1 - 0.9**step)
                spread = np.sqrt(square[part] / (1 - 0.999**step)) + 1e-8
                state[part] = (state[part] - rate * mean / spread).astype(np.float32)
    return state


# ---- commands -----------------------------------------------------------------------


def fold_of(page: Page) -> int:
    """Part of the check that the page's site is in."""
    return zlib.crc32(page.site.encode()) % FOLDS


def judge_unseen(pages: Sequence[Page]) -> tuple[Floats, Floats]:
    """Log-odds of every paragraph by networks that have not seen its site.

    Returns:
        Without and with the opinion of the extractor.
    """
    rows = np.array([fold_of(page) for page in pages for _ in page.parts])
    starts = np.cumsum([0, *(len(page.parts) for page in pages)])
    alone, advised = (np.zeros(len(rows), np.float32) for _ in range(2))
    for fold in range(FOLDS):
        sites = frozenset(page.site for page in pages if fold_of(page) == fold)
        _, lessons, one, other = teach(pages, sites)
        unseen = rows == fold
        alone[unseen] = one.judge(lessons.inputs[unseen])
        for page, start in zip(pages, starts, strict=False):
            if page.site in sites:
                own = slice(start, start + len(page.parts))
                likely = choose_likely(page.parts, alone[own])
                taken = read_opinion(page.source, likely)
                more = measure_taken(page.source, page.parts, taken)
                inputs = lessons.inputs[own].copy()
                inputs[:, lessons.alone :] = np.stack([*more.values()], axis=1)
                columns = dict(zip(lessons.names, inputs.T, strict=True))
                size = np.array([end - begin for begin, end, _ in page.parts])
                odds = alone[own], other.judge(inputs)
                advised[own] = settle(*odds, size, columns, len(taken))
    return alone, advised


def check(pages: Sequence[Page], path: Path | None) -> None:
    """Print how well sites are judged that the networks have not seen.

    Args:
        pages: All pages.
        path: File for the log-odds by set and page, without and with the opinion.
    """
    alone, advised = judge_unseen(pages)
    starts = np.cumsum([0, *(len(page.parts) for page in pages)])
    scores: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    found: dict[str, dict[str, list[list[float]]]] = defaultdict(dict)
    for page, start, stop in zip(pages, starts[:-1], starts[1:], strict=True):
        own, other = alone[start:stop], advised[start:stop]
        found[page.origin][page.name] = [own.tolist(), other.tolist()]
        if page.origin in SILVER:
            continue
        size = np.array([end - begin for begin, end, _ in page.parts])
        asked = is_open(own, size)
        for kind, odds in (
            ("alone", own),
            ("advised", other),
            ("as it is", other if asked else own),
        ):
            scores[page.origin, kind].append((*_score(page, odds > 0), asked))
    print("set        judged    pages  precision  recall  (words, mean of the pages)")
    for (origin, kind), rows in scores.items():
        precision, recall, asked_share = np.mean(rows, axis=0)
        asked_text = f"  asked {asked_share:.0%}" if kind == "as it is" else ""
        print(
            f"{origin:10} {kind:9} {len(rows):5} {precision:10.4f} {recall:7.4f}"
            f"{asked_text}"
        )
    if path:
        path.write_text(json.dumps(found), encoding="utf-8")


def _score(page: Page, chosen: Flags) -> tuple[float, float]:
    """Precision and recall of the words of a page."""
    size, gold = np.array(page.tokens), np.array(page.kept)
    hits = size[chosen & (gold == 1)].sum()
    return (
        hits / max(size[chosen & (gold >= 0)].sum(), 1),
        hits / max(size[gold == 1].sum(), 1),
    )


def write(pages: Sequence[Page], path: Path) -> None:
    """Train on everything and write the weights, rounded to whole numbers."""
    teachers, lessons, alone, advised = teach(pages, frozenset())
    odds = weigh_names(count_names(teachers)).everywhere
    data = {
        "alone": _describe(alone, lessons.names[: lessons.alone]),
        "advised": _describe(advised, lessons.names),
        "odds": {word: list(odds[word]) for word in sorted(odds)},
    }
    path.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(lessons.kept):,} paragraphs, {len(odds):,} names; wrote {path}")


def _describe(trained: Trained, names: list[str]) -> dict[str, Any]:
    return {
        "names": names,
        "mean": [float(f"{value:.6g}") for value in trained.mean],
        "scale": [float(f"{value:.6g}") for value in trained.scale],
        "hidden": _whole(trained.hidden, WEIGHT_GRAIN),
        "hidden_bias": _whole(trained.hidden_bias, WEIGHT_GRAIN * INPUT_GRAIN),
        "output": _whole(trained.output, WEIGHT_GRAIN),
        "output_bias": round(trained.output_bias, 4),
    }


def _whole(weights: Floats, grain: int) -> list[Any]:
    whole: list[Any] = np.rint(weights.astype(np.float64) * grain).astype(int).tolist()
    return whole


def main() -> None:
    """Read, train, then check or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--odds", type=Path, help="keep the odds of a check here")
    arguments = parser.parse_args()
    pages = read_pages(arguments.shared)
    if arguments.check:
        check(pages, arguments.odds)
    else:
        write(pages, DATA)


if __name__ == "__main__":
    main()
