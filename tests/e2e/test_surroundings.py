"""A run says what is wrong around it, in one line, or copes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = "The ferry came in late, and the two sisters waited on the pier until dark.\n"


def run(*arguments, cwd=ROOT, **variables):
    return subprocess.run(
        [sys.executable, "-m", "flows", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def raw_dir(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT)
    return folder


def test_a_server_that_does_not_answer(raw_dir, tmp_path):
    """One line with the address and what to do; nothing is written."""
    done = run(
        *("run", "--raw", raw_dir, "--warehouse", tmp_path / "w"),
        PREFECT_API_URL="http://127.0.0.1:9/api",
    )

    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()[-1:]
    assert "http://127.0.0.1:9/api does not answer" in line.replace(": does", " does")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize(("raw", "tables"), [("x", "x/w"), ("x", "x"), ("x/r", "x")])
def test_folders_inside_each_other_are_refused(tmp_path, raw, tables):
    """A run must not read its own tables."""
    (tmp_path / "x" / "r").mkdir(parents=True)
    (tmp_path / "x" / "r" / "a.txt").write_text(TEXT)

    done = run("run", "--raw", tmp_path / raw, "--warehouse", tmp_path / tables)

    assert done.returncode == 2
    assert "side by side" in done.stderr


@pytest.mark.server
def test_a_home_that_cannot_be_written(raw_dir, tmp_path):
    """Prefect then lives in a temporary folder; damage to a table is one line."""
    blocked = tmp_path / "file"
    blocked.write_text("")
    tables = tmp_path / "w"

    done = run(
        *("run", "--raw", raw_dir, "--warehouse", tables),
        PREFECT_HOME=str(blocked / "home"),
    )
    assert done.returncode == 0, done.stderr

    (part,) = (tables / "paragraphs").iterdir()
    part.write_bytes(part.read_bytes()[:100])
    for command in (["status"], ["query", "FROM paragraphs"], ["verify"]):
        done = run(*command, "--warehouse", tables)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
        assert "paragraphs" in done.stderr + done.stdout
