"""What tests share: a private home for Prefect; its server only where a flow runs."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

_HOME = tempfile.mkdtemp(prefix="articles-prefect-")
_VARIABLES = {
    "DO_NOT_TRACK": "1",
    "PREFECT_HOME": _HOME,
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


def pytest_configure() -> None:
    """Keep tests away from the settings and the database of whoever runs them."""
    # Prefect reads its settings when it is first imported, so this cannot be a fixture.
    for name in [*os.environ]:
        if name.startswith(("ARTICLES_", "PREFECT_")):
            del os.environ[name]
    os.environ.update(_VARIABLES)
    # How long an example takes says more of the machine than of the code.
    settings.register_profile("patient", deadline=None)
    settings.load_profile("patient")


def pytest_unconfigure() -> None:
    """Remove Prefect's private home."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture
def fast_folder():
    """Give a folder in memory where there is one: flushing is most of a test's time."""
    from tests.warehouse_rows import FAST_FOLDER  # imports Prefect

    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def prefect_server():
    """Prefect's server for the whole session: half a minute to start, then seconds."""
    from prefect.testing.utilities import prefect_test_harness  # slow

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def samples():
    """The warehouse of the samples in ``raw/``, to be read only."""
    from flows.conduct import ingest_plainly  # slow
    from flows.settings import read_settings
    from tests.warehouse_rows import FAST_FOLDER

    root = Path(__file__).parents[1]
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
        place = Path(folder) / "warehouse"
        ingest_plainly(
            read_settings({}, raw_dir=str(root / "raw"), warehouse_dir=str(place))
        )
        yield place


@pytest.fixture(scope="session")
def object_server():
    """A local S3 server, started once."""
    from tests.objectserver import ObjectServer

    server = ObjectServer()
    yield server
    server.stop()
