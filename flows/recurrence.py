"""Which lines recur in the folders of a run, and which known files that concerns.

A pair of lines recurs if it stands in three files of one folder with different content.
That depends on nothing but the files of the folder, so a run counts anew where any of
them is new, changed or gone: the surveys of the files it is going to read together with
those that ``sources`` has of the others. A file that a pair stands in which now recurs,
or no longer does, is read again.

Nothing here imports Prefect. DuckDB counts, in bounded memory.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from flows.ledger import Cause
from flows.plan import Plan
from tasks.errors import WarehouseError
from tasks.files.formats import COMPRESSIONS, FORMATS
from tasks.schema import SOURCES, Format
from tasks.survey import SURVEYS
from tasks.tables.warehouse import Warehouse
from tasks.text.recurrence import RECURRING_FILES

_TEXTS = tuple(
    suffix + packed
    for suffix, article_format in FORMATS.items()
    if article_format is Format.TEXT
    for packed in ("", *COMPRESSIONS)
)
_MEMORY = "1GB"
_MANY_FOLDERS = 100
_ROWS_AT_ONCE = 8_192

_TABLES = """
    -- What is known of the files that stay as they are, and of those read or gone now.
    CREATE VIEW known AS
    SELECT source_path, survey, folder_id FROM ledger
    JOIN folders ON folder = parse_dirpath(source_path, 'forward_slash')
    WHERE survey IS NOT NULL;
    CREATE VIEW kept AS FROM known ANTI JOIN replaced USING (source_path);
    CREATE VIEW gone AS FROM known SEMI JOIN replaced USING (source_path);
    CREATE VIEW found AS
    SELECT source_path, survey, folder_id FROM surveys
    JOIN folders ON folder = parse_dirpath(source_path, 'forward_slash');
    -- A use: a pair of lines in a folder, and the content of a file that has it.
    CREATE MACRO uses(files) AS TABLE
    SELECT source_path, survey.content AS content,
        (folder_id << 32) + unnest(survey.pairs) AS use
    FROM query_table(files);
"""

_NEAR = """
    CREATE TEMP TABLE moved AS
    FROM (
        SELECT use, content, true AS before, false AS after FROM uses('gone')
        UNION ALL SELECT use, content, false, true FROM uses('found')
    )
    WHERE (SELECT count(*) > 0 FROM kept);
    CREATE TEMP TABLE near AS
    FROM uses('kept') WHERE use IN (SELECT use FROM moved);
"""

_AFFECTED = """
    WITH holders AS (
        SELECT use, content, bool_or(before) AS before, bool_or(after) AS after
        FROM (
            FROM moved WHERE use IN (SELECT use FROM near)
            UNION ALL SELECT use, content, true, true FROM near
        )
        GROUP BY ALL
    )
    SELECT DISTINCT source_path FROM near WHERE use IN (
        SELECT use FROM holders GROUP BY ALL
        HAVING (count_if(before) >= {least}) <> (count_if(after) >= {least})
    )
"""

_KEPT = "uses('kept') WHERE use IN (SELECT use FROM uses('wanted'))"

_COUNT = """
    CREATE VIEW wanted AS
    FROM found UNION ALL (FROM kept SEMI JOIN affected USING (source_path));
    COPY (
        WITH holders AS (
            SELECT DISTINCT use, content
            FROM (FROM uses('found') UNION ALL FROM {kept})
        ),
        recurring AS (
            SELECT use FROM holders GROUP BY ALL HAVING count(*) >= {least}
        ),
        own AS (
            SELECT source_path, list((use & 4294967295)::UINTEGER) AS recurring
            FROM uses('wanted') WHERE use IN (FROM recurring) GROUP BY ALL
        )
        SELECT source_path, survey, recurring
        FROM wanted LEFT JOIN own USING (source_path) ORDER BY source_path
    ) TO '{file}' (FORMAT parquet, ROW_GROUP_SIZE {rows})
"""


def find_recurring(
    plan: Plan, warehouse: Warehouse, survey: Callable[[pd.DataFrame, Path], None]
) -> tuple[Plan, Path | None]:
    """Find out which lines recur in the folders of the files to read, or gone.

    Args:
        plan: What the run has to do.
        warehouse: Its tables; locked.
        survey: Surveys files before they are read, into files in a folder.

    Returns:
        The plan, with the known files in which lines begin or cease to recur; and the
        file that says what recurs in the files to read: see ``survey.COUNTED``. Null
        if nothing can.

    Raises:
        WarehouseError: The disk or the memory does not suffice.
    """
    files, folders = list_counted(plan)
    if not folders:
        return plan, None
    folder = warehouse.new_staging_dir()
    survey(files, folder)
    counted = folder / "counted.parquet"
    try:
        return count_recurring(plan, warehouse, folder, folders, counted), counted
    except (duckdb.Error, OSError) as error:
        raise WarehouseError(
            str(warehouse.live),
            f"the lines of its files could not be counted: {error}",
            "Free space or memory, then run again; the old tables are intact.",
        ) from error


def list_counted(plan: Plan) -> tuple[pd.DataFrame, list[str]]:
    """Tell which files have to be surveyed before the run.

    Args:
        plan: What the run has to do.

    Returns:
        Rows of ``plan.todo``, and the folders in which anything may recur: of those
        with a plain text that is read or gone now the ones with enough plain texts.
    """
    todo = plan.todo["source_path"].tolist()
    concerned = {_folder(path) for path in [*todo, *plan.deleted] if _is_text(path)}
    if not concerned:
        return plan.todo.iloc[:0], []
    found = [*plan.files["source_path"].tolist(), *plan.deleted]
    counts = Counter(
        folder
        for path in found
        if (folder := _folder(path)) in concerned and _is_text(path)
    )
    # A replay does not look for what is gone: more may be known than found.
    least = 0 if Cause.REPLAYED.value in plan.causes else RECURRING_FILES
    folders = {folder for folder in concerned if counts[folder] >= least}
    is_counted = [_folder(path) in folders and _is_text(path) for path in todo]
    files = plan.todo[np.array(is_counted, dtype=np.bool_)]
    return files.reset_index(drop=True), sorted(folders)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _is_text(path: str) -> bool:
    return path.lower().endswith(_TEXTS)


def count_recurring(
    plan: Plan,
    warehouse: Warehouse,
    surveys_dir: Path,
    folders: list[str],
    file: Path,
) -> Plan:
    """Count what recurs, and add to the plan the known files that it concerns.

    Args:
        plan: What the run has to do.
        warehouse: Where the surveys of the other files are; locked.
        surveys_dir: Folder with files of ``survey.SURVEYS``: of the files to read.
        folders: Folders to count in; see ``list_counted``.
        file: Written: rows of ``survey.COUNTED`` for every file of these folders that
            is to be read.

    Returns:
        The plan, with more to read if lines began or ceased to recur.
    """
    replaced = [*plan.todo["source_path"], *plan.deleted]
    surveys = sorted(surveys_dir.glob("*.parquet"))
    with duckdb.connect(config={"memory_limit": _MEMORY}) as tables:
        tables.execute("SET preserve_insertion_order = false")
        tables.execute("SET temp_directory = ?", [str(file.parent)])
        numbered = _column("folder", folders)
        numbers = pa.array(range(len(folders)), pa.int64())
        tables.register("folders", numbered.append_column("folder_id", numbers))
        tables.register("replaced", _column("source_path", replaced))
        known = _open(_list_known(warehouse)).filter(_in_folders(folders))
        tables.register("ledger", known)
        tables.register("surveys", _open(surveys))
        tables.execute(_TABLES)
        tables.execute(_NEAR)
        found = tables.execute(_AFFECTED.format(least=RECURRING_FILES)).fetchall()
        affected = {path for (path,) in found}
        tables.register("affected", _column("source_path", affected))
        tables.execute(
            _COUNT.format(
                least=RECURRING_FILES,
                kept=_KEPT if affected else "near",
                file=str(file).replace("'", "''"),
                rows=_ROWS_AT_ONCE,
            )
        )
    return _widen(plan, affected)


def _column(name: str, values: Iterable[str]) -> pa.Table:
    return pa.table({name: pa.array(list(values), pa.string())})


def _list_known(warehouse: Warehouse) -> list[Path]:
    """List the files of ``sources``; none if they have an older schema."""
    manifest = warehouse.manifest()
    if manifest is None or warehouse.needs_migration:
        return []
    return [
        warehouse.live / file
        for table, file, _ in manifest.paths()
        if table == SOURCES.name
    ]


def _open(files: list[Path]) -> pads.Dataset:
    """Open files of surveys so that DuckDB reads what it needs, when it needs it."""
    if not files:
        return pads.dataset(SURVEYS.empty_table())
    return pads.dataset([str(file) for file in files], SURVEYS, format="parquet")


def _in_folders(folders: list[str]) -> pc.Expression:
    """Return what only rows in or below some folders meet: most need no reading."""
    is_here = pc.scalar(len(folders) > _MANY_FOLDERS or "" in folders)
    for folder in [] if len(folders) > _MANY_FOLDERS else folders:
        path, after = pc.field("source_path"), chr(ord("/") + 1)
        is_here |= (path >= f"{folder}/") & (path < f"{folder}{after}")
    return is_here


def _widen(plan: Plan, affected: set[str]) -> Plan:
    if not affected:
        return plan
    paths = plan.files["source_path"]
    is_todo = paths.isin(affected | {*plan.todo["source_path"]})
    is_touched = ~plan.touched["source_path"].isin(affected)
    return plan._replace(
        todo=plan.files[is_todo].reset_index(drop=True),
        causes=plan.causes + Counter({Cause.RECURRING.value: len(affected)}),
        touched=plan.touched[is_touched].reset_index(drop=True),
    )
