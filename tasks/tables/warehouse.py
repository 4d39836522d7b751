"""The warehouse: plain Parquet files in a folder that is replaced only as a whole.

::

    ROOT/warehouse/     what users read: _manifest.json and a folder per table
    ROOT/.warehouse/    engine room; may be deleted while nothing runs
        lock            held by the run that writes
        staged-*/       parts of a run, not published yet
        next-*/         snapshot being built; just after publishing, the old one
        old-*/          the old snapshot, between two renames
        snapshots/N/    earlier snapshots, as hard links: history and rollback
        pin-*/          snapshots that somebody reads right now
        trash-*/        being removed

Readers who just glob a table's folder see one snapshot or the next, never a mixture:
the whole folder is exchanged in one system call. Where the file system has no such
call, the old folder is renamed away and the new one renamed in; a run killed between
the two is rolled forward by the next. Of the file names of one snapshot the next has
all or none, so that what a reader has listed is never there in part.
"""

import contextlib
import errno
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.errors import WarehouseError
from tasks.schema import RUNS, SCHEMA_VERSION, SOURCES, TABLES
from tasks.tables import disk, snapshots
from tasks.tables.comparison import compare, note_change
from tasks.tables.lock import (
    STALE_SECONDS,
    Lock,
    read_owner,
    seconds_since_beat,
    take_lock,
)
from tasks.tables.manifest import (
    MANIFEST_NAME,
    REPORT_NAME,
    Manifest,
    PageEntry,
)
from tasks.tables.migrations import migrate
from tasks.tables.parts import (
    DAMAGED,
    Edits,
    LocatedPart,
    StagedPart,
    assemble,
    check_hashes,
    find_gone,
    gather_parts,
    link_part,
    locate_part,
    migrate_part,
    rename_part,
    write_part,
)
from tasks.tables.probe import Powers, check_space, estimate_need, probe_writing
from tasks.tables.snapshots import Problem, PublishMode

Filters: TypeAlias = pc.Expression | list[tuple[str, str, Any]] | None
"""As in ``pyarrow.parquet.read_table``."""

Reporter: TypeAlias = Callable[[Path, Manifest], str | None]
"""Writes the report of a snapshot from its folder; null if it cannot."""

_READ_ATTEMPTS = 20
_READ_PAUSE_SECONDS = 0.02
_SIGHTS = 3  # of nothing, until there is nothing
_INTACT = "Free space or fix permissions, then run again; the old tables are intact."
_DAMAGED_SNAPSHOT = (
    "Choose another snapshot, or move the warehouse folder away and run: everything is"
    " made anew from the raw files. The tables are as they were."
)
_SAME_DISK = (
    "Keep the folder above the warehouse on the same file system: mount that one, not"
    " the warehouse itself."
)

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One line of the warehouse's history.

    Attributes:
        snapshot: Its number.
        created_at: When it was published, UTC.
        run_id: Run that made the rows.
        restored_from: Earlier snapshot that a rollback published again; null for a run.
        schema_version: ``schema.SCHEMA_VERSION`` of its tables.
        rows: Rows by table.
        size_bytes: Size of all its files.
        added_bytes: Size of the files that no older line has; all lines together are
            what the warehouse and its history take.
        is_live: Whether it is what readers see.
    """

    snapshot: int
    created_at: datetime
    run_id: str
    restored_from: int | None
    schema_version: int
    rows: dict[str, int]
    size_bytes: int
    added_bytes: int
    is_live: bool


class Warehouse:
    """A folder of published tables.

    Reading needs nothing. Writing needs the lock, for the whole run::

        warehouse = Warehouse(Path("warehouse"))
        with warehouse.lock():
            known = warehouse.read_table("sources")
            staging_dir = warehouse.new_staging_dir()
            part = stage_tables(tables, staging_dir, warehouse.new_stem())
            warehouse.publish([part], replaced_paths, run, fingerprint)

    Attributes:
        live: The folder.
        room: The engine room beside it.
        shown: What messages call it.
    """

    def __init__(
        self,
        warehouse_dir: Path,
        *,
        keep_snapshots: int = 5,
        keep_days: float | None = None,
        publish_mode: PublishMode | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        """Name the folder; nothing is touched yet.

        Args:
            warehouse_dir: Folder of the tables; need not exist. A link is followed.
            keep_snapshots: Earlier snapshots to keep, 0 or more.
            keep_days: Age at which earlier snapshots go as well; null for no limit.
            publish_mode: Force one way of publishing; null for the best there is.
            reporter: Writes the report of each snapshot; null for none.
        """
        if keep_snapshots < 0:
            raise ValueError(f"keep_snapshots is {keep_snapshots}, must be 0 or more")
        self.live = Path(os.path.realpath(warehouse_dir))
        self.shown = str(self.live)
        self.room = self.live.parent / f".{self.live.name}"
        self._keep_snapshots = keep_snapshots
        self._keep_days = keep_days
        self._publish_mode = publish_mode
        self._reporter = reporter
        self._lock: Lock | None = None
        self._base: Manifest | None = None
        self._staging_dirs: list[Path] = []

    # Reading

    def manifest(self) -> Manifest | None:
        """Return what is published now; null before the first publish.

        Raises:
            WarehouseError: The manifest is damaged, or of a newer version.
        """
        with disk.reported(str(self.live), "read the manifest", _INTACT):
            sights = _SIGHTS
            for _ in range(_READ_ATTEMPTS):
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    return snapshots.read_manifest(self.live)
                if snapshots.is_interrupted(self.live, self.room):
                    time.sleep(_READ_PAUSE_SECONDS)
                    continue
                # A publish may have ended between both looks: then it is there now.
                sights -= 1
                if not sights:
                    return None
        raise WarehouseError(
            str(self.live),
            "a run was killed while it published",
            "Start a run: it completes the publish first.",
        )

    @property
    def needs_migration(self) -> bool:
        """Whether the tables have an older schema; the next publish brings them up."""
        manifest = self.manifest()
        return manifest is not None and manifest.schema_version < SCHEMA_VERSION

    def read_table(
        self, name: str, columns: Sequence[str] | None = None, filters: Filters = None
    ) -> pa.Table:
        """Read one table, all of it from the same snapshot.

        Tables of an older schema are read as the present one.

        Args:
            name: Table of ``schema.TABLES``.
            columns: Columns wanted; null for all.
            filters: As in ``pyarrow.parquet.read_table``.

        Raises:
            WarehouseError: A file is missing or damaged.
        """

        def read(manifest: Manifest) -> pa.Table:
            for table, file, entry in manifest.paths():
                if table == name:
                    self._check_size(file, entry.size_bytes)
            is_older = manifest.schema_version < SCHEMA_VERSION
            files = [self.live / file for t, file, _ in manifest.paths() if t == name]
            if not files:  # a table that the older schema did not have
                return TABLES[name].empty().select(columns or TABLES[name].schema.names)
            rows = pq.read_table(
                files,
                columns=None if columns is None or is_older else list(columns),
                filters=None if is_older else filters,
                partitioning=None,  # a folder `a=b` above the warehouse is no column
            )
            if is_older:
                rows = migrate(name, rows, manifest.schema_version)
                if filters is not None:
                    rows = rows.filter(pq.filters_to_expression(filters))
                rows = rows if columns is None else rows.select(list(columns))
            return rows

        if self.manifest() is None:
            empty = TABLES[name].empty()
            return empty if columns is None else empty.select(list(columns))
        return self._read_stable(f"read table {name!r}", read)

    def list_files(self, table: str, number: int | None = None) -> list[str]:
        """Name the files of one table of a snapshot.

        Args:
            table: Name of the table.
            number: An earlier snapshot; null for the live one.

        Returns:
            Paths, or URLs. Those of an older snapshot go when it does.

        Raises:
            WarehouseError: There is no such snapshot.
        """
        folder, manifest = self.find_snapshot(number)
        return [
            str(folder / file) for name, file, _ in manifest.paths() if name == table
        ]

    def snapshots(self) -> list[Snapshot]:
        """List what can be read or rolled back to, newest first."""
        live = self.manifest()
        found = [(self.live, live)] if live else []
        for number in snapshots.snapshot_numbers(self.room):
            if manifest := self._find_earlier(number):
                folder = snapshots.snapshot_folder(self.room, number)
                found.append((folder, manifest))
        lines: list[Snapshot] = []
        older: set[tuple[int, int]] = set()
        for folder, manifest in sorted(found, key=lambda pair: pair[1].snapshot):
            files = disk.measure_files(folder / file for _, file, _ in manifest.paths())
            line = Snapshot(
                snapshot=manifest.snapshot,
                created_at=manifest.created_at,
                run_id=manifest.run_id,
                restored_from=manifest.restored_from,
                schema_version=manifest.schema_version,
                rows=manifest.rows,
                size_bytes=manifest.size_bytes,
                added_bytes=sum(files[key] for key in files.keys() - older),
                is_live=manifest is live,
            )
            older |= files.keys()
            lines.append(line)
        return lines[::-1]

    def find_snapshot(self, number: int | None = None) -> tuple[Path, Manifest]:
        """Return where a snapshot lies, and its manifest.

        A run may file or expire it at any time: pin it to read from it.

        Args:
            number: ``snapshot`` of a line of ``snapshots()``; null for the live one.

        Raises:
            WarehouseError: There is no such snapshot.
        """
        for _ in range(2):  # the live one may just be filed as an earlier one
            live = self.manifest()
            if live and number in {None, live.snapshot}:
                return self.live, live
            if number is not None and (manifest := self._find_earlier(number)):
                return snapshots.snapshot_folder(self.room, number), manifest
        if number is None:
            raise WarehouseError(
                self.shown, "nothing is published yet", "Run the pipeline first."
            )
        known = [str(line.snapshot) for line in self.snapshots()]
        raise WarehouseError(
            self.shown,
            f"has no snapshot {number}",
            f"There are {', '.join(known)}: see `articles snapshots`."
            if known
            else "Nothing is published yet: run the pipeline first.",
        )

    def _find_earlier(self, number: int) -> Manifest | None:
        return snapshots.find_manifest(snapshots.snapshot_folder(self.room, number))

    @contextlib.contextmanager
    def pin(self, number: int | None = None) -> Iterator[Path]:
        """Give a folder that stays this snapshot, for several queries that must agree.

        It has the layout of the warehouse and is made of hard links, so that neither
        later runs nor the expiry of snapshots touch it. Removed at the end; if the
        reader is killed, by the next run. Where the reader cannot write (a read-only
        copy, no permission, a full disk) it is the folder of the snapshot itself, which
        stays as it is until a run of somebody else publishes.

        Args:
            number: An earlier snapshot; null for the live one.

        Raises:
            WarehouseError: There is no such snapshot, or the disk refused.
        """
        folder = self.room / f"pin-{uuid.uuid4().hex}"
        path = folder.with_suffix(".lock")
        is_new_room = not self.room.exists()
        with disk.reported(str(self.room), "pin a snapshot", _INTACT):
            lock = self._link_pin(folder, path, number)
        try:
            yield folder if lock else self.find_snapshot(number)[0]
        finally:
            disk.remove_folder(folder)
            if lock:
                lock.release()
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                if is_new_room:
                    self.room.rmdir()  # unless a run has moved in

    def _link_pin(self, folder: Path, path: Path, number: int | None) -> Lock | None:
        """Fill the folder of a pin; null where nothing can be written."""

        def link(_live: Manifest) -> None:
            disk.remove_folder(folder)
            source, manifest = self.find_snapshot(number)
            for table in {*TABLES, *(table for table, _, _ in manifest.paths())}:
                (folder / table).mkdir(parents=True)
            # Before the tables: if a run publishes meanwhile, these are what is missed.
            with contextlib.suppress(FileNotFoundError):  # no query fails for it
                disk.link_or_copy(source / REPORT_NAME, folder / REPORT_NAME)
            for _, file, _ in manifest.paths():
                disk.link_or_copy(source / file, folder / file)
            (folder / MANIFEST_NAME).write_bytes(manifest.dump())

        self._read_stable("pin a snapshot", lambda manifest: manifest)
        with contextlib.ExitStack() as stack:
            try:
                self.room.mkdir(exist_ok=True)
                # Only a run that looks for the pins of the dead may hold it, briefly.
                lock = cast("Lock", take_lock(path, wait=True))
                stack.enter_context(lock)
                self._read_stable("pin a snapshot", link)
            except (OSError, WarehouseError) as error:
                refusal = error if isinstance(error, OSError) else error.__cause__
                if isinstance(refusal, OSError) and refusal.errno in disk.NO_WRITING:
                    return None
                raise
            stack.pop_all()
            return lock

    def verify_files(self, pinned: Path | None = None) -> Iterator[Problem]:
        """Compare every file with the manifest, byte for byte; nothing if all is well.

        Args:
            pinned: What ``pin`` gave for the live snapshot. Without it hold the lock,
                or a run may replace the files meanwhile.
        """
        folder = pinned or self.live
        if pinned or self.manifest():
            manifest = snapshots.read_manifest(folder)
            yield from snapshots.verify_files(folder, manifest)
            if folder != self.live:
                yield from self._find_foreign(manifest)

    def _find_foreign(self, manifest: Manifest) -> list[Problem]:
        """Report files that are not ours; none if ``manifest`` is no longer live."""
        try:
            found = list(snapshots.verify_names(self.live, manifest))
        except FileNotFoundError:
            return []
        return found if self.manifest() == manifest else []

    # Writing

    def check_disk(
        self, staged_bytes: int, staged_parts: int, replaced_paths: Collection[str]
    ) -> Powers:
        """Refuse a run that the disk would refuse in the end; writes nothing.

        Args:
            staged_bytes: Size of the parts that the run will stage, about.
            staged_parts: Their number, about.
            replaced_paths: As for ``publish``.

        Returns:
            What the file system allows; a run works with any of it.

        Raises:
            WarehouseError: The folder is not ours or a mount, we may not write there,
                or there is not enough space.
        """
        powers = self.probe()
        with disk.reported(str(self.live), "look at the warehouse", _INTACT):
            need = estimate_need(
                self.live,
                self.manifest(),
                (staged_bytes, staged_parts),
                replaced_paths,
                powers,
            )
            check_space(self.live, need)
        return powers

    def probe(self) -> Powers:
        """Try out whether a run could publish; nothing stays of it.

        Raises:
            WarehouseError: The folder is not ours or a mount, or we may not write.
        """
        with disk.reported(str(self.live), "look at the warehouse", _INTACT):
            self._refuse_mount()
            manifest = snapshots.inspect_live(self.live)
            return probe_writing(self.live, self.room, manifest)

    def is_busy(self) -> bool:
        """Tell whether a run seems to be writing now: its heartbeat is fresh."""
        path = self.room / "lock"
        try:
            is_alive = abs(seconds_since_beat(path)) < STALE_SECONDS
        except OSError:
            return False
        return is_alive and read_owner(path) is not None

    @contextlib.contextmanager
    def lock(
        self, *, wait: bool = False, tell: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        """Hold the warehouse for a run, and first repair what a killed run left.

        Args:
            wait: Wait for the run that holds it, instead of refusing.
            tell: Told who holds it, if it has to be waited for.

        Raises:
            WarehouseError: It is taken (the message names by whom), the folder holds
                something else, the disk refused, or another machine took the lock over
                while this one stood still.
        """
        if self._lock:
            raise RuntimeError("this Warehouse holds the lock already")
        with disk.reported(str(self.room), "lock the warehouse", _INTACT):
            if not self.room.exists():
                snapshots.inspect_live(self.live)  # leave no lock beside foreign files
            self.room.mkdir(parents=True, exist_ok=True)
            lock = take_lock(self.room / "lock", wait=wait, tell=tell)
        if isinstance(lock, str):
            raise WarehouseError(
                self.shown,
                f"{lock} is writing to it",
                "Wait until it is done, or stop that process.",
            )
        with lock:
            with disk.reported(str(self.live), "recover the warehouse", _INTACT):
                self._refuse_mount()
                snapshots.recover(self.live, self.room)
            self._lock, self._base = lock, self.manifest()
            try:
                yield
            except WarehouseError as error:
                with contextlib.suppress(OSError):
                    if not lock.is_ours():
                        raise self._overtaken() from error
                raise
            finally:
                for staging_dir in self._staging_dirs:
                    disk.remove_folder(staging_dir)
                self._lock, self._base, self._staging_dirs = None, None, []

    def new_staging_dir(self) -> Path:
        """Make a folder for the parts of this run; gone when the lock is freed."""
        self._require_lock()
        folder = self.room / f"staged-{uuid.uuid4().hex}"
        with disk.reported(str(self.room), "make a staging folder", _INTACT):
            folder.mkdir()
        self._staging_dirs.append(folder)
        return folder

    def new_stem(self) -> str:
        """Return a fresh stem for a part: number of the snapshot to be, random part."""
        return _make_stem(self._next_number())

    def gather(self, staged: Sequence[StagedPart]) -> list[StagedPart]:
        """Put many tiny parts together, so that all that follows opens few files.

        Args:
            staged: Results of ``stage_tables``; what is put together is removed.

        Returns:
            Parts with the same rows, for ``publish``.

        Raises:
            WarehouseError: A file is damaged, or the disk refused.
        """
        with disk.reported(str(self.live), "put the new parts together", _INTACT):
            return gather_parts(staged, self.new_staging_dir(), self.new_stem)

    def publish(
        self,
        staged: Sequence[StagedPart],
        replaced_paths: Collection[str],
        run: Mapping[str, Any] | pd.DataFrame,
        fingerprint: str,
        touched: pd.DataFrame | None = None,
    ) -> Manifest:
        """Publish parts in place of the old rows of some raw files, all or nothing.

        Rewrites only the parts that hold replaced files and links the others. Merges
        small parts. Tables of an older schema are all written again in the present one.

        Args:
            staged: Results of ``stage_tables``; the parts stay until the lock is freed.
            replaced_paths: ``source_path`` of every file whose old rows go: changed,
                retried, deleted. Staged files are replaced in any case.
            run: The row for ``runs``.
            fingerprint: What rows depend on besides the raw files; kept for the caller.
            touched: Files whose rows stay but were changed at another time:
                ``source_path``, ``mtime_ns``. Null for none.

        Returns:
            The manifest that is live now.

        Raises:
            ContractError: A file is staged twice, or the row does not fit ``runs``.
            WarehouseError: The disk refused. The old tables are intact.
        """
        self._require_lock()
        run_table = RUNS.conform(
            run if isinstance(run, pd.DataFrame) else pd.DataFrame([dict(run)])
        )
        with disk.reported(str(self.live), "look at the old tables", _INTACT):
            old = snapshots.inspect_live(self.live)
        run_id = str(run_table["run_id"][-1])
        with self._new_snapshot(TABLES) as folder:
            staging_dir = self.new_staging_dir()
            number = self._next_number()
            new_stem = partial(_make_stem, number)
            run_part = write_part({RUNS.name: run_table}, staging_dir, new_stem())
            new = [*(locate_part(part) for part in staged), (run_part, staging_dir)]
            kept, derived = self._bring_up(old, staging_dir, new_stem)
            edits = Edits.of(replaced_paths, _note_touched(touched, run_id))
            change = note_change(
                derived,
                [item for item in kept if item[0].is_batch],
                [item for item in new if item[0].is_batch],
                find_gone(new, replaced_paths),
            )
            parts = assemble(kept, new, edits, folder, new_stem)
            parts = (*parts, compare(parts, folder, change, new_stem))
            manifest = Manifest(
                snapshot=number,
                parent=old.snapshot if old else None,
                restored_from=None,
                run_id=run_id,
                created_at=datetime.now(UTC),
                schema_version=SCHEMA_VERSION,
                fingerprint=fingerprint,
                parts=tuple(sorted(parts, key=lambda part: part.stem)),
            )
            return self._swap_in(folder, manifest)

    def _bring_up(
        self, old: Manifest | None, staging_dir: Path, new_stem: Callable[[], str]
    ) -> tuple[list[LocatedPart], LocatedPart | None]:
        """Return the old parts in the present schema, the derived one apart.

        Of an older schema it is null: it can be made anew from the others.
        """
        parts = old.parts if old else ()
        kept = [(part, self.live) for part in parts if not part.is_derived]
        if old and old.schema_version < SCHEMA_VERSION:
            version = old.schema_version
            kept = [
                (
                    migrate_part(part, source, staging_dir, new_stem(), version),
                    staging_dir,
                )
                for part, source in kept
            ]
            return kept, None
        derived = ((part, self.live) for part in parts if part.is_derived)
        return kept, next(derived, None)

    def rollback(self, number: int) -> Manifest:
        """Publish an earlier snapshot again, as a new one.

        Args:
            number: ``snapshot`` of a line of ``snapshots()``.

        Returns:
            The manifest that is live now.

        Raises:
            WarehouseError: There is no such snapshot, a file of it is damaged, or the
                disk refused. The tables are as they were.
        """
        self._require_lock()
        source, earlier = self.find_snapshot(number)
        if source == self.live:
            raise WarehouseError(
                self.shown, f"snapshot {number} is live", "Choose an earlier one."
            )
        live = snapshots.inspect_live(self.live)
        next_number = self._next_number()
        new_stem = partial(_make_stem, next_number)
        manifest = replace(
            earlier,
            snapshot=next_number,
            parent=live.snapshot if live else None,
            restored_from=number,
            created_at=datetime.now(UTC),
            parts=tuple(rename_part(part, new_stem) for part in earlier.parts),
        )
        with self._new_snapshot({table for table, _, _ in earlier.paths()}) as folder:
            for part, named in zip(earlier.parts, manifest.parts, strict=True):
                check_hashes(part, source, _DAMAGED_SNAPSHOT)
                link_part(part, source, named, folder)
            return self._swap_in(folder, manifest)

    @contextlib.contextmanager
    def _new_snapshot(self, tables: Iterable[str]) -> Iterator[Path]:
        """Give a folder to build a snapshot in; file or remove what it leaves."""
        folder = self.room / f"next-{uuid.uuid4().hex}"
        with disk.reported(str(self.live), "publish", _INTACT):
            try:
                for table in tables:
                    (folder / table).mkdir(parents=True)
                yield folder
            except Exception:
                disk.remove_folder(folder)
                raise
        self._settle()

    def _swap_in(self, folder: Path, manifest: Manifest) -> Manifest:
        manifest = self._add_report(folder, manifest)
        snapshots.seal(folder, manifest, self.live)
        lock = self._require_lock()
        if not lock.is_ours() or self.manifest() != self._base:
            raise self._overtaken()
        self._commit_elsewhere(folder, manifest)
        try:
            snapshots.swap_in(folder, self.live, self.room, self._publish_mode)
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EBUSY}:
                raise
            raise WarehouseError(
                str(self.live), f"the folder cannot be replaced: {error}", _SAME_DISK
            ) from error
        self._base = manifest
        return manifest

    def _commit_elsewhere(self, folder: Path, manifest: Manifest) -> None:
        """Publish a sealed snapshot where it is to be first; here, nowhere."""

    def _settle(self) -> None:
        """Put in order what a publish has left; it stands, whatever happens here."""
        snapshots.settle(self.live, self.room, self._keep_snapshots, self._keep_days)

    def _add_report(self, folder: Path, manifest: Manifest) -> Manifest:
        """Put the report into a snapshot that is being built."""
        page = self._reporter(folder, manifest) if self._reporter else None
        if page is None:
            return replace(manifest, report=None)
        data = page.encode()
        disk.write_durably(folder / REPORT_NAME, data)
        entry = PageEntry(len(data), hashlib.sha256(data).hexdigest())
        return replace(manifest, report=entry)

    def _overtaken(self) -> WarehouseError:
        """Return the error of a run whose tables are not those it began with."""
        return WarehouseError(
            str(self.live),
            "another run published meanwhile, or took the lock because this machine"
            " stood still; nothing was replaced",
            "Run again: it starts from what is published now.",
        )

    def _next_number(self) -> int:
        live = self._base if self._lock else self.manifest()
        earlier = snapshots.snapshot_numbers(self.room)
        return 1 + max([live.snapshot if live else 0, *earlier])

    def _refuse_mount(self) -> None:
        """Tell at once, and not after hours of work, what cannot be renamed."""
        if disk.is_mount(self.live):
            raise WarehouseError(str(self.live), "is a mount", _SAME_DISK)

    def _require_lock(self) -> Lock:
        if not self._lock:
            raise RuntimeError("hold the lock: `with warehouse.lock(): ...`")
        return self._lock

    def _check_size(self, file: str, size_bytes: int) -> None:
        found = (self.live / file).stat().st_size
        if found != size_bytes:
            raise WarehouseError(
                str(self.live / file),
                f"has {found} bytes, the manifest says {size_bytes}",
                DAMAGED,
            )

    def _read_stable(self, doing: str, read: Callable[[Manifest], _Result]) -> _Result:
        """Read files of one manifest; again if a run replaced them meanwhile."""
        with disk.reported(str(self.live), doing, DAMAGED):
            for attempt in range(_READ_ATTEMPTS):
                if (manifest := self.manifest()) is None:
                    break
                try:
                    return read(manifest)
                except FileNotFoundError:
                    if attempt == _READ_ATTEMPTS - 1:
                        raise
                    time.sleep(_READ_PAUSE_SECONDS)
                except pa.ArrowInvalid as error:
                    if problem := next(self.verify_files(), None):
                        raise WarehouseError(
                            str(self.live / problem.file),
                            f"{problem.law}: {problem.detail}",
                            DAMAGED,
                        ) from error
                    raise
        raise WarehouseError(
            self.shown, "nothing is published yet", "Run the pipeline first."
        )


def _make_stem(number: int) -> str:
    return f"{number:08d}-{uuid.uuid4().hex[:12]}"


def _note_touched(touched: pd.DataFrame | None, run_id: str) -> pa.Table | None:
    """Return what is to be noted of touched files, typed as in ``sources``."""
    if touched is None or touched.empty:
        return None
    names = ("source_path", "mtime_ns", "run_id")
    schema = pa.schema([SOURCES.schema.field(name) for name in names])
    rows = touched[["source_path", "mtime_ns"]].assign(run_id=run_id)
    return pa.Table.from_pandas(rows, schema, preserve_index=False)
