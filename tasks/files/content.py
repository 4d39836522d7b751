"""Bytes of raw files, each as it was at one moment; large ones as they go by."""

import contextlib
import hashlib
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from tasks.errors import UnreadableError, refuse_scarcity
from tasks.files.rejects import Reject
from tasks.objects import Object, ObjectUrl, Place, Store, ahead_of_time, open_store
from tasks.schema import Reason

_CHUNK_BYTES = 1 << 20
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_State = tuple[int, int, int, int]


class Content(Protocol):
    """The bytes of a raw file, with the state of the very file they are from.

    Attributes:
        size_bytes: How many there are.
        mtime_ns: When they were written.
    """

    @property
    def size_bytes(self) -> int: ...  # noqa: D102
    @property
    def mtime_ns(self) -> int: ...  # noqa: D102

    @property
    def sha256(self) -> str:
        """Their hash."""

    def chunks(self) -> Iterator[bytes]:
        """Yield them; the same whenever it is called.

        Raises:
            Reject: Somewhere on the way: they are not the same any more, or cannot be
                read. At the end at the latest.
        """


class Kept:
    """Bytes of a file, in memory; see ``Content``."""

    def __init__(self, raw: bytes, mtime_ns: int) -> None:
        """Keep them."""
        self.raw, self.size_bytes, self.mtime_ns = raw, len(raw), mtime_ns
        self.sha256 = hashlib.sha256(raw).hexdigest()

    def chunks(self) -> Iterator[bytes]:
        """Yield them."""
        for start in range(0, self.size_bytes, _CHUNK_BYTES):
            yield self.raw[start : start + _CHUNK_BYTES]


class _Hashed(ABC):
    """Bytes that have one hash, as often as they are gone through; see ``Content``."""

    def __init__(self, size_bytes: int, mtime_ns: int) -> None:
        self.size_bytes, self.mtime_ns = size_bytes, mtime_ns
        self._sha256: str | None = None

    @property
    def sha256(self) -> str:
        """Their hash; goes through them unless that has been done."""
        if self._sha256 is None:
            for _ in self.chunks():
                pass
        return self._sha256 or ""

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, and in the end compare them with those of last time."""
        digest = hashlib.sha256()
        for chunk in self._look():
            digest.update(chunk)
            yield chunk
        sha256 = digest.hexdigest()
        if self._sha256 not in {None, sha256}:
            raise _changed()
        self._sha256 = sha256

    @abstractmethod
    def _look(self) -> Iterator[bytes]:
        """Yield the bytes; raise ``Reject`` if they are not the same any more."""


class OnDisk(_Hashed):
    """Bytes of a file that is read anew whenever they are asked for.

    It stays open, so that all bytes are of one file whatever happens to its name.
    """

    def __init__(self, path: str, descriptor: int) -> None:
        """Note the state of an open file."""
        found = os.fstat(descriptor)
        super().__init__(found.st_size, found.st_mtime_ns)
        self._path, self._descriptor = path, descriptor
        self._state = _state(found)

    def _look(self) -> Iterator[bytes]:
        with refusing(self._path):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            read = 0
            while chunk := os.read(self._descriptor, _CHUNK_BYTES):
                if self._state != _state(os.fstat(self._descriptor)):
                    raise _changed()
                read += len(chunk)
                yield chunk
            if read != self.size_bytes or self._state != _state(os.stat(self._path)):  # noqa: PTH116
                raise _changed()


class _Remote(_Hashed):
    """Bytes of an object, which is fetched anew whenever they are asked for."""

    def __init__(self, store: Store, key: str, found: Object) -> None:
        super().__init__(found.info.size_bytes, found.info.version_ns)
        self._store, self._key = store, key

    def _look(self) -> Iterator[bytes]:
        found = _open_object(self._store, self._key)
        if found.info.version_ns != self.mtime_ns:
            raise _changed()
        yield from found.chunks()


Open = Callable[[str], contextlib.AbstractContextManager[Content]]
"""Opens a raw file by its path."""


@contextlib.contextmanager
def opening(
    raw_dir: Place,
    paths: Iterable[str],
    most_bytes: Callable[[str], int],
    kept_bytes: Callable[[str], int],
) -> Iterator[Open]:
    """Give what opens raw files one by one; objects are asked for ahead of time.

    Args:
        raw_dir: Folder, or URL of object storage.
        paths: What will be opened, below it.
        most_bytes: Size above which a file is refused.
        kept_bytes: Size up to which it is read into memory; others are read as they
            are gone through, maybe several times.
    """
    if not isinstance(raw_dir, ObjectUrl):

        def open_file(path: str) -> contextlib.AbstractContextManager[Content]:
            place = os.path.join(raw_dir, path)  # noqa: PTH118  # speed
            return _open_file(place, most_bytes(path), kept_bytes(path))

        yield open_file
        return
    store = open_store(raw_dir)
    with ahead_of_time(
        lambda path: _read_object(store, path, most_bytes(path), kept_bytes(path)),
        paths,
    ) as contents:
        yield lambda path: contextlib.nullcontext(contents.pop(path).result())


def hash_unread(raw_dir: Place, path: str) -> str | None:
    """SHA-256 of a file that is not to be read any other way.

    Null if it cannot be read, or is no plain file any more; and of an object, which
    would have to be fetched for nothing else.
    """
    if isinstance(raw_dir, ObjectUrl):
        return None
    with contextlib.suppress(OSError):
        descriptor = os.open(os.path.join(raw_dir, path), _OPEN_FLAGS)  # noqa: PTH118
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return hashlib.file_digest(file, "sha256").hexdigest()
    return None


@contextlib.contextmanager
def refusing(path: str) -> Iterator[None]:
    """Turn what the system says of a file into why it is no document.

    Raises:
        Reject: It cannot be read.
        PipelineError: The machine has no open files or memory left.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise Reject(Reason.UNREADABLE, "gone since it was listed") from error
    except IsADirectoryError as error:
        raise Reject(Reason.NOT_A_FILE, "no file any more") from error
    except OSError as error:
        refuse_scarcity(error, path)
        detail = error.strerror or type(error).__name__
        raise Reject(Reason.UNREADABLE, detail) from error


def _changed() -> Reject:
    return Reject(Reason.CHANGED_WHILE_READING, "changed while it was read")


@contextlib.contextmanager
def _open_file(path: str, most_bytes: int, kept_bytes: int) -> Iterator[Content]:
    """Open a file.

    Raises:
        Reject: It cannot be read, is too large, or changed twice while being read.
    """
    with contextlib.ExitStack() as stack:
        with refusing(path):
            content = _read_once(path, most_bytes, kept_bytes, stack) or _read_once(
                path, most_bytes, kept_bytes, stack
            )
        if content is None:
            raise Reject(
                Reason.CHANGED_WHILE_READING,
                "changed while it was read, twice in a row",
            )
        yield content


def _read_once(
    path: str, most_bytes: int, kept_bytes: int, stack: contextlib.ExitStack
) -> Content | None:
    """Content, or null if the file changed meanwhile."""
    # A named pipe that took the file's place must not make us wait.
    descriptor = os.open(path, _OPEN_FLAGS)
    with contextlib.ExitStack() as here:
        here.callback(os.close, descriptor)
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Reject(Reason.NOT_A_FILE, "no file any more")
        _refuse_size(before.st_size, most_bytes)
        if before.st_size > kept_bytes:
            stack.push(here.pop_all())
            return OnDisk(path, descriptor)
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as file:
            raw = file.read(before.st_size + 1)
        after = os.fstat(descriptor)
    same = _state(before) == _state(after) == _state(os.stat(path))  # noqa: PTH116
    if not same or len(raw) != before.st_size:
        return None
    return Kept(raw, before.st_mtime_ns)


def _state(found: os.stat_result) -> _State:
    return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino


def _refuse_size(size_bytes: int, most_bytes: int) -> None:
    if size_bytes > most_bytes:
        raise Reject(
            Reason.TOO_LARGE,
            f"{size_bytes:,} bytes; the limit is {most_bytes:,}"
            " (setting max_file_bytes)",
        )


def _read_object(store: Store, key: str, most_bytes: int, kept_bytes: int) -> Content:
    """Read an object, which cannot change while it is read.

    Raises:
        Reject: It cannot be read, or is too large.
        PipelineError: The store does not answer.
    """
    found = _open_object(store, key)
    _refuse_size(found.info.size_bytes, most_bytes)
    if found.info.size_bytes > kept_bytes:
        return _Remote(store, key, found)
    return Kept(found.read(), found.info.version_ns)


def _open_object(store: Store, key: str) -> Object:
    try:
        found = store.open(key)
    except UnreadableError as error:
        raise Reject(Reason.UNREADABLE, error.problem) from error
    if found is None:
        raise Reject(Reason.UNREADABLE, "gone since it was listed")
    return found
