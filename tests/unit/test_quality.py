"""Rows are looked at before they are published: by workers, then by the coordinator."""

import pandas as pd
import pytest

from flows import staging
from flows.conduct import ingest_plainly
from flows.drift import Breach, add_breaches
from flows.laws import document_laws, file_laws, table_laws
from flows.line import make_tables, start_run
from flows.quality import look_at_part
from flows.settings import read_settings
from tasks.discover import discover_files
from tasks.write import stage_tables

STORY = (
    "The old ferry has crossed the river since the war, and will for ten more years."
)


@pytest.fixture
def settings(tmp_path):
    """Settings over a folder with two articles, in two batches."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    (raw_dir / "one.txt").write_text(f"{STORY}\n")
    (raw_dir / "two.txt").write_text(f"{STORY} A bridge would cost too much.\n")
    return read_settings(
        {"ARTICLES_BATCH_FILES": "1"},
        raw_dir=raw_dir,
        warehouse_dir=tmp_path / "warehouse",
    )


def test_every_law_is_looked_at_once():
    """Workers and coordinator prove all but the laws of tables made on publishing."""
    before = [law.sentence for law in (*document_laws(), *file_laws())]
    every = [law.sentence for law in table_laws()]

    assert len(set(every)) == len(every)
    assert [sentence for sentence in every if sentence in set(before)] == before
    later = [sentence for sentence in every if sentence not in set(before)]
    assert all("duplicate" in each or "repeats" in each for each in later)


def test_a_worker_finds_what_its_part_breaks(settings, tmp_path):
    """The rows that break a law are counted, and one of them named."""
    files = discover_files(settings.raw_dir, ())
    tables, _ = make_tables(files, start_run(settings))
    tables["paragraphs"]["text_hash"] = "0" * 16
    tables["documents"]["paragraph_count"] = 9

    breaches = look_at_part(stage_tables(tables, tmp_path, "part"))

    assert {breach.rows for breach in breaches} == {2}
    assert [breach.sentence for breach in breaches] == [
        "documents.paragraph_count counts the rows of paragraphs",
        "paragraphs.text is not blank and text_hash is its hash",
    ]
    assert breaches[0].example.endswith(": 9 instead of 1")


def test_a_table_without_rows_breaks_laws_too(settings, tmp_path):
    """Articles whose paragraphs were lost are noticed, though there is no file."""
    files = discover_files(settings.raw_dir, ())
    tables, _ = make_tables(files, start_run(settings))
    tables["paragraphs"] = tables["paragraphs"].iloc[:0]

    breaches = look_at_part(stage_tables(tables, tmp_path, "part"))

    assert "documents.text is its paragraphs joined by a blank line" in {
        breach.sentence for breach in breaches
    }


def test_what_batches_break_reaches_the_run(settings, monkeypatch):
    """Rows that break the same law in two batches are added up and warned of."""

    def stage(tables: dict[str, pd.DataFrame], *args: object, **kwargs: bool):
        tables["documents"]["character_count"] += 1
        return write_table(tables, *args, **kwargs)

    write_table = staging.write.fn
    monkeypatch.setattr(staging.write, "fn", stage)

    quality = ingest_plainly(settings).quality

    (breach,) = quality.breaches
    assert breach.sentence == "documents.character_count is the length of text"
    assert breach.rows == 2
    assert "law broken by 2 rows" in quality.warnings[0]


def test_breaches_add_up_by_law():
    """Each law stays one, with its first example."""
    first = (Breach("a", 1, "x"),)
    second = (Breach("b", 2, "y"), Breach("a", 3, "z"))

    assert add_breaches(first, second) == (Breach("a", 4, "x"), Breach("b", 2, "y"))
