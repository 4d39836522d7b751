r"""The raw text of an article as rows of a page: every character once, with its fate.

A row is what a person compares: the pieces that share a line of the raw text, or a
stretch of markup between them.
"""

import bisect
import heapq
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flows.streams import visible
from tasks.schema import RemovalReason

FOLDED_CHARS = 600
"""Removed text longer than this is folded away."""

_LEADING_CHARS = 300  # of markup that stands in the row of what follows, not folded
_NEW_LINE = re.compile(r"\r\n?")


class Piece(NamedTuple):
    """What became of a span of the raw text.

    Attributes:
        start_chars: First code point; null if unknown.
        end_chars: One past the last.
        fate: Class of style: ``kept``, ``lifted`` or ``removed``.
        label: What it is: a kind, or a reason.
        notes: Rule, language, normalisations.
        text: What the tables hold of it.
        paragraph_index: Its place among the paragraphs; null for a removed piece.
    """

    start_chars: int | None
    end_chars: int | None
    fate: str
    label: str
    notes: tuple[str, ...]
    text: str
    paragraph_index: int | None = None


def taken_out(removal: Mapping[str, Any]) -> Piece:
    """Return the piece of a row of ``removals``, or of a block with a reason."""
    reason, field = removal["reason"], removal["field"]
    is_lifted = reason == RemovalReason.LIFTED
    return Piece(
        removal["start_chars"],
        removal["end_chars"],
        "lifted" if is_lifted else "removed",
        field if is_lifted and field else reason,
        (removal["rule_id"],),
        removal["text"],
    )


class Mark(NamedTuple):
    """A span that tells something, inside pieces or across them.

    Attributes:
        start_chars: First code point.
        end_chars: One past the last.
        style: Class of style: ``evidence`` or ``foreign``.
        note: What it tells.
    """

    start_chars: int
    end_chars: int
    style: str
    note: str


class Fragment(NamedTuple):
    """Text with one fate and the same marks."""

    text: str
    styles: str
    note: str


class Row(NamedTuple):
    """One row of the page.

    Attributes:
        anchor: Where links lead: the first code point; null if the place is unknown.
        pieces: What is in it.
        fragments: Its text; together those of all rows are the raw text.
        is_folded: Whether it is long and nobody's paragraph.
        is_placed: Whether it stands at its place in the raw text.
    """

    anchor: int | None
    pieces: tuple[Piece, ...]
    fragments: tuple[Fragment, ...]
    is_folded: bool = False
    is_placed: bool = True

    @property
    def chars(self) -> int:
        """Code points of its text, as shown."""
        return sum(len(fragment.text) for fragment in self.fragments)


class _Stretch(NamedTuple):
    start: int
    end: int
    piece: Piece | None
    marks: tuple[Mark, ...]


def make_rows(
    raw_text: str, pieces: Sequence[Piece], marks: Sequence[Mark] = ()
) -> list[Row]:
    r"""Lay out the raw text.

    Args:
        raw_text: Decoded raw text of one article.
        pieces: Its paragraphs and removals, in any order. Where spans overlap, the one
            that starts last has the text. One without a place is a row of its own,
            behind the paragraph before it.
        marks: What to mark inside.

    Examples:
        >>> kept = Piece(0, 3, "kept", "body", (), "One", 0)
        >>> gone = Piece(4, 5, "removed", "layout", (), "|")
        >>> [row.fragments for row in make_rows("One |\n", [kept, gone])]
        ... # doctest: +NORMALIZE_WHITESPACE
        [(Fragment(text='One', styles='kept', note='body'),
          Fragment(text=' ', styles='', note=''),
          Fragment(text='|', styles='removed', note='layout'),
          Fragment(text='\n', styles='', note=''))]
    """
    placed = [piece for piece in pieces if piece.start_chars is not None]
    rows: list[list[_Stretch]] = []
    is_open = False  # whether the next piece may stand in the last row
    seen: set[int] = set()
    for stretch in _stretches(len(raw_text), placed, marks):
        text = raw_text[stretch.start : stretch.end]
        is_markup = stretch.piece is None and bool(text.strip())
        is_next = stretch.piece is not None and id(stretch.piece) not in seen
        if not rows or is_markup or (is_next and not is_open):
            rows.append([])
        rows[-1].append(stretch)
        if stretch.piece is not None:
            seen.add(id(stretch.piece))
            is_open = True
        elif is_markup:
            is_open = len(text) <= _LEADING_CHARS
        elif "\n" in text:
            is_open = False
    made = [_make_row(raw_text, row) for row in rows]
    return _add_unplaced(made, pieces)


def _stretches(
    length: int, pieces: Iterable[Piece], marks: Iterable[Mark]
) -> Iterator[_Stretch]:
    """Cut the text wherever a piece or a mark begins or ends."""
    spans: list[tuple[int, int, Piece | Mark]] = []
    given: list[Piece | Mark] = [*pieces, *marks]
    for span in given:
        start, end = span.start_chars or 0, min(span.end_chars or 0, length)
        if start < end:
            spans.append((start, end, span))
    spans.sort(key=lambda found: found[:2])
    cuts = sorted({0, length, *(at for span in spans for at in span[:2])})
    active: list[tuple[int, int, int]] = []  # end, start, number
    following = 0
    for start, end in itertools.pairwise(cuts):
        while following < len(spans) and spans[following][0] <= start:
            heapq.heappush(
                active, (spans[following][1], spans[following][0], following)
            )
            following += 1
        while active and active[0][0] <= start:
            heapq.heappop(active)
        # Of spans that start together the shorter one is inside, and comes first.
        inside = sorted((-begin, stop, number) for stop, begin, number in active)
        found = [spans[number][2] for _, _, number in inside]
        piece = next((span for span in found if isinstance(span, Piece)), None)
        own = tuple(span for span in found if isinstance(span, Mark))
        yield _Stretch(start, end, piece, own)


def _make_row(raw_text: str, stretches: Sequence[_Stretch]) -> Row:
    fragments = []
    pieces: list[Piece] = []
    for start, end, piece, marks in stretches:
        text = raw_text[start:end]
        styles = [mark.style for mark in marks]
        notes = [mark.note for mark in marks]
        if piece is not None:
            styles.insert(0, piece.fate)
            notes.insert(0, " · ".join((piece.label, *piece.notes)))
            if not any(piece is other for other in pieces):
                pieces.append(piece)
        elif text.strip():
            styles.insert(0, "markup")
        shown = visible(_NEW_LINE.sub("\n", text))
        fragments.append(Fragment(shown, " ".join(styles), "; ".join(notes)))
    chars = stretches[-1].end - stretches[0].start
    is_long = chars > (FOLDED_CHARS if pieces else _LEADING_CHARS)
    is_folded = is_long and all(piece.fate != "kept" for piece in pieces)
    return Row(stretches[0].start, tuple(pieces), tuple(fragments), is_folded)


def list_pieces(pieces: Sequence[Piece]) -> list[Row]:
    """Lay out what the tables hold, where the raw text is not to be had.

    Args:
        pieces: Paragraphs in their order, and removals.
    """
    last = -1
    ordered: list[tuple[int, int, Piece]] = []
    for number, piece in enumerate(pieces):
        start = piece.start_chars
        if piece.paragraph_index is not None:
            last = last if start is None else start
            start = last
        ordered.append((start or 0, number, piece))
    rows = []
    for _, _, piece in sorted(ordered, key=lambda item: item[:2]):
        fragment = Fragment(visible(piece.text), piece.fate, "")
        is_folded = piece.fate != "kept" and len(piece.text) > FOLDED_CHARS
        rows.append(Row(piece.start_chars, (piece,), (fragment,), is_folded))
    return rows


def _add_unplaced(rows: list[Row], pieces: Sequence[Piece]) -> list[Row]:
    """Insert paragraphs without a place, each behind the one before it."""
    behind: dict[int, list[Row]] = {}
    home = {
        piece.paragraph_index: number
        for number, row in enumerate(rows)
        for piece in row.pieces
        if piece.paragraph_index is not None
    }
    last = -1
    paragraphs = [
        (p.paragraph_index, p) for p in pieces if p.paragraph_index is not None
    ]
    for index, piece in sorted(paragraphs, key=lambda pair: pair[0]):
        if piece.start_chars is not None:
            last = max(last, home.get(index, last))
            continue
        fragment = Fragment(visible(piece.text), piece.fate, "")
        row = Row(None, (piece,), (fragment,), is_placed=False)
        behind.setdefault(last, []).append(row)
    found = list(behind.get(-1, []))
    for number, row in enumerate(rows):
        found.append(row)
        found += behind.get(number, [])
    return found


def find_anchor(rows: Sequence[Row], position: int) -> int | None:
    """Return the anchor of the row that holds a code point."""
    anchors = [row.anchor for row in rows if row.anchor is not None]
    place = bisect.bisect_right(anchors, position)
    return anchors[place - 1] if place else None
