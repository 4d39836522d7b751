"""Saved questions: SQL files with a heading, listed and asked by `articles examples`.

A file is ``flows/examples/NAME.sql``. Its heading is YAML in comments:

    -- title: What it is called
    -- answers: Which question it answers
    -- when_empty: What it means that there are no rows
    -- parameters:
    --   word: {default: harbour, meaning: what to look for}
    -- needs: [duplicates]
    -- earlier: true

``needs`` names tables that older warehouses lack; ``earlier`` says that it compares
with the snapshot before, whose tables are in the schema ``earlier``.
"""

import datetime as dt
import difflib
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from flows.query import SqlAnswer, ask
from flows.reader import Tables
from tasks.errors import PipelineError, SettingsError

_FOLDER = Path(__file__).parent / "examples"
_REMARK = "-- "

Value = str | int | float | dt.date


@dataclass(frozen=True, slots=True)
class Parameter:
    """What an example can be given.

    Attributes:
        default: Its value unless given; another must be of the same type.
        meaning: What it is, for a person.
    """

    default: Value
    meaning: str


@dataclass(frozen=True, slots=True)
class Example:
    """One saved question.

    Attributes:
        name: Stem of its file.
        title: What it is called.
        answers: Which question it answers.
        sql: The statement, without the heading.
        parameters: By name.
        needs: Tables that must be there.
        earlier: It compares with an earlier snapshot.
        when_empty: What it means that there are no rows.
    """

    name: str
    title: str
    answers: str
    sql: str
    parameters: dict[str, Parameter] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    earlier: bool = False
    when_empty: str = ""

    @property
    def usage(self) -> str:
        """How it is asked for, with the parameters it takes."""
        given = [f"[{name}={it.default}]" for name, it in self.parameters.items()]
        return " ".join([self.name, *given])


@functools.cache
def load_examples() -> dict[str, Example]:
    """Return the saved questions by name, in order of their names."""
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("*.sql"))}


def find_example(name: str) -> Example:
    """Return one saved question.

    Raises:
        SettingsError: There is none of this name.
    """
    examples = load_examples()
    if name in examples:
        return examples[name]
    similar = difflib.get_close_matches(name, examples, n=1, cutoff=0.5)
    guess = f"Did you mean {similar[0]!r}? " if similar else ""
    raise SettingsError(
        f"example {name!r}", "is not there", f"{guess}`articles examples` lists them."
    )


def read_values(example: Example, given: Sequence[str]) -> dict[str, Value]:
    """Return the value of every parameter.

    Args:
        example: The saved question.
        given: Values as typed, each ``name=value``; the others are the defaults.

    Raises:
        SettingsError: A name or a value does not fit.
    """
    values = {name: known.default for name, known in example.parameters.items()}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name not in values:
            known = ", ".join(f"{name}=..." for name in values) or "none"
            raise SettingsError(
                f"example {example.name!r}",
                f"does not know the parameter {text!r}",
                f"It takes {known}.",
            )
        values[name] = _convert(name, value, values[name])
    return values


def ask_example(
    tables: Tables, example: Example, values: Mapping[str, Value]
) -> SqlAnswer:
    """Ask a saved question.

    Raises:
        PipelineError: The snapshot lacks a table it needs.
    """
    if missing := [name for name in example.needs if name not in tables.names]:
        raise PipelineError(
            f"example {example.name!r}",
            f"needs the table {missing[0]}, which snapshot {tables.snapshot} lacks",
            "The next `articles run` that publishes makes it.",
        )
    return ask(tables, example.sql, values)


def _read(path: Path) -> Example:
    lines = path.read_text(encoding="utf-8").splitlines()
    count = next(i for i, line in enumerate(lines) if not line.startswith(_REMARK))
    heading = "\n".join(line.removeprefix(_REMARK) for line in lines[:count])
    facts = yaml.safe_load(heading)
    return Example(
        name=path.stem,
        title=facts["title"],
        answers=facts["answers"],
        sql="\n".join(lines[count:]),
        parameters={
            name: Parameter(**given)
            for name, given in facts.get("parameters", {}).items()
        },
        needs=tuple(facts.get("needs", ())),
        earlier=facts.get("earlier", False),
        when_empty=facts.get("when_empty", ""),
    )


def _convert(name: str, text: str, default: Value) -> Value:
    """Read a value as its default is: a number, a day or a text."""
    try:
        if isinstance(default, dt.date):
            return dt.date.fromisoformat(text)
        return type(default)(text)
    except ValueError as error:
        raise SettingsError(
            f"parameter {name}", f"cannot be {text!r}", f"Write it like {default}."
        ) from error
