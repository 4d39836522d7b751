"""Laws of `tasks/text/names.py`: the names in a byline, or nothing."""

import pytest

from tasks.text.names import is_name, parse_names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Mara Lind", ("Mara Lind",)),
        ("Mara Lind und Jonas Ebersbach", ("Mara Lind", "Jonas Ebersbach")),
        ("Ana Ruiz y Luis Gil", ("Ana Ruiz", "Luis Gil")),
        ("Ann Lee, Bo Yi & Cy Fox", ("Ann Lee", "Bo Yi", "Cy Fox")),
        ("Vivien Valen, Redakteurin", ("Vivien Valen",)),
        ("Anna Sleet, Frankfurt", ("Anna Sleet",)),
        ("Ursula von der Heide", ("Ursula von der Heide",)),
        ("J. R. O'Neil (mail@example.org)", ("J. R. O'Neil",)),
        ("Лидия Заречная", ("Лидия Заречная",)),
        ("林知遥", ("林知遥",)),
        ("n+1", ("n+1",)),
    ],
)
def test_names(text, names):
    """People and organisations, without titles, places and addresses."""
    assert parse_names(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "",
        "der Redaktion unseres Hauses",
        "dem Ende der Welt",
        "Aus dem Ressort",
        "2024",
        "Wir sagen Ja.",
    ],
)
def test_no_names(text):
    """What does not look like names is not guessed at."""
    assert parse_names(text) == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n+1", ("n+1",)),
        ("Svenja Tammen", ("Svenja Tammen",)),
        ("Einleitung", ()),
        ("Die Rechnung", ()),
    ],
)
def test_bare_names_need_more(text, names):
    """Without a label a single word or a heading of the language is no name."""
    assert parse_names(text, labelled=False, language="de") == names


def test_names_of_other_languages_words():
    """A function word elsewhere (Turkish `ben`, `kim`) may be a name here."""
    assert is_name("Ben Hur", "en")
    assert is_name("Kim Novak", "de")
