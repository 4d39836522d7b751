"""Dates as they are written in articles, in many languages and scripts.

Only dates with a year are found, and only those that exist: ``31.02.2025``, a year before
1900 or more than two years ahead are no dates; ``yesterday`` is never resolved. Names of
months and days and the small words around them are data
(``tasks/data/lexicon/<language>.toml``, section ``dates``; from Unicode CLDR, and forms
that it lacks).

Two ways lead to a date: one expression for dates in digits, and for names of months the
few words around each four-digit number. Both look at a bounded piece of text per number,
so time grows with the length of the text only.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from tasks import lexicon
from tasks.schema import Precision

FIRST_YEAR = 1900
YEARS_AHEAD = 2
_WINDOW_CHARS = 60  # around a year: longer than any date
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"(?<!\d)(?<!\d[.,:])\d{4}(?!\d)(?![.,:]\d)(?!%)")
_BEFORE = r"(?<![\dA-Za-z/_=@#\u2010-])(?<!\d[.,:])"
_AFTER = r"(?![A-SU-Za-z\d/_%])(?!T(?!\d))(?![-.:]\d)"
_SLASHED_ISO = r"(?P<y1>\d{4})(?P<s1>[-/])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})"
_DOTTED_ISO = r"(?P<y2>\d{4})\.\s?(?P<m2>\d{1,2})\.\s?(?P<d2>\d{1,2})"
_SLASHED = r"(?P<a3>\d{1,2})(?P<s3>[-/])(?P<b3>\d{1,2})(?P=s3)(?P<y3>\d{4})"
_DOTTED = r"(?P<d4>\d{1,2})\.\s?(?P<m4>\d{1,2})\.\s?(?P<y4>\d{4}|\d{2}(?!\.?\d))"
_NUMERIC = re.compile(
    f"{_BEFORE}(?:{_SLASHED_ISO}|{_DOTTED_ISO}|{_SLASHED}|{_DOTTED}"
    r"|(?P<y5>\d{4})-(?P<m5>\d{2})|(?P<m6>\d{1,2})/(?P<y6>\d{4}))"
    f"{_AFTER}"
    r"|(?<!\d)(?:(?P<era>令和|平成|昭和|民國|民国)\s?)?(?P<y7>\d{1,4}|元)\s?年\s?"
    r"(?P<m7>\d{1,2})\s?月(?:\s?(?P<d7>\d{1,2})\s?[日号號])?"
    r"|(?<!\d)(?P<y8>\d{4})\s?년\s?(?P<m8>\d{1,2})\s?월(?:\s?(?P<d8>\d{1,2})\s?일)?"
    r"|(?<!\w)(?:(?i:ngày)\s)?(?:(?P<d9>\d{1,2})\s)?(?i:tháng|thg)\s?(?P<m9>\d{1,2})"
    r"(?:\s?[,/]\s?|\s)(?:(?i:năm)\s)?(?P<y9>\d{4})(?!\d)"
)
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "民國": 1911, "民国": 1911}
_GAP = re.compile(r"[ \t\u00a0\u2009\u202f.,،/'’()（）-]{0,4}")
_DAY = re.compile(r"(\d{1,2})(?:st|nd|rd|th|er|re|eme|a|o|e|º|ª|-?й|ος|η)?\Z")
_CAPITALISED = frozenset({"en", "de", "tr", "el", "id"})  # write months with a capital
_YEAR_FIRST = frozenset({"hu", "lt", "lv"})
_DAY_DOT = frozenset({"hr", "sr", "sl", "cs", "sk", "de", "da", "no", "fi", "et"})
_SHARED_LANGUAGES = 5  # so many languages share an abbreviation that is no word
_ARABIC = re.compile("[\u0600-\u06ff]")
_SENTENCE_START = re.compile(r"(?:\A|[\n|·•–—(\[:>]|[.!?]\s)\s*\Z")


@dataclass(frozen=True, slots=True)
class DateFound:
    """A date in a text.

    Attributes:
        start: First code point, from the weekday on.
        end: One past the last code point, with the time of day.
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
class _Month:
    number: int
    languages: frozenset[str]
    is_wide: bool
    is_solar: bool = False


@dataclass(frozen=True, slots=True)
class _Word:
    text: str  # folded
    start: int
    end: int


@dataclass(slots=True)
class _Names:
    months: dict[str, list[tuple[tuple[str, ...], _Month]]] = field(default_factory=dict)
    weekdays: set[tuple[str, ...]] = field(default_factory=set)
    between: dict[str, set[str]] = field(default_factory=dict)
    before: set[str] = field(default_factory=set)
    after: re.Pattern[str] = re.compile("")
    time: re.Pattern[str] = re.compile("")


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
    found = list(_find_numeric(text))
    taken = [(date.start, date.end) for date in found]
    for year in _YEAR.finditer(text):
        if any(start <= year.start() < end for start, end in taken[-64:]):
            continue
        date = _parse_named(text, year, language)
        if date is None and years and _is_year(int(year.group())):
            value = str(int(year.group()))
            date = DateFound(*year.span(), value, Precision.YEAR)
        if date is not None:
            found.append(date)
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
    if not 1 <= len(dates) <= 2:  # noqa: PLR2004
        return None
    position = 0
    updates: list[bool] = []
    for date in dates:
        label = _read_before(line[position : date.start], is_first=position == 0)
        if label is None:
            return None
        updates.append(label == "updated")
        position = date.end
    if not _is_empty(_TIME_ALONE.sub("", line[position:])):
        return None
    return dates[updates.index(False)] if False in updates else dates[0]


_TIME_ALONE = re.compile(r"\b\d{1,2}[:.h]\d{2}(?::\d{2})?\s*(?:uhr|h|[ap]\.?m\.?)?", re.I)
_PLACE = re.compile(r"\s*[^\W\d_][^\W\d_.'’-]*(?:[ .'’-]{1,2}[^\W\d_]+){0,3}\s*[,(–—-]*\s*")


def _read_before(text: str, *, is_first: bool) -> str | None:
    """Return the label in front of a date, ``""`` if none, nothing if it is prose."""
    text = _TIME_ALONE.sub("", text)
    if _is_empty(text):
        return ""
    stripped = text.strip(" \t|·•–—-,;()[]")
    words = lexicon.fold(stripped)
    for label in lexicon.find_labels(stripped):
        rest = stripped[label.end :]
        if label.name in {"published", "updated", "reading_time"} and (
            _is_empty(rest) or _is_small(rest)
        ):
            return label.name
    if _is_small(stripped):
        return ""
    # A place: up to three words with a capital, set off by a comma or a dash.
    is_set_off = text.rstrip()[-1:] in {",", "–", "—", "-", "|", ")", "/"} or (
        words.split(" ")[-1] in _names().before
    )
    if not is_first or not is_set_off or _PLACE.fullmatch(text) is None:
        return None
    place = [word for word in stripped.split() if lexicon.fold(word) not in _names().before]
    is_name = all(word[:1].isupper() or not word.isascii() for word in place)
    return "" if is_name and len(place) <= 3 else None  # noqa: PLR2004


def _is_empty(text: str) -> bool:
    return not lexicon.fold(text)


def _is_small(text: str) -> bool:
    """Say whether only articles and prepositions of dates and weekdays are left."""
    words = lexicon.fold(text).split()
    names = _names()
    return all(
        word in names.before or (word,) in names.weekdays for word in words
    ) or tuple(words) in names.weekdays


def _is_year(year: int) -> bool:
    return FIRST_YEAR <= year <= dt.datetime.now(tz=dt.UTC).year + YEARS_AHEAD


def _iso(year: int, month: int, day: int | None) -> tuple[str, Precision] | None:
    """Return the date as ISO 8601 if it exists and lies in the known years."""
    if not _is_year(year):
        return None
    try:
        date = dt.date(year, month, day or 1)
    except ValueError:
        return None
    if day is None:
        return f"{date:%Y-%m}", Precision.MONTH
    return date.isoformat(), Precision.DAY


def _find_numeric(text: str) -> Iterator[DateFound]:
    month_first: bool | None = None
    for match in _NUMERIC.finditer(text):
        parts = match.groupdict()
        read = _read_numeric(text, parts)
        if read is None and parts["a3"]:
            if month_first is None:
                month_first = _is_month_first(text)
            read = _read_slashed(text, match, month_first=month_first)
        if read is None:
            continue
        (value, precision), language, ambiguous = read
        yield DateFound(
            match.start(), match.end(), value, precision, language, is_ambiguous=ambiguous
        )


_Read = tuple[tuple[str, Precision], str | None, bool]


def _read_numeric(text: str, parts: dict[str, str | None]) -> _Read | None:  # noqa: PLR0911
    if parts["y1"] or parts["y2"]:
        index = "1" if parts["y1"] else "2"
        year, month, day = _numbers(parts, "y" + index, "m" + index, "d" + index)
        if year < FIRST_YEAR and _ARABIC.search(text):
            return _read(_from_solar(year, month, day), "fa")
        return _read(_iso(year, month, day))
    if parts["y4"]:
        day, month, year = _numbers(parts, "d4", "m4", "y4")
        is_short = len(parts["y4"]) == 2  # noqa: PLR2004
        year += 2000 if is_short else 0
        if is_short and year > dt.datetime.now(tz=dt.UTC).year + 1:
            return None
        return _read(_iso(year, month, day), is_ambiguous=is_short)
    for index in "56":
        if parts["y" + index]:
            year, month = _numbers(parts, "y" + index, "m" + index)
            return _read(_iso(year, month, None), is_ambiguous=True)
    for index, language in (("7", None), ("8", "ko"), ("9", "vi")):
        if parts["y" + index]:
            return _read_counted(parts, index, language)
    return None


def _read_counted(
    parts: dict[str, str | None], index: str, language: str | None
) -> _Read | None:
    """Read a date whose numbers are followed by words: year, month, day."""
    year = 1 if parts["y" + index] == "元" else _numbers(parts, "y" + index)[0]
    (month,) = _numbers(parts, "m" + index)
    day = _numbers(parts, "d" + index)[0] if parts["d" + index] else None
    if era := parts["era"]:
        year += _ERAS[era]
        language = "ja" if era in {"令和", "平成", "昭和"} else "zh"
    return _read(_iso(year, month, day), language)


def _numbers(parts: dict[str, str | None], *names: str) -> list[int]:
    return [int(parts[name] or 0) for name in names]


def _read(
    iso: tuple[str, Precision] | None,
    language: str | None = None,
    *,
    is_ambiguous: bool = False,
) -> _Read | None:
    return None if iso is None else (iso, language, is_ambiguous)


def _read_slashed(
    text: str, match: re.Match[str], *, month_first: bool
) -> _Read | None:
    first, second, year = _numbers(match.groupdict(), "a3", "b3", "y3")
    day_first, other = _iso(year, second, first), _iso(year, first, second)
    if day_first is None or other is None or first == second:
        return _read(day_first or other)
    after = text[match.end() : match.end() + 24]
    chosen = other if month_first or _HALF_DAY.search(after) else day_first
    return _read(chosen, is_ambiguous=True)


_HALF_DAY = re.compile(r"\A[\s,|at-]*\d{1,2}(?::\d{2}){0,2}\s?[ap]\.?m\b", re.IGNORECASE)
_SLASHED_ALONE = re.compile(f"{_BEFORE}{_SLASHED}{_AFTER}")


def _is_month_first(text: str) -> bool:
    """Say whether the text has dates that can only be month first, and no other."""
    seen = set()
    for match in _SLASHED_ALONE.finditer(text):
        first, second, year = _numbers(match.groupdict(), "a3", "b3", "y3")
        day_first = _iso(year, second, first) is not None
        if day_first != (_iso(year, first, second) is not None):
            seen.add("day" if day_first else "month")
    return seen == {"month"}


def _from_solar(year: int, month: int, day: int | None) -> tuple[str, Precision] | None:
    """Convert a date of the Iranian calendar; a month alone has no equal.

    Leap years by the 33-year cycle, exact for 1244 to 1472 (1865 to 2093). New Year 1403
    was 20 March 2024.
    """
    months = 12
    if day is None or not 1 <= month <= months:
        return None
    is_leap = _is_solar_leap(year)
    if not 1 <= day <= (31 if month <= 6 else 30 - (month == 12 and not is_leap)):  # noqa: PLR2004
        return None
    low, high = sorted((year, 1403))
    if high - low > 200:  # noqa: PLR2004
        return None
    days = sum(365 + _is_solar_leap(other) for other in range(low, high))
    start = dt.date(2024, 3, 20) + dt.timedelta(days if year > low else -days)
    passed = 31 * (month - 1) - max(0, month - 7) + day - 1
    date = start + dt.timedelta(passed)
    return _iso(date.year, date.month, date.day)


def _is_solar_leap(year: int) -> bool:
    return (25 * year + 11) % 33 < 8  # noqa: PLR2004


def _parse_named(
    text: str, year: re.Match[str], language: str | None
) -> DateFound | None:
    """Read the date with a named month around a year of four digits."""
    start, end = year.span()
    low = max(0, start - _WINDOW_CHARS)
    before = _words(text, low, start)
    if low and before and before[0].start == low:
        del before[0]  # cut in the middle
    date = _parse_before(text, year, before[::-1], language)
    if date is None:
        after = _words(text, end, min(len(text), end + _WINDOW_CHARS))
        date = _parse_after(text, year, after, language)
    return date


def _words(text: str, start: int, end: int) -> list[_Word]:
    return [
        _Word(lexicon.fold_word(text[a:b]), a, b)
        for a, b in lexicon.word_spans(text, start, end)
    ]


def _joined(text: str, start: int, end: int) -> bool:
    return _GAP.fullmatch(text, start, end) is not None


def _parse_before(
    text: str, year: re.Match[str], words: list[_Word], language: str | None
) -> DateFound | None:
    """Read ``29. Januar 2025``, ``January 29, 2025`` or ``Januar 2025``.

    Args:
        text: The whole text.
        year: The year in it.
        words: The words before the year, nearest first.
        language: As in ``find_dates``.
    """
    names = _names()
    limit: set[str] | None = None  # languages that the small words allow
    right, index = year.start(), 0
    day_word: _Word | None = None
    while index < len(words) and _joined(text, words[index].end, right):
        word = words[index]
        if months := _months_ending(words, index):
            parts, candidates = months
            left = words[index + parts - 1]
            index += parts
            # Arabic papers give both names of a month: January/Second Kanun.
            if (again := _months_ending(words, index)) and _joined(
                text, words[index].end, left.start
            ):
                same = {month.number for month in candidates}
                if same & {month.number for month in again[1]}:
                    left = words[index + again[0] - 1]
                    index += again[0]
            return _finish(text, year, words, index, left, day_word, candidates, limit, language)
        if day_word is None and _DAY.match(_digits(text, word)):
            day_word = word
        elif word.text in names.between and day_word is None:
            allowed = names.between[word.text]
            limit = allowed if limit is None else limit & allowed
        else:
            return None
        right = word.start
        index += 1
    return None


def _digits(text: str, word: _Word) -> str:
    return text[word.start : word.end].lower()


def _months_ending(
    words: list[_Word], index: int
) -> tuple[int, list[_Month]] | None:
    """Find the longest name of a month whose last word is ``words[index]``."""
    if index >= len(words):
        return None
    best: tuple[int, list[_Month]] | None = None
    for parts, month in _names().months.get(words[index].text, ()):
        size = len(parts)
        here = tuple(word.text for word in words[index : index + size])
        if here[::-1] != parts:
            continue
        if best is None or size > best[0]:
            best = (size, [month])
        elif size == best[0]:
            best[1].append(month)
    return best


def _finish(  # noqa: PLR0913, PLR0917
    text: str,
    year: re.Match[str],
    words: list[_Word],
    index: int,
    left: _Word,
    day_word: _Word | None,
    months: list[_Month],
    limit: set[str] | None,
    language: str | None,
) -> DateFound | None:
    """Look for the day before the month and put the date together."""
    names = _names()
    month_start = start = left.start
    if day_word is None:
        right, inner = left.start, limit
        while index < len(words) and _joined(text, words[index].end, right):
            word = words[index]
            if _DAY.match(_digits(text, word)):
                day_word, start, limit = word, word.start, inner
                index += 1
                break
            if word.text not in names.between:
                break
            allowed = names.between[word.text]
            inner = allowed if inner is None else inner & allowed
            right, index = word.start, index + 1
    day = None
    if day_word is not None:
        match = _DAY.match(_digits(text, day_word))
        day = int(match[1]) if match else None
    has_dot = day_word is not None and text[day_word.end : day_word.end + 1] == "."
    month = _choose(months, limit, language, has_dot=has_dot)
    if month is None:
        return None
    if day is None and not _stands_alone(text, month_start, month):
        return None
    return _assemble(year, month, day, start, year.end())


def _choose(
    months: list[_Month],
    limit: set[str] | None,
    language: str | None,
    *,
    has_dot: bool,
) -> _Month | None:
    """Return the month that is meant, nothing if languages disagree."""
    for wanted in (
        limit,
        {language} if language else None,
        _DAY_DOT if has_dot else None,
        None if has_dot else frozenset(lexicon.LANGUAGES) - _DAY_DOT,
    ):
        if wanted is None:
            continue
        fitting = [
            replace(month, languages=month.languages & wanted)
            for month in months
            if month.languages & wanted
        ]
        if not fitting and wanted is limit:
            return None
        if wanted is limit or len({month.number for month in months}) > 1:
            months = fitting or months
    if len({month.number for month in months}) > 1:
        return None
    wide = [month for month in months if month.is_wide]
    languages = frozenset().union(*(month.languages for month in months))
    return replace((wide or months)[0], languages=languages)


def _stands_alone(text: str, start: int, month: _Month) -> bool:
    """Say whether a month without a day is a month here and not another word."""
    is_lower = text[start].islower()
    if not month.is_wide and (
        is_lower or len(month.languages) < _SHARED_LANGUAGES
    ):
        return False
    if is_lower:
        return month.languages != {"en"}  # `they may 2025`
    if not text[start].isupper():
        return True  # no capitals in this script
    # `Mars 2025` in an English sentence is a planet.
    return bool(month.languages & _CAPITALISED) or bool(
        _SENTENCE_START.search(text, max(0, start - 8), start)
    )


def _assemble(
    year: re.Match[str], month: _Month, day: int | None, start: int, end: int
) -> DateFound | None:
    number = int(year.group())
    if month.is_solar:
        iso = _from_solar(number, month.number, day)
    else:
        if "th" in month.languages and number > 2400:  # noqa: PLR2004
            number -= 543  # Buddhist era
        iso = _iso(number, month.number, day)
    if iso is None:
        return None
    language = next(iter(month.languages)) if len(month.languages) == 1 else None
    return DateFound(start, end, *iso, language)


def _parse_after(
    text: str, year: re.Match[str], words: list[_Word], language: str | None
) -> DateFound | None:
    """Read ``2025. január 29.``, ``2025 m. sausio 29 d.``, ``2025. gada 29. janvārī``."""
    names = _names()
    left, index, day, limit = year.end(), 0, None, set(_YEAR_FIRST)
    month: _Month | None = None
    end = year.end()
    while index < len(words) and _joined(text, left, words[index].start):
        word = words[index]
        left = word.end
        if day is None and (match := _DAY.match(_digits(text, word))):
            day, end = int(match[1]), word.end
            if month is not None:
                break
        elif month is None and (entries := names.months.get(word.text)):
            found = [entry for parts, entry in entries if len(parts) == 1]
            month = _choose(found, limit, language, has_dot=False) if found else None
            if month is None:
                return None
            end = word.end
            if day is not None:
                break
        elif word.text in names.between and month is None and day is None:
            limit &= names.between[word.text]
        else:
            break
        index += 1
    if month is None or (day is None and not month.is_wide):
        return None
    return _assemble(year, month, day, year.start(), end)


def _widen(text: str, found: Iterable[DateFound]) -> list[DateFound]:
    """Add weekday and time to the spans; drop a date inside another."""
    names = _names()
    dates: list[DateFound] = []
    for date in found:
        floor = dates[-1].end if dates else 0
        if date.start < floor:
            continue
        start = _weekday_start(text, max(floor, date.start - _WINDOW_CHARS), date.start)
        end = date.end
        if after := names.after.match(text, end):
            end = after.end()
        time = names.time.match(text, end)
        if time is not None and date.precision is Precision.DAY:
            end = time.end()
        has_time = time is not None and date.precision is Precision.DAY
        dates.append(replace(date, start=start, end=end, has_time=has_time))
    return dates


def _weekday_start(text: str, low: int, start: int) -> int:
    names = _names()
    words = _words(text, low, start)[::-1]
    right, index = start, 0
    while index < min(2, len(words)) and words[index].text in names.before:
        right, index = words[index].start, index + 1
    for size in (2, 1):
        part = words[index : index + size][::-1]
        if len(part) == size and tuple(word.text for word in part) in names.weekdays:
            inner = [start if not index else words[index - 1].start]
            if _joined(text, part[-1].end, inner[0]) and _all_joined(text, words, index, start):
                return part[0].start
    return start if right == start else start


def _all_joined(text: str, words: list[_Word], count: int, right: int) -> bool:
    for word in words[:count]:
        if not _joined(text, word.end, right):
            return False
        right = word.start
    return True


@cache
def _names() -> _Names:
    names = _Names()
    found: dict[tuple[tuple[str, ...], int, bool], dict[str, bool]] = {}
    after: set[str] = set()
    at: set[str] = set()
    for language in lexicon.LANGUAGES:
        data = lexicon.read_language(language).get("dates", {})
        for section, is_wide in (("months", True), ("abbreviations", False), ("solar", True)):
            for number, line in enumerate(data.get(section, "").strip().splitlines(), 1):
                for form in line.split():
                    parts = tuple(lexicon.fold(form.replace("_", " ")).split())
                    if parts:
                        key = (parts, number, section == "solar")
                        languages = found.setdefault(key, {})
                        languages[language] = languages.get(language, False) or is_wide
        for form in data.get("weekdays", "").split():
            names.weekdays.add(tuple(lexicon.fold(form.replace("_", " ")).split()))
        for form in data.get("between", "").split():
            names.between.setdefault(lexicon.fold(form), set()).add(language)
        names.before.update(lexicon.fold(form) for form in data.get("before", "").split())
        after.update(form.replace("_", " ") for form in data.get("after", "").split())
        at.update(form.replace("_", " ") for form in data.get("at", "").split())
    for (parts, number, is_solar), languages in found.items():
        is_wide = any(languages.values())
        month = _Month(number, frozenset(languages), is_wide, is_solar)
        names.months.setdefault(parts[-1], []).append((parts, month))
    names.after = re.compile(
        rf"(?:\s?(?:{_alternation(after)})(?![^\W\d_])\.?)+", re.IGNORECASE
    )
    names.time = re.compile(_TIME.replace("AT", _alternation(at)), re.IGNORECASE)
    return names


def _alternation(forms: Iterable[str]) -> str:
    return "|".join(re.escape(form) for form in sorted(forms, key=lambda f: (-len(f), f)))


_TIME = (
    r"(?:T(?=\d)|\.?\s*[,;|·•–—-]?\s*(?:(?:AT)\.?\s*)?)"
    r"(?:(?:上午|下午|晚上|凌晨|早上|中午|午前|午後|오전|오후)\s*)?"
    r"(?:(?:[01]?\d|2[0-4])\s?(?:[:：.h]|時|时|点|點|시)\s?[0-5]\d(?!\d)(?!\.\d)"
    r"(?:\s?[:：分]\s?[0-5]\d(?:\.\d{1,9})?)?\s?(?:分|분|秒)?"
    r"(?:\s?(?:uhr|uur|hrs?|h|น\.|ч\.?|[ap]\.?m\.?)(?![^\W\d_]))?"
    r"|(?:[01]?\d|2[0-4])\s?(?:uhr|uur|[ap]\.?m\.?|時|时|点|點|시)(?![^\W\d_]))"
    r"(?:\s?\(?(?-i:Z|UTC|GMT|MESZ|MEZ|[A-Z]{1,3}[SD]?T|WIB|WITA|WIT)\b\)?)?"
    r"(?:\s?[+−-]\d{1,2}(?::?\d{2})?(?!\d))?"
)
