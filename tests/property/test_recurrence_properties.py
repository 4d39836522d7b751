"""What recurs in a folder depends on the files in it, never on how they came there."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import flows.conduct
from tasks.schema import SOURCES
from tasks.tables.warehouse import Warehouse
from tests.property.test_incremental_properties import (
    assert_same,
    change,
    content_of,
    run_over,
)

HEADS = [["Home", "Our region", "Puzzle corner"], ["Start", "Tickets", "Depots"], []]
FEET = [["Imprint", "Our newsroom"], ["Terms of the ferry line", "Depots"], []]


def article(number, head, foot):
    """Write an article of its own with the lines of a page above and below."""
    prose = [
        f"On day {number} of the flood the two sisters waited on the pier of harbour"
        f" {number * place} until the lamps were lit and the last ferry had come in."
        for place in range(1, 4)
    ]
    title = f"Night {number} at the Harbour"
    return "\n\n".join(["\n".join(head), title, *prose, "\n".join(foot)])


NAMES = [*(f"site/{letter}.txt" for letter in "abcde"), "other/a.txt", "site/f.md"]
TEXTS = st.builds(
    article, st.integers(1, 6), st.sampled_from(HEADS), st.sampled_from(FEET)
)
ACTIONS = st.one_of(
    st.tuples(st.just("write"), st.sampled_from(NAMES), TEXTS),
    st.tuples(st.just("write"), st.sampled_from(NAMES), TEXTS),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("delete"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("touch"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("run"), st.none(), st.none()),
)
RUN = ("run", None, None)


def writes(*names, head=HEADS[0], foot=FEET[0]):
    """Return actions that write different articles with the same surroundings."""
    return [
        ("write", name, article(number, head, foot))
        for number, name in enumerate(names, 1)
    ]


THIRD_COMES = [*writes("site/a.txt", "site/b.txt"), RUN, *writes(*NAMES[:3])[2:]]
THIRD_GOES = [*writes(*NAMES[:3]), RUN, ("delete", "site/a.txt", None)]
THIRD_MOVES = [*writes(*NAMES[:3]), RUN, ("rename", "site/a.txt", "other/a.txt")]
THIRD_CHANGES = [*writes(*NAMES[:3]), RUN, *writes("site/c.txt", head=[], foot=[])]


def replay(actions, folder):
    """Do the actions; return the raw folder."""
    raw_dir = folder / "raw"
    raw_dir.mkdir()
    for action, name, detail in actions:
        if action == "run":
            run_over(raw_dir, folder / "warehouse")
        else:
            change(raw_dir, action, name, detail)
    return raw_dir


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(THIRD_COMES)
@example(THIRD_GOES)
@example(THIRD_MOVES)
@example(THIRD_CHANGES)
@given(st.lists(ACTIONS, min_size=3, max_size=14))
def test_recurring_lines_do_not_tell_the_order_of_runs(actions):
    """Whatever comes and goes, the rows are those of a clean rebuild."""
    folder = Path(tempfile.mkdtemp())
    try:
        raw_dir = replay(actions, folder)
        run_over(raw_dir, folder / "warehouse")
        run_over(raw_dir, folder / "rebuilt")

        assert_same(content_of(folder / "warehouse"), content_of(folder / "rebuilt"))
        assert run_over(raw_dir, folder / "warehouse").snapshot is None
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("actions", [THIRD_COMES, THIRD_GOES, THIRD_MOVES])
def test_examples_do_turn_what_recurs(actions, tmp_path):
    """The examples above are about something: a file that stays is read again."""
    raw_dir = replay(actions, tmp_path)

    summary = run_over(raw_dir, tmp_path / "warehouse")

    assert summary.causes["with lines that begin or cease to recur"] == 2


def test_file_that_changes_after_it_was_counted(tmp_path, monkeypatch):
    """Its neighbours went by what it was; the next run sets that right."""
    raw_dir = replay(writes(*NAMES[:4]), tmp_path)
    survey = flows.conduct.survey_batch

    def survey_then_change(files, run, file):
        survey(files, run, file)
        text = article(9, [], FEET[0])
        (raw_dir / "site/a.txt").write_text(text, encoding="utf-8")
        (raw_dir / "site/b.txt").unlink(missing_ok=True)

    monkeypatch.setattr("flows.conduct.survey_batch", survey_then_change)
    run_over(raw_dir, tmp_path / "warehouse")
    monkeypatch.undo()

    second = run_over(raw_dir, tmp_path / "warehouse")
    third = run_over(raw_dir, tmp_path / "warehouse")
    run_over(raw_dir, tmp_path / "rebuilt")

    assert (second.snapshot, third.snapshot) == (2, None)
    assert_same(content_of(tmp_path / "warehouse"), content_of(tmp_path / "rebuilt"))


def test_surveys_are_of_plain_texts_only(tmp_path):
    """Pages, Markdown and members of JSON have other evidence of what is theirs."""
    raw_dir = replay(writes("site/a.txt", "site/f.md"), tmp_path)
    run_over(raw_dir, tmp_path / "warehouse")

    rows = Warehouse(tmp_path / "warehouse").read_table(SOURCES.name).to_pylist()

    surveyed = {row["source_path"]: row["survey"] is not None for row in rows}
    assert surveyed == {"site/a.txt": True, "site/f.md": False}
