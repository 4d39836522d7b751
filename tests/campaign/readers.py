"""What people see who glob the folders of the tables: DuckDB, pandas, Polars."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl

Rows = list[tuple[Any, ...]]

_CONNECTION = duckdb.connect()

SHOWN = {
    "documents": [
        *("document_id", "source_path", "member", "sha256", "title", "text"),
        *("language", "paragraph_count", "run_id"),
    ],
    "paragraphs": ["document_id", "paragraph_index", "kind", "text", "language"],
    "removals": ["document_id", "start_chars", "text", "rule_id"],
    "evidence": ["document_id", "field", "rank", "value", "is_chosen"],
    "duplicates": ["document_id", "match_id", "similarity", "kind", "cluster_id"],
    "repeats": ["text_hash", "text", "document_count", "cluster_count"],
    "sources": [
        "source_path",
        "sha256",
        "status",
        "reason",
        "document_count",
        "run_id",
    ],
    "runs": ["run_id", "files_discovered"],
}
"""Columns by table: keys, content, and the run that wrote a row (last, if any)."""


def read_with_duckdb(folder: Path, table: str, columns: list[str]) -> Rows:
    """``FROM 'warehouse/x/*.parquet'``."""
    pattern = str(folder / table / "*.parquet").replace("'", "''")
    query = f"SELECT {', '.join(columns)} FROM '{pattern}'"
    with _CONNECTION.cursor() as cursor:
        return cursor.sql(query).fetchall()


def read_with_pandas(folder: Path, table: str, columns: list[str]) -> Rows:
    """``pd.read_parquet('warehouse/x')``."""
    frame = pd.read_parquet(folder / table)
    if frame.columns.empty:
        raise FileNotFoundError(f"no file in {folder / table}")
    cells = frame[columns].astype("object")
    cells = cells.where(cells.notna(), None)
    return list(cells.itertuples(index=False, name=None))


def read_with_polars(folder: Path, table: str, columns: list[str]) -> Rows:
    """``pl.scan_parquet('warehouse/x/*.parquet')``."""
    pattern = folder / table / "*.parquet"
    return pl.scan_parquet(str(pattern)).select(columns).collect().rows()


READERS: dict[str, Callable[[Path, str, list[str]], Rows]] = {
    "duckdb": read_with_duckdb,
    "pandas": read_with_pandas,
    "polars": read_with_polars,
}


def is_missing(error: Exception) -> bool:
    """Whether a reader was told of a missing file or folder, and of nothing else."""
    return (
        isinstance(error, FileNotFoundError)
        or (isinstance(error, duckdb.IOException) and _says_missing(error))
        or (isinstance(error, pl.exceptions.PolarsError) and _says_missing(error))
    )


def _says_missing(error: Exception) -> bool:
    return any(
        words in str(error)
        for words in ("No files found", "No such file", "paths were empty")
    )


@dataclass(frozen=True)
class View:
    """Everything a reader sees of all tables.

    Attributes:
        content: Rows by table, sorted, without the run that wrote them.
        runs: Every ``run_id`` of the table ``runs``.
        named_runs: Every ``run_id`` that another table names.
    """

    content: dict[str, Rows]
    runs: tuple[str, ...]
    named_runs: frozenset[str]


def look(folder: Path, reader: str) -> View:
    """Read all tables with one reader, as they lie there now."""
    content: dict[str, Rows] = {}
    named: set[str] = set()
    for table, columns in SHOWN.items():
        rows = READERS[reader](folder, table, columns)
        if table == "runs":
            runs = tuple(sorted(row[0] for row in rows))
            continue
        if columns[-1] == "run_id":
            named.update(row[-1] for row in rows)
            rows = [row[:-1] for row in rows]
        content[table] = sorted(rows, key=repr)
    return View(content, runs, frozenset(named))


def agrees(view: View, before: View, after: View) -> bool:
    """Whether a view is the state before a run or the one after it, in all tables.

    Args:
        view: What a reader saw.
        before: What was there before the run.
        after: A clean rebuild of what the run reads; its runs do not matter.
    """
    if not view.named_runs <= set(view.runs) or len(set(view.runs)) < len(view.runs):
        return False
    if view.content == before.content and view.runs == before.runs:
        return True
    added = set(view.runs) - set(before.runs)
    is_next = set(before.runs) <= set(view.runs) and len(added) == 1
    return is_next and view.content == after.content
