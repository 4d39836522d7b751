"""Train the network that tells page from article in plain text; write its weights.

    python bench/fit_lines.py [--shared ../shared] [--check]

Uses the development half of the gold pages only, and NumPy only; takes some minutes.
With ``--check`` nothing is written: three networks are trained, each without a third of
the sites, and judged on the sites they have not seen.

Three kinds of texts teach it. Gold pages, saved as plain text in several ways (see
``page_text``), with the lines that a person kept. Pages without such gold, where the
lines of the pipeline's own reading of the HTML count for less. And texts in which all
belongs to the article: the gold articles alone, and their sentences laid out as poems,
interviews, recipes, lists and notes, for a short line is no sign of a menu by itself.

Deterministic on one machine. The weights are rounded to whole numbers, so that the
answers of one file of weights are the same everywhere.
"""

import argparse
import gzip
import json
import os
import random
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: more cost more

import numpy as np
import numpy.typing as npt
from lxml.etree import ParserError
from page_text import find_around, flatten, parse_page, squash, wrap, write_text

from tasks.clean import Article, clean_text, read_draft
from tasks.pieces import Block
from tasks.schema import Field, Kind, Markup, RemovalReason
from tasks.text.furniture import INPUT_GRAIN, INPUT_LIMIT, WEIGHT_GRAIN
from tasks.text.measures import measure_blocks
from tasks.text.titles import could_be_title

DATA = Path(__file__).parents[1] / "tasks" / "data" / "lines.json"
GOLD, SILVER = ("fundus", "wcxb", "zyte", "cleaneval"), ("trafilatura", "htmldate")
WEIGHTS = {"fundus": 1.5, "cleaneval": 0.5, "silver": 0.5, "made": 0.5}
SHARES = {"flat": 0.5, "tight": 0.5, "full_flat": 0.4, "alone": 0.6, "alone_flat": 0.6}
"""Share of the pages that teach in this form; in the other forms all do."""
SEEDS = (0, 1)
UNITS = {"article": 32, "title": 24}
EPOCHS = {"article": 6, "title": 10}
BATCH, RATE, DECAY, DROPPED = 512, 2e-3, 5e-4, 0.15
MADE = 420
FEW_PARAGRAPHS, FEW_SENTENCES = 3, 6
TITLED = 0.5
THRESHOLDS = {"sure": -1.5, "caption": -3.0, "heading": -1.5}
FOLDS = 3

Floats = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


class Text(NamedTuple):
    """A text that teaches.

    Attributes:
        origin: Gold set, ``silver`` or ``made``.
        site: Texts of one site are never both in training and in the check.
        form: How it was saved.
        blocks: What ``clean`` judges.
        kept: 1 if the block is part of the article, 0 if not, -1 if that is open.
        titles: 1 if the block is the title; -1 where that is unknown.
    """

    origin: str
    site: str
    form: str
    blocks: list[Block]
    kept: list[int]
    titles: list[int]


# ---- texts --------------------------------------------------------------------------


def read_texts(shared: Path) -> list[Text]:
    """Read the gold, save its pages as text, and label the blocks."""
    draw = random.Random(7)  # noqa: S311
    gold = shared / "gold"
    texts: list[Text] = []
    articles: list[list[str]] = []
    for origin in GOLD:
        saved = _read_saved(gold, origin)
        for row in _rows(gold / f"{origin}.jsonl"):
            paragraphs, title = row["paragraphs"], row.get("title") or ""
            forms = saved.get(row["id"]) or dict(_save_page(gold, row, paragraphs))
            forms["full_flat"] = flatten(forms["full"])
            head = [title] if title and draw.random() < TITLED else []
            forms["alone"] = "\n\n".join([*head, *paragraphs])
            forms["alone_flat"] = "\n".join([*head, *paragraphs])
            articles.append(paragraphs)
            page = Known(origin, _site(row), paragraphs, title)
            texts += (
                _label(page, form, text)
                for form, text in forms.items()
                if form == "full" or draw.random() < SHARES.get(form, 1)
            )
    texts += _read_silver(gold)
    texts += _make_texts(articles, draw)
    return texts


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _site(row: dict[str, Any]) -> str:
    host = urlsplit(row.get("url") or "").hostname or row["id"]
    return ".".join(host.split(".")[-2:])


def _read_saved(gold: Path, origin: str) -> dict[str, dict[str, str]]:
    """Return the texts that come with the gold, by page and form."""
    path = gold / f"{origin}-txt.jsonl"
    saved: dict[str, dict[str, str]] = {}
    for row in _rows(path) if path.exists() else ():
        page = row["gold_of"].partition("/")[2]
        text = (gold / row["file"]).read_text(encoding="utf-8")
        if row["variant"] != "wrap":  # once joined it is as `lca`
            saved.setdefault(page, {})[row["variant"]] = text
    return saved


def _save_page(
    gold: Path, row: dict[str, Any], paragraphs: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield the forms of a page that comes without texts."""
    body = parse_page(gzip.decompress((gold / row["file"]).read_bytes()))
    yield "full", write_text(body)
    around = find_around(body, paragraphs)
    if around is not None:
        text = write_text(around)
        yield from {
            "lca": text,
            "flat": flatten(text),
            "tight": flatten(wrap(text)),
        }.items()


def _read_silver(gold: Path) -> Iterator[Text]:
    """Yield texts labelled by what the pipeline reads in the HTML."""
    seen: set[str] = set()
    for origin in SILVER:
        for row in _rows(gold / f"{origin}.jsonl"):
            if row["url"] in seen or not row["file"].endswith(".html.gz"):
                continue
            seen.add(row["url"])
            raw = gzip.decompress((gold / row["file"]).read_bytes())
            html = raw.decode("utf-8", "replace")
            blocks, claims = clean_text(html, Markup.HTML, [])
            paragraphs = [
                block.text
                for block in blocks
                if block.reason is None and block.kind is not Kind.CAPTION
            ]
            if len(paragraphs) < FEW_PARAGRAPHS:
                continue
            named = (claim.value for claim in claims if claim.field is Field.TITLE)
            title = row.get("title") or next(named, "")
            try:
                forms = dict(_save_page(gold, row, paragraphs))
            except ParserError:  # an empty page
                continue
            forms.pop("tight", None)
            page = Known("silver", _site(row), paragraphs, title)
            for form, text in forms.items():
                yield _label(page, form, text)


def _make_texts(articles: list[list[str]], draw: random.Random) -> Iterator[Text]:
    """Yield texts of unusual form in which every line belongs to the article."""
    for number in range(MADE):
        paragraphs = draw.choice(articles)
        sentences = [
            sentence
            for paragraph in paragraphs
            for sentence in re.split(r"(?<=[.!?。])\s+", paragraph)
            if len(sentence) > len("Er sagte nichts.")
        ]
        if len(sentences) < FEW_SENTENCES:
            continue
        make = _FORMS[number % len(_FORMS)]
        blocks = _read_blocks(make(sentences, draw))
        site = str(zlib.crc32(paragraphs[0].encode()))
        all_kept = [1] * len(blocks)
        yield Text("made", site, make.__name__, blocks, all_kept, [0] * len(blocks))


def _poem(sentences: list[str], draw: random.Random) -> str:
    words = " ".join(sentences[: draw.randint(3, 14)]).split()
    lines = []
    while words:
        length = draw.randint(3, 8)
        line = " ".join(words[:length])
        del words[:length]
        line = line.rstrip(".,;:") if draw.random() < TITLED else line
        lines.append(line[:1].upper() + line[1:])
    size = draw.choice([2, 3, 4, 4, 4, 5])
    stanzas = ["\n".join(lines[at : at + size]) for at in range(0, len(lines), size)]
    return draw.choice(["\n", "\n\n", "\n\n"]).join(stanzas)


def _interview(sentences: list[str], draw: random.Random) -> str:
    names = ["Anna", "Herr Berg", "Q", "A", "María", "Chen", "Prof. Klein"]
    asks, answers = draw.sample(names, 2)
    turns = []
    for at in range(0, min(len(sentences) - 3, 30), 3):
        turns.append(f"{asks}: {sentences[at][: draw.randint(30, 140)]}")
        answer = " ".join(sentences[at + 1 : at + draw.randint(2, 4)])
        turns.append(f"{answers}: {answer}")
    return "\n\n".join(turns)


def _recipe(sentences: list[str], draw: random.Random) -> str:
    items = []
    mark = draw.choice(["* ", "- ", "• ", ""])
    for sentence in sentences[1 : draw.randint(5, 12)]:
        words = " ".join(sentence.split()[: draw.randint(1, 5)])
        amount = draw.choice(["200 g", "1 TL", "2 cups", "3", "½"])
        items.append(f"{mark}{amount} {words}")
    steps = [f"{at}. {sentence}" for at, sentence in enumerate(sentences[5:14], 1)]
    parts = [sentences[0], "Ingredients", "\n".join(items), "\n".join(steps)]
    return "\n\n".join(parts)


def _brief(sentences: list[str], draw: random.Random) -> str:
    return "\n\n".join(sentences[: draw.randint(1, 4)])


def _lists(sentences: list[str], draw: random.Random) -> str:
    parts = []
    for at in range(0, min(len(sentences) - 6, 40), 7):
        parts.append(" ".join(sentences[at].split()[: draw.randint(2, 6)]))
        parts.append(sentences[at + 1])
        items = sentences[at + 2 : at + 2 + draw.randint(2, 5)]
        cut = (" ".join(item.split()[: draw.randint(2, 14)]) for item in items)
        parts.append("\n".join(f"* {item}" for item in cut))
    return "\n\n".join(parts)


def _talk(sentences: list[str], draw: random.Random) -> str:
    lines = []
    for sentence in sentences[:25]:
        words = " ".join(sentence.split()[: draw.randint(2, 12)])
        begin = draw.choice(["– ", "— ", "„", ""])
        lines.append(begin + words + draw.choice([".", "!", "?", "", ".", "“"]))
    return "\n".join(lines)


_FORMS = (_poem, _interview, _recipe, _brief, _lists, _talk, _poem)


def _read_blocks(text: str) -> list[Block]:
    blocks = read_draft(Article(text, Markup.TEXT, [])).blocks
    return [block for block in blocks if block.reason is not RemovalReason.LAYOUT]


class Known(NamedTuple):
    """What is known of a page: where it is from, its paragraphs, its title or none."""

    origin: str
    site: str
    paragraphs: Sequence[str]
    title: str


def _label(page: Known, form: str, text: str) -> Text:
    blocks = _read_blocks(text)
    said = [squash(block.text) for block in blocks]
    name = squash(page.title)
    is_title = [bool(name) and own == name for own in said]
    found = _find(said, page.paragraphs)
    kept = [
        -1 if names or not own else int(is_found)
        for own, names, is_found in zip(said, is_title, found, strict=True)
    ]
    # What has no known title teaches about titles only if nothing is left of the page.
    is_known = any(is_title) or form.startswith("alone")
    titles = [int(names) if is_known else -1 for names in is_title]
    return Text(page.origin, page.site, form, blocks, kept, titles)


def _find(said: list[str], paragraphs: Sequence[str]) -> Iterator[bool]:
    """Say for each block whether it is in a paragraph, or holds mostly paragraphs.

    A block of a few letters counts only as a whole paragraph or beside its neighbour.
    """
    wanted = [text for text in map(squash, paragraphs) if text]
    whole, joined = set(wanted), "\0".join(wanted)
    few = len("of a few letters counts")
    for at, own in enumerate(said):
        if own in whole or (len(own) >= few and own in joined):
            yield True
        elif len(own) < few:
            above = said[at - 1][-few:] if at else ""
            below = said[at + 1][:few] if at + 1 < len(said) else ""
            yield (len(above) > few // 2 and above + own in joined) or (
                len(below) > few // 2 and own + below in joined
            )
        else:
            parts = (text for text in whole if len(text) > few / 2 and text in own)
            inside = sum(map(len, parts))
            yield inside * 5 >= len(own) * 3


# ---- network ------------------------------------------------------------------------


class Lessons(NamedTuple):
    """The texts as columns, one row per block."""

    names: list[str]
    inputs: Floats
    kept: npt.NDArray[np.int64]
    titles: npt.NDArray[np.int64]
    weights: Floats
    folds: npt.NDArray[np.int64]
    is_open: Flags  # no rule has removed it
    could_be_title: Flags


def prepare(texts: list[Text]) -> Lessons:
    """Measure all blocks of the texts."""
    columns = measure_blocks([text.blocks for text in texts])
    blocks = [block for text in texts for block in text.blocks]
    sizes = [len(text.blocks) for text in texts]
    weights = [WEIGHTS.get(t.origin, 1) / max(len(t.blocks), 1) ** 0.5 for t in texts]
    folds = [zlib.crc32(text.site.encode()) % FOLDS for text in texts]
    return Lessons(
        names=list(columns),
        inputs=np.stack([*columns.values()], axis=1).astype(np.float32),
        kept=np.array([label for text in texts for label in text.kept]),
        titles=np.array([label for text in texts for label in text.titles]),
        weights=np.repeat(weights, sizes).astype(np.float32),
        folds=np.repeat(folds, sizes),
        is_open=np.array([block.reason is None for block in blocks]),
        could_be_title=np.array([could_be_title(block) for block in blocks]),
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


def train(lessons: Lessons, task: str, rows: Flags) -> Trained:
    """Train one network per seed on some rows and put them side by side."""
    labels = lessons.titles if task == "title" else lessons.kept
    mean, scale = _spread(lessons, rows)
    rows = rows & (labels >= 0)
    if task == "title":
        rows &= lessons.could_be_title & lessons.is_open
    table = (lessons.inputs[rows] - mean) / scale
    table = np.clip(table, -INPUT_LIMIT, INPUT_LIMIT)
    answers = labels[rows].astype(np.float32)
    weights = lessons.weights[rows]
    if task == "title":
        weights = weights * (1 + answers)  # there is one title, and many other lines
    weights = weights / weights.mean()
    parts = [_descend((table, answers, weights), task, seed) for seed in SEEDS]
    return Trained(
        mean,
        scale,
        np.concatenate([part[0] for part in parts], axis=1),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2][:, 0] for part in parts]) / len(parts),
        float(np.mean([part[3][0] for part in parts])),
    )


def _spread(lessons: Lessons, rows: Flags) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of every column."""
    inputs = lessons.inputs[rows]
    return inputs.mean(axis=0), inputs.std(axis=0) + np.float32(1e-6)


def _descend(
    examples: tuple[Floats, Floats, Floats], task: str, seed: int
) -> list[Floats]:
    """Minimise the weighted log loss with Adam; the rate falls like a cosine."""
    table, answers, weights = examples
    units, epochs = UNITS[task], EPOCHS[task]
    draw = np.random.default_rng(seed)
    width = table.shape[1]

    def weight(rows: int, columns: int) -> Floats:
        drawn = draw.normal(size=(rows, columns)) * np.sqrt(2 / rows)
        return drawn.astype(np.float32)

    one = np.zeros(1, np.float32)
    state = [weight(width, units), np.zeros(units, np.float32), weight(units, 1), one]
    slow = [np.zeros_like(part) for part in state]
    square = [np.zeros_like(part) for part in state]
    steps = epochs * -(-len(table) // BATCH)
    step = 0
    for _ in range(epochs):
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


def check(texts: list[Text], lessons: Lessons) -> None:
    """Print how well sites are judged that the network has not seen."""
    odds = np.zeros(len(lessons.kept), np.float32)
    titles = np.zeros(len(lessons.kept), np.float32)
    for fold in range(FOLDS):
        unseen = lessons.folds == fold
        for task, found in (("article", odds), ("title", titles)):
            found[unseen] = train(lessons, task, ~unseen).judge(lessons.inputs[unseen])
    titles[~(lessons.could_be_title & lessons.is_open)] = -np.inf
    starts = np.cumsum([0, *(len(text.blocks) for text in texts)])
    kept = lessons.is_open & (odds >= 0)
    print("set        form         texts  precision  recall  titles  right  wrong")
    for origin, form in sorted({(text.origin, text.form) for text in texts}):
        chosen = [
            slice(starts[at], starts[at + 1])
            for at, text in enumerate(texts)
            if (text.origin, text.form) == (origin, form) and text.blocks
        ]
        scores = [_score(kept[own], lessons.kept[own]) for own in chosen]
        precision, recall = np.mean(scores, axis=0)
        named = [own for own in chosen if (lessons.titles[own] == 1).any()]
        best = [titles[own].argmax() for own in named]
        claimed = [titles[own][at] >= 0 for own, at in zip(named, best, strict=True)]
        right = [
            lessons.titles[own][at] == 1 for own, at in zip(named, best, strict=True)
        ]
        hits = sum(c and r for c, r in zip(claimed, right, strict=True))
        print(
            f"{origin:10} {form:12} {len(chosen):5} {precision:10.3f} {recall:7.3f}"
            f" {len(named):7} {hits:6} {sum(claimed) - hits:6}"
        )


def _score(kept: Flags, gold: npt.NDArray[np.int64]) -> tuple[float, float]:
    hits = int((kept & (gold == 1)).sum())
    given, wanted = int((kept & (gold >= 0)).sum()), int((gold == 1).sum())
    return hits / max(given, 1), hits / max(wanted, 1)


def write(lessons: Lessons, path: Path) -> None:
    """Train on everything and write the weights, rounded to whole numbers.

    The networks stand side by side: each output sees its own hidden units only.
    """
    everything = np.ones(len(lessons.kept), np.bool_)
    parts = [train(lessons, task, everything) for task in UNITS]
    sizes = [len(part.output) for part in parts]
    output = np.zeros((sum(sizes), len(parts)), np.float32)
    for at, part in enumerate(parts):
        first = sum(sizes[:at])
        output[first : first + sizes[at], at] = part.output
    data = {
        "names": lessons.names,
        "mean": [float(f"{value:.6g}") for value in parts[0].mean],
        "scale": [float(f"{value:.6g}") for value in parts[0].scale],
        "hidden": _whole(np.concatenate([p.hidden for p in parts], 1), WEIGHT_GRAIN),
        "hidden_bias": _whole(
            np.concatenate([p.hidden_bias for p in parts]), WEIGHT_GRAIN * INPUT_GRAIN
        ),
        "output": _whole(output, WEIGHT_GRAIN),
        "output_bias": [round(part.output_bias, 4) for part in parts],
        **THRESHOLDS,
    }
    path.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{len(lessons.kept):,} blocks; wrote {path}")


def _whole(weights: Floats, grain: int) -> list[Any]:
    whole: list[Any] = np.rint(weights.astype(np.float64) * grain).astype(int).tolist()
    return whole


def main() -> None:
    """Read, train, then check or write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    texts = read_texts(arguments.shared)
    lessons = prepare(texts)
    if arguments.check:
        check(texts, lessons)
    else:
        write(lessons, DATA)


if __name__ == "__main__":
    main()
