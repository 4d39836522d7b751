"""The command ``articles watch``: a run as soon as new files have come and settled.

The system tells of changes at once where it can. It does not on most network folders,
so now and then the folder is compared with the tables as well.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import NamedTuple

from rich.text import Text
from watchfiles import Change, watch

from flows.duty import hold_interrupts, hold_post
from flows.paper import Paper, open_paper
from flows.plan import Plan, look_around
from flows.server import Server, open_server
from flows.settings import Settings, settings_environment
from flows.status import describe_work
from tasks.errors import PipelineError, SettingsError
from tasks.objects import ObjectUrl

ARRIVED = "articles.raw.arrived"
"""Name of the event that tells of new files; ``prefect.yaml`` waits for it."""

_TEMPORARY = (
    ".part",
    ".partial",
    ".filepart",
    ".crdownload",
    ".download",
    ".tmp",
    ".temp",
    ".swp",
    "~",
)
"""How names end that programs give to files they are still writing."""

_LOOK_SECONDS = 0.5
_MOST_PAUSES = 12  # a stream of files that never pauses is read after so many pauses
_STOP_SECONDS = 60


class Rhythm(NamedTuple):
    """How patient to be.

    Attributes:
        quiet: Time without any change after which files count as complete.
        poll: Time between two comparisons of folder and tables.
    """

    quiet: timedelta = timedelta(seconds=5)
    poll: timedelta = timedelta(minutes=5)


class Settling:
    """Tells when changes have settled; knows no clock but what it is told.

    Examples:
        >>> settling = Settling(quiet_seconds=5)
        >>> settling.note_change(at_seconds=100)
        >>> settling.is_settled(at_seconds=104), settling.is_settled(at_seconds=105)
        (False, True)
    """

    def __init__(self, quiet_seconds: float) -> None:
        self._quiet_seconds = quiet_seconds
        self._first_seconds: float | None = None
        self._last_seconds = 0.0

    def note_change(self, at_seconds: float) -> None:
        """Note that something has changed just now."""
        if self._first_seconds is None:
            self._first_seconds = at_seconds
        self._last_seconds = at_seconds

    @property
    def has_changes(self) -> bool:
        """Whether something has changed that is not taken care of."""
        return self._first_seconds is not None

    def is_settled(self, at_seconds: float) -> bool:
        """Whether there were changes and now there is quiet, or no end to them."""
        if self._first_seconds is None:
            return False
        longest = _MOST_PAUSES * self._quiet_seconds
        return (
            at_seconds - self._last_seconds >= self._quiet_seconds
            or at_seconds - self._first_seconds >= longest
        )

    def forget(self) -> None:
        """Begin anew: what has changed is taken care of."""
        self._first_seconds = None


def is_temporary(path: str) -> bool:
    """Whether a file's name says that it is still being written, or is hidden.

    Examples:
        >>> is_temporary("/raw/story.txt.part"), is_temporary("/raw/.~lock.story.txt")
        (True, True)
        >>> is_temporary("/raw/story.txt")
        False
    """
    name = PurePath(path).name
    return name.startswith(".") or name.lower().endswith(_TEMPORARY)


def watch_raw(
    settings: Settings, rhythm: Rhythm, port: int | None, *, is_emitting: bool
) -> None:
    """Start a run whenever new files have settled, until told to stop.

    Args:
        settings: Settings of every run.
        rhythm: How patient to be.
        port: Port of the server on this machine; null to go by Prefect's settings.
        is_emitting: Start no run but emit the event ``ARRIVED``, for a deployment.

    Raises:
        PipelineError: Another process watches already, or there is no server.
    """
    paper = open_paper()
    if isinstance(settings.raw_dir, ObjectUrl):
        raise SettingsError(
            f"raw folder {settings.raw_dir}",
            "is on object storage, which tells nobody what comes",
            "Look by the clock instead: articles schedule --every 5m.",
        )
    look_around(settings)  # wrong folders are told at once
    with hold_post(settings, "watch"):
        paper.say(Text("Starting Prefect ...", style="dim"))
        with open_server(port) as server, hold_interrupts() as stop:
            act = _emit if is_emitting else _run
            watcher = Watcher(settings, rhythm, paper, stop, act)
            _say_where(paper, settings, server)
            watcher.go_on()
    paper.say("Stopped.")


def _say_where(paper: Paper, settings: Settings, server: Server) -> None:
    origin = "started with this" if server.process else "running already"
    paper.say(
        Text("Prefect    ", style="dim")
        + Text(server.ui_url, style="bold")
        + Text(f"  ({origin})", style="dim")
    )
    paper.say(Text("Watching   ", style="dim") + Text(f"{settings.raw_dir}"))
    paper.say(Text("Ctrl-C stops.", style="dim"))


Act = Callable[[Settings, Plan, threading.Event], str]
"""Sees to the work of a plan; returns what to say about it, raises what went wrong."""


class Watcher:
    """Waits for files to settle and acts, again and again.

    Attributes:
        settings: Settings of every run.
        rhythm: How patient to be.
    """

    def __init__(
        self,
        settings: Settings,
        rhythm: Rhythm,
        paper: Paper,
        stop: threading.Event,
        act: Act,
    ) -> None:
        self.settings, self.rhythm = settings, rhythm
        self._paper, self._stop, self._act = paper, stop, act

    def go_on(self) -> None:
        """Act on what waits already, then on what comes, until told to stop."""
        settling = Settling(self.rhythm.quiet.total_seconds())
        next_poll = time.monotonic()
        for has_changed in self._changes():
            now = time.monotonic()
            if has_changed:
                settling.note_change(now)
            is_due = now >= next_poll and not settling.has_changes
            if settling.is_settled(now) or is_due:
                settling.forget()
                self._look()
                next_poll = time.monotonic() + self.rhythm.poll.total_seconds()

    def _changes(self) -> Iterator[bool]:
        """Yield about twice a second whether something has changed meanwhile."""
        try:
            for changes in watch(
                self.settings.raw_dir,
                watch_filter=_is_news,
                stop_event=self._stop,
                rust_timeout=round(_LOOK_SECONDS * 1000),
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                yield bool(changes)
        except (OSError, RuntimeError) as error:  # e.g. too many folders to watch
            self._say(Text(f"The system cannot watch ({error}).", style="yellow"))
            every = self.rhythm.poll.total_seconds()
            self._say(Text(f"The folder is compared every {every:.0f} s instead."))
        while not self._stop.wait(_LOOK_SECONDS):
            yield False

    def _look(self) -> None:
        """Act if there is something to do."""
        try:
            plan = look_around(self.settings)
            if has_arrivals(plan):
                self._say(Text(self._act(self.settings, plan, self._stop)))
        except PipelineError as error:
            if not self._stop.is_set():
                self._say(Text(str(error), style="red"))

    def _say(self, line: Text) -> None:
        moment = Text(f"{datetime.now():%H:%M:%S}  ", style="dim")  # noqa: DTZ005  # wall's
        self._paper.say(moment + line)


def has_arrivals(plan: Plan) -> bool:
    """Whether there is work besides files that are still being written."""
    if plan.has_other_work:
        return True
    return not all(map(is_temporary, plan.todo["source_path"]))


def _is_news(_change: Change, path: str) -> bool:
    return not is_temporary(path)


def _run(settings: Settings, plan: Plan, stop: threading.Event) -> str:
    """Run in a process of its own: whatever befalls it, watching goes on.

    Raises:
        PipelineError: The run has failed.
    """
    is_shown = sys.stderr.isatty()
    process = subprocess.Popen(  # every word of it is ours
        [sys.executable, "-m", "flows", "run"],
        env=os.environ | settings_environment(settings) | {"PYTHONSAFEPATH": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if is_shown else subprocess.PIPE,
        text=True,
    )
    dismissal = threading.Thread(target=_end_at, args=[stop, process], daemon=True)
    dismissal.start()
    out, err = process.communicate()
    if process.returncode:
        told = (err or "").strip().split("\n")[-1]
        raise PipelineError(
            f"the run ({describe_work(plan)})",
            told or f"ended with status {process.returncode}",
            "It is tried again at the next change.",
        )
    return out.partition("\n")[0]


def _end_at(stop: threading.Event, process: "subprocess.Popen[str]") -> None:
    """End a run once we are to stop; the tables stay as they were."""
    while process.poll() is None:
        if stop.wait(_LOOK_SECONDS):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
            process.kill()
            return


def _emit(settings: Settings, plan: Plan, _stop: threading.Event) -> str:
    """Tell Prefect; a deployment that waits for the event does the work."""
    from prefect.events import emit_event  # noqa: PLC0415  # slow, and only here

    place = Path(settings.raw_dir).resolve()
    emit_event(
        ARRIVED,
        resource={
            "prefect.resource.id": f"articles.raw.{place.name}",
            "prefect.resource.name": str(place),
        },
        payload={"files": len(plan.todo), "deleted": len(plan.deleted)},
    )
    return f"{describe_work(plan)}: event {ARRIVED} emitted"
