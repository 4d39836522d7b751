"""What a publish makes of duplicates and repeats, and leaves as it was."""

import hashlib
import random

import pandas as pd
import pytest

from tasks.errors import WarehouseError
from tasks.schema import BATCH_TABLES, TABLES
from tasks.tables import comparison
from tasks.tables.warehouse import Warehouse
from tasks.text.minhash import minhash_texts
from tasks.write import stage_tables
from tests.warehouse_rows import fill_row, make_run

CHANCE = random.Random(3)
SENTENCES = [
    " ".join(
        f"{CHANCE.choice('bdfglmnprst')}{CHANCE.choice('aeiou')}{n}x"
        for n in "abcdefghijkl"
    )
    + f" {chr(97 + index // 26)}{chr(97 + index % 26)}"
    for index in range(60)
]
NOTICE = "This notice of nine words stands below every article."


@pytest.fixture
def warehouse(fast_folder, monkeypatch):
    """An empty warehouse whose publishes never compare everything anew."""
    monkeypatch.setattr(comparison, "ALL_ANEW", 0)
    monkeypatch.setattr(comparison, "IN_MEMORY_ARTICLES", 0)
    return Warehouse(fast_folder / "warehouse")


def publish(warehouse, number, articles, deleted=()):
    """Publish articles: paragraphs by name."""
    rows = {name: [] for name in BATCH_TABLES}
    for name, paragraphs in articles.items():
        text = "\n\n".join(paragraphs)
        rows["documents"].append(
            fill_row(
                "documents",
                document_id=name,
                source_path=f"{name}.txt",
                text=text,
                text_sha256=hashlib.sha256(text.encode()).hexdigest(),
                text_minhash=minhash_texts([text])[0],
            )
        )
        rows["paragraphs"] += [
            fill_row(
                "paragraphs",
                document_id=name,
                paragraph_index=index,
                text=part,
                text_hash=hashlib.sha256(part.encode()).hexdigest()[:16],
                word_count=len(part.split()),
            )
            for index, part in enumerate(paragraphs)
        ]
        rows["sources"].append(
            fill_row("sources", source_path=f"{name}.txt", document_count=1)
        )
    frames = {
        name: pd.DataFrame(rows[name], columns=TABLES[name].schema.names)
        for name in rows
    }
    with warehouse.lock():
        part = stage_tables(frames, warehouse.new_staging_dir(), warehouse.new_stem())
        gone = [f"{name}.txt" for name in deleted]
        return warehouse.publish([part], gone, make_run(number), "")


def matches(warehouse):
    """Return which article repeats which."""
    rows = warehouse.read_table("duplicates").to_pylist()
    return {row["document_id"]: row["match_id"] for row in rows}


def repeats(warehouse):
    """Return how many articles, and clusters of them, have each repeated paragraph."""
    rows = warehouse.read_table("repeats").to_pylist()
    return {row["text"]: (row["document_count"], row["cluster_count"]) for row in rows}


def derived_file(manifest):
    """Return the derived part of a snapshot."""
    [part] = [part for part in manifest.parts if part.is_derived]
    return part


def test_copies_come_and_go(warehouse):
    """A copy names its original; once that is gone, the copies name each other."""
    story = SENTENCES[:12]
    publish(warehouse, 1, {"b": story, "x": SENTENCES[20:30]})
    assert matches(warehouse) == {}

    publish(warehouse, 2, {"c": story})
    assert matches(warehouse) == {"c": "b"}
    publish(warehouse, 3, {"a": story})  # earlier by its id
    assert matches(warehouse) == {"b": "a", "c": "a"}
    publish(warehouse, 4, {"a": SENTENCES[40:50]})
    assert matches(warehouse) == {"c": "b"}
    publish(warehouse, 5, {}, deleted=["b"])
    assert matches(warehouse) == {}


def test_what_concerns_nobody_writes_nothing(warehouse):
    """An article unlike any other leaves the file of the derived tables as it is."""
    before = publish(warehouse, 1, {"a": SENTENCES[:9], "b": SENTENCES[:9]})
    after = publish(warehouse, 2, {"c": SENTENCES[20:30]})

    assert derived_file(after) == derived_file(before)


def test_repeats_follow_the_clusters(warehouse):
    """Articles that are no longer linked count apart, though none of them changed.

    Both halves are like the whole story and not like each other.
    """
    whole, first, second = SENTENCES[:30], SENTENCES[:20], SENTENCES[10:30]
    publish(
        warehouse,
        1,
        {
            "a": whole,
            "b": [*first, NOTICE],
            "c": [*second, NOTICE],
            "d": [*SENTENCES[40:60], NOTICE],
        },
    )
    assert matches(warehouse) == {"b": "a", "c": "a"}
    assert NOTICE not in repeats(warehouse)

    publish(warehouse, 2, {}, deleted=["a"])
    assert matches(warehouse) == {}
    assert repeats(warehouse)[NOTICE] == (3, 3)

    publish(warehouse, 3, {"e": [NOTICE, *SENTENCES[30:38]]})
    assert repeats(warehouse)[NOTICE] == (4, 4)
    publish(warehouse, 4, {"b": first, "e": SENTENCES[30:38]})
    assert NOTICE not in repeats(warehouse)


def test_damaged_rows_are_not_carried_over(warehouse):
    """Rows that are kept come from a file that is what the manifest says."""
    manifest = publish(warehouse, 1, {"a": SENTENCES[:9], "b": SENTENCES[:9]})
    stem = derived_file(manifest).stem
    file = warehouse.live / "duplicates" / f"{stem}.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"?")

    with pytest.raises(WarehouseError, match="SHA-256"):
        publish(warehouse, 2, {"c": SENTENCES[20:30]})
