"""Profile the line: which share of CPU time goes to which step, and to what in it.

    python bench/profile_line.py [--articles 2000] [--kinds text,html] [--leaves 15]
                                 [--flames FOLDER] [--shared ../shared]

The articles of ``throughput.py`` go through the line, without Prefect's engine
(``peers/line.py``). py-spy looks at the stack a hundred times a second and changes
nothing; imports and reading settings do not count. A sample belongs to the step that
is on its stack, and to the first of these groups:

* language detection: anything in ``tasks/languages`` or langdetect, whoever asks;
* HTML parsing: lxml's parser, and what trafilatura and htmldate make of the page;
* Parquet encoding: writing the files of a part;
* all else.

``--flames`` keeps the folded stacks (for speedscope.app, inferno, flamegraph.pl), and
with a second run of each kind a flame graph as SVG.
"""

import argparse
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from throughput import PEERS, ROOT, make_articles, read_originals, write_corpus

RATE = 100  # samples a second
ROOT_FRAME = "conduct (flows/conduct.py"
ELSE = "all else"
GROUPS = {
    "language detection": ("(tasks/languages/", "(tasks/detect.py", "(langdetect/"),
    "HTML parsing": ("parse_page (", "(trafilatura/", "(htmldate/", "(lxml/"),
    "Parquet encoding": ("write_file (tasks/tables/parts.py",),
}
GOAL = 25
"""Per cent of the text path that may be anything else."""
STEPS = {
    "read_pieces (": "read",
    "survey_": "survey",
    "clean_articles (": "clean",
    "detect_languages (": "detect",
    "split_blocks (": "split",
    "describe_articles (": "describe",
    "stage_tables (": "write",
    "join_pieces (": "write",
    "find_recurring (": "count what recurs",
    "look_at_part (": "look at rows",
    "look_at_rows (": "look at rows",
    "publish (": "publish",
}


def record(raw: Path, warehouse: Path, file: Path, *form: str) -> None:
    """Run the line under py-spy.

    Raises:
        CalledProcessError: It failed, or the system lets nobody look at a process.
    """
    spy = Path(sysconfig.get_path("scripts"), "py-spy")
    command = [str(spy), "record", "--rate", str(RATE), "--format", *form]
    command += ["--output", str(file), "--", sys.executable, str(PEERS / "line.py")]
    subprocess.run(  # noqa: S603  (our own command)
        [*command, str(raw), str(warehouse)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )


def read_stacks(file: Path) -> Counter[tuple[str, ...]]:
    """Read folded stacks, from ``conduct`` on, with short names of files."""
    stacks: Counter[tuple[str, ...]] = Counter()
    for line in file.read_text(encoding="utf-8").splitlines():
        folded, _, count = line.rpartition(" ")
        frames = [_shorten(frame) for frame in folded.split(";")]
        begins = [at for at, frame in enumerate(frames) if ROOT_FRAME in frame]
        if begins:
            stacks[tuple(frames[begins[0] + 1 :])] += int(count)
    return stacks


def _shorten(frame: str) -> str:
    """Name the file of a frame as one imports it.

    Examples:
        >>> _shorten("find (/usr/lib/python3.11/site-packages/lxml/html.py:3)")
        'find (lxml/html.py:3)'
    """
    name, _, place = frame.rpartition(" (")
    for folder in ("site-packages/", f"{ROOT}/", "python3."):
        _, found, place_below = place.rpartition(folder)
        place = place_below if found else place
    return f"{name} ({place}"


def group_of(frames: tuple[str, ...]) -> str:
    """Return the group of a sample."""
    for group, marks in GROUPS.items():
        if any(mark in frame for frame in frames for mark in marks):
            return group
    return ELSE


def step_of(frames: tuple[str, ...]) -> str:
    """Return the step that a sample lies in."""
    for frame in frames:
        for mark, step in STEPS.items():
            if frame.startswith(mark):
                return step
    return "plan, glue"


def show(stacks: Counter[tuple[str, ...]], leaves: int) -> None:
    """Print the tables."""
    total = stacks.total()
    by_group: Counter[str] = Counter()
    by_step: Counter[tuple[str, str]] = Counter()
    own: Counter[str] = Counter()
    for frames, count in stacks.items():
        by_group[group_of(frames)] += count
        by_step[step_of(frames), group_of(frames)] += count
        if frames and group_of(frames) == ELSE:
            own[frames[-1].rpartition(":")[0] + ")"] += count
    names = [*GROUPS, ELSE]
    print(f"{'':22}" + "".join(f"{name:>20}" for name in names) + f"{'together':>12}")
    sums: Counter[str] = Counter()
    for (step, _), count in by_step.items():
        sums[step] += count
    for step, count in sums.most_common():
        cells = "".join(f"{by_step[step, name] / total:20.1%}" for name in names)
        print(f"{step:22}{cells}{count / total:12.1%}")
    cells = "".join(f"{by_group[name] / total:20.1%}" for name in names)
    print(f"{'together':22}{cells}{1:12.1%}")
    print(
        f"{total:,} samples; {ELSE} {100 * by_group[ELSE] / total:.0f}%"
        f" (goal for text {GOAL}%)"
    )
    print(f"{ELSE}, where it is:")
    for frame, count in own.most_common(leaves):
        print(f"{count / total:8.1%}  {frame}")


def main() -> None:
    """Make the corpora, record, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=2_000)
    parser.add_argument("--kinds", default="text,html")
    parser.add_argument("--leaves", type=int, default=15)
    parser.add_argument("--flames", type=Path)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    arguments = parser.parse_args()
    print(
        f"{datetime.now(UTC).date()}, {platform.machine()}, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in arguments.kinds.split(","):
            originals = read_originals(arguments.shared / "gold", kind)
            raw = folder / kind
            articles = make_articles(originals, kind, arguments.articles)
            size_bytes = write_corpus(raw, kind, articles)
            print(
                f"\n### {kind}: {arguments.articles:,} articles,"
                f" {size_bytes / arguments.articles / 1e3:.1f} kB each\n"
            )
            flames = arguments.flames or folder
            flames.mkdir(parents=True, exist_ok=True)
            folded = flames / f"{kind}.folded"
            record(raw, folder / f"{kind}-tables", folded, "raw")
            show(read_stacks(folded), arguments.leaves)
            if arguments.flames:
                svg = flames / f"{kind}.svg"
                record(raw, folder / f"{kind}-again", svg, "flamegraph", "--function")


if __name__ == "__main__":
    main()
