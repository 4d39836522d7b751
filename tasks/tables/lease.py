"""A lock that is an object: who writes to a warehouse on object storage.

It spares a run that would be refused in the end most of its work, and no more: whether
a snapshot is published is decided by the store alone, which creates an object of one
name only once. So a lease may be wrong about who lives.

The holder writes the object again now and then. Whoever waits takes it over once it has
stayed the same for long: no two clocks are compared.
"""

import contextlib
import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from tasks.errors import PipelineError, WarehouseError
from tasks.objects import Store
from tasks.tables.lock import BEAT_SECONDS, STALE_SECONDS, Owner

LEASE_KEY = "_lock.json"

_FORGOTTEN = timedelta(minutes=15)
"""Age from which nobody has to watch: clocks of machines do not differ by so much."""
_PAUSES_SECONDS = (0.2, 5.0)

_logger = logging.getLogger(__name__)


class _Note(NamedTuple):
    """What the object says.

    Attributes:
        owner: Who holds the lease.
        cache: Names the cache folder of its holder.
    """

    owner: Owner
    cache: str

    def dump(self, beat: int) -> bytes:
        """Return the content of the object, another one for each beat."""
        note = {**self.owner._asdict(), "cache": self.cache, "beat": beat}
        return json.dumps(note).encode()


class Lease:
    """A lease that is held, from ``take_lease`` to the end of the block."""

    def __init__(self, store: Store, note: _Note, e_tag: str) -> None:
        """Start the heartbeat; for ``take_lease`` only."""
        self._store, self._note, self._e_tag = store, note, e_tag
        self._is_over = threading.Event()
        self._heart = threading.Thread(
            target=self._beat, name="heartbeat of a lease", daemon=True
        )
        self._heart.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._heart.join()
        try:
            found = _read_note(self._store)
            if found and found[0] == self._note:
                self._store.delete([LEASE_KEY])
        except PipelineError as error:  # it will be taken over, so no reason to fail
            _logger.warning("cannot give the lease back: %s", error)

    def _beat(self) -> None:
        beat = 0
        while not self._is_over.wait(BEAT_SECONDS):
            beat += 1
            # A missed beat matters only if many follow, and then not much.
            with contextlib.suppress(PipelineError):
                data = self._note.dump(beat)
                if not (e_tag := self._store.replace(LEASE_KEY, data, self._e_tag)):
                    return  # somebody has taken it over
                self._e_tag = e_tag


def take_lease(
    store: Store,
    cache: str,
    *,
    wait: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Lease:
    """Take the lease of a warehouse.

    Args:
        store: Where the warehouse is.
        cache: Names this machine's cache folder, whose lock the caller holds: another
            holder with the same one is dead.
        wait: Wait until it is free.
        tell: Told who holds it when waiting begins.

    Raises:
        WarehouseError: It is taken, and ``wait`` is false; or the store cannot tell.
        PipelineError: The store does not answer.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    owner = Owner(os.getpid(), socket.gethostname(), now, uuid.uuid4().hex)
    note = _Note(owner, cache)
    seen, since, told = "", time.monotonic(), ""
    pause_seconds, longest_seconds = _PAUSES_SECONDS
    while True:
        if e_tag := store.create(LEASE_KEY, note.dump(0)):
            _refuse_careless(store)
            return Lease(store, note, e_tag)
        if (found := _read_note(store)) is None:
            continue  # given back just now
        holder, present, modified_at = found
        if present != seen:
            seen, since = present, time.monotonic()
        is_dead = (
            holder is None
            or holder.cache == cache
            or time.monotonic() - since > STALE_SECONDS
            or datetime.now(UTC) - modified_at > _FORGOTTEN
        )
        if is_dead:
            if e_tag := store.replace(LEASE_KEY, note.dump(0), present):
                return Lease(store, note, e_tag)
            continue
        holding = str(holder.owner) if holder else ""
        if not wait:
            raise WarehouseError(
                str(store.url),
                f"{holding} is writing to it",
                "Wait until it is done, or stop that process; if it is dead, its claim"
                f" ends {STALE_SECONDS:.0f} s after a run without --no-wait has begun"
                " to wait.",
            )
        if tell and told != holding:
            tell(holding)
        told = holding
        time.sleep(pause_seconds)
        pause_seconds = min(1.5 * pause_seconds, longest_seconds)


def _refuse_careless(store: Store) -> None:
    """Refuse a store that lets two writers create the same object."""
    if store.create(LEASE_KEY, b"?"):
        store.delete([LEASE_KEY])
        raise WarehouseError(
            str(store.url),
            "is in a store that ignores conditions (If-None-Match), so of two runs at"
            " once one could be lost",
            "Use a store that knows conditional writes, or a folder for the tables.",
        )


def _read_note(store: Store) -> tuple[_Note | None, str, datetime] | None:
    """Return note (null if damaged), ETag and time of the object; null if none is."""
    if (found := store.open(LEASE_KEY)) is None:
        return None
    try:
        content = json.loads(found.read())
        fields = {name: content[name] for name in Owner._fields}
        note = _Note(Owner(**fields), content["cache"])
    except (ValueError, KeyError, TypeError):
        note = None
    return note, found.info.e_tag, found.info.modified_at
