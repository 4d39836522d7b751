"""Laws of the raw text as rows, for any text and any spans."""

from hypothesis import given
from hypothesis import strategies as st

from flows.pages.spans import Mark, Piece, make_rows

TEXTS = st.text(st.sampled_from("ab <>&\n\té字"), max_size=60)


@st.composite
def texts_with_spans(draw):
    """Give a text, pieces with and without a place, and marks; they may overlap."""
    text = draw(TEXTS)
    places = st.tuples(*[st.integers(0, len(text))] * 2).map(sorted)
    pieces = [
        Piece(start, end, draw(st.sampled_from(["kept", "removed"])), "x", (), "?", n)
        for n, (start, end) in enumerate(draw(st.lists(places, max_size=6)))
        if start < end
    ]
    if draw(st.booleans()):
        pieces.append(Piece(None, None, "kept", "body", (), "elsewhere", len(pieces)))
    marks = [
        Mark(start, end, "evidence", "note")
        for start, end in draw(st.lists(places, max_size=4))
    ]
    return text, pieces, marks


@given(texts_with_spans())
def test_every_character_is_shown_once(case):
    """The rows together are the raw text, nothing twice and nothing lost."""
    text, pieces, marks = case

    rows = make_rows(text, pieces, marks)

    placed = [row for row in rows if row.is_placed]
    shown = "".join(fragment.text for row in placed for fragment in row.fragments)
    assert shown == text
    assert sum(row.chars for row in placed) == len(text)


@given(texts_with_spans())
def test_a_piece_without_a_place_has_a_row(case):
    """A paragraph whose place is unknown is shown as the tables have it, once."""
    text, pieces, marks = case

    rows = make_rows(text, pieces, marks)

    unplaced = [row.pieces[0] for row in rows if not row.is_placed]
    assert unplaced == [piece for piece in pieces if piece.start_chars is None]


@given(texts_with_spans())
def test_what_is_marked_is_what_the_span_says(case):
    """A character has the style of a mark exactly if a mark covers it."""
    text, pieces, marks = case
    covered = [
        any(m.start_chars <= at < m.end_chars for m in marks) for at in range(len(text))
    ]

    styles = [
        "evidence" in fragment.styles.split()
        for row in make_rows(text, pieces, marks)
        if row.is_placed
        for fragment in row.fragments
        for _ in fragment.text
    ]

    assert styles == covered
