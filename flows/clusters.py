"""Clusters: Dask and Ray, on this machine for one run, or those that run already.

Both are extras of the package. Only this module imports them, and only when asked to:
a run without them starts as quickly as before.
"""

import atexit
import contextlib
import importlib
import logging
import os
import platform
import signal
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL
from prefect.task_runners import TaskRunner

from tasks.errors import PipelineError, SettingsError
from tasks.objects import ObjectUrl, Place, look_up
from tasks.version import PIPELINE_VERSION

LOOPBACK = "127.0.0.1"
ENGINE_RETRIES = 2
"""So often an engine itself tries a batch again whose worker was lost."""

_PORTS = {"dask": 8786, "ray": 10_001}  # where they listen if nothing else is said
_MOST_CONNECTS = 3
_ANSWER_SECONDS = 10
_WORKER_SECONDS = 30
_OBJECT_BYTES = 100_000_000  # what travels is small; Ray would take a third of memory
_LOST = {
    "KilledWorker",
    "NodeDiedError",
    "ObjectLostError",
    "OutOfMemoryError",
    "OwnerDiedError",
    "WorkerCrashedError",
}

# Ray reads these when it is imported; what the user has set stays.
_RAY_VARIABLES = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # it would pack the present folder
    "RAY_ENABLE_AUTO_CONNECT": "0",  # once lost, to a cluster that is not there
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else it warns of a change to come
}
_LOCAL_RAY_VARIABLES = {
    # What it does on other systems by itself: all of it listens on 127.0.0.1 only.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_enable_metrics_collection": "0",
}


class Crew(NamedTuple):
    """What all workers of a cluster must have in common with the run.

    Attributes:
        version: Of this package.
        python: Its minor version: code travels as byte code.
        raw_file: A file of the raw folder that the run can read, if there is one: where
            the folder is not mounted, every file would seem to be gone.
        staging_dir: Where their parts go; made by this run, so it proves the place.
        api_url: Prefect's server.
    """

    version: str
    python: str
    raw_file: Place | None
    staging_dir: Path
    api_url: str


def pick_raw_file(raw_dir: Place, paths: Iterable[str]) -> Place | None:
    """Return the first file that can be read here; null if there is none."""
    places = (raw_dir / path for path in paths)
    return next((place for place in places if not _find_raw_fault(place)), None)


def describe_crew(raw_file: Place | None, staging_dir: Path) -> Crew:
    """Say what this process has, for the workers to compare."""
    url = str(PREFECT_API_URL.value())
    return Crew(PIPELINE_VERSION, _python(), raw_file, staging_dir, url)


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _find_raw_fault(raw_file: Place) -> tuple[str, str] | None:
    """Say why a raw file cannot be read here."""
    if isinstance(raw_file, ObjectUrl):
        try:
            look_up(raw_file)
        except PipelineError as error:
            return (
                f"cannot read {raw_file}: {error.problem}",
                "Install article-pipeline[s3] and set the AWS_ variables everywhere.",
            )
    elif not os.access(raw_file, os.R_OK):
        return (
            f"cannot read {raw_file}",
            "Give every machine the raw folder under the same path.",
        )
    return None


def find_fault(crew: Crew) -> tuple[str, str] | None:
    """Say what a worker lacks, in the worker; problem and remedy."""
    if crew.version != PIPELINE_VERSION:
        return (
            f"has article-pipeline {PIPELINE_VERSION}, the run {crew.version}",
            "Install the same version on every machine.",
        )
    if crew.python != _python():
        return (
            f"runs on Python {_python()}, the run on {crew.python}",
            "Use the same Python on every machine.",
        )
    if crew.raw_file and (fault := _find_raw_fault(crew.raw_file)):
        return fault
    if not os.access(crew.staging_dir, os.W_OK):
        return (
            f"cannot write to {crew.staging_dir}",
            "Give every machine the warehouse's folder under the same path.",
        )
    try:
        httpx.get(f"{crew.api_url}/health", timeout=_ANSWER_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return (
            f"cannot reach Prefect's server at {crew.api_url} ({error})",
            "Set PREFECT_API_URL to one that all machines reach; see docs/scale.md.",
        )
    return None


def refuse_faults(answers: Iterable[tuple[str, object]]) -> None:
    """Raise for the first worker that lacks something.

    Args:
        answers: Name of a worker, and what ``find_fault`` returned there or raised.
    """
    for name, answer in answers:
        if isinstance(answer, Exception):
            raise PipelineError(
                f"worker {name}",
                f"cannot use article-pipeline ({answer})",
                "Install the same version of it on every machine.",
            ) from answer
        if isinstance(answer, tuple):
            raise PipelineError(f"worker {name}", *answer)


def _import(engine: str, *names: str) -> Iterator[ModuleType]:
    """Import what an engine needs.

    Raises:
        PipelineError: It is not installed.
    """
    try:
        for name in names:
            yield importlib.import_module(name)
    except ImportError as error:
        raise PipelineError(
            f"engine {engine!r}",
            f"is not installed ({error})",
            f"Install it: python -m pip install 'article-pipeline[{engine}]'.",
        ) from error


def _require_listener(engine: str, address: str) -> None:
    """Say at once that nothing listens at an address: the engines try for minutes.

    Raises:
        PipelineError: So it is.
    """
    parts = urlsplit(address)
    if not parts.hostname or (parts.scheme == "ray") != (engine == "ray"):
        example = "ray://HOST:10001" if engine == "ray" else "tcp://HOST:8786"
        raise SettingsError(
            f"engine_address {address!r}",
            f"is no address of the engine {engine!r}",
            f"Give one such as {example}.",
        )
    try:
        port = parts.port or _PORTS[engine]
        socket.create_connection((parts.hostname, port), _ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        raise PipelineError(
            f"engine_address {address!r}",
            f"nothing answers there ({error})",
            f"Start a {engine.capitalize()} cluster there (docs/scale.md), or leave"
            " engine_address out: then one is started here for the run.",
        ) from error


@contextlib.contextmanager
def open_dask(
    address: str, workers: int, variables: dict[str, str], crew: Crew
) -> Iterator[TaskRunner[Any]]:
    """Run batches on Dask inside the ``with`` block.

    Args:
        address: Of its scheduler; empty to start a cluster here.
        workers: Worker processes to start here.
        variables: Environment of these.
        crew: What the workers of an existing cluster must have.

    Raises:
        PipelineError: Dask is not installed, or the cluster cannot be used.
    """
    dask, _, prefect_dask = _import("dask", "dask", "distributed", "prefect_dask")
    # What it says of lost workers, with tracebacks, is told as the run's own.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if address:
        _require_listener("dask", address)
        with prefect_dask.DaskTaskRunner(
            address=address, client_kwargs={"timeout": _ANSWER_SECONDS}
        ) as runner:
            _greet_dask(runner.client, address, crew)
            yield runner
        return
    cluster = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "processes": True,
        "host": LOOPBACK,
        "dashboard_address": f"{LOOPBACK}:0",
        "scheduler_kwargs": {"dashboard": False},
        "silence_logs": logging.CRITICAL,
        "preload": [__name__],
        "env": variables,
    }
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": ENGINE_RETRIES}),
        prefect_dask.DaskTaskRunner(cluster_kwargs=cluster) as runner,
    ):
        yield runner


def _greet_dask(client: Any, address: str, crew: Crew) -> None:  # noqa: ANN401
    try:
        client.wait_for_workers(1, timeout=_WORKER_SECONDS)
    except TimeoutError as error:
        raise PipelineError(
            f"the Dask scheduler at {address}",
            "has no workers",
            f"Start some: dask worker {address} --nthreads 1.",
        ) from error
    refuse_faults(client.run(find_fault, crew, on_error="return").items())
    threads = max(client.nthreads().values())
    if threads > 1:
        get_run_logger().warning(
            "workers at %s have up to %d threads, which share one core in Python: start"
            " them with --nthreads 1",
            address,
            threads,
        )


@contextlib.contextmanager
def open_ray(
    address: str, workers: int, variables: dict[str, str], crew: Crew
) -> Iterator[TaskRunner[Any]]:
    """Run batches on Ray inside the ``with`` block; see ``open_dask``."""
    for name, value in (
        _RAY_VARIABLES | ({} if address else _LOCAL_RAY_VARIABLES)
    ).items():
        os.environ.setdefault(name, value)
    ray, _, prefect_ray = _import("ray", "ray", "ray.exceptions", "prefect_ray")
    from prefect_ray.context import remote_options  # noqa: PLC0415

    quiet: dict[str, object] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        _require_listener("ray", address)
        settings = quiet
    else:
        _refuse_spaces(sys.executable)
        here = {
            "num_cpus": workers,
            "include_dashboard": False,
            "object_store_memory": _OBJECT_BYTES,
            "runtime_env": {"env_vars": variables},
            "_node_ip_address": LOOPBACK,
        }
        settings = quiet | here

    def connect() -> TaskRunner[Any]:
        runner: TaskRunner[Any] = prefect_ray.RayTaskRunner(
            address or "local", settings
        )
        return runner.__enter__()

    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(remote_options(max_retries=ENGINE_RETRIES))
            runner = connect_ray(connect)
            stack.push(runner)
            if address:
                _greet_ray(ray, address, crew)
            yield runner
    except Exception as error:
        # Leaving a lost cluster fails too, and hides what was wrong.
        if address and not isinstance(error, PipelineError) and not _is_connected():
            raise _lost(address) from error
        raise


def connect_ray(connect: Callable[[], TaskRunner[Any]]) -> TaskRunner[Any]:
    """Connect, and again: a busy head fails at times to start a client's server."""
    for _ in range(_MOST_CONNECTS - 1):
        with contextlib.suppress(ConnectionAbortedError):
            return connect()
    return connect()


def _refuse_spaces(program: str) -> None:
    """Say what Ray takes minutes to find: it starts workers through a shell, unquoted.

    Raises:
        PipelineError: So it is.
    """
    if any(map(str.isspace, program)):
        raise PipelineError(
            "engine 'ray'",
            f"cannot start workers with {program!r}: the path has a space",
            "Install article-pipeline where the path has none, or use the engine"
            " processes or dask.",
        )


def _greet_ray(ray: Any, address: str, crew: Crew) -> None:  # noqa: ANN401
    nodes = [n for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU")]
    if not nodes:
        raise PipelineError(
            f"the Ray cluster at {address}",
            "has no CPUs",
            "Start a node with some: ray start --address=HOST:6379.",
        )
    strategies = ray.util.scheduling_strategies
    ask = ray.remote(num_cpus=0, max_retries=0)(find_fault)
    answers = []
    for node in nodes:
        here = strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        answer = ask.options(scheduling_strategy=here).remote(crew)
        answers.append((node["NodeManagerAddress"], answer))
    refuse_faults((name, _get(ray, answer)) for name, answer in answers)


def _get(ray: Any, answer: Any) -> object:  # noqa: ANN401
    try:
        return ray.get(answer, timeout=_WORKER_SECONDS)
    except ray.exceptions.RayError as error:
        return error


def require_ray(address: str) -> None:
    """Say that a cluster is lost, as nothing else does: batches would never be done.

    Raises:
        PipelineError: There is no connection to it any more.
    """
    if not _is_connected():
        raise _lost(address)


def _is_connected() -> bool:
    from ray.util.client import ray as client  # noqa: PLC0415

    return bool(client.is_connected())  # type: ignore[no-untyped-call]


def _lost(address: str) -> PipelineError:
    return PipelineError(
        f"the Ray cluster at {address}",
        "is lost",
        "See whether its head runs, then run again; the old tables are intact.",
    )


def dask_setup(_worker: object) -> None:
    """Leave Ctrl-C to the run, which ends its workers; Dask calls this in each.

    One that is ended in the middle of a batch goes at once: taking Python down under a
    thread at work makes libraries complain of what it still holds, on the terminal.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    atexit.register(os._exit, 0)


def is_lost(error: BaseException) -> bool:
    """Tell whether a batch failed because its workers were lost, not by itself."""
    return type(error).__name__ in _LOST and type(error).__module__.startswith(
        ("distributed.", "ray.")
    )
