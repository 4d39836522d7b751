"""Which files a run reads: new, changed, to be looked at again; and no other."""

import hashlib
import json
import os
from datetime import UTC, datetime

import pandas as pd
import pytest

from flows.batches import cut_batches
from flows.errand import Errand
from flows.ledger import (
    LEDGER_COLUMNS,
    RULES,
    Cause,
    arrived_ns,
    new_run_id,
    outcomes,
    rules_of,
)
from flows.plan import make_plan, open_warehouse, plan_rebuild, plan_replay
from flows.settings import read_settings
from tasks.errors import SettingsError
from tasks.schema import Reason, Status
from tests.warehouse_rows import commit

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
    frame = pd.DataFrame(list(rows), columns=[*LEDGER_COLUMNS, RULES])
    types = dict.fromkeys(LEDGER_COLUMNS, "str")
    types |= {"size_bytes": "Int64", "mtime_ns": "Int64", "document_count": "int32"}
    return frame.astype(types)


def known(path="a.txt", size=3, mtime=OLD, reason=None, detail=None, **others):
    """Make the ledger's row of a file."""
    status = Status.REJECTED if reason else Status.ACCEPTED
    row = {
        "source_path": path,
        "size_bytes": size,
        "mtime_ns": mtime,
        "sha256": "00",
        "status": status.value,
        "reason": reason,
        "detail": detail,
        "document_count": 0 if reason else 1,
        "run_id": RUN_ID,
        RULES: rules_of([path])[0],
    }
    return tuple((row | others).values())


LIMITS = (1000, 200)


def make(files, ledger, raw_dir, limits=LIMITS):
    """Plan a run after one with the usual limits."""
    arrived = [arrived_ns(raw_dir / path) for path in files["source_path"]]
    files = files.assign(arrived_ns=pd.Series(arrived, dtype="Int64"))
    return make_plan(files, ledger, raw_dir, limits, {RUN_ID: LIMITS})


@pytest.mark.parametrize(("keep_days", "kept"), [(0, [3, 2, 1]), (7, [3, 2])])
def test_earlier_snapshots_are_kept_as_the_settings_say(tmp_path, keep_days, kept):
    """With an age older ones go; 0 is no limit."""
    settings = read_settings(
        {}, warehouse_dir=tmp_path / "warehouse", keep_days=keep_days
    )
    warehouse = open_warehouse(settings)
    with warehouse.lock():
        commit(warehouse, 1)
        commit(warehouse, 2)
    manifest = warehouse.live / "_manifest.json"
    content = json.loads(manifest.read_text()) | {"created_at": "2020-01-01T00:00:00Z"}
    manifest.write_text(json.dumps(content))
    with warehouse.lock():
        commit(warehouse, 3)

    assert [line.snapshot for line in warehouse.snapshots()] == kept


def plan_of(files, ledger, raw_dir):
    """Return the paths to read and the paths that are gone."""
    plan = make(files, ledger, raw_dir)
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
    ledger = ledger_of(
        known(reason="unreadable", detail="Permission denied", sha256=None)
    )

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


def test_clock_set_back(tmp_path):
    """A run that lies in the future tells that no time can be trusted: look inside."""
    (tmp_path / "a.txt").write_bytes(b"abc")
    later = new_run_id(datetime(2999, 1, 1, tzinfo=UTC), "c0ffee")
    found = files_of(("a.txt", 3, OLD, None, None))

    assert plan_of(found, ledger_of(known(run_id=later)), tmp_path)[0] == ["a.txt"]
    same = known(run_id=later, sha256=hashlib.sha256(b"abc").hexdigest())
    assert plan_of(found, ledger_of(same), tmp_path)[0] == []


def test_touched_file_is_not_read_again(tmp_path):
    """The bytes are known, so only the new time of change is to be noted."""
    (tmp_path / "a.txt").write_bytes(b"abc")
    found = files_of(("a.txt", 3, OLD + 5, None, None))

    plan = make(
        found, ledger_of(known(sha256=hashlib.sha256(b"abc").hexdigest())), tmp_path
    )

    assert plan.todo.empty
    assert plan.touched["mtime_ns"].tolist() == [OLD + 5]
    assert plan.has_work


def test_moved_file_is_noted_only_along_with_other_work(tmp_path):
    """Moving a folder of files is no reason to publish, and is noted when there is."""
    (tmp_path / "a.txt").write_bytes(b"abc")
    row = known(sha256=hashlib.sha256(b"abc").hexdigest())
    assert arrived_ns(tmp_path / "a.txt") > OLD

    alone = make(files_of(("a.txt", 3, OLD, None, None)), ledger_of(row), tmp_path)
    both = make(
        files_of(("a.txt", 3, OLD, None, None), ("b.txt", 3, OLD, None, None)),
        ledger_of(row),
        tmp_path,
    )

    assert not alone.has_work
    assert both.retimed_count == 0
    assert both.touched["source_path"].tolist() == ["a.txt"]


def test_changed_rules_concern_the_files_they_made(tmp_path):
    """A row made by other versions of the rules is made again; no other is."""
    found = files_of(*((f"{n}.txt", 3, OLD, None, None) for n in "abc"))
    ledger = ledger_of(known("a.txt"), known("b.txt", **{RULES: 7}), known("c.txt"))

    plan = make(found, ledger, tmp_path)

    assert plan.todo["source_path"].tolist() == ["b.txt"]
    assert dict(plan.causes) == {Cause.RULES.value: 1}


@pytest.mark.parametrize(
    ("limits", "todo"),
    [
        (LIMITS, []),
        ((2000, 200), ["refused.txt"]),
        ((5, 200), ["large.txt", "packed.txt.gz", "refused.txt"]),
        ((1000, 100), ["packed.txt.gz", "refused.txt"]),
    ],
    ids=["same", "higher", "lower", "other ratio"],
)
def test_other_limits_concern_some_files(limits, todo, tmp_path):
    """What was refused, is too large now, or may unpack to too much."""
    rows = {
        "large.txt": (900, None),
        "packed.txt.gz": (4, None),
        "refused.txt": (1500, Reason.TOO_LARGE.value),
        "small.txt": (3, None),
    }
    if limits[0] > LIMITS[0]:  # a compressed file that was accepted still is
        del rows["packed.txt.gz"]
    found = files_of(*((path, row[0], OLD, None, None) for path, row in rows.items()))
    ledger = ledger_of(
        *(known(path, row[0], OLD, row[1]) for path, row in rows.items())
    )

    plan = make(found, ledger, tmp_path, limits)

    assert plan.todo["source_path"].tolist() == todo


def test_no_longer_ignored(tmp_path):
    """Without the pattern that kept it out, a file is an article like any other."""
    found = files_of(("a.txt", 3, OLD, None, None))
    ledger = ledger_of(known(reason=Reason.IGNORED_PATTERN.value))

    assert plan_of(found, ledger, tmp_path)[0] == ["a.txt"]


def test_rebuild_reads_everything_and_drops_what_is_gone():
    """Other settings for every row: no row of the past can be kept."""
    found = files_of(("a.txt", 3, OLD, None, None))
    ledger = ledger_of(known(), known("b.txt"))

    plan = plan_rebuild(found, ledger, Cause.SETTINGS)

    assert plan.todo["source_path"].tolist() == ["a.txt"]
    assert plan.deleted == ["b.txt"]


REJECTED = {"a.txt": {"blank"}, "sub/b.txt": {"binary"}, "sub/c.jsonl": {"no_text"}}


@pytest.mark.parametrize(
    ("paths", "reasons", "todo"),
    [
        ([], [], ["a.txt", "sub/b.txt", "sub/c.jsonl"]),
        ([], ["blank", "no_text"], ["a.txt", "sub/c.jsonl"]),
        (["sub"], [], ["sub/b.txt", "sub/c.jsonl"]),
        (["raw/sub/b.txt"], [], ["sub/b.txt"]),
        (["sub/"], ["blank"], []),
        (["raw"], [], ["a.txt", "sub/b.txt", "sub/c.jsonl"]),
    ],
)
def test_replay_takes_what_was_rejected(paths, reasons, todo, tmp_path, monkeypatch):
    """All of it, or by reason, or by path; never a new, changed or deleted file."""
    monkeypatch.chdir(tmp_path)
    names = ["a.txt", "new.txt", "sub/b.txt", "sub/c.jsonl"]
    found = files_of(*((name, 4, OLD, None, None) for name in names))
    ledger = ledger_of(known("a.txt"), known("sub/b.txt"), known("gone.txt"))
    errand = Errand(
        replay=True, replay_paths=tuple(paths), replay_reasons=tuple(reasons)
    )

    plan = plan_replay(found, ledger, REJECTED, tmp_path / "raw", errand)

    assert plan.todo["source_path"].tolist() == todo
    assert not plan.has_other_work


def test_replay_of_nothing_is_a_mistake(tmp_path):
    """A path that fits nothing is told, not taken for all."""
    errand = Errand(replay=True, replay_paths=("accepted.txt",))
    with pytest.raises(SettingsError):
        plan_replay(files_of(), ledger_of(), REJECTED, tmp_path, errand)


def test_outcomes_compare_but_for_the_run():
    """Null cells compare equal, so that an outcome is found again."""
    one = ledger_of(known("b", None, None, "dangling_link", "x"))
    other = ledger_of(known("b", None, None, "dangling_link", "x", run_id="later"))
    third = ledger_of(known("b", None, None, "dangling_link", "y"))

    assert outcomes(one) == outcomes(other)
    assert outcomes(one) != outcomes(third)


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
