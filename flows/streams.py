"""Standard input, output and error as a command has to expect them.

Closed, full, or a pipe whose reader is gone; and a terminal, which obeys control
characters wherever they come from. Nothing here is slow to import.
"""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from typing import TextIO

from tasks.errors import PipelineError

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e]")
_LAST_BYTE = 0xFF
_STDERR = 2
_MODES = {"stdin": "r", "stdout": "w", "stderr": "w"}


def visible(text: str) -> str:
    r"""Show what would steer a terminal instead of being seen; new lines stay.

    File names and titles are written by strangers. Escaped are control characters and
    the two marks that turn the direction of everything after them.

    Examples:
        >>> print(visible("a\x1b[2Jb"))
        a\x1b[2Jb
    """
    return _CONTROL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= _LAST_BYTE else f"\\u{code:04x}"


class Outlet(io.TextIOBase):
    """A text stream that says in one line if it cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # rich asks for it
        """Encoding of the stream."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """Write text."""
        with self._reported():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand everything to the operating system."""
        with self._reported():
            self._stream.flush()

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:  # the reader has had enough: not an error
            raise
        except OSError as error:
            raise PipelineError(
                "standard output",
                f"cannot be written ({error.strerror})",
                "Free space there, or write to another place.",
            ) from error


class LossyOutlet(Outlet):
    """A text stream for what may get lost, such as progress: no run ends for it."""

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        with contextlib.suppress(OSError):
            yield


def mend_streams() -> None:
    """Make the standard streams usable, whatever the caller has made of them.

    What was closed (``>&-``) leads nowhere: else the next file to be opened, a table or
    a lock, would get its number. What an old terminal's encoding lacks is escaped.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        os.set_inheritable(descriptor, True)  # noqa: FBT003  # for workers too
    os.close(descriptor)
    for name, mode in _MODES.items():
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
