"""What a run needs of the disk, looked at before it works: permissions and space.

A publish that cannot succeed should be refused in the first second of a run and not in
its last. Passing is no promise: a disk may fill up meanwhile, and then the run fails
with the old tables intact.
"""

import errno
import os
import shutil
import stat
import sys
import tempfile
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tasks.errors import WarehouseError
from tasks.schema import BATCH_TABLES, DERIVED_TABLES, SCHEMA_VERSION, SOURCES
from tasks.tables import disk
from tasks.tables.manifest import Manifest
from tasks.tables.parts import (
    SMALL_PART_BYTES,
    SMALL_PARTS,
    read_column,
    size_class,
)

EMPTY_PART_BYTES = 22_000
"""Size of a part without rows: footers and descriptions of its five files."""

_FOLDERS = 16  # of a snapshot being built, a staging folder, an earlier snapshot
_OTHER_FILES = 8  # manifest, notes, the part of `runs`
_NO_FREE_SPACE = (
    "Free space there, keep fewer snapshots (setting `keep_snapshots`), or choose"
    " another warehouse folder; the tables are as they were."
)
_NO_PERMISSION = (
    "Give this user the right to write there, or choose another warehouse folder; the"
    " tables are as they were."
)


class Need(NamedTuple):
    """What a run takes on the disk at its peak, beside what is there already.

    Attributes:
        staged_bytes: New parts.
        rewritten_bytes: Parts written again without the rows of replaced files.
        merged_bytes: Small parts written again as one.
        copied_bytes: Files of the next snapshot, where they cannot be linked.
        files: New files and folders.
    """

    staged_bytes: int
    rewritten_bytes: int
    merged_bytes: int
    copied_bytes: int
    files: int

    @property
    def total_bytes(self) -> int:
        """Everything together: all of it is there at the moment of publishing."""
        return (
            self.staged_bytes
            + self.rewritten_bytes
            + self.merged_bytes
            + self.copied_bytes
        )

    def __str__(self) -> str:
        """Return what the space is for."""
        purposes = {
            "new rows": self.staged_bytes,
            "old rows to write again": self.rewritten_bytes,
            "small files to merge": self.merged_bytes,
            "files to copy, as links are not to be had": self.copied_bytes,
        }
        return ", ".join(
            f"{disk.human_bytes(size)} for {purpose}"
            for purpose, size in purposes.items()
            if size
        )


class Powers(NamedTuple):
    """What the file system and our rights allow.

    Attributes:
        can_link: Kept files get a second name; otherwise they are copied.
        can_exchange: Folders swap in one step; otherwise two renames publish.
    """

    can_link: bool
    can_exchange: bool


def probe_writing(live: Path, room: Path, manifest: Manifest | None) -> Powers:
    """Do in small what a publish does, and leave nothing behind.

    Args:
        live: Live folder; need not exist.
        room: Engine room; need not exist, nor the folders above.
        manifest: What is published, if anything.

    Raises:
        WarehouseError: We may not write there.
    """
    place = next(p for p in [room, *room.parents] if os.path.lexists(p))
    prefix = "trash-probe-" if place == room else ".articles-probe-"
    try:
        probe = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    except OSError as error:
        raise _refusal(live, f"cannot write in {place}: {error.strerror}") from error
    try:
        with disk.reported(str(live), f"work in {place}", _NO_PERMISSION):
            powers = _try_out(probe, live, manifest)
    finally:
        disk.remove_folder(probe)
    if live.exists():
        _check_replaceable(live)
    return powers


def _try_out(probe: Path, live: Path, manifest: Manifest | None) -> Powers:
    one, other = probe / "one", probe / "other"
    one.mkdir()
    other.mkdir()
    original = one / "file"
    original.write_bytes(b"?")
    if manifest:  # a file of somebody else may not be linked
        original = next((live / file for _, file, _ in manifest.paths()), original)
    can_link = True
    try:
        (other / "link").hardlink_to(original)
    except FileNotFoundError:
        pass  # a run publishes just now, or a file is missing: not told here
    except OSError as error:
        if error.errno not in disk.NO_LINK:
            raise
        can_link = False
    can_exchange = True
    try:
        disk.exchange(one, other)
    except OSError as error:
        if error.errno not in disk.NO_EXCHANGE:
            raise
        can_exchange = False
    one.rename(probe / "renamed")
    return Powers(can_link, can_exchange)


def _check_replaceable(live: Path) -> None:
    """Refuse a live folder that cannot be renamed away."""
    for folder in (live, live.parent):  # its entry `..` changes too
        if not os.access(folder, os.W_OK | os.X_OK):
            raise _refusal(
                live, f"cannot write in {folder}: {os.strerror(errno.EACCES)}"
            )
    above = live.parent.stat()
    if sys.platform != "win32" and above.st_mode & stat.S_ISVTX:
        owners = {0, live.stat().st_uid, above.st_uid}
        if os.geteuid() not in owners:
            raise _refusal(
                live, f"belongs to another user, and so it stays in {live.parent}"
            )


def _refusal(live: Path, problem: str) -> WarehouseError:
    return WarehouseError(str(live), problem, _NO_PERMISSION)


def estimate_need(
    live: Path,
    manifest: Manifest | None,
    staged: tuple[int, int],
    replaced_paths: Collection[str],
    powers: Powers,
) -> Need:
    """Estimate what a run takes on the disk at its peak.

    Args:
        live: Live folder.
        manifest: What is published, if anything.
        staged: Bytes and number of the parts to be staged, as far as is known.
        replaced_paths: ``source_path`` of the files whose old rows go.
        powers: What ``probe_writing`` found.
    """
    staged_bytes, staged_parts = staged
    is_migration = manifest is not None and manifest.schema_version < SCHEMA_VERSION
    gone = pa.array(list(replaced_paths), pa.string())
    rewritten_bytes = rewritten_parts = 0
    linked = [staged_bytes // staged_parts] * staged_parts if staged_parts else []
    for part in manifest.parts if manifest else ():
        if part.is_derived and (staged_parts or len(gone)):
            rewritten_bytes += part.size_bytes
        if not part.is_batch:
            continue
        is_gone = pc.is_in(read_column(live, part, SOURCES.name, "source_path"), gone)
        gone_share = pc.mean(is_gone).as_py() or 0.0
        if gone_share == 0.0 and not is_migration:
            linked.append(part.size_bytes)
        elif gone_share < 1.0:
            rewritten_bytes += round(part.size_bytes * (1 - gone_share))
            rewritten_parts += 1
    small: dict[int, list[int]] = defaultdict(list)  # as ``parts.group_small`` does
    for size in linked:
        if size < SMALL_PART_BYTES:
            small[size_class(size)].append(size)
    merged_bytes = sum(sum(like) for like in small.values() if len(like) >= SMALL_PARTS)
    copied_bytes = 0
    if manifest and not powers.can_link:
        copied_bytes = manifest.size_bytes - rewritten_bytes
    files = (staged_parts + rewritten_parts + 1) * len(BATCH_TABLES)
    files += len(DERIVED_TABLES)
    if not powers.can_link and manifest:
        files += sum(1 for _ in manifest.paths())
    return Need(
        staged_bytes,
        rewritten_bytes,
        merged_bytes,
        copied_bytes,
        files + _FOLDERS + _OTHER_FILES,
    )


def check_space(live: Path, need: Need) -> None:
    """Refuse a run for which the disk has no room.

    Args:
        live: Live folder; need not exist.
        need: What ``estimate_need`` found.

    Raises:
        WarehouseError: There is less space than the run needs, or fewer inodes.
    """
    place = next(p for p in [live, *live.parents] if p.exists())
    free_bytes = shutil.disk_usage(place).free  # what others than root may take
    if need.total_bytes > free_bytes:
        raise WarehouseError(
            str(live),
            f"the run needs about {disk.human_bytes(need.total_bytes)} beside the"
            f" tables, {disk.human_bytes(free_bytes)} is free: {need}",
            _NO_FREE_SPACE,
        )
    if hasattr(os, "statvfs"):
        found = os.statvfs(place)
        # Without a fixed number of files (btrfs, network) both are 0.
        if found.f_files and found.f_favail < need.files:
            raise WarehouseError(
                str(live),
                f"the run needs about {need.files:,} new files, the file system has"
                f" room for {found.f_favail:,}",
                _NO_FREE_SPACE,
            )
