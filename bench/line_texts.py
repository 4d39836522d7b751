"""Texts with known lines, made of the gold pages, for ``bench/fit_lines.py``.

Three kinds of texts teach. Gold pages, saved as plain text in several ways (see
``page_text``), with the lines that a person kept. Pages without such gold, where the
lines of the pipeline's own reading of the HTML count for less. And texts in which all
belongs to the article: the gold articles alone, and their sentences laid out as poems,
interviews, recipes, lists and notes, for a short line is no sign of a menu by itself.
"""

import gzip
import json
import random
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lxml.etree import ParserError
from page_text import find_around, flatten, parse_page, squash, wrap, write_text

from tasks.clean import Article, clean_text, read_drafts
from tasks.pieces import Block
from tasks.schema import Field, Kind, Markup, RemovalReason

GOLD, SILVER = ("fundus", "wcxb", "zyte", "cleaneval"), ("trafilatura", "htmldate")
SHARES = {"flat": 0.5, "tight": 0.5, "full_flat": 0.4, "alone": 0.6, "alone_flat": 0.6}
"""Share of the pages that teach in this form; in the other forms all do."""
MADE = 420
FEW_PARAGRAPHS, FEW_SENTENCES = 3, 6
TITLED = 0.5


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
        for row in read_rows(gold / f"{origin}.jsonl"):
            paragraphs, title = row["paragraphs"], row.get("title") or ""
            forms = saved.get(row["id"]) or dict(_save_page(gold, row, paragraphs))
            forms["full_flat"] = flatten(forms["full"])
            head = [title] if title and draw.random() < TITLED else []
            forms["alone"] = "\n\n".join([*head, *paragraphs])
            forms["alone_flat"] = "\n".join([*head, *paragraphs])
            articles.append(paragraphs)
            page = Known(origin, read_site(row), paragraphs, title)
            texts += (
                label_text(page, form, text)
                for form, text in forms.items()
                if form == "full" or draw.random() < SHARES.get(form, 1)
            )
    texts += _read_silver(gold)
    texts += _make_texts(articles, draw)
    return texts


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a JSONL file."""
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def read_site(row: dict[str, Any]) -> str:
    """Return the site of a row of gold: the last two parts of its host."""
    host = urlsplit(row.get("url") or "").hostname or row["id"]
    return ".".join(host.split(".")[-2:])


def _read_saved(gold: Path, origin: str) -> dict[str, dict[str, str]]:
    """Return the texts that come with the gold, by page and form."""
    path = gold / f"{origin}-txt.jsonl"
    saved: dict[str, dict[str, str]] = {}
    for row in read_rows(path) if path.exists() else ():
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
        for row in read_rows(gold / f"{origin}.jsonl"):
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
            page = Known("silver", read_site(row), paragraphs, title)
            for form, text in forms.items():
                yield label_text(page, form, text)


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
    blocks = read_drafts([Article(text, Markup.TEXT, [])])[0].blocks
    return [block for block in blocks if block.reason is not RemovalReason.LAYOUT]


class Known(NamedTuple):
    """What is known of a page: where it is from, its paragraphs, its title or none."""

    origin: str
    site: str
    paragraphs: Sequence[str]
    title: str


def label_text(page: Known, form: str, text: str) -> Text:
    """Cut a text into blocks and say which are of the article."""
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
