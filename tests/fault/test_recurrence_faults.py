"""Trouble while the lines of a folder are counted: the old tables, and nothing else."""

import duckdb
import pytest

from tasks.errors import WarehouseError
from tasks.tables.warehouse import Warehouse
from tests.property.test_incremental_properties import (
    assert_same,
    content_of,
    run_over,
)
from tests.property.test_recurrence_properties import (
    HEADS,
    NAMES,
    THIRD_COMES,
    article,
    replay,
)


@pytest.mark.parametrize(
    "error",
    [
        duckdb.OutOfMemoryException("failed to allocate"),
        OSError(28, "No space left on device"),
    ],
)
def test_count_that_fails(error, tmp_path, monkeypatch):
    """No space or no memory: said as such; the next run does it all."""
    raw_dir = replay(THIRD_COMES, tmp_path)
    before = content_of(tmp_path / "warehouse")

    def fail(*_args):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("flows.recurrence.count_recurring", fail)
        with pytest.raises(WarehouseError, match="could not be counted"):
            run_over(raw_dir, tmp_path / "warehouse")

    assert_same(content_of(tmp_path / "warehouse"), before)
    assert not list(Warehouse(tmp_path / "warehouse").room.glob("staged-*"))
    run_over(raw_dir, tmp_path / "warehouse")
    run_over(raw_dir, tmp_path / "rebuilt")
    assert_same(content_of(tmp_path / "warehouse"), content_of(tmp_path / "rebuilt"))


def test_names_that_need_quoting(tmp_path):
    """Folders are told apart by their names as they are, whatever is in them."""
    folders = ["it's", "a*b", "[x]", "line\nbreak", "ünï", 'say "so"', "a/b", "{c}"]
    raw_dir = tmp_path / "raw it's [new]*"
    for folder in folders:
        for number, name in enumerate(NAMES[:3], 1):
            file = raw_dir / folder / name.removeprefix("site/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(article(number, HEADS[0], []), encoding="utf-8")
    warehouse_dir = tmp_path / "ware'house [1]*"
    run_over(raw_dir, warehouse_dir)
    for folder in folders:
        (raw_dir / folder / "a.txt").unlink()

    summary = run_over(raw_dir, warehouse_dir)

    told = "with lines that begin or cease to recur"
    assert summary.causes[told] == 2 * len(folders)
