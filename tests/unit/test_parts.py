"""Parts: which ones are merged, and what becomes of an older history of runs."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.schema import RUNS
from tasks.tables import parts
from tasks.tables.parts import convert_runs, group_small, locate_part, write_part
from tasks.write import stage_tables
from tests.warehouse_rows import make_batch, make_run


@pytest.fixture
def located(tmp_path):
    """Give nine small parts."""
    return [
        locate_part(stage_tables(make_batch({f"{n}.txt": 1}), tmp_path, f"stem-{n}"))
        for n in range(9)
    ]


def test_few_small_parts_are_left_alone(located):
    """Merging starts at eight small parts; large ones do not count."""
    assert group_small(located[:7]) == []
    assert group_small(located) == [located]


def test_like_is_merged_with_like(located):
    """What was merged lately is not written again with every few new parts."""

    def grown(part):
        files = {
            name: replace(entry, size_bytes=300_000)
            for name, entry in part.files.items()
        }
        return replace(part, files=files)

    fresh = located[:8]
    merged = [(grown(part), folder) for part, folder in located[1:8]]

    assert group_small([*fresh[:7], *merged]) == []
    assert group_small([*fresh, *merged]) == [fresh]


def test_large_parts_are_left_alone(located, monkeypatch):
    """A part that is large enough is not written again."""
    monkeypatch.setattr(parts, "SMALL_PART_BYTES", 1)

    assert group_small(located) == []


@pytest.mark.parametrize("limit", ["MERGED_PART_BYTES", "MERGED_PART_MEMORY_BYTES"])
def test_groups_end_at_a_size(located, monkeypatch, limit):
    """A group ends where it is large enough on disk, or would not fit into memory."""
    part, folder = located[0]
    footers = [
        pq.read_metadata(folder / name / f"{part.stem}.parquet") for name in part.files
    ]
    sizes = {
        "MERGED_PART_BYTES": part.size_bytes,
        "MERGED_PART_MEMORY_BYTES": sum(
            f.row_group(0).total_byte_size for f in footers
        ),
    }
    monkeypatch.setattr(parts, limit, round(sizes[limit] * 4.5))

    groups = group_small(located)
    assert [len(group) for group in groups] == [4, 4]
    assert [item for group in groups for item in group] == located[:8]


def write_runs(folder, schema):
    """Write one run with another schema, as an older version would have."""
    table = pa.Table.from_pylist([make_run(1)], RUNS.schema)
    part = write_part({"runs": table}, folder, "old")
    path = folder / "runs" / "old.parquet"
    pq.write_table(pq.read_table(path).select(schema), path)
    return part, folder


def test_runs_of_an_older_schema(tmp_path):
    """A column that was unknown then is null; the run itself is not lost."""
    names = [name for name in RUNS.schema.names if name != "flow_run_id"]
    old = write_runs(tmp_path / "old", names)

    [(part, folder)] = convert_runs([old], tmp_path / "new", lambda: "new")
    rows = pq.read_table(folder / "runs" / f"{part.stem}.parquet").to_pylist()
    assert rows == [make_run(1)]


def test_runs_that_do_not_fit(tmp_path, caplog):
    """A run without a value that must be known stays behind, with a warning."""
    names = [name for name in RUNS.schema.names if name != "settings"]
    old = write_runs(tmp_path / "old", names)

    assert convert_runs([old], tmp_path / "new", lambda: "new") == []
    assert "1 old rows of runs do not fit" in caplog.text
