"""The names that a page gives its elements, and what they are worth.

A page names its elements for its own style sheets (``class="entry-content"``), and many
systems name alike. What a word of a name is worth is learned (``bench/fit_pages.py``).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from itertools import pairwise

from tasks.pages.pagesource import Element

NameOdds = Mapping[str, tuple[float, float, float]]
"""By word of a name: log-odds to be of the article, for text near in it, in the middle
distance, and far in it."""
Worth = tuple[float, ...]
"""What the names of one element are worth: sum, least and most, zone after zone."""
Weigh = Callable[[str], Worth | None]

NEAR, MIDDLE = 2, 5  # levels around a paragraph
FRAMES = frozenset({"", "html", "body"})

_KNOWN = 65_536  # attributes, which pages of one site share
_NAMES = re.compile(
    r"""\b(?:class|id|role|itemprop)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""", re.IGNORECASE
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_UNSEEN = re.compile(
    r"(?:^|\s)hidden(?:[\s=]|$)|display:\s*none|aria-hidden\s*=\s*[\"']?true"
)
_MAX_JOINED = 4  # words; what is longer is one site's own


@lru_cache(_KNOWN)
def read_names(attributes: str) -> tuple[str, ...]:
    """Words that an element is called by, in lower case and sorted.

    Words of one name count alone, by twos and all together: ``entry-content`` says more
    than ``entry`` and ``content`` do.

    Examples:
        >>> read_names(' class="relatedLinks box-2" id=top hidden')
        ('*unseen', 'box', 'links', 'related', 'related+links', 'top')
    """
    if not attributes:
        return ()
    words: set[str] = set()
    for named in _NAMES.findall(attributes):
        for name in named.strip("\"'").split():
            words.update(_words(name))
    lower = attributes.lower()
    if ("hidden" in lower or "display" in lower) and _UNSEEN.search(lower):
        words.add("*unseen")
    return tuple(sorted(words))


@lru_cache(_KNOWN)
def _words(name: str) -> frozenset[str]:
    own = [word.lower() for word in _WORD.findall(name) if len(word) > 1]
    joined = ["+".join(own)] if 1 < len(own) <= _MAX_JOINED else []
    return frozenset([*own, *map("+".join, pairwise(own)), *joined])


def zones_of(element: Element) -> Iterable[tuple[int, str]]:
    """Yield the names around a paragraph, each with its zone: near 0, middle 1, far 2.

    Args:
        element: The block element that the paragraph stands in.
    """
    for level, outer in enumerate(element.path()):
        if outer.name not in FRAMES:
            zone = 0 if level < NEAR else 1 if level < MIDDLE else 2
            for word in read_names(outer.attributes):
                yield zone, word


def weigh_by(odds: NameOdds) -> Weigh:
    """Return what tells the worth of an element's attributes, and remembers it."""
    return lru_cache(_KNOWN)(partial(_weigh, odds))


def _weigh(odds: NameOdds, attributes: str) -> Worth | None:
    known = [odds[word] for word in read_names(attributes) if word in odds]
    if not known:
        return None
    near, middle, far = zip(*known, strict=True)
    return (
        *(sum(near), min(0, *near), max(0, *near)),
        *(sum(middle), min(0, *middle), max(0, *middle)),
        *(sum(far), min(0, *far), max(0, *far)),
    )
