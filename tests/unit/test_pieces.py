"""Tables inside the line and the rows they stand for."""

import pandas as pd
import pytest

from tasks.pieces import Claim, claims_by_document, claims_frame, frame_of, rows_of
from tasks.schema import Field


def test_rows_hold_plain_values():
    """Missing cells of every type are null; numbers, texts and lists are Python's."""
    frame = pd.DataFrame(
        {
            "text": pd.Series(["a", None], dtype="str"),
            "place": pd.Series([3, None], dtype="Int64"),
            "score": [0.5, float("nan")],
            "is_told": [True, False],
            "names": [["x"], []],
            "nothing": [None, None],
        }
    )

    first, second = map(tuple, rows_of(frame))

    assert first == ("a", 3, 0.5, True, ["x"], None)
    assert second == (None, None, None, False, [], None)
    assert [type(cell) for cell in first[:4]] == [str, int, float, bool]


def test_rows_have_the_names_of_the_columns():
    """In their order."""
    (row,) = rows_of(pd.DataFrame({"b": [1], "a": [2]}))

    assert row._asdict() == {"b": 1, "a": 2}


@pytest.mark.parametrize("rows", [[], [("x", 1, None)]])
def test_places_are_whole_numbers_or_null(rows):
    """Also in a table without rows, and where none is known."""
    frame = frame_of(rows, ["text", "start_chars", "end_chars"])

    assert [str(dtype) for dtype in frame.dtypes[1:]] == ["Int64", "Int64"]
    assert list(map(tuple, rows_of(frame))) == rows


def test_claims_survive_the_table():
    """With their places, in their order, by document."""
    claims = [Claim(Field.TITLE, "A", "r", 0.5, 0, 1), Claim(Field.URL, "B", "s", 0.9)]

    found = claims_by_document(claims_frame([("d", claim) for claim in claims]))

    assert found == {"d": claims}
    assert found["other"] == []
