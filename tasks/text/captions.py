"""Captions of pictures, told by their credit."""

import re

from tasks.text import lexicon
from tasks.text.shape import ends_sentence, find_urls, measure_words

_CAPTION_WORDS = 60
_CREDIT_WORDS = 14
_NAME_WORDS = 8
_CREDIT_AT_END = re.compile(r"[(\[（]([^()\[\]（）]{2,90})[)\]）]\.?$")
_CLOSERS = frozenset(")]）")
_LAST_PART = re.compile(r"(?:[.!?…|]\s+|\s(?=©))((?:©\s*)?[^.!?©]+)\.?$")


def is_caption(text: str) -> bool:
    """Whether a text is the caption of a picture, told by its credit.

    The credit stands in brackets at the end, ``(Foto: Agentur)``, or is the whole line.
    """
    words = measure_words(text)
    if words > _CAPTION_WORDS:
        return False
    if (
        not _CLOSERS.isdisjoint(text[-3:])
        and (match := _CREDIT_AT_END.search(text))
        and _is_credit(match[1])
    ):
        return True
    match = _LAST_PART.search(text)
    if match and measure_words(match[1]) <= _NAME_WORDS and _is_credit(match[1]):
        return True
    return words <= _CREDIT_WORDS and not ends_sentence(text) and _is_credit(text)


def _is_credit(text: str) -> bool:
    if find_urls(text):
        return False
    if text.startswith(("©", "(c)", "(C)")):
        return True
    return any(
        label.name == "photo" and label.is_marked for label in lexicon.find_labels(text)
    )
