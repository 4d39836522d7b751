"""How the command line prints: for a person, or for the next program in a pipe."""

import io
import re
import sys
from typing import Literal, TextIO, cast

from rich import box
from rich.console import Console
from rich.table import Table as Grid

PIPE_COLUMNS = 100
"""Width to fold text at where there is no terminal."""

_TRAILING = re.compile(r" +(?=\n)")


def trim(text: str) -> str:
    r"""Drop spaces at line ends.

    Examples:
        >>> trim("a  \nb \n")
        'a\nb\n'
    """
    return _TRAILING.sub("", text)


class Trimmed(io.TextIOBase):
    """A text stream without spaces at line ends, which rich fills lines up with."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write whole lines; rich hands over what it prints in one piece."""
        return self._stream.write(trim(text))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._stream.flush()


def open_paper(*, is_error: bool = False, is_quiet: bool = False) -> Console:
    """Return where to print: colours and its own width only on a terminal."""
    stream = sys.stderr if is_error else sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False, quiet=is_quiet)
    return Console(
        file=cast("TextIO", Trimmed(stream)),
        width=PIPE_COLUMNS,
        highlight=False,
        quiet=is_quiet,
    )


def make_grid(*columns: str, has_header: bool = True) -> Grid:
    """Make a table without vertical lines.

    Args:
        columns: Headings; one that begins with ``>`` is of numbers.
        has_header: Show the headings.
    """
    grid = Grid(
        box=box.SIMPLE_HEAD if has_header else None,
        show_header=has_header,
        header_style="dim",
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for name in columns:
        justify: Literal["left", "right"] = "right" if name[:1] == ">" else "left"
        grid.add_column(name.removeprefix(">"), justify=justify, overflow="fold")
    return grid


def print_grid(paper: Console, grid: Grid) -> None:
    """Print a table with a blank line after it; nothing if it is empty."""
    if grid.row_count:
        paper.print(grid)
        paper.print()
