"""What readers of the warehouse see when a run is killed or the disk refuses."""

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from tasks.errors import WarehouseError
from tasks.tables import disk, lock, snapshots
from tasks.tables.warehouse import Warehouse
from tasks.write import stage_tables
from tests.campaign.disk_hook import DiskHook
from tests.warehouse_rows import (
    REJECTED,
    commit,
    make_batch,
    make_run,
    see,
)

MODES = ["exchange", "renames"]
OLD = {"kept.txt": 1, "changed.txt": 2, "deleted.txt": 3, "rejected.txt": REJECTED}
NEW = {"kept.txt": 1, "changed.txt": 4, "rejected.txt": REJECTED, "new.txt": 5}
AWAY = {"warehouse": "renamed away"}
KILLED, DONE = 9, 0


@pytest.fixture
def tmp_path(fast_folder):
    """Give a folder that is fast to flush."""
    return fast_folder


def start(root, mode):
    """Return a warehouse that holds OLD in two parts, and has a history."""
    warehouse = Warehouse(root / "warehouse", publish_mode=mode, keep_snapshots=1)
    with warehouse.lock():
        commit(warehouse, 1, {"gone.txt": 1})
        both = {path: OLD[path] for path in ("changed.txt", "deleted.txt")}
        rest = {path: OLD[path] for path in OLD.keys() - both.keys()}
        commit(warehouse, 2, rest, both, deleted=["gone.txt"])
    return warehouse


def advance(warehouse):
    """Go from OLD to NEW as a run does: lock, recover, stage, publish."""
    with warehouse.lock():
        changed = {path: NEW[path] for path in ("changed.txt", "new.txt")}
        return commit(warehouse, 3, changed, deleted=["deleted.txt"])


def in_child(action):
    """Run something in a child process; return its exit status."""
    pid = os.fork()
    if pid == 0:
        try:
            action()
        except BaseException as error:  # noqa: BLE001  (a child must end here)
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(1)
        os._exit(DONE)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def photograph(root, images, action):
    """Run something; keep a copy of the folder as it is before each call to the disk.

    A copy is what a kill at that moment leaves: what is not yet handed to the operating
    system is not in it either.

    Returns:
        Number of copies; they are called 1, 2, ...
    """
    with pytest.MonkeyPatch.context() as monkeypatch:
        hook = DiskHook(monkeypatch, lambda at: shutil.copytree(root, images / str(at)))
        action()
    return hook.count


def assert_recovers(warehouse, expected):
    """The next run removes what the dead one left."""
    with warehouse.lock():
        left = {entry.name for entry in warehouse.room.iterdir()}
        assert left <= {"lock", "snapshots"}
    assert see(warehouse.live) == expected


def assert_heals(warehouse, expected):
    """The next run removes what the dead one left, and publishes."""
    assert_recovers(warehouse, expected)
    with warehouse.lock():
        commit(warehouse, 9, {"later.txt": 1})
    assert see(warehouse.live) == expected | {"later.txt": 1}
    assert list(warehouse.verify_files()) == []
    assert len(warehouse.snapshots()) == 2


@pytest.mark.parametrize("mode", MODES)
def test_killed_before_any_call(tmp_path, mode):
    """Killed before any one call to the disk, readers see all old rows or all new."""
    warehouse = start(tmp_path / "root", mode)
    images = tmp_path / "images"
    images.mkdir()
    count = photograph(tmp_path / "root", images, lambda: advance(warehouse))
    states = []
    for at in range(1, count + 1):
        root = images / str(at) / "warehouse"
        dead = Warehouse(root, publish_mode=mode, keep_snapshots=1)
        state = see(dead.live) if dead.live.exists() else AWAY
        healed = NEW if state == AWAY else state
        if state not in states[-1:] or at % 3 == 0:
            assert_heals(dead, healed)
        else:
            assert_recovers(dead, healed)
        if state not in states[-1:]:
            states.append(state)

    assert count > 50
    assert states == ([OLD, NEW] if mode == "exchange" else [OLD, AWAY, NEW])


@pytest.mark.parametrize("mode", MODES)
def test_kill_9(tmp_path_factory, mode):
    """A process that really is gone in the middle leaves all old rows or all new."""
    for at in (1, 20, 40, 60, 80):
        warehouse = start(tmp_path_factory.mktemp("disk"), mode)

        def die(warehouse=warehouse, at=at):
            def kill(count):
                if count == at:
                    os.kill(os.getpid(), signal.SIGKILL)

            with pytest.MonkeyPatch.context() as monkeypatch:
                DiskHook(monkeypatch, kill)
                advance(warehouse)

        assert in_child(die) == -signal.SIGKILL
        with warehouse.lock():
            assert see(warehouse.live) in (OLD, NEW)


def leave_between_renames(root):
    """Return a warehouse whose run was killed between the two renames."""
    warehouse = start(root / "root", "renames")
    images = root / "images"
    images.mkdir()
    for at in range(photograph(root / "root", images, lambda: advance(warehouse))):
        image = images / str(at + 1)
        if not (image / "warehouse").exists():
            return Warehouse(
                image / "warehouse", publish_mode="renames", keep_snapshots=1
            )
    raise AssertionError("never renamed away")


def test_recovery_can_be_killed_too(tmp_path):
    """Killed before any call of a recovery, the next recovery gives the new rows."""
    warehouse = leave_between_renames(tmp_path)
    images = tmp_path / "recoveries"
    images.mkdir()

    def recover():
        with warehouse.lock():
            pass

    count = photograph(warehouse.live.parent, images, recover)

    assert count > 3
    for at in range(1, count + 1):
        root = images / str(at) / "warehouse"
        assert_heals(Warehouse(root, keep_snapshots=1), NEW)


def test_reader_between_renames_is_told(tmp_path):
    """While the folder is away, reading says so instead of 'nothing is published'."""
    warehouse = leave_between_renames(tmp_path)

    with pytest.raises(WarehouseError, match="killed while it published"):
        warehouse.read_table("sources")


@pytest.mark.parametrize("placeholder", [None, ".gitignore"])
def test_checkout_between_renames(tmp_path, placeholder):
    """Recovery completes the publish even if somebody made the folder anew."""
    warehouse = leave_between_renames(tmp_path)
    warehouse.live.mkdir()
    if placeholder:
        (warehouse.live / placeholder).touch()

    assert_heals(warehouse, NEW)


def test_nothing_complete_to_roll_forward_to(tmp_path):
    """Without the new snapshot, recovery brings the old one back."""
    warehouse = leave_between_renames(tmp_path)
    for folder in warehouse.room.glob("next-*"):
        shutil.rmtree(folder)

    assert_heals(warehouse, OLD)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_disk_refuses_any_call(tmp_path, mode, number):
    """A refused call is a WarehouseError that changes nothing, or comes too late.

    The same parts can be published again under the same lock.
    """
    start(tmp_path / "base", mode)
    at, is_reached, outcomes = 2, True, set()
    while is_reached:
        at += 5
        root = tmp_path / str(at)
        shutil.copytree(tmp_path / "base", root)
        warehouse = Warehouse(root / "warehouse", publish_mode=mode)
        is_reached = False

        def refuse(count, at=at):
            nonlocal is_reached
            if count == at:
                is_reached = True
                raise OSError(number, os.strerror(number), "somewhere")

        with warehouse.lock():
            staging_dir = warehouse.new_staging_dir()
            changed = {path: NEW[path] for path in ("changed.txt", "new.txt")}
            part = stage_tables(make_batch(changed), staging_dir, warehouse.new_stem())
            publish = partial(
                warehouse.publish, [part], {"deleted.txt"}, make_run(3), "fingerprint"
            )
            with pytest.MonkeyPatch.context() as monkeypatch:
                DiskHook(monkeypatch, refuse)
                try:
                    publish()
                    outcomes.add("published")
                except WarehouseError as error:
                    outcomes.add(f"refused: {os.strerror(number) in error.problem}")
            if see(warehouse.live) == OLD:
                publish()
            assert see(warehouse.live) == NEW
        with warehouse.lock():
            assert {entry.name for entry in warehouse.room.iterdir()} == {
                "lock",
                "snapshots",
            }
        shutil.rmtree(root)

    assert outcomes == {"published", "refused: True"}


def test_full_disk_while_staging(tmp_path):
    """A part that does not fit on the disk leaves no file, and says what to do."""
    warehouse = start(tmp_path, None)

    def stage():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
        with pytest.raises(
            WarehouseError, match=r"(?s)too large.*old tables are intact"
        ):
            advance(warehouse)
        left = [file for file in warehouse.room.rglob("staged-*/*/*") if file.is_file()]
        assert left == []

    assert in_child(stage) == DONE
    assert see(warehouse.live) == OLD


@pytest.mark.parametrize("number", sorted(disk.NO_EXCHANGE))
def test_no_exchange_here(tmp_path, monkeypatch, number, caplog):
    """Where folders cannot be exchanged, two renames publish the same, and say so."""
    warehouse = start(tmp_path, None)

    def refuse(_one, _other):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk, "exchange", refuse)
    advance(warehouse)

    assert see(warehouse.live) == NEW
    assert len(warehouse.snapshots()) == 2
    assert caplog.text.count("publishing by two renames") == 1


def test_forced_exchange_does_not_fall_back(tmp_path, monkeypatch):
    """A forced way of publishing is the only one tried."""
    warehouse = start(tmp_path, "exchange")

    def refuse(_one, _other):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(disk, "exchange", refuse)
    with pytest.raises(WarehouseError, match="publish"):
        advance(warehouse)

    assert see(warehouse.live) == OLD


def test_forced_renames_never_exchange(tmp_path, monkeypatch):
    """A forced way of publishing is the only one tried."""
    monkeypatch.setattr(disk, "exchange", None)
    warehouse = start(tmp_path, "renames")
    advance(warehouse)

    assert see(warehouse.live) == NEW


def test_warehouse_on_its_own_mount(tmp_path, monkeypatch):
    """A folder that cannot be renamed away is a refusal that tells what to mount."""
    warehouse = start(tmp_path, "renames")
    rename = os.rename

    def refuse(source, target, **options):
        if Path(source) == warehouse.live:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source))
        rename(source, target, **options)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(WarehouseError, match="mount"):
        advance(warehouse)

    assert see(warehouse.live) == OLD


def test_mounted_warehouse_is_refused_at_once(tmp_path, monkeypatch):
    """A folder that could not be replaced in the end is refused before any work."""
    warehouse = start(tmp_path, None)
    monkeypatch.setattr(disk, "is_mount", lambda path: path == warehouse.live)
    with pytest.raises(WarehouseError, match="mount that one"), warehouse.lock():
        pass


@pytest.mark.parametrize("number", [errno.EPERM, errno.EXDEV, errno.ENOTSUP])
def test_no_hard_links_here(tmp_path, monkeypatch, number):
    """Where files cannot be linked, kept ones are copied and new ones moved."""

    def refuse(*_args, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    warehouse = start(tmp_path, None)
    advance(warehouse)
    with warehouse.pin() as folder:
        assert see(folder) == NEW

    assert see(warehouse.live) == NEW
    assert list(warehouse.verify_files()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
@pytest.mark.parametrize("mode", MODES)
def test_everything_is_on_the_disk_before_the_commit(tmp_path, monkeypatch, mode):
    """No power cut can leave a published snapshot with unwritten files or names."""
    warehouse = start(tmp_path, mode)
    safe = {file.stat().st_ino for file in warehouse.live.rglob("*.parquet")}
    real_fsync, real_swap = os.fsync, snapshots.swap_in

    def fsync(descriptor):
        safe.add(os.fstat(descriptor).st_ino)
        real_fsync(descriptor)

    def swap_in(new, *rest):
        unsafe = [p for p in [new, *new.rglob("*")] if p.stat().st_ino not in safe]
        assert unsafe == []
        assert warehouse.room.stat().st_ino in safe
        safe.clear()
        return real_swap(new, *rest)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(snapshots, "swap_in", swap_in)
    advance(warehouse)

    assert {warehouse.live.parent.stat().st_ino, warehouse.room.stat().st_ino} <= safe


def test_killed_holder_blocks_nobody(tmp_path):
    """The lock names who holds it, and is free as soon as that process is dead."""
    warehouse = start(tmp_path, None)
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from tasks.tables.warehouse import *\n"
        f"with Warehouse(Path({str(warehouse.live)!r})).lock():\n"
        "    print('held', flush=True); time.sleep(600)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        with (
            pytest.raises(WarehouseError, match=f"process {holder.pid} on .* since 2"),
            warehouse.lock(),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    advance(warehouse)

    assert see(warehouse.live) == NEW


def test_pin_of_a_dead_reader(tmp_path):
    """A pin lasts as long as its reader; the next run removes those of the dead."""
    warehouse = start(tmp_path, None)

    def read_and_die():
        with warehouse.pin():
            os._exit(KILLED)

    assert in_child(read_and_die) == KILLED
    assert len(list(warehouse.room.glob("pin-*"))) == 2
    with warehouse.pin() as folder:
        advance(warehouse)
        assert see(folder) == OLD
        assert len(list(warehouse.room.glob("pin-*"))) == 2
    assert list(warehouse.room.glob("pin-*")) == []


def test_pin_while_a_run_looks_for_dead_readers(tmp_path, monkeypatch):
    """A run may take a new pin for one of the dead; the reader makes it again."""
    warehouse = start(tmp_path, None)
    take_system_lock = lock._try_system_lock  # noqa: SLF001
    met = []

    def meet(descriptor):
        if not met and (pins := list(warehouse.room.glob("pin-*.lock"))):
            met.append(pins[0])
            looking = lock.take_lock(pins[0])  # as a run does that looks for the dead

            def go_on():
                pins[0].unlink()
                looking.release()

            threading.Timer(0.1, go_on).start()
        return take_system_lock(descriptor)

    monkeypatch.setattr(lock, "_try_system_lock", meet)
    with warehouse.pin() as folder:
        assert see(folder) == OLD
        snapshots.recover(warehouse.live, warehouse.room)
        assert see(folder) == OLD
    assert met
    assert list(warehouse.room.glob("pin-*")) == []


def test_damage_is_not_copied(tmp_path):
    """A damaged file is found before its rows are written again."""
    warehouse = start(tmp_path, None)
    name = next(
        file.name
        for file in (warehouse.live / "sources").iterdir()
        if "changed.txt" in pq.read_table(file)["source_path"].to_pylist()
    )
    victim = warehouse.live / "paragraphs" / name
    data = bytearray(victim.read_bytes())
    data[len(data) // 3] ^= 1
    victim.write_bytes(data)

    with pytest.raises(WarehouseError, match="SHA-256"), warehouse.lock():
        commit(warehouse, 3, deleted=["deleted.txt"])
    assert [(p.table, p.law) for p in warehouse.verify_files()] == [
        ("paragraphs", "SHA-256")
    ]


@pytest.mark.parametrize("mode", MODES)
def test_readers_during_many_publishes(tmp_path, mode):
    """Who globs a table while runs publish gets one snapshot, or a missing file."""
    warehouse = Warehouse(tmp_path / "warehouse", publish_mode=mode)
    with warehouse.lock():
        commit(warehouse, 1, {"a.txt": 2}, {"b.txt": 2})
    is_done, seen, missed = threading.Event(), set(), []

    def read():
        query = f"SELECT count(*), count(DISTINCT document_id) FROM '{pattern}'"
        with duckdb.connect() as connection:
            while not is_done.is_set():
                try:
                    seen.add(connection.sql(query).fetchall()[0])
                except duckdb.IOException as error:
                    missed.append(error)

    pattern = warehouse.live / "paragraphs" / "*.parquet"
    reader = threading.Thread(target=read)
    reader.start()
    try:
        with warehouse.lock():
            for number in range(2, 12):
                name = "ab"[number % 2]
                commit(warehouse, number, {f"{name}.txt": 2 * number})
    finally:
        is_done.set()
        reader.join()

    assert seen == {(8, 4)}
