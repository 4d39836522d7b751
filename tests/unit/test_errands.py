"""What a run does besides reading what is new: changed rules, replays, new times."""

import json
import os

import pytest

from flows.conduct import ingest_plainly
from flows.errand import Errand
from flows.ledger import Cause
from flows.plan import look_around
from flows.settings import Settings, fingerprint_of_1, read_settings
from tasks import logic
from tasks.errors import SettingsError
from tasks.schema import Format, Step
from tasks.tables.warehouse import Warehouse
from tests.warehouse_rows import make_older

PROSE = "The harbour was quiet when the last ferry came in, and nobody spoke for long."
PAGE = f"<html><body><article><h1>Tide</h1><p>{PROSE}</p></article></body></html>"
LINES = f'{{"title": "One", "text": "{PROSE}"}}\nbroken\n'


@pytest.fixture
def folder(tmp_path):
    """Give a folder with four raw files, ingested once."""
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a.txt").write_text(f"A Night\n\n{PROSE}\n")
    (raw / "b.html").write_text(PAGE)
    (raw / "c.jsonl").write_text(LINES)
    (raw / "empty.txt").write_text("")
    assert run(tmp_path).snapshot == 1
    return tmp_path


def run(folder, errand=None, **settings):
    """Ingest once."""
    return ingest_plainly(
        read_settings(
            {},
            raw_dir=folder / "raw",
            warehouse_dir=folder / "warehouse",
            **settings,
        ),
        errand or Errand(),
    )


def rows(folder, table="documents"):
    """Return the rows of a table by source path."""
    found = Warehouse(folder / "warehouse").read_table(table).to_pylist()
    return {row["source_path"]: row for row in found}


def no_reading(*_args, **_kwargs):
    raise AssertionError("a raw file was read")


def test_changed_rules_read_the_files_they_concern(folder, monkeypatch):
    """A change for pages: pages are read again, and JSON, which may hold pages."""
    change = logic.Change(Step.CLEAN, 2, logic.PAGES, "captions end with a credit")
    before = rows(folder)
    monkeypatch.setattr(logic, "CHANGES", (*renumbered(change),))

    summary = run(folder)

    assert dict(summary.causes) == {Cause.RULES.value: 2}
    after = rows(folder)
    assert after["a.txt"] == before["a.txt"]
    version = logic.step_versions(Format.HTML)["clean"]
    for path in ("b.html", "c.jsonl"):
        assert after[path]["step_versions"]["clean"] == version
        assert after[path]["run_id"] == summary.run_id
    assert run(folder).snapshot is None


def renumbered(change):
    """Return all changes there are and one more after them."""
    last = max(c.version for c in logic.CHANGES if c.step is change.step)
    return [*logic.CHANGES, change._replace(version=last + 1)]


def test_rejects_are_looked_at_under_changed_rules(folder, monkeypatch):
    """A rule may accept what it refused before, so rejected files are read too."""
    change = logic.Change(Step.READ, 2, logic.PLAIN, "an empty file is an article")
    monkeypatch.setattr(logic, "CHANGES", (*renumbered(change),))

    summary = run(folder)

    assert dict(summary.causes) == {Cause.RULES.value: 3}
    assert rows(folder, "sources")["empty.txt"]["step_versions"]["read"] > 1


def test_older_warehouse_is_migrated_without_reading(folder, monkeypatch):
    """Nothing has changed but the schema: one commit, and no raw file is opened."""
    before = rows(folder, "sources")
    make_older(folder / "warehouse")
    use_settings_of_1(folder)
    monkeypatch.setattr(logic, "CHANGES", logic.CHANGES[:5])
    monkeypatch.setattr("flows.line.read_pieces", no_reading)
    noted = dict.fromkeys(("step_versions", "run_id", "survey"))
    before = {path: row | noted for path, row in before.items()}

    summary = run(folder)

    assert (summary.is_migration, summary.processed, summary.snapshot) == (True, 0, 2)
    after = rows(folder, "sources")
    first = dict.fromkeys(("read", "clean", "detect", "split", "describe"), 1)
    assert {row["step_versions"] == first for row in after.values()} == {True}
    assert before == {path: row | noted for path, row in after.items()}
    assert run(folder).snapshot is None


def use_settings_of_1(folder):
    """Write into the manifest what schema 1 wrote for the usual settings."""
    path = folder / "warehouse" / "_manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(
        json.dumps(manifest | {"fingerprint": fingerprint_of_1(Settings())})
    )


def test_replay_reads_rejected_files_only(folder):
    """A mended file is taken in; a new, a changed and a deleted one wait."""
    (folder / "raw" / "empty.txt").write_text(f"Full\n\n{PROSE}\n")
    (folder / "raw" / "new.txt").write_text(f"New\n\n{PROSE}\n")
    (folder / "raw" / "a.txt").write_text(f"Changed\n\n{PROSE}\n")
    (folder / "raw" / "b.html").unlink()
    before = rows(folder)

    summary = run(folder, Errand(replay=True))

    assert dict(summary.causes) == {Cause.REPLAYED.value: 2}  # with c.jsonl
    after = rows(folder)
    assert after.keys() == {"a.txt", "b.html", "c.jsonl", "empty.txt"}
    assert (after["a.txt"], after["b.html"]) == (before["a.txt"], before["b.html"])


def test_replay_by_reason_and_path(folder):
    """Only what was asked for is read; what fares as before writes nothing."""
    by_reason = run(folder, Errand(replay=True, replay_reasons=("empty",)))
    by_path = run(folder, Errand(replay=True, replay_paths=("c.jsonl",)))

    assert [s.processed for s in (by_reason, by_path)] == [1, 1]
    assert [s.snapshot for s in (by_reason, by_path)] == [None, None]


def test_replay_after_a_limit_was_raised(folder):
    """The cause may be a setting; the other files need not be read for it."""
    assert run(folder, max_file_bytes=30).snapshot == 2
    assert not rows(folder)

    summary = run(folder, Errand(replay=True, replay_reasons=("too_large",)))

    assert summary.processed == 3
    assert rows(folder).keys() == {"a.txt", "b.html", "c.jsonl"}


def test_replay_under_other_settings(folder):
    """Refused like any wrong argument, before Prefect is started."""
    with pytest.raises(SettingsError, match="mix the two"):
        run(folder, Errand(replay=True), detector="langdetect")


def test_replay_for_an_unknown_reason(folder):
    """A mistake, also where the tables cannot tell what was rejected."""
    errand = Errand(replay=True, replay_reasons=("boredom",))
    (folder / "warehouse" / "_manifest.json").write_text("?")
    with pytest.raises(SettingsError, match="boredom"):
        look_around(
            read_settings(
                {}, raw_dir=folder / "raw", warehouse_dir=folder / "warehouse"
            ),
            errand,
        )


def test_touched_files_are_not_read(folder, monkeypatch):
    """The new time is noted in `sources`; that is all that is written."""
    file = folder / "raw" / "a.txt"
    os.utime(file, ns=(5, 5))
    monkeypatch.setattr("flows.line.read_pieces", no_reading)
    before = rows(folder)

    summary = run(folder)

    assert (summary.touched, summary.processed, summary.snapshot) == (1, 0, 2)
    assert rows(folder) == before
    source = rows(folder, "sources")["a.txt"]
    assert (source["mtime_ns"], source["run_id"]) == (5, summary.run_id)
    assert run(folder).snapshot is None


def test_reprocess_reads_everything(folder):
    """Known or not, every file is read again."""
    summary = run(folder, Errand(reprocess=True))

    assert dict(summary.causes) == {Cause.REPROCESSED.value: 4}
