"""What README and docs say can be done: links, tests named, commands, Python."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.__main__ import _parser
from flows.line import ingest_plainly
from flows.settings import read_settings
from tasks.tables.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
STORY = """\
A Night at the Harbour

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time.
"""


def blocks(page, language):
    """Return the code of a page in one language."""
    found = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [code for name, code in found if name == language]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a warehouse of three snapshots, as the current one."""
    monkeypatch.chdir(tmp_path)
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    (raw_dir / "broken.jsonl").write_text("{}\nbroken\n")
    for text in ("two", "three", "four"):
        (raw_dir / "story.txt").write_text(STORY.replace("two", text))
        ingest_plainly(read_settings({}))
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_linked_exists(page):
    """Links lead somewhere."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_named_exists(page):
    """A promise that names its test can be looked up."""
    tests = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.glob("tests/*/*.py"))
    named = re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8"))

    assert [name for name in named if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page):
    """Whatever follows `articles` in a block of commands is a command of ours."""
    text = "\n".join([*blocks(page, "sh"), *blocks(page, "")])
    if page.name == "README.md":  # where blocks hold answers as well
        text = "\n".join(re.findall(r"(?m)^(?:\$ |\.venv/bin/)articles.*", text))
    found = re.findall(r"(?:^|/| )(articles [a-z].*)", text, re.MULTILINE)
    commands = [shlex.split(line)[1:] for line in found]

    assert commands
    for command in commands:
        _parser().parse_args(command)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_runs(page, folder, capsys):
    """Every example in Python runs as it stands."""
    (folder / "backup").mkdir()
    codes = blocks(page, "python")

    assert codes
    for code in codes:
        exec(compile(code, str(page), "exec"), {})
    assert capsys.readouterr().out
    if (folder / "backup" / "tables").exists():  # a copy of a pin is a warehouse
        copy = Warehouse(folder / "backup" / "tables")
        assert list(copy.verify_files()) == []
        settings = read_settings({}, warehouse_dir=copy.live)
        assert ingest_plainly(settings).snapshot is None
        (folder / "raw" / "story.txt").write_text(STORY)
        assert ingest_plainly(settings).snapshot == 4


@pytest.mark.slow
def test_commands_run(folder):
    """The commands about the warehouse work one after the other, as they stand."""
    programs = folder / "bin"
    programs.mkdir()
    script = f'#!/bin/sh\nexec "{sys.executable}" -m flows "$@"\n'
    (programs / "articles").write_text(script)
    (programs / "articles").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    for code in blocks(ROOT / "docs" / "warehouse.md", "sh"):
        if "articles replay" in code:  # needs a server: see test_errands
            continue
        if shutil.which(code.split()[0]) is None and code.split()[0] != "articles":
            continue
        done = subprocess.run(
            ["sh", "-e", "-c", code],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, (code, done.stderr)
        assert done.stderr == ""
