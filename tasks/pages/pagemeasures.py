"""The paragraphs of a page in numbers, for a network to tell which are the article's.

What counts is how a paragraph looks (length, links, punctuation), what it stands in
(tags, names of classes, how much running text its surroundings hold), where it stands
(``pagelandmarks``), its neighbours, and those that the page marks up alike. Nothing
here knows a site or a language.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from tasks.pages.pagelandmarks import measure_copies, measure_headings, measure_title
from tasks.pages.pagenames import FRAMES, MIDDLE, NEAR, Weigh, read_names
from tasks.pages.pagesource import Element, Floats, Ints, Part, Source, is_caption

Columns = dict[str, Floats]
_SENTENCE_END = re.compile(r"[.!?…。！？؟۔।][\"'”“»›’)\]」】]*$")
_DIGIT, _UPPER, _LOWER, _COMMA, _MARK, _AT, _COLON, _QUESTION = (
    1 << bit for bit in range(8)
)
_SIGNS = {_COMMA: ",，、،", _MARK: "|»›©→▶", _AT: "@", _COLON: ":：", _QUESTION: "?？"}
_PLANE = 1 << 16  # letters of rarer scripts are none of these
_TAGS: tuple[tuple[str, ...], ...] = (
    ("p",),
    ("li",),
    ("h1",),
    ("h2",),
    ("h3",),
    ("h4", "h5", "h6"),
    ("td", "th"),
    ("div",),
    ("blockquote",),
    ("figcaption",),
    ("pre",),
    ("section", "article", "main"),
    ("dt", "dd"),
    ("label", "legend"),
    ("option", "select", "button", "textarea", "summary"),
    ("footer", "header", "aside", "nav"),
    ("span", "a", "b", "strong", "em", "i", "small", "font"),
)
_AROUND: tuple[tuple[str, ...], ...] = (
    ("article",),
    ("main",),
    ("nav",),
    ("aside",),
    ("footer",),
    ("header",),
    ("form", "fieldset"),
    ("ul", "menu"),
    ("ol",),
    ("table",),
    ("figure",),
    ("blockquote",),
    ("section",),
    ("dialog", "details", "select"),
    ("li",),
    ("dl",),
    ("h1", "h2", "h3", "h4", "h5", "h6"),
)
_TAG_NUMBERS = {name: number for number, names in enumerate(_TAGS) for name in names}
_TAG_BITS = {name: 1 << bit for bit, names in enumerate(_AROUND) for name in names}
_SAMPLE_CHARS = 300
_PROSE_CHARS, _LONG_CHARS, _MAX_LINKS = 70, 170, 0.35
_SHARES = (0.3, 0.5, 0.8, 0.95)
_LEVELS = 4
_FAR_AWAY = 15
_KEY_WORDS = 3
_TOLD_CHARS = 15
_NEIGHBOURS = (-1, 1)
_WINDOWS = (5, 10)
_TAKEN_WINDOWS = (1, 3, 10)
_EDGE_CHARS, _TAKEN_CHARS = 30, 20
_OF_NEIGHBOURS = (
    "chars",
    "links",
    "ends",
    "prose",
    "digits",
    "tag_0",
    "tag_1",
    "in_16",
    "copies",
    "near_sum",
)


def cut_parts(source: Source) -> list[Part]:
    """Cut the visible text of a page into its paragraphs."""
    return [
        part
        for segment in source.segments
        for part in source.cuts(segment.start, segment.end)
    ]


def measure_page(
    source: Source, parts: Sequence[Part], told: str, weigh: Weigh
) -> Columns:
    """Measure the paragraphs of one page.

    Args:
        source: The page.
        parts: Its paragraphs, from ``cut_parts``; not empty.
        told: Folded text that the page says is its article; empty if it says nothing.
        weigh: What names of elements are worth.

    Returns:
        Columns with one number per paragraph.
    """
    columns = _measure_text(source, parts, told)
    rows = len(parts)
    here = np.array([segment.element.number for _, _, segment in parts])
    parents = np.array([_number(e.parent) for e in source.elements])
    columns |= _measure_names(source.elements, here, parents, weigh)
    columns |= _measure_place(source, parts, columns)
    columns |= measure_title(source, parts, here, parents)
    columns |= measure_headings(source, parts, columns["in_16"])
    columns |= measure_copies(source, parts)
    columns |= _measure_around(source, parts, here, parents, columns)
    columns |= _measure_kin(source.elements, here, parents, columns)
    for shift in _NEIGHBOURS:
        for name in _OF_NEIGHBOURS:
            columns[f"{name}@{shift}"] = _shift(columns[name], shift)
        columns[f"kin@{shift}"] = (
            _shift(columns["kin_key"], shift, -1) == columns["kin_key"]
        ).astype(np.float64)
        columns[f"beside@{shift}"] = (
            _shift(parents[here].astype(np.float64), shift, -2) == parents[here]
        ).astype(np.float64)
    del columns["kin_key"]
    size = np.array([end - start for start, end, _ in parts], np.float64)
    for reach in _WINDOWS:
        whole = _window(size, reach)
        columns[f"prose_{reach}"] = _window(size * columns["prose"], reach) / whole
        columns[f"links_{reach}"] = _window(size * columns["links"], reach) / whole
    columns["rest"] = np.log1p(np.arange(rows, 0, -1).astype(np.float64))
    return columns


def _number(element: Element | None) -> int:
    return 0 if element is None else element.number


def _measure_text(source: Source, parts: Sequence[Part], told: str) -> Columns:
    """How the text itself looks."""
    text = source.text
    texts = [text[start:end] for start, end, _ in parts]
    edges = np.array([(start, end) for start, end, _ in parts])
    starts, stops = edges.T
    size = (stops - starts).astype(np.float64)
    linked, words = (column[:, 1] - column[:, 0] for column in source.count_runs(edges))
    links = linked / size
    ends = np.array([bool(_SENTENCE_END.search(own[-6:])) for own in texts], np.float64)
    prose = (links < _MAX_LINKS) & (
        ((size >= _PROSE_CHARS) & (ends > 0)) | (size >= _LONG_CHARS)
    )
    sampled = np.minimum(size, _SAMPLE_CHARS)
    samples = np.minimum(stops, starts + _SAMPLE_CHARS)
    copies = Counter(texts)
    letters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    signs = _signs()[np.minimum(letters, _PLANE)]

    def count(sign: int, until: Ints) -> Floats:
        places = np.flatnonzero(signs & sign)
        first, last = places.searchsorted(starts), places.searchsorted(until)
        counted: Floats = (last - first).astype(np.float64)
        return counted

    def is_at(places: Ints, sign: int) -> Floats:
        return ((signs[places] & sign) > 0).astype(np.float64)

    return {
        "chars": np.log1p(size),
        "words": np.log1p(words),
        "word_length": np.minimum(size / np.maximum(words, 1), 20),
        "ends": ends,
        "links": links,
        "prose": prose.astype(np.float64),
        "commas": count(_COMMA, stops) / size * 100,
        "digits": count(_DIGIT, samples) / sampled,
        "capitals": count(_UPPER, samples) / sampled,
        "begins_lower": is_at(starts, _LOWER),
        "begins_upper": is_at(starts, _UPPER),
        "begins_digit": is_at(starts, _DIGIT),
        "announces": is_at(stops - 1, _COLON),
        "asks": is_at(stops - 1, _QUESTION),
        "marks": np.minimum(count(_MARK, stops), 1),
        "at": np.minimum(count(_AT, stops), 1),
        "copies": np.array([min(copies[own] - 1, 3) for own in texts], np.float64),
        "told": np.array(
            [bool(told) and len(own) >= _TOLD_CHARS and own in told for own in texts],
            np.float64,
        ),
        "tells": np.full(len(texts), float(bool(told))),
    }


@cache
def _signs() -> npt.NDArray[np.uint8]:
    """What kinds of sign a character is, by its number."""
    table = np.zeros(_PLANE + 1, np.uint8)
    for number in range(_PLANE):
        letter = chr(number)
        table[number] = (
            _DIGIT * letter.isdigit()
            | _UPPER * letter.isupper()
            | _LOWER * letter.islower()
        )
    for sign, letters in _SIGNS.items():
        table[[*map(ord, letters)]] |= sign
    return table


def _measure_names(
    elements: Sequence[Element], here: Ints, parents: Ints, weigh: Weigh
) -> Columns:
    """What the names of the elements around are worth: sum, least and most by zone."""
    worth: list[tuple[float, ...]] = [(0.0,) * 9]
    whole: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)]
    own, far = [0] * len(elements), [0] * len(elements)  # numbers in these
    bits, tags = [0] * len(elements), [len(_TAGS)] * len(elements)
    for number, (element, before) in enumerate(
        zip(elements, parents.tolist(), strict=True)
    ):
        name, attributes = element.name, element.attributes
        bits[number] = bits[before]
        if name in _TAG_BITS:
            bits[number] |= _TAG_BITS[name]
        if name in _TAG_NUMBERS:
            tags[number] = _TAG_NUMBERS[name]
        outer = far[number] = far[before]
        if not attributes or name in FRAMES or element.start == element.end:
            continue
        if (found := weigh(attributes)) is not None:
            own[number] = len(worth)
            worth.append(found)
            total, least, most = whole[outer]
            far[number] = len(whole)
            whole.append((total + found[6], min(least, found[7]), max(most, found[8])))
    columns = _spread_names(
        here, parents, np.array(bits), np.array(tags), np.array(worth)[own]
    )
    return columns | _named("far", np.array(whole)[np.array(far)[here]])


def _spread_names(
    here: Ints, parents: Ints, bits: Ints, tags: Ints, own: Floats
) -> Columns:
    """Tags around each paragraph, and the names in the nearer zones."""
    own_tags = tags[here] == np.arange(len(_TAGS))[:, None]
    around = (bits[here] >> np.arange(len(_AROUND))[:, None]) & 1
    columns: Columns = {
        **{f"tag_{tag}": one for tag, one in enumerate(own_tags.astype(np.float64))},
        **{f"in_{bit}": one for bit, one in enumerate(around.astype(np.float64))},
    }
    at = here
    for zone, first, last in (("near", 0, NEAR), ("middle", NEAR, MIDDLE)):
        found = np.zeros((len(here), 3))
        columns_of = slice(0, 3) if zone == "near" else slice(3, 6)
        for _ in range(first, last):
            one = own[at, columns_of] * (at > 0)[:, None]
            found[:, 0] += one[:, 0]
            found[:, 1] = np.minimum(found[:, 1], one[:, 1])
            found[:, 2] = np.maximum(found[:, 2], one[:, 2])
            at = parents[at]
        columns |= _named(zone, found)
    return columns


def _named(zone: str, found: Floats) -> Columns:
    return {
        f"{zone}_{name}": np.clip(found[:, number], -8, 8)
        for number, name in enumerate(("sum", "least", "most"))
    }


def _measure_place(source: Source, parts: Sequence[Part], columns: Columns) -> Columns:
    """Where on the page: from its ends, from the heading, from the running text."""
    rows, total = len(parts), len(source.text)
    starts = np.array([start for start, _, _ in parts], np.float64)
    heads = starts[columns["tag_2"] > 0]
    head = -1.0 if not len(heads) else heads[0 if len(heads) > 1 else -1]
    prose = np.flatnonzero(columns["prose"])
    first = starts[prose[0]] if len(prose) else 0
    last = starts[prose[-1]] if len(prose) else total
    from_head: Floats = starts - head if head >= 0 else np.zeros(rows)
    below_head = (from_head > 0).astype(np.float64)
    return {
        "place": starts / total,
        "number": np.log1p(np.arange(rows).astype(np.float64)),
        "from_head": from_head / total,
        "below_head": below_head if head >= 0 else np.full(rows, 0.5),
        "near_head": np.log1p(np.abs(from_head)) if head >= 0 else np.full(rows, 8.0),
        "from_prose": (starts - first) / total,
        "above_prose": (starts < first).astype(np.float64),
        "below_prose": (starts > last).astype(np.float64),
        "depth": np.array([segment.element.depth for *_, segment in parts], np.float64),
        "caption": np.array([is_caption(s.element) for *_, s in parts], np.float64),
    }


def _measure_around(
    source: Source,
    parts: Sequence[Part],
    here: Ints,
    parents: Ints,
    columns: Columns,
) -> Columns:
    """How much text, prose and links the elements around a paragraph hold."""
    starts = np.array([start for start, _, _ in parts])
    size = np.array([end - start for start, end, _ in parts], np.float64)
    first = np.searchsorted(starts, [e.start for e in source.elements])
    last = np.searchsorted(starts, [e.end for e in source.elements])

    def within(column: Floats) -> Floats:
        running = np.concatenate([[0.0], np.cumsum(column)])
        inside: Floats = running[last] - running[first]
        return inside

    chars = np.maximum(within(size), 1)
    prose = within(size * columns["prose"])
    links = within(size * columns["links"]) / chars
    all_prose = max(float((size * columns["prose"]).sum()), 1.0)
    share, density, long = prose / all_prose, prose / chars, np.log1p(chars)
    found: Columns = {}
    at = here
    for level in range(1, _LEVELS + 1):
        at = parents[at]
        found |= {
            f"chars_{level}": long[at],
            f"links_{level}": links[at],
            f"share_{level}": share[at],
            f"prose_{level}": density[at],
        }
    at, branch = here, np.full(len(here), -1)
    away = np.zeros(len(here))
    for least in _SHARES:
        # On the way out; who has come far enough for more of a share has for less.
        while (outside := (share[at] < least) & (away < _FAR_AWAY)).any():
            branch = np.where(outside, at, branch)
            away = away + outside
            at = np.where(outside, parents[at], at)
        inner = branch >= 0
        found |= {
            f"away_{least}": away,
            f"main_chars_{least}": long[at],
            f"main_prose_{least}": density[at],
            f"main_links_{least}": links[at],
            f"branch_chars_{least}": np.where(inner, long[branch], columns["chars"]),
            f"branch_prose_{least}": np.where(inner, density[branch], columns["prose"]),
            f"branch_links_{least}": np.where(inner, links[branch], columns["links"]),
            f"branch_share_{least}": np.where(inner, share[branch], 0),
        }
    return found


def _measure_kin(
    elements: Sequence[Element], here: Ints, parents: Ints, columns: Columns
) -> Columns:
    """What the paragraphs are like that the page marks up in the same way."""
    known: dict[tuple[object, ...], int] = {}
    looks = np.zeros(len(elements), np.int64)
    seen: dict[tuple[str, str], int] = {}
    for element in elements:
        if element.start < element.end:
            markup = element.name, element.attributes
            if (look := seen.get(markup)) is None:
                words = read_names(element.attributes)[:_KEY_WORDS]
                look = known.setdefault((element.name, *words), len(known))
                seen[markup] = look
            looks[element.number] = look
    keys = looks[here]
    at = here
    for _ in range(2):
        at = parents[at]
        keys = keys * len(known) + looks[at]
    _, keys, counts = np.unique(keys, return_inverse=True, return_counts=True)
    size = np.expm1(columns["chars"])

    def total(column: Floats) -> Floats:
        return np.bincount(keys, weights=column).astype(np.float64)

    chars = total(size)
    prose = total(size * columns["prose"])
    return {
        "kin_key": keys.astype(np.float64),
        "kin": np.log1p(counts)[keys],
        "kin_chars": np.log1p(chars / counts)[keys],
        "kin_links": (total(size * columns["links"]) / chars)[keys],
        "kin_prose": (total(columns["prose"]) / counts)[keys],
        "kin_share": (chars / chars.sum())[keys],
        "kin_prose_share": (prose / max(prose.sum(), 1.0))[keys],
    }


def measure_taken(source: Source, parts: Sequence[Part], taken: str) -> Columns:
    """Measure what an extractor takes: beginnings and ends of paragraphs, and around.

    In the middle of a paragraph it drops references and buttons. Of a few letters it
    is not known which ones it has taken.

    Args:
        source: The page.
        parts: Its paragraphs; not empty.
        taken: Folded text that the extractor takes for the article.

    Returns:
        More columns beside those of ``measure_page``.
    """
    text = source.text
    size = np.array([end - start for start, end, _ in parts], np.float64)
    share = np.array(
        [
            (
                (text[start : min(end, start + _EDGE_CHARS)] in taken)
                + (text[max(start, end - _EDGE_CHARS) : end] in taken)
            )
            / 2
            for start, end, _ in parts
        ]
    )
    is_long = (size >= _TAKEN_CHARS).astype(np.float64)
    weight = size * is_long
    both = np.flatnonzero(share * is_long > 0.5)  # noqa: PLR2004
    within = np.zeros(len(parts))
    if len(both):
        within[both[0] : both[-1] + 1] = 1
    columns = {
        "taken": share * is_long,
        "taken_short": share * (1 - is_long),
        "is_long": is_long,
        "taken_within": within,
        "taken_share": np.full(len(parts), len(taken) / max(len(text), 1)),
        "taken_chars": np.full(len(parts), np.log1p(len(taken))),
    }
    for reach in _TAKEN_WINDOWS:
        near = np.maximum(_window(weight, reach), 1)
        columns[f"taken_{reach}"] = _window(share * weight, reach) / near
    homes = np.array([_number(segment.element.parent) for *_, segment in parts])
    beside = np.bincount(homes, weights=share * weight)
    columns["taken_beside"] = (
        beside / np.maximum(np.bincount(homes, weights=weight), 1)
    )[homes]
    return columns


def _shift(column: Floats, by: int, outside: float = 0.0) -> Floats:
    """Column of the neighbours ``by`` rows away."""
    shifted = np.full(len(column), outside)
    if abs(by) < len(column):
        if by > 0:
            shifted[:-by] = column[by:]
        else:
            shifted[-by:] = column[:by]
    return shifted


def _window(column: Floats, reach: int) -> Floats:
    """Sum over the rows at most ``reach`` away."""
    running = np.concatenate([[0.0], np.cumsum(column)])
    rows = np.arange(len(column))
    sums: Floats = (
        running[np.minimum(rows + reach + 1, len(column))]
        - running[np.maximum(rows - reach, 0)]
    )
    return sums
