"""Passages in another language within one paragraph: quotations, above all.

A quoted passage is asked about on its own, and so is what stands around it. Where the
paragraph as a whole is in doubt, its sentences are asked about too.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks.languages import UNDETERMINED

Detect = Callable[[Sequence[str]], list[tuple[str, float]]]

_LEAST_CHARS = 25  # of a passage, and of what is left of the paragraph
_FOREIGN_SCORE = 0.9
_MAIN_SCORE = 0.6
_DOUBTED_SCORE = 0.9
_QUOTED = re.compile(
    "|".join(
        f"{first}([^{first}{last}]{{{_LEAST_CHARS},}}+){last}"
        for first, last in (
            "“”",
            "„“",
            "„”",
            "«»",
            "»«",
            "‹›",
            '""',
            "「」",
            "『』",
            "””",
        )
    )
)
_SENTENCE = re.compile(r"[^.!?。！？…]+(?:[.!?…]+(?=\s|$|[\"”»])|[。！？]|$|[.!?…]+)")


class ForeignSpan(NamedTuple):
    """A passage in another language than its paragraph; positions in its text."""

    start_chars: int
    end_chars: int
    language: str
    score: float


@dataclass(slots=True)
class Mixture:
    """A paragraph as a mixture.

    Attributes:
        main: Language and score of what is not foreign, if better known that way.
        spans: Foreign passages in order, without overlap.
    """

    main: tuple[str, float] | None = None
    spans: list[ForeignSpan] = field(default_factory=list)


class _Piece(NamedTuple):
    row: int
    start: int
    end: int
    is_rest: bool
    text: str


def find_foreign(
    texts: Sequence[str], own: Sequence[tuple[str, float]], detect: Detect
) -> list[Mixture]:
    """Find the foreign passages of each paragraph.

    Args:
        texts: Paragraphs.
        own: The detector's answer for each as a whole.
        detect: The detector.

    Returns:
        One mixture per paragraph.
    """
    pieces = [
        piece
        for row, (text, answer) in enumerate(zip(texts, own, strict=True))
        for piece in _cut(row, text, answer)
    ]
    mixtures = [Mixture() for _ in texts]
    answers = detect([piece.text for piece in pieces])
    told = list(zip(pieces, answers, strict=True))
    for piece, answer in told:
        if piece.is_rest and answer[0] != UNDETERMINED and answer[1] >= _MAIN_SCORE:
            mixtures[piece.row].main = answer
    for piece, (code, score) in told:
        if piece.is_rest or score < _FOREIGN_SCORE or code == UNDETERMINED:
            continue
        mixture = mixtures[piece.row]
        main = mixture.main or own[piece.row]
        if main[0] not in {code, UNDETERMINED}:
            span = ForeignSpan(piece.start, piece.end, code, score)
            mixture.spans = _append(mixture.spans, span)
    for mixture in mixtures:
        if not mixture.spans:
            mixture.main = None
    return mixtures


def _cut(row: int, text: str, own: tuple[str, float]) -> Iterator[_Piece]:
    """Yield what of a paragraph is to be asked about."""
    if len(text) < 2 * _LEAST_CHARS:
        return
    quoted = [match.span(match.lastindex or 0) for match in _QUOTED.finditer(text)]
    if not quoted:
        if own[1] < _DOUBTED_SCORE:
            sentences = [match.span() for match in _SENTENCE.finditer(text)]
            if len(sentences) > 1:
                yield from _pieces(row, text, sentences)
        return
    yield from _pieces(row, text, quoted)
    rest, last = [], 0
    for start, end in quoted:
        rest.append(text[last:start])
        last = end
    rest.append(text[last:])
    left = " ".join(rest)
    if len(left) >= _LEAST_CHARS:
        yield _Piece(row, 0, len(text), is_rest=True, text=left)


def _pieces(row: int, text: str, spans: list[tuple[int, int]]) -> Iterator[_Piece]:
    for start, end in spans:
        piece = text[start:end]
        first = start + len(piece) - len(piece.lstrip())
        piece = piece.strip()
        if len(piece) >= _LEAST_CHARS:
            yield _Piece(row, first, first + len(piece), is_rest=False, text=piece)


def _append(spans: list[ForeignSpan], span: ForeignSpan) -> list[ForeignSpan]:
    """Add a passage; one that follows on the last in the same language extends it."""
    if spans and spans[-1].language == span.language:
        last = spans[-1]
        if span.start_chars - last.end_chars <= 1:
            score = min(last.score, span.score)
            joined = ForeignSpan(last.start_chars, span.end_chars, span.language, score)
            return [*spans[:-1], joined]
    return [*spans, span]
