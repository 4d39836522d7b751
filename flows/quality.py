"""Whether a run's rows are fit to be published: looked at while they are staged.

The laws of ``verify`` are proved on the new rows, and the run is compared with those
before it. Nothing is published yet, so a run can still be refused.

DuckDB is imported late: threads of Prefect outlive the interpreter's end, hold on to
all that the modules of the flow refer to, and DuckDB's binding complains at length.
"""

import glob
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import pandas as pd

from flows.drift import Breach, Drift, Quality, compare, last_runs, measure
from flows.laws import table_laws
from flows.places import open_place
from flows.settings import Settings
from tasks.errors import PipelineError
from tasks.schema import BATCH_TABLES, RUNS
from tasks.tables.parts import StagedPart, locate_part, table_file

if TYPE_CHECKING:
    import duckdb


def look_at_rows(
    staged: Iterable[StagedPart],
    row: pd.DataFrame,
    settings: Settings,
    *,
    is_typical: bool,
) -> Quality:
    """Look at the rows of a run before they are published.

    Args:
        staged: Its parts.
        row: Its row of ``runs``.
        settings: Its settings.
        is_typical: Whether it is like the runs before it; a replay is not.
    """
    from flows.reader import open_tables  # noqa: PLC0415  # brings DuckDB

    with _open_staged(list(staged), row) as tables:
        laws, breaches = _check_laws(tables)
        now = measure(tables, row["run_id"].tolist())
    drifts: tuple[Drift, ...] = ()
    if is_typical and open_place(settings.warehouse_dir).manifest() is not None:
        with open_tables(settings.warehouse_dir) as pinned:
            before = measure(pinned.duckdb(), last_runs(pinned.duckdb()))
        drifts = compare(now, before)
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
    staged: list[StagedPart], row: pd.DataFrame
) -> "duckdb.DuckDBPyConnection":
    """Return a connection with a view for each table of the run; it is a context."""
    import duckdb  # noqa: PLC0415  # see above

    tables = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    located = [locate_part(part) for part in staged]
    for name in BATCH_TABLES:
        files = [
            glob.escape(str(table_file(folder, name, part.stem)))
            for part, folder in located
            if name in part.files
        ]
        if files:
            tables.read_parquet(files, hive_partitioning=False).create_view(name)
    tables.register(RUNS.name, row)
    return tables


def _check_laws(tables: "duckdb.DuckDBPyConnection") -> tuple[int, tuple[Breach, ...]]:
    breaches = []
    laws = 0
    for sentence, problems in _prove(tables):
        laws += 1
        if problems:
            row, problem = problems[0]
            breaches.append(Breach(sentence, len(problems), f"{row}: {problem}"))
    return laws, tuple(breaches)


def _prove(
    tables: "duckdb.DuckDBPyConnection",
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    import duckdb  # noqa: PLC0415  # see above

    for law in table_laws():
        try:
            problems = tables.execute(law.sql).fetchall()
        except duckdb.CatalogException:
            continue  # about a table that is made only when publishing
        yield law.sentence, problems
