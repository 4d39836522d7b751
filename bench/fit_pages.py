"""Train the network that tells article from page in HTML; write its weights.

    python bench/fit_pages.py [--shared ../shared] [--check]

Uses the development half of the gold pages only; takes some minutes. With ``--check``
nothing is written: networks are trained, each without a quarter of the sites, and
judged on the sites they have not seen.

Two kinds of pages teach it. Gold pages, whose paragraphs are the article's if most of
their words align with those that a person kept. And gold articles put between bare tags
of many kinds, for a page of nothing but an article has no frame to tell it from.

Deterministic on one machine. The weights are rounded to whole numbers, so that the
answers of one file of weights are the same everywhere.
"""

import argparse
import gzip
import html as references
import json
import os
import random
import re
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: more cost more

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import LCSseq

from tasks.pages.pagejson import read_article_body
from tasks.pages.pagejudge import INPUT_GRAIN, INPUT_LIMIT, WEIGHT_GRAIN
from tasks.pages.pagemeasures import (
    Known,
    NameOdds,
    Part,
    cut_parts,
    measure_page,
    zones_of,
)
from tasks.pages.pageopinion import read_opinion
from tasks.pages.pagesource import Source
from tasks.pages.webpage import parse_page

DATA = Path(__file__).parents[1] / "tasks" / "data" / "pages.json"
GOLD = ("fundus", "wcxb", "zyte", "cleaneval")
WEIGHTS = {"fundus": 1.5, "cleaneval": 0.4, "made": 0.3}
FOLDS = 4
SITES_PER_NAME = 8  # with fewer a name says too little
PULL = 4.0  # sites that say nothing, added to each name
MOST_ODDS = 4.0
UNITS, EPOCHS, BATCH, RATE, DECAY, DROPPED = 48, 8, 512, 2e-3, 5e-4, 0.15
SEEDS = (0, 1)
MADE = 200
OTHER = 0.5
MOST_TOKENS = 20_000, 60_000  # of gold, of page
RUN = 4  # tokens that follow each other on page and in gold
_TOKEN = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f]"
    "|[^\\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f]+"
)
_TAG = re.compile(r"<[^>]*>")

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


class Page(NamedTuple):
    """A page that teaches.

    Attributes:
        origin: Gold set, or ``made``.
        name: Its id in the gold.
        site: Pages of one site are never both in training and in the check.
        source: The page.
        parts: Its paragraphs.
        known: What else is known of it.
        kept: 1 if the paragraph is the article's, 0 if not, -1 if that is open.
        tokens: Words in each paragraph.
    """

    origin: str
    name: str
    site: str
    source: Source
    parts: list[Part]
    known: Known
    kept: list[int]
    tokens: list[int]


# ---- pages --------------------------------------------------------------------------


def read_pages(shared: Path) -> list[Page]:
    """Read the gold and label the paragraphs of its pages."""
    gold = shared / "gold"
    draw = random.Random(7)  # noqa: S311
    pages: list[Page] = []
    articles: list[list[str]] = []
    for origin in GOLD:
        for row in _rows(gold / f"{origin}.jsonl"):
            html = _read_html(gold / row["file"])
            articles.append(row["paragraphs"])
            page = _label(origin, row, html, row["paragraphs"])
            pages += [page] if page else []
    for number in range(MADE):
        paragraphs = draw.choice(articles)
        row = {"url": None, "id": f"made-{number}"}
        html = _make_page(paragraphs, draw)
        page = _label("made", row, html, None)
        pages += [page] if page else []
    return pages


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _read_html(path: Path) -> str:
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _site(row: dict[str, Any]) -> str:
    host = urlsplit(row.get("url") or "").hostname or row["id"]
    return ".".join(host.split(".")[-2:])


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def _make_page(paragraphs: Sequence[str], draw: random.Random) -> str:
    """An article in plain markup of many kinds, all of it or its beginning."""
    pieces = []
    for text in paragraphs[: draw.choice([1, 2, 3, 5, 10, 100])]:
        words = text.split()
        if pieces and draw.random() < OTHER:
            make = draw.choice(_MARKUPS)
            pieces.append(make([references.escape(word) for word in words], draw))
        pieces.append(f"<p>{references.escape(text)}</p>")
    body = draw.choice(["", "\n"]).join(pieces)
    title = references.escape(" ".join(paragraphs[0].split()[:7]))
    around = draw.choice(["article", "main", "div", ""])
    body = f"<{around}>{body}</{around}>" if around else body
    head = draw.choice(["", f"<h1>{title}</h1>"])
    foot = draw.choice(["", "<footer>© 2024 <a href='/'>Home</a></footer>"])
    menu = draw.choice(["", "<nav><a href='/'>Home</a> <a href='/b'>News</a></nav>"])
    title = f"<title>{title}</title>"
    return f"<html><head>{title}</head><body>{menu}{head}{body}{foot}</body></html>"


def _heading(words: list[str], draw: random.Random) -> str:
    tag = draw.choice(["h2", "h2", "h3", "h4"])
    return f"<{tag}>{' '.join(words[: draw.randint(1, 6)])}</{tag}>"


def _quote(words: list[str], draw: random.Random) -> str:
    said = " ".join(words[: draw.randint(4, 30)])
    inner = draw.choice([said, f"<p>{said}</p>"])
    return f"<blockquote>{inner}</blockquote>"


def _list(words: list[str], draw: random.Random) -> str:
    tag, size = draw.choice(["ul", "ol"]), draw.randint(1, 8)
    items = [words[at : at + size] for at in range(0, len(words), size)]
    inner = "".join(f"<li>{' '.join(item)}</li>" for item in items[:7])
    return f"<{tag}>{inner}</{tag}>"


def _table(words: list[str], draw: random.Random) -> str:
    size = draw.randint(2, 4)
    rows = [words[at : at + size] for at in range(0, len(words), size)]
    return f"<table>{''.join(map(_row, rows[:6]))}</table>"


def _row(words: list[str]) -> str:
    return f"<tr>{''.join(f'<td>{word}</td>' for word in words)}</tr>"


def _listing(words: list[str], draw: random.Random) -> str:
    lines = [f"{word} = {draw.randint(0, 99)}" for word in words[:8]]
    code = "\n".join(lines)
    return draw.choice([f"<pre><code>{code}</code></pre>", f"<pre>{code}</pre>"])


_MARKUPS = (_heading, _heading, _quote, _list, _list, _table, _listing)


def _label(
    origin: str, row: dict[str, Any], html: str, paragraphs: list[str] | None
) -> Page | None:
    """Label the paragraphs of a page by those that a person kept.

    Where nobody did, all belongs to the article that stands in no frame.
    """
    source = Source(html)
    parts = cut_parts(source)
    if not parts:
        return None
    said = [_tokens(source.read(start, end)) for start, end, _ in parts]
    if paragraphs is None:
        frames = ({outer.name for outer in part[2].element.path()} for part in parts)
        kept = [int(names.isdisjoint({"nav", "footer", "h1"})) for names in frames]
    else:
        shares = _align(said, _tokens("\n\n".join(paragraphs)))
        kept = [
            int(share >= 0.5) if tokens else -1  # noqa: PLR2004
            for share, tokens in zip(shares, said, strict=True)
        ]
    tree = parse_page(html)
    taken = "" if tree is None else read_opinion(tree)
    known = Known(read_article_body(html), taken)
    sizes = [len(tokens) for tokens in said]
    return Page(origin, row["id"], _site(row), source, parts, known, kept, sizes)


def _align(said: list[list[str]], wanted: list[str]) -> list[float]:
    """Share of each paragraph's words that align with the wanted ones.

    A few words in the wrong place align by chance: a run of them counts, or most of a
    paragraph.
    """
    owners = [number for number, tokens in enumerate(said) for _ in tokens]
    tokens = [token for one in said for token in one]
    hits = [0] * len(said)
    for code in LCSseq.opcodes(wanted[: MOST_TOKENS[0]], tokens[: MOST_TOKENS[1]]):
        if code.tag != "equal":
            continue
        size = code.dest_end - code.dest_start
        for owner in owners[code.dest_start : code.dest_end]:
            if size >= RUN or size >= 0.8 * len(said[owner]):
                hits[owner] += 1
    return [
        hit / len(tokens) if tokens else 0.0
        for hit, tokens in zip(hits, said, strict=True)
    ]


# ---- names --------------------------------------------------------------------------


class Names(NamedTuple):
    """How often paragraphs within a name are kept: by name, zone and site."""

    kept: dict[str, list[dict[str, float]]]
    seen: dict[str, list[dict[str, float]]]
    kept_on: dict[str, float]
    seen_on: dict[str, float]


def count_names(pages: Sequence[Page]) -> Names:
    """Count on which sites what stands in elements of a name is kept."""

    def zones() -> list[dict[str, float]]:
        return [defaultdict(float) for _ in range(3)]

    names = Names(
        defaultdict(zones), defaultdict(zones), defaultdict(float), defaultdict(float)
    )
    for page in pages:
        for (*_, segment), kept, tokens in zip(
            page.parts, page.kept, page.tokens, strict=True
        ):
            if kept < 0:
                continue
            weight = (tokens + 1) ** 0.5
            names.kept_on[page.site] += weight * kept
            names.seen_on[page.site] += weight
            for zone, word in set(zones_of(segment.element)):
                names.kept[word][zone][page.site] += weight * kept
                names.seen[word][zone][page.site] += weight
    return names


def weigh_names(names: Names) -> dict[str, list[dict[str, float]]]:
    """Log-odds of every name, zone and site against the rest of that site."""
    worth: dict[str, list[dict[str, float]]] = {}
    for word, zones in names.seen.items():
        if len(set().union(*zones)) < SITES_PER_NAME:
            continue
        worth[word] = []
        for zone, sites in enumerate(zones):
            odds = {}
            for site, seen in sites.items():
                kept = names.kept[word][zone][site]
                here = (kept + 1) / (seen + 2)
                there = (names.kept_on[site] - kept + 1) / (
                    names.seen_on[site] - seen + 2
                )
                value = np.log(here / (1 - here)) - np.log(
                    max(there, 1e-3) / max(1 - there, 1e-3)
                )
                odds[site] = float(np.clip(value, -MOST_ODDS, MOST_ODDS))
            worth[word].append(odds)
    return worth


def odds_without(
    worth: dict[str, list[dict[str, float]]], without: frozenset[str]
) -> NameOdds:
    """What names are worth by all sites but some."""

    def mean(odds: dict[str, float]) -> float:
        values = [value for site, value in odds.items() if site not in without]
        return round(sum(values) / (len(values) + PULL), 2)

    return {
        word: (mean(zones[0]), mean(zones[1]), mean(zones[2]))
        for word, zones in worth.items()
    }


# ---- network ------------------------------------------------------------------------


class Lessons(NamedTuple):
    """The pages as columns, one row per paragraph."""

    names: list[str]
    inputs: Floats
    kept: npt.NDArray[np.int64]
    weights: Floats


def prepare(pages: Sequence[Page], without: frozenset[str]) -> Lessons:
    """Measure all paragraphs, each by what other sites say of the names around it.

    Args:
        pages: All pages.
        without: Sites that must not teach anything.
    """
    worth = weigh_names(count_names([p for p in pages if p.site not in without]))
    columns = []
    for page in pages:
        odds = odds_without(worth, frozenset({page.site}))
        columns.append(measure_page(page.source, page.parts, page.known, odds))
    weights = [
        WEIGHTS.get(page.origin, 1.0)
        * np.sqrt(np.array(page.tokens) + 1)
        / max(sum(page.tokens), 1) ** 0.5
        for page in pages
    ]
    return Lessons(
        names=list(columns[0]),
        inputs=np.concatenate([np.stack([*own.values()], axis=1) for own in columns]),
        kept=np.array([label for page in pages for label in page.kept]),
        weights=np.concatenate(weights).astype(np.float32),
    )


class Trained(NamedTuple):
    """A trained network with one hidden layer."""

    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: float

    def judge(self, inputs: Floats) -> Floats:
        """Return log-odds."""
        table = np.clip((inputs - self.mean) / self.scale, -INPUT_LIMIT, INPUT_LIMIT)
        units = np.maximum(table @ self.hidden + self.hidden_bias, 0)
        odds: Floats = units @ self.output + self.output_bias
        return odds


def train(lessons: Lessons, rows: Flags) -> Trained:
    """Train one network per seed on some rows and put them side by side."""
    inputs = lessons.inputs[rows]
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + np.float32(1e-6)
    rows = rows & (lessons.kept >= 0)
    table = np.clip((lessons.inputs[rows] - mean) / scale, -INPUT_LIMIT, INPUT_LIMIT)
    table = table.astype(np.float32)
    weights = lessons.weights[rows] / lessons.weights[rows].mean()
    answers = lessons.kept[rows].astype(np.float32)
    parts = [_descend(table, answers, weights, seed) for seed in SEEDS]
    return Trained(
        mean,
        scale,
        np.concatenate([part[0] for part in parts], axis=1),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2][:, 0] for part in parts]) / len(parts),
        float(np.mean([part[3][0] for part in parts])),
    )


def _descend(
    table: Floats, answers: Floats, weights: Floats, seed: int
) -> list[Floats]:
    """Minimise the weighted log loss with Adam; the rate falls like a cosine."""
    draw = np.random.default_rng(seed)
    width = table.shape[1]

    def weight(rows: int, columns: int) -> Floats:
        drawn = draw.normal(size=(rows, columns)) * np.sqrt(2 / rows)
        return drawn.astype(np.float32)

    one = np.zeros(1, np.float32)
    state = [weight(width, UNITS), np.zeros(UNITS, np.float32), weight(UNITS, 1), one]
    slow = [np.zeros_like(part) for part in state]
    square = [np.zeros_like(part) for part in state]
    steps = EPOCHS * -(-len(table) // BATCH)
    step = 0
    for _ in range(EPOCHS):
        order = draw.permutation(len(table))
        for at in range(0, len(table), BATCH):
            rows = order[at : at + BATCH]
            stays = draw.random((len(rows), width), dtype=np.float32) > DROPPED
            inputs = table[rows] * stays / np.float32(1 - DROPPED)
            hidden = np.maximum(inputs @ state[0] + state[1], 0)
            odds = (hidden @ state[2] + state[3])[:, 0]
            error = (1 / (1 + np.exp(-odds)) - answers[rows]) * weights[rows]
            error = (error / len(rows))[:, None]
            back = (error @ state[2].T) * (hidden > 0)
            slopes = (
                inputs.T @ back + DECAY * state[0],
                back.sum(axis=0),
                hidden.T @ error + DECAY * state[2],
                error.sum(axis=0),
            )
            step += 1
            rate = RATE * 0.5 * (1 + np.cos(np.pi * step / steps)) + 1e-5
            for part, slope in enumerate(slopes):
                slow[part] = 0.9 * slow[part] + 0.1 * slope
                square[part] = 0.999 * square[part] + 0.001 * slope * slope
                mean = slow[part] / (1 - 0.9**step)
                spread = np.sqrt(square[part] / (1 - 0.999**step)) + 1e-8
                state[part] = (state[part] - rate * mean / spread).astype(np.float32)
    return state


# ---- commands -----------------------------------------------------------------------


def fold_of(page: Page) -> int:
    """Part of the check that the page's site is in."""
    return zlib.crc32(page.site.encode()) % FOLDS


def judge_unseen(pages: Sequence[Page]) -> Floats:
    """Log-odds of every paragraph by a network that has not seen its site."""
    rows = np.array([fold_of(page) for page in pages for _ in page.parts])
    odds = np.zeros(len(rows), np.float32)
    for fold in range(FOLDS):
        sites = frozenset(page.site for page in pages if fold_of(page) == fold)
        lessons = prepare(pages, sites)
        unseen = rows == fold
        odds[unseen] = train(lessons, ~unseen).judge(lessons.inputs[unseen])
    return odds


def check(pages: Sequence[Page]) -> None:
    """Print how well sites are judged that the network has not seen."""
    odds = judge_unseen(pages)
    starts = np.cumsum([0, *(len(page.parts) for page in pages)])
    print("set         pages  precision  recall   (words, mean of the pages)")
    for origin in dict.fromkeys(page.origin for page in pages):
        scores = []
        for number, page in enumerate(pages):
            if page.origin != origin:
                continue
            chosen = odds[starts[number] : starts[number + 1]] > 0
            size, gold = np.array(page.tokens), np.array(page.kept)
            hits = size[chosen & (gold == 1)].sum()
            scores.append(
                (
                    hits / max(size[chosen & (gold >= 0)].sum(), 1),
                    hits / max(size[gold == 1].sum(), 1),
                )
            )
        precision, recall = np.mean(scores, axis=0)
        print(f"{origin:10} {len(scores):6} {precision:10.3f} {recall:7.3f}")


def write(pages: Sequence[Page], path: Path) -> None:
    """Train on everything and write the weights, rounded to whole numbers."""
    lessons = prepare(pages, frozenset())
    trained = train(lessons, np.ones(len(lessons.kept), np.bool_))
    odds = odds_without(weigh_names(count_names(pages)), frozenset())
    data = {
        "names": lessons.names,
        "mean": [float(f"{value:.6g}") for value in trained.mean],
        "scale": [float(f"{value:.6g}") for value in trained.scale],
        "hidden": _whole(trained.hidden, WEIGHT_GRAIN),
        "hidden_bias": _whole(trained.hidden_bias, WEIGHT_GRAIN * INPUT_GRAIN),
        "output": _whole(trained.output, WEIGHT_GRAIN),
        "output_bias": round(trained.output_bias, 4),
        "odds": {word: list(odds[word]) for word in sorted(odds)},
    }
    path.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(lessons.kept):,} paragraphs; wrote {path}")


def _whole(weights: Floats, grain: int) -> list[Any]:
    whole: list[Any] = np.rint(weights.astype(np.float64) * grain).astype(int).tolist()
    return whole


def main() -> None:
    """Read, train, then check or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    pages = read_pages(arguments.shared)
    if arguments.check:
        check(pages)
    else:
        write(pages, DATA)


if __name__ == "__main__":
    main()
