"""Every law of the tables is broken once, and found."""

import duckdb
import pytest

from flows.conduct import ingest_plainly
from flows.laws import table_laws
from flows.reader import open_tables
from flows.settings import read_settings
from tasks.schema import TABLES

STORY = """\
A Night at the Harbour

By Ida Muster
January 29, 2025

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time.

Then the older one laughed, because the whole thing had been her idea from the start.
"""

OTHER = """\
The Bell of the Old Church

On the hill above the village stands a church without a roof, and in its tower hangs a
bell that nobody has rung since the flood took the bridge and the road away.

This spring a carpenter climbed up with a new rope. The children stood below and waited
for the sound that their grandparents had described to them so often in the evenings.
"""

SPAN = "{{start_chars: {}, end_chars: {}, language: '{}', score: 1}}"
OVERLAP = f"{SPAN.format(0, 3, 'x')}, {SPAN.format(2, 4, 'x')}"

BREACHES = [
    (
        f"UPDATE paragraphs SET foreign_spans = [{SPAN.format(0, 99999, 'xx')}]",
        "every foreign span lies in its paragraph",
    ),
    (
        f"UPDATE paragraphs SET foreign_spans = [{OVERLAP}]",
        "every foreign span lies in its paragraph",
    ),
    (
        f"UPDATE paragraphs SET foreign_spans = [{SPAN.format(0, 1, 'en')}]",
        "a foreign span is in another language",
    ),
    ("INSERT INTO documents FROM documents", "documents: document_id is unique"),
    ("INSERT INTO sources FROM sources", "sources: source_path is unique"),
    ("UPDATE paragraphs SET kind = 'poem'", "paragraphs.kind is one of"),
    ("UPDATE sources SET status = 'lost'", "sources.status is one of"),
    ("UPDATE removals SET reason = 'bored'", "removals.reason is one of"),
    ("UPDATE documents SET format = 'pdf'", "documents.format is one of"),
    ("DELETE FROM documents", "every paragraphs.document_id is in documents"),
    ("DELETE FROM documents", "an accepted file has documents"),
    ("DELETE FROM sources", "every documents.source_path is in sources"),
    ("DELETE FROM runs", "every documents.run_id is in runs"),
    ("UPDATE sources SET document_count = 5", "an accepted file has documents"),
    (
        "UPDATE sources SET reason = NULL WHERE status = 'rejected'",
        "a rejected file has stage, reason and detail",
    ),
    ("UPDATE documents SET sha256 = 'x'", "a document and its source have the same"),
    (
        "UPDATE sources SET step_versions = NULL",
        "a document and its source were made by the same step_versions",
    ),
    ("UPDATE documents SET document_id = 'x'", "document_id comes from source_path"),
    ("UPDATE documents SET text = text || '!'", "documents.text is its paragraphs"),
    ("DELETE FROM paragraphs", "documents.text is its paragraphs"),
    ("UPDATE documents SET paragraph_count = 9", "documents.paragraph_count counts"),
    ("UPDATE documents SET word_count = 9", "documents.word_count sums up"),
    ("UPDATE documents SET character_count = 9", "documents.character_count is"),
    ("UPDATE documents SET text_sha256 = 'x'", "documents.text_sha256 is the hash"),
    ("UPDATE documents SET removed_chars = 9999", "documents.removed_chars sums up"),
    ("UPDATE paragraphs SET paragraph_index = 7", "paragraph_index counts from 0"),
    ("UPDATE paragraphs SET text = ' '", "paragraphs.text is not blank"),
    ("UPDATE paragraphs SET text_hash = 'x'", "paragraphs.text is not blank"),
    ("UPDATE paragraphs SET end_chars = NULL", "a paragraph has both ends"),
    ("UPDATE paragraphs SET end_chars = start_chars", "a paragraph has both ends"),
    ("UPDATE removals SET end_chars = end_chars + 1", "removals.text is as long"),
    ("UPDATE removals SET field = NULL", "a removal names a field exactly"),
    ("UPDATE evidence SET rank = 3", "evidence.rank counts from 1"),
    (
        "INSERT INTO evidence FROM evidence WHERE is_chosen",
        "at most one value of a field is chosen",
    ),
    (
        "UPDATE documents SET published_precision = 'month'",
        "published_precision says how much",
    ),
    ("UPDATE documents SET published_on = NULL", "published_precision says how much"),
    (
        "UPDATE documents SET languages = [{'code': 'de', 'share': 0.5}]",
        "the shares of documents.languages add up",
    ),
    ("UPDATE documents SET language_score = 1.5", "documents.language_score lies"),
    ("UPDATE evidence SET score = 'nan'", "evidence.score lies between"),
    ("UPDATE duplicates SET similarity = 2", "duplicates.similarity lies between"),
    ("UPDATE duplicates SET kind = 'twin'", "duplicates.kind is one of"),
    ("UPDATE duplicates SET kind = 'near'", "a duplicate matches an earlier article"),
    (
        "UPDATE duplicates SET match_id = document_id",
        "a duplicate matches an earlier article",
    ),
    ("UPDATE duplicates SET match_id = 'x'", "a duplicate matches an earlier article"),
    ("UPDATE duplicates SET document_id = 'x'", "every duplicates.document_id is in"),
    ("UPDATE duplicates SET cluster_id = 'x'", "a duplicate is in the cluster of"),
    ("UPDATE repeats SET text_hash = 'x'", "every repeats.text_hash is in paragraphs"),
    ("UPDATE repeats SET document_count = 9", "repeats.text is the paragraph"),
    ("UPDATE repeats SET text = 'x'", "repeats.text is the paragraph"),
]


NOTICE = (
    "The Harbour News Service delivers stories of the coast to papers in nine"
    " countries; it belongs to no party, is paid for by those who print it, and asks"
    " its readers to tell it of every error."
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Tables of a story, its copy, another one and a rejected file, as in DuckDB."""
    folder = tmp_path_factory.mktemp("laws")
    raw_dir = folder / "raw"
    raw_dir.mkdir()
    (raw_dir / "story.txt").write_text(f"{STORY}\n{NOTICE}\n")
    (raw_dir / "copy.txt").write_text(f"{STORY}\n{NOTICE}\n")
    (raw_dir / "other.txt").write_text(f"{OTHER}\n{NOTICE}\n")
    (raw_dir / "empty.txt").write_text("")
    warehouse_dir = folder / "warehouse"
    ingest_plainly(read_settings({}, raw_dir=raw_dir, warehouse_dir=warehouse_dir))
    with open_tables(warehouse_dir) as tables:
        return {name: tables.arrow(name) for name in TABLES}


@pytest.fixture
def tables(made):
    """A copy that may be changed."""
    with duckdb.connect() as connection:
        for name, rows in made.items():
            connection.register("rows", rows)
            connection.execute(f"CREATE TABLE {name} AS FROM rows")
        yield connection


def broken(tables):
    """Return the laws that are broken."""
    return [law.sentence for law in table_laws() if tables.execute(law.sql).fetchall()]


def test_sound_tables_break_no_law(tables):
    """No law raises a false alarm."""
    assert broken(tables) == []


@pytest.mark.parametrize(("breach", "sentence"), BREACHES)
def test_breach_is_found(breach, sentence, tables):
    """The law names itself, and the row with what is wrong."""
    tables.execute(breach)

    assert [found for found in broken(tables) if found.startswith(sentence)]
    for law in table_laws():
        for row, problem in tables.execute(law.sql).fetchall():
            assert row
            assert problem
