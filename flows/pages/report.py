"""The report: what a snapshot of the warehouse holds, for a person, as one HTML page.

Every number on it is the answer to a statement in SQL that stands beside it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from flows.drift import BASELINE_RUNS, compare, measure
from flows.explain import REASONS
from flows.pages.figures import Figure, draw_chart
from flows.pages.questions import Answer, Question, ask, load_sections
from flows.pages.sheet import Cell, fill_bars, make_page, write_cell
from flows.reader import Tables, open_folder
from tasks.tables.manifest import Manifest

_DRIFT = Question(
    id="drift",
    title="How the last run differs from those before",
    sql="",
    show="bars",
    bar="share of change",
    note=f"Of at most {BASELINE_RUNS} runs, as far as their articles are still there.",
)
_REASONS = {reason.value: words for reason, words in REASONS.items()}


@dataclass(frozen=True, slots=True)
class Block:
    """A question with its answer, ready to be shown.

    Attributes:
        question: The question.
        columns: Headings, and whether the column is of numbers.
        rows: The rows that are shown at once.
        more: The rows that are folded away.
        figure: The chart, if there is one.
        problem: Why there is no answer.
    """

    question: Question
    columns: tuple[tuple[str, bool], ...]
    rows: Sequence[Sequence[Cell]]
    more: Sequence[Sequence[Cell]]
    figure: Figure | None
    problem: str | None


def report_page(folder: Path, manifest: Manifest, seconds: float | None = None) -> str:
    """Return the report of a snapshot.

    Args:
        folder: Folder of the snapshot; it may not be published yet.
        manifest: Its manifest.
        seconds: How long the questions may take together; null for any time.
    """
    with open_folder(folder, manifest) as tables:
        return render_report(tables, manifest, seconds)


def render_report(
    tables: Tables, manifest: Manifest, seconds: float | None = None
) -> str:
    """Return the report of tables that are open; arguments as in ``report_page``."""
    deadline = None if seconds is None else time.monotonic() + seconds
    connection = tables.duckdb()
    totals, sections = load_sections()
    answers = [
        (
            section,
            [
                ask(connection, question, deadline)
                for question in section.questions
                if is_answerable(question, tables)
            ],
        )
        for section in sections
    ]
    drift = _find_drift(connection)
    return make_page(
        "report.html",
        manifest=manifest,
        tables=[(name, manifest.rows[name]) for name in manifest.rows],
        totals=_total(connection, totals),
        totals_sql=totals.sql,
        sections=[
            (
                section,
                [
                    *(
                        [show_answer(drift)]
                        if drift and section.id == "quality"
                        else []
                    ),
                    *(show_answer(answer) for answer in found),
                ],
            )
            for section, found in answers
        ],
    )


def _find_drift(connection: duckdb.DuckDBPyConnection) -> Answer | None:
    """Compare the last run with those before it; null if there is too little."""
    try:
        found = connection.execute(
            "SELECT run_id FROM runs ORDER BY started_at DESC LIMIT $1",
            [BASELINE_RUNS + 1],
        ).fetchall()
        run_ids = [str(run_id) for (run_id,) in found]
        if len(run_ids) < 2:  # noqa: PLR2004  # one to compare, one to compare with
            return None
        now, before = measure(connection, run_ids[:1]), measure(connection, run_ids[1:])
    except duckdb.Error:  # tables of an old version
        return None
    rows = tuple(
        (
            drift.measure,
            drift.before,
            drift.now,
            drift.drift,
            "by chance" if drift.drift <= drift.noise else "look",
        )
        for drift in compare(now, before)
    )
    columns = ("measure", "runs before", "last run", "share of change", "verdict")
    return Answer(_DRIFT, columns, rows) if rows else None


def is_answerable(question: Question, tables: Tables) -> bool:
    """Tell whether the snapshot has the table that a question is about."""
    return not question.needs or question.needs in tables.names


def _total(
    connection: duckdb.DuckDBPyConnection, question: Question
) -> dict[str, int] | None:
    """Return the totals by name; null if these tables cannot tell them."""
    answer = ask(connection, question)
    if answer.problem:
        return None
    values = (int(value or 0) for value in answer.rows[0])
    return dict(zip(answer.columns, values, strict=True))


def show_answer(answer: Answer) -> Block:
    """Write every value of an answer, and draw its bars or its chart."""
    question = answer.question
    columns = [
        [write_cell(name, row[place], _REASONS) for row in answer.rows]
        for place, name in enumerate(answer.columns)
    ]
    if question.bar in answer.columns:
        columns[0] = fill_bars(columns[0], answer.column(question.bar))
    rows = list(zip(*columns, strict=True))
    has_chart = question.show == "chart" and len(rows) >= question.points
    heads = tuple(
        (name, any(cell.is_number for cell in cells))
        for name, cells in zip(answer.columns, columns, strict=True)
    )
    return Block(
        question=question,
        columns=heads,
        rows=rows[: question.first],
        more=rows[question.first :],
        figure=draw_chart(answer) if has_chart else None,
        problem=answer.problem,
    )
