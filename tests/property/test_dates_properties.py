"""Laws of dates that hold for any text."""

import datetime as dt
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text.dates import find_dates, is_date_line
from tasks.text.digitdates import FIRST_YEAR, LAST_YEAR

PIECES = st.sampled_from(
    [
        "29. Januar 2025",
        "January 29, 2025",
        "29 января 2025 г.",
        "2025年1月29日（水）",
        "2025. január 29.",
        "29.01.2025",
        "01/02/2025",
        "2025-01-29T10:30",
        "1403/11/10",
        "2025",
        "may",
        "Mittwoch",
        "10:30 Uhr",
        "29",
        "de",
        "den",
        ".",
        ",",
        "-",
        "/",
        ":",
        " ",
        "\n",
        "(",
        "年",
        "S. 94",
        "١٢",
    ]
)
TEXTS = st.lists(PIECES, max_size=15).map("".join) | st.text(max_size=80)
DAYS = st.dates(dt.date(FIRST_YEAR, 1, 1), dt.date(LAST_YEAR, 12, 31))
FORMS = st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d", "%d %B %Y", "%B %d, %Y"])


@settings(deadline=None, max_examples=150)
@given(text=TEXTS, years=st.booleans())
def test_dates_exist_and_stand_in_order(text, years):
    """Every date exists, lies in the text and ends before the next one starts."""
    position = 0
    for date in find_dates(text, years=years):
        assert position <= date.start < date.end <= len(text)
        assert re.search(r"\d", text[date.start : date.end])
        position = date.end
        year = dt.date.fromisoformat((date.value + "-01-01")[:10]).year
        assert FIRST_YEAR <= year <= LAST_YEAR


@settings(deadline=None, max_examples=100)
@given(text=TEXTS)
def test_years_only_add(text):
    """Asking for years adds them and changes no other date."""
    without = find_dates(text)

    assert [d for d in find_dates(text, years=True) if d.precision != "year"] == without


@settings(deadline=None, max_examples=100)
@given(text=TEXTS)
def test_lines_before_and_after_change_nothing(text):
    """A date does not depend on lines without digits around it."""
    alone = [(d.start, d.value) for d in find_dates(text)]

    framed = find_dates(f"Ein Absatz.\n{text}\nNoch einer.")
    assert [(d.start - 12, d.value) for d in framed] == alone


@settings(deadline=None, max_examples=100)
@given(day=DAYS, form=FORMS)
def test_what_is_written_is_found(day, form):
    """A date written in a known way is read back, and alone it is a line of a date."""
    text = day.strftime(form)

    assert [date.value for date in find_dates(text)] == [day.isoformat()]
    line = is_date_line(text)
    assert line is not None
    assert line.value == day.isoformat()
