"""Object storage: objects under keys, behind a URL such as ``s3://bucket/prefix``.

The client is ``obstore``, imported only where a URL is used: the extra ``s3`` installs
it. It takes endpoint and credentials from the usual environment variables
(``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID`` ...), and tries again by itself what the
network has lost.

Of a folder an object store has neither the rename nor the lock. What it has instead: an
object is written as a whole or not at all, and can be created on the condition that
there is none of its name yet.
"""

import contextlib
import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias, TypeVar

from tasks.errors import PipelineError, SettingsError, UnreadableError

if TYPE_CHECKING:
    from obstore import GetResult
    from obstore.store import ObjectStore

CONNECTIONS = 16
"""Requests under way at a time: a single one waits for the network most of the time."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # C:/ is none
_S3_URL = re.compile(r"s3://[^/?#\s]+(?:/[^?#]*)?")
_OF_ONE_OBJECT = re.compile("<Code>(AccessDenied|InvalidObjectState)")
_NANOSECONDS = 1_000_000_000
_CHUNK_BYTES = 8 << 20
_CHECK = (
    "Check the URL, the network, and the environment variables AWS_ENDPOINT_URL,"
    " AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, then try again."
)

_ALLOW = "Allow it, or fetch it back from the archive, then try again."

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class ObjectUrl(str):
    """Where objects lie: ``s3://bucket/prefix``, without a slash at the end.

    Has what both a folder and a URL can do, so that most code need not ask which it is.

    Examples:
        >>> url = ObjectUrl("s3://news/raw")
        >>> url / "de/a.txt", url.name, url.is_relative_to(ObjectUrl("s3://news"))
        ('s3://news/raw/de/a.txt', 'raw', True)
    """

    __slots__ = ()

    def __truediv__(self, key: str | os.PathLike[str]) -> "ObjectUrl":
        return ObjectUrl(f"{self}/{os.fspath(key)}")

    @property
    def name(self) -> str:
        """The last part."""
        return self.rpartition("/")[2]

    def resolve(self) -> Self:
        """Return the URL itself: it is absolute."""
        return self

    def is_relative_to(self, other: str | os.PathLike[str]) -> bool:
        """Tell whether it is, or lies below, another place."""
        return self == other or self.startswith(f"{os.fspath(other)}/")


Place: TypeAlias = Path | ObjectUrl
"""A folder, or a URL of object storage."""


def parse_place(text: str) -> Place:
    """Read where something lies.

    Raises:
        ValueError: It is a URL of another kind.

    Examples:
        >>> parse_place("s3://news/raw/")
        's3://news/raw'
        >>> parse_place("gs://news/raw")
        Traceback (most recent call last):
        ...
        ValueError: must be a folder or s3://bucket/prefix
    """
    if not text:
        raise ValueError("must be the path of a folder")
    if not _URL.match(text):
        return Path(text)
    if not _S3_URL.fullmatch(text):
        raise ValueError("must be a folder or s3://bucket/prefix")
    return ObjectUrl(text.rstrip("/"))


class ObjectInfo(NamedTuple):
    """What a store tells of an object.

    Attributes:
        key: Its name below the URL of the store.
        size_bytes: Its size.
        modified_at: When it was written, by the clock of the store.
        e_tag: Tells this content, or this writing of it, from any other.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    e_tag: str

    @property
    def version_ns(self) -> int:
        """What stands for a file's time of change: changed if the object was written.

        The second is that of the store. What is below comes from the ETag, so that two
        objects written within one second are told apart.
        """
        # As a list has it or an answer, which differ in marks around it.
        e_tag = self.e_tag.removeprefix("W/").strip('"')
        second = int(self.modified_at.timestamp())
        return second * _NANOSECONDS + zlib.crc32(e_tag.encode()) % _NANOSECONDS


class Object:
    """An object that is being read, as it was at one moment."""

    def __init__(self, found: "GetResult", url: ObjectUrl) -> None:
        """Keep the answer of the store; for ``Store.open`` only."""
        self._found, self._url = found, url
        self.info = _describe(found.meta)

    def read(self) -> bytes:
        """Return all of it."""
        with _reported(self._url, "read"):
            return self._found.bytes().to_bytes()

    def chunks(self) -> Iterator[bytes]:
        """Yield it in pieces."""
        with _reported(self._url, "read"):
            for chunk in self._found.stream(_CHUNK_BYTES):
                yield bytes(chunk)


class Store:
    """The objects below a URL.

    Every method raises ``PipelineError`` where the store does not answer, or refuses.
    """

    def __init__(self, url: ObjectUrl, client: "ObjectStore") -> None:
        """Use ``open_store``."""
        self.url, self._client = url, client

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects below a prefix, which ends at a slash, by key."""
        import obstore  # noqa: PLC0415  # optional

        with _reported(self.url, "list"):
            for batch in obstore.list(self._client, prefix or None):
                yield from map(_describe, batch)

    def open(self, key: str) -> Object | None:
        """Begin to read an object; null if there is none.

        Raises:
            UnreadableError: This object may not be read, or lies in an archive.
        """
        import obstore  # noqa: PLC0415  # optional
        from obstore.exceptions import PermissionDeniedError  # noqa: PLC0415

        with _reported(self.url / key, "read"):
            try:
                return Object(obstore.get(self._client, key), self.url / key)
            except FileNotFoundError:
                return None
            except PermissionDeniedError as error:
                if not _OF_ONE_OBJECT.search(str(error)):
                    raise
                raise UnreadableError(
                    str(self.url / key), f"cannot be read: {_brief(error)}", _ALLOW
                ) from error

    def read(self, key: str) -> bytes | None:
        """Return an object; null if there is none."""
        found = self.open(key)
        return found.read() if found else None

    def put(self, key: str, data: bytes | Path) -> None:
        """Write an object, or the bytes of a file as one; whole or not at all."""
        import obstore  # noqa: PLC0415  # optional

        with _reported(self.url / key, "write"):
            # Of large files only a few pieces are in memory, though many are under way.
            obstore.put(self._client, key, data, max_concurrency=2)

    def create(self, key: str, data: bytes) -> str | None:
        """Write an object if there is none of that name.

        Args:
            key: Name of the object.
            data: Its content, which nobody else would write.

        Returns:
            Its ETag; null if there is one. Of all callers one at most gets an ETag.
        """
        import obstore  # noqa: PLC0415  # optional
        from obstore.exceptions import AlreadyExistsError  # noqa: PLC0415

        with _reported(self.url / key, "write"):
            try:
                return obstore.put(self._client, key, data, mode="create")["e_tag"]
            except AlreadyExistsError:
                # If the answer to our own request was lost, the client has asked again.
                found = self.open(key)
        return found.info.e_tag if found and found.read() == data else None

    def replace(self, key: str, data: bytes, e_tag: str) -> str | None:
        """Write an object if it still has that ETag; return the new one, else null."""
        import obstore  # noqa: PLC0415  # optional
        from obstore.exceptions import PreconditionError  # noqa: PLC0415

        with _reported(self.url / key, "write"):
            try:
                mode: Any = {"e_tag": e_tag}
                return obstore.put(self._client, key, data, mode=mode)["e_tag"]
            except (PreconditionError, FileNotFoundError):
                return None

    def delete(self, keys: Iterable[str]) -> None:
        """Remove objects; those that are gone are no error."""
        import obstore  # noqa: PLC0415  # optional

        with _reported(self.url, "delete from"):
            if known := list(keys):
                obstore.delete(self._client, known)


def find_endpoint() -> str:
    """Return the address of the store, as the environment says; empty for Amazon's."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    return next((os.environ[name] for name in names if os.environ.get(name)), "")


@cache
def open_store(url: ObjectUrl) -> Store:
    """Name a store; nothing is asked of it yet.

    Raises:
        SettingsError: The client is not installed, or cannot make sense of the
            environment.
    """
    try:
        from obstore.exceptions import BaseError  # noqa: PLC0415  # optional
        from obstore.store import from_url  # noqa: PLC0415  # optional
    except ImportError as error:
        raise SettingsError(
            url,
            "is on object storage, whose client is not installed",
            "Install it: pip install 'article-pipeline[s3]'.",
        ) from error
    # Only an endpoint that says so is talked to without encryption.
    endpoint = find_endpoint()
    config: Any = {"aws_endpoint": endpoint} if endpoint else {}
    options: Any = {"allow_http": True} if endpoint.startswith("http://") else {}
    try:
        client = from_url(url, config=config, client_options=options)
    except (BaseError, ValueError) as error:
        raise SettingsError(url, f"cannot be used: {_brief(error)}", _CHECK) from error
    return Store(url, client)


def look_up(url: ObjectUrl) -> ObjectInfo | None:
    """Look at one object; null if there is none.

    Raises:
        PipelineError: The client is not installed, or the store does not let us.
    """
    folder, _, name = url.rpartition("/")
    found = open_store(ObjectUrl(folder)).open(name)
    return found.info if found else None


def side_by_side(
    do: Callable[[_Item], _Result], items: Iterable[_Item]
) -> list[_Result]:
    """Do something that waits for the network with every item.

    Raises:
        Exception: What the first failure raised; the others are awaited.
    """
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return list(threads.map(do, items))


@contextlib.contextmanager
def ahead_of_time(
    do: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Iterator[dict[_Item, Future[_Result]]]:
    """Begin with every item at once, so that none has to be waited for for long."""
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        try:
            yield {item: threads.submit(do, item) for item in items}
        finally:
            threads.shutdown(cancel_futures=True)


def _describe(meta: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        meta["path"], meta["size"], meta["last_modified"], meta["e_tag"] or ""
    )


@contextlib.contextmanager
def _reported(url: ObjectUrl, doing: str) -> Iterator[None]:
    """Turn what the client raises into the error of a pipeline."""
    from obstore.exceptions import BaseError  # noqa: PLC0415  # optional

    try:
        yield
    except (BaseError, OSError) as error:
        raise PipelineError(
            str(url), f"cannot {doing} it: {_brief(error)}", _CHECK
        ) from error


def _brief(error: Exception) -> str:
    """Return the first line of what a client says."""
    lines = str(error).splitlines()
    return lines[0].strip() if lines else type(error).__name__
