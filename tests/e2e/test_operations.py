"""docs/operations.md, tried: PostgreSQL, a password, alerts, units for systemd."""

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.programs import STORY, WAIT_SECONDS, Program

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
UNITS = sorted((ROOT / "deploy").glob("*.service"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def commands(word):
    """Return the commands of the page's block that holds a word."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (block,) = [block for block in blocks if word in block]
    return block


def variables():
    """Return what the page tells to put into the environment."""
    found = re.findall(r"^(PREFECT_\w+)=(\S+)$", PAGE, re.MULTILINE)
    return dict(found)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_units_are_valid(tmp_path):
    """Systemd understands every line; the programs are where this checkout has them."""
    programs = tmp_path / "bin"  # the checkout's path may hold spaces
    programs.symlink_to(Path(sys.executable).parent)
    units = tmp_path / "units"
    units.mkdir()
    assert len(UNITS) == 3
    for unit in UNITS:
        text = unit.read_text()
        text = text.replace("/opt/article-pipeline/.venv/bin", str(programs))
        (units / unit.name).write_text(text.replace("/opt/article-pipeline", "/"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, units.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line]
    assert (done.returncode, ours) == (0, [])


@pytest.fixture
def postgres():
    """A PostgreSQL server, and the environment in which its commands find it."""
    if not SERVERS:
        pytest.skip("needs PostgreSQL (Debian: apt install postgresql)")
    # Not below pytest's folder, which only its own user may enter.
    folder = Path(tempfile.mkdtemp(prefix="articles-postgres-"))
    programs, port = SERVERS[-1].parent, free_port()
    become = []
    if os.geteuid() == 0:  # which the server refuses to be
        shutil.chown(folder, "postgres")
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    (folder / "password").write_text("of-the-superuser")
    (folder / "password").chmod(0o644)

    def call(program, *arguments):
        subprocess.run(
            [*become, str(programs / program), "-D", str(folder / "data"), *arguments],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    secret = ["-A", "scram-sha-256", f"--pwfile={folder / 'password'}"]
    call("initdb", "-U", "postgres", "--no-sync", *secret)
    options = f"-F -p {port} -k {folder} -h 127.0.0.1"
    call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    stub = folder / "sudo"
    stub.write_text('#!/bin/sh\n[ "$1 $2" = "-u postgres" ] || exit 1\nshift 2\n"$@"\n')
    stub.chmod(0o755)
    try:
        yield os.environ | {
            "PATH": f"{folder}:{programs}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": "postgres",
            "PGPASSWORD": "of-the-superuser",
        }
    finally:
        call("pg_ctl", "-w", "-m", "fast", "stop")
        shutil.rmtree(folder)


def sh(code, environment, folder):
    return subprocess.run(
        ["sh", "-e", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=WAIT_SECONDS,
    ).stdout


@pytest.mark.server
@pytest.mark.slow
def test_postgresql_and_a_password(postgres, tmp_path):
    """As the page says: the history is in PostgreSQL, nobody gets in without."""
    sh(commands("createdb"), postgres, tmp_path)
    place = f"http://127.0.0.1:{free_port()}/api"
    told = {
        name: value.replace(":5432/", f":{postgres['PGPORT']}/")
        for name, value in variables().items()
    }
    assert len(told) == 3
    environment = postgres | told | {"PREFECT_API_URL": place, "PYTHONPATH": str(ROOT)}
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "story.txt").write_text(STORY)

    program = Program(tmp_path, environment, "schedule", "--every", "10s")
    program.await_line("1 file read: 1 article")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{place}/flows/count", b"{}", timeout=20)
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(commands("automation create"))],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    status = program.interrupt()

    assert "Created automation" in done.stdout, done.stdout + done.stderr
    assert (status, program.said[-1]) == (0, "Stopped.\n")
    runs = "SELECT count(*) FROM flow_run WHERE state_name = 'Completed'"
    assert int(sh(f'psql -At -c "{runs}" prefect', postgres, tmp_path)) >= 1
    sh(commands("pg_dump"), postgres, tmp_path)
    assert (tmp_path / "prefect.dump").stat().st_size > 10_000


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_alert_tells_of_failures(tmp_path, monkeypatch):
    """The command gets what has failed and why; also when the data drifts."""
    from flows.ingest import ingest
    from tasks.errors import PipelineError

    heard = tmp_path / "heard.txt"
    monkeypatch.setenv("ARTICLES_ALERT_COMMAND", f"tee -a {shlex.quote(str(heard))}")
    with contextlib.suppress(PipelineError):
        ingest(raw_dir=tmp_path / "nowhere", warehouse_dir=tmp_path / "w")

    assert heard.read_text().startswith("ingest: ")
    assert "nowhere" in heard.read_text()

    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    for index in range(31):
        (raw_dir / f"a-{index}.txt").write_text(f"{STORY}\n{index}.\n")
    ingest(raw_dir=raw_dir, warehouse_dir=tmp_path / "w")
    heard.write_text("")
    for index in range(31):
        (raw_dir / f"b-{index}.txt").write_text("")
    ingest(raw_dir=raw_dir, warehouse_dir=tmp_path / "w")

    assert "files rejected: 100.0%, before 0.0%" in heard.read_text()
