"""The warehouse as its users know it: read, publish, history, pins, refusals."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import ContractError, WarehouseError
from tasks.schema import BATCH_TABLES, SCHEMA_VERSION, TABLES
from tasks.tables import parts, snapshots
from tasks.tables.manifest import MANIFEST_NAME
from tasks.tables.parts import SMALL_PARTS
from tasks.tables.warehouse import Warehouse
from tasks.write import stage_tables
from tests.warehouse_rows import (
    REJECTED,
    SCHEMAS,
    STORIES,
    commit,
    make_batch,
    make_older,
    make_run,
    see,
)


@pytest.fixture
def tmp_path(fast_folder):
    """Give a folder that is fast to flush."""
    return fast_folder


@pytest.fixture
def warehouse(tmp_path):
    """Give a warehouse that is not published yet."""
    return Warehouse(tmp_path / "warehouse")


def publish(warehouse, number, *batches, deleted=()):
    """Do what a run does, with a lock of its own."""
    with warehouse.lock():
        return commit(warehouse, number, *batches, deleted=deleted)


# Reading


def test_readers_one_liners(warehouse):
    """DuckDB, pandas and Polars read every table by globbing its folder."""
    publish(warehouse, 1, {"a.txt": 2, "b.txt": 1}, {"c.txt": 5})
    rows = {"documents": 4, "paragraphs": 8, "removals": 4, "evidence": 4}
    rows |= {"duplicates": 2, "repeats": 1, "sources": 3, "runs": 1}

    for name in TABLES:
        folder = warehouse.live / name
        found = duckdb.sql(f"SELECT count(*) FROM '{folder}/*.parquet'").fetchall()
        assert found == [(rows[name],)]
        assert len(pd.read_parquet(folder)) == rows[name]
        assert pl.scan_parquet(folder / "*.parquet").collect().height == rows[name]


def test_readers_one_liners_without_any_article(warehouse):
    """After a publish without rows every table still has a file with its columns."""
    publish(warehouse, 1)

    for name, table in TABLES.items():
        folder = warehouse.live / name
        frame = pd.read_parquet(folder)
        assert list(frame.columns) == table.schema.names
        assert len(frame) == (name == "runs")
        assert duckdb.sql(f"FROM '{folder}/*.parquet'").columns == table.schema.names
        assert (
            pl.scan_parquet(folder / "*.parquet").collect().columns
            == frame.columns.to_list()
        )


def test_read_table(warehouse):
    """A table comes from the files of one manifest, with columns and filters."""
    publish(warehouse, 1, {"a.txt": 1, "b.txt": 3})

    table = warehouse.read_table("documents", ["text"], [("source_path", "=", "b.txt")])
    assert table["text"].to_pylist() == [f"b.txt version 3 {STORIES[0]}"]


def test_read_table_below_a_folder_named_like_a_partition(tmp_path):
    """A folder ``a=b`` above the warehouse does not become a column."""
    warehouse = Warehouse(tmp_path / "language=xx" / "warehouse")
    publish(warehouse, 1, {"a.txt": 1})

    assert warehouse.read_table("documents")["language"].to_pylist() == ["de"]


def test_read_while_a_publish_ends(warehouse, monkeypatch):
    """The tables may come back between looking for them and for what took them away."""
    publish(warehouse, 1, {"a.txt": 1})
    read_manifest = snapshots.read_manifest
    looks = []

    def read_late(folder):
        looks.append(folder)
        if len(looks) == 1:
            raise FileNotFoundError
        return read_manifest(folder)

    monkeypatch.setattr(snapshots, "read_manifest", read_late)

    assert warehouse.manifest().rows["documents"] == 1
    assert len(looks) == 2


def test_read_before_the_first_publish(warehouse):
    """Without a warehouse there are no rows, and reading creates nothing."""
    assert warehouse.manifest() is None
    assert not warehouse.needs_migration
    assert warehouse.read_table("documents").num_rows == 0
    assert warehouse.read_table("documents", ["text"]).column_names == ["text"]
    assert warehouse.snapshots() == []
    assert list(warehouse.verify_files()) == []
    assert list(warehouse.live.parent.iterdir()) == []


def test_ledger_without_prefect():
    """Looking whether there is anything to do does not import Prefect."""
    code = "import sys, tasks.tables.warehouse; sys.exit('prefect' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_footers_explain_themselves(warehouse):
    """Every file carries table, key, schema version and what its columns mean."""
    publish(warehouse, 1, {"a.txt": 1})

    for name, table in TABLES.items():
        for file in (warehouse.live / name).iterdir():
            schema = pq.read_schema(file)
            assert schema.metadata == table.schema.metadata
            for field in table.schema:
                assert schema.field(field.name).metadata == field.metadata


def test_writer_settings(warehouse):
    """Zstandard, page index, dictionaries for ids and closed lists but not for text."""
    publish(warehouse, 1, {"a.txt": 1})

    file = next((warehouse.live / "documents").iterdir())
    group = pq.read_metadata(file).row_group(0)
    columns = {
        group.column(i).path_in_schema: group.column(i)
        for i in range(group.num_columns)
    }
    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert all(column.has_offset_index for column in columns.values())
    assert columns["document_id"].has_dictionary_page
    assert columns["languages.list.element.code"].has_dictionary_page
    assert not columns["text"].has_dictionary_page


# Publishing


def test_publish_replaces_adds_and_deletes(warehouse):
    """Rows of replaced files go from every table; all others stay."""
    publish(warehouse, 1, {"kept.txt": 2, "changed.txt": 2, "deleted.txt": 1})
    publish(warehouse, 2, {"changed.txt": 7, "new.txt": 4}, deleted=["deleted.txt"])

    assert see(warehouse.live) == {"kept.txt": 2, "changed.txt": 7, "new.txt": 4}
    assert list(warehouse.verify_files()) == []


def test_publish_replaces_staged_files_by_itself(warehouse):
    """A staged file replaces its old rows even if the caller does not say so."""
    publish(warehouse, 1, {"a.txt": 1})
    with warehouse.lock():
        folder = warehouse.new_staging_dir()
        part = stage_tables(make_batch({"a.txt": 2}), folder, warehouse.new_stem())
        warehouse.publish([part], [], make_run(2), "fingerprint")

    assert see(warehouse.live) == {"a.txt": 2}


def test_publish_rewrites_only_what_it_must(warehouse):
    """Parts without replaced rows are linked, not written again; under other names.

    Who listed the folder before, and looks at the files after, must not take those that
    stayed for all there are: of the old names all are there, or none.
    """
    publish(warehouse, 1, {"a.txt": 1}, {"b.txt": 1, "c.txt": 1})
    before = {
        file.name: file.stat().st_ino
        for file in (warehouse.live / "documents").iterdir()
    }
    publish(warehouse, 2, deleted=["c.txt"])

    after = {
        file.name: file.stat().st_ino
        for file in (warehouse.live / "documents").iterdir()
    }
    assert len({*before.values()} & {*after.values()}) == 1
    assert not before.keys() & after.keys()
    assert len(after) == 2


def test_added_parts_leave_the_old_names(warehouse):
    """As long as nothing goes, every file keeps its name: backups copy what is new."""
    publish(warehouse, 1, {"a.txt": 1}, {"b.txt": 1})
    before = {file.name for file in (warehouse.live / "documents").iterdir()}
    publish(warehouse, 2, {"c.txt": 1})

    assert before < {file.name for file in (warehouse.live / "documents").iterdir()}


def test_rollback_shares_no_name(warehouse):
    """After a rollback, too, a reader that listed the folder before finds no file."""
    publish(warehouse, 1, {"a.txt": 1}, {"b.txt": 1})
    publish(warehouse, 2, {"c.txt": 1})
    before = {file.name for file in (warehouse.live / "documents").iterdir()}
    with warehouse.lock():
        warehouse.rollback(1)

    assert not before & {file.name for file in (warehouse.live / "documents").iterdir()}


def test_every_part_has_a_file_in_every_table(warehouse):
    """One stem holds the rows of the same raw files in every table."""
    publish(warehouse, 1, {"a.txt": 1, "b.txt": 2}, {"c.txt": REJECTED})
    publish(warehouse, 2, deleted=["a.txt"])

    stems = [
        {f.name for f in (warehouse.live / name).iterdir()} for name in BATCH_TABLES
    ]
    assert all(names == stems[0] for names in stems)
    assert len(stems[0]) == 2


def test_delete_everything(warehouse):
    """When the last file goes, empty tables stay; they go when rows come back."""
    publish(warehouse, 1, {"a.txt": 1})
    publish(warehouse, 2, deleted=["a.txt"])
    assert see(warehouse.live) == {}

    publish(warehouse, 3, {"b.txt": 1})
    assert see(warehouse.live) == {"b.txt": 1}
    assert len(list((warehouse.live / "documents").iterdir())) == 1


def test_small_parts_are_merged(warehouse):
    """Eight small parts become one, sorted as the contract says; so do runs."""
    for number in range(1, SMALL_PARTS + 1):
        publish(warehouse, number, {f"{number}.txt": number})
        files = len(list((warehouse.live / "documents").iterdir()))
        assert files == (number if number < SMALL_PARTS else 1)

    assert len(list((warehouse.live / "runs").iterdir())) == 1
    assert see(warehouse.live) == {f"{n}.txt": n for n in range(1, SMALL_PARTS + 1)}
    rows = warehouse.read_table("paragraphs")
    by = [(column, "ascending") for column in TABLES["paragraphs"].sort]
    assert rows.equals(rows.sort_by(by))


def test_parts_are_cut_into_row_groups(warehouse, monkeypatch):
    """Rewriting a part fills row groups instead of keeping fragments."""
    monkeypatch.setattr(parts, "ROW_GROUP_ROWS", 4)
    publish(warehouse, 1, {f"{n}.txt": 1 for n in range(9)})
    publish(warehouse, 2, deleted=["0.txt", "4.txt"])

    file = next((warehouse.live / "sources").iterdir())
    footer = pq.read_metadata(file)
    groups = [footer.row_group(i).num_rows for i in range(footer.num_row_groups)]
    assert groups == [4, 3]
    assert len(see(warehouse.live)) == 7


def test_manifest(warehouse):
    """The manifest says where the snapshot comes from and lists every file."""
    first = publish(warehouse, 1, {"a.txt": 1})
    second = publish(warehouse, 2, {"b.txt": 2})

    assert warehouse.manifest() == second
    assert (first.snapshot, first.parent) == (1, None)
    assert (second.snapshot, second.parent, second.run_id) == (2, 1, "run-0002")
    assert second.fingerprint == "fingerprint"
    content = json.loads((warehouse.live / MANIFEST_NAME).read_text())
    listed = {file["file"] for file in content["files"]}
    assert listed == {
        str(f.relative_to(warehouse.live)) for f in warehouse.live.glob("*/*")
    }
    assert {"table", "file", "rows", "bytes", "sha256"} == content["files"][0].keys()


def test_folder_explains_itself(warehouse):
    """The folder holds a README about the tables and keeps itself out of git."""
    publish(warehouse, 1)

    assert "`paragraphs`" in (warehouse.live / "README.md").read_text()
    assert (warehouse.live / ".gitignore").read_text() == "*\n"


def test_same_file_staged_twice(warehouse):
    """A raw file in two parts would repeat keys, so nothing is published."""
    publish(warehouse, 1, {"a.txt": 1})
    with pytest.raises(ContractError, match=r"'b\.txt' is staged in two parts"):
        publish(warehouse, 2, {"b.txt": 1}, {"b.txt": 2})

    assert see(warehouse.live) == {"a.txt": 1}


def test_same_file_in_gathered_parts(warehouse):
    """That a raw file is staged twice is still seen once its parts are one."""
    batches = [{f"{n}.txt": 1} for n in range(SMALL_PARTS - 1)] + [{"0.txt": 2}]
    with warehouse.lock():
        folder = warehouse.new_staging_dir()
        staged = [
            stage_tables(make_batch(batch), folder, warehouse.new_stem())
            for batch in batches
        ]
        gathered = warehouse.gather(staged)
        assert len(gathered) == 1
        with pytest.raises(ContractError, match=r"'0\.txt' is staged in two parts"):
            warehouse.publish(gathered, [], make_run(1), "fingerprint")


def test_same_run_twice(warehouse):
    """A run publishes once."""
    publish(warehouse, 1)
    with pytest.raises(ContractError, match="run 'run-0001' is published already"):
        publish(warehouse, 1)


def test_writing_needs_the_lock(warehouse):
    """Publishing without the lock is a mistake of the programmer."""
    with pytest.raises(RuntimeError, match="hold the lock"):
        warehouse.publish([], [], make_run(1), "fingerprint")
    with pytest.raises(RuntimeError, match="hold the lock"):
        warehouse.rollback(1)
    with (
        warehouse.lock(),
        pytest.raises(RuntimeError, match="already"),
        warehouse.lock(),
    ):
        pass


# First publish, and foreign folders


@pytest.mark.parametrize(
    "names", [[], [".gitignore"], [".gitkeep", "README.md"], [".DS_Store"]]
)
@pytest.mark.parametrize("mode", ["exchange", "renames"])
def test_first_publish_over_placeholders(tmp_path, names, mode):
    """What a checkout puts into the folder gives way; its .gitignore stays."""
    folder = tmp_path / "warehouse"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("from the checkout")
    warehouse = Warehouse(folder, publish_mode=mode)
    publish(warehouse, 1, {"a.txt": 1})

    assert see(folder) == {"a.txt": 1}
    ignored = "from the checkout" if ".gitignore" in names else "*\n"
    assert (folder / ".gitignore").read_text() == ignored
    publish(warehouse, 2, {"a.txt": 2})
    assert (folder / ".gitignore").read_text() == ignored


def test_folder_of_somebody_else(tmp_path):
    """A folder with other content is refused, and not touched."""
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.doc").write_text("precious")
    warehouse = Warehouse(tmp_path / "thesis")
    with pytest.raises(WarehouseError, match=r"holds chapter\.doc"), warehouse.lock():
        pass

    assert [f.name for f in tmp_path.iterdir()] == ["thesis"]
    assert [f.name for f in (tmp_path / "thesis").iterdir()] == ["chapter.doc"]


def test_file_in_place_of_the_folder(tmp_path):
    """A file is refused, and not touched."""
    (tmp_path / "warehouse").write_text("precious")
    warehouse = Warehouse(tmp_path / "warehouse")
    assert warehouse.manifest() is None
    with pytest.raises(WarehouseError, match="is not a folder"), warehouse.lock():
        pass

    assert (tmp_path / "warehouse").read_text() == "precious"


@pytest.mark.parametrize("place", ["notes.txt", "documents/extra.parquet"])
def test_own_files_in_the_warehouse(warehouse, place):
    """Files of a person are never swept away with an old snapshot."""
    publish(warehouse, 1)
    (warehouse.live / place).write_text("precious")
    with pytest.raises(WarehouseError, match=place):
        publish(warehouse, 2)

    assert [(p.file, p.law) for p in warehouse.verify_files()] == [
        (place, "file is known")
    ]


def test_own_files_that_appear_during_a_run(warehouse):
    """Files are looked for once more before the folder is replaced."""
    publish(warehouse, 1)
    with warehouse.lock():
        (warehouse.live / "notes.txt").write_text("precious")
        with pytest.raises(WarehouseError, match=r"notes\.txt"):
            commit(warehouse, 2)


def test_warehouse_behind_a_link(tmp_path):
    """A link to the folder is followed, not replaced."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "warehouse").symlink_to(tmp_path / "disk" / "tables")
    warehouse = Warehouse(tmp_path / "warehouse")
    publish(warehouse, 1)
    publish(warehouse, 2, {"a.txt": 1})

    assert (tmp_path / "warehouse").is_symlink()
    assert see(tmp_path / "disk" / "tables") == {"a.txt": 1}


# Versions


def edit_manifest(warehouse, **values):
    """Change values of the manifest on disk."""
    path = warehouse.live / MANIFEST_NAME
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("version", ["schema_version", "format_version"])
def test_newer_warehouse(warehouse, version):
    """Tables of a newer version are refused with the advice to upgrade."""
    publish(warehouse, 1)
    edit_manifest(warehouse, **{version: 99})
    with pytest.raises(WarehouseError, match="Upgrade article-pipeline"):
        warehouse.read_table("sources")
    with pytest.raises(WarehouseError, match="Upgrade"), warehouse.lock():
        pass


def test_older_schema_is_migrated(warehouse):
    """The next commit, whatever it is for, brings every row to the present schema."""
    publish(warehouse, 1, {"a.txt": 1, "b.txt": 2}, {"c.txt": 3})
    names = {name: list(columns) for name, columns in SCHEMAS["1"].items()}
    before = {name: warehouse.read_table(name, names[name]) for name in names}
    make_older(warehouse.live)
    assert warehouse.needs_migration
    # Read as the present schema even before; a column that was unknown is filled in.
    for name, rows in before.items():
        found = warehouse.read_table(name)
        assert found.schema.equals(TABLES[name].schema)
        assert found.select(names[name]).to_pylist() == rows.to_pylist(), name
    chosen = warehouse.read_table("sources", ["source_path"], [("size_bytes", ">", 1)])
    assert sorted(chosen["source_path"].to_pylist()) == ["b.txt", "c.txt"]

    manifest = publish(warehouse, 2, {"a.txt": 5})
    assert manifest.schema_version == SCHEMA_VERSION
    assert not warehouse.needs_migration
    assert see(warehouse.live) == {"a.txt": 5, "b.txt": 2, "c.txt": 3}
    assert list(warehouse.verify_files()) == []
    assert set(warehouse.read_table("runs")["run_id"].to_pylist()) == {
        "run-0001",
        "run-0002",
    }


def test_rollback_to_an_older_schema(warehouse):
    """Its files are published as they were; the next commit migrates them."""
    publish(warehouse, 1, {"a.txt": 1})
    make_older(warehouse.live)
    publish(warehouse, 2, {"a.txt": 2})
    with warehouse.lock():
        warehouse.rollback(1)
    assert warehouse.needs_migration

    publish(warehouse, 3, {"b.txt": 3})
    assert see(warehouse.live) == {"a.txt": 1, "b.txt": 3}


def test_damaged_files_are_not_migrated(warehouse):
    """Damage must not get a fresh, valid checksum."""
    publish(warehouse, 1, {"a.txt": 1})
    make_older(warehouse.live)
    file = next((warehouse.live / "documents").iterdir())
    file.write_bytes(b"?" * file.stat().st_size)

    with pytest.raises(WarehouseError, match="differs from its SHA-256"):
        publish(warehouse, 2)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format_version": "a"}'])
def test_damaged_manifest(warehouse, content):
    """A manifest that makes no sense is refused with a way out."""
    publish(warehouse, 1)
    (warehouse.live / MANIFEST_NAME).write_text(content)
    with pytest.raises(WarehouseError, match=r"damaged manifest.*run again"):
        warehouse.manifest()


def test_manifest_cannot_name_other_places(warehouse):
    """A manifest that points out of the warehouse is damaged."""
    publish(warehouse, 1)
    entry = {"table": "..", "file": "../x.parquet", "rows": 1, "bytes": 1, "sha256": ""}
    edit_manifest(warehouse, files=[entry])
    with pytest.raises(WarehouseError, match="damaged manifest"):
        warehouse.manifest()


# History


def test_snapshots_are_kept_by_number(tmp_path):
    """Earlier snapshots are kept up to a number; newest first, the live one on top."""
    warehouse = Warehouse(tmp_path / "warehouse", keep_snapshots=2)
    for number in range(1, 6):
        publish(warehouse, number, {f"{number}.txt": 1})

    history = warehouse.snapshots()
    assert [line.snapshot for line in history] == [5, 4, 3]
    assert [line.is_live for line in history] == [True, False, False]
    assert [line.rows["documents"] for line in history] == [5, 4, 3]
    assert [line.run_id for line in history] == ["run-0005", "run-0004", "run-0003"]
    assert all(
        datetime.now(UTC) - line.created_at < timedelta(hours=1) for line in history
    )


def test_snapshots_are_kept_by_age(tmp_path):
    """With an age, those replaced longer ago go whatever their number."""
    warehouse = Warehouse(tmp_path / "warehouse", keep_days=1.0)
    publish(warehouse, 1)
    edit_manifest(warehouse, created_at="2026-01-01T00:00:00+00:00")
    publish(warehouse, 2)
    assert [line.snapshot for line in warehouse.snapshots()] == [2, 1]  # just replaced

    edit_manifest(warehouse, created_at="2026-01-02T00:00:00+00:00")
    publish(warehouse, 3)
    assert [line.snapshot for line in warehouse.snapshots()] == [3, 2]


def test_no_history(tmp_path):
    """With 0 to keep, only the live snapshot is there."""
    warehouse = Warehouse(tmp_path / "warehouse", keep_snapshots=0)
    publish(warehouse, 1)
    publish(warehouse, 2)

    assert [line.snapshot for line in warehouse.snapshots()] == [2]
    with pytest.raises(ValueError, match="keep_snapshots is -1"):
        Warehouse(tmp_path, keep_snapshots=-1)


def test_rollback(warehouse):
    """An earlier snapshot is published again as a new one; it can be undone."""
    publish(warehouse, 1, {"a.txt": 1})
    publish(warehouse, 2, {"a.txt": 2, "b.txt": 1})
    with warehouse.lock():
        manifest = warehouse.rollback(1)

    assert (manifest.snapshot, manifest.parent, manifest.restored_from) == (3, 2, 1)
    assert see(warehouse.live) == {"a.txt": 1}
    assert list(warehouse.verify_files()) == []
    with warehouse.lock():
        warehouse.rollback(2)
    assert see(warehouse.live) == {"a.txt": 2, "b.txt": 1}


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_rollback_to_damage(warehouse, damage):
    """A damaged snapshot is not published again: the tables stay as they are."""
    publish(warehouse, 1, {"a.txt": 1})
    publish(warehouse, 2, {"a.txt": 2})
    file = next((warehouse.room / "snapshots/00000001/documents").iterdir())
    if damage == "missing":
        file.unlink()
    else:
        data = file.read_bytes()
        file.write_bytes(data[:-9] + b"?" + data[-8:])

    with warehouse.lock(), pytest.raises(WarehouseError, match="another snapshot"):
        warehouse.rollback(1)
    assert see(warehouse.live) == {"a.txt": 2}
    assert list(warehouse.verify_files()) == []
    publish(warehouse, 3, {"b.txt": 1})


def test_rollback_to_nowhere(warehouse):
    """An unknown snapshot is refused, naming those there are."""
    publish(warehouse, 1)
    publish(warehouse, 2)
    with (
        warehouse.lock(),
        pytest.raises(WarehouseError, match=r"has no snapshot 7. There are 2, 1:"),
    ):
        warehouse.rollback(7)


def test_deleted_warehouse(warehouse):
    """After somebody deletes the tables they can be rolled back, or made anew."""
    publish(warehouse, 1, {"a.txt": 1})
    publish(warehouse, 2, {"a.txt": 2})
    shutil.rmtree(warehouse.live)
    assert warehouse.manifest() is None
    with warehouse.lock():
        assert warehouse.rollback(1).snapshot == 2
    assert see(warehouse.live) == {"a.txt": 1}

    shutil.rmtree(warehouse.live)
    assert publish(warehouse, 3, {"b.txt": 1}).snapshot == 2
    assert see(warehouse.live) == {"b.txt": 1}


def test_deleted_engine_room(warehouse):
    """The folder of the tables is enough to go on."""
    publish(warehouse, 1, {"a.txt": 1})
    shutil.rmtree(warehouse.room)
    publish(warehouse, 2, {"b.txt": 1})

    assert see(warehouse.live) == {"a.txt": 1, "b.txt": 1}


# Pins and locks


def test_pin(tmp_path):
    """A pinned folder stays what it was through publishes and expiry."""
    warehouse = Warehouse(tmp_path / "warehouse", keep_snapshots=0)
    publish(warehouse, 1, {"a.txt": 1})
    with warehouse.pin() as folder:
        publish(warehouse, 2, {"a.txt": 2})
        publish(warehouse, 3, {"a.txt": 3})
        assert see(folder) == {"a.txt": 1}
        assert len(pd.read_parquet(folder / "documents")) == 1
        assert Warehouse(folder).manifest().snapshot == 1

    assert not folder.exists()
    assert {entry.name for entry in warehouse.room.iterdir()} <= {"lock", "snapshots"}


def test_pin_before_the_first_publish(warehouse):
    """There is nothing to pin."""
    with (
        pytest.raises(WarehouseError, match="nothing is published yet"),
        warehouse.pin(),
    ):
        pass


def test_lock_is_exclusive(warehouse):
    """A second run is refused and told who holds the warehouse."""
    other = Warehouse(warehouse.live)
    with (
        warehouse.lock(),
        pytest.raises(WarehouseError, match=f"process {os.getpid()} on"),
        other.lock(),
    ):
        pass
    with other.lock():
        pass


def test_lock_waits(warehouse):
    """A run that waits starts when the other one is done."""
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from tasks.tables.warehouse import Warehouse\n"
        "warehouse = Warehouse(Path(sys.argv[1]))\n"
        "print('ready', flush=True)\n"
        "with warehouse.lock(wait=True): print('held', flush=True)\n"
    )
    with warehouse.lock():
        command = [sys.executable, "-c", code, str(warehouse.live)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "ready\n"
        assert process.poll() is None
    assert process.communicate()[0] == "held\n"


def test_staging_ends_with_the_lock(warehouse):
    """Parts that were not published are gone when the run ends."""
    with warehouse.lock():
        folder = warehouse.new_staging_dir()
        stage_tables(make_batch({"a.txt": 1}), folder, warehouse.new_stem())

    assert not folder.exists()


# Verifying


def test_verify_names_every_broken_file(warehouse):
    """Missing, changed and unknown files are each reported with table and law."""
    publish(warehouse, 1, {"a.txt": 1})
    missing = next((warehouse.live / "evidence").iterdir())
    missing.unlink()
    changed = next((warehouse.live / "sources").iterdir())
    changed.write_bytes(changed.read_bytes() + b"!")

    problems = {(p.table, p.law) for p in warehouse.verify_files()}
    assert problems == {("evidence", "file exists"), ("sources", "SHA-256")}
    with pytest.raises(WarehouseError, match="bytes, the manifest says"):
        warehouse.read_table("sources")
    with pytest.raises(WarehouseError, match="No such file"):
        warehouse.read_table("evidence")


def test_verify_while_a_run_publishes(warehouse):
    """What a run replaces meanwhile is no damage: a pinned snapshot is looked at."""
    publish(warehouse, 1, {"a.txt": 1})
    with warehouse.pin() as folder:
        problems = warehouse.verify_files(folder)
        publish(warehouse, 2, {"a.txt": 2})

        assert list(problems) == []


def test_verify_names_own_files_beside_a_pin(warehouse):
    """Files of somebody else lie in the live folder, not in the pinned one."""
    publish(warehouse, 1, {"a.txt": 1})
    (warehouse.live / "documents" / "mine.txt").write_text("?")
    with warehouse.pin() as folder:
        problems = list(warehouse.verify_files(folder))

    assert [(p.file, p.law) for p in problems] == [
        ("documents/mine.txt", "file is known")
    ]


def test_damage_that_keeps_the_size(warehouse):
    """A file that is no Parquet any more is an error of the disk, not a traceback."""
    publish(warehouse, 1, {"a.txt": 1})
    file = next((warehouse.live / "sources").iterdir())
    file.write_bytes(b"?" * file.stat().st_size)

    with pytest.raises(WarehouseError, match="SHA-256"):
        warehouse.read_table("sources")
    with pytest.raises(WarehouseError, match="sources"):
        publish(warehouse, 2, deleted=["a.txt"])


def test_mistake_in_a_filter_is_not_damage(warehouse):
    """An unknown column stays the caller's mistake."""
    publish(warehouse, 1, {"a.txt": 1})

    with pytest.raises(pa.ArrowInvalid, match="colour"):
        warehouse.read_table("documents", filters=[("colour", "=", "red")])
