"""How rows are written: as a table for a person, as CSV or JSON for a program."""

import datetime as dt
import decimal
import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from rich.table import Table as Grid
from rich.text import Text

from flows.outputs import TextFormat
from flows.paper import make_grid, open_paper, trim
from flows.streams import visible
from flows.summary import count_of

TABLE_ROWS = 50
"""Rows shown by ``--format table`` unless told otherwise."""

Row: TypeAlias = tuple[Any, ...]

_CELL_CHARS = 80  # a longer text is cut in a table, never in csv or json
_COLUMN_CHARS = 10  # a column cut to less says nothing; a date is left whole
_GAP_CHARS = 3  # between columns
_PLAN = ["explain_key", "explain_value"]  # what EXPLAIN answers, drawn over many lines
_MAX_FLOAT32 = 3.4e38
_MARKUP = re.compile(r"[\\`*\[\]<>|~$]|\b_|_\b")
_CSV_QUOTED = re.compile('[",\r\n]')
_C1 = re.compile(r"[\x7f-\x9f]")  # control characters that JSON allows as they are


def write_rows(
    output: TextFormat, names: Sequence[str], rows: Iterable[Row], max_rows: int = 0
) -> Iterator[str]:
    """Write rows in a format.

    Args:
        output: The format.
        names: Columns; equal names are told apart.
        rows: Values by column.
        max_rows: Rows shown at most, 0 for all.

    Yields:
        The text, in pieces that end with a new line.
    """
    yield from _WRITERS[output](unique(names), iter(rows), max_rows)


def unique(names: Sequence[str]) -> list[str]:
    """Tell columns of the same name apart, as JSON objects have each key once.

    Examples:
        >>> unique(["a", "b", "a"])
        ['a', 'b', 'a_1']
    """
    seen: dict[str, int] = {}
    told = []
    for name in names:
        count = seen.get(name, 0)
        seen[name] = count + 1
        told.append(f"{name}_{count}" if count else name)
    return told


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


def cell_text(value: object) -> str:
    """Return a value, not null, as a cell shows it: lists and records as JSON."""
    value = plain(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _limit(rows: Iterable[Row], max_rows: int) -> tuple[list[Row], int]:
    """Return the first rows and how many more there are."""
    kept: list[Row] = []
    more = 0
    for row in rows:
        if max_rows and len(kept) == max_rows:
            more += 1
        else:
            kept.append(row)
    return kept, more


def _table(names: list[str], rows: Iterator[Row], max_rows: int) -> Iterator[str]:
    shown, more = _limit(rows, max_rows)
    paper = open_paper()
    count = count_of(len(shown) + more, "row")
    if more:
        count += f", the first {len(shown)} shown; all of them with --max-rows 0"
    natural = _widths(names, shown)
    if not paper.is_terminal:  # a pipe has no width: cut nothing but very long cells
        paper.width = max(paper.width, sum(natural) + _GAP_CHARS * len(natural))
    widths = fit_widths(natural, paper.width)
    with paper.capture() as page:
        if names == _PLAN:
            for _, plan in shown:
                paper.print(Text(visible(plan)), soft_wrap=True)
        elif widths is None:
            for index, row in enumerate(shown, 1):
                paper.print(Text(f"row {index}", style="bold"))
                paper.print(_record_grid(names, row))
                paper.print()
        else:
            paper.print(_row_grid(names, shown, widths))
            paper.print()
        if names != _PLAN:
            paper.print(Text(count, style="dim"))
    yield trim(page.get())


def fit_widths(natural: Sequence[int], available: int) -> list[int] | None:
    """Cut the widest columns until all of them fit on a line.

    Args:
        natural: Widths at which nothing is cut, in characters.
        available: Width of the line, with a gap after each column but the last.

    Returns:
        Widths; null if too little would be left of a column to say anything.

    Examples:
        >>> fit_widths([8, 60, 10, 30], 80)
        [8, 26, 10, 27]
        >>> fit_widths([50] * 8, 80)
    """
    room = available - _GAP_CHARS * (len(natural) - 1)
    widths = list(natural)
    while (excess := sum(widths) - room) > 0:
        widest = max(widths)
        if widest <= _COLUMN_CHARS and len(widths) > 1:
            return None
        at = [index for index, width in enumerate(widths) if width == widest]
        lower = max([width for width in widths if width < widest], default=0)
        floor = max(lower, 1 if len(widths) == 1 else _COLUMN_CHARS)
        share, rest = divmod(min(excess, (widest - floor) * len(at)), len(at))
        for place, index in enumerate(at):
            widths[index] -= share + (place < rest)
    return widths


def _row_grid(names: list[str], rows: list[Row], widths: Sequence[int]) -> Grid:
    numbers = [_is_number([row[index] for row in rows]) for index in range(len(names))]
    grid = make_grid(
        *(
            f">{name}" if is_number else name
            for name, is_number in zip(names, numbers, strict=True)
        )
    )
    for column, width in zip(grid.columns, widths, strict=True):
        column.no_wrap, column.overflow, column.width = True, "ellipsis", width
    for row in rows:
        grid.add_row(*(_grid_cell(value) for value in row))
    return grid


def _record_grid(names: list[str], row: Row) -> Grid:
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
    if plain(value) is None:
        return Text("NULL", style="dim italic")
    text = visible(" ".join(cell_text(value).replace("\n", " ¶ ").split()))
    if len(text) > _CELL_CHARS:
        text = text[: _CELL_CHARS - 1] + "…"
    return Text(text)


def _widths(names: list[str], rows: Sequence[Row]) -> list[int]:
    """Return the widths at which no cell has to be cut further."""
    return [
        max([Text(name).cell_len, *(_grid_cell(row[index]).cell_len for row in rows)])
        for index, name in enumerate(names)
    ]


def _csv(names: list[str], rows: Iterator[Row], max_rows: int) -> Iterator[str]:
    """CSV as DuckDB writes it: null is nothing, the empty string is ``""``.

    Not-a-number is null, as in JSON.
    """
    yield _csv_line(names)
    for index, row in enumerate(rows):
        if max_rows and index == max_rows:
            return
        yield _csv_line(row)


def _csv_line(values: Sequence[object]) -> str:
    return ",".join(map(_csv_cell, values)) + "\n"


def _csv_cell(value: object) -> str:
    """Return one value, quoted where RFC 4180 asks for it, and if it is empty.

    Examples:
        >>> _csv_cell(None), _csv_cell(""), _csv_cell("a, b")
        ('', '""', '"a, b"')
    """
    if not isinstance(value, str):
        if plain(value) is None:
            return ""
        value = cell_text(value)
    if value and not _CSV_QUOTED.search(value):
        return value
    return '"' + value.replace('"', '""') + '"'


def _records(names: list[str], rows: Iterator[Row], max_rows: int) -> Iterator[str]:
    for index, row in enumerate(rows):
        if max_rows and index == max_rows:
            return
        record = {name: plain(value) for name, value in zip(names, row, strict=True)}
        yield _C1.sub(_escape_json, json.dumps(record, ensure_ascii=False))


def _escape_json(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _jsonl(names: list[str], rows: Iterator[Row], max_rows: int) -> Iterator[str]:
    for record in _records(names, rows, max_rows):
        yield record + "\n"


def _json(names: list[str], rows: Iterator[Row], max_rows: int) -> Iterator[str]:
    separator = "[\n"
    for record in _records(names, rows, max_rows):
        yield separator + record
        separator = ",\n"
    yield "[]\n" if separator == "[\n" else "\n]\n"


def _markdown(names: list[str], rows: Iterator[Row], max_rows: int) -> Iterator[str]:
    """A table of GitHub's Markdown: null is empty, and nothing is cut."""
    yield _markdown_line(names)
    yield _markdown_line(["---"] * len(names))
    for index, row in enumerate(rows):
        if max_rows and index == max_rows:
            return
        yield _markdown_line(
            ["" if plain(value) is None else cell_text(value) for value in row]
        )


def _markdown_line(values: Sequence[str]) -> str:
    r"""Return one row; what would be markup is escaped.

    Examples:
        >>> _markdown_line(["a|b", "<b> *not* bold"])
        '| a\\|b | \\<b\\> \\*not\\* bold |\n'
    """
    cells = [
        "<br>".join(_MARKUP.sub(r"\\\g<0>", value).splitlines()) for value in values
    ]
    return f"| {' | '.join(cells)} |\n"


_WRITERS: dict[
    TextFormat,
    Callable[[list[str], Iterator[Row], int], Iterator[str]],
] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "jsonl": _jsonl,
    "markdown": _markdown,
}
