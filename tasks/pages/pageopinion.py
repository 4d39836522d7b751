"""What an extractor takes for the article: one opinion among others for a network.

trafilatura in its fast setting, without the extractors that it would fall back on: the
network does better than they do, and they take most of its time. It does not get the
page but what may be its article, written anew: that takes a third of the time and comes
to the same.
"""

import logging
from collections.abc import Iterator, Sequence

from trafilatura import bare_extraction
from trafilatura.settings import Document, Extractor

from tasks.pages.pagesource import Element, Part, Source, fold
from tasks.pages.pagetree import parse_page

_OPTIONS = Extractor(output_format="xml", comments=False, fast=True)
# It warns of every page without an article; for us that is a row with its reason.
logging.getLogger("trafilatura").setLevel(logging.ERROR)


def read_opinion(source: Source, parts: Sequence[Part]) -> str:
    """Folded text that trafilatura extracts, or nothing.

    Args:
        source: The page.
        parts: Those of its paragraphs to choose from, in order.
    """
    tree = parse_page("".join(_write(source, parts)))
    document = None if tree is None else bare_extraction(tree, options=_OPTIONS)
    if not isinstance(document, Document) or document.body is None:
        return ""
    return fold("".join(document.body.itertext()))


def _write(source: Source, parts: Sequence[Part]) -> Iterator[str]:
    """Yield a page of some paragraphs, in the block elements that they stand in."""
    around: list[Element] = []
    yield "<html><body>"
    for start, end, segment in parts:
        path = [*segment.element.path()][-2::-1]
        shared = 0
        for one, other in zip(around, path, strict=False):
            if one is not other:
                break
            shared += 1
        if around and len(around) == len(path) == shared:
            yield "<br>"
        yield from (f"</{element.name}>" for element in reversed(around[shared:]))
        yield from (f"<{one.name}{one.attributes}>" for one in path[shared:])
        for text, is_link in source.runs(start, end):
            yield f'<a href="/">{text}</a> ' if is_link else f"{text} "
        around = path
    yield from (f"</{element.name}>" for element in reversed(around))
    yield "</body></html>"
