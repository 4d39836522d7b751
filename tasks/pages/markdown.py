"""Markdown and front matter: from source to blocks and claims."""

import datetime as dt
import re
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tasks.pieces import Block, Claim, Page
from tasks.schema import Field, Kind, RemovalReason
from tasks.text.mojibake import has_mojibake
from tasks.text.normalise import normalise_naming

_FRONT_MATTER = re.compile(
    r"\ufeff?(---|\+\+\+)[ \t]*\r?\n(.*?\r?\n)(?:\1|\.\.\.)[ \t]*(?:\r?\n|\Z)",
    re.DOTALL,
)
_PAIR = re.compile(r"(\w[\w-]*)\s*[:=]\s+(\S.*)")
_LINE_START = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")
_PARSER = MarkdownIt("commonmark").enable("table")
_EDGE = re.compile(r"\S(?:.*\S)?", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)

_FRONT_MATTER_FIELDS = {
    "title": Field.TITLE,
    "author": Field.AUTHORS,
    "authors": Field.AUTHORS,
    "date": Field.PUBLISHED_ON,
    "published": Field.PUBLISHED_ON,
    "pubdate": Field.PUBLISHED_ON,
    "publishdate": Field.PUBLISHED_ON,
    "updated": Field.MODIFIED_ON,
    "modified": Field.MODIFIED_ON,
    "lastmod": Field.MODIFIED_ON,
    "publisher": Field.PUBLISHER,
    "site": Field.PUBLISHER,
    "url": Field.URL,
    "permalink": Field.URL,
    "canonical": Field.URL,
    "canonical_url": Field.URL,
    "section": Field.SECTION,
    "category": Field.SECTION,
    "tags": Field.TAGS,
    "keywords": Field.TAGS,
    "lang": Field.LANGUAGE,
    "language": Field.LANGUAGE,
    "translator": Field.TRANSLATOR,
    "source_title": Field.SOURCE_TITLE,
    "source_url": Field.SOURCE_URL,
}
"""Keys of front matter as Jekyll, Hugo and Pandoc document them."""

_SCORE = 0.95

_KINDS = {
    "fence": Kind.CODE,
    "code_block": Kind.CODE,
    "table_open": Kind.TABLE,
    "html_block": Kind.BODY,
}


def read_front_matter(raw: str) -> tuple[Block | None, list[Claim]]:
    """Read YAML front matter at the very start of a text.

    Returns:
        A removed block with its span and one claim per known key; null and nothing if
        there is none or it is not a YAML mapping.
    """
    match = _FRONT_MATTER.match(raw)
    if not match:
        return None, []
    data = _read_pairs(match[2])
    if not data:
        return None, []
    claims = []
    start = match.start()
    end = match.start() + len(match.group().rstrip())
    for key, value in data.items():
        name = str(key).casefold().replace("-", "_")
        field = _FRONT_MATTER_FIELDS.get(name)
        text = _as_text(value)
        if field in {Field.PUBLISHED_ON, Field.MODIFIED_ON}:
            text = _as_date(value)
        if field and text:
            claims.append(
                Claim(field, text, f"front_matter.{name}", _SCORE, start, end)
            )
    block = Block(
        start,
        end,
        raw[start:end],
        reason=RemovalReason.FRONT_MATTER,
        rule_id="front_matter.yaml",
    )
    return block, claims


class _Loader(yaml.SafeLoader):
    """Reads YAML without aliases: a few lines of them can stand for billions."""

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401  # as above it
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def _read_pairs(text: str) -> dict[Any, Any]:
    """Read YAML; where it is broken, lines of key and value, as people write them."""
    try:
        data = yaml.load(text, _Loader)  # noqa: S506  # a safe loader
    except (yaml.YAMLError, ValueError, RecursionError):
        pairs = (_PAIR.match(line) for line in text.splitlines())
        return {pair[1]: pair[2].strip("\"' ") for pair in pairs if pair}
    return data if isinstance(data, dict) else {}


def _as_text(value: Any) -> str:  # noqa: ANN401  (whatever YAML holds)
    if isinstance(value, dict):
        return _as_text(value.get("name"))
    if isinstance(value, list):
        return "; ".join(filter(None, map(_as_text, value)))
    return "" if value is None else " ".join(str(value).split())


def _as_date(value: Any) -> str:  # noqa: ANN401  (whatever YAML holds)
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    match = re.match(r"\d{4}(-\d{2}(-\d{2})?)?(?!\d)", _as_text(value))
    return match.group() if match else ""


def read_markdown(raw: str) -> Page:
    """Read a Markdown article.

    Args:
        raw: Decoded text; may begin with front matter.

    Returns:
        One block per heading, paragraph, list item, quoted paragraph, code block or
        table, with exact spans; the text is that of the span without its marks. The
        first heading of level 1 is a claim for the title.

    Source: CommonMark 0.31 and GitHub tables, read by markdown-it-py.
    """
    front, claims = read_front_matter(raw)
    offset = (front.end_chars or 0) if front else 0
    blocks = [front] if front else []
    body = raw[offset:]
    starts = [0, *(match.start() for match in _LINE_START.finditer(body)), len(body)]
    context = _Context(raw, offset, starts, broken=has_mojibake(raw))
    covered = offset
    for token in _PARSER.parse(body.replace("\r\n", " \n").replace("\r", "\n")):
        context.enter(token)
        if token.map and (block := context.block(token)):
            blocks.extend(context.leftover(covered, block.start_chars or 0))
            blocks.append(block)
            covered = block.end_chars or 0
    blocks.extend(context.leftover(covered, len(raw)))
    return Page(_in_order(blocks), claims)


def _in_order(blocks: list[Block]) -> list[Block]:
    return sorted(blocks, key=lambda block: block.start_chars or 0)


class _Context:
    """Where the parser is: open quotes and lists, and how lines map to positions."""

    def __init__(
        self, raw: str, offset: int, starts: list[int], *, broken: bool
    ) -> None:
        self.raw, self.offset, self.starts, self.broken = raw, offset, starts, broken
        self.quotes = self.lists = self.tables = 0

    def enter(self, token: Token) -> None:
        """Follow the nesting of quotes, lists and tables."""
        step = token.nesting
        self.quotes += step * token.type.startswith("blockquote")
        self.lists += step * token.type.startswith("list_item")
        self.tables += step * token.type.startswith("table")

    def block(self, token: Token) -> Block | None:
        """Return the block that a leaf token of the parser stands for."""
        kind, level = self._kind(token)
        if kind is None or token.map is None:
            return None
        first, last = token.map
        start = self.offset + self.starts[first]
        end = self.offset + self.starts[min(last, len(self.starts) - 1)]
        match = _EDGE.search(self.raw, start, end)
        if not match:
            return None
        text, names = self._normalise(match.group(), kind, token.type)
        if not text:
            return None
        return Block(*match.span(), text, names, kind=kind, level=level)

    def _kind(self, token: Token) -> tuple[Kind | None, int]:
        if token.type == "heading_open":
            return Kind.HEADING, int(token.tag[1:])
        if token.type != "paragraph_open":
            return _KINDS.get(token.type), 0
        if self.tables:
            return None, 0
        if self.quotes:
            return Kind.QUOTE, self.quotes
        return (Kind.LIST_ITEM, self.lists) if self.lists else (Kind.BODY, 0)

    def _normalise(
        self, span: str, kind: Kind, source: str
    ) -> tuple[str, tuple[str, ...]]:
        """Normalise a span and name what changed it."""
        steps = ["html" if source == "html_block" else "markdown"]
        if kind is Kind.TABLE:
            steps = []
        steps += ["mojibake"] * self.broken + ["nfc", "invisible", "spaces"]
        if kind not in {Kind.CODE, Kind.TABLE}:
            steps.append("unwrap")
        return normalise_naming(span, steps)

    def leftover(self, start: int, end: int) -> list[Block]:
        """Account for what the parser gives no text for: rules, comments, raw HTML."""
        match = _EDGE.search(self.raw, start, end)
        if not match:
            return []
        piece = match.group()
        words = any(char.isalnum() for char in _COMMENT.sub("", piece))
        return [
            Block(
                match.start(),
                match.end(),
                piece,
                reason=(
                    RemovalReason.PAGE_FURNITURE if words else RemovalReason.LAYOUT
                ),
                rule_id="markdown.raw" if words else "markdown.marks",
            )
        ]
