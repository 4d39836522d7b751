"""Which files must be read: what lies in ``raw/`` against the ledger, ``sources``.

Plain Python and pandas: a run with nothing to do is known to be one before Prefect,
which takes seconds to import and tens of seconds to start, is touched.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from flows.settings import Settings, fingerprint
from tasks.discover import discover_files
from tasks.errors import SettingsError
from tasks.schema import RETRIED_REASONS, SCHEMA_VERSION, SOURCES, Reason
from tasks.tables.disk import hash_file
from tasks.tables.warehouse import Warehouse
from tasks.version import PIPELINE_VERSION

LEDGER_COLUMNS = [
    "source_path",
    "size_bytes",
    "mtime_ns",
    "sha256",
    "status",
    "reason",
    "detail",
    "run_id",
]
"""Columns of ``sources`` that a plan is made from."""

_TICK_NS = 2_000_000_000  # coarsest time stamp of a common file system (FAT)
_PACKED_RATIO = 5  # text shrinks about so much under gzip and zstd
_PACKED = (".gz", ".zst")


Outcome = tuple[object, ...]
"""What the ledger says of a file that is looked at again in every run."""


class Plan(NamedTuple):
    """What a run has to do.

    Attributes:
        files: Every file found: ``source_path``, ``size_bytes``, ``mtime_ns``,
            ``problem``, ``detail``; sorted by path.
        todo: Rows of ``files`` that are new, changed or to be looked at again.
        deleted: Paths in the ledger that are no longer found, sorted.
        is_rebuild: Every file is read again, known or not.
        retried: Outcomes of earlier runs that may differ now; see ``outcomes``.
        is_first: There are no tables yet; even without a file there will be.
    """

    files: pd.DataFrame
    todo: pd.DataFrame
    deleted: list[str]
    is_rebuild: bool
    retried: frozenset[Outcome] = frozenset()
    is_first: bool = False

    @property
    def has_work(self) -> bool:
        """Whether the tables will be others after the run."""
        return bool(len(self.todo) or self.deleted or self.is_first)

    @property
    def unchanged_count(self) -> int:
        """Files that are known and need no reading."""
        return len(self.files) - len(self.todo)


def current_fingerprint(settings: Settings) -> str:
    """Name everything but the raw files that decides what the tables hold."""
    versions = {"pipeline": PIPELINE_VERSION, "schema": SCHEMA_VERSION}
    return fingerprint(settings, versions)


def open_warehouse(settings: Settings) -> Warehouse:
    """Name the warehouse of a run; nothing is touched yet.

    Raises:
        SettingsError: One of the two folders lies inside the other.
    """
    raw, tables = settings.raw_dir.resolve(), settings.warehouse_dir.resolve()
    if tables.is_relative_to(raw) or raw.is_relative_to(tables):
        raise SettingsError(
            f"warehouse {settings.warehouse_dir}",
            f"lies in one folder with the raw files, {settings.raw_dir}: a run would"
            " read its own tables",
            "Name folders side by side with --raw and --warehouse.",
        )
    return Warehouse(settings.warehouse_dir, keep_snapshots=settings.keep_snapshots)


def look_around(settings: Settings) -> Plan:
    """Find out what a run would have to do, without the lock and without Prefect.

    Raises:
        PipelineError: The raw folder or the warehouse cannot be read.
    """
    files = discover_files(settings.raw_dir, settings.ignore)
    return plan_run(files, open_warehouse(settings), settings)


def plan_run(
    files: pd.DataFrame,
    warehouse: Warehouse,
    settings: Settings,
    *,
    reprocess: bool = False,
) -> Plan:
    """Compare the files found with what the warehouse knows.

    Args:
        files: Output of ``discover_files``.
        warehouse: Where the ledger is.
        settings: Settings of the run; those that change results count.
        reprocess: Read every file again.
    """
    manifest = warehouse.manifest()
    is_outdated = manifest is not None and (
        warehouse.needs_rebuild or manifest.fingerprint != current_fingerprint(settings)
    )
    columns = ["source_path"] if is_outdated else LEDGER_COLUMNS
    ledger = warehouse.read_table(SOURCES.name, columns).to_pandas(
        types_mapper={pa.int64(): pd.Int64Dtype()}.get  # no float can hold mtime_ns
    )
    plan = make_plan(
        files, ledger, settings.raw_dir, is_rebuild=reprocess or is_outdated
    )
    return plan._replace(is_first=manifest is None)


def make_plan(
    files: pd.DataFrame, ledger: pd.DataFrame, raw_dir: Path, *, is_rebuild: bool
) -> Plan:
    """Compare the files found with the ledger.

    A file is unchanged if size and time of change are those of the ledger. If it was
    touched in any way since the run that read it (edited and back-dated, changed while
    it was being read, but also just moved), the content decides.

    Args:
        files: Output of ``discover_files``.
        ledger: Columns ``LEDGER_COLUMNS`` of ``sources``; no rows at first.
        raw_dir: Where the files are.
        is_rebuild: Read every file, whatever the ledger says.
    """
    deleted = sorted(set(ledger["source_path"]) - set(files["source_path"]))
    if is_rebuild:
        return Plan(files, files, deleted, is_rebuild=True)
    known = files.merge(
        ledger, on="source_path", how="left", suffixes=("", "_known"), indicator=True
    )
    same = (
        (known["_merge"] == "both")
        & _equal(known["size_bytes"], known["size_bytes_known"])
        & _equal(known["mtime_ns"], known["mtime_ns_known"])
        & _has_same_problem(known, raw_dir)
    )
    changed = [
        index
        for index, path, sha256, run_id in zip(
            known.index[same],
            known["source_path"][same],
            known["sha256"][same],
            known["run_id"][same],
            strict=True,
        )
        if isinstance(sha256, str)
        and arrived_ns(raw_dir / path) >= _started_ns(run_id) - _TICK_NS
        and not _has_hash(raw_dir / path, sha256)
    ]
    same &= ~same.index.isin(changed)
    todo = files[~same.to_numpy(dtype=bool)].reset_index(drop=True)
    return Plan(files, todo, deleted, is_rebuild=False, retried=outcomes(ledger))


def outcomes(sources: pd.DataFrame) -> frozenset[Outcome]:
    """Return what became of the files that may fare otherwise the next time.

    Args:
        sources: Rows of ``sources``, ``LEDGER_COLUMNS`` at least.
    """
    rows = sources[sources["reason"].isin([reason.value for reason in RETRIED_REASONS])]
    columns = ["source_path", "size_bytes", "mtime_ns", "reason", "detail"]
    cells = rows[columns].astype("object")
    return frozenset(
        cells.where(cells.notna(), None).itertuples(index=False, name=None)
    )


def _equal(left: pd.Series, right: pd.Series) -> pd.Series:
    """Equal, where two nulls are equal too."""
    return (left == right).fillna(value=False) | (left.isna() & right.isna())


def _has_same_problem(known: pd.DataFrame, raw_dir: Path) -> pd.Series:
    """Whether looking at the file again would give the outcome of the ledger."""
    found = known["problem"].notna()
    as_before = _equal(known["problem"], known["reason"]) & _equal(
        known["detail"], known["detail_known"]
    )
    retried = known["reason"].isin([reason.value for reason in RETRIED_REASONS])
    same = as_before.where(found, ~retried).astype(bool)
    unreadable = known[~found & (known["reason"] == Reason.UNREADABLE.value)]
    still = [
        index
        for index, path in unreadable["source_path"].items()
        if not _is_readable(raw_dir / path)
    ]
    return same | same.index.isin(still)


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError:
        return False
    return True


def arrived_ns(path: Path) -> int:
    """Return when a file, or a link to it, was last changed in any way.

    Unlike the time of change this one cannot be set, so a file that was edited and
    back-dated shows. It is not stored: that the run began before it is enough.
    """
    try:
        found = os.lstat(path)
        if not stat.S_ISLNK(found.st_mode):
            return found.st_ctime_ns
        return max(found.st_ctime_ns, os.stat(path).st_ctime_ns)  # noqa: PTH116  # speed
    except OSError:
        return 0  # gone by now: the next run sees that


def new_run_id(now: datetime, salt: str) -> str:
    """Return the id of a run: UTC start and six hex digits, sortable by time.

    Examples:
        >>> new_run_id(datetime(2026, 11, 21, 8, 30, 5, tzinfo=UTC), "c0ffee")
        '20261121T083005Z-c0ffee'
    """
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{salt}"


@cache
def _started_ns(run_id: str) -> int:
    start = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return int(start.timestamp()) * 1_000_000_000


def _has_hash(path: Path, sha256: str) -> bool:
    with contextlib.suppress(OSError):
        return hash_file(path) == sha256
    return False


def weigh(path: str, size_bytes: int) -> int:
    """Estimate how many bytes of text a file holds.

    Examples:
        >>> weigh("a.txt", 100), weigh("a.jsonl.gz", 100)
        (100, 500)
    """
    return size_bytes * (_PACKED_RATIO if path.endswith(_PACKED) else 1)


def weigh_files(files: pd.DataFrame) -> int:
    """Estimate how many bytes of text some files hold together."""
    sizes = files["size_bytes"].fillna(0).astype("int64")
    return sum(map(weigh, files["source_path"], sizes))


def cut_batches(
    todo: pd.DataFrame, *, batch_bytes: int, batch_files: int
) -> Iterator[pd.DataFrame]:
    """Cut the files into batches, in order.

    Args:
        todo: ``Plan.todo``.
        batch_bytes: A batch is full once its files hold this much text.
        batch_files: ... or when it has this many files.

    Yields:
        Consecutive rows of ``todo``, at least one each; a larger file is alone.
    """
    first, weight = 0, 0
    sizes: Iterable[int] = todo["size_bytes"].fillna(0).astype("int64")
    for index, (path, size) in enumerate(zip(todo["source_path"], sizes, strict=True)):
        size_estimate = weigh(path, size)
        is_full = weight + size_estimate > batch_bytes or index - first >= batch_files
        if is_full and index > first:
            yield todo.iloc[first:index].reset_index(drop=True)
            first, weight = index, 0
        weight += size_estimate
    if first < len(todo):
        yield todo.iloc[first:].reset_index(drop=True)
