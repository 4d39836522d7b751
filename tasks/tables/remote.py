"""The warehouse on object storage, worked on in a copy.

A cache folder holds the copy, which is a warehouse as any other: there every question
is asked and every snapshot is built. Only files that the other side does not have
travel, told by their SHA-256. What is published, and by whom, the store decides: see
``tasks.tables.history``.
"""

import contextlib
import hashlib
import logging
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.errors import PipelineError, WarehouseError
from tasks.objects import (
    ObjectUrl,
    Store,
    find_endpoint,
    open_store,
    side_by_side,
)
from tasks.schema import TABLES
from tasks.tables import disk, snapshots
from tasks.tables.history import DAMAGED, SAFE_AGE, History, Published, Retention
from tasks.tables.lease import take_lease
from tasks.tables.lock import Lock, take_lock
from tasks.tables.manifest import REPORT_NAME, Manifest
from tasks.tables.parts import StagedPart
from tasks.tables.snapshots import Problem
from tasks.tables.warehouse import Snapshot, Warehouse

_URL_DIGITS = 12
_CACHE_ID = "cache-id"
_AGAIN = "Run again: it starts from what is published now."
_CACHE = "Free space or fix permissions there, or name another folder by cache_dir."

_logger = logging.getLogger(__name__)


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
        digest = hashlib.sha256(f"{find_endpoint()}\0{url}".encode()).hexdigest()
        place = cache_dir / f"{url.name}-{digest[:_URL_DIGITS]}" / url.name
        super().__init__(place, **options)
        self.url, self.shown = url, str(url)
        self._store = store or open_store(url)
        self._history = History(self._store)
        self._retention = Retention(self._keep_snapshots, self._keep_days, safe_age)
        self._is_fresh = False

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
        history = self._history
        published = history.read_head() if number is None else history.read(number)
        if published is None:
            return super().list_files(table, number)  # says what there is
        return [
            self.url / published.objects[file]
            for name, file, _ in published.manifest.paths()
            if name == table
        ]

    def snapshots(self) -> list[Snapshot]:
        """List what can be read or rolled back to, newest first."""
        found = self._history.read_all()
        lines: list[Snapshot] = []
        older: set[str] = set()
        for published in found:
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
        if (published := self._history.read(number)) is None:
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
        published = self._history.read(live.snapshot) if live else None
        if published is None:
            return
        found = self._history.sizes()
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
        if foreign := self._history.find_foreign():
            raise WarehouseError(
                str(self.url),
                f"holds no manifest but {foreign!r}",
                "Choose another place for the tables.",
            )
        self._is_fresh = True  # below, and not while the cache is being locked
        with (
            super().lock(wait=wait, tell=tell),
            take_lease(self._store, self._cache_id(), wait=wait, tell=tell),
        ):
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
        if not self._history.add(folder, manifest):
            raise self._overtaken()

    def _settle(self) -> None:
        super()._settle()
        try:
            self._history.expire(self._retention)
        except PipelineError as error:
            _logger.warning("published, but could not tidy up afterwards: %s", error)

    def _overtaken(self) -> WarehouseError:
        """Return the error of a run whose tables are not those it began with."""
        winner = self._history.read_head()
        problem = "its snapshots were removed meanwhile; nothing was published"
        if winner and winner.manifest != self._base:
            problem = (
                f"run {winner.manifest.run_id} published snapshot"
                f" {winner.manifest.snapshot} meanwhile; nothing was replaced"
            )
        return WarehouseError(str(self.url), problem, _AGAIN)

    def _refuse_overtaken(self) -> None:
        """Spare a run that would be refused in the end the rest of its work."""
        numbers = self._history.numbers()
        if numbers[-1:] != ([self._base.snapshot] if self._base else []):
            raise self._overtaken()

    # The cache

    def _freshen(self) -> None:
        """Fetch what is published, to read it."""
        head = self._history.read_head()
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
            if (head := self._history.read_head()) is None:
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
        if (found := self._store.open(key)) is None:
            raise WarehouseError(str(self.url / key), "is missing", DAMAGED)
        with disk.HashedFile(target) as file:
            for chunk in found.chunks():
                file.write(chunk)
            file.sync()
        if file.sha256 != sha256:
            raise WarehouseError(
                str(self.url / key), "differs from its SHA-256", DAMAGED
            )

    def _cache_id(self) -> str:
        """Return what names this cache folder; no copy of it has the same lock."""
        path = self.room / _CACHE_ID
        with disk.reported(str(self.room), "use the cache", _CACHE):
            if not path.exists():
                disk.write_durably(path, uuid.uuid4().hex.encode())
            return path.read_text(encoding="ascii")
