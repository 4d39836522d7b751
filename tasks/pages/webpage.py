"""An HTML page as blocks with their place in the source, and metadata claims.

trafilatura decides what the article is; the source decides where its paragraphs start
and end. Each piece of trafilatura's tree is looked up in the visible text of the source
(``pagesource``) and cut where the source has a block element or an empty line, so that
a block is exactly what stands between two positions. What trafilatura left out becomes
one removed block per block element: nothing is silently dropped.
"""

import copy
import logging
import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from operator import attrgetter, itemgetter

import lxml.etree
import lxml.html
from trafilatura import bare_extraction
from trafilatura.settings import Document, Extractor

from tasks.pages.pagecredits import read_credit_lines
from tasks.pages.pageinserts import find_inserts
from tasks.pages.pagemeta import (
    guess_date,
    read_claims,
    read_descriptions,
    weigh_claims,
)
from tasks.pages.pagesource import Element, Segment, Source, fold, is_caption
from tasks.pieces import Block, Claim, Page
from tasks.schema import Field, Kind, RemovalReason
from tasks.text.normalise import compose, normalise

_OPTIONS = Extractor(output_format="xml", comments=False)
_PARSER = lxml.html.HTMLParser(
    collect_ids=False,
    default_doctype=False,
    encoding="utf-8",
    remove_comments=True,
    remove_pis=True,
)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_DECLARATION = re.compile(r"\s*<\?xml[^>]*>|\s*<!doctype[^>]*>", re.IGNORECASE)
_EMPTY_LINE = re.compile(r"\n\s*\n")
_KINDS = {
    "head": Kind.HEADING,
    "quote": Kind.QUOTE,
    "item": Kind.LIST_ITEM,
    "code": Kind.CODE,
}
_SOURCE_KINDS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), Kind.HEADING),
    **dict.fromkeys(("li", "dt", "dd"), Kind.LIST_ITEM),
    "blockquote": Kind.QUOTE,
}
_TRANSPARENT = frozenset({"p", "div", "center"})
_LISTS = frozenset({"ul", "ol", "dl", "menu", "dir"})
_TREE_BLOCKS = frozenset(
    {
        "body",
        "div",
        "fw",
        "head",
        "item",
        "list",
        "p",
        "quote",
        "row",
        "cell",
        "table",
        "code",
    }
)
# It warns of every page without an article; for us that is a row with its reason.
logging.getLogger("trafilatura").setLevel(logging.ERROR)

_PAGE = re.compile(r"<(?:html|head|body|main|article)\b", re.IGNORECASE)
_OPEN, _CLOSE = "<article>", "</article>"
_MAX_ITEM_CHARS = 1500  # a longer list item is layout, not a list
_MAX_CELL_CHARS = 200  # a longer table cell is layout, not data
_MAX_PLACES = 50
_LONG_CHARS = 100  # running text
_STANDFIRST_CHARS = 40, 800
_ALIKE_CHARS = 60  # a description may be cut, or go on
_CLEANINGS = ("nfc", "invisible", "spaces")
_SPACES = re.compile(r"\s+")
_MAX_GROWTH = 1.1
_SURE_CHARS = 20  # a shorter text must fill its paragraph to be found


@dataclass(slots=True)
class _Piece:
    """A block of trafilatura's tree; ``start`` is in ``Source.text``, -1 if unknown."""

    text: str
    folded: str
    kind: Kind
    level: int = 0
    start: int = -1

    @property
    def end(self) -> int:
        return self.start + len(self.folded)


@dataclass(frozen=True, slots=True)
class _Range:
    """Part of a piece that lies in one paragraph of the source."""

    start: int
    end: int
    segment: Segment
    piece: _Piece

    def words(self) -> str:
        """Text as trafilatura has it, of a range whose span cannot be used."""
        text = self.piece.text
        if self.end - self.start == len(self.piece.folded):
            return text
        places = [place for place, letter in enumerate(text) if fold(letter)]
        first = max(self.start - self.piece.start, 0)
        last = min(self.end - self.piece.start, len(places)) - 1
        return text[places[first] : places[last] + 1]


_Order = tuple[int, int]


def read_webpage(html: str) -> Page:
    """Read one HTML page.

    Args:
        html: Decoded source, of any quality.

    Returns:
        No kept blocks if the page holds no article.
    """
    if _PAGE.search(html):
        return _read_page(html)
    # A fragment, as crawlers store it, is all article.
    page = _read_page(f"{_OPEN}{html}{_CLOSE}")
    return Page([_shift(block) for block in page.blocks], page.claims)


def _shift(block: Block) -> Block:
    if block.start_chars is None or block.end_chars is None:
        return block
    start, end = block.start_chars - len(_OPEN), block.end_chars - len(_OPEN)
    return replace(block, start_chars=start, end_chars=end)


def _read_page(html: str) -> Page:
    source = Source(html)
    tree = _parse(html)
    if tree is None:
        return Page([block for _, block in _removals(source, [], [], "")], [])
    claims = read_claims(tree)
    has_date = any(claim.field is Field.PUBLISHED_ON for claim in claims)
    untouched = None if has_date else copy.deepcopy(tree)
    document = bare_extraction(tree, options=_OPTIONS)
    pieces = list(_pieces(document.body)) if isinstance(document, Document) else []
    _place(pieces, source.text, source)
    kept, covered, inserts = _blocks(pieces, source, read_descriptions(tree))
    unplaced = "\n".join(fold(b.text) for _, b in kept if b.start_chars is None)
    blocks = kept + _removals(source, covered, inserts, unplaced)
    # Stable: text of unknown place follows its neighbour.
    blocks.sort(key=itemgetter(0))
    ordered = [block for _, block in blocks]
    claims += read_credit_lines(ordered, _language(claims))
    if untouched is not None and not any(
        claim.field is Field.PUBLISHED_ON for claim in claims
    ):
        claims += guess_date(untouched, claims)
    return Page(ordered, weigh_claims(claims))


def _language(claims: list[Claim]) -> str | None:
    """Language that the page declares, best first, without region."""
    named = [claim for claim in claims if claim.field is Field.LANGUAGE]
    best = max(named, key=attrgetter("score"), default=None)
    return best.value.partition("-")[0] if best else None


def _parse(html: str) -> lxml.html.HtmlElement | None:
    """Tree of the page, or None if there is nothing to parse.

    A declared encoding is of the bytes, no longer of the text, and lxml refuses it;
    some doctypes mislead libxml2.
    """
    text = _NOT_XML.sub("", html)
    while match := _DECLARATION.match(text):
        text = text[match.end() :]
    try:
        return lxml.html.document_fromstring(text, parser=_PARSER)
    except (lxml.etree.ParserError, lxml.etree.XMLSyntaxError):
        return None


def _pieces(body: lxml.etree._Element) -> Iterator[_Piece]:
    """Blocks of the article as trafilatura sees it, in its order."""
    path: list[lxml.etree._Element] = []
    words: list[str] = []
    walk = lxml.etree.iterwalk(body, events=("start", "end"))
    for event, element in walk:
        is_block = element.tag in _TREE_BLOCKS and not _is_inline_code(element, path)
        if event == "start":
            if is_block:
                yield from _flush(words, path)
                if element.tag == "table" and (rows := _rows(element)):
                    yield _Piece("\n".join(rows), fold(_text(element)), Kind.TABLE)
                    walk.skip_subtree()
                    continue
                path.append(element)
            elif element.tag in {"lb", "hr"}:
                words.append("\n")
            words.append(_inner(element.text, path))
            continue
        if is_block and path and path[-1] is element:
            yield from _flush(words, path)
            path.pop()
        if element is not body:
            words.append(_inner(element.tail, path))
    yield from _flush(words, path)


def _is_inline_code(
    element: lxml.etree._Element, path: list[lxml.etree._Element]
) -> bool:
    return (
        element.tag == "code"
        and any(outer.tag in {"p", "item", "head"} for outer in path)
        and "\n" not in _text(element).strip()
    )


def _text(element: lxml.etree._Element) -> str:
    return "".join(element.itertext())


def _inner(text: str | None, path: list[lxml.etree._Element]) -> str:
    """Text of a node; line breaks of the source count in code only."""
    if not text or (path and path[-1].tag == "code"):
        return text or ""
    return _SPACES.sub(" ", text)


def _flush(words: list[str], path: list[lxml.etree._Element]) -> Iterator[_Piece]:
    text = "".join(words)
    words.clear()
    if not text or text.isspace():
        return
    tags = [element.tag for element in path]
    kind = next((_KINDS[tag] for tag in reversed(tags) if tag in _KINDS), Kind.BODY)
    level = tags.count("list") if kind is Kind.LIST_ITEM else 0
    if kind is Kind.HEADING:
        rend = next((e.get("rend", "") for e in reversed(path) if e.tag == "head"), "")
        level = int(rend[1:]) if rend[1:].isdecimal() else 0
    for part in [text] if kind is Kind.CODE else _EMPTY_LINE.split(text):
        if folded := fold(part):
            whole = part.strip("\n") if kind is Kind.CODE else " ".join(part.split())
            yield _Piece(whole, folded, kind, level)


def _rows(table: lxml.etree._Element) -> list[str]:
    """Rows of a table of data; none if the table only lays out the page."""
    rows = []
    for row in table.iter("row"):
        cells = [
            " ".join(" ".join(cell.itertext()).split())
            for cell in row.iterchildren("cell")
        ]
        if any(len(cell) > _MAX_CELL_CHARS for cell in cells):
            return []
        if any(cells):
            rows.append(" | ".join(cells))
    is_grid = len(rows) > 1 and sum(" | " in row for row in rows) > 1
    return rows if is_grid and table.find(".//table") is None else []


def _place(pieces: list[_Piece], text: str, source: Source) -> None:
    """Set ``start`` of every piece whose place is certain.

    Text that occurs once is there. Text that occurs more often is where its neighbours
    leave room for exactly one of the places, or where it directly follows the piece
    before it.
    """
    low = -1
    for piece in pieces:
        start = low
        if low < 0 or not text.startswith(piece.folded, low):
            start = text.find(piece.folded)
            if text.find(piece.folded, start + 1) >= 0:
                continue
        if start >= 0 and _fits(piece, start, source):
            piece.start, low = start, start + len(piece.folded)
    ordered = _longest_rise([piece for piece in pieces if piece.start >= 0])
    following = iter([*ordered, None])
    upcoming, low = next(following), 0
    for piece in pieces:
        if piece is upcoming:
            low, upcoming = piece.end, next(following)
        elif piece.start < 0:
            high = len(text) if upcoming is None else upcoming.start
            piece.start = _only_place(piece, low, high, source)
            if piece.start < 0 and piece.kind is not Kind.CODE:
                _restore(piece, low, high, source)
            if piece.start >= 0:
                low = max(low, piece.end)


def _restore(piece: _Piece, low: int, high: int, source: Source) -> None:
    """Take the paragraph of the source for a piece that lost a few characters of it.

    trafilatura drops references (``[12]``) and buttons from inside a sentence.
    """
    folded = piece.folded
    start = source.text.find(folded[:_SURE_CHARS], low, high)
    if len(folded) < 2 * _SURE_CHARS or start < 0:
        return
    segment = source.segments[source.segment_at(start)]
    size = segment.end - start
    if (
        start == segment.start
        and segment.end <= high
        and len(folded) <= size <= len(folded) * _MAX_GROWTH
    ):
        letters = iter(source.text[start : segment.end])
        if all(letter in letters for letter in folded):
            piece.start = start
            piece.folded = source.text[start : segment.end]


def _fits(piece: _Piece, start: int, source: Source) -> bool:
    """Whether a find is more than a coincidence of letters."""
    if len(piece.folded) >= _SURE_CHARS:
        return True
    end = start + len(piece.folded)
    return source.is_edge(start) and source.is_edge(end)


def _only_place(piece: _Piece, low: int, high: int, source: Source) -> int:
    """The one place of a piece between two positions, or -1."""
    found, start = [], source.text.find(piece.folded, low, high)
    while start >= 0:
        if _fits(piece, start, source):
            if start == low:
                return start
            found.append(start)
            if len(found) > _MAX_PLACES:
                return -1
        start = source.text.find(piece.folded, start + 1, high)
    whole = [
        start
        for start in found
        if source.is_edge(start) and source.is_edge(start + len(piece.folded))
    ]
    alike = [start for start in whole if _kind_at(start, source)[0] is piece.kind]
    return next((some[0] for some in (found, whole, alike) if len(some) == 1), -1)


def _kind_at(start: int, source: Source) -> tuple[Kind | None, int]:
    return _kind(source.segments[source.segment_at(start)].element)


def _longest_rise(pieces: list[_Piece]) -> list[_Piece]:
    """The longest subsequence of placed pieces in source order."""
    tails: list[int] = []  # start of the last piece of the best rise of each length
    ends: list[int] = []
    before: list[int] = []
    for index, piece in enumerate(pieces):
        length = bisect_left(tails, piece.start)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [piece.start]
        ends[length : length + 1] = [index]
    rise, index = [], ends[-1] if ends else -1
    while index >= 0:
        rise.append(pieces[index])
        index = before[index]
    return rise[::-1]


def _blocks(
    pieces: list[_Piece], source: Source, descriptions: list[str]
) -> tuple[list[tuple[_Order, Block]], list[tuple[int, int]], list[_Range]]:
    """Kept blocks in order, the ranges of ``source.text`` they cover, and inserts."""
    kept: list[tuple[_Order, Block]] = []
    ranges: list[_Range] = []
    covered: list[tuple[int, int]] = []
    last = 0
    for piece in pieces:
        if piece.start >= 0 and piece.kind not in {Kind.TABLE, Kind.CODE}:
            ranges += [
                _Range(*cut, piece) for cut in source.cuts(piece.start, piece.end)
            ]
        else:
            position = piece.start if piece.start >= 0 else last
            block = _whole_block(piece, source)
            kept.append(((position, 1), block))
            if block.start_chars is not None:
                covered.append((piece.start, piece.end))
        if piece.start >= 0:
            last = piece.end - 1
    ranges.sort(key=attrgetter("start"))
    parts = [(part.start, part.end, part.segment) for part in ranges]
    inserts = find_inserts(parts, source.text)
    left_out = [ranges[index] for index in inserts]
    ranges = [part for index, part in enumerate(ranges) if index not in inserts]
    ranges += _standfirst(ranges, source, descriptions)
    ranges += _captions(ranges, covered, source)
    for part in _join(sorted(ranges, key=attrgetter("start"))):
        block = _source_block(part, source)
        kept.append(((part.start, 0), block))
        if block.start_chars is not None:
            covered.append((part.start, part.end))
    return kept, sorted(covered), left_out


def _whole_block(piece: _Piece, source: Source) -> Block:
    """Block of a table or of code, with its span if its lines can be read from it."""
    span = source.place(piece.start, piece.end) if piece.start >= 0 else None
    if span is not None:
        names = ("html_table" if piece.kind is Kind.TABLE else "html_code",)
        if normalise(source.html[slice(*span)], names) == piece.text:
            return _block(piece, piece.text, span, names)
    return _block(piece, piece.text, None)


def _standfirst(
    ranges: list[_Range], source: Source, descriptions: list[str]
) -> list[_Range]:
    """Find the paragraph between title and text that the page describes itself with.

    Extractors take it for a part of the header, or see it nowhere but there.
    """
    begin = next((part.start for part in ranges if _is_long(part)), 0)
    above = source.segments[: source.segment_at(begin)] if begin else []
    found: _Range | None = None
    for segment in reversed(above):
        if any(outer.name == "h1" for outer in segment.element.path()):
            return [found] if found else []
        text = source.text[segment.start : segment.end]
        if (
            _STANDFIRST_CHARS[0] <= len(text) <= _STANDFIRST_CHARS[1]
            and not any(
                part.start < segment.end and segment.start < part.end for part in ranges
            )
            and not is_caption(segment.element)
            and any(_begin_alike(text.casefold(), other) for other in descriptions)
            and source.place(segment.start, segment.end) is not None
        ):
            piece = _Piece(text, text, Kind.BODY, start=segment.start)
            found = _Range(segment.start, segment.end, segment, piece)
    return []


def _is_long(part: _Range) -> bool:
    return part.end - part.start >= _LONG_CHARS


def _begin_alike(text: str, other: str) -> bool:
    size = min(len(text), len(other), _ALIKE_CHARS)
    return size >= _STANDFIRST_CHARS[0] and text[:size] == other[:size]


def _captions(
    ranges: list[_Range],
    covered: list[tuple[int, int]],
    source: Source,
) -> list[_Range]:
    """Captions of figures between the paragraphs of the article, left out so far."""
    taken = sorted([*covered, *((part.start, part.end) for part in ranges)])
    if not taken:
        return []
    starts = [start for start, _ in taken]
    found = []
    for segment in source.segments:
        if not starts[0] < segment.start < taken[-1][1]:
            continue
        before = taken[bisect_left(starts, segment.end) - 1]
        if before[1] > segment.start or not _in_figcaption(segment.element):
            continue
        text = source.text[segment.start : segment.end]
        piece = _Piece(text, text, Kind.CAPTION, start=segment.start)
        if source.place(segment.start, segment.end) is not None:
            found.append(_Range(segment.start, segment.end, segment, piece))
    return found


def _in_figcaption(element: Element | None) -> bool:
    while element is not None and element.name in _TRANSPARENT:
        element = element.parent
    return element is not None and element.name == "figcaption"


def _join(ranges: list[_Range]) -> Iterator[_Range]:
    """Join what trafilatura cut inside a paragraph of the source; once is enough."""
    open_range: _Range | None = None
    for part in ranges:
        if open_range is not None:
            if part.end <= open_range.end:
                continue
            if (
                part.start <= open_range.end
                and part.segment is open_range.segment
                and part.start not in part.segment.breaks
            ):
                open_range = replace(open_range, end=part.end)
                continue
            yield open_range
            part = replace(part, start=max(part.start, open_range.end))  # noqa: PLW2901
        open_range = part
    if open_range is not None:
        yield open_range


def _source_block(part: _Range, source: Source) -> Block:
    """Block of a range of the source, with its span if the law of spans holds."""
    piece = part.piece
    kind, level = _kind(part.segment.element)
    if kind is not None:
        piece = replace(piece, kind=kind, level=level)
    span = source.place(part.start, part.end)
    if span is not None:
        raw = source.html[slice(*span)]
        names: tuple[str, ...] = ("html",)
        text = normalise(raw, names)
        for name in _CLEANINGS:
            if (cleaner := normalise(text, (name,))) != text:
                names, text = (*names, name), cleaner
        if fold(text) == fold(compose(source.text[part.start : part.end])):
            return _block(piece, text, span, names)
    return _block(piece, part.words(), None)


def _block(
    piece: _Piece, text: str, span: tuple[int, int] | None, names: tuple[str, ...] = ()
) -> Block:
    start, end = span or (None, None)
    return Block(start, end, text, names, piece.kind, piece.level)


def _kind(element: Element | None) -> tuple[Kind | None, int]:
    """Kind and level that the source gives to the text of a block element."""
    if is_caption(element):
        return Kind.CAPTION, 0
    while element is not None and element.name in _TRANSPARENT:
        element = element.parent
    if element is None or element.name not in _SOURCE_KINDS:
        return None, 0
    kind = _SOURCE_KINDS[element.name]
    if kind is Kind.HEADING:
        return kind, int(element.name[1])
    if kind is Kind.LIST_ITEM:
        if element.end - element.start > _MAX_ITEM_CHARS:
            return None, 0
        level = 0
        while element is not None:
            level += element.name in _LISTS
            element = element.parent
        return kind, level
    return kind, 0


def _removals(
    source: Source,
    covered: list[tuple[int, int]],
    inserts: list[_Range],
    unplaced: str,
) -> list[tuple[_Order, Block]]:
    """Removed blocks: all visible text outside the covered ranges, by block element."""
    removed: list[tuple[_Order, Block]] = []
    if source.title is not None:
        start, end = source.title
        raw = source.html[start:end]
        start += len(raw) - len(raw.lstrip())
        raw = raw.strip()
        block = Block(start, start + len(raw), raw, field=Field.TITLE)
        block = replace(block, reason=RemovalReason.LIFTED, rule_id="html.title")
        removed.append(((-1, 0), block))
    low = 0
    for high, next_low in [*covered, (len(source.text), 0)]:
        for start, end, _ in source.cuts(low, high) if low < high else ():
            if (span := source.place(start, end)) is None:
                continue
            rule_id = "html.not_main_content"
            if source.text[start:end] in unplaced:
                rule_id = "html.unplaced"
            elif any(part.start <= start < part.end for part in inserts):
                rule_id = "html.insert"
            block = Block(
                *span,
                source.html[slice(*span)],
                reason=RemovalReason.NOT_MAIN_CONTENT,
                rule_id=rule_id,
            )
            removed.append(((start, 0), block))
        low = next_low
    return removed
