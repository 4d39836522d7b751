"""Ask the tables questions in SQL: DuckDB over the Parquet files of one snapshot."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from flows.answers import TABLE_ROWS, OutputFormat, write_rows
from flows.reader import Tables, open_tables
from tasks.errors import PipelineError

_FETCH_ROWS = 4096
_PLACE = "query"
_EXPLAIN = re.compile(r"EXPLAIN\s+(?:ANALYZE\s+)?(?=\w)", re.IGNORECASE)
_READING = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.MULTI})
_WRITING = frozenset({"COPY", "DELETE", "INSERT", "MERGE", "UPDATE"})
_WORD = re.compile(rb"\w+|.", re.DOTALL)
_RUNS_ANYTHING = "json_execute_serialized_sql"


def run_query(
    warehouse_dir: Path,
    sql: str,
    output: OutputFormat,
    max_rows: int | None,
    snapshot: int | None = None,
) -> Iterator[str]:
    """Answer one question.

    Args:
        warehouse_dir: Folder of the tables.
        sql: One statement that reads.
        output: How to write the answer.
        max_rows: Rows shown at most, 0 for all; ``None`` for ``TABLE_ROWS`` of a table
            and all rows of the other formats.
        snapshot: Number of an earlier snapshot; null for the live one.

    Yields:
        The answer, in pieces.

    Raises:
        PipelineError: DuckDB cannot answer, or the statement would change something.
    """
    if max_rows is None:
        max_rows = TABLE_ROWS if output == "table" else 0
    with open_tables(warehouse_dir, snapshot) as tables:
        connection = tables.duckdb()
        # A table is never a variable of ours, and nothing can switch on a log file.
        connection.execute("SET python_enable_replacements = false")
        connection.execute("SET lock_configuration = true")
        try:
            _refuse_writing(connection, sql)
            connection.execute(sql)
            names = [column[0] for column in connection.description or ()]
            yield from write_rows(output, names, _fetch(connection), max_rows)
        except duckdb.Error as error:
            message = _first_lines(str(error))
            raise PipelineError(
                _PLACE, message, _remedy(message, error, tables)
            ) from error


def _refuse_writing(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise _refusal(f"expected one statement, found {len(statements) or 'none'}")
    kind, text = statements[0].type, statements[0].query.strip()
    if kind == duckdb.StatementType.EXPLAIN and (inner := _EXPLAIN.match(text)):
        # EXPLAIN ANALYZE does what it explains.
        _refuse_writing(connection, text[inner.end() :])
    elif kind not in _READING:
        raise _refusal(f"{kind.name} may change something")
    elif word := _writing_word(text):
        raise _refusal(f"{word} may change something")


def _refusal(problem: str) -> PipelineError:
    return PipelineError(
        _PLACE,
        problem,
        "Use SELECT, FROM, WITH, DESCRIBE, SUMMARIZE or EXPLAIN; the tables are only"
        " ever read.",
    )


def _writing_word(sql: str) -> str | None:
    """Find what writes inside a statement that counts as reading.

    That is the body of a ``WITH``, e.g. ``WITH x AS (COPY ... TO ...) FROM x``.
    """
    if _RUNS_ANYTHING in sql.lower():
        return _RUNS_ANYTHING
    data = sql.encode()  # positions count bytes
    words = [
        _WORD.match(data, start)
        for start, kind in duckdb.tokenize(sql)
        if kind != duckdb.token_type.comment
    ]
    found = [word[0].decode(errors="replace").upper() if word else "" for word in words]
    for before, word in itertools.pairwise(found):
        if before == "(" and word in _WRITING:
            return word
    return None


def _first_lines(message: str) -> str:
    r"""Fold DuckDB's message into one line, without its drawing of the query.

    Examples:
        >>> _first_lines("Parser Error: no\n such word\n\nLINE 1: SELEC\n  ^")
        'Parser Error: no such word'
    """
    text, _, _ = message.partition("\n\nLINE ")
    return " ".join(text.split()).rstrip(".")


def _remedy(message: str, error: duckdb.Error, tables: Tables) -> str:
    if "Table with name" in message:
        return f"The tables are {', '.join(tables.names)}."
    if isinstance(error, duckdb.BinderException):
        return "`DESCRIBE documents` lists the columns of a table."
    return "Correct the statement and try again."


def _fetch(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := connection.fetchmany(_FETCH_ROWS):
        yield from rows
