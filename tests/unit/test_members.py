"""Articles of a file of lines that need not fit into memory."""

import json

import pytest

from tasks.files.members import stream_members
from tasks.files.rejects import Reject


def read(text, most_chars=1_000, only=None):
    """Names and values of the members of a text that comes in pieces of 7."""
    pieces = [text[start : start + 7] for start in range(0, len(text), 7)]
    return {
        member.name: (member.value.reason, member.value.detail)
        if isinstance(member.value, Reject)
        else member.value
        for member in stream_members(lambda: pieces, most_chars, only)
    }


def test_each_line_is_a_member():
    """By its number, blank lines counted; a broken one among them is one as well."""
    found = read('{"a": 1}\n\nbroken\n[2]')

    assert found["1"] == {"a": 1}
    assert found["3"][0] == "broken_json"
    assert found["4"] == [2]


def test_a_long_line_is_a_member_that_is_refused():
    """The detail names the line, its length and the setting."""
    found = read(f'{{"a": 1}}\n{{"a": "{"x" * 99}"}}\n{{"a": 2}}', 50)

    assert found["2"] == (
        "too_large",
        "line 2: 108 characters; the limit is 50 (setting max_file_bytes)",
    )
    assert found["3"] == {"a": 2}


@pytest.mark.parametrize("indent", [None, 1])
def test_a_value_over_many_lines(indent):
    """A file that is one list or object is read as such, if a line could be so long."""
    text = json.dumps([{"text": "One"}, {"text": "Two"}], indent=indent)

    assert read(text) == {"1": {"text": "One"}, "2": {"text": "Two"}}


def test_a_value_over_too_many_lines():
    """What would have to be parsed as a whole is bounded as a line is."""
    text = json.dumps([{"text": "word " * 50}] * 3, indent=1)

    with pytest.raises(Reject, match="no line is an object") as caught:
        read(text, 300)
    assert caught.value.reason == "too_large"


def test_nothing_to_see():
    """A file of white space is blank, not a file of no articles."""
    with pytest.raises(Reject) as caught:
        read(" \n\u200b\n\n")
    assert caught.value.reason == "blank"


def test_wanted_lines_only():
    """To find one line again no other is parsed."""
    assert read('{"a": 1}\nbroken\n{"a": 3}', only={"3"}) == {"3": {"a": 3}}
