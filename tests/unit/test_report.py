"""Laws of the report: what it says, what it must not do, and when it is published."""

import errno
import itertools
import json
import re
import time
from types import SimpleNamespace

import duckdb
import pytest
from lxml import html

from flows import drift
from flows.conduct import ingest_plainly
from flows.pages import report, reporter
from flows.pages.questions import Question, ask, load_sections
from flows.pages.report import report_page
from flows.pages.sheet import write_cell
from flows.query import ask as ask_tables
from flows.reader import open_tables
from flows.settings import read_settings
from tasks.errors import WarehouseError
from tasks.schema import TABLES
from tasks.tables import disk
from tasks.tables.manifest import REPORT_NAME
from tasks.tables.warehouse import Warehouse
from tests.warehouse_rows import commit, make_older

BODY = (
    "The harbour was quiet when the last ferry came in, and the two sisters waited on"
    " the pier until the lamps were lit. Nobody spoke for a long time.\n\n"
    "Then the older one laughed, because the whole thing had been her idea.\n"
)
HOSTILE = "</style><script>alert(1)</script><img src=x onerror=alert(1)>\u202etxt"
QUESTIONS = [question for part in load_sections()[1] for question in part.questions]


def publish(raw_dir, **overrides):
    settings = read_settings(
        {}, raw_dir=raw_dir, warehouse_dir=raw_dir.parent / "warehouse", **overrides
    )
    ingest_plainly(settings, reporter=reporter.write_report)
    return settings.warehouse_dir


def make_raw(folder, count=3):
    """Write articles of which one is hostile from its file name to its publisher."""
    raw_dir = folder / "raw"
    raw_dir.mkdir()
    for number in range(count):
        article = {
            "title": f"Ferry number {number}",
            "text": BODY + f"Ferry {number} was late.",
            "publisher": "The Tidewick Gazette",
            "date": f"2024-0{number % 9 + 1}-12",
        }
        (raw_dir / f"{number}.json").write_text(json.dumps(article))
    article = {
        "title": HOSTILE,
        "text": BODY,
        "publisher": HOSTILE,
        "author": HOSTILE,
        "date": "2024-06-12",
    }
    (raw_dir / "<img src=x onerror=alert(2)>.json").write_text(json.dumps(article))
    (raw_dir / "<script>alert(3)<").write_text("no format\u202e")
    (raw_dir / "empty.txt").write_text("")
    return raw_dir


@pytest.fixture(scope="module")
def warehouse_dir(tmp_path_factory):
    """A small warehouse with its report."""
    return publish(make_raw(tmp_path_factory.mktemp("report")))


@pytest.fixture(scope="module")
def page(warehouse_dir):
    """The report, parsed."""
    return html.fromstring((warehouse_dir / REPORT_NAME).read_bytes())


def test_every_statement_is_one_of_a_user(warehouse_dir, page):
    """What stands under SQL works in `articles query` as it stands, and has a title."""
    shown = [
        code.text_content() for code in page.xpath("//details[@class='sql']//code")
    ]

    asked = [part.sql for part in QUESTIONS if not part.needs or part.needs in TABLES]
    assert shown == [*asked, load_sections()[0].sql]
    with open_tables(warehouse_dir) as tables:
        for sql in shown:
            list(ask_tables(tables, sql).rows())  # or it raises
    assert not page.xpath("//*[contains(text(), 'Left out')]")


def test_numbers_are_those_of_the_tables(warehouse_dir, page):
    """The page shows what a query finds."""
    with open_tables(warehouse_dir) as tables:
        paragraphs = len(tables.arrow("paragraphs"))
    tiles = {
        tile.findtext("dt"): tile.find("dd").text.strip()
        for tile in page.xpath("//dl[@class='tiles']/div")
    }

    assert page.findtext(".//h1") == "4 articles in 1 language"
    assert tiles["articles"] == "4"
    assert tiles["paragraphs"] == str(paragraphs)
    assert tiles["files rejected"] == "2"


def test_nothing_of_an_article_is_markup(warehouse_dir, page):
    """Whatever a title or a file name holds is shown as text, and steers nothing."""
    text = (warehouse_dir / REPORT_NAME).read_text(encoding="utf-8")

    assert not page.xpath(
        "//script | //img | //iframe | //object | //@*[starts-with(name(), 'on')]"
    )
    assert "\u202e" not in text
    assert "alert(1)" in page.text_content()
    assert r"\u202etxt" in page.text_content()
    assert "<script>alert(3)<" in page.get_element_by_id("rejects").text_content()


def test_the_page_needs_nothing_else(warehouse_dir, page):
    """No request can leave: no address in it, and a policy that forbids all."""
    text = (warehouse_dir / REPORT_NAME).read_text(encoding="utf-8")
    addresses = page.xpath("//@href | //@src")

    assert all(address.startswith(("#", "data:,")) for address in addresses)
    assert "url(" not in text and "@import" not in text
    (policy,) = page.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert "default-src 'none'" in policy and "script" not in policy


def test_the_page_can_be_read_without_seeing_it(page):
    """Headings in order, labels, captions, and words and numbers for every chart."""
    levels = [int(tag.tag[1]) for tag in page.xpath("//h1 | //h2 | //h3 | //h4")]
    charts = page.xpath("//figure")

    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.xpath("//main") and page.xpath("//nav[@aria-label]")
    assert all(table.find("caption").text for table in page.xpath("//table"))
    assert all(cell.get("scope") for cell in page.xpath("//th"))
    assert charts
    for chart in charts:
        assert all(
            picture.get("aria-label") for picture in chart.xpath("./div[@role='img']")
        )
        assert chart.getnext().xpath(".//table")
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))


def test_the_report_belongs_to_its_snapshot(warehouse_dir):
    """It is in the manifest; whoever changes it is found out; a pin has it."""
    warehouse = Warehouse(warehouse_dir)
    path = warehouse_dir / REPORT_NAME
    data = path.read_bytes()

    assert warehouse.manifest().report.size_bytes == len(data)
    assert list(warehouse.verify_files()) == []
    with warehouse.pin() as pinned:
        assert (pinned / REPORT_NAME).read_bytes() == data
        assert list(warehouse.verify_files(pinned)) == []
    try:
        path.unlink()
        path.write_bytes(data + b" ")
        assert [problem.law for problem in warehouse.verify_files()] == ["SHA-256"]
        path.unlink()
        assert [problem.law for problem in warehouse.verify_files()] == ["file exists"]
        with warehouse.pin():
            pass  # a question does not need it
    finally:
        path.write_bytes(data)


def test_every_publish_has_its_own(fast_folder):
    """After a rollback the report tells of the rollback, not of the time before it."""
    warehouse = Warehouse(
        fast_folder / "warehouse", reporter=lambda _folder, m: f"report {m.snapshot}"
    )
    path = warehouse.live / REPORT_NAME
    with warehouse.lock():
        commit(warehouse, 1, {"a.txt": 1})
        commit(warehouse, 2, {"a.txt": 2})
        assert path.read_text() == "report 2"
        warehouse.rollback(1)

    assert path.read_text() == "report 3"
    assert list(warehouse.verify_files()) == []
    assert (warehouse.room / "snapshots/00000001" / REPORT_NAME).exists()


def test_without_a_reporter_there_is_none(fast_folder):
    """A warehouse whose next run writes no report shows no old one."""
    with Warehouse(fast_folder / "w", reporter=lambda *_: "page").lock() as _:
        pass
    first = Warehouse(fast_folder / "w", reporter=lambda *_: "page")
    with first.lock():
        commit(first, 1, {"a.txt": 1})
    second = Warehouse(fast_folder / "w")
    with second.lock():
        commit(second, 2, {"a.txt": 2})

    assert second.manifest().report is None
    assert not (second.live / REPORT_NAME).exists()
    assert list(second.verify_files()) == []


def test_the_setting_forbids_it(tmp_path):
    """`write_report = no` publishes the tables alone."""
    assert not (publish(make_raw(tmp_path), write_report=False) / REPORT_NAME).exists()


@pytest.mark.parametrize("error", [RuntimeError("broken"), BaseException("panic")])
def test_no_run_fails_for_its_report(tmp_path, monkeypatch, caplog, error):
    """Whatever goes wrong with the page, the tables are published, and it is said."""

    def fail(*_args):
        raise error

    monkeypatch.setattr(report, "render_report", fail)
    warehouse_dir = publish(make_raw(tmp_path, 1))

    assert Warehouse(warehouse_dir).manifest().report is None
    assert "published without a report" in caplog.text


def test_an_interrupted_run_stays_interrupted(monkeypatch):
    """Ctrl-C while the report is written ends the run before it publishes."""

    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "report_page", interrupt)

    with pytest.raises(KeyboardInterrupt):
        reporter.write_report(None, None)


def test_an_empty_warehouse_has_a_report(tmp_path):
    """Nothing at all is a state that a person may want to see."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    page = html.fromstring((publish(raw_dir) / REPORT_NAME).read_bytes())

    assert page.findtext(".//h1") == "No articles yet"
    assert not page.xpath("//figure")
    assert not page.xpath("//*[contains(text(), 'Left out')]")


def test_rejects_alone_are_reported(tmp_path):
    """Every reason is there with its meaning and examples."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    (raw_dir / "empty.txt").write_text("")
    (raw_dir / "scan.pdf").write_text("%PDF")
    page = html.fromstring((publish(raw_dir) / REPORT_NAME).read_bytes())
    rejects = page.get_element_by_id("rejects").text_content()

    assert page.findtext(".//h1") == "No articles yet"
    assert "it has no bytes" in rejects and "scan.pdf" in rejects


def test_the_slowest_files_are_named(tmp_path):
    """Of those that are still as the run has seen them, the slowest first."""
    raw_dir = make_raw(tmp_path)
    (raw_dir / "long.html").write_text(f"<article><p>{BODY * 300}</p></article>")
    page = html.fromstring((publish(raw_dir) / REPORT_NAME).read_bytes())
    rows = page.xpath("//*[@id='slowest']//tbody/tr")
    assert "long.html" in rows[0].text_content()

    (raw_dir / "long.html").unlink()
    page = html.fromstring((publish(raw_dir) / REPORT_NAME).read_bytes())

    assert "long.html" not in page.get_element_by_id("slowest").text_content()


def test_a_run_unlike_those_before_stands_out(tmp_path, monkeypatch):
    """Drift is shown once there are runs to compare; one run has none."""
    monkeypatch.setattr(drift, "LEAST_ARTICLES", 1)
    raw_dir = make_raw(tmp_path)
    page = html.fromstring((publish(raw_dir) / REPORT_NAME).read_bytes())
    assert not page.xpath("//*[@id='drift']")

    (raw_dir / "new.txt").write_text("Only a title\n\n" + BODY * 5)
    page = html.fromstring((publish(raw_dir) / REPORT_NAME).read_bytes())

    rows = page.xpath("//*[@id='drift']//tbody/tr")
    assert "files rejected" in rows[0].text_content()
    assert len(rows) == 5


def test_older_tables_are_told_as_far_as_they_go(fast_folder):
    """A question that an older schema cannot answer is left out, with the reason."""
    warehouse = Warehouse(fast_folder / "warehouse")
    with warehouse.lock():
        commit(warehouse, 1, {"a.txt": 1, "b.txt": 2})
    make_older(warehouse.live)
    page = html.fromstring(report_page(warehouse.live, warehouse.manifest()))

    assert page.findtext(".//h1") == "3 articles in 1 language"
    assert "Left out" in page.get_element_by_id("foreign").text_content()


def test_questions_have_an_end():
    """A question that takes too long is given up; one after the deadline not asked."""
    endless = Question(
        "x",
        "Endless",
        "SELECT count(*) FROM range(10000000) a, range(10000000) b",
        "table",
    )
    connection = duckdb.connect()

    assert "took longer" in ask(connection, endless, time.monotonic() + 0.05).problem
    assert "took longer" in ask(connection, endless, time.monotonic()).problem
    one = ask(connection, Question("y", "One", "SELECT 1 AS one", "table"))
    assert (one.rows, one.problem) == (((1,),), None)


def test_a_question_may_need_a_table():
    """What a snapshot has no table for is not asked."""
    asked = []
    connection = SimpleNamespace(execute=asked.append)
    tables = SimpleNamespace(duckdb=lambda: connection, names=("documents",))

    assert report.is_answerable(
        Question("x", "X", "", "table", needs="documents"), tables
    )
    assert not report.is_answerable(
        Question("x", "X", "", "table", needs="other"), tables
    )


def test_questions_are_well_formed():
    """Ids are unique, and what is shown is a way of showing there is."""
    ids = [question.id for question in QUESTIONS]

    assert len(ids) == len(set(ids))
    for question in QUESTIONS:
        assert question.show in {"bars", "table", "chart"}
        assert bool(question.bar) == (question.show == "bars")
        assert bool(question.x and question.y) == (question.show == "chart")


@pytest.mark.parametrize(
    ("column", "value", "lines"),
    [
        ("share", 0.004, ("0.4%",)),
        ("share of files", 1.0, ("100%",)),
        ("articles", 12345, ("12,345",)),
        ("mean score", 0.456, ("0.46",)),
        ("first", None, ("–",)),
        ("is so", True, ("True",)),
        ("examples", ["a", "b\x1b"], ("a", r"b\x1b")),
        ("language", "und", ("not known",)),
        ("title", "x" * 500, ("x" * 239 + "…",)),
    ],
)
def test_values_are_written_for_people(column, value, lines):
    """A value is written the way its column and its type ask for."""
    assert write_cell(column, value).lines == lines


def test_a_chart_has_no_colour_of_its_own(page):
    """Every colour comes from the style of the page, light or dark."""
    svg = "".join(
        html.tostring(chart, encoding="unicode") for chart in page.xpath("//svg")
    )

    assert "var(--accent)" in svg
    assert not re.search("#[0-9a-fA-F]{3}|rgb|id=", svg)


def test_a_full_disk_leaves_the_old_report(fast_folder, monkeypatch):
    """A report that cannot be written stops the commit: old tables, old report."""
    warehouse = Warehouse(
        fast_folder / "warehouse", reporter=lambda _folder, m: f"report {m.snapshot}"
    )
    with warehouse.lock():
        commit(warehouse, 1, {"a.txt": 1})
    write = disk.write_durably

    def full_disk(path, data):
        if path.name == REPORT_NAME:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        write(path, data)

    monkeypatch.setattr(disk, "write_durably", full_disk)
    with warehouse.lock(), pytest.raises(WarehouseError, match="tables are intact"):
        commit(warehouse, 2, {"a.txt": 2})

    assert (warehouse.live / REPORT_NAME).read_text() == "report 1"
    assert warehouse.manifest().snapshot == 1
    assert list(warehouse.verify_files()) == []
