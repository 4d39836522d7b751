"""One JSONL file of any size: how much memory and time a run takes.

    python bench/large_file.py 50MB 500MB 5GB

Each file is generated, ingested by a process of its own into a new warehouse, and
removed. First the process does what a worker would (read, line, staging), then what is
the coordinator's: publishing. One line in ``--every`` is an article of a few
kilobytes, no two alike; the others are records without a text, which are rejected as
fast as they can be parsed. So what is measured is how memory grows with the file, not
what an article costs.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}
_SAMPLE = (
    "the harbour road was closed again after two nights of rain and nobody in town knew"
    " when the ferry would leave so people waited at the pier with bread tea and their"
    " dogs while children counted boats that came from islands further north"
)
_WORDS = _SAMPLE.split()
_RECORD = {"title": "A record", "note": " ".join(20 * _WORDS)}
_CHILD = """
import resource, sys
from pathlib import Path
from flows.conduct import ingest_plainly
from flows.progress import listening
from flows.settings import read_settings

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

def note(event):
    if event.stage == "publish":
        peaks.append(peak_mb())

peaks = []
raw_dir, warehouse_dir = map(Path, sys.argv[1:3])
settings = read_settings(
    {}, raw_dir=raw_dir, warehouse_dir=warehouse_dir, write_report=False,
    batch_bytes=sys.argv[3],
)
with listening(note):
    summary = ingest_plainly(settings)
print(summary.batch.documents, summary.batch.rejects.total(), peaks[0], peak_mb())
"""


def write_file(path: Path, size_bytes: int, every: int) -> int:
    """Write a file of about that size; return the number of its articles."""
    record = json.dumps(_RECORD).encode() + b"\n"
    chance = random.Random(1)  # noqa: S311  # text, not a secret
    articles = 0
    with path.open("wb") as file:
        while file.tell() < size_bytes:
            articles += 1
            text = "\n\n".join(_paragraphs(chance))
            file.write(json.dumps({"title": f"Day {articles}", "text": text}).encode())
            file.write(b"\n" + record * (every - 1))
    return articles


def _paragraphs(chance: random.Random) -> Iterator[str]:
    for _ in range(12):
        words = chance.choices(_WORDS, k=60)
        yield " ".join(words).capitalize() + "."


def measure(size: str, every: int, batch_bytes: int, folder: Path) -> str:
    """Ingest a file of a size; return a row of the table."""
    size_bytes = int(float(size[:-2]) * _UNITS[size[-2:].upper()])
    raw_dir = folder / "raw"
    raw_dir.mkdir(parents=True)
    path = raw_dir / "large.jsonl"
    articles = write_file(path, size_bytes, every)
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603  # our own code
        [sys.executable, "-c", _CHILD, raw_dir, folder / "tables", str(batch_bytes)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    documents, rejects, line_mb, peak_mb = done.stdout.splitlines()[-1].split()
    if int(documents) != articles:
        raise SystemExit(f"{documents} documents of {articles} articles")
    return (
        f"| {path.stat().st_size / 1e6:,.0f} MB | {articles:,} | {int(rejects):,}"
        f" | {seconds:,.0f} s | {float(line_mb):,.0f} MB | {float(peak_mb):,.0f} MB |"
    )


def main() -> None:
    """Print a table, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="+", help="such as 50MB 5GB")
    parser.add_argument("--every", type=int, default=200)
    parser.add_argument("--batch-bytes", type=int, default=8_000_000)
    arguments = parser.parse_args()
    print("| file | articles | rejected | time | peak in the line | in publishing |")
    print("|---|---|---|---|---|---|")
    for size in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            row = measure(size, arguments.every, arguments.batch_bytes, Path(folder))
        print(row, flush=True)


if __name__ == "__main__":
    main()
