"""What a run found, in numbers: summed up over its batches, told in Markdown."""

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import pandas as pd

from flows.drift import NOT_LOOKED_AT, Breach, Quality, add_breaches
from tasks.fates import Fate
from tasks.schema import Status
from tasks.tables.parts import StagedPart

_SLOWEST_FILES = 10  # noted per run


class StepCost(NamedTuple):
    """Rows that left a step, and seconds spent in it over all workers."""

    rows: int
    seconds: float

    def plus(self, rows: int, seconds: float) -> "StepCost":
        """Return the cost with that of another batch, or piece of one."""
        return StepCost(self.rows + rows, self.seconds + seconds)


NO_COST = StepCost(0, 0.0)


class SharedFile(NamedTuple):
    """A file of which a batch has read a share.

    Attributes:
        source: Its row of ``sources`` as read; ``document_count`` is of the share.
        fate: What became of the articles of the share.
    """

    source: pd.DataFrame
    fate: Fate


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """Counts of one batch, or of several added up.

    Attributes:
        staged: The staged parts, one per batch, in order.
        files: Files by ``Status``.
        documents: Rows of ``documents``.
        paragraphs: Rows of ``paragraphs``.
        removals: Rows of ``removals``.
        languages: Documents by language.
        rejects: Rejected files and articles by ``Reason``.
        examples: The first path of each ``Reason``.
        steps: Cost by ``Step``, in order.
        slowest: Files that took longest and their seconds, slowest first.
        breaches: Laws that some article breaks.
        shared: The file of which this is a share; its row is nowhere yet.
    """

    staged: tuple[StagedPart, ...] = ()
    files: Counter[str] = field(default_factory=Counter)
    documents: int = 0
    paragraphs: int = 0
    removals: int = 0
    languages: Counter[str] = field(default_factory=Counter)
    rejects: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    steps: dict[str, StepCost] = field(default_factory=dict)
    slowest: tuple[tuple[str, float], ...] = ()
    breaches: tuple[Breach, ...] = ()
    shared: SharedFile | None = None

    def __str__(self) -> str:
        """Return the counts in one line, for the log."""
        seconds = sum(cost.seconds for cost in self.steps.values())
        files = (
            f"{count_of(self.files.total(), 'file')},"
            f" {self.files[Status.REJECTED]:,} rejected"
        )
        return (
            f"{'share of a file' if self.shared else files}:"
            f" {count_of(self.documents, 'article')},"
            f" {count_of(self.paragraphs, 'paragraph')} in {seconds:.1f} s"
        )

    def __add__(self, other: Self) -> Self:
        """Add the counts of another batch; the first example of a reason stays."""
        steps = dict(self.steps)
        for name, cost in other.steps.items():
            steps[name] = steps.get(name, NO_COST).plus(*cost)
        return dataclasses.replace(
            self,
            staged=self.staged + other.staged,
            files=self.files + other.files,
            documents=self.documents + other.documents,
            paragraphs=self.paragraphs + other.paragraphs,
            removals=self.removals + other.removals,
            languages=self.languages + other.languages,
            rejects=self.rejects + other.rejects,
            examples=other.examples | self.examples,
            steps=steps,
            slowest=slowest_of(dict(self.slowest) | dict(other.slowest)),
            breaches=add_breaches(self.breaches, other.breaches),
        )


def slowest_of(seconds: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """Return the files that took longest, slowest first.

    Examples:
        >>> slowest_of({"a.txt": 0.1, "b.html": 2.0})
        (('b.html', 2.0), ('a.txt', 0.1))
    """
    ordered = sorted(seconds.items(), key=lambda item: (-item[1], item[0]))
    return tuple(ordered[:_SLOWEST_FILES])


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a whole run did.

    Attributes:
        run_id: Id of the run.
        snapshot: Snapshot that holds the outcome; null if nothing had to be written.
        discovered: Files found in the raw folder.
        unchanged: Files known and not read again.
        deleted: Files gone since the run before.
        touched: Files changed at another time but with the same bytes; not read again.
        is_migration: The tables were brought to a newer schema.
        causes: Files read, by ``Cause``.
        batch: Counts of the files read.
        seconds: Wall clock, from the lock to the publication.
        quality: What was to be said of the rows before they were published.
        duplicates: Articles of that snapshot that repeat an earlier one.
    """

    run_id: str
    snapshot: int | None
    discovered: int
    unchanged: int
    deleted: int
    touched: int
    is_migration: bool
    causes: Counter[str]
    batch: BatchSummary
    seconds: float
    quality: Quality = NOT_LOOKED_AT
    duplicates: int = 0

    @property
    def processed(self) -> int:
        """Files read in this run."""
        return self.batch.files.total()


def funnel(summary: RunSummary) -> list[tuple[str, int, str]]:
    """Return what is left after each stage: label, count, remark."""
    files, batch = summary.batch.files, summary.batch
    in_files = batch.rejects.total() - files[Status.REJECTED]
    rows = [
        ("files found", summary.discovered, ""),
        ("unchanged", summary.unchanged, "not read again"),
        ("touched", summary.touched, "unchanged, but with a new time"),
        ("read", summary.processed, causes_line(summary.causes)),
        ("ignored", files[Status.IGNORED], "setting `ignore`"),
        ("rejected", files[Status.REJECTED], "see the reasons"),
        ("accepted", files[Status.ACCEPTED], ""),
        ("deleted", summary.deleted, "gone from the raw folder"),
        ("articles", batch.documents, ""),
        ("articles rejected", max(in_files, 0), "in files with several"),
        ("paragraphs", batch.paragraphs, ""),
        ("pieces removed", batch.removals, "kept in `removals`"),
        ("duplicates", summary.duplicates, "of all articles; see `duplicates`"),
    ]
    always = {"files found", "read", "accepted", "articles", "paragraphs"}
    return [row for row in rows if row[1] or row[0] in always]


def report_markdown(summary: RunSummary) -> str:
    """Tell a run as Markdown, for the artifact ``ingest-summary`` in Prefect's UI."""
    batch = summary.batch
    warnings = [f"- ⚠ {_plain(warning)}" for warning in summary.quality.warnings]
    parts = [
        f"# {headline(summary)}\n",
        *(["\n".join(warnings) + "\n"] if warnings else []),
        _markdown_table(
            ("stage", "count", ""),
            [(label, f"{count:,}", note) for label, count, note in funnel(summary)],
        ),
    ]
    if batch.languages:
        parts += [
            "## Languages\n",
            _markdown_table(
                ("language", "articles"),
                [(f"`{k}`", f"{v:,}") for k, v in batch.languages.most_common()],
            ),
        ]
    if batch.rejects:
        parts += [
            "## Rejected\n",
            _markdown_table(
                ("reason", "count", "for example"),
                [
                    (f"`{reason}`", f"{count:,}", _code(batch.examples[reason]))
                    for reason, count in batch.rejects.most_common()
                ],
            ),
        ]
    parts += ["## Steps\n", steps_markdown(batch)]
    return "\n".join(parts)


def steps_markdown(batch: BatchSummary) -> str:
    """Return rows, seconds and rows per second of each step as a Markdown table."""
    return _markdown_table(
        ("step", "rows out", "seconds", "rows per second"),
        [
            (name, f"{cost.rows:,}", f"{cost.seconds:.2f}", _rate(cost))
            for name, cost in batch.steps.items()
        ],
    )


def headline(summary: RunSummary) -> str:
    """Return the run in one line."""
    if not summary.processed and not summary.deleted:
        known = f"Nothing new: {count_of(summary.discovered, 'file')} known already"
        if summary.touched:
            known += f", {summary.touched:,} with a new time of change"
        return known + (", tables migrated" if summary.is_migration else "")
    gone = f", {summary.deleted:,} deleted" if summary.deleted else ""
    rejected = summary.batch.files[Status.REJECTED]
    refused = f", {rejected:,} rejected" if rejected else ""
    return (
        f"{count_of(summary.processed, 'file')} read{refused}{gone}:"
        f" {count_of(summary.batch.documents, 'article')},"
        f" {count_of(summary.batch.paragraphs, 'paragraph')}"
        f" in {summary.seconds:.1f} s"
    )


def causes_line(causes: Counter[str]) -> str:
    """Return why files are read.

    Examples:
        >>> causes_line(Counter({"changed": 2, "new": 1200}))
        '1,200 new, 2 changed'
    """
    return ", ".join(f"{count:,} {cause}" for cause, count in causes.most_common())


def count_of(number: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun, and with ``nouns`` if that is no mere ``s``.

    Examples:
        >>> count_of(1, "file"), count_of(1200, "file"), count_of(2, "batch", "batches")
        ('1 file', '1,200 files', '2 batches')
    """
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def _rate(cost: StepCost) -> str:
    return f"{cost.rows / cost.seconds:,.0f}" if cost.seconds else ""


def _plain(text: str) -> str:
    """Quote text of strangers inside Markdown."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    """Quote a path, which may hold anything, inside a Markdown table."""
    text = text.replace("|", "\\|").replace("`", "'")
    return f"`{' '.join(text.split())}`"


def _markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
