"""Rows that all documents give together are proven anew, and shown to people."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.conduct import ingest_plainly
from flows.explain import find_likes
from flows.reader import open_tables
from flows.recompare import compare_again
from flows.settings import read_settings

STORY = """\
A Night at the Harbour

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time, for there was nothing to
say that the wind had not said already.

Then the older one laughed, because the whole thing had been her idea from the start.
"""
OTHER = """\
The Bell of the Old Church

On the hill above the village stands a church without a roof, and in its tower hangs a
bell that nobody has rung since the flood took the bridge and the road away.
"""
NOTICE = """
The Harbour News Service delivers stories of the coast to papers in nine countries; it
belongs to no party, is paid for by those who print it, and asks its readers to tell it
of every error.
"""


@pytest.fixture
def warehouse_dir(tmp_path):
    """Tables of a story, its copy, and another story with the same notice."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    (raw_dir / "story.txt").write_text(STORY + NOTICE)
    (raw_dir / "copy.txt").write_text(STORY + NOTICE)
    (raw_dir / "other.txt").write_text(OTHER + NOTICE)
    folder = tmp_path / "warehouse"
    ingest_plainly(read_settings({}, raw_dir=raw_dir, warehouse_dir=folder))
    return folder


def rewrite(warehouse_dir, table, column, value):
    """Put another value into every row of a table."""
    [file] = (warehouse_dir / table).glob("*.parquet")
    rows = pq.read_table(file, partitioning=None)
    field = rows.schema.field(column)
    values = pa.array([value] * len(rows), field.type)
    index = rows.schema.get_field_index(column)
    pq.write_table(rows.set_column(index, field, values), file)


def problems(warehouse_dir):
    """Return what is found wrong, law by law."""
    with open_tables(warehouse_dir) as tables:
        found = list(compare_again(tables))
    return {finding.sentence: finding.problems for finding in found if finding.problems}


def test_sound_tables(warehouse_dir):
    """There is a duplicate and a repeated paragraph, and nothing is wrong with them."""
    with open_tables(warehouse_dir) as tables:
        assert len(tables.arrow("duplicates")) == 1
        [repeated] = tables.arrow("repeats").to_pylist()
    assert (repeated["document_count"], repeated["cluster_count"]) == (3, 2)
    assert problems(warehouse_dir) == {}


@pytest.mark.parametrize(
    ("table", "column", "value", "law"),
    [
        ("duplicates", "similarity", 0.75, "duplicates is what all documents give"),
        ("duplicates", "document_id", "x", "duplicates is what all documents give"),
        ("repeats", "cluster_count", 3, "repeats is what all documents give"),
        ("documents", "text_minhash", b"?" * 128, "documents.text_minhash is"),
    ],
)
def test_wrong_rows_are_found(warehouse_dir, table, column, value, law):
    """The row and what is wrong with it are named."""
    rewrite(warehouse_dir, table, column, value)

    found = problems(warehouse_dir)
    assert any(sentence.startswith(law) for sentence in found)
    assert all(row and problem for rows in found.values() for row, problem in rows)


def test_views_without_duplicates_and_repeats(warehouse_dir):
    """One article of each cluster; its paragraphs without those of other stories."""
    with open_tables(warehouse_dir) as tables:
        duplicates = tables.arrow("duplicates")["document_id"].to_pylist()
        unique = tables.arrow("unique_documents")["document_id"].to_pylist()
        paragraphs = tables.arrow("unique_paragraphs")["text"].to_pylist()
        assert set(unique) == {
            *tables.arrow("documents")["document_id"].to_pylist()
        }.difference(duplicates)
    assert len(unique) == 2
    assert not [text for text in paragraphs if "News Service" in text]
    assert len([text for text in paragraphs if "older one laughed" in text]) == 1


def test_explain_names_both_sides(warehouse_dir):
    """The copy names its original, and the original its copies."""
    with open_tables(warehouse_dir) as tables:
        [row] = tables.arrow("duplicates").to_pylist()
        later = find_likes(tables.duckdb(), row["document_id"])
        earlier = find_likes(tables.duckdb(), row["match_id"])

    assert [(label, how) for label, _, how in later] == [("repeats", "exact 1.00")]
    assert [(label, how) for label, _, how in earlier] == [
        ("repeated by", "exact 1.00")
    ]
    assert {later[0][1], earlier[0][1]} == {"copy.txt", "story.txt"}
