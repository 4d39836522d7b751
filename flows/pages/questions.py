"""What the report asks of the tables: questions as data, answers as rows."""

import functools
import threading
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

_FILE = Path(__file__).with_name("report.toml")
_INTERRUPTED = "took longer than this run may spend on its report"


@dataclass(frozen=True, slots=True)
class Question:
    """One statement and how its answer is shown; see the head of ``report.toml``."""

    id: str
    title: str
    sql: str
    show: str
    note: str = ""
    empty: str = "There is none."
    bar: str = ""
    kind: str = ""
    x: str = ""
    y: str = ""
    points: int = 2
    first: int = 12
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Questions under one heading."""

    id: str
    title: str
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question.

    Attributes:
        question: The question.
        columns: Names of the columns.
        rows: The rows.
        problem: Why there is no answer; null if there is one.
    """

    question: Question
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    problem: str | None = None

    def column(self, name: str) -> list[Any]:
        """Return the values of a column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


@functools.cache
def load_sections() -> tuple[Question, tuple[Section, ...]]:
    """Return the question for the totals, and the sections of the report."""
    content = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    totals = Question("totals", "Totals", content["totals"].strip(), "table")
    sections = tuple(
        Section(
            section["id"],
            section["title"],
            tuple(
                Question(**{**question, "sql": question["sql"].strip()})
                for question in section["question"]
            ),
        )
        for section in content["section"]
    )
    return totals, sections


def ask(
    connection: duckdb.DuckDBPyConnection,
    question: Question,
    deadline: float | None = None,
) -> Answer:
    """Ask one question.

    Args:
        connection: With a view for each table.
        question: The question.
        deadline: ``time.monotonic()`` at which to give up; null for never.

    Returns:
        The answer, or the problem: the tables may be older than the question.
    """
    seconds = None if deadline is None else deadline - time.monotonic()
    if seconds is not None and seconds <= 0:
        return Answer(question, problem=_INTERRUPTED)
    timer = threading.Timer(seconds or 0, connection.interrupt)
    try:
        if seconds is not None:
            timer.start()
        result = connection.execute(question.sql)
        columns = tuple(column[0] for column in result.description or ())
        return Answer(question, columns, tuple(result.fetchall()))
    except duckdb.InterruptException:
        return Answer(question, problem=_INTERRUPTED)
    except duckdb.Error as error:
        line = str(error).partition("\n")[0]
        return Answer(question, problem=f"cannot be answered here ({line})")
    finally:
        timer.cancel()
