"""Drive the real coordinator through a million batches.

    python bench/simulation.py [--batches 1000000] [--batches-per-run 10000]
                               [--csv runs.csv]

Every run is ``conduct``, what ``articles run`` does once Prefect has started: lock,
plan, cut into batches, add up what they report, look at the staged rows, take them
over, merge, compare, publish, tidy. Only what goes out to workers is synthetic: each
batch is one file with one article of two paragraphs, told by a ``StagedPart`` of its
own with five Parquet files of its own (two of them without rows). They are stamped: one
batch is written without compression, and in its bytes keys, hashes, text and MinHash
are exchanged for those of the next. Listing the raw folder and stamping are not
counted, everything else is.

Parts of one article are the worst a coordinator can get: what it costs per part stands
out, and what it costs per article (``bench/coordinator.py``) is in it as well.
"""

import argparse
import hashlib
import os
import platform
import resource
import shutil
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from coordinator import Maker, write_csv

from flows.batches import cut_batches
from flows.conduct import Crew, add_up, conduct
from flows.errand import EVERYTHING_NEW
from flows.line import Run, start_run
from flows.plan import Plan
from flows.settings import read_settings
from flows.summary import BatchSummary, StepCost
from tasks.read import make_document_id
from tasks.schema import BATCH_TABLES, MINHASH_BYTES, TABLES, Status
from tasks.tables.parts import StagedPart, table_file
from tasks.tables.warehouse import Warehouse
from tasks.write import publish
from tests.warehouse_rows import FAST_FOLDER

FILES_PER_FOLDER = 1_000
MTIME_NS = 1_700_000_000_000_000_000
SIZE_BYTES = 7_800
PAGE_KB = 4  # of memory, as /proc tells it


class Line(NamedTuple):
    """One run: a line of the CSV.

    Attributes:
        batches: Batches published so far.
        runs: Runs so far.
        seconds: Coordinator's part of the run.
        cpu_seconds: The same in CPU time of this process.
        cpu_ms_per_batch: The same per batch of this run.
        planning: CPU seconds of it for the plan.
        cutting: ... for cutting the batches and adding up what they report.
        publishing: ... for publishing, tidying included.
        live_files: Parquet files that readers see.
        live_bytes: Their size.
        manifest_bytes: Size of the list of them.
        memory_mb: Memory of this process after the run.
        peak_mb: Largest memory of this process so far.
    """

    batches: int
    runs: int
    seconds: float
    cpu_seconds: float
    cpu_ms_per_batch: float
    planning: float
    cutting: float
    publishing: float
    live_files: int
    live_bytes: int
    manifest_bytes: int
    memory_mb: float
    peak_mb: float


class Clock:
    """Adds up CPU and wall-clock seconds by what they are for."""

    def __init__(self) -> None:
        self.cpu: Counter[str] = Counter()
        self.wall: Counter[str] = Counter()
        self.turn("")

    def turn(self, to: str) -> str:
        """Book the time since the last turn, and say what the next is for."""
        now = time.process_time(), time.perf_counter()
        was = getattr(self, "_what", "")
        if was:
            self.cpu[was] += now[0] - self._since[0]
            self.wall[was] += now[1] - self._since[1]
        self._what, self._since = to, now
        return was


class Stamp:
    """Makes staged parts by exchanging a few bytes of one.

    Every value that differs between batches has a fixed length and stands in the file
    as it is: nothing is compressed.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.maker = Maker(1, seed)
        self.chance = np.random.default_rng(seed)
        self.run_id = "20000101T000000Z-000000"
        frames = self.maker.tables(0, self.run_id)
        path = path_of(0)
        document_id = make_document_id(path, None)
        old_path = frames["sources"]["source_path"][0]
        old_id = frames["documents"]["document_id"][0]
        for name, frame in frames.items():
            frames[name] = frame.replace({old_path: path, old_id: document_id})
        for name in ("removals", "evidence"):
            frames[name] = frames[name].iloc[:0]
        frames["sources"]["size_bytes"] = SIZE_BYTES
        frames["sources"]["mtime_ns"] = MTIME_NS
        frames["sources"]["sha256"] = "0" * 64
        frames["documents"]["paragraph_count"] = 2
        frames["documents"]["format"] = "html"
        self.text = frames["documents"]["text"][0]
        self.minhash = frames["documents"]["text_minhash"][0]
        self.document_id, self.path = document_id, path
        frames["documents"]["text_sha256"] = self.sha256 = "e" * 64
        self.text_hashes = ("a" * 16, "b" * 16)
        frames["paragraphs"]["text_hash"] = list(self.text_hashes)
        self.content: dict[str, bytes] = {}
        for name in BATCH_TABLES:
            file = folder / f"{name}.parquet"
            rows = TABLES[name].conform(frames[name])
            pq.write_table(rows, file, compression="none", use_dictionary=False)
            self.content[name] = file.read_bytes()
        self.rows = {name: len(frames[name]) for name in BATCH_TABLES}
        self.sizes = {name: len(data) for name, data in self.content.items()}
        self.hashes = {
            name: hashlib.sha256(data).hexdigest()
            for name, data in self.content.items()
        }

    def stage(self, number: int, run_id: str, folder: Path, stem: str) -> StagedPart:
        """Write the part of one batch, as ``stage_tables`` would."""
        path = path_of(number)
        words = self.text.split(" ")
        for at, word in enumerate(self.chance.integers(0, 5000, len(words)).tolist()):
            words[at] = self.maker.words[word]
        exchanged = [
            (self.run_id, run_id),
            (self.path, path),
            (self.document_id, make_document_id(path, None)),
            (self.sha256, f"{number:064x}"),
            (self.text_hashes[0], f"{2 * number:016x}"),
            (self.text_hashes[1], f"{2 * number + 1:016x}"),
            (self.text, " ".join(words)),
        ]
        pairs = [(old.encode(), new.encode()) for old, new in exchanged]
        pairs.append((self.minhash, self.chance.bytes(MINHASH_BYTES)))
        hashes = dict(self.hashes)
        for name, content in self.content.items():
            data = content
            if self.rows[name]:
                for old, new in pairs:
                    data = data.replace(old, new)
                hashes[name] = hashlib.sha256(data).hexdigest()
            table_file(folder, name, stem).write_bytes(data)
        return {
            "stem": stem,
            "staging_dir": str(folder),
            "rows": self.rows,
            "sizes_bytes": self.sizes,
            "sha256": hashes,
        }


def path_of(number: int) -> str:
    """Return the path of the file that a batch is made of."""
    return f"{number // FILES_PER_FOLDER:07}/{number:010}.html"


def list_files(count: int) -> pd.DataFrame:
    """Return what ``discover_files`` would of so many files."""
    return pd.DataFrame(
        {
            "source_path": pd.Series([path_of(n) for n in range(count)], dtype="str"),
            "size_bytes": pd.Series([SIZE_BYTES] * count, dtype="Int64"),
            "mtime_ns": pd.Series([MTIME_NS] * count, dtype="Int64"),
            "problem": pd.Series([None] * count, dtype="str"),
            "detail": pd.Series([None] * count, dtype="str"),
            "arrived_ns": pd.Series([MTIME_NS] * count, dtype="Int64"),
        }
    )


def run_once(place: Path, stamp: Stamp, count: int) -> Clock:
    """Do a run that finds so many files in all; the new ones are a batch each."""
    settings = read_settings(
        {},
        raw_dir=place / "raw",
        warehouse_dir=place / "warehouse",
        batch_files=1,
        keep_snapshots=0,
    )
    clock = Clock()

    def discover(_raw_dir: object, _ignore: object) -> pd.DataFrame:
        was = clock.turn("not counted")
        files = list_files(count)
        clock.turn(was)
        return files

    def process(plan: Plan, run: Run, warehouse: Warehouse) -> BatchSummary:
        clock.turn("cut")
        folder = warehouse.new_staging_dir()
        for name in BATCH_TABLES:
            (folder / name).mkdir()
        work = [
            (batch, warehouse.new_stem())
            for batch in cut_batches(
                plan.todo,
                batch_bytes=settings.batch_bytes,
                batch_files=settings.batch_files,
            )
        ]
        clock.turn("not counted")
        found = []
        for batch, stem in work:
            (path,) = batch["source_path"]
            number = int(path[-15:-5])
            found.append(
                BatchSummary(
                    staged=(stamp.stage(number, run.run_id, folder, stem),),
                    files=Counter({Status.ACCEPTED.value: 1}),
                    documents=1,
                    paragraphs=2,
                    languages=Counter(en=1),
                    steps={"clean": StepCost(1, 0.01), "detect": StepCost(1, 0.01)},
                    slowest=((path, 0.02),),
                )
            )
        clock.turn("cut")
        summary = add_up(found)
        clock.turn("look")
        return summary

    def publish_counted(*arguments: object) -> int:
        clock.turn("publish")
        snapshot: int = publish.fn(*arguments)
        clock.turn("end")
        return snapshot

    crew = Crew(
        discover, lambda _plan: None, lambda *_: None, process, publish_counted, None
    )
    clock.turn("plan")
    conduct(start_run(settings), EVERYTHING_NEW, crew)
    clock.turn("")
    return clock


def memory_mb() -> float:
    """Return the memory of this process now."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * PAGE_KB / 1e3


def main() -> None:
    """Do run after run and print what each costs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, default=1_000_000)
    parser.add_argument("--batches-per-run", type=int, default=10_000)
    parser.add_argument("--csv", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores,"
        f" one article a batch, {arguments.batches_per_run:,} batches a run\n"
        f"{'batches':>10}{'seconds':>9}{'CPU s':>8}{'plan':>7}{'cut':>7}{'look':>7}"
        f"{'publish':>9}{'ms/batch':>10}{'files':>7}{'MB live':>9}"
        f"{'kB manifest':>13}{'MB now':>8}{'MB peak':>9}"
    )
    place = Path(tempfile.mkdtemp(dir=FAST_FOLDER))
    lines: list[Line] = []
    try:
        (place / "raw").mkdir()
        stamp = Stamp(place, arguments.seed)
        step = arguments.batches_per_run
        for count in range(step, arguments.batches + 1, step):
            clock = run_once(place, stamp, count)
            manifest = Warehouse(place / "warehouse").manifest()
            if manifest is None or manifest.rows["documents"] != count:
                raise RuntimeError(f"not {count} articles: {manifest}")
            of = {w: s for w, s in clock.cpu.items() if w != "not counted"}
            cpu_seconds = sum(of.values())
            line = Line(
                batches=count,
                runs=count // step,
                seconds=sum(clock.wall.values()) - clock.wall["not counted"],
                cpu_seconds=cpu_seconds,
                cpu_ms_per_batch=1e3 * cpu_seconds / step,
                planning=of["plan"],
                cutting=of["cut"],
                publishing=of["publish"],
                live_files=len(list(manifest.paths())),
                live_bytes=manifest.size_bytes,
                manifest_bytes=len(manifest.dump()),
                memory_mb=memory_mb(),
                peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
            )
            lines.append(line)
            print(
                f"{line.batches:10,}{line.seconds:9.1f}{line.cpu_seconds:8.1f}"
                f"{of['plan']:7.1f}{of['cut']:7.1f}{of['look'] + of['end']:7.1f}"
                f"{of['publish']:9.1f}{line.cpu_ms_per_batch:10.2f}{line.live_files:7}"
                f"{line.live_bytes / 1e6:9.1f}{line.manifest_bytes / 1e3:13.1f}"
                f"{line.memory_mb:8.0f}{line.peak_mb:9.0f}"
                f"  (stamping {clock.cpu['not counted']:.1f})",
                flush=True,
            )
    finally:
        shutil.rmtree(place)
        if arguments.csv and lines:
            write_csv(lines, arguments.csv)


if __name__ == "__main__":
    main()
