"""Seconds that single files take, for who asks which are slow."""

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

_TIMES: ContextVar[dict[str, float] | None] = ContextVar(
    "seconds by file", default=None
)


@contextlib.contextmanager
def timing() -> Iterator[dict[str, float]]:
    """Give the seconds by file that the steps inside the block measure.

    Only what is done for one article at a time can be measured: reading,
    decoding, parsing, cutting into blocks. What is done for a whole batch is nobody's.

    Examples:
        >>> with timing() as seconds, timed("one.txt"):
        ...     pass
        >>> list(seconds)
        ['one.txt']
    """
    seconds: dict[str, float] = {}
    token = _TIMES.set(seconds)
    try:
        yield seconds
    finally:
        _TIMES.reset(token)


@contextlib.contextmanager
def timed(source_path: str) -> Iterator[None]:
    """Add the time of the block to the file's, if anybody asks."""
    start = time.perf_counter()
    try:
        yield
    finally:
        if (seconds := _TIMES.get()) is not None:
            spent = time.perf_counter() - start
            seconds[source_path] = seconds.get(source_path, 0.0) + spent
