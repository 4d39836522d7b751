"""How a run tells whoever watches how far it is: the terminal, or nobody.

A flow run started by the command line runs in its process and thread, so a plain
callback reaches the terminal; Prefect's UI gets its own progress artifact.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """Something a run tells.

    Attributes:
        stage: What it is doing now: a step's name or another verb.
        done_files: Files that have been through the line, parts of large ones too.
        all_files: Files to be read in this run.
        unchanged_files: Files that need no reading.
    """

    stage: str
    done_files: float
    all_files: int
    unchanged_files: int


Listener = Callable[[Event], None]

_listeners: list[Listener] = []
_told: list[Event] = []


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Pass every event of the runs inside the ``with`` block to ``listener``."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def is_watched() -> bool:
    """Whether the command line started the run and shows it."""
    return bool(_listeners)


def tell(event: Event) -> None:
    """Tell all listeners."""
    _told[:] = [event]
    for listener in _listeners:
        listener(event)


def tell_step(step: str) -> None:
    """Tell all listeners that a step begins; without one, e.g. in a worker, nobody."""
    for event in _told[-1:]:
        tell(event._replace(stage=step))
