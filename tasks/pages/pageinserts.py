"""Inserts: what pages put between the paragraphs of an article.

Told by what the page itself calls them (``tasks/data/page_inserts.toml``), by saying
the same at length again and again, and by being articles inside the article.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path

from tasks.pages.pagesource import Element, Part

_NAMES = re.compile(
    r"""\b(?:class|id)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_NUMBERED = re.compile(r"\b(?:post|article|entry|node|story)-\d+\b")
_MAX_LEVELS = 4  # further out is the frame of the page
_MAX_INSERT_CHARS = 3000
_MAX_SHARE = 0.6  # of the article
_LONG_CHARS = 100
_REPEATED = 3
_KNOWN = 65_536  # attributes, which pages of one site share


def find_inserts(parts: Sequence[Part], text: str) -> set[int]:
    """Find the parts of an article that are inserts.

    Args:
        parts: Range in ``Source.text`` and segment of each part, in order.
        text: ``Source.text``.

    Returns:
        Their numbers. The first long part of the article is never among them.
    """
    first = next((n for n, part in enumerate(parts) if _is_long(part)), None)
    if first is None:
        return set()
    found = _find_named(parts)
    found |= _find_teasers(parts, first)
    found |= _find_repeated(parts, text)
    return found - {first}


def _is_long(part: Part) -> bool:
    return part[1] - part[0] >= _LONG_CHARS


def _find_named(parts: Sequence[Part]) -> set[int]:
    """Parts in elements named as inserts; none if they are a good part of the text.

    Then the page names its own content so, as a review does with its products.
    """
    sizes = {
        number: end - start
        for number, (start, end, segment) in enumerate(parts)
        if any(
            element.end - element.start <= _MAX_INSERT_CHARS
            and _is_insert(element.attributes)
            for element in islice(segment.element.path(), _MAX_LEVELS)
        )
    }
    whole = sum(end - start for start, end, _ in parts)
    return set(sizes) if sum(sizes.values()) <= _MAX_SHARE * whole else set()


@lru_cache(_KNOWN)
def _is_insert(attributes: str) -> bool:
    named = " ".join(_NAMES.findall(attributes))
    words = {word.lower() for word in _WORD.findall(named)}
    return not words.isdisjoint(_insert_words())


def _find_teasers(parts: Sequence[Part], first: int) -> set[int]:
    """Other articles than the one that the running text is in.

    Systems that make pages number their articles in class or id: ``post-17``.
    """
    articles = [
        next((e for e in part[2].element.path() if e.name == "article"), None)
        for part in parts
    ]
    main = _numbers(articles[first])
    return {
        number
        for number, article in enumerate(articles)
        if main and (own := _numbers(article)) and main.isdisjoint(own)
    }


def _numbers(element: Element | None) -> set[str]:
    if element is None:
        return set()
    return set(_NUMBERED.findall(" ".join(_NAMES.findall(element.attributes))))


def _find_repeated(parts: Sequence[Part], text: str) -> set[int]:
    """Long texts that stand in the article again and again: notices, not paragraphs."""
    texts = [text[start:end] for start, end, _ in parts]
    counts = Counter(texts)
    return {
        number
        for number, part in enumerate(parts)
        if _is_long(part) and counts[texts[number]] >= _REPEATED
    }


@cache
def _insert_words() -> frozenset[str]:
    path = Path(__file__).parents[1] / "data" / "page_inserts.toml"
    return frozenset(tomllib.loads(path.read_text("utf-8"))["words"].split())
