"""From an older schema to the present one, without reading a raw file.

Every version of the schema says in ``MIGRATIONS`` how the rows of the version before
become its own. What can only be found out by reading an article again gets a null or a
default here and an entry in ``tasks/logic.py``, so that the next run reads the articles
concerned.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pyarrow as pa

from tasks.errors import ContractError
from tasks.schema import SCHEMA_VERSION, TABLES


@dataclass(frozen=True, slots=True)
class Add:
    """A column that is new.

    Attributes:
        table: Table that has it now.
        column: Its name.
        fill: Makes its values from the rows before; null for a column of nulls.
    """

    table: str
    column: str
    fill: Callable[[pa.Table], pa.Array | pa.ChunkedArray] | None = None

    def apply(self, rows: pa.Table) -> pa.Table:
        """Return the rows with the column."""
        values = self.fill(rows) if self.fill else pa.nulls(len(rows))
        return rows.append_column(self.column, values)


@dataclass(frozen=True, slots=True)
class Rename:
    """A column that has another name since."""

    table: str
    old: str
    new: str

    def apply(self, rows: pa.Table) -> pa.Table:
        """Return the rows with the column under its new name."""
        return rows.rename_columns({self.old: self.new})


@dataclass(frozen=True, slots=True)
class Retype:
    """A column whose values are of another type since.

    Attributes:
        table: Table that has it.
        column: Its name.
        convert: Makes the new values; whatever Arrow casts safely needs no ``Retype``.
    """

    table: str
    column: str
    convert: Callable[[pa.ChunkedArray], pa.Array | pa.ChunkedArray]

    def apply(self, rows: pa.Table) -> pa.Table:
        """Return the rows with the column's new values."""
        index = rows.column_names.index(self.column)
        return rows.set_column(index, self.column, self.convert(rows[self.column]))


@dataclass(frozen=True, slots=True)
class Drop:
    """A column that is gone since."""

    table: str
    column: str

    def apply(self, rows: pa.Table) -> pa.Table:
        """Return the rows without the column."""
        return rows.drop_columns([self.column])


Operation: TypeAlias = Add | Rename | Retype | Drop


# What a migration knows of types and values is written out, not imported: it is about
# the past, which the present schema may have left behind.

_STEPS_OF_2 = ("read", "clean", "detect", "split", "describe")


def _first_versions(rows: pa.Table) -> pa.Array:
    """Return version 1 of every step: before 2 there was no other."""
    return _versions_of_2([1] * len(rows))


def _first_versions_of_files(rows: pa.Table) -> pa.Array:
    """Return version 1 of every step; 0 where 2 would know a hash: look again."""
    unhashed = {"unsupported_format", "too_large"}
    return _versions_of_2([int(r not in unhashed) for r in rows["reason"].to_pylist()])


def _versions_of_2(versions: list[int]) -> pa.Array:
    fields = [pa.field(step, pa.int16(), nullable=False) for step in _STEPS_OF_2]
    rows = [dict.fromkeys(_STEPS_OF_2, version) for version in versions]
    return pa.array(rows, pa.struct(fields))


def _unknown_script(rows: pa.Table) -> pa.Array:
    return pa.array(["Zzzz"] * len(rows), pa.string())


def _own_language(rows: pa.Table) -> pa.ChunkedArray:
    """Return the language: a tag that says no more is right too."""
    return rows["language"]


def _no_spans(rows: pa.Table) -> pa.Array:
    names = ("start_chars", "end_chars", "language", "score")
    types = (pa.int32(), pa.int32(), pa.string(), pa.float32())
    fields = [
        pa.field(name, kind, nullable=False)
        for name, kind in zip(names, types, strict=True)
    ]
    return pa.array([[]] * len(rows), pa.list_(pa.struct(fields)))


def _no_times(rows: pa.Table) -> pa.Array:
    fields = [
        pa.field("source_path", pa.string(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
    ]
    return pa.array([[]] * len(rows), pa.list_(pa.struct(fields)))


MIGRATIONS: Mapping[int, tuple[Operation, ...]] = {
    2: (
        Add("documents", "step_versions", _first_versions),
        Add("sources", "step_versions", _first_versions_of_files),
    ),
    3: (
        Add("documents", "script", _unknown_script),
        Add("documents", "language_tag", _own_language),
        Add("paragraphs", "script", _unknown_script),
        Add("paragraphs", "language_tag", _own_language),
        Add("paragraphs", "foreign_spans", _no_spans),
    ),
    4: (Add("documents", "text_minhash"),),
    5: (Add("sources", "survey"),),
    6: (Add("runs", "slowest_files", _no_times),),
}
"""What each version changed, by version."""


def migrate(
    table: str,
    rows: pa.Table,
    version: int,
    migrations: Mapping[int, tuple[Operation, ...]] = MIGRATIONS,
) -> pa.Table:
    """Turn rows of an older schema into rows of the present one.

    Args:
        table: Table they are of.
        rows: Whole rows, as many as there are.
        version: Schema version they were written with.
        migrations: What each version changed.

    Returns:
        The same rows in the same order, with exactly the columns of the contract.

    Raises:
        ContractError: A version lacks its migration, or has one that does not lead to
            the present columns.
    """
    schema = TABLES[table].schema
    for following in range(version + 1, SCHEMA_VERSION + 1):
        for operation in migrations.get(following, ()):
            if operation.table == table:
                rows = operation.apply(rows)
    if sorted(rows.column_names) != sorted(schema.names):
        raise ContractError(
            f"table {table!r}",
            f"schema {version} does not become {SCHEMA_VERSION}: columns"
            f" {sorted(set(rows.column_names) ^ set(schema.names))} differ",
            "Add the missing operations to tasks/tables/migrations.py.",
        )
    try:
        return rows.select(schema.names).cast(schema)
    except (pa.ArrowException, ValueError) as error:
        raise ContractError(
            f"table {table!r}",
            f"schema {version} does not become {SCHEMA_VERSION}: {error}",
            "Add a Retype to tasks/tables/migrations.py.",
        ) from error
