"""Real-life cases as data; known failures stay visible and must keep failing."""

import json
from pathlib import Path

import pytest

from tasks.clean import clean_text
from tasks.schema import Markup

CASES = json.loads(
    (Path(__file__).parent / "cases" / "clean.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case["label"],
            marks=[pytest.mark.xfail] if case["expect"] == "fail" else [],
        )
        for case in CASES
    ],
)
def test_golden(case):
    """What is kept is what a person would cut out; the rest has a reason."""
    blocks, _ = clean_text(case["original"], Markup.TEXT, [])

    kept = [block.text for block in blocks if block.reason is None]
    removed = [[block.reason, block.text] for block in blocks if block.reason]
    assert (kept, removed) == (case["kept"], case["removed"])
