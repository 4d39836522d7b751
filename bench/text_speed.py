"""Measure the line step by step, beside trafilatura and langdetect, in one run.

    python bench/text_speed.py [--kind text|html] [--articles 1000] [--bytes 3000]
                               [--shared ../shared]

Texts are those of ``../shared/gold/fundus-txt`` with the leftovers of their pages, cut
to the size asked for. Beside the steps of the line stand ``trafilatura.extract`` of the
same articles as simple HTML pages, and seeded langdetect of their texts.

Pages are those of the gold sets, each once. Beside the steps stands trafilatura with
the same pages: the main text alone, and with metadata, as the line reads them.

Counted is CPU time of this process, the best of three rounds; what is loaded once (word
lists, language profiles) is loaded before.
"""

import argparse
import html
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trafilatura
from throughput import read_originals

from flows import line
from flows.settings import Settings
from tasks.detect import LangdetectDetector
from tasks.discover import discover_files
from tasks.write import stage_tables

ROUNDS = 3
SOURCES = ("*_lca-*.txt", "*_flat-*.txt")
PEER_ARTICLES = 200


def read_articles(folder: Path, count: int, size: int) -> list[str]:
    """Return articles of about ``size`` bytes: the texts, over and over."""
    files = sorted(path for pattern in SOURCES for path in folder.glob(pattern))
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files]
    cut = [
        text.encode()[:size].decode("utf-8", "ignore").rsplit("\n", 1)[0]
        for text in texts
    ]
    return [cut[index % len(cut)] for index in range(count)]


def measure(run: Callable[[], object]) -> float:
    """Return the CPU seconds of the fastest of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    return best


def measure_steps(articles: list[str], suffix: str) -> dict[str, float]:
    """Return the CPU seconds of each step of the line, and of encoding the tables."""
    seconds: dict[str, float] = {}

    def call(task: line.AnyStep, noun: str, *arguments: object) -> object:
        start = time.process_time()
        outputs = line.call_plainly(task, noun, *arguments)
        spent[task.name] += time.process_time() - start  # of every piece of a batch
        return outputs

    with tempfile.TemporaryDirectory() as folder:
        raw_dir = Path(folder, "raw")
        raw_dir.mkdir()
        for number, text in enumerate(articles):
            (raw_dir / f"{number:05}{suffix}").write_text(text, encoding="utf-8")
        files = discover_files(raw_dir, ())
        run = line.start_run(Settings(raw_dir=raw_dir))
        line.make_tables(files.head(50), run)
        for number in range(ROUNDS):
            spent: dict[str, float] = defaultdict(float)
            tables, _ = line.make_tables(files, run, call)
            staging_dir = Path(folder, f"staged-{number}")
            staging_dir.mkdir()
            start = time.process_time()
            stage_tables(tables, staging_dir, "part")
            spent["write"] = time.process_time() - start
            for name, cost in spent.items():
                seconds[name] = min(seconds.get(name, cost), cost)
    return seconds


def measure_text_peers(texts: list[str]) -> dict[str, float]:
    """Return the CPU seconds of others with the same texts."""
    pages = [
        f"<html><body><article>{paragraphs}</article></body></html>"
        for text in texts
        for paragraphs in [
            "".join(f"<p>{html.escape(line)}</p>" for line in text.split("\n"))
        ]
    ]
    detector = LangdetectDetector()
    detector.detect(texts[:5])
    trafilatura.extract(pages[0])
    return {
        "trafilatura.extract": measure(lambda: [*map(trafilatura.extract, pages)]),
        "langdetect": measure(lambda: detector.detect(texts)),
    }


def measure_page_peers(pages: list[str]) -> dict[str, float]:
    """Return the CPU seconds of trafilatura with the same pages."""
    full = partial(trafilatura.extract, with_metadata=True)
    full(pages[0])
    return {
        "trafilatura.extract": measure(lambda: [*map(trafilatura.extract, pages)]),
        "... with metadata": measure(lambda: [*map(full, pages)]),
    }


def main() -> None:
    """Print articles a second: each step, all of them, the peers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=("text", "html"), default="text")
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--bytes", type=int, default=3000, help="of a text")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    gold = arguments.shared / "gold"
    if arguments.kind == "text":
        articles = read_articles(
            gold / "fundus-txt", arguments.articles, arguments.bytes
        )
        steps = measure_steps(articles, ".txt")
        some = articles[:PEER_ARTICLES]
        peers = measure_text_peers(some)
    else:
        originals = read_originals(gold, "html")
        articles = originals[:: max(1, -(-len(originals) // arguments.articles))]
        steps = measure_steps(articles, ".html")
        some = articles
        peers = measure_page_peers(some)
    count, total = len(articles), sum(steps.values())
    size = sum(len(text.encode()) for text in articles) / count
    print(f"{count} articles of {size:,.0f} bytes, one process, CPU time")
    print(f"{'':22}{'ms an article':>14}{'articles/s':>12}{'share':>8}")
    for name, seconds in steps.items():
        print(
            f"{name:22}{1000 * seconds / count:14.3f}{count / seconds:12,.0f}"
            f"{100 * seconds / total:7.1f}%"
        )
    print(f"{'all steps':22}{1000 * total / count:14.3f}{count / total:12,.0f}")
    for name, seconds in peers.items():
        print(
            f"{name:22}{1000 * seconds / len(some):14.3f}{len(some) / seconds:12,.0f}"
        )


if __name__ == "__main__":
    main()
