"""Staging of one batch: a part on disk, made of as many pieces as it takes."""

import dataclasses
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from flows.drift import Breach
from flows.quality import look_at_part
from flows.summary import (
    NO_COST,
    BatchSummary,
    SharedFile,
    StepCost,
    count_of,
    slowest_of,
)
from tasks.schema import DOCUMENTS, PARAGRAPHS, REMOVALS, SOURCES, Status, Step
from tasks.tables.parts import StagedPart
from tasks.write import join, write

if TYPE_CHECKING:
    from flows.line import Call

Tables = dict[str, pd.DataFrame]


class Made(NamedTuple):
    """What the line has made of a piece of a batch.

    Attributes:
        tables: The tables of articles by name; empty if there was no article.
        streamed: The one file they are all from, if it may yet turn out to be void.
        void: A file whose rows in earlier pieces do not count after all.
        sources: In the last piece, the files of the batch.
        unlisted: In the last piece, rejected articles that are not listed, by reason.
        shared: In the last piece, the file of which a share has been read.
    """

    tables: Tables
    streamed: str | None
    void: str | None
    sources: pd.DataFrame | None
    unlisted: Counter[str]
    shared: SharedFile | None = None


class Staging:
    """The pieces of one batch on their way to one part."""

    def __init__(
        self, staging_dir: Path, folder: Path, stem: str, call: "Call"
    ) -> None:
        """Begin without a piece.

        Args:
            staging_dir: Where the part goes.
            folder: Where pieces go until all are there.
            stem: Name of the part.
            call: How to call a step.
        """
        self._staging_dir, self._folder, self._stem = staging_dir, folder, stem
        self._call = call
        self._pieces: list[tuple[str | None, BatchSummary]] = []
        self._number = 0
        self._cost = NO_COST
        self._summary = BatchSummary()

    def add(self, made: Made) -> None:
        """Write a piece; with the last one, the part."""
        if made.void is not None:
            self._pieces = [one for one in self._pieces if one[0] != made.void]
        if made.sources is not None:
            self._finish(made.tables, made.sources)
            self._summary += count_files(made.sources, made.unlisted)
        elif made.shared is not None:
            self._finish(made.tables, None)
            self._summary = dataclasses.replace(self._summary, shared=made.shared)
        elif made.tables:
            self._write_piece(made.tables, made.streamed)

    def summarise(
        self, costs: Mapping[str, StepCost], seconds: Mapping[str, float]
    ) -> BatchSummary:
        """Return what the batch has become.

        Args:
            costs: Of the steps before.
            seconds: Of single files.
        """
        return dataclasses.replace(
            self._summary,
            steps={**costs, Step.WRITE.value: self._cost},
            slowest=slowest_of(seconds),
        )

    def _finish(self, tables: Tables, sources: pd.DataFrame | None) -> None:
        if not self._pieces:
            if sources is not None:
                tables = tables | {SOURCES.name: sources}
            self._summary = self._stage(
                tables, self._staging_dir, self._stem, is_piece=sources is None
            )
            return
        self._write_piece(tables, None)
        total = sum((counts for _, counts in self._pieces), start=BatchSummary())
        start = time.perf_counter()
        joined = self._call(
            join,
            count_of(len(total.staged), "piece"),
            pd.Series(list(total.staged), dtype="object"),
            sources,
            self._staging_dir,
            self._stem,
        )
        self._cost = self._cost.plus(0, time.perf_counter() - start)
        self._summary = dataclasses.replace(total, staged=(joined,))

    def _write_piece(self, tables: Tables, streamed: str | None) -> None:
        self._number += 1
        stem = f"{self._stem}-{self._number}"
        counts = self._stage(tables, self._folder, stem, is_piece=True)
        self._pieces.append((streamed, counts))

    def _stage(
        self, tables: Tables, folder: Path, stem: str, *, is_piece: bool
    ) -> BatchSummary:
        start = time.perf_counter()
        rows = len(tables[DOCUMENTS.name])
        staged = self._call(
            write, count_of(rows, "article"), tables, folder, stem, is_piece=is_piece
        )
        breaches = look_at_part(staged)
        self._cost = self._cost.plus(rows, time.perf_counter() - start)
        return count_rows(tables, staged, breaches)


def count_rows(
    tables: Tables, staged: StagedPart, breaches: tuple[Breach, ...]
) -> BatchSummary:
    """Count the rows of a piece, staged and looked at."""
    documents = tables[DOCUMENTS.name]
    return BatchSummary(
        staged=(staged,),
        documents=len(documents),
        paragraphs=len(tables[PARAGRAPHS.name]),
        removals=len(tables[REMOVALS.name]),
        languages=Counter(documents["language"].tolist()),
        breaches=breaches,
    )


def count_files(sources: pd.DataFrame, unlisted: Counter[str]) -> BatchSummary:
    """Count what became of files.

    Args:
        sources: One row per file, settled.
        unlisted: Rejected articles that are not among their ``rejected_members``.
    """
    rejects = Counter(unlisted)
    examples: dict[str, str] = {}
    for path, status, reason, members in zip(
        sources["source_path"],
        sources["status"],
        sources["reason"],
        sources["rejected_members"],
        strict=True,
    ):
        if status == Status.REJECTED:
            rejects[str(reason)] += 1
            examples.setdefault(str(reason), str(path))
        for member in members:
            rejects[member["reason"]] += 1
            examples.setdefault(member["reason"], f"{path} member {member['member']}")
    return BatchSummary(
        files=Counter(sources["status"].tolist()), rejects=rejects, examples=examples
    )
