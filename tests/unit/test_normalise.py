"""Laws of `tasks/text/normalise.py`: how a span becomes text."""

import pytest

from tasks.text.normalise import NORMALISATIONS, normalise


@pytest.mark.parametrize(
    ("name", "raw", "text"),
    [
        ("mojibake", "fÃ¼r die BÃ¼hne", "für die Bühne"),
        ("mojibake", "für die Bühne", "für die Bühne"),
        ("nfc", "u\u0308ber", "über"),
        ("invisible", "Do\u00adnau\u200b\ufeff", "Donau"),
        ("invisible", "می\u200cخواهم", "می\u200cخواهم"),
        ("spaces", " a\u00a0\t b \n  c ", "a b\nc"),
        ("unwrap", "Bei-\nspiel", "Beispiel"),
        ("unwrap", "Open-\nSource", "Open-Source"),
        ("unwrap", "Tag-\nund Nachtzug", "Tag- und Nachtzug"),
        ("unwrap", "eins\nzwei", "eins zwei"),
        ("unwrap", "中\n文", "中文"),
        ("markdown", "## Ein *Titel*", "Ein Titel\n"),
        ("markdown", "- [Punkt](https://example.org) `x`", "Punkt x\n"),
        ("html", "<p>a &amp; <b>b</b><br>c <!-- d --></p>", "a & b c"),
    ],
)
def test_each(name, raw, text):
    """Every normalisation does one thing and nothing else."""
    assert NORMALISATIONS[name](raw) == text


@pytest.mark.parametrize("name", sorted(NORMALISATIONS))
def test_nothing_from_nothing(name):
    """Empty text stays empty."""
    assert normalise("", [name]) == ""


def test_an_unknown_name_is_refused():
    """A table that names a rule we do not know is not guessed at."""
    with pytest.raises(KeyError):
        normalise("a", ["no such rule"])
