"""What README and docs say can be done: links, tests named, commands, Python."""

import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.__main__ import _parser
from flows.conduct import ingest_plainly
from flows.settings import read_settings
from tasks.tables.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ASKING = [page for page in PAGES if page.name != "extending.md"]
"""Pages that ask the tables; what the other one says is done by test_extending."""
HERE = [page for page in ASKING if page.name != "storage.md"]
"""Pages whose tables lie in a folder; see test_readers_of_the_docs for the other."""
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


def words_of(line):
    """Split a command as a shell does, up to a pipe or the like."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>&;")
    lexer.whitespace_split = True
    return list(itertools.takewhile(lambda word: word[0] not in "|<>&;", lexer))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a warehouse of three snapshots, as the current one."""
    monkeypatch.chdir(tmp_path)
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    (raw_dir / "broken.jsonl").write_text("{}\nbroken\n")
    sample = "carnet-brume/moulin.txt"  # explained in the README
    (raw_dir / sample).parent.mkdir()
    shutil.copy(ROOT / "raw" / sample, raw_dir / sample)
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


@pytest.mark.parametrize("page", ASKING, ids=lambda page: page.name)
def test_every_command_is_understood(page):
    """Whatever follows `articles` in a block of commands is a command of ours."""
    text = "\n".join([*blocks(page, "sh"), *blocks(page, "")])
    if page.name == "README.md":  # where blocks hold answers as well
        text = "\n".join(re.findall(r"(?m)^(?:\$ |\.venv/bin/)articles.*", text))
    found = re.findall(r"(?:^|/| )(articles [a-z].*)", text, re.MULTILINE)
    typed = [words_of(line)[1:] for line in found]

    if not typed:
        pytest.skip("the page shows no command of ours")
    for command in typed:
        _parser().parse_args(command)


@pytest.mark.parametrize("page", HERE, ids=lambda page: page.name)
def test_python_runs(page, folder, capsys):
    """Every example in Python runs as it stands."""
    (folder / "backup").mkdir()
    codes = blocks(page, "python")
    if not codes:
        pytest.skip("the page shows no Python to run")

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


def commands(page):
    """Return what a page says to type, one block after the other."""
    if page.name != "README.md":
        return blocks(page, "sh")
    text = page.read_text(encoding="utf-8")  # its blocks hold answers as well
    return re.findall(r"(?m)^(?:\$ )?(\.venv/bin/articles .*)", text)


def is_run_elsewhere(code):
    """Whether a command starts Prefect, a browser, or goes on until it is stopped."""
    starts = (
        r"articles (run|replay|schedule|watch)\b|--open|prefect |systemctl|sudo |make"
        r"|dask |ray start"
    )
    return bool(re.search(starts, code))


@pytest.mark.slow
@pytest.mark.parametrize("page", ASKING, ids=lambda page: page.name)
def test_commands_run(page, folder):
    """The commands of a page work one after the other, as they stand."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    script = f'#!/bin/sh\nexec "{sys.executable}" -m flows "$@"\n'
    (programs / "articles").write_text(script)
    (programs / "articles").chmod(0o755)
    environment = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    known = ("articles", ".venv/bin/articles")
    for code in commands(page):
        if is_run_elsewhere(code):  # see test_errands, test_cli_e2e and their like
            continue
        if code.split()[0] not in known and shutil.which(code.split()[0]) is None:
            continue
        done = subprocess.run(
            ["sh", "-e", "-c", code],
            cwd=folder,
            env=environment,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert done.returncode == 0, (code, done.stderr)
        assert done.stderr == ""


def test_the_tour_can_be_walked(samples):
    """Every cell of the tour runs on the samples and shows something."""
    done = subprocess.run(
        [sys.executable, "docs/tour.py", str(samples)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stderr == ""
    assert "Harbour market" in done.stdout and "not_main_content" in done.stdout
