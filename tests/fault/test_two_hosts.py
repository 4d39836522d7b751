"""Two machines on one shared folder, whose lock calls do not reach each other."""

import errno
import os
import shutil
import socket
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest

from tasks.errors import WarehouseError
from tasks.tables import disk
from tasks.tables import lock as locks
from tasks.tables.lock import STALE_SECONDS
from tasks.tables.warehouse import Warehouse
from tasks.write import stage_tables
from tests.warehouse_rows import commit, make_batch, make_run, see

OLD = {"a.txt": 1, "b.txt": 2}


@pytest.fixture
def tmp_path(fast_folder):
    """Give a folder that is fast to flush."""
    return fast_folder


@pytest.fixture
def warehouse(tmp_path):
    """Give a warehouse as this machine sees it, with something published."""
    warehouse = Warehouse(tmp_path / "warehouse")
    with warehouse.lock():
        commit(warehouse, 1, OLD)
    return warehouse


@pytest.fixture
def other(warehouse, monkeypatch):
    """Give what enters another machine, and there the same warehouse."""
    return lambda: Elsewhere(warehouse, monkeypatch)


class Elsewhere:
    """Inside the ``with`` block this process is on another machine."""

    def __init__(self, warehouse, monkeypatch):
        self.warehouse, self.monkeypatch = Warehouse(warehouse.live), monkeypatch

    def __enter__(self):
        self.context = self.monkeypatch.context()
        patch = self.context.__enter__()
        patch.setattr(socket, "gethostname", lambda: "elsewhere")
        patch.setattr(locks, "_boot", lambda: "another")
        patch.setattr(locks, "_try_system_lock", lambda _descriptor: True)
        return self.warehouse

    def __exit__(self, *error):
        return self.context.__exit__(*error)


def stage(warehouse, versions):
    """Stage one batch."""
    staging_dir = warehouse.new_staging_dir()
    return stage_tables(make_batch(versions), staging_dir, warehouse.new_stem())


def stand_still(warehouse):
    """Let this machine's last heartbeat be too long ago."""
    then = time.time() - STALE_SECONDS - 1
    os.utime(warehouse.room / "lock", (then, then))


def test_the_other_machine_is_refused_while_a_run_lives(warehouse, other):
    """Nothing of the run is touched: its staging folders stay where they are."""
    with warehouse.lock():
        staging_dir = warehouse.new_staging_dir()
        with (
            other() as elsewhere,
            pytest.raises(WarehouseError, match=f"process {os.getpid()} on .* writing"),
            elsewhere.lock(),
        ):
            pass
        assert staging_dir.exists()
        commit(warehouse, 2, {"a.txt": 3})

    assert see(warehouse.live) == OLD | {"a.txt": 3}


def test_a_pin_of_the_other_machine_stays(warehouse, other):
    """Recovery removes what the dead have pinned, not what lives elsewhere."""
    with warehouse.pin() as folder:
        with other() as elsewhere, elsewhere.lock():
            commit(elsewhere, 2, {"a.txt": 3})
        assert see(folder) == OLD
        stand_still_pin = folder.with_suffix(".lock")
        os.utime(stand_still_pin, (0, 0))
        with other() as elsewhere, elsewhere.lock():
            pass
        assert not folder.exists()


def test_a_machine_that_died_blocks_nobody(warehouse, other):
    """After a minute without heartbeat its lock is taken over and its work removed."""
    code = (
        "import os, sys; from pathlib import Path;"
        "from tasks.tables.warehouse import Warehouse;"
        "warehouse = Warehouse(Path(sys.argv[1])); lock = warehouse.lock();"
        "lock.__enter__(); warehouse.new_staging_dir(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(warehouse.live)], check=False)
    with (
        other() as elsewhere,
        pytest.raises(WarehouseError, match="heartbeat"),
        elsewhere.lock(),
    ):
        pass

    stand_still(warehouse)
    with other() as elsewhere, elsewhere.lock():
        assert not list(elsewhere.room.glob("staged-*"))
        commit(elsewhere, 2, {"c.txt": 1})
    assert see(warehouse.live) == OLD | {"c.txt": 1}


def test_a_machine_that_stood_still_replaces_nothing(warehouse, other):
    """It is told that it was overtaken, and leaves the work of the other alone."""
    with warehouse.lock():
        stand_still(warehouse)
        with other() as elsewhere, elsewhere.lock():
            its_staging_dir = elsewhere.new_staging_dir()
            with pytest.raises(WarehouseError, match=r"took the lock.*Run again"):
                commit(warehouse, 2, {"b.txt": 4})
            assert its_staging_dir.exists()
            commit(elsewhere, 2, {"a.txt": 3})
        with pytest.raises(WarehouseError, match=r"another run published.*Run again"):
            commit(warehouse, 3, {"b.txt": 4})

    assert see(warehouse.live) == OLD | {"a.txt": 3}
    assert list(warehouse.verify_files()) == []


def test_work_removed_by_the_other_machine(warehouse, other):
    """The error is that of being overtaken, not of some missing file."""

    def run():
        with warehouse.lock():
            part = stage(warehouse, {"b.txt": 4})
            stand_still(warehouse)
            with other() as elsewhere, elsewhere.lock():
                pass
            warehouse.publish([part], [], make_run(2), "fingerprint")

    with pytest.raises(WarehouseError, match="took the lock"):
        run()
    assert see(warehouse.live) == OLD


def test_overtaken_between_staging_and_the_exchange(warehouse, monkeypatch):
    """The tables are looked at in the very last moment before they are replaced."""
    stranger = Warehouse(warehouse.live.parent / "stranger")
    with stranger.lock():
        commit(stranger, 1, {"a.txt": 5})
    synced = disk.sync_folder

    def sync_folder(folder):
        synced(folder)
        if folder == warehouse.room:  # the last call before the exchange
            (warehouse.live / "_manifest.json").write_bytes(
                (stranger.live / "_manifest.json").read_bytes()
            )

    monkeypatch.setattr(disk, "sync_folder", sync_folder)
    with (
        warehouse.lock(),
        pytest.raises(WarehouseError, match="another run published"),
    ):
        commit(warehouse, 2, {"b.txt": 4})


def test_trouble_with_the_disk_is_not_mistaken(warehouse, monkeypatch):
    """Who cannot look whether it was overtaken says so, and replaces nothing."""
    with warehouse.lock():
        read_bytes = Path.read_bytes

        def refuse(path):
            if path.name == "lock":
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            return read_bytes(path)

        monkeypatch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(WarehouseError, match="Too many open files"):
            commit(warehouse, 2, {"b.txt": 4})
        monkeypatch.undo()
        assert see(warehouse.live) == OLD
        commit(warehouse, 2, {"b.txt": 4})


@pytest.mark.parametrize(
    "act",
    [lambda w: commit(w, 3, {"a.txt": 3}), lambda w: w.rollback(1)],
    ids=["publish", "rollback"],
)
def test_tables_deleted_during_a_run(warehouse, act):
    """A run that began with tables must not publish without them: rows would miss."""
    with warehouse.lock():
        commit(warehouse, 2, {"b.txt": 4})
    with warehouse.lock():
        shutil.rmtree(warehouse.live)
        with pytest.raises(WarehouseError, match="Run again"):
            act(warehouse)

    assert not warehouse.live.exists()


def test_several_publishes_under_one_lock(warehouse):
    """What a run published itself is nobody else's."""
    with warehouse.lock():
        commit(warehouse, 2, {"b.txt": 4})
        warehouse.rollback(1)
        commit(warehouse, 3, {"c.txt": 4})

    assert see(warehouse.live) == OLD | {"c.txt": 4}


COMMITS = 4


def work_elsewhere(live, name):
    """Publish some files, one by one, as a machine of some name; again if overtaken."""
    socket.gethostname = lambda: name
    locks._boot = lambda: name  # noqa: SLF001
    locks._try_system_lock = lambda _descriptor: True  # noqa: SLF001
    warehouse = Warehouse(live)
    for index in range(COMMITS):
        while True:
            try:
                with warehouse.lock(wait=True):
                    run = f"{name}-{index}"
                    part = stage(warehouse, {f"{run}.txt": 1})
                    row = make_run(0) | {"run_id": run}
                    warehouse.publish([part], [], row, "fingerprint")
            except WarehouseError:
                time.sleep(0.05)
            else:
                break


def test_many_machines_at_once(warehouse):
    """With nothing but notes and heartbeats, nothing is lost, doubled or mixed."""
    machines = []
    for name in ("north", "east", "south"):
        pid = os.fork()
        if pid == 0:
            try:
                work_elsewhere(warehouse.live, name)
            except BaseException:  # noqa: BLE001  (a child must end here)
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        machines.append(pid)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in machines]

    assert statuses == [0, 0, 0]
    new = {
        f"{n}-{i}.txt": 1 for n in ("north", "east", "south") for i in range(COMMITS)
    }
    assert see(warehouse.live) == OLD | new
    assert list(warehouse.verify_files()) == []
    assert warehouse.read_table("runs").num_rows == len(new) + 1
