"""Leftovers of the page that phrases tell, in any language, and what they announce."""

import re
from collections.abc import Iterator

from tasks.schema import Kind, Markup, RemovalReason
from tasks.text import lexicon
from tasks.text.draft import Draft, is_about_article
from tasks.text.shape import ends_sentence, is_prose, measure_words

_CREDIT_WORDS = 25
_OPENER_WORDS = 30
_TAIL_SHARE = 0.3
_BRIEF = 3
_LIKELY = 0.5  # log-odds of a line of the article
_COPYRIGHT = re.compile(r"(?:©|\(c\)|copyright)\W*(?:19|20)\d\d\b", re.IGNORECASE)

_OF_PAGES = frozenset(RemovalReason) - {
    RemovalReason.LIFTED,
    RemovalReason.LAYOUT,
    RemovalReason.REPEATED_TITLE,
}


def drop_leftovers(draft: Draft) -> None:
    """Remove lines that are, as a whole, a known leftover of pages in some language."""
    for index in draft.kept():
        text = draft.blocks[index].text
        found = _find_leftover(text)
        if not found or is_about_article(text) or _is_marked_up(draft, index, found):
            continue
        draft.remove(index, *found)


def _is_marked_up(draft: Draft, index: int, found: tuple[RemovalReason, str]) -> bool:
    """Whether markup says that a line is none of the page's menus.

    ``FAQ`` and ``Next steps`` are headings of many articles, and of a page only those
    lines are left that stand in its article.
    """
    reason, rule_id = found
    if draft.markup is Markup.TEXT or reason is not RemovalReason.NAVIGATION:
        return False
    is_heading = draft.blocks[index].kind is Kind.HEADING
    return is_heading or rule_id.startswith("openers.")


def _find_leftover(text: str) -> tuple[RemovalReason, str] | None:
    """Reason and rule of a line that is a leftover as a whole."""
    is_long = len(text) > lexicon.MAX_LEFTOVER_CHARS
    if is_long and measure_words(text) > _OPENER_WORDS:
        return None
    if not any(map(str.isalpha, text)):
        return None
    phrase = lexicon.find_leftover(text)
    if phrase and ends_sentence(text) and measure_words(text) <= _BRIEF:
        return None  # `Nein.` is an answer
    if _COPYRIGHT.match(text) and measure_words(text) <= _CREDIT_WORDS:
        return RemovalReason.PAGE_FURNITURE, "line.copyright"
    if (
        phrase is None
        and measure_words(text) <= _OPENER_WORDS
        and (opener := lexicon.find_opener(text))
        and (opener.is_marked or not ends_sentence(text[opener.end :]))
    ):
        phrase = opener
    return (RemovalReason(phrase.name), phrase.rule_id) if phrase else None


def drop_after_openers(draft: Draft) -> None:
    """Remove the lines that a related-links or comment-form line announces.

    At the end of the text these are all short lines that follow. Inside the text they
    are those of the same group of lines, up to the next running text.
    """
    last_prose = next(filter(draft.is_prose, reversed(draft.kept())), -1)
    spread = {RemovalReason.RELATED_LINKS, RemovalReason.COMMENT_FORM}
    index = 0
    while index < len(draft.blocks):
        opener = draft.blocks[index]
        index += 1
        if opener.reason not in spread:
            continue
        tail = index > last_prose
        has_link = str(opener.rule_id).startswith("openers.")
        has_link &= not opener.text.rstrip().endswith((":", "："))
        group = list(_short_lines_after(draft, index, tail=tail))
        likely = (at for at, i in enumerate(group) if _is_likely(draft, i))
        # The first line behind a colon is announced beyond doubt.
        end = next((at for at in likely if at or has_link), len(group))
        group = group[:end]
        if has_link:  # its link stands on its own line: no others after a blank line
            cut = [draft.blocks[i].blank_before for i in group]
            group = group[: cut.index(True)] if True in cut else group
        if index <= last_prose and len(group) > 1 and not _has_blank(draft, group):
            group.pop()  # the line before running text may be its heading
        for follower in group:
            rule_id = f"after.{opener.rule_id}"
            draft.remove(follower, RemovalReason(opener.reason), rule_id)


def drop_tail(draft: Draft) -> None:
    """Remove what follows a comment form, and sentences made of words of leftovers.

    Both only at the end, where pages put them: behind the comment form if that is
    little against the article, and below the last paragraph of some length. Where
    ``furniture`` has judged each line, what follows a form is left to it: articles go
    on below forms too.
    """
    chars = 0
    # Most of the source of a page is no text.
    is_page = draft.markup is Markup.HTML
    own = [len(draft.blocks[index].text) for index in draft.kept()]
    whole = sum(own) if is_page else len(draft.raw)
    form = len(draft.blocks)
    for index in () if draft.odds else reversed(range(len(draft.blocks))):
        block = draft.blocks[index]
        if block.reason is RemovalReason.COMMENT_FORM and " " in block.text:
            form = index
        chars += len(block.text) if block.reason is None else 0
        if chars > _TAIL_SHARE * whole:
            break
    for index in draft.kept():
        if index > form and not is_about_article(draft.blocks[index].text):
            draft.remove(index, RemovalReason.COMMENT_FORM, "after.comment_form")
    for index in reversed(draft.kept()):
        text = draft.blocks[index].text
        if measure_words(text) > _CREDIT_WORDS:
            return
        phrase = lexicon.find_resemblance(text)
        if phrase is None or is_about_article(text):
            continue
        pitch = phrase.name == RemovalReason.NEWSLETTER and index == draft.kept()[-1]
        if pitch or _is_among_leftovers(draft, index):
            draft.remove(index, RemovalReason(phrase.name), phrase.rule_id)


def _is_among_leftovers(draft: Draft, index: int) -> bool:
    """Whether a sentence stands beside something removed; other lines may be alone."""
    if not ends_sentence(draft.blocks[index].text):
        return True
    return any(block.reason in _OF_PAGES for block in draft.beside(index))


def _short_lines_after(draft: Draft, index: int, *, tail: bool) -> Iterator[int]:
    for follower in range(index, len(draft.blocks)):
        block = draft.blocks[follower]
        if block.reason is RemovalReason.LAYOUT:
            continue
        if block.reason or is_prose(block.text) or is_about_article(block.text):
            return
        if block.text.endswith((".", "。")) and ends_sentence(block.text):
            return
        if not tail and (block.blank_before or block.kind is Kind.HEADING):
            return
        yield follower


def _is_likely(draft: Draft, index: int) -> bool:
    return bool(draft.odds) and draft.odds[index] > _LIKELY


def _has_blank(draft: Draft, group: list[int]) -> bool:
    following = draft.blocks[group[-1] + 1 :]
    return bool(following) and following[0].blank_before
