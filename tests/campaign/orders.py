"""What a forked child can be told to do: a run of the pipeline, and what befalls it."""

import datetime as dt
import errno
import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows import conduct
from flows.settings import read_settings
from tasks.tables import disk, snapshots
from tasks.tables.manifest import MANIFEST_NAME
from tests.campaign.disk_hook import DiskHook

HOUR = 3_600_000_000_000  # in nanoseconds
KILL = "KILL"
NOT_REACHED = "not reached"
"""What an order answers whose fault was due later than its last call."""


def ingest(
    raw_dir: str,
    warehouse_dir: str,
    *,
    batch_files: int = 6,
    wait_for_lock: bool = True,
) -> str:
    """Run over the folder as it is; answer with the number of the snapshot."""
    settings = read_settings(
        {},
        raw_dir=raw_dir,
        warehouse_dir=warehouse_dir,
        batch_files=batch_files,
        wait_for_lock=wait_for_lock,
    )
    return str(conduct.ingest_plainly(settings).snapshot)


def ingest_with_fault(
    raw_dir: str,
    warehouse_dir: str,
    *,
    at: int,
    fault: str,
    mode: str = "exchange",
) -> str:
    """Run, and once be killed or refused: ``fault`` is ``KILL`` or an errno's name."""
    is_reached = False

    def act(count: int) -> None:
        nonlocal is_reached
        if count != at:
            return
        is_reached = True
        if fault == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, fault)
        raise OSError(number, os.strerror(number), f"call {at}")

    with pytest.MonkeyPatch.context() as monkeypatch:
        publish_by(monkeypatch, mode)
        DiskHook(monkeypatch, act, is_thorough=fault != KILL)
        answer = ingest(raw_dir, warehouse_dir)
    return answer if is_reached else NOT_REACHED


def ingest_by(raw_dir: str, warehouse_dir: str, *, mode: str) -> str:
    """Run, publishing in one of the ways ``publish_by`` knows."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        publish_by(monkeypatch, mode)
        return ingest(raw_dir, warehouse_dir)


def ingest_at(raw_dir: str, warehouse_dir: str, *, offset_hours: list[float]) -> str:
    """Run with a clock that is wrong by other hours at every look; the last stays."""
    offsets = itertools.chain(offset_hours, itertools.repeat(offset_hours[-1]))
    with pytest.MonkeyPatch.context() as monkeypatch:
        shift_clock(monkeypatch, offsets)
        return ingest(raw_dir, warehouse_dir)


def publish_by(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    """Choose how to publish: ``exchange``, ``renames``, or wrongly: ``copies``."""
    if mode == "renames":

        def refuse(_one: Path, _other: Path) -> None:
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

        monkeypatch.setattr(disk, "exchange", refuse)
    elif mode == "copies":
        monkeypatch.setattr(snapshots, "swap_in", copy_in)


def copy_in(new: Path, live: Path, _room: Path, _mode: str | None) -> None:
    """Publish as so many tools do: file by file, first the new ones, then no old ones.

    Here only to prove that the campaign sees what is wrong with it.
    """
    old = list(live.rglob("*.parquet"))
    for path in sorted(new.rglob("*.parquet")):
        target = live / path.relative_to(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for path in old:
        if not (new / path.relative_to(live)).exists():
            path.unlink()
    (live / MANIFEST_NAME).write_bytes((new / MANIFEST_NAME).read_bytes())


def shift_clock(monkeypatch: pytest.MonkeyPatch, offsets: Iterator[float]) -> None:
    """Make every look at the clock wrong by the next of some hours."""

    class Shifted(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> "Shifted":
            return super().now(tz) + dt.timedelta(hours=next(offsets))

    ours = [m for n, m in sys.modules.items() if n.startswith(("flows.", "tasks."))]
    for module in ours:
        if getattr(module, "datetime", None) is dt.datetime:
            monkeypatch.setattr(module, "datetime", Shifted)
    real_ns = time.time_ns
    monkeypatch.setattr(
        time, "time_ns", lambda: real_ns() + round(next(offsets) * HOUR)
    )


ORDERS = {
    order.__name__: order for order in (ingest, ingest_with_fault, ingest_by, ingest_at)
}
