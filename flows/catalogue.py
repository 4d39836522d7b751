"""What there is to ask: the list of saved questions, tables and columns."""

from collections.abc import Collection

from rich.padding import Padding
from rich.text import Text

from flows.paper import make_grid, open_paper, print_grid
from flows.places import open_place
from flows.reader import REJECTS, Tables, suggest
from flows.saved import load_examples
from tasks.errors import SettingsError
from tasks.objects import Place
from tasks.schema import TABLES, type_name

_VIEWS = {
    REJECTS: "one row per rejected file, and per rejected article inside a file",
    "unique_documents": "documents without those that repeat an earlier one",
    "unique_paragraphs": "their paragraphs, without those of several articles",
}


def show_examples(warehouse_dir: Place) -> None:
    """Print the saved questions that the tables there can answer, or else all."""
    manifest = open_place(warehouse_dir).manifest()
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


def show_tables(tables: Tables) -> None:
    """Print what can be read, with the number of rows."""
    grid = make_grid("table", ">rows", "")
    for name in tables.names:
        ((rows,),) = tables.duckdb().table(name).count("*").fetchall()
        meaning = TABLES[name].rows if name in TABLES else _VIEWS.get(name, "")
        grid.add_row(name, f"{rows:,}", meaning)
    print_grid(open_paper(), grid)


def show_columns(tables: Tables, name: str | None = None) -> None:
    """Print the columns of a table, or of all.

    Raises:
        SettingsError: There is no such table.
    """
    if name is not None and name not in tables.names:
        raise SettingsError(
            f"table {name!r}",
            f"is not in snapshot {tables.snapshot}",
            suggest(name, tables.names),
        )
    paper = open_paper()
    for table in tables.names if name is None else [name]:
        paper.print(Text(table, style="bold"))
        grid = make_grid("column", "type", "null", "meaning")
        for column, dtype, *_ in (
            tables.duckdb().execute(f"DESCRIBE {table}").fetchall()
        ):
            known = table in TABLES and column in TABLES[table].schema.names
            field = TABLES[table].schema.field(column) if known else None
            grid.add_row(
                column,
                type_name(field.type) if field else dtype.lower(),
                "yes" if field is not None and field.nullable else "",
                field.metadata[b"description"].decode() if field else "",
            )
        print_grid(paper, grid)
