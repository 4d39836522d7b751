"""Which files a run reads: new, changed, to be looked at again; and no other."""

import hashlib
import os
from datetime import UTC, datetime

import pandas as pd
import pytest

from flows.plan import LEDGER_COLUMNS, cut_batches, make_plan, outcomes
from tasks.schema import Reason, Status

NOW = int(datetime(2020, 11, 21, 8, 30, tzinfo=UTC).timestamp()) * 10**9
OLD = NOW - 10**12
RUN_ID = "20201121T083000Z-c0ffee"
FILES = {
    "source_path": "str",
    "size_bytes": "Int64",
    "mtime_ns": "Int64",
    "problem": "str",
    "detail": "str",
}


def files_of(*rows):
    """Make a table as ``discover_files`` does."""
    return pd.DataFrame(list(rows), columns=list(FILES)).astype(FILES)


def ledger_of(*rows):
    """Make the ledger of some ``known`` files."""
    frame = pd.DataFrame(list(rows), columns=LEDGER_COLUMNS)
    types = dict.fromkeys(LEDGER_COLUMNS, "str")
    return frame.astype(types | {"size_bytes": "Int64", "mtime_ns": "Int64"})


def known(path="a.txt", size=3, mtime=OLD, reason=None, detail=None, *, sha256="00"):  # noqa: PLR0913  # a row
    """Make the ledger's row of a file."""
    status = Status.REJECTED if reason else Status.ACCEPTED
    return (path, size, mtime, sha256, status.value, reason, detail, RUN_ID)


def plan_of(files, ledger, raw_dir, *, is_rebuild=False):
    """Return the paths to read and the paths that are gone."""
    plan = make_plan(files, ledger, raw_dir, is_rebuild=is_rebuild)
    return plan.todo["source_path"].tolist(), plan.deleted


@pytest.mark.parametrize(
    ("found", "ledger", "todo", "deleted"),
    [
        ([("a.txt", 3, OLD, None, None)], [], ["a.txt"], []),
        ([("a.txt", 3, OLD, None, None)], [known()], [], []),
        ([("a.txt", 4, OLD, None, None)], [known()], ["a.txt"], []),
        ([("a.txt", 3, OLD - 1, None, None)], [known()], ["a.txt"], []),
        ([("b.txt", 3, OLD, None, None)], [known()], ["b.txt"], ["a.txt"]),
        ([], [known()], [], ["a.txt"]),
        ([("a.txt", 3, OLD, None, None)], [known(reason="blank")], [], []),
    ],
    ids=["new", "same", "grown", "back-dated", "renamed", "deleted", "still rejected"],
)
def test_plan(found, ledger, todo, deleted, tmp_path):
    """Size and time of change decide; a rejected file is known like any other."""
    plan = plan_of(files_of(*found), ledger_of(*ledger), tmp_path)

    assert (todo, deleted) == plan


LINK = ("a.txt", None, None, Reason.DANGLING_LINK.value, "leads nowhere")


@pytest.mark.parametrize(
    ("found", "ledger", "todo"),
    [
        (LINK, known("a.txt", None, None, "dangling_link", "leads nowhere"), []),
        (LINK, known("a.txt", None, None, "dangling_link", "elsewhere"), ["a.txt"]),
        (LINK, known(), ["a.txt"]),
        (
            ("a.txt", 3, OLD, None, None),
            known(reason="changed_while_reading"),
            ["a.txt"],
        ),
        (("a.txt", 3, OLD, None, None), known(reason="dangling_link"), ["a.txt"]),
    ],
    ids=["same trouble", "other trouble", "new trouble", "perhaps over", "over"],
)
def test_trouble_around_a_file_is_looked_at_again(found, ledger, todo, tmp_path):
    """A file is read again unless looking at it already tells the same story."""
    assert todo == plan_of(files_of(found), ledger_of(ledger), tmp_path)[0]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything"
)
def test_unreadable_file_stays_known_until_it_can_be_read(tmp_path):
    """Nothing is gained by reading it once more while it cannot be opened."""
    file = tmp_path / "a.txt"
    file.write_text("abc")
    found = files_of(("a.txt", 3, OLD, None, None))
    refused = {"reason": "unreadable", "detail": "Permission denied", "sha256": None}
    ledger = ledger_of(known(**refused))

    file.chmod(0)
    assert plan_of(found, ledger, tmp_path)[0] == []
    file.chmod(0o600)
    assert plan_of(found, ledger, tmp_path)[0] == ["a.txt"]


def test_content_decides_where_times_cannot(tmp_path):
    """Edited and back-dated, a file has its old size and time; not its old content."""
    (tmp_path / "a.txt").write_bytes(b"abc")  # after the run, by the system's clock
    found = files_of(("a.txt", 3, OLD, None, None))
    as_read = hashlib.sha256(b"abc").hexdigest()

    same = ledger_of(known(sha256=as_read))
    other = ledger_of(known(sha256="00"))

    assert plan_of(found, same, tmp_path)[0] == []
    assert plan_of(found, other, tmp_path)[0] == ["a.txt"]


def test_link_to_another_file_of_the_same_looks_is_seen(tmp_path):
    """The target may be old: the link itself is new."""
    (tmp_path / "target").write_bytes(b"abc")
    (tmp_path / "a.txt").symlink_to(tmp_path / "target")
    found = files_of(("a.txt", 3, OLD, None, None))

    assert plan_of(found, ledger_of(known()), tmp_path)[0] == ["a.txt"]


def test_rebuild_reads_everything_and_drops_what_is_gone(tmp_path):
    """Other settings or another version: no row of the past can be trusted."""
    found = files_of(("a.txt", 3, OLD, None, None))
    ledger = ledger_of(known(), known("b.txt"))

    plan = plan_of(found, ledger, tmp_path, is_rebuild=True)

    assert plan == (["a.txt"], ["b.txt"])


def test_outcomes_are_those_that_may_change():
    """Null cells compare equal, so that an outcome is found again."""
    ledger = ledger_of(
        known(),
        known("b", None, None, "dangling_link", "x"),
        known("c", reason="blank"),
    )

    assert frozenset({("b", None, None, "dangling_link", "x")}) == outcomes(ledger)


def test_batches_keep_every_file_in_order():
    """Cutting loses nothing; a file larger than a batch is one of its own."""
    sizes = [5, 5, 5, 50, 1, 1, 1, 1]
    todo = files_of(*((f"{i}.txt", s, OLD, None, None) for i, s in enumerate(sizes)))

    batches = list(cut_batches(todo, batch_bytes=10, batch_files=3))

    assert [batch["size_bytes"].tolist() for batch in batches] == [
        [5, 5],
        [5],
        [50],
        [1, 1, 1],
        [1],
    ]
    assert todo["source_path"].tolist() == [
        path for batch in batches for path in batch["source_path"]
    ]


def test_batches_of_nothing_are_none():
    """No file, no batch."""
    assert list(cut_batches(files_of(), batch_bytes=10, batch_files=3)) == []


def test_files_of_unknown_size_weigh_nothing():
    """A dangling link has no size, yet it has a row."""
    todo = files_of(LINK, LINK)

    assert [
        len(batch) for batch in cut_batches(todo, batch_bytes=1, batch_files=3)
    ] == [2]
