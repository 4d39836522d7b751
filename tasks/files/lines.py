r"""Lines of a text that goes by in pieces.

A line ends at ``\n`` only: what else Unicode calls a line end may stand inside a string
of JSON.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\x00-\x1f\x7f-\x9f"
)
_BLANK = re.compile(rf"[\s{_INVISIBLE}]*")


def is_blank(text: str) -> bool:
    """Whether nobody would see anything of a text."""
    return _BLANK.fullmatch(text) is not None


class Line(NamedTuple):
    """A line, or that there is one too long to be kept.

    Attributes:
        number: From 1.
        text: Without the line end; null if it is too long.
        char_count: Its length.
    """

    number: int
    text: str | None
    char_count: int


def cut_lines(pieces: Iterable[str], most_chars: int) -> Iterator[Line]:
    r"""Cut a text into lines; at most one of them is in memory.

    Args:
        pieces: The text, cut anywhere.
        most_chars: Longest line that is kept.

    Yields:
        Every line that is not blank, in order.

    Examples:
        >>> for line in cut_lines(["a", "b\n\nsee", "n\n"], 3):
        ...     print(line)
        Line(number=1, text='ab', char_count=2)
        Line(number=3, text=None, char_count=4)
    """
    number, waiting = 1, _Waiting(most_chars)
    for piece in pieces:
        first, *others = piece.split("\n")
        waiting.add(first)
        for text in others:
            yield from waiting.take(number)
            number += 1
            waiting.add(text)
    yield from waiting.take(number)


class _Waiting:
    """The line whose end is not there yet."""

    def __init__(self, most_chars: int) -> None:
        self._most_chars = most_chars
        self._pieces: list[str] = []
        self._char_count = 0
        self._is_blank = True

    def add(self, text: str) -> None:
        self._char_count += len(text)
        self._is_blank = self._is_blank and not text.strip()
        if self._char_count <= self._most_chars:
            self._pieces.append(text)
        else:
            self._pieces.clear()

    def take(self, number: int) -> Iterator[Line]:
        """Yield the line unless it is blank; begin with the next one."""
        if not self._is_blank:
            is_kept = self._char_count <= self._most_chars
            text = "".join(self._pieces) if is_kept else None
            yield Line(number, text, self._char_count)
        self._pieces.clear()
        self._char_count = 0
        self._is_blank = True
