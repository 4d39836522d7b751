"""Web pages saved as plain text, the way people and crawlers save them.

Makes training texts for ``bench/fit_lines.py`` out of HTML: the whole page, or the
smallest element around the article with whatever stands in it. Paragraphs and headings
stand between blank lines, other block elements on lines of their own, list items behind
an asterisk.
"""

import re
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import lxml.html

_UNSEEN = frozenset(
    "script style noscript template head svg iframe object canvas select option"  # noqa: SIM905
    " textarea video audio math".split()
)
_PARAGRAPHS = frozenset(
    "p h1 h2 h3 h4 h5 h6 figure blockquote pre hr table dl fieldset".split()  # noqa: SIM905
)
_LINES = frozenset(
    "div section article main header footer nav aside ul ol li tr figcaption form dt dd"  # noqa: SIM905
    " address details summary body legend caption thead tbody center menu".split()
)
_BULLET = "\x00"
_SPACES = re.compile(r"\s+")
_BULLETS = re.compile(rf"(?:{_BULLET}\s*)+")
_NO_LETTER = re.compile(r"[\W_]+")
_CHARSET = re.compile(rb"charset=[\"']?([\w-]+)")
_XML = re.compile(r"^\s*<\?xml[^>]*\?>")
_SAID_CHARS, _KNOWN_CHARS = 25, 60
_ENOUGH = 0.5
_COLUMNS = 72


def parse_page(raw: bytes) -> Any:  # noqa: ANN401  # lxml has no types
    """Parse a page and return its body."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        found = _CHARSET.search(raw[:3000])
        try:
            text = raw.decode(found[1].decode() if found else "cp1252", "replace")
        except LookupError:
            text = raw.decode("cp1252", "replace")
    root = lxml.html.document_fromstring(_XML.sub("", text))
    body = root.find("body")
    return root if body is None else body


def write_text(element: Any) -> str:  # noqa: ANN401
    """Return the text of an element with its line breaks."""
    lines: list[str] = []
    line, gap = "", 0
    for piece in _pieces(element):
        if piece.strip("\n"):
            line += piece
            continue
        bare = _BULLETS.sub("* ", _SPACES.sub(" ", line).strip())
        if bare.strip("* "):
            if lines and gap > 1:
                lines.append("")
            lines.append(bare)
            line, gap = "", 0
        gap = max(gap, len(piece))
    return "\n".join(lines)


def _pieces(element: Any) -> Iterator[str]:  # noqa: ANN401
    yield "\n\n"
    yield from _walk(element)
    yield "\n\n"


def _walk(element: Any) -> Iterator[str]:  # noqa: ANN401
    tag = element.tag
    if not isinstance(tag, str) or tag in _UNSEEN:
        return
    if tag == "br":
        yield "\n"
        return
    edge = "\n\n" if tag in _PARAGRAPHS else "\n" if tag in _LINES else ""
    if edge:
        yield edge
    if tag == "li":
        yield _BULLET
    if tag in {"td", "th"}:
        yield " "
    if element.text:
        yield _SPACES.sub(" ", element.text)
    for child in element:
        yield from _walk(child)
        if child.tail:
            yield _SPACES.sub(" ", child.tail)
    if edge:
        yield edge


def find_around(body: Any, paragraphs: Sequence[str]) -> Any | None:  # noqa: ANN401
    """Return the smallest element that holds the paragraphs, or nothing.

    Paragraphs of a few words, and those the page does not hold, do not count.
    """
    known: dict[Any, str] = {}

    def said(element: Any) -> str:  # noqa: ANN401
        if element not in known:
            is_seen = isinstance(element.tag, str) and element.tag not in _UNSEEN
            known[element] = squash(" ".join(element.itertext())) if is_seen else ""
        return known[element]

    wanted = [squash(text)[:_KNOWN_CHARS] for text in paragraphs]
    wanted = [text for text in wanted if len(text) >= _SAID_CHARS]
    found = [text for text in wanted if text in said(body)]
    if len(found) < max(1, len(wanted) * _ENOUGH):
        return None
    while True:
        inner = (c for c in body if all(text in said(c) for text in found))
        child = next(inner, None)
        if child is None or child.tag in {"p", "span", "h1"}:
            return body
        body = child


def squash(text: str) -> str:
    """Letters and digits only, without case: survives wrapping, quotes and dashes."""
    return _NO_LETTER.sub("", unicodedata.normalize("NFKC", text).casefold())


def flatten(text: str) -> str:
    """Drop the blank lines."""
    return "\n".join(line for line in text.split("\n") if line.strip())


def wrap(text: str) -> str:
    """Break lines at 72 columns."""
    return "\n".join(
        "\n".join(
            textwrap.wrap(
                line, _COLUMNS, break_long_words=False, break_on_hyphens=False
            )
        )
        for line in text.split("\n")
    )
