"""Dates in digits: ISO, dotted, slashed, East Asian, Vietnamese, Iranian.

One expression finds them; what does not exist or lies outside ``FIRST_YEAR`` to
``LAST_YEAR`` is no date.
"""

import datetime as dt
import re
from collections.abc import Iterator
from typing import NamedTuple

from tasks.schema import Precision

FIRST_YEAR = 1900
LAST_YEAR = 2099  # fixed, so that the same text always has the same dates

# Two digits of a year: 00 to 49 are of this century, 70 to 99 of the last (POSIX splits
# at 69); between lie no dates of articles.
_LAST_SHORT, _FIRST_SHORT = 49, 70
_BEFORE = r"(?<![\dA-Za-z/_=@#\u2010-])(?<!\d[.,:])"
_AFTER = r"(?![A-SU-Za-z\d/_%])(?!T(?!\d))(?![-.:]\d)"
_YEAR_FIRST = r"(?P<y1>\d{4})(?P<s1>[-/])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})"
_YEAR_FIRST_DOTTED = r"(?P<y2>\d{4})\.\s?(?P<m2>\d{1,2})\.\s?(?P<d2>\d{1,2})"
_SLASHED = r"(?P<a3>\d{1,2})(?P<s3>[-/])(?P<b3>\d{1,2})(?P=s3)(?P<y3>\d{4})"
_DOTTED = r"(?P<d4>\d{1,2})\.\s?(?P<m4>\d{1,2})\.\s?(?P<y4>\d{4}|\d{2}(?!\.?\d))"
_NUMERIC = re.compile(
    f"{_BEFORE}(?:{_YEAR_FIRST}|{_YEAR_FIRST_DOTTED}|{_SLASHED}|{_DOTTED}"
    r"|(?P<y5>\d{4})-(?P<m5>\d{2})|(?P<m6>\d{1,2})/(?P<y6>\d{4}))"
    f"{_AFTER}"
    r"|(?<!\d)(?:(?P<era>令和|平成|昭和|民國|民国)\s?)?(?P<y7>\d{1,4}|元)\s?年\s?"
    r"(?P<m7>\d{1,2})\s?月(?:\s?(?P<d7>\d{1,2})\s?[日号號])?"
    r"|(?<!\d)(?P<y8>\d{4})\s?년\s?(?P<m8>\d{1,2})\s?월(?:\s?(?P<d8>\d{1,2})\s?일)?"
    r"|(?<!\w)(?:(?i:ngày)\s)?(?:(?P<d9>\d{1,2})\s)?(?i:tháng|thg)\s?(?P<m9>\d{1,2})"
    r"(?:\s?[,/]\s?|\s)(?:(?i:năm)\s)?(?P<y9>\d{4})(?!\d)"
)
_SLASHED_ALONE = re.compile(f"{_BEFORE}{_SLASHED}{_AFTER}")
_HALF_DAY = re.compile(
    r"\A[\s,|at-]*\d{1,2}(?::\d{2}){0,2}\s?[ap]\.?m\b", re.IGNORECASE
)
_HALF_DAY_CHARS = 24
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "民國": 1911, "民国": 1911}
_JAPANESE_ERAS = frozenset({"令和", "平成", "昭和"})
_COUNTED = {"7": None, "8": "ko", "9": "vi"}  # numbers followed by words
_MAYBE = re.compile(r"[-/.年년gG]\s?\d")  # stands in every date; searched fast
_ARABIC = re.compile("[\u0600-\u06ff]")
_MONTHS, _LONG_MONTHS = 12, 6  # of the Iranian year; the first six have 31 days
_FIRST_SOLAR, _LAST_SOLAR = 1244, 1472


class IsoDate(NamedTuple):
    """A date that exists: ISO 8601 as far as known."""

    value: str
    precision: Precision


class DigitDate(NamedTuple):
    """A date in digits, with its place in the text."""

    start: int
    end: int
    date: IsoDate
    language: str | None
    is_ambiguous: bool


class _Reading(NamedTuple):
    date: IsoDate
    language: str | None = None
    is_ambiguous: bool = False


def is_year(year: int) -> bool:
    """Say whether an article may be of this year."""
    return FIRST_YEAR <= year <= LAST_YEAR


def to_iso(year: int, month: int, day: int | None) -> IsoDate | None:
    """Return the date if it exists and lies in the known years."""
    if not is_year(year):
        return None
    try:
        date = dt.date(year, month, day or 1)
    except ValueError:
        return None
    if day is None:
        return IsoDate(f"{date:%Y-%m}", Precision.MONTH)
    return IsoDate(date.isoformat(), Precision.DAY) if day else None


def solar_to_iso(year: int, month: int, day: int | None) -> IsoDate | None:
    """Convert a date of the Iranian calendar; a month alone has no equal.

    Leap years by the 33-year cycle, exact for 1244 to 1472 (1865 to 2093). New Year
    1403 was 20 March 2024.
    """
    if day is None or not 1 <= month <= _MONTHS:
        return None
    if not _FIRST_SOLAR <= year <= _LAST_SOLAR:
        return None
    is_short = month == _MONTHS and not _is_solar_leap(year)
    if not 1 <= day <= (31 if month <= _LONG_MONTHS else 30 - is_short):
        return None
    low, high = sorted((year, 1403))
    days = sum(365 + _is_solar_leap(other) for other in range(low, high))
    new_year = dt.date(2024, 3, 20) + dt.timedelta(days if year > low else -days)
    passed = 31 * (month - 1) - max(0, month - _LONG_MONTHS - 1) + day - 1
    date = new_year + dt.timedelta(passed)
    return to_iso(date.year, date.month, date.day)


def _is_solar_leap(year: int) -> bool:
    return (25 * year + 11) % 33 < 8  # noqa: PLR2004


def find_digit_dates(text: str) -> Iterator[DigitDate]:
    """Yield the dates in digits, in reading order, never overlapping.

    Days and months between slashes or hyphens are read day first, unless the text has
    dates that can only be month first, or a time with a.m. or p.m. follows.
    """
    if _MAYBE.search(text) is None:
        return
    # Both are looked up once: time grows with the length of the text only.
    is_arabic = _ARABIC.search(text) is not None
    is_month_first = _is_month_first(text)
    for match in _NUMERIC.finditer(text):
        parts = match.groupdict()
        if parts["a3"]:
            after = text[match.end() : match.end() + _HALF_DAY_CHARS]
            reading = _read_slashed(
                parts, is_month_first=is_month_first or bool(_HALF_DAY.match(after))
            )
        else:
            reading = _read_ordered(parts, is_arabic=is_arabic)
        if reading is not None:
            date, language, is_ambiguous = reading
            yield DigitDate(*match.span(), date, language, is_ambiguous)


def _numbers(parts: dict[str, str | None], *names: str) -> list[int]:
    return [int(parts[name] or 0) for name in names]


def _read(
    date: IsoDate | None, language: str | None = None, *, is_ambiguous: bool = False
) -> _Reading | None:
    return None if date is None else _Reading(date, language, is_ambiguous)


def _read_ordered(parts: dict[str, str | None], *, is_arabic: bool) -> _Reading | None:
    """Read a date whose order is plain."""
    for index in "12":
        if parts["y" + index]:
            year, month, day = _numbers(parts, "y" + index, "m" + index, "d" + index)
            if year < FIRST_YEAR and is_arabic:
                return _read(solar_to_iso(year, month, day), "fa")
            return _read(to_iso(year, month, day))
    for index in "56":
        if parts["y" + index]:
            year, month = _numbers(parts, "y" + index, "m" + index)
            return _read(to_iso(year, month, None), is_ambiguous=True)
    for index, language in _COUNTED.items():
        if parts["y" + index]:
            return _read_counted(parts, index, language)
    return _read_dotted(parts)


def _read_dotted(parts: dict[str, str | None]) -> _Reading | None:
    day, month, year = _numbers(parts, "d4", "m4", "y4")
    is_short = len(parts["y4"] or "") == 2  # noqa: PLR2004
    if is_short:
        if _LAST_SHORT < year < _FIRST_SHORT:
            return None
        year += 2000 if year <= _LAST_SHORT else 1900
    return _read(to_iso(year, month, day), is_ambiguous=is_short)


def _read_counted(
    parts: dict[str, str | None], index: str, language: str | None
) -> _Reading | None:
    """Read a date whose numbers are followed by words: year, month, day."""
    year = 1 if parts["y" + index] == "元" else _numbers(parts, "y" + index)[0]
    (month,) = _numbers(parts, "m" + index)
    day = _numbers(parts, "d" + index)[0] if parts["d" + index] else None
    if era := parts["era"]:
        year += _ERAS[era]
        language = "ja" if era in _JAPANESE_ERAS else "zh"
    return _read(to_iso(year, month, day), language)


def _read_slashed(
    parts: dict[str, str | None], *, is_month_first: bool
) -> _Reading | None:
    first, second, year = _numbers(parts, "a3", "b3", "y3")
    day_first, month_first = to_iso(year, second, first), to_iso(year, first, second)
    if day_first is None or month_first is None or first == second:
        return _read(day_first or month_first)
    return _read(month_first if is_month_first else day_first, is_ambiguous=True)


def _is_month_first(text: str) -> bool:
    """Say whether the text has dates that can only be month first, and no other."""
    seen = set()
    for match in _SLASHED_ALONE.finditer(text):
        first, second, year = _numbers(match.groupdict(), "a3", "b3", "y3")
        day_first = to_iso(year, second, first)
        month_first = to_iso(year, first, second)
        if (day_first is None) != (month_first is None):
            seen.add("month" if day_first is None else "day")
    return seen == {"month"}
