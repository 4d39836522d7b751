"""Score our language detector on the language bench, beside langdetect and the peers.

    python bench/languages.py [--shared ../shared] [--texts-per-language 10]

Runs the whole development half through the default detector, and an even sample of it
through both the default and plain seeded langdetect (which needs some
milliseconds a text) to compare speed. Peers' figures are quoted from ``lid/PEERS.txt``:
they are of the whole bench, ours of its development half.
"""

import argparse
import importlib
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

PEERS = ("langdetect", "ld_combo", "eldc", "lingua_high", "lid176ftz")
LEVELS = (0.0, 0.5, 0.7, 0.9, 0.95, 0.99)
LONG = ("sentence", "paragraph", "document", "tweet")
NOT_LANGUAGE = ("junk", "mixed")
BATCH = 1000

Row = dict[str, str]
Answer = tuple[str, float]
Detect = Callable[[Sequence[str]], list[Answer]]


def read_peers(path: Path) -> dict[str, dict[str, float]]:
    """Return the first table of the peers' results: kind of text, peer, accuracy."""
    head, *lines = path.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    names = [name.rstrip("_") for name in head.split()]
    table = {}
    for line in lines:
        kind, *values = line.split()
        table[kind] = dict(zip(names, map(float, values), strict=True))
    return table


def kind_of(row: Row) -> str:
    """Return source and type of a text, as the peers' table names them."""
    return f"{row['src']}/{row['type']}"


def ask(detect: Detect, rows: list[Row]) -> tuple[list[Answer], dict[str, float]]:
    """Return the answer to every row, and CPU seconds by kind."""
    answers: list[Answer] = [("und", 0.0)] * len(rows)
    seconds: dict[str, float] = {}
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(kind_of(row), []).append(place)
    for kind, group in places.items():
        start = time.process_time()
        for first in range(0, len(group), BATCH):
            batch = group[first : first + BATCH]
            found = detect([rows[place]["text"] for place in batch])
            for place, answer in zip(batch, found, strict=True):
                answers[place] = answer
        seconds[kind] = time.process_time() - start
    return answers, seconds


def sample(rows: list[Row], most: int) -> list[Row]:
    """Take the first ``most`` texts of every kind and language."""
    seen: Counter[tuple[str, str]] = Counter()
    taken = []
    for row in rows:
        key = kind_of(row), row["lang"]
        seen[key] += 1
        if seen[key] <= most:
            taken.append(row)
    return taken


def print_accuracy(
    scorer: ModuleType, rows: list[Row], answers: list[Answer], peers: Path
) -> None:
    """Print macro accuracy by kind of text beside the peers'."""
    table = read_peers(peers)
    common = set(scorer.COMMON)
    counts = Counter(kind_of(row) for row in rows)
    print(f"{'macro accuracy, %':18}{'ours':>8}{'(all)':>8}{'texts':>7}", end=" ")
    print(*(f"{peer:>11}" for peer in PEERS))
    for source, name in scorer.TYPES:
        kind = f"{source}/{name}"
        ours, _ = scorer.macro(rows, answers, source, name, common)
        every, _ = scorer.macro(rows, answers, source, name)
        print(f"{kind:18}{100 * ours:8.2f}{100 * every:8.2f}{counts[kind]:7}", end=" ")
        print(*(f"{table[kind][peer]:11.2f}" for peer in PEERS))
    print("common: 45 languages; (all): also those that we do not know\n")


def print_reliability(rows: list[Row], answers: list[Answer], common: set[str]) -> None:
    """Print how many answers are right, kept and wrongly kept, by score."""
    groups = {
        name: [
            (answer, row)
            for answer, row in zip(answers, rows, strict=True)
            if row["lang"] in common
            and row["src"] not in NOT_LANGUAGE
            and (row["type"] in LONG) == is_long
        ]
        for name, is_long in (("short", False), ("sentence and longer", True))
    }
    groups["junk"] = [
        p for p in zip(answers, rows, strict=True) if p[1]["src"] == "junk"
    ]
    groups["unknown language"] = [
        p for p in zip(answers, rows, strict=True) if p[1]["type"] == "ood"
    ]
    for name, pairs in groups.items():
        print(f"{name}: n = {len(pairs)}")
        for level in LEVELS:
            kept = [p for p in pairs if p[0][0] != "und" and p[0][1] >= level]
            line = f"  score >= {level:4.2f}: kept {100 * len(kept) / len(pairs):6.2f}%"
            if name not in {"junk", "unknown language"}:
                right = sum(answer[0] == row["lang"] for answer, row in kept)
                line += f"  right {100 * right / max(len(kept), 1):6.2f}%"
            print(line)
    print()


def print_mixed(rows: list[Row], answers: list[Answer]) -> None:
    """Print how documents in two languages fare."""
    pairs = [p for p in zip(answers, rows, strict=True) if p[1]["type"] == "mixdoc"]
    right = sum(answer[0] == row["lang"] for answer, row in pairs)
    print(f"mixed documents: main language right {right} of {len(pairs)}\n")


def print_speed(
    scorer: ModuleType, rows: list[Row], most: int, ours: Detect, theirs: Detect
) -> None:
    """Print accuracy of both detectors on a sample, and speed.

    Our speed is measured on all texts: a sample is over too soon.
    """
    _, our_seconds = ask(ours, rows)
    some = sample(rows, most)
    fast, _ = ask(ours, some)
    slow, their_seconds = ask(theirs, some)
    counts, few = Counter(map(kind_of, rows)), Counter(map(kind_of, some))
    common = set(scorer.COMMON)
    print(f"{'same texts':18}{'texts':>7}{'ours':>8}{'langdetect':>12}", end="")
    print(f"{'ours/s':>10}{'langdetect/s':>14}{'times':>8}")
    for source, name in scorer.TYPES:
        kind = f"{source}/{name}"
        accuracy, _ = scorer.macro(some, fast, source, name, common)
        other, _ = scorer.macro(some, slow, source, name, common)
        speed = counts[kind] / max(our_seconds[kind], 1e-9)
        their_speed = few[kind] / max(their_seconds[kind], 1e-9)
        print(f"{kind:18}{few[kind]:7}{100 * accuracy:8.2f}{100 * other:12.2f}", end="")
        print(f"{speed:10.0f}{their_speed:14.0f}{speed / their_speed:8.0f}")


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--texts-per-language", type=int, default=10)
    arguments = parser.parse_args()
    folder = arguments.shared / "lid"
    sys.path[:0] = [str(Path(__file__).parents[1]), str(folder)]
    scorer = importlib.import_module("eval")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    fusion = importlib.import_module("tasks.languages.fusion")
    ours = fusion.FusedDetector().detect
    ours(["Das ist ein Satz."])
    loading = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"loading: {loading:.2f} s of CPU, {grown:.0f} MB (imports included)\n")

    rows = scorer.load(folder / "dev.jsonl.gz")
    answers, _ = ask(ours, rows)
    # As the scorer's own runner: codes of any detector made comparable.
    answers = [(scorer.norm(code), score) for code, score in answers]
    print_accuracy(scorer, rows, answers, folder / "PEERS.txt")
    print_reliability(rows, answers, set(scorer.COMMON))
    print_mixed(rows, answers)

    theirs = importlib.import_module("tasks.detect").LangdetectDetector().detect
    theirs(["Das ist ein Satz."])
    print_speed(scorer, rows, arguments.texts_per_language, ours, theirs)


if __name__ == "__main__":
    main()
