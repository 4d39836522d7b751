"""What a network between us and the objects costs.

    python bench/storage.py --round-trip-ms 30 --articles 300

A local S3 server answers every request after a round trip. Articles are read as a run
reads them and one after the other; a snapshot of 199 made-up files is published and
another with one file more; they are read from a machine without a copy and with one.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tasks.discover import discover_files
from tasks.objects import ObjectUrl, open_store
from tasks.read import Limits, read_files
from tasks.tables.remote import RemoteWarehouse
from tasks.tables.warehouse import Warehouse
from tests.objectserver import ObjectServer
from tests.warehouse_rows import FAST_FOLDER, STORIES, commit

_RAW, _TABLES = ObjectUrl("s3://news/raw"), ObjectUrl("s3://news/warehouse")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--round-trip-ms", type=float, default=30.0)
    parser.add_argument("--articles", type=int, default=300)
    args = parser.parse_args()
    server = ObjectServer(args.round_trip_ms / 1000)
    os.environ.update(server.environment())
    server.make_bucket("news")
    try:
        with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
            measure_reading(args.articles)
            measure_publishing(Path(folder))
    finally:
        server.stop()


def measure_reading(articles: int) -> None:
    """Read articles of 2.5 kB."""
    store = open_store(_RAW)
    text = (STORIES[0] * 32).encode()
    for number in range(articles):
        store.put(f"{number:06d}.txt", text)
    files = discover_files(_RAW)
    show(f"list {articles} objects", lambda: discover_files(_RAW))
    show("read them as a run does", lambda: read_files.fn(files, _RAW, "", Limits()))

    def read_in_turn() -> None:
        for path in files["source_path"]:
            store.read(path)

    show("read them one by one", read_in_turn)


def measure_publishing(folder: Path) -> None:
    """Publish snapshots there and in a folder."""
    first = {f"{number}.txt": number for number in range(1, 200)}
    warehouses = {
        "in a folder": Warehouse(folder / "warehouse"),
        "there": RemoteWarehouse(_TABLES, folder / "cache"),
    }
    for place, warehouse in warehouses.items():
        for run, batch in enumerate([first, {"x.txt": 1}], start=1):
            name = f"publish snapshot {run} {place}"
            show(name, partial(publish, warehouse, run, batch))
    for what in ("without", "with"):
        other = RemoteWarehouse(_TABLES, folder / "other")
        show(f"open it {what} a copy", other.manifest)


def publish(warehouse: Warehouse, run: int, batch: dict[str, int]) -> None:
    """Publish one batch."""
    with warehouse.lock():
        commit(warehouse, run, batch)


def show(what: str, do: Callable[[], object]) -> None:
    """Time something."""
    start = time.perf_counter()
    do()
    print(f"{what:32} {time.perf_counter() - start:6.2f} s")


if __name__ == "__main__":
    main()
