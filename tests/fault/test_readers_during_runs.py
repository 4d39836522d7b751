"""Who reads while runs publish without a pause gets one snapshot, or a missing file."""

import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

import pytest

from tasks.tables.warehouse import Warehouse
from tests.campaign.forks import ROOT
from tests.campaign.readers import READERS, is_missing
from tests.warehouse_rows import FAST_FOLDER, SHOWN, make_batch, see

READS = 350  # right ones, by each of three readers
MOST_READS = 100 * READS
COMMITS_SEEN = 4
"""Reading goes on until so many commits were seen, however slow the machine is."""
TABLES = ["documents", "paragraphs", "removals", "evidence", "sources"]


@pytest.fixture(params=["exchange", "renames"])
def busy_warehouse(request):
    """A warehouse that another process commits to all the time."""
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
        place = Path(folder) / "warehouse"
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.committer", place, request.param],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout.readline() == "ready\n"
        yield Warehouse(place)
        out, _ = writer.communicate(timeout=60)
        assert writer.returncode == 0
        assert int(out) >= COMMITS_SEEN


def version_of(table, rows):
    """Return the number of the commit that a table shows; null if it mixes two."""
    shown = {str(row) for row in rows}
    if len(shown) != len(rows) and table not in {"paragraphs", "removals", "evidence"}:
        return None
    for row in rows:
        if row[0] == "a.txt":
            number = row[1]
            break
        if told := re.match(r"a\.txt version (\d+)", str(row[-1])):
            number = int(told[1])
            break
    else:
        return None
    expected = make_batch({"a.txt": number, "b.txt": number, "c.txt": 1})[table]
    columns = SHOWN[table]
    right = expected[columns].itertuples(index=False, name=None)
    is_right = sorted(map(str, right)) == sorted(map(str, map(tuple, rows)))
    return number if is_right else None


def test_globs_during_publishes(busy_warehouse):
    """1,050 right reads by DuckDB, pandas and Polars: none is wrong.

    A reader that listed the files before a publish and opens them after it may miss one
    and is told so, by an error: reading again, or ``Warehouse.pin``, is the remedy.
    """
    seen = {reader: Counter() for reader in READERS}
    numbers = {reader: set() for reader in READERS}

    def read(reader):
        for count in range(MOST_READS):
            if seen[reader]["right"] >= READS and len(numbers[reader]) >= COMMITS_SEEN:
                return
            table = TABLES[count % len(TABLES)]
            try:
                rows = READERS[reader](busy_warehouse.live, table, SHOWN[table])
            except Exception as error:  # noqa: BLE001  (a thread must end by itself)
                seen[reader]["missing" if is_missing(error) else repr(error)] += 1
                continue
            number = version_of(table, rows)
            seen[reader]["right" if number else f"wrong: {table} {rows}"] += 1
            numbers[reader].add(number)

    threads = [threading.Thread(target=read, args=[reader]) for reader in READERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    print(seen)  # how many files were missing is worth knowing
    for reader, counts in seen.items():
        assert counts.keys() <= {"right", "missing"}, reader
        assert counts["right"] >= READS
        assert len(numbers[reader]) >= COMMITS_SEEN


def test_pins_during_publishes(busy_warehouse):
    """In a pinned snapshot all tables agree, and no file is ever missing."""
    numbers = set()
    for count in range(MOST_READS):
        if count >= 30 and len(numbers) >= COMMITS_SEEN:
            break
        with busy_warehouse.pin() as folder:
            versions = see(folder)
            for reader, read in READERS.items():
                rows = read(folder, "sources", SHOWN["sources"])
                assert dict(rows) == versions, reader
        assert versions["a.txt"] == versions["b.txt"]
        numbers.add(versions["a.txt"])

    assert len(numbers) >= COMMITS_SEEN


def test_read_table_during_publishes(busy_warehouse):
    """Reading through ``Warehouse`` never misses a file: it tries again by itself."""
    numbers = set()
    for count in range(MOST_READS):
        if count >= 200 and len(numbers) >= COMMITS_SEEN:
            break
        table = TABLES[count % len(TABLES)]
        rows = busy_warehouse.read_table(table, SHOWN[table]).to_pylist()
        numbers.add(version_of(table, [tuple(row.values()) for row in rows]))

    assert None not in numbers
    assert len(numbers) >= COMMITS_SEEN
