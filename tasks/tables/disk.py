"""The disk, as the warehouse needs it: durable writes, links, exchange.

Nothing here knows tables. Functions raise plain ``OSError``; ``reported`` turns it
into a ``WarehouseError`` at the border.

Linux and macOS have every operation. Elsewhere folders are not flushed, and there is no
exchange (two renames instead).
"""

import contextlib
import ctypes
import errno
import hashlib
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from tasks.errors import WarehouseError

_CHUNK_BYTES = 1 << 20
_UNITS = ("B", "kB", "MB", "GB", "TB")
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux; RENAME_SWAP of macOS has the same value

NO_LINK = frozenset(
    {
        errno.EPERM,  # vfat, or protected_hardlinks and a file of somebody else
        errno.EACCES,
        errno.EXDEV,
        errno.EMLINK,
        errno.EINVAL,  # Windows on FAT
        errno.ENOSYS,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
    }
)
"""Errors that say that a file cannot have a second name here."""

NO_EXCHANGE = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.ENOTSUP, errno.EOPNOTSUPP}
)
"""Errors that say the file system cannot exchange two folders (EXDEV: overlay)."""

NO_WRITING = frozenset(
    {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT}
)
"""Errors that say that nothing can be written here, by us or for now."""

_NO_FOLDER_FLUSH = frozenset({errno.EINVAL, errno.EBADF, errno.ENOTSUP})


@contextlib.contextmanager
def reported(place: str, doing: str, remedy: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a ``WarehouseError``.

    Args:
        place: Table or folder concerned.
        doing: What fails, as in "cannot <doing>".
        remedy: What the reader can do next.

    Raises:
        WarehouseError: The disk refused; keeps path and reason of the ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise WarehouseError(place, f"cannot {doing}: {error}", remedy) from error


class HashedFile:
    """A new file that knows its size and SHA-256, and is durable once closed.

    Takes what ``pyarrow`` asks of a sink: ``write``, ``tell``, ``flush``, ``closed``.
    Hashing what was meant to be written also finds what the disk got wrong.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._digest = hashlib.sha256()
        self.size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._file.closed

    @property
    def sha256(self) -> str:
        """SHA-256 of everything written so far."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> int:
        """Append ``data``."""
        self._file.write(data)
        self._digest.update(data)
        self.size_bytes += len(data)
        return len(data)

    def tell(self) -> int:
        """Return the position, always the end."""
        return self.size_bytes

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._file.flush()

    def sync(self) -> None:
        """Hand everything to the disk; survives a power cut afterwards."""
        self._file.flush()
        os.fsync(self._file.fileno())


def write_durably(path: Path, data: bytes) -> None:
    """Write a small file and flush it to the disk."""
    with HashedFile(path) as file:
        file.write(data)
        file.sync()


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system can."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FLUSH:
            raise
    finally:
        os.close(descriptor)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def measure_files(paths: Iterable[Path]) -> dict[tuple[int, int], int]:
    """Return the size of each file by its identity, the same for all its names.

    Files that are gone are left out.
    """
    sizes = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            sizes[found.st_dev, found.st_ino] = found.st_size
    return sizes


def is_mount(path: Path) -> bool:
    """Tell whether something is mounted exactly there, so that it cannot be renamed.

    Examples:
        >>> is_mount(Path("/"))
        True
    """
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return path.is_mount()
    escaped = str(path).replace("\\", r"\134").replace(" ", r"\040")
    return any(line.split()[4] == escaped for line in lines)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name; a durable copy where links are not to be had."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        with source.open("rb") as old, HashedFile(target) as new:
            while chunk := old.read(_CHUNK_BYTES):
                new.write(chunk)
            new.sync()


def link_or_move(source: Path, target: Path) -> None:
    """Give a file a second name; its only one where links are not to be had."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in NO_LINK:
            raise
        source.rename(target)


def remove_folder(folder: Path) -> None:
    """Remove a folder, or a file, as far as possible; the next recovery tries again."""
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder.unlink(missing_ok=True)


def exchange(one: Path, other: Path) -> None:
    """Swap two folders in one step that nobody can see half done.

    Raises:
        OSError: With an ``errno`` of ``NO_EXCHANGE`` where it is not to be had.
    """
    try:
        status = _call_exchange(os.fsencode(one), os.fsencode(other))
    except (AttributeError, TypeError) as error:  # the C library has no such function
        raise OSError(
            errno.ENOSYS, os.strerror(errno.ENOSYS), str(one), None, str(other)
        ) from error
    if status:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(one), None, str(other))


def _call_exchange(one: bytes, other: bytes) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        return int(library.renamex_np(one, other, _RENAME_EXCHANGE))
    return int(
        library.renameat2(
            _AT_FDCWD, one, _AT_FDCWD, other, ctypes.c_uint(_RENAME_EXCHANGE)
        )
    )


def human_bytes(count: int) -> str:
    """Return a size in the largest unit that keeps it above 1.

    Examples:
        >>> human_bytes(1_520_000)
        '1.5 MB'
    """
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:  # noqa: PLR2004  # SI prefixes
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"
