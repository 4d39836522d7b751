"""Manners of the command ``articles``: quick, one line per error, exit status."""

import errno
import json
import os
import subprocess
import sys

import pytest

from flows import __main__ as command
from flows.line import ingest_plainly
from flows.settings import read_settings
from tasks.tables import disk
from tasks.version import PIPELINE_VERSION

STORY = """\
A Night at the Harbour

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time.

Then the older one laughed, because the whole thing had been her idea from the start.
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with some raw files, as the current one."""
    monkeypatch.chdir(tmp_path)
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    (raw_dir / "story.txt").write_text(STORY)
    (raw_dir / "empty.txt").write_text("")
    lines = [{"title": "One", "text": STORY}, {"title": "Two", "text": STORY}]
    text = "\n".join([json.dumps(lines[0]), "broken", json.dumps(lines[1])])
    (raw_dir / "many.jsonl").write_text(text)
    return tmp_path


@pytest.fixture
def tables(folder):
    """The same, already ingested."""
    ingest_plainly(read_settings({}))
    return folder


def articles(capsys, *arguments):
    """Run a command; return exit status, stdout and stderr."""
    try:
        status = command.main(arguments)
    except SystemExit as leaving:
        status = leaving.code
    return status, *capsys.readouterr()


def test_help_is_quick():
    """Nothing slow is imported to print help."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "flows", "--help"],
        capture_output=True,
        check=True,
        text=True,
    )

    assert "articles run" in done.stdout
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert not imported & {"prefect", "pandas", "pyarrow", "duckdb", "rich"}


def test_nothing_new_is_said_without_prefect(tables):
    """A run with nothing to do starts no server and imports none."""
    code = (
        "import sys; from flows.__main__ import main; status = main(['run']);"
        " sys.exit(status or int('prefect' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tables,
        env={"PYTHONPATH": str(command.__file__).rpartition("/flows/")[0]},
        capture_output=True,
        check=False,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Nothing new: all 3 files in raw/ known already, nothing written.\n"
    )


@pytest.mark.parametrize("name", ["run", "status", "query", "explain", "verify"])
def test_every_command_explains_itself(name, capsys):
    """``--help`` works and says what the command does."""
    status, out, _ = articles(capsys, name, "--help")

    assert status == 0
    assert out.startswith(f"usage: articles {name}")


def test_version(capsys):
    """``--version`` names the pipeline's version, as stored with every row."""
    assert articles(capsys, "--version")[:2] == (
        0,
        f"article-pipeline {PIPELINE_VERSION}\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["query"],
        ["run", "--engine", "magic"],
        ["run", "--workers", "many"],
        ["run", "--raw", "nowhere"],
        ["status", "--warehouse", ""],
    ],
)
@pytest.mark.usefixtures("folder")
def test_wrong_usage_is_status_2(arguments, capsys):
    """What cannot be meant is refused, on stderr."""
    status, out, err = articles(capsys, *arguments)

    assert (status, out) == (2, "")
    assert err


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["query", "SELECT 1"], ["explain", "story.txt"], ["verify"]],
)
def test_before_the_first_run_one_line_says_what_to_do(arguments, folder, capsys):
    """No tables is no traceback."""
    status, out, err = articles(capsys, *arguments)

    assert (status, out) == (1, "")
    assert err == (
        "articles: warehouse: holds no tables yet. Run `articles run` first, or name"
        " another folder with --warehouse.\n"
    )
    assert not list(folder.glob("*arehouse"))


def test_nothing_at_all_to_read(tmp_path, monkeypatch, capsys):
    """An empty raw folder is no error; nothing is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()

    status, out, err = articles(capsys, "run")

    assert (status, err) == (0, "")
    assert out == "Nothing to read: raw/ holds no files. Put raw articles there.\n"
    assert [tmp_path / "raw"] == list(tmp_path.iterdir())


def test_status_counts_rows_and_what_is_waiting(tables, capsys):
    """New, changed and deleted files are named before anything is done about them."""
    (tables / "raw" / "new.txt").write_text(STORY)
    (tables / "raw" / "empty.txt").unlink()

    status, out, err = articles(capsys, "status")

    assert (status, err) == (0, "")
    assert "Waiting in raw/, of 3 files: 1 new, 1 deleted." in out
    assert "documents       3" in out


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(
    ("number", "line"),
    [
        (None, "Runs exchange the folder in one step."),
        (errno.EINVAL, "Runs replace the folder by two renames"),
        (errno.EIO, "A run would be refused"),
    ],
)
def test_status_tells_how_runs_publish(number, line, capsys, monkeypatch):
    """What the file system allows is known before the next run needs it."""

    def exchange(_one, _other):
        if number:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(disk, "exchange", exchange)
    status, out, err = articles(capsys, "status")

    assert (status, err) == (0, "")
    assert line in out


@pytest.mark.usefixtures("tables")
def test_query_answers(capsys):
    """Every table and the view of rejects can be asked."""
    sql = "SELECT source_path, member, reason FROM rejects ORDER BY ALL"
    status, out, err = articles(capsys, "query", sql, "--format", "json")

    assert (status, err) == (0, "")
    assert json.loads(out) == [
        {"source_path": "empty.txt", "member": None, "reason": "empty"},
        {"source_path": "many.jsonl", "member": "2", "reason": "broken_json"},
    ]
    for table in ("documents", "paragraphs", "removals", "evidence", "sources", "runs"):
        assert articles(capsys, "query", f"FROM {table}")[0] == 0


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELEC 1", "Parser Error"),
        ("FROM document", "The tables are documents, paragraphs"),
        ("SELECT nope FROM runs", "Try `DESCRIBE documents`"),
        ("COPY runs TO 'x.csv'", "a COPY statement may change something"),
        ("EXPLAIN ANALYZE COPY runs TO 'x.csv'", "may change something"),
        ("SELECT 1; SELECT 2", "expected one SELECT statement, found 2"),
        ("", "expected one SELECT statement, found none"),
    ],
)
def test_bad_sql_is_one_line(sql, message, tables, capsys):
    """No traceback, no drawing, nothing written."""
    status, out, err = articles(capsys, "query", sql)

    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert message in err
    assert not (tables / "x.csv").exists()


@pytest.mark.parametrize("name", ["story.txt", "raw/story.txt", "./raw/story.txt"])
def test_explain_finds_the_file_however_it_is_named(name, tables, capsys):
    """A path from here, or as in ``source_path``; title, place and fate are shown."""
    status, out, err = articles(capsys, "explain", name)

    assert (status, err) == (0, "")
    assert "story.txt  accepted" in out
    assert "laughed, because" in out
    assert out == articles(capsys, "explain", str(tables / "raw/story.txt"))[1]


@pytest.mark.usefixtures("tables")
def test_explain_shows_every_character(capsys):
    """Every word of the raw file is in what is shown."""
    out = articles(capsys, "explain", "story.txt")[1]

    assert set(STORY.split()) <= set(out.split())


@pytest.mark.usefixtures("tables")
def test_explain_says_why_a_file_was_rejected(capsys):
    """Reason in words and as in the tables, with the step."""
    out = articles(capsys, "explain", "empty.txt")[1]

    assert "empty.txt  rejected" in out
    assert "it has no bytes  reason empty, step read" in out


@pytest.mark.usefixtures("tables")
def test_explain_lists_the_articles_of_a_file(capsys):
    """Several articles are listed; one of them is shown in full."""
    out = articles(capsys, "explain", "many.jsonl")[1]
    assert "member 2 rejected: it is not valid JSON" in out
    assert "--member N" in out

    out = articles(capsys, "explain", "many.jsonl", "--member", "3")[1]
    assert "laughed, because" in out

    status, _, err = articles(capsys, "explain", "many.jsonl", "--member", "9")
    assert (status, "has no member '9'" in err) == (1, True)


def test_explain_of_an_unknown_file_helps(tables, capsys):
    """A typing error gets a suggestion; a new file is told to wait for a run."""
    status, _, err = articles(capsys, "explain", "stori.txt")
    assert (status, "Did you mean 'story.txt'?" in err) == (1, True)

    (tables / "raw" / "new.txt").write_text(STORY)
    status, _, err = articles(capsys, "explain", "raw/new.txt")
    assert (status, "Run `articles run`" in err) == (1, True)


@pytest.mark.usefixtures("tables")
def test_verify_proves_sound_tables(capsys):
    """All laws hold after a run; articles are compared with their raw text."""
    status, out, err = articles(capsys, "verify")

    assert (status, err) == (0, "")
    assert "laws hold." in out
    assert "(3 articles read again)" in out
    assert "✗" not in out


def test_verify_does_not_blame_files_that_came_later(tables, capsys):
    """New and changed raw files wait for the next run; they break no law."""
    (tables / "raw" / "new.txt").write_text(STORY)
    (tables / "raw" / "story.txt").write_text("Something else entirely.")

    status, out, _ = articles(capsys, "verify")

    assert status == 0
    assert "1 file new or gone since the last run" in out
    assert "1 file changed or gone since, not compared" in out


def test_reader_that_has_had_enough(tables):
    """A closed pipe is no error and leaves no traceback."""
    done = subprocess.run(
        f"'{sys.executable}' -m flows query --format csv 'FROM range(99999)' | head -1",
        shell=True,
        cwd=tables,
        env={"PYTHONPATH": str(command.__file__).rpartition("/flows/")[0]},
        capture_output=True,
        check=True,
        text=True,
    )

    assert (done.stdout, done.stderr) == ("range\n", "")
