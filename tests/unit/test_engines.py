"""Engines and clusters: what is said when one cannot be used or loses its workers."""

import contextlib
import logging
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import engines
from flows.clusters import (
    connect_ray,
    describe_crew,
    find_fault,
    is_lost,
    open_dask,
    open_ray,
    pick_raw_file,
    refuse_faults,
)
from flows.ingest import process
from flows.line import start_run
from flows.settings import Settings, read_settings
from flows.shares import describe_files
from tasks.discover import discover_files
from tasks.errors import PipelineError, SettingsError
from tasks.version import PIPELINE_VERSION

ROOT = Path(__file__).parents[2]
OPEN = {"dask": open_dask, "ray": open_ray}
STORY = "The ferry came in late, and the two sisters waited on the pier until dark.\n"


@pytest.fixture
def crew(tmp_path):
    """What a worker must have that can read and write here."""
    (tmp_path / "story.txt").write_text(STORY)
    return describe_crew(pick_raw_file(tmp_path, ["gone", "story.txt"]), tmp_path)


@pytest.mark.parametrize(
    ("engine", "count", "batches"),
    [
        ("processes", 1600, [80] * 17 + [26] * 9 + [6]),
        ("processes", 400, [25] * 13 + [20] * 3 + [15]),
        ("processes", 40, [20, 20]),
        ("processes", 1, [1]),
        ("inline", 400, [80] * 5),
    ],
)
def test_workers_share_little_work(engine, count, batches):
    """Each gets several batches, the last of them small, but no tiny ones."""
    files = pd.DataFrame(
        {"source_path": [f"{n}.txt" for n in range(count)], "size_bytes": 100_000}
    )
    settings = read_settings({}, engine=engine, workers=2)

    work = [*engines.cut_work(files, settings)]

    assert pd.concat(work, ignore_index=True).equals(files)
    assert [len(batch) for batch in work] == batches


def test_workers_share_a_large_file_of_lines():
    """There is work for every one of them, even if all of it is in one file."""
    files = pd.DataFrame(
        {
            "source_path": ["a.html", "b.jsonl.gz", "c.txt"],
            "size_bytes": [300_000_000, 60_000_000, 40_000_000],
        }
    )

    work = [*engines.cut_work(files, Settings(workers=2))]

    assert [describe_files(batch) for batch in work] == [
        "1 file",
        *(f"share {number} of 3 of 1 file" for number in range(1, 4)),
        "1 file",
    ]


@pytest.mark.parametrize(
    ("engine", "package"), [("dask", "prefect_dask"), ("ray", "prefect_ray")]
)
def test_missing_extra(engine, package, crew, monkeypatch):
    """It names the command that installs it."""
    monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(PipelineError) as caught,
        OPEN[engine]("", 1, {}, crew),
    ):
        pass

    command = f"python -m pip install 'article-pipeline[{engine}]'"
    assert command in caught.value.remedy


def test_ray_where_a_path_has_a_space(crew, monkeypatch):
    """Ray would try in vain for minutes."""
    monkeypatch.setattr(sys, "executable", "/home/ann/my tools/python")
    with pytest.raises(PipelineError, match="space"), OPEN["ray"]("", 1, {}, crew):
        pass


@pytest.mark.parametrize(
    ("engine", "address", "error", "message"),
    [
        ("dask", "tcp://127.0.0.1:1", PipelineError, "nothing answers there"),
        ("ray", "ray://127.0.0.1:1", PipelineError, "nothing answers there"),
        ("dask", "127.0.0.1:8786", SettingsError, "one such as tcp://HOST:8786"),
        ("dask", "ray://127.0.0.1:1", SettingsError, "one such as tcp://HOST:8786"),
        ("ray", "tcp://127.0.0.1:1", SettingsError, "one such as ray://HOST:10001"),
        ("ray", "auto", SettingsError, "one such as ray://HOST:10001"),
    ],
)
def test_address_that_leads_nowhere(engine, address, error, message, crew):
    """It is said at once, and what to do."""
    with pytest.raises(error, match=message), OPEN[engine](address, 1, {}, crew):
        pass


def test_address_without_its_engine():
    """An address that would not be used is no setting, unless an engine is named."""
    with pytest.raises(SettingsError, match="Set engine to dask or ray"):
        read_settings({"ARTICLES_ENGINE_ADDRESS": "tcp://127.0.0.1:8786"})

    settings = read_settings({"ARTICLES_ENGINE_ADDRESS": "x"}, engine="inline")
    assert settings.engine == "inline"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"version": "0.0.1"}, f"has article-pipeline {PIPELINE_VERSION}, the run 0.0"),
        ({"python": "3.9"}, "the run on 3.9"),
        ({"raw_file": Path("missing")}, "cannot read missing"),
        ({"staging_dir": Path("missing")}, "cannot write to missing"),
        ({"api_url": "http://127.0.0.1:1/api"}, "cannot reach Prefect's server"),
    ],
)
def test_what_a_worker_may_lack(changes, problem, crew):
    """The worker itself compares, and says what is wrong with it."""
    fault = find_fault(crew._replace(**changes))

    assert fault is not None and problem in fault[0]


def test_worker_without_the_package():
    """What fails before anything can be compared is reported for the worker."""
    answers = [("w1", None), ("w2", ModuleNotFoundError("No module named 'flows'"))]
    with pytest.raises(PipelineError, match=r"worker w2: .*No module named 'flows'"):
        refuse_faults(answers)


class Future:
    """A batch whose worker is always lost."""

    def __init__(self, error):
        self.error = error

    def add_done_callback(self, call):
        """Call at once."""
        call(self)

    def wait(self):
        """Wait for nothing."""

    def result(self):
        """Raise."""
        raise self.error


class Runner(contextlib.nullcontext):
    """An engine that loses every worker."""

    def __init__(self, error):
        super().__init__(self)
        self.error = error

    def submit(self, _task, _parameters):
        """Lose it."""
        return Future(self.error)


def lost_errors():
    """Return the errors by which the engines say that they give up on a batch."""
    from distributed.scheduler import KilledWorker
    from ray.exceptions import OutOfMemoryError, WorkerCrashedError

    return [KilledWorker("t", None, 2), OutOfMemoryError("m"), WorkerCrashedError()]


@pytest.mark.parametrize("error", lost_errors(), ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(("address", "rounds"), [("", [3, 1]), ("tcp://h:1", [3])])
def test_batch_that_kills_every_worker(error, address, rounds, tmp_path, monkeypatch):
    """After the engine's own attempts, one worker alone; then the run says which."""
    opened = []

    def open_runner(_engine, _work, count, **_):
        opened.append(count)
        return Runner(error)

    monkeypatch.setattr(engines, "_open_runner", open_runner)
    monkeypatch.setattr(engines, "get_run_logger", logging.getLogger)
    settings = Settings(engine="dask", engine_address=address, workers=3)
    files = pd.DataFrame({"source_path": ["a.txt", "b.txt"]})
    work = [(files, start_run(settings), tmp_path, "1")]
    staff = engines.Staff()
    staff.prepare("dask", is_brief=True)

    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:1/api"}),
        pytest.raises(PipelineError, match=r"batch 1 of 1 \(2 files, a.txt to b.txt\)"),
    ):
        list(engines.results_of(process, work, staff, is_visible=False))
    assert opened == rounds
    assert not is_lost(ValueError("a bug of ours"))


def test_attempts_at_a_batch_stay_apart(tmp_path):
    """One that is taken for dead may finish later: it writes files of its own."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "story.txt").write_text(STORY)
    run = start_run(Settings(raw_dir=tmp_path / "raw"))
    files = discover_files(tmp_path / "raw", [])
    attempts = [
        process.fn(files, run, tmp_path, "1-a", is_visible=False) for _ in range(2)
    ]

    stems = {attempt.staged[0]["stem"] for attempt in attempts}
    assert len(stems) == 2
    assert {p.stem for p in (tmp_path / "documents").iterdir()} == stems


def test_engines_are_not_imported_unless_chosen():
    """A run here costs neither the time nor the extras."""
    code = (
        "import sys, flows.ingest\n"
        "extras = {'dask', 'distributed', 'ray', 'prefect_dask', 'prefect_ray'}\n"
        "print(sorted(extras & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout == "[]\n"


def test_a_head_that_is_busy_is_asked_again():
    """Up to three times; what else goes wrong is said at once."""
    answers = [ConnectionAbortedError("not started"), "connected"]

    def connect():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert connect_ray(connect) == "connected"

    answers[:] = [ConnectionAbortedError("no")] * 3
    with pytest.raises(ConnectionAbortedError):
        connect_ray(connect)
    assert answers == []

    answers[:] = [OSError("refused"), "connected"]
    with pytest.raises(OSError, match="refused"):
        connect_ray(connect)
