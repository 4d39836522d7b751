"""Names of months and weekdays and the small words of dates, in all languages.

Read from ``tasks/data/lexicon/<language>.toml``, section ``dates``: Unicode CLDR, other
grammatical cases, and forms that CLDR lacks. Names are compared after ``lexicon.fold``.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from tasks.text import lexicon

_SECTIONS = {"months": True, "abbreviations": False, "solar": True}  # is it in full?
_SHORT_DAY = 3  # letters: `sun`, `mar`, `die` may be other words behind a date
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]{2,}")
_SPACE = r"[^\S\r\n]{0,4}"  # bounded, so that a run of blanks is read once


@dataclass(frozen=True, slots=True)
class Month:
    """A month as a group of languages writes it.

    Attributes:
        number: 1 to 12, in its own calendar.
        languages: All languages that write it so.
        wide: Those that write it in full so.
        is_solar: A month of the Iranian calendar.
    """

    number: int
    languages: frozenset[str]
    wide: frozenset[str]
    is_solar: bool = False


@dataclass(frozen=True, slots=True)
class DateNames:
    """Names and small words of dates, folded.

    Attributes:
        months: By the last word of the name: all its words, and the month.
        weekdays: Words of each name, abbreviations too.
        between: Words between day, month and year (``de``), with their languages.
        before: Words that lead to a date (``den``, ``the``).
        after: What belongs to a date behind it: ``г.``, ``roku``, ``（水）``.
        time: A time of day behind a date.
    """

    months: dict[str, list[tuple[tuple[str, ...], Month]]]
    weekdays: frozenset[tuple[str, ...]]
    between: dict[str, frozenset[str]]
    before: frozenset[str]
    after: re.Pattern[str]
    time: re.Pattern[str]


@cache
def date_names() -> DateNames:
    """Return the names of all languages."""
    between: dict[str, frozenset[str]] = {}
    for language in lexicon.LANGUAGES:
        for form in _forms(language, "between"):
            word = lexicon.fold(form)
            between[word] = between.get(word, frozenset()) | {language}
    days = set(_all_forms("weekdays"))
    return DateNames(
        months=_read_months(),
        weekdays=frozenset(tuple(lexicon.fold(day).split()) for day in days),
        between=between,
        before=frozenset(map(lexicon.fold, _all_forms("before"))),
        after=_compile_after(set(_all_forms("after")), days),
        time=_compile_time(set(_all_forms("at"))),
    )


def _forms(language: str, section: str) -> list[str]:
    """Return the forms of one section; ``_`` stands for a space."""
    block = lexicon.read_language(language)["dates"].get(section, "")
    return [form.replace("_", " ") for form in block.split()]


def _all_forms(section: str) -> Iterator[str]:
    for language in lexicon.LANGUAGES:
        yield from _forms(language, section)


def _read_months() -> dict[str, list[tuple[tuple[str, ...], Month]]]:
    found: dict[tuple[tuple[str, ...], int, bool], dict[str, bool]] = {}
    for language in lexicon.LANGUAGES:
        for section, is_wide in _SECTIONS.items():
            block = lexicon.read_language(language)["dates"].get(section, "")
            for number, line in enumerate(block.strip().splitlines(), 1):
                for form in line.split():
                    parts = tuple(lexicon.fold(form.replace("_", " ")).split())
                    if parts:
                        known = found.setdefault(
                            (parts, number, section == "solar"), {}
                        )
                        known[language] = known.get(language, False) or is_wide
    months: dict[str, list[tuple[tuple[str, ...], Month]]] = {}
    for (parts, number, is_solar), known in found.items():
        wide = frozenset(language for language in known if known[language])
        month = Month(number, frozenset(known), wide, is_solar)
        months.setdefault(parts[-1], []).append((parts, month))
    return months


def _compile_after(after: set[str], days: set[str]) -> re.Pattern[str]:
    """Compile words behind a date, and weekdays in full or in brackets."""
    unspaced = {day for day in days if _UNSPACED.fullmatch(day)}
    long = {day for day in days - unspaced if len(day) > _SHORT_DAY}
    return re.compile(
        rf"(?:\s?(?:{_alternation(after)})(?![^\W\d_])\.?"
        rf"|{_SPACE}[,，、]?{_SPACE}(?:(?:{_alternation(long)})(?![^\W\d_])"
        rf"|{_alternation(unspaced)}"
        rf"|[(（]\s?(?:{_alternation(days)})\.?\s?[)）]))+",
        re.IGNORECASE,
    )


def _compile_time(at: set[str]) -> re.Pattern[str]:
    return re.compile(
        rf"(?:T(?=\d)|\.?{_SPACE}[,;|·•–—-]?{_SPACE}(?:(?:{_alternation(at)})\.?\s?)?)"
        r"(?:(?:上午|下午|晚上|凌晨|早上|中午|午前|午後|오전|오후)\s?)?"
        r"(?:(?:[01]?\d|2[0-4])\s?(?:[:：.h]|時|时|点|點|시)\s?[0-5]\d(?!\d)(?!\.\d)"
        r"(?:\s?[:：分]\s?[0-5]\d(?:\.\d{1,9})?)?\s?(?:分|분|秒)?"
        r"(?:\s?(?:uhr|uur|hrs?|h|น\.|ч\.?|[ap]\.?m\.?)(?![^\W\d_]))?"
        r"|(?:[01]?\d|2[0-4])\s?(?:uhr|uur|[ap]\.?m\.?|時|时|点|點|시)(?![^\W\d_]))"
        r"(?:\s?\(?(?-i:Z|UTC|GMT|MESZ|MEZ|[A-Z]{1,3}[SD]?T|WIB|WITA|WIT)\b\)?)?"
        r"(?:\s?[+−-]\d{1,2}(?::?\d{2})?(?!\d))?",
        re.IGNORECASE,
    )


def _alternation(forms: Iterable[str]) -> str:
    """Return the forms as an expression, longest first."""
    ordered = sorted(forms, key=lambda form: (-len(form), form))
    return "|".join(re.escape(form).replace(r"\ ", r"\s") for form in ordered)
