"""Dates as they are written in articles, in many languages and scripts.

Only dates with a year are found, and only those that exist: ``31.02.2025`` and years
outside 1900 to 2099 are no dates; ``yesterday`` is never resolved. The result depends
on the text alone, not on today. Names are data (``tasks/text/monthnames.py``).

Two ways lead to a date: one expression for dates in digits (``tasks/digitdates.py``),
and for names of months the few words around each four-digit number. Both look at a
bounded piece of text per number, so time grows with the length of the text only.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from tasks.schema import Precision
from tasks.text import lexicon
from tasks.text.digitdates import find_digit_dates, is_year, solar_to_iso, to_iso
from tasks.text.monthnames import Month, date_names

_WINDOW_CHARS = 60  # around a year: longer than any date
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?<!\d)(?<!\d[.,:])\d{4}(?!\d)(?![.,:]\d)(?!%)")
_GAP = re.compile(r"[ \t\u00a0\u2009\u202f.,،/'’()（）-]{0,4}")
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th|er|re|eme|a|o|e|º|ª|й|ος|η)?\Z")
_CAPITALISED = frozenset({"en", "de", "tr", "el", "id"})  # write months with a capital
_YEAR_FIRST = frozenset({"hu", "lt", "lv"})
_DAY_DOT = frozenset({"hr", "sr", "sl", "cs", "sk", "de", "da", "no", "fi", "et"})
_SHARED_LANGUAGES = 5  # so many languages share an abbreviation that is no word
_SENTENCE_START = re.compile(r"(?:\A|[\n|·•–—(\[:>]|[.!?]\s)\s*\Z")
_START_CHARS = 8
_FIRST_BUDDHIST = 2400  # a Thai year from here on counts from 543 BC
_BUDDHIST_YEARS = 543
_TIME_ALONE = re.compile(
    r"\b\d{1,2}[:.h]\d{2}(?::\d{2})?\s*(?:uhr|h|[ap]\.?m\.?)?", re.IGNORECASE
)
_PLACE_WORD = re.compile(r"[^\W\d_][^\d\s!?;:()\"“”„«»]*")
_PLACE_WORDS = 3
_SET_OFF = (",", "–", "—", "-", "|", ")", "/")
_LINE_DATES = 2


@dataclass(frozen=True, slots=True)
class DateFound:
    """A date in a text.

    Attributes:
        start: First code point, from the weekday on.
        end: One past the last code point, with weekday and time of day.
        value: ISO 8601 as far as known: ``2025-01-29``, ``2025-01`` or ``2025``.
        precision: How much of the date is known.
        language: Language of the month, if only one writes it so.
        has_time: A time of day follows.
        is_ambiguous: It may be meant otherwise: ``03/04/2025`` (read day first unless
            the text shows month first), a year of two digits, ``2010-12``.
    """

    start: int
    end: int
    value: str
    precision: Precision
    language: str | None = None
    has_time: bool = False
    is_ambiguous: bool = False


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    text: str  # folded
    day: int | None  # of the month, if it may be one


@dataclass(slots=True)
class _Reading:
    """What is known while the words around a year are read, outwards from it."""

    text: str
    year: re.Match[str]
    words: list[_Word]  # nearest first
    language: str | None
    day: _Word | None = None
    allowed: frozenset[str] | None = None  # languages, by the small words so far

    def allow(self, word: _Word) -> bool:
        """Say whether the word may stand inside a date, and keep its languages."""
        languages = date_names().between.get(word.text)
        if languages is None:
            return False
        self.allowed = languages if self.allowed is None else self.allowed & languages
        return True


def find_dates(
    text: str, *, years: bool = False, language: str | None = None
) -> list[DateFound]:
    """Find the dates of a text.

    Args:
        text: A line or a whole article.
        years: Also return years that stand alone.
        language: Language of the text, if known; decides names that mean different
            months (``listopada``: October in Croatian, November in Polish).

    Returns:
        In reading order, never overlapping.

    Examples:
        >>> [d.value for d in find_dates("Veröffentlicht am 28. Januar 2025 auf X")]
        ['2025-01-28']
        >>> find_dates("S. 94, am 30. Januar, 01.02.")
        []
    """
    if _DIGIT.search(text) is None:
        return []
    found: list[DateFound] = []
    taken: set[int] = set()
    for start, end, date, tongue, is_ambiguous in find_digit_dates(text):
        found.append(DateFound(start, end, *date, tongue, is_ambiguous=is_ambiguous))
        taken.update(range(start, end))
    for year in _YEAR.finditer(text):
        if year.start() in taken:
            continue
        named = _parse_before(text, year, language) or _parse_after(
            text, year, language
        )
        if named is None and years and is_year(int(year.group())):
            value = str(int(year.group()))  # digits of any script
            named = DateFound(*year.span(), value, Precision.YEAR)
        if named is not None:
            found.append(named)
    found.sort(key=lambda date: (date.start, -date.end))
    return _widen(text, found)


def is_date_line(line: str) -> DateFound | None:
    """Return the date if the line is nothing but a date.

    A label (``Updated:``), weekday, time, place before a comma (``Berlin,``) and
    separators may stand around it, and a second date with its label. Of two dates the
    first that is not labelled as an update.

    Examples:
        >>> is_date_line("Published on: March 3, 2024 | 10:30 am").value
        '2024-03-03'
        >>> is_date_line("Berlin, den 3. März 2024").value
        '2024-03-03'
        >>> is_date_line("On March 3, 2024 the bridge was opened.") is None
        True
    """
    if len(line) > lexicon.MAX_LEFTOVER_CHARS or _DIGIT.search(line) is None:
        return None
    dates = find_dates(line)
    if not 1 <= len(dates) <= _LINE_DATES:
        return None
    position = 0
    updates: list[bool] = []
    for date in dates:
        label = _read_before(line[position : date.start], is_first=position == 0)
        if label is None:
            return None
        updates.append(label == "updated")
        position = date.end
    if lexicon.fold(_TIME_ALONE.sub("", line[position:])):
        return None
    return dates[updates.index(False)] if False in updates else dates[0]


def _read_before(text: str, *, is_first: bool) -> str | None:
    """Return the label in front of a date, ``""`` if none, nothing if it is prose."""
    text = _TIME_ALONE.sub("", text)
    stripped = text.strip(" \t|·•–—-,;()[]")
    for label in lexicon.find_labels(stripped):
        is_dated = label.name in {"published", "updated", "reading_time"}
        if is_dated and _is_small(stripped[label.end :]):
            return label.name
    if _is_small(stripped):
        return ""
    return "" if is_first and _is_place(text, stripped) else None


def _is_small(text: str) -> bool:
    """Say whether there are only weekdays and small words of dates, or no words."""
    words = lexicon.fold(text).split()
    names = date_names()
    return tuple(words) in names.weekdays or all(
        word in names.before or (word,) in names.weekdays for word in words
    )


def _is_place(text: str, stripped: str) -> bool:
    """Up to three words with a capital, set off by a dash, a comma or ``, den``."""
    before = date_names().before
    words = [word for word in stripped.split() if lexicon.fold(word)]
    end = text.rstrip()
    while len(words) > 1 and lexicon.fold(words[-1]) in before:
        end = words[-2]
        del words[-1]
    place = [word for word in words if lexicon.fold(word) not in before]
    return (
        end.endswith(_SET_OFF)
        and len(place) <= _PLACE_WORDS
        and all(_PLACE_WORD.fullmatch(word) for word in place)
        and not any(word[0].islower() for word in place)
    )


def _words(text: str, start: int, end: int) -> list[_Word]:
    return [
        _Word(low, high, *_read_word(text[low:high]))
        for low, high in lexicon.word_spans(text, start, end)
    ]


@lru_cache(maxsize=4096)
def _read_word(word: str) -> tuple[str, int | None]:
    """Return the folded word, and the day of the month that it may be."""
    match = _DAY.match(word.lower())
    return lexicon.fold_word(word), int(match[1]) if match else None


def _is_joined(text: str, start: int, end: int) -> bool:
    # Swedish: `29:e januari`.
    is_ordinal = text[start:end] == ":" and text[end : end + 1] in {"e", "a"}
    return is_ordinal or _GAP.fullmatch(text, start, end) is not None


def _parse_before(
    text: str, year: re.Match[str], language: str | None
) -> DateFound | None:
    """Read ``29. Januar 2025``, ``January 29, 2025`` or ``Januar 2025``."""
    low = max(0, year.start() - _WINDOW_CHARS)
    words = _words(text, low, year.start())
    if low and words and words[0].start == low:
        del words[0]  # cut in the middle
    reading = _Reading(text, year, words[::-1], language)
    right = year.start()
    for index, word in enumerate(reading.words):
        if not _is_joined(text, word.end, right):
            return None
        if found := _months_ending(reading.words, index):
            return _finish(reading, index + found[0], found[1])
        if reading.day is not None:
            return None
        if word.day is not None:
            reading.day = word
        elif not reading.allow(word):
            return None
        right = word.start
    return None


def _months_ending(words: list[_Word], index: int) -> tuple[int, list[Month]] | None:
    """Find the longest name of a month whose last word is ``words[index]``."""
    if index >= len(words):
        return None
    size = 0
    months: list[Month] = []
    for parts, month in date_names().months.get(words[index].text, ()):
        here = tuple(word.text for word in words[index : index + len(parts)])
        if here[::-1] != parts or len(parts) < size:
            continue
        if len(parts) > size:
            size, months = len(parts), []
        months.append(month)
    return (size, months) if months else None


def _finish(reading: _Reading, index: int, months: list[Month]) -> DateFound | None:
    """Look for the day before the month and put the date together.

    Args:
        reading: What stands between month and year is read.
        index: First word before the month.
        months: What the name of the month may mean.
    """
    text, words = reading.text, reading.words
    again = _months_ending(words, index)
    # Arabic papers give both names of a month: January/Second Kanun.
    if again and _is_joined(text, words[index].end, words[index - 1].start):
        both = {month.number for month in again[1]} & {m.number for m in months}
        index += again[0] if both else 0
    start = month_start = words[index - 1].start
    if reading.day is None:
        reading = _find_day(reading, index)
        if reading.day is not None:
            start = reading.day.start
    month = _choose(months, reading)
    if month is None:
        return None
    if reading.day is None and not _stands_alone(text, month_start, month):
        return None
    day = None if reading.day is None else reading.day.day
    return _assemble(reading.year, month, day, start, reading.year.end())


def _find_day(reading: _Reading, index: int) -> _Reading:
    """Return what is known with the day before the month; the same if there is none."""
    wider = replace(reading)
    right = reading.words[index - 1].start
    for word in reading.words[index:]:
        if not _is_joined(reading.text, word.end, right):
            break
        if word.day is not None:
            wider.day = word
            return wider
        if not wider.allow(word):
            break
        right = word.start
    return reading


def _choose(months: list[Month], reading: _Reading) -> Month | None:
    """Return the month that is meant, nothing if languages disagree."""
    if reading.allowed is not None:
        months = _limit(months, reading.allowed)
    day, text, dotted = reading.day, reading.text, _DAY_DOT
    if day is None or text[day.end : day.end + 1] != ".":
        dotted = frozenset(lexicon.LANGUAGES) - _DAY_DOT
    known = frozenset({reading.language} if reading.language else ())
    for wanted in (known, dotted):
        if len({month.number for month in months}) > 1:
            months = _limit(months, wanted) or months
    if len({month.number for month in months}) != 1:
        return None
    best = next((month for month in months if month.wide), months[0])
    languages = [month.languages for month in months]
    return replace(best, languages=frozenset().union(*languages))


def _limit(months: list[Month], languages: frozenset[str]) -> list[Month]:
    return [
        replace(month, languages=month.languages & languages)
        for month in months
        if month.languages & languages
    ]


def _stands_alone(text: str, start: int, month: Month) -> bool:
    """Say whether a month without a day is a month here and not another word."""
    is_lower = text[start].islower()
    if not month.wide and (is_lower or len(month.languages) < _SHARED_LANGUAGES):
        return False
    if is_lower:
        return month.wide != {"en"}  # `they may 2025`
    if not text[start].isupper():
        return True  # no capitals in this script
    # `Mars 2025` in an English sentence is a planet.
    return bool(month.languages & _CAPITALISED) or bool(
        _SENTENCE_START.search(text, max(0, start - _START_CHARS), start)
    )


def _assemble(
    year: re.Match[str], month: Month, day: int | None, start: int, end: int
) -> DateFound | None:
    number = int(year.group())
    if month.is_solar:
        iso = solar_to_iso(number, month.number, day)
    else:
        if "th" in month.languages and number > _FIRST_BUDDHIST:
            number -= _BUDDHIST_YEARS
        iso = to_iso(number, month.number, day)
    if iso is None:
        return None
    language = next(iter(month.languages)) if len(month.languages) == 1 else None
    return DateFound(start, end, *iso, language)


def _parse_after(
    text: str, year: re.Match[str], language: str | None
) -> DateFound | None:
    """Read ``2025. január 29.``, ``2025 m. sausio 29 d.``."""
    words = _words(text, year.end(), min(len(text), year.end() + _WINDOW_CHARS))
    reading = _Reading(text, year, words, language, allowed=_YEAR_FIRST)
    left = end = year.end()
    months: list[Month] = []
    for word in words:
        if not _is_joined(text, left, word.start):
            break
        left = word.end
        if reading.day is None and word.day is not None:
            reading.day = word
        elif not months and (entries := date_names().months.get(word.text)):
            months = [month for parts, month in entries if len(parts) == 1]
        elif months or reading.day or not reading.allow(word):
            break
        else:
            continue
        end = word.end
    month = _choose(months, reading)
    if month is None or (reading.day is None and not month.wide):
        return None
    day = None if reading.day is None else reading.day.day
    return _assemble(year, month, day, year.start(), end)


def _widen(text: str, found: Iterable[DateFound]) -> list[DateFound]:
    """Add weekday and time to the spans; drop a date inside another."""
    names = date_names()
    dates: list[DateFound] = []
    for date in found:
        floor = dates[-1].end if dates else 0
        if date.start < floor:
            continue
        start = _find_weekday(text, max(floor, date.start - _WINDOW_CHARS), date.start)
        after = names.after.match(text, date.end)
        end = after.end() if after else date.end
        time = names.time.match(text, end) if date.precision is Precision.DAY else None
        if time is not None:
            end = time.end()
        dates.append(replace(date, start=start, end=end, has_time=time is not None))
    return dates


def _find_weekday(text: str, low: int, start: int) -> int:
    """Return where the weekday before a date starts, or the date if there is none."""
    names = date_names()
    words = _words(text, low, start)
    right = start
    while words and words[-1].text in names.before:
        if not _is_joined(text, words[-1].end, right):
            return start
        right = words.pop().start
    for size in (2, 1):
        day = words[-size:]
        if tuple(word.text for word in day) in names.weekdays and _is_joined(
            text, day[-1].end, right
        ):
            return day[0].start
    return start
