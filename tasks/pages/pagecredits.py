"""Date and author lines that stand around the article on a page.

Many pages say who wrote an article, and when, only in a line under the title. The
extractor drops such lines with the rest of the page; here they are read. A line close
to the article counts, and further away, below it, only a labelled one: dates in teasers
and comments look the same.
"""

import re
from collections.abc import Iterator, Sequence

from tasks.pages.pagevalues import iso_date
from tasks.pieces import Block, Claim
from tasks.schema import Field, RemovalReason
from tasks.text import lexicon
from tasks.text.credits import is_update, read_credits
from tasks.text.dates import DateFound
from tasks.text.normalise import normalise
from tasks.text.shape import is_prose, measure_words

_CLEANINGS = ("html", "nfc", "invisible", "spaces")
_TOUCHING = re.compile(r"(?<=\w)(?:</?[a-zA-Z][^<>]*>)+(?=\w)")
_CLOSED = re.compile(r"</(?:b|strong|dt|em|i|label|span)\s*>\s*(?=\S)", re.IGNORECASE)
_ABOVE, _BELOW = 16, 6  # blocks around the running text
_INSIDE = 3
_MAX_WORDS = 25
_MAX_CHARS = 1000  # of source
_MAX_CODE = 2
_DAY = len("2025-01-29")
_DATED = frozenset({"published", "updated"})
_RULES = {True: "html.credit_label", False: "html.credit_line"}
_AMBIGUOUS = "html.credit_ambiguous", 0.6  # 3/4/2020
_AUTHOR_SCORES = {True: 0.86, False: 0.69}
_DATE_SCORES = {True: 0.91, False: 0.9}


def read_credit_lines(blocks: Sequence[Block], language: str | None) -> list[Claim]:
    """Read the lines beside the article that hold nothing but dates and names.

    Args:
        blocks: All blocks of a page in order.
        language: What the page says its language is; tells names from headings.

    Returns:
        Per field the claim of the line closest to the beginning of the running text,
        with its place. Dates labelled as an update are claims for that.
    """
    prose = [
        index
        for index, block in enumerate(blocks)
        if block.reason is None and is_prose(block.text)
    ]
    if not prose:
        return []
    first, last = prose[0], prose[-1]
    found: dict[Field, tuple[int, Claim]] = {}
    for index, block, text in _lines(blocks, first, last):
        is_below = index > first + _INSIDE
        for claim in _read_line(block, text, language, is_below=is_below):
            distance = abs(index - first) + (len(blocks) if is_below else 0)
            known = found.get(claim.field)
            better = known is None or (-claim.score, distance) < (
                -known[1].score,
                known[0],
            )
            if better:
                found[claim.field] = distance, claim
    return [claim for _, claim in found.values()]


def _lines(
    blocks: Sequence[Block], first: int, last: int
) -> Iterator[tuple[int, Block, str]]:
    """Short removed blocks near the article; a label alone joins the line after it."""
    label = ""
    places = [*range(max(first - _ABOVE, 0), first + _INSIDE + 1)]
    places += range(max(places[-1], last) + 1, last + 1 + _BELOW)
    for index in places:
        if index >= len(blocks):
            return
        block = blocks[index]
        text = _text(block)
        if not text or measure_words(text) > _MAX_WORDS:
            label = ""
            continue
        # Of a menu (``Authors``, ``Blogs``) a label joins nothing.
        yield index, block, f"{label}{text}" if " " in text else text
        label = f"{text.rstrip(' :')}: " if _is_label(text) else ""


def _text(block: Block) -> str:
    if block.reason is RemovalReason.LIFTED or len(block.text) > _MAX_CHARS:
        return ""
    if block.reason is None:
        return block.text
    # ``<b>Author</b> Ada Byron``: what a label is for stands in other type.
    head, *rest = _CLOSED.split(block.text, maxsplit=1)
    label = normalise(head, _CLEANINGS) if rest else ""
    if label and _is_label(label):
        return f"{label.rstrip(' :')}: {normalise(rest[0], _CLEANINGS)}"
    # ``<a>Ada Byron</a><i>Reporter</i>``: the eye sees two things.
    return normalise(_TOUCHING.sub(" | ", block.text), _CLEANINGS)


def _is_label(text: str) -> bool:
    return any(
        label.name == "byline" and label.end == len(text)
        for label in lexicon.find_labels(text)
    )


def _read_line(
    block: Block, text: str, language: str | None, *, is_below: bool
) -> Iterator[Claim]:
    found = read_credits(text, language)
    if found is None:
        return
    place = block.start_chars, block.end_chars
    if all(len(word) <= _MAX_CODE for name in found.names for word in name.split()):
        found = found._replace(names=())  # `DE FR IT EN`
    is_loose = any(" " not in name for name in found.names)
    if found.names and (found.is_labelled or not (is_below or is_loose)):
        yield Claim(
            Field.AUTHORS,
            "; ".join(found.names),
            _RULES[found.is_labelled],
            _AUTHOR_SCORES[found.is_labelled],
            *place,
        )
    is_labelled = bool({label.name for label in lexicon.find_labels(text)} & _DATED)
    days: dict[Field, list[DateFound]] = {}
    for date in found.dates:
        into = Field.MODIFIED_ON if is_update(text, date) else Field.PUBLISHED_ON
        days.setdefault(into, []).append(date)
    for into, (date, *others) in days.items():
        is_known = is_labelled or into is Field.MODIFIED_ON
        is_day = not others and len(date.value) == _DAY and iso_date(date.value)
        if is_day and (is_known or not is_below):
            rule_id, score = _RULES[is_known], _DATE_SCORES[is_known]
            if date.is_ambiguous:
                rule_id, score = _AMBIGUOUS
            yield Claim(into, date.value, rule_id, score, *place)
