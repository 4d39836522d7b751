"""The fault campaign, in a size for every day; ``bench/faults.py`` has the full one."""

import pytest
from prefect.settings import PREFECT_API_URL

from tests.campaign.campaign import (
    ERRNOS,
    Command,
    Tally,
    fault_before_call,
    jump_clock,
    kill_at_random,
    kill_coordinator,
    new_world,
    start_fork,
)
from tests.campaign.forks import Forks
from tests.campaign.orders import KILL

SEED = 20261122
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def forks():
    """A warmed process to fork runs from."""
    with Forks() as forks:
        yield forks


@pytest.fixture
def world(forks):
    """Raw files that change, and a warehouse."""
    with new_world(forks, SEED) as world:
        yield world


def assert_clean(tally):
    """Nobody has read anything wrong; nothing was lost or doubled; runs recovered."""
    assert tally.is_clean, tally
    assert tally.injected, tally


def test_killed_at_random_instants(world):
    """Killed at any instant, a run leaves the old tables or the new ones."""
    tally = Tally("kill")
    seconds = {"": 0.4, "staged-*": 0.3, "next-*": 0.1}
    while tally.injected < 20:
        kill_at_random(world, tally, lambda: start_fork(world), seconds)

    assert_clean(tally)
    assert tally.injected == 20
    assert tally.missing_reads == 0


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("engine", ["inline", "processes"])
def test_killed_command(world, engine):
    """The same of ``articles run``, with all its processes; once it recovers too."""
    tally = Tally("kill the command")
    command = Command(str(PREFECT_API_URL.value()), engine)
    seconds = {"": 8.0, "staged-*": 1.5, "next-*": 0.1}
    while tally.injected < 5:
        again = None if tally.injected else lambda: command.run(world)
        kill_at_random(world, tally, lambda: command.started(world), seconds, again)

    assert_clean(tally)
    assert tally.injected == 5


@pytest.mark.server
@pytest.mark.usefixtures("prefect_server")
def test_killed_without_its_workers(world):
    """Workers that outlive their run do no harm to the next one."""
    tally = Tally("kill the coordinator")
    kill_coordinator(world, tally, Command(str(PREFECT_API_URL.value()), "processes"))

    assert_clean(tally)


@pytest.mark.parametrize("mode", ["exchange", "renames"])
def test_killed_before_calls(world, mode):
    """Killed before some calls to the disk, from taking the lock to freeing it."""
    tally, at = Tally(mode), 1
    while fault_before_call(world, tally, at, KILL, mode):
        at += 23

    assert_clean(tally)
    assert tally.injected >= 5
    if mode == "exchange":
        assert tally.missing_reads == 0


@pytest.mark.parametrize("error", ERRNOS)
def test_refused_calls(world, error):
    """Refused any write, flush, link, rename, folder or open: old tables or new ones.

    Also while staging; and the run says so as a ``WarehouseError``.
    """
    tally, at = Tally(error), 1 + ERRNOS.index(error) * 7
    while fault_before_call(world, tally, at, error):
        at += 211

    assert_clean(tally)
    assert tally.injected >= 2


@pytest.mark.parametrize(
    "offset_hours",
    [[24.0], [-24.0], [24.0, -24.0], [0.0, -240.0]],
    ids=["ahead", "behind", "back in a run", "far back in a run"],
)
def test_clock_that_jumps(world, offset_hours):
    """An edit after the clock was set right is never missed, nothing is doubled.

    Not even one that leaves size and time of change as they were.
    """
    tally = Tally("clock")
    jump_clock(world, tally, offset_hours)

    assert_clean(tally)


def test_campaign_notices_a_broken_protocol(forks):
    """Published file by file instead of as a whole, the campaign counts wrong reads."""
    tally = Tally("copies")
    for at in range(80, 240, 10):
        with new_world(forks, SEED) as world:
            fault_before_call(world, tally, at, KILL, "copies")
        if tally.wrong_reads:
            break

    assert tally.wrong_reads > 0
    assert not tally.is_clean
