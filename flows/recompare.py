"""The laws of comparison: what all documents give together is what the tables say."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from flows.finding import Finding
from flows.reader import Tables
from tasks.schema import DOCUMENTS, TABLES
from tasks.tables.comparison import derive
from tasks.tables.snapshots import read_manifest
from tasks.text.minhash import minhash_texts

_BATCH_ROWS = 1_000


def compare_again(tables: Tables) -> Iterator[Finding]:
    """Make MinHashes, duplicates and repeats anew, and compare them with the tables.

    Args:
        tables: Tables of the present schema.

    Yields:
        One finding per law.
    """
    yield Finding(
        "documents.text_minhash is the MinHash of text", list(_other_minhashes(tables))
    )
    manifest = read_manifest(tables.folder)
    parts = [(part, tables.folder) for part in manifest.parts if part.is_batch]
    for name, expected in derive(parts).items():
        yield Finding(
            f"{name} is what all documents give together",
            list(_other_rows(name, tables.arrow(name), expected)),
        )


def _other_minhashes(tables: Tables) -> Iterator[tuple[str, str]]:
    columns = ["document_id", "text", "text_minhash"]
    for file in sorted((tables.folder / DOCUMENTS.name).glob("*.parquet")):
        with pq.ParquetFile(file) as rows:
            for batch in rows.iter_batches(_BATCH_ROWS, columns=columns):
                ids, texts, known = (column.to_pylist() for column in batch.columns)
                for row, expected, found in zip(
                    ids, minhash_texts(texts), known, strict=True
                ):
                    if found not in {expected, None}:
                        yield f"documents {row}", "another MinHash than that of text"


def _other_rows(
    name: str, found: pa.Table, expected: pa.Table
) -> Iterator[tuple[str, str]]:
    """Yield the rows that only one of two tables has, or that differ."""
    [key] = TABLES[name].key
    rows, wanted = (
        {row[key]: row for row in table.to_pylist()} for table in (found, expected)
    )
    for value in sorted(rows.keys() | wanted.keys()):
        own, due = rows.get(value), wanted.get(value)
        if own == due:
            continue
        problem = "has no row" if own is None else "should have no row"
        if own and due:
            problem = "; ".join(
                f"{column} is {own[column]!r} instead of {due[column]!r}"
                for column in own
                if own[column] != due[column]
            )
        yield f"{name} {value}", problem
