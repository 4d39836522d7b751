"""Real articles, line by line: what must become of each is written down beside them."""

import json
from pathlib import Path

import pytest

from flows.line import make_tables, start_run
from flows.settings import Settings
from tasks.discover import discover_files
from tasks.pieces import rows_of

SHARED = Path(__file__).resolve().parents[3] / "shared" / "seeds"
GOLD = json.loads((SHARED / "gold.json").read_text()) if SHARED.exists() else {}

pytestmark = pytest.mark.skipif(not GOLD, reason="needs ../shared/seeds beside it")


@pytest.fixture(scope="module")
def tables():
    files = discover_files(SHARED, ("gold.json",))
    return make_tables(files, start_run(Settings(raw_dir=SHARED)))[0]


def rows(tables, name, source_path):
    documents = tables["documents"]
    (document_id,) = documents.loc[
        documents["source_path"] == source_path, "document_id"
    ]
    table = tables[name]
    own = table[table["document_id"] == document_id]
    return [row._asdict() for row in rows_of(own)]


def lines_of(raw, start, end):
    """First and last line of a span, from 1, as the gold counts them."""
    return [raw.count("\n", 0, start) + 1, raw.count("\n", 0, end - 1) + 1]


@pytest.mark.parametrize("name", GOLD)
def test_metadata(tables, name):
    """Language, title, authors, date, address, publisher and translation are right."""
    gold = GOLD[name]
    (document,) = rows(tables, "documents", name)

    published = document["published_on"]
    found = {
        "language": document["language"],
        "title": document["title"],
        "authors": list(document["authors"]),
        "published": published.isoformat() if published is not None else None,
        "published_precision": document["published_precision"],
        "url": document["url"],
        "publisher": document["publisher"],
        "translated": document["is_translated"],
        "translator": document["translator"],
    }

    assert found == {key: gold[key] for key in found}


@pytest.mark.parametrize("name", GOLD)
def test_paragraphs(tables, name):
    """Every paragraph stands at its lines, with its kind and its language."""
    raw = (SHARED / name).read_text(encoding="utf-8")

    found = [
        {
            "lines": lines_of(raw, row["start_chars"], row["end_chars"]),
            "kind": row["kind"],
            "language": row["language"],
        }
        for row in rows(tables, "paragraphs", name)
    ]

    language = GOLD[name]["language"]
    assert found == [
        {"language": language, **paragraph} for paragraph in GOLD[name]["paragraphs"]
    ]


@pytest.mark.parametrize("name", GOLD)
def test_removals(tables, name):
    """Every removed line has its reason; layout marks aside, nothing else goes."""
    raw = (SHARED / name).read_text(encoding="utf-8")

    found = {
        str(lines_of(raw, row["start_chars"], row["end_chars"])[0]): row["reason"]
        for row in rows(tables, "removals", name)
        if row["reason"] not in {"lifted", "layout"}
    }

    removed = GOLD[name]["removed"]
    assert found == {line: why.replace(" ", "_") for line, why in removed.items()}


@pytest.mark.parametrize("name", GOLD)
def test_lifted_lines(tables, name):
    """Lines that became metadata are lifted into the right field."""
    raw = (SHARED / name).read_text(encoding="utf-8")
    columns = {"published": "published_on"}

    found = {}
    for row in rows(tables, "removals", name):
        if row["reason"] == "lifted":
            line = lines_of(raw, row["start_chars"], row["end_chars"])[0]
            found.setdefault(row["field"], []).append(line)

    expected = {
        columns.get(field, field): [
            line if isinstance(line, int) else 1 for line in lines
        ]
        for field, lines in GOLD[name]["lifted"].items()
    }
    assert found == expected
