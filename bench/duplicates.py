"""Measure what counts as a duplicate, and what finding them costs.

    python bench/duplicates.py quality [--shared ../shared]
    python bench/duplicates.py cost --articles 100000

``quality`` makes copies of the articles of the gold sets, edited in many ways, and
articles that must not match: unrelated ones, some with the same long notices, and
reports written around the same sentences every day. All are put together, with their
MinHashes as the pipeline makes them; printed is the share of each kind that is flagged
at several thresholds.

``cost`` publishes many synthetic articles, then a few more, and prints what comparing
takes, apart from the rest of the publish.
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import random
import re
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeAlias
from unittest import mock

import numpy as np
import pandas as pd

from tasks.read import make_document_id
from tasks.schema import BATCH_TABLES
from tasks.tables import comparison
from tasks.tables import warehouse as tables_warehouse
from tasks.tables.duplicates import Prints, find_matches
from tasks.tables.warehouse import Warehouse
from tasks.text.minhash import minhash_texts
from tasks.write import stage_tables
from tests.warehouse_rows import FAST_FOLDER, fill_row

ROOT = Path(__file__).parents[1]
SETS = ("fundus", "wcxb", "zyte", "trafilatura", "cleaneval")
THRESHOLDS = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7)
LEAST_WORDS, LEAST_PARAGRAPHS = 120, 4
REPORTS = 200  # of each template
FIGURES_CHANGED = 0.3
NOTICE_WORDS = (45, 60, 90)

PART_ARTICLES = 10_000
COPIED, REPORTED, NO_NOTICE = 0.03, 0.03, 0.7
COMMITS = ((20, 0, 0), (20, 2, 2), (1, 0, 0), (0, 0, 1))
"""Articles that are new, edited and gone, commit by commit."""

BLANK = {name: fill_row(name) for name in BATCH_TABLES}
Article: TypeAlias = list[str]
Frames: TypeAlias = dict[str, pd.DataFrame]


class Editor:
    """Makes copies of articles, and articles that only look alike."""

    def __init__(self, articles: list[Article], seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  (not for secrets)
        self.articles = articles
        self.words = [word for a in articles for p in a for word in p.split()]
        self.notices = [
            " ".join(self.chance.choices(self.words, k=count)) for count in NOTICE_WORDS
        ]

    def words_changed(self, article: Article, share: float) -> Article:
        """Replace, add or drop words here and there."""

        def change(word: str) -> str:
            if self.chance.random() >= share:
                return word
            other = self.chance.choice(self.words)
            return self.chance.choice([other, other, f"{word} {other}", ""])

        return [" ".join(map(change, part.split())) for part in article]

    def phrases_changed(self, article: Article, share: float) -> Article:
        """Rewrite phrases of one to six words."""
        edited = []
        for part in article:
            words, result = part.split(), []
            while words:
                count = self.chance.randint(1, 6)
                own, words = words[:count], words[count:]
                if self.chance.random() < share:
                    own = self.chance.choices(self.words, k=self.chance.randint(0, 6))
                result += own
            edited.append(" ".join(result))
        return edited

    def other_case(self, article: Article) -> Article:
        """Change letters to capitals, quotes and dashes, nothing else."""
        return [re.sub("[\"'-]", "”", part.upper()) for part in article]

    def with_intro(self, article: Article) -> Article:
        """Put a paragraph of another article in front."""
        return [self.chance.choice(self.chance.choice(self.articles)), *article]

    def with_notices(self, article: Article) -> Article:
        """Add long notices at the end."""
        return [*article, *self.notices]

    def paragraphs_dropped(self, article: Article, share: float) -> Article:
        """Leave out paragraphs here and there."""
        kept = [part for part in article if self.chance.random() >= share]
        return kept or article[:1]

    def cut(self, article: Article, share: float) -> Article:
        """Leave out the end, as papers do with the text of an agency."""
        rest = sum(map(len, article)) * (1 - share)
        kept: Article = []
        while sum(map(len, kept)) < rest:
            kept.append(article[len(kept)])
        return kept

    def updated(self, article: Article) -> Article:
        """Rewrite the beginning, change some figures, add a paragraph."""
        first, *rest = self.words_changed(article[:1], 0.4) + article[1:]
        new = self.chance.choice(self.chance.choice(self.articles))
        rest.insert(self.chance.randint(0, len(rest)), new)
        return [first, *(re.sub(r"\d", self._other_digit, part) for part in rest)]

    def _other_digit(self, digit: re.Match[str]) -> str:
        is_changed = self.chance.random() < FIGURES_CHANGED
        return str(self.chance.randint(0, 9)) if is_changed else digit[0]

    def fill_template(self, template: str) -> Article:
        """Write a report: ``{}`` becomes a figure, ``[a|b]`` a choice."""
        text = re.sub(r"\{\}", lambda _: str(self.chance.randint(2, 998)), template)
        choose = lambda found: self.chance.choice(found[1].split("|"))  # noqa: E731
        return re.sub(r"\[([^]]*)\]", choose, text).split("\n")


_CITIES = "[Berlin|Paris|Madrid|London|Roma|Wien|Oslo|Lisboa|Praha|Dublin|Athina|Sofia]"
_SKIES = "[sunny|cloudy|rainy|windy|foggy|stormy|dry|mild]"
_FIRMS = "[Allianz|Siemens|Bayer|Adidas|Linde|SAP|Infineon|Continental|Henkel|Merck]"
TEMPLATES = {
    "weather": f"The weather in {_CITIES} today will be {_SKIES} with temperatures"
    " between {} and {} degrees.\n"
    f"In the morning it stays {_SKIES}, in the afternoon the sky turns {_SKIES} and the"
    " wind blows from the [north|south|east|west] at up to {} kilometres per hour.\n"
    "The probability of rain is {} percent, and the humidity reaches {} percent in the"
    " evening.\n"
    f"Tomorrow the people of {_CITIES} can expect {_SKIES} weather with highs of {{}}"
    " degrees and lows of {} degrees; the UV index stands at {}.",
    "stock": f"Die Aktie von {_FIRMS} [gewinnt|verliert] am [Montag|Dienstag|Freitag]"
    " an Wert. Zuletzt notierte das Papier bei {},{} Euro.\n"
    "Im Handel über die Börse Frankfurt [steigt|fällt] die Aktie bis {}:{} Uhr {},{}"
    " Prozent auf {},{} Euro. Das Tageshoch lag bei {},{} Euro, das Tagestief bei {},{}"
    " Euro. Bisher wurden heute {} Aktien gehandelt.\n"
    "Auf Sicht von 52 Wochen erreichte das Papier am {}.{}.2025 bei {},{} Euro den"
    " höchsten Stand. Für das laufende Jahr erwarten Analysten einen Gewinn je Aktie"
    " von {},{} Euro, die Dividende soll {},{} Euro betragen.",
    "match": f"{_CITIES} {{}}-{{}} {_CITIES}: in front of {{}} spectators the home side"
    " [won|lost|drew] on [Saturday|Sunday].\n"
    f"The first goal fell in minute {{}} after a corner by {_FIRMS}, and the guests"
    " answered in minute {} with a penalty that the referee gave after looking at the"
    " screen.\n"
    f"With this result {_CITIES} stands on rank {{}} of the table with {{}} points,"
    f" while {_CITIES} is on rank {{}} with {{}} points.",
}


def read_gold(shared: Path) -> list[Article]:
    """Return the paragraphs of each article of the gold sets that is long enough."""
    articles = []
    for name in SETS:
        with (shared / "gold" / f"{name}.jsonl").open(encoding="utf-8") as file:
            for line in file:
                parts = json.loads(line).get("paragraphs") or []
                words = sum(len(part.split()) for part in parts)
                if words >= LEAST_WORDS and len(parts) >= LEAST_PARAGRAPHS:
                    articles.append(parts)
    return articles


def copies(editor: Editor) -> dict[str, Callable[[Article], Article]]:
    """Return the ways to edit an article that leave it a duplicate, more or less."""
    words, phrases = editor.words_changed, editor.phrases_changed
    dropped, cut = editor.paragraphs_dropped, editor.cut
    return {
        "the same": list,
        "case and quotes": editor.other_case,
        "1% of words": partial(words, share=0.01),
        "5% of words": partial(words, share=0.05),
        "10% of words": partial(words, share=0.1),
        "15% of words": partial(words, share=0.15),
        "20% of words": partial(words, share=0.2),
        "10% of phrases": partial(phrases, share=0.1),
        "20% of phrases": partial(phrases, share=0.2),
        "30% of phrases": partial(phrases, share=0.3),
        "intro added": editor.with_intro,
        "20% of paragraphs dropped": partial(dropped, share=0.2),
        "33% of paragraphs dropped": partial(dropped, share=0.33),
        "last 30% cut": partial(cut, share=0.3),
        "last half cut": partial(cut, share=0.5),
        "updated": editor.updated,
    }


def print_quality(shared: Path) -> None:
    """Print the share of each kind that has its original, or anything, as a match."""
    editor = Editor(read_gold(shared), seed=4)
    originals = editor.articles
    print(
        f"{len(originals)} articles of the gold sets, each edited once in every way\n"
    )
    print(f"{'':28}" + "".join(f"{threshold:>7}" for threshold in THRESHOLDS))
    for name, edit in copies(editor).items():
        _print_shares(name, [edit(article) for article in originals], originals)
    print("\nmust not match")
    _print_shares("unrelated", originals, [])
    _print_shares(
        "unrelated, the same notices", [*map(editor.with_notices, originals)], []
    )
    for name, template in TEMPLATES.items():
        reports = [editor.fill_template(template) for _ in range(REPORTS)]
        _print_shares(f"{name} reports", reports, [])


def _print_shares(name: str, asked: list[Article], originals: list[Article]) -> None:
    """Print how many articles match their original, or without originals anything."""
    prints = _make_prints([*originals, *asked])
    first = len(originals)
    shares = []
    for threshold in THRESHOLDS:
        matches = find_matches(prints, min_similarity=threshold)
        pairs = (matches[name].to_pylist() for name in ("document_id", "match_id"))
        found = dict(zip(*pairs, strict=True))
        hits = sum(
            found.get(_name(first + index)) == _name(index)
            if first
            else _name(index) in found
            for index in range(len(asked))
        )
        shares.append(hits / len(asked))
    print(f"{name:28}" + "".join(f"{share:7.3f}" for share in shares), flush=True)


def _name(index: int) -> str:
    return f"{index:020}"


def _make_prints(articles: list[Article]) -> Prints:
    texts = ["\n\n".join(article) for article in articles]
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    minhashes = np.frombuffer(b"".join(minhash_texts(texts)), np.uint8)
    return Prints(
        np.array([_name(index) for index in range(len(texts))], "S20"),
        np.arange(len(texts), dtype=np.int32),
        np.array(hashes, "S16"),
        minhashes.reshape(len(texts), -1),
    )


def build_articles(chance: random.Random, count: int) -> Iterator[tuple[Article, date]]:
    """Yield synthetic articles of about 3 kB: some are copies, some share a notice."""
    letters = "eeeaaiionnrrttssldcumpgbfhvkwz"
    words = [
        "".join(chance.choices(letters, k=chance.randint(2, 11))) for _ in range(8_000)
    ]
    weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(8_000)))
    notices = [" ".join(chance.choices(words, k=30)) for _ in range(50)]
    recent: list[Article] = [["one"]]
    for index in range(count):
        kind = chance.random()
        if kind < COPIED:
            article = [
                " ".join(w if chance.random() > 0.05 else "other" for w in part.split())  # noqa: PLR2004
                for part in chance.choice(recent)
            ]
        elif kind < COPIED + REPORTED:
            article = Editor([["word"]], chance.randint(0, 1 << 30)).fill_template(
                TEMPLATES["weather"]
            )
        else:
            article = [
                " ".join(chance.choices(words, cum_weights=weights, k=55))
                for _ in range(chance.randint(4, 14))
            ]
            if kind > NO_NOTICE:
                article.append(chance.choice(notices))
        recent = [*recent[-500:], article]
        yield article, date.fromordinal(738_000 + index // 100)


def make_frames(first: int, articles: list[tuple[Article, date]]) -> Frames:
    """Return the tables of some articles, as far as comparing them needs."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in BATCH_TABLES}
    texts = ["\n\n".join(article) for article, _ in articles]
    minhashes = minhash_texts(texts)
    for index, (article, day) in enumerate(articles):
        path = f"{first + index:08}.txt"
        own = {"document_id": make_document_id(path, None)}
        text = texts[index]
        rows["documents"].append(
            own
            | {"source_path": path, "published_on": day, "text": text}
            | {"text_sha256": hashlib.sha256(text.encode()).hexdigest()}
            | {"text_minhash": minhashes[index], "language": "en"}
        )
        rows["paragraphs"] += [
            own
            | {"paragraph_index": place, "text": part, "word_count": len(part.split())}
            | {"text_hash": hashlib.sha256(part.encode()).hexdigest()[:16]}
            for place, part in enumerate(article)
        ]
        rows["sources"].append({"source_path": path, "document_count": 1})
    return {
        name: pd.DataFrame(
            [BLANK[name] | row for row in rows[name]], columns=list(BLANK[name])
        )
        for name in rows
    }


def build_warehouse(folder: Path, count: int) -> None:
    """Publish many articles, without what is compared of them.

    Without the tables of comparison the next publish makes them all anew.
    """
    warehouse = Warehouse(folder)
    chance = random.Random(1)  # noqa: S311  (not for secrets)
    articles = build_articles(chance, count)
    with warehouse.lock():
        staging_dir, parts = warehouse.new_staging_dir(), []
        for first in range(0, count, PART_ARTICLES):
            some = list(itertools.islice(articles, PART_ARTICLES))
            frames = make_frames(first, some)
            parts.append(stage_tables(frames, staging_dir, warehouse.new_stem()))
        warehouse.publish(parts, [], fill_row("runs", run_id="first"), "")


def print_cost(count: int) -> None:
    """Publish many articles, then a few at a time, and print what comparing takes."""
    with tempfile.TemporaryDirectory(dir=FAST_FOLDER) as root:
        folder = Path(root) / "warehouse"
        # In a process of its own: the memory that this one takes is what is measured.
        builder = get_context("spawn").Process(
            target=build_warehouse, args=(folder, count)
        )
        builder.start()
        builder.join()
        warehouse = Warehouse(folder)
        manifest = warehouse.manifest()
        if manifest is None:
            raise SystemExit("the articles could not be published")
        parts = [(part, folder) for part in manifest.parts if part.is_batch]
        before_bytes = _peak_bytes()
        start = time.process_time()
        derived = comparison.derive(parts)
        seconds = time.process_time() - start
        rows = ", ".join(f"{len(rows):,} {name}" for name, rows in derived.items())
        print(f"{count:,} articles: {rows}; {manifest.size_bytes / 1e6:.0f} MB")
        print(
            f"all compared: {seconds:.2f} s of CPU,"
            f" {(_peak_bytes() - before_bytes) / 1e6:.0f} MB of memory"
        )
        chance = random.Random(2)  # noqa: S311  (not for secrets)
        for number, (new, edited, gone) in enumerate(COMMITS):
            some = list(build_articles(chance, new + edited))
            first = count + 100 * number
            frames = make_frames(first, some)
            # What is edited keeps its name: here it takes that of an older article.
            paths = [f"{chance.randrange(count):08}.txt" for _ in range(edited + gone)]
            timed: Counter[str] = Counter()
            with warehouse.lock(), _timing(timed):
                staged = stage_tables(
                    frames, warehouse.new_staging_dir(), warehouse.new_stem()
                )
                start = time.process_time()
                warehouse.publish(
                    [staged], paths, fill_row("runs", run_id=f"{number}"), ""
                )
                whole = time.process_time() - start
            print(
                f"{new} new, {edited + gone} old ones gone: compared in"
                f" {timed.total():.2f} s of CPU, of {whole:.2f} s"
            )


@contextlib.contextmanager
def _timing(timed: Counter[str]) -> Iterator[None]:
    """Add up the seconds that the functions of ``comparison`` take."""

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:  # noqa: ANN401  (whatever it takes)
            start = time.process_time()
            try:
                return function(*args)
            finally:
                timed[function.__name__] += time.process_time() - start

        return call

    names = ("note_change", "compare")
    with contextlib.ExitStack() as stack:
        for name in names:
            function = getattr(tables_warehouse, name)
            stack.enter_context(
                mock.patch.object(tables_warehouse, name, wrap(function))
            )
        yield


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["quality", "cost"])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--articles", type=int, default=10_000)
    arguments = parser.parse_args()
    if arguments.what == "quality":
        print_quality(arguments.shared)
    else:
        print_cost(arguments.articles)


if __name__ == "__main__":
    main()
