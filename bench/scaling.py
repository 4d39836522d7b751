"""Measure what more workers and more articles cost, and how much memory they take.

    python bench/scaling.py [--articles 40000] [--rounds 1] [--curve 1000,10000,100000]
                            [--jsonl-mb 45] [--engine processes] [--shared ../shared]

Three tables, from a corpus of news texts (``../shared/gold``, repeated with some words
changed; see ``throughput.py``):

* one worker beside two, in turns: seconds of the whole command and of its phases
  (``start``: Python, Prefect and its server; ``work``: survey and batches; ``publish``
  and what follows), and how busy others kept the machine meanwhile. Two workers can be
  twice as fast only as far as two cores are free for them, and as two processes do not
  wait for the same memory: for comparison, the line without Prefect once, and twice at
  the same time, sharing nothing;
* cost per article over the size of the corpus, with the largest memory of a worker, of
  the coordinator and of Prefect's server. Its articles are generated, so that there can
  be a million that differ: 400 to 1,000 bytes of words of one news text, drawn anew,
  with a title, in JSONL files of a thousand. To ``each further`` belongs what one more
  costs than in the line above, so without the start;
* one JSONL file: what becomes of it with one worker and with two, seconds and memory.
"""

import argparse
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil
from throughput import PEERS, make_articles, read_originals, vary, write_corpus

ROOT = Path(__file__).parents[1]
SAMPLE_SECONDS = 0.5
ARTICLES_PER_FILE = 1_000
TWO_WORKERS_GOAL = 1.85
LEAST_WORDS = 100  # of a text that articles are generated from

_WORD = re.compile(r"\S+")


class Load(NamedTuple):
    """What one command took.

    Attributes:
        start: Seconds to the beginning of the run: Python, Prefect and its server.
        work: Seconds of survey and batches.
        publish: Seconds of everything after.
        cpu: CPU seconds by role.
        memory_mb: Largest resident memory of one process, by role.
        others: Cores that other programs kept busy meanwhile, on average.
    """

    start: float
    work: float
    publish: float
    cpu: dict[str, float]
    memory_mb: dict[str, float]
    others: float

    @property
    def seconds(self) -> float:
        """Seconds of the whole command."""
        return self.start + self.work + self.publish


def role_of(process: psutil.Process, main: int) -> str:
    """Tell what a process of a run is for."""
    if process.pid == main:
        return "coordinator"
    command = " ".join(process.cmdline())
    is_worker = "spawn_main" in command or command.startswith("ray::process")
    return "worker" if is_worker else "others"


def busy_seconds() -> float:
    """CPU seconds that the whole machine has worked."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def measure(raw: Path, warehouse: Path, *options: str) -> Load:
    """Run the command into an empty warehouse, looking at its processes meanwhile.

    Raises:
        CalledProcessError: It failed.
    """
    command = [sys.executable, "-m", "flows", "run", "--raw", str(raw), *options]
    environment = os.environ | {
        "PREFECT_HOME": str(warehouse.parent / "prefect"),
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }
    began, busy = time.time(), busy_seconds()
    main = psutil.Popen(
        [*command, "--quiet", "--warehouse", str(warehouse)],
        cwd=warehouse.parent,
        env=environment,
    )
    cpu: dict[int, tuple[str, float]] = {}
    memory: dict[str, float] = {}
    while main.poll() is None:
        for process in _family(main):
            try:
                role = role_of(process, main.pid)
                times = process.cpu_times()
                cpu[process.pid] = (role, times.user + times.system)
                size_mb = process.memory_info().rss / 1e6
            except psutil.Error:
                continue
            memory[role] = max(memory.get(role, 0.0), size_mb)
        time.sleep(SAMPLE_SECONDS)
    if main.returncode:
        raise subprocess.CalledProcessError(main.returncode, command)
    ended, busy = time.time(), busy_seconds() - busy
    first, last = read_times(warehouse)
    by_role: dict[str, float] = {}
    for role, seconds in cpu.values():
        by_role[role] = by_role.get(role, 0.0) + seconds
    others = (busy - sum(by_role.values())) / (ended - began)
    return Load(first - began, last - first, ended - last, by_role, memory, others)


def _family(main: psutil.Popen) -> Iterator[psutil.Process]:
    try:
        yield psutil.Process(main.pid)
        yield from main.children(recursive=True)
    except psutil.Error:  # it ends just now
        return


def read_times(warehouse: Path) -> tuple[float, float]:
    """Return when the last run began and when its last batch was done."""
    import duckdb  # noqa: PLC0415  # only here

    (row,) = duckdb.sql(
        f"SELECT epoch(started_at), epoch(ended_at) FROM '{warehouse}/runs/*.parquet'"  # noqa: S608
    ).fetchall()
    return row


def read_fates(warehouse: Path) -> str:
    """Return what has become of the files."""
    import duckdb  # noqa: PLC0415  # only here

    rows = duckdb.sql(
        f"SELECT status, reason, document_count FROM '{warehouse}/sources/*.parquet'"  # noqa: S608
    ).fetchall()
    return "; ".join(f"{s} {r or ''} {n:,} articles" for s, r, n in rows)


def compare_workers(folder: Path, count: int, rounds: int, engine: str) -> None:
    """Print one worker beside two, in turns."""
    print(
        f"\n### {count:,} articles, engine {engine}\n\n"
        f"{'workers':8}{'seconds':>9}{'start':>8}{'work':>8}{'publish':>9}"
        f"{'CPU workers':>13}{'coordinator':>13}{'others busy':>13}"
    )
    totals = {1: [], 2: []}
    for turn in range(rounds):
        for workers in (1, 2):
            place = folder / f"w-{turn}-{workers}"
            options = ("--engine", engine, "--workers", str(workers))
            load = measure(folder / "text", place, *options)
            totals[workers].append(load)
            print(
                f"{workers:<8}{load.seconds:9.1f}{load.start:8.1f}{load.work:8.1f}"
                f"{load.publish:9.1f}{load.cpu.get('worker', 0):13.1f}"
                f"{load.cpu['coordinator']:13.1f}{load.others:13.2f}",
                flush=True,
            )
    for what, key in (
        ("whole command", lambda load: load.seconds),
        ("work alone", lambda load: load.work),
    ):
        one, two = (min(map(key, totals[workers])) for workers in (1, 2))
        print(f"two workers, {what}: {one / two:.2f} times (goal {TWO_WORKERS_GOAL})")
    alone, both = (time_lines(folder, copies) for copies in (1, 2))
    print(
        f"two lines that share nothing, as against one: {2 * alone / both:.2f} times"
        f" ({alone:.1f} s alone, {both:.1f} s both)"
    )


def time_lines(folder: Path, copies: int) -> float:
    """Return the seconds of the line over the whole corpus, so many times at once.

    Raises:
        CalledProcessError: One failed.
    """
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    line = [sys.executable, str(PEERS / "line.py"), str(folder / "text")]
    began = time.perf_counter()
    running = [
        subprocess.Popen(  # noqa: S603  (our own command)
            [*line, str(folder / f"line-{copies}-{copy}")], env=environment
        )
        for copy in range(copies)
    ]
    for one in running:
        if one.wait():
            raise subprocess.CalledProcessError(one.returncode, line)
    return time.perf_counter() - began


def generate_article(words: list[str], rng: random.Random) -> dict[str, str]:
    """Make an article of 400 to 1,000 bytes or so from the words of a text."""
    paragraphs: list[str] = []
    left = rng.randint(400, 1_000)
    while left > 0:
        sentences = []
        for _ in range(rng.randint(2, 4)):
            sentence = " ".join(rng.choices(words, k=rng.randint(6, 16)))
            sentences.append(f"{sentence[:1].upper()}{sentence[1:]}.")
        paragraphs.append(" ".join(sentences))
        left -= len(paragraphs[-1].encode())
    title = " ".join(rng.choices(words, k=6))
    return {"title": title, "text": "\n\n".join(paragraphs)}


def generate_corpus(raw: Path, originals: list[str], count: int) -> int:
    """Write generated articles as JSONL; return bytes.

    The same article has the same number in every corpus.
    """
    raw.mkdir()
    vocabularies = [_WORD.findall(text) for text in originals]
    vocabularies = [words for words in vocabularies if len(words) >= LEAST_WORDS]
    size_bytes = 0
    for first in range(0, count, ARTICLES_PER_FILE):
        with (raw / f"{first // ARTICLES_PER_FILE:06}.jsonl").open("wb") as lines:
            for index in range(first, min(first + ARTICLES_PER_FILE, count)):
                rng = random.Random(index)  # noqa: S311
                article = generate_article(rng.choice(vocabularies), rng)
                line = json.dumps({"id": index} | article, ensure_ascii=False)
                size_bytes += lines.write(f"{line}\n".encode())
    return size_bytes


def draw_curve(folder: Path, originals: list[str], counts: list[int]) -> None:
    """Print the cost per article of ever larger corpora."""
    print(
        f"\n### Cost over size, generated articles, two workers\n\n"
        f"{'articles':>9}{'MB':>7}{'seconds':>9}{'CPU ms each':>13}{'each further':>14}"
        f"{'coordinator':>13}{'each further':>14}{'publish s':>11}"
        f"{'MB worker':>11}{'coordinator':>13}{'server':>8}"
    )
    before = (0, 0.0, 0.0)
    for count in counts:
        raw = folder / f"curve-{count}"
        size_bytes = generate_corpus(raw, originals, count)
        options = ("--engine", "processes", "--workers", "2")
        load = measure(raw, folder / f"c-{count}", *options)
        memory = load.memory_mb
        now = (count, sum(load.cpu.values()), load.cpu["coordinator"])
        each, own = (
            1e3 * (now[at] - before[at]) / (count - before[0]) for at in (1, 2)
        )
        print(
            f"{count:9,}{size_bytes / 1e6:7.1f}{load.seconds:9.0f}"
            f"{1e3 * now[1] / count:13.2f}{each:14.2f}"
            f"{1e3 * now[2] / count:13.2f}{own:14.2f}{load.publish:11.1f}"
            f"{memory.get('worker', 0):11.0f}{memory['coordinator']:13.0f}"
            f"{memory.get('others', 0):8.0f}",
            flush=True,
        )
        before = now
        shutil.rmtree(raw)
        shutil.rmtree(folder / f"c-{count}")


def try_jsonl(folder: Path, originals: list[str], size_mb: int) -> None:
    """Print what becomes of one large JSONL file, of one worker's and of two."""
    raw = folder / "jsonl"
    raw.mkdir()
    file, index = raw / "large.jsonl", 0
    with file.open("w", encoding="utf-8") as lines:
        while lines.tell() < size_mb * 1e6:
            rng = random.Random(index)  # noqa: S311
            text = vary(originals[index % len(originals)], False, rng)  # noqa: FBT003
            lines.write(json.dumps({"text": text}, ensure_ascii=False) + "\n")
            index += 1
    size_bytes = file.stat().st_size
    print(f"\n### One JSONL file of {size_bytes / 1e6:,.0f} MB, {index:,} lines\n")
    work = []
    for workers in (1, 2):
        place = folder / f"j-{workers}"
        options = ("--engine", "processes", "--workers", str(workers))
        load = measure(raw, place, *options)
        work.append(load.work)
        print(
            f"workers {workers}: {read_fates(place)}; {load.seconds:.1f} s, of it work"
            f" {load.work:.1f} s; worker {load.memory_mb.get('worker', 0):,.0f} MB,"
            f" coordinator {load.memory_mb['coordinator']:,.0f} MB",
            flush=True,
        )
    print(f"two workers, work alone: {work[0] / work[1]:.2f} times")


def main() -> None:
    """Make the corpora, run everything, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--curve", default="1000,10000,100000")
    parser.add_argument("--jsonl-mb", type=int, default=45)
    parser.add_argument("--engine", default="processes")
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    arguments = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{datetime.now(UTC).date()}, {platform.machine()}, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}, load {load}"
    )
    originals = read_originals(arguments.shared / "gold", "text")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if arguments.articles:
            articles = make_articles(originals, "text", arguments.articles)
            write_corpus(folder / "text", "text", articles)
            compare_workers(
                folder, arguments.articles, arguments.rounds, arguments.engine
            )
        if counts := [int(count) for count in arguments.curve.split(",") if count]:
            draw_curve(folder, originals, counts)
        if arguments.jsonl_mb:
            try_jsonl(folder, originals, arguments.jsonl_mb)


if __name__ == "__main__":
    main()
