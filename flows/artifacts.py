"""What a run leaves in Prefect's UI, so that nobody has to read logs.

Three artifacts beside the progress: a summary, the rejects, and the data quality.
"""

from pathlib import Path

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL

from flows.drift import Drift, Quality
from flows.settings import Settings
from flows.summary import RunSummary, count_of, report_markdown

SUMMARY, REJECTED, QUALITY = "ingest-summary", "ingest-rejects", "ingest-quality"
"""Keys of the artifacts."""

MOST_REJECTS = 500
"""More would make a page that no browser likes; the table has them all."""


def leave_artifacts(summary: RunSummary, settings: Settings) -> None:
    """Leave on the run's page what it did.

    Args:
        summary: What it did.
        settings: Where the tables are.
    """
    pages: dict[str, object] = {}
    if rows := quality_rows(summary.quality):
        pages["data quality"] = create_table_artifact(
            rows, key=QUALITY, description=_describe_quality(summary.quality)
        )
    if rows := list_rejects(summary, settings):
        description = f"## Rejected in this run\n\n{_describe_rejects(summary)}"
        pages["rejects"] = create_table_artifact(
            rows, key=REJECTED, description=description
        )
    text = report_markdown(summary) + "\n" + _where_next(summary, settings, pages)
    create_markdown_artifact(text, key=SUMMARY)


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
        _quality_row(
            "laws of the tables, proved on the new rows",
            "broken" if quality.breaches else "ok",
            f"{kept} of {quality.laws} hold",
        )
    ]
    rows += [
        _quality_row(
            breach.sentence,
            "broken",
            f"{count_of(breach.rows, 'row')}, e.g. {breach.example}",
        )
        for breach in quality.breaches
    ]
    rows += [
        _quality_row(
            drift.measure,
            _verdict(quality, drift),
            drift.now,
            drift.before,
            f"{drift.drift:.0%}",
        )
        for drift in quality.drifts
    ]
    return rows


def _quality_row(
    check: str, verdict: str, now: str, before: str = "", change: str = ""
) -> dict[str, str]:
    return {
        "check": check,
        "verdict": verdict,
        "now": now,
        "before": before,
        "change": change,
    }


def _verdict(quality: Quality, drift: Drift) -> str:
    if quality.limit >= 1:
        return "not judged"
    return "look" if drift.exceeds(quality.limit) else "ok"


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


def _where_next(
    summary: RunSummary, settings: Settings, pages: dict[str, object]
) -> str:
    """Return links to the other pages, and where the tables are."""
    lines = ["## More\n"]
    if address := ui_url():
        links = [
            f"[{name}]({address}/artifacts/artifact/{artifact_id})"
            for name, artifact_id in pages.items()
        ]
        links.append(f"[all artifacts]({address}/artifacts)")
        lines.append("- " + ", ".join(links))
    place = settings.warehouse_dir.resolve()
    if summary.snapshot:
        run = f"run `{summary.run_id}`, snapshot `{summary.snapshot}`"
        lines.append(f"- tables: `{place}`, {run}")
    report = place / "report.html"
    if isinstance(report, Path) and report.exists():
        lines.append(f"- report: `{report}`, open it in a browser")
    return "\n".join(lines) + "\n"


def ui_url() -> str:
    """Return the address of Prefect's UI; empty if that is not known."""
    if found := PREFECT_UI_URL.value():
        return str(found).rstrip("/")
    return str(PREFECT_API_URL.value() or "").rstrip("/").removesuffix("/api")
