"""Fit the language detector's numbers and write them to ``tasks/data/detect.json``.

    python bench/fit_language.py [--shared ../shared]

Uses the development half of the language bench only. Two fits: with eldc (``fused``)
and without it (``profiles``). Each first chooses the weights on a grid, then fits the
calibration (logistic regression: is the answer right?). Deterministic; takes minutes.
"""

import argparse
import dataclasses
import gzip
import hashlib
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from tasks.languages import UNDETERMINED
from tasks.languages.chunks import make_chunks
from tasks.languages.fusion import (
    FEATURES,
    Model,
    Settings,
    calibrate,
    load_model,
)

DATA = Path(__file__).parents[1] / "tasks" / "data" / "detect.json"
GRID: dict[str, dict[str, tuple[float, ...]]] = {
    "fused": {
        "weight": (0.1, 0.15, 0.2),
        "lead": (8.0, 10.0),
        # More gains a little on the whole, at the cost of the languages eldc lacks.
        "caution": (2.0,),
    },
    # Alone, the profiles' weight is only a unit: it makes gaps of both fits alike.
    "profiles": {"weight": (0.2,), "lead": (0.0,), "caution": (0.0,)},
}
PENALTY = 1e-4
BATCH = 512
_LIST = re.compile(r"\[[^\[\]{}]*\]")

Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]


class Bench(NamedTuple):
    """The bench as columns: first chunk of each text, its language, its kind."""

    texts: list[str]
    languages: Names
    kinds: Names


def read_bench(path: Path) -> Bench:
    """Read the bench; mixed texts are left out, junk and foreign texts are ``und``."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows = [row for row in rows if row["src"] != "mixed"]
    kinds = [
        row["src"] if row["src"] == "junk" else f"{row['src']}/{row['type']}"
        for row in rows
    ]
    texts = [make_chunks(row["text"])[0] for row in rows]
    return Bench(texts, np.array([row["lang"] for row in rows]), np.array(kinds))


def weigh(model: Model, texts: list[str]) -> tuple[Names, Array]:
    """Return the model's language and features of every text."""
    parts = [
        model.weigh(batch, model.ask_words(batch))
        for start in range(0, len(texts), BATCH)
        for batch in [texts[start : start + BATCH]]
    ]
    codes = np.array([*model.languages, UNDETERMINED])
    languages = codes[np.concatenate([part.columns for part in parts])]
    return languages, np.concatenate([part.features for part in parts])


def measure_accuracy(answers: Names, bench: Bench, known: Iterable[str]) -> float:
    """Return the mean over kinds of the mean over known languages."""
    known = set(known)
    right: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for kind, language, answer in zip(
        bench.kinds, bench.languages, answers, strict=True
    ):
        if language in known:
            total[kind, language] += 1
            right[kind, language] += answer == language
    by_kind: dict[str, list[float]] = {}
    for key, count in total.items():
        by_kind.setdefault(key[0], []).append(right[key] / count)
    return float(np.mean([np.mean(shares) for shares in by_kind.values()]))


def choose_weights(
    model: Model, bench: Bench, grid: dict[str, tuple[float, ...]]
) -> Settings:
    """Return the settings of the grid that answer best.

    Languages that eldc knows count twice: once among all, once on their own, so that
    the ones it lacks are not bought at their expense.
    """
    best, chosen = -1.0, model.settings
    words = [
        c for c, known in zip(model.languages, model.in_words, strict=True) if known
    ]
    for weight, lead, caution in itertools.product(
        grid["weight"], grid["lead"], grid["caution"]
    ):
        settings = dataclasses.replace(
            model.settings, weight=weight, lead=lead, caution=caution
        )
        answers, _ = weigh(dataclasses.replace(model, settings=settings), bench.texts)
        share = measure_accuracy(answers, bench, model.languages)
        if words:
            share = (share + measure_accuracy(answers, bench, words)) / 2
        print(weight, lead, caution, f"{share:.5f}", flush=True)
        if share > best:
            best, chosen = share, settings
    return chosen


def fit_calibration(
    features: Array, right: Array, weights: Array, names: Sequence[str] = FEATURES
) -> dict[str, float]:
    """Fit a weighted logistic regression with a small penalty.

    Args:
        features: One row per answer.
        right: 1 where the answer is right, else 0.
        weights: Of each answer.
        names: Of the columns of ``features``.
    """
    scale = np.maximum(np.abs(features).max(0), 1e-9)
    scaled, signs = features / scale, 2 * right - 1
    weights = weights / weights.sum()

    def lose(vector: Array) -> tuple[float, Array]:
        margin = signs * (scaled @ vector)
        slope = -signs / (1 + np.exp(np.clip(margin, -500, 500))) * weights
        loss = weights @ np.logaddexp(0, -margin) + PENALTY * vector @ vector
        return float(loss), scaled.T @ slope + 2 * PENALTY * vector

    start = np.zeros(features.shape[1])
    fitted = minimize(lose, start, jac=True, method="L-BFGS-B").x / scale
    return dict(zip(names, np.round(fitted, 5).tolist(), strict=True))


def fit(name: str, bench: Bench) -> dict[str, Any]:
    """Fit everything for one of the two detectors and print how it does."""
    model = load_model(with_eldc=name == "fused")
    settings = choose_weights(model, bench, GRID[name])
    answers, features = weigh(
        dataclasses.replace(model, settings=settings), bench.texts
    )
    right = (answers == bench.languages).astype(np.float64)
    told = answers != UNDETERMINED
    # Every kind of text weighs the same, whatever its number in the bench.
    counts = Counter(bench.kinds[told].tolist())
    weights = np.array([1 / max(counts[kind], 1) for kind in bench.kinds]) * told
    half = np.array(
        [hashlib.sha256(text.encode()).digest()[0] % 2 for text in bench.texts]
    )
    scores = np.zeros(len(right))
    for side in (0, 1):  # each half scored by the fit on the other
        train = told & (half != side)
        fitted = fit_calibration(features[train], right[train], weights[train])
        scores[half == side] = calibrate(features[half == side], fitted)
    print_reliability(scores[told], right[told], bench.kinds[told])
    calibration = fit_calibration(features[told], right[told], weights[told])
    return {
        "weight": settings.weight,
        "lead": settings.lead,
        "caution": settings.caution,
        "calibration": calibration,
    }


def print_reliability(scores: Array, right: Array, kinds: Names) -> None:
    """Print, by score, how many answers are right (cross-validated)."""
    known = ~np.isin(kinds, ("junk", "udhr/ood"))
    for low in (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99):
        kept = scores >= low
        print(
            f">= {low:4.2f}: right {100 * right[kept].mean():6.2f}%"
            f"  texts kept {100 * kept[known].mean():5.1f}%"
            f"  junk {100 * kept[kinds == 'junk'].mean():5.1f}%"
            f"  unknown languages {100 * kept[kinds == 'udhr/ood'].mean():5.1f}%"
        )


def write_facts(facts: dict[str, Any]) -> None:
    """Write the data file: one line per list, so that changes can be read."""
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    text = _LIST.sub(lambda found: " ".join(found[0].split()), text)
    DATA.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Fit both and rewrite the data file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    bench = read_bench(arguments.shared / "lid" / "dev.jsonl.gz")
    facts = json.loads(DATA.read_text(encoding="utf-8"))
    for name in facts["fits"]:
        print(name)
        facts["fits"][name] |= fit(name, bench)
    write_facts(facts)


if __name__ == "__main__":
    main()
