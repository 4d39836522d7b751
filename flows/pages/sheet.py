"""What all pages share: templates, style, and how a value is written on a page.

What the tables hold was written by strangers. Templates escape everything, control
characters are made visible, marks of direction end with their own cell, and the page
itself forbids scripts and requests of any kind.
"""

import datetime as dt
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from babel import Locale
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from flows.streams import visible
from tasks.languages import UNDETERMINED

_FOLDER = Path(__file__).parent / "templates"
_CELL_CHARS = 240
_WORD_CHARS = 20
_SMALL_PERCENT = 10
_LARGE = 100


class Cell(NamedTuple):
    """One value as it is shown.

    Attributes:
        lines: The value; several for a list.
        note: What it means, smaller.
        is_number: Whether it is set to the right.
        is_long: Whether it may be broken anywhere to fit.
        fill: Share of the cell that a bar takes, 0 to 1; null for no bar.
    """

    lines: tuple[str, ...]
    note: str = ""
    is_number: bool = False
    is_long: bool = False
    fill: float | None = None


def make_page(template: str, **values: object) -> str:
    """Return a page.

    Args:
        template: Name of the template.
        values: What it shows.
    """
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["visible"] = visible
    environment.globals["style"] = (_FOLDER / "style.css").read_text(encoding="utf-8")
    return environment


def write_cell(column: str, value: object, notes: dict[str, str] | None = None) -> Cell:
    """Write a value the way its column and its type ask for.

    Args:
        column: Heading of its column: one with ``share`` in it is in per cent.
        value: The value.
        notes: What values mean, by value.

    Examples:
        >>> write_cell("share", 0.0625).lines
        ('6.2%',)
        >>> write_cell("language", "de")
        Cell(lines=('German',), note='de', is_number=False, is_long=False, fill=None)
    """
    if isinstance(value, list | tuple):
        return Cell(tuple(_cut(visible(str(item))) for item in value), is_long=True)
    if value is None:
        return Cell(("–",))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Cell((_write_number(column, value),), is_number=True)
    written = f"{value:%Y-%m-%d %H:%M}" if isinstance(value, dt.datetime) else value
    text = _cut(visible(str(written)))
    if column == "language" and (name := name_language(text)) != text:
        return Cell((name,), text)
    return Cell((text,), (notes or {}).get(text, ""), is_long=len(text) > _WORD_CHARS)


def _write_number(column: str, value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if "share" in column:
        percent = 100 * value
        is_small = 0 < percent < _SMALL_PERCENT
        return f"{percent:.1f}%" if is_small else f"{percent:.0f}%"
    if "score" in column or "similarity" in column:
        return f"{value:.2f}"
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:,.1f}"


def _cut(text: str) -> str:
    return text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - 1] + "…"


@functools.cache
def name_language(code: str) -> str:
    """Return the English name of a language; the code itself if it has none.

    Examples:
        >>> name_language("uk"), name_language("und"), name_language("x-y")
        ('Ukrainian', 'not known', 'x-y')
    """
    if code == UNDETERMINED:
        return "not known"
    return str(Locale("en").languages.get(code, code))


def fill_bars(cells: Sequence[Cell], values: Sequence[Any]) -> list[Cell]:
    """Give the labels of rows their bars, the largest value a full one.

    Examples:
        >>> [cell.fill for cell in fill_bars([Cell(("a",)), Cell(("b",))], [1, 4])]
        [0.25, 1.0]
    """
    largest = max((value for value in values if value), default=0)
    return [
        cell._replace(fill=float(value) / float(largest)) if largest and value else cell
        for cell, value in zip(cells, values, strict=True)
    ]
