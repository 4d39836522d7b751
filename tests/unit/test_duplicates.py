"""Which article repeats which: matches, clusters, and repeated paragraphs."""

import datetime as dt
import random
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from tasks.schema import DUPLICATES, PARAGRAPHS
from tasks.tables.duplicates import (
    BUCKET_FIRSTS,
    MATCHES,
    PRINT_COLUMNS,
    BucketSet,
    Prints,
    add_clusters,
    drop_equal,
    find_buckets,
    find_matches,
    join_prints,
    read_prints,
)
from tasks.tables.repeats import PLACE_COLUMNS, count_repeats, pick_hashes
from tasks.text.minhash import minhash_texts

CHANCE = random.Random(7)
WORDS = ["ferry", "harbour", "lamp", "pier", "quay", "rope", "sail", "tide", "wind"]
STORY = " ".join(CHANCE.choices(WORDS, k=120))
OTHER = " ".join(CHANCE.choices(WORDS, k=120))
DAY = dt.date(2026, 3, 1)


def prints_of(*articles):
    """Return the prints of articles: ``(name, text)`` or ``(name, text, day)``."""
    whole = [(*article, DAY)[:3] for article in articles]
    columns = {
        "document_id": [name for name, _, _ in whole],
        "published_on": pa.array([day for _, _, day in whole], pa.date32()),
        "text_sha256": [f"{hash(text):x}" for _, text, _ in whole],
        "text_minhash": pa.array(
            minhash_texts([text for _, text, _ in whole]), pa.binary(128)
        ),
    }
    assert list(columns) == PRINT_COLUMNS
    return read_prints(pa.table(columns))


def rows_of(*articles):
    """Return the rows of ``duplicates`` by article."""
    rows = add_clusters(find_matches(prints_of(*articles)))
    assert rows.schema.equals(DUPLICATES.schema)
    return {row.pop("document_id"): SimpleNamespace(**row) for row in rows.to_pylist()}


def edit(text, share, seed=0):
    """Change a share of the words."""
    chance = random.Random(seed)
    return " ".join(
        chance.choice(["new", "other"]) if chance.random() < share else word
        for word in text.split()
    )


def test_later_article_names_the_earlier():
    """Of two copies the later one has a row; of unrelated articles none has."""
    rows = rows_of(
        ("a", STORY, dt.date(2026, 3, 2)),
        ("b", STORY),
        ("c", OTHER),
        ("d", STORY, None),
    )

    assert rows.keys() == {"a", "d"}
    assert {row.match_id for row in rows.values()} == {"b"}
    assert {row.cluster_id for row in rows.values()} == {"b"}
    assert {(row.kind, row.similarity) for row in rows.values()} == {("exact", 1.0)}


def test_most_alike_is_named():
    """An update of an update names that one; both are of the cluster of the first."""
    first, second = edit(STORY, 0.08), edit(edit(STORY, 0.08), 0.05, seed=1)
    rows = rows_of(
        ("a", STORY, DAY),
        ("b", first, dt.date(2026, 3, 2)),
        ("c", second, dt.date(2026, 3, 3)),
    )

    assert [rows[name].match_id for name in "bc"] == ["a", "b"]
    assert [rows[name].cluster_id for name in "bc"] == ["a", "a"]
    assert all(
        row.kind == "near" and 0.5 <= row.similarity < 1 for row in rows.values()
    )


def test_same_words_are_not_the_same_text():
    """Another punctuation is a near duplicate with all of the wording."""
    rows = rows_of(("a", STORY), ("b", STORY.replace(" ", ", ")))

    assert (rows["b"].kind, rows["b"].similarity) == ("near", 1.0)


def test_order_does_not_matter():
    """The rows depend on which articles there are, not on how they came."""
    articles = [(f"{n:020}", edit(STORY, n / 100, seed=n)) for n in range(40)]
    rows = add_clusters(find_matches(prints_of(*articles)))
    CHANCE.shuffle(articles)

    assert add_clusters(find_matches(prints_of(*articles))).equals(rows)


def test_many_copies_are_one_cluster():
    """A thousand copies have a row each but the first, however few are compared."""
    copies = 10 * BUCKET_FIRSTS
    rows = rows_of(*((f"{n:020}", STORY) for n in range(copies)))

    assert len(rows) == copies - 1
    assert {row.match_id for row in rows.values()} == {f"{0:020}"}


def test_articles_of_an_older_schema_are_left_out():
    """Without a MinHash nothing can be said."""
    documents = pa.table(
        {
            "document_id": ["a"],
            "published_on": pa.array([None], pa.date32()),
            "text_sha256": ["0"],
            "text_minhash": pa.array([None], pa.binary(128)),
        }
    )
    prints = read_prints(documents)

    assert len(prints.ids) == 0
    assert add_clusters(find_matches(prints)).num_rows == 0
    assert len(join_prints([]).ids) == 0


@pytest.mark.parametrize("count", [0, 1, 500])
def test_set_of_buckets_is_exact(count):
    """It holds the buckets of its articles and no other, whatever shares a place."""
    chance = np.random.default_rng(7)
    minhashes = chance.integers(0, 256, (2_000, 128), dtype=np.uint8)
    none = np.zeros(count)
    buckets = BucketSet(Prints(none, none, none, minhashes[:count]))

    asked = find_buckets(minhashes)
    assert buckets.holds(asked).tolist() == np.isin(asked, asked[:count]).tolist()


def test_what_stays_the_same_is_no_change():
    """An article read again with the same outcome concerns no other."""
    before = prints_of(("a", STORY), ("b", STORY), ("c", OTHER))
    after = prints_of(("c", OTHER), ("d", STORY), ("a", STORY), ("b", STORY, None))

    gone, new = drop_equal(before, after)

    assert [name.decode() for name in gone.ids] == ["b"]
    assert [name.decode() for name in new.ids] == ["b", "d"]


def places_of(*paragraphs):
    """Return rows of ``paragraphs``: document, number of the text, words."""
    columns = [list(column) for column in zip(*paragraphs, strict=True)]
    columns[1] = [f"{number:016x}" for number in columns[1]]
    fields = [PARAGRAPHS.schema.field(name) for name in PLACE_COLUMNS]
    return pa.table(columns, schema=pa.schema(fields))


@pytest.mark.parametrize(
    ("words", "documents", "counted"),
    [
        (10, "abc", (3, 3)),
        (10, "ab", None),
        (10, "aabb", None),
        (30, "ab", (2, 2)),
        (10, "abxy", (4, 3)),
        (30, "xy", None),
    ],
    ids=[
        "three articles",
        "two",
        "twice in each",
        "two, long",
        "a copy counts once",
        "only copies",
    ],
)
def test_repeated_paragraphs(words, documents, counted):
    """A block is repeated if articles have it that are no copies of each other."""
    duplicates = add_clusters(
        pa.table(
            [["y"], ["x"], [1.0], ["exact"]], schema=MATCHES.remove_metadata()
        ).cast(MATCHES)
    )
    rows = count_repeats(places_of(*((d, 5, words) for d in documents)), duplicates)

    found = [(row["document_count"], row["cluster_count"]) for row in rows.to_pylist()]
    assert found == ([counted] if counted else [])


def test_short_paragraphs_are_no_blocks():
    """`Yes.` stands in many articles and is nobody's notice."""
    hashes = pick_hashes(places_of(("a", 255, 7), ("b", 256, 8)))

    assert hashes.tolist() == [256]
    assert hashes.dtype == np.uint64
