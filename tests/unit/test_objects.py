"""Object storage: URLs, versions, what a store refuses."""

import gzip
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pandas as pd
import pytest
from obstore.store import MemoryStore

from tasks import discover, read
from tasks.errors import PipelineError, SettingsError
from tasks.files import content
from tasks.objects import (
    ObjectInfo,
    ObjectUrl,
    Store,
    ahead_of_time,
    open_store,
    parse_place,
)

URL = ObjectUrl("s3://news/raw")
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def store(monkeypatch):
    """A store in memory that every step takes for the one at ``URL``."""
    store = Store(URL, MemoryStore())
    for step in (discover, content):
        monkeypatch.setattr(step, "open_store", lambda _url: store)
    return store


@pytest.mark.parametrize(
    "text", ["raw", "/srv/raw", "../raw", "C:/raw", "C:\\raw", "~/raw", "s3", "a:b"]
)
def test_paths_stay_paths(text):
    """Whatever is no URL is a folder, also on Windows."""
    assert parse_place(text) == Path(text)


@pytest.mark.parametrize(
    "text",
    ["gs://news/raw", "http://host/raw", "s3:/news/raw", "s3://", "s3://news/a?b", ""],
)
def test_other_urls_are_refused(text):
    """Better no run than one that makes a folder called `gs:`."""
    with pytest.raises(ValueError, match="must be"):
        parse_place(text)


def test_version_tells_writings_apart():
    """Another content within the same second is another version; a list agrees."""
    first = ObjectInfo("a.txt", 3, NOON, '"0123"')

    assert first.version_ns // 10**9 == NOON.timestamp()
    assert first.version_ns != first._replace(e_tag='"0124"').version_ns
    assert first.version_ns == first._replace(e_tag="0123").version_ns
    # A list may tell the time more finely than the answer to a request.
    finer = NOON + timedelta(milliseconds=5)
    assert first.version_ns == first._replace(modified_at=finer).version_ns


def test_objects_are_read_as_files(store):
    """Rows as from a folder; what is gone by then is rejected, the others are not."""
    for key in ("de/a.txt", "b.txt", "c.jpg", "README.md"):
        store.put(key, f"The story of {key} was told again and again.".encode())
    files = discover.discover_files(URL, ["README.md"])
    store.delete(["b.txt"])

    articles, _, sources = read.read_files(files, URL, "run", read.Limits())

    assert files["source_path"].tolist() == ["README.md", "b.txt", "c.jpg", "de/a.txt"]
    assert articles["source_path"].tolist() == ["de/a.txt"]
    reasons = dict(zip(sources["source_path"], sources["reason"], strict=True))
    assert reasons["b.txt"] == "unreadable" and reasons["c.jpg"] == "unsupported_format"
    assert reasons["README.md"] == "ignored_pattern"
    known = dict(zip(files["source_path"], files["mtime_ns"], strict=True))
    stated = dict(zip(sources["source_path"], sources["mtime_ns"], strict=True))
    assert stated == known


LARGE = "\n".join(f'{{"text": "Day {day}, and it rained."}}' for day in range(99))


def read_large(files):
    """Rows of an object of lines, with room for a few of them."""
    return read.read_files(files, URL, "run", read.Limits(piece_bytes=200))


def test_a_large_object_of_lines_is_read_as_it_comes(store):
    """Whatever its size; the rows are those of a small one, packed or not."""
    store.put("a.jsonl", LARGE.encode())
    store.put("b.jsonl.gz", gzip.compress(LARGE.encode()))
    files = discover.discover_files(URL)
    whole = read.read_files(files, URL, "run", read.Limits())

    for expected, found in zip(whole, read_large(files), strict=True):
        pd.testing.assert_frame_equal(found, expected)


def test_a_large_object_that_is_replaced_meanwhile(store, monkeypatch):
    """It is fetched more than once: other bytes by then make it no article at all."""
    store.put("a.jsonl", LARGE.encode())
    files = discover.discover_files(URL)
    get, calls = obstore.get, []

    def get_and_replace(*args):
        calls.append(args)
        if len(calls) == 4:  # it was looked at and its encoding is known
            store.put("a.jsonl", LARGE.replace("rained", "snowed").encode())
        return get(*args)

    monkeypatch.setattr(obstore, "get", get_and_replace)
    articles, _, sources = read_large(files)

    assert len(articles) == 0
    assert sources["reason"].tolist() == ["changed_while_reading"]


def refuse(monkeypatch, error):
    """Make every read fail."""

    def fail(*_args):
        raise error

    monkeypatch.setattr(obstore, "get", fail)


def test_object_that_may_not_be_read(store, monkeypatch):
    """It is rejected like a file without permission, and tried again by each run."""
    store.put("a.txt", b"Some text.")
    files = discover.discover_files(URL)
    refuse(
        monkeypatch,
        obstore.exceptions.PermissionDeniedError("403\n<Code>AccessDenied</Code>"),
    )

    _, _, sources = read.read_files(files, URL, "run", read.Limits())
    assert sources["reason"].tolist() == ["unreadable"]


@pytest.mark.parametrize(
    "error",
    [
        obstore.exceptions.GenericError("no route to host"),
        obstore.exceptions.PermissionDeniedError("403 <Code>ExpiredToken</Code>"),
        obstore.exceptions.UnauthenticatedError("401"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_article_is_to_blame_for_the_store(store, monkeypatch, error):
    """A run ends, rather than taking all articles for unreadable ones."""
    store.put("a.txt", b"Some text.")
    files = discover.discover_files(URL)
    refuse(monkeypatch, error)

    with pytest.raises(PipelineError, match=r"s3://news/raw/a\.txt: cannot read it"):
        read.read_files(files, URL, "run", read.Limits())


def test_what_is_begun_is_not_awaited_after_an_error():
    """A run that fails does not first fetch all the rest."""
    begun = []

    def begin(number):
        time.sleep(0.01)
        begun.append(number)

    with pytest.raises(KeyError), ahead_of_time(begin, range(10_000)):
        raise KeyError
    assert len(begun) < 10_000


def test_client_that_is_not_installed(monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    open_store.cache_clear()

    with pytest.raises(SettingsError, match=r"pip install 'article-pipeline\[s3\]'"):
        open_store(URL)


def test_a_url_reaches_the_flow_as_it_is():
    """Prefect checks what it is given by type; a path would lose one of two slashes."""
    from flows.ingest import ingest  # brings Prefect
    from flows.settings import read_settings, settings_parameters

    given = read_settings({}, raw_dir="s3://news/raw/", warehouse_dir="s3://news/w")
    parameters = ingest.validate_parameters(settings_parameters(given))

    assert read_settings({}, **parameters) == given
    assert type(given.raw_dir) is ObjectUrl and given.raw_dir == "s3://news/raw"


def test_folders_need_no_client():
    """Whoever uses none has neither to install it nor to wait for it."""
    code = "import flows.plan, tasks.read, sys; print('obstore' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    assert done.stdout == "False\n"
