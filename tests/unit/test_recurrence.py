"""Pairs of lines: what is noted of a text, and what is found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.text.recurrence import (
    EDGE_LINES,
    LINE_CHARS,
    find_recurring,
    survey_text,
)

TEXTS = st.text(st.sampled_from("ab \t\r\n\u2028é\ud800"), max_size=60)


@given(TEXTS)
def test_every_pair_is_found_again(text):
    """A text in which every pair recurs recurs as a whole, line by line."""
    lines = find_recurring(text, set(survey_text(text).pairs))

    assert all(recurs for _, recurs in lines)
    assert len(lines) == sum(bool(line.strip()) for line in text.splitlines())
    assert all(text[line.start :].startswith(line.text) for line, _ in lines)


@given(TEXTS)
def test_white_space_does_not_matter(text):
    """Indents, blank lines and kinds of line ends are the page's habits, not lines."""
    spaced = "\r\n\r\n".join(f"  {line} " for line in text.splitlines())

    assert survey_text(spaced) == survey_text(text)


def test_long_lines_are_in_no_pair():
    """A paragraph that two articles share is none of the page's lines."""
    long = "x" * (LINE_CHARS + 1)

    assert not survey_text(long).pairs
    assert len(survey_text(f"a\n{long}\nb").pairs) == 2


def test_middle_of_a_long_text_is_not_counted():
    """What is noted of a text is bounded: a page's lines stand at its ends."""
    lines = [f"line {number}" for number in range(3 * EDGE_LINES)]

    pairs = survey_text("\n".join(lines)).pairs

    assert len(pairs) == 2 * EDGE_LINES
    assert pairs[:EDGE_LINES] == survey_text("\n".join(lines[:500])).pairs[:EDGE_LINES]


@pytest.mark.parametrize("text", ["", " \n\t\n"])
def test_blank_text(text):
    """Nothing recurs in nothing."""
    assert not find_recurring(text, set(survey_text(text).pairs))
