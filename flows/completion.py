"""What Tab offers in `articles shell`: names and values that fit at the cursor."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from prompt_toolkit.completion import (
    CompleteEvent,
    Completer,
    Completion,
    PathCompleter,
)
from prompt_toolkit.document import Document

from flows.outputs import TEXT_FORMATS
from flows.reader import Tables
from flows.saved import load_examples
from tasks.schema import (
    TABLES,
    Compression,
    EncodingMethod,
    Field,
    Format,
    Kind,
    Precision,
    Reason,
    RemovalReason,
    Status,
    Step,
)

# What a column can hold, by its name; `reason` is one of two lists.
_ENUMS: Mapping[str, Sequence[type[StrEnum]]] = {
    "compression": (Compression,),
    "encoding_method": (EncodingMethod,),
    "field": (Field,),
    "format": (Format,),
    "kind": (Kind,),
    "published_precision": (Precision,),
    "reason": (Reason, RemovalReason),
    "stage": (Step,),
    "status": (Status,),
}
# Columns with few enough values to offer those that occur, by a table that has them.
_OCCURRING = {
    "encoding": "documents",
    "language": "paragraphs",
    "language_tag": "paragraphs",
    "publisher": "documents",
    "rule_id": "removals",
    "run_id": "runs",
    "script": "paragraphs",
    "section": "documents",
    "source_path": "sources",
}
_VALUES_SHOWN = 200

_WORD = re.compile(r"\w*$")
_AFTER_TABLE_WORD = re.compile(
    r"\b(?:FROM|JOIN|TABLE|DESCRIBE|SUMMARIZE)\s+(?:\w+\s*,\s*)*\w*$", re.IGNORECASE
)
_QUALIFIED = re.compile(r"\b(\w+)\.(\w*)$")
_IN_TEXT = re.compile(
    r"\b(\w+)\s*(?:=|<>|!=|==|\bI?LIKE\b|\bIN\s*\((?:\s*'[^']*'\s*,)*)\s*('?)([^']*)$",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"\b(?:FROM|JOIN|,)\s*(?:earlier\.)?(\w+)(?:\s+(?:AS\s+)?(\w+))?", re.IGNORECASE
)

_NO_ALIAS = re.compile(
    "WHERE|JOIN|LEFT|RIGHT|FULL|INNER|CROSS|ANTI|SEMI|ON|USING|GROUP|ORDER|LIMIT|SELECT"
    "|HAVING|UNION|EXCEPT|INTERSECT|QUALIFY|NATURAL|ASOF|WINDOW",
    re.IGNORECASE,
)


class SqlCompleter(Completer):
    """Completes SQL and the shell's own commands.

    Args:
        tables: Returns the snapshot that is open now.
        commands: The shell's commands, each with what it does.
    """

    def __init__(
        self, tables: Callable[[], Tables], commands: Mapping[str, str]
    ) -> None:
        self._tables, self._commands = tables, commands
        self._paths = PathCompleter(expanduser=True)
        self._snapshot: int | None = None
        self._columns: dict[str, dict[str, str]] = {}
        self._words: list[tuple[str, str]] = []
        self._values: dict[str, list[str]] = {}

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Yield what fits, the most likely first."""
        self._look()
        before = document.text_before_cursor
        if before.lstrip().startswith("."):
            yield from self._complete_command(before.lstrip(), complete_event)
        elif value := _IN_TEXT.search(before):
            yield from self._complete_value(value[1].lower(), value[2], value[3])
        elif not before.count("'") % 2:
            yield from self._complete_name(before, document.text)

    def _look(self) -> None:
        """Learn the names of the snapshot that is open now."""
        tables = self._tables()
        if tables.snapshot == self._snapshot:
            return
        self._snapshot = tables.snapshot
        self._values = {}
        ask = tables.duckdb().execute
        self._columns = {
            name: {
                column: _meaning(name, column) or dtype.lower()
                for column, dtype, *_ in ask(f"DESCRIBE {name}").fetchall()
            }
            for name in tables.names
        }
        keywords = ask(
            "SELECT DISTINCT upper(keyword_name) FROM duckdb_keywords()"
            " WHERE keyword_category = 'reserved' OR keyword_name IN"
            " ('by', 'over', 'partition', 'filter', 'exclude', 'replace', 'join',"
            " 'left', 'full', 'anti', 'semi', 'is', 'between', 'like', 'ilike',"
            " 'exists')"
            " ORDER BY ALL"
        ).fetchall()
        functions = ask(
            "SELECT function_name, any_value(description) FROM duckdb_functions()"
            " WHERE function_type IN ('scalar', 'aggregate', 'macro')"
            " AND regexp_full_match(function_name, '[a-z][a-z0-9_]*')"
            " GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        self._words = [(word, "") for (word,) in keywords]
        self._words += [(f"{name}(", text or "function") for name, text in functions]

    def _complete_command(
        self, before: str, event: CompleteEvent
    ) -> Iterator[Completion]:
        command, space, rest = before.partition(" ")
        if not space:
            yield from _offer(command, self._commands.items())
        elif command == ".schema":
            yield from _offer(rest, ((name, "") for name in self._columns))
        elif command == ".format":
            yield from _offer(rest, ((name, "") for name in TEXT_FORMATS))
        elif command == ".examples" and " " not in rest:
            examples = load_examples().values()
            yield from _offer(rest, ((it.name, it.title) for it in examples))
        elif command == ".examples":
            name, _, given = rest.rpartition(" ")
            if example := load_examples().get(name.partition(" ")[0]):
                parameters = example.parameters.items()
                yield from _offer(given, ((f"{n}=", p.meaning) for n, p in parameters))
        elif command == ".export":
            yield from self._paths.get_completions(Document(rest), event)

    def _complete_value(
        self, column: str, quote: str, typed: str
    ) -> Iterator[Completion]:
        if not quote and typed:
            return
        for value in self._occurring(column):
            if value.lower().startswith(typed.lower()):
                shown = value.replace("'", "''")
                text = f"{shown}'" if quote else f"'{shown}'"
                yield Completion(text, -len(typed), display=value)

    def _occurring(self, column: str) -> list[str]:
        if column in _ENUMS:
            return [value.value for enum in _ENUMS[column] for value in enum]
        table = _OCCURRING.get(column)
        if table not in self._columns:
            return []
        if column not in self._values:
            # DuckDB reads only this column; both names are ours.
            sql = (
                f"SELECT {column} FROM {table} WHERE {column} IS NOT NULL"  # noqa: S608
                f" GROUP BY ALL ORDER BY count(*) DESC, 1 LIMIT {_VALUES_SHOWN}"
            )
            rows = self._tables().duckdb().execute(sql).fetchall()
            self._values[column] = [value for (value,) in rows]
        return self._values[column]

    def _complete_name(self, before: str, whole: str) -> Iterator[Completion]:
        if qualified := _QUALIFIED.search(before):
            owner, typed = qualified[1].lower(), qualified[2]
            if owner == "earlier":
                yield from self._offer_tables(typed)
            table = _aliases(whole).get(owner, owner)
            yield from _offer(typed, self._columns.get(table, {}).items())
            return
        word = _WORD.search(before)
        typed = word[0] if word else ""
        if _AFTER_TABLE_WORD.search(before):
            yield from self._offer_tables(typed)
            return
        if not typed:
            return
        named = [name for name in _aliases(whole).values() if name in self._columns]
        columns: dict[str, str] = {}
        for table in named or self._columns:
            columns |= self._columns[table]
        yield from _offer(typed, columns.items())
        yield from self._offer_tables(typed)
        yield from _offer(typed, self._words)

    def _offer_tables(self, typed: str) -> Iterator[Completion]:
        meanings = {name: table.rows for name, table in TABLES.items()}
        yield from _offer(typed, ((n, meanings.get(n, "")) for n in self._columns))


def _offer(typed: str, known: Iterable[tuple[str, str]]) -> Iterator[Completion]:
    for word, meaning in known:
        if word.lower().startswith(typed.lower()) and word != typed:
            yield Completion(word, -len(typed), display_meta=meaning)


def _aliases(text: str) -> dict[str, str]:
    """Return the tables that a statement names, by alias and by name.

    Examples:
        >>> _aliases("SELECT d. FROM documents d JOIN earlier.runs USING (x)")
        {'documents': 'documents', 'd': 'documents', 'runs': 'runs'}
    """
    found = {}
    for table, alias in _NAMED.findall(text):
        found[table.lower()] = table.lower()
        if alias and not _NO_ALIAS.fullmatch(alias):
            found[alias.lower()] = table.lower()
    return found


def _meaning(table: str, column: str) -> str:
    if table not in TABLES or column not in TABLES[table].schema.names:
        return ""
    meaning: bytes = TABLES[table].schema.field(column).metadata[b"description"]
    return meaning.decode()
