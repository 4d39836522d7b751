"""Parts: which ones are merged, and how little of them is written again."""

from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tasks.errors import ContractError, WarehouseError
from tasks.schema import BATCH_TABLES, TABLES
from tasks.tables import parts
from tasks.tables.parts import (
    SMALL_PARTS,
    gather_parts,
    group_small,
    join_parts,
    locate_part,
    table_file,
    touch_part,
)
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


@pytest.fixture
def staged(tmp_path):
    """Give as many tiny staged parts as are put together; the last has no article."""
    batches = [{f"{n}.txt": 2} for n in range(SMALL_PARTS - 1)] + [{"z.txt": 0}]
    return [
        stage_tables(make_batch(batch), tmp_path, f"stem-{n}")
        for n, batch in enumerate(batches)
    ]


def rows_of(staged):
    """Return all rows by table, in the order of the contract."""
    found = {}
    for name in BATCH_TABLES:
        rows = [
            pq.read_table(table_file(folder, name, part.stem), partitioning=None)
            for part, folder in map(locate_part, staged)
        ]
        found[name] = parts.sort_rows(TABLES[name], pa.concat_tables(rows))
    return found


@pytest.mark.parametrize("most", [3, 1_000])
def test_tiny_parts_are_put_together(staged, tmp_path, monkeypatch, most):
    """The rows stay as they are, in few parts; the files they came in go."""
    monkeypatch.setattr(parts, "_GATHERED_PARTS", most)
    before = rows_of(staged)
    stems = iter("abc")

    gathered = gather_parts(staged, tmp_path / "new", lambda: next(stems))

    assert len(gathered) == -(-len(staged) // most)
    after = rows_of(gathered)
    for name in BATCH_TABLES:
        assert after[name].equals(before[name])
        assert sum(part["rows"][name] for part in gathered) == len(before[name])
    assert not list(tmp_path.glob("*/stem-*.parquet"))


def test_parts_that_need_no_gathering(staged, tmp_path, monkeypatch):
    """Few tiny parts stay what they are, and so does every larger one."""
    few = staged[1:]
    assert gather_parts(few, tmp_path / "new", lambda: "a") == few

    monkeypatch.setattr(parts, "TINY_PART_BYTES", 1)
    assert gather_parts(staged, tmp_path / "new", lambda: "a") == staged


def test_damage_is_not_gathered(staged, tmp_path):
    """What is not what the worker has written gets no valid hash."""
    file = tmp_path / "documents" / "stem-0.parquet"
    data = bytearray(file.read_bytes())
    data[50] ^= 1
    file.write_bytes(data)

    with pytest.raises(WarehouseError, match=r"stem-0\.parquet differs"):
        gather_parts(staged, tmp_path / "new", lambda: "a")


def test_other_columns_are_not_gathered(staged, tmp_path, monkeypatch):
    """Parts of a worker of another version are refused."""
    other = replace(TABLES["sources"], schema=TABLES["sources"].schema.remove(0))
    monkeypatch.setitem(TABLES, "sources", other)

    with pytest.raises(ContractError, match="has other columns"):
        gather_parts(staged, tmp_path / "new", lambda: "a")


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


@pytest.mark.parametrize("limit", [1, 10**9])
def test_parts_are_joined_in_order(located, tmp_path, monkeypatch, limit):
    """All their rows in one file; a row group ends where it would take much memory."""
    monkeypatch.setattr(parts, "ROW_GROUP_BYTES", limit)
    part = join_parts(located, {}, tmp_path / "joined", "one")

    for name, entry in part.files.items():
        path = tmp_path / "joined" / name / "one.parquet"
        pieces = [
            pq.read_table(folder / name / f"{piece.stem}.parquet", partitioning=None)
            for piece, folder in located
        ]
        expected = pa.concat_tables(pieces)
        assert pq.read_table(path, partitioning=None) == expected
        assert entry.rows == expected.num_rows
        groups = pq.read_metadata(path).num_row_groups
        assert groups == (expected.num_rows if limit == 1 else min(1, entry.rows))
