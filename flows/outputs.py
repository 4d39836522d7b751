"""In which formats an answer can be had. Nothing here is slow to import."""

from pathlib import Path
from typing import Literal, get_args

from tasks.errors import SettingsError

TextFormat = Literal["table", "csv", "json", "jsonl", "markdown"]
"""What can be printed."""

OutputFormat = Literal[TextFormat, "parquet", "xlsx"]
"""What can be written to a file."""

TEXT_FORMATS: tuple[TextFormat, ...] = get_args(TextFormat)
FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)

_SUFFIXES: dict[str, OutputFormat] = {
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "markdown",
    ".markdown": "markdown",
    ".parquet": "parquet",
    ".txt": "table",
    ".xlsx": "xlsx",
}


def printed_format(given: OutputFormat | None) -> TextFormat:
    """Return the format to print an answer in: as given, else a table.

    Raises:
        SettingsError: It cannot be printed.
    """
    if given == "parquet" or given == "xlsx":  # noqa: PLR1714  # mypy narrows no set
        raise SettingsError(
            f"--format {given}",
            "cannot be printed",
            f"Name a file with --output, e.g. --output answer.{given}.",
        )
    return given or "table"


def file_format(given: OutputFormat | None, file: Path) -> OutputFormat:
    """Return the format to write a file in: as given, else as its name says.

    Raises:
        SettingsError: The name says nothing.

    Examples:
        >>> file_format(None, Path("answer.XLSX"))
        'xlsx'
    """
    if chosen := given or _SUFFIXES.get(file.suffix.lower()):
        return chosen
    raise SettingsError(
        f"--output {file}",
        "does not say by its suffix in which format to write",
        f"Use one of {', '.join(_SUFFIXES)}, or add --format.",
    )
