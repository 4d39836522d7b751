"""Captions of pictures, told by their credit."""

import re
import tomllib
from functools import cache, lru_cache
from pathlib import Path

from tasks.text import lexicon
from tasks.text.shape import ends_sentence, find_urls, measure_words

_FILE = Path(__file__).parents[1] / "data" / "agencies.toml"
_CAPTION_WORDS = 60
_CREDIT_WORDS = 14
_NAME_WORDS = 8
_AGENCY_WORDS = 4
_REMEMBERED = 4096  # texts: several rules ask about the same one
_CREDIT_AT_END = re.compile(r"[(\[（]([^()\[\]（）]{2,90})[)\]）]\.?$")
_CLOSERS = frozenset(")]）")
_MARKS, _END_CHARS = ".!?©", 2  # of a last part, before a full stop and a line end
_LAST_PART = re.compile(r"[.!?…|]\s+([^.!?©]+)\.?$")
_SIGNED = re.compile(r"(?:^|\s)(©[^©]+)$")
_AFTER_COMMA = re.compile(r"[,.!?]\s?([^,.!?©:]{2,20}[:：][^:：]+)$")
_PERSON_AND_MEDIUM = re.compile(
    r"(?:[^\W\d_][\w'’.-]*\s){1,4}[^\W\d_][\w'’.-]*\s?/\s?[^\W\d_][\w'’. -]*"
)
_MAYBE = re.compile(r"[(\[（©|/:：﹕–—-]")  # without any, only an agency is a credit
_CAPITALISED = re.compile(r"(?:^|[\s/])[^\W\d_]")


@lru_cache(_REMEMBERED)
def is_caption(text: str) -> bool:
    """Whether a text is the caption of a picture, told by its credit.

    The credit stands in brackets at the end, ``(Foto: Agentur)``, ``(Anna Berg/CBC)``,
    is what comes behind the last full stop or comma, or is the whole line. A picture
    agency may close the line without any mark: ``In Sandau Anna Berg/Getty Images``.
    """
    words = measure_words(text)
    if words > _CAPTION_WORDS:
        return False
    if not _MAYBE.search(text):  # most texts
        return words <= _AGENCY_WORDS and _is_agency(text)
    if _has_credit(text):
        return True
    if ends_sentence(text):
        return False
    return (words <= _CREDIT_WORDS and _is_credit(text)) or _ends_with_agency(text)


def _has_credit(text: str) -> bool:
    """Whether a credit stands in brackets at the end, or behind the last mark."""
    is_closed = not _CLOSERS.isdisjoint(text[-2:])
    if is_closed and (match := _CREDIT_AT_END.search(text)):
        credit = match[1]
        if _is_credit(credit) or _names_person_and_medium(credit):
            return True
        if credit.endswith(_endings()) or _is_unmarked_credit(credit):
            return True
    # Nothing before the last of these marks can be part of it: searched from there on.
    behind = max(text.rfind(mark, 0, -_END_CHARS) for mark in _MARKS)
    matches = [_LAST_PART.search(text, max(behind, 0))]
    if ":" in text or "：" in text:
        matches.append(_AFTER_COMMA.search(text))
    if "©" in text:
        matches.append(_SIGNED.search(text))
    return any(
        match and measure_words(match[1]) <= _NAME_WORDS and _is_credit(match[1])
        for match in matches
    )


def _is_credit(text: str) -> bool:
    if find_urls(text):
        return False
    if text.startswith(("©", "(c)", "(C)")):
        return True
    if any(map(_is_agency, text.split("/"))):
        return True
    return any(
        label.name == "photo" and label.is_marked for label in lexicon.find_labels(text)
    )


def _names_person_and_medium(credit: str) -> bool:
    """``Anna Berg/CBC``: all words begin in upper case; ``CDU/CSU`` names no person."""
    if not _PERSON_AND_MEDIUM.fullmatch(credit):
        return False
    starts = [match.group()[-1] for match in _CAPITALISED.finditer(credit)]
    return all(map(str.isupper, starts))


def _is_unmarked_credit(credit: str) -> bool:
    """``Archivbild``, ``Photo by Anna Berg``: a label, and at most names behind it."""
    return any(
        label.name == "photo" and all(map(_is_name, credit[label.end :].split()))
        for label in lexicon.find_labels(credit)
    )


def _is_name(word: str) -> bool:
    return word[:1].isupper()


def _ends_with_agency(text: str) -> bool:
    """Whether a slash, bar or dash and the name of a picture agency close the text."""
    mark = max(map(text.rfind, "/|"))
    if mark < 0 or measure_words(text[mark + 1 :]) > _AGENCY_WORDS:
        return False
    return _is_agency(text[mark + 1 :])


@cache
def _data() -> dict[str, str]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


@cache
def agencies() -> frozenset[str]:
    """Names of picture agencies, folded."""
    return frozenset(_data()["agencies"].strip().splitlines())


def _is_agency(text: str) -> bool:
    return lexicon.may_equal(text, _heads()) and lexicon.fold(text) in agencies()


@cache
def _heads() -> frozenset[tuple[str, ...]]:
    return lexicon.heads_of(agencies())


@cache
def _endings() -> tuple[str, ...]:
    return tuple(_data()["endings"].split())
