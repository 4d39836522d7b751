"""Laws of the Python reader: one snapshot, whatever runs do meanwhile."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from flows.reader import open_tables
from tasks.errors import PipelineError
from tasks.schema import TABLES
from tasks.tables.manifest import MANIFEST_NAME
from tasks.tables.warehouse import Warehouse
from tests.warehouse_rows import FAST_FOLDER, commit


@pytest.fixture
def tmp_path():
    """Give a folder that is fast to flush, with a name that wants quoting."""
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
        place = Path(folder) / "Anna's Müll [1] *?" / "kind=x"
        place.mkdir(parents=True)
        yield place


def publish(place, number, **versions):
    """Publish a snapshot: one article per odd number, two per even one."""
    warehouse = Warehouse(place)
    with warehouse.lock():
        commit(warehouse, number, {f"{name}.txt": v for name, v in versions.items()})


@pytest.fixture
def place(tmp_path):
    """A warehouse with two snapshots."""
    place = tmp_path / "ware'house"
    publish(place, 1, a=1)
    publish(place, 2, a=2, b=0)
    return place


def test_every_way_gives_the_same_rows(place):
    """DuckDB, pandas, Polars and Arrow read the same snapshot."""
    with open_tables(place) as tables:
        rows = tables.arrow("documents")
        in_duckdb = tables.duckdb().sql("FROM documents").fetchall()
        in_polars = tables.polars("documents")
        in_pandas = tables.pandas("documents")

    assert rows.num_rows == len(in_duckdb) == in_polars.height == len(in_pandas) == 2
    assert rows["text"].to_pylist() == in_polars["text"].to_list()
    assert rows["text"].to_pylist() == in_pandas["text"].to_list()


@pytest.mark.parametrize("name", TABLES)
def test_rows_are_those_of_the_files(place, name):
    """Types, nulls and descriptions of columns are those of the Parquet files."""
    with open_tables(place) as tables:
        rows = tables.arrow(name)
        frame = tables.pandas(name)

    file = next((place / name).glob("*.parquet"))
    assert rows.schema.equals(pq.read_schema(file), check_metadata=True)
    assert rows.equals(pq.read_table(place / name, partitioning=None))
    expected = pd.read_parquet(place / name, partitioning=None)
    pd.testing.assert_frame_equal(frame, expected)


def test_columns_and_rows_are_chosen(place):
    """Columns come in the order asked for; a condition is SQL."""
    with open_tables(place) as tables:
        frame = tables.pandas(
            "sources", columns=["status", "source_path"], where="document_count > 0"
        )

    assert frame.to_dict("list") == {"status": ["accepted"], "source_path": ["a.txt"]}


def test_rejects_can_be_read(place):
    """The view of rejects is a table like the others."""
    with open_tables(place) as tables:
        assert "rejects" in tables.names
        assert tables.pandas("rejects")["source_path"].tolist() == ["b.txt"]
        assert tables.polars("rejects", columns=["source_path"]).height == 1


def test_runs_meanwhile_do_not_disturb(place):
    """Questions inside one block agree, even if their snapshot has expired by now."""
    with open_tables(place) as tables:
        before = tables.pandas("documents")
        for number in range(3, 10):
            publish(place, number, a=number, c=1)
        warehouse = Warehouse(place, keep_snapshots=0)
        with warehouse.lock():
            commit(warehouse, 10, {"a.txt": 9})

        pd.testing.assert_frame_equal(before, tables.pandas("documents"))
        assert (
            len(pd.read_parquet(tables.folder / "paragraphs", partitioning=None)) == 4
        )
        assert tables.snapshot == 2


def test_pin_is_gone_afterwards(place):
    """Nothing is left behind, also after an error; nothing can be asked any more."""
    with open_tables(place) as tables:
        connection = tables.duckdb()
        folder = tables.folder
    with pytest.raises(duckdb.Error):
        connection.sql("FROM documents")
    with pytest.raises(ZeroDivisionError), open_tables(place):
        raise ZeroDivisionError

    assert not folder.exists()
    assert {p.name for p in Warehouse(place).room.iterdir()} == {"lock", "snapshots"}


def test_earlier_snapshot(place):
    """An earlier snapshot reads like the live one, and runs may expire it."""
    with open_tables(place, snapshot=1) as tables:
        warehouse = Warehouse(place, keep_snapshots=0)
        with warehouse.lock():
            commit(warehouse, 3, {"a.txt": 3})

        assert tables.snapshot == 1
        assert tables.pandas("sources")["size_bytes"].tolist() == [1]


def test_unknown_snapshot_names_those_there_are(place):
    """A wrong number is one line that helps."""
    with (
        pytest.raises(PipelineError, match=r"has no snapshot 7\. There are 2, 1:"),
        open_tables(place, snapshot=7),
    ):
        pass


def test_no_warehouse(tmp_path):
    """A folder without tables is told, and nothing is created there."""
    with (
        pytest.raises(PipelineError, match="holds no tables yet"),
        open_tables(tmp_path / "nowhere"),
    ):
        pass

    assert list(tmp_path.iterdir()) == []


def test_deleted_tables_can_be_rolled_back(place):
    """If the folder is gone but not its history, the message says what to do."""
    shutil.rmtree(place)

    with (
        pytest.raises(PipelineError, match="`articles rollback 1`"),
        open_tables(place),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        ("document", None, r"table 'document': .* Did you mean 'documents'\?"),
        ("documents", ["titel"], r"column 'titel': .* Did you mean 'title'\?"),
    ],
)
def test_mistyped_names_are_guessed(place, name, columns, message):
    """A table or column that is not there gets a suggestion."""
    with open_tables(place) as tables, pytest.raises(PipelineError, match=message):
        tables.pandas(name, columns)


def test_older_schema_is_shown_as_it_was(place):
    """Tables and columns that came later are not invented."""
    folder = Warehouse(place).room / "snapshots" / f"{1:08d}"
    shutil.rmtree(folder / "removals")
    for file in (folder / "sources").iterdir():
        rows = pq.read_table(file).drop_columns(["rejected_members"])
        file.unlink()
        pq.write_table(rows, file)
    manifest = folder / MANIFEST_NAME
    content = json.loads(manifest.read_text()) | {"schema_version": 0}
    content["files"] = [f for f in content["files"] if f["table"] != "removals"]
    manifest.write_text(json.dumps(content))

    with open_tables(place, snapshot=1) as tables:
        views = {"unique_documents", "unique_paragraphs"}
        assert set(tables.names) == TABLES.keys() - {"removals"} | views
        assert "rejected_members" not in tables.pandas("sources")
        assert tables.arrow("documents").num_rows == 1


def test_copy_without_engine_room(place, tmp_path):
    """The folder of the tables alone is enough, and stays alone."""
    copy = shutil.copytree(place, tmp_path / "copy" / "tables")

    with open_tables(copy) as tables:
        assert tables.arrow("documents").num_rows == 2
    assert [path.name for path in copy.parent.iterdir()] == ["tables"]


def test_without_polars(place, monkeypatch):
    """Polars is optional; its absence is told with what to do."""
    monkeypatch.setitem(sys.modules, "polars", None)

    with (
        open_tables(place) as tables,
        pytest.raises(ImportError, match=r"pip install polars.*pandas\(\)"),
    ):
        tables.polars("documents")
