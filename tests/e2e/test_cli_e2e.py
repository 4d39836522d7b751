"""The command as people use it: its own process, with Prefect's temporary server."""

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from tasks.tables.warehouse import Warehouse

ROOT = Path(__file__).parents[2]
START_SECONDS = 180  # a temporary server takes up to a minute on a busy machine
STORY = """\
A Night at the Harbour

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time.
"""

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a space in its name and a few raw files, already ingested."""
    folder = tmp_path_factory.mktemp("my articles")
    (folder / "raw").mkdir()
    (folder / "raw" / "story.txt").write_text(STORY)
    (folder / "raw" / "empty.txt").write_text("")
    done = articles(folder, "run")
    assert done.returncode == 0, done.stderr
    (folder / "first-run.txt").write_text(done.stdout + "\f" + done.stderr)
    return folder


@pytest.fixture
def own_folder(folder, tmp_path):
    """A copy that may be changed."""
    return shutil.copytree(folder, tmp_path / "own articles")


def environment():
    """Return the environment of the command."""
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return os.environ | {"PYTHONPATH": paths, "NO_COLOR": "1"}


def articles(folder, *arguments):
    """Run a command in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "flows", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        check=False,
        text=True,
        timeout=START_SECONDS,
    )


def test_first_run_tells_what_it_found(folder):
    """Funnel, languages, rejects with an example, seconds, place, what to try next."""
    out, err = (folder / "first-run.txt").read_text().split("\f")

    assert out.startswith("2 files read, 1 rejected: 1 article, ")
    for piece in ("language", "empty.txt", "describe", "Tables in warehouse/"):
        assert piece in out
    assert "explain empty.txt" in out
    assert "starting Prefect" in err
    for noise in ("INFO", "WARNING", "ERROR", "Traceback", "leaked", "\x1b"):
        assert noise not in out + err


@pytest.mark.parametrize(
    "read",
    [
        lambda place: duckdb.sql(f"FROM '{place}/*.parquet'").df(),
        pd.read_parquet,
        lambda place: pl.scan_parquet(f"{place}/*.parquet").collect().to_pandas(),
    ],
    ids=["duckdb", "pandas", "polars"],
)
def test_tables_open_anywhere(read, folder):
    """The one-liners of the README are right."""
    rows = read(folder / "warehouse" / "paragraphs")

    assert "body" in set(rows["kind"])
    assert rows["language"].unique().tolist() == ["en"]


def test_tables_hold_the_laws(folder):
    """`verify` proves what `run` has made."""
    done = articles(folder, "verify")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("laws hold.\n")


def test_second_run_writes_nothing_and_is_quick(folder):
    """Nothing new: one line, no server, every file as before."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}

    start = time.perf_counter()
    done = articles(folder, "run")
    seconds = time.perf_counter() - start

    assert done.returncode == 0
    assert done.stdout.startswith("Nothing new: all 2 files")
    assert seconds < 10, "one second on an idle machine"
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def run_in_terminal(folder, act=lambda _output: None):
    """Run the command on a terminal; return its status and all that was shown.

    Args:
        folder: Current folder.
        act: Is called with the output so far, whenever there is more.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "run"],
        cwd=folder,
        env=environment() | {"TERM": "xterm", "COLUMNS": "100"},
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    output = b""
    with contextlib.suppress(OSError):  # how a closed terminal ends on Linux
        while data := os.read(ours, 65536):
            output += data
            act(output.decode(errors="replace"))
    os.close(ours)
    return process.wait(START_SECONDS), output.decode()


def test_terminal_shows_progress_and_no_log(own_folder):
    """On a terminal there is a bar, and nothing of it is left over."""
    (own_folder / "raw" / "second.txt").write_text(STORY.replace("two", "three"))

    status, text = run_in_terminal(own_folder)

    assert status == 0
    assert "starting Prefect" in text
    assert "1 file read: 1 article" in text
    assert "INFO" not in text


def test_terminal_shows_who_is_waited_for(own_folder):
    """A run that waits for another says for which, then does its work."""
    (own_folder / "raw" / "second.txt").write_text(STORY.replace("two", "three"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(Warehouse(own_folder / "warehouse").lock())

        def let_go(output):
            if "waiting for" in output:
                stack.close()

        status, text = run_in_terminal(own_folder, let_go)

    assert status == 0
    assert f"waiting for process {os.getpid()} on " in text
    assert "1 file read: 1 article" in text


def test_interrupt_keeps_the_old_tables(own_folder):
    """Ctrl-C: one line, status 130, nothing half done, and the next run works."""
    manifest = (own_folder / "warehouse" / "_manifest.json").read_bytes()
    for index in range(400):
        (own_folder / "raw" / f"more-{index}.txt").write_text(
            f"{STORY}\n{index}\n" * 20
        )
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "run", "--engine", "inline"],
        cwd=own_folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    for line in process.stderr:
        if "to read" in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=START_SECONDS)

    assert (process.returncode, out) == (130, "")
    assert err == "Interrupted: the tables are as they were before.\n"
    assert manifest == (own_folder / "warehouse" / "_manifest.json").read_bytes()
    assert "of 402 files: 400 new" in articles(own_folder, "status").stdout
