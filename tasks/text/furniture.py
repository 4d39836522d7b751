"""Tell what looks like the page around an article, in plain text, without phrases.

A small neural network (``network``) gives each block the log-odds of being part of the
article, and of being its title; here is decided what follows from them.
"""

from bisect import bisect
from collections.abc import Iterator, Sequence
from math import inf

from tasks.pieces import Block
from tasks.schema import Kind, RemovalReason
from tasks.text import lexicon
from tasks.text.captions import is_caption
from tasks.text.draft import Draft, is_about_article
from tasks.text.measures import measure_blocks
from tasks.text.network import load_network
from tasks.text.shape import ends_sentence, is_heading_shaped, is_prose, measure_words

_FEW_BLOCKS = 6  # too little to tell a page by
_MANY_BLOCKS = 5_000
_NEAR = 3  # blocks between a caption and the article
_UNSEEN = frozenset({RemovalReason.LAYOUT, RemovalReason.LIFTED})
# Log-odds below which ...
_KEPT = 0.5  # a line goes
_SURE = -1.5  # a text of few lines, or without any sign of a page, loses lines
_PROSE = -0.4  # prose goes
_NOTE = -3  # a note about the article goes
_INSIDE = 0.5  # a line that a phrase has told is not put back
_TITLED, _PARAGRAPH = -1.5, 1.5  # nor between two paragraphs, of what they are below
_HEADING = -0.5  # a line above prose is no heading
_ITEM = -0.75  # a line is no item of the list above it
_ANNOUNCED_BLOCKS = 12
_MENU_WORDS = 6
_PARAGRAPH_WORDS = 15
_ANNOUNCING = frozenset(
    {
        RemovalReason.ADVERTISEMENT,
        RemovalReason.COMMENT_FORM,
        RemovalReason.COOKIE_NOTICE,
        RemovalReason.NEWSLETTER,
        RemovalReason.PAYWALL,
        RemovalReason.RELATED_LINKS,
        RemovalReason.SHARE_LINKS,
    }
)


def judge_drafts(drafts: Sequence[Draft]) -> None:
    """Judge the blocks of plain texts: set ``odds`` and ``title_odds``.

    What rules have removed or lifted so far is evidence. A text of very many blocks is
    no page: it is not judged.
    """
    drafts = [draft for draft in drafts if len(draft.blocks) <= _MANY_BLOCKS]
    blocks = [
        [block for block in draft.blocks if block.reason is not RemovalReason.LAYOUT]
        for draft in drafts
    ]
    measures = measure_blocks(blocks)
    found = load_network().judge(measures).T.tolist() if measures.columns else ((), ())
    article, title = map(iter, found)
    layout = RemovalReason.LAYOUT
    for draft in drafts:
        reasons = [block.reason for block in draft.blocks]
        draft.odds = [inf if it is layout else next(article) for it in reasons]
        draft.title_odds = [-inf if it is layout else next(title) for it in reasons]


def put_back_lines(draft: Draft) -> None:
    """Put back lines that only read like the page's navigation.

    ``Next steps`` between two paragraphs is a heading, ``Search`` in a list an item:
    phrases do not know where they stand.

    Args:
        draft: Any article; nothing is done to those without ``odds``.
    """
    if not draft.odds or all(
        block.reason is not RemovalReason.NAVIGATION for block in draft.blocks
    ):
        return
    seen = [
        index
        for index, block in enumerate(draft.blocks)
        if block.reason is not RemovalReason.LAYOUT
    ]
    inside = {
        index
        for index in seen
        if draft.odds[index] > _INSIDE
        and draft.blocks[index].reason in {None, RemovalReason.NAVIGATION}
    }
    for above, index, below in zip(seen, seen[1:], seen[2:], strict=False):
        if draft.blocks[index].reason is RemovalReason.NAVIGATION and (
            {above, index, below} <= inside
            or (
                draft.odds[index] > _TITLED
                and {above, below} <= inside
                and _is_paragraph(draft, above)
                and _is_paragraph(draft, below)
            )
        ):
            draft.put_back(index)


def _is_paragraph(draft: Draft, index: int) -> bool:
    return draft.odds[index] > _PARAGRAPH and draft.is_prose(index)


def drop_furniture(draft: Draft) -> None:
    """Remove the blocks that are more likely the page's than the article's.

    Captions stay unless they are far from the article; notes about it, and prose, must
    be more plainly the page's. If no phrase has told a leftover, a text of a few blocks
    stays whole, and one in which nothing is a leftover without doubt.

    Args:
        draft: Any article; nothing is done to those without ``odds``.
    """
    odds = draft.odds
    if not odds:
        return
    kept = draft.kept()
    captions = {index for index in kept if is_caption(draft.blocks[index].text)}
    lines = [index for index in kept if index not in captions]
    is_few = len(kept) < _FEW_BLOCKS
    if not any(block.reason in _ANNOUNCING for block in draft.blocks) and (
        is_few or not any(odds[index] < _limit(draft, index, _SURE) for index in lines)
    ):
        return
    doomed: list[int] = []
    for index in lines:
        limit = _limit(draft, index, _SURE if is_few else _KEPT)
        if odds[index] < limit and _is_furniture(draft.blocks[index], odds[index]):
            is_below_kept = draft.blocks[index - 1].reason is None and (
                doomed[-1:] != [index - 1]
            )
            if not (
                _is_heading(draft, index, is_below_kept=is_below_kept)
                or _leads_on(draft, index)
                or _follows(draft, index, doomed[-1:])
            ):
                doomed.append(index)
    remaining = sorted(set(lines) - set(doomed))
    doomed += [index for index in sorted(captions) if _is_far(draft, index, remaining)]
    if len(doomed) == len(kept):
        return  # a page without an article: not for lines to say
    reasons = list(_find_reasons(draft, set(doomed)))
    for index, reason in reasons:
        rules = "recurring" if index in draft.recurring else "lines"
        draft.remove(index, reason, f"{rules}.{reason}")


def _limit(draft: Draft, index: int, limit: float) -> float:
    """Return the odds below which a block goes; its folder can make it doubtless."""
    return _KEPT if index in draft.recurring else limit


def _is_furniture(block: Block, odds: float) -> bool:
    if odds >= _PROSE and is_prose(block.text):
        return False
    return odds < _NOTE or not is_about_article(block.text)


def _is_far(draft: Draft, caption: int, remaining: list[int]) -> bool:
    """Whether no line of the article is beside a caption; other captions may be."""
    at = bisect(remaining, caption)
    for beside in remaining[max(at - 1, 0) : at + 1]:
        low, high = sorted((beside, caption))
        between = draft.blocks[low + 1 : high]
        if sum(block.reason not in _UNSEEN for block in between) <= _NEAR:
            return False
    return True


def _is_heading(draft: Draft, index: int, *, is_below_kept: bool) -> bool:
    """Whether a block could be the heading of the paragraph that follows.

    Of such lines that look a little like leftovers, most are headings; below other
    leftovers fewer are.
    """
    odds = draft.odds
    if odds[index] < (_HEADING if is_below_kept else _HEADING / 2):
        return False
    block, below = draft.blocks[index], draft.blocks[index + 1 : index + 2]
    return (
        bool(index and below)
        and below[0].reason is None
        and odds[index + 1] > -_HEADING / 2
        and is_prose(below[0].text)
        and is_heading_shaped(block.text)
        and sum(block.text == other.text for other in draft.blocks) == 1
    )


def _follows(draft: Draft, index: int, doomed: list[int]) -> bool:
    """Whether the block above stays and has this one with it.

    As an item of the same list, or as what a note about the article announces.

    Args:
        draft: The article.
        index: A block in doubt.
        doomed: The last block above that goes, if any.
    """
    places = range(index - 1, -1, -1)
    layout = RemovalReason.LAYOUT
    at = next((i for i in places if draft.blocks[i].reason is not layout), None)
    if at is None or [at] == doomed or draft.blocks[at].reason is not None:
        return False
    above, block = draft.blocks[at], draft.blocks[index]
    if above.kind is block.kind is Kind.LIST_ITEM:
        return draft.odds[index] > _ITEM
    return above.text.endswith((":", "：")) and is_about_article(above.text)


def _leads_on(draft: Draft, index: int) -> bool:
    """Whether a block is a paragraph right above another, such as the first one.

    Many pages repeat a summary there that is no part of the article; where only the
    place speaks against a paragraph it stays.
    """
    text = draft.blocks[index].text
    if (
        draft.odds[index] < _SURE
        or measure_words(text) < _PARAGRAPH_WORDS
        or not ends_sentence(text)
    ):
        return False
    following = zip(draft.blocks[index + 1 :], draft.odds[index + 1 :], strict=True)
    below, odds = next(
        (pair for pair in following if not is_caption(pair[0].text)), (None, 0)
    )
    return (
        below is not None
        and below.reason is None
        and odds >= 0
        and is_prose(below.text)
    )


def _find_reasons(
    draft: Draft, doomed: set[int]
) -> Iterator[tuple[int, RemovalReason]]:
    """Say for every doomed block which kind of leftover it is, by what stands there.

    What a phrase has announced above in the same stretch of leftovers; else what its
    words resemble; else a menu where short lines follow each other.
    """
    announced, since = None, 0
    for index, block in enumerate(draft.blocks):
        if block.reason is RemovalReason.LAYOUT:
            continue
        if index not in doomed:
            is_opener = block.reason in _ANNOUNCING
            announced = RemovalReason(block.reason or "layout") if is_opener else None
            since = 0
            continue
        since += 1
        is_near = since <= _ANNOUNCED_BLOCKS and not is_prose(block.text)
        if announced and is_near:
            yield index, announced
        elif phrase := lexicon.find_resemblance(block.text):
            yield index, RemovalReason(phrase.name)
        elif _is_menu(draft, doomed, index):
            yield index, RemovalReason.NAVIGATION
        else:
            yield index, RemovalReason.PAGE_FURNITURE


def _is_menu(draft: Draft, doomed: set[int], index: int) -> bool:
    """Whether it and a neighbour that goes as well are a few words, no sentence."""
    near = [index, *(at for at in (index - 1, index + 1) if at in doomed)]
    texts = [draft.blocks[at].text for at in near]
    return len(texts) > 1 and all(
        measure_words(text) <= _MENU_WORDS and not ends_sentence(text) for text in texts
    )
