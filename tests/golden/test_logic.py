"""A change of the rules is entered in ``tasks/logic.py``: this tells when."""

import hashlib
import json
from pathlib import Path

import pytest

from flows.line import make_tables, start_run
from flows.settings import Settings
from tasks.discover import discover_files
from tasks.logic import CHANGES, step_versions
from tasks.schema import TABLES, VERSIONED_STEPS, Format

ROOT = Path(__file__).resolve().parents[2]
KNOWN = json.loads((ROOT / "tests/golden/cases/logic.json").read_text())
"""By format, the versions of the steps and a hash of what they make of `raw/`."""

OF_THE_RUN = {"run_id", "pipeline_version", "step_versions", "mtime_ns"}


@pytest.fixture(scope="module")
def tables():
    settings = Settings(raw_dir=ROOT / "raw")
    files = discover_files(settings.raw_dir, settings.ignore)
    frames = make_tables(files, start_run(settings))[0]
    return {
        name: TABLES[name].conform(frame).to_pylist() for name, frame in frames.items()
    }


def steady(value):
    """Round what another machine may compute otherwise in its last digits."""
    if isinstance(value, float):
        return round(value, 2)
    if isinstance(value, dict):
        return {k: steady(v) for k, v in value.items() if k not in OF_THE_RUN}
    if isinstance(value, list):
        return [steady(part) for part in value]
    return value


def digest(tables, article_format):
    """Hash every row of the articles of one format."""
    own = {
        row["document_id"]
        for row in tables["documents"]
        if row["format"] == article_format
    }
    rows = [
        [name, steady(row)]
        for name in ("documents", "paragraphs", "removals", "evidence")
        for row in tables[name]
        if row["document_id"] in own
    ]
    assert rows
    return hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()[:16]


@pytest.mark.parametrize("article_format", list(Format))
def test_changed_rules_have_a_version(tables, article_format):
    """What the line makes of an article changes only with a version of a step."""
    known = KNOWN[article_format]
    versions = dict(step_versions(article_format))
    found = {"versions": versions, "sha256": digest(tables, article_format)}

    same = found["sha256"] == known["sha256"]
    assert same or versions != known["versions"], (
        f"The line makes something else of {article_format} files than before: add a"
        " Change to tasks/logic.py, then write this into tests/golden/cases/logic.json:"
        f" {json.dumps({article_format.value: found})}"
    )
    assert found == known, (
        f"Write this into tests/golden/cases/logic.json:"
        f" {json.dumps({article_format.value: found})}"
    )


def test_versions_rise_by_one():
    """Each step begins with version 1 for every format, and none is left out."""
    for step in VERSIONED_STEPS:
        own = [change for change in CHANGES if change.step is step]
        assert [change.version for change in own] == list(range(1, len(own) + 1))
        assert own[0].formats == frozenset(Format)
    assert {change.step for change in CHANGES} == set(VERSIONED_STEPS)
    assert all(change.formats and change.what for change in CHANGES)
