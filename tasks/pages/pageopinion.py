"""What an extractor takes for the article: one opinion among others for the network.

trafilatura in its fast setting, without the extractors that it would fall back on: the
network does better than they do, and they take most of its time.
"""

import logging

import lxml.html
from trafilatura import bare_extraction
from trafilatura.settings import Document, Extractor

from tasks.pages.pagesource import fold

_OPTIONS = Extractor(output_format="xml", comments=False, fast=True)
# It warns of every page without an article; for us that is a row with its reason.
logging.getLogger("trafilatura").setLevel(logging.ERROR)


def read_opinion(tree: lxml.html.HtmlElement) -> str:
    """Folded text that trafilatura extracts, or nothing.

    Args:
        tree: The parsed page; it is changed.
    """
    document = bare_extraction(tree, options=_OPTIONS)
    if not isinstance(document, Document) or document.body is None:
        return ""
    return fold("".join(document.body.itertext()))
