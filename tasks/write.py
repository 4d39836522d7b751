"""Write: frames of one batch become staged Parquet files, then a published snapshot.

Workers stage, each its own part; one coordinator publishes.
"""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from tasks.errors import FIX_STEP, ContractError, WarehouseError
from tasks.schema import BATCH_TABLES, DOCUMENTS, SOURCES, TABLES
from tasks.tables import disk
from tasks.tables.parts import (
    StagedPart,
    describe_part,
    join_parts,
    locate_part,
    table_file,
    write_part,
)
from tasks.tables.warehouse import Warehouse

P = ParamSpec("P")
R = TypeVar("R")


def stage_tables(
    tables: dict[str, pd.DataFrame],
    staging_dir: Path,
    stem: str,
    *,
    is_piece: bool = False,
) -> StagedPart:
    """Write the frames of one batch as one part, durably.

    Args:
        tables: Frames by table, without ``runs``; a missing table has no rows. Needs
            ``sources`` for every document.
        staging_dir: Folder from ``Warehouse.new_staging_dir``.
        stem: Name from ``Warehouse.new_stem``; a retry overwrites.
        is_piece: Other pieces of the batch follow, and ``sources`` with the last; see
            ``join_pieces``.

    Returns:
        Rows, bytes and SHA-256 by table, for ``Warehouse.publish``.

    Raises:
        ContractError: A frame does not match its contract, or the frames do not
            belong together. Not retried.
        WarehouseError: The disk refused; nothing is left behind.
    """
    if unknown := sorted(tables.keys() - set(BATCH_TABLES)):
        raise ContractError(
            f"tables {unknown}", "cannot be staged", f"Stage {list(BATCH_TABLES)}."
        )
    conformed = {name: TABLES[name].conform(frame) for name, frame in tables.items()}
    _check_coherent(conformed, is_piece=is_piece)
    with _writing(staging_dir, stem):
        return describe_part(write_part(conformed, staging_dir, stem), staging_dir)


def join_pieces(
    pieces: Sequence[StagedPart],
    sources: pd.DataFrame | None,
    staging_dir: Path,
    stem: str,
) -> StagedPart:
    """Write the pieces of a batch, with its files, as one part; in bounded memory.

    Args:
        pieces: From ``stage_tables``, in order; they stay.
        sources: One row per file; null if another part of the run has them.
        staging_dir: Folder from ``Warehouse.new_staging_dir``.
        stem: Name from ``Warehouse.new_stem``; a retry overwrites.

    Returns:
        What ``stage_tables`` does.

    Raises:
        ContractError: The pieces do not belong to these files. Not retried.
        WarehouseError: The disk refused; nothing is left behind.
    """
    files = SOURCES.empty() if sources is None else SOURCES.conform(sources)
    rows = {SOURCES.name: files}
    documents = sum(piece["rows"][DOCUMENTS.name] for piece in pieces)
    told = pc.sum(files["document_count"]).as_py()
    if sources is not None and told != documents:
        raise ContractError(
            f"table {SOURCES.name!r}",
            f"{told} documents told, {documents} written",
            FIX_STEP,
        )
    with _writing(staging_dir, stem):
        part = join_parts([*map(locate_part, pieces)], rows, staging_dir, stem)
        return describe_part(part, staging_dir)


@contextlib.contextmanager
def _writing(staging_dir: Path, stem: str) -> Iterator[None]:
    """Leave nothing behind of a part that the disk refuses."""
    remedy = "Free space or fix permissions, then run again; the old tables are intact."
    with disk.reported(f"part {stem!r}", "write its files", remedy):
        try:
            yield
        except OSError:
            for name in BATCH_TABLES:
                table_file(staging_dir, name, stem).unlink(missing_ok=True)
            raise


def _may_pass_on_retry(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """A busy disk may recover; a broken contract will not."""
    return isinstance(state.result(raise_on_failure=False), WarehouseError)


def _patient_task(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a task that is tried again if the disk has refused."""
    return task(
        name=name,
        retries=2,
        retry_delay_seconds=1,
        retry_condition_fn=_may_pass_on_retry,
        cache_policy=NO_CACHE,
        persist_result=False,
    )


@_patient_task("write")
def write(
    tables: dict[str, pd.DataFrame],
    staging_dir: Path,
    stem: str,
    *,
    is_piece: bool = False,
) -> StagedPart:
    """Stage one batch, or a piece of one; see ``stage_tables``."""
    return stage_tables(tables, staging_dir, stem, is_piece=is_piece)


@_patient_task("write")
def join(
    pieces: pd.Series, sources: pd.DataFrame | None, staging_dir: Path, stem: str
) -> StagedPart:
    """Stage a batch from its pieces; see ``join_pieces``.

    Args:
        pieces: As a Series, because Prefect walks through lists.
        sources: One row per file, or null.
        staging_dir: Folder from ``Warehouse.new_staging_dir``.
        stem: Name from ``Warehouse.new_stem``.
    """
    return join_pieces(pieces.tolist(), sources, staging_dir, stem)


@_patient_task("publish")
def publish(  # noqa: PLR0913, PLR0917  # all that a commit is made of
    warehouse: Warehouse,
    staged: list[StagedPart],
    replaced_paths: pd.Series,
    run: pd.DataFrame,
    fingerprint: str,
    touched: pd.DataFrame,
) -> int:
    """Publish the staged parts; see ``Warehouse.publish``.

    Args:
        warehouse: Warehouse whose lock this process holds.
        staged: Parts of this run.
        replaced_paths: As a Series, because Prefect walks through lists and sets.
        run: One row of ``schema.RUNS``.
        fingerprint: What rows depend on besides the raw files.
        touched: Files with another time of change but the bytes that are known.

    Returns:
        Number of the snapshot.
    """
    manifest = warehouse.publish(staged, replaced_paths, run, fingerprint, touched)
    return manifest.snapshot


def _check_coherent(tables: dict[str, pa.Table], *, is_piece: bool) -> None:
    """Refuse rows that could not be replaced together later.

    Rows are found again by document, and documents by raw file.
    """
    empty = {name: TABLES[name].empty() for name in BATCH_TABLES}
    tables = empty | tables
    documents, sources = tables[DOCUMENTS.name], tables[SOURCES.name]
    for name, rows in tables.items():
        if name in {DOCUMENTS.name, SOURCES.name}:
            continue
        ids = rows["document_id"]
        _refuse(name, "document", ids, pc.is_in(ids, _array(documents["document_id"])))
    if is_piece:
        return
    paths = documents["source_path"]
    _refuse(
        DOCUMENTS.name, "source", paths, pc.is_in(paths, _array(sources["source_path"]))
    )
    counts = Counter(paths.to_pylist())
    expected = pa.array(
        [counts[path] for path in sources["source_path"].to_pylist()], pa.int32()
    )
    right = pc.equal(sources["document_count"], expected)
    _refuse(SOURCES.name, "right document_count", sources["source_path"], right)


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _refuse(
    table: str, missing: str, values: pa.ChunkedArray, is_right: pa.ChunkedArray
) -> None:
    wrong = values.filter(pc.invert(is_right))
    if len(wrong):
        raise ContractError(
            f"table {table!r}",
            f"{len(wrong)} rows without {missing}, first {wrong[0].as_py()!r}",
            FIX_STEP,
        )
