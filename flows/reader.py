"""Read the tables from Python: one snapshot for as many questions as you like.

::

    from flows.reader import open_tables

    with open_tables("warehouse") as tables:
        tables.pandas("documents", columns=["title"], where="language = 'de'")
        tables.sql("SELECT reason, count(*) FROM rejects GROUP BY ALL").show()
        tables.search("harbour")

In a notebook, ``tables = open_tables("warehouse")`` does as well: the snapshot is let
go with ``tables.close()``, or when Python ends.
"""

import contextlib
import difflib
import glob
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from flows.places import find_place, open_place
from tasks.errors import PipelineError, WarehouseError
from tasks.objects import Place
from tasks.schema import TABLES, Status
from tasks.tables.manifest import Manifest
from tasks.tables.parts import DAMAGED
from tasks.tables.snapshots import read_manifest

if TYPE_CHECKING:
    import polars as pl

REJECTS = "rejects"
"""View with one row per rejected file, and per rejected article inside a file."""

EARLIER = "earlier"
"""Schema of the views of a second, earlier snapshot, to compare with."""

VIEWS = {
    REJECTS: """
        SELECT source_path, NULL::VARCHAR AS member, stage, reason, detail, run_id
        FROM {schema}.sources WHERE status = '{rejected}'
        UNION ALL
        SELECT source_path, piece.member, piece.stage, piece.reason, piece.detail,
            run_id
        FROM (SELECT *, unnest(rejected_members) AS piece FROM {schema}.sources)
    """,
    "unique_documents": """
        FROM {schema}.documents ANTI JOIN {schema}.duplicates USING (document_id)
    """,
    "unique_paragraphs": """
        FROM {schema}.paragraphs ANTI JOIN {schema}.duplicates USING (document_id)
        ANTI JOIN {schema}.repeats USING (text_hash)
    """,
}
"""Views beside the tables: what was rejected, one article of each cluster of
duplicates, and its paragraphs without those that stand in several articles."""


class Tables:
    """The tables of one snapshot, and ``VIEWS``; made by ``open_tables``.

    Attributes:
        folder: Folder of the snapshot, laid out as the warehouse: for tools of your
            own, until the tables are closed.
        snapshot: Its number.
        earlier: Number of the snapshot whose tables are in the schema ``earlier``
            (``FROM earlier.documents``); null for none.
        names: What can be read.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        warehouse: Place,
        before: Path | None,
        pins: contextlib.ExitStack,
    ) -> None:
        with pins as stack:
            self._connection = duckdb.connect(
                config={"autoinstall_known_extensions": "false"}  # no network, ever
            )
            stack.callback(self._connection.close)
            self.folder, self.snapshot = folder, manifest.snapshot
            self.earlier: int | None = None
            self._rows = manifest.rows
            self._warehouse = warehouse
            self.names = tuple(_open_views(self._connection, folder, manifest, "main"))
            if before is not None:
                earlier = read_manifest(before)
                self.earlier = earlier.snapshot
                self._connection.execute(f"CREATE SCHEMA {EARLIER}")
                _open_views(self._connection, before, earlier, EARLIER)
            # Let go when Python ends at the latest, but never by a forked child.
            self._closing = weakref.finalize(self, _close, stack.pop_all(), os.getpid())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        rows = [f"{name} {self._rows[name]:,}" for name in self.names if name in TABLES]
        return f"<snapshot {self.snapshot} of {self._warehouse}: {', '.join(rows)}>"

    def close(self) -> None:
        """Let go of the snapshot; nothing can be asked any more."""
        self._closing()

    def sql(
        self, statement: str, parameters: Mapping[str, object] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """Ask in SQL.

        Args:
            statement: What to ask, e.g. ``FROM documents WHERE language = $code``.
            parameters: Values for ``$name`` in the statement.

        Returns:
            The answer: ``.show()`` prints it, ``.df()``, ``.pl()`` and
            ``.to_arrow_table()`` give it to pandas, Polars and Arrow, and
            ``.fetchall()`` to Python.

        Raises:
            duckdb.Error: The statement is wrong.
        """
        return self._connection.sql(
            statement, params=dict(parameters) if parameters else None
        )

    def search(
        self, words: str, *, language: str | None = None, limit: int = 20
    ) -> pd.DataFrame:
        """Find paragraphs and titles that hold the words, the best first.

        Args:
            words: As for ``articles search``.
            language: Code of the paragraphs' language; null for all.
            limit: Rows at most.

        Returns:
            One row per paragraph or title; ``matches`` are the places of the words in
            ``text``.
        """
        from flows.search import Hit, Search, search_tables  # noqa: PLC0415  # a circle

        languages = () if language is None else (language,)
        found = search_tables(self, Search(words, languages, limit=limit))
        return pd.DataFrame(found.hits, columns=Hit._fields)

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """Return a connection in memory with a view for each of ``names``.

        It is closed with the tables; use ``.cursor()`` for threads.
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
        if name in VIEWS:
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
                suggest(name, self.names),
            )
        known = [column[0] for column in self._connection.table(name).description]
        for column in columns or ():
            if column not in known:
                raise PipelineError(
                    f"column {column!r}",
                    f"is not in table {name!r}",
                    suggest(column, known),
                )


def open_tables(
    warehouse: str | os.PathLike[str] = "warehouse",
    snapshot: int | None = None,
    earlier: int | None = None,
) -> Tables:
    """Pin one snapshot of a warehouse, for several questions that must agree.

    Runs that publish meanwhile do not disturb it; nothing is copied, but for what lies
    on object storage and was not read here before (setting `cache_dir`). The pin goes
    at the end of a ``with`` block, with ``close()``, or when Python ends. Where nothing
    may be written, the snapshot is read in place.

    Args:
        warehouse: Folder of the tables, or their URL: ``s3://bucket/warehouse``.
        snapshot: Number of an earlier snapshot (``articles snapshots``); null for the
            live one. It is shown with the columns it had.
        earlier: Number of a second snapshot to compare with: its tables are in the
            schema ``earlier``.

    Raises:
        PipelineError: There is no such warehouse or snapshot, or a file is missing.
    """
    with contextlib.ExitStack() as pins:
        place = find_place(warehouse)
        folder = pins.enter_context(_pinned(place, snapshot))
        before = None
        if earlier is not None:
            before = pins.enter_context(_pinned(place, earlier))
        manifest = read_manifest(folder)
        return Tables(folder, manifest, place, before, pins.pop_all())


def table_files(
    warehouse: str | os.PathLike[str], name: str, snapshot: int | None = None
) -> list[str]:
    """Name the files of a table, for tools that read object storage by themselves.

    Nothing is copied. In a folder, ``<name>/*.parquet`` says the same of the live
    snapshot; on object storage those are the files of several snapshots.

    Args:
        warehouse: URL of the tables, or their folder.
        name: Name of the table.
        snapshot: Number of an earlier snapshot; null for the live one.

    Returns:
        URLs, readable for a day after another snapshot has replaced theirs; or paths.

    Raises:
        PipelineError: There is no such warehouse, snapshot or table.
    """
    place = find_place(warehouse)
    files = open_place(place).list_files(name, snapshot)
    if not files:
        raise PipelineError(
            f"table {name!r}", f"is not in {place}", suggest(name, tuple(TABLES))
        )
    return files


def open_folder(folder: Path, manifest: Manifest) -> Tables:
    """Open a snapshot that nobody replaces meanwhile, as the one being built.

    Args:
        folder: Folder of the snapshot.
        manifest: Its manifest.

    Raises:
        WarehouseError: A file is damaged.
    """
    return Tables(folder, manifest, folder, None, contextlib.ExitStack())


def _close(stack: contextlib.ExitStack, process: int) -> None:
    if os.getpid() == process:
        stack.close()


@contextlib.contextmanager
def _pinned(warehouse_dir: Place, snapshot: int | None) -> Iterator[Path]:
    """Give a folder that stays as it is."""
    warehouse = open_place(warehouse_dir)
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
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    manifest: Manifest,
    schema: str,
) -> list[str]:
    """Make a view of every table, in the order of the contract, then ``VIEWS``."""
    found = {table for table, _, _ in manifest.paths()}
    names = [*(name for name in TABLES if name in found), *sorted(found - {*TABLES})]
    for name in names:
        pattern = f"{glob.escape(str(folder / name))}/*.parquet".replace("'", "''")
        try:
            # A folder `a=b` above the warehouse is no column.
            connection.execute(
                f"CREATE VIEW {schema}.{_quote(name)} AS"
                f" FROM read_parquet('{pattern}', hive_partitioning = false)"
            )
        except duckdb.Error as error:
            raise WarehouseError(
                f"table {name!r}", f"cannot be read ({error})", DAMAGED
            ) from error
    for name, sql in VIEWS.items():
        select = sql.format(schema=schema, rejected=Status.REJECTED.value)
        # Tables of an older version may not tell.
        with contextlib.suppress(duckdb.BinderException, duckdb.CatalogException):
            connection.execute(f"CREATE VIEW {schema}.{name} AS {select}")
            names.append(name)
    return names


def find_earlier(warehouse_dir: Place, snapshot: int | None = None) -> int:
    """Return the number of the snapshot before one, or before the live one.

    Raises:
        PipelineError: There is none.
    """
    lines = open_place(warehouse_dir).snapshots()
    if not lines:
        raise no_tables(warehouse_dir)
    number = lines[0].snapshot if snapshot is None else snapshot
    for line in lines:
        if line.snapshot < number:
            return line.snapshot
    raise PipelineError(
        str(warehouse_dir),
        f"keeps no snapshot before {number}, so there is nothing to compare with",
        "The next `articles run` that changes something makes one.",
    )


def no_tables(warehouse_dir: Place) -> PipelineError:
    """Return the error of a command that needs tables where there are none."""
    if earlier := open_place(warehouse_dir).snapshots():
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


def suggest(name: str, known: Sequence[str]) -> str:
    """Return what to say of a name that is not known."""
    similar = difflib.get_close_matches(name, known, n=1)
    guess = f"Did you mean {similar[0]!r}? " if similar else ""
    return f"{guess}There are {', '.join(known)}."
