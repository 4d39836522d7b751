"""A whole run: plan, take the batches through the line, publish, tell of it.

Who does the work is handed in as a ``Crew``: the flow ``ingest`` with Prefect, and
``ingest_plainly`` without.
"""

import contextlib
import dataclasses
import json
import platform
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from flows.batches import cut_batches
from flows.drift import NOT_LOOKED_AT, Quality
from flows.errand import EVERYTHING_NEW, Errand
from flows.ledger import LEDGER_COLUMNS, NULLABLE, outcomes
from flows.line import Run, call_plainly, process_batch, start_run, survey_batch
from flows.needs import check_disk
from flows.plan import Plan, open_warehouse, plan_run
from flows.progress import Event, tell
from flows.quality import look_at_rows, refuse_drift
from flows.recurrence import find_recurring
from flows.settings import Settings, fingerprint, settings_json
from flows.summary import BatchSummary, RunSummary
from tasks.discover import discover_files
from tasks.objects import Place
from tasks.schema import DUPLICATES, SOURCES, Status
from tasks.tables.manifest import Manifest
from tasks.tables.parts import read_staged
from tasks.tables.warehouse import Reporter, Warehouse
from tasks.version import PIPELINE_VERSION
from tasks.write import publish

LIBRARIES = (
    "chardet",
    "eldc",
    "ftfy",
    "langdetect",
    "lxml",
    "pandas",
    "prefect",
    "pyarrow",
    "rensa",
    "trafilatura",
)
"""Libraries whose versions are noted in ``runs.versions``."""


def add_up(parts: Iterable[BatchSummary]) -> BatchSummary:
    """Add up the batches of a run, in order."""
    summaries = list(parts)
    counts = (dataclasses.replace(summary, staged=()) for summary in summaries)
    staged = chain.from_iterable(summary.staged for summary in summaries)
    return dataclasses.replace(sum(counts, start=BatchSummary()), staged=tuple(staged))


def replaced_paths(plan: Plan) -> pd.Series:
    """Return the path of every file whose old rows go."""
    return pd.Series([*plan.todo["source_path"], *plan.deleted], dtype="str")


def run_row(run: Run, plan: Plan, batch: BatchSummary) -> pd.DataFrame:
    """Return the row of ``runs`` that tells this run."""
    row = {
        "run_id": run.run_id,
        "started_at": run.started_at.replace(tzinfo=None),
        "ended_at": datetime.now(UTC).replace(tzinfo=None),
        "flow_run_id": run.flow_run_id,
        "pipeline_version": PIPELINE_VERSION,
        "versions": json.dumps(library_versions()),
        "settings": settings_json(run.settings),
        "files_discovered": len(plan.files),
        "files_unchanged": plan.unchanged_count,
        "files_processed": len(plan.todo),
        "files_accepted": batch.files[Status.ACCEPTED],
        "files_rejected": batch.files[Status.REJECTED],
        "files_ignored": batch.files[Status.IGNORED],
        "files_deleted": len(plan.deleted),
        "documents_written": batch.documents,
        "paragraphs_written": batch.paragraphs,
        "removals_written": batch.removals,
        "steps": [
            {"step": name, "rows": cost.rows, "seconds": round(cost.seconds, 6)}
            for name, cost in batch.steps.items()
        ],
        "slowest_files": [
            {"source_path": path, "seconds": round(seconds, 6)}
            for path, seconds in batch.slowest
        ],
    }
    return pd.DataFrame([row])


def library_versions() -> dict[str, str]:
    """Return the versions that a row may depend on, by library."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        # eldc is not to be had everywhere.
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return versions


class Crew(NamedTuple):
    """Who does the work of a run, the same work with Prefect and without.

    Attributes:
        discover: Lists the files of the raw folder.
        announce: Is told what there is to do; again if that grows.
        survey: Surveys files before they are read, into files in a folder.
        process: Takes the files to read through the line, batch by batch.
        publish: Publishes; see ``tasks.write.publish``.
        reporter: Writes the report that goes with the tables; null for none.
    """

    discover: Callable[[Place, list[str]], pd.DataFrame]
    announce: Callable[[Plan], None]
    survey: Callable[[pd.DataFrame, Plan, Run, Path], None]
    process: Callable[[Plan, Run, Warehouse], BatchSummary]
    publish: Callable[..., int]
    reporter: Reporter | None = None


def conduct(run: Run, errand: Errand, crew: Crew) -> RunSummary:
    """Do a whole run: one snapshot or the next, and nothing in between.

    Args:
        run: The run.
        errand: What it is for.
        crew: Who does the work.

    Raises:
        PipelineError: The raw folder or the warehouse cannot be used. The tables are as
            they were.
    """
    settings = run.settings
    warehouse = open_warehouse(settings, crew.reporter)
    tell(Event(f"locking {warehouse.live.name}/", 0, 0, 0))
    with warehouse.lock(wait=settings.wait_for_lock, tell=_tell_waiting):
        files = crew.discover(settings.raw_dir, list(settings.ignore))
        plan = plan_run(files, warehouse, settings, errand)
        crew.announce(plan)
        if plan.has_work:
            check_disk(plan, warehouse, settings)
            plan, run = _find_recurring(plan, run, warehouse, crew)
        batch, snapshot, quality = BatchSummary(), None, NOT_LOOKED_AT
        if len(plan.todo):
            batch = crew.process(plan, run, warehouse)
        if plan.has_work and not _changes_nothing(plan, batch):
            tell(Event("publish", len(plan.todo), len(plan.todo), plan.unchanged_count))
            row = run_row(run, plan, batch)
            staged = warehouse.gather(batch.staged)
            if staged:
                quality = look_at_rows(
                    staged, row, settings, batch.breaches, is_typical=plan.is_typical
                )
                refuse_drift(quality, settings)
            snapshot = crew.publish(
                warehouse,
                staged,
                replaced_paths(plan),
                row,
                fingerprint(settings),
                plan.touched,
            )
        published = warehouse.manifest() if snapshot else None
    return summarise_run(run, published, plan, batch, quality)


def _find_recurring(
    plan: Plan, run: Run, warehouse: Warehouse, crew: Crew
) -> tuple[Plan, Run]:
    tell(Event("survey", 0, len(plan.todo), plan.unchanged_count))
    wider, counted_file = find_recurring(
        plan, warehouse, lambda files, folder: crew.survey(files, plan, run, folder)
    )
    if len(wider.todo) > len(plan.todo):
        crew.announce(wider)
        check_disk(wider, warehouse, run.settings)
    return wider, run._replace(counted_file=counted_file)


def _tell_waiting(holder: str) -> None:
    tell(Event(f"waiting for {holder}", 0, 0, 0))


def _changes_nothing(plan: Plan, batch: BatchSummary) -> bool:
    if not plan.may_change_nothing:
        return False
    rows = read_staged(batch.staged, SOURCES.name, LEDGER_COLUMNS)
    return outcomes(rows.to_pandas(types_mapper=NULLABLE)) == plan.known_outcomes


def ingest_plainly(
    settings: Settings,
    errand: Errand = EVERYTHING_NEW,
    reporter: Reporter | None = None,
) -> RunSummary:
    """Do what the flow ``ingest`` does, in this process and without Prefect's engine.

    Args:
        settings: Settings of the run; ``engine`` does not matter.
        errand: What the run is for.
        reporter: Writes the report that goes with the tables; null for none.
    """

    def cut(files: pd.DataFrame) -> Iterator[pd.DataFrame]:
        return cut_batches(
            files, batch_bytes=settings.batch_bytes, batch_files=settings.batch_files
        )

    def survey(files: pd.DataFrame, _plan: Plan, run: Run, folder: Path) -> None:
        for index, batch in enumerate(cut(files)):
            survey_batch(batch, run, folder / f"{index}.parquet")

    def process(plan: Plan, run: Run, warehouse: Warehouse) -> BatchSummary:
        staging_dir = warehouse.new_staging_dir()
        return add_up(
            process_batch(batch, run, staging_dir, warehouse.new_stem(), call_plainly)
            for batch in cut(plan.todo)
        )

    crew = Crew(
        discover_files, lambda _plan: None, survey, process, publish.fn, reporter
    )
    return conduct(start_run(settings), errand, crew)


def summarise_run(
    run: Run,
    published: Manifest | None,
    plan: Plan,
    batch: BatchSummary,
    quality: Quality,
) -> RunSummary:
    """Put together what a run has found; ``published`` is null if nothing was."""
    return RunSummary(
        run_id=run.run_id,
        snapshot=published.snapshot if published else None,
        discovered=len(plan.files),
        unchanged=plan.unchanged_count,
        deleted=len(plan.deleted),
        touched=plan.retimed_count,
        is_migration=plan.is_migration,
        causes=plan.causes,
        batch=batch,
        quality=quality,
        seconds=(datetime.now(UTC) - run.started_at).total_seconds(),
        duplicates=published.rows[DUPLICATES.name] if published else 0,
    )
