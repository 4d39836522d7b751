"""Write: frames of one batch become staged Parquet files, then a published snapshot.

Workers stage, each its own part; one coordinator publishes.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun

from tasks.errors import ContractError, WarehouseError
from tasks.schema import BATCH_TABLES, DOCUMENTS, SOURCES, TABLES, Status
from tasks.tables import disk
from tasks.tables.parts import (
    StagedPart,
    describe_part,
    table_file,
    write_part,
)
from tasks.tables.warehouse import Warehouse

_FIX_STEP = "Fix the step that made these rows."


class RejectedMember(TypedDict):
    """One item of ``sources.rejected_members``."""

    member: str
    stage: str
    reason: str
    detail: str


class _Verdict(NamedTuple):
    status: str
    stage: str | None
    reason: str | None
    detail: str | None


def judge_source(document_count: int, rejected: list[RejectedMember]) -> _Verdict:
    """Say what became of a readable file, from the fate of its articles.

    Args:
        document_count: Articles that became documents.
        rejected: Articles that did not; ``member`` is empty if the file is one article.

    Returns:
        Status, and of the most frequent reason (of equals the first) the stage, the
        reason, and a detail for a person.

    Examples:
        >>> judge_source(1, [])
        _Verdict(status='accepted', stage=None, reason=None, detail=None)
        >>> blank = {"stage": "read", "reason": "blank", "detail": "only white space"}
        >>> judge_source(2, [{"member": "3", **blank}]).detail
        '1 of 3 articles rejected: blank 1'
        >>> judge_source(0, [{"member": "", **blank}]).detail
        'only white space'
    """
    status = Status.ACCEPTED.value if document_count else Status.REJECTED.value
    if not rejected:
        return _Verdict(status, None, None, None)
    reasons = Counter(item["reason"] for item in rejected).most_common()
    first = next(item for item in rejected if item["reason"] == reasons[0][0])
    detail = first["detail"]
    if first["member"]:
        counts = ", ".join(f"{reason} {count}" for reason, count in reasons)
        total = document_count + len(rejected)
        detail = f"{len(rejected)} of {total} articles rejected: {counts}"
    return _Verdict(status, str(first["stage"]), str(first["reason"]), detail)


def settle_sources(
    sources: pd.DataFrame,
    documents: pd.DataFrame,
    rejects: pd.DataFrame,
    articles: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Give every file of a batch its final status.

    Args:
        sources: One row per file, columns of ``schema.SOURCES``, as read. Files that
            are rejected or ignored by then stay so.
        documents: One row per document; needs ``source_path``.
        rejects: One row per rejected article: ``document_id``, ``stage``, ``reason``,
            ``detail``; also ``source_path`` and ``member`` if ``articles`` is missing.
        articles: One row per article: ``document_id``, ``source_path``, ``member``.

    Returns:
        ``sources`` with ``status``, ``stage``, ``reason``, ``detail``,
        ``document_count`` and ``rejected_members`` settled; same rows, same order.

    Raises:
        ContractError: The rows do not add up: a file without article and without
            reason, or an article of an unknown file. A bug in a step.
    """
    if articles is not None:
        places = articles[["document_id", "source_path", "member"]]
        rejects = rejects[["document_id", "stage", "reason", "detail"]].merge(
            places, on="document_id", how="left", validate="many_to_one"
        )
    counts = Counter(documents["source_path"])
    found = _group_rejects(rejects)
    readable = sources["status"] == Status.ACCEPTED
    if strays := (counts.keys() | found.keys()) - set(sources["source_path"][readable]):
        raise ContractError(
            f"table {SOURCES.name!r}",
            f"articles of {sorted(map(str, strays))[:3]}, which no step accepted",
            _FIX_STEP,
        )
    settled = sources.copy()
    rows = []
    for row in sources.to_dict("records"):
        path, members = row["source_path"], _members(row["rejected_members"])
        verdict = _Verdict(
            *(_known(row[key]) for key in ("status", "stage", "reason", "detail"))
        )
        if verdict.status == Status.ACCEPTED:
            rejected = sorted([*members, *found.get(path, [])], key=_member_order)
            if not counts[path] and not rejected:
                raise ContractError(
                    f"table {SOURCES.name!r}",
                    f"{path!r} was accepted but has no document and no reason",
                    _FIX_STEP,
                )
            verdict = judge_source(counts[path], rejected) if rejected else verdict
            members = [item for item in rejected if item["member"]]
        rows.append((*verdict, counts[path], members))
    columns = [*_Verdict._fields, "document_count", "rejected_members"]
    for column, values in zip(columns, zip(*rows, strict=True), strict=False):
        settled[column] = pd.Series(list(values), index=sources.index, dtype=object)
    settled["document_count"] = settled["document_count"].astype("int32")
    return settled


def stage_tables(
    tables: dict[str, pd.DataFrame], staging_dir: Path, stem: str
) -> StagedPart:
    """Write the frames of one batch as one part, durably.

    Args:
        tables: Frames by table, without ``runs``; a missing table has no rows. Needs
            ``sources`` for every document.
        staging_dir: Folder from ``Warehouse.new_staging_dir``.
        stem: Name from ``Warehouse.new_stem``; a retry overwrites.

    Returns:
        Rows, bytes and SHA-256 by table, for ``Warehouse.publish``.

    Raises:
        ContractError: A frame does not match its contract, or the frames do not
            belong together. Not retried.
        WarehouseError: The disk refused; nothing is left behind.
    """
    if unknown := sorted(tables.keys() - set(BATCH_TABLES)):
        raise ContractError(
            f"tables {unknown}", "cannot be staged", f"Stage {list(BATCH_TABLES)}."
        )
    conformed = {name: TABLES[name].conform(frame) for name, frame in tables.items()}
    _check_coherent(conformed)
    remedy = "Free space or fix permissions, then run again; the old tables are intact."
    with disk.reported(f"part {stem!r}", "write its files", remedy):
        try:
            return describe_part(write_part(conformed, staging_dir, stem), staging_dir)
        except OSError:
            for name in BATCH_TABLES:
                table_file(staging_dir, name, stem).unlink(missing_ok=True)
            raise


def _may_pass_on_retry(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """A busy disk may recover; a broken contract will not."""
    return isinstance(state.result(raise_on_failure=False), WarehouseError)


@task(
    name="write",
    retries=2,
    retry_delay_seconds=1,
    retry_condition_fn=_may_pass_on_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def write(tables: dict[str, pd.DataFrame], staging_dir: Path, stem: str) -> StagedPart:
    """Stage one batch; see ``stage_tables``."""
    return stage_tables(tables, staging_dir, stem)


@task(
    name="publish",
    retries=2,
    retry_delay_seconds=1,
    retry_condition_fn=_may_pass_on_retry,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def publish(  # noqa: PLR0913, PLR0917  # all that a commit is made of
    warehouse: Warehouse,
    staged: list[StagedPart],
    replaced_paths: pd.Series,
    run: pd.DataFrame,
    fingerprint: str,
    touched: pd.DataFrame,
) -> int:
    """Publish the staged parts; see ``Warehouse.publish``.

    Args:
        warehouse: Warehouse whose lock this process holds.
        staged: Parts of this run.
        replaced_paths: As a Series, because Prefect walks through lists and sets.
        run: One row of ``schema.RUNS``.
        fingerprint: What rows depend on besides the raw files.
        touched: Files with another time of change but the bytes that are known.

    Returns:
        Number of the snapshot.
    """
    manifest = warehouse.publish(staged, replaced_paths, run, fingerprint, touched)
    return manifest.snapshot


def _group_rejects(rejects: pd.DataFrame) -> dict[str, list[RejectedMember]]:
    grouped: dict[str, list[RejectedMember]] = defaultdict(list)
    for row in rejects.to_dict("records"):
        grouped[row["source_path"]].append(
            {
                "member": _known(row["member"]) or "",
                "stage": str(row["stage"]),
                "reason": str(row["reason"]),
                "detail": _known(row["detail"]) or "",
            }
        )
    return grouped


def _members(value: Any) -> list[RejectedMember]:  # noqa: ANN401  (a cell of a frame)
    """Return a list cell as a list; Arrow gives arrays, a missing cell gives null."""
    return list(value) if isinstance(value, Iterable) else []


def _known(value: Any) -> Any:  # noqa: ANN401  (a cell of a frame)
    return None if pd.isna(value) else value


def _member_order(item: RejectedMember) -> tuple[int, str]:
    member = item["member"]
    return (int(member) if member.isdecimal() else 0, member)


def _check_coherent(tables: dict[str, pa.Table]) -> None:
    """Refuse rows that could not be replaced together later.

    Rows are found again by document, and documents by raw file.
    """
    empty = {name: TABLES[name].empty() for name in BATCH_TABLES}
    tables = empty | tables
    documents, sources = tables[DOCUMENTS.name], tables[SOURCES.name]
    for name, rows in tables.items():
        if name in {DOCUMENTS.name, SOURCES.name}:
            continue
        ids = rows["document_id"]
        _refuse(name, "document", ids, pc.is_in(ids, _array(documents["document_id"])))
    paths = documents["source_path"]
    _refuse(
        DOCUMENTS.name, "source", paths, pc.is_in(paths, _array(sources["source_path"]))
    )
    counts = Counter(paths.to_pylist())
    expected = pa.array(
        [counts[path] for path in sources["source_path"].to_pylist()], pa.int32()
    )
    right = pc.equal(sources["document_count"], expected)
    _refuse(SOURCES.name, "right document_count", sources["source_path"], right)


def _array(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()


def _refuse(
    table: str, missing: str, values: pa.ChunkedArray, is_right: pa.ChunkedArray
) -> None:
    wrong = values.filter(pc.invert(is_right))
    if len(wrong):
        raise ContractError(
            f"table {table!r}",
            f"{len(wrong)} rows without {missing}, first {wrong[0].as_py()!r}",
            _FIX_STEP,
        )
