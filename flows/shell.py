"""`articles shell`: ask one question after the other, of one snapshot."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.text import Text

from flows.catalogue import list_examples, show_columns, show_tables
from flows.exports import print_answer, save_answer
from flows.finds import show_found
from flows.outputs import TEXT_FORMATS, TextFormat, file_format
from flows.pager import Pager
from flows.paper import open_paper
from flows.places import open_place
from flows.query import Answer, ask, split_statements
from flows.reader import Tables, find_earlier, open_tables
from flows.saved import ask_example, find_example, read_values
from flows.search import Search, search_tables
from flows.streams import visible
from tasks.errors import PipelineError, SettingsError
from tasks.objects import Place

COMMANDS = {
    ".help": "what can be said here",
    ".tables": "the tables, with their rows",
    ".schema": "[TABLE]  columns, their types and meanings",
    ".examples": "[NAME [PARAMETER=VALUE ...]]  list saved questions, or ask one",
    ".search": "WORDS  paragraphs that hold the words, the best first",
    ".export": "FILE  write the last answer whole; the suffix says the format",
    ".format": f"FORMAT  how answers are printed: {', '.join(TEXT_FORMATS)}",
    ".rows": "N  rows of an answer to print, 0 for all",
    ".refresh": "take the newest snapshot",
    ".quit": "leave, as Ctrl-D does",
}


class Shell:
    """A conversation about one snapshot.

    Args:
        warehouse_dir: Folder of the tables.
        snapshot: Number of an earlier snapshot; null for the live one.
        output: How answers are printed.
        max_rows: Rows of an answer to print, 0 for all; null for the format's own.
    """

    def __init__(
        self,
        warehouse_dir: Place,
        snapshot: int | None = None,
        output: TextFormat = "table",
        max_rows: int | None = None,
    ) -> None:
        self._warehouse_dir, self._output, self._max_rows = (
            warehouse_dir,
            output,
            max_rows,
        )
        self._follows = snapshot is None
        self.tables = self._open(snapshot)
        self._told = self.tables.snapshot
        self._last: Callable[[], Answer] | None = None
        self._do = {
            ".help": self._help,
            ".tables": self._tables,
            ".schema": self._schema,
            ".examples": self._examples,
            ".search": self._search,
            ".export": self._export,
            ".format": self._format,
            ".rows": self._rows,
            ".refresh": self._refresh,
            ".quit": self._quit,
            ".exit": self._quit,
        }

    def close(self) -> None:
        """Let go of the snapshot."""
        self.tables.close()

    def run(self, line: str) -> None:
        """Do one command, or ask one statement.

        Raises:
            PipelineError: It cannot be done.
            EOFError: It was to leave.
        """
        line = line.strip()
        if line.startswith("."):
            name, _, rest = line.rstrip(";").partition(" ")
            if name not in self._do:
                raise SettingsError(
                    name, "is no command", f"There are {', '.join(COMMANDS)}."
                )
            self._do[name](rest.strip())
        elif line:
            self._answer(lambda: ask(self.tables, line))

    def news(self) -> str:
        """Return what to tell of newer snapshots: each is told once; may be empty."""
        if not self._follows:
            return ""
        live = None
        with contextlib.suppress(PipelineError, OSError):
            live = open_place(self._warehouse_dir).manifest()
        if live is None or live.snapshot <= self._told:
            return ""
        self._told = live.snapshot
        return (
            f"Snapshot {live.snapshot} has been published; these are the tables of"
            f" {self.tables.snapshot}. `.refresh` takes the new ones."
        )

    def _open(self, snapshot: int | None) -> Tables:
        """Open a snapshot, and the one before it to compare with, if there is one."""
        earlier = None
        with contextlib.suppress(PipelineError):
            earlier = find_earlier(self._warehouse_dir, snapshot)
        return open_tables(self._warehouse_dir, snapshot, earlier)

    def _answer(self, make: Callable[[], Answer], when_empty: str = "") -> None:
        answer = make()
        self._last = make
        print_answer(answer, self._output, self._max_rows, when_empty)

    def _help(self, _rest: str) -> None:
        paper = open_paper()
        paper.print("A statement in SQL ends with a semicolon; `.commands` do not:")
        for name, meaning in COMMANDS.items():
            paper.print(Text(f"  {name:<10} {meaning}"))
        paper.print(
            "Tab completes names and values. Ctrl-C gives up a line or a question."
        )
        if self.tables.earlier:
            paper.print(
                f"The tables of snapshot {self.tables.earlier} are earlier.documents"
                " and so on."
            )

    def _tables(self, _rest: str) -> None:
        show_tables(self.tables)

    def _schema(self, rest: str) -> None:
        show_columns(self.tables, rest.strip('"') or None)

    def _examples(self, rest: str) -> None:
        if not rest:
            list_examples(self.tables.names)
            return
        name, *given = rest.split()
        example = find_example(name)
        values = read_values(example, given)
        if example.earlier and self.tables.earlier is None:
            find_earlier(self._warehouse_dir, self.tables.snapshot)  # says why not
        self._answer(
            lambda: ask_example(self.tables, example, values), example.when_empty
        )

    def _search(self, rest: str) -> None:
        search = Search(rest)
        show_found(search_tables(self.tables, search), search)

    def _export(self, rest: str) -> None:
        if not rest or self._last is None:
            raise SettingsError(
                ".export",
                "needs a file" if self._last else "has no answer to write yet",
                "Ask something, then say e.g. .export answer.xlsx.",
            )
        file = Path(rest).expanduser()
        output = file_format(None, file)
        print(visible(save_answer(self._last(), output, file, self._warehouse_dir)))

    def _format(self, rest: str) -> None:
        for known in TEXT_FORMATS:
            if known == rest:
                self._output = known
                return
        raise SettingsError(
            ".format", f"cannot be {rest!r}", f"There are {', '.join(TEXT_FORMATS)}."
        )

    def _rows(self, rest: str) -> None:
        if not rest.isdecimal():
            raise SettingsError(".rows", f"cannot be {rest!r}", "Say e.g. .rows 200.")
        self._max_rows = int(rest)

    def _refresh(self, _rest: str) -> None:
        before, fresh = self.tables, self._open(None)
        before.close()
        self.tables, self._follows, self._told = fresh, True, fresh.snapshot
        print(f"Snapshot {fresh.snapshot}.")

    def _quit(self, _rest: str) -> None:
        raise EOFError


def run_script(shell: Shell, lines: Iterator[str]) -> None:
    """Do what is read from a pipe; the first mistake ends it.

    Raises:
        PipelineError: Something cannot be done.
    """
    waiting = ""
    with contextlib.suppress(EOFError):
        for line in lines:
            if not waiting and line.lstrip().startswith("."):
                shell.run(line)
                continue
            statements, waiting = split_statements(f"{waiting}\n{line}")
            if waiting.startswith("."):  # a command behind a statement
                statements, waiting = [*statements, waiting], ""
            for statement in statements:
                shell.run(statement)
        shell.run(waiting)


def talk(shell: Shell) -> None:
    """Ask and answer on the terminal until the user leaves."""
    from flows.prompt import make_prompt  # noqa: PLC0415  # only where there is a terminal

    paper = open_paper()
    paper.print(Text(repr(shell.tables)[1:-1].capitalize(), style="dim"))
    paper.print(
        Text("End a statement with ; · Tab completes · .help · Ctrl-D leaves", "dim")
    )
    prompt = make_prompt(lambda: shell.tables)
    while True:
        if news := shell.news():
            paper.print(Text(news, style="yellow"))
        try:
            text = prompt(f"articles:{shell.tables.snapshot}> ")
            for part in _parts(text):
                with _paged():
                    shell.run(part)
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        except PipelineError as error:
            paper.print(Text(" ".join(str(error).split()), style="red"))


def _parts(text: str) -> list[str]:
    if text.lstrip().startswith("."):
        return text.splitlines()
    statements, rest = split_statements(text)
    return [*statements, rest]


@contextlib.contextmanager
def _paged() -> Iterator[None]:
    """Send what is printed through a pager if it is longer than the terminal."""
    pager = Pager(sys.stdout, shutil.get_terminal_size().lines)
    try:
        with contextlib.redirect_stdout(pager), contextlib.suppress(BrokenPipeError):
            yield
    finally:
        pager.close_pager()


def history_file() -> Path | None:
    """Return where lines typed are remembered; null where nothing can be written."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(base) / "article-pipeline"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = folder / "shell_history"
        file.touch(mode=0o600)
    except (OSError, RuntimeError):
        return None
    return file
