"""Raw articles and tables on S3-compatible storage, against a local server."""

import os
import re
import shutil
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import duckdb
import obstore
import polars as pl
import pytest
from obstore.store import from_url

from flows.__main__ import main
from flows.clusters import describe_crew, find_fault
from flows.conduct import ingest_plainly
from flows.pages.reporter import write_report
from flows.plan import look_around
from flows.reader import open_tables, table_files
from flows.settings import read_settings
from tasks.errors import PipelineError, SettingsError
from tasks.objects import open_store, parse_place
from tests.warehouse_rows import see

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = [
    "carnet-brume/moulin.txt",
    "oddities/blank.txt",
    "oddities/empty.txt",
    "oddities/torn.txt.gz",
    "wire/mixed.jsonl",
]
STORY = """\
A Night at the Harbour

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time.
"""
OF_PLACE = {"run_id", "mtime_ns", "started_at", "ended_at"}
"""Columns that tell where and when, not what."""
KILLED = -signal.SIGKILL


class Bucket:
    """A bucket, and settings for what lies in it."""

    def __init__(self, name):
        self.name, self.client = name, None
        self.raw, self.tables = f"s3://{name}/raw", f"s3://{name}/warehouse"

    def put(self, path, text):
        """Write a raw file."""
        data = text.encode() if isinstance(text, str) else text
        obstore.put(self._store(), f"raw/{path}", data)

    def delete(self, path):
        """Remove a raw file."""
        obstore.delete(self._store(), f"raw/{path}")

    def keys(self, prefix=""):
        """Return the keys of all objects."""
        found = obstore.list(self._store(), prefix or None)
        return {info["path"] for batch in found for info in batch}

    def settings(self, **values):
        """Return settings that name it."""
        return read_settings(
            **{"raw_dir": self.raw, "warehouse_dir": self.tables} | values
        )

    def _store(self):
        if self.client is None:
            options = {"allow_http": True}
            self.client = from_url(f"s3://{self.name}", client_options=options)
        return self.client


@pytest.fixture
def bucket(object_server, tmp_path, monkeypatch):
    """An empty bucket on a server that the environment names."""
    for name, value in object_server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ARTICLES_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    open_store.cache_clear()
    name = f"news-{uuid.uuid4().hex[:8]}"
    object_server.make_bucket(name)
    return Bucket(name)


@pytest.fixture
def filled(bucket):
    """A bucket with a few of the samples and odd names."""
    for path in SAMPLES:
        bucket.put(path, (ROOT / "raw" / path).read_bytes())
    bucket.put("ünïcode/50% #1 & more?.txt", STORY)
    return bucket


def rows_of(place):
    """Return what the tables say, but for where and when."""
    found = {}
    with open_tables(place) as tables:
        for name in ("documents", "paragraphs", "removals", "evidence", "sources"):
            rows = tables.arrow(name)
            told = [column for column in rows.schema.names if column not in OF_PLACE]
            found[name] = sorted(map(repr, rows.select(told).to_pylist()))
    return found


def from_another_machine(monkeypatch, tmp_path):
    """Go on with an empty cache."""
    monkeypatch.setenv("ARTICLES_CACHE_DIR", str(tmp_path / uuid.uuid4().hex))


def test_same_tables_as_from_a_folder(filled, tmp_path, monkeypatch):
    """Where files and tables lie changes no row."""
    for key in filled.keys("raw"):
        path = tmp_path / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(obstore.get(filled.client, key).bytes()))
    here = read_settings(raw_dir="raw", warehouse_dir="warehouse")

    local = ingest_plainly(here)
    remote = ingest_plainly(filled.settings())

    from_another_machine(monkeypatch, tmp_path)
    assert rows_of(filled.tables) == rows_of("warehouse")
    assert remote.batch.rejects == local.batch.rejects
    assert remote.discovered == local.discovered == len(SAMPLES) + 1


def test_only_what_has_changed_is_read(filled, tmp_path, monkeypatch):
    """New, changed, deleted: as in a folder; and a run with nothing to do does none."""
    ingest_plainly(filled.settings())
    assert not look_around(filled.settings()).has_work
    filled.put("new.txt", STORY)
    filled.put("ünïcode/50% #1 & more?.txt", STORY.replace("two", "six"))  # same size
    filled.put("carnet-brume/moulin.txt", (ROOT / "raw" / SAMPLES[0]).read_bytes())
    filled.delete("oddities/blank.txt")

    from_another_machine(monkeypatch, tmp_path)
    plan = look_around(filled.settings())
    assert plan.causes == {"new": 1, "changed": 1}
    assert plan.deleted == ["oddities/blank.txt"]
    ingest_plainly(filled.settings())
    before = filled.keys("warehouse")
    assert ingest_plainly(filled.settings()).snapshot is None
    assert filled.keys("warehouse") == before
    fresh = f"s3://{filled.name}/rebuilt"
    ingest_plainly(filled.settings(warehouse_dir=fresh))
    assert rows_of(filled.tables) == rows_of(fresh)


def test_unusual_objects(bucket):
    """Folders of a web console are no files; a wrong prefix empties no tables."""
    bucket.put("story.txt", STORY)
    bucket.put("photo.jpg", b"\xff\xd8")
    bucket.put("nothing", b"")
    bucket.put("large.txt", "x" * 300)
    # No client of ours would make these two.
    folder = bucket.raw.removeprefix("s3://")
    put_by_hand(f"{folder}/archive/")
    summary = ingest_plainly(bucket.settings(max_file_bytes=200))

    assert summary.discovered == 4
    assert summary.batch.rejects == {"unsupported_format": 2, "too_large": 1}
    with pytest.raises(SettingsError, match="holds no objects"):
        look_around(bucket.settings(raw_dir=f"s3://{bucket.name}/rw"))
    with pytest.raises(SettingsError, match="read its own tables"):
        look_around(bucket.settings(raw_dir=f"s3://{bucket.name}"))
    put_by_hand(f"{folder}/a//b.txt")
    with pytest.raises(PipelineError, match=r"a//b\.txt"):
        look_around(bucket.settings())


def test_workers_that_do_not_reach_the_store(filled, tmp_path, monkeypatch):
    """A cluster is told before the work what its machines lack."""
    raw_file = parse_place(f"{filled.raw}/{SAMPLES[0]}")
    crew = describe_crew(raw_file, tmp_path)
    assert "Prefect" in " ".join(find_fault(crew) or ["Prefect"])  # the store is fine
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    open_store.cache_clear()

    problem, remedy = find_fault(crew)
    assert problem.startswith(f"cannot read {raw_file}") and "AWS_" in remedy


def put_by_hand(path):
    """Write an empty object under a key that our client would refuse."""
    import urllib.request

    address = f"{os.environ['AWS_ENDPOINT_URL']}/{path}"
    request = urllib.request.Request(address, data=b"", method="PUT")
    urllib.request.urlopen(request).close()


COMMITTER = """
import os, signal, sys
from pathlib import Path
from tasks.objects import ObjectUrl, Store
from tasks.tables.remote import RemoteWarehouse
from tests.warehouse_rows import commit

url, cache, run, death = sys.argv[1:5]
put, create, count = Store.put, Store.create, 0

def die_if(is_time):
    if is_time:
        os.kill(os.getpid(), signal.SIGKILL)

def counted_put(store, key, data):
    global count
    count += 1
    die_if(death == str(count))
    put(store, key, data)

def counted_create(store, key, data):
    is_manifest = key.startswith("_manifests/")
    die_if(is_manifest and death == "before")
    found = create(store, key, data)
    die_if(is_manifest and death == "after")
    return found

Store.put, Store.create = counted_put, counted_create
warehouse = RemoteWarehouse(ObjectUrl(url), Path(cache))
with warehouse.lock(wait=True):
    commit(warehouse, int(run), *(eval(batch) for batch in sys.argv[5:]))
"""
"""Publishes batches; dies at its n-th upload, or before or after its manifest."""


def publish(bucket, cache, run, *batches, death=""):
    """Start a run of a machine; the writing is real, the rows are made up."""
    arguments = [bucket.tables, str(cache), str(run), str(death)]
    return subprocess.Popen(
        [sys.executable, "-c", COMMITTER, *arguments, *map(repr, batches)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_runs_of_two_machines_at_once(bucket, tmp_path):
    """Both are published, one after the other."""
    runs = [
        publish(bucket, tmp_path / f"machine-{n}", n, {f"{n}.txt": n}) for n in (1, 2)
    ]
    for run in runs:
        assert run.communicate()[1] == ""
        assert run.returncode == 0

    assert see_tables(bucket) == {"1.txt": 1, "2.txt": 2}
    with open_tables(bucket.tables) as tables:
        assert tables.snapshot == 2


def see_tables(bucket):
    """Return version by path, as every reader sees it."""
    with open_tables(bucket.tables) as tables:
        return see(tables.folder)


@pytest.mark.slow
def test_kill_9_on_object_storage(bucket, tmp_path):
    """Before the manifest is there nothing is visible, then all; the next run goes on.

    See also ``test_killed_at_any_request``, for every request there is.
    """
    cache = tmp_path / "machine"
    assert publish(bucket, cache, 1, {"old.txt": 1}).wait() == 0
    seen = {"old.txt": 1}
    for run, death in enumerate(["1", "6", "before", "after"], start=2):
        batch = {f"run-{run}.txt": run}
        assert publish(bucket, cache, run, batch, death=death).wait() == KILLED
        if death == "after":
            seen |= batch
        assert see_tables(bucket) == seen
    assert publish(bucket, cache, 9, {"last.txt": 7}).wait() == 0
    assert see_tables(bucket) == seen | {"last.txt": 7}


def test_commands(filled, capsys):
    """Every command takes a URL; `watch` says what to do instead."""
    both = ["--raw", filled.raw, "--warehouse", filled.tables]
    tables = both[2:]
    ingest_plainly(filled.settings(), reporter=write_report)
    filled.put("new.txt", STORY)
    ingest_plainly(filled.settings(), reporter=write_report)

    def say(*arguments, status=0):
        assert main(list(arguments)) == status
        out, err = capsys.readouterr()
        return out + err

    assert "Nothing new" in say("run", *both)
    assert "Up to date with the 7 files" in say("status", *both)
    count = "SELECT count(*) FROM documents"
    assert " 7\n" in say("query", *tables, count)
    assert "harbour" in say("search", *tables, "harbour").lower()
    assert "A Night at the Harbour" in say("explain", *both, f"{filled.raw}/new.txt")
    assert "2 snapshots" in say("snapshots", *tables)
    assert "laws hold" in say("verify", *both)
    page = Path("".join(say("report", *tables).split()))
    assert page.name == "report.html" and page.stat().st_size
    assert " 6\n" in say("query", *tables, "--snapshot", "1", count)
    assert "1 new" in say("rollback", *both, "1")
    assert "restored_from" in say("snapshots", *tables, "--format", "json")
    assert "articles schedule" in say("watch", *both, status=2)
    assert "must be a folder or s3://" in say(
        "status", "--warehouse", "gs://news", status=2
    )


def test_page_of_a_rejected_object_shows_its_first_bytes(filled, tmp_path, capsys):
    """As that of a file: who wants to know why sees what is in it."""
    filled.put("picture.txt", b"GIF89a\x00\xff\x00\xfe" * 100)
    ingest_plainly(filled.settings())
    page = tmp_path / "page.html"

    url = f"{filled.raw}/picture.txt"
    places = ["--raw", filled.raw, "--warehouse", filled.tables]
    assert main(["explain", *places, url, "--output", str(page)]) == 0

    capsys.readouterr()
    assert "GIF89a" in page.read_text(encoding="utf-8")


def blocks(language):
    """Return the code of docs/storage.md in one language."""
    text = (ROOT / "docs" / "storage.md").read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [code for name, code in found if name == language]


def test_readers_of_the_docs(filled, tmp_path, capsys):
    """Each example reads the live snapshot, and nothing of an earlier one."""
    ingest_plainly(filled.settings())
    filled.delete("wire/mixed.jsonl")
    ingest_plainly(filled.settings())
    with open_tables(filled.tables) as tables:
        expected = len(tables.pandas("paragraphs"))

    codes = blocks("python")
    assert len(codes) > 3
    for code in codes:
        there = code.replace("s3://news/warehouse", filled.tables)
        exec(compile(there, "storage.md", "exec"), {})
        assert str(expected) in capsys.readouterr().out, code
    # DuckDB's own reader of S3 is an extension from the network: a copy does here.
    for key in filled.keys("warehouse"):
        path = tmp_path / "copy" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(obstore.get(filled.client, key).bytes()))
    (sql,) = blocks("sql")
    connection = duckdb.connect()
    statements = sql.replace("s3://news", str(tmp_path / "copy")).split(";")
    answers = [connection.execute(s) for s in statements if s.strip()]
    assert answers[-1].fetchall() == [(expected,)]


def test_files_of_a_table_by_other_tools(filled):
    """The list of files is all that another tool needs."""
    ingest_plainly(filled.settings())
    files = table_files(filled.tables, "documents")

    frame = pl.scan_parquet(files).select("document_id").collect()
    with open_tables(filled.tables) as tables:
        known = tables.pandas("documents", columns=["document_id"])
    assert sorted(frame["document_id"]) == sorted(known["document_id"])
    with pytest.raises(PipelineError, match="Did you mean 'documents'"):
        table_files(filled.tables, "document")
    shutil.rmtree(os.environ["ARTICLES_CACHE_DIR"])
    assert table_files(filled.tables, "documents", 1) == files
