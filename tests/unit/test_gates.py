"""Laws of `tasks/text/gates.py`: what is not worth asking of a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text import hints, lexicon
from tasks.text.captions import agencies
from tasks.text.gates import find_hints, remember_hints
from tasks.text.hints import Hint

GROUPS = ("leftovers", "openers", "labels", "notes")
FORMS = (
    "{}",
    "» {} «",
    "“{}”:",
    "{}: Anna Berg",
    "Und {} auch.",
    "12 {} (3)",
    "{}™ ½",
    "\N{GRINNING FACE} {}",
)


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """Nothing is remembered of earlier texts."""
    monkeypatch.setattr(hints, "_HINTS", {})
    for question in (
        lexicon.find_leftover,
        lexicon.find_opener,
        lexicon.find_labels,
        lexicon.find_notes,
    ):
        question.cache_clear()


def answer(text):
    """Return all that a text is or has, found the long way."""
    found = Hint(0)
    found |= Hint.OPENER if lexicon.find_opener(text) else Hint(0)
    found |= Hint.LABEL if lexicon.find_labels(text) else Hint(0)
    found |= Hint.NOTE if lexicon.find_notes(text) else Hint(0)
    found |= Hint.AGENCY if lexicon.fold(text) in agencies() else Hint(0)
    return found


def are_ruled_out(texts):
    """Return the texts of which something is ruled out that they are or have."""
    told = zip(texts, find_hints(texts).tolist(), strict=True)
    return [text for text, hint in told if answer(text) & ~hint]


@pytest.mark.parametrize("language", lexicon.LANGUAGES)
def test_no_phrase_is_ruled_out(language):
    """However a phrase is written, with whatever around it."""
    phrases = [
        text.replace("#", "1 200").replace("…", "x y")
        for group in GROUPS
        for _, text in lexicon.phrases(language, group)
    ]

    for form in FORMS:
        assert are_ruled_out([form.format(text) for text in phrases]) == []
    assert are_ruled_out([text.upper() for text in phrases]) == []


def test_no_leftover_is_ruled_out():
    """Neither a phrase nor a row of networks nor a count behind a phrase."""
    texts = [
        text
        for language in lexicon.LANGUAGES
        for _, phrase in lexicon.phrases(language, "leftovers")
        for text in (phrase.replace("#", "7"), f"{phrase} (12)")
    ]
    texts = [*texts, "Facebook Twitter", "Share WhatsApp", *agencies()]
    known = [text for text in texts if lexicon.find_leftover(text)]

    lexicon.find_leftover.cache_clear()
    remember_hints(texts)

    assert all(map(lexicon.find_leftover, known))


@given(
    st.lists(st.text() | st.text("Vonby \u0301\u00adé:ß①12-’…한\u1112日", max_size=9))
)
def test_a_text_is_told_alone(texts):
    """What is told of a text does not depend on the others, and rules nothing out."""
    alone = [find_hints([text]).item() for text in texts]

    assert are_ruled_out([*texts, "x"]) == []
    assert find_hints([*texts, "x"]).tolist()[:-1] == alone


def test_prose_is_ruled_out():
    """Most lines are no phrase: that is what gates are for."""
    (hint,) = find_hints(["Der Hafen ist seit dem Frühjahr wieder offen."]).tolist()

    assert not hint & (Hint.LEFTOVER | Hint.OPENER | Hint.LABEL | Hint.AGENCY)


def test_what_is_not_remembered_may_be_anything():
    """Nothing is ruled out unless a text has been looked at."""
    assert all(hints.may_have("Der Hafen", bit) for bit in Hint)
    remember_hints(["Der Hafen"])
    assert not hints.may_have("Der Hafen", hints.LABEL)
