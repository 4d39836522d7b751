"""Laws of `tasks/text/shape.py`: how text looks, in any script."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text.shape import (
    count_sentences,
    count_words,
    ends_sentence,
    find_urls,
    is_heading_shaped,
    is_prose,
)


@pytest.mark.parametrize(
    "text",
    [
        "Von proprietär zu Open Source: Ein Paradigmenwechsel?",
        "„What Goes Around, Comes Around…“",
        "为什么房价还在上涨",
        "Что дальше",
    ],
)
def test_headings(text):
    """Short, one piece, no full stop: could be a heading."""
    assert is_heading_shaped(text)


@pytest.mark.parametrize(
    "text",
    [
        "Das ist ein Satz.",
        "Die Liste:",
        "Im Gegenteil!",
        "https://example.org/a",
        "12.03.",
        "word " * 30,
    ],
)
def test_not_headings(text):
    """Sentences, announcements, addresses and long lines are no headings."""
    assert not is_heading_shaped(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ein ganzer Satz mit mehr als nur ein paar Wörtern.", True),
        ("Kurz.", False),
        ("Zehn Wörter ohne einen Punkt können immer noch Überschriften sein", False),
        ("今天上午，市政府宣布将在河边修建一座新的公园。", True),
        ("วันนี้รัฐบาลประกาศว่าจะสร้างสวนสาธารณะแห่งใหม่ริมแม่น้ำสำหรับประชาชนทั่วไป", False),
    ],
)
def test_prose(text, expected):
    """Running text is a full sentence of some length, or long."""
    assert is_prose(text) is expected


@pytest.mark.parametrize(
    ("text", "words", "sentences"),
    [
        ("", 0, 0),
        ("One two. Three!", 3, 2),
        ("Don't stop", 2, 1),
        ("东京，大阪。", 4, 1),
        ("J. R. Smith kam", 4, 3),
    ],
)
def test_counts(text, words, sentences):
    """Words are runs of letters, sentences end with their marks."""
    assert (count_words([text]), count_sentences([text])) == ([words], [sentences])


@given(st.lists(st.text() | st.text("aé1 -'’_\u200c.東あ々๑\U00020000\n")))
def test_words_are_those_of_their_pattern(texts):
    """Whatever else is counted at the same time."""
    han = (
        "\u2e80-\u2fdf\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    )
    letters = f"[^\\W_{han}]+"
    word = re.compile(f"[{han}]|{letters}(?:['’\u200c-]{letters})*")

    assert count_words(texts) == [len(word.findall(text)) for text in texts]


@given(st.lists(st.text(st.sampled_from('a .!?…。！"”)」\n\u3000é😀'))))
def test_sentences_are_those_of_their_pattern(texts):
    """Whatever else is counted at the same time."""
    mark, closer = "[.!?…。！？؟۔।]", "[\"'”“»›’)\\]』」】）]"
    end = re.compile(f"{mark}(?:{mark}*{closer}*(?=\\s|$)|(?<=[。！？]))")

    def count(text):
        *_, rest = (0, *(match.end() for match in end.finditer(text)))
        return len(end.findall(text)) + bool(text[rest:].strip())

    assert count_sentences(texts) == [count(text) for text in texts]


def test_sentence_end_may_be_quoted_or_footnoted():
    """Closing quotes, brackets and a footnote number do not hide a full stop."""
    assert ends_sentence("„Ja.“") and ends_sentence("(So ist es.)")
    assert ends_sentence("Das stimmt.[3]") and not ends_sentence("Kein Ende")


def test_addresses_end_before_punctuation():
    """The full stop after an address is not part of it."""
    text = "Siehe https://example.org/a?b=1, und (www.example.org)."

    assert [text[a:b] for a, b in find_urls(text)] == [
        "https://example.org/a?b=1",
        "www.example.org",
    ]
