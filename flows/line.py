"""The line for one batch of files, step by step.

Each step is a Prefect task, so that a small run shows it in the timeline; how a step is
called is handed in: ``call_plainly`` here, ``call_visibly`` in ``ingest``.
"""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from flows.settings import Settings
from flows.summary import BatchSummary, StepCost
from tasks.clean import clean_articles
from tasks.describe import describe_articles
from tasks.detect import detect_languages
from tasks.errors import PipelineError
from tasks.read import Limits, read_files
from tasks.schema import Reason, Status, Step
from tasks.split import split_blocks
from tasks.write import settle_sources, stage_tables

Call = Callable[..., Any]
"""Calls a step: the task, how many rows of what go in, then its arguments."""

REJECT_COLUMNS = ["document_id", "stage", "reason", "detail"]


def call_plainly(step: Any, _rows: str, *args: object, **options: object) -> Any:
    """Call a step as a function."""
    return step.fn(*args, **options)


def process_batch(
    files: pd.DataFrame,
    settings: Settings,
    staging_dir: Path,
    stem: str,
    run_id: str,
    call: Call = call_plainly,
) -> BatchSummary:
    """Take a batch of files through the line and stage its tables.

    An article that a step cannot digest becomes a reject; the others go on.

    Args:
        files: Rows of ``Plan.todo``.
        settings: Settings of the run.
        staging_dir: Where the parts of all batches go.
        stem: Name of this batch's parts.
        run_id: Id of the run.
        call: How to call a step.

    Returns:
        Counts; the rows are on disk.

    Raises:
        PipelineError: A table breaks its contract, or the disk refuses.
    """
    costs: dict[str, StepCost] = {}
    rejects: list[pd.DataFrame] = []

    def run(step: Any, frames: tuple[pd.DataFrame, ...], noun: str, *args: Any) -> Any:
        start = time.perf_counter()
        outputs, refused = run_step(step, frames, noun, args, call)
        rejects.append(refused)
        seconds = time.perf_counter() - start
        costs[step.name] = StepCost(len(outputs[0]), seconds)
        return outputs

    limits = Limits(settings.max_file_bytes, settings.max_decompression_ratio)
    start = time.perf_counter()
    articles, claims, sources = call(
        read_files, f"{len(files)} files", files, settings.raw_dir, run_id, limits
    )
    costs[Step.READ] = StepCost(len(articles), time.perf_counter() - start)

    blocks, claims, refused = run(clean_articles, (articles, claims), "articles")
    rejects.append(refused)
    articles = without(articles, rejects)
    articles, blocks = run(
        detect_languages, (articles, blocks), "articles", settings.detector
    )
    paragraphs, removals = run(split_blocks, (blocks,), "blocks")
    articles = without(articles, rejects)
    documents, evidence = run(
        describe_articles,
        tuple(
            without(frame, rejects)
            for frame in (articles, paragraphs, removals, claims)
        ),
        "articles",
        run_id,
    )
    refused = pd.concat(rejects, ignore_index=True)
    tables = {
        "documents": documents,
        "paragraphs": without(paragraphs, rejects),
        "removals": without(removals, rejects),
        "evidence": evidence,
        "sources": settle_sources(sources, documents, refused),
    }
    start = time.perf_counter()
    call(stage_tables, f"{len(documents)} articles", tables, staging_dir, stem)
    costs[Step.WRITE] = StepCost(len(documents), time.perf_counter() - start)
    return summarise(tables, stem, costs)


def run_step(
    step: Any,
    frames: tuple[pd.DataFrame, ...],
    noun: str,
    args: tuple[Any, ...],
    call: Call,
) -> tuple[tuple[pd.DataFrame, ...], pd.DataFrame]:
    """Call a step on a whole batch; if it raises, find the article it cannot digest.

    Args:
        step: Task of a step.
        frames: Its tables, each with ``document_id``.
        noun: What the rows of the first table are.
        args: Its other arguments.
        call: How to call it.

    Returns:
        What the step returns, and the rejects (``failed``, with the error).

    Raises:
        Exception: The step's own error, if it fails on every article: then the step
            is broken and not one article.
    """
    none = pd.DataFrame(columns=REJECT_COLUMNS, dtype="str")
    try:
        return call(step, f"{len(frames[0])} {noun}", *frames, *args), none
    except PipelineError:
        raise
    except Exception as error:  # a library may raise anything on odd text
        outputs, rejects = _run_one_by_one(step, frames, args)
        if len(rejects) == frames[0]["document_id"].nunique() and len(rejects) > 1:
            raise
        if rejects.empty:  # the batch fails but no article does: not to be hidden
            raise RuntimeError(f"step {step.name} fails on a batch only") from error
        return outputs, rejects


def _run_one_by_one(
    step: Any, frames: tuple[pd.DataFrame, ...], args: tuple[Any, ...]
) -> tuple[tuple[pd.DataFrame, ...], pd.DataFrame]:
    outputs = [step.fn(*(frame.iloc[:0] for frame in frames), *args)]
    rejects = []
    for document_id in frames[0]["document_id"].unique():
        own = [frame[frame["document_id"] == document_id] for frame in frames]
        own = [frame.reset_index(drop=True) for frame in own]
        try:
            outputs.append(step.fn(*own, *args))
        except PipelineError:
            raise
        except Exception as error:  # noqa: BLE001  # becomes a row with its message
            detail = f"{type(error).__name__}: {error}"
            rejects.append((document_id, step.name, Reason.FAILED.value, detail))
    filled = [part for part in outputs if any(len(frame) for frame in part)]
    columns = zip(*(filled or outputs), strict=True)
    joined = tuple(pd.concat(parts, ignore_index=True) for parts in columns)
    return joined, pd.DataFrame(rejects, columns=REJECT_COLUMNS, dtype="str")


def without(frame: pd.DataFrame, rejects: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of articles that no step has rejected."""
    gone = {row for part in rejects for row in part["document_id"]}
    if not gone:
        return frame
    return frame[~frame["document_id"].isin(gone)].reset_index(drop=True)


def summarise(
    tables: dict[str, pd.DataFrame], stem: str, costs: dict[str, StepCost]
) -> BatchSummary:
    """Count what a batch has become."""
    documents, sources = tables["documents"], tables["sources"]
    rejects: Counter[str] = Counter()
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
        stems=(stem,),
        files=Counter(sources["status"].tolist()),
        documents=len(documents),
        paragraphs=len(tables["paragraphs"]),
        removals=len(tables["removals"]),
        languages=Counter(documents["language"].tolist()),
        rejects=rejects,
        examples=examples,
        steps=costs,
    )
