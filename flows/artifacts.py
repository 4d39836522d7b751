"""What a run leaves in Prefect's UI, so that nobody has to read logs.

Three artifacts beside the progress: a summary, the rejects, and the data quality. Each
has a page of its own with the same of all earlier runs.
"""

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

from flows.drift import Quality
from flows.settings import Settings
from flows.summary import RunSummary, count_of, report_markdown

SUMMARY, REJECTED, QUALITY = "ingest-summary", "ingest-rejects", "ingest-quality"
"""Keys of the artifacts; their pages are at ``/artifacts/key/KEY``."""

MOST_REJECTS = 500
"""More would make a page that no browser likes; the table has them all."""


def leave_artifacts(summary: RunSummary, settings: Settings) -> None:
    """Leave on the run's page what it did.

    Args:
        summary: What it did.
        settings: Where the tables are.
    """
    rejects = list_rejects(summary, settings)
    if rejects:
        create_table_artifact(
            rejects,
            key=REJECTED,
            description=f"## Rejected in this run\n\n{_describe_rejects(summary)}",
        )
    if rows := quality_rows(summary.quality):
        create_table_artifact(
            rows, key=QUALITY, description=_describe_quality(summary.quality)
        )
    create_markdown_artifact(
        report_markdown(summary)
        + "\n"
        + _where_next(summary, settings, has_rejects=bool(rejects)),
        key=SUMMARY,
    )


def list_rejects(summary: RunSummary, settings: Settings) -> list[dict[str, str]]:
    """Return what this run has rejected, for a table: ``MOST_REJECTS`` at most."""
    if not summary.snapshot or not summary.batch.rejects:
        return []
    from flows.reader import open_tables  # noqa: PLC0415  # see flows/quality.py

    with open_tables(settings.warehouse_dir) as pinned:
        rows = pinned.duckdb().execute(
            "SELECT source_path, member, stage, reason, detail FROM rejects"
            " WHERE run_id = ? ORDER BY source_path, member LIMIT ?",
            [summary.run_id, MOST_REJECTS],
        )
        names = ("file", "article", "stage", "reason", "detail")
        return [
            dict(zip(names, (str(cell or "") for cell in row), strict=True))
            for row in rows.fetchall()
        ]


def quality_rows(quality: Quality) -> list[dict[str, str]]:
    """Return laws and drift as rows of one table."""
    if not quality.laws:
        return []
    kept = quality.laws - len(quality.breaches)
    rows = [
        {
            "check": "laws of the tables, proved on the new rows",
            "before": "",
            "now": f"{kept} of {quality.laws} hold",
            "change": "",
            "verdict": "broken" if quality.breaches else "ok",
        }
    ]
    rows += [
        {
            "check": breach.sentence,
            "before": "",
            "now": f"{count_of(breach.rows, 'row')}, e.g. {breach.example}",
            "change": "",
            "verdict": "broken",
        }
        for breach in quality.breaches
    ]
    rows += [
        {
            "check": drift.measure,
            "before": drift.before,
            "now": drift.now,
            "change": f"{drift.drift:.0%}",
            "verdict": _verdict(quality, drift.exceeds(quality.limit)),
        }
        for drift in quality.drifts
    ]
    return rows


def _verdict(quality: Quality, is_far: bool) -> str:  # noqa: FBT001
    if quality.limit >= 1:
        return "not judged"
    return "look" if is_far else "ok"


def _describe_rejects(summary: RunSummary) -> str:
    total = summary.batch.rejects.total()
    shown = f"The first {MOST_REJECTS} of {total:,}. " if total > MOST_REJECTS else ""
    return (
        f"{shown}`articles explain FILE` says more, `articles replay` reads them again"
        " once the cause is put right."
    )


def _describe_quality(quality: Quality) -> str:
    if not quality.drifts:
        return (
            "## Data quality\n\nToo few articles to compare with those of earlier runs."
        )
    return (
        "## Data quality\n\nThis run beside the ten before it. A change above"
        f" {quality.limit:.0%} that is not by chance is worth a look."
    )


def _where_next(summary: RunSummary, settings: Settings, *, has_rejects: bool) -> str:
    """Return links to the other pages, and where the tables are."""
    lines = ["## More\n"]
    if address := ui_url():
        pages = [(QUALITY, "data quality")] if summary.quality.laws else []
        pages += [(REJECTED, "rejects")] if has_rejects else []
        pages += [(SUMMARY, "summaries of all runs")]
        lines.append(
            "- "
            + ", ".join(
                f"[{name}]({address}/artifacts/key/{key})" for key, name in pages
            )
        )
    place = settings.warehouse_dir.resolve()
    if summary.snapshot:
        run = f"run `{summary.run_id}`, snapshot `{summary.snapshot}`"
        lines.append(f"- tables: `{place}`, {run}")
    if (report := place / "report.html").exists():
        lines.append(f"- report: `{report}`, open it in a browser")
    return "\n".join(lines) + "\n"


def ui_url() -> str:
    """Return the address of Prefect's UI; empty if that is not known."""
    if found := PREFECT_UI_URL.value():
        return str(found).rstrip("/")
    return str(PREFECT_API_URL.value() or "").rstrip("/").removesuffix("/api")
