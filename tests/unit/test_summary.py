"""What a run tells of itself."""

from collections import Counter
from dataclasses import replace

from flows.summary import (
    BatchSummary,
    RunSummary,
    StepCost,
    funnel,
    headline,
    report_markdown,
)

BATCH = BatchSummary(
    files=Counter(accepted=2, rejected=1),
    documents=3,
    paragraphs=40,
    removals=5,
    languages=Counter(de=2, fr=1),
    rejects=Counter(empty=1),
    examples={"empty": "odd | name.txt"},
    steps={"read": StepCost(3, 0.5)},
    slowest=(("big.html", 0.4), ("b.txt", 0.1)),
)
RUN = RunSummary(
    run_id="r1",
    snapshot=7,
    discovered=10,
    unchanged=7,
    deleted=0,
    touched=0,
    is_migration=False,
    causes=Counter(new=3),
    batch=BATCH,
    seconds=1.25,
)


def test_batches_add_up():
    """Counts add; the first example of a reason stays; steps add rows and seconds."""
    other = BatchSummary(
        files=Counter(accepted=1),
        documents=1,
        rejects=Counter(empty=1),
        examples={"empty": "later.txt"},
        steps={"read": StepCost(1, 0.5), "clean": StepCost(1, 1.0)},
        slowest=(("page.html", 0.2),),
    )

    both = BATCH + other

    assert Counter(accepted=3, rejected=1) == both.files
    assert (both.documents, both.paragraphs, both.rejects["empty"]) == (4, 40, 2)
    assert both.examples == {"empty": "odd | name.txt"}
    assert both.steps == {"read": StepCost(4, 1.0), "clean": StepCost(1, 1.0)}
    assert both.slowest == (("big.html", 0.4), ("page.html", 0.2), ("b.txt", 0.1))


def test_adding_nothing_changes_nothing():
    """A run of no batch is a run of zero counts."""
    assert BatchSummary() + BATCH == BATCH


def test_funnel_adds_up():
    """Found = unchanged + read; read = accepted + rejected + ignored."""
    counts = {label: count for label, count, _ in funnel(RUN)}

    assert counts["files found"] == counts["unchanged"] + counts["read"]
    assert counts["read"] == counts["accepted"] + counts["rejected"]
    assert "ignored" not in counts


def test_headline_is_one_line_with_the_counts():
    """The log and the terminal say the same."""
    assert headline(RUN) == (
        "3 files read, 1 rejected: 3 articles, 40 paragraphs in 1.2 s"
    )
    idle = replace(RUN, snapshot=None, causes=Counter(), batch=BatchSummary())
    assert headline(idle) == "Nothing new: 10 files known already"


def test_report_survives_odd_paths():
    """A path may hold what means something in Markdown."""
    report = report_markdown(RUN)

    assert "| `empty` | 1 | `odd \\| name.txt` |" in report
    assert "| `de` | 2 |" in report
    assert "| read | 3 | 0.50 | 6 |" in report
