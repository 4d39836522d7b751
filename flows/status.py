"""What the tables hold, what is waiting in ``raw/``, and what the last runs did."""

from datetime import UTC, datetime

from rich.text import Text

from flows.drift import compare_last_run
from flows.paper import make_grid, open_paper, print_grid
from flows.plan import Plan, look_around, open_warehouse
from flows.reader import no_tables, open_tables
from flows.settings import Settings
from flows.summary import causes_line, count_of
from tasks.errors import PipelineError, WarehouseError
from tasks.objects import ObjectUrl
from tasks.schema import Status
from tasks.tables.disk import human_bytes
from tasks.tables.manifest import Manifest

_RUNS = 5


def show_status(settings: Settings) -> None:
    """Print the state of the warehouse.

    Raises:
        PipelineError: There is no warehouse yet, or it cannot be read.
    """
    paper = open_paper()
    manifest = open_warehouse(settings).manifest()
    if manifest is None:
        raise no_tables(settings.warehouse_dir)
    paper.say(
        Text(f"{settings.warehouse_dir}/", style="bold")
        + Text(
            f"  snapshot {manifest.snapshot}{_restored(manifest)},"
            f" {ago(manifest.created_at)} ({local_time(manifest.created_at)}),"
            f" {human_bytes(manifest.size_bytes)}"
        )
    )
    paper.say(_waiting(settings))
    paper.say(_publishing(settings), end="\n\n")
    with open_tables(settings.warehouse_dir) as pinned:
        tables = pinned.duckdb()
        grid = make_grid("table", ">rows")
        for name, rows in manifest.rows.items():
            grid.add_row(name, f"{rows:,}")
        print_grid(paper, grid)
        grid = make_grid("files", ">count", "")
        for status, reason, count in tables.execute(
            "SELECT status, reason, count(*) FROM sources"
            " GROUP BY ALL ORDER BY status, count(*) DESC, reason"
        ).fetchall():
            is_part = status == Status.ACCEPTED and reason
            label = f"{status} in part" if is_part else status
            grid.add_row(label, f"{count:,}", Text(reason or "", style="dim"))
        print_grid(paper, grid)
        grid = make_grid(
            "run", ">read", ">rejected", ">deleted", ">articles", ">seconds"
        )
        for row in tables.execute(
            "SELECT started_at, files_processed, files_rejected, files_deleted,"
            " documents_written, ended_at - started_at FROM runs"
            " ORDER BY started_at DESC LIMIT ?",
            [_RUNS],
        ).fetchall():
            started, *counts, took = row
            grid.add_row(
                local_time(started.replace(tzinfo=UTC)),
                *(f"{count:,}" for count in counts),
                f"{took.total_seconds():.1f}",
            )
        print_grid(paper, grid)
        limit = settings.warn_drift_percent / 100
        for drift in compare_last_run(tables):
            if limit and drift.exceeds(limit):
                paper.say(Text(f"The last run differs: {drift}.", style="yellow"))


def _waiting(settings: Settings) -> Text:
    """Tell what the next run would do."""
    try:
        plan = look_around(settings)
    except PipelineError as error:
        return Text(f"raw folder: {error}", style="yellow")
    found = count_of(len(plan.files), "file")
    if not plan.has_work:
        return Text(
            f"Up to date with the {found} in {settings.raw_dir}/.", style="green"
        )
    return Text(
        f"Waiting in {settings.raw_dir}/, of {found}: {describe_work(plan)}."
        " Run `articles run`.",
        style="yellow",
    )


def _publishing(settings: Settings) -> Text:
    """Tell whether and how a run of this user would publish."""
    if isinstance(settings.warehouse_dir, ObjectUrl):
        return Text(
            "Runs publish by a manifest of which the store takes only the first.",
            style="dim",
        )
    try:
        powers = open_warehouse(settings).probe()
    except WarehouseError as error:
        return Text(f"A run would be refused: {error.problem}.", style="yellow")
    if powers.can_exchange:
        return Text("Runs exchange the folder in one step.", style="dim")
    return Text(
        "Runs replace the folder by two renames: this file system cannot exchange"
        " folders. A reader may find it missing for an instant.",
        style="yellow",
    )


def describe_work(plan: Plan) -> str:
    """Return what a run would do, as a list."""
    parts = [causes_line(plan.causes)] if plan.causes else []
    if plan.deleted:
        parts.append(f"{len(plan.deleted):,} deleted")
    if plan.retimed_count:
        parts.append(f"{plan.retimed_count:,} with a new time of change")
    if plan.is_migration:
        parts.append("tables of an older version to be migrated")
    return ", ".join(parts)


def _restored(manifest: Manifest) -> str:
    if manifest.restored_from is None:
        return ""
    return f" (snapshot {manifest.restored_from} again)"


def local_time(moment: datetime) -> str:
    """Return a moment as the clock on the wall shows it, to the minute.

    Examples:
        >>> len(local_time(datetime.now(UTC)))
        16
    """
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def ago(moment: datetime) -> str:
    """Return how long ago something was, roughly.

    Examples:
        >>> ago(datetime.now(UTC))
        'just now'
    """
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length:
            return f"{count_of(int(seconds // length), unit)} ago"
    return "just now"
