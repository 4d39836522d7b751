"""Locks that live in a file: one holder at a time, also among hosts on one folder.

Two things say that a lock is held. The operating system's lock (``flock``, ``msvcrt``)
ends with its process, so on one machine a dead holder never blocks anybody; but not
every shared file system carries it to other machines. So the file also holds a note
about its owner, cleared on release, and the owner touches the file now and then: a
note of another machine counts while that heartbeat is fresh. Ages are taken from the
file server's clock alone, because those of two machines may differ.

If a machine stands still for longer than the heartbeat allows, another may take its
lock. ``Lock.is_ours`` tells: ask before anything that cannot be undone.
"""

import contextlib
import json
import logging
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

BEAT_SECONDS = 10.0
"""How often the holder of a lock shows that it lives."""
STALE_SECONDS = 60.0
"""Age of the last heartbeat from which a holder on another machine counts as dead."""

_BY_HEARTBEAT = f"(by its heartbeat; taken over {STALE_SECONDS:.0f} s after the last)"
_PAUSES_SECONDS = (0.05, 1.0)  # first and longest: a server is asked every time
_NOTE_BYTES = 512  # padded, so that one write replaces a note and none is ever torn
_LOCKED_BYTE = 1 << 30  # msvcrt locks are mandatory: stay clear of the note

_logger = logging.getLogger(__name__)


class Owner(NamedTuple):
    """The note in a lock file.

    Attributes:
        pid: Process that holds the lock.
        host: Name of its machine.
        started_at: When it took the lock, UTC.
        token: Tells this taking of the lock from every other.
        boot: Names the run of the machine's kernel; empty if it cannot be known.
    """

    pid: int
    host: str
    started_at: str
    token: str = ""
    boot: str = ""

    def __str__(self) -> str:
        """Return who it is, for messages."""
        return f"process {self.pid} on {self.host} since {self.started_at}"

    @property
    def is_local(self) -> bool:
        """Whether it is, or was, a process under this very kernel.

        Containers of one machine have several names; restarts and namesakes share one.
        """
        if self.boot and _boot():
            return self.boot == _boot()
        return self.host == socket.gethostname()


class Lock:
    """A lock that is held, from ``take_lock`` to ``release``."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Write the note and start the heartbeat; for ``take_lock`` only."""
        self._path, self._descriptor = path, descriptor
        self._pid = os.getpid()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.owner = Owner(
            self._pid, socket.gethostname(), now, uuid.uuid4().hex, _boot()
        )
        note = json.dumps(self.owner._asdict()).encode().ljust(_NOTE_BYTES)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, note)
        os.fsync(descriptor)  # a network file system may keep it here for long
        self._is_over = threading.Event()
        self._heart = threading.Thread(
            target=self._beat, name=f"heartbeat of {path.name}", daemon=True
        )
        self._heart.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def is_ours(self) -> bool:
        """Tell whether the file still carries our note: nobody has taken it over.

        Raises:
            OSError: That cannot be known now.
        """
        try:
            # Opened anew: a network file system looks at the server only then.
            owner = _parse_note(self._path.read_bytes())
        except FileNotFoundError:
            return False
        return owner is not None and owner.token == self.owner.token

    def release(self) -> None:
        """Stop the heartbeat, clear the note unless it is another's, free the lock."""
        if os.getpid() != self._pid:  # a forked child: it has no lock to give back
            os.close(self._descriptor)
            return
        self._is_over.set()
        self._heart.join()
        try:
            if self.is_ours():
                os.ftruncate(self._descriptor, 0)
        except OSError as error:  # stale in a minute, and no reason to fail
            _logger.warning("cannot clear the note in %s: %s", self._path, error)
        finally:
            os.close(self._descriptor)

    def _beat(self) -> None:
        target = self._descriptor if os.utime in os.supports_fd else self._path
        while not self._is_over.wait(BEAT_SECONDS):
            # A missed beat matters only if many follow, and then `is_ours` tells.
            with contextlib.suppress(OSError):
                os.utime(target)


def take_lock(
    path: Path, *, wait: bool = False, tell: Callable[[str], None] | None = None
) -> Lock | str:
    """Take the lock that lives in a file.

    Args:
        path: Lock file, created if missing.
        wait: Wait until it is free.
        tell: Told who holds it when waiting begins, and when that changes.

    Returns:
        The lock; or, if it is taken and ``wait`` is false, who holds it.

    Raises:
        OSError: The lock file cannot be used.
    """
    told = ""
    pause_seconds, longest_seconds = _PAUSES_SECONDS
    while isinstance(found := _try(path), str) and wait:
        if found != told:
            _logger.info("waiting for %s", found)
            if tell:
                tell(found)
        told = found
        time.sleep(pause_seconds)
        pause_seconds = min(1.5 * pause_seconds, longest_seconds)
    return found


def read_owner(path: Path) -> Owner | None:
    """Return the note in a lock file; null if the lock was released, or never taken."""
    try:
        return _parse_note(path.read_bytes())
    except OSError:
        return None


def _parse_note(data: bytes) -> Owner | None:
    try:
        note = json.loads(data)
        return Owner(**{name: note[name] for name in Owner._fields if name in note})
    except (ValueError, KeyError, TypeError):
        return None


def seconds_since_beat(path: Path) -> float:
    """Return the age of the last heartbeat, by the clock of the file server.

    Raises:
        OSError: The file cannot be looked at, or no other written beside it.
    """
    clock = path.with_name(f"trash-clock-{uuid.uuid4().hex}")
    try:
        clock.write_bytes(b"?")  # an empty file may get its time from the client
        # Opened, because only then a network file system asks the server.
        with path.open("rb") as file:
            return clock.stat().st_mtime - os.fstat(file.fileno()).st_mtime
    finally:
        clock.unlink(missing_ok=True)


def _try(path: Path) -> Lock | str:
    """Take the lock or tell who holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        lock = None
        try:
            if not _try_system_lock(descriptor):
                return str(read_owner(path) or "another process")
            # Somebody may have removed the file between our two steps.
            if not _is_same_file(descriptor, path):
                continue
            if owner := _living_owner(path):
                return f"{owner} {_BY_HEARTBEAT}"
            lock = Lock(path, descriptor)
            return lock
        finally:
            if lock is None:
                os.close(descriptor)


def _living_owner(path: Path) -> Owner | None:
    """Return the owner that only its heartbeat shows; the system's lock is ours."""
    owner = read_owner(path)
    if owner is None or (owner.is_local and _excludes_others(path)):
        return None
    age_seconds = seconds_since_beat(path)
    # A beat in the future: the server's clock was set back since, and the holder,
    # if there is one, has not touched the file for as long.
    if abs(age_seconds) < STALE_SECONDS:
        return owner
    _logger.warning(
        "taking over %s: no heartbeat of %s for %.0f s", path, owner, age_seconds
    )
    return None


def _excludes_others(path: Path) -> bool:
    """Tell whether the system's lock, which is ours, really keeps others out.

    Some file systems accept it and do nothing.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        return not _try_system_lock(descriptor)
    finally:
        os.close(descriptor)


def _is_same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _try_system_lock(descriptor: int) -> bool:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415  (only there)

        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl  # noqa: PLC0415  (not on Windows)

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@cache
def _boot() -> str:
    """Return what names this run of the kernel; empty where it cannot be known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
