"""Read the tables from Python: one snapshot for as many questions as you like.

::

    from flows.reader import open_tables

    with open_tables("warehouse") as tables:
        tables.pandas("documents", columns=["title"], where="language = 'de'")
        tables.duckdb().sql("SELECT reason, count(*) FROM rejects GROUP BY ALL")
"""

import contextlib
import difflib
import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.errors import PipelineError, WarehouseError
from tasks.schema import TABLES, Status
from tasks.tables.manifest import Manifest
from tasks.tables.parts import DAMAGED
from tasks.tables.snapshots import read_manifest
from tasks.tables.warehouse import Warehouse

if TYPE_CHECKING:
    import polars as pl

REJECTS = "rejects"
"""View with one row per rejected file, and per rejected article inside a file."""

_REJECTS_SQL = f"""
    CREATE VIEW {REJECTS} AS
    SELECT source_path, NULL::VARCHAR AS member, stage, reason, detail, run_id
    FROM sources WHERE status = '{Status.REJECTED.value}'
    UNION ALL
    SELECT source_path, piece.member, piece.stage, piece.reason, piece.detail, run_id
    FROM (SELECT *, unnest(rejected_members) AS piece FROM sources)
"""  # noqa: S608  # a constant of the contract


class Tables:
    """The tables of one snapshot, and ``rejects``; made by ``open_tables``.

    Attributes:
        folder: Folder of the snapshot, laid out as the warehouse: for tools of your
            own, inside the ``with`` block.
        snapshot: Its number.
        names: What can be read.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        connection: duckdb.DuckDBPyConnection,
        names: Sequence[str],
    ) -> None:
        self.folder = folder
        self.snapshot = manifest.snapshot
        self.names = tuple(names)
        self._connection = connection

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """Return a connection in memory with a view for each of ``names``.

        It is closed at the end of the ``with`` block; use ``.cursor()`` for threads.
        """
        return self._connection

    def arrow(
        self, name: str, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pa.Table:
        """Read a table as Arrow, with the types and descriptions of its files.

        Args:
            name: One of ``names``.
            columns: Columns wanted, in this order; null for all.
            where: Rows wanted, as a condition in SQL: ``"language = 'de'"``.

        Raises:
            PipelineError: There is no such table or column.
            duckdb.Error: The condition is wrong.
        """
        self._check(name, columns)
        chosen = "*" if columns is None else ", ".join(map(_quote, columns))
        sql = f"SELECT {chosen} FROM {_quote(name)}"  # noqa: S608  # quoted
        if where is not None:
            sql += f" WHERE {where}"
        rows = self._connection.sql(sql).to_arrow_table()
        if name == REJECTS:
            return rows
        file = next((self.folder / name).glob("*.parquet"))
        schema = pq.read_schema(file)
        fields = [schema.field(column) for column in rows.schema.names]
        return rows.cast(pa.schema(fields, schema.metadata))

    def pandas(
        self, name: str, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pd.DataFrame:
        """Read a table as pandas does; arguments as in ``arrow``."""
        return cast("pd.DataFrame", self.arrow(name, columns, where).to_pandas())

    def polars(
        self, name: str, columns: Sequence[str] | None = None, where: str | None = None
    ) -> "pl.DataFrame":
        """Read a table as a Polars frame; arguments as in ``arrow``.

        Raises:
            ImportError: Polars is not installed.
        """
        try:
            import polars as pl  # noqa: PLC0415  # optional
        except ImportError as error:
            raise ImportError(
                "Polars is not installed: `pip install polars`, or use pandas()"
            ) from error
        return cast("pl.DataFrame", pl.from_arrow(self.arrow(name, columns, where)))

    def _check(self, name: str, columns: Sequence[str] | None) -> None:
        if name not in self.names:
            raise PipelineError(
                f"table {name!r}",
                f"is not in snapshot {self.snapshot}",
                _suggest(name, self.names),
            )
        known = [column[0] for column in self._connection.table(name).description]
        for column in columns or ():
            if column not in known:
                raise PipelineError(
                    f"column {column!r}",
                    f"is not in table {name!r}",
                    _suggest(column, known),
                )


@contextlib.contextmanager
def open_tables(
    warehouse: str | os.PathLike[str] = "warehouse", snapshot: int | None = None
) -> Iterator[Tables]:
    """Pin one snapshot of a warehouse, for several questions that must agree.

    Runs that publish meanwhile do not disturb it; nothing is copied. The pin goes at
    the end of the ``with`` block. Where nothing may be written, the snapshot is read in
    place.

    Args:
        warehouse: Folder of the tables.
        snapshot: Number of an earlier snapshot (``articles snapshots``); null for the
            live one. It is shown with the columns it had.

    Yields:
        The tables.

    Raises:
        PipelineError: There is no such warehouse or snapshot, or a file is missing.
    """
    with (
        _pinned(Path(warehouse), snapshot) as folder,
        open_folder(folder, read_manifest(folder)) as tables,
    ):
        yield tables


@contextlib.contextmanager
def open_folder(folder: Path, manifest: Manifest) -> Iterator[Tables]:
    """Open a snapshot that nobody replaces meanwhile, as the one being built.

    Args:
        folder: Folder of the snapshot.
        manifest: Its manifest.

    Raises:
        WarehouseError: A file is damaged.
    """
    connection = duckdb.connect(
        config={"autoinstall_known_extensions": "false"}  # no network, ever
    )
    try:
        names = _open_views(connection, folder, manifest)
        yield Tables(folder, manifest, connection, names)
    finally:
        connection.close()


@contextlib.contextmanager
def _pinned(warehouse_dir: Path, snapshot: int | None) -> Iterator[Path]:
    """Give a folder that stays as it is."""
    warehouse = Warehouse(warehouse_dir)
    if warehouse.manifest() is None:
        raise no_tables(warehouse_dir)
    folder, manifest = warehouse.find_snapshot(snapshot)
    for _, file, _ in manifest.paths():
        if not (folder / file).exists() and (
            (folder, manifest) == warehouse.find_snapshot(snapshot)
        ):
            raise WarehouseError(str(folder / file), "is missing", DAMAGED)
    with warehouse.pin(snapshot) as pinned:
        yield pinned


def _open_views(
    connection: duckdb.DuckDBPyConnection, folder: Path, manifest: Manifest
) -> list[str]:
    """Make a view of every table, in the order of the contract, and ``rejects``."""
    found = {table for table, _, _ in manifest.paths()}
    names = [*(name for name in TABLES if name in found), *sorted(found - {*TABLES})]
    for name in names:
        pattern = f"{glob.escape(str(folder / name))}/*.parquet".replace("'", "''")
        try:
            # A folder `a=b` above the warehouse is no column.
            connection.execute(
                f"CREATE VIEW {_quote(name)} AS"
                f" FROM read_parquet('{pattern}', hive_partitioning = false)"
            )
        except duckdb.Error as error:
            raise WarehouseError(
                f"table {name!r}", f"cannot be read ({error})", DAMAGED
            ) from error
    # Tables of a very old version may not tell what was rejected.
    with contextlib.suppress(duckdb.BinderException, duckdb.CatalogException):
        connection.execute(_REJECTS_SQL)
        names.append(REJECTS)
    return names


def no_tables(warehouse_dir: Path) -> PipelineError:
    """Return the error of a command that needs tables where there are none."""
    if earlier := Warehouse(warehouse_dir).snapshots():
        return PipelineError(
            str(warehouse_dir),
            "holds no tables any more, but there are earlier snapshots",
            f"`articles rollback {earlier[0].snapshot}` publishes the last one again,"
            " `articles run` makes the tables anew.",
        )
    return PipelineError(
        str(warehouse_dir),
        "holds no tables yet",
        "Run `articles run` first, or name another folder with --warehouse.",
    )


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _suggest(name: str, known: Sequence[str]) -> str:
    similar = difflib.get_close_matches(name, known, n=1)
    guess = f"Did you mean {similar[0]!r}? " if similar else ""
    return f"{guess}There are {', '.join(known)}."
