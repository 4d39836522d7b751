"""What a run needs of the disk is looked at before it works; nothing stays of that."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

import pytest

from flows import __main__ as command
from flows.conduct import ingest_plainly
from flows.needs import calibrate, check_disk, expect_bytes
from flows.plan import look_around
from flows.reader import open_tables
from flows.settings import read_settings
from tasks.discover import discover_files
from tasks.errors import WarehouseError
from tasks.tables import disk, probe
from tasks.tables.probe import Powers, estimate_need
from tasks.tables.warehouse import Warehouse
from tests.warehouse_rows import FAST_FOLDER, REJECTED, commit, see

ROOT = Path(__file__).parents[2]
ALL = Powers(can_link=True, can_exchange=True)
NOBODY = 65534
OLD = {"a.txt": 1, "b.txt": 2, "c.txt": REJECTED}
STORY = "The ferry came in late, and the two sisters waited on the pier until dark.\n"
IS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")


@pytest.fixture
def tmp_path():
    """Give a folder that is fast to flush, and that other users may pass through."""
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def warehouse(tmp_path):
    """Give a warehouse of two parts."""
    warehouse = Warehouse(tmp_path / "warehouse")
    with warehouse.lock():
        commit(warehouse, 1, {"a.txt": 1, "b.txt": 2}, {"c.txt": REJECTED})
    return warehouse


def as_nobody(action):
    """Do something as an ordinary user, in a child; return what it was refused with."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        text = b""
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            action()
        except BaseException as error:  # noqa: BLE001  (a child must end here)
            text = f"{type(error).__name__}: {error}".encode()
        os.write(writer, text)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text


def photograph(folder):
    """Return every path with the time of its last change."""
    return {p: p.lstat().st_mtime_ns for p in [folder, *folder.rglob("*")]}


# Permissions


def test_probe_leaves_nothing(warehouse):
    """It is tried out in the engine room, and the tables are not touched."""
    before = photograph(warehouse.live)
    assert warehouse.probe() == ALL

    assert photograph(warehouse.live) == before
    assert {entry.name for entry in warehouse.room.iterdir()} == {"lock"}


def test_probe_before_there_is_anything(tmp_path):
    """Folders that are still to be made are not made by asking."""
    assert Warehouse(tmp_path / "deep" / "down" / "tables").probe() == ALL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("function", "number", "powers"),
    [
        ("link", errno.EPERM, Powers(can_link=False, can_exchange=True)),
        ("exchange", errno.EINVAL, Powers(can_link=True, can_exchange=False)),
    ],
)
def test_what_is_not_to_be_had(warehouse, monkeypatch, function, number, powers):
    """No links, no exchange: a run works all the same, but it is known."""

    def refuse(*_args, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os if function == "link" else disk, function, refuse)
    assert warehouse.probe() == powers


@pytest.mark.parametrize("function", ["link", "exchange", "mkdir", "rename"])
def test_a_disk_that_refuses_everything(warehouse, monkeypatch, function):
    """An error that no fallback is for ends the run before it begins."""

    def refuse(*_args, **_options):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(disk if function == "exchange" else os, function, refuse)
    with pytest.raises(WarehouseError, match="Input/output error"):
        warehouse.probe()
    monkeypatch.undo()
    assert {entry.name for entry in warehouse.room.iterdir()} == {"lock"}


@needs_root
@pytest.mark.parametrize("closed", ["room", "live", "above"])
def test_folders_of_somebody_else(warehouse, closed):
    """Each folder that a publish changes must be ours to write in."""
    above = warehouse.live.parent
    folders = {"room": warehouse.room, "live": warehouse.live, "above": above}
    for path in [above, *above.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    assert as_nobody(warehouse.probe) == ""

    os.chown(folders[closed], 0, 0)
    folders[closed].chmod(0o755)
    assert f"cannot write in {folders[closed]}: Permission" in as_nobody(
        warehouse.probe
    )


@needs_root
def test_tables_of_somebody_else_in_a_folder_for_everybody(warehouse):
    """In a folder like /tmp others may write, but not rename what is not theirs."""
    above = warehouse.live.parent
    above.chmod(0o1777)
    warehouse.live.chmod(0o777)
    warehouse.room.chmod(0o777)

    assert "belongs to another user" in as_nobody(warehouse.probe)


@needs_root
def test_new_tables_where_nothing_may_be_written(tmp_path):
    """The message names the folder that is closed."""
    warehouse = Warehouse(tmp_path / "deep" / "tables")

    assert f"cannot write in {tmp_path}: Permission denied" in as_nobody(
        warehouse.probe
    )


@needs_root
def test_run_of_an_ordinary_user(tmp_path, monkeypatch):
    """The command refuses in one line, before Prefect is imported."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text(STORY)

    def run():
        status = command.main(["run"])
        raise AssertionError(status, "flows.ingest" in sys.modules)

    sys.modules.pop("flows.ingest", None)
    assert as_nobody(run) == "AssertionError: (1, False)"


# Space


def fake_space(monkeypatch, free_bytes, free_files=10**6):
    """Let the file system have so much room."""
    usage = namedtuple("Usage", "free")  # noqa: PYI024
    found = namedtuple("Found", "f_files f_favail")  # noqa: PYI024
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(free_bytes))
    monkeypatch.setattr(os, "statvfs", lambda _path: found(10**6, free_files))


def test_not_enough_space(warehouse, monkeypatch):
    """The message says how much is needed for what, and how much there is."""
    fake_space(monkeypatch, 1_100_000_000)
    with pytest.raises(
        WarehouseError,
        match=r"needs about 3\.2 GB beside the tables, 1\.1 GB is free: 3\.2 GB for new"
        r" rows, .* kB for old rows to write again\. Free space",
    ):
        warehouse.check_disk(3_200_000_000, 10, ["a.txt"])

    fake_space(monkeypatch, 4_000_000_000)
    assert warehouse.check_disk(3_200_000_000, 10, ["a.txt"]) == ALL


def test_not_enough_inodes(warehouse, monkeypatch):
    """A file system can be full of files while there is space."""
    fake_space(monkeypatch, 10**12, free_files=50)
    with pytest.raises(WarehouseError, match="new files, the file system has room for"):
        warehouse.check_disk(1000, 10, [])

    fake_space(monkeypatch, 10**12, free_files=0)
    monkeypatch.setattr(os, "statvfs", lambda _path: os.statvfs_result([0] * 10))
    warehouse.check_disk(1000, 10, [])


def test_estimate_counts_what_a_publish_writes(warehouse):
    """Staged parts; parts that lose some of their rows, in proportion; merges."""
    manifest = warehouse.manifest()
    both, rejected = sorted(
        (p for p in manifest.parts if p.is_batch),
        key=lambda part: -part.files["sources"].rows,
    )
    derived_bytes = sum(p.size_bytes for p in manifest.parts if p.is_derived)

    def need(staged, paths, powers=ALL):
        return estimate_need(warehouse.live, manifest, staged, paths, powers)

    assert need((0, 0), []).total_bytes == 0
    half_bytes = round(both.size_bytes / 2)
    assert need((0, 0), ["a.txt"]).rewritten_bytes == half_bytes + derived_bytes
    assert need((0, 0), ["a.txt", "b.txt", "c.txt"]).total_bytes == derived_bytes
    assert need((6000, 5), []).merged_bytes == 0  # seven parts
    merged_bytes = 6000 + both.size_bytes + rejected.size_bytes
    assert need((6000, 6), []).merged_bytes == merged_bytes
    assert need((6_000_000, 6), []).merged_bytes == 0  # not of like size
    copied = need((0, 0), [], Powers(can_link=False, can_exchange=True))
    assert copied.copied_bytes == manifest.size_bytes
    assert copied.files > need((0, 0), []).files


def test_estimate_is_near_the_truth(tmp_path):
    """What the samples' tables take is what was expected, within a factor of two."""
    settings = read_settings(
        {}, raw_dir=ROOT / "raw", warehouse_dir=tmp_path / "warehouse"
    )
    files = discover_files(settings.raw_dir, settings.ignore)
    files = files[files["problem"].isna()]
    expected = expect_bytes(files, settings.max_file_bytes) + probe.EMPTY_PART_BYTES
    ingest_plainly(settings)

    parts = Warehouse(settings.warehouse_dir).manifest().parts
    found = sum(part.size_bytes for part in parts if part.is_batch)
    assert found / 2 < expected < found * 2


def test_tables_there_are_correct_the_estimate(tmp_path, monkeypatch):
    """Text that takes more or less than usual does so next time, too."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    for index in range(20):
        (raw_dir / f"{index}.txt").write_text(f"{STORY}\n" * 30)
    settings = read_settings({}, raw_dir=raw_dir, warehouse_dir=tmp_path / "w")
    ingest_plainly(settings)
    warehouse = Warehouse(settings.warehouse_dir)

    assert calibrate(warehouse, settings.max_file_bytes) == 1.0
    monkeypatch.setattr("flows.needs._CALIBRATION_BYTES", 1)
    monkeypatch.setattr("flows.needs.EMPTY_PART_BYTES", 0)
    factor = calibrate(warehouse, settings.max_file_bytes)
    parts = warehouse.manifest().parts
    found = sum(part.size_bytes for part in parts if part.is_batch)
    files = discover_files(raw_dir, [])
    assert expect_bytes(files, settings.max_file_bytes) * factor == pytest.approx(
        found, abs=1
    )


def test_files_that_are_not_read_need_no_space(tmp_path, monkeypatch):
    """A film among the articles, and a file that is too large, do not count."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    for name in ("film.mp4", "large.txt"):
        with (raw_dir / name).open("wb") as file:
            file.truncate(10**9)
    settings = read_settings({}, raw_dir=raw_dir, warehouse_dir=tmp_path / "w")
    fake_space(monkeypatch, 10**7)

    check_disk(look_around(settings), Warehouse(settings.warehouse_dir), settings)


def test_run_on_a_full_disk(tmp_path, monkeypatch, capsys):
    """The command refuses before Prefect is started, and the plain run too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text(STORY)
    fake_space(monkeypatch, 10)

    assert command.main(["run"]) == 1
    assert "10 B is free" in capsys.readouterr().err
    assert [entry.name for entry in tmp_path.iterdir()] == ["raw"]
    with pytest.raises(WarehouseError, match="10 B is free"):
        ingest_plainly(read_settings({}))


def test_a_run_that_is_writing_is_not_judged_by_its_space(
    warehouse, tmp_path, monkeypatch
):
    """What it takes becomes tables: the run that waits is judged under the lock."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text(STORY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("flows.backstage.start_server", _stop)
    fake_space(monkeypatch, 10)
    with warehouse.lock(), pytest.raises(_StopError):
        command.main(["run"])


class _StopError(Exception):
    """The command got as far as Prefect."""


def _stop():
    raise _StopError


def test_no_waiting_is_refused_at_once(warehouse, tmp_path, monkeypatch, capsys):
    """Who holds the warehouse is said before Prefect is started."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text(STORY)
    monkeypatch.chdir(tmp_path)
    with warehouse.lock():
        assert command.main(["run", "--no-wait"]) == 1
    assert f"process {os.getpid()} on" in capsys.readouterr().err


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 kB in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(place)]
    if not IS_ROOT or subprocess.run(mount, check=False).returncode:
        pytest.skip("cannot mount a small disk here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_small(small_disk, tmp_path, monkeypatch, capsys):
    """Refused before anything is written; readable and writable again afterwards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text(STORY)
    warehouse = Warehouse(small_disk / "tables")
    settings = read_settings({}, warehouse_dir=warehouse.live)
    ingest_plainly(settings)
    before = see_sources(warehouse)
    (tmp_path / "raw" / "b.txt").write_text(STORY * 20_000)

    assert command.main(["run", "--warehouse", str(warehouse.live)]) == 1
    assert "needs about 1.2 MB beside the tables" in capsys.readouterr().err
    filler = small_disk / "filler"
    with contextlib.suppress(OSError):
        filler.write_bytes(b"x" * 10**6)
    for arguments in (["status"], ["query", "FROM sources"]):
        assert command.main([*arguments, "--warehouse", str(warehouse.live)]) == 0
    with warehouse.pin() as folder:
        assert folder == warehouse.live
    assert see_sources(warehouse) == before
    filler.unlink()
    (tmp_path / "raw" / "b.txt").write_text(STORY)
    assert ingest_plainly(settings).snapshot == 2


def see_sources(warehouse):
    """Return the paths that the tables know."""
    return warehouse.read_table("sources")["source_path"].to_pylist()


# Reading where nothing can be written


@pytest.fixture
def sealed(warehouse):
    """A copy of the tables alone, where an ordinary user cannot write."""
    place = warehouse.live.parent / "read only"
    shutil.copytree(warehouse.live, place / "copy")
    for path in [place, *place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    return Warehouse(place / "copy")


@needs_root
@pytest.mark.parametrize("has_room", [False, True])
def test_reading_what_cannot_be_written(sealed, warehouse, has_room):
    """Everything that only reads works; the pin is the live folder itself."""
    if has_room:
        shutil.copytree(warehouse.room, sealed.room)
        sealed.room.chmod(0o555)

    def read():
        with sealed.pin() as folder:
            assert folder == sealed.live
            assert see(folder) == OLD
        assert len(sealed.snapshots()) == 1
        assert sealed.read_table("documents").num_rows == 3
        assert list(sealed.verify_files()) == []
        with open_tables(sealed.live) as tables:
            assert tables.arrow("sources").num_rows == 3

    before = photograph(sealed.live.parent)
    assert as_nobody(read) == ""
    assert photograph(sealed.live.parent) == before


@needs_root
def test_earlier_snapshots_of_what_cannot_be_written(warehouse):
    """They are read where they lie, as the live one is."""
    with warehouse.lock():
        commit(warehouse, 2, {"a.txt": 3})
    for path in warehouse.live.parent.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)

    def read():
        for number, name in ((1, "00000001"), (2, "warehouse")):
            with open_tables(warehouse.live, snapshot=number) as tables:
                assert tables.folder.name == name
                assert tables.snapshot == number
                assert tables.arrow("sources").num_rows == 3

    assert as_nobody(read) == ""


@needs_root
def test_commands_on_what_cannot_be_written(tmp_path, capsys):
    """`status`, `query`, `explain` and `verify` answer; `run` refuses in one line."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    (raw_dir / "a.txt").write_text(STORY)
    tables = tmp_path / "tables"
    ingest_plainly(read_settings({}, raw_dir=raw_dir, warehouse_dir=tables))
    (raw_dir / "new.txt").write_text(STORY)
    folders = ["--raw", str(raw_dir), "--warehouse", str(tables)]

    def read():
        for arguments in (
            ["status", *folders],
            ["query", "FROM sources", *folders[2:]],
            ["explain", "a.txt", *folders],
            ["verify", *folders],
            ["snapshots", *folders[2:]],
        ):
            assert command.main(arguments) == 0
        capsys.readouterr()
        assert command.main(["run", *folders]) == 1
        error = capsys.readouterr().err
        assert f"articles: {tables}: cannot write in" in error
        assert error.count("\n") == 1

    assert as_nobody(read) == ""


def test_pin_beside_a_copy_leaves_no_room(warehouse, tmp_path):
    """Reading a copy that can be written leaves nothing beside it."""
    shutil.copytree(warehouse.live, tmp_path / "copy")
    copy = Warehouse(tmp_path / "copy")
    with copy.pin() as folder:
        assert see(folder) == OLD

    assert not copy.room.exists()
