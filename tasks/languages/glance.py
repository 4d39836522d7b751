"""A glance: the texts that one judge settles alone, most texts of a few words or more.

First eldc. It takes a language that it does not know for a related one. But then it
recognises less of the text, sees the next language close behind, or the text has
letters that its answer is never written with. Where none of this is so, nothing else
needs to be asked. Then, for what eldc leaves open, our traces, by the same marks.
``bench/fit_glance.py`` finds the limits of both for each language.
"""

import functools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tasks.languages.scripts import Floats
from tasks.languages.traces import Traces, Trail

_CHARS_PER_DIGIT = 8
_CHARS_PER_OTHER = 100  # a name from elsewhere, an emoji
FEATURES = ("constant", "gap", "gap_root", "top", "few_chars")
"""What the calibration knows about an answer; see ``measure``."""
_DIGITS = b"0123456789"
_ASCII = bytes(range(0x80))
# Beside letters; of the signs of program code only brackets, unless they call.
_CALL = re.compile(r"\w\(")
_ALLOWED = (
    r"\d\s.,;:!?'\"%&/()\-\u00ad\u00a7\u00a9\u00ae\u00b0\u00b7\u20ac\u00a3\u2010-\u2015"
    r"\u2018-\u201e\u2022\u2026\u2039\u203a\u2122\u00ab\u00bb\u00a1\u00bf$"
    r"\u060c\u061b\u061f\u06d4\u200c\u200d\u3001\u3002\u3008-\u3011\u30fb\u30fc"
    r"\uff01\uff08\uff09\uff0c\uff1a\uff1b\uff1f\uff5e"
)
_MAX_SCORE = 1 - 1e-9
_MAX_GAP = 6.0
_SURE_LOGIT = math.log(0.9 / 0.1)


@dataclass(frozen=True, slots=True)
class Limits:
    """When an answer stands.

    Attributes:
        chars: Least length of the text.
        top: Least evidence for the language: eldc's log odds, or the traces' log
            likelihood per part of a word.
        gap: By how much it must exceed that for the next.
        letters: What the language is written with, in lower case.
    """

    chars: int
    top: float
    gap: float
    letters: str


@dataclass(frozen=True, slots=True)
class Glance:
    """Tells which of a judge's answers stand.

    Attributes:
        limits: By language; the answers of others never stand.
        calibration: Weights of ``FEATURES``.
    """

    limits: Mapping[str, Limits]
    calibration: tuple[float, ...]

    def settle(self, text: str, scores: Mapping[str, float]) -> float | None:
        """Return how likely eldc's first answer is right; null unless it stands.

        Args:
            text: Prepared text.
            scores: eldc's answer, the best language first.
        """
        code = next(iter(scores), "")
        limits = self.limits.get(code)
        if limits is None or len(text) < limits.chars:
            return None
        return self.settle_measured(text, code, *measure(scores))

    def settle_measured(
        self, text: str, code: str, top: float, gap: float
    ) -> float | None:
        """Return how likely an answer is right; null unless it stands.

        Args:
            text: Prepared text.
            code: The answer.
            top: Evidence for it, as of ``Limits``.
            gap: By how much it exceeds that for the next.
        """
        limits = self.limits.get(code)
        if (
            limits is None
            or len(text) < limits.chars
            or top < limits.top
            or gap < limits.gap
            or not is_written_with(text, limits.letters)
        ):
            return None
        values = describe(top, gap, len(text))
        logit = sum(map(float.__mul__, self.calibration, values))
        return 1 / (1 + math.exp(-logit)) if logit >= _SURE_LOGIT else None


def is_written_with(text: str, letters: str) -> bool:
    """Whether next to nothing of a text is another letter, a digit, or program code.

    Args:
        text: Prepared text.
        letters: See ``Limits``.

    Examples:
        >>> is_written_with("Der Rat (ohne Köln) stimmt zu.", "abcdefghiklmnorstuvzö")
        True
        >>> is_written_with("return max(a, b)", "abcdefghijklmnopqrstuvwxyz")
        False
    """
    data = text.encode()
    digits = len(data) - len(data.translate(None, _DIGITS))
    others, plain = _tell_others(letters)
    rest = data.translate(None, plain).decode()  # many times faster than the pattern
    return (
        _CHARS_PER_DIGIT * digits <= len(text)
        and _CHARS_PER_OTHER * len(others.findall(rest)) <= len(text)
        and not ("(" in text and _CALL.search(text))
    )


def measure(scores: Mapping[str, float]) -> tuple[float, float]:
    """Return the log odds of eldc's best answer and its lead over the next.

    Examples:
        >>> measure({"de": 0.9, "nl": 0.5})
        (2.302..., 1.609...)
    """
    values = iter(scores.values())
    top = -math.log(1 - min(next(values), _MAX_SCORE))
    second = -math.log(1 - min(next(values, 0.0), _MAX_SCORE))
    return top, min(top - second, _MAX_GAP)


class Marks(NamedTuple):
    """What the traces say of texts at a glance; one row per text.

    Attributes:
        codes: The foremost language.
        tops: Log likelihood of it, per part of a word.
        gaps: By how much it exceeds that of the next.
    """

    codes: list[str]
    tops: Floats
    gaps: Floats


def measure_traces(traces: Traces, trail: Trail) -> Marks:
    """Return what the traces alone say of texts.

    Examples:
        >>> from tasks.languages.traces import load_traces
        >>> traces = load_traces()
        >>> trail = traces.follow(["Hulle het dit nie gesien nie."])
        >>> measure_traces(traces, trail).codes
        ['af']
    """
    scores, owners = trail.scores, trail.parts.owners
    every = np.maximum(np.bincount(owners, minlength=len(scores)), 1)
    ahead = np.partition(scores, -2, axis=1)
    return Marks(
        [traces.languages[column] for column in scores.argmax(1).tolist()],
        ahead[:, -1] / every,
        (ahead[:, -1] - ahead[:, -2]) / every,
    )


def load_glances(facts: Mapping[str, Any]) -> tuple[Glance, Glance]:
    """Return the glance at what eldc says, and that at what the traces say.

    Args:
        facts: ``glance`` of ``data/detect.json``.
    """
    words, traces = (
        Glance(
            {
                code: Limits(chars, top, gap, facts["letters"][code])
                for code, (chars, top, gap) in facts[judge]["limits"].items()
            },
            tuple(facts[judge]["calibration"].values()),
        )
        for judge in ("words", "traces")
    )
    return words, traces


def describe(top: float, gap: float, size: int) -> tuple[float, ...]:
    """Return the values of ``FEATURES``; ``size`` in characters."""
    return 1.0, gap, math.sqrt(gap), top, 1 / math.sqrt(size)


@functools.cache
def _tell_others(letters: str) -> tuple[re.Pattern[str], bytes]:
    """Return a pattern for what is none of these letters, upper and lower case.

    What may stand in a text of any language is none of the others either.

    Returns:
        The pattern, and what of ASCII it does not match.
    """
    both = sorted({*letters, *letters.upper()})
    others = re.compile(f"[^{_ALLOWED}{re.escape(''.join(both))}]")
    return others, others.sub("", _ASCII.decode()).encode()
