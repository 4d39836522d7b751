"""What several commands take on the command line. Nothing here is slow to import."""

import argparse
import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

from flows.settings import Settings, describe_setting, read_settings

# argparse has no public name for what add_subparsers returns.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001


def add_command(
    commands: Commands,
    name: str,
    command: Callable[[argparse.Namespace], int],
    description: str,
    *settings: str,
) -> argparse.ArgumentParser:
    """Add a command; one that takes settings also takes the raw folder."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=description.partition(". ")[0].rstrip(".") + ".",
        description=description,
    )
    parser.set_defaults(command=command)
    if settings:
        add_setting(parser, "raw_dir", option="--raw", metavar="DIR")
    add_setting(parser, "warehouse_dir", option="--warehouse", metavar="DIR")
    return parser


def add_setting(
    parser: argparse.ArgumentParser,
    name: str,
    option: str = "",
    *,
    choices: Sequence[str] | None = None,
    metavar: str | None = None,
) -> None:
    """Add an option without a default: what is not given is left to the environment."""
    parser.add_argument(
        option or f"--{name}",
        dest=name,
        help=describe_setting(name).replace("`", "").replace("%", "%%"),
        choices=choices,
        metavar=metavar,
    )


def add_snapshot(parser: argparse.ArgumentParser) -> None:
    """Add the choice of an earlier snapshot."""
    parser.add_argument(
        "--snapshot",
        metavar="ID",
        type=count_argument,
        help="an earlier state of the tables, as in `articles snapshots`",
    )


def add_no_wait(parser: argparse.ArgumentParser) -> None:
    """Add the choice not to wait for another run."""
    parser.add_argument(
        "--no-wait",
        dest="wait_for_lock",
        action="store_const",
        const=False,
        help="refuse at once if another run is writing",
    )


def count_argument(text: str) -> int:
    """Read a number from 0 upwards, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 upwards")
    return int(text)


def given_settings(args: argparse.Namespace) -> Settings:
    """Read the settings, those on the command line first."""
    names = {field.name for field in dataclasses.fields(Settings)}
    return read_settings(**{k: v for k, v in vars(args).items() if k in names})
