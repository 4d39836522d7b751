"""Laws of the contract in `tasks/schema.py`."""

import datetime as dt
import pickle

import pandas as pd
import pyarrow as pa
import pytest

from tasks.errors import ContractError
from tasks.schema import REMOVALS, TABLES, Field, Kind, tables_markdown

ROW = {
    "document_id": "a",
    "start_chars": 0,
    "end_chars": 3,
    "text": "abc",
    "rule_id": "r",
    "reason": "layout",
    "field": None,
}


def test_conform_gives_contract_order():
    """Columns come out in the order and with the types of the contract."""
    table = REMOVALS.conform(pd.DataFrame([dict(reversed(ROW.items()))]))

    assert table.schema.equals(REMOVALS.schema, check_metadata=True)
    assert table.to_pylist() == [ROW]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{k: v for k, v in ROW.items() if k != "text"}], "missing columns"),
        ([ROW | {"colour": "red"}], "unknown columns"),
        ([ROW | {"start_chars": "first"}], "start_chars"),
        ([ROW | {"text": None}], "non-nullable"),
        ([ROW, ROW], "key .* repeats in 1 of 2"),
    ],
    ids=["missing", "unknown", "type", "null", "repeated key"],
)
def test_conform_refuses(rows, problem):
    """A table that breaks the contract never reaches the disk."""
    with pytest.raises(ContractError, match=problem):
        REMOVALS.conform(pd.DataFrame(rows))


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_column_explains_itself(table):
    """Each column has a description, and keys and sort columns exist."""
    assert all(field.metadata[b"description"] for field in table.schema)
    assert {*table.key, *table.sort} <= set(table.schema.names)
    assert table.empty().schema.equals(table.schema)


def test_same_name_same_type():
    """A column of the same name has the same type in every table."""
    types: dict[str, set[pa.DataType]] = {}
    for table in TABLES.values():
        for field in table.schema:
            types.setdefault(field.name, set()).add(field.type)

    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


def test_metadata_fields_are_columns():
    """Evidence is kept for columns of documents only, or for what is named `other`."""
    assert {*Field} - {Field.OTHER} <= set(TABLES["documents"].schema.names)


def test_documentation_names_everything():
    """The generated documentation has every column and every closed value."""
    text = tables_markdown()

    for table in TABLES.values():
        assert f"### `{table.name}`" in text
        assert all(f"| `{name}` |" in text for name in table.schema.names)
    assert all(f"`{kind}`" in text for kind in Kind)


def test_errors_survive_pickling():
    """An error raised in a worker process keeps its parts."""
    error = ContractError("table 'x'", "is wrong", "Mend it.")

    assert str(pickle.loads(pickle.dumps(error))) == "table 'x': is wrong. Mend it."


def test_dates_conform():
    """Dates are stored as dates."""
    schema = TABLES["documents"].schema

    assert schema.field("published_on").type == pa.date32()
    assert pa.array([dt.date(2025, 1, 1)], pa.date32()).to_pylist()[0].year == 2025
