"""Fates of files: all that was rejected is told, in bounded memory."""

import pandas as pd
import pytest

from tasks import fates as fates_module
from tasks.fates import Fates, merge_fates, settle_shared
from tasks.schema import SOURCES
from tests.warehouse_rows import fill_row

REASONS = ["no_text", "broken_json", "no_text", "too_large", "no_text", "no_text"]


def refused(numbers):
    """Members of one file that were rejected, with their path."""
    return [
        (
            "a.jsonl",
            {
                "member": str(number),
                "stage": "read",
                "reason": REASONS[number % len(REASONS)],
                "detail": f"line {number}",
            },
        )
        for number in numbers
    ]


def settle(pieces):
    """Row of a file that was read in pieces."""
    fates = Fates()
    for numbers in pieces:
        fates.add(["a.jsonl"] * len(numbers), None, refused(numbers))
    row = fill_row("sources", source_path="a.jsonl", status="accepted")
    settled = fates.settle(pd.DataFrame([row]))
    return SOURCES.conform(settled).to_pylist()[0], fates.unlisted


@pytest.fixture
def few(monkeypatch):
    """List three rejected articles of a file one by one."""
    monkeypatch.setattr(fates_module, "LISTED_MEMBERS", 3)


@pytest.mark.usefixtures("few")
def test_what_is_not_listed_is_counted():
    """Beyond the limit one article stands for all of its reason, and says so."""
    row, unlisted = settle([range(12)])

    assert row["detail"] == (
        "12 of 24 articles rejected: no_text 8, broken_json 2, too_large 2"
    )
    told = [(item["member"], item["detail"]) for item in row["rejected_members"]]
    assert told == [
        ("0", "line 0"),
        ("1", "line 1"),
        ("2", "line 2"),
        (
            "3",
            "line 3; 1 more for this reason, not listed, the last of them member 9",
        ),
        (
            "4",
            "line 4; 5 more for this reason, not listed, the last of them member 11",
        ),
        ("7", "line 7"),
    ]
    assert unlisted == {"no_text": 5, "too_large": 1}
    assert len(told) + unlisted.total() == 12


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("size", [1, 2, 5, 11])
def test_the_row_does_not_depend_on_the_pieces(size):
    """Whatever is read at a time, the same articles are listed."""
    pieces = [range(start, min(start + size, 12)) for start in range(0, 12, size)]

    assert settle(pieces) == settle([range(12)])


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("total", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [2, 7, 12, 40])
def test_the_row_does_not_depend_on_the_shares(count, total):
    """However many read a file, the same articles are listed and counted."""
    parts = []
    for number in range(total):
        fates = Fates()
        own = range(number, count, total)
        fates.add(["a.jsonl"] * len(own), None, refused(own))
        parts.append(fates.fate_of("a.jsonl"))
    fate = merge_fates(parts)
    row = fill_row(
        "sources", source_path="a.jsonl", status="accepted", document_count=count
    )
    settled = settle_shared(pd.DataFrame([row]), fate)

    whole, unlisted = settle([range(count)])
    assert SOURCES.conform(settled).to_pylist()[0] == whole
    assert fate.unlisted == unlisted


def test_a_file_can_be_forgotten():
    """One that has changed while it was read has no article."""
    fates = Fates()
    fates.add(["a.jsonl", "b.txt"], None, refused([1]))
    fates.forget("a.jsonl")
    rows = [
        fill_row(
            "sources",
            source_path="a.jsonl",
            status="rejected",
            stage="read",
            reason="changed_while_reading",
            detail="changed",
        ),
        fill_row("sources", source_path="b.txt", status="accepted"),
    ]
    settled = fates.settle(pd.DataFrame(rows))

    assert settled["document_count"].tolist() == [0, 1]
    assert settled["rejected_members"].tolist() == [[], []]
