"""The flow ``ingest``: raw/ -> warehouse/, the whole line, top to bottom.

Prefect may load this file twice under two names, so there is no class in it and every
import is by full name.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pandas as pd
from prefect import flow, get_client, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import TaskRun
from prefect.futures import as_completed
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import State
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner
from prefect.tasks import Task
from pydantic import Field

from flows.line import Call, call_plainly, process_batch
from flows.plan import Plan, cut_batches, new_run_id, plan_run, weigh
from flows.progress import Event, tell
from flows.settings import Detector, Engine, Settings, read_settings
from flows.summary import BatchSummary, RunSummary, count_of, headline, report_markdown
from tasks.errors import WarehouseError
from tasks.warehouse import Warehouse

Count = Annotated[int, Field(ge=1)]

VISIBLE_BATCHES = 50
"""Up to so many batches show every step in the timeline; beyond, only themselves."""

INLINE_BYTES = 15_000_000
"""Up to so much text (about 30 s of work) is not worth starting processes for."""

_SETTINGS = read_settings()  # of this process's environment: the run form's defaults


@flow(name="ingest", persist_result=False)
def ingest(  # noqa: PLR0913  # the run form
    raw_dir: Path = _SETTINGS.raw_dir,
    warehouse_dir: Path = _SETTINGS.warehouse_dir,
    *,
    reprocess: bool = False,
    engine: Engine = _SETTINGS.engine,
    workers: Annotated[int, Field(ge=0)] = _SETTINGS.workers,
    detector: Detector = _SETTINGS.detector,
    ignore: tuple[str, ...] = _SETTINGS.ignore,
    max_file_bytes: Count = _SETTINGS.max_file_bytes,
    max_decompression_ratio: Count = _SETTINGS.max_decompression_ratio,
    batch_bytes: Count = _SETTINGS.batch_bytes,
    batch_files: Count = _SETTINGS.batch_files,
    keep_snapshots: Annotated[int, Field(ge=0)] = _SETTINGS.keep_snapshots,
    wait_for_lock: bool = _SETTINGS.wait_for_lock,
) -> RunSummary:
    """Turn new and changed raw articles into tables.

    Reads only files that are new or have changed, takes out those that are gone, and
    replaces the tables as a whole at the end: until then, and if anything goes wrong,
    readers see the old ones.

    Args:
        raw_dir: Folder with the raw files; only ever read.
        warehouse_dir: Folder of the tables.
        reprocess: Read every file again, whether it has changed or not.
        engine: Where the batches run: in this process, in one process per core, or
            whichever suits the amount of work.
        workers: Worker processes; 0 for one per core.
        detector: Language detector.
        ignore: Shell patterns of files that are not articles.
        max_file_bytes: Larger files are rejected.
        max_decompression_ratio: Files that unpack to more than this are rejected.
        batch_bytes: Raw bytes per batch.
        batch_files: Files per batch, at most.
        keep_snapshots: Earlier snapshots kept for rollback.
        wait_for_lock: Wait while another run writes to this warehouse, or refuse.

    Returns:
        What was found.

    Raises:
        PipelineError: The raw folder or the warehouse cannot be used.
    """
    arguments = locals()
    settings = Settings(**{k: v for k, v in arguments.items() if k != "reprocess"})
