"""Answers as files: whole or not at all, every value as the format has it."""

import datetime as dt
import json
import stat

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.excel import CELL_CHARS, cut_text, write_workbook
from flows.exports import save_answer
from flows.query import ask, split_statements
from flows.reader import open_tables
from tasks.errors import PipelineError
from tests.unit.test_cli import articles
from tests.unit.test_cli import folder as folder  # noqa: PLC0414
from tests.unit.test_cli import tables as tables  # noqa: PLC0414

ODD = """
    SELECT * FROM (VALUES
        (1, '=1+1', DATE '2025-01-29', ['a', 'b'], 9007199254740993, TRUE),
        (2, '@SUM(A1)', DATE '1899-12-31', [], -5, FALSE),
        (3, 'https://example.org', NULL, NULL, NULL, NULL)
    ) AS t(n, text, "on", tags, huge, yes) ORDER BY n
"""


def cells(path, sheet=0):
    """Return the values of a sheet, row by row."""
    book = openpyxl.load_workbook(path)
    return [[cell.value for cell in row] for row in book.worksheets[sheet].rows]


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl", "md", "txt"])
def test_a_file_holds_what_would_be_printed(suffix, tmp_path, capsys):
    """The suffix says the format; a program reads the same from file and pipe."""
    names = {"md": "markdown", "txt": "table"}
    sql = "SELECT source_path, status FROM sources ORDER BY ALL"
    printed = articles(
        capsys, "query", sql, "--format", names.get(suffix, suffix), "--max-rows", "0"
    )[1]

    file = tmp_path / f"answer.{suffix}"
    status, out, err = articles(capsys, "query", sql, "--output", str(file))

    assert (status, err) == (0, "")
    assert out.startswith(f"3 rows written to {file} (")
    assert file.read_text() == printed


@pytest.mark.usefixtures("tables")
def test_parquet_keeps_types(tmp_path, capsys):
    """Dates, lists and whole numbers stay what they are; a sum is a whole number."""
    file = tmp_path / "answer.parquet"
    sql = (
        "SELECT published_on, authors, word_count, sum(word_count) OVER () AS words,"
        " 1 AS words FROM documents"
    )

    assert articles(capsys, "query", sql, "-o", str(file))[0] == 0
    schema = pq.read_schema(file)
    assert schema.names == ["published_on", "authors", "word_count", "words", "words_1"]
    assert [schema.field(i).type for i in (0, 2, 3)] == [
        pa.date32(),
        pa.int32(),
        pa.int64(),
    ]
    assert pq.read_table(file).num_rows == 3
    articles(capsys, "query", sql, "-o", str(file), "--max-rows", "2")
    assert pq.read_table(file).num_rows == 2


@pytest.mark.usefixtures("tables")
def test_too_large_a_number_is_told(tmp_path, capsys):
    """What Parquet cannot hold ends in one line and no file."""
    file = tmp_path / "answer.parquet"
    sql = "SELECT sum(9223372036854775807) FROM documents"

    status, _, err = articles(capsys, "query", sql, "-o", str(file))

    assert (status, "Cast the column" in err, file.exists()) == (1, True, False)


@pytest.mark.usefixtures("tables")
def test_nothing_in_a_workbook_is_a_formula(tmp_path, capsys):
    """Strings are strings, dates are dates; what Excel would round is text."""
    file = tmp_path / "answer.xlsx"

    assert articles(capsys, "query", ODD, "-o", str(file))[0] == 0
    assert cells(file) == [
        ["n", "text", "on", "tags", "huge", "yes"],
        [1, "=1+1", dt.datetime(2025, 1, 29), '["a", "b"]', "9007199254740993", True],  # noqa: DTZ001
        [2, "@SUM(A1)", "1899-12-31", "[]", -5, False],
        [3, "https://example.org", None, None, None, None],
    ]
    sheet = openpyxl.load_workbook(file).active
    assert {cell.data_type for cell in sheet["B"]} <= {"s", "inlineStr"}
    assert sheet["C2"].number_format == "yyyy-mm-dd"
    assert sheet.freeze_panes == "A2"
    assert not sheet["B4"].hyperlink


def test_limits_of_a_sheet_are_told(tmp_path):
    """Long texts are cut, rows too many go on the next sheet; both are said."""
    file = tmp_path / "answer.xlsx"
    rows = [(index, "x" * 40_000 if index == 1 else "short") for index in range(5)]

    count, notes = write_workbook(["n", "text"], rows, file, sheet_rows=3)

    assert count == 5
    assert notes == [
        "Excel's limit of 32,767 characters cut 1 text short.",
        "They take 3 sheets: one holds 3 rows at most.",
    ]
    assert len(cells(file)[2][1]) == CELL_CHARS
    assert [len(cells(file, sheet)) for sheet in range(3)] == [3, 3, 2]
    assert cells(file, 2)[0] == ["n", "text"]


def test_control_characters_survive(tmp_path):
    """What XML cannot hold is escaped as Excel does it; emoji are cut as a whole."""
    file = tmp_path / "answer.xlsx"
    text = "a\x01b\nc _x0041_ 😀"
    write_workbook(["text"], [(text,)], file)

    assert openpyxl.utils.escape.unescape(cells(file)[1][0]) == text
    assert cut_text("😀" * 20_000).rstrip("…").strip("😀") == ""


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("suffix", ["csv", "parquet", "xlsx"])
def test_a_failed_answer_leaves_the_old_file(suffix, tmp_path, capsys):
    """The file is replaced at the end, or not at all; nothing else is left."""
    place = tmp_path / "out"
    place.mkdir()
    file = place / f"answer.{suffix}"
    file.write_text("old")
    sql = "SELECT text::INT FROM paragraphs"

    status, out, err = articles(capsys, "query", sql, "-o", str(file))

    assert (status, out) == (1, "")
    assert "Could not convert" in err
    assert (file.read_text(), list(place.iterdir())) == ("old", [file])


@pytest.mark.usefixtures("tables")
def test_empty_answers_are_files_too(tmp_path, capsys):
    """No rows still give the columns."""
    for suffix in ("csv", "parquet", "xlsx"):
        file = tmp_path / f"answer.{suffix}"
        sql = "SELECT title FROM documents WHERE false"
        assert articles(capsys, "query", sql, "-o", str(file))[:2][0] == 0
    assert (tmp_path / "answer.csv").read_text() == "title\n"
    assert pq.read_table(tmp_path / "answer.parquet").column_names == ["title"]
    assert cells(tmp_path / "answer.xlsx") == [["title"]]


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--format", "xlsx"], 2, "Name a file with --output"),
        (["-o", "answer"], 2, "Use one of .csv, .json"),
        (["-o", "warehouse/answer.csv"], 1, "where only runs write"),
        (["-o", ".warehouse/answer.csv"], 1, "where only runs write"),
        (["-o", "nowhere/answer.csv"], 1, "there is no folder"),
        (["-o", "raw", "--format", "csv"], 1, "is not a file"),
    ],
)
@pytest.mark.usefixtures("tables")
def test_mistakes_are_one_line(options, status, message, capsys):
    """What cannot be written is said with what to do."""
    done, out, err = articles(capsys, "query", "FROM runs", *options)

    assert (done, out, err.count("\n")) == (status, "", 1)
    assert message in err


def test_a_new_file_has_the_usual_permissions(tables, tmp_path):
    """As if it had been written at once; an old file keeps its own."""
    usual, kept = tmp_path / "usual.csv", tmp_path / "kept.csv"
    (tmp_path / "witness").touch()
    kept.touch(mode=0o600)
    with open_tables(tables / "warehouse") as opened:
        for file in (usual, kept):
            save_answer(ask(opened, "FROM runs"), "csv", file, tables / "warehouse")

    witness = stat.S_IMODE((tmp_path / "witness").stat().st_mode)
    assert stat.S_IMODE(usual.stat().st_mode) == witness
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_full_disk_is_told(tables, tmp_path, monkeypatch):
    """What cannot be written leaves nothing behind."""
    file = tmp_path / "answer.csv"

    def full_disk(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with (
        open_tables(tables / "warehouse") as opened,
        pytest.raises(PipelineError, match="No space left"),
    ):
        save_answer(ask(opened, "FROM runs"), "csv", file, tables / "warehouse")
    assert not list(tmp_path.glob("*answer*"))


def test_parameters_are_values(tables):
    """A parameter is never SQL."""
    with open_tables(tables / "warehouse") as opened:
        sql = "SELECT $word AS word, $n + 1 AS n"
        answer = ask(opened, sql, {"word": "'; DROP VIEW runs", "n": 2})
        assert list(answer.rows()) == [("'; DROP VIEW runs", 3)]


@pytest.mark.parametrize(
    ("text", "statements", "rest"),
    [
        ("", [], ""),
        (" ;; ", [], ""),
        ("FROM a; FROM b;", ["FROM a;", "FROM b;"], ""),
        ("SELECT 'ä; '';' ; x", ["SELECT 'ä; '';' ;"], "x"),
        ('SELECT ";" -- ; ü\n; /* ; */', ['SELECT ";" -- ; ü\n;'], "/* ; */"),
        ("SELECT $$a;b$$;", ["SELECT $$a;b$$;"], ""),
        ("SELECT 'open;", [], "SELECT 'open;"),
        ("-- only a remark;", [], ""),
    ],
)
def test_statements_end_at_their_semicolons(text, statements, rest):
    """Not at those in texts, names and remarks."""
    assert split_statements(text) == (statements, rest)


@pytest.mark.usefixtures("tables")
def test_json_has_what_the_tables_have(tmp_path, capsys):
    """A round trip through a file."""
    file = tmp_path / "answer.ndjson"
    articles(capsys, "query", "SELECT title FROM documents", "-o", str(file))

    assert len([json.loads(line) for line in file.read_text().splitlines()]) == 3
