"""Named normalisations: how the span of a paragraph becomes its text.

Each is a pure function ``str -> str`` of the span alone, so that anyone can redo it:
``paragraphs.text`` equals the raw span after the functions named in
``paragraphs.normalisations``, applied in that order (``normalise``).
"""

import html
import json
import re
import unicodedata
from collections.abc import Callable, Iterable

import ftfy
from markdown_it import MarkdownIt

_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb"
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
_SPACE_RUN = re.compile(r"[^\S\n]*\n\s*|[^\S\n]{2,}|[^\S\n ]")
_HYPHENATED = re.compile(r"(?<=[^\W\d_])[-\u2010]\s*\n\s*(?=[^\W\d_])")
_SUSPENDED = re.compile(
    # A hyphen before these stands for the end of the next word: `Tag- und Nachtzug`.
    r"\s*(?:und|oder|bzw|sowie|bis|beziehungsweise"  # German
    r"|and|or|to|en|of|och|eller|og)\b"  # English, Dutch, Swedish, Danish, Norwegian
)
_CJK = "\u2e80-\u303f\u3040-\u30ff\u3100-\u312f\u3400-\u9fff\uf900-\ufaff\uff00-\uff60"
_CJK_BREAK = re.compile(f"(?<=[{_CJK}])\\s*\\n\\s*(?=[{_CJK}])")
_BREAK = re.compile(r"\s*\n\s*")
_TAG = re.compile(
    r"<(?:!--.*?-->|((?i:script|style|template|noscript))\b.*?</(?i:\1)\s*>"
    # A quoted attribute may hold `>`.
    r"|/?[a-zA-Z](?:[^>\"'=]++|=\s*+\"[^\"]*+\"|=\s*+'[^']*+'|[=\"'])*+>"
    r"|[!?][^>]*>)",
    re.DOTALL,
)
_ROW = re.compile(r"<tr\b[^>]*>", re.IGNORECASE)
_CELL = re.compile(r"<t[dh]\b[^>]*>", re.IGNORECASE)
_MARKDOWN = MarkdownIt("commonmark")


def fix_mojibake(text: str) -> str:
    """Undo a wrong decoding (``fÃ¼r`` for ``für``), only where ftfy is sure.

    Source: ftfy 6, ``fix_encoding``; text that is right stays as it is.
    """
    return ftfy.fix_encoding(text)


def compose(text: str) -> str:
    """Unicode normalisation form C, e.g. ``u`` + combining diaeresis to ``ü``."""
    return unicodedata.normalize("NFC", text)


def drop_invisible(text: str) -> str:
    """Drop soft hyphens, zero-width spaces, bidi controls, BOMs and control characters.

    Zero-width joiners stay: Persian, Indic scripts and emoji are written with them.
    """
    return _INVISIBLE.sub("", text)


def collapse_spaces(text: str) -> str:
    """One ordinary space for any run of spaces and tabs; none at line ends or edges."""
    return _SPACE_RUN.sub(
        lambda run: "\n" if "\n" in run.group() else " ", text
    ).strip()


def unwrap(text: str) -> str:
    r"""Join the lines of a hard-wrapped paragraph.

    A hyphen between letters at a line end goes if the next line starts in lower case
    (``Bei-\nspiel``) and stays otherwise (``Open-\nSource``, ``Tag-\nund Nachtzug``).
    Chinese and Japanese lines join without a space.
    """

    def join(match: re.Match[str]) -> str:
        if _SUSPENDED.match(text, match.end()):
            return match.group()[0] + " "
        return "" if text[match.end()].islower() else match.group()[0]

    text = _HYPHENATED.sub(join, text)
    return _BREAK.sub(" ", _CJK_BREAK.sub("", text))


def strip_markdown(text: str) -> str:
    """Text of a Markdown block: without heading, list and quote marks and link targets.

    Source: CommonMark 0.31, read by markdown-it-py. Lines of one paragraph are joined.
    """
    parts: list[str] = []
    for token in _MARKDOWN.parse(text):
        if token.type in {"fence", "code_block", "html_block"}:
            parts.append(token.content)
        for child in token.children or ():
            if child.type in {"softbreak", "hardbreak"}:
                parts.append("\n")
            elif child.type in {"text", "code_inline", "text_special", "image"}:
                parts.append(child.content)
        if token.type == "inline":
            parts.append("\n")
    return "".join(parts)


def strip_tags(text: str) -> str:
    """Text of some HTML: tags gone, references resolved, white space collapsed."""
    if "<" in text:
        text = _TAG.sub(_space_of, text)
    return " ".join(html.unescape(text).split())


def _space_of(tag: re.Match[str]) -> str:
    return " " if tag.group()[:3].lower() == "<br" else ""


def strip_cells(text: str) -> str:
    r"""Text of an HTML table: cells parted by `` | ``, rows by line ends."""
    rows = [[strip_tags(cell) for cell in _CELL.split(row)] for row in _ROW.split(text)]
    return "\n".join(" | ".join(filter(None, row)) for row in rows if any(row))


def strip_tags_of_code(text: str) -> str:
    """Text of preformatted HTML: tags gone, white space as it stands."""
    return html.unescape(_TAG.sub("", text)).strip("\n")


def unescape_json(text: str) -> str:
    r"""Text of a piece of a JSON string: escapes (``\\u00fc``, ``\\n``) resolved.

    Half a pair of surrogates becomes U+FFFD; what is no JSON stays as it is.
    """
    try:
        text = json.loads(f'"{text}"', strict=False)
    except ValueError:
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


NORMALISATIONS: dict[str, Callable[[str], str]] = {
    "html": strip_tags,
    "html_table": strip_cells,
    "html_code": strip_tags_of_code,
    "json": unescape_json,
    "markdown": strip_markdown,
    "mojibake": fix_mojibake,
    "nfc": compose,
    "invisible": drop_invisible,
    "spaces": collapse_spaces,
    "unwrap": unwrap,
}
"""Every normalisation by the name stored in ``paragraphs.normalisations``."""


def normalise(text: str, names: Iterable[str]) -> str:
    r"""Apply the named normalisations in order.

    Args:
        text: A span of the decoded raw text.
        names: Keys of ``NORMALISATIONS``.

    Examples:
        >>> normalise("Bei-\nspiel  eins", ["spaces", "unwrap"])
        'Beispiel eins'
    """
    for name in names:
        text = NORMALISATIONS[name](text)
    return text


def normalise_naming(text: str, names: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Apply the named normalisations in order and say which changed something.

    Returns:
        The text and the names worth recording, in order.
    """
    changing: list[str] = []
    for name in names:
        changed = NORMALISATIONS[name](text)
        if changed != text:
            changing.append(name)
            text = changed
    return text, tuple(changing)
