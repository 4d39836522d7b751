"""Harm runs in every way that can be thought of, and count what goes wrong.

    python bench/faults.py                 all of it, half an hour and more
    python bench/faults.py --quick         a few of each
    python bench/faults.py --kinds kill,clock --kills 100

After each fault DuckDB, pandas and Polars read all tables by globs, the next run must
complete, and its tables are compared with a clean rebuild's. Every step changes the raw
files first. The campaign itself is in ``tests/campaign``; a part of it runs as a test.
"""

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from tests.campaign.campaign import (
    ERRNOS,
    Command,
    Tally,
    World,
    fault_before_call,
    jump_clock,
    kill_at_random,
    kill_coordinator,
    kill_worker,
    new_world,
    start_fork,
)
from tests.campaign.forks import Forks
from tests.campaign.orders import KILL

FORK_SECONDS = {"": 0.4, "staged-*": 0.3, "next-*": 0.1}
COMMAND_SECONDS = {"": 8.0, "staged-*": 2.0, "next-*": 0.1}
CLOCKS = ([24.0], [-24.0], [24.0, -24.0], [-1.0, 1.0], [0.0, -240.0])
"""Hours by which the clock is wrong, look by look; the last value stays."""
SERVER_SECONDS = 180


class Size(NamedTuple):
    """How much of each kind.

    Attributes:
        kills: Of forked runs, at random instants.
        commands: Kills of the real command, by engine.
        workers: Kills of a worker, and of a coordinator alone.
        kill_step: Kill before every n-th call.
        error_step: Refuse every n-th call.
        clocks: Rounds through ``CLOCKS``.
    """

    kills: int
    commands: int
    workers: int
    kill_step: int
    error_step: int
    clocks: int


FULL = Size(kills=440, commands=30, workers=15, kill_step=1, error_step=13, clocks=4)
QUICK = Size(kills=20, commands=2, workers=2, kill_step=20, error_step=80, clocks=1)


class Bench(NamedTuple):
    """What a kind of fault needs besides a world and a tally.

    Attributes:
        size: How much of each.
        server: Gives the address of a Prefect server, started when first asked for.
    """

    size: Size
    server: Callable[[], str]

    def command(self, engine: str) -> Command:
        """Return the real command."""
        return Command(self.server(), engine)


Kind = Callable[[World, Tally, Bench], None]


def jump_clocks(world: World, tally: Tally, bench: Bench) -> None:
    """Run with clocks that are wrong, in several ways."""
    for offset_hours in CLOCKS * bench.size.clocks:
        jump_clock(world, tally, offset_hours)


def kill_workers(world: World, tally: Tally, bench: Bench) -> None:
    """Kill workers, as the system does when memory runs out."""
    command = bench.command("processes")
    for _ in range(bench.size.workers):
        kill_worker(world, tally, command)


def kill_coordinators(world: World, tally: Tally, bench: Bench) -> None:
    """Kill the run and leave its workers alone."""
    command = bench.command("processes")
    for _ in range(bench.size.workers):
        kill_coordinator(world, tally, command)


def kill_commands(world: World, tally: Tally, bench: Bench, *, engine: str) -> None:
    """Kill the real command; now and then it is the real command that recovers."""
    command = bench.command(engine)
    while tally.injected < bench.size.commands:
        kill_at_random(
            world,
            tally,
            lambda: command.started(world),
            COMMAND_SECONDS,
            None if tally.injected % 3 else lambda: command.run(world),
        )


def kill_forks(world: World, tally: Tally, bench: Bench) -> None:
    """Kill forked runs."""
    while tally.injected < bench.size.kills:
        kill_at_random(world, tally, lambda: start_fork(world), FORK_SECONDS)


def kill_before_calls(world: World, tally: Tally, bench: Bench, *, mode: str) -> None:
    """Kill before every call to the disk."""
    at = 1
    while fault_before_call(world, tally, at, KILL, mode):
        at += bench.size.kill_step


def refuse_calls(world: World, tally: Tally, bench: Bench, *, error: str) -> None:
    """Refuse calls to the disk; each error begins elsewhere."""
    at = 1 + ERRNOS.index(error)
    while fault_before_call(world, tally, at, error):
        at += bench.size.error_step


KINDS: dict[str, Kind] = {
    "clock jumps back or forth": jump_clocks,
    "worker killed, run goes on": kill_workers,
    "kill -9 of the run, not its workers": kill_coordinators,
    "kill -9, command, inline": partial(kill_commands, engine="inline"),
    "kill -9, command, processes": partial(kill_commands, engine="processes"),
    **{f"{error} at a call": partial(refuse_calls, error=error) for error in ERRNOS},
    "kill before a call, exchange": partial(kill_before_calls, mode="exchange"),
    "kill before a call, renames": partial(kill_before_calls, mode="renames"),
    "kill -9, forked run": kill_forks,
}


def main() -> None:
    """Run the campaign and print the table; status 1 if anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few of each kind")
    parser.add_argument("--kills", type=int, help="at random instants, in all")
    parser.add_argument("--kinds", default="", help="words of the kinds, with commas")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="default: a disk in memory")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    if arguments.kills:
        commands = max(1, arguments.kills // 16)
        kills = max(0, arguments.kills - 2 * commands)
        size = size._replace(kills=kills, commands=commands)
    print(
        f"{datetime.now(UTC):%Y-%m-%d} {platform.system()} {platform.machine()},"
        f" {os.cpu_count()} cores, seed {arguments.seed}\n\n"
        "kind of fault                        injected   reads   wrong  lost  doubled"
        "  not        seconds\n"
        "                                                        reads  rows  rows   "
        "  recovered",
        flush=True,
    )
    wanted = [word.strip() for word in arguments.kinds.split(",") if word.strip()]
    tallies = []
    with Forks() as forks, contextlib.ExitStack() as stack:
        server = cache(lambda: stack.enter_context(prefect_server()))
        for number, (name, kind) in enumerate(KINDS.items()):
            if wanted and not any(word in name for word in wanted):
                continue
            tally = Tally(name)
            start = time.monotonic()
            tallies.append(tally)
            seed = arguments.seed + number
            try:
                with new_world(forks, seed, arguments.folder) as world:
                    kind(world, tally, Bench(size, server))
            finally:  # also of a kind that is interrupted
                print(show(tally, time.monotonic() - start), flush=True)
    sys.exit(not all(tally.is_clean for tally in tallies))


def show(tally: Tally, seconds: float) -> str:
    """Return one line of the table, and below it what it hit and what went wrong."""
    phases = ", ".join(f"{name} {count}" for name, count in tally.phases.most_common())
    if tally.missing_reads:
        phases += f"; {tally.missing_reads} reads found no table"
    line = (
        f"{tally.kind:36} {tally.injected:8,} {tally.reads:7,} {tally.wrong_reads:7}"
        f" {tally.lost_rows:5} {tally.doubled_rows:8} {tally.not_recovered:10}"
        f" {seconds:10.0f}"
    )
    notes = [f"    ! {note[:300]}" for note in tally.notes[:5]]
    return "\n".join([line, *([f"    {phases}"] if phases else []), *notes])


@contextlib.contextmanager
def prefect_server() -> Iterator[str]:
    """Give the address of a Prefect server of our own."""
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "DO_NOT_TRACK": "1",
            "PREFECT_HOME": home,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        from prefect.settings import PREFECT_API_URL  # noqa: PLC0415  (reads the home)
        from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

        with prefect_test_harness(server_startup_timeout=SERVER_SECONDS):
            yield str(PREFECT_API_URL.value())


if __name__ == "__main__":
    try:
        main()
    except subprocess.TimeoutExpired as error:
        sys.exit(f"a run hangs: {error}")
