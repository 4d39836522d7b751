"""Lines of a text that goes by in pieces: the same however it is cut."""

import pytest

from tasks.files.lines import cut_lines

TEXT = "one\r\n\n  \ntwo\x85still two\u2028and still\ntrès long\n\nlast"


def cut(text, size):
    """Return a text in pieces of one size."""
    return [text[start : start + size] for start in range(0, len(text), size)]


@pytest.mark.parametrize("size", range(1, len(TEXT) + 1))
def test_lines_do_not_depend_on_the_pieces(size):
    """A line ends at a line feed, and nowhere else; blank ones only count."""
    lines = [(line.number, line.text) for line in cut_lines(cut(TEXT, size), 99)]

    assert lines == [
        (1, "one\r"),
        (4, "two\x85still two\u2028and still"),
        (5, "très long"),
        (7, "last"),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_a_line_that_is_too_long_is_not_kept(size):
    """It is told with its length, and the lines after it go on."""
    text = f"ok\n{'x' * 50}\n{' ' * 50}\nfine"

    assert [tuple(line) for line in cut_lines(cut(text, size), 4)] == [
        (1, "ok", 2),
        (2, None, 50),
        (4, "fine", 4),
    ]


def test_no_text_has_no_lines():
    """Neither has an empty piece."""
    assert not list(cut_lines([], 4))
    assert not list(cut_lines(["", "\n", ""], 4))
