"""Several runs on one warehouse at the same moment: nothing is lost or doubled."""

import pytest
from prefect.settings import PREFECT_API_URL

from tests.campaign.campaign import Command, Tally, new_world
from tests.campaign.forks import Forks

SEED = 5
RUNS = 4


@pytest.fixture
def world():
    """Raw files that change, and a warehouse."""
    with Forks() as forks, new_world(forks, SEED) as world:
        yield world


def assert_exactly_once(world):
    """The tables are those of one undisturbed run."""
    tally = Tally("at once")
    world.read(tally)
    assert world.problems() == []
    assert world.difference() == (0, 0)
    assert tally.wrong_reads == tally.missing_reads == 0


def start_all(world, *, wait_for_lock):
    pids = [
        world.forks.start("ingest", *world.folders, wait_for_lock=wait_for_lock)
        for _ in range(RUNS)
    ]
    return [world.forks.wait(pid) for pid in pids]


def test_runs_that_wait(world):
    """One publishes; the others wait for it and find nothing left to do."""
    for _ in range(3):
        world.change()
        endings = start_all(world, wait_for_lock=True)

        assert [ending.status for ending in endings] == [0] * RUNS
        assert sorted(ending.answer for ending in endings)[1:] == ["None"] * (RUNS - 1)
        assert_exactly_once(world)


def test_runs_that_refuse(world):
    """Those that come while one writes say who does, and change nothing."""
    for _ in range(3):
        world.change()
        endings = start_all(world, wait_for_lock=False)

        published = [e.answer for e in endings if e.status == 0 and e.answer != "None"]
        refused = [ending.answer for ending in endings if ending.status]
        assert len(published) == 1
        assert all("is writing to it" in answer for answer in refused), refused
        assert_exactly_once(world)


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_commands_at_once(world):
    """The same of ``articles run``."""
    world.change()
    command = Command(str(PREFECT_API_URL.value()))
    processes = [command.start(world) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors

    assert_exactly_once(world)
