"""Step `split`: turn kept blocks into paragraphs and removed blocks into removals.

The markup says what a paragraph is where there is one; in plain text its shape, its
neighbours and what it says decide.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.pieces import cells_of
from tasks.schema import PARAGRAPHS, REMOVALS, Kind
from tasks.text import lexicon
from tasks.text.captions import is_caption
from tasks.text.shape import (
    count_sentences,
    count_words,
    ends_sentence,
    find_urls,
    is_heading_shaped,
    is_prose,
    measure_words,
)

_NOTE_WORDS = 60
_NOTE_HEAD, _NOTE_TAIL = 6, 4
_ANNOUNCED_WORDS = 30
_NUMBERED = re.compile(r"(?:\d{1,3}|[a-zA-Z])[.)]\s+\S")
_QUOTE_MARK = re.compile(r"(?:>\s?)+")
_ANNOUNCING_WORDS = 4
_BOOK = re.compile(  # begins with one class of characters: that is searched fast
    r"[I\d](?:(?<=\bI)SBN\b"
    r"|(?<=\d)\s(?:Seiten|S\.|pages|páginas|pagine|str\.|с\.))"
)
_TITLE_LEVEL = 1


class Part(NamedTuple):
    """A kept block, as far as its kind depends on it."""

    text: str
    kind: Kind | None


def tell_kinds(parts: list[Part]) -> list[Kind]:
    """Tell the kind of every paragraph of one article.

    Args:
        parts: The kept blocks in order; ``kind`` as the markup says, or null.

    Returns:
        One kind per part.
    """
    kinds = [_tell_alone(part, i, len(parts)) for i, part in enumerate(parts)]
    for index, part in enumerate(parts):
        follows_note = index and kinds[index - 1] is Kind.NOTE
        if (
            follows_note
            and parts[index - 1].text.endswith((":", "："))
            and measure_words(part.text) <= _ANNOUNCED_WORDS
        ):
            kinds[index] = Kind.NOTE
        elif part.kind is None and kinds[index] is Kind.BODY:
            if _is_numbered(parts, index):
                kinds[index] = Kind.LIST_ITEM
            elif is_heading_shaped(part.text) and _heads_text(parts, kinds, index):
                kinds[index] = Kind.HEADING
    return kinds


def _tell_alone(part: Part, index: int, count: int) -> Kind:
    if part.kind not in {None, Kind.BODY, Kind.HEADING}:
        return part.kind or Kind.BODY
    near_edge = index < _NOTE_HEAD or index >= count - _NOTE_TAIL
    if near_edge and is_note(part.text):
        return Kind.NOTE
    if part.kind is Kind.HEADING:
        return Kind.HEADING
    if is_caption(part.text):
        return Kind.CAPTION
    if _QUOTE_MARK.match(part.text):
        return Kind.QUOTE
    return Kind.BODY


def is_note(text: str) -> bool:
    """Whether a short text is about the article itself: source, translation, origin.

    Not the line with which a review describes a book (``... 412 Seiten``).
    """
    if measure_words(text) > _NOTE_WORDS or _BOOK.search(text):
        return False
    return bool(lexicon.find_notes(text)) or _is_labelled_note(text)


def _is_labelled_note(text: str) -> bool:
    """Whether a label announces translator or source: ``Quelle: https://...``."""
    if measure_words(text) > _ANNOUNCED_WORDS:
        return False
    labels = [
        label
        for label in lexicon.find_labels(text)
        if label.is_marked and text[label.end :].strip()
    ]
    names = {label.name for label in labels}
    if "photo" in names:
        return bool(find_urls(text)) and "source" in names
    return bool(names & {"translator", "source"})


def _is_numbered(parts: list[Part], index: int) -> bool:
    near = [parts[i].text for i in (index - 1, index + 1) if 0 <= i < len(parts)]
    return bool(_NUMBERED.match(parts[index].text)) and any(
        _NUMBERED.match(text) for text in near
    )


def _heads_text(parts: list[Part], kinds: list[Kind], index: int) -> bool:
    """Whether what follows makes a short line a heading: text, notes or a list.

    One more line of heading shape may stand between, as a sub-heading does.
    """
    for offset in (1, 2):
        if index + offset >= len(parts):
            return False
        following = parts[index + offset]
        if kinds[index + offset] in {Kind.NOTE, Kind.LIST_ITEM, Kind.QUOTE}:
            return True
        if is_prose(following.text) or ends_sentence(following.text):
            return True
        if following.text.endswith((":", "：")):
            return measure_words(following.text) >= _ANNOUNCING_WORDS
        if not is_heading_shaped(following.text):
            return False
    return False


def walk_headings(headings: Iterable[tuple[Kind, str, int]]) -> Iterator[list[str]]:
    """Yield the headings above each paragraph, outermost first.

    Args:
        headings: Kind, text and level of every paragraph in order; level 0 counts as 1.
    """
    path: list[tuple[int, str]] = []
    for kind, text, level in headings:
        depth = level or _TITLE_LEVEL
        if kind is Kind.HEADING:
            path = [entry for entry in path if entry[0] < depth]
        yield [entry[1] for entry in path]
        if kind is Kind.HEADING:
            path.append((depth, text))


def hash_text(text: str) -> str:
    """First 16 hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@task(name="split", cache_policy=NO_CACHE, persist_result=False)
def split_blocks(blocks: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turn the blocks of a batch into paragraphs and removals.

    Args:
        blocks: One row per block, in order within each document, with its language.

    Returns:
        ``paragraphs`` and ``removals`` with the columns of the contract. Removed blocks
        whose place in an HTML source is not known exactly have no row: their text is
        part of a removal of that place.
    """
    is_kept = blocks["reason"].isna()
    kept = blocks[is_kept]
    texts = kept["text"].tolist()
    kinds: list[Kind] = []
    paths: list[list[str]] = []
    indexes: list[int] = []
    columns = (kept["document_id"], texts, cells_of(kept["kind"]), kept["level"])
    rows = zip(*columns, strict=True)
    for _, group in groupby(rows, itemgetter(0)):
        own = [(text, kind, level) for _, text, kind, level in group]
        told = tell_kinds([Part(text, kind and Kind(kind)) for text, kind, _ in own])
        levels = [(kind, *row[::2]) for kind, row in zip(told, own, strict=True)]
        kinds += told
        paths += walk_headings(levels)
        indexes += range(len(own))
    made = {
        "paragraph_index": indexes,
        "kind": [kind.value for kind in kinds],
        "heading_path": paths,
        "foreign_spans": [*map(list, kept["foreign_spans"])],
        "normalisations": [*map(list, kept["normalisations"])],
        "word_count": count_words(texts),
        "sentence_count": count_sentences(texts),
        "text_hash": [*map(hash_text, texts)],
    }
    removed = blocks[~is_kept & blocks["start_chars"].notna()]
    paragraphs = kept.assign(
        **{name: pd.Series(cells, kept.index) for name, cells in made.items()}
    )
    return (
        paragraphs[PARAGRAPHS.schema.names].reset_index(drop=True),
        removed[REMOVALS.schema.names].reset_index(drop=True),
    )
