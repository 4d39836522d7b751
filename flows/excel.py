"""Write rows as an Excel workbook: typed cells, nothing that Excel would run."""

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError
from xlsxwriter.worksheet import Worksheet

from flows.answers import cell_text, plain
from flows.summary import count_of

# Microsoft, "Excel specifications and limits": rows of a sheet, characters of a cell.
SHEET_ROWS = 1_048_576
CELL_CHARS = 32_767  # UTF-16 code units
_EXACT = 2**53  # Excel has no whole numbers but those of a double
_FIRST_DAY = dt.date(1900, 3, 1)  # before it, Excel's calendar has a day too many
_CUT = "…"
_MIN_WIDTH, _MAX_WIDTH = 8, 60  # characters, of a column
_SAMPLE_ROWS = 200  # rows that decide how wide a column is


def write_workbook(
    names: Sequence[str],
    rows: Iterable[tuple[object, ...]],
    path: Path,
    *,
    sheet_rows: int = SHEET_ROWS,
) -> tuple[int, list[str]]:
    """Write rows, in constant memory; what one sheet cannot hold goes on the next.

    Strings are written as strings, whatever they begin with: no cell is a formula or a
    link. Dates are dates; lists and records are JSON. Whole numbers that Excel would
    round, and dates before its calendar, are text.

    Args:
        names: Columns, each name once.
        rows: Values by column.
        path: File to write.
        sheet_rows: Rows of a sheet, with its heading.

    Returns:
        Number of rows; and what a person should know, as sentences.

    Raises:
        OSError: The disk refused.
    """
    count = 0
    try:
        with xlsxwriter.Workbook(
            path,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "strings_to_numbers": False,
                "tmpdir": str(path.parent),
            },
        ) as book:
            sheets = _Sheets(book, names, sheet_rows)
            for row in rows:
                sheets.write(row)
                count += 1
            sheets.close()
    except FileCreateError as error:
        cause = error.args[0] if error.args else error
        raise cause if isinstance(cause, OSError) else OSError(str(cause)) from error
    notes = []
    if sheets.cut:
        cells = count_of(sheets.cut, "text")
        notes.append(f"Excel's limit of {CELL_CHARS:,} characters cut {cells} short.")
    if sheets.number > 1:
        notes.append(
            f"They take {sheets.number} sheets: one holds {sheet_rows:,} rows at most."
        )
    return count, notes


class _Sheets:
    """The sheets of a workbook, written one after the other."""

    def __init__(
        self, book: xlsxwriter.Workbook, names: Sequence[str], sheet_rows: int
    ) -> None:
        self._book, self._names, self._sheet_rows = book, names, sheet_rows
        self._bold = book.add_format({"bold": True})
        self._date = book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._widths = [len(name) + 2 for name in names]
        self.number = self.cut = 0
        self._sheet = self._begin()

    def write(self, row: tuple[object, ...]) -> None:
        """Write one row, on a new sheet if this one is full."""
        if self._line == self._sheet_rows:
            self.close()
            self._sheet = self._begin()
        for column, value in enumerate(row):
            width = self._write_cell(self._sheet, self._line, column, value)
            if self._line <= _SAMPLE_ROWS:
                self._widths[column] = max(self._widths[column], width + 1)
        self._line += 1

    def close(self) -> None:
        """End the present sheet."""
        for column, width in enumerate(self._widths):
            fit = min(max(width, _MIN_WIDTH), _MAX_WIDTH)
            self._sheet.set_column(column, column, fit)
        if self._names:
            self._sheet.autofilter(0, 0, self._line - 1, len(self._names) - 1)

    def _begin(self) -> Worksheet:
        """Begin a sheet with its heading, which stays in sight."""
        self.number += 1
        title = "answer" if self.number == 1 else f"answer {self.number}"
        sheet: Worksheet = self._book.add_worksheet(title)
        for column, name in enumerate(self._names):
            sheet.write_string(0, column, name, self._bold)
        sheet.freeze_panes(1, 0)
        self._line = 1
        return sheet

    def _write_cell(
        self, sheet: Worksheet, line: int, column: int, value: object
    ) -> int:
        """Write a value; return how wide it is, in characters."""
        if isinstance(value, dt.datetime | dt.date) and (moment := _moment(value)):
            is_moment = isinstance(value, dt.datetime)
            style = self._moment if is_moment else self._date
            sheet.write_datetime(line, column, moment, style)
            return 19 if is_moment else 10
        value = plain(value)
        if value is None:
            return 0
        if isinstance(value, bool):
            sheet.write_boolean(line, column, value)
        elif isinstance(value, float) or (
            isinstance(value, int) and abs(value) <= _EXACT
        ):
            sheet.write_number(line, column, value)
        else:
            text = cell_text(value)
            short = cut_text(text)
            self.cut += short != text
            sheet.write_string(line, column, short)
            return len(text)
        return len(str(value))


def _moment(value: dt.datetime | dt.date) -> dt.datetime | dt.date | None:
    """Return a time as Excel's calendar has it, in UTC; null if it has not."""
    if isinstance(value, dt.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(dt.UTC).replace(tzinfo=None)
        return value if value.date() >= _FIRST_DAY else None
    return value if value >= _FIRST_DAY else None


def cut_text(text: str) -> str:
    """Cut what Excel would refuse to hold, and mark it with an ellipsis.

    Examples:
        >>> len(cut_text("a" * 40_000)), len(cut_text("😀" * 40_000))
        (32767, 16384)
    """
    if 2 * len(text) <= CELL_CHARS:  # one code point takes two units at most
        return text
    data = text.encode("utf-16-le")
    if len(data) <= 2 * CELL_CHARS:
        return text
    kept = data[: 2 * (CELL_CHARS - 1)].decode("utf-16-le", errors="ignore")
    return kept + _CUT
