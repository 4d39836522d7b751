"""Measure a run with nothing to do: `articles run` over many unchanged files.

    python bench/no_op.py [--files 1000000] [--folder /where/there/is/room]

Makes so many small files, a warehouse that knows them all, and asks `articles run`. The
files are blank ones, so the warehouse needs no articles: what is compared is the same.
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from flows.ledger import new_run_id
from flows.settings import fingerprint, read_settings, settings_json
from tasks.discover import discover_files
from tasks.logic import step_versions
from tasks.schema import BATCH_TABLES, TABLES, Format
from tasks.tables.warehouse import Warehouse
from tasks.write import stage_tables
from tests.warehouse_rows import fill_row

FILES_PER_FOLDER = 1_000
FILES_PER_PART = 50_000
BLANK = " \n"
SETTLED_SECONDS = 3
"""A run looks again at files that were changed right before the run that read them."""


def make_files(raw_dir: Path, count: int) -> None:
    """Write blank text files."""
    for number in range(count):
        if number % FILES_PER_FOLDER == 0:
            folder = raw_dir / f"{number // FILES_PER_FOLDER:05}"
            folder.mkdir(parents=True)
        (folder / f"article-{number:08}.txt").write_text(BLANK)
    time.sleep(SETTLED_SECONDS)


def make_warehouse(raw_dir: Path, warehouse_dir: Path) -> None:
    """Publish what a run would have found: every file is known and rejected."""
    settings = read_settings({}, raw_dir=raw_dir, warehouse_dir=warehouse_dir)
    files = discover_files(raw_dir, list(settings.ignore))
    run_id = new_run_id(datetime.now(UTC), "abcdef")
    run = fill_row(
        "runs", run_id=run_id, settings=settings_json(settings), versions="{}"
    )
    blank = fill_row(
        "sources",
        sha256=hashlib.sha256(BLANK.encode()).hexdigest(),
        status="rejected",
        stage="read",
        reason="blank",
        detail="only white space",
        run_id=run_id,
        step_versions=step_versions(Format.TEXT),
    )
    warehouse = Warehouse(warehouse_dir)
    with warehouse.lock():
        staging_dir = warehouse.new_staging_dir()
        staged = []
        for start in range(0, len(files), FILES_PER_PART):
            part = files.iloc[start : start + FILES_PER_PART].reset_index(drop=True)
            columns = {name: [value] * len(part) for name, value in blank.items()}
            for name in ("source_path", "size_bytes", "mtime_ns"):
                columns[name] = part[name]
            tables = {name: TABLES[name].empty().to_pandas() for name in BATCH_TABLES}
            tables["sources"] = part[[]].assign(**columns)
            staged.append(stage_tables(tables, staging_dir, warehouse.new_stem()))
        warehouse.publish(staged, (), run, fingerprint(settings))


def main() -> None:
    """Make the folder, run twice, print seconds and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        make_files(place / "raw", arguments.files)
        make_warehouse(place / "raw", place / "warehouse")
        print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()},", end=" ")
        print(f"{arguments.files:,} files")
        for _ in range(2):
            start = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603  (our own command)
                [
                    *(sys.executable, "-m", "flows", "run"),
                    *("--raw", place / "raw", "--warehouse", place / "warehouse"),
                ],
                stdout=subprocess.PIPE,
                text=True,
            )
            told = process.stdout.read() if process.stdout else ""
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - start
            print(
                f"{seconds:.1f} s, CPU {used.ru_utime + used.ru_stime:.1f} s,"
                f" {used.ru_maxrss * 1024 / 1e6:.0f} MB peak, exit {status}:"
                f" {told.strip().splitlines()[0]}"
            )
    finally:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
