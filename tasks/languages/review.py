"""A second look at the texts whose language is in doubt, with all that is known.

Adds up, language by language, what eldc, langdetect's profiles and our own traces say,
each with a weight fitted for that language (multinomial logistic regression), and what
the lessons say. This is also where the languages are found that only the traces know.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tasks.languages.lessons import Lessons
from tasks.languages.letters import Letters
from tasks.languages.scripts import Flags, Floats, Indices
from tasks.languages.traces import TRACE_CHARS, Traces, Trail

VOICES = (
    "words",
    "words_by_length",
    "ngrams",
    "ngrams_by_count",
    "traces",
    "traces_by_count",
    "vocabulary",
    "vocabulary_by_count",
    "letters",
    "first_answer",
    "first_score",
    "prior",
    "prior_of_short",
)
"""What speaks for a language; see ``Reviewer.listen``."""
SIGNS = (
    "margin",
    "margin_root",
    "stands",
    "trace_cover",
    "few_traces",
    "only_in_traces",
    "joints",
    "glued",
    "loners",
    "evidence",
    "evidence_of_known",
    "evidence_of_short",
    "most_evidence",
    "parts",
    "few_chars",
    "is_short",
    "words_known",
    "vocabulary_evidence",
    "most_vocabulary_evidence",
)
"""What else the calibration knows about a reviewed answer; see ``Reviewer.review``."""

SIGN_CHARS = 300
_LONG_CHARS = 60
_MAX_MARGIN = 8.0
_MIN_SCALE = 3
_MAX_LETTER_LAG = 30.0  # three letters that a language never uses
_GLUED_SHARE = 0.2  # 1 of 5,000 texts in a language, half of all lines of code
# Letters glued together by the signs of program code, or such a sign on its own.
_JOINT = re.compile(
    r"[a-z](?:[_(\[{=]|\.(?=[a-z]{2}))|[=<>!]=|\s[=+]\s|->|::|[a-z]\):|[\"']:|[\\%][a-z]\b",
    re.ASCII | re.IGNORECASE,
)
# What no joint is without: found fast, and rare in texts in a language.
_JOINT_SIGN = re.compile(r"[_(\[{=+>:\\%]|\.[a-z]{2}", re.ASCII | re.IGNORECASE)
_LATIN, _CYRILLIC = "A-Za-zÀ-ÖØ-öø-ɏ", "Ѐ-ӿ"
_LONER = re.compile(f"(?<![\\w'’])[{_LATIN}{_CYRILLIC}](?![\\w'’])")


@dataclass(frozen=True, slots=True)
class Hearing:
    """What is known of a batch of texts in doubt; one row per text.

    Attributes:
        texts: Prepared texts.
        words: eldc's log odds, a column per language.
        ngrams: The profiles' log likelihood; minus infinity if they lack the language.
        counts: N-grams that the profiles know.
        written: Languages written in the text's script.
        answers: Column of the first answer; -1 if there was none.
        scores: Its score.
    """

    texts: Sequence[str]
    words: Floats
    ngrams: Floats
    counts: Indices
    written: Flags
    answers: Indices
    scores: Floats


class Heard(NamedTuple):
    """What speaks for each language; tables have a row per text, a column for each.

    Attributes:
        voices: One table per voice, in the order of ``VOICES``.
        lessons: What the lessons add to their sum.
        traces: Log likelihood by the traces; 0 where they lack the language.
        counts: Parts of words that the traces know.
        every: All parts.
        vocabulary: Log likelihood by the vocabulary; 0 where it lacks the language.
        words_known: Share of the words that the vocabulary knows.
        word_counts: All words; at least 1.
    """

    voices: list[Floats]
    lessons: Floats
    traces: Floats
    counts: Indices
    every: Indices
    vocabulary: Floats
    words_known: Floats
    word_counts: Indices


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Judges texts in doubt.

    Attributes:
        traces: Our own profiles.
        vocabulary: Our own profiles of whole words.
        letters: What each language is written with.
        lessons: What is added to the sum of the voices.
        columns: Column of each of the traces' languages in the tables.
        word_columns: The same of the vocabulary's languages.
        letter_columns: The same of the languages whose letters are known.
        lesson_columns: The same of the lessons' languages.
        only_in_traces: Languages that no other part knows.
        weights: One row per language, columns as ``VOICES``.
    """

    traces: Traces
    vocabulary: Traces
    letters: Letters
    lessons: Lessons
    columns: Indices
    word_columns: Indices
    letter_columns: Indices
    lesson_columns: Indices
    only_in_traces: Flags
    weights: Floats

    def review(
        self, hearing: Hearing, trail: Trail | None = None
    ) -> tuple[Indices, Floats]:
        """Find the language of each text once more.

        Args:
            hearing: What is known of the texts.
            trail: What the traces say of them, if that is known too.

        Returns:
            Column of the language (-1 if it is written in none of their scripts), and
            one row of ``SIGNS`` per text.
        """
        heard = self.listen(hearing, trail)
        totals = np.where(hearing.written, self.add_up(heard), -np.inf)
        best = totals.argmax(1)
        rows = np.arange(len(best))
        top = totals[rows, best]
        totals[rows, best] = -np.inf
        rest = totals.max(1)
        with np.errstate(invalid="ignore"):
            margin = np.minimum(top - rest, _MAX_MARGIN)
        is_told = np.isfinite(top)
        margin = np.where(is_told, margin, 0.0)
        texts = [text[:SIGN_CHARS] for text in hearing.texts]
        sizes = [len(text.split()) or 1 for text in texts]
        joints = _share(map(_count_joints, texts), sizes)
        lengths = np.array([len(text) for text in hearing.texts])
        is_short = lengths < _LONG_CHARS
        counts, every = heard.counts, np.maximum(heard.every, 1)
        own = np.where(is_told, heard.traces[rows, best], 0.0)
        signs = {
            "margin": margin,
            "margin_root": np.sqrt(margin),
            "stands": best == hearing.answers,
            "trace_cover": counts / every,
            "few_traces": 1 / np.sqrt(np.maximum(counts, 1)),
            "only_in_traces": self.only_in_traces[best],
            "joints": joints,
            "glued": joints > _GLUED_SHARE,
            "loners": _share(map(_count_loners, texts), sizes),
            "evidence": own / every,
            "evidence_of_known": own / np.maximum(counts, 1),
            "evidence_of_short": is_short * own / every,
            "most_evidence": heard.traces.max(1) / every,
            "parts": np.sqrt(heard.every),
            "few_chars": 1 / np.sqrt(np.maximum(lengths, 1)),
            "is_short": is_short,
            "words_known": heard.words_known,
            "vocabulary_evidence": np.where(
                is_told, heard.vocabulary[rows, best] / heard.word_counts, 0.0
            ),
            "most_vocabulary_evidence": heard.vocabulary.max(1) / heard.word_counts,
        }
        table = np.stack([signs[name] for name in SIGNS], axis=1).astype(np.float64)
        return np.where(is_told, best, -1), table

    def add_up(self, heard: Heard) -> Floats:
        """Return the sum of the voices by their weights, and of the lessons."""
        totals = heard.lessons.copy()
        # No matrix product: see ``fusion``.
        for index, voice in enumerate(heard.voices):
            totals += voice * self.weights[:, index]
        return totals

    def listen(self, hearing: Hearing, trail: Trail | None = None) -> Heard:
        """Collect what speaks for each language; see ``review``."""
        size = len(hearing.texts)
        texts = [text[:TRACE_CHARS] for text in hearing.texts]
        trail = self.traces.follow(texts) if trail is None else trail
        (keys, owners, whole), found, counts = trail
        every = np.bincount(owners, minlength=size)
        likelihood = np.zeros_like(hearing.words)
        likelihood[:, self.columns] = found
        words, holders = keys[whole], owners[whole]
        sums, known = self.vocabulary.score(words, holders, size)
        vocabulary = np.zeros_like(hearing.words)
        vocabulary[:, self.word_columns] = sums
        word_counts = np.maximum(np.bincount(holders, minlength=size), 1)
        word_lag = _lag(vocabulary, hearing.written)
        letters = np.full_like(hearing.words, -np.inf)
        letters[:, self.letter_columns] = self.letters.score(texts)
        letters = np.maximum(_lag(letters, hearing.written), -_MAX_LETTER_LAG)
        lessons = np.zeros_like(hearing.words)
        lessons[:, self.lesson_columns] = self.lessons.score(keys, owners, size)
        traces = np.full_like(hearing.words, -np.inf)
        traces[:, self.columns] = found
        traces = _lag(traces, hearing.written)
        ngrams = _lag(hearing.ngrams, hearing.written)
        own, root = np.maximum(counts, 1)[:, None], np.sqrt(np.maximum(counts, 1))
        few = np.maximum(hearing.counts, 1)[:, None]
        scale = np.sqrt(np.maximum(hearing.counts, _MIN_SCALE) / _MIN_SCALE)[:, None]
        first = np.zeros_like(traces)
        told = np.flatnonzero(hearing.answers >= 0)
        first[told, hearing.answers[told]] = 1
        voices = {
            "words": hearing.words,
            "words_by_length": hearing.words * scale,
            "ngrams": ngrams / np.sqrt(few),
            "ngrams_by_count": ngrams / few,
            "traces": traces / root[:, None],
            "traces_by_count": traces / own,
            "vocabulary": word_lag / np.sqrt(word_counts)[:, None],
            "vocabulary_by_count": word_lag / word_counts[:, None],
            "letters": letters / _MAX_LETTER_LAG,
            "first_answer": first,
            "first_score": first * hearing.scores[:, None],
            "prior": np.ones_like(traces),
            "prior_of_short": np.broadcast_to(2 / np.sqrt(few), traces.shape),
        }
        return Heard(
            [voices[name] for name in VOICES],
            lessons,
            likelihood,
            counts,
            every,
            vocabulary,
            known / word_counts,
            word_counts,
        )


def _lag(table: Floats, written: Flags) -> Floats:
    """Return by how much each language lags the best; 0 where it is not known."""
    table = np.where(written, table, -np.inf)
    best = table.max(1, keepdims=True)
    best = np.where(np.isfinite(best), best, 0.0)
    return np.where(np.isfinite(table), table - best, 0.0)


def _count_joints(text: str) -> int:
    return len(_JOINT.findall(text)) if _JOINT_SIGN.search(text) else 0


def _count_loners(text: str) -> int:
    return len(_LONER.findall(text))


def _share(counts: Iterable[int], sizes: Sequence[int]) -> Floats:
    """Return the counts per word, at most one."""
    shares: Floats = np.fromiter(counts, np.float64, len(sizes)) / np.array(sizes)
    return np.minimum(shares, 1.0)
