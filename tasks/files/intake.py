"""What is read of files, until a piece of it is handed on; and the rows it becomes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import NamedTuple

import pandas as pd

from tasks.files.formats import tell_format
from tasks.logic import step_versions
from tasks.pieces import Claim, RejectedMember
from tasks.schema import SOURCES, Reason, Status, Step


@dataclass(slots=True)
class Article:
    """A row of ``articles``."""

    document_id: str
    source_path: str
    member: str | None
    sha256: str
    format: str
    compression: str | None
    encoding: str
    encoding_method: str
    encoding_score: float | None
    encoding_errors: int
    text_field: str | None
    markup: str
    raw_text: str
    step_versions: Mapping[str, int] | None


@dataclass(slots=True)
class Source:
    """A row of ``sources``, filled in while its file is read."""

    source_path: str
    size_bytes: int | None
    mtime_ns: int | None
    run_id: str
    sha256: str | None = None
    status: str = Status.ACCEPTED.value
    stage: str | None = None
    reason: str | None = None
    detail: str | None = None
    document_count: int = 0
    rejected_members: tuple[RejectedMember, ...] = ()  # as the pieces tell them
    survey: None = None  # of the step after

    @property
    def step_versions(self) -> Mapping[str, int] | None:
        """Versions of the rules that decide over this file."""
        told = tell_format(self.source_path)
        return step_versions(told[0] if told else None)

    def reject(self, stage: Step, reason: Reason, detail: str) -> None:
        """Say why there is no document."""
        is_ignored = reason is Reason.IGNORED_PATTERN
        self.status = (Status.IGNORED if is_ignored else Status.REJECTED).value
        self.stage, self.reason, self.detail = stage.value, reason.value, detail


_LEAST_CHARS = 200
"""An article without text costs the steps as much memory as one of so much, measured:
4 kB, and 20 bytes for every character."""


class Piece(NamedTuple):
    """Articles that are worked on at a time.

    Attributes:
        articles: One row per article, by path and by its order in the file;
            ``raw_text`` is what all positions count in.
        claims: Metadata that JSON fields state, of these articles.
        refused: Members that are no article: path of their file, and what is wrong.
        sources: One row per file that ends in this piece; ``rejected_members`` is
            empty, and ``document_count`` counts the articles of all pieces.
        streamed: The one file that all these articles are from, if it is not in memory.
        void: Such a file, if what earlier pieces have of it does not count.
        is_last: Whether no more will come.
    """

    articles: pd.DataFrame
    claims: pd.DataFrame
    refused: list[tuple[str, RejectedMember]]
    sources: pd.DataFrame
    streamed: str | None
    void: str | None
    is_last: bool


@dataclass(slots=True)
class Batch:
    """What has been read and not been handed on."""

    piece_bytes: int
    articles: list[Article] = field(default_factory=list)
    claims: list[tuple[str, Claim]] = field(default_factory=list)
    refused: list[tuple[str, RejectedMember]] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    weight: int = 0

    def is_full(self, char_count: int) -> bool:
        """Whether there is no room for so much text; there is for a first article."""
        weight = max(char_count, _LEAST_CHARS)
        return bool(self.weight) and self.weight + weight > self.piece_bytes

    def add(self, article: Article, claims: tuple[Claim, ...], char_count: int) -> None:
        """Take in an article, for which so much text was read."""
        self.articles.append(article)
        self.claims.extend((article.document_id, claim) for claim in claims)
        self.weight += max(char_count, _LEAST_CHARS)

    def refuse(self, path: str, member: RejectedMember, char_count: int) -> None:
        """Note a member that is no article, for which so much text was read."""
        self.refused.append((path, member))
        self.weight += max(char_count, _LEAST_CHARS)

    def hand_on(
        self, streamed: str | None, *, void: str | None = None, is_last: bool = False
    ) -> Piece:
        """Return what there is, and begin anew."""
        piece = Piece(
            _frame_articles(self.articles),
            _frame_claims(self.claims),
            self.refused,
            _frame_sources(self.sources),
            streamed,
            void,
            is_last,
        )
        self.clear()
        self.sources = []
        return piece

    def clear(self) -> None:
        """Forget the articles."""
        self.articles, self.claims, self.refused = [], [], []
        self.weight = 0


def _frame_articles(articles: list[Article]) -> pd.DataFrame:
    names = [item.name for item in fields(Article)]
    dtypes = {
        "encoding_score": "float64",
        "encoding_errors": "int32",
        "step_versions": "object",
    }
    return _frame(names, map(attrgetter(*names), articles), dtypes)


def _frame_claims(found: list[tuple[str, Claim]]) -> pd.DataFrame:
    names = [item.name for item in fields(Claim)]
    cells = attrgetter(*names)
    rows = ((document_id, *cells(claim)) for document_id, claim in found)
    dtypes = {"score": "float64", "start_chars": "Int64", "end_chars": "Int64"}
    return _frame(["document_id", *names], rows, dtypes)


def _frame_sources(sources: list[Source]) -> pd.DataFrame:
    names: list[str] = SOURCES.schema.names
    dtypes = {
        "size_bytes": "Int64",
        "mtime_ns": "Int64",
        "document_count": "int32",
        "rejected_members": "object",
        "step_versions": "object",
        "survey": "object",
    }
    return _frame(names, map(attrgetter(*names), sources), dtypes)


def _frame(
    names: list[str], rows: Iterable[tuple[object, ...]], dtypes: dict[str, str]
) -> pd.DataFrame:
    """Frame with the same types whether it has rows or not; other columns are text."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtypes.get(name, "str"))
            for name, values in zip(names, columns, strict=True)
        }
    )
