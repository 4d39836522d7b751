"""A machine without open files or memory left is to blame, and no raw file."""

import errno
import os

import pytest

from flows.conduct import ingest_plainly
from flows.settings import read_settings
from tasks.errors import PipelineError
from tests.campaign.readers import look

STORY = "The ferry came in late, and the two sisters waited on the pier until dark.\n"


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM])
@pytest.mark.parametrize("call", ["scandir", "open"])
def test_scarcity_ends_the_run_and_keeps_every_row(tmp_path, monkeypatch, call, number):
    """A folder that cannot be listed now is not gone, nor a file unreadable."""
    raw_dir = tmp_path / "raw"
    (raw_dir / "sub").mkdir(parents=True)
    (raw_dir / "sub" / "a.txt").write_text(STORY)
    settings = read_settings({}, raw_dir=raw_dir, warehouse_dir=tmp_path / "warehouse")
    ingest_plainly(settings)
    before = look(tmp_path / "warehouse", "duckdb")
    (raw_dir / "sub" / "a.txt").write_text(STORY * 2)
    healthy = getattr(os, call)

    def refuse(path, *args, **options):
        if os.fspath(path).startswith(str(raw_dir / "sub")):
            raise OSError(number, os.strerror(number), path)
        return healthy(path, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(PipelineError, match="ulimit"):
            ingest_plainly(settings)

    assert look(tmp_path / "warehouse", "duckdb") == before
    assert ingest_plainly(settings).processed == 1
