"""A warehouse can be moved and copied like any folder, with its raw files."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from flows.conduct import ingest_plainly
from flows.settings import read_settings
from tasks.tables.warehouse import Warehouse
from tests.campaign.raw_folder import RawFolder
from tests.campaign.readers import READERS, look
from tests.warehouse_rows import FAST_FOLDER


def copy_with_links(old, new):
    subprocess.run(["cp", "-a", str(old), str(new)], check=True)


def copy_with_rsync(old, new):
    subprocess.run(["rsync", "-aH", f"{old}/", f"{new}/"], check=True)


WAYS = {"move": shutil.move, "copy": shutil.copytree, "cp -a": copy_with_links}
if shutil.which("rsync"):
    WAYS["rsync"] = copy_with_rsync


@pytest.fixture
def home():
    """A folder with raw files and a warehouse that has a history."""
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
        home = Path(folder) / "old"
        raw = RawFolder(home / "raw", 3)
        for _ in range(3):
            raw.change()
            run(home)
        yield home


def run(home):
    """Run over the raw files of a folder; return how many were read."""
    folders = {"raw_dir": home / "raw", "warehouse_dir": home / "warehouse"}
    return ingest_plainly(read_settings({}, **folders, batch_files=5)).processed


def edit(home):
    """Change one article."""
    path = next(path for path in (home / "raw").rglob("*.md"))
    path.write_text("A new story\n\nThe ferry came in late, and nobody waited.\n")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("has_room", [True, False], ids=["all", "tables only"])
def test_moved(home, way, has_room):
    """Readable at once; nothing is read again but what changes afterwards.

    Hard links may be broken, the engine room may be missing, and the path may have
    spaces and umlauts.
    """
    before = look(home.joinpath("warehouse"), "duckdb")
    history = len(Warehouse(home / "warehouse").snapshots())
    if not has_room:
        shutil.rmtree(home / ".warehouse")
    new = home.parent / "neuer Ort, schön"
    WAYS[way](home, new)

    for reader in READERS:
        assert look(new / "warehouse", reader) == before, reader
    warehouse = Warehouse(new / "warehouse")
    assert list(warehouse.verify_files()) == []
    assert len(warehouse.snapshots()) == (history if has_room else 1)
    assert run(new) == 0
    edit(new)
    assert run(new) == 1
    assert list(warehouse.verify_files()) == []
    if has_room:
        with warehouse.lock():
            warehouse.rollback(warehouse.snapshots()[1].snapshot)
        assert look(warehouse.live, "polars").content == before.content


def test_renamed_warehouse(home):
    """Only the folder of the tables has another name: its history stays behind."""
    before = look(home / "warehouse", "duckdb")
    (home / "warehouse").rename(home / "Tabellen für alle")

    settings = read_settings(
        {}, raw_dir=home / "raw", warehouse_dir=home / "Tabellen für alle"
    )
    assert ingest_plainly(settings).processed == 0
    for reader in READERS:
        assert look(home / "Tabellen für alle", reader) == before


def test_read_only_copy(home):
    """Globs read a copy that nobody may write to, and leave nothing there."""
    copy = home.parent / "read only"
    shutil.copytree(home / "warehouse", copy)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in [copy, *copy.rglob("*")]}

    for reader in READERS:
        assert look(copy, reader) == look(home / "warehouse", reader)
    with Warehouse(copy).pin() as folder:
        assert look(folder, "duckdb") == look(home / "warehouse", "duckdb")
    after = {path: path.stat().st_mtime_ns for path in [copy, *copy.rglob("*")]}
    assert after == before
