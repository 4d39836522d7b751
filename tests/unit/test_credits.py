"""Laws of `tasks/text/credits.py`: what stands under a title."""

import pytest

from tasks.text.credits import is_update, read_bare_names, read_credits
from tasks.text.dates import find_dates


@pytest.mark.parametrize(
    ("line", "names", "date"),
    [
        ("Von Hannah Möller | 12. Februar 2025", ("Hannah Möller",), "2025-02-12"),
        ("Von Hannah Möller am 12. Februar 2025", ("Hannah Möller",), "2025-02-12"),
        ("von Hannah Möller (12.02.2025)", ("Hannah Möller",), "2025-02-12"),
        ("12.02.2025 · Hannah Möller", ("Hannah Möller",), "2025-02-12"),
        ("Veröffentlicht am 12.02.2025 | Ada Berg", ("Ada Berg",), "2025-02-12"),
        ("By Ann Lee, 12 February 2025", ("Ann Lee",), "2025-02-12"),
        ("Par Zoé Lind, le 12 février 2025", ("Zoé Lind",), "2025-02-12"),
        ("Анна Соколова, 12 февраля 2025", ("Анна Соколова",), "2025-02-12"),
        ("12. Februar 2025 | Politik", (), "2025-02-12"),
        ("Berlin, 12. Februar 2025", (), "2025-02-12"),
        ("New York, March 3, 2024", (), "2024-03-03"),
    ],
)
def test_credits(line, names, date):
    """Names and dates in any order; places and sections are neither."""
    found = read_credits(line, "de")

    assert (found.names, found.dates[0].value) == (names, date)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Von Agenturen", ()),
        ("Aus dem Ressort Politik", ()),
        ("By our correspondent", ()),
        ("Par nos envoyés spéciaux", ()),
        ("Por Agencias", ()),
        ("Von Ada Berg und Agenturen", ("Ada Berg",)),
        ("Par Agence France-Presse", ("Agence France-Presse",)),
    ],
)
def test_a_byline_may_name_nobody(line, names):
    """What kind of people wrote an article is no name, but the line is a byline."""
    found = read_credits(line)

    assert (found.names, found.is_labelled) == (names, True)


def test_each_date_has_its_own_label():
    """A label before a date, or alone after it, is that of this date only."""
    line = "Ada Berg | Published 3 May 2020 | Last updated: 4 May 2020"

    assert [is_update(line, date) for date in find_dates(line)] == [False, True]
    assert is_update("4 May 2020 (updated)", find_dates("4 May 2020 (updated)")[0])


@pytest.mark.parametrize(
    "line",
    [
        "Proteste in Goma",
        "Am 12. Februar 2025 wurde der Vertrag gekündigt.",
        "Das Ufer – von Jan Berg, 01.02.2025",
        "Von der Quelle bis zum Meer",
        "",
    ],
)
def test_not_credits(line):
    """Headings, sentences and links to other articles are not lifted."""
    assert read_credits(line, "de") is None


@pytest.mark.parametrize(
    "line",
    [
        "Künstliche Intelligenz",
        "Hinweis zur Quelle",
        "Teil II",
        "Berlin, Paris",
        "Drucken Teilen",
        "Proteste in Goma (Bild: Agentur)",
        "Er ging.",
    ],
)
def test_short_lines_are_not_names(line):
    """A name alone must not be anything else: a heading, a note, a menu, a caption."""
    assert read_bare_names(line, "de", {"künstliche"}.__contains__) == ()


def test_names_alone():
    """People, and organisations whose name is coined."""
    assert read_bare_names("Svenja Tammen", "de", set().__contains__) == (
        "Svenja Tammen",
    )
    assert read_bare_names("n+1", "de", set().__contains__) == ("n+1",)
