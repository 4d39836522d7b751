"""How a word that is searched for looks in a text: a pattern, by the word's script."""

import functools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

_PART = re.compile(r'(-?)"([^"]*)"|(\S+)')
_GAP = "[ \t\n\u00a0\u202f\u3000]+"
_WORD_CHARS = r"\p{L}\p{M}\p{N}"
_BEGIN, _END = f"(?:^|[^{_WORD_CHARS}])", f"(?:$|[^{_WORD_CHARS}])"
_STEM_CHARS, _CUT_CHARS = (
    4,
    2,
)  # the least that is left of a shortened word, the most cut

# Thai and Lao, Tibetan, Burmese, Khmer, kana, Han: no spaces between words. Hebrew and
# Arabic: articles, prepositions and "and" are written onto the word.
_ANYWHERE = re.compile(
    "[\u0590-\u05ff\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb1d-\ufdff\ufe70-\ufeff"
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff]"
)
_SEMITIC = re.compile("[\u0590-\u05ff\u0600-\u06ff]")
_MARKS = "[\u0591-\u05bd\u0610-\u061a\u0640\u064b-\u065f\u0670]*"  # vowels, stretching
_SAME = {
    "i": "ıİ",
    "o": "ø",
    "l": "ł",
    "d": "đð",
    "е": "ё",
    "ا": "أإآٱ",
    "ي": "ى",
    "ه": "ة",
    "'": "’ʼ‘",
    "-": "‐‑–",
}
"""Letters that are often typed for others, beyond those with accents."""
_PAIRS = {"ss": "ß", "ae": "äæ", "oe": "öøœ", "ue": "ü"}


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase to search for.

    Attributes:
        text: As typed, normalised (NFC).
        is_exact: It was in quotes: whole words only.
        is_excluded: It must not occur.
    """

    text: str
    is_exact: bool = False
    is_excluded: bool = False

    @property
    def is_anywhere(self) -> bool:
        """Whether it may stand inside a word, as far as there are words."""
        return bool(_ANYWHERE.search(self.text))

    def shorten(self) -> "Term":
        """Return what inflected forms have in common, as a guess.

        Examples:
            >>> Term("houses").shorten().text, Term("sea").shorten().text
            ('hous', 'sea')
        """
        if self.is_exact or self.is_anywhere:
            return self
        length = max(len(self.text) - _CUT_CHARS, _STEM_CHARS)
        return replace(self, text=self.text[:length])


def parse_words(text: str) -> list[Term]:
    """Read what was typed into a search box.

    Examples:
        >>> [term.text for term in parse_words('ferry "old pier" -bus')]
        ['ferry', 'old pier', 'bus']
    """
    terms = []
    for minus, phrase, word in _PART.findall(unicodedata.normalize("NFC", text)):
        is_excluded = bool(minus) or (word.startswith("-") and len(word) > 1)
        content = " ".join(phrase.split()) or word.removeprefix("-").strip('"')
        if any(unicodedata.category(char)[0] in "LNS" for char in content):
            terms.append(Term(content, not word, is_excluded))
    return list(dict.fromkeys(terms))


def match_pattern(term: Term) -> str:
    """Return where the term matches, as a regular expression of RE2."""
    inner = _inner(term.text)
    if term.is_anywhere or not _is_word(term.text[0]):
        return f"(?i){inner}"
    return f"(?i){_BEGIN}{inner}" + (_END if term.is_exact else "")


def whole_pattern(term: Term) -> str:
    """Return where the term is a whole word, as ``match_pattern``."""
    return match_pattern(replace(term, is_exact=True))


def find_terms(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Find what to highlight: whole words, even if only their beginning was searched.

    Returns:
        Places in code points, in order, never overlapping.

    Examples:
        >>> find_terms("Two ferries, one ferryman", [Term("ferr")])
        [(4, 11), (17, 25)]
    """
    spans = sorted(
        span
        for term in terms
        for found in _finder(term).finditer(text)
        if (span := _widen(text, found.span(), term))
    )
    apart: list[tuple[int, int]] = []
    for start, end in spans:
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart


def _widen(text: str, span: tuple[int, int], term: Term) -> tuple[int, int] | None:
    """Return the whole word; null if the place is not at the beginning of one."""
    start, end = span
    if term.is_anywhere:
        return span
    if start and _is_word(text[start]) and _is_word(text[start - 1]):
        return None
    while end < len(text) and _is_word(text[end]) and _is_word(text[end - 1]):
        end += 1
    return None if term.is_exact and end != span[1] else (start, end)


@functools.cache
def _finder(term: Term) -> re.Pattern[str]:
    return re.compile(_inner(term.text), re.IGNORECASE)


def _inner(text: str) -> str:
    """Return a pattern for the letters, in what RE2 and Python have in common."""
    text = text.lower().replace("i\u0307", "i")  # what becomes of İ
    marks = _MARKS if _SEMITIC.search(text) else ""
    pieces = []
    index = 0
    while index < len(text):
        char, pair = text[index], text[index : index + 2]
        if pair in _PAIRS:
            one, two = (_letter(part) for part in pair)
            pieces.append(f"(?:{one}{two}|[{_PAIRS[pair]}])")
            index += 2
            continue
        if char == "ß":
            pieces.append("(?:ß|ss)")
        else:
            pieces.append(_GAP if char.isspace() else _letter(char) + marks)
        index += 1
    return "".join(pieces)


def _letter(char: str) -> str:
    variants = _accented().get(char, "") + _SAME.get(char, "")
    return f"[{char}{variants}]" if variants else re.escape(char)


@functools.cache
def _accented() -> dict[str, str]:
    """Return the letters of Latin and Greek with accents, by the letter without."""
    found: dict[str, str] = {}
    for code in [*range(0xC0, 0x250), *range(0x386, 0x3CF), *range(0x1E00, 0x2000)]:
        char = chr(code)
        base = unicodedata.normalize("NFD", char)[0]
        if base != char and base.isalpha() and char == char.lower():
            found[base] = found.get(base, "") + char
    return found


def _is_word(char: str) -> bool:
    return unicodedata.category(char)[0] in "LMN"
