"""The flow ``ingest``: raw/ -> warehouse/, the whole line, top to bottom.

Prefect may load this file twice under two names, so there is no class in it and every
import is by full name.
"""

import functools
import secrets
from pathlib import Path
from typing import Annotated, Any, cast
from uuid import UUID

import pandas as pd
from prefect import Task, flow, get_client, task
from prefect.artifacts import (
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed
from pydantic import Field

from flows.alerts import alert, alert_failure
from flows.artifacts import leave_artifacts
from flows.backstage import logging_steps
from flows.batches import weigh_files
from flows.conduct import Crew, add_up, conduct
from flows.engines import (
    LOGGED_BATCHES,
    Staff,
    choose_engine,
    cut_work,
    results_of,
)
from flows.errand import Errand
from flows.line import (
    Call,
    P,
    R,
    Run,
    call_plainly,
    process_batch,
    start_run,
    survey_batch,
)
from flows.pages import reporter
from flows.plan import Plan
from flows.progress import Event, tell, tell_step
from flows.settings import Detector, Engine, Settings, read_settings
from flows.shares import settle_shares, size_of
from flows.summary import BatchSummary, RunSummary, count_of, headline
from tasks.discover import discover_files
from tasks.objects import Place
from tasks.schema import Reason
from tasks.tables.warehouse import Warehouse
from tasks.write import publish

Count = Annotated[int, Field(ge=1)]
VISIBLE_BATCHES = 50
"""Up to so many batches show every step in the timeline; beyond, only themselves. A
file that is worked on in pieces counts as so many batches."""

_SETTINGS = read_settings()  # of this process's environment: the run form's defaults


@flow(
    name="ingest",
    flow_run_name="ingest {raw_dir}",
    persist_result=False,
    on_failure=[alert_failure],
    on_crashed=[alert_failure],
)
def ingest(  # noqa: PLR0913  # the run form
    raw_dir: Path | str = _SETTINGS.raw_dir,
    warehouse_dir: Path | str = _SETTINGS.warehouse_dir,
    *,
    reprocess: bool = False,
    replay: bool = False,
    replay_paths: tuple[str, ...] = (),
    replay_reasons: tuple[Reason, ...] = (),
    engine: Engine = _SETTINGS.engine,
    engine_address: str = _SETTINGS.engine_address,
    workers: Annotated[int, Field(ge=0)] = _SETTINGS.workers,
    detector: Detector = _SETTINGS.detector,
    ignore: tuple[str, ...] = _SETTINGS.ignore,
    max_file_bytes: Count = _SETTINGS.max_file_bytes,
    max_decompression_ratio: Count = _SETTINGS.max_decompression_ratio,
    batch_bytes: Count = _SETTINGS.batch_bytes,
    batch_files: Count = _SETTINGS.batch_files,
    keep_snapshots: Annotated[int, Field(ge=0)] = _SETTINGS.keep_snapshots,
    keep_days: Annotated[int, Field(ge=0)] = _SETTINGS.keep_days,
    warn_drift_percent: Annotated[int, Field(ge=0)] = _SETTINGS.warn_drift_percent,
    refuse_drift_percent: Annotated[int, Field(ge=0)] = _SETTINGS.refuse_drift_percent,
    write_report: bool = _SETTINGS.write_report,
    wait_for_lock: bool = _SETTINGS.wait_for_lock,
) -> RunSummary:
    """Turn new and changed raw articles into tables.

    Reads only files that are new or have changed, takes out those that are gone, and
    replaces the tables as a whole at the end: until then, and if anything goes wrong,
    readers see the old ones.

    Args:
        raw_dir: Folder with the raw files, or its URL; only ever read.
        warehouse_dir: Folder of the tables, or its URL.
        reprocess: Read every file again, whether it has changed or not.
        replay: Read only files of which an article was rejected, and nothing else.
        replay_paths: Of these, only files and folders with these paths.
        replay_reasons: Of these, only files rejected for these reasons.
        engine: Where the batches run: in this process, in one process per core,
            whichever of these suits the amount of work, or on Dask or Ray.
        engine_address: Address of a running Dask scheduler or Ray cluster; empty to
            start one for the run.
        workers: Worker processes; 0 for one per core.
        detector: Language detector.
        ignore: Shell patterns of files that are not articles.
        max_file_bytes: Larger files are rejected; of JSONL, longer lines.
        max_decompression_ratio: Files that unpack to more than this are rejected.
        batch_bytes: Text per batch, in bytes; of HTML four times as many.
        batch_files: Files per batch, at most.
        keep_snapshots: Earlier snapshots kept for rollback.
        keep_days: Age from which earlier snapshots go as well; 0 for any age.
        warn_drift_percent: Difference from the last runs that is worth a warning.
        refuse_drift_percent: Difference from which nothing is published; 0 for never.
        write_report: Publish the page `report.html` with the tables.
        wait_for_lock: Wait while another run writes to this warehouse, or refuse.

    Returns:
        What was found.

    Raises:
        PipelineError: The raw folder or the warehouse cannot be used.
    """
    settings = read_settings(
        {},
        raw_dir=raw_dir,
        warehouse_dir=warehouse_dir,
        engine=engine,
        engine_address=engine_address,
        workers=workers,
        detector=detector,
        ignore=ignore,
        max_file_bytes=max_file_bytes,
        max_decompression_ratio=max_decompression_ratio,
        batch_bytes=batch_bytes,
        batch_files=batch_files,
        keep_snapshots=keep_snapshots,
        keep_days=keep_days,
        warn_drift_percent=warn_drift_percent,
        refuse_drift_percent=refuse_drift_percent,
        write_report=write_report,
        wait_for_lock=wait_for_lock,
    )
    errand = Errand(reprocess, replay, replay_paths, replay_reasons)
    with Staff() as staff:
        crew = Crew(
            discover,
            name_run,
            functools.partial(survey_all, staff),
            functools.partial(process_all, staff),
            publish_visibly,
            reporter.write_report,
        )
        summary = conduct(start_run(settings, str(flow_run.id)), errand, crew)
    report(summary, settings)
    get_run_logger().info(headline(summary))
    warn(summary)
    # Prefect's UI shows the message beside the run; a caller gets the summary.
    return cast("RunSummary", Completed(message=headline(summary), data=summary))


@task(
    name="discover",
    task_run_name="discover",
    cache_policy=NO_CACHE,
    persist_result=False,
)
def discover(raw_dir: Place, ignore: list[str]) -> pd.DataFrame:
    """List the files of the raw folder."""
    return discover_files(raw_dir, ignore)


@task(name="survey", cache_policy=NO_CACHE, persist_result=False)
def survey(
    files: pd.DataFrame, run: Run, staging_dir: Path, stem: str, *, is_visible: bool
) -> int:
    """Survey one batch of files before the line; see ``line.survey_batch``."""
    del is_visible  # it is one step
    survey_batch(files, run, staging_dir / f"{stem}.parquet")
    return len(files)


@task(name="process", cache_policy=NO_CACHE, persist_result=False)
def process(
    files: pd.DataFrame, run: Run, staging_dir: Path, stem: str, *, is_visible: bool
) -> BatchSummary:
    """Take one batch of files through the line; see ``line.process_batch``."""
    call: Call = call_visibly if is_visible else call_plainly
    # A name of its own for every attempt: a worker that is taken for dead, and whose
    # batch another does again, may still be writing.
    return process_batch(files, run, staging_dir, f"{stem}{secrets.token_hex(2)}", call)


def call_visibly(
    step: Task[P, R], rows: str, /, *args: P.args, **kwargs: P.kwargs
) -> R:
    """Call a step as a task run that says what goes in, e.g. ``clean 412 articles``."""
    tell_step(step.name)
    return step.with_options(task_run_name=f"{step.name} {rows}")(*args, **kwargs)


@task(
    name="report", task_run_name="report", cache_policy=NO_CACHE, persist_result=False
)
def report(summary: RunSummary, settings: Settings) -> None:
    """Leave the artifacts on the run's page."""
    leave_artifacts(summary, settings)


def warn(summary: RunSummary) -> None:
    """Say in the log, and to whoever is to be alerted, what a person should look at."""
    if warnings := summary.quality.warnings:
        for warning in warnings:
            get_run_logger().warning(warning)
        alert("\n".join([headline(summary), *warnings]))


def name_run(plan: Plan) -> None:
    """Let the list of runs say what a run is about, once that is known."""
    name = f"ingest {count_of(len(plan.todo), 'file')}"
    if plan.deleted:
        name += f", {len(plan.deleted):,} deleted"
    with get_client(sync_client=True) as client:
        client.update_flow_run(
            flow_run.id, name=name if plan.has_work else "ingest: nothing new"
        )


def survey_all(
    staff: Staff, files: pd.DataFrame, plan: Plan, run: Run, folder: Path
) -> None:
    """Survey every batch, by the workers who will read them."""
    work = [
        (batch, run, folder, str(index))
        for index, batch in enumerate(cut_work(files, run.settings))
    ]
    if not work:
        return  # files are only gone
    batch_count = sum(1 for _ in cut_work(plan.todo, run.settings))
    pieces = prepare(staff, plan, run.settings, batch_count)
    with logging_steps(is_brief=pieces > LOGGED_BATCHES):
        for _ in results_of(survey, work, staff, is_visible=True):
            pass


def process_all(
    staff: Staff, plan: Plan, run: Run, warehouse: Warehouse
) -> BatchSummary:
    """Run every batch, on the chosen engine, and keep the progress up to date."""
    settings, files = run.settings, len(plan.todo)
    staging_dir = warehouse.new_staging_dir()
    work = [
        (batch, run, staging_dir, warehouse.new_stem())
        for batch in cut_work(plan.todo, settings)
    ]
    pieces = prepare(staff, plan, settings, len(work))
    is_visible = pieces <= VISIBLE_BATCHES
    get_run_logger().info(
        "%s, %s to read in %s, engine %s",
        count_of(len(plan.files), "file"),
        f"{files:,}",
        count_of(len(work), "batch", "batches"),
        staff.engine,
    )
    progress = create_progress_artifact(
        0.0, key="ingest-progress", description=f"of {count_of(files, 'file')}"
    )
    results: dict[int, BatchSummary] = {}
    done = 0.0
    _tell("read", 0, plan)
    with logging_steps(is_brief=pieces > LOGGED_BATCHES):
        for index, result in results_of(process, work, staff, is_visible=is_visible):
            results[index] = result
            done += size_of(work[index][0])
            get_run_logger().info("batch %d of %d: %s", index + 1, len(work), result)
            update_progress_artifact(cast("UUID", progress), 100.0 * done / files)
            _tell("read", round(done, 6), plan)
    staff.stop()  # and leave their memory to the end of the run
    in_order = [results[index] for index in range(len(work))]
    return add_up(settle_shares(in_order, staging_dir, warehouse.new_stem()))


def prepare(staff: Staff, plan: Plan, settings: Settings, batch_count: int) -> int:
    """Say where the batches of a run are worked on.

    Returns:
        How many there are; pieces of large files count as such.
    """
    pieces = max(batch_count, weigh_files(plan.todo) // settings.batch_bytes)
    engine = choose_engine(plan.todo, settings)
    staff.prepare(engine, is_brief=pieces > LOGGED_BATCHES)
    return pieces


def publish_visibly(warehouse: Warehouse, *args: Any) -> int:  # noqa: ANN401
    """Publish as a task run that says what it is about."""
    return publish.with_options(task_run_name=f"publish {warehouse.live.name}")(
        warehouse, *args
    )


def _tell(stage: str, done: float, plan: Plan) -> None:
    tell(Event(stage, done, len(plan.todo), plan.unchanged_count))
