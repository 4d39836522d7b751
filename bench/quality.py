"""Score the pipeline on the gold sets and print its figures beside the peers'.

    python bench/quality.py [--shared ../shared] [--set fundus-txt,wcxb-txt]
                            [--peer trafilatura] [--top 3]

Runs the scoring scripts of ``../shared/score`` on ``bench/adapter.py``, and on the
peers named, which must be installed. Other peers' figures are those noted beside the
scripts: they were measured on all pages, ours on the development half.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
OURS = "ours"


class Table(NamedTuple):
    """A table of scores.

    Attributes:
        title: What is scored, e.g. ``fundus-txt [lca]: plain text``.
        head: Names of the columns.
        rows: Name of the peer and its figures, as printed.
    """

    title: str
    head: list[str]
    rows: list[list[str]]


def read_tables(text: str) -> Iterator[Table]:
    """Read the tables of a text: a title behind ``###``, then rows between bars.

    Examples:
        >>> text = "### a: b, n=2" + chr(10) + "| peer | F1 |" + chr(10) + "| x | 0.5 |"
        >>> [(table.title, table.rows) for table in read_tables(text)]
        [('a: b', [['x', '0.5']])]
    """
    for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        title, *lines = part.splitlines()
        cells = [
            [cell.strip() for cell in line.strip("| ").split("|")]
            for line in lines
            if line.startswith("| ")
        ]
        if cells:
            yield Table(title.split(", n")[0].strip(), cells[0], cells[1:])


def merge(ours: Table, noted: Table | None, top: int) -> Table:
    """Put the best noted peers below what was measured now."""
    measured = {row[0] for row in ours.rows}
    others = noted.rows if noted else []
    peers = [row for row in others if row[0].split(" (")[0] not in measured][:top]
    return Table(ours.title, ours.head, [*ours.rows, *peers])


def run_scores(score: Path, sets: str, peers: str) -> str:
    """Run the line and the named peers on the sets; return the printed tables."""
    with tempfile.TemporaryDirectory() as folder:
        surroundings = os.environ | {
            "SCORE_OUT": f"{folder}/out",
            "PYTHONPATH": str(ROOT),
        }

        def call(script: str, *arguments: str) -> str:
            command = [sys.executable, str(score / script), *arguments]
            return subprocess.run(  # noqa: S603  # our own scripts
                command, env=surroundings, check=True, stdout=subprocess.PIPE, text=True
            ).stdout

        given = ["--adapter", "bench.adapter", "--name", OURS, "--set", sets]
        print(call("run.py", *given))
        if peers:
            print(call("run.py", "--peer", peers, "--set", sets))
        return call("score.py")


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--set", default="all", dest="sets")
    parser.add_argument("--peer", default="", help="measured in the same run")
    parser.add_argument("--top", type=int, default=3, help="noted peers per table")
    arguments = parser.parse_args()
    score = arguments.shared / "score"
    noted = {
        table.title: table
        for path in sorted(score.glob("PEERS-*.md"))
        for table in read_tables(path.read_text(encoding="utf-8"))
    }
    for ours in read_tables(run_scores(score, arguments.sets, arguments.peer)):
        table = merge(ours, noted.get(ours.title), arguments.top)
        print(f"\n### {table.title}")
        width = max(len(row[0]) for row in table.rows) + 2
        print(f"{'':{width}}" + "  ".join(table.head[1:]))
        for row in table.rows:
            figures = zip(row[1:], table.head[1:], strict=False)
            aligned = (f"{value:>{len(name)}}" for value, name in figures)
            print(f"{row[0]:{width}}" + "  ".join(aligned))


if __name__ == "__main__":
    main()
