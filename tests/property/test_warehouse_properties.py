"""Laws of the warehouse that hold for any history of runs."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.schema import BATCH_TABLES
from tasks.tables.warehouse import Warehouse
from tests.warehouse_rows import FAST_FOLDER, commit, see

PATHS = st.sampled_from([f"{letter}.txt" for letter in "abcdefgh"])
RUNS = st.lists(
    st.tuples(
        st.lists(st.dictionaries(PATHS, st.integers(0, 6), max_size=4), max_size=3),
        st.sets(PATHS, max_size=3),
        st.sampled_from(["publish", "publish", "publish", "rollback"]),
    ),
    min_size=1,
    max_size=6,
)


def separate(batches):
    """Keep every path in the first batch that has it."""
    seen = set()
    for batch in batches:
        yield {path: version for path, version in batch.items() if path not in seen}
        seen |= batch.keys()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(runs=RUNS, mode=st.sampled_from(["exchange", "renames"]))
def test_any_history_equals_a_dict(runs, mode):
    """Adding, replacing, deleting and rolling back does what it does to a dict.

    The tables always agree, a part has the same stem in every table, all bytes are as
    the manifest says, and every earlier snapshot is still what it was.
    """
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as root:
        warehouse = Warehouse(Path(root) / "warehouse", publish_mode=mode)
        history = [{}]
        for number, (batches, deleted, action) in enumerate(runs, 1):
            with warehouse.lock():
                if action == "rollback" and len(history) > 2:
                    warehouse.rollback(len(history) - 2)
                    history.append(history[-2])
                else:
                    staged = list(separate(batches))
                    commit(warehouse, number, *staged, deleted=deleted)
                    kept = {k: v for k, v in history[-1].items() if k not in deleted}
                    history.append(kept)
                    for batch in staged:
                        history[-1] = history[-1] | batch

            assert see(warehouse.live) == history[-1]
            assert (
                set(warehouse.read_table("sources")["source_path"].to_pylist())
                == history[-1].keys()
            )
        stems = [{f.name for f in (warehouse.live / t).iterdir()} for t in BATCH_TABLES]
        assert all(names == stems[0] for names in stems)
        assert list(warehouse.verify_files()) == []
        for earlier in warehouse.snapshots()[1:]:
            folder = warehouse.room / "snapshots" / f"{earlier.snapshot:08d}"
            assert see(folder) == history[earlier.snapshot]
