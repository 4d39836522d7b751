"""Lines that are metadata: labelled values, bylines, dates. They are lifted."""

import re

from tasks.pieces import Claim
from tasks.schema import Field, Kind, RemovalReason
from tasks.text import lexicon
from tasks.text.credits import is_update, read_bare_names, read_credits
from tasks.text.dates import DateFound, is_date_line
from tasks.text.draft import Draft, is_about_article
from tasks.text.shape import ends_sentence, find_urls, is_prose, measure_words

_HEAD_BLOCKS = 15
_HEAD_PROSE = 2  # a teaser and a caption may stand above the byline
_TEASER_WORDS = 40
_CREDIT_WORDS = 25
_HASHTAGS = re.compile(r"#\w+(?:\s+#\w+)+")
_LISTED = re.compile(r"[,;|、，،؛·•]\s*")
_MARK = re.compile("[:：﹕|/–—-]")  # stands behind every label that counts here
_LABELLED = {
    "permalink": Field.URL,
    "tags": Field.TAGS,
    "section": Field.SECTION,
}
_BY_LABEL, _BY_GUESS = 0.9, 0.6


def lift_labelled(draft: Draft) -> None:
    """Lift ``Permalink: https://...`` and ``Tags: a, b``, wherever they stand."""
    kept = draft.kept()
    first = next(filter(draft.is_prose, kept), len(draft.blocks))
    last = next(filter(draft.is_prose, reversed(kept)), -1)
    for index in kept:
        text = draft.blocks[index].text
        if measure_words(text) > _CREDIT_WORDS:
            continue
        is_inside = first < index < last
        if not is_inside and _HASHTAGS.fullmatch(text):
            value = "; ".join(part.lstrip("#") for part in text.split())
            draft.claim(Field.TAGS, value, "line.hashtags", _BY_LABEL, index)
            draft.lift(index, Field.TAGS, "line.hashtags")
            continue
        for label in lexicon.find_labels(text) if _MARK.search(text) else ():
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


def lift_credits(draft: Draft) -> None:
    """Lift lines near the top that hold nothing but dates and names."""
    prose = 0
    for index in draft.kept()[:_HEAD_BLOCKS]:
        text = draft.blocks[index].text
        prose += is_prose(text)
        if prose > _HEAD_PROSE:
            return
        if measure_words(text) > _CREDIT_WORDS:
            continue
        found = read_credits(text, draft.language)
        if found is None or is_about_article(text):
            continue
        # `Since May 2022 in office` heads a part of the article.
        is_heading = draft.blocks[index].kind is Kind.HEADING
        if is_heading and not found.is_labelled and is_date_line(text) is None:
            continue
        if found.names:
            score = _BY_LABEL if found.is_labelled else _BY_GUESS
            value = "; ".join(found.names)
            draft.claim(Field.AUTHORS, value, found.rule_id, score, index)
        for date in found.dates:
            _claim_date(draft, index, date, text)
        if not found.names and not found.dates:
            draft.remove(index, RemovalReason.PAGE_FURNITURE, found.rule_id)
            continue
        into = Field.AUTHORS if found.names else _date_field(text, found.dates[0])
        draft.lift(index, into, found.rule_id)


def _date_field(text: str, date: DateFound) -> Field:
    return Field.MODIFIED_ON if is_update(text, date) else Field.PUBLISHED_ON


def _claim_date(draft: Draft, index: int, date: DateFound, text: str) -> None:
    block = draft.blocks[index]
    start = block.start_chars
    exact = start is not None and not block.normalisations
    draft.claims.append(
        Claim(
            _date_field(text, date),
            date.value,
            "head.date_line",
            _BY_GUESS if date.is_ambiguous else _BY_LABEL,
            (start or 0) + date.start if exact else start,
            (start or 0) + date.end if exact else block.end_chars,
        )
    )


def lift_bare_byline(draft: Draft) -> None:
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
            names = read_bare_names(block.text, draft.language, draft.writes)
        if names and (is_dated or not skipped):
            rule_id = "head.bare_name"
            draft.claim(Field.AUTHORS, "; ".join(names), rule_id, _BY_GUESS, index)
            draft.lift(index, Field.AUTHORS, rule_id)
            return
        if skipped >= _HEAD_PROSE or measure_words(block.text) > _TEASER_WORDS:
            return
