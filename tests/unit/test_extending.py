"""What docs/extending.md says to do does what it says, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.schema import SCHEMA_VERSION

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
PLACE = re.compile(
    r"^(Write|In) `([^`]+)`:$|^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
ARTICLE_IN_ESPERANTO = """\
La ponto super la rivero

De Maria Verda

Publikigita la 3 marto 2024

La ponto super la rivero estas denove malfermita por ĉiuj, kiel la urbo sciigis.
La loĝantoj longe atendis tiun tagon, kaj multaj el ili venis jam frue por vidi ĝin.

La urbestro diris, ke la laboroj daŭris pli longe ol oni pensis, sed ke la nova ponto
estas pli larĝa kaj sekura. Nun ankaŭ la infanoj povas biciki al la lernejo.

Lasu komenton
"""
INGEST = (
    "from flows.conduct import ingest_plainly;"
    " from flows.settings import read_settings; ingest_plainly(read_settings({}))"
)


@pytest.fixture
def copy(tmp_path):
    """A copy of what the moves change, with a raw folder of its own."""
    for name in ("flows", "tasks"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(
        ROOT / "tests" / "unit" / "test_lexicon.py", tmp_path / "tests" / "unit"
    )
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "ponto.txt").write_text(ARTICLE_IN_ESPERANTO, encoding="utf-8")
    return tmp_path


def follow(section, folder):
    """Do what one section of the page says."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    # The numbers on the page are an example: the schema goes on without it.
    text = re.sub(r"VERSION = 5|(?<=\+    )5(?=:)", _next_version, text)
    text = text.replace("VERSION = 4", f"VERSION = {SCHEMA_VERSION}")
    assert [int(n) for n in re.findall(r"^\*\*(\d)\.", text, re.MULTILINE)] == [
        1,
        2,
        3,
        4,
        5,
    ]
    verb = file = None
    for found in PLACE.finditer(text):
        if found[1]:
            verb, file = found[1], folder / found[2]
        elif found[3] == "diff":
            assert verb == "In"
            edit(file, found[4])
        elif verb == "Write":
            file.write_text(found[4], encoding="utf-8")


def _next_version(found):
    return found[0].replace("5", str(SCHEMA_VERSION + 1))


def edit(file, change):
    """Make one change of a file; what it replaces stands there exactly once."""
    lines = change.splitlines()
    old = "\n".join(line[1:] for line in lines if line[:1] != "+")
    new = "\n".join(line[1:] for line in lines if line[:1] != "-")
    text = file.read_text(encoding="utf-8")
    assert text.count(f"{old}\n") == 1, f"docs/extending.md: {file.name} has no {old!r}"
    file.write_text(text.replace(f"{old}\n", f"{new}\n"), encoding="utf-8")


def call(folder, *command):
    """Run Python in the copy, with nothing of this project on its path."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        check=False,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def ask(folder, sql):
    """Run the line in the copy and ask its tables."""
    call(folder, "-c", INGEST)
    return call(folder, "-m", "flows", "query", sql, "--format", "csv").splitlines()[1:]


@pytest.mark.slow
def test_a_language_is_added(copy):
    """Five moves, and lines that say something in it are understood."""
    follow("A language", copy)

    rows = ask(
        copy,
        "SELECT text, reason FROM removals UNION ALL SELECT published_on::VARCHAR,"
        " array_to_string(authors, ';') FROM documents",
    )
    assert "Lasu komenton,comment_form" in rows
    assert "2024-03-03,Maria Verda" in rows
    call(copy, "-m", "pytest", "-q", "tests/unit/test_lexicon.py", "-k", "eo")


@pytest.mark.slow
def test_a_step_is_added(copy):
    """Five moves, and the tables have its column; older ones get it by migration."""
    call(copy, "-c", INGEST)
    follow("A step", copy)
    (copy / "raw" / "second.txt").write_text(ARTICLE_IN_ESPERANTO.replace("3", "4"))

    rows = ask(copy, "SELECT reading_minutes FROM documents")

    assert rows == ["1", "1"]
    call(copy, "-m", "pytest", "-q", "tests/unit/test_gauge.py", "tasks/gauge.py")
    call(copy, "-c", "from importlinter.cli import lint_imports_command as c; c()")
    for check in (["check"], ["format", "--check"]):
        call(copy, "-m", "ruff", *check, "tasks/gauge.py", "tests/unit/test_gauge.py")
