"""Manners of the command ``articles``: quick, one line per error, exit status."""

import contextlib
import errno
import json
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from flows import __main__ as command
from flows.conduct import ingest_plainly
from flows.settings import read_settings
from tasks.tables import disk
from tasks.tables.warehouse import Warehouse
from tasks.version import PIPELINE_VERSION

ROOT = str(Path(command.__file__).parents[1])
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
        env={"PYTHONPATH": ROOT},
        capture_output=True,
        check=False,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Nothing new: all 3 files in raw/ known already, nothing written.\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "run",
        "status",
        "query",
        "shell",
        "search",
        "examples",
        "explain",
        "verify",
        "snapshots",
        "rollback",
    ],
)
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
        ["query", "FROM runs", "--max-rows", "-3"],
        ["query", "FROM runs", "--max-rows", "many"],
        ["query", "FROM runs", "--snapshot", "-1"],
        ["rollback"],
        ["rollback", "first"],
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
    [
        ["status"],
        ["query", "SELECT 1"],
        ["query", "SELECT 1", "--output", "answer.csv"],
        ["shell"],
        ["search", "ferry"],
        ["examples", "authors"],
        ["examples", "changes"],
        ["explain", "story.txt"],
        ["verify"],
        ["snapshots"],
    ],
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
    """An empty raw folder is no error: questions have an answer, without rows."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw").mkdir()

    status, out, err = articles(capsys, "run")

    assert (status, err) == (0, "")
    assert out == "Nothing to read: raw/ holds no files. Put raw articles there.\n"
    status, out, err = articles(capsys, "query", "FROM rejects", "--format", "json")
    assert (status, out, err) == (0, "[]\n", "")
    assert articles(capsys, "query", "SELECT count(*) FROM documents")[0] == 0
    assert len(pd.read_parquet(tmp_path / "warehouse" / "paragraphs")) == 0

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert articles(capsys, "run")[0] == 0
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}


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
        ("FROM document", 'Did you mean "documents"?'),
        ("FROM status", "The tables are documents, paragraphs"),
        ("SELECT nope FROM runs", "`DESCRIBE documents` lists the columns"),
        ("SELECT titel FROM documents", 'Candidate bindings: "title"'),
        ("SELECT 1; SELECT 2", "expected one statement, found 2"),
        ("", "expected one statement, found none"),
        ("FROM query_table(['a', 'b'])", "The tables are documents, paragraphs"),
    ],
)
def test_bad_sql_is_one_line(sql, message, tables, capsys):
    """No traceback, no drawing, nothing written."""
    status, out, err = articles(capsys, "query", sql)

    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert message in err
    assert not (tables / "x.csv").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "COPY runs TO 'x.csv'",
        "EXPLAIN COPY runs TO 'x.csv'",
        "EXPLAIN ANALYZE COPY runs TO 'x.csv'",
        "explain /* ( */ analyze copy runs TO 'x.csv'",
        "EXPLAIN (ANALYZE, FORMAT json) COPY runs TO 'x.csv'",
        "WITH x AS (COPY runs TO 'x.csv') FROM x",
        "WITH x AS MATERIALIZED (/* ä */ copy runs TO 'x.csv') FROM x",
        "EXPLAIN ANALYZE WITH x AS (COPY runs TO 'x.csv') FROM x",
        "WITH x AS (COPY runs TO 'x.csv') PIVOT runs ON run_id USING count(*)",
        "FROM query('WITH x AS (COPY runs TO ''x.csv'') FROM x')",
        "FROM json_execute_serialized_sql('WITH x AS (COPY runs TO ''x.csv'') FROM x')",
        "FROM enable_logging(storage = 'file', storage_path = 'x.csv')",
        "FROM enable_profiling(save_location = 'x.csv')",
        "EXPORT DATABASE 'x.csv'",
        "ATTACH 'x.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 1",
        "PRAGMA enable_profiling",
        "CALL enable_logging()",
        "CREATE TABLE x AS FROM runs",
        "INSERT INTO runs FROM runs",
        "DELETE FROM runs",
        "UPDATE runs SET run_id = ''",
        "DROP VIEW runs",
        "CHECKPOINT",
        "PREPARE x AS SELECT 1",
        "BEGIN",
    ],
)
def test_nothing_is_written_by_a_question(sql, tables, capsys):
    """Whatever could write a file, load code or change a setting is refused."""
    before = sorted(tables.rglob("*"))
    status, out, err = articles(capsys, "query", sql)

    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert before == sorted(tables.rglob("*"))


@pytest.mark.usefixtures("tables")
def test_a_name_is_no_statement(capsys):
    """A table or column may be called like what writes."""
    sql = "SELECT max(copy.run_id) FROM runs AS copy WHERE run_id IN (copy.run_id)"

    assert articles(capsys, "query", sql)[0] == 0


@pytest.mark.parametrize(
    "sql",
    [
        "FROM documents",
        "TABLE documents",
        "WITH x AS (SELECT title FROM documents) FROM x",
        "DESCRIBE documents",
        "DESCRIBE SELECT title FROM documents",
        "SUMMARIZE documents",
        "SHOW TABLES",
        "VALUES (1)",
        "EXPLAIN SELECT title FROM documents",
        "EXPLAIN ANALYZE FROM documents",
        "PIVOT documents ON language USING count(*)",
        "SELECT 'WITH x AS (COPY a TO b)' AS text -- ; (DELETE\n;",
        "SELECT (SELECT count(*) FROM rejects)",
    ],
)
@pytest.mark.usefixtures("tables")
def test_every_kind_of_question_is_answered(sql, capsys):
    """All that only reads may be asked, in every format."""
    for output in ("table", "json"):
        status, out, err = articles(capsys, "query", sql, "--format", output)
        assert (status, err) == (0, "")
        assert out


@pytest.mark.usefixtures("tables")
def test_not_a_number_is_an_empty_field(capsys):
    """In CSV null and NaN are nothing, in JSON null; the empty string is quoted."""
    sql = "SELECT 'nan'::FLOAT AS a, NULL AS b, '' AS c, 'inf'::DOUBLE AS d"

    assert articles(capsys, "query", sql, "--format", "csv")[1] == 'a,b,c,d\n,,"",\n'
    assert json.loads(articles(capsys, "query", sql, "--format", "jsonl")[1]) == {
        "a": None,
        "b": None,
        "c": "",
        "d": None,
    }


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


def test_explain_tells_of_quotations_in_another_language(folder, capsys):
    """The paragraph has its own language and that of what it quotes."""
    quote = "„Wir haben nichts zu verbergen und hatten nie etwas zu verbergen“"
    text = STORY.replace("whole thing had been", f"man had shouted {quote}, as was")
    (folder / "raw" / "quoting.txt").write_text(text)
    ingest_plainly(read_settings({}))

    out = articles(capsys, "explain", "quoting.txt")[1]

    assert re.search(r"  en \d\.\d\d  holds de \d\.\d\d  ", out)


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


def test_names_are_no_markup(folder, capsys):
    """Names and titles are shown as they are; brackets and colons mean nothing."""
    (folder / "raw" / "[red]b.txt").write_text(STORY)
    line = json.dumps({"title": "[/x] :smile:", "text": STORY})
    (folder / "raw" / "two.jsonl").write_text(f"{line}\n{line}\n")
    ingest_plainly(read_settings({}))

    assert "[red]b.txt  accepted" in articles(capsys, "explain", "[red]b.txt")[1]
    assert "[/x] :smile:" in articles(capsys, "explain", "two.jsonl")[1]
    assert "[/x] :smile:" in articles(capsys, "query", "SELECT title FROM documents")[1]


def test_control_characters_are_shown(folder, capsys):
    """No file name, title or text steers the terminal it is shown on."""
    evil = "\x1b]0;owned\x07\x1b[2J\u202e"
    name = f"{evil}.txt"
    (folder / "raw" / name).write_text(STORY.replace("the pier", f"the {evil}pier"))
    record = {"title": f"T{evil}", "text": STORY}
    (folder / "raw" / "evil.json").write_text(json.dumps(record))
    (folder / "raw" / f"{evil}.docx").write_text("")
    ingest_plainly(read_settings({}))

    shown = [
        articles(capsys, "explain", name),
        articles(capsys, "explain", "evil.json"),
        articles(capsys, "explain", f"{evil}.docx"),
        articles(capsys, "explain", f"{evil}.unknown"),
        articles(capsys, "query", "SELECT source_path, title, text FROM documents"),
        articles(capsys, "query", f"SELECT '{evil}' AS \"{evil}\" FROM nothing"),
        articles(capsys, "query", f"SELECT '{evil}' AS \"{evil}\""),
        articles(capsys, "verify"),
        articles(capsys, "status", "--warehouse", evil),
    ]
    for _, out, err in shown:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out + err)
    assert r"\x1b]0;owned\x07\x1b[2J\u202e.txt  accepted" in shown[0][1]


# Snapshots


@pytest.fixture
def history(tables, capsys):
    """Three snapshots: a file edited, then a file deleted and one added."""
    (tables / "raw" / "story.txt").write_text(STORY.replace("two", "three"))
    ingest_plainly(read_settings({}))
    (tables / "raw" / "empty.txt").unlink()
    (tables / "raw" / "new.txt").write_text(STORY)
    ingest_plainly(read_settings({}))
    capsys.readouterr()
    return tables


@pytest.mark.usefixtures("history")
def test_snapshots_are_listed_newest_first(capsys):
    """Number, time, origin, rows, what each adds, which is live; as data too."""
    status, out, err = articles(capsys, "snapshots")

    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines[2:5]] == ["3", "2", "1"]
    assert [line[-1] == "live" for line in lines[2:5]] == [True, False, False]
    assert "run" in lines[2]
    assert "\n3 snapshots, " in out

    rows = json.loads(articles(capsys, "snapshots", "--format", "json")[1])
    assert [row["documents"] for row in rows] == [4, 3, 3]
    assert [row["restored_from"] for row in rows] == [None] * 3
    assert rows[-1]["added_bytes"] == rows[-1]["size_bytes"] > 0
    assert rows[0]["is_live"]
    text = articles(capsys, "snapshots", "--format", "csv")[1]
    assert text.startswith("snapshot,is_live,published_at,run_id,restored_from,")


def test_added_sizes_sum_up_to_what_the_disk_holds(history, capsys):
    """Each line counts the files that no older one has."""
    rows = json.loads(articles(capsys, "snapshots", "--format", "json")[1])
    files = {
        file.stat().st_ino: file.stat().st_size
        for folder in (history / "warehouse", history / ".warehouse")
        for file in folder.rglob("*.parquet")
    }

    assert sum(row["added_bytes"] for row in rows) == sum(files.values())


@pytest.mark.usefixtures("history")
def test_earlier_snapshots_can_be_asked(capsys):
    """`query` and `explain` show an earlier state of the tables."""
    sql = "SELECT count(*) FROM paragraphs WHERE text LIKE '%two sisters%'"
    counts = [
        articles(capsys, "query", sql, "--format", "csv", "--snapshot", number)[1]
        for number in "123"
    ]
    assert counts == [f"count_star()\n{count}\n" for count in (3, 2, 3)]
    assert "two sisters" in articles(capsys, "explain", "story.txt", "--snapshot=1")[1]
    assert "three sisters" in articles(capsys, "explain", "story.txt")[1]


@pytest.mark.parametrize(
    "arguments",
    [["query", "FROM runs", "--snapshot=9"], ["rollback", "9"], ["rollback", "0"]],
)
@pytest.mark.usefixtures("history")
def test_unknown_snapshot_is_one_line(arguments, capsys):
    """Those there are are named."""
    status, out, err = articles(capsys, *arguments)

    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "There are 3, 2, 1: see `articles snapshots`." in err


def test_rollback_before_the_first_run(folder, capsys):
    """Nothing is locked, nothing is made."""
    status, out, err = articles(capsys, "rollback", "1")

    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "has no snapshot 1. Nothing is published yet" in err
    assert not list(folder.glob("*arehouse"))


@pytest.mark.usefixtures("history")
def test_rollback_says_what_comes_next(capsys):
    """What is live now, what the next run will do, how to undo it."""
    status, out, err = articles(capsys, "rollback", "1")

    assert (status, err) == (0, "")
    assert "is live again, as snapshot 4: 3 articles, " in out
    assert "up to date with raw/: 1 new, 1 changed, 1 deleted." in out
    assert "To undo: articles rollback 3" in out
    assert "back to 1" in articles(capsys, "snapshots")[1]
    assert "snapshot 4 (snapshot 1 again)" in articles(capsys, "status")[1]

    out = articles(capsys, "rollback", "4")[1]
    assert out == "Snapshot 4 is live already: nothing written.\n"
    out = articles(capsys, "rollback", "3")[1]
    assert "raw/ is as it was then: the next run changes nothing." in out


def test_rollback_needs_no_raw_folder(history, capsys):
    """The tables can be rolled back where the raw files are not."""
    shutil.rmtree(history / "raw")

    status, out, err = articles(capsys, "rollback", "1")

    assert (status, err) == (0, "")
    assert "The next run will fail: " in out


@pytest.mark.usefixtures("history")
def test_rollback_waits_for_nobody_if_told(capsys):
    """While a run writes, `--no-wait` refuses and nothing is changed."""
    with Warehouse("warehouse").lock():
        status, _, err = articles(capsys, "rollback", "1", "--no-wait")

    assert (status, "is writing to it" in err) == (1, True)
    assert Warehouse("warehouse").manifest().snapshot == 3


# Streams


def started(folder, arguments, **streams):
    """Run a command in a process of its own, with the streams given."""
    return subprocess.run(
        [sys.executable, "-m", "flows", *arguments],
        cwd=folder,
        env={"PYTHONPATH": ROOT},
        check=False,
        text=True,
        **streams,
    )


EVERY_COMMAND = [
    ["--help"],
    ["run"],
    ["status"],
    ["query", "FROM paragraphs"],
    ["query", "FROM range(99999)", "--format", "csv"],
    ["explain", "story.txt"],
    ["verify"],
    ["snapshots"],
    ["snapshots", "--format", "jsonl"],
    ["rollback", "1"],
]


@pytest.mark.parametrize("arguments", EVERY_COMMAND, ids=" ".join)
def test_reader_that_has_had_enough(arguments, tables):
    """A closed pipe is no error and leaves no traceback."""
    ours, theirs = os.pipe()
    os.close(ours)  # as if `head` had gone
    try:
        done = started(tables, arguments, stdout=theirs, stderr=subprocess.PIPE)
    finally:
        os.close(theirs)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", EVERY_COMMAND, ids=" ".join)
def test_full_disk_is_one_line(arguments, tables):
    """What could not be printed is an error, in one line."""
    with Path("/dev/full").open("w") as full:
        done = started(tables, arguments, stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 1
    assert done.stderr == (
        "articles: standard output: cannot be written (No space left on device)."
        " Free space there, or write to another place.\n"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams(closed, tables):
    """A command works without streams, and its files never take their numbers."""
    done = subprocess.run(
        ["sh", "-c", f"'{sys.executable}' -m flows rollback 1 {closed}"],
        cwd=tables,
        env={"PYTHONPATH": ROOT},
        capture_output=True,
        check=False,
        text=True,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert (done.stdout == "") == (closed[:1] == ">")


def test_error_that_cannot_be_told(tables):
    """An error that cannot be told is still an exit status."""
    with Path("/dev/full").open("w") as full:
        done = started(tables, ["explain", "x"], stdout=subprocess.PIPE, stderr=full)

    assert (done.returncode, done.stdout) == (1, "")


def test_old_terminals_get_escapes(tables):
    """A stream that is not UTF-8 gets what it can show, and no traceback."""
    (tables / "raw" / "story.txt").write_text("Müde 日本\n\n" + STORY)
    ingest_plainly(read_settings({}))
    done = subprocess.run(
        [sys.executable, "-m", "flows", "explain", "story.txt"],
        cwd=tables,
        env={
            "PYTHONPATH": ROOT,
            "PYTHONIOENCODING": "latin-1",
        },
        capture_output=True,
        check=True,
        encoding="latin-1",
    )

    assert done.stderr == ""
    assert r"Müde \u65e5\u672c" in done.stdout


@pytest.mark.parametrize("columns", [80, 140])
def test_terminals(columns, history):
    """On a terminal nothing is wider than it, and nobody but us has a say."""
    fcntl, pty, termios = map(pytest.importorskip, ("fcntl", "pty", "termios"))
    for arguments in (
        ["verify"],
        ["status"],
        ["snapshots"],
        ["rollback", "1"],
        ["explain", "story.txt"],
        ["query", "SUMMARIZE documents"],
    ):
        ours, theirs = pty.openpty()
        size = struct.pack("HHHH", 40, columns, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", *arguments],
            cwd=history,
            env={"PYTHONPATH": ROOT, "TERM": "xterm", "HOME": str(history)},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        pieces = []
        with contextlib.suppress(OSError):  # how Linux says that it has ended
            while piece := os.read(ours, 65536):
                pieces.append(piece)
        os.close(ours)
        assert process.wait() == 0
        text = re.sub(r"\x1b\[[0-9;]*m", "", b"".join(pieces).decode())
        assert max(len(line) for line in text.splitlines()) <= columns
        for noise in ("\x1b", "Prefect", "Traceback"):
            assert noise not in text
