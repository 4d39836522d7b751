"""Files of lines larger than a batch: one part from many pieces."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows.conduct import ingest_plainly
from flows.pages.article import article_page
from flows.plan import look_around
from flows.reader import open_tables
from flows.retrace import retrace
from flows.settings import read_settings
from tasks import logic
from tasks.discover import discover_files
from tasks.files import content
from tasks.schema import RUNS, TABLES, Reason
from tasks.tables.warehouse import Warehouse

STORY = "The ferry came in late, and the two sisters waited on the pier until dark."
SMALL = 2_000
"""Setting ``batch_bytes``: a few lines make a piece."""


def make_lines(first, last):
    """Return lines that are articles, but for every seventh."""
    for number in range(first, last):
        if number % 7 == 0:
            yield "{}" if number % 2 else "broken"
        else:
            text = f"{STORY}\n\nOn day {number} {'it rained. ' * (number % 5 + 1)}"
            yield json.dumps({"title": f"Day {number}", "text": text})


@pytest.fixture
def folder(tmp_path):
    """Give a raw folder with one large file and a small one."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    (raw_dir / "large.jsonl").write_text("\n".join(make_lines(1, 60)))
    (raw_dir / "small.txt").write_text(f"A Night\n\n{STORY}\n")
    return tmp_path


def settings_of(folder, warehouse="warehouse", **settings):
    """Return settings under which the large file is worked on in pieces."""
    return read_settings(
        {},
        raw_dir=folder / "raw",
        warehouse_dir=folder / warehouse,
        **{"batch_bytes": SMALL, "write_report": False} | settings,
    )


def run(folder, warehouse="warehouse", **settings):
    """Ingest once."""
    return ingest_plainly(settings_of(folder, warehouse, **settings))


def see(folder, warehouse="warehouse"):
    """Return all rows, but for what tells one run from another."""
    tables = {}
    for name, table in TABLES.items():
        if name != RUNS.name:
            rows = Warehouse(folder / warehouse).read_table(name)
            names = [column for column in rows.column_names if column != "run_id"]
            order = [(key, "ascending") for key in table.key]
            tables[name] = rows.select(names).sort_by(order).to_pylist()
    return tables


def look_for_breaches(folder):
    """Compare the raw files with the tables."""
    settings = settings_of(folder)
    with open_tables(settings.warehouse_dir) as tables:
        files = discover_files(settings.raw_dir, settings.ignore)
        return retrace(tables.duckdb(), settings, files)


def test_pieces_become_one_part(folder):
    """The tables are those of a run with all memory; nothing of the pieces is left."""
    summary = run(folder)
    whole = run(folder, "whole", batch_bytes=10**6)

    assert see(folder) == see(folder, "whole")
    manifest = Warehouse(folder / "warehouse").manifest()
    assert sum(part.is_batch for part in manifest.parts) == 2
    for name in ("documents", "paragraphs", "languages", "rejects", "examples"):
        assert getattr(summary.batch, name) == getattr(whole.batch, name)
    rows = {name: cost.rows for name, cost in summary.batch.steps.items()}
    assert rows == {name: cost.rows for name, cost in whole.batch.steps.items()}
    assert not list((folder / ".warehouse").glob("staged-*"))
    assert look_for_breaches(folder)[1:] == (0, [])


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_any_history_equals_a_rebuild(folder, suffix):
    """A line is added, one mended, the file is deleted: all its rows go together."""
    raw_dir = folder / "raw"
    (raw_dir / "large.jsonl").unlink()
    path = raw_dir / f"large.jsonl{suffix}"

    def put(lines):
        data = "\n".join(lines).encode()
        path.write_bytes(gzip.compress(data, mtime=0) if suffix else data)

    put(make_lines(1, 40))
    run(folder)
    put(make_lines(1, 41))
    assert dict(run(folder).causes) == {"changed": 1}
    put(["{}", *make_lines(2, 41)])
    run(folder)
    assert run(folder).snapshot is None
    run(folder, "rebuilt", batch_bytes=1_500)

    assert see(folder) == see(folder, "rebuilt")

    path.unlink()
    run(folder)
    tables = see(folder)
    assert [row["source_path"] for row in tables["documents"]] == ["small.txt"]
    assert len(tables["sources"]) == 1


def test_copies_are_told_across_pieces_and_files(folder):
    """Two lines far apart, and a file: which one repeats which does not change."""
    text = json.dumps({"text": f"{STORY}\n\n{STORY[::-1]}\n\n{STORY.upper()}"})
    lines = [text, *make_lines(2, 50), text]
    (folder / "raw/large.jsonl").write_text("\n".join(lines))
    (folder / "raw/other.json").write_text(text)
    run(folder)
    run(folder, "whole", batch_bytes=10**6)

    assert len(see(folder)["duplicates"]) >= 2
    assert see(folder) == see(folder, "whole")


def test_the_size_of_a_file_is_no_limit(folder):
    """What bounds other files bounds its lines: one too long is a rejected member."""
    lines = [
        *make_lines(1, 30),
        json.dumps({"text": "word " * 200}),
        *make_lines(31, 33),
    ]
    (folder / "raw/large.jsonl").write_text("\n".join(lines))
    (folder / "raw/large.txt").write_text(STORY * 20)
    run(folder, max_file_bytes=900)
    rows = {row["source_path"]: row for row in see(folder)["sources"]}

    assert rows["large.txt"]["reason"] == "too_large"
    large = rows["large.jsonl"]
    assert large["status"] == "accepted" and large["document_count"] == 27
    [long] = [one for one in large["rejected_members"] if one["reason"] == "too_large"]
    assert long == {
        "member": "30",
        "stage": "read",
        "reason": "too_large",
        "detail": "line 30: 1,012 characters; the limit is 900"
        " (setting max_file_bytes)",
    }

    plan = look_around(settings_of(folder, max_file_bytes=2_000))
    assert sorted(plan.todo["source_path"]) == ["large.jsonl", "large.txt"]
    run(folder, max_file_bytes=2_000)
    run(folder, "rebuilt", max_file_bytes=2_000)
    assert see(folder) == see(folder, "rebuilt")


def test_a_file_refused_before_is_read_after_the_upgrade(folder, monkeypatch):
    """Lines of any number are new: the next run takes up what was too large."""
    before = tuple(
        c for c in logic.CHANGES if c.what != "files of any size; long lines"
    )
    assert len(before) == len(logic.CHANGES) - 1
    with monkeypatch.context() as patch:
        patch.setattr(logic, "CHANGES", before)
        run(folder)

    assert look_around(settings_of(folder)).todo["source_path"].tolist() == [
        "large.jsonl"
    ]


def test_one_article_is_found_again(folder):
    """The page of an article shows its raw text, and no other line is kept for that."""
    run(folder)
    settings = settings_of(folder)
    path = str(folder / "raw/large.jsonl")
    with open_tables(settings.warehouse_dir) as tables:
        whole = article_page(tables, settings, path, None)
        one = article_page(tables, settings, path, "33")
        refused = article_page(tables, settings, path, "35")

    assert "Day 33" in one and "Day 34" not in one
    assert "has changed since" not in one
    assert "Day 34" in whole
    assert "no field holds the text" in refused


class _Changing:
    """Changes a file once so many of its bytes have been read."""

    def __init__(self, path, after, change):
        self.path, self.left, self.change = path, after, change
        self.read = content.os.read

    def __call__(self, descriptor, size):
        data = self.read(descriptor, size)
        self.left -= len(data)
        if self.left <= 0 and self.change:
            change, self.change = self.change, None
            change(self.path)
        return data


def grow(path):
    """Append a line."""
    with path.open("a") as file:
        file.write("\n" + next(make_lines(99, 100)))


def swap(path):
    """Put another file of the same size and time in its place."""
    times = path.stat()
    new = path.with_name("new")
    new.write_bytes(path.read_bytes().replace(b"ferry", b"barge"))
    content.os.utime(new, ns=(times.st_atime_ns, times.st_mtime_ns))
    new.replace(path)


def overwrite(path):
    """Write other bytes into it, and set the time back."""
    times = path.stat()
    data = path.read_bytes()
    path.write_bytes(data[:-9] + b"_" + data[-8:])
    content.os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize(
    ("change", "passes"),
    [(grow, 0.5), (grow, 1.5), (swap, 0.5), (swap, 1.9), (overwrite, 1.5)],
)
def test_a_file_that_changes_meanwhile_has_no_rows(folder, monkeypatch, change, passes):
    """Whenever it is noticed: not one of its articles is published, the others are."""
    path = folder / "raw/large.jsonl"
    monkeypatch.setattr(content, "_CHUNK_BYTES", 500)
    after = passes * path.stat().st_size
    with monkeypatch.context() as patch:
        patch.setattr(content.os, "read", _Changing(path, after, change))
        run(folder)
    tables = see(folder)
    rows = {row["source_path"]: row for row in tables["sources"]}

    assert rows["large.jsonl"]["reason"] == Reason.CHANGED_WHILE_READING
    assert rows["large.jsonl"]["rejected_members"] == []
    assert [row["source_path"] for row in tables["documents"]] == ["small.txt"]
    for name in ("paragraphs", "removals", "evidence"):
        ids = {row["document_id"] for row in tables["documents"]}
        assert {row["document_id"] for row in tables[name]} <= ids

    run(folder)
    run(folder, "rebuilt")
    assert see(folder) == see(folder, "rebuilt")


def test_a_torn_archive_has_no_rows(folder):
    """As of a small one: what could be unpacked of it is not half of an answer."""
    data = gzip.compress("\n".join(make_lines(1, 400)).encode(), mtime=0)
    (folder / "raw/torn.jsonl.gz").write_bytes(data[:-20])
    run(folder)
    tables = see(folder)
    rows = {row["source_path"]: row for row in tables["sources"]}

    assert len(data) > SMALL
    torn = rows["torn.jsonl.gz"]
    assert (torn["reason"], torn["document_count"]) == ("broken_compression", 0)
    assert len(torn["sha256"]) == 64
    assert "torn.jsonl.gz" not in {row["source_path"] for row in tables["documents"]}


def test_a_bomb_is_told_before_any_row(folder):
    """The ratio holds for what goes by as for what is in memory."""
    data = gzip.compress(b'{"text": "One"}\n' + b" " * 3_000_000, mtime=0)
    (folder / "raw/bomb.jsonl.gz").write_bytes(data)
    run(folder)

    rows = {row["source_path"]: row for row in see(folder)["sources"]}
    assert rows["bomb.jsonl.gz"]["reason"] == "decompression_bomb"


def test_a_run_killed_between_pieces_leaves_the_old_tables(folder):
    """Nothing partial becomes visible, and the next run begins anew."""
    run(folder)
    before = see(folder)
    (folder / "raw/large.jsonl").write_text("\n".join(make_lines(1, 80)))
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from flows.conduct import ingest_plainly\n"
        "from flows.settings import read_settings\n"
        "from tasks.tables import parts\n"
        "import tasks.write\n"
        "calls, write_part = [], tasks.write.write_part\n"
        "def write(*args):\n"
        "    calls.append(1)\n"
        "    if len(calls) > 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return write_part(*args)\n"
        "tasks.write.write_part = write\n"
        "folder = Path(sys.argv[1])\n"
        "ingest_plainly(read_settings({}, raw_dir=folder / 'raw',\n"
        "    warehouse_dir=folder / 'warehouse', batch_bytes=2000,\n"
        "    write_report=False))\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert killed.returncode == -9
    assert see(folder) == before
    run(folder)
    run(folder, "rebuilt")
    assert see(folder) == see(folder, "rebuilt")
    assert not list((folder / ".warehouse").glob("staged-*"))
