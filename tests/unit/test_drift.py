"""A run beside those before it: what counts as a change, and what as chance."""

from collections import Counter

import pytest

from flows.conduct import ingest_plainly
from flows.drift import Figures, compare, compare_last_run
from flows.plan import look_around
from flows.reader import open_tables
from flows.settings import read_settings
from flows.status import show_status
from tasks.errors import PipelineError

USUAL = Figures(1000, 20, 980, 10, 90, Counter({7: 980}), Counter(de=490, fr=490))


def drifts(**changes):
    """Return which measures are far off at a limit of 25 percent."""
    now = USUAL._replace(**changes)
    return [drift.measure for drift in compare(now, USUAL) if drift.exceeds(0.25)]


def test_the_same_again_is_no_drift():
    """A run like those before it is like those before it."""
    assert drifts() == []
    assert all(drift.drift == 0 for drift in compare(USUAL, USUAL))


@pytest.mark.parametrize(
    ("changes", "measure"),
    [
        ({"rejected": 400}, "files rejected"),
        ({"untitled": 500}, "articles without title"),
        ({"undated": 900}, "articles without date"),
        ({"paragraphs": Counter({3: 980})}, "median paragraphs per article"),
        ({"paragraphs": Counter({20: 980})}, "median paragraphs per article"),
        ({"languages": Counter(de=980)}, "mix of languages"),
    ],
)
def test_each_measure_is_noticed(changes, measure):
    """What changes is named, and nothing else."""
    assert drifts(**changes) == [measure]


def test_one_paragraph_more_is_no_drift():
    """Short articles have no fine measure."""
    usual = USUAL._replace(paragraphs=Counter({1: 980}))
    now = USUAL._replace(paragraphs=Counter({2: 980}))

    assert not any(drift.exceeds(0.25) for drift in compare(now, usual))


def test_few_articles_prove_nothing():
    """Too few are not compared; of some, the share alone proves nothing."""
    few = Figures(20, 20, 0, 0, 0, Counter(), Counter())
    some = Figures(32, 12, 20, 0, 0, Counter({7: 20}), Counter(de=20))
    usual = Figures(40, 4, 36, 0, 0, Counter({7: 36}), Counter(de=36))

    assert compare(few, USUAL) == ()
    assert [drift.measure for drift in compare(some, usual)] == ["files rejected"]
    assert not compare(some, usual)[0].exceeds(0.25)


STORY = """\
A Night at the Harbour, part {0}

By Ada Lund

12 March 2024

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time, not even on day {0}.

Then the older one laughed, because the whole thing had been her idea from the start.
"""


@pytest.fixture
def settings(tmp_path):
    """A warehouse of forty stories, and fifty raw files of another kind beside."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    for index in range(40):
        (raw_dir / f"story-{index}.txt").write_text(STORY.format(index))
    settings = read_settings(
        {}, raw_dir=raw_dir, warehouse_dir=tmp_path / "w", refuse_drift_percent=50
    )
    ingest_plainly(settings)
    for index in range(50):
        (raw_dir / f"empty-{index}.txt").write_text("")
    return settings


@pytest.mark.slow
def test_drift_can_refuse_a_run(settings, tmp_path):
    """Beyond the limit nothing is published; the message says what, and what to do."""
    before = (tmp_path / "w" / "_manifest.json").read_bytes()

    with pytest.raises(PipelineError, match=r"files rejected 100.0%, before 0.0%"):
        ingest_plainly(settings)

    assert before == (tmp_path / "w" / "_manifest.json").read_bytes()
    assert look_around(settings).has_work


@pytest.mark.slow
def test_drift_warns_and_can_be_asked_later(settings, capsys):
    """Within the limit the run says so; the tables tell the same afterwards."""
    settings = read_settings(
        {}, raw_dir=settings.raw_dir, warehouse_dir=settings.warehouse_dir
    )
    summary = ingest_plainly(settings)

    assert summary.quality.warnings == ["files rejected: 100.0%, before 0.0%"]
    assert summary.quality.laws > 40
    assert summary.quality.breaches == ()
    with open_tables(settings.warehouse_dir) as pinned:
        (later,) = compare_last_run(pinned.duckdb())
    assert later == summary.quality.drifts[0]
    capsys.readouterr()
    show_status(settings)
    told = "The last run differs: files rejected: 100.0%, before 0.0%."
    assert told in capsys.readouterr().out
