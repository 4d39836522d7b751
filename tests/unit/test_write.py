"""Writing a batch: every file gets a verdict, frames become one coherent part."""

import hashlib

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tasks.errors import ContractError
from tasks.fates import Fates
from tasks.schema import BATCH_TABLES, SOURCES, TABLES
from tasks.tables.warehouse import Warehouse
from tasks.write import join_pieces, publish, stage_tables, write
from tests.warehouse_rows import fill_row, make_batch, make_run, see


def member(number, reason="no_text"):
    """Return an item of ``rejected_members``."""
    return {"member": number, "stage": "read", "reason": reason, "detail": "found"}


def source(path, **values):
    """Return a row of ``sources`` as read leaves it."""
    return fill_row("sources", source_path=path, **{"status": "accepted"} | values)


def frame(*rows, columns=()):
    """Return rows as a frame, with columns even if there are no rows."""
    return pd.DataFrame(list(rows), columns=list(rows[0]) if rows else list(columns))


NO_REJECTS = frame(columns=["document_id", "stage", "reason", "detail"])


def settle(sources, documents=(), rejects=NO_REJECTS, articles=None):
    """Settle rows; articles are given as (document_id, source_path, member)."""
    columns = ["document_id", "source_path", "member"]
    places = pd.DataFrame(articles or [], columns=columns, dtype="str")
    fates = Fates()
    fates.add(
        documents,
        rejects.astype("str").merge(places, on="document_id", how="left"),
        [
            (row["source_path"], one)
            for row in sources
            for one in row["rejected_members"]
        ],
    )
    settled = fates.settle(frame(*sources, columns=SOURCES.schema.names))
    return SOURCES.conform(settled).to_pylist()


# Fates


def test_accepted_file():
    """A file with documents is accepted, and counts them."""
    [row] = settle([source("a.txt")], ["a.txt"])

    assert row == source("a.txt", document_count=1)


def test_article_rejected_later():
    """A file whose only article is rejected says where and why."""
    reject = {
        "document_id": "1",
        "stage": "clean",
        "reason": "no_article",
        "detail": "d",
    }
    [row] = settle([source("a.txt")], [], frame(reject), [("1", "a.txt", None)])

    assert row == source(
        "a.txt", status="rejected", stage="clean", reason="no_article", detail="d"
    )


def test_container_with_some_rejected():
    """A container stays accepted, and lists the rejected in order of lines."""
    rejects = frame(
        {"document_id": "10", "stage": "clean", "reason": "no_article", "detail": ""},
        {"document_id": "9", "stage": "clean", "reason": "no_article", "detail": ""},
    )
    articles = [("10", "a.jsonl", "10"), ("9", "a.jsonl", "9"), ("1", "a.jsonl", "1")]
    read = source("a.jsonl", rejected_members=[member("2")])
    [row] = settle([read], ["a.jsonl"], rejects, articles)

    assert (row["status"], row["document_count"]) == ("accepted", 1)
    assert (row["stage"], row["reason"]) == ("clean", "no_article")
    assert row["detail"] == "3 of 4 articles rejected: no_article 2, no_text 1"
    assert [item["member"] for item in row["rejected_members"]] == ["2", "9", "10"]


def test_container_with_all_rejected():
    """A container without any document is rejected."""
    read = source("a.jsonl", rejected_members=[member("1"), member("2", "blank")])
    [row] = settle([read])

    assert (row["status"], row["stage"], row["reason"]) == (
        "rejected",
        "read",
        "no_text",
    )
    assert row["detail"] == "2 of 2 articles rejected: no_text 1, blank 1"


@pytest.mark.parametrize("status", ["rejected", "ignored"])
def test_verdict_of_reading_stands(status):
    """A file that was not read keeps its status, stage and reason."""
    read = source("a.bin", status=status, stage="read", reason="binary", detail="NUL")

    assert settle([read]) == [read]


def test_rows_and_order_stay():
    """Settling adds no row, drops none, and keeps order and index."""
    rows = [source("b", status="ignored"), source("c"), source("a")]
    sources = frame(*rows).set_index(pd.Index([7, 5, 6]))
    fates = Fates()
    fates.add(["a", "c", "a"])
    settled = fates.settle(sources)

    assert settled["source_path"].to_list() == ["b", "c", "a"]
    assert settled["document_count"].to_list() == [0, 1, 2]
    assert settled.index.to_list() == [7, 5, 6]
    assert settle([]) == []


def test_file_that_vanished():
    """An accepted file without document and without reason is a bug in a step."""
    with pytest.raises(
        ContractError, match=r"'a\.txt' was accepted but has no document"
    ):
        settle([source("a.txt")])


@pytest.mark.parametrize("rows", [[], [source("a.txt", status="ignored")]])
def test_article_from_nowhere(rows):
    """A document of a file that is unknown or was not read is a bug in a step."""
    with pytest.raises(ContractError, match=r"articles of \['a.txt'\]"):
        settle(rows, ["a.txt"])


def test_reject_of_an_unknown_article():
    """A reject that belongs to no article is a bug in a step."""
    reject = {"document_id": "1", "stage": "clean", "reason": "failed", "detail": "d"}
    with pytest.raises(ContractError, match="which no step accepted"):
        settle([source("a.txt")], ["a.txt"], frame(reject), [("2", "a.txt", None)])


def test_the_most_frequent_reason_is_named():
    """The most frequent reason wins; of equals the first."""
    rejected = [member("1", "blank"), member("2", "no_text"), member("3", "no_text")]
    [most] = settle([source("a.jsonl", rejected_members=rejected)])
    [first] = settle([source("a.jsonl", rejected_members=rejected[:2])])

    assert (most["reason"], first["reason"]) == ("no_text", "blank")


# stage_tables and join_pieces


def test_pieces_without_their_file(tmp_path):
    """A piece need not know its file; the batch must, and tells each document once."""
    batch = make_batch({"a.jsonl": 3})
    sources = batch.pop("sources")
    with pytest.raises(ContractError, match="rows without source"):
        stage_tables(batch, tmp_path, "whole")

    pieces = [
        stage_tables(batch, tmp_path, f"piece-{number}", is_piece=True)
        for number in range(2)
    ]
    joined = join_pieces(pieces[:1], sources, tmp_path, "joined")

    assert joined["rows"] == pieces[0]["rows"] | {"sources": 1}
    with pytest.raises(ContractError, match="1 documents told, 2 written"):
        join_pieces(pieces, sources, tmp_path, "twice")


def test_stage_tables(tmp_path):
    """A part is one sorted file per table; the summary tells rows, bytes, SHA-256."""
    part = stage_tables(make_batch({"b.txt": 3, "a.txt": 1}), tmp_path, "stem")

    assert part["stem"] == "stem"
    assert part["rows"] == {
        "documents": 2,
        "paragraphs": 4,
        "removals": 2,
        "evidence": 2,
        "sources": 2,
    }
    for name in BATCH_TABLES:
        file = tmp_path / name / "stem.parquet"
        assert part["sizes_bytes"][name] == file.stat().st_size
        assert part["sha256"][name] == hashlib.sha256(file.read_bytes()).hexdigest()
        rows = pq.read_table(file, partitioning=None)
        assert rows.equals(rows.sort_by([(c, "ascending") for c in TABLES[name].sort]))


def test_stage_the_same_twice(tmp_path):
    """Staging is deterministic, so a retry gives the same bytes."""
    batch = make_batch({"a.txt": 2, "b.txt": 3})

    assert stage_tables(batch, tmp_path, "s") == stage_tables(batch, tmp_path, "s")


def test_missing_tables_are_written_empty(tmp_path):
    """A part has a file in every table, even if a batch has no rows for it."""
    sources = make_batch({"a.bin": 0})["sources"]
    stage_tables({"sources": sources}, tmp_path, "stem")

    for name in BATCH_TABLES:
        rows = pq.read_table(tmp_path / name / "stem.parquet", partitioning=None)
        assert rows.num_rows == (name == "sources")
        assert rows.schema.equals(TABLES[name].schema)


def break_child(tables):
    """Give a paragraph to a document that is not there."""
    tables["paragraphs"].loc[0, "document_id"] = "stranger"


def break_document(tables):
    """Lose the file of the documents."""
    tables["sources"] = tables["sources"].iloc[:0]


def break_count(tables):
    """Miscount the documents of a file."""
    tables["sources"]["document_count"] += 1


def break_contract(tables):
    """Add a column."""
    tables["evidence"]["colour"] = "red"


def break_name(tables):
    """Add a table."""
    tables["runs"] = pd.DataFrame([make_run(1)])


@pytest.mark.parametrize(
    ("break_batch", "message"),
    [
        (break_child, "1 rows without document, first 'stranger'"),
        (break_document, "2 rows without source, first 'a.txt'"),
        (break_count, "1 rows without right document_count, first 'a.txt'"),
        (break_contract, "unknown columns"),
        (break_name, r"tables \['runs'\]: cannot be staged"),
    ],
)
def test_stage_refuses(tmp_path, break_batch, message):
    """Frames that break the contract, or do not belong together, write nothing."""
    tables = make_batch({"a.txt": 2})
    break_batch(tables)
    with pytest.raises(ContractError, match=message):
        stage_tables(tables, tmp_path, "stem")

    assert list(tmp_path.iterdir()) == []


def test_tasks(tmp_path):
    """The tasks are named like the steps, and do what the functions do."""
    warehouse = Warehouse(tmp_path / "warehouse")
    with warehouse.lock():
        part = write.fn(
            make_batch({"a.txt": 1}), warehouse.new_staging_dir(), warehouse.new_stem()
        )
        run = pd.DataFrame([make_run(1)])
        none = pd.Series(dtype=str), pd.DataFrame()
        assert publish.fn(warehouse, [part], none[0], run, "f", none[1]) == 1

    assert (write.name, publish.name) == ("write", "publish")
    assert see(warehouse.live) == {"a.txt": 1}
