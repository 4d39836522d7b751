"""Articles in a JSON file: one object, a list of them, or one a line."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

from tasks.files.crawled import Json, list_articles
from tasks.files.lines import Line, cut_lines, is_blank
from tasks.files.rejects import Reject
from tasks.schema import Reason

_MAX_INT_DIGITS = 18
_STRETCH = 64  # lines


class Share(NamedTuple):
    """A part of the lines of a file, which several work on at a time.

    Attributes:
        number: Which part, from 0.
        total: How many parts there are.

    Examples:
        >>> second = Share(1, 2)
        >>> [number for number in (1, 64, 65, 128, 129) if second.has(number)]
        [65, 128]
    """

    number: int
    total: int

    def has(self, line: int) -> bool:
        """Whether a line, from 1, belongs to it: of every few stretches one does."""
        return (line - 1) // _STRETCH % self.total == self.number


WHOLE = Share(0, 1)


class Member(NamedTuple):
    """One article of a JSON file.

    Attributes:
        name: Line or item, from 1; null if the file is one article.
        place: The same for a person; begins a message.
        value: The article, or why there is none.
        char_count: Length of its line; 0 if it is not from a file of lines.
    """

    name: str | None
    place: str
    value: Json | Reject
    char_count: int = 0


def list_members(text: str) -> Iterator[Member]:
    """Yield the articles of a ``.json`` file; of one object a line, these."""
    whole = _parse(text)
    if isinstance(whole, Reject):
        lines = cut_lines([text], len(text))
        if _is_object(next(lines)):
            yield from map(_read_line, cut_lines([text], len(text)))
            return
    yield from _list_items(whole)


def stream_members(
    pieces: Callable[[], Iterable[str]],
    most_chars: int,
    only: Collection[str] | None = None,
    share: Share = WHOLE,
) -> Iterator[Member]:
    """Yield the articles of a ``.jsonl`` file, which need not fit into memory.

    A file of one object over many lines is read as what it is, if it is no longer than
    a line may be.

    Args:
        pieces: Gives the text, cut anywhere; the same whenever it is called.
        most_chars: Longest line that is read.
        only: Lines that are wanted; null for all.
        share: Part of the lines, or of the items, that is wanted.

    Raises:
        Reject: The file is blank; or no line is an object, and all of them together are
            longer than a line may be.
    """
    if not _has_object(pieces(), most_chars):
        whole = _parse(_join(pieces(), most_chars))
        if not isinstance(whole, Reject):
            for number, item in enumerate(_list_items(whole), start=1):
                if share.has(number):
                    yield item
            return
    for line in cut_lines(pieces(), most_chars):
        if share.has(line.number) and (only is None or str(line.number) in only):
            yield _read_line(line, most_chars)


def _has_object(pieces: Iterable[str], most_chars: int) -> bool:
    """Whether a line is an object; most files have one in the first.

    Raises:
        Reject: There is nothing to see in the file.
    """
    blank = True

    def looked_at() -> Iterator[str]:
        nonlocal blank
        for piece in pieces:
            blank = blank and is_blank(piece)
            yield piece

    if any(map(_is_object, cut_lines(looked_at(), most_chars))):
        return True
    if blank:
        raise Reject(Reason.BLANK, "only white space and invisible characters")
    return False


def _join(pieces: Iterable[str], most_chars: int) -> str:
    kept, char_count = [], 0
    for piece in pieces:
        char_count += len(piece)
        if char_count > most_chars:
            raise Reject(
                Reason.TOO_LARGE,
                f"no line is an object, and over many lines more than {most_chars:,}"
                " characters are not read (setting max_file_bytes)",
            )
        kept.append(piece)
    return "".join(kept)


def _list_items(whole: Json | Reject) -> Iterator[Member]:
    articles = [whole] if isinstance(whole, Reject) else list_articles(whole)
    if len(articles) == 1 and articles[0] is whole:
        yield Member(None, "", whole)
        return
    for number, article in enumerate(articles, start=1):
        yield Member(str(number), f"item {number}: ", article)


def _read_line(line: Line, most_chars: int = 0) -> Member:
    place = f"line {line.number}: "
    value = (
        Reject(
            Reason.TOO_LARGE,
            f"{place}{line.char_count:,} characters; the limit is {most_chars:,}"
            " (setting max_file_bytes)",
        )
        if line.text is None
        else _parse(line.text, first_line=line.number)
    )
    return Member(str(line.number), place, value, line.char_count)


def _is_object(line: Line) -> bool:
    return (
        line.text is not None
        and line.text.lstrip().startswith("{")
        and not isinstance(_parse(line.text), Reject)
    )


def _parse(text: str, first_line: int = 1) -> Json | Reject:
    """Value of a JSON text, or where it breaks.

    ``NaN`` is read as Python does; of two fields with one name the last counts.
    """
    try:
        return json.loads(text, parse_int=_read_int)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        problem = error.msg.removesuffix(" at")  # as in "starting at"
        detail = f"line {line}: {problem} at column {error.colno}"
    except RecursionError:
        detail = f"line {first_line}: nested too deeply"
    return Reject(Reason.BROKEN_JSON, detail)


def _read_int(digits: str) -> float:
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else float(digits)
