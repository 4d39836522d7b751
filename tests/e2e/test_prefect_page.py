"""What a person sees of a run on Prefect's own pages, in a real browser."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.chromium import CHROMIUM, Browser

ROOT = Path(__file__).resolve().parents[2]
STEPS = ["discover", "read", "clean", "detect", "split", "describe", "write", "publish"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="needs chromium on the path"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Prefect server of its own, and the environment to reach it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/api"
    environment = os.environ | {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_API_URL": address,
        "PREFECT_SERVER_UI_API_URL": address,
        "PREFECT_UI_API_URL": address,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/health", timeout=2).close()
                break
            except OSError:
                assert process.poll() is None, "the server died"
                time.sleep(0.5)
        else:
            pytest.fail("the server did not answer within two minutes")
        yield environment
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def post(environment, path, body):
    request = urllib.request.Request(
        environment["PREFECT_API_URL"] + path,
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.fixture
def browser(tmp_path):
    """A browser of our own."""
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.close()


def test_the_run_page_shows_the_steps(server, browser, tmp_path):
    """The run says what it is about; every step is there with its count, in order."""
    subprocess.run(
        [
            *(sys.executable, "-m", "flows", "run"),
            *("--raw", str(ROOT / "raw"), "--warehouse", str(tmp_path / "warehouse")),
        ],
        cwd=ROOT,
        env=server,
        check=True,
        capture_output=True,
        timeout=300,
    )
    (run,) = post(server, "/flow_runs/filter", {})
    assert run["state_name"] == "Completed"
    assert re.fullmatch(r"ingest \d+ files", run["name"])

    base = server["PREFECT_API_URL"].removesuffix("/api")
    browser.open(f"{base}/runs/flow-run/{run['id']}", 1400, 3000)
    browser.await_text(run["name"], "Task Runs")
    browser.click("[class*=tab]", "Task Runs")
    page = browser.await_text("discover", "publish")
    names = [line.split()[0] for line in page.splitlines() if line.strip()]
    assert [name for name in names if name in STEPS] == STEPS[::-1]  # newest first
    assert re.search(r"read \d+ files", page)
    assert re.search(r"split \d+ blocks", page)

    artifacts = post(server, "/artifacts/filter", {"sort": "CREATED_DESC"})
    pages = {artifact["key"]: artifact["id"] for artifact in artifacts}
    for key, words in {
        "ingest-summary": ["Languages", "Rejected", "Steps", "data quality"],
        "ingest-quality": ["laws of the tables", "ok"],
        "ingest-rejects": ["oddities/empty.txt", "no_article"],
    }.items():
        browser.open(f"{base}/artifacts/artifact/{pages[key]}", 1400, 3000)
        browser.await_text(*words)
