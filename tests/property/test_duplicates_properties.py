"""Duplicates and repeats are what the documents give, whatever was published before."""

import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tasks.tables import comparison, duplicates
from tasks.tables.warehouse import Warehouse
from tests.warehouse_rows import FAST_FOLDER, commit, see

PATHS = st.sampled_from([f"{letter}.txt" for letter in "abcdefghijkl"])
VERSIONS = st.integers(0, 24)  # two thirds hold several duplicates
RUNS = st.lists(
    st.tuples(st.dictionaries(PATHS, VERSIONS, max_size=6), st.sets(PATHS, max_size=3)),
    min_size=2,
    max_size=6,
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(runs=RUNS, firsts=st.sampled_from([1, 2, 32]), number=st.integers(0, 4))
def test_any_history_gives_the_rows_of_a_rebuild(runs, firsts, number):
    """However few rows are made anew, they are those that would be made of all.

    ``see`` compares the tables with what all documents give at once.
    """
    with (
        tempfile.TemporaryDirectory(dir=FAST_FOLDER) as root,
        mock.patch.object(duplicates, "BUCKET_FIRSTS", firsts),
        mock.patch.object(comparison, "ALL_ANEW", 0),
        mock.patch.object(comparison, "IN_MEMORY_ARTICLES", 0),
    ):
        warehouse = Warehouse(Path(root) / "warehouse")
        for index, (batch, deleted) in enumerate(runs, 1):
            with warehouse.lock():
                earlier = [line.snapshot for line in warehouse.snapshots()[1:]]
                if index == number and earlier:
                    warehouse.rollback(earlier[-1])
                commit(warehouse, index, batch, deleted=deleted)

            see(warehouse.live)
