"""Earlier states of the tables: what there is, and publishing one again."""

import sys
from datetime import UTC

from rich.text import Text

from flows.answers import write_rows
from flows.outputs import TextFormat
from flows.pages.reporter import write_report
from flows.paper import make_grid, open_paper, print_grid
from flows.plan import look_around, open_warehouse
from flows.reader import no_tables
from flows.settings import Settings
from flows.status import describe_work, local_time
from flows.summary import count_of
from tasks.errors import PipelineError
from tasks.schema import DOCUMENTS, PARAGRAPHS, TABLES
from tasks.tables.disk import human_bytes
from tasks.tables.warehouse import Snapshot

_SHOWN = {DOCUMENTS.name: "articles", PARAGRAPHS.name: "paragraphs"}


def show_snapshots(settings: Settings, output: TextFormat = "table") -> None:
    """Print the snapshots that can be read or rolled back to, newest first.

    Raises:
        PipelineError: There is none.
    """
    lines = open_warehouse(settings).snapshots()
    if not lines:
        raise no_tables(settings.warehouse_dir)
    if output == "table":
        _show_table(lines)
        return
    columns, rows = _records(lines)
    for piece in write_rows(output, columns, rows):
        sys.stdout.write(piece)


def _records(lines: list[Snapshot]) -> tuple[list[str], list[tuple[object, ...]]]:
    """Return columns and rows for a program: times in UTC, sizes in bytes."""
    columns = [
        "snapshot",
        "is_live",
        "published_at",
        "run_id",
        "restored_from",
        "schema_version",
        *TABLES,
        "size_bytes",
        "added_bytes",
    ]
    rows: list[tuple[object, ...]] = [
        (
            line.snapshot,
            line.is_live,
            line.created_at.astimezone(UTC).replace(tzinfo=None),
            line.run_id,
            line.restored_from,
            line.schema_version,
            *(line.rows.get(name, 0) for name in TABLES),
            line.size_bytes,
            line.added_bytes,
        )
        for line in lines
    ]
    return columns, rows


def _show_table(lines: list[Snapshot]) -> None:
    paper = open_paper()
    grid = make_grid(
        ">id", "published", "by", *(f">{n}" for n in _SHOWN.values()), ">adds", ""
    )
    for line in lines:
        grid.add_row(
            str(line.snapshot),
            local_time(line.created_at),
            _origin(line),
            *(f"{line.rows.get(name, 0):,}" for name in _SHOWN),
            human_bytes(line.added_bytes),
            Text("live", style="bold green") if line.is_live else "",
        )
    print_grid(paper, grid)
    total = human_bytes(sum(line.added_bytes for line in lines))
    paper.say(f"{count_of(len(lines), 'snapshot')}, {total} in all.")
    for label, example in (
        ("Read one:         ", 'articles query --snapshot ID "FROM documents"'),
        ("Publish it again: ", "articles rollback ID"),
    ):
        paper.say(Text(label, style="dim") + Text(example))


def _origin(line: Snapshot) -> str:
    if line.restored_from is not None:
        return f"back to {line.restored_from}"
    return f"run {line.run_id.rpartition('-')[2]}"  # the id is long, its end unique


def roll_back(settings: Settings, number: int) -> None:
    """Publish an earlier snapshot again and say what the next run will do.

    Args:
        settings: Where the tables and the raw folder are.
        number: Number of the snapshot.

    Raises:
        PipelineError: There is no such snapshot, a run is writing, or the disk refused.
    """
    paper = open_paper()
    warehouse = open_warehouse(settings, write_report)
    warehouse.find_snapshot(number)  # a wrong number need not wait for a run
    with warehouse.lock(wait=settings.wait_for_lock, tell=_tell_waiting):
        _, earlier = warehouse.find_snapshot(number)
        before = warehouse.manifest()
        if before and before.snapshot == number:
            paper.print(f"Snapshot {number} is live already: nothing written.")
            return
        manifest = warehouse.rollback(number)
    rows = manifest.rows
    paper.say(
        f"Snapshot {number} of {local_time(earlier.created_at)} is live again, as"
        f" snapshot {manifest.snapshot}:"
        f" {count_of(rows[DOCUMENTS.name], 'article')},"
        f" {count_of(rows[PARAGRAPHS.name], 'paragraph')}."
    )
    paper.say(_next_run(settings))
    if before and any(s.snapshot == before.snapshot for s in warehouse.snapshots()):
        paper.say(Text(f"To undo: articles rollback {before.snapshot}", style="dim"))


def _tell_waiting(owner: str) -> None:
    open_paper(is_error=True).say(f"Waiting for {owner}, which is writing.")


def _next_run(settings: Settings) -> Text:
    try:
        plan = look_around(settings)
    except PipelineError as error:
        return Text(f"The next run will fail: {error}", style="yellow")
    if not plan.has_work:
        return Text(
            f"{settings.raw_dir}/ is as it was then: the next run changes nothing."
        )
    return Text(
        f"The next run brings the tables up to date with {settings.raw_dir}/:"
        f" {describe_work(plan)}.",
        style="yellow",
    )
