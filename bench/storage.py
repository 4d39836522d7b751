"""What a network between us and the objects costs, and what killed runs leave there.

    python bench/storage.py --round-trip-ms 30 --articles 300
    python bench/storage.py --round-trip-ms 3 --kills 100

A local S3 server answers every request after a round trip. Articles are read as a run
reads them and one after the other; a snapshot of 199 made-up files is published and
another with one file more; they are read from a machine without a copy and with one.

With ``--kills`` runs are killed by ``kill -9`` at random instants, and each time a
machine without a copy reads all tables. A run goes on from the same cache, or from an
empty one, by turns. Linux and macOS only.
"""

import argparse
import multiprocessing
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tasks.discover import discover_files
from tasks.objects import ObjectUrl, open_store
from tasks.read import Limits, read_files
from tasks.tables import lease
from tasks.tables.remote import RemoteWarehouse
from tasks.tables.warehouse import Warehouse
from tests.objectserver import ObjectServer
from tests.warehouse_rows import FAST_FOLDER, STORIES, commit, see

_FORK = multiprocessing.get_context("fork")  # importing takes longer than a run
_RAW, _TABLES = ObjectUrl("s3://news/raw"), ObjectUrl("s3://news/warehouse")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--round-trip-ms", type=float, default=30.0)
    parser.add_argument("--articles", type=int, default=300)
    parser.add_argument("--kills", type=int, default=0)
    args = parser.parse_args()
    server = ObjectServer(args.round_trip_ms / 1000)
    os.environ.update(server.environment())
    server.make_bucket("news")
    try:
        with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as folder:
            if args.kills:
                kill_runs(args.kills, Path(folder))
            else:
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
    show("read them as a run does", lambda: read_files(files, _RAW, "", Limits()))

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


def kill_runs(kills: int, folder: Path) -> None:
    """Kill runs and count what each has left."""
    random.seed(1)  # no secret
    seen, start = {"first.txt": 1}, time.perf_counter()
    apart(publish_there, folder / "machine", kills + 2, seen)
    longest_seconds = 1.5 * (time.perf_counter() - start)
    outcomes: Counter[str] = Counter()
    for run in range(1, kills + 1):
        cache = folder / ("machine" if run % 2 else f"machine-{run}")
        batch = {f"{run}.txt": run, "changed.txt": run}
        child = _FORK.Process(target=publish_there, args=(cache, run, batch))
        child.start()
        child.join(random.uniform(0.0, longest_seconds))  # noqa: S311  # no secret
        was_done = child.exitcode is not None
        if child.pid and not was_done:
            os.kill(child.pid, signal.SIGKILL)
        child.join()
        found = apart(look, folder / f"reader-{run}")
        if found == seen | batch:
            seen = found
            outcomes["done before the kill" if was_done else "killed, is new"] += 1
        else:
            outcomes["killed, is old" if found == seen else "WRONG"] += 1
    last = {"last.txt": 1}
    apart(publish_there, folder / "machine", kills + 1, last)
    whole = apart(look, folder / "reader-last") == seen | last
    print(dict(outcomes), "the next run", "goes on" if whole else "FAILS")


def apart(do: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
    """Do something in a process of its own: the client does not survive a fork."""
    with ProcessPoolExecutor(1, mp_context=_FORK) as pool:
        return pool.submit(do, *arguments).result()


def publish_there(cache: Path, run: int, batch: dict[str, int]) -> None:
    """Publish one batch, whatever a killed run has left."""
    lease.STALE_SECONDS = 0.3  # nobody waits a minute for each of the dead
    warehouse = RemoteWarehouse(_TABLES, cache)
    with warehouse.lock(wait=True):
        commit(warehouse, run, batch)


def look(cache: Path) -> dict[str, int]:
    """Return what a machine without a copy reads: version by path."""
    warehouse = RemoteWarehouse(_TABLES, cache)
    if warehouse.manifest() is None:
        return {}
    with warehouse.pin() as folder:
        return see(folder)


def show(what: str, do: Callable[[], object]) -> None:
    """Time something."""
    start = time.perf_counter()
    do()
    print(f"{what:32} {time.perf_counter() - start:6.2f} s")


if __name__ == "__main__":
    main()
