"""Where an answer goes: to standard output, or to a file that is there whole or not."""

import contextlib
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from flows.answers import TABLE_ROWS, unique, write_rows
from flows.outputs import OutputFormat, TextFormat
from flows.query import Answer
from flows.streams import visible
from flows.summary import count_of
from tasks.errors import PipelineError
from tasks.objects import Place
from tasks.tables.disk import human_bytes

_HUGE = pa.decimal128(38, 0)
"""What Arrow makes of DuckDB's HUGEINT, the type of every sum of whole numbers."""


def print_answer(
    answer: Answer, output: TextFormat, max_rows: int | None, when_empty: str = ""
) -> None:
    """Print an answer.

    Args:
        answer: The rows.
        output: How to write them.
        max_rows: Rows shown at most, 0 for all; null for ``TABLE_ROWS`` of a table and
            all rows of the other formats.
        when_empty: What to say instead of a table without rows.

    Raises:
        PipelineError: DuckDB cannot go on.
    """
    if max_rows is None:
        max_rows = TABLE_ROWS if output == "table" else 0
    show = visible if sys.stdout.isatty() and output != "table" else str
    rows = answer.rows()
    if when_empty and output == "table":
        first = next(rows, None)
        if first is None:
            sys.stdout.write(f"{when_empty}\n")
            return
        rows = itertools.chain([first], rows)
    for piece in write_rows(output, answer.names(), rows, max_rows):
        sys.stdout.write(show(piece))


def save_answer(
    answer: Answer,
    output: OutputFormat,
    file: Path,
    warehouse_dir: Place,
    max_rows: int | None = None,
) -> str:
    """Write an answer to a file, row by row; replace what was there, at the end.

    Args:
        answer: The rows.
        output: The format.
        file: File to write.
        warehouse_dir: Folder of the tables, where no file of anybody else may be.
        max_rows: Rows written at most; null or 0 for all.

    Returns:
        What was written, for a person.

    Raises:
        PipelineError: DuckDB cannot go on, or the file cannot be written. What was
            there before is untouched.
    """
    notes: list[str] = []
    with replacing(file, warehouse_dir) as partial:
        if output == "parquet":
            count = _write_parquet(answer, partial, max_rows or 0)
        elif output == "xlsx":
            from flows.excel import write_workbook  # noqa: PLC0415  # rarely needed

            count, notes = write_workbook(
                unique(answer.names()), _limited(answer, max_rows or 0), partial
            )
        else:
            rows = _Counted(_limited(answer, max_rows or 0))
            with partial.open("w", encoding="utf-8", newline="") as stream:
                stream.writelines(write_rows(output, answer.names(), rows))
            count = rows.count
    size = human_bytes(file.stat().st_size)
    return " ".join([f"{count_of(count, 'row')} written to {file} ({size}).", *notes])


class _Counted:
    """Rows that are counted on their way."""

    def __init__(self, rows: Iterator[tuple[object, ...]]) -> None:
        self._rows, self.count = rows, 0

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        for row in self._rows:
            self.count += 1
            yield row


def _limited(answer: Answer, max_rows: int) -> Iterator[tuple[object, ...]]:
    for index, row in enumerate(answer.rows()):
        if max_rows and index == max_rows:
            return
        yield row


@contextlib.contextmanager
def replacing(file: Path, warehouse_dir: Place) -> Iterator[Path]:
    """Give a new file that takes the place of ``file`` once the block is done.

    Args:
        file: File to write.
        warehouse_dir: Folder of the tables, where no file of anybody else may be.

    Raises:
        PipelineError: It cannot be written. What was there before is untouched.
    """
    target = file.resolve()
    _refuse_place(file, target, warehouse_dir.resolve())
    partial = None
    try:
        descriptor, name = tempfile.mkstemp(
            prefix=f".{target.name[:100]}.", suffix=".partial", dir=target.parent
        )
        partial = Path(name)
        os.close(descriptor)
        partial.chmod(target.stat().st_mode if target.exists() else _usual_mode())
        yield partial
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        partial.replace(target)
    except OSError as error:
        raise PipelineError(
            str(file),
            f"cannot be written ({error.strerror or error})",
            "Free space or name another file; what was there is untouched.",
        ) from error
    finally:
        if partial is not None:
            partial.unlink(missing_ok=True)


def _refuse_place(file: Path, target: Path, warehouse_dir: Place) -> None:
    own: list[Path] = []
    if isinstance(warehouse_dir, Path):
        own = [warehouse_dir, warehouse_dir.with_name(f".{warehouse_dir.name}")]
    if any(target.is_relative_to(folder) for folder in own):
        problem, remedy = (
            "lies in the folder of the tables, where only runs write",
            "Name a file somewhere else.",
        )
    elif not target.parent.is_dir():
        problem, remedy = (
            f"cannot be written: there is no folder {target.parent}",
            "Make it, or name a file somewhere else.",
        )
    elif target.exists() and not target.is_file():
        problem, remedy = (
            "is not a file",
            "Name a file; to print the answer, leave --output out.",
        )
    else:
        return
    raise PipelineError(str(file), problem, remedy)


def _usual_mode() -> int:
    """Return the permissions of a new file."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _write_parquet(answer: Answer, path: Path, max_rows: int) -> int:
    schema, batches = answer.batches()
    names = unique(schema.names)
    fields = [
        pa.field(name, pa.int64() if field.type == _HUGE else field.type)
        for name, field in zip(names, schema, strict=True)
    ]
    target, count = pa.schema(fields), 0
    with pq.ParquetWriter(path, target, compression="zstd") as writer:
        for batch in batches:
            rows = pa.Table.from_batches([batch]).rename_columns(names)
            if max_rows:
                rows = rows.slice(0, max_rows - count)
            try:
                writer.write_table(rows.cast(target))
            except pa.ArrowInvalid as error:
                raise PipelineError(
                    str(path.name),
                    f"a whole number is too large for Parquet ({error})",
                    "Cast the column to DOUBLE or VARCHAR in the statement.",
                ) from error
            count += rows.num_rows
            if max_rows and count >= max_rows:
                break
    return count
