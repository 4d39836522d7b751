"""What a page says of its article in JSON-LD (schema.org)."""

import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from tasks.pages.pagesource import fold
from tasks.text.normalise import compose

_Json: TypeAlias = "dict[str, _Json] | list[_Json] | str | int | float | bool | None"
_Node: TypeAlias = dict[str, _Json]

_ARTICLE_TYPE = re.compile(
    r"Article$|^(?:Blog|SocialMedia|DiscussionForum|LiveBlog)Posting$|^Report$|^Recipe$"
    r"|^(?:Critic)?Review$|^HowTo$"
)
_PAGE_TYPE = re.compile(r"^(?:Item|About|FAQ|Medical)?(?:Web)?Page$|^VideoObject$")
_TEASERS = frozenset({"itemListElement", "hasPart", "isRelatedTo", "comment", "review"})
_ORIGINALS = ("isBasedOn", "translationOfWork")
_ADDRESSES = frozenset({"url", "mainEntityOfPage", *_ORIGINALS})
_PROPERTIES = (
    "headline",
    "name",
    "author",
    "creator",
    "datePublished",
    "dateCreated",
    "dateModified",
    "publisher",
    "url",
    "mainEntityOfPage",
    "articleSection",
    "keywords",
    "inLanguage",
    "translator",
    *_ORIGINALS,
)
_MAX_DEPTH = 20
_BODY = re.compile(r'"articleBody"\s*:\s*("(?:[^"\\]|\\.)*+")', re.DOTALL)
_NO_TEXT = re.compile(  # bounded, so that time grows with the length only
    r"<[^<>]{0,999}>|\\u003c.{0,999}?\\u003e|&lt;.{0,999}?&gt;|(?<=\])\([^()]{0,999}\)",
    re.IGNORECASE | re.DOTALL,
)
_END = re.compile(r"(?<=[.!?\u2026])\s+|(?:\\[nrt]|[\r\n\t])+")  # of a sentence or line
_NO_LETTERS = re.compile(r"[\W_]+")
_CHUNK = 20  # letters
_MOST = 0.5
_GAP = re.compile(
    r"\s*(?:(?:\\[nr]|[\r\n]|(?:<|\\u003c)\\?/?(?:p|br|div|h\d|li|ul|ol|blockquote)\b"
    r"[^<>]{0,999}?(?:>|\\u003e))\s*)+",
    re.IGNORECASE,
)
_MIN_UNSEEN = 40  # letters
_TAG = re.compile(r"<[^>]*>")


def read_json_ld(scripts: Iterable[str]) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Find the page's article, or else the page itself, and read its properties.

    Args:
        scripts: Texts of the ``application/ld+json`` scripts; broken ones are skipped.

    Returns:
        ``"jsonld"`` or ``"jsonld_page"``, and the texts of each property; of people,
        organisations and sections their names. Empty if there is neither.

    Examples:
        >>> read_json_ld(['{"@type": "Article", "author": [{"name": "A"}, "B"]}'])
        ('jsonld', {'author': ('A', 'B')})
    """
    nodes = [node for script in scripts for node in _nodes(_load(script))]
    by_id: dict[str, _Node] = {}
    for node in nodes:
        key = node.get("@id")
        if isinstance(key, str) and len(node) > len(by_id.get(key, {})):
            by_id[key] = node
    for group, pattern in (("jsonld", _ARTICLE_TYPE), ("jsonld_page", _PAGE_TYPE)):
        for node in nodes:
            if _has_type(node, pattern):
                found = {
                    name: tuple(_strings(node.get(name), name, by_id))
                    for name in _PROPERTIES
                }
                return group, {name: texts for name, texts in found.items() if texts}
    return "jsonld", {}


def read_article_body(source: str) -> str:
    """Text of the longest ``articleBody`` on a page, folded; empty if there is none.

    Args:
        source: The whole page: its scripts need not be found first.
    """
    bodies = (
        fold(html.unescape(_TAG.sub(" ", str(_load(match[1])))))
        for match in _BODY.finditer(source)
    )
    return max(bodies, key=len, default="")


def find_unseen(source: str, seen: str) -> Iterator[tuple[int, int]]:
    """Find what the longest ``articleBody`` says and the rest of the page does not.

    Args:
        source: The whole page.
        seen: Its visible text, folded.

    Yields:
        Places in ``source``, still written as JSON: runs of sentences of some length.
    """
    match = max(_BODY.finditer(source), key=lambda body: len(body[1]), default=None)
    if match is None:
        return
    known = ""  # letters of what is seen; mostly not needed
    start, end = match.start(1) + 1, match.end(1) - 1
    # Tags and the addresses of links are none of the text, but keep their places.
    text = _NO_TEXT.sub(lambda part: " " * len(part[0]), source[start:end])
    run: tuple[int, int] | None = None
    ends = [*_END.finditer(text)]
    starts = [0, *(end.end() for end in ends)]
    for low, high in zip(
        starts, [*(end.start() for end in ends), len(text)], strict=True
    ):
        sentence = _unescape(str(_load(f'"{text[low:high]}"') or ""))
        said = _letters(sentence)
        if len(said) < _MIN_UNSEEN:
            continue
        is_seen = fold(sentence) in seen
        if not is_seen:
            known = known or _letters(seen)
            chunks = [said[at : at + _CHUNK] for at in range(0, len(said), _CHUNK)]
            # Other words may have got into a sentence: of a link or of a teaser.
            is_seen = sum(chunk in known for chunk in chunks) >= _MOST * len(chunks)
        if not is_seen:
            run = run[0] if run else start + low, start + high
        elif run:
            yield run
            run = None
    if run:
        yield run


def cut_body(source: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a piece of an ``articleBody`` at its line breaks and block elements."""
    for gap in _GAP.finditer(source, start, end):
        if start < gap.start():
            yield start, gap.start()
        start = gap.end()
    if start < end:
        yield start, end


def _unescape(text: str) -> str:
    """Text without references, which some systems write twice (``&amp;quot;``)."""
    for _ in range(2):
        text = html.unescape(text)
    return text


def _letters(text: str) -> str:
    return _NO_LETTERS.sub("", compose(text).casefold())


def _load(text: str) -> _Json:
    """JSON of a script; what a template put around or into it is forgiven."""
    text = text.strip().removeprefix("<![CDATA[").removesuffix("]]>").strip()
    value: _Json = None
    for attempt in (text, html.unescape(text), text.rstrip(";")):
        try:
            value = json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
        break
    return value


def _nodes(value: _Json, depth: int = 0) -> Iterator[_Node]:
    """Every object of the page's own JSON-LD, outermost first; no teasers."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _nodes(item, depth + 1)
    elif isinstance(value, dict):
        yield value
        for name, child in value.items():
            if name not in _TEASERS and isinstance(child, (dict, list)):
                yield from _nodes(child, depth + 1)


def _has_type(node: _Node, pattern: re.Pattern[str]) -> bool:
    types = node.get("@type")
    return any(
        isinstance(name, str) and pattern.search(name.rpartition("/")[2])
        for name in (types if isinstance(types, list) else [types])
    )


def _strings(value: _Json, name: str, by_id: dict[str, _Node]) -> Iterator[str]:
    """Texts of a property: a text, an object with a name, or a list of these."""
    if isinstance(value, list):
        for item in value:
            if not isinstance(item, list):
                yield from _strings(item, name, by_id)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        key = value.get("@id")
        if name in _ADDRESSES:
            texts: _Json = key or value.get("url")
        else:
            node = by_id.get(key, value) if isinstance(key, str) else value
            texts = value.get("name") or node.get("name")
        for text in texts if isinstance(texts, list) else [texts]:
            if isinstance(text, str):
                yield text
