"""One article that a step cannot digest must not stop the others."""

import pandas as pd
import pytest
from prefect import task

from flows.line import REJECT_COLUMNS, call_plainly, run_step, without
from tasks.errors import ContractError

ARTICLES = pd.DataFrame({"document_id": ["a", "b", "c"], "text": ["1", "x", "3"]})
CLAIMS = pd.DataFrame({"document_id": ["c", "b"], "value": ["C", "B"]})


@task(name="count")
def count(articles, claims, factor):
    """Stand in for a step: fails on text that is no number."""
    numbers = articles["text"].astype("int64") * factor
    return articles.assign(text=numbers), claims


def run(articles=ARTICLES, step=count):
    return run_step(step, "article", (articles, CLAIMS), (2,), call_plainly)


def test_step_that_succeeds_rejects_nothing():
    """Tables pass through; the rejects are an empty table of the right columns."""
    (articles, claims), rejects = run(ARTICLES[ARTICLES["text"] != "x"])

    assert [2, 6] == articles["text"].tolist()
    assert len(CLAIMS) == len(claims)
    assert rejects.empty
    assert REJECT_COLUMNS == rejects.columns.tolist()


def test_failing_article_becomes_a_reject():
    """Its row names the step and the error; the other articles go on."""
    (articles, claims), rejects = run()

    assert ["a", "c"] == articles["document_id"].tolist()
    assert ["C"] == claims["value"].tolist()
    [(document_id, stage, reason, detail)] = rejects.itertuples(index=False)
    assert ("b", "count", "failed") == (document_id, stage, reason)
    assert detail.startswith("ValueError: ")


def test_step_that_fails_on_every_article_is_broken():
    """A bug must not end as a table of rejects."""
    with pytest.raises(ValueError, match="invalid literal"):
        run(ARTICLES.assign(text="x"))


def test_single_failing_article_is_a_reject():
    """With one article nobody can tell a bug from odd text; the row keeps the error."""
    (articles, _), rejects = run(ARTICLES[1:2])

    assert articles.empty
    assert ["b"] == rejects["document_id"].tolist()


def test_broken_contract_is_never_a_reject():
    """A contract error is a bug: the run fails."""

    @task(name="broken")
    def broken(*_):
        raise ContractError("table", "problem", "Remedy.")

    with pytest.raises(ContractError):
        run(step=broken)


def test_without_drops_the_rows_of_rejected_articles():
    """Every later table of the article goes with it."""
    rejects = [pd.DataFrame({"document_id": ["b"]}), pd.DataFrame({"document_id": []})]

    assert ["c"] == without(CLAIMS, rejects)["document_id"].tolist()
    assert without(CLAIMS, []) is CLAIMS
