"""The frame of a page: comments, navigation, footer."""

import re
from functools import lru_cache

import lxml.html
from lxml.etree import XPath

_CONTAINERS = frozenset({"aside", "footer", "nav"})
_ROOTS = frozenset({"html", "body"})
_KNOWN = 4096  # names, which pages of one site share
_COMMENTS = re.compile(r"(?<![a-z])(?:comments?|kommentare?|commentaires?)(?![a-z])")
_MAYBE_COMMENTS = XPath("//*[contains(@class, 'omment') or contains(@id, 'omment')]")
_HOLDS_HEADING = XPath("boolean(.//h1)")


def is_aside(element: lxml.html.HtmlElement) -> bool:
    """Whether an element belongs to a comment or to the frame of the page."""
    return any(
        outer.tag in _CONTAINERS or _is_comment(outer)
        for outer in element.iterancestors()
        if outer.tag not in _ROOTS
    )


def drop_comments(tree: lxml.html.HtmlElement) -> None:
    """Take the comments of readers out of a page.

    What holds the heading of the page is not a comment, whatever it is called.
    """
    for element in _MAYBE_COMMENTS(tree):
        is_inside = element.getparent() is not None and element.tag not in _ROOTS
        if is_inside and _is_comment(element) and not _HOLDS_HEADING(element):
            element.drop_tree()


def _is_comment(element: lxml.html.HtmlElement) -> bool:
    names = f"{element.get('class', '')} {element.get('id', '')}"
    return _names_comments(names)


@lru_cache(_KNOWN)
def _names_comments(names: str) -> bool:
    return _COMMENTS.search(names.lower()) is not None
