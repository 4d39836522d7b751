"""Measure what the one coordinator costs as a warehouse grows.

    python bench/coordinator.py [--batches 1000] [--articles-per-batch 1000]
                                [--batches-per-commit 100] [--csv commits.csv]

Drives the real ``Warehouse`` with synthetic parts, as workers would stage them, and
counts only what the coordinator does: lock, look at the staged rows, take them over,
merge small parts, find duplicates and repeats, publish. The workers' part (making and
staging rows) is left out: it is spread over as many machines as there are.

Articles are two short paragraphs of random words, so bytes are far below those of real
ones; rows, keys, files and comparisons are as many.
"""

import argparse
import csv
import platform
import random
import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from flows.ledger import new_run_id
from tasks.logic import step_versions
from tasks.read import make_document_id
from tasks.schema import MINHASH_BYTES, Format
from tasks.tables.parts import StagedPart
from tasks.tables.warehouse import Warehouse
from tasks.write import stage_tables
from tests.warehouse_rows import FAST_FOLDER, fill_row

TABLES = ("documents", "paragraphs", "removals", "evidence", "sources")
PARAGRAPHS = 2
ARTICLES_PER_FOLDER = 1_000


class Commit(NamedTuple):
    """One commit: a line of the CSV.

    Attributes:
        batches: Batches published so far.
        articles: Rows of ``documents``.
        seconds: Lock, publish, unlock.
        cpu_seconds: The same in CPU time of this process.
        live_files: Parquet files that readers see.
        live_bytes: Their size.
        manifest_bytes: Size of the list of them.
        peak_bytes: Largest memory of this process so far.
    """

    batches: int
    articles: int
    seconds: float
    cpu_seconds: float
    live_files: int
    live_bytes: int
    manifest_bytes: int
    peak_bytes: int


class Maker:
    """Makes batches: the rows of the first, with other keys and texts."""

    def __init__(self, articles: int, seed: int) -> None:
        self.articles = articles
        self.chance = np.random.default_rng(seed)
        words = random.Random(seed)  # noqa: S311  (not for secrets)
        self.words = [
            "".join(words.choices("aeioubdglmnrst", k=6)) for _ in range(5000)
        ]
        versions = step_versions(Format.TEXT)
        self.blank: dict[str, dict[str, Any]] = {
            name: fill_row(name) for name in TABLES
        }
        self.blank["sources"] |= {"status": "accepted", "document_count": 1}
        self.blank["sources"] |= {"step_versions": versions}
        self.blank["documents"] |= {"format": "text", "language": "en"}
        self.blank["documents"] |= {"step_versions": versions}

    def tables(self, batch: int, run_id: str) -> dict[str, pd.DataFrame]:
        """Return the frames of one batch."""
        numbers = range(batch * self.articles, (batch + 1) * self.articles)
        paths = [f"{n // ARTICLES_PER_FOLDER:07}/{n:010}.txt" for n in numbers]
        ids = [make_document_id(path, None) for path in paths]
        texts = [
            " ".join(self.words[word] for word in row)
            for row in self.chance.integers(0, len(self.words), (len(ids), 24))
        ]
        hashes = self.chance.bytes(MINHASH_BYTES * len(ids))
        twice = np.repeat(np.array(ids, dtype=object), PARAGRAPHS)
        return {
            "documents": self._frame(
                "documents",
                document_id=ids,
                source_path=paths,
                run_id=run_id,
                text=texts,
                text_sha256=[f"{number:064x}" for number in numbers],
                text_minhash=[
                    hashes[at : at + MINHASH_BYTES]
                    for at in range(0, len(hashes), MINHASH_BYTES)
                ],
            ),
            "paragraphs": self._frame(
                "paragraphs",
                document_id=twice,
                paragraph_index=[0, 1] * len(ids),
                text=np.repeat(np.array(texts, dtype=object), PARAGRAPHS),
                text_hash=[
                    f"{n:016x}"
                    for n in range(
                        PARAGRAPHS * numbers.start, PARAGRAPHS * numbers.stop
                    )
                ],
                word_count=24,
            ),
            "removals": self._frame("removals", document_id=ids, text="Share"),
            "evidence": self._frame("evidence", document_id=ids, rank=1, value="t"),
            "sources": self._frame("sources", source_path=paths, run_id=run_id),
        }

    def _frame(self, table: str, **values: Any) -> pd.DataFrame:  # noqa: ANN401
        size = len(next(iter(values.values())))
        columns = {
            name: values.get(name, [value] * size)
            for name, value in self.blank[table].items()
        }
        return pd.DataFrame(columns)


def commit(warehouse: Warehouse, maker: Maker, first: int, count: int) -> Commit:
    """Stage batches and publish them; only the second is counted."""
    run_id = new_run_id(datetime.now(UTC), f"{first:06x}"[-6:])
    row = fill_row("runs", run_id=run_id, settings="{}", versions="{}")
    with tempfile.TemporaryDirectory(dir=warehouse.room.parent) as folder:
        staged: list[StagedPart] = [
            stage_tables(maker.tables(batch, run_id), Path(folder), f"b{batch:07}")
            for batch in range(first, first + count)
        ]
        start, cpu_start = time.perf_counter(), time.process_time()
        with warehouse.lock():
            manifest = warehouse.publish(staged, (), row, "bench")
        seconds = time.perf_counter() - start
        cpu_seconds = time.process_time() - cpu_start
    return Commit(
        batches=first + count,
        articles=manifest.rows["documents"],
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        live_files=len(list(manifest.paths())),
        live_bytes=manifest.size_bytes,
        manifest_bytes=len(manifest.dump()),
        peak_bytes=1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    )


def write_csv(lines: Sequence[NamedTuple], path: Path) -> None:
    """Write lines of one kind, one at least, under the names of their fields."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(lines[0]._fields)
        table.writerows(lines)


def main() -> None:
    """Publish batch after batch and print what each commit costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=1000)
    parser.add_argument("--articles-per-batch", type=int, default=1000)
    parser.add_argument("--batches-per-commit", type=int, default=100)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()},", end=" ")
    print(f"{arguments.articles_per_batch} articles a batch,", end=" ")
    print(f"{arguments.batches_per_commit} batches a commit")
    print(
        "   batches   articles  seconds   CPU s  files  MB live  MB manifest  MB peak"
    )
    place = Path(tempfile.mkdtemp(dir=FAST_FOLDER))
    try:
        warehouse = Warehouse(place / "warehouse", keep_snapshots=0)
        maker = Maker(arguments.articles_per_batch, arguments.seed)
        lines = []
        for first in range(0, arguments.batches, arguments.batches_per_commit):
            line = commit(warehouse, maker, first, arguments.batches_per_commit)
            lines.append(line)
            print(
                f"{line.batches:10,} {line.articles:10,} {line.seconds:8.2f}"
                f" {line.cpu_seconds:7.2f} {line.live_files:6}"
                f" {line.live_bytes / 1e6:8.1f}"
                f" {line.manifest_bytes / 1e6:12.2f} {line.peak_bytes / 1e6:8.0f}",
                flush=True,
            )
    finally:
        shutil.rmtree(place)
    if arguments.csv:
        write_csv(lines, arguments.csv)


if __name__ == "__main__":
    main()
