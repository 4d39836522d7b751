"""A Prefect server with its UI: the one that runs already, or one of our own.

A server of our own listens on 127.0.0.1 only, keeps its history in Prefect's home, and
ends with this process, also if that is killed.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import IO, NamedTuple
from urllib.parse import urlsplit

import httpx
from prefect.settings import (
    PREFECT_API_AUTH_STRING,
    PREFECT_API_URL,
    PREFECT_SERVER_API_PORT,
    temporary_settings,
)

from flows.backstage import check_loopback, end_with_us
from tasks.errors import PipelineError

LOOPBACK = "127.0.0.1"
_START_SECONDS = 180  # 40 s were measured on a fresh home, more on a busy machine
_STOP_SECONDS = 20
_ANSWER_SECONDS = 10
_PAUSE_SECONDS = 0.3
_LOCAL_HOSTS = {LOOPBACK, "localhost", "::1"}

_SERVER_VARIABLES = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PYTHONSAFEPATH": "1",  # a file `click.py` in the present folder is no module of it
    # Slots of concurrency limits survive a restart; in memory they would be lost, and
    # the deployment could not run again.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
}


class Server(NamedTuple):
    """A Prefect server that answers.

    Attributes:
        api_url: Address of its API.
        process: Its process if it is our own.
    """

    api_url: str
    process: subprocess.Popen[bytes] | None

    @property
    def ui_url(self) -> str:
        """Address to open in a browser."""
        return self.api_url.removesuffix("/api")

    @property
    def has_ended(self) -> bool:
        """Whether our own server is gone."""
        return self.process is not None and self.process.poll() is not None


@contextlib.contextmanager
def open_server(port: int | None = None) -> Iterator[Server]:
    """Use the server that runs, or run one of our own inside the ``with`` block.

    Which: ``port`` on this machine, else ``PREFECT_API_URL``, else this machine's usual
    port. Prefect's settings and environment lead there inside the block.

    Args:
        port: Port on 127.0.0.1; null to go by Prefect's settings.

    Raises:
        PipelineError: There is none and none can be started.
    """
    address = _find_address(port)
    with contextlib.ExitStack() as stack:
        process = None
        if not _answers(address):
            process = stack.enter_context(_own_server(address))
        _check_password(address)
        stack.enter_context(temporary_settings({PREFECT_API_URL: address}))
        stack.enter_context(_variable("PREFECT_API_URL", address))
        yield Server(address, process)


def _find_address(port: int | None) -> str:
    configured = PREFECT_API_URL.value()
    if port is None and configured:
        return str(configured).rstrip("/")
    return f"http://{LOOPBACK}:{port or PREFECT_SERVER_API_PORT.value()}/api"


def _answers(address: str) -> bool:
    """Tell whether a Prefect server answers at an address.

    Raises:
        PipelineError: Something else does.
    """
    try:
        answer = httpx.get(f"{address}/health", timeout=_ANSWER_SECONDS)
    except httpx.ConnectError:
        return False
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PipelineError(
            address,
            f"there is something, but no Prefect server ({error})",
            "Choose another port with --port, or put PREFECT_API_URL right.",
        ) from error
    if answer.text.strip() != "true":
        raise PipelineError(
            address,
            f"there is another program, not a Prefect server ({answer.status_code})",
            "Choose another port with --port, or put PREFECT_API_URL right.",
        )
    return True


def _check_password(address: str) -> None:
    """Say at once that the server wants another password than we have.

    Raises:
        PipelineError: It does.
    """
    password = PREFECT_API_AUTH_STRING.value()
    auth = None
    if password:
        auth = httpx.BasicAuth(*password.partition(":")[::2])
    answer = httpx.get(f"{address}/admin/version", auth=auth, timeout=_ANSWER_SECONDS)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise PipelineError(
            address,
            "the server wants a name and a password",
            "Set PREFECT_API_AUTH_STRING to the same NAME:PASSWORD as"
            " PREFECT_SERVER_API_AUTH_STRING has at the server.",
        )


@contextlib.contextmanager
def _own_server(address: str) -> Iterator[subprocess.Popen[bytes] | None]:
    parts = urlsplit(address)
    if parts.hostname not in _LOCAL_HOSTS or parts.path != "/api":
        raise PipelineError(
            address,
            "no Prefect server answers there, and it is not on this machine",
            "Start it there with `prefect server start`, or unset PREFECT_API_URL.",
        )
    check_loopback()
    with tempfile.TemporaryFile() as log:
        process = _launch(address, parts.port or 80, log)
        end_with_us(process.pid)
        try:
            yield process if _await(address, process, log) else None
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _launch(address: str, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # every word of it is ours
        [
            *(sys.executable, "-m", "prefect", "server", "start"),
            *("--host", LOOPBACK, "--port", str(port)),
        ],
        env=_SERVER_VARIABLES
        | os.environ
        | {"PREFECT_API_URL": address, "PREFECT_SERVER_UI_API_URL": address},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # out of reach of Ctrl-C: it is needed to the last
    )


def _await(address: str, process: subprocess.Popen[bytes], log: IO[bytes]) -> bool:
    """Wait until a server answers.

    Returns:
        Whether it is the one we have started: another may have been quicker.

    Raises:
        PipelineError: It does not.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        has_ended = process.poll() is not None
        if _answers(address):
            return not has_ended
        if has_ended:
            break
        time.sleep(_PAUSE_SECONDS)
    log.seek(0)
    lines = [line for line in log.read().decode(errors="replace").split("\n") if line]
    raise PipelineError(
        f"Prefect's server at {address}",
        f"does not start: {lines[-1] if lines else 'it says nothing'}",
        "See what `prefect server start` says.",
    )


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Set an environment variable, for what is started inside the block."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
