"""The laws that need the raw files: every file, and every character of it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import duckdb
import pandas as pd

from flows.batches import cut_batches
from flows.ledger import arrived_ns
from flows.limits import limits_of
from flows.settings import Settings
from tasks.objects import ObjectUrl, Place
from tasks.read import read_pieces
from tasks.schema import Markup
from tasks.text.normalise import normalise

_SHOWN_CHARS = 40
_PARAGRAPHS = """
    SELECT document_id, 'paragraphs ' || document_id || ', ' || paragraph_index,
        start_chars, end_chars, text, normalisations
    FROM paragraphs WHERE document_id IN (SELECT unnest(?))
"""
_REMOVALS = """
    SELECT document_id, 'removals ' || document_id || ', ' || start_chars,
        start_chars, end_chars, text, []::VARCHAR[]
    FROM removals WHERE document_id IN (SELECT unnest(?))
"""


class Piece(NamedTuple):
    """A row of ``paragraphs`` or ``removals``, as far as the raw text matters.

    Attributes:
        row: What to call it in a message.
        start_chars: First code point; null if unknown.
        end_chars: One past the last.
        text: What the table says stands there.
        normalisations: How the span becomes ``text``.
    """

    row: str
    start_chars: int | None
    end_chars: int | None
    text: str
    normalisations: Sequence[str]


def check_spans(raw_text: str, pieces: Sequence[Piece]) -> Iterator[tuple[str, str]]:
    """Find pieces that are not what their span of the raw text gives.

    Args:
        raw_text: Decoded raw text of one article.
        pieces: Its paragraphs and removals; those without a place are left out.

    Yields:
        Row and problem.

    Examples:
        >>> list(check_spans("a  b", [Piece("p 0", 0, 4, "a b", ["spaces"])]))
        []
    """
    for piece in pieces:
        if piece.start_chars is None or piece.end_chars is None:
            continue
        if piece.end_chars > len(raw_text):
            yield piece.row, f"ends at {piece.end_chars} of {len(raw_text)} characters"
            continue
        span = raw_text[piece.start_chars : piece.end_chars]
        expected = normalise(span, piece.normalisations)
        if expected != piece.text:
            yield piece.row, f"has {_short(piece.text)}, its span {_short(expected)}"


def check_tiling(raw_text: str, pieces: Sequence[Piece]) -> Iterator[tuple[str, str]]:
    """Find places where pieces overlap, or text lies in none of them.

    Args:
        raw_text: Decoded raw text of one article that is not HTML.
        pieces: All its paragraphs and removals.

    Yields:
        Row and problem.

    Examples:
        >>> list(check_tiling("a b", [Piece("p 0", 0, 1, "a", [])]))
        [('after p 0', "'b' at 2 is in no paragraph and no removal")]
    """
    end, before = 0, "the start"
    ordered = sorted(
        (piece for piece in pieces if piece.start_chars is not None),
        key=lambda piece: (piece.start_chars or 0, piece.end_chars or 0),
    )
    yield from (
        (piece.row, "has no place in the text")
        for piece in pieces
        if piece.start_chars is None
    )
    for piece in [*ordered, Piece("the end", len(raw_text), len(raw_text), "", ())]:
        start = piece.start_chars or 0
        if start < end:
            yield piece.row, f"starts at {start}, before {before} ends at {end}"
        elif gap := raw_text[end:start].strip():
            place = raw_text.index(gap, end)
            problem = f"{_short(gap)} at {place} is in no paragraph and no removal"
            yield f"after {before}", problem
        end, before = max(end, piece.end_chars or 0), piece.row


def _short(text: str) -> str:
    cut = text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
    return repr(cut)


class Retraced(NamedTuple):
    """What came of reading the raw files again.

    Attributes:
        checked: Documents compared with their raw text.
        changed: Files that have changed since, so that nothing can be said.
        problems: Row and problem of each broken law.
    """

    checked: int
    changed: int
    problems: list[tuple[str, str]]


def retrace(
    tables: duckdb.DuckDBPyConnection, settings: Settings, files: pd.DataFrame
) -> Retraced:
    """Read every accepted raw file again and compare it with the tables.

    Args:
        tables: From ``query.connect``.
        settings: Where the raw folder is, and the limits for reading.
        files: Output of ``discover_files``.
    """
    accepted = tables.execute(
        "SELECT source_path, sha256 AS known FROM sources WHERE document_count > 0"
    ).df()
    todo = files.merge(accepted, on="source_path").sort_values("source_path")
    limits = limits_of(settings)
    checked, changed = 0, len(accepted) - len(todo)
    problems: list[tuple[str, str]] = []
    for batch in cut_batches(
        todo, batch_bytes=settings.batch_bytes, batch_files=settings.batch_files
    ):
        known = dict(zip(batch["source_path"], batch["known"], strict=True))
        found = _Found({}, {})
        for piece in read_pieces(
            batch[files.columns], settings.raw_dir, "verify", limits
        ):
            found.forget(piece.void)
            _check_articles(tables, piece.articles, known, found)
            now = dict(
                zip(piece.sources["source_path"], piece.sources["sha256"], strict=True)
            )
            changed += sum(known[path] != sha256 for path, sha256 in now.items())
        checked += sum(found.checked.values())
        problems += [row for rows in found.problems.values() for row in rows]
    return Retraced(checked, changed, problems)


class _Found(NamedTuple):
    """What was found in a batch, by path."""

    checked: dict[str, int]
    problems: dict[str, list[tuple[str, str]]]

    def forget(self, path: str | None) -> None:
        """Forget a file that has changed while it was read."""
        if path is not None:
            self.checked.pop(path, None)
            self.problems.pop(path, None)


def _check_articles(
    tables: duckdb.DuckDBPyConnection,
    articles: pd.DataFrame,
    known: Mapping[str, str],
    found: _Found,
) -> None:
    """Compare articles with the tables, if their files are as they were then."""
    is_same = articles["sha256"] == articles["source_path"].map(known)
    articles = articles[is_same.astype(bool)]
    pieces = _pieces(tables, articles["document_id"].tolist())
    for row in articles.itertuples():
        if (own := pieces.get(str(row.document_id))) is None:
            continue
        path, raw_text = str(row.source_path), str(row.raw_text)
        found.checked[path] = found.checked.get(path, 0) + 1
        problems = found.problems.setdefault(path, [])
        problems += check_spans(raw_text, own)
        if row.markup != Markup.HTML:
            problems += check_tiling(raw_text, own)


def _pieces(
    tables: duckdb.DuckDBPyConnection, document_ids: list[str]
) -> dict[str, list[Piece]]:
    """Return the pieces of each document that the tables know."""
    pieces: dict[str, list[Piece]] = {
        row[0]: []
        for row in tables.execute(
            "SELECT document_id FROM documents WHERE document_id IN (SELECT unnest(?))",
            [document_ids],
        ).fetchall()
    }
    for sql in (_PARAGRAPHS, _REMOVALS):
        rows = tables.execute(sql, [document_ids])
        for document_id, *values in rows.fetchall():
            if document_id in pieces:
                pieces[document_id].append(Piece(*values))
    return pieces


def check_files(
    tables: duckdb.DuckDBPyConnection, files: pd.DataFrame, raw_dir: Place
) -> tuple[list[tuple[str, str]], int]:
    """Find files that the ledger has missed.

    A file that came after the last run is only waiting for the next one.

    Returns:
        Row and problem of each file missed, and the number of files waiting or gone.
    """
    known = {
        row[0] for row in tables.execute("SELECT source_path FROM sources").fetchall()
    }
    last = tables.execute("SELECT max(started_at) FROM runs").fetchone()
    last_ns = int(pd.Timestamp(last[0], tz="UTC").value) if last and last[0] else 0
    found = set(files["source_path"])
    missed, waiting = [], len(known - found)
    is_remote = isinstance(raw_dir, ObjectUrl)
    written = dict(zip(files["source_path"], files["mtime_ns"], strict=True))
    for path in sorted(found - known):
        came_ns = written[path] if is_remote else arrived_ns(os.fspath(raw_dir / path))
        if came_ns < last_ns:
            missed.append((path, "lay in the raw folder but is not in sources"))
        else:
            waiting += 1
    return missed, waiting
