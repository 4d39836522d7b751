"""Long output on a terminal: a screenful is printed, more goes through a pager."""

import contextlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from typing import IO, TextIO

from flows.streams import Outlet

_USUAL = ("less", "more")
_LESS_OPTIONS = "-RS"  # colours as they are, long lines cut instead of folded


class Pager(Outlet):
    """A text stream that opens a pager once there is more than a screenful.

    Args:
        stream: The terminal.
        height: Lines it shows.
    """

    def __init__(self, stream: TextIO, height: int) -> None:
        super().__init__(stream)
        self._room, self._waiting = height - 1, ""
        self._pager: subprocess.Popen[str] | None = None
        self._is_over = False

    def write(self, text: str) -> int:
        """Keep text back until it is known where it goes.

        Raises:
            BrokenPipeError: The pager was left: nobody wants to see more.
        """
        if self._is_over:
            super().write(text)
        elif self._pager is None:
            self._waiting += text
            if self._waiting.count("\n") > self._room:
                self._open()
        else:
            self._pipe().write(text)
        return len(text)

    def flush(self) -> None:
        """Leave the text where it is until the end."""
        if self._is_over:
            super().flush()

    def close_pager(self) -> None:
        """Print what was kept back, or wait until the pager is left."""
        if self._pager:
            with contextlib.suppress(BrokenPipeError):
                self._pipe().close()
            while self._pager.poll() is None:
                try:
                    self._pager.wait()
                except KeyboardInterrupt:  # the pager has its own use for Ctrl-C
                    continue
        elif not self._is_over:
            super().write(self._waiting)
        self._waiting, self._is_over = "", True
        super().flush()

    def _open(self) -> None:
        command = find_pager()
        waiting, self._waiting = self._waiting, ""
        if not command:
            self._is_over = True
            super().write(waiting)
            return
        environment = {"LESS": _LESS_OPTIONS, "LESSCHARSET": "utf-8", **os.environ}
        self._pager = subprocess.Popen(  # noqa: S603  # the user's own choice
            command, stdin=subprocess.PIPE, text=True, encoding="utf-8", env=environment
        )
        self._pipe().write(waiting)

    def _pipe(self) -> IO[str]:
        if self._pager is None or self._pager.stdin is None:
            raise BrokenPipeError
        return self._pager.stdin


def find_pager() -> Sequence[str]:
    """Return the command of the pager: as ``PAGER`` says; empty for none."""
    if (chosen := os.environ.get("PAGER")) is not None:
        return shlex.split(chosen)
    return next(([path] for name in _USUAL if (path := shutil.which(name))), ())
