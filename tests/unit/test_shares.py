"""Large files of lines that several workers read a share of each."""

import gzip
import json
from dataclasses import replace

import pandas as pd
import pytest

from flows.conduct import add_up
from flows.line import call_plainly, process_batch, start_run
from flows.settings import Settings
from flows.shares import settle_shares, share_out
from tasks.discover import discover_files
from tasks.files import members
from tasks.schema import BATCH_TABLES, TABLES
from tasks.tables.parts import read_staged

STORY = (
    "The old lighthouse keeper walked down to the shore every morning to count the"
    " boats that came home."
)


def lines_of(*numbers):
    """Return a file of lines, one in four of which is no article."""
    kinds = (
        lambda n: json.dumps({"title": f"Part {n}", "text": f"{STORY} {n}"}),
        lambda _: "{}",
        lambda n: json.dumps({"text": f"{STORY}\n\n{n} times {STORY}"}),
        lambda n: json.dumps({"text": "★" if n % 8 == 3 else STORY}),
    )
    return "\n".join(kinds[number % 4](number) for number in numbers)


FILES = {
    "many.jsonl": lines_of(*range(20)).encode(),
    "packed.jsonl.gz": gzip.compress(lines_of(*range(60, 70)).encode()),
    "none.jsonl": b'{"id": 1}\nbroken\n{"id": 3}',
    "blank.jsonl": b"\n \n",
    "damaged.jsonl.gz": gzip.compress(lines_of(*range(30)).encode())[:-9],
    "one.jsonl": json.dumps({"text": STORY}, indent=1).encode(),
    "no_text.jsonl": json.dumps({"id": 1}, indent=1).encode(),
    "list.jsonl": json.dumps(
        [{"text": f"{STORY} {n}"} for n in range(9)], indent=1
    ).encode(),
}


@pytest.fixture(autouse=True)
def _short_stretches(monkeypatch):
    monkeypatch.setattr(members, "_STRETCH", 2)


def read(table, staged):
    """Return the rows of staged parts as they would be published, in one order."""
    rows = read_staged(staged, table, TABLES[table].schema.names).to_pylist()
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True, default=str))


def process(batch, run, folder, stem):
    """Take a batch through the line."""
    return process_batch(batch, run, folder, stem, call_plainly)


@pytest.mark.parametrize(
    ("name", "piece_bytes"),
    [*((name, 1_000_000) for name in FILES), ("many.jsonl", 600), ("none.jsonl", 9)],
)
def test_shares_give_the_same_rows(name, piece_bytes, tmp_path):
    """Every table, what became of the file, and the counts of the run."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / name).write_bytes(FILES[name])
    settings = Settings(raw_dir=tmp_path / "raw", batch_bytes=piece_bytes)
    run, files = start_run(settings), discover_files(tmp_path / "raw", [])
    (tmp_path / "staged").mkdir()
    whole = process(files, run, tmp_path / "staged", "whole")
    size = int(files["size_bytes"].iloc[0])
    shares = [*share_out(files, max(size // 3, 1))]
    assert len(shares) > 2

    results = [
        process(batch, run, tmp_path / "staged", f"share-{number}")
        for number, batch in enumerate(shares)
    ]
    together = add_up(settle_shares(results, tmp_path / "staged", "files"))

    for table in BATCH_TABLES:
        wanted = read(table, whole.staged)
        assert read(table, together.staged) == wanted, table
    same = {"steps": {}, "slowest": (), "staged": ()}
    assert replace(together, **same) == replace(whole, **same)


def test_a_file_that_changes_between_its_shares(tmp_path):
    """It is rejected as one that changes while it is read; none of its rows stay."""
    (tmp_path / "raw").mkdir()
    path = tmp_path / "raw" / "many.jsonl"
    path.write_bytes(FILES["many.jsonl"])
    run = start_run(Settings(raw_dir=tmp_path / "raw"))
    files = discover_files(tmp_path / "raw", [])
    (tmp_path / "staged").mkdir()
    results = []
    for number, batch in enumerate(share_out(files, 2_000)):
        results.append(process(batch, run, tmp_path / "staged", f"share-{number}"))
        path.write_bytes(lines_of(*range(100 + number, 140)).encode())

    together = add_up(settle_shares(results, tmp_path / "staged", "files"))

    assert together.documents == 0
    assert read("documents", together.staged) == []
    (row,) = read("sources", together.staged)
    assert (row["status"], row["reason"]) == ("rejected", "changed_while_reading")
    assert together.rejects == {"changed_while_reading": 1}


def test_what_is_not_shared():
    """A file that is not of lines, a small one, and any number of them."""
    files = pd.DataFrame({"source_path": ["a.txt", "b.jsonl"], "size_bytes": 100})

    assert [len(batch) for batch in share_out(files, 10)] == [2]
    assert len([*share_out(files[:1], 10)]) == 1
    assert len([*share_out(files[1:], 100)]) == 1
    assert len([*share_out(files[1:], 99)]) == 2
    assert len([*share_out(files[1:], 1)]) == 16
