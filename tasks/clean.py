"""Step `clean`: tell the article from what the page left around it.

Decoded text becomes blocks. Each is kept, or removed with a reason and the rule that
decided, or lifted into a metadata field. Rules judge by position and shape; what a line
says, in any language, comes from ``lexicon``. When in doubt a block is kept.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

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
    frame_of,
)
from tasks.schema import Field, Kind, Markup, Reason, RemovalReason, Step
from tasks.text import lexicon
from tasks.text.captions import is_caption
from tasks.text.credits import read_bare_names, read_credits
from tasks.text.dates import DateFound
from tasks.text.layout import find_blocks
from tasks.text.shape import ends_sentence, find_urls, is_prose, measure_words

_HEAD_BLOCKS = 15
_HEAD_PROSE = 2  # a teaser and a caption may stand above the byline
_TOP_BLOCKS = 80
_FEW_CANDIDATES = 6
_REPEATED = 3
_FULL_TITLE_WORDS = 3
_ABOVE_TITLE_WORDS = 2
_TEASER_WORDS = 40
_TITLE_CHARS = 250
_TITLE_WORDS = 32
_CREDIT_WORDS = 25
_OPENER_WORDS = 30
_SAMPLE_WORDS = 40
_TAIL_SHARE = 0.3
_ARTICLE_WORDS = 25
_CRAWLER_PREFIX = re.compile(
    r"\s*(?P<key>[^\W\d_]{3,12}):?\s+(?P<value>\d{4}-\d{2}(?:-\d{2})?)\s+(?=\S)"
)
_ITEM = re.compile(r"(?:\d{1,3}[.)]|[-+*•#>])\s")
_COPYRIGHT = re.compile(r"(?:©|\(c\)|copyright)\W*(?:19|20)\d\d\b", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+")
_HASHTAGS = re.compile(r"#\w+(?:\s+#\w+)+")
_BRIEF = 3
_TITLE_STOP = re.compile(r"[.,;:。，；：]$")

_LISTED = re.compile(r"[,;|、，·•]\s*")
_LABELLED = {
    "permalink": Field.URL,
    "tags": Field.TAGS,
    "section": Field.SECTION,
}

_OF_PAGES = frozenset(RemovalReason) - {
    RemovalReason.LIFTED,
    RemovalReason.LAYOUT,
    RemovalReason.REPEATED_TITLE,
}

_BY_LABEL, _BY_PLACE, _BY_GUESS = 0.9, 0.8, 0.6


@dataclass(slots=True)
class _Draft:
    """One article while its blocks are being judged."""

    raw: str
    blocks: list[Block]
    claims: list[Claim] = field(default_factory=list)
    language: str | None = None  # a first guess, to tell names from headings
    lower_words: set[str] = field(default_factory=set)  # written in lower case

    def kept(self) -> list[int]:
        """Return the indexes of blocks that still belong to the article."""
        return [i for i, block in enumerate(self.blocks) if block.reason is None]

    def beside(self, index: int) -> list[Block]:
        """Return the blocks right before and after a block."""
        return [*self.blocks[max(index - 1, 0) : index], *self.blocks[index + 1 :][:1]]

    def remove(self, index: int, reason: RemovalReason, rule_id: str) -> None:
        """Take a block out of the article; its text is then the span itself."""
        block = self.blocks[index]
        self.blocks[index] = replace(
            block, text=self._span(block), reason=reason, rule_id=rule_id
        )

    def lift(self, index: int, into: Field, rule_id: str) -> None:
        """Take a block out of the article because it became metadata."""
        self.remove(index, RemovalReason.LIFTED, rule_id)
        self.blocks[index] = replace(self.blocks[index], field=into)

    def claim(
        self, into: Field, value: str, rule_id: str, score: float, index: int
    ) -> None:
        """Note a metadata value found in a block."""
        block = self.blocks[index]
        self.claims.append(
            Claim(into, value, rule_id, score, block.start_chars, block.end_chars)
        )

    def _span(self, block: Block) -> str:
        if block.start_chars is None or block.end_chars is None:
            return block.text
        return self.raw[block.start_chars : block.end_chars]


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
    if markup is not Markup.TEXT:
        page = read_webpage(raw) if markup is Markup.HTML else read_markdown(raw)
        draft = _Draft(raw, list(page.blocks), [*claims, *page.claims])
    else:
        draft = _read_plain(raw, claims)
    draft.language = _guess_language(draft)
    draft.lower_words = set(filter(str.islower, _WORDS.findall(raw)))
    _lift_labelled(draft)
    _lift_credits(draft)
    _drop_leftovers(draft)
    _lift_title(draft, markup)
    _lift_bare_byline(draft)
    _drop_after_openers(draft)
    _drop_tail(draft)
    return draft.blocks, draft.claims


def _read_plain(raw: str, claims: list[Claim]) -> _Draft:
    front, found = read_front_matter(raw)
    offset = (front.end_chars or 0) if front else 0
    draft = _Draft(raw, [front] if front else [], [*claims, *found])
    prefix = None if front else _find_crawler_prefix(raw)
    if prefix:
        draft.blocks.append(prefix[0])
        draft.claims.append(prefix[1])
        offset = prefix[0].end_chars or 0
    for block in find_blocks(raw[offset:]):
        draft.blocks.append(
            replace(
                block,
                start_chars=(block.start_chars or 0) + offset,
                end_chars=(block.end_chars or 0) + offset,
            )
        )
    return draft


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


# ---- leftovers of the page ----------------------------------------------------------


def _drop_leftovers(draft: _Draft) -> None:
    """Remove lines that are, as a whole, a known leftover of pages in some language."""
    for index in draft.kept():
        block = draft.blocks[index]
        if not any(map(str.isalpha, block.text)) or _is_about_article(block.text):
            continue
        phrase = lexicon.find_leftover(block.text)
        if phrase and ends_sentence(block.text) and measure_words(block.text) <= _BRIEF:
            continue  # `Nein.` is an answer
        if _COPYRIGHT.match(block.text) and measure_words(block.text) <= _CREDIT_WORDS:
            reason = RemovalReason.PAGE_FURNITURE
            draft.remove(index, reason, "line.copyright")
            continue
        if phrase is None and (opener := lexicon.find_opener(block.text)):
            rest = block.text[opener.end :]
            short = measure_words(block.text) <= _OPENER_WORDS
            if short and (opener.is_marked or not ends_sentence(rest)):
                phrase = opener
        if phrase:
            draft.remove(index, RemovalReason(phrase.name), phrase.rule_id)


def _drop_after_openers(draft: _Draft) -> None:
    """Remove the lines that a related-links or comment-form line announces.

    At the end of the text these are all short lines that follow. Inside the text they
    are those of the same group of lines, up to the next running text.
    """
    prose = [i for i in draft.kept() if is_prose(draft.blocks[i].text)]
    last_prose = prose[-1] if prose else -1
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
        if has_link:  # its link stands on its own line: no others after a blank line
            cut = [draft.blocks[i].blank_before for i in group]
            group = group[: cut.index(True)] if True in cut else group
        if index <= last_prose and len(group) > 1 and not _has_blank(draft, group):
            group.pop()  # the line before running text may be its heading
        for follower in group:
            rule_id = f"after.{opener.rule_id}"
            draft.remove(follower, RemovalReason(opener.reason), rule_id)


def _drop_tail(draft: _Draft) -> None:
    """Remove what follows a comment form, and sentences made of words of leftovers.

    Both only at the end, where pages put them: behind the comment form if that is
    little against the article, and below the last paragraph of some length.
    """
    chars = 0
    form = len(draft.blocks)
    for index in reversed(range(len(draft.blocks))):
        block = draft.blocks[index]
        if block.reason is RemovalReason.COMMENT_FORM and " " in block.text:
            form = index
        chars += len(block.text) if block.reason is None else 0
        if chars > _TAIL_SHARE * len(draft.raw):
            break
    for index in draft.kept():
        if index > form and not _is_about_article(draft.blocks[index].text):
            draft.remove(index, RemovalReason.COMMENT_FORM, "after.comment_form")
    for index in reversed(draft.kept()):
        text = draft.blocks[index].text
        if measure_words(text) > _CREDIT_WORDS:
            return
        phrase = lexicon.find_resemblance(text)
        if phrase is None or _is_about_article(text):
            continue
        pitch = phrase.name == RemovalReason.NEWSLETTER and index == draft.kept()[-1]
        if pitch or _is_among_leftovers(draft, index):
            draft.remove(index, RemovalReason(phrase.name), phrase.rule_id)


def _is_among_leftovers(draft: _Draft, index: int) -> bool:
    """Whether a sentence stands beside something removed; other lines may be alone."""
    if not ends_sentence(draft.blocks[index].text):
        return True
    return any(block.reason in _OF_PAGES for block in draft.beside(index))


def _short_lines_after(draft: _Draft, index: int, *, tail: bool) -> Iterator[int]:
    for follower in range(index, len(draft.blocks)):
        block = draft.blocks[follower]
        if block.reason is RemovalReason.LAYOUT:
            continue
        if block.reason or is_prose(block.text) or _is_about_article(block.text):
            return
        if block.text.endswith((".", "。")) and ends_sentence(block.text):
            return
        if not tail and (block.blank_before or block.kind is Kind.HEADING):
            return
        yield follower


def _has_blank(draft: _Draft, group: list[int]) -> bool:
    following = draft.blocks[group[-1] + 1 :]
    return bool(following) and following[0].blank_before


def _is_about_article(text: str) -> bool:
    return bool(lexicon.find_notes(text))


# ---- metadata lines -----------------------------------------------------------------


def _lift_labelled(draft: _Draft) -> None:
    """Lift ``Permalink: https://...`` and ``Tags: a, b``, wherever they stand."""
    kept = draft.kept()
    prose = [index for index in kept if is_prose(draft.blocks[index].text)]
    for index in kept:
        text = draft.blocks[index].text
        if measure_words(text) > _CREDIT_WORDS:
            continue
        is_inside = bool(prose) and prose[0] < index < prose[-1]
        if not is_inside and _HASHTAGS.fullmatch(text):
            value = "; ".join(part.lstrip("#") for part in text.split())
            draft.claim(Field.TAGS, value, "line.hashtags", _BY_LABEL, index)
            draft.lift(index, Field.TAGS, "line.hashtags")
            continue
        for label in lexicon.find_labels(text):
            into = _LABELLED.get(label.name)
            value = text[label.end :].strip()
            if into is None or not label.is_marked or not value:
                continue
            if into is Field.URL and find_urls(value) != [(0, len(value))]:
                continue
            if into is not Field.URL and (is_inside or ends_sentence(text)):
                continue
            if into is Field.TAGS:
                parts = (part.strip(" #.") for part in _LISTED.split(value))
                value = "; ".join(part for part in parts if part)
            draft.claim(into, value, label.rule_id, _BY_LABEL, index)
            draft.lift(index, into, label.rule_id)
            break


def _lift_credits(draft: _Draft) -> None:
    """Lift lines near the top that hold nothing but dates and names."""
    prose = 0
    for index in draft.kept()[:_HEAD_BLOCKS]:
        text = draft.blocks[index].text
        prose += is_prose(text)
        if prose > _HEAD_PROSE:
            return
        if measure_words(text) > _CREDIT_WORDS or _is_about_article(text):
            continue
        found = read_credits(text, draft.language)
        if found is None:
            continue
        if found.names:
            score = _BY_LABEL if found.is_labelled else _BY_GUESS
            value = "; ".join(found.names)
            draft.claim(Field.AUTHORS, value, found.rule_id, score, index)
        for date in found.dates:
            _claim_date(draft, index, date, text)
        into = Field.AUTHORS if found.names else _date_field(text)
        draft.lift(index, into, found.rule_id)


def _date_field(text: str) -> Field:
    labels = {label.name for label in lexicon.find_labels(text)}
    return Field.MODIFIED_ON if "updated" in labels else Field.PUBLISHED_ON


def _claim_date(draft: _Draft, index: int, date: DateFound, text: str) -> None:
    block = draft.blocks[index]
    start = block.start_chars
    exact = start is not None and not block.normalisations
    draft.claims.append(
        Claim(
            _date_field(text),
            date.value,
            "head.date_line",
            _BY_GUESS if date.is_ambiguous else _BY_LABEL,
            (start or 0) + date.start if exact else start,
            (start or 0) + date.end if exact else block.end_chars,
        )
    )


# ---- title --------------------------------------------------------------------------


def _lift_title(draft: _Draft, markup: Markup) -> None:
    """Lift the title from the top of the text and remove its repetitions."""
    known = [
        lexicon.fold(claim.value)
        for claim in draft.claims
        if claim.field is Field.TITLE
    ]
    index = _find_title(draft, known, markup)
    titles = set(known)
    if index is not None:
        text = draft.blocks[index].text
        titles.add(lexicon.fold(text))
        rule_id = "head.title"
        draft.claim(Field.TITLE, text, rule_id, _BY_PLACE, index)
        draft.lift(index, Field.TITLE, rule_id)
        _drop_above_title(draft, index)
    titles.discard("")
    for place, other in enumerate(draft.kept()):
        block = draft.blocks[other]
        if lexicon.fold(block.text) in titles:
            draft.remove(other, RemovalReason.REPEATED_TITLE, "head.repeated_title")
        elif place < _HEAD_BLOCKS and _ends_with_title(block, titles):
            draft.remove(other, RemovalReason.REPEATED_TITLE, "head.kicker_and_title")


def _ends_with_title(block: Block, titles: set[str]) -> bool:
    """Whether a heading is a title behind its kicker, which pages show as one."""
    if block.kind is not Kind.HEADING:
        return False
    folded = lexicon.fold(block.text)
    return any(
        folded.endswith(f" {title}") and title.count(" ") >= _FULL_TITLE_WORDS
        for title in titles
    )


def _drop_above_title(draft: _Draft, title: int) -> None:
    """Remove the short lines above the title: kicker, section, menu."""
    for index in draft.kept():
        text = draft.blocks[index].text
        if index >= title or measure_words(text) > _ABOVE_TITLE_WORDS:
            return
        draft.remove(index, RemovalReason.PAGE_FURNITURE, "head.above_title")


def _find_title(draft: _Draft, known: list[str], markup: Markup) -> int | None:
    kept = draft.kept()
    for index in kept[:_HEAD_BLOCKS]:
        if lexicon.fold(draft.blocks[index].text) in known:
            return index
    if markup is Markup.HTML and known:
        return None
    if not any(is_prose(draft.blocks[index].text) for index in kept[1:]):
        return None
    candidates = []
    for index in kept[:_TOP_BLOCKS]:
        if _could_be_title(draft.blocks[index]):
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


def _weigh_title(draft: _Draft, index: int, *, is_first: bool) -> int:
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
    is_name = bool(read_bare_names(text, draft.language, draft.lower_words))
    return _REPEATED * (again - is_name) + length + is_first + is_above


def _could_be_title(block: Block) -> bool:
    text = block.text
    if block.kind not in {None, Kind.BODY, Kind.HEADING} or find_urls(text):
        return False
    if _ITEM.match(text):
        return False
    if len(text) > _TITLE_CHARS or measure_words(text) > _TITLE_WORDS:
        return False
    if _TITLE_STOP.search(text.rstrip("\"'”“»›’)")) or not any(map(str.isalpha, text)):
        return False
    return not is_caption(text) and not _is_about_article(text)


def _lift_bare_byline(draft: _Draft) -> None:
    """Lift a name that stands alone, right after the title or beside the date."""
    if any(claim.field is Field.AUTHORS for claim in draft.claims):
        return
    for skipped, index in enumerate(draft.kept()[:_HEAD_BLOCKS]):
        block = draft.blocks[index]
        is_dated = any(
            other.field is Field.PUBLISHED_ON for other in draft.beside(index)
        )
        has_title = any(
            other.reason is RemovalReason.LIFTED for other in draft.blocks[:index]
        )
        names: tuple[str, ...] = ()
        if has_title and block.kind in {None, Kind.BODY}:
            names = read_bare_names(block.text, draft.language, draft.lower_words)
        if names and (is_dated or not skipped):
            rule_id = "head.bare_name"
            draft.claim(Field.AUTHORS, "; ".join(names), rule_id, _BY_GUESS, index)
            draft.lift(index, Field.AUTHORS, rule_id)
            return
        if skipped >= _HEAD_PROSE or measure_words(block.text) > _TEASER_WORDS:
            return


def _guess_language(draft: _Draft) -> str | None:
    """Language with most function words; enough to tell a name from a heading."""
    counts: Counter[str] = Counter()
    for index in draft.kept():
        for word in draft.blocks[index].text.split()[:_SAMPLE_WORDS]:
            counts.update(lexicon.stop_languages(word))
    return counts.most_common(1)[0][0] if counts else None


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
        articles: One row per article; needs ``document_id``, ``markup``, ``raw_text``.
        claims: One row per metadata value known so far.

    Returns:
        ``blocks`` (one row per block, in order), ``claims`` (with those of the text)
        and ``rejects`` (one row per article of which nothing is left).
    """
    given = claims_by_document(claims)
    names = list(Block.__slots__)
    block_rows: list[tuple[object, ...]] = []
    found: list[tuple[str, Claim]] = []
    rejects: list[tuple[str, str, str, str]] = []
    for document_id, markup, raw in zip(
        articles["document_id"], articles["markup"], articles["raw_text"], strict=True
    ):
        blocks, own = clean_text(raw, Markup(markup), given[document_id])
        if not _is_article(blocks, Markup(markup)):
            detail = f"nothing of its {len(raw):,} characters is an article"
            rejects.append((document_id, Step.CLEAN, Reason.NO_ARTICLE, detail))
            continue
        block_rows += (
            (document_id, index, *(getattr(block, name) for name in names))
            for index, block in enumerate(blocks)
        )
        found += ((document_id, claim) for claim in own)
    return (
        frame_of(block_rows, ["document_id", "block_index", *names]),
        claims_frame(found),
        pd.DataFrame(rejects, columns=["document_id", "stage", "reason", "detail"]),
    )
