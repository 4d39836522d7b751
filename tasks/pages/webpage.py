"""An HTML page as blocks with their place in the source, and metadata claims.

The source is cut into its paragraphs, where it has a block element or an empty line
(``pagesource``), and a network tells which of them are the article's (``pagejudge``),
so every block is exactly what stands between two positions. What is left out becomes
one removed block per paragraph: nothing is silently dropped.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from tasks.pages.pagecredits import read_credit_lines
from tasks.pages.pagedates import guess_date
from tasks.pages.pageinserts import find_inserts
from tasks.pages.pagejson import cut_body, find_unseen, read_article_body
from tasks.pages.pagejudge import judge_parts
from tasks.pages.pagemeasures import cut_parts
from tasks.pages.pagemeta import read_claims, read_descriptions, weigh_claims
from tasks.pages.pagenames import read_names
from tasks.pages.pagesource import Element, Part, Source, fold, is_caption
from tasks.pages.pagetree import parse_page
from tasks.pieces import Block, Claim, Page
from tasks.schema import Field, Kind, RemovalReason
from tasks.text.normalise import compose, normalise

_SOURCE_KINDS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), Kind.HEADING),
    **dict.fromkeys(("li", "dt", "dd"), Kind.LIST_ITEM),
    "blockquote": Kind.QUOTE,
}
_TRANSPARENT = frozenset({"p", "div", "center"})
_LISTS = frozenset({"ul", "ol", "dl", "menu", "dir"})
_CODE_NAMES = frozenset(
    {"brush", "chroma", "code", "highlight", "hljs", "language", "listing"}
    | {"prettyprint", "programlisting", "sourcecode", "syntax"}
)
_CODE_TAG = re.compile(r"<code\b", re.IGNORECASE)

_PAGE = re.compile(r"<(?:html|head|body|main|article)\b", re.IGNORECASE)
_OPEN, _CLOSE = "<article>", "</article>"
_MOST = 0.5  # of the characters of a table or a listing
_KEPT_ODDS, _CAPTION_ODDS = 0.0, -4.0
_MAX_ITEM_CHARS = 1500  # a longer list item is layout, not a list
_MAX_CELL_CHARS = 170  # a longer table cell is layout, not data
_LONG_CHARS = 100  # running text
_STANDFIRST_CHARS = 40, 800
_ALIKE_CHARS = 60  # a description may be cut, or go on
_CLEANINGS = ("nfc", "invisible", "spaces")
_JSON_CLEANINGS = ("json", "html", *_CLEANINGS)
_UNSEEN_CHARS = 500  # an article


def read_webpage(html: str) -> Page:
    """Read one HTML page.

    Args:
        html: Decoded source, of any quality.

    Returns:
        No kept blocks if the page holds no article.
    """
    if _PAGE.search(html):
        return _read_page(html)
    # A fragment, as crawlers store it, is an article's.
    page = _read_page(f"{_OPEN}{html}{_CLOSE}")
    return Page([_shift(block) for block in page.blocks], page.claims)


def _shift(block: Block) -> Block:
    if block.start_chars is None or block.end_chars is None:
        return block
    start, end = block.start_chars - len(_OPEN), block.end_chars - len(_OPEN)
    return block._replace(start_chars=start, end_chars=end)


def _read_page(html: str) -> Page:
    source = Source(html)
    parts = cut_parts(source)
    tree = parse_page(html)
    claims: list[Claim] = []
    descriptions: list[str] = []
    if tree is not None:
        claims, descriptions = read_claims(tree), read_descriptions(tree)
    told = read_article_body(html)
    odds = judge_parts(source, parts, told)
    blocks = _blocks(source, parts, odds, descriptions)
    claims += read_credit_lines(blocks, _language(claims))
    if tree is not None and not _is_dated(claims):
        claims += guess_date(tree, claims)
    if told:
        blocks += _unseen_blocks(html, source, blocks)
    return Page(blocks, weigh_claims(claims))


def _unseen_blocks(html: str, source: Source, blocks: list[Block]) -> list[Block]:
    """What a script of the page calls its article's text, but readers do not see.

    Beside an article it may be of widgets or of another edition: it is no text of it,
    but it is not lost. Where it is most of what there is to read, the page is shown by
    its script, and this is the article.
    """
    places = [*find_unseen(html, source.text)]
    unseen = sum(end - start for start, end in places)
    kept = sum(len(block.text) for block in blocks if block.reason is None)
    if unseen >= _UNSEEN_CHARS and unseen > kept:
        pieces = [piece for place in places for piece in cut_body(html, *place)]
        texts = [normalise(html[slice(*piece)], _JSON_CLEANINGS) for piece in pieces]
        return [
            Block(*piece, text, _JSON_CLEANINGS)
            for piece, text in zip(pieces, texts, strict=True)
            if text
        ]
    return [
        Block(
            *place,
            html[slice(*place)],
            reason=RemovalReason.NOT_MAIN_CONTENT,
            rule_id="html.only_in_json",
        )
        for place in places
    ]


def _is_dated(claims: list[Claim]) -> bool:
    return any(claim.field is Field.PUBLISHED_ON for claim in claims)


def _language(claims: list[Claim]) -> str | None:
    """Language that the page declares, best first, without region."""
    named = [claim for claim in claims if claim.field is Field.LANGUAGE]
    best = max(named, key=attrgetter("score"), default=None)
    return best.value.partition("-")[0] if best else None


def _blocks(
    source: Source,
    parts: Sequence[Part],
    odds: Sequence[float],
    descriptions: list[str],
) -> list[Block]:
    """All blocks of the page in order: paragraphs of the article, and what is not."""
    chosen = [one > _KEPT_ODDS for one in odds]
    wholes = _find_wholes(source, parts, chosen)
    taken = {number for numbers, _ in wholes for number in numbers}
    kept = [n for n in range(len(parts)) if chosen[n] and n not in taken]
    inserts = {kept[at] for at in find_inserts([parts[n] for n in kept], source.text)}
    inside = set(kept) - inserts
    inside |= _find_standfirst(source, parts, inside, descriptions)
    inside |= _find_captions(source, parts, inside | taken, odds)
    first = {numbers[0]: block for numbers, block in wholes}
    found = [*_title_block(source)]
    for number, part in enumerate(parts):
        if number in first:
            found.append(first[number])
        elif number in taken:
            continue
        elif number in inside:
            found += _keep(source, part)
        else:
            is_insert = number in inserts
            found += _remove(
                source, part, "html.insert" if is_insert else "html.not_main_content"
            )
    return found


def _find_wholes(
    source: Source, parts: Sequence[Part], chosen: Sequence[bool]
) -> list[tuple[list[int], Block]]:
    """Tables of data and listings of code of the article, with their parts."""
    if not source.has("table", "pre"):
        return []
    outer = {
        id(around)
        for element in source.elements
        if element.name == "table"
        for around in element.path()
        if around is not element and around.name == "table"
    }
    known = {segment.element.number: segment.element for *_, segment in parts}
    by_number = {number: _home(element) for number, element in known.items()}
    homes = [by_number[segment.element.number] for *_, segment in parts]
    found = []
    for home, group in groupby(range(len(parts)), lambda number: homes[number]):
        numbers = list(group)
        sizes = {n: parts[n][1] - parts[n][0] for n in numbers}
        if home is None or id(home) in outer:
            continue
        share = sum(sizes[n] for n in numbers if chosen[n]) / sum(sizes.values())
        own = [parts[n] for n in numbers]
        if share > _MOST and (block := _whole_block(source, home, own)):
            found.append((numbers, block))
    return found


def _home(element: Element) -> Element | None:
    """Innermost table or preformatted text around."""
    return next((e for e in element.path() if e.name in {"table", "pre"}), None)


def _whole_block(source: Source, home: Element, parts: list[Part]) -> Block | None:
    """Block of a table of data or of code; none if it is neither."""
    start, end = parts[0][0], parts[-1][1]
    span = source.place(start, end)
    if span is None:
        return None
    raw = source.html[slice(*span)]
    if home.name == "table":
        kind, names, marks = Kind.TABLE, ("html_table",), "|"
        is_whole = _is_grid(parts)
    else:
        kind, names, marks = Kind.CODE, ("html_code",), ""
        named = not _CODE_NAMES.isdisjoint(read_names(home.attributes))
        is_whole = named or bool(_CODE_TAG.search(source.html_around(start)))
    text = normalise(raw, names)
    told, seen = fold(text), source.text[start:end]
    if marks:
        told, seen = told.replace(marks, ""), seen.replace(marks, "")
    if not is_whole or told != seen:
        return None
    return Block(*span, text, names, kind)


def _is_grid(parts: list[Part]) -> bool:
    """Whether a table holds data; else it only lays out the page."""
    rows: dict[int, set[int]] = {}
    sizes: dict[int, int] = {}
    for start, end, segment in parts:
        cell = next((e for e in segment.element.path() if e.name in {"td", "th"}), None)
        row = next((e for e in segment.element.path() if e.name == "tr"), None)
        if cell is None or row is None:
            continue
        rows.setdefault(row.number, set()).add(cell.number)
        sizes[cell.number] = sizes.get(cell.number, 0) + end - start
    return (
        max(sizes.values(), default=0) <= _MAX_CELL_CHARS
        and len(rows) > 1
        and sum(len(cells) > 1 for cells in rows.values()) > 1
    )


def _find_standfirst(
    source: Source,
    parts: Sequence[Part],
    kept: set[int],
    descriptions: list[str],
) -> set[int]:
    """Find the paragraph between title and text that the page describes itself with.

    Networks take it for a part of the header.
    """
    long = (n for n in sorted(kept) if parts[n][1] - parts[n][0] >= _LONG_CHARS)
    for number in range(next(long, 0) - 1, -1, -1):
        start, end, segment = parts[number]
        if any(outer.name == "h1" for outer in segment.element.path()):
            break
        text = source.text[start:end]
        if (
            _STANDFIRST_CHARS[0] <= len(text) <= _STANDFIRST_CHARS[1]
            and number not in kept
            and not is_caption(segment.element)
            and any(_begin_alike(text.casefold(), other) for other in descriptions)
        ):
            return {number}
    return set()


def _begin_alike(text: str, other: str) -> bool:
    size = min(len(text), len(other), _ALIKE_CHARS)
    return size >= _STANDFIRST_CHARS[0] and text[:size] == other[:size]


def _find_captions(
    source: Source, parts: Sequence[Part], kept: set[int], odds: Sequence[float]
) -> set[int]:
    """Captions of figures between the paragraphs of the article."""
    return {
        number
        for number in range(min(kept, default=0), max(kept, default=0))
        if number not in kept
        and (odds[number] > _CAPTION_ODDS or _in_figcaption(parts[number][2].element))
        and is_caption(parts[number][2].element)
        and source.place(*parts[number][:2]) is not None
    }


def _in_figcaption(element: Element | None) -> bool:
    while element is not None and element.name in _TRANSPARENT:
        element = element.parent
    return element is not None and element.name == "figcaption"


def _keep(source: Source, part: Part) -> Iterator[Block]:
    """Block of a paragraph, with its span if the law of spans holds."""
    start, end, segment = part
    kind, level = _kind(segment.element)
    span = source.place(start, end)
    if span is not None:
        raw = source.html[slice(*span)]
        names: tuple[str, ...] = ("html",)
        text = normalise(raw, names)
        # Of printable ASCII no cleaning takes anything.
        for name in () if text.isascii() and text.isprintable() else _CLEANINGS:
            if (cleaner := normalise(text, (name,))) != text:
                names, text = (*names, name), cleaner
        if fold(text) == fold(compose(source.text[start:end])):
            yield Block(*span, text, names, kind, level)
            return
        yield from _remove(source, part, "html.unplaced")
    yield Block(None, None, source.read(start, end), (), kind, level)


def _remove(source: Source, part: Part, rule_id: str) -> Iterator[Block]:
    """Block of a paragraph that is left out."""
    span = source.place(*part[:2])
    if span is not None:
        reason = RemovalReason.NOT_MAIN_CONTENT
        raw = source.html[slice(*span)]
        yield Block(*span, raw, reason=reason, rule_id=rule_id)


def _title_block(source: Source) -> Iterator[Block]:
    if source.title is not None:
        start, end = source.title
        raw = source.html[start:end]
        start += len(raw) - len(raw.lstrip())
        raw = raw.strip()
        block = Block(start, start + len(raw), raw, field=Field.TITLE)
        yield block._replace(reason=RemovalReason.LIFTED, rule_id="html.title")


def _kind(element: Element | None) -> tuple[Kind, int]:
    """Kind and level that the source gives to the text of a block element."""
    if is_caption(element):
        return Kind.CAPTION, 0
    while element is not None and element.name in _TRANSPARENT:
        element = element.parent
    if element is None or element.name not in _SOURCE_KINDS:
        return Kind.BODY, 0
    kind = _SOURCE_KINDS[element.name]
    if kind is Kind.HEADING:
        return kind, int(element.name[1])
    if kind is Kind.LIST_ITEM:
        if element.end - element.start > _MAX_ITEM_CHARS:
            return Kind.BODY, 0
        level = 0
        while element is not None:
            level += element.name in _LISTS
            element = element.parent
        return kind, level
    return kind, 0
