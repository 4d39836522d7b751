"""The line for one batch of files, step by step.

Each step is a Prefect task, so that a small run shows it in the timeline; how a step is
called is handed in: ``call_plainly`` here, ``call_visibly`` in ``ingest``.
"""

import contextlib
import gc
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

import pandas as pd
from prefect import Task
from threadpoolctl import threadpool_limits

from flows.ledger import new_run_id
from flows.limits import limits_of
from flows.progress import tell_step
from flows.settings import Settings
from flows.staging import Made, Staging, Tables
from flows.summary import (
    NO_COST,
    BatchSummary,
    SharedFile,
    StepCost,
    count_of,
)
from tasks.clean import clean_articles
from tasks.describe import describe_articles
from tasks.detect import detect_languages
from tasks.errors import PipelineError
from tasks.fates import Fates
from tasks.files.members import WHOLE
from tasks.read import Reading, read_files, read_piece, read_pieces, share_of
from tasks.schema import SOURCES, Reason, Step
from tasks.split import split_blocks
from tasks.stopwatch import timing
from tasks.survey import survey_articles, survey_texts, write_surveys

_GARBAGE_OBJECTS = 20_000  # new ones before Python looks for garbage among them
REJECT_COLUMNS = ["document_id", "stage", "reason", "detail"]

BEYOND_ARTICLES = (PipelineError, ImportError, MemoryError, OSError)
"""Errors that no article is to blame for: they end the run."""

Frames = tuple[pd.DataFrame, ...]
AnyStep = Task[..., Any]

P = ParamSpec("P")
R = TypeVar("R")


class Call(Protocol):
    """Calls a step: the task, how many rows of what go in, then its arguments."""

    def __call__(
        self, step: Task[P, R], rows: str, /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return what the step returns."""


def call_plainly(
    step: Task[P, R], _rows: str, /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a step as a function."""
    tell_step(step.name)
    return step.fn(*args, **kwargs)


class Run(NamedTuple):
    """What every part of a run must know of it.

    Attributes:
        run_id: Its id.
        started_at: When it started, UTC.
        settings: Its settings.
        flow_run_id: Prefect's id of it, if Prefect runs it.
        counted_file: What recurs in the folders of the files to read: rows of
            ``survey.COUNTED``; null if nothing can.
    """

    run_id: str
    started_at: datetime
    settings: Settings
    flow_run_id: str | None = None
    counted_file: Path | None = None


def start_run(settings: Settings, flow_run_id: str | None = None) -> Run:
    """Begin a run now."""
    now = datetime.now(UTC)
    run_id = new_run_id(now, secrets.token_hex(3))
    return Run(run_id, now, settings, flow_run_id)


def survey_batch(files: pd.DataFrame, run: Run, file: Path) -> None:
    """Survey a batch of files before anything is made of them.

    Args:
        files: Rows of ``Plan.todo`` that hold plain text.
        run: The run it is part of.
        file: Written: rows of ``survey.SURVEYS``, one per file.
    """
    articles, _, sources = read_files(
        files, run.settings.raw_dir, run.run_id, limits_of(run.settings)
    )
    write_surveys(sources["source_path"], survey_texts(articles), file)


@contextlib.contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Look for garbage in cycles less often.

    The rows of a batch live to its end, so looking through them finds nothing: with
    Python's own threshold that takes a tenth of the time of plain text.
    """
    usual = gc.get_threshold()
    gc.set_threshold(_GARBAGE_OBJECTS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Keep linear algebra to one thread.

    Matrices are small here: more threads cost a quarter more CPU time and win none, and
    every worker would have as many as there are cores.
    """
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@_one_thread()
@_collecting_rarely()
def process_batch(
    files: pd.DataFrame, run: Run, staging_dir: Path, stem: str, call: Call
) -> BatchSummary:
    """Take a batch of files through the line and stage its tables.

    An article that a step cannot digest becomes a reject; the others go on. They are
    worked on in pieces of ``batch_bytes``, so that a file of any size is a batch that
    fits into memory.

    Args:
        files: Rows of ``Plan.todo``.
        run: The run it is part of.
        staging_dir: Where the parts of all batches go.
        stem: Name of this batch's part.
        call: How to call a step.

    Returns:
        Counts; the rows are on disk.

    Raises:
        PipelineError: A table breaks its contract, or the disk refuses.
    """
    costs: dict[str, StepCost] = {}
    with timing() as seconds, TemporaryDirectory(dir=staging_dir) as folder:
        staging = Staging(staging_dir, Path(folder), stem, call)
        for made in make_pieces(files, run, call, costs):
            staging.add(made)
            del made  # before the next one is made
    return staging.summarise(costs, seconds)


@_one_thread()
@_collecting_rarely()
def make_tables(
    files: pd.DataFrame, run: Run, call: Call = call_plainly
) -> tuple[dict[str, pd.DataFrame], dict[str, StepCost]]:
    """Take a batch of files through the line, up to its tables in memory.

    Args:
        files: Rows of ``discover_files``.
        run: The run it is part of.
        call: How to call a step.

    Returns:
        The tables of articles by name, and the cost of each step by name.
    """
    costs: dict[str, StepCost] = {}
    pieces: list[Made] = []
    for made in make_pieces(files, run, call, costs):
        pieces = [one for one in pieces if made.void in {None, one.streamed}]
        pieces.append(made)
    filled = [one.tables for one in pieces if len(one.tables.get("documents", ()))]
    filled = filled or [pieces[-1].tables]
    tables = {
        name: pd.concat([tables[name] for tables in filled], ignore_index=True)
        if len(filled) > 1
        else filled[0][name]
        for name in filled[0]
    }
    if (sources := pieces[-1].sources) is not None:
        tables[SOURCES.name] = sources
    return tables, costs


def make_pieces(
    files: pd.DataFrame, run: Run, call: Call, costs: dict[str, StepCost]
) -> Iterator[Made]:
    """Take a batch of files through the line, piece by piece.

    Args:
        files: Rows of ``discover_files``.
        run: The run it is part of.
        call: How to call a step.
        costs: Added to.

    Yields:
        The pieces, one at least; the last has the files.
    """
    settings = run.settings
    pieces = read_pieces(files, settings.raw_dir, run.run_id, limits_of(settings))
    maker = _PieceMaker(run, call, costs, is_share=share_of(files) != WHOLE)
    reading = Reading(pieces)
    noun = count_of(len(files), "file")
    while not maker.is_done:
        yield maker.make(reading, noun)
        noun = f"more of {count_of(len(files), 'file')}"


class _PieceMaker:
    """Makes the pieces of one batch, one after the other."""

    def __init__(
        self, run: Run, call: Call, costs: dict[str, StepCost], *, is_share: bool
    ) -> None:
        self._run, self._call, self._costs = run, call, costs
        self._is_share = is_share
        self._fates = Fates()
        self._sources: list[pd.DataFrame] = []
        self.is_done = False

    def make(self, reading: Reading, noun: str) -> Made:
        """Make the next piece.

        Args:
            reading: Where it is read from.
            noun: What is read, for the name of the task run.
        """
        call, costs = self._call, self._costs
        start = time.perf_counter()
        piece = call(read_piece, noun, reading)
        _add_cost(costs, Step.READ.value, len(piece.articles), start)

        start = time.perf_counter()
        articles, sources = call(
            survey_articles,
            count_of(len(piece.articles), "article"),
            piece.articles,
            piece.sources,
            self._run.counted_file,
        )
        _add_cost(costs, survey_articles.name, len(articles), start)

        if piece.void is not None:
            self._fates.forget(piece.void)
        tables: Tables = {}
        if len(articles) or piece.is_last:
            tables = _make_rows(articles, piece.claims, self._run, call, costs)
            places = articles[["document_id", "source_path", "member"]]
            rejects = tables.pop("rejects").merge(
                places, on="document_id", how="left", validate="many_to_one"
            )
            paths = tables["documents"]["source_path"]
            self._fates.add(paths, rejects, piece.refused)
        else:
            self._fates.add((), None, piece.refused)
        if len(sources) or not self._sources:
            self._sources = [one for one in self._sources if len(one)] + [sources]
        self.is_done = piece.is_last
        settled = shared = None
        if piece.is_last:
            files = pd.concat(self._sources, ignore_index=True)
            if self._is_share:
                path = str(files["source_path"].iloc[0])
                shared = SharedFile(files, self._fates.fate_of(path))
            else:
                settled = self._fates.settle(files)
        unlisted = self._fates.unlisted
        return Made(tables, piece.streamed, piece.void, settled, unlisted, shared)


def _make_rows(
    articles: pd.DataFrame,
    claims: pd.DataFrame,
    run: Run,
    call: Call,
    costs: dict[str, StepCost],
) -> dict[str, pd.DataFrame]:
    """Take articles through the steps that look at each by itself.

    Args:
        articles: Articles as surveyed.
        claims: What JSON fields state of them.
        run: The run it is part of.
        call: How to call a step.
        costs: Added to.

    Returns:
        The tables by name, but ``sources``; and ``rejects``.
    """
    rejects: list[pd.DataFrame] = []

    def step(task: AnyStep, noun: str, frames: Frames, *args: object) -> Frames:
        start = time.perf_counter()
        frames = tuple(without(frame, rejects) for frame in frames)
        outputs, refused = run_step(task, noun, frames, args, call)
        rejects.append(refused)
        _add_cost(costs, task.name, len(outputs[0]), start)
        return outputs

    blocks, claims, refused = step(clean_articles, "article", (articles, claims))
    rejects.append(refused)
    articles, blocks = step(
        detect_languages, "article", (articles, blocks), run.settings.detector
    )
    paragraphs, removals = step(split_blocks, "block", (blocks,))
    documents, evidence = step(
        describe_articles,
        "article",
        (articles, paragraphs, removals, claims),
        run.run_id,
    )
    return {
        "documents": documents,
        "paragraphs": without(paragraphs, rejects),
        "removals": without(removals, rejects),
        "evidence": evidence,
        "rejects": pd.concat(rejects, ignore_index=True),
    }


def _add_cost(costs: dict[str, StepCost], step: str, rows: int, start: float) -> None:
    spent = time.perf_counter() - start
    costs[step] = costs.get(step, NO_COST).plus(rows, spent)


def run_step(
    task: AnyStep, noun: str, frames: Frames, args: tuple[object, ...], call: Call
) -> tuple[Frames, pd.DataFrame]:
    """Call a step on a whole batch; if it raises, find the article it cannot digest.

    Args:
        task: Task of the step.
        noun: What a row of the first table is.
        frames: Its tables, each with ``document_id``.
        args: Its other arguments.
        call: How to call it.

    Returns:
        What the step returns, and the rejects (``failed``, with the error).

    Raises:
        Exception: The step's own error, if it fails on every article or only on the
            batch as a whole: then the step is broken and not one article.
    """
    try:
        rows = count_of(len(frames[0]), noun)
        return call(task, rows, *frames, *args), _no_rejects()
    except BEYOND_ARTICLES:
        raise
    except Exception as error:
        try:
            outputs, rejects = _run_one_by_one(task, frames, args)
        except Exception:  # noqa: BLE001  # fails even without articles
            raise error from None
        article_count = frames[0]["document_id"].nunique()
        if rejects.empty or 1 < article_count == len(rejects):
            raise
        return outputs, rejects


def _run_one_by_one(
    task: AnyStep, frames: Frames, args: tuple[object, ...]
) -> tuple[Frames, pd.DataFrame]:
    outputs = [task.fn(*(frame.iloc[:0] for frame in frames), *args)]
    rejects = []
    for document_id in frames[0]["document_id"].unique():
        own = [frame[frame["document_id"] == document_id] for frame in frames]
        own = [frame.reset_index(drop=True) for frame in own]
        try:
            outputs.append(task.fn(*own, *args))
        except BEYOND_ARTICLES:
            raise
        except Exception as error:  # noqa: BLE001  # becomes a row with its message
            detail = f"{type(error).__name__}: {error}"
            rejects.append((document_id, task.name, Reason.FAILED.value, detail))
    filled = [part for part in outputs if any(len(frame) for frame in part)]
    columns = zip(*(filled or outputs), strict=True)
    joined = tuple(pd.concat(parts, ignore_index=True) for parts in columns)
    return joined, pd.DataFrame(rejects, columns=REJECT_COLUMNS, dtype="str")


def _no_rejects() -> pd.DataFrame:
    return pd.DataFrame(columns=REJECT_COLUMNS, dtype="str")


def without(frame: pd.DataFrame, rejects: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of articles that no step has rejected."""
    gone = {row for part in rejects for row in part["document_id"]}
    if not gone:
        return frame
    return frame[~frame["document_id"].isin(gone)].reset_index(drop=True)
