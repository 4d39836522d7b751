"""Worker processes that die, as the system kills them when memory runs out."""

import contextlib
import multiprocessing
import os
import re
import signal

import pytest

from flows.conduct import ingest_plainly
from flows.ingest import ingest
from flows.settings import read_settings
from tasks.errors import PipelineError
from tests.alongside import alongside
from tests.property.test_incremental_properties import assert_same, content_of

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.usefixtures("prefect_server"),
]

STORY = """\
A Night at the Harbour

The harbour was quiet when the last ferry came in, and the two sisters waited on the
pier until the lamps were lit. Nobody spoke for a long time.
"""


@pytest.fixture
def folder(tmp_path):
    """Eight raw files, to be read in four batches."""
    (tmp_path / "raw").mkdir()
    for index in range(8):
        (tmp_path / "raw" / f"story-{index}.txt").write_text(f"{STORY}\nPart {index}.")
    return tmp_path


def run(folder):
    return ingest(
        raw_dir=folder / "raw",
        warehouse_dir=folder / "warehouse",
        engine="processes",
        workers=2,
        batch_files=2,
    )


@contextlib.contextmanager
def killing(folder, *, kills, once_staging):
    """Kill worker processes as they appear, or once one writes; yield who was killed.

    ``SIGKILL`` to one process is what the system sends when memory runs out.
    """
    killed = []

    def is_ready():
        return not once_staging or any(folder.glob(".warehouse/staged-*/*/*.parquet"))

    def kill():
        for child in multiprocessing.active_children():
            is_new = child.pid not in killed and len(killed) < kills
            if is_new and is_ready():
                os.kill(child.pid, signal.SIGKILL)
                killed.append(child.pid)

    with alongside(kill, every_seconds=0.001):
        yield killed


def test_killed_worker_costs_only_time(folder):
    """The batches that died with a worker are done again; every row is there once."""
    with killing(folder, kills=1, once_staging=True) as killed:
        summary = run(folder)

    assert len(killed) == 1
    assert (summary.processed, summary.batch.documents) == (8, 8)
    assert len(summary.batch.staged) == 4
    settings = {"raw_dir": folder / "raw", "warehouse_dir": folder / "rebuilt"}
    ingest_plainly(read_settings({}, **settings))
    assert_same(content_of(folder / "warehouse"), content_of(folder / "rebuilt"))
    assert list(folder.glob(".warehouse/staged-*")) == []


def test_workers_that_always_die_end_the_run(folder):
    """After three pools the run says which files and what to do; nothing is written."""
    with (
        killing(folder, kills=1000, once_staging=False) as killed,
        pytest.raises(PipelineError) as caught,
    ):
        run(folder)

    assert len(killed) >= 3
    assert re.search(r"batch \d of 4 \(2 files, story", caught.value.place)
    assert "batch_bytes" in caught.value.remedy
    assert not (folder / "warehouse").exists()
    assert list(folder.glob(".warehouse/staged-*")) == []
