"""Snapshots: whole folders of tables, swapped in, filed, recovered and expired.

The law of recovery: whatever the live folder holds is the truth. Every other folder
is an earlier snapshot (complete, and numbered below the live one) or rubbish.
"""

import logging
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from tasks.errors import WarehouseError
from tasks.schema import SCHEMA_VERSION, TABLES
from tasks.tables import disk
from tasks.tables.lock import Lock, take_lock
from tasks.tables.manifest import (
    MANIFEST_NAME,
    REPORT_NAME,
    Manifest,
    describe_warehouse,
    parse_manifest,
)

PublishMode = Literal["exchange", "renames"]

_README = "README.md"
_GITIGNORE = ".gitignore"
_OWN_FILES = frozenset({MANIFEST_NAME, REPORT_NAME, _README, _GITIGNORE})
_PLACEHOLDERS = frozenset({_README, _GITIGNORE, ".gitkeep", ".keep"})
_LITTER = frozenset({".DS_Store", ".directory", "Thumbs.db", "desktop.ini"})
_LITTER_PREFIXES = ("._", ".nfs", ".fuse_hidden")  # made by file systems, not people
_SHOWN_FILES = 5

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """A file that breaks a law of the warehouse."""

    table: str
    file: str
    law: str
    detail: str


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a snapshot.

    Raises:
        FileNotFoundError: There is none.
        WarehouseError: It is damaged, or written by a newer version.
    """
    path = folder / MANIFEST_NAME
    return parse_manifest(path.read_bytes(), str(path))


def find_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of a folder that may be half-built or half-removed."""
    try:
        return read_manifest(folder)
    except (OSError, WarehouseError):
        return None


def inspect_live(live: Path) -> Manifest | None:
    """Check that the live folder may be replaced as a whole.

    Returns:
        Its manifest; null if nothing was published (missing, empty, placeholders).

    Raises:
        WarehouseError: It holds something that is not ours, or cannot be read.
    """
    if not os.path.lexists(live):
        return None
    if not live.is_dir():
        raise WarehouseError(
            str(live), "is not a folder", "Choose another warehouse folder."
        )
    if not (live / MANIFEST_NAME).exists():
        foreign = sorted(
            entry.name
            for entry in live.iterdir()
            if not (entry.name in _PLACEHOLDERS and entry.is_file())
            and not _is_litter(entry.name)
        )
        if foreign:
            raise WarehouseError(
                str(live),
                f"has no {MANIFEST_NAME} but holds {_shorten(foreign)}",
                "Choose another warehouse folder, or move these files away.",
            )
        return None
    manifest = read_manifest(live)
    if foreign := find_foreign(live, manifest):
        raise WarehouseError(
            str(live),
            f"holds files that are not part of it: {_shorten(foreign)}",
            "Move them elsewhere, then run again: the folder is replaced as a whole.",
        )
    return manifest


def find_foreign(live: Path, manifest: Manifest) -> list[str]:
    """List what lies in a published folder but is not in its manifest.

    Returns:
        Paths below ``live``, sorted. Litter of desktops and file systems is left out.
    """
    known = {file for _, file, _ in manifest.paths()}
    tables = {*TABLES, *(table for table, _, _ in manifest.paths())}
    foreign = []
    for entry in live.iterdir():
        if entry.name in tables and entry.is_dir() and not entry.is_symlink():
            files = (f"{entry.name}/{file.name}" for file in entry.iterdir())
            foreign += [f for f in files if f not in known]
        elif entry.name not in _OWN_FILES:
            foreign.append(entry.name)
    return sorted(file for file in foreign if not _is_litter(file.split("/")[-1]))


def verify_files(live: Path, manifest: Manifest) -> Iterator[Problem]:
    """Compare the files of a snapshot with its manifest, byte for byte.

    Yields:
        Problems by law: ``file exists``, ``file is known``, ``SHA-256``, ``rows``,
        ``schema``, ``table has a file``.
    """
    yield from verify_names(live, manifest)
    yield from _verify_report(live, manifest)
    for table in sorted(TABLES.keys() - {table for table, _, _ in manifest.paths()}):
        yield Problem(table, table, "table has a file", "none in the manifest")
    for table, file, entry in manifest.paths():
        try:
            sha256 = disk.hash_file(live / file)
        except OSError as error:
            yield Problem(table, file, "file exists", str(error))
            continue
        if sha256 != entry.sha256:
            found = f"{sha256}, manifest says {entry.sha256}"
            yield Problem(table, file, "SHA-256", found)
            continue
        footer = pq.read_metadata(live / file)
        if footer.num_rows != entry.rows:
            found = f"{footer.num_rows}, manifest says {entry.rows}"
            yield Problem(table, file, "rows", found)
        if manifest.schema_version == SCHEMA_VERSION and not (
            footer.schema.to_arrow_schema().equals(TABLES[table].schema)
        ):
            yield Problem(table, file, "schema", "differs from tasks/schema.py")


def _verify_report(live: Path, manifest: Manifest) -> Iterator[Problem]:
    if manifest.report is None:
        return
    try:
        sha256 = disk.hash_file(live / REPORT_NAME)
    except OSError as error:
        yield Problem("", REPORT_NAME, "file exists", str(error))
        return
    if sha256 != manifest.report.sha256:
        found = f"{sha256}, manifest says {manifest.report.sha256}"
        yield Problem("", REPORT_NAME, "SHA-256", found)


def verify_names(live: Path, manifest: Manifest) -> Iterator[Problem]:
    """Report what lies in a published folder and is not in its manifest."""
    for file in find_foreign(live, manifest):
        table = file.split("/")[0] if "/" in file else ""
        yield Problem(table, file, "file is known", "not in the manifest")


def seal(folder: Path, manifest: Manifest, live: Path) -> None:
    """Complete a new snapshot and flush all its names to the disk.

    Args:
        folder: Snapshot with every file of ``manifest`` in place.
        manifest: Its manifest, written last.
        live: Live folder, whose ``.gitignore`` is kept so that a checkout stays clean.
    """
    try:
        ignore = (live / _GITIGNORE).read_bytes()
    except FileNotFoundError:
        ignore = b"*\n"
    disk.write_durably(folder / _GITIGNORE, ignore)
    disk.write_durably(folder / _README, describe_warehouse().encode())
    disk.write_durably(folder / MANIFEST_NAME, manifest.dump())
    for table in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        disk.sync_folder(table)
    disk.sync_folder(folder)
    disk.sync_folder(folder.parent)


def swap_in(new: Path, live: Path, room: Path, mode: PublishMode | None) -> Path | None:
    """Make a sealed snapshot the live folder. This is the commit.

    Args:
        new: Sealed snapshot in ``room``.
        live: Live folder; may be missing or hold placeholders.
        room: Engine room, on the same file system.
        mode: How to publish; null tries to exchange, then renames.

    Returns:
        Where the folder that was live lies now, null if there was none.

    Raises:
        OSError: Nothing was published; the live folder is as it was.
    """
    if not os.path.lexists(live):
        new.rename(live)
        return None
    if mode != "renames":
        try:
            disk.exchange(new, live)
        except OSError as error:
            if mode == "exchange" or error.errno not in disk.NO_EXCHANGE:
                raise
            _logger.warning(
                "folders cannot be exchanged here (%s): publishing by two renames, so a"
                " reader may find the tables missing for an instant",
                error.strerror,
            )
        else:
            _logger.debug("published by exchange")
            return new
    if not (live / MANIFEST_NAME).exists():
        _vacate(live)  # a lower overlay layer can be removed but not renamed
        new.rename(live)
        return None
    old = room / f"old-{uuid.uuid4().hex}"
    live.rename(old)
    try:
        new.rename(live)
    except OSError:
        old.rename(live)
        raise
    return old


def settle(
    live: Path, room: Path, keep_snapshots: int, keep_days: float | None
) -> None:
    """After a publish: flush it, file the old snapshot, expire older ones.

    The publish stands by now, so a refusing disk is only logged; the next recovery
    does the rest.
    """
    try:
        disk.sync_folder(live.parent)
        disk.sync_folder(room)
        _tidy(live, room)
        expire(live, room, keep_snapshots, keep_days)
    except OSError as error:
        _logger.warning("published, but could not tidy up afterwards: %s", error)


def recover(live: Path, room: Path) -> None:
    """Bring the folders back in order after a run that was killed anywhere.

    Only for the holder of the lock: whatever is unfinished belongs to the dead.

    Raises:
        WarehouseError: The live folder is not ours; nothing was touched.
        OSError: The disk refused.
    """
    if inspect_live(live) is None:
        _finish_renames(live, room)
    _tidy(live, room)
    for folder in _entries(room, "staged-"):
        disk.remove_folder(folder)
    for path in room.glob("pin-*.lock"):
        _remove_dead_pin(path)


def expire(
    live: Path, room: Path, keep_snapshots: int, keep_days: float | None
) -> None:
    """Remove earlier snapshots beyond a number, or above an age if one is given.

    The age counts from when a snapshot was replaced: what was live until a moment ago
    is not old, however long it had been so.
    """
    numbers = snapshot_numbers(room)
    doomed = set(numbers[keep_snapshots:])
    if keep_days is not None:
        oldest = datetime.now(UTC) - timedelta(days=keep_days)
        following = find_manifest(live)
        for number in numbers:
            if following and following.created_at < oldest:
                doomed.add(number)
            following = find_manifest(snapshot_folder(room, number)) or following
    for number in sorted(doomed):
        _throw_away(snapshot_folder(room, number), room)


def snapshot_folder(room: Path, number: int) -> Path:
    """Return the folder of an earlier snapshot."""
    return room / "snapshots" / f"{number:08d}"


def snapshot_numbers(room: Path) -> list[int]:
    """List earlier snapshots, newest first."""
    try:
        names = [entry.name for entry in (room / "snapshots").iterdir()]
    except FileNotFoundError:
        return []
    return sorted((int(name) for name in names if name.isdecimal()), reverse=True)


def is_interrupted(live: Path, room: Path) -> bool:
    """Tell whether the live folder is missing because of a publish by renames."""
    return not os.path.lexists(live) and any(room.glob("old-*"))


def _finish_renames(live: Path, room: Path) -> None:
    """Roll a publish forward that was killed between its two renames."""
    found = [(find_manifest(folder), folder) for folder in room.glob("old-*")]
    for before, old in found:
        following = [
            folder
            for folder in room.glob("next-*")
            if before
            and (manifest := find_manifest(folder))
            and manifest.parent == before.snapshot
        ]
        _vacate(live)
        (following[0] if following else old).rename(live)
        disk.sync_folder(live.parent)
        disk.sync_folder(room)
        return  # one commit at a time, so there is one at most


def _vacate(live: Path) -> None:
    """Remove a live folder that holds only placeholders, if it is there."""
    if os.path.lexists(live):
        for placeholder in live.iterdir():
            placeholder.unlink()
        live.rmdir()


def _remove_dead_pin(path: Path) -> None:
    """Remove a pinned snapshot unless its reader lives, and so holds its lock."""
    if isinstance(lock := take_lock(path), Lock):
        disk.remove_folder(path.with_suffix(""))
        try:
            path.unlink(missing_ok=True)  # while it is ours: a reader may want it
        except PermissionError:  # Windows: not while it is open
            lock.release()
            path.unlink(missing_ok=True)
        else:
            lock.release()


def _tidy(live: Path, room: Path) -> None:
    """File the snapshot that was live before, remove rubbish."""
    manifest = find_manifest(live)
    for folder in sorted(_entries(room, "next-", "old-")):
        before = find_manifest(folder)
        is_parent = before and manifest and before.snapshot == manifest.parent
        target = snapshot_folder(room, before.snapshot) if before else folder
        if is_parent and not target.exists():
            target.parent.mkdir(exist_ok=True)
            folder.rename(target)
        else:
            _throw_away(folder, room)
    for folder in _entries(room, "trash-"):
        disk.remove_folder(folder)


def _throw_away(folder: Path, room: Path) -> None:
    """Remove a snapshot, which nobody can take for a whole while it is half removed.

    Nor can a run on a machine that stood still, and that was overtaken, publish it.
    """
    trash = room / f"trash-{uuid.uuid4().hex}"
    folder.rename(trash)
    disk.remove_folder(trash)


def _entries(room: Path, *prefixes: str) -> Iterator[Path]:
    for entry in list(room.iterdir()):
        if entry.name.startswith(prefixes):
            yield entry


def _is_litter(name: str) -> bool:
    return name in _LITTER or name.startswith(_LITTER_PREFIXES)


def _shorten(names: list[str]) -> str:
    more = len(names) - _SHOWN_FILES
    shown = ", ".join(names[:_SHOWN_FILES])
    return f"{shown} and {more} more" if more > 0 else shown
