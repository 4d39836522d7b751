"""The history of a warehouse on object storage: one manifest per snapshot.

::

    s3://bucket/warehouse/
        _manifests/00000042.json    every object of snapshot 42; never written again
        documents/...parquet        objects of snapshots; never written again
        report/...html
        _lock.json                  who writes just now

The live snapshot is the one with the highest number. It is published by the creation of
its manifest on the condition that there is none of that number: of two runs that began
with the same snapshot one is published and the other refused, so nothing is lost. A run
that is killed leaves objects that no manifest names; a later run removes them once they
are older than ``SAFE_AGE``.
"""

import itertools
import json
import re
import time
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tasks.errors import WarehouseError
from tasks.objects import Store, side_by_side
from tasks.tables.lease import LEASE_KEY
from tasks.tables.manifest import REPORT_NAME, Manifest, parse_manifest

SAFE_AGE = timedelta(days=1)
"""How long a snapshot stays readable after it was replaced, whatever the settings, and
how long a run may take to upload what no manifest names yet."""

DAMAGED = (
    "Put it back, if the store keeps versions, or name another place with --warehouse"
    " and run: everything is made anew from the raw files."
)
"""What to do about an object that is not what was written."""

_MANIFESTS = "_manifests/"
_REPORTS = "report"
_OWN_OBJECT = re.compile(r"\w+/\d{8,}-[0-9a-f]{12,}\.(?:parquet|html)")


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
                place, f"damaged manifest (no {error})", DAMAGED
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
        """Return the size of each object that holds rows."""
        return {
            self.objects[file]: entry.size_bytes
            for _, file, entry in self.manifest.paths()
        }

    def by_content(self) -> dict[tuple[str, str], str]:
        """Return the key of each object by table and SHA-256."""
        return {
            (table, entry.sha256): self.objects[file]
            for table, file, entry in self.manifest.paths()
        }


class Retention(NamedTuple):
    """Which earlier snapshots stay.

    Attributes:
        number: At most so many.
        days: And none that was replaced longer ago; null for no limit.
        safe_age: But every one that was replaced more recently than this.
    """

    number: int
    days: float | None
    safe_age: timedelta = SAFE_AGE


class History:
    """The snapshots that lie in a store."""

    def __init__(self, store: Store) -> None:
        """Name the store; nothing is asked of it yet."""
        self._store = store
        self._known: dict[int, Published] = {}

    def numbers(self) -> list[int]:
        """List the numbers of the snapshots, lowest first."""
        found = (_manifest_number(info.key) for info in self._store.list(_MANIFESTS))
        return sorted(number for number in found if number is not None)

    def read(self, number: int) -> Published | None:
        """Read a manifest; null if there is none.

        Raises:
            WarehouseError: It is damaged, or written by a newer version.
        """
        if number not in self._known:
            key = _manifest_key(number)
            if (data := self._store.read(key)) is None:
                return None
            place = str(self._store.url / key)
            self._known[number] = Published.parse(data, place)
        return self._known[number]

    def read_head(self) -> Published | None:
        """Read the manifest of the live snapshot; null before the first."""
        numbers = self.numbers()
        return self.read(numbers[-1]) if numbers else None

    def read_all(self) -> list[Published]:
        """Read every manifest, the oldest first."""
        return [item for item in side_by_side(self.read, self.numbers()) if item]

    def add(self, folder: Path, manifest: Manifest) -> bool:
        """Upload a snapshot and create its manifest; this is the commit.

        Files that the snapshot before has as well, told by their SHA-256, stay where
        they are.

        Args:
            folder: Folder of the snapshot.
            manifest: Its manifest; ``parent`` is the snapshot it was made from.

        Returns:
            Whether it is published: another run may have been faster. Then it has left
            nothing.

        Raises:
            WarehouseError: The upload took so long that others may think it dead.
        """
        start = time.time()
        before = None if manifest.parent is None else self.read(manifest.parent)
        known = before.by_content() if before else {}
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
        if time.time() - start > SAFE_AGE.total_seconds() / 2:
            raise WarehouseError(
                str(self._store.url),
                "the upload took so long that others may think it dead",
                "Look for what slows it down, then run again; nothing was replaced.",
            )
        # A number that is free may still be one that was used and has expired.
        is_next = self.numbers()[-1:] == ([manifest.parent] if before else [])
        data = Published(manifest, objects).dump()
        if is_next and self._store.create(_manifest_key(manifest.snapshot), data):
            return True
        self._store.delete(objects[file] for file in new)
        return False

    def find_foreign(self) -> str | None:
        """Name an object that is no warehouse's, where there is no manifest."""
        if self.numbers():
            return None
        keys = (info.key for info in self._store.list())
        known = _OWN_OBJECT.fullmatch
        strange = (key for key in keys if key != LEASE_KEY and not known(key))
        return next(strange, None)

    def expire(self, retention: Retention) -> None:
        """Remove earlier snapshots that are too many or too old, and lost objects.

        Objects that no run of ours could have written are never touched.
        """
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
        doomed = _choose_expired(written, retention)
        self._store.delete(map(_manifest_key, doomed))
        kept = side_by_side(self.read, [n for n in numbers if n not in doomed])
        if not all(kept):
            return  # somebody else tidies up too
        named = {key for item in kept if item for key in item.objects.values()}
        self._store.delete(
            info.key
            for info in infos
            if info.key not in named
            and _OWN_OBJECT.fullmatch(info.key)
            and now - info.modified_at > retention.safe_age
        )

    def sizes(self) -> Mapping[str, int]:
        """Return the size of every object."""
        return {info.key: info.size_bytes for info in self._store.list()}


def _choose_expired(written: Mapping[int, datetime], retention: Retention) -> set[int]:
    """Return which snapshots go; the age counts from when one was replaced."""
    numbers = sorted(written, reverse=True)
    now = written[numbers[0]]
    doomed = set()
    for place, (later, number) in enumerate(itertools.pairwise(numbers)):
        age = now - written[later]
        is_old = retention.days is not None and age > timedelta(days=retention.days)
        if (place >= retention.number or is_old) and age > retention.safe_age:
            doomed.add(number)
    return doomed


def _manifest_key(number: int) -> str:
    return f"{_MANIFESTS}{number:08d}.json"


def _manifest_number(key: str) -> int | None:
    name = key.removeprefix(_MANIFESTS).removesuffix(".json")
    return int(name) if key == f"{_MANIFESTS}{name}.json" and name.isdecimal() else None
