"""Keep Prefect in the background while the command line is what a person looks at.

What a run starts, its server and its workers, ends with it, also if it is killed.
"""

import atexit
import contextlib
import logging
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any

import httpx
from prefect.settings import PREFECT_API_URL

from tasks.errors import PipelineError

TASK_LOGGER = logging.getLogger("prefect.task_runs")
"""Says of every task that it is done."""

TASK_LOGGER_VARIABLE = "PREFECT_LOGGING_LOGGERS_PREFECT_TASK_RUNS_LEVEL"
"""Its level in processes that Prefect sets up, as it does at the first task."""

_TOLD_ELSEWHERE = ("Finished in state", "Crash detected!")
_ORPHANED = 70  # exit status of a worker whose run is gone
_LOOPBACK_SECONDS = 5.0

# Waits until the pipe to the run ends, and unless it was told that all is well ends
# the process it watches. On Linux a descriptor holds on to that very process, as its
# number may be another's by then.
_WATCHER = """
import os, signal, sys, time
pid = int(sys.argv[1])
try:
    server = os.pidfd_open(pid)
except (AttributeError, OSError):
    server = None
if not sys.stdin.buffer.read():
    try:
        if server is None:
            os.kill(pid, signal.SIGTERM)
        else:
            signal.pidfd_send_signal(server, signal.SIGTERM)
            time.sleep(5)
            signal.pidfd_send_signal(server, signal.SIGKILL)
    except OSError:
        pass
"""


def start_server() -> None:
    """Start Prefect's temporary server, unless another server is configured.

    Prefect would do so itself. Started from here it is out of reach of Ctrl-C, which a
    terminal sends to every process: without its server an interrupted run cannot be
    marked as such, and Prefect tries for more than a minute.
    """
    if address := PREFECT_API_URL.value():
        try:
            httpx.get(f"{address}/health", timeout=10)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PipelineError(
                f"Prefect's server at {address}",
                f"does not answer ({error})",
                "Start it with `prefect server start`, or unset PREFECT_API_URL: then a"
                " temporary one is started.",
            ) from error
        return
    check_loopback()
    errors: list[Exception] = []

    def start() -> None:
        # A new process inherits the signals that its parent thread blocks.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415

            class Server(SubprocessASGIServer):
                """Prefect's server, ended with this process whatever ends that."""

                def _run_uvicorn_command(self) -> subprocess.Popen[Any]:
                    server = super()._run_uvicorn_command()
                    end_with_us(server.pid)
                    return server

            Server().start()
        except Exception as error:  # noqa: BLE001  # raised again below
            errors.append(error)

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def end_with_us(pid: int) -> None:
    """See to it that a process ends when this one is gone, even if it is killed.

    Args:
        pid: A process that this one has started, and ends itself if all goes well.
    """
    watcher = subprocess.Popen(  # noqa: S603  # every word of it is ours
        # Isolated and without packages: a few MB, and nothing of ours can break it.
        [sys.executable, "-I", "-S", "-c", _WATCHER, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # out of reach of Ctrl-C
    )

    def dismiss() -> None:
        with contextlib.suppress(OSError):  # it is gone already
            watcher.communicate(b"all is well")

    atexit.register(dismiss)


def check_loopback() -> None:
    """Say at once that no server can be reached here, which Prefect finds in minutes.

    Raises:
        PipelineError: Not even this machine can be reached under 127.0.0.1.
    """
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), _LOOPBACK_SECONDS).close()
    except OSError as error:
        raise PipelineError(
            "127.0.0.1",
            f"cannot be reached ({error.strerror or error}), so no temporary Prefect"
            " server can run",
            "Switch the loopback network on (`ip link set lo up`), or set"
            " PREFECT_API_URL to a server elsewhere.",
        ) from error


@contextlib.contextmanager
def logging_steps(*, is_brief: bool) -> Iterator[None]:
    """Say nothing in the log of single steps inside the ``with`` block, if brief."""
    before = TASK_LOGGER.level
    if is_brief:
        TASK_LOGGER.setLevel(logging.WARNING)
    try:
        yield
    finally:
        TASK_LOGGER.setLevel(before)


def begin_worker(*, is_hushed: bool, is_brief: bool = False) -> None:
    """Prepare a worker process: Ctrl-C ends it at once and without a word.

    So does the end of its run, however that comes: a pool's idle workers would wait
    forever for work from a process that is gone.

    Args:
        is_hushed: Whether the command line started the run.
        is_brief: Whether the log says nothing of the single steps.
    """
    if is_brief:
        os.environ[TASK_LOGGER_VARIABLE] = "WARNING"
        TASK_LOGGER.setLevel(logging.WARNING)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_end_after, args=[parent.sentinel], daemon=True).start()
    if is_hushed:
        hush_prefect()


def _end_after(sentinel: int) -> None:
    """End this process, in the middle of its work, when the parent is gone."""
    wait([sentinel])
    os._exit(_ORPHANED)


def hush_prefect() -> None:
    """Keep from the terminal what the command line tells itself, or nobody needs.

    Prefect logs a traceback for every run that an exception passes through; it arrives
    at the command line too, and is shown once. The log in Prefect's UI stays complete.
    """
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    if record.name.startswith(("prefect.flow_runs", "prefect.task_runs")):
        text = record.getMessage()
        return not (record.exc_info or text.startswith(_TOLD_ELSEWHERE))
    return not record.name.endswith("EventsWorker")
