"""Ask the tables questions in SQL: DuckDB over the Parquet files of one snapshot."""

import contextlib
import csv
import datetime as dt
import decimal
import io
import json
import math
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from tasks.errors import PipelineError, SettingsError
from tasks.schema import TABLES, Status
from tasks.warehouse import Warehouse

OutputFormat = Literal["table", "csv", "json", "jsonl"]
FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)

TABLE_ROWS = 50
"""Rows shown by ``--format table`` unless told otherwise."""

_CELL_CHARS = 80  # a longer text is cut in a table, never in csv or json
_FETCH_ROWS = 4096
_PLACE = "query"

_REJECTS = f"""
    CREATE VIEW rejects AS
    SELECT source_path, NULL::VARCHAR AS member, stage, reason, detail, run_id
    FROM sources WHERE status = '{Status.REJECTED.value}'
    UNION ALL
    SELECT source_path, piece.member, piece.stage, piece.reason, piece.detail, run_id
    FROM (SELECT *, unnest(rejected_members) AS piece FROM sources)
"""  # noqa: S608  # a constant of the contract


@contextlib.contextmanager
def connect(warehouse_dir: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the live tables as views, all of the same snapshot, and ``rejects``.

    ``rejects`` has one row per rejected file or article inside a file.

    Args:
        warehouse_dir: Folder of the tables.

    Yields:
        A connection in memory; a run that publishes meanwhile does not disturb it.

    Raises:
        PipelineError: There is no warehouse yet.
    """
    with Warehouse(warehouse_dir).pin() as snapshot_dir:
        connection = duckdb.connect(
            config={"autoinstall_known_extensions": "false"}  # no network, ever
        )
        try:
            for name in TABLES:
                pattern = str(snapshot_dir / name / "*.parquet").replace("'", "''")
                connection.execute(
                    f"CREATE VIEW {name} AS FROM read_parquet('{pattern}')"
                )
            connection.execute(_REJECTS)
            yield connection
        finally:
            connection.close()


def run_query(
    warehouse_dir: Path, sql: str, output: OutputFormat, max_rows: int | None
) -> Iterator[str]:
    """Answer one question.

    Args:
        warehouse_dir: Folder of the tables.
        sql: One statement that reads.
        output: How to write the answer.
        max_rows: Rows shown at most, 0 for all; ``None`` for ``TABLE_ROWS`` of a table
            and all rows of the other formats.

    Yields:
        The answer, in pieces.

    Raises:
        PipelineError: DuckDB cannot answer, or the statement would change something.
    """
    if max_rows is None:
        max_rows = TABLE_ROWS if output == "table" else 0
    with connect(warehouse_dir) as connection:
        try:
            _refuse_writing(connection, sql)
            connection.execute(sql)
            names = _unique([column[0] for column in connection.description or ()])
            rows = _fetch(connection)
            yield from _WRITERS[output](names, rows, max_rows)
        except duckdb.Error as error:
            raise SettingsError(
                _PLACE, _first_lines(str(error)), _remedy(str(error))
            ) from error


def _refuse_writing(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    reading = {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}
    if len(statements) != 1 or statements[0].type not in reading:
        raise SettingsError(
            _PLACE,
            f"expected one SELECT statement, found {len(statements) or 'none'}"
            if len(statements) != 1
            else f"a {statements[0].type.name} statement may change something",
            "Use SELECT, FROM, DESCRIBE or SUMMARIZE; the tables are only ever read.",
        )


def _first_lines(message: str) -> str:
    """Fold DuckDB's message into one line, without its drawing of the query."""
    lines = message.split("\n\nLINE ")[0].splitlines()
    return " ".join(" ".join(lines).split()).rstrip(".")


def _remedy(message: str) -> str:
    if "Table with name" in message or "Catalog Error" in message:
        return f"The tables are {', '.join([*TABLES, 'rejects'])}."
    if "Binder Error" in message:
        return "Try `DESCRIBE documents` for the columns of a table."
    return "Correct the statement and try again."


def _unique(names: Sequence[str]) -> list[str]:
    """Tell columns of the same name apart, as JSON objects have each key once.

    Examples:
        >>> _unique(["a", "b", "a"])
        ['a', 'b', 'a_1']
    """
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        unique.append(f"{name}_{count}" if count else name)
    return unique


def _fetch(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := connection.fetchmany(_FETCH_ROWS):
        yield from rows


def plain(value: object) -> object:
    """Return a value as JSON knows it; not-a-number is null."""
    match value:
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case decimal.Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case uuid.UUID() | dt.timedelta():
            return str(value)
    return value


def _cell(value: object) -> str:
    value = plain(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _limit(
    rows: Iterable[tuple[Any, ...]], max_rows: int
) -> tuple[list[tuple[Any, ...]], int]:
    """Return the first rows and how many more there are."""
    kept: list[tuple[Any, ...]] = []
    more = 0
    for row in rows:
        if max_rows and len(kept) == max_rows:
            more += 1
        else:
            kept.append(row)
    return kept, more


def _table(
    names: list[str], rows: Iterator[tuple[Any, ...]], max_rows: int
) -> Iterator[str]:
    shown, more = _limit(rows, max_rows)
    console = Console(highlight=False)
    grid = Grid(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for index, name in enumerate(names):
        cells = [row[index] for row in shown if row[index] is not None]
        is_number = bool(cells) and all(
            isinstance(cell, int | float | decimal.Decimal)
            and not isinstance(cell, bool)
            for cell in cells
        )
        grid.add_column(
            Text(name),
            justify="right" if is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in shown:
        grid.add_row(*(_grid_cell(value) for value in row))
    count = f"{len(shown) + more} row{'' if len(shown) + more == 1 else 's'}"
    if more:
        count += f", the first {len(shown)} shown; all of them with --max-rows 0"
    buffer = io.StringIO()
    # A file or a pipe has no width: cut nothing there but very long cells.
    width = console.width if console.is_terminal else max(2, _width(names, shown))
    page = Console(
        file=buffer,
        force_terminal=console.is_terminal,
        color_system="auto" if console.is_terminal else None,
        width=width,
        highlight=False,
    )
    page.print(grid)
    page.print(Text(count, style="dim"))
    yield buffer.getvalue().lstrip("\n")


def _grid_cell(value: object) -> Text:
    if value is None:
        return Text("NULL", style="dim italic")
    text = " ".join(_cell(value).replace("\n", " ¶ ").split())
    if len(text) > _CELL_CHARS:
        text = text[: _CELL_CHARS - 1] + "…"
    return Text(text)


def _width(names: list[str], rows: Sequence[tuple[Any, ...]]) -> int:
    widths = [
        max([Text(name).cell_len, *(_grid_cell(row[index]).cell_len for row in rows)])
        for index, name in enumerate(names)
    ]
    return max(sum(width + 2 for width in widths), 80)


def _csv(
    names: list[str], rows: Iterator[tuple[Any, ...]], max_rows: int
) -> Iterator[str]:
    """CSV as DuckDB writes it: null is nothing, the empty string is ``""``."""
    yield _csv_line(names)
    for index, row in enumerate(rows):
        if max_rows and index == max_rows:
            return
        yield _csv_line([None if value is None else _cell(value) for value in row])


def _csv_line(values: Sequence[str | None]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="")
    cells = []
    for value in values:
        buffer.seek(0)
        buffer.truncate()
        # A single empty cell is quoted by the writer, which is what "" needs.
        writer.writerow([value or ""])
        cells.append("" if value is None else buffer.getvalue())
    return ",".join(cells) + "\n"


def _records(
    names: list[str], rows: Iterator[tuple[Any, ...]], max_rows: int
) -> Iterator[str]:
    for index, row in enumerate(rows):
        if max_rows and index == max_rows:
            return
        record = {
            name: plain(value) for name, value in zip(names, row, strict=True)
        }
        yield json.dumps(record, ensure_ascii=False)


def _jsonl(
    names: list[str], rows: Iterator[tuple[Any, ...]], max_rows: int
) -> Iterator[str]:
    for record in _records(names, rows, max_rows):
        yield record + "\n"


def _json(
    names: list[str], rows: Iterator[tuple[Any, ...]], max_rows: int
) -> Iterator[str]:
    separator = "[\n"
    for record in _records(names, rows, max_rows):
        yield separator + record
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


_WRITERS: dict[
    OutputFormat,
    Callable[[list[str], Iterator[tuple[Any, ...]], int], Iterator[str]],
] = {"table": _table, "csv": _csv, "json": _json, "jsonl": _jsonl}


