"""How a row that does not match the raw text is found."""

import pytest

from flows.retrace import Piece, check_spans, check_tiling

RAW = "Title\n\nOne  two.\n"


def piece(row, start, end, text=None, names=()):
    """Make a piece of the raw text; its span unless another text is given."""
    return Piece(row, start, end, RAW[start:end] if text is None else text, names)


GOOD = [piece("r", 0, 5), piece("p", 7, 16, "One two.", ["spaces"])]


def test_right_pieces_break_no_law():
    """White space between pieces belongs to nobody."""
    assert [*check_spans(RAW, GOOD), *check_tiling(RAW, GOOD)] == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (piece("p", 7, 16, "One two!", ["spaces"]), "has 'One two!'"),
        (piece("p", 7, 16, "One two."), "its span 'One  two.'"),
        (piece("p", 7, 99, "One two."), "ends at 99 of 17 characters"),
    ],
    ids=["other text", "normalisation not recorded", "beyond the end"],
)
def test_text_that_is_not_its_span_is_found(wrong, problem):
    """`paragraphs.text` is the span after the recorded normalisations."""
    [(row, found)] = check_spans(RAW, [wrong])

    assert row == "p"
    assert problem in found


@pytest.mark.parametrize(
    ("pieces", "row", "problem"),
    [
        ([GOOD[1]], "after the start", "'Title' at 0 is in no paragraph"),
        ([GOOD[0]], "after r", "'One  two.' at 7 is in no paragraph"),
        ([*GOOD, piece("q", 4, 8)], "q", "starts at 4, before r ends at 5"),
        ([*GOOD, Piece("q", None, None, "x", [])], "q", "has no place in the text"),
        ([GOOD[0], piece("p", 8, 16)], "after r", "'O' at 7 is in no paragraph"),
    ],
    ids=["lost start", "lost end", "overlap", "nowhere", "lost letter"],
)
def test_lost_and_doubled_text_is_found(pieces, row, problem):
    """Paragraphs and removals tile the decoded text."""
    found = list(check_tiling(RAW, pieces))

    assert (row, True) == (found[0][0], problem in found[0][1])
