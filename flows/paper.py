"""How the command line prints: for a person, or for the next program in a pipe."""

import re
import sys
from collections.abc import Iterable
from typing import Literal, TextIO, cast

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table as Grid

from flows.streams import LossyOutlet, Outlet, visible

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


class Trimmed(Outlet):
    """A text stream without spaces at line ends, which rich fills lines up with."""

    def write(self, text: str) -> int:
        """Write whole lines; rich hands over what it prints in one piece."""
        super().write(trim(text))
        return len(text)


class Paper(Console):
    """A console that prints what it is given as it is, and only that.

    No markup and no control characters: the text comes from files of strangers.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the pieces to print, control characters made visible."""
        for segment in super().render(renderable, options):
            if segment.control is None:
                yield Segment(visible(segment.text), segment.style)
            else:
                yield segment

    def say(self, line: RenderableType, end: str = "\n") -> None:
        """Print a sentence: wrapped at words on a terminal, else in one line."""
        self.print(line, end=end, soft_wrap=not self.is_terminal)

    def on_broken_pipe(self) -> None:
        """Leave it to the command what a reader that is gone means."""
        raise BrokenPipeError


def open_paper(*, is_error: bool = False, is_quiet: bool = False) -> Paper:
    """Return where to print: colours and its own width only on a terminal."""
    stream = cast("TextIO", LossyOutlet(sys.stderr)) if is_error else sys.stdout
    is_terminal = stream.isatty()
    return Paper(
        file=stream if is_terminal else cast("TextIO", Trimmed(stream)),
        width=None if is_terminal else PIPE_COLUMNS,
        markup=False,
        emoji=False,
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
