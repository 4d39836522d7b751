"""What `explain` says of a line that other files of the folder have too."""

import pytest

from flows.__main__ import main
from flows.conduct import ingest_plainly
from flows.settings import read_settings
from tests.golden.test_recurrence import FOOTER, NAVIGATION, page


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four different articles of one page, a copy of one, and a stranger."""
    monkeypatch.chdir(tmp_path)
    site = tmp_path / "raw" / "site"
    site.mkdir(parents=True)
    for day in (1, 2, 3, 4):
        (site / f"{day}.txt").write_text(page(day, NAVIGATION, FOOTER))
    (site / "copy.txt").write_text(page(4, NAVIGATION, FOOTER))
    (tmp_path / "raw" / "alone.txt").write_text(page(5, NAVIGATION, FOOTER))
    ingest_plainly(read_settings({}))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_explain_says_in_how_many_files_a_line_stands(capsys):
    """Of different content: a copy does not count, nor does another folder."""
    main(["explain", "site/1.txt"])
    told = capsys.readouterr().out.splitlines()

    removed = [line for line in told if "recurring." in line]
    assert len(removed) >= len(FOOTER)
    assert all(line.endswith("in 4 files of this folder") for line in removed)


@pytest.mark.usefixtures("folder")
def test_explain_is_silent_about_a_lone_file(capsys):
    """The same lines in a folder of their own recur nowhere."""
    main(["explain", "alone.txt"])

    assert "of this folder" not in capsys.readouterr().out
