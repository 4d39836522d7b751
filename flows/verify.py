"""Prove every law of the tables again, against the raw files too."""

from collections.abc import Iterable, Iterator

from rich.text import Text

from flows.finding import Finding
from flows.laws import table_laws
from flows.paper import Paper, open_paper
from flows.plan import open_warehouse
from flows.reader import open_tables
from flows.recompare import compare_again
from flows.retrace import check_files, retrace
from flows.settings import Settings
from flows.summary import count_of
from tasks.discover import discover_files
from tasks.schema import SOURCES

_SHOWN = 10


def verify_warehouse(settings: Settings) -> int:
    """Check every law and print which row breaks which.

    Returns:
        Number for the exit status: 0 if all hold, else 1.

    Raises:
        PipelineError: There is nothing to verify, or the raw folder cannot be read.
    """
    paper = open_paper()
    broken = checked = 0
    for finding in check_all(settings):
        checked += 1
        broken += bool(finding.problems)
        _show(paper, finding)
    verdict = Text(f"\nAll {checked} laws hold.", style="bold green")
    if broken:
        verdict = Text(
            f"\n{broken} of {checked} laws are broken. `articles run --reprocess`"
            " makes every row anew from the raw files.",
            style="bold red",
        )
    paper.say(verdict)
    return int(bool(broken))


def check_all(settings: Settings) -> Iterator[Finding]:
    """Check every law.

    Args:
        settings: Where the tables and the raw files are.

    Yields:
        One finding per law: files, then rows, then the raw text.
    """
    warehouse = open_warehouse(settings)
    with open_tables(settings.warehouse_dir) as pinned:
        tables = pinned.duckdb()
        yield Finding(
            "every file of the warehouse is the one its manifest lists",
            [
                (problem.file, f"{problem.law}: {problem.detail}")
                for problem in warehouse.verify_files(pinned.folder)
            ],
        )
        for law in table_laws():
            yield Finding(law.sentence, tables.execute(law.sql).fetchall())
        yield from compare_again(pinned)
        files = discover_files(settings.raw_dir, list(settings.ignore))
        missed, waiting = check_files(tables, files, settings.raw_dir)
        yield Finding(
            f"every file of {settings.raw_dir}/ is in {SOURCES.name}",
            missed,
            f"{count_of(waiting, 'file')} new or gone since the last run"
            if waiting
            else "",
        )
        retraced = retrace(tables, settings, files)
        notes = [f"{count_of(retraced.checked, 'article')} read again"]
        if retraced.changed:
            changed = count_of(retraced.changed, "file")
            notes.append(f"{changed} changed or gone since, not compared")
        yield Finding(
            "every character of a raw text is in one paragraph or removal",
            retraced.problems,
            "; ".join(notes),
        )


def _show(paper: Paper, finding: Finding) -> None:
    line = Text("✗ " if finding.problems else "✓ ")
    line.stylize("bold red" if finding.problems else "green")
    line.append(finding.sentence, style="red" if finding.problems else "")
    if finding.note:
        line.append(f"  ({finding.note})", style="dim")
    paper.say(line)
    for row, problem in _first(finding.problems):
        paper.say(Text(f"    {row}: {problem}"))
    if (more := len(finding.problems) - _SHOWN) > 0:
        paper.print(Text(f"    and {more:,} more", style="dim"))


def _first(problems: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return list(problems)[:_SHOWN]
