"""`articles watch`: when files count as complete, and what is worth a run."""

import threading
from datetime import timedelta

import pytest

from flows.arrivals import Rhythm, Settling, Watcher, has_arrivals
from flows.conduct import ingest_plainly
from flows.paper import open_paper
from flows.plan import look_around
from flows.settings import read_settings

QUICK = Rhythm(quiet=timedelta(seconds=2), poll=timedelta(minutes=5))
TEXT = "The ferry came in late, and the two sisters waited on the pier until dark.\n"


@pytest.fixture
def settings(tmp_path):
    """Folders with one file, already ingested."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "first.txt").write_text(TEXT)
    settings = read_settings(
        {}, raw_dir=tmp_path / "raw", warehouse_dir=tmp_path / "warehouse"
    )
    ingest_plainly(settings)
    return settings


def test_every_change_begins_the_wait_anew():
    """Files count as complete only after a pause."""
    settling = Settling(quiet_seconds=5)
    for moment in (0, 4, 8):
        settling.note_change(moment)
        assert not settling.is_settled(moment + 4.9)
    assert settling.is_settled(13)
    settling.forget()
    assert not settling.is_settled(100)


def test_a_stream_without_a_pause_is_read_all_the_same():
    """Files that never stop coming do not put off the others for ever."""
    settling = Settling(quiet_seconds=5)
    moments = range(100)
    settled = []
    for moment in moments:
        settling.note_change(moment)
        settled.append(settling.is_settled(moment))

    assert settled.index(True) == 60


def test_a_file_still_being_written_is_not_worth_a_run(settings):
    """Temporary names wait for their real one; a file that is gone does not."""
    (settings.raw_dir / "second.txt.part").write_text(TEXT)
    assert look_around(settings).has_work
    assert not has_arrivals(look_around(settings))

    (settings.raw_dir / "second.txt.part").rename(settings.raw_dir / "second.txt")
    assert has_arrivals(look_around(settings))

    (settings.raw_dir / "second.txt").unlink()
    (settings.raw_dir / "first.txt").unlink()
    assert has_arrivals(look_around(settings))


@pytest.fixture
def watching(settings):
    """Start a watcher in a thread; return the plans it acts on, as they come."""
    stop, plans = threading.Event(), []
    seen = threading.Condition()

    def act(settings, plan, _stop):
        ingest_plainly(settings)
        with seen:
            plans.append(plan)
            seen.notify_all()
        return "done"

    watcher = Watcher(settings, QUICK, open_paper(), stop, act)
    thread = threading.Thread(target=watcher.go_on)
    thread.start()

    def await_plans(files):
        def has_files():
            return sum(len(plan.todo) for plan in plans) >= files

        with seen:
            assert seen.wait_for(has_files, timeout=120), plans
        return plans

    yield await_plans
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.slow
def test_a_burst_is_one_run(settings, watching):
    """Two thousand files, some still being written, in new folders: read together."""
    (settings.raw_dir / "waited.txt").write_text(TEXT)
    watching(1)
    for index in range(2_000):
        folder = settings.raw_dir / f"day-{index % 20}"
        folder.mkdir(exist_ok=True)
        part = folder / f"story-{index}.txt.part"
        part.write_text(f"{TEXT}{index}\n")
        part.rename(part.with_suffix(""))

    plans = watching(2_001)

    assert len(plans) <= 3
    assert not look_around(settings).has_work


@pytest.mark.slow
def test_folders_the_system_cannot_watch(settings, monkeypatch, capsys):
    """Then the folder is compared now and then, as on network folders always."""

    def refuse(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("flows.arrivals.watch", refuse)
    (settings.raw_dir / "second.txt").write_text(TEXT)
    stop, looks = threading.Event(), []

    def act(settings, plan, _stop):
        looks.append(len(plan.todo))
        ingest_plainly(settings)
        if len(looks) == 2:
            stop.set()
        else:
            (settings.raw_dir / "third.txt").write_text(TEXT)
        return "done"

    often = Rhythm(quiet=timedelta(seconds=1), poll=timedelta(seconds=1))
    deadline = threading.Timer(120, stop.set)
    deadline.start()
    Watcher(settings, often, open_paper(), stop, act).go_on()
    deadline.cancel()

    assert looks == [1, 1]
    assert "cannot watch" in capsys.readouterr().out
