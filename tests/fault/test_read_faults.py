"""Bad input: each file ends as one row with stage, reason and detail."""

import gzip
import hashlib
import os
import subprocess
import sys

import pytest
import zstandard

from tasks.discover import discover_files
from tasks.files import content as content_module
from tasks.read import Limits, read_files
from tasks.schema import SOURCES

TEXT = b"It rained on the harbour all night. " * 50


def read(raw_dir, limits=None, files=None):
    """Articles, and the row of sources of the one file."""
    files = discover_files(raw_dir, []) if files is None else files
    articles, _, sources = read_files(files, raw_dir, "run", limits or Limits())
    SOURCES.conform(sources)
    assert len(sources) == len(files) == 1
    source = sources.iloc[0]
    assert source["document_count"] == len(articles)
    return articles, source


def damaged(raw):
    """Overwrite some bytes in the middle."""
    return raw[:40] + b"\xff\xff\xff\xff" + raw[44:]


@pytest.mark.parametrize(
    ("name", "content", "reason", "detail"),
    [
        ("a.txt", b"", "empty", "0 bytes"),
        ("a.txt.gz", b"", "empty", "0 bytes"),
        (
            "a.txt.gz",
            gzip.compress(b"", mtime=0),
            "empty",
            "0 bytes after decompression",
        ),
        ("a.txt", b" \r\n\t \xc2\xa0", "blank", "only white space"),
        ("a.txt", "\u200b\ufeff\u2060\n\u00ad".encode(), "blank", "only white space"),
        ("a.txt", b"\xff\xfe", "blank", "only white space"),
        ("a.json", b" \n", "blank", "only white space"),
        ("a.txt", b"\x89PNG\r\n\x1a\n" + bytes(99), "binary", "begins like a binary"),
        ("a.html", bytes(range(256)) * 4, "binary", "control characters"),
        ("a.md", b"\x80\x81\xfe\xff" * 50, "undecodable", "no encoding gives"),
        ("a.txt.gz", TEXT, "broken_compression", "incorrect header check"),
        (
            "a.txt.gz",
            gzip.compress(TEXT, mtime=0)[:-9],
            "broken_compression",
            "in the middle",
        ),
        (
            "a.txt.gz",
            damaged(gzip.compress(TEXT, mtime=0)),
            "broken_compression",
            "Error -3",
        ),
        ("a.txt.zst", TEXT, "broken_compression", "decompress"),
        (
            "a.txt.zst",
            zstandard.ZstdCompressor().compress(TEXT)[:-3],
            "broken_compression",
            "in the middle",
        ),
        (
            "a.txt.gz",
            gzip.compress(bytes(9**7), mtime=0),
            "decompression_bomb",
            "max_decomp",
        ),
        ("a.json", b'{"text": "A', "broken_json", "string starting at column 10"),
        ("a.json", b'{"a": 1,\n "b" 2}', "broken_json", "line 2: Expecting ':'"),
        ("a.json", b"[" * 100_000, "broken_json", "nested too deeply"),
        ("a.json", b'"words"', "broken_json", "a string where an object should be"),
        ("a.json", b"null", "broken_json", "null where an object should be"),
        ("a.json", b"[]", "no_text", "no article in it"),
        ("a.json", b"{}", "no_text", "no text in the fields none"),
        ("a.json", b'{"title": "T", "\\ud800": 1}', "no_text", "fields title, ?"),
        ("a.json", b'{"text": " \\u200b\\n"}', "no_text", "no text in the fields text"),
        ("a.jsonl", b"words\nmore words", "broken_json", "line 1: Expecting value"),
        ("a.jsonl", b'{"title": "T"}', "no_text", "no text in the fields title"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_bad_content_is_a_row(tmp_path, name, content, reason, detail):
    """The row says what was found, and what could be learnt before that."""
    (tmp_path / name).write_bytes(content)
    articles, source = read(tmp_path)

    assert len(articles) == 0
    assert (source["status"], source["stage"]) == ("rejected", "read")
    assert source["reason"] == reason
    assert detail in source["detail"]
    assert source["size_bytes"] == len(content)
    assert len(source["sha256"]) == 64


def test_a_large_file_is_refused_unread(tmp_path):
    """The detail names both sizes and the setting; its hash is known all the same."""
    (tmp_path / "a.txt").write_bytes(TEXT)
    _, source = read(tmp_path, Limits(max_file_bytes=1000))

    assert source["reason"] == "too_large"
    assert (
        source["detail"] == "1,800 bytes; the limit is 1,000 (setting max_file_bytes)"
    )
    assert source["sha256"] == hashlib.sha256(TEXT).hexdigest()


def test_a_file_of_just_the_limit_is_read(tmp_path):
    """The limit is the largest size that passes."""
    (tmp_path / "a.txt").write_bytes(TEXT)
    articles, _ = read(tmp_path, Limits(max_file_bytes=len(TEXT)))

    assert len(articles) == 1


def test_a_file_that_unpacks_beyond_the_limit(tmp_path):
    """An honest ratio over the size limit is too large, not a bomb."""
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(os.urandom(2000).hex().encode()))
    _, source = read(tmp_path, Limits(max_file_bytes=3000))

    assert source["reason"] == "too_large"
    assert "unpack to more than 3,000" in source["detail"]


def test_a_file_that_is_gone(tmp_path):
    """Deleted between listing and reading: a row, looked at again next time."""
    (tmp_path / "a.txt").write_bytes(TEXT)
    files = discover_files(tmp_path, [])
    (tmp_path / "a.txt").unlink()
    _, source = read(tmp_path, files=files)

    assert source["reason"] == "unreadable"
    assert source["detail"] == "gone since it was listed"
    assert source["size_bytes"] == len(TEXT)


def test_a_pipe_in_the_place_of_a_file_does_not_block(tmp_path):
    """Whatever took the file's place is not waited for."""
    (tmp_path / "a.txt").write_bytes(TEXT)
    files = discover_files(tmp_path, [])
    (tmp_path / "a.txt").unlink()
    os.mkfifo(tmp_path / "a.txt")
    _, source = read(tmp_path, files=files)

    assert source["reason"] == "not_a_file"


def test_a_folder_in_the_place_of_a_file(tmp_path):
    """The same for folders."""
    (tmp_path / "a.txt").write_bytes(TEXT)
    files = discover_files(tmp_path, [])
    (tmp_path / "a.txt").unlink()
    (tmp_path / "a.txt").mkdir()
    _, source = read(tmp_path, files=files)

    assert source["reason"] == "not_a_file"


def test_the_row_describes_the_bytes_that_were_read(tmp_path):
    """Size and time are those of the content, not of the listing."""
    (tmp_path / "a.txt").write_bytes(TEXT)
    files = discover_files(tmp_path, [])
    (tmp_path / "a.txt").write_bytes(TEXT + TEXT)
    os.utime(tmp_path / "a.txt", ns=(1, 1_000_000_007))
    articles, source = read(tmp_path, files=files)

    assert articles["raw_text"][0] == (TEXT + TEXT).decode()
    assert source["size_bytes"] == 2 * len(TEXT)
    assert source["mtime_ns"] == 1_000_000_007


def meddle(monkeypatch, action, times):
    """Do something to the file after each of its first ``times`` readings."""
    fstat, calls = os.fstat, []

    def fstat_and_meddle(descriptor):
        calls.append(descriptor)
        if len(calls) % 2 == 0 and len(calls) // 2 <= times:
            action(len(calls))
        return fstat(descriptor)

    monkeypatch.setattr(content_module.os, "fstat", fstat_and_meddle)
    return calls


@pytest.mark.parametrize("how", ["append", "replace", "touch"])
def test_a_file_that_changes_once_is_read_again(tmp_path, monkeypatch, how):
    """One immediate retry gives the new content."""
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT)
    files = discover_files(tmp_path, [])

    def change(count):
        if how == "append":
            path.write_bytes(TEXT + b"More.")
        elif how == "replace":
            (tmp_path / "new").write_bytes(TEXT)
            (tmp_path / "new").replace(path)
        else:
            os.utime(path, ns=(1, count))

    calls = meddle(monkeypatch, change, times=1)
    articles, source = read(tmp_path, files=files)

    assert len(calls) == 4
    assert source["status"] == "accepted"
    assert articles["raw_text"][0].encode() == path.read_bytes()
    assert source["mtime_ns"] == path.stat().st_mtime_ns


def test_a_file_that_keeps_changing_is_left_for_the_next_run(tmp_path, monkeypatch):
    """Two attempts, then a row."""
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT)
    files = discover_files(tmp_path, [])
    meddle(monkeypatch, lambda count: path.write_bytes(TEXT * count), times=9)
    articles, source = read(tmp_path, files=files)

    assert len(articles) == 0
    assert source["reason"] == "changed_while_reading"


def test_a_file_that_may_not_be_read(tmp_path):
    """Permission bits do not bind root, so the check drops to an ordinary user."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a.txt").write_bytes(TEXT)
    (tmp_path / "raw/a.txt").chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tasks.discover import discover_files\n"
        "from tasks.read import Limits, read_files\n"
        "raw = Path(sys.argv[1])\n"
        "os.getuid() or os.setuid(65534)\n"
        "sources = read_files(discover_files(raw, []), raw, 'run', Limits())[2]\n"
        "print(sources[['reason', 'detail', 'size_bytes']].values.tolist())\n"
    )
    home = tmp_path / "home"
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "raw"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PREFECT_HOME": str(home)},
    )

    assert done.stdout.strip() == "[['unreadable', 'Permission denied', 1800]]"


def test_a_disk_that_fails_is_a_row(tmp_path, monkeypatch):
    """Input errors are told by the system's own words."""
    (tmp_path / "a.txt").write_bytes(TEXT)
    files = discover_files(tmp_path, [])

    def fail(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(content_module.os, "open", fail)
    _, source = read(tmp_path, files=files)

    assert source["reason"] == "unreadable"
    assert source["detail"] == "Input/output error"
