"""Parts: which ones are merged, and how little of them is written again."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import WarehouseError
from tasks.tables import parts
from tasks.tables.parts import group_small, locate_part, touch_part
from tasks.write import stage_tables
from tests.warehouse_rows import make_batch


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


def test_touched_files_get_new_times_and_nothing_else(located, tmp_path):
    """Only ``sources`` is written again; the rows of a touched file keep the rest."""
    part, folder = located[0]
    touched = pa.table({"source_path": ["0.txt"], "mtime_ns": [7], "run_id": ["run-2"]})
    for name in part.files:
        (tmp_path / "new" / name).mkdir(parents=True)

    new = touch_part(part, folder, tmp_path / "new", "new", touched)

    def read(root, name, stem):
        return pq.read_table(root / name / f"{stem}.parquet").to_pylist()

    [before], [after] = (
        read(folder, "sources", part.stem),
        read(tmp_path / "new", "sources", "new"),
    )
    assert after == before | {"mtime_ns": 7, "run_id": "run-2"}
    for name in part.files.keys() - {"sources"}:
        assert new.files[name] == part.files[name]
        old = folder / name / f"{part.stem}.parquet"
        assert old.samefile(tmp_path / "new" / name / "new.parquet")


def test_damage_is_not_touched(located, tmp_path):
    """A damaged file must not get a fresh, valid checksum."""
    part, folder = located[0]
    file = folder / "sources" / f"{part.stem}.parquet"
    rows = pq.read_table(file)
    pq.write_table(rows, file, compression="none")  # readable, but not what was written
    touched = pa.table({"source_path": ["0.txt"], "mtime_ns": [7], "run_id": ["run-2"]})
    for name in part.files:
        (tmp_path / "new" / name).mkdir(parents=True)

    with pytest.raises(WarehouseError, match="SHA-256"):
        touch_part(part, folder, tmp_path / "new", "new", touched)
