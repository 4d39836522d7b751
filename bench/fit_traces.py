"""Make the traces and lessons, fit the review of doubtful texts; write ``tasks/data``.

    python bench/fit_traces.py [--shared ../shared]

Run ``fit_language.py`` and ``fit_vocabulary.py`` first, ``fit_glance.py`` after. Needs
lingua's models:

    pip install brotli 'lingua-language-detector<2'

Uses the development half of the language bench only. The traces are counted on its
sentences, articles and declarations of human rights (Leipzig Corpora Collection, CC BY
4.0; Tatoeba, CC BY 2.0 FR; UDHR) and joined with lingua's shares of word parts
(Apache-2.0, Peter M. Stahl); what is kept are numbers of word parts, no text. To fit
the weights, every text is scored by traces that were counted without it, and what is
printed is of texts that the weights were not fitted to. Deterministic; takes minutes.
"""

import argparse
import dataclasses
import functools
import gzip
import hashlib
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import brotli
import eldc
import numpy as np
import numpy.typing as npt
from fit_language import (
    DATA,
    calibrate,
    fit_calibration,
    print_reliability,
    write_facts,
)
from fit_lessons import Course, find_unlike, fit_lessons
from scipy.optimize import minimize

from tasks.languages.chunks import make_chunks
from tasks.languages.fusion import REVIEWED, Model, load_model
from tasks.languages.lessons import Lessons
from tasks.languages.profiles import load_profiles
from tasks.languages.review import VOICES, Hearing, Reviewer
from tasks.languages.traces import (
    LONGEST,
    SHORTEST,
    Keys,
    Stored,
    Traces,
    arrange,
    load_traces,
    make_keys,
    number_ngrams,
)

FOLDS = 4
COUNTED = ("lingua", "tatoeba", "udhr")
ROWS = 1_000_000  # of 8 million parts of words; the rest adds next to nothing
UNSEEN = 3e-6  # share of a part never seen
MODEL_FILES = ("unigrams", "bigrams", "trigrams", "quadrigrams", "fivegrams")
MODEL_SHARE = 0.8  # of what is known of a part within words
PARTS = {"no": ("nb", "nn")}
SCRIPTS = ("Latn", "Cyrl", "Arab")
LEAST_SHARE = 2e-7
STEPS = 255
BATCH = 512
COMMON_WEIGHT = 5.0  # a text in a common language weighs as much as five others
# Of a text in another that has no headings: Bosnian and Malay would else yield to
# Croatian and Indonesian, which have.
UNHEADED_WEIGHT = 1.4
KINDS = {
    "lingua/word": 1.0,
    "lingua/pair": 2.0,
    "lingua/sentence": 2.0,
    "tatoeba/short": 1.5,
    "tweets/tweet": 2.0,
    "ud/heading": 4.0,
    "ud/HEADING": 4.0,
    "ud/sentence": 1.0,
    "fundus/heading": 1.0,
}
OTHER_KIND = 0.3
# To learn from, beside that: what the lessons would else get wrong for the rest.
DOCUMENTS = ("lingua/document", "ud/document", "fundus/document")
PARAGRAPHS = ("lingua/paragraph", "ud/paragraph", "udhr/paragraph", "fundus/paragraph")
LESSON_KINDS = {
    "tatoeba/short": 2.0,
    **dict.fromkeys(PARAGRAPHS, 10.0),
    **dict.fromkeys(DOCUMENTS, 30.0),
}
RARE_LESSON_KINDS = {
    "tatoeba/short": 2.0,
    "lingua/sentence": 2.5,
    **dict.fromkeys(DOCUMENTS, 10.0),
}
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


def count_traces(rows: list[Row], languages: set[str], hidden: set[str]) -> Stored:
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
    return make_table(
        {code: measure_shares(code, texts[code]) for code in sorted(texts)}, ROWS
    )


def count_folded(rows: list[Row], languages: set[str]) -> list[Traces]:
    """Count the parts of words once per fold, each time without its texts."""
    folded = []
    for fold in range(FOLDS):
        hidden = {plain(row["text"]) for row in rows if fold_of(row["text"]) == fold}
        others = [row for row in rows if fold_of(row["text"]) != fold]
        folded.append(arrange(count_traces(others, languages, hidden)))
    return folded


def make_table(
    found: Mapping[str, tuple[Keys, Array]], most: int, unseen: float = UNSEEN
) -> Stored:
    """Keep the parts that tell languages apart best.

    Args:
        found: Parts and the share of each, by language.
        most: Number of parts to keep.
        unseen: Share of one that is not there.
    """
    codes = list(found)
    sizes = [len(keys) for keys, _ in found.values()]
    owners = np.repeat(np.arange(len(codes)), sizes)
    shares = np.concatenate([shares for _, shares in found.values()])
    keys, rows_of = np.unique(
        np.concatenate([keys for keys, _ in found.values()]), return_inverse=True
    )
    values = np.log(shares / unseen + 1)
    mean = np.bincount(rows_of, values) / len(codes)
    worth = np.bincount(rows_of, shares * np.abs(values - mean[rows_of]))
    kept = np.sort(np.argsort(-worth, kind="stable")[:most])
    places = np.full(len(keys), -1)
    places[kept] = np.arange(len(kept))
    unit = float(values.max() / STEPS)
    steps = np.round(values / unit).astype(np.uint8)
    chosen = (places[rows_of] >= 0) & (steps > 0)
    rows_of, owners, steps = places[rows_of][chosen], owners[chosen], steps[chosen]
    order = np.lexsort((owners, rows_of))
    lengths = np.bincount(rows_of, minlength=len(kept))
    return Stored(
        tuple(codes),
        keys[kept],
        lengths.astype(np.uint8),
        owners[order].astype(np.uint8),
        steps[order],
        unit,
    )


def measure_shares(code: str, texts: list[str]) -> tuple[Keys, Array]:
    """Return the parts of words of a language and the share of each.

    What is within words, lingua's models know from far larger texts: there each part
    has mostly the share that they give it. Ends of words and whole words are counted.
    """
    keys, counts = np.unique(make_keys(texts).keys, return_counts=True)
    shares = counts / counts.sum()
    words = {
        word for text in texts for word in _WORDLESS.sub(" ", text).lower().split()
    }
    for length, (theirs, their_shares) in read_models(code).items():
        own = number_ngrams(
            list(
                {
                    word[start : start + length]
                    for word in words
                    for start in range(len(word) - length + 1)
                }
            )
        )
        is_inner = np.isin(keys, own)
        mass = shares[is_inner].sum()
        scaled = np.where(is_inner, (1 - MODEL_SHARE) * shares, 0.0)
        shares = np.where(is_inner, 0.0, shares)
        every = np.concatenate([keys, theirs])
        parts = np.concatenate([shares + scaled, MODEL_SHARE * mass * their_shares])
        keys, places = np.unique(every, return_inverse=True)
        shares = np.bincount(places, parts)
    return keys, shares


@functools.cache
def read_models(code: str) -> dict[int, tuple[Keys, Array]]:
    """Return the parts of words in lingua's models by length, and the share of each.

    Scripts written with marks are left out: there the models have lost the marks.
    """
    facts = json.loads(DATA.read_text(encoding="utf-8"))
    scripts = {
        language: script
        for script, codes in facts["scripts"].items()
        for language in codes.split()
    }
    if scripts.get(code, SCRIPTS[0]) not in SCRIPTS:
        return {}
    models = [read_model(part) for part in PARTS.get(code, (code,))]
    found = {}
    for length in range(SHORTEST, LONGEST + 1):
        shares: Counter[str] = Counter()
        for model in models:
            shares.update(model.get(length, {}))
        if shares:
            keys, places = np.unique(number_ngrams(list(shares)), return_inverse=True)
            every = np.bincount(places, list(shares.values()))
            found[length] = keys, every / every.sum()
    return found


def read_model(code: str) -> dict[int, dict[str, float]]:
    """Return the share of each part of words among all of its length.

    The files give the probability of each part after its letters but the last; the
    shares are the products.
    """
    spec = importlib.util.find_spec("lingua")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install 'lingua-language-detector<2'")
    folder = Path(spec.origin).parent / "language-models" / code
    found: dict[int, dict[str, float]] = {}
    known = {"": 1.0}
    for length, name in enumerate(MODEL_FILES, start=1):
        path = folder / f"{name}.json.br"
        if not path.exists():
            break
        text = brotli.decompress(path.read_bytes())
        shares = {}
        for fraction, ngrams in json.loads(text)["ngrams"].items():
            above, below = map(int, fraction.split("/"))
            for ngram in ngrams.split():
                share = known.get(ngram[:-1], 0.0) * above / below
                if share > LEAST_SHARE:
                    shares[ngram] = share
        found[length] = known = shares
    return found


def write_traces(name: str, stored: Stored) -> None:
    """Write a data file."""
    # Compressed it is hardly smaller, and slower to read.
    np.savez(DATA.parent / f"{name}.npz", **stored._asdict())


def write_lessons(lessons: dict[str, Lessons]) -> None:
    """Write the data file; ``lessons`` by the name of the fit."""
    np.savez(
        DATA.parent / "lessons.npz",
        **{
            f"{name}_{key}": value
            for name, own in lessons.items()
            for key, value in {
                "languages": np.array(own.languages),
                **condense(own),
                "unit": np.float64(own.unit),
            }.items()
        },
    )


def condense(lessons: Lessons) -> dict[str, Any]:
    """Return the weights as they are stored: those of each group side by side."""
    rows, columns = np.nonzero(lessons.table)
    per_row = np.bincount(rows, minlength=len(lessons.table))
    return {
        "lengths": per_row[lessons.places].astype(np.uint8),
        "columns": columns.astype(np.uint8),
        "values": lessons.table[rows, columns].astype(np.int8),
    }


def with_traces(model: Model, traces: Traces) -> Model:
    """Return the model with other traces of the same languages."""
    return dataclasses.replace(
        model, reviewer=dataclasses.replace(model.reviewer, traces=traces)
    )


def weigh_rows(rows: list[Row], common: set[str], known: set[str]) -> Array:
    """Return the weight of each text: kinds, then languages of a kind, weigh alike."""
    counts = Counter((kind_of(row), row["lang"]) for row in rows)
    languages = Counter(kind for kind, language in counts if language in known)
    headed = {language for kind, language in counts if kind == "ud/heading"}
    shares = {
        language: COMMON_WEIGHT
        if language in common
        else 1.0
        if language in headed
        else UNHEADED_WEIGHT
        for _, language in counts
    }
    return np.array(
        [
            KINDS.get(kind, OTHER_KIND)
            * shares[row["lang"]]
            / counts[kind, row["lang"]]
            / max(languages[kind], 1)
            for row in rows
            for kind in [kind_of(row)]
        ]
    )


def hear(
    model: Model, texts: list[str]
) -> tuple[npt.NDArray[np.int64], Hearing, Array, npt.NDArray[np.int64]]:
    """Look at texts once.

    Returns:
        The places of doubtful texts, what is known of them, their features; the column
        of the first answer to every text.
    """
    places, hearings, features, firsts = [], [], [], []
    for start in range(0, len(texts), BATCH):
        batch = texts[start : start + BATCH]
        evidence = model.weigh(batch, model.ask_words(batch))
        scores = calibrate(evidence.features, model.settings.calibration)
        rows = model.find_doubtful(evidence, scores)
        places.append(rows + start)
        hearings.append(model.summon(batch, evidence, scores, rows))
        features.append(evidence.features[rows])
        firsts.append(evidence.columns)
    joined = Hearing(
        [text for one in hearings for text in one.texts],
        *(
            np.concatenate([getattr(one, name) for one in hearings])
            for name in ("words", "ngrams", "counts", "written", "answers", "scores")
        ),
    )
    return (
        np.concatenate(places),
        joined,
        np.concatenate(features),
        np.concatenate(firsts),
    )


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


def print_accuracy(
    rows: list[Row],
    codes: list[str],
    answers: npt.NDArray[np.int64],
    common: set[str],
) -> None:
    """Print accuracy by kind, macro over languages: common ones, all; out of fold."""
    right: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for row, answer in zip(rows, answers.tolist(), strict=True):
        key = kind_of(row), row["lang"]
        is_known = row["src"] != "junk" and row["type"] != "ood"
        total[key] += 1
        right[key] += codes[answer] == (row["lang"] if is_known else "und")
    for kind in sorted({kind for kind, _ in total}):
        shares = {
            language: right[kind, language] / count
            for (own, language), count in total.items()
            if own == kind
        }
        some = [share for language, share in shares.items() if language in common]
        line = f"{kind:20} all {100 * np.mean(list(shares.values())):6.2f}"
        print(line, f" common {100 * np.mean(some):6.2f}" if some else "")


def weigh_lessons(case: Case, kinds: Names, is_common: npt.NDArray[np.bool_]) -> Array:
    """Return how much each text weighs when lessons are drawn."""
    return case.weights * np.array(
        [
            (LESSON_KINDS if common else RARE_LESSON_KINDS).get(kind, 1.0)
            for kind, common in zip(kinds.tolist(), is_common.tolist(), strict=True)
        ]
    )


def fit_recognition(
    table: Array,
    best: npt.NDArray[np.int64],
    kinds: Names,
    weights: Array,
    model: Model,
) -> dict[str, Any]:
    """Fit what tells texts in no language, and in one that we do not know."""
    codes = model.languages
    own = (best[:, None] == np.arange(len(codes))).astype(np.float64)
    is_language = kinds != "junk"
    language = fit_calibration(table, is_language.astype(float), weights, REVIEWED)
    known = fit_calibration(
        np.concatenate([table, own], axis=1),
        (kinds != "udhr/ood").astype(float),
        weights * is_language,
        (*REVIEWED, *codes),
    )
    return {
        "language": language,
        "recognition": {name: known[name] for name in REVIEWED},
        "strangers": {code: known[code] for code in codes if known[code]},
    }


def fit(
    name: str, rows: list[Row], folded: list[Traces], common: set[str]
) -> tuple[dict[str, Any], Lessons]:
    """Fit the review of one of the two detectors; print how it does on unseen text."""
    model = load_model(with_eldc=name == "fused")
    texts = [make_chunks(row["text"])[0] for row in rows]
    places, hearing, features, firsts = hear(model, texts)
    folds = np.array([fold_of(row["text"]) for row in rows])[places]
    voices = np.zeros((len(places), len(model.languages), len(VOICES)), np.float32)
    models = [with_traces(model, traces) for traces in folded]
    for fold, one in enumerate(models):
        chosen = np.flatnonzero(folds == fold)
        for start in range(0, len(chosen), BATCH):
            some = chosen[start : start + BATCH]
            heard = one.reviewer.listen(pick(hearing, some))
            voices[some] = np.stack(heard.voices, axis=2)
    languages = np.array([rows[place]["lang"] for place in places.tolist()])
    kinds = np.array([kind_of(rows[place]) for place in places.tolist()])
    columns = np.array(
        [
            -1 if kind == "junk" else model.columns.get(language, -1)
            for kind, language in zip(kinds.tolist(), languages.tolist(), strict=True)
        ]
    )
    weights = weigh_rows(rows, common, set(model.languages))[places]
    case = Case(places, voices, hearing.written, columns, weights)
    totals = np.zeros(voices.shape[:2])
    fitted = []
    for side in (0, 1):  # each half judged by the fit on the other
        fitted.append(fit_voices(Case(*(part[folds % 2 != side] for part in case))))
        for row in np.flatnonzero(folds % 2 == side).tolist():
            totals[row] = (voices[row] * fitted[side]).sum(1)
    course = Course(
        hearing.texts,
        totals,
        hearing.written,
        columns,
        weigh_lessons(case, kinds, np.isin(languages, list(common))),
    )
    plain_texts = [plain(rows[place]["text"]) for place in places.tolist()]
    best, signs = np.zeros(len(places), np.int64), []
    order = []
    for fold, one in enumerate(models):  # each quarter taught by the others
        lessons = fit_lessons(
            course, model.languages, find_unlike(plain_texts, folds == fold)
        )
        reviewer: Reviewer = dataclasses.replace(
            one.reviewer,
            weights=fitted[fold % 2],
            lessons=lessons,
            lesson_columns=np.arange(len(model.languages)),
        )
        chosen = np.flatnonzero(folds == fold)
        best[chosen], some_signs = reviewer.review(pick(hearing, chosen))
        signs.append(some_signs)
        order.append(chosen)
    table = np.concatenate(
        [features, np.concatenate(signs)[np.argsort(np.concatenate(order))]], axis=1
    )
    right = (best == columns).astype(np.float64)
    counts = Counter(map(kind_of, rows))
    importance = np.array([1 / counts[kind] for kind in kinds.tolist()])
    scores, is_none = np.zeros(len(right)), np.zeros(len(right), np.bool_)
    for side in (0, 1):
        train = folds % 2 != side
        own = fit_calibration(table[train], right[train], importance[train], REVIEWED)
        scores[~train] = calibrate(table[~train], own)
        recognition = fit_recognition(
            table[train], best[train], kinds[train], importance[train], model
        )
        judge = dataclasses.replace(
            model, settings=dataclasses.replace(model.settings, **recognition)
        )
        is_none[~train] = judge.find_none(table[~train], best[~train])
    print_reliability(scores[~is_none], right[~is_none], kinds[~is_none])
    firsts[places] = np.where(is_none, -1, best)
    print_accuracy(rows, [*model.languages, "und"], firsts, common)
    final = fit_voices(case)
    return {
        "review_calibration": fit_calibration(table, right, importance, REVIEWED),
        **fit_recognition(table, best, kinds, importance, model),
        "voices": {
            code: weights.tolist()
            for code, weights in zip(model.languages, final, strict=True)
        },
    }, fit_lessons(course, model.languages, np.arange(len(places)))


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
    write_traces("traces", traces)
    load_traces.cache_clear()
    folded = count_folded(rows, set(traces.languages))
    facts = json.loads(DATA.read_text(encoding="utf-8"))
    lessons = {}
    for name in facts["fits"]:
        print(name)
        fitted, lessons[name] = fit(name, rows, folded, common)
        facts["fits"][name] |= fitted
    write_facts(facts)
    write_lessons(lessons)


if __name__ == "__main__":
    main()
