"""The samples in `raw/` become what is written down for them, word for word."""

import json
from pathlib import Path

import pytest

from flows.line import make_tables, start_run
from flows.settings import Settings
from tasks.discover import discover_files
from tasks.pieces import rows_of

ROOT = Path(__file__).resolve().parents[2]
GOLD = json.loads((ROOT / "tests/golden/cases/raw.json").read_text(encoding="utf-8"))
ACCEPTED = [key for key, gold in GOLD.items() if gold["status"] == "accepted"]
OTHERS = [key for key, gold in GOLD.items() if gold["status"] != "accepted"]
IN_TEXT = [key for key in ACCEPTED if "removed" in GOLD[key]]


@pytest.fixture(scope="module")
def tables():
    settings = Settings(raw_dir=ROOT / "raw")
    files = discover_files(settings.raw_dir, settings.ignore)
    return make_tables(files, start_run(settings))[0]


def rows(tables, name, key):
    source_path, _, member = key.partition("#")
    documents = tables["documents"]
    own = documents["source_path"] == source_path
    if member:
        own &= documents["member"] == member
    (document_id,) = documents.loc[own, "document_id"]
    table = tables[name]
    own = table[table["document_id"] == document_id]
    return [row._asdict() for row in rows_of(own)]


def test_every_sample_has_its_gold(tables):
    """No file of `raw/` is without a line in the gold, and none is missing."""
    found = {*tables["sources"]["source_path"]}

    assert found == {key.partition("#")[0] for key in GOLD}


@pytest.mark.parametrize("key", ACCEPTED)
def test_metadata(tables, key):
    """What the article says of itself, and nothing it does not say."""
    gold = GOLD[key]
    (row,) = rows(tables, "documents", key)
    published = row["published_on"]
    row |= {
        "authors": list(row["authors"]),
        "published_on": published.isoformat() if published is not None else None,
    }
    names = [
        "language",
        "title",
        "authors",
        "published_on",
        "published_precision",
        "url",
        "publisher",
        "is_translated",
        "translator",
    ]

    assert {name: row[name] for name in names} == {name: gold[name] for name in names}


@pytest.mark.parametrize("key", ACCEPTED)
def test_paragraphs(tables, key):
    """Every paragraph with its whole text, its kind and its language."""
    gold = GOLD[key]

    found = [
        (row["kind"], row["language"], row["text"])
        for row in rows(tables, "paragraphs", key)
    ]

    assert found == [
        (
            paragraph["kind"],
            paragraph.get("language", gold["language"]),
            paragraph["text"],
        )
        for paragraph in gold["paragraphs"]
    ]


@pytest.mark.parametrize("key", IN_TEXT)
def test_removals(tables, key):
    """Every removed line with its reason; layout marks aside, nothing else goes."""
    found = [
        (row["reason"], row["text"])
        for row in rows(tables, "removals", key)
        if row["reason"] not in {"lifted", "layout"}
    ]

    assert found == [(gold["reason"], gold["text"]) for gold in GOLD[key]["removed"]]


@pytest.mark.parametrize("key", OTHERS)
def test_others(tables, key):
    """What is no article is told apart, with stage and reason."""
    gold = GOLD[key]
    source_path, _, member = key.partition("#")
    sources = tables["sources"]
    (row,) = sources[sources["source_path"] == source_path].to_dict("records")
    if member:
        (row,) = [part for part in row["rejected_members"] if part["member"] == member]
        row = {"status": "rejected", **row}

    assert {name: row[name] for name in gold} == gold
