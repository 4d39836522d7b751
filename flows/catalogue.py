"""What there is to ask: the list of saved questions, tables and columns."""

from collections.abc import Collection
from pathlib import Path

from rich.padding import Padding
from rich.text import Text

from flows.paper import open_paper
from flows.reader import REJECTS
from flows.saved import load_examples
from tasks.schema import TABLES
from tasks.tables.warehouse import Warehouse


def show_examples(warehouse_dir: Path) -> None:
    """Print the saved questions that the tables there can answer, or else all."""
    manifest = Warehouse(warehouse_dir).manifest()
    there = {*TABLES}
    if manifest is not None:
        there = {table for table, _, _ in manifest.paths()}
    list_examples(there)
    hint = "Ask one: articles examples mentions word=ferry; --sql shows how it asks."
    open_paper().say(Text(hint, style="dim"))


def list_examples(tables: Collection[str]) -> None:
    """Print the saved questions that need none but these tables."""
    paper = open_paper()
    for example in load_examples().values():
        if {*example.needs} <= {*tables, REJECTS}:
            paper.print(Text(example.usage, style="bold"), soft_wrap=True)
            paper.print(Padding(Text(example.answers), (0, 0, 0, 4)))
