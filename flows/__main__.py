"""The command ``articles``, also ``python -m flows``.

Only this module turns errors into one line and an exit status: 0 done, 1 refused or a
law is broken, 2 wrong usage, 130 interrupted. Bugs keep their traceback. Whatever is
slow to import is imported by the command that needs it.
"""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO, get_args

from flows.arguments import (
    Commands,
    add_command,
    add_no_wait,
    add_setting,
    add_snapshot,
    count_argument,
    given_settings,
)
from flows.errand import Errand
from flows.outputs import TEXT_FORMATS
from flows.questions import add_questions
from flows.settings import Detector, Engine, prepare_environment, settings_parameters
from flows.streams import Outlet, mend_streams, visible
from tasks.errors import PipelineError, SettingsError, WarehouseError
from tasks.version import PIPELINE_VERSION

_EPILOG = """\
examples:
  articles run                       read raw/, write warehouse/
  articles status                    what the tables hold, what is waiting
  articles query "SELECT language, count(*) FROM documents GROUP BY ALL"
  articles shell                     the same, one question after the other
  articles search harbour            paragraphs with a word, the best first
  articles examples                  saved questions, listed or asked
  articles explain raw/story.txt     what became of this file
  articles report --open             what the tables hold, as a page
  articles verify                    prove the tables against the raw files
  articles replay                    read rejected files again
  articles snapshots                 earlier states of the tables
  articles rollback 3                publish one of them again
  articles schedule --every 15m      run by the clock
  articles watch                     run whenever new files have come

Every option of `run` can also be set by an environment variable, e.g.
ARTICLES_WAREHOUSE_DIR; the README lists them all.
"""

_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Command line; that of the process if not given.

    Returns:
        Exit status.
    """
    mend_streams()
    stdout = sys.stdout
    with contextlib.redirect_stdout(Outlet(stdout)):
        status = _try(arguments)
    for stream in (stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _close(stream)  # else Python complains at exit
    return status


def _try(arguments: Sequence[str] | None) -> int:
    """Run one command; every error that is not a bug becomes one line."""
    try:
        status = _do(arguments)
        sys.stdout.flush()
    except SettingsError as error:
        return _fail(str(error), 2)
    except PipelineError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:
        return 0  # the reader, e.g. `head`, has had enough
    except BaseException as error:
        if not _is_interrupt(error):
            raise
        status = _fail("Interrupted: the tables are as they were before.", _INTERRUPTED)
        _close(sys.stderr)  # Prefect complains at exit that workers are gone
    return status


def _do(arguments: Sequence[str] | None) -> int:
    try:
        args = _parser().parse_args(arguments)
    except SystemExit as leaving:  # argparse has said what there is to say
        return leaving.code if isinstance(leaving.code, int) else 1
    return int(args.command(args))


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether an error is Ctrl-C, or what Prefect stumbled over because of it."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _close(stream: TextIO) -> None:
    """Send what may still be written at exit nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(message: str, status: int) -> int:
    prefix = "articles: " if status != _INTERRUPTED else ""
    with contextlib.suppress(OSError):
        print(visible(prefix + " ".join(message.split())), file=sys.stderr)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="articles",
        description="Raw article files in, tidy Parquet tables out.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"article-pipeline {PIPELINE_VERSION}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_run(commands)
    _add_replay(commands)
    _add_status(commands)
    add_questions(commands)
    _add_explain(commands)
    _add_report(commands)
    _add_verify(commands)
    _add_snapshots(commands)
    _add_rollback(commands)
    _add_schedule(commands)
    _add_watch(commands)
    return parser


def _add_run(commands: Commands) -> None:
    parser = add_command(
        commands,
        "run",
        _run,
        "Read new and changed raw files, replace the tables.",
        "warehouse_dir",
    )
    _add_running(parser)
    parser.add_argument(
        "--reprocess", action="store_true", help="read every file again"
    )


def _add_replay(commands: Commands) -> None:
    parser = add_command(
        commands,
        "replay",
        _replay,
        "Read files again of which an article was rejected, once the cause is put"
        " right; touch nothing else.",
        "warehouse_dir",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="file or folder, as a path or as in source_path (default: all)",
    )
    parser.add_argument(
        "--reason",
        action="append",
        default=[],
        metavar="REASON",
        help="only what was rejected for this reason; may be given more than once",
    )
    _add_running(parser)


def _add_schedule(commands: Commands) -> None:
    parser = add_command(
        commands,
        "schedule",
        _schedule,
        "Run by the clock until Ctrl-C, shown in Prefect's UI. Starts a Prefect server"
        " if none runs, and makes the deployment.",
        "warehouse_dir",
    )
    times = parser.add_mutually_exclusive_group(required=True)
    times.add_argument(
        "--cron",
        metavar="EXPRESSION",
        help='minute, hour, day, month, weekday of local time, such as "0 * * * *"',
    )
    times.add_argument(
        "--every", metavar="DURATION", help="such as 15m, 1h30m or 1d, from midnight on"
    )
    _add_port(parser)
    _add_how(parser)


def _add_watch(commands: Commands) -> None:
    parser = add_command(
        commands,
        "watch",
        _watch,
        "Run whenever new files have come and settled, until Ctrl-C; shown in Prefect's"
        " UI. Starts a Prefect server if none runs.",
        "warehouse_dir",
    )
    parser.add_argument(
        "--quiet-for",
        metavar="DURATION",
        default="5s",
        help="time without a change after which files count as complete (default: 5s)",
    )
    parser.add_argument(
        "--poll",
        metavar="DURATION",
        default="5m",
        help="how often to compare folder and tables all the same, for network folders"
        " (default: 5m)",
    )
    parser.add_argument(
        "--emit",
        action="store_true",
        help="start no run, but emit an event for a deployment that waits for it",
    )
    _add_port(parser)
    _add_how(parser)


def _add_port(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port",
        type=count_argument,
        metavar="N",
        help="port of the Prefect server on this machine (default: that of"
        " PREFECT_API_URL, or 4200)",
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes that runs the flow itself."""
    _add_how(parser)
    add_no_wait(parser)
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")


def _add_how(parser: argparse.ArgumentParser) -> None:
    """Add the settings of the work."""
    add_setting(parser, "engine", choices=get_args(Engine))
    add_setting(parser, "engine_address", option="--engine-address", metavar="ADDRESS")
    add_setting(parser, "workers", metavar="N")
    add_setting(parser, "detector", choices=get_args(Detector))


def _add_status(commands: Commands) -> None:
    add_command(
        commands,
        "status",
        _status,
        "Show what the tables hold and which raw files are waiting.",
        "warehouse_dir",
    )


def _add_explain(commands: Commands) -> None:
    parser = add_command(
        commands,
        "explain",
        _explain,
        "Show what became of a raw file: metadata with evidence, every paragraph and"
        " every removed piece in order; or why it was rejected.",
        "warehouse_dir",
    )
    parser.add_argument("file", metavar="FILE", help="as a path, or as in source_path")
    parser.add_argument(
        "--member",
        metavar="N",
        help="one article of a file with several: its line or item, from 1",
    )
    parser.add_argument(
        "--html",
        action="store_true",
        help="write it as a page for the browser, the raw text coloured by its fate",
    )
    _add_page(parser)
    add_snapshot(parser)


def _add_report(commands: Commands) -> None:
    parser = add_command(
        commands,
        "report",
        _report,
        "Name the page that shows what the tables hold, or write it anew.",
    )
    _add_page(parser)
    add_snapshot(parser)


def _add_page(parser: argparse.ArgumentParser) -> None:
    """Add what every command takes that makes a page for the browser."""
    parser.add_argument(
        "--open", action="store_true", help="open the page in the browser"
    )
    parser.add_argument("--output", metavar="FILE", help="write the page to this file")


def _add_verify(commands: Commands) -> None:
    add_command(
        commands,
        "verify",
        _verify,
        "Prove every law of the tables, against the raw files too.",
        "warehouse_dir",
    )


def _add_snapshots(commands: Commands) -> None:
    parser = add_command(
        commands,
        "snapshots",
        _snapshots,
        "List earlier states of the tables. They can be read (query --snapshot ID) and"
        " published again (rollback ID).",
    )
    parser.add_argument(
        "--format",
        choices=TEXT_FORMATS,
        default="table",
        help="how to print the list (default: table)",
    )


def _add_rollback(commands: Commands) -> None:
    parser = add_command(
        commands,
        "rollback",
        _rollback,
        "Publish an earlier snapshot again. It becomes a new one: nothing is lost, and"
        " rolling back again undoes it. The next run brings the tables up to date with"
        " the raw files.",
        "warehouse_dir",
    )
    parser.add_argument(
        "number", metavar="ID", type=count_argument, help="as in `articles snapshots`"
    )
    add_no_wait(parser)


def _run(args: argparse.Namespace) -> int:
    return _start(args, Errand(reprocess=args.reprocess))


def _replay(args: argparse.Namespace) -> int:
    errand = Errand(
        replay=True,
        replay_paths=tuple(args.paths),
        replay_reasons=tuple(args.reason),
    )
    return _start(args, errand)


def _start(args: argparse.Namespace, errand: Errand) -> int:
    settings = given_settings(args)
    from flows.terminal import open_screen

    screen = open_screen(is_quiet=args.quiet)
    from flows.plan import look_around

    plan = None
    # A warehouse that cannot be read may be repaired by the run: it holds the lock.
    with contextlib.suppress(WarehouseError):
        plan = look_around(settings, errand)
    is_empty = plan and plan.is_first and not len(plan.files)
    if is_empty:
        prepare_environment()
        from flows.conduct import ingest_plainly
        from flows.pages.reporter import write_report

        # A question gets no rows rather than an error.
        ingest_plainly(settings, reporter=write_report)
    if plan and (is_empty or not plan.has_work):
        screen.say_nothing_new(plan, settings, errand)
        return 0
    from flows.needs import check_early

    check_early(plan, settings)
    prepare_environment()
    signal.signal(signal.SIGTERM, _interrupt)  # `systemctl stop` is Ctrl-C too
    with screen.watching():
        from flows.backstage import hush_prefect, start_server
        from flows.ingest import ingest

        hush_prefect()
        start_server()
        summary = ingest(**settings_parameters(settings), **errand._asdict())
    screen.show_run(summary, settings)
    return 0


def _schedule(args: argparse.Namespace) -> int:
    settings = given_settings(args)
    prepare_environment()
    from flows.timetable import keep_timetable, read_timetable

    signal.signal(signal.SIGTERM, _interrupt)
    keep_timetable(settings, read_timetable(args.cron, args.every), args.port)
    return 0


def _watch(args: argparse.Namespace) -> int:
    settings = given_settings(args)
    prepare_environment()
    from flows.arrivals import Rhythm, watch_raw
    from flows.duty import parse_duration

    rhythm = Rhythm(
        parse_duration("--quiet-for", args.quiet_for),
        parse_duration("--poll", args.poll),
    )
    signal.signal(signal.SIGTERM, _interrupt)
    watch_raw(settings, rhythm, args.port, is_emitting=args.emit)
    return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _status(args: argparse.Namespace) -> int:
    from flows.status import show_status

    show_status(given_settings(args))
    return 0


def _explain(args: argparse.Namespace) -> int:
    settings = given_settings(args)
    if args.html or args.open or args.output:
        prepare_environment()
        from flows.browse import Delivery, show_article

        show_article(
            settings,
            args.file,
            args.member,
            args.snapshot,
            Delivery(_output(args), args.open),
        )
        return 0
    from flows.explain import explain_file

    explain_file(settings, args.file, args.member, args.snapshot)
    return 0


def _report(args: argparse.Namespace) -> int:
    from flows.browse import Delivery, show_report

    show_report(given_settings(args), args.snapshot, Delivery(_output(args), args.open))
    return 0


def _output(args: argparse.Namespace) -> Path | None:
    return Path(args.output) if args.output else None


def _verify(args: argparse.Namespace) -> int:
    prepare_environment()
    from flows.verify import verify_warehouse

    return verify_warehouse(given_settings(args))


def _snapshots(args: argparse.Namespace) -> int:
    from flows.history import show_snapshots

    show_snapshots(given_settings(args), args.format)
    return 0


def _rollback(args: argparse.Namespace) -> int:
    from flows.history import roll_back

    roll_back(given_settings(args), args.number)
    return 0


if __name__ == "__main__":
    sys.exit(main())
