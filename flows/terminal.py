"""What a person sees of ``articles run``: progress while it goes on, then the outcome.

On a terminal a bar, on stderr; into a file or a pipe, plain lines.
"""

import contextlib
import os
import shlex
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table as Grid
from rich.text import Text

from flows.errand import Errand
from flows.paper import make_grid, open_paper, print_grid
from flows.plan import Plan
from flows.progress import Event, listening
from flows.settings import Settings
from flows.summary import BatchSummary, RunSummary, count_of, funnel, headline
from tasks.objects import ObjectUrl
from tasks.tables.manifest import REPORT_NAME

STARTING = "starting Prefect"
_LINE_SECONDS = 5.0  # plain lines come no faster than this
_MANY = 12
_BAR_CHARS = 24
_QUESTION = "SELECT language, title FROM documents ORDER BY ALL"


class Screen:
    """Where the command ``run`` prints.

    Attributes:
        out: For the outcome.
        err: For progress.
    """

    def __init__(self, *, is_quiet: bool) -> None:
        self.is_quiet = is_quiet
        self.out = open_paper(is_quiet=is_quiet)
        self.err = open_paper(is_error=True, is_quiet=is_quiet)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Show the progress of the run inside the ``with`` block."""
        if self.is_quiet:
            with listening(lambda _event: None):
                yield
        elif self.err.is_terminal:
            with self._watch_bar():
                yield
        else:
            with self._watch_lines():
                yield

    @contextlib.contextmanager
    def _watch_bar(self) -> Iterator[None]:
        columns: list[ProgressColumn] = [
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=32),
            TextColumn("{task.fields[count]}", style="dim"),
            TimeElapsedColumn(),
        ]
        with Progress(*columns, console=self.err, transient=True) as progress:
            bar: TaskID = progress.add_task(STARTING, total=None, count="")

            def show(event: Event) -> None:
                count = _count(event)
                if not event.all_files:  # not known yet
                    count = ""
                progress.update(
                    bar,
                    description=event.stage,
                    completed=event.done_files,
                    total=event.all_files or None,
                    count=count,
                )

            with listening(show):
                yield

    @contextlib.contextmanager
    def _watch_lines(self) -> Iterator[None]:
        last = time.monotonic()
        stage = ""
        self.err.print(STARTING)

        def show(event: Event) -> None:
            nonlocal last, stage
            if not event.all_files:
                self.err.print(event.stage)
                return
            is_due = time.monotonic() - last >= _LINE_SECONDS
            if event.done_files == 0 and not stage:
                known = f", {event.unchanged_files:,} known already"
                self.err.print(f"{count_of(event.all_files, 'file')} to read{known}")
            elif is_due or (event.stage != stage and event.stage == "publish"):
                count = _count(event)
                self.err.print(f"{event.stage}: {count}")
                last = time.monotonic()
            stage = event.stage

        with listening(show):
            yield

    def say_nothing_new(self, plan: Plan, settings: Settings, errand: Errand) -> None:
        """Say in one line that the tables are up to date."""
        raw_dir = settings.raw_dir
        known = f"all {len(plan.files):,} files" if len(plan.files) > 1 else "the file"
        line = f"Nothing new: {known} in {raw_dir}/ known already, nothing written."
        if not len(plan.files):
            line = (
                f"Nothing to read: {raw_dir}/ holds no files. Put raw articles there."
            )
        elif errand.replay:
            line = "Nothing to replay: no such file was rejected, nothing written."
        self.out.print(line, soft_wrap=True)

    def show_run(self, summary: RunSummary, settings: Settings) -> None:
        """Print what a run has found, where the tables are, and what to try next."""
        if summary.snapshot is None:
            outcome = "nothing written"
            if summary.processed:
                outcome = "nothing came out otherwise than before, nothing written"
            self.out.print(f"{headline(summary)}: {outcome}.", soft_wrap=True)
            return
        self.out.print(Text(headline(summary), style="bold"), end="\n\n")
        batch = summary.batch
        for grid in (
            _funnel_grid(summary),
            _language_grid(batch),
            _reject_grid(batch),
            _step_grid(batch),
        ):
            print_grid(self.out, grid)
        for warning in summary.quality.warnings:
            self.out.print(Text(f"Look at this: {warning}", style="yellow"))
        self._show_next(summary, settings)

    def _show_next(self, summary: RunSummary, settings: Settings) -> None:
        place = shlex.quote(str(settings.warehouse_dir))
        self.out.print(
            f"Tables in {place}/, snapshot {summary.snapshot}.", soft_wrap=True
        )
        tables, both = _options(settings)
        name = command_name()
        if settings.write_report:
            page = f"{place}/{REPORT_NAME}"
            if isinstance(settings.warehouse_dir, ObjectUrl):
                page = f"{name} report{tables} --open"
            self.out.print(f"What they hold: {page}", soft_wrap=True)
        example = next(iter(summary.batch.examples.values()), None)
        commands = [f'{name} query{tables} "{_QUESTION}"']
        if example:
            path = shlex.quote(example.split(" member ")[0])
            commands.append(f"{name} explain{both} {path}")
        commands.append(f"{name} verify{both}")
        for index, command in enumerate(commands):
            label = "Next: " if index == 0 else "      "
            self.out.print(Text(label, style="dim") + Text(command), soft_wrap=True)


def command_name() -> str:
    """How this command is called from here: by name only if the shell finds it."""
    started = Path(sys.argv[0])
    if started.name != "articles":
        return "python -m flows"
    found = shutil.which("articles")
    if found and Path(found).resolve() == started.resolve():
        return "articles"
    return shlex.quote(os.path.relpath(started))


def _funnel_grid(summary: RunSummary) -> Grid:
    grid = make_grid("", ">", "", has_header=False)
    for label, count, note in funnel(summary):
        style = "red" if label == "rejected" else ""
        grid.add_row(
            Text(label, style=style),
            Text(f"{count:,}", style=style),
            Text(note, style="dim"),
        )
    return grid


def _language_grid(batch: BatchSummary) -> Grid:
    grid = make_grid("language", ">articles", "")
    top = batch.languages.most_common(_MANY)
    for code, count in top:
        bar = "█" * max(1, round(_BAR_CHARS * count / top[0][1]))
        grid.add_row(code, f"{count:,}", Text(bar, style="cyan"))
    if (more := len(batch.languages) - len(top)) > 0:
        rest = batch.languages.total() - sum(count for _, count in top)
        grid.add_row(Text(f"{more} more", style="dim"), f"{rest:,}", "")
    return grid


def _reject_grid(batch: BatchSummary) -> Grid:
    grid = make_grid("rejected because", ">count", "e.g.")
    for reason, count in batch.rejects.most_common():
        example = Text(batch.examples[reason], overflow="fold")
        grid.add_row(Text(reason, style="red"), f"{count:,}", example)
    return grid


def _step_grid(batch: BatchSummary) -> Grid:
    grid = make_grid("step", ">rows out", ">seconds")
    for name, cost in batch.steps.items():
        grid.add_row(name, f"{cost.rows:,}", f"{cost.seconds:.2f}")
    return grid


def _options(settings: Settings) -> tuple[str, str]:
    """Return the options that lead the next command to the same folders."""
    default = Settings()
    tables = raw = ""
    if settings.warehouse_dir != default.warehouse_dir:
        tables = f" --warehouse {shlex.quote(str(settings.warehouse_dir))}"
    if settings.raw_dir != default.raw_dir:
        raw = f" --raw {shlex.quote(str(settings.raw_dir))}"
    return tables, raw + tables


def open_screen(*, is_quiet: bool) -> Screen:
    """Return where the command ``run`` prints."""
    return Screen(is_quiet=is_quiet)


def _count(event: Event) -> str:
    """Return how many files are done, such as ``2.5 of 4 files``."""
    done = f"{event.done_files:,.2f}".rstrip("0").removesuffix(".")
    return f"{done} of {count_of(event.all_files, 'file')}"
