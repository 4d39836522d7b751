"""The title of a text: found by its place, its length and its repetition."""

import re
from itertools import pairwise
from typing import TypeAlias

from tasks.pieces import Block
from tasks.schema import Field, Kind, Markup, RemovalReason
from tasks.text import lexicon
from tasks.text.captions import is_caption
from tasks.text.credits import read_bare_names
from tasks.text.draft import Draft, is_about_article
from tasks.text.shape import ends_sentence, find_urls, is_prose, measure_words

_Key: TypeAlias = tuple[str, tuple[str, ...]]

_HEAD_BLOCKS = 15
_TOP_BLOCKS = 80
_FEW_CANDIDATES = 6
_REPEATED = 3
_FULL_TITLE_WORDS = 3
_ABOVE_TITLE_WORDS = 2
_TITLE_CHARS = 250
_TITLE_WORDS = 32
_TRUSTED = 0.5
_DIGITS = re.compile(r"\d+")
_ITEM = re.compile(r"(?:\d{1,3}[.)]|[-+*•#>])\s")
_TITLE_STOP = re.compile(r"[.,;:。，；：]$")
_ASKS = re.compile(r"[?？؟][\"'”“»›’)]*$")
_QUESTIONS = 2
_BY_PLACE = 0.8
_LOOSE = 4
_DOUBTFUL, _HARDLY = -2.0, -6.0  # log-odds


def lift_title(draft: Draft) -> None:
    """Lift the title from the top of the text and remove its repetitions."""
    claimed = [
        claim.value
        for claim in draft.claims
        if claim.field is Field.TITLE and claim.score >= _TRUSTED
    ]
    known = {_key(title) for title in claimed} - {("", ())}
    index = _find_title(draft, known)
    titles = set(known)
    if index is not None:
        text = draft.blocks[index].text
        titles.add(_key(text))
        rule_id = "head.title"
        draft.claim(Field.TITLE, text, rule_id, _BY_PLACE, index)
        draft.lift(index, Field.TITLE, rule_id)
        _drop_above_title(draft, index)
    folded = {title for title, _ in titles} - {""}
    heads = lexicon.heads_of(folded)
    longest = _LOOSE * max(map(len, folded), default=0)  # marks and spaces fold away
    for place, other in enumerate(draft.kept()):
        block = draft.blocks[other]
        if (
            len(block.text) <= longest
            and lexicon.may_equal(block.text, heads)
            and _key(block.text) in titles
        ):
            draft.remove(other, RemovalReason.REPEATED_TITLE, "head.repeated_title")
        elif place < _HEAD_BLOCKS and _ends_with_title(block, folded):
            draft.remove(other, RemovalReason.REPEATED_TITLE, "head.kicker_and_title")


def _key(text: str) -> _Key:
    """What two titles must share; folding alone takes ``Day 7`` for ``Day 8``."""
    folded = lexicon.fold(text)
    return folded, tuple(_DIGITS.findall(text)) if "#" in folded else ()


def _ends_with_title(block: Block, titles: set[str]) -> bool:
    """Whether a heading is a title behind its kicker, which pages show as one."""
    if block.kind is not Kind.HEADING:
        return False
    folded = lexicon.fold(block.text)
    return any(
        folded.endswith(f" {title}") and title.count(" ") >= _FULL_TITLE_WORDS
        for title in titles
    )


def _drop_above_title(draft: Draft, title: int) -> None:
    """Remove the short lines above the title: kicker, section, menu."""
    for index in draft.kept():
        text = draft.blocks[index].text
        if index >= title or measure_words(text) > _ABOVE_TITLE_WORDS:
            return
        draft.remove(index, RemovalReason.PAGE_FURNITURE, "head.above_title")


def _find_title(draft: Draft, known: set[_Key]) -> int | None:
    kept = draft.kept()
    found = _find_title_among(draft, known, kept)
    if found not in draft.recurring:
        return found
    # The site's name, if another line can be the title; or that of a column.
    own = [index for index in kept if index not in draft.recurring]
    other = _find_title_among(draft, known, own)
    return found if other is None else other


def _find_title_among(draft: Draft, known: set[_Key], kept: list[int]) -> int | None:
    for index in kept[:_HEAD_BLOCKS] if known else ():
        if _key(draft.blocks[index].text) in known:
            return index
    if draft.markup is Markup.HTML and known:
        return None
    if not any(is_prose(draft.blocks[index].text) for index in kept[1:]):
        return None
    if draft.title_odds:
        found = _find_by_odds(draft, kept)
    else:
        found = _find_by_place(draft, kept)
    if found is None or _is_first_question(draft, kept, found):
        return None
    return None if _goes_on(draft, found) else found


def _goes_on(draft: Draft, index: int) -> bool:
    """Whether a line is half a sentence: the text below goes on in lower case."""
    below = next(iter(draft.blocks[index + 1 : index + 2]), None)
    return (
        below is not None
        and below.reason is None
        and not below.blank_before
        and below.text[:1].islower()
        and is_prose(below.text)
    )


def _is_first_question(draft: Draft, kept: list[int], index: int) -> bool:
    """Whether a line is the first question of an interview rather than its title.

    Right below it stands the answer, and more questions with answers follow. A line
    that comes again is a title all the same.
    """
    if not _ASKS.search(draft.blocks[index].text):
        return False
    texts = [draft.blocks[other].text for other in kept if other >= index]
    if not _is_answer("".join(texts[1:2])) or texts[0] in texts[1:]:
        return False
    asked = sum(
        bool(_ASKS.search(question)) and _is_answer(answer)
        for question, answer in pairwise(texts[2:])
    )
    return asked >= _QUESTIONS


def _is_answer(text: str) -> bool:
    """Whether a line answers a question: running text, or a sentence (``Yes.``)."""
    return is_prose(text) or (ends_sentence(text) and not _ASKS.search(text))


def _find_by_odds(draft: Draft, kept: list[int]) -> int | None:
    """Return the likeliest title; or what place alone says, unless that is unlikely."""
    odds = draft.title_odds
    ranked = sorted(kept, key=lambda index: -odds[index])
    shaped = (index for index in ranked if could_be_title(draft.blocks[index]))
    best = next(shaped, None)
    if best is None or odds[best] > 0:
        return best
    by_place = _find_by_place(draft, kept)
    limit = _HARDLY if by_place == best else _DOUBTFUL
    return by_place if by_place is not None and odds[by_place] >= limit else None


def _find_by_place(draft: Draft, kept: list[int]) -> int | None:
    candidates = []
    for index in kept[:_TOP_BLOCKS]:
        if could_be_title(draft.blocks[index]):
            candidates.append(index)
        elif is_prose(draft.blocks[index].text):
            break
    points = {
        index: _weigh_title(draft, index, is_first=index == kept[0])
        for index in candidates
    }
    best = max(candidates, key=lambda index: (points[index], -index), default=None)
    # A long row of short lines is a menu; only repetition tells a title in it.
    enough = _REPEATED if len(candidates) > _FEW_CANDIDATES else 1
    return best if best is not None and points[best] >= enough else None


def _weigh_title(draft: Draft, index: int, *, is_first: bool) -> int:
    """Weigh what speaks for a line being the title.

    Repetition most; then a length between kicker and sentence; the first place; text or
    a lifted line (date, byline) right below.
    """
    text = draft.blocks[index].text
    folded = lexicon.fold(text)
    words = measure_words(text)
    again = words >= _FULL_TITLE_WORDS and any(
        folded in lexicon.fold(block.text)
        for other, block in enumerate(draft.blocks)
        if other != index and len(block.text) <= _TITLE_CHARS
    )
    following = [
        block
        for block in draft.blocks[index + 1 :]
        if block.reason in {None, RemovalReason.LIFTED}
    ]
    is_above = bool(following) and (
        following[0].reason is not None or is_prose(following[0].text)
    )
    length = 2 if words >= _FULL_TITLE_WORDS else -2 if words == 1 else 0
    is_name = bool(read_bare_names(text, draft.language, draft.writes))
    return _REPEATED * (again - is_name) + length + is_first + is_above


def could_be_title(block: Block) -> bool:
    """Whether a block has the shape of a title: short, no sentence, no caption."""
    text = block.text
    if block.kind not in {None, Kind.BODY, Kind.HEADING} or find_urls(text):
        return False
    if _ITEM.match(text):
        return False
    if len(text) > _TITLE_CHARS or measure_words(text) > _TITLE_WORDS:
        return False
    if _TITLE_STOP.search(text.rstrip("\"'”“»›’)")) or not any(map(str.isalpha, text)):
        return False
    return not is_caption(text) and not is_about_article(text)
