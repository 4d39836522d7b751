"""The line editor of `articles shell`: history, completion, colours, several lines."""

import sys
from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import has_completions, has_selection
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import DynamicLexer, Lexer, PygmentsLexer, SimpleLexer
from prompt_toolkit.output import Output, create_output
from pygments.lexers.sql import PostgresLexer

from flows.completion import SqlCompleter
from flows.query import split_statements
from flows.reader import Tables
from flows.shell import COMMANDS, history_file


def make_prompt(
    tables: Callable[[], Tables],
    source: Input | None = None,
    screen: Output | None = None,
) -> Callable[[str], str]:
    """Return a function that lets the user type a statement or command.

    Args:
        tables: Returns the snapshot that is open now.
        source: Keyboard; that of the process if not given.
        screen: Terminal; that of the process if not given.
    """
    session: PromptSession[str] = PromptSession(
        multiline=True,
        completer=SqlCompleter(tables, COMMANDS),
        complete_while_typing=False,
        lexer=DynamicLexer(lambda: _choose_lexer(session)),
        history=_open_history(),
        auto_suggest=AutoSuggestFromHistory(),
        key_bindings=_bindings(),
        prompt_continuation=lambda width, _line, _soft: "... ".rjust(width),
        enable_history_search=True,
        input=source,
        output=screen or create_output(stdout=sys.__stdout__),
    )
    return session.prompt


def is_complete(text: str) -> bool:
    """Whether Enter sends what is typed: a command, or statements with semicolons.

    Examples:
        >>> is_complete("SELECT 1"), is_complete("SELECT 1;"), is_complete(".tables")
        (False, True, True)
    """
    if text.lstrip().startswith("."):
        return True
    return not split_statements(text)[1]


def _bindings() -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter", filter=~has_selection & ~has_completions)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline()

    @bindings.add("enter", filter=has_completions)
    def _take(event: KeyPressEvent) -> None:
        """Take the completion that is chosen; the next Enter sends."""
        buffer = event.current_buffer
        chosen = buffer.complete_state and buffer.complete_state.current_completion
        buffer.complete_state = None
        if not chosen:
            _enter(event)

    return bindings


_SQL = PygmentsLexer(PostgresLexer)
_PLAIN = SimpleLexer()


def _choose_lexer(session: PromptSession[str]) -> Lexer:
    is_command = session.default_buffer.text.lstrip().startswith(".")
    return _PLAIN if is_command else _SQL


def _open_history() -> History:
    file = history_file()
    return FileHistory(str(file)) if file else InMemoryHistory()
