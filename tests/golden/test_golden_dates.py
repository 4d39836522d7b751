"""Dates of real life in 38 languages; known failures stay visible and must fail."""

import json
from pathlib import Path

import pytest

from tasks.text.dates import find_dates

CASES = json.loads(
    (Path(__file__).parent / "cases" / "dates.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case["label"],
            marks=[pytest.mark.xfail(strict=True)] if case["expect"] == "fail" else [],
        )
        for case in CASES
    ],
)
def test_golden(case):
    """The dates, and the text they cover, are those a person marked."""
    found = find_dates(
        case["original"],
        years=case.get("years", False),
        language=case.get("language"),
    )

    dates = [[date.value, case["original"][date.start : date.end]] for date in found]
    assert dates == case["expected"]


def test_known_failures_are_few():
    """Negative cases and known failures are part of the picture."""
    failing = [case for case in CASES if case["expect"] == "fail"]
    negative = [case for case in CASES if not case["expected"]]

    assert len(CASES) >= 120
    assert len(failing) <= 10 <= len(negative)
