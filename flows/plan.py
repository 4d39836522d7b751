"""Which files must be read: what lies in ``raw/`` against the ledger.

Plain Python and pandas: a run with nothing to do is known to be one before Prefect,
which takes seconds to import and tens of seconds to start, is touched.
"""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from flows.errand import EVERYTHING_NEW, Errand
from flows.ledger import (
    RULES,
    Cause,
    Limits,
    Outcome,
    equal,
    has_hash,
    has_same_problem,
    may_have_changed,
    meets_other_limits,
    outcomes,
    read_ledger,
    read_limits,
    rules_of,
)
from flows.places import open_place
from flows.settings import (
    RESULT_SETTINGS,
    Settings,
    fingerprint,
    fingerprint_of_1,
)
from tasks.discover import discover_files
from tasks.errors import SettingsError
from tasks.objects import ObjectUrl, Place, side_by_side
from tasks.schema import SOURCES, Reason, Status
from tasks.tables.manifest import Manifest
from tasks.tables.warehouse import Reporter, Warehouse

_MAY_FARE_AS_BEFORE = {Cause.RETRIED.value, Cause.REPLAYED.value}


class Plan(NamedTuple):
    """What a run has to do.

    Attributes:
        files: Every file found: rows of ``discover_files``.
        todo: Rows of ``files`` to read.
        causes: Files of ``todo`` by ``Cause``.
        deleted: Paths in the ledger that are no longer found, sorted.
        touched: Rows of ``files`` whose bytes were looked at and are the known ones.
        retimed_count: How many of these have another time of change.
        is_migration: The tables have an older schema.
        is_first: There are no tables yet; even without a file there will be.
        known_outcomes: What the ledger says of the files in ``todo``.
    """

    files: pd.DataFrame
    todo: pd.DataFrame
    causes: Counter[str]
    deleted: list[str]
    touched: pd.DataFrame
    retimed_count: int = 0
    is_migration: bool = False
    is_first: bool = False
    known_outcomes: frozenset[Outcome] = frozenset()

    @property
    def has_work(self) -> bool:
        """Whether anything has to be read, taken out or noted."""
        return bool(len(self.todo) or self.has_other_work)

    @property
    def has_other_work(self) -> bool:
        """Whether the tables change whatever the files to read come to."""
        return bool(
            self.deleted or self.retimed_count or self.is_migration or self.is_first
        )

    @property
    def unchanged_count(self) -> int:
        """Files that are known and need no reading."""
        return len(self.files) - len(self.todo)

    @property
    def is_typical(self) -> bool:
        """Whether files are read as they come, not just those that gave trouble."""
        return not self.causes.keys() <= _MAY_FARE_AS_BEFORE

    @property
    def may_change_nothing(self) -> bool:
        """Whether nothing changes if every file to read fares as before."""
        return not self.has_other_work and self.causes.keys() <= _MAY_FARE_AS_BEFORE


def open_warehouse(settings: Settings, reporter: Reporter | None = None) -> Warehouse:
    """Name the warehouse of a run; nothing is touched yet.

    Args:
        settings: Where it is, and what to keep of its past.
        reporter: Writes the report of what is published, unless a setting forbids it.

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
    return open_place(
        settings.warehouse_dir,
        keep_snapshots=settings.keep_snapshots,
        keep_days=settings.keep_days or None,
        reporter=reporter if settings.write_report else None,
    )


def look_around(settings: Settings, errand: Errand = EVERYTHING_NEW) -> Plan:
    """Find out what a run would have to do, without the lock and without Prefect.

    Raises:
        PipelineError: The raw folder or the warehouse cannot be read.
    """
    files = discover_files(settings.raw_dir, settings.ignore)
    return plan_run(files, open_warehouse(settings), settings, errand)


def plan_run(
    files: pd.DataFrame,
    warehouse: Warehouse,
    settings: Settings,
    errand: Errand = EVERYTHING_NEW,
) -> Plan:
    """Compare the files found with what the warehouse knows.

    Args:
        files: Output of ``discover_files``.
        warehouse: Where the ledger is.
        settings: Settings of the run; those that change results count.
        errand: What the run is for.

    Raises:
        SettingsError: A replay of what was not rejected, or under other settings.
        PipelineError: The warehouse cannot be read.
    """
    _check_reasons(errand)  # wrong, whatever the warehouse is like
    manifest = warehouse.manifest()
    ledger = read_ledger(warehouse)
    is_migration = manifest is not None and warehouse.needs_migration
    has_other_settings = manifest is not None and not _has_settings(manifest, settings)
    if errand.replay:
        if has_other_settings:
            raise SettingsError(
                "settings",
                f"{settings.warehouse_dir} was made with others, so a replay would mix"
                " the two",
                f"Use the same {', '.join(RESULT_SETTINGS)}, or start `articles run`.",
            )
        rejected = _list_rejected(warehouse)
        plan = plan_replay(files, ledger, rejected, settings.raw_dir, errand)
    elif errand.reprocess or has_other_settings:
        cause = Cause.REPROCESSED if errand.reprocess else Cause.SETTINGS
        plan = plan_rebuild(files, ledger, cause)
    else:
        limits = (settings.max_file_bytes, settings.max_decompression_ratio)
        limits_of_runs = read_limits(warehouse)
        plan = make_plan(files, ledger, settings.raw_dir, limits, limits_of_runs)
    is_first = manifest is None and not errand.replay
    return plan._replace(is_migration=is_migration, is_first=is_first)


def _has_settings(manifest: Manifest, settings: Settings) -> bool:
    if manifest.schema_version == 1:
        return manifest.fingerprint == fingerprint_of_1(settings)
    return manifest.fingerprint == fingerprint(settings)


def plan_rebuild(files: pd.DataFrame, ledger: pd.DataFrame, cause: Cause) -> Plan:
    """Plan to read every file, whatever the ledger says."""
    causes = Counter({cause.value: len(files)}) if len(files) else Counter()
    return Plan(files, files, causes, _deleted(files, ledger), files.iloc[:0])


def make_plan(
    files: pd.DataFrame,
    ledger: pd.DataFrame,
    raw_dir: Place,
    limits: Limits,
    limits_of_runs: Mapping[str, Limits],
) -> Plan:
    """Compare the files found with the ledger.

    A file is unchanged if size and time of change are those of the ledger. If only the
    time differs, or if it was touched in any way since the run that read it (edited and
    back-dated, but also just moved), the content decides.

    Args:
        files: Output of ``discover_files``.
        ledger: Output of ``read_ledger``.
        raw_dir: Where the files are.
        limits: Limits of this run.
        limits_of_runs: Limits of earlier runs, by ``run_id``.
    """
    known = files.merge(
        ledger, on="source_path", how="left", suffixes=("", "_known"), indicator=True
    )
    is_known = known["_merge"] == "both"
    same_size = is_known & equal(known["size_bytes"], known["size_bytes_known"])
    same_time = same_size & equal(known["mtime_ns"], known["mtime_ns_known"])
    has_bytes = is_known & known["sha256"].notna() & known["problem"].isna()
    asked = known.loc[same_size & has_bytes, ["arrived_ns", "run_id"]]
    is_moved = may_have_changed(asked["arrived_ns"], asked["run_id"])
    doubtful = asked.index[is_moved | ~same_time[asked.index].astype(bool)]
    as_before = _with_known_bytes(known.loc[doubtful], raw_dir)
    is_doubtful, is_as_before = (
        known.index.isin(doubtful),
        known.index.isin(as_before),
    )
    is_same = (same_time & ~is_doubtful) | is_as_before

    cause = pd.Series(None, index=known.index, dtype="object")
    present = pd.Series(rules_of(known["source_path"].to_numpy()), known.index, "int64")
    cause[present != known[RULES]] = Cause.RULES.value
    cause[meets_other_limits(known, limits, limits_of_runs)] = Cause.LIMITS.value
    cause[~has_same_problem(known, raw_dir)] = Cause.RETRIED.value
    cause[~is_same] = Cause.CHANGED.value
    cause[~is_known] = Cause.NEW.value

    is_todo = cause.notna().to_numpy(dtype=bool)
    deleted = _deleted(files, ledger)
    # Without a new time this is no reason to publish, only to note it by the way.
    is_touched = is_as_before & ~is_todo
    retimed_count = int((is_touched & ~same_time.to_numpy(dtype=bool)).sum())
    todo = files[is_todo].reset_index(drop=True)
    return Plan(
        files=files,
        todo=todo,
        causes=Counter(cause[is_todo]),
        deleted=deleted,
        touched=files[is_touched].reset_index(drop=True),
        retimed_count=retimed_count,
        known_outcomes=_outcomes_of(todo, ledger),
    )


def _with_known_bytes(doubtful: pd.DataFrame, raw_dir: Place) -> list[int]:
    """Return the index of the files whose bytes are those of the ledger."""
    paths, hashes = doubtful["source_path"].tolist(), doubtful["sha256"].tolist()
    known = list(zip(paths, hashes, strict=True))

    def ask(item: tuple[str, str]) -> bool:
        return has_hash(raw_dir, *item)

    is_remote = isinstance(raw_dir, ObjectUrl)
    same = side_by_side(ask, known) if is_remote else map(ask, known)
    return [i for i, is_same in zip(doubtful.index, same, strict=True) if is_same]


def plan_replay(
    files: pd.DataFrame,
    ledger: pd.DataFrame,
    rejected: Mapping[str, set[str]],
    raw_dir: Place,
    errand: Errand,
) -> Plan:
    """Plan to read rejected files again, and nothing else.

    Args:
        files: Output of ``discover_files``.
        ledger: Output of ``read_ledger``.
        rejected: Reasons by path, of files that were rejected in whole or in part.
        raw_dir: Where the files are; paths may be given with it.
        errand: Which of them.

    Raises:
        SettingsError: A path names nothing that was rejected.
    """
    reasons = set(errand.replay_reasons)
    chosen = {p for p, why in rejected.items() if not reasons or reasons & why}
    if errand.replay_paths:
        wanted: set[str] = set()
        for path in errand.replay_paths:
            name = _below(path, raw_dir)
            found = {p for p in rejected if p == name or p.startswith(f"{name}/")}
            if not (found or name in {"", "."}):
                raise SettingsError(
                    f"path {path!r}",
                    "names no file that was rejected",
                    'List them: articles query "SELECT * FROM rejects".',
                )
            wanted |= found or set(rejected)
        chosen &= wanted
    todo = files[files["source_path"].isin(chosen)].reset_index(drop=True)
    causes = Counter({Cause.REPLAYED.value: len(todo)}) if len(todo) else Counter()
    known = _outcomes_of(todo, ledger)
    return Plan(files, todo, causes, [], files.iloc[:0], known_outcomes=known)


def _check_reasons(errand: Errand) -> None:
    known = [reason.value for reason in Reason]
    if unknown := sorted(set(errand.replay_reasons) - {*known}):
        raise SettingsError(
            f"reason {unknown[0]!r}",
            "is none of the closed list",
            f"Use some of {', '.join(known)}.",
        )


def _below(path: str, raw_dir: Place) -> str:
    """Return a path as in ``source_path``, given as such or as a file's."""
    if isinstance(raw_dir, ObjectUrl):
        return path.removeprefix(f"{raw_dir}/").strip("/")
    found = Path(os.path.abspath(path))  # noqa: PTH100  # a link stays a link
    root = Path(os.path.abspath(raw_dir))  # noqa: PTH100
    if found.is_relative_to(root):
        return found.relative_to(root).as_posix()
    return path.strip("/")


def _list_rejected(warehouse: Warehouse) -> dict[str, set[str]]:
    columns = ["source_path", "status", "reason", "rejected_members"]
    sources = warehouse.read_table(SOURCES.name, columns)
    rejected: dict[str, set[str]] = {}
    for row in sources.to_pylist():
        reasons = {member["reason"] for member in row["rejected_members"]}
        if row["status"] == Status.REJECTED or reasons:
            rejected[row["source_path"]] = reasons | {row["reason"]}
    return rejected


def _deleted(files: pd.DataFrame, ledger: pd.DataFrame) -> list[str]:
    # Objects first: an array of Arrow's gives them one by one, many times slower.
    return sorted(
        set(ledger["source_path"].to_numpy()) - set(files["source_path"].to_numpy())
    )


def _outcomes_of(todo: pd.DataFrame, ledger: pd.DataFrame) -> frozenset[Outcome]:
    return outcomes(ledger[ledger["source_path"].isin(todo["source_path"])])
