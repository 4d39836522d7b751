"""Make the traces and fit the review of doubtful texts; write both to ``tasks/data``.

    python bench/fit_traces.py [--shared ../shared]

Run ``fit_language.py`` first. Uses the development half of the language bench only.
The traces are counted on its sentences, articles and declarations of human rights
(Leipzig Corpora Collection, CC BY 4.0; Tatoeba, CC BY 2.0 FR; UDHR); what is kept are
numbers of word parts, no text. To fit the weights, every text is scored by traces that
were counted without it. Deterministic; takes minutes.
"""

import argparse
import dataclasses
import gzip
import hashlib
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import eldc
import numpy as np
import numpy.typing as npt
from fit_language import calibrate, fit_calibration, print_reliability
from scipy.optimize import minimize

from tasks.languages.fusion import REVIEWED, Model, cut, load_model, prepare
from tasks.languages.profiles import load_profiles
from tasks.languages.review import VOICES, Hearing, Reviewer
from tasks.languages.traces import Traces, arrange, load_traces, make_keys

DATA = Path(__file__).parents[1] / "tasks" / "data"
FOLDS = 4
COUNTED = ("lingua", "tatoeba", "udhr")
ROWS = 800_000  # of 1.4 million parts of words; the rest adds next to nothing
UNSEEN = 1e-5  # share of a part never seen
STEPS = 255
BATCH = 512
COMMON_WEIGHT = 4.0  # a text in a common language weighs as much as four others
KINDS = {
    "lingua/word": 2.0,
    "lingua/pair": 2.0,
    "lingua/sentence": 2.0,
    "tatoeba/short": 1.5,
    "tweets/tweet": 1.0,
    "ud/heading": 2.0,
    "ud/HEADING": 2.0,
    "ud/sentence": 1.0,
    "fundus/heading": 1.0,
}
OTHER_KIND = 0.3
PENALTY = 3e-4
PRIOR_PENALTY = 1e-4
ROUNDS = 120
PRIORS = ("prior", "prior_of_short")
_WORDLESS = re.compile(r"[\W\d_]+")

Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]
Row = dict[str, str]


class Case(NamedTuple):
    """Doubtful texts, ready to fit: one row each.

    Attributes:
        places: Their places in the bench.
        voices: Text, language, voice.
        written: Languages that come into question.
        columns: Column of the right language; -1 if we do not know it.
        weights: Of each text.
    """

    places: npt.NDArray[np.int64]
    voices: npt.NDArray[np.float32]
    written: npt.NDArray[np.bool_]
    columns: npt.NDArray[np.int64]
    weights: Array


def read_rows(path: Path) -> list[Row]:
    """Read the bench without its mixed texts."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if row["src"] != "mixed"]


def kind_of(row: Row) -> str:
    """Return the kind of a text; all junk is one."""
    return "junk" if row["src"] == "junk" else f"{row['src']}/{row['type']}"


def plain(text: str) -> str:
    """Return the words of a text, to tell which sentences are the same."""
    return " ".join(_WORDLESS.sub(" ", text.lower()).split())


def fold_of(text: str) -> int:
    """Return the part of the bench that a text belongs to."""
    return hashlib.sha256(plain(text).encode()).digest()[0] % FOLDS


def count_traces(rows: list[Row], languages: set[str], hidden: set[str]) -> Traces:
    """Count the parts of words.

    Args:
        rows: Texts to count.
        languages: Those to count.
        hidden: Sentences, as ``plain``, that must not be seen within longer texts.
    """
    texts: dict[str, list[str]] = {}
    for row in rows:
        if row["src"] in COUNTED and row["lang"] in languages:
            text = row["text"]
            if hidden and row["type"] in {"paragraph", "document"}:
                sentences = re.split(r"(?<=[.!?])\s+", text)
                text = " ".join(s for s in sentences if plain(s) not in hidden)
            texts.setdefault(row["lang"], []).append(text)
    codes = sorted(texts)
    found = [np.unique(make_keys(texts[code])[0], return_counts=True) for code in codes]
    sizes = [len(keys) for keys, _ in found]
    owners = np.repeat(np.arange(len(codes)), sizes)
    shares = np.concatenate([counts / counts.sum() for _, counts in found])
    keys, rows_of = np.unique(
        np.concatenate([keys for keys, _ in found]), return_inverse=True
    )
    values = np.log(shares / UNSEEN + 1)
    mean = np.bincount(rows_of, values) / len(codes)
    worth = np.bincount(rows_of, shares * np.abs(values - mean[rows_of]))
    kept = np.sort(np.argsort(-worth, kind="stable")[:ROWS])
    places = np.full(len(keys), -1)
    places[kept] = np.arange(len(kept))
    unit = float(values.max() / STEPS)
    steps = np.round(values / unit).astype(np.uint8)
    chosen = (places[rows_of] >= 0) & (steps > 0)
    rows_of, owners, steps = places[rows_of][chosen], owners[chosen], steps[chosen]
    order = np.lexsort((owners, rows_of))
    lengths = np.bincount(rows_of, minlength=len(kept))
    return arrange(
        codes,
        keys[kept],
        lengths.astype(np.uint8),
        columns=owners[order].astype(np.uint8),
        values=steps[order],
        unit=unit,
    )


def write_traces(traces: Traces) -> None:
    """Write the data file."""
    np.savez_compressed(
        DATA / "traces.npz",
        languages=np.array(traces.languages),
        keys=traces.keys,
        lengths=np.diff(traces.ends).astype(np.uint8),
        columns=traces.columns,
        values=traces.values,
        unit=traces.unit,
    )


def with_traces(model: Model, traces: Traces) -> Model:
    """Return the model with other traces of the same languages."""
    return dataclasses.replace(
        model, reviewer=dataclasses.replace(model.reviewer, traces=traces)
    )


def weigh_rows(rows: list[Row], common: set[str], known: set[str]) -> Array:
    """Return the weight of each text: kinds, then languages of a kind, weigh alike."""
    counts = Counter((kind_of(row), row["lang"]) for row in rows)
    languages = Counter(kind for kind, language in counts if language in known)
    return np.array(
        [
            KINDS.get(kind, OTHER_KIND)
            * (COMMON_WEIGHT if row["lang"] in common else 1.0)
            / counts[kind, row["lang"]]
            / max(languages[kind], 1)
            for row in rows
            for kind in [kind_of(row)]
        ]
    )


def hear(
    model: Model, texts: list[str]
) -> tuple[npt.NDArray[np.int64], Hearing, Array]:
    """Return the places of doubtful texts, what is known of them, their features."""
    places, hearings, features = [], [], []
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        evidence = model.weigh(batch)
        scores = calibrate(evidence.features, model.settings.calibration)
        rows = model.find_doubtful(evidence, scores)
        places.append(rows + start)
        hearings.append(model.summon(batch, evidence, scores, rows))
        features.append(evidence.features[rows])
    joined = Hearing(
        [text for one in hearings for text in one.texts],
        *(
            np.concatenate([getattr(one, name) for one in hearings])
            for name in ("words", "ngrams", "counts", "written", "answers", "scores")
        ),
    )
    return np.concatenate(places), joined, np.concatenate(features)


def pick(hearing: Hearing, chosen: npt.NDArray[np.int64]) -> Hearing:
    """Return some rows of a hearing."""
    return Hearing(
        [hearing.texts[row] for row in chosen.tolist()],
        hearing.words[chosen],
        hearing.ngrams[chosen],
        hearing.counts[chosen],
        hearing.written[chosen],
        hearing.answers[chosen],
        hearing.scores[chosen],
    )


def fit_voices(case: Case) -> Array:
    """Fit the weights: one row per language, columns as ``VOICES``.

    Each is a weight for all languages plus an offset, held small; the priors and the
    first answer have no common part.
    """
    right = case.written[np.arange(len(case.columns)), case.columns]
    use = np.flatnonzero((case.columns >= 0) & right)
    voices, columns = case.voices[use], case.columns[use]
    weights = (case.weights[use] / case.weights[use].sum()).astype(np.float32)
    closed = np.where(case.written[use], 0, -1e9).astype(np.float32)
    count, width = voices.shape[1:]
    place = np.arange(len(use))
    penalty = np.array(
        [PRIOR_PENALTY if name in PRIORS else PENALTY for name in VOICES]
    )

    def lose(vector: Array) -> tuple[float, Array]:
        shared, own = vector[:width], vector[width:].reshape(count, width)
        table = (shared + own).astype(np.float32)
        totals = np.einsum("tlv,lv->tl", voices, table, optimize=True) + closed
        top = totals.max(1, keepdims=True)
        shares = np.exp(totals - top)
        sums = shares.sum(1, keepdims=True)
        shares /= sums
        gain = totals[place, columns] - top[:, 0] - np.log(sums[:, 0])
        loss = -(weights * gain).sum() + (penalty * own * own).sum()
        shares[place, columns] -= 1
        shares *= weights[:, None]
        slope = np.einsum("tlv,tl->lv", voices, shares, optimize=True)
        slope = slope.astype(np.float64)
        return float(loss), np.concatenate(
            [slope.sum(0), (slope + 2 * penalty * own).ravel()]
        )

    start = np.zeros(width + count * width)
    start[:width] = [0.0 if name in PRIORS else 0.3 for name in VOICES]
    found = minimize(
        lose, start, jac=True, method="L-BFGS-B", options={"maxiter": ROUNDS}
    ).x
    fitted: Array = found[:width] + found[width:].reshape(count, width)
    return np.round(fitted, 3)


def fit(
    name: str, rows: list[Row], folded: list[Traces], common: set[str]
) -> dict[str, Any]:
    """Fit the review of one of the two detectors; print how it does on unseen text."""
    model = load_model(with_eldc=name == "fused")
    texts = [cut(prepare(row["text"]))[0] for row in rows]
    places, hearing, features = hear(model, texts)
    folds = np.array([fold_of(row["text"]) for row in rows])[places]
    voices = np.zeros((len(places), len(model.languages), len(VOICES)), np.float32)
    models = [with_traces(model, traces) for traces in folded]
    for fold, one in enumerate(models):
        chosen = np.flatnonzero(folds == fold)
        for start in range(0, len(chosen), BATCH):
            some = chosen[start : start + BATCH]
            heard, _, _ = one.reviewer.listen(pick(hearing, some))
            voices[some] = np.stack(heard, axis=2)
    languages = [rows[place]["lang"] for place in places.tolist()]
    kinds = np.array([kind_of(rows[place]) for place in places.tolist()])
    columns = np.array(
        [
            -1 if kind == "junk" else model.columns.get(language, -1)
            for kind, language in zip(kinds, languages, strict=True)
        ]
    )
    weights = weigh_rows(rows, common, set(model.languages))[places]
    case = Case(places, voices, hearing.written, columns, weights)
    best, signs = np.zeros(len(places), np.int64), np.zeros((len(places), 0))
    for side in (0, 1):  # each half judged by the fit on the other
        train = np.flatnonzero(folds % 2 != side)
        fitted = fit_voices(Case(*(part[train] for part in case)))
        for fold, one in enumerate(models):
            chosen = np.flatnonzero((folds == fold) & (folds % 2 == side))
            if not len(chosen):
                continue
            reviewer: Reviewer = dataclasses.replace(one.reviewer, weights=fitted)
            best[chosen], some_signs = reviewer.review(pick(hearing, chosen))
            if not signs.shape[1]:
                signs = np.zeros((len(places), some_signs.shape[1]))
            signs[chosen] = some_signs
    table = np.concatenate([features, signs], axis=1)
    right = (best == columns).astype(np.float64)
    counts = Counter(map(kind_of, rows))
    importance = np.array([1 / counts[kind] for kind in kinds])
    scores = np.zeros(len(right))
    for side in (0, 1):
        train = folds % 2 != side
        own = fit_calibration(table[train], right[train], importance[train], REVIEWED)
        scores[~train] = calibrate(table[~train], own)
    print_reliability(scores, right, kinds)
    known = ((columns >= 0) & (kinds != "junk")).astype(np.float64)
    recognised = np.zeros(len(right))
    for side in (0, 1):
        train = folds % 2 != side
        own = fit_calibration(table[train], known[train], importance[train], REVIEWED)
        recognised[~train] = calibrate(table[~train], own)
    print("in any language that we know:")
    print_reliability(recognised, known, kinds)
    final = fit_voices(case)
    return {
        "review_calibration": fit_calibration(table, right, importance, REVIEWED),
        "recognition": fit_calibration(table, known, importance, REVIEWED),
        "voices": {
            code: weights.tolist()
            for code, weights in zip(model.languages, final, strict=True)
        },
    }


def main() -> None:
    """Count, fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    rows = read_rows(arguments.shared / "lid" / "dev.jsonl.gz")
    source = (arguments.shared / "lid" / "eval.py").read_text(encoding="utf-8")
    common = set(re.search(r"COMMON = '([^']*)'", source)[1].split())
    known = {row["lang"] for row in rows if row["src"] == "lingua"}
    traces = count_traces(
        rows, known | {*load_profiles().languages, *eldc.LANGUAGES}, set()
    )
    write_traces(traces)
    load_traces.cache_clear()
    folded = []
    for fold in range(FOLDS):
        hidden = {plain(row["text"]) for row in rows if fold_of(row["text"]) == fold}
        others = [row for row in rows if fold_of(row["text"]) != fold]
        folded.append(count_traces(others, set(traces.languages), hidden))
    path = DATA / "detect.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    for name in facts["fits"]:
        print(name)
        facts["fits"][name] |= fit(name, rows, folded, common)
    path.write_text(
        json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
