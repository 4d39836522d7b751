"""The fault campaign: change the raw files, harm a run, look, run again, compare.

After every fault all readers must see the state before the run or the one after it;
the next run must complete it, exactly once, and give what a clean rebuild gives.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from flows.plan import look_around
from flows.settings import read_settings
from tasks.errors import PipelineError
from tasks.schema import TABLES
from tasks.tables.warehouse import Warehouse
from tests.campaign.forks import ROOT, Ending, Forks
from tests.campaign.orders import NOT_REACHED
from tests.campaign.raw_folder import RawFolder
from tests.campaign.readers import READERS, View, agrees, is_missing, look
from tests.warehouse_rows import FAST_FOLDER

RUBBISH = ("staged-", "next-", "old-", "trash-", "pin-")
"""What a run leaves in the engine room only if it was killed."""

ERRNOS = ("ENOSPC", "EIO", "EACCES", "EMFILE")
POLL_SECONDS = 0.0005
PATIENCE_SECONDS = 120


_Found = TypeVar("_Found")


@dataclass
class Tally:
    """One line of the table: what a kind of fault has done.

    Attributes:
        kind: Name of the kind.
        injected: Faults.
        reads: Readings of all six tables by one reader, after the faults.
        wrong_reads: ... that were neither the state before nor the one after.
        missing_reads: ... that found no table (only between two renames).
        lost_rows: Rows of the clean rebuild that the next run did not bring.
        doubled_rows: Rows after the next run that the clean rebuild has not.
        not_recovered: Next runs that failed, did not run exactly once, left rubbish
            behind or found work again.
        phases: Faults by the phase they hit.
        notes: What is wrong, for a person.
    """

    kind: str
    injected: int = 0
    reads: int = 0
    wrong_reads: int = 0
    missing_reads: int = 0
    lost_rows: int = 0
    doubled_rows: int = 0
    not_recovered: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (
            self.wrong_reads
            or self.lost_rows
            or self.doubled_rows
            or self.not_recovered
        )


def wait_for(find: Callable[[], _Found], is_over: Callable[[], bool]) -> _Found | None:
    """Wait until something is found, and return it; null if the run ends before."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := find()):
        if is_over() or time.monotonic() > until:
            return None
        time.sleep(POLL_SECONDS)
    return found


class World:
    """A raw folder, its warehouse, and the clean rebuild it must equal."""

    def __init__(self, folder: Path, forks: Forks, seed: int) -> None:
        self.folder, self.forks = folder, forks
        self.raw = RawFolder(folder / "raw", seed)
        self.chance = self.raw.chance
        self.warehouse = Warehouse(folder / "warehouse")
        self.rebuilt = Warehouse(folder / "rebuilt")
        self.folders = (self.raw.folder, self.warehouse.live)
        self.require(self.forks.run("ingest", *self.folders))
        self.before: View = look(self.warehouse.live, "duckdb")
        self.after: View = self.before

    def change(self) -> None:
        """Change the raw files; the states that readers may see are known then."""
        self.raw.change()
        self.look_ahead()

    def look_ahead(self) -> None:
        """Find out what readers may see from now on, until the next run is over."""
        for folder in (self.rebuilt.live, self.rebuilt.room):
            shutil.rmtree(folder, ignore_errors=True)
        rebuilding = ("ingest", self.raw.folder, self.rebuilt.live)
        self.require(self.forks.run(*rebuilding, batch_files=100))
        self.before = look(self.warehouse.live, "duckdb")
        self.after = look(self.rebuilt.live, "duckdb")

    def shows(self, sign: str) -> bool:
        """Whether the engine room holds something of that name."""
        return any(self.warehouse.room.glob(sign))

    def require(self, ending: Ending) -> None:
        """Stop the campaign if a run that nobody harmed fails."""
        if ending.status:
            raise AssertionError(f"a run without fault failed: {ending}")

    def read(self, tally: Tally) -> None:
        """Let every reader look, and count what is wrong."""
        for reader in READERS:
            tally.reads += 1
            try:
                is_right = agrees(
                    look(self.warehouse.live, reader), self.before, self.after
                )
            except Exception as error:  # noqa: BLE001  (any other is a wrong read)
                is_right = is_missing(error)
                tally.missing_reads += is_right
                if not is_right:
                    tally.notes.append(f"{reader}: {type(error).__name__}: {error}")
            tally.wrong_reads += not is_right

    def recover(self, tally: Tally, run: Callable[[], Ending] | None = None) -> None:
        """Run again, undisturbed, and count what is not as after a clean rebuild."""
        run = run or (lambda: self.forks.run("ingest", *self.folders))
        ending = run()
        problems = [] if ending.status == 0 else [f"the next run failed: {ending}"]
        self.read(tally)
        problems += self.problems()
        tally.not_recovered += bool(problems)
        tally.notes += problems
        lost, doubled = self.difference()
        tally.lost_rows += lost
        tally.doubled_rows += doubled

    def problems(self) -> list[str]:
        """Tell what is not as it must be when a run is over."""
        found = []
        try:
            runs = look(self.warehouse.live, "duckdb").runs
            if len(runs) != len(self.before.runs) + 1:
                found.append(f"{len(runs) - len(self.before.runs)} runs instead of one")
            settings = read_settings(
                {}, raw_dir=self.raw.folder, warehouse_dir=self.warehouse.live
            )
            if (plan := look_around(settings)).has_work:
                found.append(f"work was left: {list(plan.todo['source_path'])[:3]}")
            found += map(str, self.warehouse.verify_files())
        except Exception as error:  # noqa: BLE001  (whatever it is, it is a problem)
            found.append(f"{type(error).__name__}: {error}")
        left = [
            entry.name
            for entry in self.warehouse.room.iterdir()
            if entry.name.startswith(RUBBISH)
        ]
        return found + ([f"left behind: {left}"] if left else [])

    def difference(self) -> tuple[int, int]:
        """Count rows that only the clean rebuild has, and that only the warehouse has.

        All columns but the run; ``runs`` is counted by ``problems``.
        """
        ours, clean = (self._rows(w) for w in (self.warehouse, self.rebuilt))
        return (clean - ours).total(), (ours - clean).total()

    def _rows(self, warehouse: Warehouse) -> Counter[str]:
        rows: Counter[str] = Counter()
        for name in TABLES.keys() - {"runs"}:
            with contextlib.suppress(PipelineError, OSError, pa.ArrowException):
                for row in warehouse.read_table(name).to_pylist():
                    row.pop("run_id", None)
                    rows[f"{name} {row}"] += 1
        return rows

    def phase(self) -> str:
        """Tell from what lies around in which phase a run was killed."""
        manifest = self.warehouse.manifest() if self.warehouse.live.exists() else None
        rubbish = [entry.name for entry in self.warehouse.room.iterdir()]
        if manifest is None or look(self.warehouse.live, "duckdb") != self.before:
            return "after"
        if any(name.startswith("next-") for name in rubbish):
            return "publishing"
        if any(name.startswith("staged-") for name in rubbish):
            return "staging"
        return "before"


@contextlib.contextmanager
def new_world(forks: Forks, seed: int, place: Path | None = None) -> Iterator[World]:
    """Give a world in a folder that is fast to flush; removed at the end."""
    folder = tempfile.mkdtemp(prefix="articles campaign ü ", dir=place or FAST_FOLDER)
    try:
        yield World(Path(folder), forks, seed)
    finally:
        shutil.rmtree(folder)


# Kinds of faults


@dataclass(frozen=True)
class Started:
    """A run under way, forked or by the real command.

    Attributes:
        kill: Kills it at once, with all its processes.
        wait: Waits until it is over.
        is_over: Tells whether it is.
    """

    kill: Callable[[], None]
    wait: Callable[[], Ending]
    is_over: Callable[[], bool]


def kill_at_random(
    world: World,
    tally: Tally,
    start: Callable[[], Started],
    seconds: dict[str, float],
    recover: Callable[[], Ending] | None = None,
) -> None:
    """Kill a run at a random instant of a phase drawn at random.

    Args:
        world: Where.
        tally: Is added to.
        start: Starts the run.
        seconds: By phase, about how long it takes: the kill comes so much later than
            the first sign of the phase, at most.
        recover: The next run; null for a forked one.
    """
    world.change()
    sign = world.chance.choices(["", "staged-*", "next-*"], [2, 4, 4])[0]
    delay = world.chance.uniform(0, seconds[sign])
    started = start()
    if sign:
        wait_for(lambda: world.shows(sign), started.is_over)
    time.sleep(delay)
    started.kill()
    ending = started.wait()
    if ending.status < 0:  # else the run was over before
        tally.injected += 1
        tally.phases[world.phase()] += 1
    world.read(tally)
    world.recover(tally, recover)


def start_fork(world: World) -> Started:
    """Start a forked run of some batches."""
    pid = world.forks.start("ingest", *world.folders)
    return Started(
        kill=lambda: os.kill(pid, signal.SIGKILL),
        wait=lambda: world.forks.wait(pid),
        is_over=lambda: _is_zombie(pid),
    )


def _is_zombie(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    return False


def fault_before_call(
    world: World, tally: Tally, at: int, fault: str, mode: str = "exchange"
) -> bool:
    """Kill a run, or refuse it something, just before its n-th call to the disk.

    Returns:
        Whether the run had so many calls.
    """
    world.change()
    order = ("ingest_with_fault", *world.folders)
    ending = world.forks.run(*order, at=at, fault=fault, mode=mode)
    is_reached = ending.answer != NOT_REACHED
    if is_reached:
        tally.injected += 1
        tally.phases[_outcome(ending)] += 1
        is_clear = ending.status < 1 or ending.answer.startswith("WarehouseError")
        if not is_clear:
            tally.not_recovered += 1
            tally.notes.append(f"call {at}, {fault}: {ending.answer}")
    world.read(tally)
    again = {"mode": mode if mode == "renames" else "exchange"}
    world.recover(tally, lambda: world.forks.run("ingest_by", *world.folders, **again))
    return is_reached


def _outcome(ending: Ending) -> str:
    if ending.status < 0:
        return "killed"
    return "refused" if ending.status else "published all the same"


def jump_clock(world: World, tally: Tally, offset_hours: list[float]) -> None:
    """Run with a clock that is wrong and jumps; then edit unseen by size and time."""
    world.change()
    order = ("ingest_at", *world.folders)
    world.require(world.forks.run(*order, offset_hours=offset_hours))
    tally.injected += 1
    world.read(tally)
    world.recover(tally)
    world.raw.edit_unnoticed()
    world.look_ahead()
    world.recover(tally)


# The real command


@dataclass(frozen=True)
class Command:
    """``articles run`` against a Prefect server that runs already.

    Attributes:
        address: Of the server's API.
        engine: Setting ``engine``.
    """

    address: str
    engine: str = "inline"

    def start(self, world: World) -> "subprocess.Popen[str]":
        """Start it, in a process group of its own."""
        own = {
            "PREFECT_API_URL": self.address,
            "ARTICLES_ENGINE": self.engine,
            "ARTICLES_WORKERS": "2",
            "ARTICLES_BATCH_FILES": "6",
        }
        raw_dir, warehouse_dir = map(str, world.folders)
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "flows", "run", "--quiet"),
                *("--raw", raw_dir, "--warehouse", warehouse_dir),
            ],
            cwd=ROOT,
            env=os.environ | own,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )

    def started(self, world: World) -> Started:
        """Start it, to be killed with all its processes."""
        process = self.start(world)
        return Started(
            kill=lambda: _kill_group(process.pid),
            wait=lambda: _ending(process),
            is_over=lambda: process.poll() is not None,
        )

    def run(self, world: World) -> Ending:
        """Run it to its end."""
        return _ending(self.start(world))


def kill_worker(world: World, tally: Tally, command: Command) -> None:
    """Kill one worker process while it works; the run itself must cope."""
    world.change()
    delay = world.chance.uniform(0, 0.5)
    process = command.start(world)
    workers = wait_for(
        lambda: world.shows("staged-*/*/*.parquet") and _workers_of(process.pid),
        lambda: process.poll() is not None,
    )
    if workers:
        time.sleep(delay)
        with contextlib.suppress(ProcessLookupError):
            os.kill(world.chance.choice(workers), signal.SIGKILL)
            tally.injected += 1
    ending = _ending(process)
    tally.phases["survived" if ending.status == 0 else "failed"] += 1
    if ending.status:
        tally.notes.append(f"the run did not survive: {ending.answer[-500:]}")
        tally.not_recovered += 1
    world.read(tally)
    world.recover(tally)


def kill_coordinator(world: World, tally: Tally, command: Command) -> None:
    """Kill the run but not its workers, which may go on writing for a while."""
    world.change()
    delay = world.chance.uniform(0, 0.5)
    process = command.start(world)
    wait_for(lambda: world.shows("staged-*/*"), lambda: process.poll() is not None)
    time.sleep(delay)
    process.kill()
    process.wait()
    tally.injected += 1
    tally.phases[world.phase()] += 1
    try:
        world.read(tally)
        world.recover(tally)
    finally:
        _kill_group(process.pid)
        _ending(process)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _ending(process: "subprocess.Popen[str]") -> Ending:
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    return Ending(process.returncode, errors or "")


def _workers_of(pid: int) -> list[int]:
    """List the worker processes of a run (Linux)."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError, ValueError):
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            if (
                int(status[1]) == pid
                and b"spawn_main" in (folder / "cmdline").read_bytes()
            ):
                found.append(int(folder.name))
    return found
