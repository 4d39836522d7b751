"""How answers are written."""

import csv
import datetime as dt
import decimal
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.answers import _csv_line, fit_widths, plain, write_rows
from flows.outputs import TEXT_FORMATS

NAMES = ["n", "text", "on", "tags", "n"]
ROWS = [
    (1, 'Grüße, "Welt"\n2', dt.date(2025, 1, 29), ["a", "b"], None),
    (2, "", None, [], decimal.Decimal("1.5")),
]


def answer(output, rows=ROWS, max_rows=0):
    """Write rows in a format."""
    return "".join(write_rows(output, NAMES, rows, max_rows))


def test_json_keeps_types_and_every_column():
    """Null stays null, dates are ISO, equal column names are told apart."""
    first, second = json.loads(answer("json"))

    assert first == {
        "n": 1,
        "text": 'Grüße, "Welt"\n2',
        "on": "2025-01-29",
        "tags": ["a", "b"],
        "n_1": None,
    }
    assert second["n_1"] == 1.5


def test_jsonl_has_one_object_per_line():
    """A new line in a text does not break a record."""
    assert json.loads(answer("json")) == [
        json.loads(line) for line in answer("jsonl").splitlines()
    ]


def test_csv_tells_null_from_empty():
    """Null is nothing, the empty string is quoted; the rest as any CSV reader knows."""
    text = answer("csv")

    assert text.endswith('2,"",,[],1.5\n')
    assert list(csv.reader(io.StringIO(text)))[1][1] == 'Grüße, "Welt"\n2'
    assert _csv_line([None, ""]) == ',""\n'


@given(st.lists(st.text(st.sampled_from('a",;\r\n \t'), max_size=5), min_size=1))
def test_any_csv_reader_reads_it(texts):
    """Quotes, commas and new lines inside a text come back as they were."""
    assert list(csv.reader(io.StringIO(_csv_line(texts), newline=""))) == [texts]


def test_table_shows_null_and_counts_rows():
    """A person sees what is unknown and how much there is."""
    text = answer("table", max_rows=1)

    assert "NULL" in text
    assert 'Grüße, "Welt" ¶ 2' in text
    assert "2 rows, the first 1 shown" in text


@pytest.mark.parametrize("output", TEXT_FORMATS)
def test_no_rows_is_a_valid_answer(output):
    """An empty answer can still be read by whatever reads the format."""
    text = answer(output, rows=[])

    expected = {"json": "[]\n", "jsonl": "", "csv": "n,text,on,tags,n_1\n"}
    assert expected.get(output, text) == text
    assert output != "table" or "0 rows" in text
    assert output != "markdown" or text.count("\n") == 2


def test_plain_values_are_json():
    """Whatever DuckDB returns can be written."""
    value = {
        1: (float("inf"), decimal.Decimal(10**30)),
        "at": dt.datetime(2025, 1, 29, 8),  # noqa: DTZ001  # the tables hold naive UTC
        "raw": b"\xff",
        "took": dt.timedelta(seconds=5),
    }

    assert json.loads(json.dumps(plain(value))) == {
        "1": [None, 10**30],
        "at": "2025-01-29T08:00:00",
        "raw": "ff",
        "took": "0:00:05",
    }


@given(st.lists(st.integers(1, 90), min_size=1, max_size=12), st.integers(20, 200))
def test_columns_fit_the_line(natural, available):
    """The widest are cut first, none to less than says something, or not at all."""
    widths = fit_widths(natural, available)

    room = available - 3 * (len(natural) - 1)
    least = [min(width, 10) for width in natural]
    if widths is None:
        assert len(natural) > 1 and sum(least) > room
        return
    assert sum(widths) <= room
    assert (sum(natural) <= room) == (widths == natural)
    cut = [w for w, n in zip(widths, natural, strict=True) if w < n]
    assert all(width <= min(cut) + 1 for width in widths if cut)
    if len(natural) > 1:
        assert all(w >= low for w, low in zip(widths, least, strict=True))


def test_table_on_a_narrow_terminal(monkeypatch):
    """Dates and numbers stay whole, long texts are cut; many columns go one by one."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    rows = [("x" * 70, dt.date(2025, 1, 29), 1234567, "y" * 70)]

    text = "".join(write_rows("table", ["a", "on", "count", "b"], rows))
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert "2025-01-29" in lines[2] and "1234567" in lines[2]
    assert lines[2].count("…") == 2
    assert max(map(len, lines)) <= 60
    wide = "".join(write_rows("table", list("abcdefgh"), [("z" * 20,) * 8]))
    assert wide.count("z" * 20) == 8


def test_a_plan_is_drawn_as_it_is():
    """EXPLAIN answers with a drawing, which no table may cut."""
    plan = "╭─ Scan ─╮\n╰────────╯\n"
    names = ["explain_key", "explain_value"]

    assert "".join(write_rows("table", names, [("plan", plan)])).strip() == plan.strip()
