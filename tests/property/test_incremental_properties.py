"""A clean rebuild equals any sequence of incremental runs over the same raw files."""

import os
import shutil
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.conduct import ingest_plainly
from flows.settings import read_settings
from tasks.schema import RUNS, TABLES
from tasks.tables.warehouse import Warehouse

PROSE = (
    "The harbour was quiet when the last ferry came in, and the two sisters waited"
    " on the pier until the lamps were lit."
)
CONTENTS = [
    f"A Night at the Harbour\n\n{PROSE}\n\nNobody spoke for a long time.\n",
    f"Zwei Brücken\n\nVon Ida Muster\n\n{PROSE}\n\nDas war im März.\n",
    f"{PROSE}\n",
    f"{PROSE[::-1]}\n",  # of the same size
    f'{{"title": "One", "text": "{PROSE}"}}\nbroken\n{{"text": "{PROSE} Two."}}\n',
    f"<html><body><article><h1>Tide</h1><p>{PROSE}</p></article></body></html>",
    "",
    " \n\n",
    "\x00\x01\x02\x03" * 20,
]
NAMES = ["a.txt", "b.md", "c.jsonl", "d.html", "sub/e.txt", "sub/f.bin", "README.md"]
MOMENT = 1_700_000_000
ACTIONS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), st.sampled_from(CONTENTS)),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("touch"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("back-date"), st.sampled_from(NAMES), st.integers(0, 3)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("link"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("run"), st.none(), st.none()),
    st.tuples(st.just("roll back"), st.none(), st.integers(0, 4)),
)
RUN = ("run", None, None)
EDITED_AND_BACK_DATED = [
    ("write", "a.txt", CONTENTS[2]),
    ("back-date", "a.txt", 0),
    RUN,
    ("write", "a.txt", CONTENTS[3]),
    ("back-date", "a.txt", 0),
]
ROLLED_BACK = [
    *EDITED_AND_BACK_DATED[:2],
    ("write", "b.md", CONTENTS[1]),
    RUN,
    *EDITED_AND_BACK_DATED[3:],
    ("delete", "b.md", None),
    RUN,
    ("roll back", None, 0),
]
RELINKED = [
    ("write", "a.txt", CONTENTS[2]),
    ("back-date", "a.txt", 0),
    ("write", "b.md", CONTENTS[3]),
    ("back-date", "b.md", 0),
    ("link", "sub/e.txt", "a.txt"),
    RUN,
    ("link", "sub/e.txt", "b.md"),
    RUN,
    ("delete", "b.md", None),
]


def change(raw_dir, action, name, detail):
    """Do one thing to the raw folder, if it can be done."""
    path = raw_dir / str(name)
    path.parent.mkdir(exist_ok=True)
    if action == "write":
        path.unlink(missing_ok=True)
        path.write_text(detail, encoding="utf-8")
    elif action == "link":
        if detail != name:
            path.unlink(missing_ok=True)
            path.symlink_to(raw_dir / detail)
    elif not path.is_symlink() and path.exists():
        if action == "rename":
            target = raw_dir / detail
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
        elif action == "touch":
            path.touch()
        elif action == "back-date":
            os.utime(path, (MOMENT - detail, MOMENT - detail))
        elif action == "delete":
            path.unlink()


def run_over(raw_dir, warehouse_dir):
    """Ingest the folder, a few files at a time."""
    return ingest_plainly(
        read_settings({}, raw_dir=raw_dir, warehouse_dir=warehouse_dir, batch_files=3)
    )


def roll_back(warehouse_dir, index):
    """Publish one of the snapshots there are again, if there is an earlier one."""
    warehouse = Warehouse(warehouse_dir)
    earlier = [line.snapshot for line in warehouse.snapshots() if not line.is_live]
    if earlier:
        with warehouse.lock():
            warehouse.rollback(earlier[index % len(earlier)])


def content_of(warehouse_dir):
    """Return every row of every table but the runs, in a fixed order, without runs."""
    warehouse = Warehouse(warehouse_dir)
    tables = {}
    for name, table in TABLES.items():
        if name != RUNS.name:
            rows = warehouse.read_table(name).drop_columns(
                ["run_id"] if "run_id" in table.schema.names else []
            )
            keys = [(key, "ascending") for key in table.key]
            tables[name] = rows.sort_by(keys).combine_chunks()
    return tables


def assert_same(left, right):
    """Compare the tables of two warehouses, with a message that shows the rows."""
    for name, rows in left.items():
        if not rows.equals(right[name]):
            pd.testing.assert_frame_equal(rows.to_pandas(), right[name].to_pandas())
            raise AssertionError(name)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(EDITED_AND_BACK_DATED)
@example(RELINKED)
@example(ROLLED_BACK)
@given(st.lists(ACTIONS, min_size=1, max_size=12))
def test_incremental_runs_equal_a_clean_rebuild(actions):
    """Add, edit, rename, touch, delete, link, roll back: the order never shows."""
    folder = Path(tempfile.mkdtemp())
    try:
        raw_dir = folder / "raw"
        raw_dir.mkdir()
        for action, name, detail in actions:
            if action == "run":
                run_over(raw_dir, folder / "warehouse")
            elif action == "roll back":
                roll_back(folder / "warehouse", detail)
            else:
                change(raw_dir, action, name, detail)
        run_over(raw_dir, folder / "warehouse")
        run_over(raw_dir, folder / "rebuilt")

        assert_same(content_of(folder / "warehouse"), content_of(folder / "rebuilt"))
        # Whatever the state, one more run finds nothing to do.
        assert run_over(raw_dir, folder / "warehouse").snapshot is None
    finally:
        shutil.rmtree(folder)


def test_empty_tables_compare_equal():
    """The comparison itself must notice rows, and not fail without any."""
    one = {"documents": pa.table({"a": [1]})}

    assert_same(one, one)
