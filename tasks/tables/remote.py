"""The warehouse on object storage: immutable objects, and one manifest per snapshot.

::

    s3://bucket/warehouse/
        _manifests/00000042.json    every object of snapshot 42; never written again
        documents/...parquet        objects of snapshots; never written again
        report/...html
        _lock.json                  who writes just now

A folder cannot be exchanged there. What decides instead is the creation of the next
manifest on the condition that there is none of that number: of two runs that began with
the same snapshot one is published and the other refused, so nothing is lost. The live
snapshot is the one of the highest number. A run that is killed leaves objects that no
manifest names; a later run removes them once they are older than ``SAFE_AGE``.

Work is done on a copy in a cache folder, which is a warehouse as any other: there every
question is asked and every snapshot is built. Only files that the other side does not
have travel, told by their SHA-256.
"""

import contextlib
import hashlib
import itertools
import json
import logging
import os
import re
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tasks.errors import PipelineError, WarehouseError
from tasks.objects import ObjectInfo, ObjectUrl, Store, open_store, side_by_side
from tasks.schema import TABLES
from tasks.tables import disk, snapshots
from tasks.tables.lease import LEASE_KEY, take_lease
from tasks.tables.lock import Lock, take_lock
from tasks.tables.manifest import REPORT_NAME, Manifest, parse_manifest
from tasks.tables.parts import StagedPart
from tasks.tables.snapshots import Problem
from tasks.tables.warehouse import Snapshot, Warehouse

SAFE_AGE = timedelta(days=1)
"""How long a snapshot stays readable after it was replaced, whatever the settings, and
how long a run may take to upload what no manifest names yet."""

_MANIFESTS = "_manifests/"
_REPORTS = "report"
_OWN_OBJECT = re.compile(r"\w+/\d{8,}-[0-9a-f]{12}\.(?:parquet|html)")
_URL_DIGITS = 12
_CACHE_ID = "cache-id"
_AGAIN = "Run again: it starts from what is published now."
_DAMAGED = (
    "Publish an earlier snapshot with `articles rollback`, or name another place with"
    " --warehouse and run: everything is made anew from the raw files."
)
_CACHE = "Free space or fix permissions there, or name another folder by cache_dir."

_logger = logging.getLogger(__name__)


class Published(NamedTuple):
    """A manifest as it lies in the store.

    Attributes:
        manifest: The manifest; its files are named as in a folder.
        objects: Key of each file, the report included.
    """

    manifest: Manifest
    objects: Mapping[str, str]

    @classmethod
    def parse(cls, data: bytes, place: str) -> "Published":
        """Read the content of a manifest.

        Raises:
            WarehouseError: It is damaged, or written by a newer version.
        """
        manifest = parse_manifest(data, place)
        content = json.loads(data)
        page = [content["report"]] if content.get("report") else []
        try:
            objects = {item["file"]: item["object"] for item in content["files"] + page}
        except (KeyError, TypeError) as error:
            raise WarehouseError(
                place, f"damaged manifest (no {error})", _DAMAGED
            ) from error
        return cls(manifest, objects)

    def dump(self) -> bytes:
        """Return the content of the manifest: a local one, with a key for each file."""
        content = json.loads(self.manifest.dump())
        page = [content["report"]] if content.get("report") else []
        for item in content["files"] + page:
            item["object"] = self.objects[item["file"]]
        return (json.dumps(content, indent=1) + "\n").encode()

    def sizes(self) -> dict[str, int]:
        """Return the size of each object."""
        return {
            self.objects[file]: entry.size_bytes
            for _, file, entry in self.manifest.paths()
        }


class RemoteWarehouse(Warehouse):
    """A warehouse on object storage, worked on in a cache folder.

    Attributes:
        url: Where the objects are.
    """

    def __init__(
        self,
        url: ObjectUrl,
        cache_dir: Path,
        *,
        store: Store | None = None,
        safe_age: timedelta = SAFE_AGE,
        **options: Any,  # noqa: ANN401  # those of a warehouse
    ) -> None:
        """Name the place; nothing is touched yet.

        Args:
            url: Where the objects are.
            cache_dir: Folder of the copies of all such warehouses.
            store: What ``url`` stands for; null for what the environment says.
            safe_age: See ``SAFE_AGE``.
            options: As for ``Warehouse``.
        """
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "")
        digest = hashlib.sha256(f"{endpoint}\0{url}".encode()).hexdigest()
        place = cache_dir / f"{url.name}-{digest[:_URL_DIGITS]}" / url.name
        super().__init__(place, **options)
        self.url, self.shown = url, str(url)
        self._store = store or open_store(url)
        self._safe_age = safe_age
        self._is_fresh = False
        self._published: dict[int, Published] = {}

    # Reading

    def manifest(self) -> Manifest | None:
        """Return what was published when this was first asked, or under the lock now.

        Raises:
            WarehouseError: The manifest is damaged, or of a newer version.
            PipelineError: The store does not answer.
        """
        if not (self._is_fresh or self._lock):
            self._is_fresh = True
            self._freshen()
        return super().manifest()

    def list_files(self, table: str, number: int | None = None) -> list[str]:
        """Name the objects of one table of a snapshot; fetches none of them.

        Args:
            table: Name of the table.
            number: An earlier snapshot; null for the live one.

        Returns:
            URLs. They stay readable for ``SAFE_AGE`` after the snapshot was replaced.

        Raises:
            WarehouseError: There is no such snapshot.
        """
        published = self._read_head() if number is None else self._read(number)
        if published is None:
            return super().list_files(table, number)  # says what there is
        return [
            self.url / published.objects[file]
            for name, file, _ in published.manifest.paths()
            if name == table
        ]

    def snapshots(self) -> list[Snapshot]:
        """List what can be read or rolled back to, newest first."""
        found = side_by_side(self._read, self._numbers())
        lines: list[Snapshot] = []
        older: set[str] = set()
        for published in (item for item in found if item):
            manifest, sizes = published.manifest, published.sizes()
            line = Snapshot(
                snapshot=manifest.snapshot,
                created_at=manifest.created_at,
                run_id=manifest.run_id,
                restored_from=manifest.restored_from,
                schema_version=manifest.schema_version,
                rows=manifest.rows,
                size_bytes=manifest.size_bytes,
                added_bytes=sum(sizes[key] for key in sizes.keys() - older),
                is_live=published is found[-1],
            )
            older |= sizes.keys()
            lines.append(line)
        return lines[::-1]

    def _find_earlier(self, number: int) -> Manifest | None:
        """Fetch an earlier snapshot into the cache, unless it is there."""
        if (published := self._read(number)) is None:
            return None
        if super()._find_earlier(number) == published.manifest:
            return published.manifest
        target = snapshots.snapshot_folder(self.room, number)
        with self._fetching(), disk.reported(str(self.room), "fetch tables", _CACHE):
            folder = self._fetch(published)
            disk.remove_folder(target)
            target.parent.mkdir(exist_ok=True)
            folder.rename(target)
        return published.manifest

    def verify_files(self, pinned: Path | None = None) -> Iterator[Problem]:
        """Compare the copy with the manifest byte for byte, the objects by size."""
        yield from super().verify_files(pinned)
        folder = pinned or self.live
        live = snapshots.find_manifest(folder)
        published = self._read(live.snapshot) if live else None
        if published is None:
            return
        found = {info.key: info.size_bytes for info in self._store.list()}
        for table, file, entry in published.manifest.paths():
            key = published.objects[file]
            if key not in found:
                yield Problem(table, key, "object exists", "it does not")
            elif found[key] != entry.size_bytes:
                sizes = f"{found[key]} bytes, manifest says {entry.size_bytes}"
                yield Problem(table, key, "size of the object", sizes)

    # Writing

    @contextlib.contextmanager
    def lock(
        self, *, wait: bool = False, tell: Callable[[str], None] | None = None
    ) -> Iterator[None]:
        """Hold the cache and the warehouse for a run, and fetch what is published.

        Args:
            wait: Wait for the run that holds it, instead of refusing.
            tell: Told who holds it, if it has to be waited for.

        Raises:
            WarehouseError: It is taken, the place holds something else, or the disk
                refused.
            PipelineError: The store does not answer.
        """
        self._is_fresh = True  # below, and not while the cache is being locked
        with (
            super().lock(wait=wait, tell=tell),
            take_lease(self._store, self._cache_id(), wait=wait, tell=tell),
        ):
            self._refuse_foreign()
            with self._fetching():
                self._bring_to_head()
            self._base = self.manifest()
            yield

    def publish(
        self,
        staged: Sequence[StagedPart],
        replaced_paths: Collection[str],
        run: Mapping[str, Any] | pd.DataFrame,
        fingerprint: str,
        touched: pd.DataFrame | None = None,
    ) -> Manifest:
        """Publish parts in place of the old rows of some raw files, all or nothing.

        Args:
            staged: As for ``Warehouse.publish``, as the others are.
            replaced_paths: Ditto.
            run: Ditto.
            fingerprint: Ditto.
            touched: Ditto.

        Raises:
            WarehouseError: Another run published meanwhile, or the disk refused. The
                old tables are intact.
            PipelineError: The store does not answer.
        """
        self._refuse_overtaken()
        return super().publish(staged, replaced_paths, run, fingerprint, touched)

    def _next_number(self) -> int:
        live = self.manifest()
        return 1 + (live.snapshot if live else 0)

    def _commit_elsewhere(self, folder: Path, manifest: Manifest) -> None:
        """Upload a snapshot and create its manifest, unless another run was faster."""
        self._refuse_overtaken()
        start = time.time()
        known: dict[tuple[str, str], str] = {}
        if self._base and (before := self._read(self._base.snapshot)):
            known = {
                (table, entry.sha256): before.objects[file]
                for table, file, entry in before.manifest.paths()
            }
        objects: dict[str, str] = {}
        new: list[str] = []
        for table, file, entry in manifest.paths():
            if key := known.get((table, entry.sha256)):
                objects[file] = key
            else:
                objects[file] = file
                new.append(file)
        if manifest.report:
            stem = f"{manifest.snapshot:08d}-{uuid.uuid4().hex[:12]}"
            objects[REPORT_NAME] = f"{_REPORTS}/{stem}.html"
            new.append(REPORT_NAME)
        side_by_side(lambda file: self._store.put(objects[file], folder / file), new)
        self._refuse_overtaken()
        if time.time() - start > SAFE_AGE.total_seconds() / 2:
            raise WarehouseError(
                str(self.url),
                "the upload took so long that others may think it dead",
                "Look for what slows it down, then run again; nothing was replaced.",
            )
        data = Published(manifest, objects).dump()
        if not self._store.create(_manifest_key(manifest.snapshot), data):
            self._store.delete(objects[file] for file in new)
            raise self._overtaken()

    def _settle(self) -> None:
        super()._settle()
        try:
            self._expire()
        except PipelineError as error:
            _logger.warning("published, but could not tidy up afterwards: %s", error)

    def _expire(self) -> None:
        """Remove earlier snapshots that are too many or too old, and lost objects."""
        infos = list(self._store.list())
        written = {
            number: info.modified_at
            for info in infos
            if (number := _manifest_number(info.key)) is not None
        }
        numbers = sorted(written, reverse=True)
        if not numbers:
            return
        now = written[numbers[0]]  # by the clock of the store
        doomed = self._choose_expired(numbers, written, now)
        self._store.delete(map(_manifest_key, doomed))
        kept = [number for number in numbers if number not in doomed]
        found = side_by_side(self._read, kept)
        if not all(found):
            return  # somebody else tidies up too
        named = {key for item in found if item for key in item.objects.values()}
        self._store.delete(
            info.key
            for info in infos
            if info.key not in named
            and _OWN_OBJECT.fullmatch(info.key)
            and now - info.modified_at > self._safe_age
        )

    def _choose_expired(
        self, numbers: list[int], written: Mapping[int, datetime], now: datetime
    ) -> set[int]:
        """Return which snapshots go; the age counts from when one was replaced."""
        days = None if self._keep_days is None else timedelta(days=self._keep_days)
        doomed = set()
        for place, (later, number) in enumerate(itertools.pairwise(numbers)):
            age = now - written[later]
            is_old = days is not None and age > days
            if (place >= self._keep_snapshots or is_old) and age > self._safe_age:
                doomed.add(number)
        return doomed

    def _overtaken(self) -> WarehouseError:
        """Return the error of a run whose tables are not those it began with."""
        numbers = self._numbers()
        winner = self._read(numbers[-1]) if numbers else None
        problem = "its snapshots were removed meanwhile; nothing was published"
        if winner and winner.manifest != self._base:
            problem = (
                f"run {winner.manifest.run_id} published snapshot"
                f" {winner.manifest.snapshot} meanwhile; nothing was replaced"
            )
        return WarehouseError(str(self.url), problem, _AGAIN)

    def _refuse_overtaken(self) -> None:
        numbers = self._numbers()
        if (numbers[-1] if numbers else None) != (
            self._base.snapshot if self._base else None
        ):
            raise self._overtaken()

    def _refuse_foreign(self) -> None:
        """Refuse a place that holds other things than a warehouse."""
        if self._numbers():
            return
        for info in self._store.list():
            if not (_OWN_OBJECT.fullmatch(info.key) or info.key == LEASE_KEY):
                raise WarehouseError(
                    str(self.url),
                    f"holds no manifest but {info.key!r}",
                    "Choose another place for the tables.",
                )

    # The cache

    def _freshen(self) -> None:
        """Fetch what is published, to read it."""
        head = self._read_head()
        if head and self._find_live() == head.manifest:
            return
        with disk.reported(str(self.room), "fetch tables", _CACHE):
            if head is None and not self.live.exists():
                return
            with self._fetching():
                found = take_lock(self.room / "lock")
                if isinstance(found, str):
                    # A run of this machine: it has begun with what was published, or
                    # does so just now.
                    if self._find_live():
                        return
                    found = take_lock(self.room / "lock", wait=True)
                if isinstance(found, Lock):
                    with found:
                        self._bring_to_head()

    def _bring_to_head(self) -> None:
        """Make the live folder of the cache what is published; its lock is ours."""
        with disk.reported(str(self.room), "fetch tables", _CACHE):
            if (head := self._read_head()) is None:
                for gone in (self.live, self.room / "snapshots"):
                    if gone.exists():
                        gone.rename(self.room / f"trash-{uuid.uuid4().hex}")
                return
            if self._find_live() == head.manifest:
                return
            folder = self.room / f"next-{uuid.uuid4().hex}"
            self._fetch(head).rename(folder)
            snapshots.swap_in(folder, self.live, self.room, self._publish_mode)
            snapshots.settle(self.live, self.room, self._keep_snapshots, None)

    def _find_live(self) -> Manifest | None:
        return snapshots.find_manifest(self.live)

    @contextlib.contextmanager
    def _fetching(self) -> Iterator[None]:
        """Be the only one who fetches into this cache."""
        with disk.reported(str(self.room), "use the cache", _CACHE):
            self.room.mkdir(parents=True, exist_ok=True)
            lock = take_lock(self.room / "fetch.lock", wait=True)
        if isinstance(lock, Lock):
            with lock:
                yield

    def _fetch(self, published: Published) -> Path:
        """Put a snapshot into a new folder of the engine room.

        Files that the cache has are linked.

        Raises:
            WarehouseError: An object is missing, or not what the manifest says.
        """
        for left in self.room.glob("fetched-*"):
            disk.remove_folder(left)
        folder = self.room / f"fetched-{uuid.uuid4().hex}"
        manifest = published.manifest
        for table in {*TABLES, *(table for table, _, _ in manifest.paths())}:
            (folder / table).mkdir(parents=True)
        known = self._known_files()

        def place(file: str, sha256: str) -> None:
            if source := known.get(sha256):
                with contextlib.suppress(FileNotFoundError):
                    disk.link_or_copy(source, folder / file)
                    return
            self._download(published.objects[file], folder / file, sha256)

        files = [(file, entry.sha256) for _, file, entry in manifest.paths()]
        if manifest.report:
            files.append((REPORT_NAME, manifest.report.sha256))
        side_by_side(lambda item: place(*item), files)
        snapshots.seal(folder, manifest, self.live)
        return folder

    def _known_files(self) -> dict[str, Path]:
        """Return the Parquet files of the cache by their SHA-256."""
        numbers = snapshots.snapshot_numbers(self.room)
        earlier = (snapshots.snapshot_folder(self.room, number) for number in numbers)
        known = {}
        for folder in (self.live, *earlier):
            if manifest := snapshots.find_manifest(folder):
                for _, file, entry in manifest.paths():
                    known[entry.sha256] = folder / file
        return known

    def _download(self, key: str, target: Path, sha256: str) -> None:
        try:
            found = self._store.open(key)
        except PermissionError as error:
            raise PipelineError(
                str(self.url / key), f"cannot be read: {error.strerror}", _DAMAGED
            ) from error
        if found is None:
            raise WarehouseError(str(self.url / key), "is missing", _DAMAGED)
        with disk.HashedFile(target) as file:
            for chunk in found.chunks():
                file.write(chunk)
            file.sync()
        if file.sha256 != sha256:
            raise WarehouseError(
                str(self.url / key), "differs from its SHA-256", _DAMAGED
            )

    def _cache_id(self) -> str:
        """Return what names this cache folder; no copy of it has the same lock."""
        path = self.room / _CACHE_ID
        with disk.reported(str(self.room), "use the cache", _CACHE):
            if not path.exists():
                disk.write_durably(path, uuid.uuid4().hex.encode())
            return path.read_text(encoding="ascii")

    # The store

    def _numbers(self) -> list[int]:
        """List the numbers of the snapshots, lowest first."""
        numbers = (_manifest_number(info.key) for info in self._list_manifests())
        return sorted(number for number in numbers if number is not None)

    def _list_manifests(self) -> Iterator[ObjectInfo]:
        return self._store.list(_MANIFESTS)

    def _read_head(self) -> Published | None:
        numbers = self._numbers()
        return self._read(numbers[-1]) if numbers else None

    def _read(self, number: int) -> Published | None:
        """Read a manifest; null if there is none."""
        if number not in self._published:
            key = _manifest_key(number)
            if (data := self._store.read(key)) is None:
                return None
            self._published[number] = Published.parse(data, str(self.url / key))
        return self._published[number]


def _manifest_key(number: int) -> str:
    return f"{_MANIFESTS}{number:08d}.json"


def _manifest_number(key: str) -> int | None:
    name = key.removeprefix(_MANIFESTS).removesuffix(".json")
    return int(name) if key == f"{_MANIFESTS}{name}.json" and name.isdecimal() else None
