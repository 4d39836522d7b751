"""Survey: note of every plain text what it takes to tell which lines recur in a folder.

A run surveys the files it is going to read twice: before it, so that what recurs can be
counted in whole folders; and on the way through the line, where what was counted and
what is read must be the same.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.schema import SOURCES, Format, Step
from tasks.text.recurrence import Survey, survey_text

SURVEY = SOURCES.schema.field("survey").type
"""Type of the column ``sources.survey``."""

PAIRS = SURVEY.field("pairs").type
SURVEYS = pa.schema([("source_path", pa.string()), ("survey", SURVEY)])
"""Columns of a file of surveys."""

COUNTED = pa.schema([*SURVEYS, pa.field("recurring", PAIRS)])
"""Columns of the file that says of the files to read what recurs in their folders."""

_NOTHING: frozenset[int] = frozenset()


class Counted(NamedTuple):
    """What was counted of a file before it is read.

    Attributes:
        survey: Its survey then; null if it could not be read.
        recurring: Those of its pairs that recur in its folder.
    """

    survey: Survey | None
    recurring: frozenset[int]


def survey_texts(articles: pd.DataFrame) -> dict[str, Survey]:
    """Survey the plain texts among some articles.

    Args:
        articles: One row per article: ``source_path``, ``format``, ``raw_text``.

    Returns:
        Survey by path.
    """
    texts = articles[articles["format"] == Format.TEXT.value]
    return {
        path: survey_text(text)
        for path, text in zip(texts["source_path"], texts["raw_text"], strict=True)
    }


def write_surveys(
    paths: Iterable[str], surveys: Mapping[str, Survey], file: Path
) -> None:
    """Write surveys for the count; null where a file could not be read."""
    rows = [{"source_path": p, "survey": as_row(surveys.get(p))} for p in paths]
    # Two workers may write it, if one is taken for dead: whole or not at all.
    draft = file.with_suffix(f".{secrets.token_hex(4)}")
    pq.write_table(pa.Table.from_pylist(rows, SURVEYS), draft)
    draft.replace(file)


def as_row(survey: Survey | None) -> dict[str, Any] | None:
    """Return a survey as a value of the column."""
    return None if survey is None else survey._asdict()


def read_counted(paths: Iterable[str], file: Path | None) -> dict[str, Counted]:
    """Read what was counted of some files; those that were not are left out.

    Args:
        paths: Files of one batch.
        file: Rows of ``COUNTED``, sorted by path; null if nothing was counted.
    """
    wanted = set(paths)
    if file is None or not wanted:
        return {}
    between = [("source_path", ">=", min(wanted)), ("source_path", "<=", max(wanted))]
    rows = pq.read_table(file, filters=between, partitioning=None).to_pylist()
    return {
        row["source_path"]: Counted(
            row["survey"] and Survey(**row["survey"]), frozenset(row["recurring"] or ())
        )
        for row in rows
        if row["source_path"] in wanted
    }


@task(name="survey", cache_policy=NO_CACHE, persist_result=False)
def survey_articles(
    articles: pd.DataFrame, sources: pd.DataFrame, counted_file: Path | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Note what is to be known of plain texts, and which of their lines recur.

    A file that has changed since it was counted is read all the same. But its
    neighbours went by what it was: that is what is noted of it, with a version of
    ``clean`` that makes the next run read it, and its neighbours if need be, again.

    Args:
        articles: One row per article.
        sources: One row per file.
        counted_file: Rows of ``COUNTED``; null if nothing recurs.

    Returns:
        ``articles`` with ``recurring`` (hashes of pairs of lines), ``sources`` with
        ``survey``.
    """
    paths = sources["source_path"]
    found = survey_texts(articles)
    counted = read_counted(paths, counted_file)
    late = {path for path, known in counted.items() if known.survey != found.get(path)}
    noted = found | {path: known.survey for path, known in counted.items()}
    surveys = [as_row(noted.get(path)) for path in paths]
    sources = sources.assign(survey=pd.Series(surveys, sources.index, dtype="object"))
    recurring = pd.Series(
        [*_find_recurring(articles["source_path"], found, counted)],
        articles.index,
        dtype="object",
    )
    articles = articles.assign(recurring=recurring)
    return _date_back(articles, late), _date_back(sources, late)


def _find_recurring(
    paths: Iterable[str], found: Mapping[str, Survey], counted: Mapping[str, Counted]
) -> Iterator[frozenset[int]]:
    for path in paths:
        pairs = counted[path].recurring if path in counted else _NOTHING
        yield pairs.intersection(found[path].pairs) if pairs else pairs


def _date_back(rows: pd.DataFrame, late: set[str]) -> pd.DataFrame:
    """Give the rows of some files a version of ``clean`` that never is the present."""
    if not late:
        return rows
    versions = [
        {**known, Step.CLEAN.value: 0} if path in late and known else known
        for path, known in zip(rows["source_path"], rows["step_versions"], strict=True)
    ]
    return rows.assign(step_versions=pd.Series(versions, rows.index, dtype="object"))
