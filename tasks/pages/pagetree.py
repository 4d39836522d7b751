"""An HTML page as a tree."""

import re

import lxml.etree
import lxml.html

_PARSER = lxml.html.HTMLParser(
    collect_ids=False,
    default_doctype=False,
    encoding="utf-8",
    remove_comments=True,
    remove_pis=True,
)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n\f\r")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*>|\s*<!doctype[^>]*>", re.IGNORECASE)


def parse_page(html: str) -> lxml.html.HtmlElement | None:
    """Tree of the page, or None if there is nothing to parse.

    A declared encoding is of the bytes, no longer of the text, and lxml refuses it;
    some doctypes mislead libxml2.
    """
    text = html if _is_xml(html) else _NOT_XML.sub("", html)
    while match := _DECLARATION.match(text):
        text = text[match.end() :]
    try:
        return lxml.html.document_fromstring(text, parser=_PARSER)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError):
        return None


def _is_xml(text: str) -> bool:
    """Whether XML allows all characters of a text; faster than any pattern."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return False
    is_clean = len(data.translate(None, _CONTROLS)) == len(data)
    return is_clean and "\ufffe" not in text and "\uffff" not in text
