"""Whether a run's rows are fit to be published: looked at while they are staged.

The laws of ``verify`` are proved on the new rows, those of articles by the worker that
made them; and the run is compared with those before it. Nothing is published yet, so a
run can still be refused.

DuckDB is imported late: threads of Prefect outlive the interpreter's end, hold on to
all that the modules of the flow refer to, and DuckDB's binding complains at length.
"""

import glob
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from flows.drift import Breach, Drift, Quality, compare, last_runs, measure
from flows.laws import Law, document_laws, file_laws
from flows.places import open_place
from flows.settings import Settings
from tasks.errors import PipelineError
from tasks.schema import BATCH_TABLES, DOCUMENTS, RUNS, SOURCES, TABLES
from tasks.tables.parts import StagedPart, locate_part, table_file

if TYPE_CHECKING:
    import duckdb


def look_at_part(staged: StagedPart) -> tuple[Breach, ...]:
    """Prove the laws of single articles on the rows of a part, or a piece of one.

    The workers do: it takes the whole text, and no memory beyond that of a part.

    Args:
        staged: The part.

    Returns:
        The laws that it breaks.
    """
    with _open_staged([staged], BATCH_TABLES, threads=1) as tables:
        return tuple(_check_laws(tables, document_laws()))


def look_at_rows(
    staged: Iterable[StagedPart],
    row: pd.DataFrame,
    settings: Settings,
    breaches: tuple[Breach, ...],
    *,
    is_typical: bool,
) -> Quality:
    """Look at the rows of a run before they are published.

    Args:
        staged: Its parts.
        row: Its row of ``runs``.
        settings: Its settings.
        breaches: What ``look_at_part`` has found in its parts.
        is_typical: Whether it is like the runs before it; a replay is not.
    """
    from flows.reader import open_tables  # noqa: PLC0415  # brings DuckDB

    with _open_staged(staged, [DOCUMENTS.name, SOURCES.name]) as tables:
        tables.register(RUNS.name, row)
        breaches += tuple(_check_laws(tables, file_laws()))
        now = measure(tables, row["run_id"].tolist())
    drifts: tuple[Drift, ...] = ()
    if is_typical and open_place(settings.warehouse_dir).manifest() is not None:
        with open_tables(settings.warehouse_dir) as pinned:
            before = measure(pinned.duckdb(), last_runs(pinned.duckdb()))
        drifts = compare(now, before)
    laws = len([*document_laws(), *file_laws()])
    return Quality(laws, breaches, drifts, settings.warn_drift_percent / 100 or 1.0)


def refuse_drift(quality: Quality, settings: Settings) -> None:
    """Refuse a run that differs too much from those before it.

    Raises:
        PipelineError: It drifts further than ``refuse_drift_percent`` allows.
    """
    limit = settings.refuse_drift_percent / 100
    far = [drift for drift in quality.drifts if drift.exceeds(limit)]
    if limit and far:
        found = "; ".join(f"{d.measure} {d.now}, before {d.before}" for d in far)
        raise PipelineError(
            str(settings.warehouse_dir),
            f"the new articles differ from those of the last runs: {found}",
            "Nothing is published. If this is right, run once with"
            " ARTICLES_REFUSE_DRIFT_PERCENT=0.",
        )


def _open_staged(
    staged: Iterable[StagedPart], names: Iterable[str], threads: int | None = None
) -> "duckdb.DuckDBPyConnection":
    """Return a connection with a view of each table, empty ones too; it is a context.

    Args:
        staged: Parts.
        names: Tables.
        threads: How many may work on an answer; null for one a core.
    """
    import duckdb  # noqa: PLC0415  # see above

    tables = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    if threads:
        tables.execute("SET threads = ?", [threads])
    located = [locate_part(part) for part in staged]
    for name in names:
        files = [
            glob.escape(str(table_file(folder, name, part.stem)))
            for part, folder in located
            if name in part.files
        ]
        if files:
            tables.read_parquet(files, hive_partitioning=False).create_view(name)
        else:
            tables.register(name, TABLES[name].empty())
    return tables


def _check_laws(
    tables: "duckdb.DuckDBPyConnection", laws: Iterable[Law]
) -> Iterator[Breach]:
    laws = list(laws)
    for law, rows in zip(laws, _count_breaches(tables, laws), strict=True):
        if rows:
            found = tables.execute(
                "SELECT min(broken || ': ' || problem)"  # noqa: S608  # our own
                f" FROM ({law.sql}) AS found(broken, problem)"
            ).fetchone()
            yield Breach(law.sentence, rows, str(found[0] if found else ""))


def _count_breaches(
    tables: "duckdb.DuckDBPyConnection", laws: Sequence[Law]
) -> list[int]:
    """Count the rows that break each law, in one question: each costs 3 ms."""
    asked = {
        f"SELECT {at}, count(*) FROM ({law.sql})"  # noqa: S608  # our own
        for at, law in enumerate(laws)
        if not law.wrong
    }
    singles: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for at, law in enumerate(laws):
        if law.wrong:
            singles[law.table].append((at, law.wrong))
    for table, some in singles.items():
        places = [at for at, _ in some]
        counts = ", ".join(f"count_if({wrong})" for _, wrong in some)
        asked.add(f"SELECT unnest({places}), unnest([{counts}]) FROM {table}")  # noqa: S608
    rows = tables.execute(" UNION ALL ".join(sorted(asked))).fetchall()
    return [count for _, count in sorted(rows)]
