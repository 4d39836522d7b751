"""Commands that ask the tables something: query.

Imported by every call of ``articles``: whatever is slow to import is imported late.
"""

import argparse
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
from flows.outputs import FORMATS, file_format, printed_format

if TYPE_CHECKING:
    from flows.query import Answer


def add_questions(commands: Commands) -> None:
    """Add the commands that ask the tables something."""
    _add_query(commands)


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


def _add_output(parser: argparse.ArgumentParser) -> None:
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

    with open_tables(given_settings(args).warehouse_dir, args.snapshot) as tables:
        _give(ask(tables, sql), args)
    return 0


def _check_output(args: argparse.Namespace) -> None:
    """Refuse what cannot be written before anything is asked."""
    if args.output is None:
        printed_format(args.format)
    else:
        file_format(args.format, Path(args.output))


def _give(answer: "Answer", args: argparse.Namespace) -> None:
    from flows.exports import print_answer, save_answer

    if args.output is None:
        print_answer(answer, printed_format(args.format), args.max_rows)
    else:
        file = Path(args.output)
        output = file_format(args.format, file)
        folder = given_settings(args).warehouse_dir
        print(save_answer(answer, output, file, folder, args.max_rows))
