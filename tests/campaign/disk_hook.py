"""Do something just before the n-th call that changes the disk: die, or be refused."""

import io
import os
from collections.abc import Callable
from typing import Any

import pytest

from tasks.tables import disk

CHANGING_CALLS = ["link", "rename", "mkdir", "unlink", "rmdir", "fsync", "ftruncate"]


class DiskHook:
    """Do something just before every call that changes the disk, counted from 1.

    Args:
        monkeypatch: Undoes everything at its end.
        action: Takes the number of the call; may raise, or never return.
        is_thorough: Count every write and every folder opened as well, not only calls
            that change what a kill leaves behind.
    """

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        action: Callable[[int], None],
        *,
        is_thorough: bool = False,
    ) -> None:
        self.count, self.action, self.is_acting = 0, action, False
        for name in CHANGING_CALLS:
            monkeypatch.setattr(os, name, self.wrap(getattr(os, name)))
        monkeypatch.setattr(disk, "exchange", self.wrap(disk.exchange))
        opened = self.wrap(io.open)

        def open_(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            function = opened if set(mode) & set("wxa") else real_open
            return function(file, mode, *args, **kwargs)

        real_open = io.open
        monkeypatch.setattr(io, "open", open_)
        if is_thorough:
            write = self.wrap(disk.HashedFile.write)
            monkeypatch.setattr(disk.HashedFile, "write", write)
            monkeypatch.setattr(os, "write", self.wrap(os.write))
            real_os_open, hooked_os_open = os.open, self.wrap(os.open)

            def os_open(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
                # Not the raw files: one that cannot be read is data.
                is_ours = flags & os.O_CREAT or os.path.isdir(path)  # noqa: PTH112
                function = hooked_os_open if is_ours else real_os_open
                return function(path, flags, *args, **kwargs)

            monkeypatch.setattr(os, "open", os_open)

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``function`` with the action before it."""

        def hooked(*args: Any, **kwargs: Any) -> Any:
            if not self.is_acting:
                self.count += 1
                self.is_acting = True
                try:
                    self.action(self.count)
                finally:
                    self.is_acting = False
            return function(*args, **kwargs)

        return hooked
