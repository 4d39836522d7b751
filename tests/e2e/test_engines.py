"""Dask and Ray: the tables of any other engine, whatever happens to the workers."""

import contextlib
import functools
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from prefect.settings import PREFECT_API_URL

from flows.conduct import ingest_plainly
from flows.ingest import ingest
from flows.settings import read_settings
from tasks.errors import PipelineError
from tests.alongside import alongside
from tests.property.test_incremental_properties import assert_same, content_of

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_server"),
]

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 120
DASK = ["-m", "dask"]
RAY = ["-m", "ray.scripts.scripts"]
QUIET = {
    "DO_NOT_TRACK": "1",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # listens on 127.0.0.1 only
    "RAY_USAGE_STATS_ENABLED": "0",
}
CANARY = "cormorant"


@pytest.fixture(scope="module")
def raw_dir(tmp_path_factory):
    """The samples, and stories long enough that a worker can be killed over one."""
    folder = tmp_path_factory.mktemp("engines") / "raw"
    shutil.copytree(ROOT / "raw", folder)
    for index in range(3):
        lines = [f"The {CANARY} no. {n} of part {index} waited." for n in range(2_000)]
        (folder / f"long-{index}.txt").write_text("\n\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def expected(raw_dir):
    """What the tables must hold."""
    place = raw_dir.parent / "expected"
    ingest_plainly(read_settings({}, raw_dir=raw_dir, warehouse_dir=place))
    return content_of(place)


@pytest.fixture
def run(raw_dir, tmp_path):
    """Read all of it in eight or so batches on some engine."""
    return functools.partial(
        ingest,
        raw_dir=raw_dir,
        warehouse_dir=tmp_path / "warehouse",
        workers=2,
        batch_files=5,
    )


def start(folder, *arguments):
    """Start a program that goes on, in a folder of its own."""
    with (folder / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=os.environ | QUIET | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def wait_for(what, seconds=WAIT_SECONDS):
    """Wait until something is so, and return it."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, what
        time.sleep(0.2)
    return found


def family_of(*programs):
    """Return everything that programs have started, and themselves."""
    found = []
    for program in programs:
        with contextlib.suppress(psutil.NoSuchProcess):
            parent = psutil.Process(program.pid)
            found += [parent, *parent.children(recursive=True)]
    return found


def end(*programs):
    """End programs and all they have started, at once."""
    family = family_of(*programs)
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=10)
    for program in programs:
        program.wait()


def free_port():
    """Return the number of a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def dask_cluster(tmp_path_factory):
    """A scheduler and its workers, started apart, in another folder."""
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    scheduler = start(
        folder,
        *(*DASK, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
        *("--dashboard-address", "127.0.0.1:0", "--scheduler-file", str(file)),
    )
    wait_for(file.exists)
    workers = start(
        folder,
        *(*DASK, "worker", "--scheduler-file", str(file), "--host", "127.0.0.1"),
        *("--nworkers", "2", "--nthreads", "1", "--no-dashboard"),
    )
    try:
        yield json.loads(file.read_text())["address"], workers
    finally:
        end(workers, scheduler)


NO_SPACE = pytest.mark.skipif(
    any(map(str.isspace, sys.executable)),
    reason="Ray starts no workers where the path of Python has a space",
)
ENGINES = ["dask", pytest.param("ray", marks=NO_SPACE)]


@pytest.fixture(scope="module")
def ray_cluster(tmp_path_factory):
    """A head with two CPUs, started apart, in another folder."""
    folder = tmp_path_factory.mktemp("ray")
    port, client_port = free_port(), free_port()
    head = start(
        folder,
        *(*RAY, "start", "--head", "--block", "--node-ip-address", "127.0.0.1"),
        *("--port", str(port), "--ray-client-server-port", str(client_port)),
        *("--include-dashboard", "false", "--num-cpus", "2"),
        *("--object-store-memory", "100000000"),
    )
    try:
        wait_for(lambda: b"Ray runtime started" in (folder / "log.txt").read_bytes())
        yield f"ray://127.0.0.1:{client_port}", head
    finally:
        end(head)


def workers_of(*programs):
    """Return the processes that work on batches, or wait for some."""
    found = []
    for process in family_of(*programs):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            command = " ".join(process.cmdline())
            if "spawn_main" in command or command.startswith("ray::process"):
                found.append(process)
    return found


class Me:
    """This process, as one that has started others."""

    pid = os.getpid()


@contextlib.contextmanager
def killing(folder, program, *, kills):
    """Kill workers of a program once one has written; yield those that were killed."""
    killed = []

    def kill():
        if len(killed) < kills and any(folder.glob(".warehouse/staged-*/*/*.parquet")):
            for worker in workers_of(program)[: kills - len(killed)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()
                    killed.append(worker.pid)

    with alongside(kill, every_seconds=0.02):
        yield killed


@pytest.mark.parametrize("engine", ENGINES)
def test_local_cluster_gives_the_same_tables(engine, run, expected, tmp_path):
    """Every row is there, though a worker is killed at work; nothing stays behind."""
    before = {process.pid for process in family_of(Me)}
    with killing(tmp_path, Me, kills=1) as killed:
        summary = run(engine=engine)

    assert len(killed) == 1
    assert summary.snapshot == 1 and len(summary.batch.staged) >= 7
    assert_same(content_of(tmp_path / "warehouse"), expected)
    assert list(tmp_path.glob(".warehouse/staged-*")) == []
    # Python's own helper of multiprocessing stays as long as this process.
    left = [p for p in family_of(Me) if p.pid not in before]
    assert [p for p in left if "resource_tracker" not in " ".join(p.cmdline())] == []


def test_dask_by_address(dask_cluster, run, expected, tmp_path, monkeypatch):
    """Workers elsewhere get paths and counts to and fro, never an article's text."""
    from prefect_dask import DaskTaskRunner

    address, workers = dask_cluster
    sent, submit = [], DaskTaskRunner.submit

    def record(self, task, parameters, *args):
        future = submit(self, task, parameters, *args)
        sent.append((parameters, future))
        return future

    monkeypatch.setattr(DaskTaskRunner, "submit", record)
    with killing(tmp_path, workers, kills=1) as killed:
        run(engine="dask", engine_address=address)

    assert len(killed) == 1
    assert_same(content_of(tmp_path / "warehouse"), expected)
    parcels = [
        pickle.dumps(parcel)
        for parameters, future in sent
        for parcel in (parameters, future.state.data)
    ]
    assert len(parcels) >= 14
    assert max(map(len, parcels)) < 5_000
    assert not any(CANARY.encode() in parcel for parcel in parcels)


@NO_SPACE
def test_ray_by_address(ray_cluster, run, expected, tmp_path):
    """So on Ray, of which a worker is killed as well."""
    address, head = ray_cluster
    with killing(tmp_path, head, kills=1) as killed:
        run(engine="ray", engine_address=address)

    assert len(killed) == 1
    assert_same(content_of(tmp_path / "warehouse"), expected)


def test_cluster_that_is_unlike_the_run(dask_cluster, run, monkeypatch):
    """Another version there, or another folder, is found before any work."""
    address, _ = dask_cluster
    monkeypatch.setattr("flows.clusters.PIPELINE_VERSION", "0.0.1")
    with pytest.raises(PipelineError, match=r"worker tcp://.* the run 0\.0\.1"):
        run(engine="dask", engine_address=address)


@pytest.mark.parametrize("engine", ENGINES)
def test_interrupted_run_leaves_no_process(engine, raw_dir, tmp_path):
    """Ctrl-C ends workers at work, and all else that a local cluster consists of."""
    arguments = ["run", "--raw", str(raw_dir), "--engine", engine, "--workers", "2"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
        patch.setenv("ARTICLES_BATCH_FILES", "5")
        program = start(tmp_path, "-m", "flows", *arguments)
    try:
        wait_for(lambda: any(tmp_path.glob(".warehouse/staged-*/*/*.parquet")))
        family = family_of(program)
        os.killpg(program.pid, signal.SIGINT)
        status = program.wait(WAIT_SECONDS)
        left = psutil.wait_procs(family, timeout=30)[1]
    finally:
        end(program)

    said = (tmp_path / "log.txt").read_text()
    assert (status, left) == (130, [])
    assert said.splitlines()[-1] == "Interrupted: the tables are as they were before."
    assert "Traceback" not in said
