"""Score the plain texts of the gold sets as networks judge them that are given here.

The whole line takes every text, rules and all; only the network is another one, such as
one that has not seen the text's site. The scores are those of ``../shared/score``.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from line_texts import read_rows, read_site

from bench.adapter import extract
from tasks.text import furniture
from tasks.text.network import Network

SETS = ("fundus-txt", "wcxb-txt")
NAME = "unseen"


def score_lines(shared: Path, choose: Callable[[str], Network]) -> str:
    """Return the tables of scores: lines and paragraphs by form of the text.

    Args:
        shared: Folder with ``gold`` and ``score``.
        choose: Says which network judges the texts of a site.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name in SETS:
            path = Path(folder, "out", name, f"{NAME}.jsonl")
            path.parent.mkdir(parents=True)
            with path.open("w", encoding="utf-8") as file:
                for row in read_rows(shared / "gold" / f"{name}.jsonl"):
                    raw = (shared / "gold" / row["file"]).read_bytes()
                    given = {"return_value": choose(read_site(row))}
                    with mock.patch.object(furniture, "load_network", **given):
                        found = extract(raw, ".txt")
                    file.write(json.dumps({"id": row["id"], **found}) + "\n")
        return subprocess.run(  # noqa: S603  # our own script
            [sys.executable, shared / "score" / "score.py", "--table", "txt"],
            env=os.environ | {"SCORE_OUT": f"{folder}/out"},
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
