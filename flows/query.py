"""Ask the tables questions in SQL: DuckDB over the Parquet files of one snapshot."""

import contextlib
import csv
import datetime as dt
import decimal
import io
import json
import math
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import duckdb
from rich.table import Table as Grid
from rich.text import Text

from flows.paper import make_grid, open_paper, trim
from flows.summary import count_of
from tasks.errors import PipelineError, WarehouseError
from tasks.schema import TABLES, Status
from tasks.tables.parts import DAMAGED
from tasks.tables.warehouse import Warehouse

OutputFormat = Literal["table", "csv", "json", "jsonl"]
FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)

TABLE_ROWS = 50
"""Rows shown by ``--format table`` unless told otherwise."""

_CELL_CHARS = 80  # a longer text is cut in a table, never in csv or json
_COLUMN_CHARS = 9  # columns narrower than this say nothing
_GAP_CHARS = 3  # between columns, at most
_MAX_FLOAT32 = 3.4e38
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
    with _snapshot(warehouse_dir) as snapshot_dir:
        connection = duckdb.connect(
            config={"autoinstall_known_extensions": "false"}  # no network, ever
        )
        try:
            for name in TABLES:
                _open_table(connection, name, snapshot_dir)
            connection.execute(_REJECTS)
            yield connection
        finally:
            connection.close()


def _open_table(
    connection: duckdb.DuckDBPyConnection, name: str, snapshot_dir: Path
) -> None:
    pattern = str(snapshot_dir / name / "*.parquet").replace("'", "''")
    try:
        connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{pattern}')")
    except duckdb.Error as error:
        raise WarehouseError(
            f"table {name!r}", f"cannot be read ({error})", DAMAGED
        ) from error


@contextlib.contextmanager
def _snapshot(warehouse_dir: Path) -> Iterator[Path]:
    """Give a folder that stays as it is."""
    warehouse = Warehouse(warehouse_dir)
    manifest = warehouse.manifest()
    if manifest is None:
        raise no_tables(warehouse_dir)
    for _, file, _ in manifest.paths():
        if not (warehouse.live / file).exists() and warehouse.manifest() == manifest:
            raise WarehouseError(str(warehouse.live / file), "is missing", DAMAGED)
    with warehouse.pin() as folder:
        yield folder


def no_tables(warehouse_dir: Path) -> PipelineError:
    """Return the error of a command that needs tables before there are any."""
    return PipelineError(
        str(warehouse_dir),
        "holds no tables yet",
        "Run `articles run` first, or name another folder with --warehouse.",
    )


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
            raise PipelineError(
                _PLACE, _first_lines(str(error)), _remedy(str(error))
            ) from error


def _refuse_writing(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    reading = {duckdb.StatementType.SELECT, duckdb.StatementType.MULTI}
    if len(statements) != 1 or statements[0].type not in reading:
        raise PipelineError(
            _PLACE,
            f"expected one SELECT statement, found {len(statements) or 'none'}"
            if len(statements) != 1
            else f"a {statements[0].type.name} statement may change something",
            "Use SELECT, FROM, DESCRIBE or SUMMARIZE; the tables are only ever read.",
        )


def _first_lines(message: str) -> str:
    """Fold DuckDB's message into one line, without its drawing of the query."""
    text, _, _ = message.partition("\n\nLINE ")
    return " ".join(text.split()).rstrip(".")


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
    """Return a value as JSON knows it; not-a-number is null.

    Examples:
        >>> plain({"on": dt.date(2025, 1, 29), "share": float("nan")})
        {'on': '2025-01-29', 'share': None}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        return _shorten(value) if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return _as_text(value)


def _shorten(value: float) -> float:
    """Return a number stored in 32 bits as people write it, others as they are.

    Examples:
        >>> _shorten(0.8999999761581421), _shorten(1 / 3)
        (0.9, 0.3333333333333333)
    """
    if abs(value) > _MAX_FLOAT32 or _as_float32(value) != value:
        return value
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if _as_float32(short) == value:
            return short
    return value


def _as_float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _as_text(value: object) -> str:
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value)


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
    paper = open_paper()
    if not paper.is_terminal:  # a pipe has no width: cut nothing but very long cells
        paper.width = max(paper.width, _width(names, shown))
    count = count_of(len(shown) + more, "row")
    if more:
        count += f", the first {len(shown)} shown; all of them with --max-rows 0"
    is_wide = paper.width < len(names) * _COLUMN_CHARS and len(names) > 1
    with paper.capture() as page:
        if is_wide:
            for index, row in enumerate(shown, 1):
                paper.print(Text(f"row {index}", style="bold"))
                paper.print(_record_grid(names, row))
                paper.print()
        else:
            paper.print(_row_grid(names, shown))
            paper.print()
        paper.print(Text(count, style="dim"))
    yield trim(page.get())


def _row_grid(names: list[str], rows: list[tuple[Any, ...]]) -> Grid:
    numbers = [_is_number([row[index] for row in rows]) for index in range(len(names))]
    grid = make_grid(
        *(
            f">{name}" if is_number else name
            for name, is_number in zip(names, numbers, strict=True)
        )
    )
    for column in grid.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    for row in rows:
        grid.add_row(*(_grid_cell(value) for value in row))
    return grid


def _record_grid(names: list[str], row: tuple[Any, ...]) -> Grid:
    """Show a row with too many columns for one line as one line per column."""
    grid = make_grid("", "", has_header=False)
    for name, value in zip(names, row, strict=True):
        grid.add_row(Text(name, style="dim"), _grid_cell(value))
    return grid


def _is_number(cells: Sequence[object]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(
        isinstance(cell, int | float | decimal.Decimal) and not isinstance(cell, bool)
        for cell in known
    )


def _grid_cell(value: object) -> Text:
    if value is None:
        return Text("NULL", style="dim italic")
    text = " ".join(_cell(value).replace("\n", " ¶ ").split())
    if len(text) > _CELL_CHARS:
        text = text[: _CELL_CHARS - 1] + "…"
    return Text(text)


def _width(names: list[str], rows: Sequence[tuple[Any, ...]]) -> int:
    """Return the width at which no cell has to be cut further."""
    widths = [
        max([Text(name).cell_len, *(_grid_cell(row[index]).cell_len for row in rows)])
        for index, name in enumerate(names)
    ]
    return sum(width + _GAP_CHARS for width in widths)


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
        record = {name: plain(value) for name, value in zip(names, row, strict=True)}
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
