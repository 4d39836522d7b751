"""Keep Prefect in the background while the command line is what a person looks at."""

import logging
import signal
import threading

import httpx
from prefect.settings import PREFECT_API_URL

from tasks.errors import PipelineError

_TOLD_ELSEWHERE = ("Finished in state", "Crash detected!")


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
    errors: list[Exception] = []

    def start() -> None:
        # A new process inherits the signals that its parent thread blocks.
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            from prefect.server.api.server import SubprocessASGIServer  # noqa: PLC0415

            SubprocessASGIServer().start()
        except Exception as error:  # noqa: BLE001  # raised again below
            errors.append(error)

    thread = threading.Thread(target=start, daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def begin_worker(*, is_hushed: bool) -> None:
    """Prepare a worker process: Ctrl-C ends it at once and without a word.

    Args:
        is_hushed: Whether the command line started the run.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if is_hushed:
        hush_prefect()


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
