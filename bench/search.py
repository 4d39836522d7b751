"""Measure `articles search` on as many articles as you like.

``python bench/search.py [--articles 100000] [--warehouse warehouse]`` copies the
articles of a warehouse until there are enough of them, with the words of each paragraph
shuffled so that no text repeats, and times questions on the outcome.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from flows.reader import Tables, open_tables
from flows.search import Search, search_tables
from tasks.tables.disk import human_bytes

ROW_GROUP_ROWS = 32 * 1024
COPIES_PER_FILE = 200
QUESTIONS = (
    "ferry",
    "harbour market",
    '"the harbour"',
    "the",
    "灯台",
    "moulins",
    "zzz",
)


def multiply(tables: Tables, copies: int, folder: Path) -> None:
    """Write documents and paragraphs anew, ``copies`` times, into files like ours."""
    shuffled = (
        "array_to_string(list_transform(list_sort(list_transform("
        "string_split(text, ' '), lambda w: {r: random(), w: w})), lambda s: s.w), ' ')"
    )
    for first in range(0, copies, COPIES_PER_FILE):
        last = min(first + COPIES_PER_FILE, copies)
        for name in ("documents", "paragraphs"):
            file = folder / f"{name}-{first}.parquet"
            copy = f"md5(document_id || n)[:20] AS document_id, {shuffled} AS text"
            source = f"FROM {name}, range({first}, {last}) AS t(n)"
            rows = tables.sql(f"{source} SELECT {copy}, * EXCLUDE (document_id, text)")
            rows.write_parquet(
                str(file), compression="zstd", row_group_size=ROW_GROUP_ROWS
            )
    for name in ("documents", "paragraphs"):
        tables.duckdb().execute(
            f"CREATE OR REPLACE VIEW {name} AS FROM '{folder}/{name}-*.parquet'"
        )


def main() -> None:
    """Make the tables and time the questions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--warehouse", default="warehouse")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        open_tables(given.warehouse) as tables,
    ):
        ((articles,),) = tables.sql("SELECT count(*) FROM documents").fetchall()
        multiply(tables, -(-given.articles // articles), Path(folder))
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        facts = tables.sql("SELECT count(*), sum(strlen(text)) FROM paragraphs")
        ((paragraphs, text),) = facts.fetchall()
        print(
            f"{given.articles:,} articles, {paragraphs:,} paragraphs,"
            f" {human_bytes(text)} of text, {human_bytes(size)} of files;"
            f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        for words in QUESTIONS:
            started, worked = time.perf_counter(), time.process_time()
            found = search_tables(tables, Search(words))
            seconds = time.perf_counter() - started
            cpu = time.process_time() - worked
            print(
                f"{seconds:6.2f} s, {cpu:6.2f} s CPU  {found.total:>9,} hits  {words}",
                flush=True,
            )


if __name__ == "__main__":
    main()
