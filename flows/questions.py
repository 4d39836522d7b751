"""Commands that ask the tables something: query, shell, search, examples.

Imported by every call of ``articles``: whatever is slow to import is imported late.
"""

import argparse
import calendar
import contextlib
import datetime as dt
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flows.arguments import (
    Commands,
    add_command,
    add_snapshot,
    count_argument,
    given_settings,
)
from flows.outputs import FORMATS, TEXT_FORMATS, file_format, printed_format

if TYPE_CHECKING:
    from flows.query import Answer


def add_questions(commands: Commands) -> None:
    """Add the commands that ask the tables something."""
    _add_query(commands)
    _add_shell(commands)
    _add_search(commands)
    _add_examples(commands)


def _add_query(commands: Commands) -> None:
    parser = add_command(
        commands,
        "query",
        _query,
        "Ask the tables in SQL (DuckDB): documents, paragraphs, removals, evidence,"
        " sources, runs, and rejects.",
    )
    parser.add_argument(
        "sql", metavar="SQL", help="one statement; - reads it from stdin"
    )
    _add_output(parser)
    add_snapshot(parser)
    parser.add_argument(
        "--earlier",
        metavar="ID",
        type=count_argument,
        help="a snapshot to compare with: its tables are earlier.documents and so on",
    )


def _add_shell(commands: Commands) -> None:
    parser = add_command(
        commands,
        "shell",
        _shell,
        "Ask one question after the other, in SQL, with completion and history. In a"
        " pipe, ask whatever is read from standard input.",
    )
    parser.add_argument(
        "--format",
        choices=TEXT_FORMATS,
        default="table",
        help="how to print answers (default: table)",
    )
    _add_max_rows(parser)
    add_snapshot(parser)


def _add_search(commands: Commands) -> None:
    parser = add_command(
        commands,
        "search",
        _search,
        "Find the paragraphs and titles that hold some words, the best first, with the"
        " words in context. A word finds what begins with it, in scripts without spaces"
        " what contains it; letters without accents find those with them.",
    )
    parser.add_argument(
        "words",
        nargs="+",
        metavar="WORDS",
        help="all must occur; in quotes for the shell, a phrase and a word that must"
        " not occur can be given: '\"the old pier\" -ferry'",
    )
    parser.add_argument(
        "--language",
        action="append",
        default=[],
        metavar="CODE",
        help="only paragraphs in this language, e.g. de; may be given more than once",
    )
    parser.add_argument(
        "--since", type=_first_day, metavar="DAY", help="published on this day or later"
    )
    parser.add_argument(
        "--until",
        type=_last_day,
        metavar="DAY",
        help="published on this day or earlier",
    )
    parser.add_argument(
        "--limit",
        type=count_argument,
        default=20,
        metavar="N",
        help="hits at most (default: 20)",
    )
    _add_output(parser, has_max_rows=False)
    add_snapshot(parser)


def _add_examples(commands: Commands) -> None:
    parser = add_command(
        commands,
        "examples",
        _examples,
        "List saved questions, or ask one of them.",
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="which one (default: list them all)"
    )
    parser.add_argument(
        "values",
        nargs="*",
        metavar="PARAMETER=VALUE",
        help="what to ask for, e.g. word=harbour; the list shows what can be given",
    )
    parser.add_argument(
        "--sql", action="store_true", help="show the SQL instead of asking it"
    )
    _add_output(parser)
    add_snapshot(parser)


def _first_day(text: str) -> dt.date:
    """Read a day, or the first one of a month or year."""
    return _day(text, "-01-01")


def _last_day(text: str) -> dt.date:
    """Read a day, or the last one of a month or year."""
    if re.fullmatch(r"\d{4}-\d\d", text):
        first = _first_day(text)
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return _day(text, "-12-31")


def _day(text: str, rest: str) -> dt.date:
    full = text + rest[len(text) - len("2025") :] if len(text) in {4, 7} else text
    try:
        return dt.date.fromisoformat(full)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a day; write 2025-01-29, 2025-01 or 2025"
        ) from error


def _add_output(parser: argparse.ArgumentParser, *, has_max_rows: bool = True) -> None:
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="how to write the answer (default: as the suffix of --output says, else a"
        " table); parquet and xlsx need --output",
    )
    parser.add_argument(
        "--output",
        "-o",
        metavar="FILE",
        help="write the whole answer to this file instead of printing it",
    )
    if not has_max_rows:
        parser.set_defaults(max_rows=0)
        return
    _add_max_rows(parser)


def _add_max_rows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-rows",
        type=count_argument,
        metavar="N",
        help="rows at most, 0 for all (default: 50 of a printed table, else all)",
    )


def _query(args: argparse.Namespace) -> int:
    _check_output(args)
    sql = sys.stdin.read() if args.sql == "-" else args.sql
    from flows.query import ask
    from flows.reader import open_tables

    with open_tables(
        given_settings(args).warehouse_dir, args.snapshot, args.earlier
    ) as tables:
        _give(ask(tables, sql), args)
    return 0


def _shell(args: argparse.Namespace) -> int:
    from flows.shell import Shell, run_script, talk

    warehouse_dir = given_settings(args).warehouse_dir
    shell = Shell(warehouse_dir, args.snapshot, args.format, args.max_rows)
    with contextlib.closing(shell):
        if sys.stdin.isatty() and sys.stdout.isatty():
            talk(shell)
        else:
            run_script(shell, iter(sys.stdin))
    return 0


def _search(args: argparse.Namespace) -> int:
    _check_output(args)
    from flows.finds import as_answer, show_found
    from flows.reader import open_tables
    from flows.search import Search, search_tables

    search = Search(
        " ".join(args.words), tuple(args.language), args.since, args.until, args.limit
    )
    with open_tables(given_settings(args).warehouse_dir, args.snapshot) as tables:
        found = search_tables(tables, search)
    if args.output is None and args.format in {None, "table"}:
        show_found(found, search)
    else:
        _give(as_answer(found), args)
    return 0


def _examples(args: argparse.Namespace) -> int:
    _check_output(args)
    warehouse_dir = given_settings(args).warehouse_dir
    if args.name is None:
        from flows.catalogue import show_examples

        show_examples(warehouse_dir)
        return 0
    from flows.reader import find_earlier, open_tables
    from flows.saved import ask_example, find_example, read_values

    example = find_example(args.name)
    values = read_values(example, args.values)
    if args.sql:
        print(example.sql)
        return 0
    earlier = find_earlier(warehouse_dir, args.snapshot) if example.earlier else None
    with open_tables(warehouse_dir, args.snapshot, earlier) as tables:
        _give(ask_example(tables, example, values), args, example.when_empty)
    return 0


def _check_output(args: argparse.Namespace) -> None:
    """Refuse what cannot be written before anything is asked."""
    if args.output is None:
        printed_format(args.format)
    else:
        file_format(args.format, Path(args.output))


def _give(answer: "Answer", args: argparse.Namespace, when_empty: str = "") -> None:
    from flows.exports import print_answer, save_answer

    if args.output is None:
        print_answer(answer, printed_format(args.format), args.max_rows, when_empty)
    else:
        file = Path(args.output)
        output = file_format(args.format, file)
        folder = given_settings(args).warehouse_dir
        print(save_answer(answer, output, file, folder, args.max_rows))
