"""The visible text of an HTML source, every character with its position.

A library's tree says *what* is the article but has lost *where* it stood. This scanner
reads the source once (HTML Living Standard 13.2.5, the parts that decide what is text)
and keeps, beside the text, the offsets and the block elements around it, so that text
from any tree can be found again by plain string search.
"""

import html as html_references
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Every token begins with the same sign and nothing in it is matched twice: the time is
# that of one reading.
_TOKEN = re.compile(
    r"""<(?:
    !--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>|\Z))
    |(?i:script)\b[^>]*>
        (?:[^<]++|<(?!/(?i:script)\b[^>]*>))*+(?:</(?i:script)\b[^>]*>|\Z)
    |(?i:style)\b[^>]*>
        (?:[^<]++|<(?!/(?i:style)\b[^>]*>))*+(?:</(?i:style)\b[^>]*>|\Z)
    |(?i:noscript)\b[^>]*>(?:[^<]++|<(?!/(?i:noscript)\s*>))*+</(?i:noscript)\s*>
    |(?i:template)\b[^>]*>(?:[^<]++|<(?!/(?i:template)\s*>))*+</(?i:template)\s*>
    |(?i:title)\b[^>]*>
        (?P<title>(?:[^<]++|<(?!/(?i:title)\s*>))*+)(?:</(?i:title)\s*>|\Z)
    |(?P<close>/?)(?P<name>[a-zA-Z][^\s/>]*)
        (?P<attributes>(?:[^>"'=]++|=\s*+"[^"]*+"|=\s*+'[^']*+'|[="'])*+)(?:>|\Z)
    |[!?/][^>]*(?:>|\Z))""",
    re.DOTALL | re.VERBOSE,
)
_REFERENCE = re.compile(
    r"&(?:#[0-9]+;?|#[xX][\da-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)|\S", re.DOTALL
)
_CUT_REFERENCE = re.compile(r"&[^\s;]*\Z")  # may go on
_EMPTY_LINE = re.compile(r"\n[^\S\n]*\n")
_BLOCKS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "caption",
        "center",
        "dd",
        "details",
        "dialog",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "frameset",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hgroup",
        "hr",
        "html",
        "iframe",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "ol",
        "optgroup",
        "option",
        "p",
        "pre",
        "search",
        "section",
        "select",
        "summary",
        "table",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
        "video",
    }
)
_VOID = frozenset({"hr", "br", "iframe"})
_READ = _BLOCKS | {"a", "br", "svg"}  # the other tags mean nothing here
_INLINE = frozenset(
    {
        "a",
        "b",
        "cite",
        "em",
        "font",
        "i",
        "label",
        "small",
        "span",
        "strong",
    }
)
_CELLS = frozenset({"td", "th", "caption"})
_CLOSED_BY = {  # optional end tags: what the start of a sibling closes
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "tr": frozenset({"td", "th", "tr"}),
    "option": frozenset({"option"}),
}
_SCOPES = frozenset(
    {
        "ul",
        "ol",
        "dl",
        "menu",
        "table",
        "select",
    }
)
_CAPTION_CLASS = re.compile(
    r"""\bclass\s*=\s*(?:"[^"]*|'[^']*|[^\s>]*)
    (?:(?<![a-z])caption|Caption|(?<![a-z])credits?(?=["'\s>])|Credits?(?=["'\s>]))
    (?![a-z])""",
    re.VERBOSE,
)
_MAX_REFERENCE = 34  # characters of a character reference
_MAX_DEPTH = 2000
_MAX_CAPTION_CHARS = 600


def fold(text: str) -> str:
    r"""Text without white space and invisible characters, to compare by.

    Examples:
        >>> fold("Bei\u00adspiel  eins")
        'Beispieleins'
    """
    return _join(text.split())


def _join(words: list[str]) -> str:
    folded = "".join(words)
    if folded.isprintable():
        return folded
    return "".join(filter(str.isprintable, folded))


@dataclass(slots=True, eq=False)
class Element:
    """A block element that is or was open in the source."""

    name: str
    parent: "Element | None"
    depth: int
    start: int
    end: int = -1
    is_caption: bool = False
    attributes: str = ""  # as written in the source
    number: int = 0  # in `Source.elements`

    def path(self) -> Iterator["Element"]:
        """Yield the element and what it is in, innermost first."""
        element: Element | None = self
        while element is not None:
            yield element
            element = element.parent


@dataclass(slots=True, eq=False)
class Segment:
    """Visible text between two block-level tags; positions count in ``Source.text``."""

    start: int
    end: int
    element: Element
    breaks: list[int] = field(default_factory=list)


Part = tuple[int, int, Segment]
"""Range in ``Source.text`` that is one paragraph of the page, and its segment."""


class Source:
    """The visible text of an HTML source.

    Attributes:
        html: The source.
        text: ``fold`` of the visible text, in source order; ``<title>`` is not in it.
        segments: The text cut at block-level tags; none is empty, together they are it.
        elements: All block elements in source order; the first is the page.
        title: Range of the document title in ``html``, if there is one.
    """

    def __init__(self, html: str) -> None:
        self.html = html
        self.title: tuple[int, int] | None = None
        self.segments: list[Segment] = []
        self._run_starts: list[int] = []  # in text
        self._run_places: list[tuple[int, int]] = []  # in html
        self._run_words: list[int] = []
        self._run_links: list[bool] = []
        self._is_link = False
        self._parts: list[str] = []
        self._length = 0
        self._breaks: list[int] = []
        self._segment_end = 0
        self._last_break = -1
        self._is_drawing = self._has_words = False
        self._element = Element("", None, 0, 0)
        self.elements = [self._element]
        self._scan()
        self.text = "".join(self._parts)
        self._segment_starts = [segment.start for segment in self.segments]

    def _scan(self) -> None:
        html, position = self.html, 0
        for token in _TOKEN.finditer(html):
            begin, end = token.span()
            if begin > position:
                self._add_run(position, begin)
            position = end
            title, close, name, attributes = token.groups()
            if name is not None:
                name = name.lower()
                if (
                    name in _READ
                    or name == self._element.name
                    or (
                        attributes and ("aption" in attributes or "redit" in attributes)
                    )
                ):
                    self._read_tag(name, attributes, close)
            elif title is not None:
                self._read_title(*token.span("title"))
        if position < len(html):
            self._add_run(position, len(html))
        self._add_segment()
        while self._element.parent is not None:
            self._pop()
        self._element.end = self._length

    def _read_title(self, start: int, end: int) -> None:
        if self.title is None and not self._length and fold(self.html[start:end]):
            self.title = start, end
        else:
            self._add_run(start, end)

    def _read_tag(self, name: str, attributes: str, close: str) -> None:
        is_block = name in _BLOCKS
        if name == "a":
            self._is_link = not close and "href" in attributes
        elif name == "br":
            if self._last_break == self._length:
                self._breaks.append(self._length)  # two in a row part two paragraphs
            self._last_break = self._length
            return
        elif name == "svg":
            # A drawing is part of its line, like a letter; words in it are not.
            if self._is_drawing and close and self._has_words:
                self._add_segment()
            self._is_drawing, self._has_words = not close, False
            return
        is_labelled = (
            not close
            and ("aption" in attributes or "redit" in attributes)
            and (is_block or name in _INLINE)
            and _CAPTION_CLASS.search(attributes) is not None
        )
        if not (is_block or is_labelled or name == self._element.name):
            return
        self._add_segment()
        self._last_break = -1
        if close:
            self._close(name)
        elif name not in _VOID:
            is_caption = is_labelled or name == "figcaption"
            self._open(name, attributes, is_caption=is_caption)

    def _add_segment(self) -> None:
        if self._length > self._segment_end:
            self.segments.append(
                Segment(self._segment_end, self._length, self._element, self._breaks)
            )
            self._segment_end = self._length
            self._breaks = []
        elif self._breaks:
            self._breaks = []

    def _add_run(self, start: int, end: int) -> None:
        raw = self.html[start:end]
        if raw.isspace():
            return
        if self._element.name == "pre":
            # White space counts here: an empty line parts two paragraphs.
            length, done = self._length, 0
            for line in _EMPTY_LINE.finditer(raw):
                length += len(fold(html_references.unescape(raw[done : line.start()])))
                done = line.start()
                self._breaks.append(length)
        words = raw.split()
        folded = fold(html_references.unescape(raw)) if "&" in raw else _join(words)
        if folded:
            if self._is_drawing and not self._has_words:
                self._add_segment()
                self._has_words = True
            self._run_starts.append(self._length)
            self._run_places.append((start, end))
            self._run_words.append(len(words))
            self._run_links.append(self._is_link)
            self._parts.append(folded)
            self._length += len(folded)

    def _pop(self) -> None:
        self._element.end = self._length
        if self._element.parent is not None:
            self._element = self._element.parent

    def _open(self, name: str, attributes: str, *, is_caption: bool) -> None:
        if self._element.name == "p" and name in _BLOCKS:
            self._pop()
        if closes := _CLOSED_BY.get(name):
            element: Element | None = self._element
            while element is not None and element.name not in _SCOPES:
                if element.name in closes:
                    while self._element is not element:
                        self._pop()
                    self._pop()
                    break
                element = element.parent
        if self._element.depth < _MAX_DEPTH:
            self._element = Element(
                name,
                self._element,
                self._element.depth + 1,
                self._length,
                is_caption=is_caption,
                attributes=attributes,
                number=len(self.elements),
            )
            self.elements.append(self._element)

    def _close(self, name: str) -> None:
        element: Element | None = self._element
        while element is not None and element.name != name:
            if element.name in _CELLS and name not in {"table", "tr", "tbody", "thead"}:
                return  # an end tag in a cell closes nothing outside of it
            element = element.parent
        if element is None or element.parent is None:
            return
        while self._element is not element:
            self._pop()
        self._pop()

    def segment_at(self, index: int) -> int:
        """Number of the segment that holds ``text[index]``."""
        return bisect_right(self._segment_starts, index) - 1

    def count_runs(self, places: Ints) -> tuple[Floats, Floats]:
        """Count what stands before places of the text.

        Args:
            places: Positions in ``text``, in an array of any shape.

        Returns:
            Characters in links, and words; inside a run of text in proportion.
        """
        starts = np.array([*self._run_starts, self._length], np.int64)
        run = np.searchsorted(starts, places, side="right") - 1
        run = np.clip(run, 0, len(starts) - 2)
        size = np.diff(starts)
        done = (places - starts[run]) / size[run]
        linked = np.array(self._run_links, np.float64) * size
        words = np.array(self._run_words, np.float64)
        return _running(linked, run, done), _running(words, run, done)

    def is_edge(self, index: int) -> bool:
        """Whether a tag or an end of the page lies right before ``text[index]``."""
        if index >= self._length:
            return True
        run = bisect_right(self._run_starts, index) - 1
        return self._run_starts[run] == index

    def place(self, start: int, end: int) -> tuple[int, int] | None:
        """Range in ``html`` of ``text[start:end]``, from first to last character.

        Returns:
            None if an end lies inside a character reference.
        """
        first, last = self._locate(start)[0], self._locate(end - 1)[1]
        return None if first is None or last is None else (first, last)

    def read(self, start: int, end: int) -> str:
        """Text of a range as the eye sees it, spaces collapsed; whole runs only."""
        first = bisect_right(self._run_starts, start) - 1
        last = bisect_right(self._run_starts, end - 1)
        runs = (self.html[slice(*place)] for place in self._run_places[first:last])
        return " ".join(html_references.unescape("".join(runs)).split())

    def runs(self, start: int, end: int) -> Iterator[tuple[str, bool]]:
        """Yield the source of a range between tags, and whether it is in a link."""
        first = bisect_right(self._run_starts, start) - 1
        last = bisect_right(self._run_starts, end - 1)
        for run in range(first, last):
            yield self.html[slice(*self._run_places[run])], self._run_links[run]

    def has(self, *names: str) -> bool:
        """Whether the page has a block element of one of these names."""
        return any(element.name in names for element in self.elements)

    def html_around(self, index: int) -> str:
        """Source of the run that ``text[index]`` is in, with the tags before it."""
        run = bisect_right(self._run_starts, index) - 1
        before = self._run_places[run - 1][1] if run else 0
        return self.html[before : self._run_places[run][1]]

    def _run_end(self, run: int) -> int:
        starts = self._run_starts
        return starts[run + 1] if run + 1 < len(starts) else self._length

    def _locate(self, index: int) -> tuple[int | None, int | None]:
        """Where ``text[index]`` starts and ends; None inside a reference of several."""
        run = bisect_right(self._run_starts, index) - 1
        wanted = index - self._run_starts[run]
        start, end = self._run_places[run]
        edge = -1
        if wanted == 0:
            edge = start
            if self.html[edge].isspace():
                edge = end - len(self.html[start:end].lstrip())
        elif index + 1 == self._run_end(run):
            edge = end - 1
            if self.html[edge].isspace():
                edge = start + len(self.html[start:end].rstrip()) - 1
            if _CUT_REFERENCE.search(
                self.html, max(start, edge - _MAX_REFERENCE), edge
            ):
                edge = -1
        if edge >= 0 and (letter := self.html[edge]) != "&" and letter.isprintable():
            return edge, edge + 1  # nearly always
        for unit_start, unit_end, size in _units(self.html, start, end):
            if wanted < size:
                begin = unit_start if wanted == 0 else None
                return begin, unit_end if wanted == size - 1 else None
            wanted -= size
        return None, None

    def cuts(self, start: int, end: int) -> list[tuple[int, int, Segment]]:
        """Split ``text[start:end]`` where the source starts a new paragraph."""
        ranges = []
        number = self.segment_at(start)
        while start < end:
            segment = self.segments[number]
            stop = min(end, segment.end)
            for cut in segment.breaks:
                if start < cut < stop:
                    ranges.append((start, cut, segment))
                    start = cut
            ranges.append((start, stop, segment))
            start = stop
            number += 1
        return ranges


def _running(counts: Floats, run: Ints, done: Floats) -> Floats:
    """Sum of the counts up to a run, and of a share of its own."""
    before = np.cumsum(counts) - counts
    total: Floats = before[run] + done * counts[run]
    return total


def _units(html: str, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Ranges of a run, each with the number of characters it is in folded text."""
    for match in _REFERENCE.finditer(html, start, end):
        piece = match.group()
        resolved = html_references.unescape(piece)
        tail = len(piece)  # of letters that stand for themselves: `&copy2021`
        if resolved != piece:
            tail = 0
            while tail < len(resolved) - 1 and piece[-1 - tail] == resolved[-1 - tail]:
                tail += 1
        cut = match.end() - tail
        if cut > match.start():
            head = resolved[: len(resolved) - tail]
            yield match.start(), cut, len(fold(head))
        for place in range(cut, match.end()):
            yield place, place + 1, len(fold(html[place]))


def is_caption(element: Element | None) -> bool:
    """Whether the text of a block element is the caption of a picture."""
    while element is not None and element.end - element.start <= _MAX_CAPTION_CHARS:
        if element.is_caption:
            return True
        element = element.parent
    return False
