"""Step `clean`: tell the article from what the page left around it.

Decoded text becomes blocks. Each is kept, or removed with a reason and the rule that
decided, or lifted into a metadata field. Rules judge by position and shape; what a line
says, in any language, comes from ``lexicon``; what looks like the page around a text is
told by ``furniture``. When in doubt a block is kept.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.pages.markdown import read_front_matter, read_markdown
from tasks.pages.webpage import read_webpage
from tasks.pieces import (
    Block,
    Claim,
    claims_by_document,
    claims_frame,
    frame_of_columns,
)
from tasks.schema import Field, Markup, Reason, RemovalReason, Step
from tasks.stopwatch import timed
from tasks.text import lexicon
from tasks.text.draft import Draft
from tasks.text.furniture import drop_furniture, judge_drafts, put_back_lines
from tasks.text.layout import find_blocks_of
from tasks.text.leftovers import drop_after_openers, drop_leftovers, drop_tail
from tasks.text.metalines import lift_bare_byline, lift_credits, lift_labelled
from tasks.text.recurrence import lower_recurring, mark_recurring
from tasks.text.shape import is_prose, measure_words
from tasks.text.titles import lift_title

_SAMPLE_CHARS, _SAMPLED_BLOCK_CHARS = 2000, 200
_ARTICLE_WORDS = 25
_BY_PLACE = 0.8
_CHARS_AT_ONCE = 500_000  # bounds memory, and what fits a cache is faster
_CRAWLER_PREFIX = re.compile(
    r"\s*(?P<key>[^\W\d_]{3,12}):?\s+(?P<value>\d{4}-\d{2}(?:-\d{2})?)\s+(?=\S)"
)


class Article(NamedTuple):
    """One article to be cleaned.

    Attributes:
        raw: Its decoded text.
        markup: How to read it.
        claims: Metadata known already, e.g. the fields of a JSON object.
        recurring: Of plain text, its pairs of lines that recur in its folder.
    """

    raw: str
    markup: Markup
    claims: list[Claim]
    recurring: frozenset[int] = frozenset()
    source_path: str = ""


def clean_text(
    raw: str, markup: Markup, claims: list[Claim]
) -> tuple[list[Block], list[Claim]]:
    """Cut one article into blocks and decide the fate of each.

    Args:
        raw: Decoded text of the article.
        markup: How to read it.
        claims: Metadata known already, e.g. the fields of a JSON object.

    Returns:
        Blocks in order, and the claims with those added that the text makes. In plain
        text and Markdown the blocks hold every character that is not white space.
    """
    return clean_texts([Article(raw, markup, claims)])[0]


def clean_texts(
    articles: Sequence[Article],
) -> list[tuple[list[Block], list[Claim]]]:
    """Do as ``clean_text`` with every article, faster: a text is the same in any batch.

    Returns:
        One pair of blocks and claims per article, in order.
    """
    lexicon.load()  # here, or it would be counted as the first article's time
    return [
        (draft.blocks, draft.claims)
        for some in _portions(articles)
        for draft in _clean_some(some)
    ]


def _portions(articles: Sequence[Article]) -> Iterator[list[Article]]:
    portion: list[Article] = []
    chars = 0
    for article in articles:
        portion.append(article)
        chars += len(article.raw)
        if chars > _CHARS_AT_ONCE:
            yield portion
            portion, chars = [], 0
    yield portion


def _clean_some(articles: list[Article]) -> list[Draft]:
    drafts = read_drafts(articles)
    judge_drafts([draft for draft in drafts if draft.markup is Markup.TEXT])
    for article, draft in zip(articles, drafts, strict=True):
        mark_recurring(draft, article.recurring)
        _decide(draft)
    return drafts


def read_drafts(articles: Sequence[Article]) -> list[Draft]:
    """Cut articles into blocks; decide on those that a phrase or a label tells."""
    plain = iter(_read_plain([a for a in articles if a.markup is Markup.TEXT]))
    drafts: list[Draft] = []
    for article in articles:
        is_plain = article.markup is Markup.TEXT
        with timed(article.source_path):
            draft = next(plain) if is_plain else _read_marked_up(article)
            draft.language = lexicon.guess_language(_samples(draft))
            lift_labelled(draft)
            lift_credits(draft)
            drop_leftovers(draft)
        drafts.append(draft)
    return drafts


def _read_marked_up(article: Article) -> Draft:
    raw, markup = article.raw, article.markup
    page = read_webpage(raw) if markup is Markup.HTML else read_markdown(raw)
    return Draft(raw, markup, list(page.blocks), [*article.claims, *page.claims])


def _samples(draft: Draft) -> Iterator[str]:
    """Yield the beginnings of blocks: enough of them to tell the language."""
    left = _SAMPLE_CHARS
    for index in draft.kept():
        sample = draft.blocks[index].text[:_SAMPLED_BLOCK_CHARS]
        yield sample
        left -= len(sample)
        if left <= 0:
            return


def _decide(draft: Draft) -> None:
    """Decide on the blocks that only their surroundings tell."""
    put_back_lines(draft)
    lift_title(draft)
    lift_bare_byline(draft)
    lower_recurring(draft)
    drop_furniture(draft)
    drop_after_openers(draft)
    drop_tail(draft)


def _read_plain(articles: Sequence[Article]) -> list[Draft]:
    """Cut plain texts into blocks, behind what a crawler or a writer put on top."""
    drafts: list[Draft] = []
    begins: list[int] = []
    for article in articles:
        raw = article.raw
        front, claims = read_front_matter(raw)
        draft = Draft(raw, Markup.TEXT, [front] if front else [])
        draft.claims = [*article.claims, *claims]
        prefix = None if front else _find_crawler_prefix(raw)
        if prefix:
            draft.blocks.append(prefix[0])
            draft.claims.append(prefix[1])
        drafts.append(draft)
        begins.append((draft.blocks[-1].end_chars or 0) if draft.blocks else 0)
    raws = [article.raw for article in articles]
    for draft, blocks in zip(drafts, find_blocks_of(raws, begins), strict=True):
        draft.blocks += blocks
    return drafts


def _find_crawler_prefix(raw: str) -> tuple[Block, Claim] | None:
    """Find a key and a date that a crawler put before the first word of the text.

    As in `` date 2025-01 The first sentence``: one word that announces a date in some
    language, an ISO date, then text.
    """
    match = _CRAWLER_PREFIX.match(raw)
    if not match or not _announces_date(match["key"]):
        return None
    start, end = match.start("key"), match.end("value")
    block = Block(
        start,
        end,
        raw[start:end],
        reason=RemovalReason.LIFTED,
        rule_id="head.crawler_prefix",
        field=Field.PUBLISHED_ON,
    )
    into = Field.PUBLISHED_ON
    return block, Claim(
        into, match["value"], "head.crawler_prefix", _BY_PLACE, start, end
    )


def _announces_date(word: str) -> bool:
    return any(
        label.name == "published" and label.end == len(word)
        for label in lexicon.find_labels(word)
    )


def _is_article(blocks: list[Block], markup: Markup) -> bool:
    """Whether what is kept is an article; of a page, more than a few stray words."""
    kept = [block.text for block in blocks if block.reason is None]
    if markup is not Markup.HTML:
        return bool(kept)
    words = sum(map(measure_words, kept))
    return words >= _ARTICLE_WORDS or any(map(is_prose, kept))


# ---- the task -----------------------------------------------------------------------


@task(name="clean", cache_policy=NO_CACHE, persist_result=False)
def clean_articles(
    articles: pd.DataFrame, claims: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Cut every article of a batch into blocks.

    Args:
        articles: One row per article; needs ``source_path``, ``document_id``,
            ``markup``, ``raw_text``; ``recurring`` if there is any (hashes of pairs of
            lines, see ``survey``).
        claims: One row per metadata value known so far.

    Returns:
        ``blocks`` (one row per block, in order), ``claims`` (with those of the text)
        and ``rejects`` (one row per article of which nothing is left).
    """
    given = claims_by_document(claims)
    document_ids: list[str] = []
    indexes: list[int] = []
    kept: list[Block] = []
    found: list[tuple[str, Claim]] = []
    rejects: list[tuple[str, str, str, str]] = []
    nothing = [frozenset[int]()] * len(articles)
    batch = [
        Article(raw, Markup(markup), given[document_id], recurring, path)
        for path, document_id, markup, raw, recurring in zip(
            articles["source_path"],
            articles["document_id"],
            articles["markup"],
            articles["raw_text"],
            articles.get("recurring", nothing),
            strict=True,
        )
    ]
    for document_id, article, (blocks, own) in zip(
        articles["document_id"], batch, clean_texts(batch), strict=True
    ):
        raw = article.raw
        if not _is_article(blocks, article.markup):
            detail = f"nothing of its {len(raw):,} characters is an article"
            rejects.append((document_id, Step.CLEAN, Reason.NO_ARTICLE, detail))
            continue
        document_ids += [document_id] * len(blocks)
        indexes += range(len(blocks))
        kept += blocks
        found += ((document_id, claim) for claim in own)
    return (
        frame_of_columns(
            ["document_id", "block_index", *Block._fields],
            [document_ids, indexes, *zip(*kept, strict=True)] if kept else [],
        ),
        claims_frame(found),
        pd.DataFrame(rejects, columns=["document_id", "stage", "reason", "detail"]),
    )
