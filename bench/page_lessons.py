"""Pages that teach ``fit_pages.py``, their paragraphs labelled.

Of three kinds. Gold pages, whose paragraphs are the article's if most of their words
align with those that a person kept. Pages that nobody labelled: a network trained on
the gold does. And gold articles put between bare tags of many kinds, for a page of
nothing but an article has no frame to tell it from.
"""

import gzip
import html as references
import json
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rapidfuzz.distance import LCSseq

from tasks.pages.pagejson import read_article_body
from tasks.pages.pagemeasures import cut_parts
from tasks.pages.pageopinion import read_opinion
from tasks.pages.pagesource import Part, Source

GOLD = ("fundus", "wcxb", "zyte", "cleaneval")
SILVER = ("trafilatura", "htmldate")
MADE = 200
OTHER = 0.5
MOST_TOKENS = 20_000, 60_000  # of gold, of page
RUN = 4  # tokens that follow each other on page and in gold
_TOKEN = re.compile(
    "[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f]"
    "|[^\\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af\u0e00-\u0e7f]+"
)


class Page(NamedTuple):
    """A page that teaches.

    Attributes:
        origin: Set that it is of, or ``made``.
        name: Its id in the set.
        site: Pages of one site are never both in training and in the check.
        source: The page.
        parts: Its paragraphs.
        told: Text that the page says is its article, folded.
        taken: Text that an extractor takes for it, folded.
        kept: How likely each paragraph is the article's: 1 or 0 of gold; -1 if that is
            open.
        tokens: Words in each paragraph.
    """

    origin: str
    name: str
    site: str
    source: Source
    parts: list[Part]
    told: str
    taken: str
    kept: list[float]
    tokens: list[int]


def read_pages(shared: Path) -> list[Page]:
    """Read the gold and label the paragraphs of its pages."""
    gold = shared / "gold"
    draw = random.Random(7)  # noqa: S311
    pages: list[Page | None] = []
    articles: list[list[str]] = []
    for origin in (*GOLD, *SILVER):
        for row in _rows(gold / f"{origin}.jsonl"):
            html = _read_html(gold / row["file"])
            wanted = row["paragraphs"] if origin in GOLD else None
            articles += [wanted] if wanted else []
            pages.append(_label(origin, row, html, wanted))
    for number in range(MADE):
        row = {"url": None, "id": f"made-{number}"}
        html = _make_page(draw.choice(articles), draw)
        pages.append(_label("made", row, html, None))
    return [page for page in pages if page]


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
    if head and draw.random() < OTHER:
        head = f"<header>{head}{_byline(paragraphs, draw)}</header>"
    foot = draw.choice(["", "<footer>© 2024 <a href='/'>Home</a></footer>"])
    menu = draw.choice(["", "<nav><a href='/'>Home</a> <a href='/b'>News</a></nav>"])
    title = f"<title>{title}</title>"
    return f"<html><head>{title}</head><body>{menu}{head}{body}{foot}</body></html>"


def _byline(paragraphs: Sequence[str], draw: random.Random) -> str:
    """One or two lines between heading and text: who, and when."""
    name = references.escape(" ".join(paragraphs[-1].split()[:2]).title())
    day = (
        f"{draw.randint(1, 28)} {draw.choice(['May', '5.'])} {draw.randint(2000, 2026)}"
    )
    lines = [f"By {name}", f"By <a href='/a'>{name}</a>", name, day, f"{name}, {day}"]
    tag = draw.choice(["p", "div", "span"])
    chosen = draw.sample(lines, draw.randint(1, 2))
    return "".join(f"<{tag}>{line}</{tag}>" for line in chosen)


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

    Of a made page all belongs to the article that stands in no frame.
    """
    source = Source(html)
    parts = cut_parts(source)
    if not parts:
        return None
    said = [_tokens(source.read(start, end)) for start, end, _ in parts]
    kept: list[float] = [-1] * len(parts)
    if origin == "made":
        frames = ({outer.name for outer in part[2].element.path()} for part in parts)
        around = {"nav", "footer", "header", "h1"}
        kept = [float(names.isdisjoint(around)) for names in frames]
    elif paragraphs is not None:
        shares = _align(said, _tokens("\n\n".join(paragraphs)))
        kept = [
            float(share >= 0.5) if tokens else -1  # noqa: PLR2004
            for share, tokens in zip(shares, said, strict=True)
        ]
    taken = read_opinion(source, parts)
    told, sizes = read_article_body(html), [len(tokens) for tokens in said]
    return Page(origin, row["id"], _site(row), source, parts, told, taken, kept, sizes)


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
