"""Two detectors in one: langdetect's profiles scored exactly, fused with eldc.

eldc (compiled ELD) knows pieces of words and is the better judge of short text; the
profiles know seven languages more and say how much evidence there is. Most texts eldc
settles at a first ``glance``, most others our own traces of 81 languages; what is left
in doubt, ``review`` judges with all there is. The numbers are in ``data/detect.json``,
fitted one after the other by ``bench/fit_language.py``, ``fit_traces.py`` and
``fit_glance.py``. Where eldc is not installed the profiles and the traces answer.

Every sum runs over one text at a time and logarithms are taken one by one: answers are
equal to the last bit whatever else is in the batch.
"""

import functools
import json
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import chain
from typing import TypeAlias

import numpy as np

from tasks.languages import UNDETERMINED
from tasks.languages.chunks import elect, make_chunks
from tasks.languages.glance import Glance, load_glances, measure_traces
from tasks.languages.lessons import load_lessons
from tasks.languages.letters import load_letters
from tasks.languages.profiles import Profiles, load_profiles
from tasks.languages.review import SIGNS, VOICES, Hearing, Reviewer
from tasks.languages.scripts import (
    SCRIPTS,
    Census,
    Flags,
    Floats,
    Indices,
    join_texts,
    take_census,
)
from tasks.languages.traces import Trail, load_traces, load_vocabulary

try:
    import eldc
except ImportError:  # no wheel and no C compiler: the profiles answer alone
    eldc = None

FEATURES = (
    "constant",
    "few_ngrams",
    "ngram_count",
    "word_score",
    "word_doubt",
    "gap",
    "gap_root",
    "agreement",
    "ngram_gap",
    "ngram_evidence",
    "ngram_cover",
    "digits",
    "symbols",
    "only_in_profiles",
    "rivalry",
    "profile_lead",
)
"""What the calibration knows about an answer; see ``Model.weigh``."""
REVIEWED = (*FEATURES, *SIGNS)
"""What it knows about an answer given on review."""

_BATCH = 512  # texts: tables of scores stay in the cache
_NGRAM_CHARS = 200  # 600 n-grams decide as well as more
_MIN_LETTERS = 3
_WORDLESS = ("Hani", "Kana", "Hang")  # scripts in which one character can be a word
_KANA_SHARE = 0.05  # Chinese brand names have a の at times
_MAX_WORD_SCORE = 1 - 1e-9
_ROOT_HALF = math.sqrt(0.5)
_LOG_2 = math.log(2)
_MAX_GAP = 6.0
_MAX_NGRAM_GAP = 8.0
_MAX_COVER = 3.0
_MIN_SCALE = 3
_SURE_SCORE = 0.9  # the first look stands
_SURE_NGRAMS = 60  # but not for less than a few words
# Log odds below which a reviewed text is in no language, or in none that we know.
_LEAST_LANGUAGE = math.log(0.6 / 0.4)
_LEAST_KNOWN = math.log(0.43 / 0.57)
_UNHEARD = (0.0,) * len(VOICES)
_DATA = resources.files("tasks") / "data" / "detect.json"
_LOCK = threading.Lock()

WordScores: TypeAlias = dict[str, float]
"""eldc's answer: up to 20 languages, each with a score from 0 to 1, best first."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Fitted numbers and facts about languages, from ``data/detect.json``.

    Attributes:
        weight: Weight of the profiles beside eldc.
        lead: Log likelihood by which a language that only the profiles know must lead.
        caution: By how much more, per unit of the fused lead of the one it replaces.
        calibration: Logistic regression over ``FEATURES``.
        lacks: Letters that a language never uses.
        review_calibration: The same over ``REVIEWED`` for answers given on review.
        language: The same for: is it in any language?
        recognition: The same for: is it in one that we know?
        strangers: By language, what to add to that: how few unknown ones resemble it.
    """

    weight: float
    lead: float
    caution: float
    calibration: dict[str, float]
    lacks: dict[str, str]
    review_calibration: dict[str, float]
    language: dict[str, float]
    recognition: dict[str, float]
    strangers: dict[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The best language of each text and what speaks for it.

    Attributes:
        readable: Texts with letters enough to be in a language.
        columns: Column of each; -1 where nothing speaks for any.
        features: One row per text, columns as ``FEATURES``.
        words: eldc's log odds, a column per language.
        ngrams: What the profiles say; minus infinity for languages they lack.
        counts: N-grams that the profiles know.
        written: Languages written in the text's script.
    """

    readable: Flags
    columns: Indices
    features: Floats
    words: Floats
    ngrams: Floats
    counts: Indices
    written: Flags


@dataclass(frozen=True, slots=True)
class FusedDetector:
    """The default detector; see the module.

    Holds no state of its own, so it can be shared, pickled and forked freely.

    Attributes:
        with_eldc: Use eldc where it is installed; else the profiles answer alone.
    """

    with_eldc: bool = True

    def detect(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Tell the language of each text, and how likely that is right.

        Args:
            texts: Any strings. The answer for one does not depend on the others.

        Returns:
            Code and score (0 to 1) per text, in order; ``("und", 0.0)`` for text that
            is in no language: numbers, addresses, program code, emoji.

        Examples:
            >>> FusedDetector().detect(["Das ist ein ganz normaler Satz.", "12:30"])
            [('de', 0.9...), ('und', 0.0)]
        """
        model = load_model(with_eldc=self.with_eldc and eldc is not None)
        chunks = [make_chunks(text) for text in texts]
        answers = iter(model.judge([chunk for parts in chunks for chunk in parts]))
        return [elect([next(answers) for _ in parts]) for parts in chunks]


@dataclass(frozen=True, slots=True)
class Model:
    """Everything the detector looks up, built once a process.

    Attributes:
        settings: Fitted numbers.
        profiles: langdetect's.
        score_words: eldc, or null without it.
        glance: Tells which of eldc's answers stand.
        trace_glance: Tells which of the traces' answers stand.
        languages: Codes, one per column of every table of scores.
        columns: Column of each code.
        in_words: Languages that eldc knows.
        in_profiles: Languages that the profiles know.
        scripts: Column of ``SCRIPTS`` of each language.
        rivals: Column of the language that eldc takes each for; -1 if there is none.
        doubted: Columns of languages that are always reviewed: a near relative that
            the first look does not know is taken for them.
        reviewer: Judges what is in doubt.
    """

    settings: Settings
    profiles: Profiles
    score_words: Callable[[str], WordScores] | None
    glance: Glance
    trace_glance: Glance
    languages: tuple[str, ...]
    columns: dict[str, int]
    in_words: Flags
    in_profiles: Flags
    scripts: Indices
    rivals: Indices
    doubted: Indices
    reviewer: Reviewer

    def judge(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Answer for chunks: at a glance where that settles it, else with all we have.

        Args:
            texts: Prepared texts, each at most one chunk long.
        """
        words = self.ask_words(texts)
        answers = [(UNDETERMINED, 0.0)] * len(texts)
        rest = []
        for index, (text, scores) in enumerate(zip(texts, words, strict=True)):
            score = self.glance.settle(text, scores)
            if score is None:
                rest.append(index)
            else:
                answers[index] = next(iter(scores)), score
        for start in range(0, len(rest), _BATCH):
            some = rest[start : start + _BATCH]
            found = self.look_closer(
                [texts[index] for index in some], [words[index] for index in some]
            )
            for index, answer in zip(some, found, strict=True):
                answers[index] = answer
        return answers

    def look_closer(
        self, texts: Sequence[str], words: Sequence[WordScores]
    ) -> list[tuple[str, float]]:
        """Answer by the traces where that settles it, else with all we have."""
        trail = self.reviewer.traces.follow(texts)
        marks = measure_traces(self.reviewer.traces, trail)
        scores = list(
            map(
                self.trace_glance.settle_measured,
                texts,
                marks.codes,
                marks.tops.tolist(),
                marks.gaps.tolist(),
            )
        )
        rest = [row for row, score in enumerate(scores) if score is None]
        found = iter(
            self.look(
                [texts[row] for row in rest],
                [words[row] for row in rest],
                trail.take(np.array(rest, np.int64)),
            )
        )
        return [
            next(found) if score is None else (code, score)
            for code, score in zip(marks.codes, scores, strict=True)
        ]

    def ask_words(self, texts: Sequence[str]) -> list[WordScores]:
        """Ask eldc about each text; empty answers without it."""
        if self.score_words is None:
            return [{}] * len(texts)
        return [self.score_words(text) for text in texts]

    def look(
        self,
        texts: Sequence[str],
        words: Sequence[WordScores],
        trail: Trail | None = None,
    ) -> list[tuple[str, float]]:
        """Answer with all we have.

        Args:
            texts: Prepared texts, each at most one chunk long.
            words: eldc's answer to each.
            trail: What the traces say of them, if that is known too.
        """
        evidence = self.weigh(texts, words)
        scores = calibrate(evidence.features, self.settings.calibration)
        best = evidence.columns.copy()
        rows = self.find_doubtful(evidence, scores)
        if len(rows):
            hearing = self.summon(texts, evidence, scores, rows)
            best[rows], signs = self.reviewer.review(
                hearing, None if trail is None else trail.take(rows)
            )
            features = np.concatenate([evidence.features[rows], signs], axis=1)
            reviewed = calibrate(features, self.settings.review_calibration)
            is_none = self.find_none(features, best[rows])
            stands = best[rows] == evidence.columns[rows]
            for index, row in enumerate(rows.tolist()):
                # What both looks say is as sure as the surer of them.
                first = scores[row] if stands[index] else 0.0
                scores[row] = max(reviewed[index], first)
                if is_none[index]:
                    best[row] = -1
        return [
            (self.languages[column], score) if column >= 0 else (UNDETERMINED, 0.0)
            for column, score in zip(best.tolist(), scores, strict=True)
        ]

    def find_doubtful(self, evidence: Evidence, scores: Sequence[float]) -> Indices:
        """Return the rows that need a second look, if there is anything to look at."""
        doubtful = np.array(scores) < _SURE_SCORE
        doubtful |= evidence.counts < _SURE_NGRAMS
        doubtful |= np.isin(evidence.columns, self.doubted)
        return np.flatnonzero(doubtful & evidence.readable)

    def find_none(self, features: Floats, columns: Indices) -> Flags:
        """Find the reviewed texts that are in no language, or in none that we know.

        Args:
            features: One row per text, columns as ``REVIEWED``.
            columns: Column of its language.
        """
        settings = self.settings
        offsets = [settings.strangers.get(code, 0.0) for code in self.languages]
        offset = np.where(columns >= 0, np.array(offsets)[columns], 0.0)
        known = _weigh_up(features, settings.recognition) + offset
        is_none: Flags = known < _LEAST_KNOWN
        is_none |= _weigh_up(features, settings.language) < _LEAST_LANGUAGE
        return is_none | (features[:, REVIEWED.index("loners")] >= 1)

    def summon(
        self,
        texts: Sequence[str],
        evidence: Evidence,
        scores: Sequence[float],
        rows: Indices,
    ) -> Hearing:
        """Collect what is known of some rows for the reviewer."""
        return Hearing(
            [texts[row] for row in rows.tolist()],
            evidence.words[rows],
            evidence.ngrams[rows],
            evidence.counts[rows],
            evidence.written[rows],
            evidence.columns[rows],
            np.array(scores)[rows],
        )

    def weigh(self, texts: Sequence[str], words: Sequence[WordScores]) -> Evidence:
        """Find the best language of each text and what speaks for it.

        Args:
            texts: Prepared texts, each at most one chunk long.
            words: eldc's answer to each.
        """
        codes, owners = join_texts(texts)
        census = take_census(codes, owners, len(texts))
        written = census.find_written()[:, self.scripts]
        table = np.where(written, self._lay_out(words), 0.0)
        odds = _log_odds(table)
        ngrams, counts = self._score_ngrams(texts)
        ngrams = np.where(written, ngrams, -np.inf)
        fused = self._fuse(odds, ngrams, counts) + self._tell_han(census)
        fused = np.where(written, fused, -np.inf)

        best, first = fused.argmax(1), ngrams.argmax(1)
        gap = _measure_lead(fused, best)
        overruled = self._find_overruled(texts, best, gap, ngrams)
        rivalry = overruled & (self.rivals[first] == best)
        best = np.where(overruled, first, best)
        root = np.sqrt(np.maximum(counts, 1))
        lead = _measure_lead(ngrams, first)
        gap = np.where(overruled, self.settings.weight * lead / root, gap)
        gap = np.minimum(gap, _MAX_GAP)
        agreement = (best == first) & (counts > 0)
        # Of an answer that eldc does not know, what it takes for the nearest.
        score = table.max(1)
        letters = census.count_letters()
        columns = {
            "constant": np.ones(len(texts)),
            "few_ngrams": 1 / root,
            "ngram_count": root,
            "word_score": score,
            "word_doubt": (1 - score) * (1 - score),
            "gap": gap,
            "gap_root": np.sqrt(gap),
            "agreement": agreement,
            "ngram_gap": agreement * np.minimum(lead / root, _MAX_NGRAM_GAP),
            "ngram_evidence": _zero_unless_finite(ngrams.max(1)) / root / root,
            "ngram_cover": np.minimum(counts / np.maximum(letters, 1), _MAX_COVER),
            "digits": census.digits / np.maximum(letters + census.digits, 1),
            "symbols": census.symbols / np.maximum(letters + census.symbols, 1),
            "only_in_profiles": overruled,
            "rivalry": rivalry,
            "profile_lead": overruled * np.minimum(lead / root, _MAX_NGRAM_GAP),
        }
        wordless = census.count_letters(*_WORDLESS)
        readable = (letters >= _MIN_LETTERS) | (wordless > 0)
        return Evidence(
            readable,
            np.where(readable & (gap > 0), best, -1),
            np.stack([columns[name] for name in FEATURES], axis=1).astype(np.float64),
            odds,
            ngrams,
            counts,
            written,
        )

    def _lay_out(self, words: Sequence[WordScores]) -> Floats:
        """Return eldc's scores as a table; 0 where it sees nothing of a language."""
        scores = np.zeros((len(words), len(self.languages)))
        rows = np.repeat(np.arange(len(words)), list(map(len, words)))
        columns = list(map(self.columns.__getitem__, chain.from_iterable(words)))
        values = list(chain.from_iterable(map(dict.values, words)))
        scores[rows, columns] = values
        return scores

    def _score_ngrams(self, texts: Sequence[str]) -> tuple[Floats, Indices]:
        """Ask the profiles; minus infinity for the languages they lack."""
        scores, counts = self.profiles.score([text[:_NGRAM_CHARS] for text in texts])
        table = np.full((len(texts), len(self.languages)), -np.inf)
        for index, code in enumerate(self.profiles.languages):
            column = self.columns[code]  # Chinese has two profiles: the better counts
            np.maximum(table[:, column], scores[:, index], out=table[:, column])
        return table, counts

    def _fuse(self, odds: Floats, ngrams: Floats, counts: Indices) -> Floats:
        """Add up both: eldc's log odds per piece and the profiles' lag per n-gram.

        Both are means over the text, so they are weighed by its length. A language
        that the profiles lack is taken to lag no more than the best that both know,
        if eldc sees something of it.
        """
        root = np.sqrt(np.maximum(counts, 1))[:, None]
        lag = _zero_unless_finite(ngrams.max(1))[:, None]
        lag = (ngrams - lag) / root
        if self.score_words is None:
            return self.settings.weight * lag
        known = np.where(self.in_words, lag, -np.inf).max(1)
        stand_in = np.where(odds > 0, _zero_unless_finite(known)[:, None], -np.inf)
        lag = np.where(self.in_profiles, lag, stand_in)
        scale = np.sqrt(np.maximum(counts, _MIN_SCALE) / _MIN_SCALE)[:, None]
        fused = odds * scale + self.settings.weight * lag
        return np.where(self.in_words, fused, -np.inf)

    def _tell_han(self, census: Census) -> Floats:
        """Tell Japanese from Chinese by Kana and by what national standards hold."""
        han, kana = census.count_letters("Hani"), census.count_letters("Kana")
        has_kana = kana > _KANA_SHARE * han
        bonus = np.zeros((len(han), len(self.languages)))
        bonus[:, self.columns["ja"]] = has_kana | (census.japanese > census.chinese)
        bonus[:, self.columns["zh"]] = ~has_kana & (census.chinese > census.japanese)
        return _MAX_GAP * bonus

    def _find_overruled(
        self, texts: Sequence[str], best: Indices, gap: Floats, ngrams: Floats
    ) -> Flags:
        """Find the texts in a language that eldc lacks: the profiles' choice leads."""
        rows = np.arange(len(texts))
        if self.score_words is None:
            return np.zeros(len(texts), np.bool_)
        first = ngrams.argmax(1)
        lead = _measure_lead(ngrams, first)
        with np.errstate(invalid="ignore"):
            over_best = ngrams[rows, first] - ngrams[rows, best]
        lead = np.where(self.in_profiles[best], over_best, lead)
        needed = self.settings.lead + self.settings.caution * np.minimum(gap, _MAX_GAP)
        candidates = ~self.in_words[first]
        overruled: Flags = candidates & ((lead > needed) | (self.rivals[first] == best))
        for row in np.flatnonzero(overruled).tolist():
            code = self.languages[int(first[row])]
            if not set(self.settings.lacks.get(code, "")).isdisjoint(texts[row]):
                overruled[row] = False
        return overruled


def load_model(*, with_eldc: bool) -> Model:
    """Build the model, once a process and whatever the number of threads."""
    with _LOCK:
        return _build_model(with_eldc)


@functools.cache
def _build_model(with_eldc: bool) -> Model:  # noqa: FBT001 - the key of the cache
    facts = json.loads(_DATA.read_text(encoding="utf-8"))
    profiles = load_profiles()
    score_words, word_languages = _load_eldc() if with_eldc else (None, frozenset())
    traces, vocabulary, letters = load_traces(), load_vocabulary(), load_letters()
    known = {*profiles.languages, *word_languages}
    languages = tuple(sorted({*known, *traces.languages}))
    scripts = {
        code: SCRIPTS.index(script)
        for script, codes in facts["scripts"].items()
        for code in codes.split()
    }
    columns = {code: column for column, code in enumerate(languages)}
    name = "fused" if with_eldc else "profiles"
    fit = dict(facts["fits"][name])
    voices = fit.pop("voices")
    lessons = load_lessons(name)
    glance, trace_glance = load_glances(facts["glance"])
    reviewer = Reviewer(
        traces,
        vocabulary,
        letters,
        lessons,
        columns=np.array([columns[code] for code in traces.languages]),
        word_columns=np.array([columns[code] for code in vocabulary.languages]),
        letter_columns=np.array([columns[code] for code in letters.languages]),
        lesson_columns=np.array([columns[code] for code in lessons.languages]),
        only_in_traces=~np.isin(languages, list(known)),
        weights=np.array([voices.get(code, _UNHEARD) for code in languages]),
    )
    return Model(
        settings=Settings(**fit, lacks=facts["lacks"]),
        profiles=profiles,
        score_words=score_words,
        glance=glance,
        trace_glance=trace_glance,
        languages=languages,
        columns=columns,
        in_words=np.isin(languages, list(word_languages)),
        in_profiles=np.isin(languages, profiles.languages),
        scripts=np.array([scripts.get(code, 0) for code in languages]),
        rivals=np.array(
            [columns.get(facts["rivals"].get(code, ""), -1) for code in languages]
        ),
        doubted=np.array([columns[code] for code in facts["doubted"]]),
        reviewer=reviewer,
    )


def _load_eldc() -> tuple[Callable[[str], WordScores], frozenset[str]]:
    """Set eldc up, apart from the settings of anyone else who uses it."""
    eldc.init()
    instance = eldc.instance()
    instance.set_scheme("iso639-1")
    instance.set_scores(eldc.MAX_SCORES)

    def score_words(text: str) -> WordScores:
        scores: WordScores = instance.detect_details(text).scores
        return scores

    return score_words, frozenset(eldc.LANGUAGES)


def calibrate(features: Floats, weights: dict[str, float]) -> list[float]:
    """Turn features into the probability that the answer is right.

    Args:
        features: One row per answer.
        weights: One per column of ``features``, in that order.
    """
    logits = _weigh_up(features, weights)
    return [1 / (1 + math.exp(-logit)) for logit in logits.tolist()]


def _weigh_up(features: Floats, weights: dict[str, float]) -> Floats:
    logits = np.zeros(len(features))
    for column, weight in enumerate(weights.values()):  # no product: see the module
        logits += weight * features[:, column]
    return logits


def _log_odds(scores: Floats) -> Floats:
    """Return -log(1 - score).

    By its series, in steps that are the same for every number: NumPy's own logarithm
    may differ in the last bit with the length of the array.
    """
    mantissas, exponents = np.frexp(1 - np.minimum(scores, _MAX_WORD_SCORE))
    ratio = (mantissas - _ROOT_HALF) / (mantissas + _ROOT_HALF)
    square = ratio * ratio
    series = np.zeros_like(ratio)
    for power in (11, 9, 7, 5, 3, 1):  # atanh; |ratio| < 0.18, so the rest is 1e-10
        series = series * square + 1 / power
    odds: Floats = -2 * ratio * series - (exponents - 0.5) * _LOG_2
    return np.where(scores > 0, odds, 0.0)


def _measure_lead(table: Floats, chosen: Indices) -> Floats:
    """Return by how much the chosen column leads each row; 0 if it scores nothing."""
    rows = np.arange(len(table))
    rest = table.copy()
    rest[rows, chosen] = -np.inf
    own = table[rows, chosen]
    with np.errstate(invalid="ignore"):
        lead = own - rest.max(1)
    return np.where(np.isfinite(own), np.maximum(lead, 0), 0.0)


def _zero_unless_finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, 0.0)
