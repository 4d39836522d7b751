"""Laws of `tasks/text/dates.py`: what a date covers, and what is no date."""

import datetime as dt
import itertools

import pytest

from tasks.schema import Precision
from tasks.text.dates import find_dates, is_date_line
from tasks.text.digitdates import FIRST_YEAR, LAST_YEAR, is_year, solar_to_iso, to_iso
from tasks.text.lexicon import LANGUAGES
from tasks.text.monthnames import date_names

MONTHS = range(1, 13)


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("29 January 2025", Precision.DAY),
        ("January 2025", Precision.MONTH),
        ("2025年1月", Precision.MONTH),
        ("2025", Precision.YEAR),
    ],
)
def test_precision_is_what_is_written(text, precision):
    """Nothing is added to a date that is only partly known."""
    (date,) = find_dates(text, years=True)

    assert date.precision is precision
    assert len(date.value) == {"day": 10, "month": 7, "year": 4}[precision.value]


@pytest.mark.parametrize(
    ("text", "is_ambiguous"),
    [
        ("03/04/2025", True),
        ("04/04/2025", False),
        ("13/04/2025", False),
        ("03.04.2025", False),
        ("03.04.25", True),
        ("2010-12", True),
        ("2010-12-03", False),
        ("3 April 2025", False),
    ],
)
def test_ambiguity_is_told(text, is_ambiguous):
    """A date that may be meant otherwise says so."""
    (date,) = find_dates(text)

    assert date.is_ambiguous is is_ambiguous


@pytest.mark.parametrize(
    ("text", "has_time"),
    [
        ("29.01.2025, 10:30 Uhr", True),
        ("2025-01-29T10:30:00Z", True),
        ("January 29, 2025 at 10 pm", True),
        ("29 января 2025, 10:30", True),
        ("2025年1月29日 上午10点", True),
        ("29.01.2025, 10 Leute", False),
        ("29.01.2025 - 30.01.2025", False),
        ("January 2025, 10:30", False),
    ],
)
def test_time_of_day(text, has_time):
    """A time of day belongs to a day, not to a month."""
    assert find_dates(text)[0].has_time is has_time


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("29. Januar 2025", None),
        ("29 января 2025", "ru"),
        ("29 stycznia 2025", "pl"),
        ("29. tammikuuta 2025", "fi"),
        ("29 March 2025", "en"),
        ("2025년 1월 29일", "ko"),
        ("令和7年1月29日", "ja"),
        ("29.01.2025", None),
    ],
)
def test_language_only_if_one_writes_so(text, language):
    """Several languages share a name, or a date has no words: no language is named."""
    (date,) = find_dates(text)

    assert date.language == language


@pytest.mark.parametrize("hint", [None, *LANGUAGES])
def test_language_of_the_text_never_hides_a_date(hint):
    """The language only decides between months; a date of another one stays."""
    assert [d.value for d in find_dates("29 Ocak 2025", language=hint)] == [
        "2025-01-29"
    ]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("29 January 2025", "2025-01-29"),
        ("29. Januar 2025", "2025-01-29"),
        ("Mittwoch, 29. Januar 2025", "2025-01-29"),
        ("29.01.2025, Mittwoch", "2025-01-29"),
        ("Berlin, den 29. Januar 2025", "2025-01-29"),
        ("Den Haag, 29 januari 2025", "2025-01-29"),
        ("Frankfurt am Main, 29.01.2025", "2025-01-29"),
        ("Москва, 29 января 2025 г.", "2025-01-29"),
        ("Published: January 29, 2025", "2025-01-29"),
        ("Published on: January 29, 2025 | 10:30 am", "2025-01-29"),
        ("Stand: 29.01.2025 10:30 Uhr", "2025-01-29"),
        ("Publié le 29 janvier 2025 à 10h30", "2025-01-29"),
        ("Опубликовано: 29 января 2025 г., 10:30", "2025-01-29"),
        ("发布时间：2025年1月29日 10:30", "2025-01-29"),
        ("公開日：2025年1月29日（水）", "2025-01-29"),
        ("10:30 | 29.01.2025", "2025-01-29"),
        ("[29.01.2025]", "2025-01-29"),
        ("— 29 January 2025 —", "2025-01-29"),
        ("Published: 3 March 2024 | Updated: 4 March 2024", "2024-03-03"),
        ("Updated: 4 March 2024 | Published: 3 March 2024", "2024-03-03"),
        ("Updated: 4 March 2024", "2024-03-04"),
        ("January 2025", "2025-01"),
    ],
)
def test_line_of_a_date(line, value):
    """Label, weekday, place and time do not make prose of a date."""
    date = is_date_line(line)

    assert date is not None
    assert date.value == value


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2025",
        "Januar",
        "On March 3, 2024 the bridge was opened.",
        "Am 3. März 2024 wurde die Brücke eröffnet.",
        "Der Vertrag vom 3. März 2024",
        "3. März 2024: Die Brücke ist offen",
        "the mill, 3 March 2024",
        "Haus 12, 3 March 2024",
        "1.1.2024, 2.1.2024, 3.1.2024",
        "31.02.2025",
        "29 January 2025" + " " * 200,
    ],
)
def test_no_line_of_a_date(line):
    """Prose with a date, lists of dates and dates that do not exist are none."""
    assert is_date_line(line) is None


@pytest.mark.parametrize("year", [FIRST_YEAR - 1, LAST_YEAR + 1])
def test_years_have_fixed_bounds(year):
    """The bounds are constants: a text has the same dates on every day."""
    assert not is_year(year)
    assert find_dates(f"29.01.{year}, 29 January {year}, {year}", years=True) == []


def test_last_year_is_found_today():
    """A year ahead of today is a date, because today plays no part."""
    assert [d.value for d in find_dates(f"29 January {LAST_YEAR}")] == ["2099-01-29"]


def test_no_day_nought():
    """A day or month of 0 does not exist."""
    assert to_iso(2025, 1, 0) is None
    assert to_iso(2025, 0, 1) is None


@pytest.mark.parametrize(
    ("solar", "value"),
    [
        ((1403, 1, 1), "2024-03-20"),
        ((1403, 11, 10), "2025-01-29"),
        ((1403, 12, 30), "2025-03-20"),
        ((1402, 12, 29), "2024-03-19"),
        ((1357, 11, 22), "1979-02-11"),
        ((1300, 1, 1), "1921-03-21"),
        ((1450, 1, 1), "2071-03-21"),
    ],
)
def test_iranian_calendar(solar, value):
    """Dates of the Iranian calendar match published tables."""
    date = solar_to_iso(*solar)

    assert date is not None
    assert date.value == value


@pytest.mark.parametrize(
    "solar",
    [(1402, 12, 30), (1403, 7, 31), (1403, 13, 1), (1403, 1, None), (9999, 1, 1)],
)
def test_iranian_calendar_refuses(solar):
    """A day that does not exist, a month alone or a far year has no equal."""
    assert solar_to_iso(*solar) is None


def test_every_iranian_day_follows_the_last():
    """The days of a year are 365 or 366 in a row."""
    days = [
        dt.date.fromisoformat(date.value)
        for year in (1402, 1403, 1404)
        for month in MONTHS
        for day in range(1, 32)
        if (date := solar_to_iso(year, month, day))
    ]

    assert len(days) == 365 + 366 + 365
    assert all((b - a).days == 1 for a, b in itertools.pairwise(days))


@pytest.mark.parametrize(
    "language", [code for code in LANGUAGES if code not in "zhjako"]
)
def test_every_month_of_a_language(language):
    """Each language names twelve months, and no name in full means two of them."""
    numbers: dict[str, set[int]] = {}
    for entries in date_names().months.values():
        for parts, month in entries:
            if language in month.wide and not month.is_solar:
                numbers.setdefault(" ".join(parts), set()).add(month.number)

    assert set().union(*numbers.values()) == set(MONTHS)
    assert [name for name, found in numbers.items() if len(found) > 1] == []


@pytest.mark.parametrize(
    "text",
    [
        "1" * 100_000,
        "." * 100_000,
        "1." * 50_000,
        "2025-01-29" + " " * 100_000 + "x",
        "29 января 2025" + " г." * 10_000,
        "29.01.2025" + " Mittwoch," * 10_000,
        "年" * 100_000,
        "1403/1/1 " * 2_000,
        "2025 " * 4_000,
        "29 " * 10_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_is_digested(text):
    """Long runs of digits and marks hold no more dates than they show, and end."""
    assert len(find_dates(text)) <= text.count("29") + text.count("/")
