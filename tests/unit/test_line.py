"""One article that a step cannot digest must not stop the others."""

import gc
import json
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from prefect import task
from threadpoolctl import threadpool_info

from flows.line import (
    REJECT_COLUMNS,
    call_plainly,
    make_tables,
    run_step,
    start_run,
    without,
)
from flows.settings import Settings
from tasks.discover import discover_files
from tasks.errors import ContractError
from tasks.schema import TABLES

STORY = "The ferry came in late, and the two sisters waited on the pier.\n\n"
ARTICLES = pd.DataFrame({"document_id": ["a", "b", "c"], "text": ["1", "x", "3"]})
CLAIMS = pd.DataFrame({"document_id": ["c", "b"], "value": ["C", "B"]})


@task(name="count")
def count(articles, claims, factor):
    """Stand in for a step: fails on text that is no number."""
    numbers = articles["text"].astype("int64") * factor
    return articles.assign(text=numbers), claims


def run(articles=ARTICLES, step=count):
    """Run a step as the line does."""
    return run_step(step, "article", (articles, CLAIMS), (2,), call_plainly)


def test_step_that_succeeds_rejects_nothing():
    """Tables pass through; the rejects are an empty table of the right columns."""
    (articles, claims), rejects = run(ARTICLES[ARTICLES["text"] != "x"])

    assert articles["text"].tolist() == [2, 6]
    assert len(CLAIMS) == len(claims)
    assert rejects.empty
    assert rejects.columns.tolist() == REJECT_COLUMNS


def test_failing_article_becomes_a_reject():
    """Its row names the step and the error; the other articles go on."""
    (articles, claims), rejects = run()

    assert articles["document_id"].tolist() == ["a", "c"]
    assert claims["value"].tolist() == ["C"]
    [(document_id, stage, reason, detail)] = rejects.itertuples(index=False)
    assert (document_id, stage, reason) == ("b", "count", "failed")
    assert detail.startswith("ValueError: ")


def test_step_that_fails_on_every_article_is_broken():
    """A bug must not end as a table of rejects."""
    with pytest.raises(ValueError, match="invalid literal"):
        run(ARTICLES.assign(text="x"))


def test_single_failing_article_is_a_reject():
    """With one article nobody can tell a bug from odd text; the row keeps the error."""
    (articles, _), rejects = run(ARTICLES[1:2])

    assert articles.empty
    assert rejects["document_id"].tolist() == ["b"]


@pytest.mark.parametrize(
    "error", [ContractError("table", "problem", "Remedy."), OSError("no disk")]
)
def test_trouble_beyond_the_article_is_never_a_reject(error):
    """A broken contract is a bug and a full disk is no one's text: the run fails."""

    @task(name="broken")
    def broken(*_):
        raise error

    with pytest.raises(type(error)):
        run(ARTICLES[:1], step=broken)


def test_without_drops_the_rows_of_rejected_articles():
    """Every later table of the article goes with it."""
    rejects = [pd.DataFrame({"document_id": ["b"]}), pd.DataFrame({"document_id": []})]

    assert without(CLAIMS, rejects)["document_id"].tolist() == ["c"]
    assert without(CLAIMS, []) is CLAIMS


def test_a_batch_in_pieces_gives_the_same_rows(tmp_path):
    """One large file of many articles is worked on piece by piece, to save memory."""
    lines = [json.dumps({"title": f"Part {n}", "text": STORY * n}) for n in range(1, 9)]
    (tmp_path / "many.jsonl").write_text("\n".join([*lines, "{}", "broken"]))
    (tmp_path / "one.txt").write_text(STORY)
    files, run = discover_files(tmp_path, []), start_run(Settings(raw_dir=tmp_path))
    calls = Counter()

    def call(step, rows, /, *args):
        calls[step.name] += 1
        return call_plainly(step, rows, *args)

    whole, costs = make_tables(files, run)
    small = replace(run.settings, batch_bytes=3 * len(STORY))
    pieces, costs_of_pieces = make_tables(files, run._replace(settings=small), call)

    assert calls["read"] >= calls["clean"] == calls["describe"] > 5
    for name, rows in whole.items():
        table = TABLES[name]
        assert table.conform(pieces[name]) == table.conform(rows), name
    for name, cost in costs.items():
        assert costs_of_pieces[name].rows == cost.rows


def test_garbage_is_looked_for_as_before_after_a_batch(tmp_path):
    """Only while the rows of a batch pile up is it looked for less often."""
    usual = gc.get_threshold()

    make_tables(discover_files(tmp_path, ()), start_run(Settings(raw_dir=tmp_path)))

    assert gc.get_threshold() == usual


def test_linear_algebra_has_one_thread(tmp_path):
    """While a batch is in the line; more would cost time in every worker."""
    (tmp_path / "a.txt").write_text("The ferry came late.\n\nNobody spoke.\n")
    seen = set()

    def look(step, _rows, /, *args):
        seen.update(
            library["num_threads"]
            for library in threadpool_info()
            if library["user_api"] == "blas"
        )
        return step.fn(*args)

    run = start_run(Settings(raw_dir=tmp_path))
    make_tables(discover_files(tmp_path, ()), run, look)

    assert seen == {1}
