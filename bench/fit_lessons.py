"""Fit the lessons: what the review of doubtful texts got wrong, part of word by part.

Part of ``fit_traces.py``. The sums of the review, each of a text that its weights and
traces have not seen, stay as they are; to them is added a weight per part of a word and
language (multinomial logistic regression). Only the weights that the errors ask for
most are fitted at all. Deterministic.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_array

from tasks.languages.lessons import ROW_BITS, Lessons, arrange, find_rows
from tasks.languages.traces import TRACE_CHARS, make_keys

MOST = 100_000  # weights
PENALTY = 2e-5
ROUNDS = 12
STEPS = 127
BATCH = 2048
SHINGLE_WORDS = 4

Array = npt.NDArray[np.float64]


class Course(NamedTuple):
    """Texts to learn from, one row each.

    Attributes:
        texts: Prepared texts.
        totals: What the review gives each language.
        written: Languages that come into question.
        columns: Column of the right language; -1 if there is none.
        weights: Of each text.
    """

    texts: list[str]
    totals: Array
    written: npt.NDArray[np.bool_]
    columns: npt.NDArray[np.int64]
    weights: Array


def fit_lessons(
    course: Course, languages: Sequence[str], rows: npt.NDArray[np.int64]
) -> Lessons:
    """Learn from some of the texts."""
    columns = course.columns[rows]
    told = (columns >= 0) & course.written[rows, columns]
    rows, columns = rows[told], columns[told]
    parts = count_parts([course.texts[row] for row in rows.tolist()])
    turned = parts.T.tocsr()
    closed = np.where(course.written[rows], 0, -1e9)
    totals = (np.where(course.written[rows], course.totals[rows], 0) + closed).astype(
        np.float32
    )
    weights = (course.weights[rows] / course.weights[rows].sum()).astype(np.float32)
    place = np.arange(len(rows))

    def lose(sums: npt.NDArray[np.float32]) -> tuple[float, npt.NDArray[np.float32]]:
        top = sums.max(1, keepdims=True)
        shares = np.exp(sums - top)
        all_shares = shares.sum(1, keepdims=True)
        gain = sums[place, columns] - top[:, 0] - np.log(all_shares[:, 0])
        shares /= all_shares
        shares[place, columns] -= 1
        shares *= weights[:, None]
        return -float((weights * gain).sum()), (turned @ shares).ravel()

    table = np.zeros((1 << ROW_BITS, len(languages)), np.float32)
    slope = lose(totals)[1]
    chosen = np.sort(np.argsort(-np.abs(slope), kind="stable")[:MOST])

    def lose_chosen(vector: Array) -> tuple[float, Array]:
        table.ravel()[chosen] = vector
        loss, slope = lose(totals + parts @ table)
        loss += PENALTY * float(vector @ vector) / 2
        return loss, slope[chosen].astype(np.float64) + PENALTY * vector

    found = minimize(
        lose_chosen,
        np.zeros(len(chosen)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": ROUNDS},
    ).x
    return round_weights(languages, chosen, found)


def round_weights(
    languages: Sequence[str], places: npt.NDArray[np.int64], values: Array
) -> Lessons:
    """Round the weights and drop those that round to nothing."""
    unit = float(np.abs(values).max() / STEPS)
    steps = np.round(values / unit).astype(np.int8)
    places, steps = places[steps != 0], steps[steps != 0]
    rows, columns = np.divmod(places, len(languages))
    lengths = np.bincount(rows, minlength=1 << ROW_BITS).astype(np.uint8)
    return arrange(languages, lengths, columns.astype(np.uint8), steps, unit)


def count_parts(texts: Sequence[str]) -> csr_array:
    """Return a row per text: parts of its words over the root of their number."""
    blocks = []
    for start in range(0, len(texts), BATCH):
        batch = [text[:TRACE_CHARS] for text in texts[start : start + BATCH]]
        keys, owners, _ = make_keys(batch)
        every = np.bincount(owners, minlength=len(batch))
        values = 1 / np.sqrt(np.maximum(every, 1))[owners]
        blocks.append((values, owners + start, find_rows(keys)))
    values, owners, rows = (
        np.concatenate(parts) for parts in zip(*blocks, strict=True)
    )
    shape = len(texts), 1 << ROW_BITS
    table = csr_array((values.astype(np.float32), (owners, rows)), shape)
    table.sum_duplicates()
    return table


def find_unlike(
    texts: Sequence[str], hidden: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Return the rows of texts that share no passage with any of the hidden ones.

    Args:
        texts: As ``plain``: headings may be the beginnings of sentences elsewhere.
        hidden: Those that must not be learned from.
    """
    words = [text.split() for text in texts]
    secret: set[tuple[str, ...]] = set()
    for own, is_hidden in zip(words, hidden.tolist(), strict=True):
        if is_hidden and len(own) > 1:
            secret.update(_shingle(own, min(len(own), SHINGLE_WORDS)))
    return np.array(
        [
            row
            for row, own in enumerate(words)
            if not hidden[row]
            and all(
                shingle not in secret
                for size in range(2, SHINGLE_WORDS + 1)
                for shingle in _shingle(own, size)
            )
        ]
    )


def _shingle(words: list[str], size: int) -> Iterator[tuple[str, ...]]:
    return (
        tuple(words[start : start + size]) for start in range(len(words) - size + 1)
    )
