"""`articles schedule`: what is understood of times, and what is refused at once."""

import os
import signal
import threading
from datetime import timedelta

import pytest

from flows.duty import hold_interrupts, hold_post, parse_duration
from flows.settings import read_settings
from flows.timetable import deployment_name, read_timetable
from tasks.errors import PipelineError, SettingsError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("15m", 900), ("1h30m", 5400), ("2D", 172_800), (" 10s ", 10)],
)
def test_durations(text, seconds):
    """Days, hours, minutes and seconds, in this order."""
    assert parse_duration("--every", text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "0s", "15", "m", "-5m", "5m1h", "1.5h", "soon"])
def test_what_is_no_duration(text):
    """Nonsense is refused with an example."""
    with pytest.raises(SettingsError, match="Give one like 15m"):
        parse_duration("--every", text)


def test_runs_follow_each_other_no_faster_than_they_start():
    """A run takes seconds to start: every second one would be left out."""
    with pytest.raises(SettingsError, match="10 s or more"):
        read_timetable(None, "9s")


def test_cron():
    """Five fields; anything else is refused before a server is started."""
    assert read_timetable("0 * * * *", None).cron == "0 * * * *"
    for text in ("0 * * *", "every hour", "99 * * * *"):
        with pytest.raises(SettingsError, match="is no cron expression"):
            read_timetable(text, None)


def test_every_warehouse_has_a_deployment_of_its_own(tmp_path):
    """Folders of one name in two places are two; odd characters do no harm."""
    one, two = tmp_path / "a" / "warehouse", tmp_path / "b" / "warehouse"

    assert deployment_name(one) != deployment_name(two)
    assert deployment_name(tmp_path / "my / tables %").startswith("-tables")


def test_a_post_is_held_by_one(tmp_path):
    """The second is told which process holds it; then it is free again."""
    settings = read_settings({}, warehouse_dir=tmp_path / "warehouse")
    with (
        hold_post(settings, "watch"),
        hold_post(settings, "schedule"),
        pytest.raises(PipelineError, match=f"process {os.getpid()} on"),
        hold_post(settings, "watch"),
    ):
        pass
    with hold_post(settings, "watch"):
        pass


@pytest.mark.skipif(
    not hasattr(signal, "pthread_sigmask"), reason="no signal masks here"
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupts_are_asked_for_and_not_raised(number):
    """Ctrl-C sets the event; what is started meanwhile does not feel it."""
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(number)
    with hold_interrupts() as stop:
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        os.kill(os.getpid(), number)
        # The handler runs in this thread, between two waits, as in the product.
        assert any(stop.wait(0.1) for _ in range(300))
    assert signal.SIGINT in blocked
    assert signal.getsignal(number) is before
