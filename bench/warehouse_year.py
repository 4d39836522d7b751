"""Run a warehouse for a year of hourly runs, and see whether anything grows.

Drives the real ``Warehouse`` with synthetic parts: every hour some twenty new articles,
one or two edits of recent ones; every day an edit of an old one and two deletions. The
clock is not waited for. Prints a table by month; ``--csv`` has a line per day.

    python bench/warehouse_year.py --commits 8760 --csv year.csv --svg year.svg
"""

import argparse
import csv
import hashlib
import os
import platform
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from flows.ledger import new_run_id
from flows.plan import look_around
from flows.settings import fingerprint, read_settings, settings_json
from tasks.logic import step_versions
from tasks.read import make_document_id
from tasks.schema import MINHASH_BYTES, Format
from tasks.tables.warehouse import Warehouse
from tasks.write import stage_tables
from tests.warehouse_rows import FAST_FOLDER, fill_row

HOURS_PER_DAY = 24
HOURS_PER_MONTH = 730
ARTICLES_PER_HOUR = 20
PARAGRAPHS = (4, 14)
WORDS_PER_PARAGRAPH = (25, 90)
VOCABULARY_WORDS = 8_000
DIFFERENT_PARAGRAPHS = 20_000
"""So many that repetition does not help compression: a part has fewer."""
RECENT_HOURS = 48
DELETIONS_PER_DAY = 2
LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl", "pl", "ru", "ja")
RULES = ("head.title", "labels.byline.en", "meta.date", "meta.site", "openers.share")


class Commit(NamedTuple):
    """What one hourly run cost.

    Attributes:
        commit_seconds: Lock, recovery, publish, unlock; without making the rows.
        staged_bytes: Parquet files of the new rows.
        rewritten_bytes: Parquet files written because old rows went, or to merge.
        live_files: Parquet files that readers see.
        live_bytes: Their size.
        articles: Rows of ``documents``.
    """

    commit_seconds: float
    staged_bytes: int
    rewritten_bytes: int
    live_files: int
    live_bytes: int
    articles: int


class Day(NamedTuple):
    """A day of runs: a line of the CSV."""

    day: int
    articles: int
    live_files: int
    live_bytes: int
    room_files: int
    room_only_bytes: int
    no_op_seconds: float
    commit_median_seconds: float
    commit_max_seconds: float
    staged_bytes: int
    rewritten_bytes: int


class Newsroom:
    """Articles that come, change and go; the raw files are real, but short."""

    def __init__(self, raw_dir: Path, seed: int, articles_per_hour: int) -> None:
        self.raw_dir = raw_dir
        self.articles_per_hour = articles_per_hour
        self.chance = random.Random(seed)  # noqa: S311  (not for secrets)
        letters = "eeeaaiionnrrttssldcumpgbfhvkwz"
        vocabulary = [
            "".join(self.chance.choices(letters, k=self.chance.randint(2, 11)))
            for _ in range(VOCABULARY_WORDS)
        ]
        # Few words are frequent, as in any language: text compresses as text does.
        weights = [1 / (rank + 3) for rank in range(VOCABULARY_WORDS)]
        self.texts = [
            self.chance.choices(
                vocabulary, weights, k=self.chance.randint(*WORDS_PER_PARAGRAPH)
            )
            for _ in range(DIFFERENT_PARAGRAPHS)
        ]
        self.versions: dict[str, int] = {}
        self.paths: list[str] = []
        self.first_recent = 0

    def _how_many(self) -> int:
        spread = self.articles_per_hour // 5
        return self.articles_per_hour + self.chance.randint(-spread, spread)

    def an_hour_passes(self, hour: int) -> tuple[list[str], list[str]]:
        """Return the paths that are new or edited, and those that are gone."""
        if hour % HOURS_PER_DAY == 0:
            cut = RECENT_HOURS * self.articles_per_hour
            self.first_recent = max(0, len(self.paths) - cut)
        edited = self.chance.randint(1, 2)
        recent, old = self.paths[self.first_recent :], self.paths[: self.first_recent]
        changed = set(self.chance.sample(recent, min(edited, len(recent))))
        gone: set[str] = set()
        if hour % HOURS_PER_DAY == 0 and old:
            changed.add(self.chance.choice(old))
            gone = set(self.chance.sample(self.paths, DELETIONS_PER_DAY)) - changed
        fresh = [
            f"site-{index % 9}/{hour // HOURS_PER_DAY:03}/{hour:05}-{index:02}.txt"
            for index in range(self._how_many())
        ]
        for path in gone:
            (self.raw_dir / path).unlink()
            self.versions.pop(path)
        if gone:
            self.paths = [path for path in self.paths if path not in gone]
        self.paths += fresh
        for path in [*fresh, *changed]:
            self.versions[path] = self.versions.get(path, 0) + 1
            file = self.raw_dir / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{path} {self.versions[path]}", encoding="utf-8")
        return sorted([*fresh, *changed]), sorted(gone)

    def tables(self, paths: list[str], run_id: str) -> dict[str, pd.DataFrame]:
        """Return the frames that the line would make of some files."""
        rows: dict[str, list[dict[str, Any]]] = {name: [] for name in BLANK}
        for path in paths:
            file = self.raw_dir / path
            found = file.stat()
            sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
            for name, values in self.article(path):
                own = {"run_id": run_id} if "run_id" in BLANK[name] else {}
                whole = {"sha256": sha256} if "sha256" in BLANK[name] else {}
                rows[name].append(BLANK[name] | own | whole | values)
            rows["sources"][-1] |= {
                "size_bytes": found.st_size,
                "mtime_ns": found.st_mtime_ns,
            }
        return {
            name: pd.DataFrame(rows[name], columns=list(BLANK[name])) for name in rows
        }

    def article(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the rows of one article, its source last."""
        chance = self.chance
        document_id = make_document_id(path, None)
        language = LANGUAGES[hash_byte(path) % len(LANGUAGES)]
        chosen = chance.choices(self.texts, k=chance.randint(*PARAGRAPHS))
        lengths = [len(words) for words in chosen]
        texts = [" ".join(words) for words in chosen]
        position = 0
        for index, text in enumerate(texts):
            yield (
                "paragraphs",
                {
                    "document_id": document_id,
                    "paragraph_index": index,
                    "kind": "body",
                    "text": text,
                    "language": language,
                    "language_score": round(chance.uniform(0.9, 1), 4),
                    "start_chars": position,
                    "end_chars": position + len(text),
                    "word_count": lengths[index],
                    "text_hash": f"{chance.getrandbits(64):016x}",
                },
            )
            position += len(text) + 2
        for rank, rule in enumerate(RULES, start=1):
            value = " ".join(chance.choice(self.texts)[:5])
            yield (
                "evidence",
                {
                    "document_id": document_id,
                    "field": "title",
                    "rank": rank,
                    "value": value,
                    "rule_id": rule,
                    "score": 1 / rank,
                    "is_chosen": rank == 1,
                },
            )
            yield (
                "removals",
                {
                    "document_id": document_id,
                    "start_chars": position + 100 * rank,
                    "end_chars": position + 100 * rank + len(value),
                    "text": value,
                    "rule_id": rule,
                    "reason": "share_links",
                },
            )
        text = "\n\n".join(texts)
        yield (
            "documents",
            {
                "document_id": document_id,
                "source_path": path,
                "format": "text",
                "encoding": "utf-8",
                "title": value,
                "language": language,
                "languages": [{"code": language, "share": 1.0}],
                "text": text,
                "text_sha256": f"{chance.getrandbits(256):064x}",
                "text_minhash": chance.randbytes(MINHASH_BYTES),
                "paragraph_count": len(texts),
                "word_count": sum(lengths),
                "character_count": len(text),
            },
        )
        yield (
            "sources",
            {
                "source_path": path,
                "status": "accepted",
                "document_count": 1,
                "step_versions": step_versions(Format.TEXT),
            },
        )


BLANK = {
    name: fill_row(name)
    for name in ("documents", "paragraphs", "removals", "evidence", "sources")
}


def hash_byte(path: str) -> int:
    """Return a number that depends on a path only."""
    return hashlib.sha256(path.encode()).digest()[0]


def run_once(warehouse: Warehouse, newsroom: Newsroom, hour: int) -> Commit:
    """Do what an hourly run does, without reading articles."""
    settings = read_settings({}, raw_dir=newsroom.raw_dir, warehouse_dir=warehouse.live)
    paths, gone = newsroom.an_hour_passes(hour)
    run_id = new_run_id(datetime.now(UTC), f"{hour:06x}")
    tables = newsroom.tables(paths, run_id)
    run = fill_row(
        "runs",
        run_id=run_id,
        settings=settings_json(settings),
        versions='{"python": "3.11", "pandas": "3.0", "pyarrow": "26.0"}',
    )
    old = warehouse.manifest()
    before = {entry.sha256 for _, _, entry in old.paths()} if old else set()
    start = time.perf_counter()
    with warehouse.lock():
        staging_dir, stem = warehouse.new_staging_dir(), warehouse.new_stem()
        locked_seconds = time.perf_counter() - start
        part = stage_tables(tables, staging_dir, stem)
        start = time.perf_counter()
        new = warehouse.publish([part], gone, run, fingerprint(settings))
    commit_seconds = locked_seconds + time.perf_counter() - start
    known = before | set(part["sha256"].values())
    written = sum(
        entry.size_bytes for _, _, entry in new.paths() if entry.sha256 not in known
    )
    return Commit(
        commit_seconds=commit_seconds,
        staged_bytes=sum(part["sizes_bytes"].values()),
        rewritten_bytes=written,
        live_files=len(list(new.paths())),
        live_bytes=new.size_bytes,
        articles=new.rows["documents"],
    )


def measure_room(warehouse: Warehouse) -> tuple[int, int]:
    """Return the names in the engine room, and the bytes of files that only it has."""
    live = {file.stat().st_ino for file in warehouse.live.rglob("*.parquet")}
    only: dict[int, int] = {}
    names = 0
    for file in warehouse.room.rglob("*"):
        found = file.stat()
        names += 1
        if found.st_ino not in live:
            only[found.st_ino] = found.st_size
    return names, sum(only.values())


def measure_no_op(warehouse: Warehouse, newsroom: Newsroom) -> float:
    """Return how long a run takes that finds nothing new."""
    settings = read_settings({}, raw_dir=newsroom.raw_dir, warehouse_dir=warehouse.live)
    start = time.perf_counter()
    plan = look_around(settings)
    seconds = time.perf_counter() - start
    if plan.has_work:
        raise AssertionError(f"work was found: {plan.todo}, {plan.deleted[:3]}")
    return seconds


def sum_up(
    day: int, commits: list[Commit], warehouse: Warehouse, newsroom: Newsroom
) -> Day:
    """Return the line of one day."""
    room_files, room_only_bytes = measure_room(warehouse)
    seconds = [commit.commit_seconds for commit in commits]
    return Day(
        day=day,
        articles=commits[-1].articles,
        live_files=commits[-1].live_files,
        live_bytes=commits[-1].live_bytes,
        room_files=room_files,
        room_only_bytes=room_only_bytes,
        no_op_seconds=measure_no_op(warehouse, newsroom),
        commit_median_seconds=statistics.median(seconds),
        commit_max_seconds=max(seconds),
        staged_bytes=sum(commit.staged_bytes for commit in commits),
        rewritten_bytes=sum(commit.rewritten_bytes for commit in commits),
    )


def simulate(
    folder: Path, commits: int, articles_per_hour: int, seed: int
) -> Iterator[list[Day]]:
    """Run the year; print a line per month, and yield the days so far after each."""
    warehouse = Warehouse(folder / "warehouse")
    newsroom = Newsroom(folder / "raw", seed, articles_per_hour)
    newsroom.raw_dir.mkdir()
    days: list[Day] = []
    done: list[Commit] = []
    print(
        " month  articles  files  live MB  room MB  no-op s  commit median s   p99 s"
        "   max s  staged MB/run  rewritten MB/run"
    )
    for hour in range(commits):
        done.append(run_once(warehouse, newsroom, hour))
        is_last = hour + 1 == commits
        if (hour + 1) % HOURS_PER_DAY == 0 or is_last:
            own = done[len(days) * HOURS_PER_DAY :]
            days.append(sum_up(len(days) + 1, own, warehouse, newsroom))
            yield days
        if (hour + 1) % HOURS_PER_MONTH == 0 or is_last:
            month = hour // HOURS_PER_MONTH
            line = month_line(month, done[month * HOURS_PER_MONTH :], days[-1])
            print(line, flush=True)


def month_line(month: int, commits: list[Commit], day: Day) -> str:
    """Return a line of the table."""
    seconds = sorted(commit.commit_seconds for commit in commits)
    p99 = seconds[min(len(seconds) - 1, len(seconds) * 99 // 100)]
    staged = statistics.mean(commit.staged_bytes for commit in commits) / 1e6
    rewritten = statistics.mean(commit.rewritten_bytes for commit in commits) / 1e6
    return (
        f"{month + 1:6} {day.articles:9,} {day.live_files:6}"
        f" {day.live_bytes / 1e6:8.1f} {day.room_only_bytes / 1e6:8.1f}"
        f" {day.no_op_seconds:8.2f}"
        f" {statistics.median(seconds):16.3f} {p99:7.3f} {seconds[-1]:7.3f}"
        f" {staged:14.3f} {rewritten:17.3f}"
    )


PANELS = (
    ("files in the warehouse", "live_files", 1.0),
    ("live MB", "live_bytes", 1e6),
    ("MB only in the engine room", "room_only_bytes", 1e6),
    ("no-op check, s", "no_op_seconds", 1.0),
    ("commit, median of a day, s", "commit_median_seconds", 1.0),
    ("commit, slowest of a day, s", "commit_max_seconds", 1.0),
    ("MB rewritten a day", "rewritten_bytes", 1e6),
    ("articles, thousands", "articles", 1e3),
)
PANEL_WIDTH, PANEL_HEIGHT, MARGIN = 300, 110, 34


def draw(days: list[Day]) -> str:
    """Return the curves as an SVG picture, two panels side by side."""
    rows = (len(PANELS) + 1) // 2
    width = 2 * (PANEL_WIDTH + MARGIN) + MARGIN
    height = rows * (PANEL_HEIGHT + MARGIN) + MARGIN
    panels = "".join(
        draw_panel(index, title, [getattr(day, name) / unit for day in days])
        for index, (title, name, unit) in enumerate(PANELS)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"
 font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
{panels}</svg>
"""


def draw_panel(index: int, title: str, values: list[float]) -> str:
    """Return one curve in its frame."""
    left = MARGIN + index % 2 * (PANEL_WIDTH + MARGIN)
    top = MARGIN + index // 2 * (PANEL_HEIGHT + MARGIN)
    highest = max(values) or 1.0
    step = PANEL_WIDTH / max(1, len(values) - 1)
    points = " ".join(
        f"{left + at * step:.1f},{top + PANEL_HEIGHT * (1 - value / highest):.1f}"
        for at, value in enumerate(values)
    )
    return f"""\
<text x="{left}" y="{top - 6}">{title}: 0 to {highest:,.3g}</text>
<rect x="{left}" y="{top}" width="{PANEL_WIDTH}" height="{PANEL_HEIGHT}" fill="none"
 stroke="#bbb"/>
<polyline points="{points}" fill="none" stroke="#1f5fa8"/>
"""


def main() -> None:
    """Simulate, print, and write the curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commits", type=int, default=8_760)
    parser.add_argument(
        "--articles", type=int, default=ARTICLES_PER_HOUR, help="per hour"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="default: a disk in memory")
    parser.add_argument("--csv", type=Path, help="write a line per day")
    parser.add_argument("--svg", type=Path, help="draw the curves")
    arguments = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d} {platform.machine()}, {os.cpu_count()} cores,"
        f" n = {arguments.commits:,} commits, {arguments.articles} articles an hour,"
        f" seed {arguments.seed}"
    )
    folder = Path(tempfile.mkdtemp(dir=arguments.folder or FAST_FOLDER))
    try:
        for days in simulate(
            folder, arguments.commits, arguments.articles, arguments.seed
        ):
            if arguments.csv:
                write_days(arguments.csv, days)
            if arguments.svg:
                arguments.svg.write_text(draw(days), encoding="utf-8")
    finally:
        shutil.rmtree(folder)


def write_days(path: Path, days: list[Day]) -> None:
    """Write a CSV with a line per day."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Day._fields)
        writer.writerows(days)


if __name__ == "__main__":
    main()
