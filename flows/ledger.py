"""The ledger: what the table ``sources`` knows of each raw file, against what is found.

Everything is decided without reading an article: by size, time of change, and, where
these cannot tell, the SHA-256 of the bytes.
"""

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import UnreadableError
from tasks.files.formats import COMPRESSIONS, tell_format
from tasks.logic import step_versions
from tasks.objects import ObjectUrl, Place, open_store
from tasks.schema import RETRIED_REASONS, RUNS, SOURCES, VERSIONED_STEPS, Format, Reason
from tasks.tables.disk import hash_file
from tasks.tables.warehouse import Warehouse

LEDGER_COLUMNS = (
    "source_path",
    "size_bytes",
    "mtime_ns",
    "sha256",
    "status",
    "reason",
    "detail",
    "document_count",
    "run_id",
)
"""Columns of ``sources`` that a plan is made from, as they are."""

RULES = "rules"
"""Column of the ledger: ``step_versions`` in one number; see ``rules_of``."""

_TICK_NS = 2_000_000_000  # coarsest time stamp of a common file system (FAT)
_MAX_VERSIONS = 1_000
_UNKNOWN_FORMAT = -1
_LIMITED = (Reason.TOO_LARGE.value, Reason.DECOMPRESSION_BOMB.value)
_PACKED = tuple(COMPRESSIONS)

NULLABLE = {pa.int64(): pd.Int64Dtype()}.get
"""For ``to_pandas``: no float can hold ``mtime_ns``."""

Outcome = tuple[object, ...]
"""What the ledger says of a file, but for the run."""

Limits = tuple[int, int]
"""Settings ``max_file_bytes`` and ``max_decompression_ratio``."""


class Cause(StrEnum):
    """Why a file is read."""

    NEW = "new"
    CHANGED = "changed"
    RETRIED = "looked at again"  # the trouble lay around the file and may be over
    LIMITS = "under other limits"
    RULES = "under changed rules"
    SETTINGS = "under other settings"
    REPROCESSED = "reprocessed"
    REPLAYED = "replayed"
    RECURRING = "with lines that begin or cease to recur"


def read_ledger(warehouse: Warehouse) -> pd.DataFrame:
    """Return what is known of each raw file.

    Returns:
        One row per file: ``LEDGER_COLUMNS`` and ``RULES``; numbers that may be missing
        are nullable integers. No row before the first run.
    """
    columns = [*LEDGER_COLUMNS, "step_versions"]
    table = warehouse.read_table(SOURCES.name, columns)
    rules = _encode_versions(table["step_versions"].combine_chunks())
    ledger: pd.DataFrame = table.drop_columns(["step_versions"]).to_pandas(
        types_mapper=NULLABLE
    )
    return ledger.assign(**{RULES: rules.to_numpy(zero_copy_only=False)})


def rules_of(source_paths: Iterable[str]) -> list[int]:
    """Return the present versions of the rules for each file, in one number.

    Examples:
        >>> rules_of(["photo.jpg"])
        [-1]
    """
    kind = SOURCES.schema.field("step_versions").type
    versions = pa.array([step_versions(known) for known in Format], kind)
    codes = dict(zip(Format, _encode_versions(versions).to_pylist(), strict=True))
    told = map(tell_format, source_paths)
    return [codes[found[0]] if found else _UNKNOWN_FORMAT for found in told]


def _encode_versions(versions: pa.StructArray) -> pa.Int64Array:
    """Return the versions of each row in one number, to compare them at once."""
    codes = pa.array([0] * len(versions), pa.int64())
    for step in VERSIONED_STEPS:
        version = pc.struct_field(versions, step.value).cast(pa.int64())
        codes = pc.add(pc.multiply(codes, _MAX_VERSIONS), version)
    return pc.fill_null(codes, _UNKNOWN_FORMAT)


def read_limits(warehouse: Warehouse) -> dict[str, Limits]:
    """Return the limits that each run went by, by ``run_id``."""
    runs = warehouse.read_table(RUNS.name, ["run_id", "settings"])
    limits = {}
    for run_id, text in zip(
        runs["run_id"].to_pylist(), runs["settings"].to_pylist(), strict=True
    ):
        with contextlib.suppress(ValueError, KeyError, TypeError):
            settings = json.loads(text)
            limits[run_id] = (
                settings["max_file_bytes"],
                settings["max_decompression_ratio"],
            )
    return limits


def outcomes(sources: pd.DataFrame) -> frozenset[Outcome]:
    """Return what became of files, so that it can be compared.

    Args:
        sources: Rows of ``sources``, ``LEDGER_COLUMNS`` at least.
    """
    columns = [column for column in LEDGER_COLUMNS if column != "run_id"]
    cells = sources[columns].astype("object")
    return frozenset(
        cells.where(cells.notna(), None).itertuples(index=False, name=None)
    )


def equal(left: pd.Series, right: pd.Series) -> pd.Series:
    """Equal, where two nulls are equal too."""
    return (left == right).fillna(value=False) | (left.isna() & right.isna())


def has_same_problem(known: pd.DataFrame, raw_dir: Place) -> pd.Series:
    """Whether looking at a file again would give the outcome of the ledger.

    Args:
        known: Files found, joined with the ledger.
        raw_dir: Where they are.
    """
    found = known["problem"].notna()
    as_before = equal(known["problem"], known["reason"]) & equal(
        known["detail"], known["detail_known"]
    )
    retried = known["reason"].isin([reason.value for reason in RETRIED_REASONS])
    ignored = known["reason"] == Reason.IGNORED_PATTERN.value  # and no longer is
    same = as_before.where(found, ~(retried | ignored)).astype(bool)
    unreadable = known[~found & (known["reason"] == Reason.UNREADABLE.value)]
    still = [
        index
        for index, path in unreadable["source_path"].items()
        if not _is_readable(raw_dir, path)
    ]
    return same | same.index.isin(still)


def meets_other_limits(
    known: pd.DataFrame, limits: Limits, limits_of_runs: Mapping[str, Limits]
) -> pd.Series:
    """Whether a file may fare otherwise under the present limits.

    Args:
        known: Files found, joined with the ledger.
        limits: The present ones.
        limits_of_runs: Those of earlier runs, by ``run_id``.

    Returns:
        True for files read under other limits that were refused by these, are larger
        than theirs or the present ones (a line in them may be), or compressed (what
        they unpack to is not known).
    """
    others = [run_id for run_id, theirs in limits_of_runs.items() if theirs != limits]
    read_under_others = known["run_id"].isin(others)
    if not read_under_others.any():
        return read_under_others
    affected = known["reason"].isin(_LIMITED)
    least = {run_id: min(limits[0], limits_of_runs[run_id][0]) for run_id in others}
    affected |= (known["size_bytes"] > known["run_id"].map(least)).fillna(value=False)
    affected |= known["source_path"].str.lower().str.endswith(_PACKED)
    return read_under_others & affected & known["problem"].isna()


def may_have_changed(
    arrived_ns: "pd.Series[int]", run_ids: "pd.Series[str]"
) -> npt.NDArray[np.bool_]:
    """Whether files were touched in any way since the run that read them began.

    By times alone a file that was edited and back-dated looks as before. A run that
    lies in the future says that the clock was set back: no time can be trusted then.

    Args:
        arrived_ns: Of each file as ``discover_files`` gives it.
        run_ids: Of each file the run that read it.
    """
    runs, known = pd.factorize(run_ids)
    starts_ns, now_ns = map(_started_ns, known), time.time_ns()
    since_ns = [0 if start > now_ns else start - _TICK_NS for start in starts_ns]
    arrived = arrived_ns.to_numpy(np.int64, na_value=-1)
    is_later: npt.NDArray[np.bool_] = arrived >= np.array(since_ns, np.int64)[runs]
    return is_later


def arrived_ns(path: str | Path) -> int:
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


def has_hash(raw_dir: Place, path: str, sha256: str) -> bool:
    """Whether the bytes of a file are the known ones."""
    with contextlib.suppress(OSError, UnreadableError):
        if not isinstance(raw_dir, ObjectUrl):
            return hash_file(raw_dir / path) == sha256
        if found := open_store(raw_dir).open(path):
            digest = hashlib.sha256()
            for chunk in found.chunks():
                digest.update(chunk)
            return digest.hexdigest() == sha256
    return False


def new_run_id(now: datetime, salt: str) -> str:
    """Return the id of a run: UTC start and six hex digits, sortable by time.

    Examples:
        >>> new_run_id(datetime(2026, 11, 21, 8, 30, 5, tzinfo=UTC), "c0ffee")
        '20261121T083005Z-c0ffee'
    """
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{salt}"


def _started_ns(run_id: str) -> int:
    start = datetime.strptime(run_id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return int(start.timestamp()) * 1_000_000_000


def _is_readable(raw_dir: Place, path: str) -> bool:
    try:
        if isinstance(raw_dir, ObjectUrl):
            return open_store(raw_dir).open(path) is not None
        with (raw_dir / path).open("rb") as file:
            file.read(1)
    except (OSError, UnreadableError):
        return False
    return True
