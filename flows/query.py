"""Ask the tables questions in SQL: DuckDB over the Parquet files of one snapshot."""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from typing import Any, Protocol, TypeVar

import duckdb
import pyarrow as pa

from flows.reader import Tables
from tasks.errors import PipelineError

_Result = TypeVar("_Result")

_WAIT_SECONDS = 0.2  # a wait without end would not hear Ctrl-C on Windows
_FETCH_ROWS = 4096
_BATCH_ROWS = 32 * 1024
_PLACE = "query"
_EXPLAIN = re.compile(r"EXPLAIN\s+(?:ANALYZE\s+)?(?=\w)", re.IGNORECASE)
_READING = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.MULTI})
_WRITING = frozenset({"COPY", "DELETE", "INSERT", "MERGE", "UPDATE"})
_WORD = re.compile(rb"\w+|.", re.DOTALL)
_RUNS_ANYTHING = "json_execute_serialized_sql"


class Answer(Protocol):
    """The rows of one answer."""

    def names(self) -> list[str]:
        """Return the columns; two may have the same name."""

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as Python knows them."""

    def batches(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return the rows as Arrow knows them, with their types."""


class GivenAnswer:
    """An answer that is there already."""

    def __init__(self, schema: pa.Schema, rows: Sequence[tuple[Any, ...]]) -> None:
        self._schema, self._rows = schema, rows

    def names(self) -> list[str]:
        """Return the columns."""
        return list(self._schema.names)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows."""
        yield from self._rows

    def batches(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return the rows as Arrow knows them."""
        records = [
            dict(zip(self._schema.names, row, strict=True)) for row in self._rows
        ]
        batch = pa.RecordBatch.from_pylist(records, self._schema)
        return self._schema, iter([batch])


class SqlAnswer:
    """The answer of DuckDB, fetched as it is asked for, once.

    Every method may raise a ``PipelineError``: DuckDB cannot answer, or not go on, e.g.
    because a text is not a number.
    """

    def __init__(
        self, tables: Tables, sql: str, parameters: Mapping[str, object] | None
    ) -> None:
        self._tables, self._connection = tables, tables.duckdb()
        self._sql, self._parameters = sql, dict(parameters or {}) or None
        self._is_asked = False

    def names(self) -> list[str]:
        """Return the columns; two may have the same name."""
        self._ask()
        return [column[0] for column in self._connection.description or ()]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows as Python knows them."""
        self._ask()
        with _explained(self._tables):
            while rows := patiently(
                self._connection, lambda: self._connection.fetchmany(_FETCH_ROWS)
            ):
                yield from rows

    def batches(self) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return the rows as Arrow knows them, with their types."""
        with _explained(self._tables):
            reader = patiently(self._connection, self._open_reader)
        return reader.schema, self._read(reader)

    def _open_reader(self) -> pa.RecordBatchReader:
        relation = self._connection.sql(self._sql, params=self._parameters)
        return relation.to_arrow_reader(_BATCH_ROWS)

    def _ask(self) -> None:
        if not self._is_asked:
            with _explained(self._tables):
                patiently(
                    self._connection,
                    lambda: self._connection.execute(self._sql, self._parameters),
                )
            self._is_asked = True

    def _read(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            with _explained(self._tables):
                while batch := patiently(self._connection, lambda: next(reader, None)):
                    yield batch
        except (pa.ArrowException, OSError) as error:
            raise _failure(str(error), error, self._tables) from error


def ask(
    tables: Tables, sql: str, parameters: Mapping[str, object] | None = None
) -> SqlAnswer:
    """Ask one question.

    Args:
        tables: The snapshot; from here on nothing can change its connection's settings.
        sql: One statement that reads.
        parameters: Values for ``$name`` in the statement.

    Raises:
        PipelineError: The statement cannot be understood, or would change something.
    """
    connection = tables.duckdb()
    with _explained(tables):
        is_locked = connection.sql("SELECT current_setting('lock_configuration')")
        if is_locked.fetchall() == [(False,)]:
            # A table is never a variable of ours, and nothing can switch on a log file.
            connection.execute("SET python_enable_replacements = false")
            connection.execute("SET lock_configuration = true")
        _refuse_writing(connection, sql)
    return SqlAnswer(tables, sql, parameters)


def patiently(
    connection: duckdb.DuckDBPyConnection, work: Callable[[], _Result]
) -> _Result:
    """Let DuckDB work in a thread of its own, so that Ctrl-C is heard meanwhile.

    Raises:
        KeyboardInterrupt: It was heard, and the question has been given up.
    """
    outcome: Future[_Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001  # raised again by result()
            outcome.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while not outcome.done():
            wait([outcome], _WAIT_SECONDS)
    except KeyboardInterrupt:
        while thread.is_alive():  # what has not quite begun cannot be interrupted yet
            connection.interrupt()
            thread.join(_WAIT_SECONDS)
        raise
    return outcome.result()


def split_statements(text: str) -> tuple[list[str], str]:
    """Split a text at the semicolons that end a statement.

    Returns:
        The statements, each with its semicolon; and what follows the last one, empty if
        it says nothing.

    Examples:
        >>> split_statements("SELECT ';'; -- one;")
        (["SELECT ';';"], '')
        >>> split_statements("FROM runs;  FROM 'a")
        (['FROM runs;'], "FROM 'a")
    """
    data = text.encode()  # positions count bytes
    statements, start, is_open = [], 0, False
    for position, kind in duckdb.tokenize(text):
        if kind == duckdb.token_type.operator and data[position : position + 1] == b";":
            if is_open:
                statements.append(data[start : position + 1].decode().strip())
            start, is_open = position + 1, False
        elif kind != duckdb.token_type.comment or data[position:][:2] == b"/*":
            is_open = True
    return statements, data[start:].decode().strip() if is_open else ""


@contextlib.contextmanager
def _explained(tables: Tables) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise _failure(str(error), error, tables) from error


def _failure(message: str, error: Exception, tables: Tables) -> PipelineError:
    message = _first_lines(message)
    return PipelineError(_PLACE, message, _remedy(message, error, tables))


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
        " ever read. --output FILE (in `articles shell`: .export FILE) writes an"
        " answer to a file.",
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
    for before, word, after in zip(found, found[1:], [*found[2:], ""], strict=False):
        # ``(copy.path`` names a column; a statement is followed by what it is about.
        if before == "(" and word in _WRITING and after not in {".", ",", ")"}:
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


def _remedy(message: str, error: Exception, tables: Tables) -> str:
    if "Table with name" in message:
        return f"The tables are {', '.join(tables.names)}."
    if isinstance(error, duckdb.BinderException):
        return "`DESCRIBE documents` lists the columns of a table."
    return "Correct the statement and try again."
