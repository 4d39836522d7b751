"""Commands that go on until somebody stops them, and what they say."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest

STORY = """\
A Night at the Harbour

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time.
"""
WAIT_SECONDS = 180


class Program:
    """A command that goes on, and its output line by line."""

    def __init__(self, folder, environment, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        self.lines = queue.Queue()
        self.said = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def await_line(self, *words):
        """Return the next line with one of these words."""
        deadline = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                pytest.fail(f"no {words} in {''.join(self.said)}")
            assert line is not None, f"ended before {words}: {''.join(self.said)}"
            self.said.append(line)
            if any(word in line for word in words):
                return line

    def interrupt(self):
        """Press Ctrl-C: a terminal sends it to every process of the group."""
        os.killpg(self.process.pid, signal.SIGINT)
        status = self.process.wait(WAIT_SECONDS)
        while (line := self.lines.get()) is not None:
            self.said.append(line)
        return status
