"""Score the pipeline on the gold sets and print its figures beside the peers'.

    python bench/quality.py [--shared ../shared] [--set fundus-txt,wcxb-txt]
                            [--peer trafilatura,justext] [--top 3]

One command for everything that the gold sets can tell: main text, paragraphs, metadata,
plain text with leftovers, encodings, mojibake. Runs the scoring scripts of
``../shared/score`` on ``bench/adapter.py`` and, in the same run, on the peers that are
installed. Figures of other peers are those noted beside the scripts: they were measured
on all pages, ours on the development half. The last table sets ours against the goals.
"""

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ADAPTER = "bench.adapter"
OURS = "ours"
PEERS = {  # name in the scoring scripts: module that is rarest of those it needs
    "trafilatura": "trafilatura",
    "htmldate": "htmldate",
    "justext": "py3langid",
    "boilerpy3": "boilerpy3",
    "resiliparse": "resiliparse",
    "readability_lxml": "readability",
    "newspaper4k": "newspaper",
    "goose3": "goose3",
    "txt_keep_all": "lxml",
    "txt_unwrap": "lxml",
}
HTML_SETS = ("zyte", "fundus", "wcxb", "trafilatura", "htmldate", "cleaneval")
TEXT_SETS = ("fundus-txt", "wcxb-txt")
BYTE_SETS = ("encodings", "mojibake")

# Articles without a known language cannot be put into its legacy encodings.
LEGACY_ARTICLES = """
import sys
import gold, encodings_bench
cases = gold.cases
gold.cases = lambda name: [case for case in cases(name) if case.gold.get("lang")]
encodings_bench.main()
"""


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


class Goal(NamedTuple):
    """A figure to reach on pages of sites not seen; ``is_limit``: or to stay below."""

    table: str
    column: str
    figure: float
    is_limit: bool = False


GOALS = (
    Goal("zyte: main text", "zyte F1", 0.975),
    Goal("fundus: main text", "zyte F1", 0.970),
    Goal("wcxb: main text", "zyte F1", 0.955),
    Goal("zyte: paragraphs", "whole-paragraph F1", 0.90),
    Goal("fundus: paragraphs", "whole-paragraph F1", 0.93),
    Goal("wcxb: paragraphs", "whole-paragraph F1", 0.75),
    Goal("cleaneval: paragraphs", "whole-paragraph F1", 0.70),
    Goal("fundus: metadata", "title exact", 0.92),
    Goal("wcxb: metadata", "title exact", 0.85),
    Goal("trafilatura: metadata", "title exact", 0.85),
    Goal("fundus: metadata", "authors exact set", 0.90),
    Goal("wcxb: metadata", "authors exact set", 0.78),
    Goal("trafilatura: metadata", "authors exact set", 0.70),
    Goal("fundus: metadata", "date right", 0.985),
    Goal("fundus: metadata", "date wrong", 0.005, is_limit=True),
    Goal("wcxb: metadata", "date right", 0.90),
    Goal("wcxb: metadata", "date wrong", 0.05, is_limit=True),
    Goal("trafilatura: metadata", "date right", 0.90),
    Goal("trafilatura: metadata", "date wrong", 0.05, is_limit=True),
    Goal("fundus-txt [full]: plain text", "line F1", 0.92),
    Goal("fundus-txt [lca]: plain text", "line F1", 0.95),
    Goal("fundus-txt [flat]: plain text", "line F1", 0.95),
    Goal("fundus-txt [lca]: plain text", "whole-paragraph F1", 0.92),
    Goal("fundus-txt [flat]: plain text", "whole-paragraph F1", 0.92),
    Goal("fundus-txt [wrap]: plain text", "whole-paragraph F1", 0.92),
    Goal("fundus-txt [tight]: plain text", "boundary F1", 0.96),
    Goal("wcxb-txt [lca]: plain text", "line F1", 0.93),
    Goal("encodings: articles of 1,500 characters", "articles", 0.995),
    Goal("mojibake: repaired, or right text left alone", "in-the-wild.json", 1.0),
    Goal("mojibake: repaired, or right text left alone", "negative.json", 1.0),
)


def read_tables(text: str, title: str = "") -> Iterator[Table]:
    """Read the tables of a text: a title behind ``###``, then rows between bars.

    Args:
        text: What a scoring script printed.
        title: Title of a table that has none.

    Examples:
        >>> text = "### a: b, n=2" + chr(10) + "| peer | F1 |" + chr(10) + "| x | 0.5 |"
        >>> [(table.title, table.rows) for table in read_tables(text)]
        [('a: b', [['x', '0.5']])]
    """
    parts = re.split(r"^### ", text, flags=re.MULTILINE)
    for index, part in enumerate(parts):
        found, *lines = part.splitlines() if index else [title, *part.splitlines()]
        cells = [
            [cell.strip() for cell in line.strip("| ").split("|")]
            for line in lines
            if line.startswith("| ")
        ]
        if cells:
            yield Table(found.split(", n")[0].strip(), cells[0], cells[1:])


def merge(ours: Table, noted: Table | None, top: int) -> Table:
    """Put the best noted peers below what was measured now."""
    measured = {row[0] for row in ours.rows}
    others = noted.rows if noted else []
    peers = [row for row in others if row[0].split(" (")[0] not in measured][:top]
    rows = sorted(ours.rows, key=lambda row: row[0] != OURS)
    return Table(
        ours.title, ours.head, rows + [[f"({row[0]})", *row[1:]] for row in peers]
    )


def run_scores(score: Path, sets: list[str], peers: list[str]) -> Iterator[Table]:
    """Run the line and the named peers on the sets; yield the tables they make."""
    with tempfile.TemporaryDirectory() as folder:
        surroundings = os.environ | {
            "SCORE_OUT": f"{folder}/out",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(score)]),
        }

        def call(*command: str) -> str:
            return subprocess.run(  # noqa: S603  # our own scripts
                [sys.executable, *command],
                env=surroundings,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout

        run = str(score / "run.py")
        for group in (HTML_SETS, TEXT_SETS):
            if chosen := ",".join(name for name in group if name in sets):
                ours = ["--adapter", ADAPTER, "--name", OURS]
                print(call(run, *ours, "--set", chosen), end="", flush=True)
                fitting = [name for name in peers if _suits(name, group)]
                if fitting:
                    theirs = ["--peer", ",".join(fitting), "--set", chosen]
                    print(call(run, *theirs), end="", flush=True)
        if Path(folder, "out").exists():
            yield from read_tables(call(str(score / "score.py")))
        if "encodings" in sets:
            bench = ["-c", LEGACY_ARTICLES]
            title = "encodings: articles of 1,500 characters"
            for options in (["--articles"], []):
                ours = call(*bench, *options, "--adapter", ADAPTER)
                theirs = call(*bench, *options)
                yield _join(title, ours, theirs)
                title = "encodings: files"
        if "mojibake" in sets:
            bench = [str(score / "mojibake_bench.py")]
            title = "mojibake: repaired, or right text left alone"
            yield _join(title, call(*bench, "--adapter", ADAPTER), call(*bench))


def _suits(peer: str, group: tuple[str, ...]) -> bool:
    is_text = group is TEXT_SETS
    return peer != "htmldate" if is_text else not peer.startswith("txt_")


def _join(title: str, ours: str, theirs: str) -> Table:
    """Put the table of the pipeline and that of the peers into one."""
    first, second = next(read_tables(ours, title)), next(read_tables(theirs, title))
    head = [name.split(" n=")[0] for name in first.head]
    own = [[OURS, *row[1:]] for row in first.rows if row[0] == ADAPTER]
    return Table(title, head, own + [row for row in second.rows if row[0] != ADAPTER])


def show(table: Table) -> None:
    """Print a table in columns."""
    print(f"\n### {table.title}")
    width = max(len(row[0]) for row in table.rows) + 2
    print(f"{'':{width}}" + "  ".join(table.head[1:]))
    for row in table.rows:
        figures = zip(row[1:], table.head[1:], strict=False)
        aligned = (f"{value:>{len(name)}}" for value, name in figures)
        print(f"{row[0]:{width}}" + "  ".join(aligned))


def compare_with_goals(tables: list[Table]) -> Iterator[list[str]]:
    """Yield a row per goal: what, ours, the goal, the best peer and its figure."""
    by_title = {table.title: table for table in tables}
    for goal in GOALS:
        table = by_title.get(goal.table)
        if table is None or goal.column not in table.head:
            continue
        column = table.head.index(goal.column)
        figures = {
            row[0]: float(row[column])
            for row in table.rows
            if column < len(row) and re.fullmatch(r"[\d.]+", row[column])
        }
        if OURS not in figures:
            continue
        ours = figures.pop(OURS)
        best = (min if goal.is_limit else max)(
            figures, key=figures.__getitem__, default=""
        )
        is_met = ours <= goal.figure if goal.is_limit else ours >= goal.figure
        yield [
            f"{goal.table}, {goal.column}",
            f"{ours:.3f}",
            f"{'<=' if goal.is_limit else '>='} {goal.figure:.3f}",
            "met" if is_met else "missed",
            f"{best} {figures[best]:.3f}" if best else "",
        ]


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    every = [*HTML_SETS, *TEXT_SETS, *BYTE_SETS]
    parser.add_argument("--set", default=",".join(every), dest="sets")
    installed = [
        name for name, module in PEERS.items() if importlib.util.find_spec(module)
    ]
    parser.add_argument(
        "--peer", default=",".join(installed), help="measured in the same run"
    )
    parser.add_argument("--top", type=int, default=3, help="noted peers per table")
    arguments = parser.parse_args()
    sets, peers = (text.split(",") for text in (arguments.sets, arguments.peer))
    if unknown := set(sets) - {*every}:
        parser.error(f"no such sets: {', '.join(sorted(unknown))}; there are {every}")
    score = arguments.shared.resolve() / "score"
    if not score.is_dir():
        parser.error(f"no scoring scripts in {score}: name their folder by --shared")
    noted = {
        table.title: table
        for path in sorted(score.glob("PEERS-*.md"))
        for table in read_tables(path.read_text(encoding="utf-8"))
    }
    tables = []
    for ours in run_scores(score, sets, [name for name in peers if name]):
        table = merge(ours, noted.get(ours.title), arguments.top)
        tables.append(table)
        show(table)
    goals = list(compare_with_goals(tables))
    if goals:
        head = ["", "ours", "goal", "", "best peer (noted: in brackets)"]
        print("\n### Goals, set for pages of other sites than those scored here")
        widths = [max(map(len, column)) for column in zip(head, *goals, strict=True)]
        for row in [head, *goals]:
            print(
                "  ".join(
                    f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)
                )
            )


if __name__ == "__main__":
    main()
