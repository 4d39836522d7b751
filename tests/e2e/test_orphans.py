"""Nothing that a run has started outlives it, whatever ends the run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = "The ferry came in late, and the two sisters waited on the pier until dark.\n\n"

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="needs /proc to see processes"
)


def processes():
    """Return parent and command line of every living process, by number."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_text()
        except OSError:
            continue  # no process, or gone by now
        if stat[0] != "Z":
            found[int(entry.name)] = (int(stat[1]), command)
    return found


def descendants(pid):
    """Return the command lines of everything a process has started, by number."""
    everybody = processes()
    family = {pid}
    for _ in everybody:
        more = {p for p, (parent, _) in everybody.items() if parent in family}
        if more <= family:
            break
        family |= more
    return {p: everybody[p][1] for p in family - {pid} if p in everybody}


def living(family):
    """Return those of a family that live, under the same command line."""
    now = processes()
    return {
        p: command
        for p, command in family.items()
        if now.get(p, ("", ""))[1] == command
    }


def wait_until(is_so, seconds):
    """Wait until something is so, for some time at most; tell whether it is."""
    end = time.monotonic() + seconds
    while not is_so() and time.monotonic() < end:
        time.sleep(0.1)
    return is_so()


@pytest.fixture
def start(tmp_path):
    """Start the command on so much work that it can be killed in the middle."""
    (tmp_path / "raw").mkdir()
    for index in range(600):
        (tmp_path / "raw" / f"{index}.txt").write_text(TEXT * 200 + f"{index}\n")
    started = []

    def start(*arguments):
        environ = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", "run", *arguments],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@needs_proc
@pytest.mark.server
@pytest.mark.slow
def test_killed_run_leaves_no_process(start):
    """Server, workers and watcher end with a run that is killed without a word."""
    run = start("--engine", "processes", "--workers", "2")

    def is_working():
        commands = " ".join(descendants(run.pid).values())
        return commands.count("spawn_main") >= 2 and "uvicorn" in commands

    assert wait_until(is_working, 180)
    family = descendants(run.pid)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()

    assert wait_until(lambda: not living(family), 60), living(family)


@needs_proc
@pytest.mark.server
@pytest.mark.slow
def test_run_killed_while_the_server_starts(start):
    """The server that is not even ready goes too."""
    run = start("--engine", "inline")
    assert wait_until(lambda: "uvicorn" in str(descendants(run.pid)), 120)
    family = descendants(run.pid)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()

    assert wait_until(lambda: not living(family), 60), living(family)


def test_worker_ends_with_its_parent():
    """An idle worker of a pool waits for work that never comes, but not forever."""
    code = (
        "import functools, os, time\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from flows.backstage import begin_worker\n"
        "if __name__ == '__main__':\n"
        "    begin = functools.partial(begin_worker, is_hushed=False)\n"
        "    pool = ProcessPoolExecutor(1, get_context('spawn'), begin)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    script = Path(os.environ["PREFECT_HOME"]) / "start_worker.py"
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    worker = int(done.stdout)
    assert wait_until(lambda: worker not in processes(), 30)


def test_what_is_watched_ends_with_the_watched_one():
    """Killed, a process takes along what it wanted to end with it; else it stays."""
    code = (
        "import os, subprocess, sys\n"
        "from flows.backstage import end_with_us\n"
        "child = subprocess.Popen([sys.executable, '-c',"
        " 'import time; time.sleep(60)'], stdout=subprocess.DEVNULL)\n"
        "end_with_us(child.pid)\n"
        "print(child.pid, flush=True)\n"
        "if sys.argv[1] == 'kill': os.kill(os.getpid(), 9)\n"
    )
    for ending in ("kill", "exit"):
        done = subprocess.run(
            [sys.executable, "-c", code, ending],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=120,
        )
        child = int(done.stdout)
        if ending == "kill":
            assert wait_until(lambda child=child: child not in processes(), 30)
        else:
            assert child in processes()
            os.kill(child, signal.SIGKILL)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can cut it off"
)
def test_no_network_at_all(tmp_path):
    """Without a loopback no server can be reached: said at once, not after minutes."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "a.txt").write_text(TEXT)
    command = [sys.executable, "-m", "flows", "run"]
    done = subprocess.run(
        ["unshare", "--net", *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    if "unshare:" in done.stderr:
        pytest.skip(f"cannot cut off the network: {done.stderr}")

    assert done.returncode == 1
    assert "articles: 127.0.0.1: cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "warehouse").exists()
