"""Texts that teach, made of the page of one site and the article of another.

A network that sees few sites learns them by heart. Here the lines of a page stand
around and inside an article that they were never seen with, and some groups of them
are missing: what they have in common with other pages is left to learn.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from line_texts import GOLD, Known, Text, label_text

from tasks.pieces import Block
from tasks.schema import Kind
from tasks.text import lexicon

ORIGIN = "mixed"
_FORMS, _ARTICLE_FORMS = ("full", "lca", "flat", "full_flat"), ("lca", "alone")
_MIXED = 1500
_FEW, _MANY, _MANY_PARAGRAPHS = 3, 600, 150
_DROPPED = (0, 0, 0.2, 0.4)  # share of the groups of lines
_SAMPLE_BLOCKS, _SAMPLE_CHARS, _PARAGRAPH_CHARS = 400, 200, 60


def mix_texts(texts: Sequence[Text], fold_of: Callable[[str], int]) -> list[Text]:
    """Put articles into the pages of other sites of their language and fold.

    Args:
        texts: Texts as they were saved.
        fold_of: Fold of a site: what is mixed belongs to one.
    """
    draw = random.Random(11)  # noqa: S311
    pages = [text for text in texts if _is_page(text)]
    articles = defaultdict(list)
    for text in texts:
        if text.origin in GOLD and text.form in _ARTICLE_FORMS:
            count = text.kept.count(1)
            if _FEW <= count < _MANY_PARAGRAPHS:
                articles[fold_of(text.site), _guess_language(text)].append(text)
    order = pages * (_MIXED // max(len(pages), 1) + 1)
    draw.shuffle(order)
    found: list[Text] = []
    for page in order[:_MIXED]:
        fitting = articles[fold_of(page.site), _guess_language(page)]
        if fitting and (article := draw.choice(fitting)).site != page.site:
            found.append(_mix(page, article, draw))
    return found


def _is_page(text: Text) -> bool:
    return (
        text.form in _FORMS
        and len(text.blocks) < _MANY
        and min(text.kept.count(0), text.kept.count(1)) >= _FEW
    )


def _guess_language(text: Text) -> str | None:
    pairs = zip(text.blocks[:_SAMPLE_BLOCKS], text.kept, strict=False)
    return lexicon.guess_language(
        block.text[:_SAMPLE_CHARS]
        for block, kept in pairs
        if kept == 1 and len(block.text) > _PARAGRAPH_CHARS
    )


def _mix(page: Text, article: Text, draw: random.Random) -> Text:
    own = [
        block
        for block, kept in zip(article.blocks, article.kept, strict=True)
        if kept == 1
    ]
    titles = zip(article.blocks, article.titles, strict=True)
    title = next((block.text for block, is_title in titles if is_title == 1), "")
    title = title if 1 in page.titles else ""
    blocks = [*_replace(page, own, title, draw)]
    is_flat = not any(block.blank_before for block in page.blocks)
    text = "".join(
        ("\n" if is_flat or not block.blank_before else "\n\n") + _write(block)
        for block in blocks
    )
    paragraphs = [block.text for block in own]
    return label_text(Known(ORIGIN, page.site, paragraphs, title), page.form, text)


def _replace(
    page: Text, own: list[Block], title: str, draw: random.Random
) -> Iterator[Block]:
    """Yield the blocks of a page with others in place of its article, in proportion."""
    count, seen, placed = page.kept.count(1), 0, 0
    share = draw.choice(_DROPPED)
    begins, is_dropped = True, False
    for block, kept, is_title in zip(page.blocks, page.kept, page.titles, strict=True):
        if kept == 1:
            seen += 1
            upto = round(seen * len(own) / count)
            yield from own[placed:upto]
            begins, placed = True, upto
        elif is_title == 1:
            if title:
                yield block._replace(text=title)
        else:
            if begins or block.blank_before:
                is_dropped = draw.random() < share
            begins = False
            if not is_dropped:
                yield block


def _write(block: Block) -> str:
    return f"* {block.text}" if block.kind is Kind.LIST_ITEM else block.text
