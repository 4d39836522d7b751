"""Find which answers of eldc, and of the traces, stand alone; write the limits.

    python bench/fit_glance.py [--shared ../shared]

Run it last: an answer does harm where the detector with all it has is right and the
judge alone is not. Uses the development half of the language bench only; the traces
judge texts that they were counted without. Deterministic.
"""

import argparse
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from string import ascii_lowercase
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from fit_language import DATA, fit_calibration, write_facts
from fit_traces import count_folded, fold_of, kind_of, read_rows

from tasks.languages.chunks import make_chunks
from tasks.languages.fusion import Model, load_model
from tasks.languages.glance import (
    FEATURES,
    Glance,
    Limits,
    describe,
    is_written_with,
    measure,
    measure_traces,
)

LEAST_CHARS = 24
LEAST_WORDLESS_CHARS = 10  # of Chinese, say
LEAST_SHARE = 3e-5  # of a letter in its language
LEAST_TEXTS = 15
HARM_SHARE = 0.001
TOP_QUANTILES = (0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5)
BATCH = 512
# Letters of these are too many to count: what the national standards hold.
STANDARDS = {"zh": ("gb2312", "big5"), "ja": ("shift_jis",), "ko": ("euc_kr",)}
_KANA = "".join(map(chr, range(0x3040, 0x3100)))

# By judge: what is added to the gap of the worst that does harm, and the least gap.
MARGINS = {"words": (0.03, 0.12), "traces": (0.2, 0.4)}
UNKNOWN = ("junk", "udhr/ood")

Flags = npt.NDArray[np.bool_]


class Case(NamedTuple):
    """The bench as one judge sees it; one row per text.

    Attributes:
        texts: Prepared texts.
        languages: Right answers.
        kinds: As of ``kind_of``.
        answers: Those of the judge.
        tops: Evidence for them.
        gaps: By how much it exceeds that for the next.
        harmful: Answers that must not stand.
    """

    texts: list[str]
    languages: npt.NDArray[np.str_]
    kinds: npt.NDArray[np.str_]
    answers: npt.NDArray[np.str_]
    tops: npt.NDArray[np.float64]
    gaps: npt.NDArray[np.float64]
    harmful: Flags


def look(rows: list[dict[str, str]], model: Model) -> dict[str, Case]:
    """Ask each judge alone, and the detector with all it has."""
    texts = [make_chunks(row["text"])[0] for row in rows]
    words = model.ask_words(texts)
    full = [
        code
        for start in range(0, len(texts), BATCH)
        for code, _ in model.look(
            texts[start : start + BATCH], words[start : start + BATCH]
        )
    ]
    languages = np.array([row["lang"] for row in rows])
    kinds = np.array([kind_of(row) for row in rows])
    is_right = np.array(full) == languages
    answers = np.array([next(iter(scores), "und") for scores in words])
    measures = np.array([measure(scores) if scores else (0.0, 0.0) for scores in words])
    traced, tops, gaps = ask_traces(rows, texts, model)
    return {
        "words": Case(
            texts,
            languages,
            kinds,
            answers,
            measures[:, 0],
            measures[:, 1],
            (answers != languages) & is_right,
        ),
        "traces": Case(
            texts,
            languages,
            kinds,
            traced,
            tops,
            gaps,
            # With all it has the detector has learned these: they tell no more.
            np.isin(kinds, UNKNOWN) | ((traced != languages) & is_right),
        ),
    }


def ask_traces(
    rows: list[dict[str, str]], texts: list[str], model: Model
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Ask traces that were counted without the text: answers, evidence, gaps."""
    folds = np.array([fold_of(row["text"]) for row in rows])
    answers = np.full(len(rows), "und", "U8")
    tops, gaps = np.zeros((2, len(rows)))
    folded = count_folded(rows, set(model.reviewer.traces.languages))
    for fold, traces in enumerate(folded):
        places = np.flatnonzero(folds == fold)
        for start in range(0, len(places), BATCH):
            some = places[start : start + BATCH]
            trail = traces.follow([texts[place] for place in some.tolist()])
            marks = measure_traces(traces, trail)
            answers[some], tops[some], gaps[some] = marks
    return answers, tops, gaps


def count_letters(case: Case, use: Flags) -> dict[str, str]:
    """Return the letters that each language is written with."""
    counts: dict[str, Counter[str]] = {}
    for row in np.flatnonzero(use).tolist():
        if case.kinds[row] not in UNKNOWN:
            own = counts.setdefault(str(case.languages[row]), Counter())
            own.update(letter for letter in case.texts[row].lower())
    letters = {}
    for code, own in counts.items():
        least = LEAST_SHARE * own.total()
        letters[code] = "".join(
            sorted(
                letter
                for letter, count in own.items()
                if count >= least
                and (letter.isalpha() or not letter.isascii())
                and not letter.isspace()
                and not letter.isdigit()
            )
        )
    for code, own in counts.items():  # names from elsewhere say nothing
        plain = sum(own[letter] for letter in ascii_lowercase)
        if 2 * plain < sum(own[letter] for letter in own if letter.isalpha()):
            letters[code] = "".join(sorted({*letters[code], *ascii_lowercase}))
    every = "".join(map(chr, range(0x3400, 0xD7A4)))
    for code, codecs in STANDARDS.items():
        known = {
            letter
            for codec in codecs
            for letter in every.encode(codec, "ignore").decode(codec)
            if letter.isalpha()
        }
        kana = set(_KANA) if code == "ja" else set()
        letters[code] = "".join(
            sorted({*known.difference(_KANA), *kana, *ascii_lowercase})
        )
    return letters


def find_limits(
    case: Case, use: Flags, excluded: set[str], margins: tuple[float, float]
) -> dict[str, Limits]:
    """Find, by language, the limits that most texts meet and next to no harm does."""
    letters = count_letters(case, use)
    limits = {}
    sizes = np.array([len(text) for text in case.texts])
    margin, least_gap = margins
    for code in sorted(set(case.answers.tolist()) - excluded - {"und"}):
        if code not in letters:
            continue
        chars = LEAST_WORDLESS_CHARS if code in STANDARDS else LEAST_CHARS
        rows = [
            row
            for row in np.flatnonzero(
                use & (sizes >= chars) & (case.answers == code)
            ).tolist()
            if is_written_with(case.texts[row], letters[code])
        ]
        tops, gaps = case.tops[rows], case.gaps[rows]
        own, harm = case.languages[rows] == code, case.harmful[rows]
        if own.sum() < LEAST_TEXTS:
            continue
        best = (0.0, 0.0, 0.0)
        for top in np.quantile(tops[own], TOP_QUANTILES):
            worst = np.sort(gaps[harm & (tops >= top)])[::-1]
            allowed = int(HARM_SHARE * own.sum())
            gap = worst[allowed] + margin if len(worst) > allowed else 0.0
            gap = max(gap, least_gap)
            share = (own & (tops >= top) & (gaps >= gap)).sum() / own.sum()
            best = max(best, (share, -top, -gap))
        if best[0] > 0:
            top, gap = round(-best[1], 3), round(-best[2], 3)
            limits[code] = Limits(chars, top, gap, letters[code])
            print(
                f"{code}: {100 * best[0]:5.1f}% settled, top {top:.2f}, gap {gap:.2f}"
            )
    return limits


def settle(
    case: Case,
    limits: Mapping[str, Limits],
    calibration: tuple[float, ...] = (10.0, *[0.0] * (len(FEATURES) - 1)),
) -> Flags:
    """Tell which texts are settled at a glance, by their limits and the calibration."""
    glance = Glance(limits, calibration)
    return np.array(
        [
            glance.settle_measured(*marks) is not None
            for marks in zip(
                case.texts,
                case.answers.tolist(),
                case.tops.tolist(),
                case.gaps.tolist(),
                strict=True,
            )
        ]
    )


def calibrate_glance(case: Case, settled: Flags) -> dict[str, float]:
    """Fit how likely a settled answer is right; kinds of text weigh alike."""
    rows = np.flatnonzero(settled).tolist()
    features = np.array(
        [describe(case.tops[row], case.gaps[row], len(case.texts[row])) for row in rows]
    )
    right = (case.answers == case.languages)[rows].astype(np.float64)
    counts = Counter(case.kinds.tolist())
    weights = np.array([1 / counts[kind] for kind in case.kinds[rows].tolist()])
    return fit_calibration(features, right, weights, FEATURES)


def print_settled(case: Case, settled: Flags) -> None:
    """Print, by kind, how many are settled, how many of them are wrong, and harm."""
    right = case.answers == case.languages
    for kind in sorted(set(case.kinds.tolist())):
        rows = case.kinds == kind
        some = rows & settled
        print(
            f"{kind:20} {rows.sum():6} settled {100 * some.sum() / rows.sum():5.1f}%"
            f"  wrong {(some & ~right).sum():4}  of these harm"
            f" {(some & case.harmful).sum():4}"
        )


def fit(
    case: Case, excluded: set[str], margins: tuple[float, float]
) -> tuple[dict[str, Limits], dict[str, float], Flags]:
    """Fit on each half and show how the other fares; fit on both.

    Returns:
        Limits, calibration, and what the limits of the other half settle.
    """
    half = np.array(
        [hashlib.sha256(text.encode()).digest()[0] % 2 for text in case.texts]
    )
    settled = np.zeros(len(case.texts), np.bool_)
    for side in (0, 1):
        limits = find_limits(case, half != side, excluded, margins)
        settled |= settle(case, limits) & (half == side)
    calibration = calibrate_glance(case, settled)
    limits = find_limits(case, np.ones(len(settled), np.bool_), excluded, margins)
    sure = settled & settle(case, limits, tuple(calibration.values()))
    return limits, calibration, sure


def main() -> None:
    """Fit the glance at each judge and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    rows = read_rows(arguments.shared / "lid" / "dev.jsonl.gz")
    facts: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    excluded = {"words": set(facts["doubted"]), "traces": set(STANDARDS)}
    settled = np.zeros(len(rows), np.bool_)
    letters: dict[str, str] = {}
    glances: dict[str, Any] = {}
    for judge, case in look(rows, load_model(with_eldc=True)).items():
        print(judge)
        limits, calibration, sure = fit(case, excluded[judge], MARGINS[judge])
        print_settled(case, sure & ~settled)  # of what is left to this judge
        settled |= sure
        letters |= {code: own.letters for code, own in limits.items()}
        glances[judge] = {
            "calibration": calibration,
            "limits": {
                code: (own.chars, own.top, own.gap) for code, own in limits.items()
            },
        }
    facts["glance"] = {"letters": letters, **glances}
    write_facts(facts)


if __name__ == "__main__":
    main()
