"""Laws of the pages that a person asks for: `report` and `explain --html`."""

import json
import webbrowser

import pytest
from lxml import html

from flows import __main__ as command
from flows.conduct import ingest_plainly
from flows.pages import article
from flows.pages.reporter import write_report
from flows.pages.spans import Piece, find_anchor, list_pieces, make_rows
from flows.reader import open_tables
from flows.settings import read_settings
from tasks.tables.manifest import REPORT_NAME
from tests.unit.test_report import BODY, HOSTILE

STORY = f"A Night at the Harbour\nBy Edda Carrow\n\n{BODY}\nShare this article\n"
QUOTE = (
    "We have been waiting for this harbour to open again for more than thirty years,"
    " and nobody in this town believed that it would ever happen"
)
QUOTING = f"""\
Der Hafen ist wieder offen

Der Hafen von Sandau ist seit dem Frühjahr wieder für die Schifffahrt geöffnet, und die
ersten Kähne kamen am Montag, beladen mit Kies und Getreide. Viele Anwohner standen am
Ufer und winkten. „{QUOTE}“, sagte ein Besucher aus England, der seit Jahren am Fluss
wohnt und die Arbeiten von Anfang an verfolgt hat.

Der Bürgermeister sprach von einem guten Tag für die Stadt, auch wenn die Kosten am Ende
doppelt so hoch waren wie geplant.
"""
PAGE = f"""\
<html lang="en"><head><title>Ferry</title></head><body><nav><a href="/">Home</a></nav>
<article><h1>Ferry</h1><p>{BODY.strip()}</p><p>{BODY.upper().strip()}</p></article>
</body></html>"""


CONSENT = """\
<html lang="en"><head><title>Before you continue</title></head><body>
<div class="cookie-consent" role="dialog"><p>We use cookies. Please accept them.</p>
<button>Accept all</button></div></body></html>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with raw files and their tables."""
    folder = tmp_path_factory.mktemp("browse")
    raw_dir = folder / "raw"
    raw_dir.mkdir()
    (raw_dir / "story.txt").write_bytes(STORY.replace("\n", "\r\n").encode())
    (raw_dir / "changed.txt").write_text(STORY)
    (raw_dir / "page.html").write_text(PAGE)
    (raw_dir / "quote.txt").write_text(QUOTING)
    (raw_dir / "empty.txt").write_text("")
    (raw_dir / "consent.html").write_text(CONSENT)
    (raw_dir / "photo.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(300))
    (raw_dir / "hostile.json").write_text(
        json.dumps(
            {"title": HOSTILE, "text": f"{HOSTILE}\n\n{BODY}", "author": HOSTILE}
        )
    )
    (raw_dir / "many.jsonl").write_text(
        "\n".join(json.dumps({"title": f"Number {n}", "text": BODY}) for n in range(3))
        + "\nbroken\n"
    )
    settings = read_settings({}, raw_dir=raw_dir, warehouse_dir=folder / "warehouse")
    ingest_plainly(settings, reporter=write_report)
    (raw_dir / "changed.txt").write_text("Other words.")
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    """The same, as the current folder."""
    monkeypatch.chdir(folder)
    return folder


def articles(capsys, *arguments):
    status = command.main(arguments)
    return status, *capsys.readouterr()


def explain(capsys, tmp_path, *arguments):
    """Return the page of a file, parsed."""
    output = tmp_path / "page.html"
    status, _, problem = articles(
        capsys, "explain", *arguments, "--html", "--output", str(output)
    )
    assert (status, problem) == (0, "")
    return html.fromstring(output.read_bytes())


def raw_text(page):
    """Return the text of the raw column, as a person sees it."""
    return "".join("".join(cell.itertext()) for cell in page.xpath("//*[@dir='auto']"))


@pytest.mark.usefixtures("here")
def test_the_report_that_is_published_is_the_report(capsys):
    """Without options nothing is written: the page lies with the tables."""
    status, answer, _ = articles(capsys, "report")

    assert (status, answer) == (0, f"warehouse/{REPORT_NAME}\n")


@pytest.mark.usefixtures("here")
def test_a_report_is_written_where_it_is_wanted(capsys, tmp_path):
    """A file that is named is written anew, of any snapshot."""
    output = tmp_path / "report.html"

    assert articles(capsys, "report", "--snapshot", "1", "--output", str(output)) == (
        0,
        f"{output}\n",
        "",
    )
    assert "articles in 2 languages" in output.read_text()


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--output", "warehouse/mine.html"], "lies in the folder of the tables"),
        (["--output", "nowhere/mine.html"], "cannot be written"),
        (["--snapshot", "9"], "has no snapshot 9"),
        (["--warehouse", "elsewhere"], "holds no tables yet"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(capsys, arguments, problem):
    """Wrong names are refused with what to do instead."""
    status, answer, line = articles(capsys, "report", *arguments)

    assert (status, answer) == (1, "")
    assert problem in line and line.count("\n") == 1


@pytest.mark.usefixtures("here")
def test_open_opens_the_browser(capsys, monkeypatch):
    """`--open` hands the page over; without a browser the path is enough."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)

    status, answer, line = articles(capsys, "explain", "story.txt", "--open")

    assert status == 0
    assert opened[0].startswith("file://") and opened[0].endswith("story.txt.html")
    assert answer.strip() in opened[0]
    assert "open the file yourself" in line


def test_the_raw_text_is_shown_whole(here, capsys, tmp_path):
    """Every character of the file is on the page, in order, with its fate."""
    page = explain(capsys, tmp_path, "story.txt")

    expected = (here / "raw/story.txt").read_text()
    assert raw_text(page) == expected
    lifted = page.xpath("//*[@dir='auto']//span[contains(@class, 'lifted')]/text()")
    assert "".join(lifted) == "A Night at the HarbourBy Edda Carrow"
    assert page.xpath("//*[@dir='auto']//span[contains(@class, 'evidence')]")
    kept = "".join(page.xpath("//span[contains(@class, 'kept')]//text()"))
    assert "the two sisters waited" in kept


def test_the_source_of_a_page_is_shown_whole(here, capsys, tmp_path):
    """Of HTML too every character is there: markup, what was kept, what was not."""
    page = explain(capsys, tmp_path, "raw/page.html")

    assert raw_text(page) == (here / "raw/page.html").read_text()
    assert "<nav>" in "".join(page.xpath("//span[@class='markup']/text()"))


@pytest.mark.usefixtures("here")
def test_a_changed_file_is_told_from_the_tables(capsys, tmp_path):
    """Positions of the old text are never laid over the new one."""
    page = explain(capsys, tmp_path, "changed.txt")

    assert "changed since" in page.text_content()
    assert "Other words" not in page.text_content()
    assert "the two sisters waited" in raw_text(page)


@pytest.mark.usefixtures("here")
def test_nothing_of_a_file_is_markup(capsys, tmp_path):
    """Title, author and text of a stranger are shown and not obeyed."""
    page = explain(capsys, tmp_path, "hostile.json")

    assert not page.xpath("//script | //img | //@*[starts-with(name(), 'on')]")
    assert "alert(1)" in page.xpath("string(//article)")
    assert "\u202e" not in page.text_content()


@pytest.mark.usefixtures("here")
def test_a_file_with_several_articles_shows_each(capsys, tmp_path, monkeypatch):
    """All of a few, one if it is asked for, a list of many."""
    page = explain(capsys, tmp_path, "many.jsonl")
    assert len(page.xpath("//article")) == 3
    assert "not valid JSON" in page.text_content()
    assert len(set(page.xpath("//@id"))) == len(page.xpath("//@id"))

    page = explain(capsys, tmp_path, "many.jsonl", "--member", "2")
    assert page.xpath("string(//h2)").startswith("Number 1")

    monkeypatch.setattr(article, "SHOWN_ARTICLES", 2)
    page = explain(capsys, tmp_path, "many.jsonl")
    assert not page.xpath("//article")
    assert page.xpath("count(//tbody/tr)") == 3

    status, _, line = articles(
        capsys, "explain", "many.jsonl", "--html", "--member", "9"
    )
    assert status == 1 and "no member '9'" in line


@pytest.mark.usefixtures("here")
def test_a_rejected_file_says_why(capsys, tmp_path):
    """The reason in words, and as the tables have it."""
    page = explain(capsys, tmp_path, "empty.txt")

    assert "It has no bytes" in page.text_content()
    assert "reason empty" in page.text_content()


@pytest.mark.usefixtures("here")
def test_a_rejected_text_shows_what_was_taken_for_what(capsys, tmp_path):
    """Every character is there, with the rule that took it."""
    page = explain(capsys, tmp_path, "consent.html")
    rows = page.xpath("//ol[@class='text']//*[contains(@class, 'raw')]")

    assert "".join(row.text_content() for row in rows) == CONSENT
    assert "cookie_notice" in page.text_content()


@pytest.mark.usefixtures("here")
def test_rejected_bytes_are_shown(capsys, tmp_path):
    """What is no text is seen for what it is: bytes, and the ASCII among them."""
    page = explain(capsys, tmp_path, "photo.txt")

    assert "0000  89 50 4e 47 0d 0a 1a 0a" in page.findtext(".//pre")
    assert "·PNG" in page.findtext(".//pre")
    assert "of 308" in page.text_content()


@pytest.mark.usefixtures("here")
def test_a_repetition_is_told(folder):
    """An article names what it repeats and what repeats it, with their likeness."""
    settings = read_settings({}, raw_dir=folder / "raw")
    with open_tables(folder / "warehouse") as tables:
        connection = tables.duckdb()
        for name in ("duplicates", "repeats"):
            connection.execute(f"DROP VIEW IF EXISTS {name}")
        connection.execute(
            "CREATE TABLE duplicates AS SELECT copy.document_id, d.document_id AS"
            " match_id, d.document_id AS cluster_id, 'near' AS kind, 0.87 AS similarity"
            " FROM documents d, documents copy"
            " WHERE d.source_path = 'story.txt' AND copy.source_path = 'page.html'"
        )
        connection.execute(
            "CREATE TABLE repeats AS SELECT DISTINCT text_hash, 1234 AS document_count"
            " FROM paragraphs WHERE text LIKE '%two sisters%'"
        )
        story, page = (
            html.fromstring(article.article_page(tables, settings, name, None))
            for name in ("story.txt", "page.html")
        )

    assert "page.html (near 0.87)" in story.text_content()
    assert "story.txt (near 0.87)" in page.text_content()
    assert "in 1,234 articles" in story.text_content()


@pytest.mark.usefixtures("here")
def test_a_passage_in_another_language_is_marked(capsys, tmp_path):
    """A quotation is marked where its words stand in the raw text."""
    page = explain(capsys, tmp_path, "quote.txt")

    (marked,) = page.xpath("//*[@dir='auto']//span[contains(@class, 'foreign')]")
    assert marked.text in QUOTE
    assert "English" in marked.get("title")


def test_links_lead_to_the_row_of_a_place():
    """A position belongs to the last row that begins at it or before."""
    pieces = [Piece(n, n + 1, "kept", "body", (), "x", n // 2) for n in (0, 2, 4)]
    rows = make_rows("a\nb\nc", pieces)

    assert [find_anchor(rows, at) for at in (0, 1, 2, 4)] == [0, 0, 2, 4]
    assert find_anchor([], 3) is None


def test_pieces_are_listed_in_their_order():
    """Without the raw text, removed pieces stand between the paragraphs they stood."""
    kept = [
        Piece(None, None, "kept", "body", (), "one", 0),
        Piece(10, 13, "kept", "body", (), "two", 1),
        Piece(None, None, "kept", "body", (), "three", 2),
    ]
    gone = Piece(5, 6, "removed", "layout", ("rule",), "|")

    rows = list_pieces([*kept, gone])

    assert [row.fragments[0].text for row in rows] == ["one", "|", "two", "three"]


def test_much_markup_and_text_is_cut(monkeypatch):
    """A browser has to hold the page: what is left out is said."""
    monkeypatch.setattr(article, "SHOWN_MARKUP_CHARS", 10)
    monkeypatch.setattr(article, "SHOWN_CHARS", 60)
    rows = make_rows(
        "<" * 50 + "a" + "\n" * 2 + "b" * 80,
        [
            Piece(50, 51, "kept", "body", (), "a", 0),
            Piece(53, 133, "kept", "body", (), "b", 1),
        ],
    )

    taken = list(article.take_rows(make_rows("<" * 400, []) + rows))

    assert "390 characters more" in taken[0].fragments[-1].text
    assert len(taken) < len(rows) + 1
