"""What commands share that go on until somebody stops them."""

import contextlib
import re
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta

from flows.plan import open_warehouse
from flows.settings import Settings
from tasks.errors import PipelineError, SettingsError
from tasks.tables.lock import take_lock

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.IGNORECASE)


def parse_duration(place: str, text: str, least_seconds: int = 1) -> timedelta:
    """Understand a duration in days, hours, minutes and seconds.

    Args:
        place: Where it was given, for the message.
        text: What was given.
        least_seconds: The shortest that makes sense.

    Raises:
        SettingsError: It is none, or shorter than that.

    Examples:
        >>> parse_duration("--every", "1h30m")
        datetime.timedelta(seconds=5400)
    """
    match = _DURATION.fullmatch(text.strip())
    days, hours, minutes, seconds = (
        int(part or 0) for part in (match.groups() if match else (0, 0, 0, 0))
    )
    found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if found.total_seconds() < least_seconds:
        raise SettingsError(
            f"{place} {text}",
            f"is no duration of {least_seconds} s or more",
            "Give one like 15m, 1h30m, 45s or 1d.",
        )
    return found


@contextlib.contextmanager
def hold_post(settings: Settings, post: str) -> Iterator[None]:
    """Be the only one who does something for a warehouse all the time.

    Args:
        settings: Which warehouse.
        post: What is done: name of the lock file, and verb of the message.

    Raises:
        WarehouseError: Another process does it already, on whatever machine.
    """
    room = open_warehouse(settings).room
    try:
        room.mkdir(parents=True, exist_ok=True)
        lock = take_lock(room / post)
    except OSError as error:
        raise PipelineError(
            str(room), f"cannot be used: {error}", "Put its permissions right."
        ) from error
    if isinstance(lock, str):
        raise PipelineError(
            str(settings.warehouse_dir),
            f"{lock} runs `articles {post}` for it already",
            "Stop that process first, or leave it to it.",
        )
    with lock:
        yield


@contextlib.contextmanager
def hold_interrupts() -> Iterator[threading.Event]:
    """Keep Ctrl-C from what is started inside the ``with`` block.

    A terminal sends it to every process; a run that is hit by it beside its runner is
    marked as crashed rather than cancelled. So it is blocked, which children inherit,
    and taken by another thread. SIGTERM means the same, and children keep theirs.

    Yields:
        Is set once somebody wants us to stop.
    """
    stop = threading.Event()
    ours, theirs = socket.socketpair()
    theirs.settimeout(0)

    def set_stop(*_: object) -> None:
        stop.set()

    def read_numbers() -> None:
        while numbers := ours.recv(16):
            if {*numbers} & {signal.SIGINT, signal.SIGTERM}:
                stop.set()

    with ours, contextlib.ExitStack() as stack:
        # Started here, where SIGINT is not blocked, so that somebody takes it.
        reader = threading.Thread(target=read_numbers, daemon=True)
        reader.start()
        stack.callback(reader.join)
        stack.callback(theirs.close)  # which ends the reader
        # Handlers run in this thread only when it comes to it, which may be at the end
        # of a run it waits for. The number of a signal arrives in the socket at once.
        former = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        stack.callback(signal.set_wakeup_fd, former)
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.signal(number, set_stop)
            stack.callback(signal.signal, number, before)
        if hasattr(signal, "pthread_sigmask"):  # not on Windows
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            stack.callback(signal.pthread_sigmask, signal.SIG_SETMASK, mask)
        yield stop
