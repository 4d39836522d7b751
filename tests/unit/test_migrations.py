"""From an older schema to the present one: every column accounted for."""

import json

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tasks.errors import ContractError
from tasks.schema import SCHEMA_VERSION, TABLES
from tasks.tables.migrations import MIGRATIONS, Add, Drop, Rename, Retype, migrate
from tests.warehouse_rows import SCHEMAS

TYPES = {"string": pa.string(), "int32": pa.int32()}


def columns_of(schema):
    """Return the columns of a schema as the history writes them."""
    return {field.name: str(field.type) for field in schema}


def test_history_knows_the_present_schema():
    """A changed table is a new version, with a migration to it."""
    present = {name: columns_of(table.schema) for name, table in TABLES.items()}

    assert SCHEMAS[str(SCHEMA_VERSION)] == present, (
        "The tables have changed: raise SCHEMA_VERSION (unless the change is not on"
        " main yet), say in tasks/tables/migrations.py how old rows become new ones,"
        f" and add to tests/golden/cases/schemas.json: {json.dumps(present)}"
    )


def test_every_version_is_known():
    """There is a migration to each version but the first."""
    assert sorted(map(int, SCHEMAS)) == list(range(1, SCHEMA_VERSION + 1))
    assert sorted(MIGRATIONS) == list(range(2, SCHEMA_VERSION + 1))


@pytest.mark.parametrize("version", sorted(map(int, SCHEMAS)))
@pytest.mark.parametrize("table", TABLES)
def test_every_version_leads_to_the_present(table, version):
    """Without rows at least; what the values become is tested where a step needs it."""
    old = SCHEMAS[str(version)].get(table)
    if old is None:
        pytest.skip("the table is newer")
    present = TABLES[table].schema
    fields = [
        (name, present.field(name).type if name in present.names else TYPES[kind])
        for name, kind in old.items()
    ]

    rows = migrate(table, pa.schema(fields).empty_table(), version)

    assert rows.schema.equals(present, check_metadata=True)


def test_operations():
    """A column is added, renamed, converted or dropped; the rows stay in order."""
    old = pa.table({"name": ["b", "a"], "size": ["1", "2"], "junk": [0, 0]})
    steps = [
        Add(
            "t",
            "twice",
            lambda rows: pc.binary_join_element_wise(rows["name"], "x", ""),
        ),
        Add("t", "unknown"),
        Rename("t", "name", "title"),
        Retype("t", "size", lambda values: pc.cast(values, pa.int64())),
        Drop("t", "junk"),
    ]

    for step in steps:
        old = step.apply(old)

    assert old.to_pydict() == {
        "title": ["b", "a"],
        "size": [1, 2],
        "twice": ["bx", "ax"],
        "unknown": [None, None],
    }


def test_rows_of_the_first_schema():
    """Every step had one version then; a file without a hash is to get one."""
    schema = TABLES["sources"].schema
    names = [name for name in schema.names if name in SCHEMAS["1"]["sources"]]
    rows = pa.Table.from_pylist(
        [
            {"reason": reason, "source_path": path, "status": "rejected", "run_id": "r"}
            | {"document_count": 0, "rejected_members": []}
            for path, reason in {
                "a.txt": "blank",
                "b.odt": "unsupported_format",
            }.items()
        ],
        pa.schema([schema.field(name) for name in names]),
    )

    first = dict.fromkeys(("read", "clean", "detect", "split", "describe"), 1)
    again = dict.fromkeys(first, 0)
    assert migrate("sources", rows, 1)["step_versions"].to_pylist() == [first, again]


@pytest.mark.parametrize(
    "migrations",
    [{}, {2: (Add("runs", "nonsense"),)}],
    ids=["missing", "wrong"],
)
def test_forgotten_migration(migrations):
    """A schema without its migration is a bug that is named, not a broken table."""
    table = "sources" if not migrations else "runs"
    schema = TABLES[table].schema
    names = [name for name in schema.names if name != "step_versions"]
    rows = pa.schema([schema.field(name) for name in names]).empty_table()

    with pytest.raises(ContractError, match="does not become"):
        migrate(table, rows, 1, migrations)
