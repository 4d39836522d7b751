"""`articles schedule`: a real server, real runs, and everything that goes wrong."""

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tasks.tables.warehouse import Warehouse
from tests.chromium import CHROMIUM, Browser
from tests.e2e.programs import STORY, WAIT_SECONDS, Program

ROOT = Path(__file__).resolve().parents[2]
BUSY = 503
"""What the server answers while another writes to its SQLite for long."""

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc"),
]


@pytest.fixture
def place(tmp_path_factory):
    """Environment and address of a server that nobody has started yet."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return os.environ | {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PYTHONPATH": str(ROOT),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
    }


@pytest.fixture
def folder(tmp_path_factory):
    """A folder with one raw file."""
    folder = tmp_path_factory.mktemp("articles")
    (folder / "raw").mkdir()
    (folder / "raw" / "story.txt").write_text(STORY)
    return folder


@pytest.fixture
def schedule(place, folder):
    """A schedule that brings its own server."""
    program = Program(folder, place, "schedule", "--every", "10s")
    program.await_line("Ctrl-C stops")
    yield program
    if program.process.poll() is None:
        program.interrupt()


def ask(place, path, body=None, method="POST"):
    request = urllib.request.Request(
        place["PREFECT_API_URL"] + path,
        None if method == "GET" else json.dumps(body or {}).encode(),
        {"content-type": "application/json"},
        method=method,
    )
    for _ in range(20):
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            if error.code != BUSY:
                raise
        time.sleep(0.5)  # as Prefect's own client does
    return pytest.fail("the server stays busy")


def runs(place, *states):
    found = ask(place, "/flow_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"})
    return [run for run in found if run["state_name"] in states]


def wait_for(condition):
    """Return the first value that is something."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.3)
    return pytest.fail("waited in vain")


def wait_for_state(place, run, state):
    """Wait until a run is in a state; if it never is, say what it is in instead."""
    seen = []

    def is_there():
        seen[:] = [ask(place, f"/flow_runs/{run['id']}", method="GET")["state"]]
        return seen[0]["name"] == state

    try:
        wait_for(is_there)
    except BaseException:
        print(seen)
        raise


def prefect(place, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=ROOT,
        env=place,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def process_of(run_id):
    """Return the process that carries a run out."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            variables = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
            if run_id.encode() in variables and b"prefect" in command:
                return int(folder.name)
    return None


def deployment_of(schedule):
    """Return the id of a schedule's deployment, as it has told it."""
    line = next(line for line in schedule.said if "/deployment/" in line)
    return line.strip().rpartition("/")[2]


def start_run(place, schedule):
    """Start a run of the schedule's deployment, as `Run` does in the UI."""
    ask(place, f"/deployments/{deployment_of(schedule)}/create_flow_run")


def pause(place, schedule):
    """Switch the clock off, as in the UI: the steps below start what they need."""
    path = f"/deployments/{deployment_of(schedule)}/schedules"
    (clock,) = ask(place, path, method="GET")
    ask(place, f"{path}/{clock['id']}", {"active": False}, method="PATCH")
    await_calm(place)


def await_calm(place):
    """Wait until no run is under way or about to be."""
    wait_for(lambda: not runs(place, "Running", "Pending"))


@contextlib.contextmanager
def run_under_way(place, folder, schedule, number):
    """A run with something to do that cannot go on before the block ends."""
    with Warehouse(folder / "warehouse").lock():
        (folder / "raw" / f"more-{number}.txt").write_text(f"{STORY}\n{number}.\n")
        start_run(place, schedule)
        (run,) = wait_for(lambda: runs(place, "Running"))
        yield run


def manifest(folder):
    return json.loads((folder / "warehouse" / "_manifest.json").read_text())


def check_one_command_is_enough(place, folder, schedule):
    """Server, UI, deployment, schedule: the first run comes by itself."""
    schedule.await_line("1 file read: 1 article")
    assert manifest(folder)["snapshot"] == 1
    said = "".join(schedule.said)
    assert place["PREFECT_API_URL"].removesuffix("/api") + "  (started with" in said
    for noise in ("INFO", "WARNING", "ERROR", "Traceback", "\x1b"):
        assert noise not in said
    page = place["PREFECT_API_URL"].removesuffix("/api")
    with urllib.request.urlopen(page, timeout=20) as answer:
        assert b"<title>Prefect" in answer.read()


def check_a_second_one_is_refused(place, folder, schedule):
    """One schedule per warehouse; the other says who holds it, and changes nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "flows", "schedule", "--cron", "0 * * * *"],
        cwd=folder,
        env=place,
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )

    assert done.returncode == 1
    assert f"process {schedule.process.pid} on " in done.stderr
    assert "runs `articles schedule` for it already" in done.stderr


def check_overlap_and_cancel(place, folder, schedule):
    """What comes while a run goes on is refused; cancelling leaves the old tables."""
    before = manifest(folder)
    with run_under_way(place, folder, schedule, 1) as run:
        start_run(place, schedule)
        (refused, *_) = wait_for(lambda: runs(place, "Cancelled"))
        assert "concurrency limit" in refused["state"]["message"]
        assert len(runs(place, "Running", "Pending")) == 1

        prefect(place, "flow-run", "cancel", run["id"])
        wait_for_state(place, run, "Cancelled")
        assert process_of(run["id"]) is None
        assert manifest(folder) == before
    start_run(place, schedule)
    wait_for(lambda: manifest(folder)["snapshot"] == 2)
    await_calm(place)


def check_kill_and_retry(place, folder, schedule):
    """It is marked within seconds; the next one, or its own retry, makes up for it."""
    with run_under_way(place, folder, schedule, 2) as run:
        os.kill(process_of(run["id"]), signal.SIGKILL)
        wait_for_state(place, run, "Crashed")
        assert manifest(folder)["snapshot"] == 2
        # What the button "Retry" does.
        state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "by hand"}
        body = {"state": state, "force": True}
        ask(place, f"/flow_runs/{run['id']}/set_state", body)
    wait_for_state(place, run, "Completed")
    wait_for(lambda: manifest(folder)["snapshot"] == 3)
    await_calm(place)


def check_buttons(place, folder, schedule, profile):
    """`Cancel` and `Retry` of the run's page, pressed in a browser."""
    before = manifest(folder)
    browser = Browser(profile)
    try:
        with run_under_way(place, folder, schedule, 4) as run:
            page = place["PREFECT_API_URL"].removesuffix("/api")
            browser.open(f"{page}/runs/flow-run/{run['id']}", 1280)
            browser.await_text(run["name"], "Running")
            choose(browser, "Cancel")
            wait_for_state(place, run, "Cancelled")
            browser.await_text("Cancelled")
            assert process_of(run["id"]) is None
            assert manifest(folder) == before
        choose(browser, "Retry")
        wait_for_state(place, run, "Completed")
        browser.await_text("1 file read")
    finally:
        browser.close()
    assert manifest(folder)["snapshot"] == before["snapshot"] + 1
    await_calm(place)


def choose(browser, label):
    """Choose something in the menu of a run, and say that it is meant."""
    browser.click("[class*=icon-button-menu]")
    browser.click(".p-overflow-menu-item, [role=menuitem], button", label)
    time.sleep(1)  # the question slides in
    browser.click(
        "[role=dialog] button, .p-modal button",
        "Confirm" if label == "Cancel" else label,
    )


def check_missed_runs(place, tmp_path):
    """A schedule that was killed comes back, to its server, and does not pile up."""
    (tmp_path / "raw" / "story.txt").write_text(STORY)
    other = Program(tmp_path, place, "schedule", "--cron", "0 0 1 1 *")
    other.await_line("Next run")
    other.process.kill()
    deployment = deployment_of(other)
    for hour in range(3):
        time_missed = f"2026-01-01T0{hour}:00:00Z"
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": time_missed}}
        ask(place, f"/deployments/{deployment}/create_flow_run", {"state": state})

    again = Program(tmp_path, place, "schedule", "--cron", "0 0 1 1 *")
    again.await_line("one makes up for all")
    again.await_line("1 file read: 1 article")
    status = again.interrupt()

    assert (status, again.said[-1]) == (0, "Stopped.\n")
    assert "running already" in "".join(again.said)
    assert manifest(tmp_path)["snapshot"] == 1
    of_other = {"deployments": {"id": {"any_": [deployment]}}}
    found = ask(place, "/flow_runs/filter", of_other)
    past = [run for run in found if run["expected_start_time"] < "2026-02"]
    assert [run["state_name"] for run in past] == ["Completed"]


def check_watch(place, tmp_path):
    """What has settled is read; Ctrl-C ends the run too, others' server stays."""
    (tmp_path / "raw" / "story.txt").write_text(STORY)
    program = Program(tmp_path, place, "watch", "--quiet-for", "1s")
    program.await_line("1 file read: 1 article")
    (tmp_path / "raw" / "second.txt.part").write_text(f"{STORY}Two.\n")
    (tmp_path / "raw" / "second.txt.part").rename(tmp_path / "raw" / "second.txt")
    program.await_line("1 file read: 1 article")
    with Warehouse(tmp_path / "warehouse").lock():
        (tmp_path / "raw" / "third.txt").write_text(f"{STORY}Three.\n")
        wait_for(lambda: runs(place, "Running"))
        status = program.interrupt()

    assert (status, program.said[-1]) == (0, "Stopped.\n")
    assert manifest(tmp_path)["snapshot"] == 2
    assert ask(place, "/flow_runs/filter", {"limit": 1})


def check_worker_and_event(place, tmp_path):
    """`prefect.yaml` for a worker: what has come starts a run there."""
    environment = place | {
        "ARTICLES_RAW_DIR": str(tmp_path / "raw"),
        "ARTICLES_WAREHOUSE_DIR": str(tmp_path / "warehouse"),
    }
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    block = re.search(r"^prefect work-pool .*?^```", page, re.DOTALL | re.MULTILINE)
    *steps, last = [shlex.split(line) for line in block[0].splitlines()[:-1]]
    for step in steps:
        prefect(place, *step[1:])
    worker = subprocess.Popen(
        [sys.executable, "-m", *last],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    watcher = Program(tmp_path, environment, "watch", "--emit", "--quiet-for", "1s")
    try:
        watcher.await_line("Ctrl-C stops")
        (tmp_path / "raw" / "story.txt").write_text(STORY)
        watcher.await_line("articles.raw.arrived emitted")
        wait_for((tmp_path / "warehouse" / "_manifest.json").exists)
        assert watcher.interrupt() == 0
    finally:
        worker.terminate()
        worker.wait(WAIT_SECONDS)


def check_interrupt(place, folder, schedule):
    """Ctrl-C: the run under way is cancelled, the server ends, the tables stay."""
    before = manifest(folder)
    with run_under_way(place, folder, schedule, 3) as run:
        status = schedule.interrupt()

    assert (status, schedule.said[-1]) == (0, "Stopped.\n")
    assert "Traceback" not in "".join(schedule.said)
    assert manifest(folder) == before
    with pytest.raises(OSError, match="refused"):
        ask(place, "/flow_runs/filter")
    with sqlite3.connect(f"{place['PREFECT_HOME']}/prefect.db") as database:
        (state,) = database.execute(
            "SELECT state_name FROM flow_run WHERE name = ? OR id = ?",
            (run["name"], run["id"].replace("-", "")),
        ).fetchone()
    assert state == "Cancelled"


def test_schedule_from_start_to_stop(place, folder, schedule, tmp_path):
    """One server, one schedule, and all that may come in between, in this order."""
    check_one_command_is_enough(place, folder, schedule)
    check_a_second_one_is_refused(place, folder, schedule)
    pause(place, schedule)
    check_overlap_and_cancel(place, folder, schedule)
    check_kill_and_retry(place, folder, schedule)
    if CHROMIUM:
        check_buttons(place, folder, schedule, tmp_path / "profile")
    for check in (check_missed_runs, check_watch, check_worker_and_event):
        own = tmp_path / check.__name__
        (own / "raw").mkdir(parents=True)
        check(place, own)
    check_interrupt(place, folder, schedule)
