"""The disk, as the warehouse needs it: durable writes, links, exchange, locks.

Nothing here knows tables. Functions raise plain ``OSError``; ``reported`` turns it
into a ``WarehouseError`` at the border.

Linux and macOS have every operation. Elsewhere folders are not flushed, there is no
exchange (two renames instead), and locks use ``msvcrt``.
"""

import contextlib
import ctypes
import errno
import hashlib
import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from tasks.errors import WarehouseError

_CHUNK_BYTES = 1 << 20
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux; RENAME_SWAP of macOS has the same value
_LOCK_PAUSE_SECONDS = 0.1
_LOCKED_BYTE = 1 << 30  # msvcrt locks are mandatory: stay clear of the owner's note

_NO_LINK = frozenset(
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
NO_EXCHANGE = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.EXDEV, errno.ENOTSUP, errno.EOPNOTSUPP}
)
"""Errors that say the file system cannot exchange two folders (EXDEV: overlay)."""

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
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


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
        if error.errno not in _NO_LINK:
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
        if error.errno not in _NO_LINK:
            raise
        source.rename(target)


def remove_folder(folder: Path) -> None:
    """Remove a folder as far as possible; the next recovery tries again."""
    shutil.rmtree(folder, ignore_errors=True)


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


def acquire_lock(path: Path, *, wait: bool) -> int | None:
    """Take the lock that lives in a file; the system frees it if the process dies.

    Args:
        path: Lock file, created if missing. Its content is a note about the owner.
        wait: Wait until it is free.

    Returns:
        Descriptor for ``release_lock``, or null if it is taken and ``wait`` is false.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            taken = _try_lock(descriptor, wait=wait)
            # Somebody may have removed the file between our two steps.
            is_current = taken and _is_same_file(descriptor, path)
        except BaseException:
            os.close(descriptor)
            raise
        if is_current:
            return descriptor
        os.close(descriptor)
        if not taken:
            return None


def release_lock(descriptor: int) -> None:
    """Free a lock taken by ``acquire_lock``."""
    os.close(descriptor)


def note_owner(descriptor: int) -> None:
    """Write into the lock file who holds it, for the message others get."""
    owner = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps(owner).encode())


def read_owner(path: Path) -> str:
    """Tell who holds a lock, as far as the note in its file says."""
    try:
        owner = json.loads(path.read_bytes())
        return f"process {owner['pid']} on {owner['host']} since {owner['started_at']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _try_lock(descriptor: int, *, wait: bool) -> bool:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415  (only there)

        while True:
            os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    return False
                time.sleep(_LOCK_PAUSE_SECONDS)
            else:
                return True
    else:
        import fcntl  # noqa: PLC0415  (not on Windows)

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
