"""What became of one file, as a page: its raw text, every span coloured by its fate."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from flows.explain import (
    FACTS,
    REASONS,
    count_repeats,
    find_likes,
    find_source,
    write_fact,
)
from flows.limits import limits_of
from flows.pages.refusal import Refusal, show_refused
from flows.pages.sheet import make_page, name_language
from flows.pages.spans import (
    Fragment,
    Mark,
    Piece,
    Row,
    find_anchor,
    list_pieces,
    make_rows,
    taken_out,
)
from flows.reader import Tables
from flows.settings import Settings
from tasks.errors import PipelineError
from tasks.read import make_document_id, read_pieces
from tasks.schema import Field, Reason, Status

Record = dict[str, Any]

SHOWN_ARTICLES = 20
"""Articles of one file that are shown in full; of more there is a list."""

LISTED_REJECTS = 2_000
"""Of more rejected articles of one file only the number is told."""

SHOWN_CHARS = 1_500_000
"""More of one article's raw text is not shown: a browser has to hold it."""

SHOWN_MARKUP_CHARS = 5_000
"""More of a stretch of markup is not shown either."""

_DOCUMENTS = """
    FROM documents
    WHERE source_path = $1 AND member IS NOT DISTINCT FROM coalesce($2, member)
    ORDER BY try_cast(member AS INTEGER), member
"""
_LIST = """
    SELECT member, title, language, paragraph_count FROM documents
    WHERE source_path = $1 AND $2 IS NULL
    ORDER BY try_cast(member AS INTEGER), member
    LIMIT 2000
"""
_NO_CHANGE = "The file has changed since it was read, or is gone"


class Claim(NamedTuple):
    """A value that was found for a field.

    Attributes:
        value: The value.
        rule: Rule that found it.
        score: Trust in the rule, 0 to 1.
        place: First code point and one past the last, if it stands in the text.
        anchor: Row of the text where it stands.
        is_other: Whether the value of the field is another one.
    """

    value: str
    rule: str
    score: float
    place: str
    anchor: int | None
    is_other: bool


class Fact(NamedTuple):
    """A field of the metadata, what it became, and why."""

    label: str
    value: str
    claims: tuple[Claim, ...]


class Share(NamedTuple):
    """How many pieces met one fate, and what part of the raw text they are."""

    fate: str
    label: str
    pieces: int
    chars: int


class Story(NamedTuple):
    """All there is to show of one article.

    Attributes:
        document: Its row of ``documents``.
        facts: Its metadata.
        languages: Name, code and share of its languages.
        legend: Its pieces by fate.
        rows: Its raw text.
        is_raw: Whether the rows are the raw text, or only what the tables hold of it.
        hidden_chars: Code points at the end that are not shown.
    """

    document: Record
    facts: tuple[Fact, ...]
    languages: tuple[tuple[str, str, float], ...]
    legend: tuple[Share, ...]
    rows: Sequence[Row]
    is_raw: bool
    hidden_chars: int


def article_page(
    tables: Tables, settings: Settings, file: str, member: str | None
) -> str:
    """Return the page of a file.

    Args:
        tables: The snapshot.
        settings: Where the raw folder is, and the limits for reading.
        file: Path of the file from here, absolute, or as in ``source_path``.
        member: Line or item of one article; null for the whole file.

    Raises:
        PipelineError: The tables do not know the file or the member.
    """
    path, source = find_source(tables.duckdb(), settings.raw_dir, file)
    is_list = member is None and source["document_count"] > SHOWN_ARTICLES
    documents = _fetch(tables, _LIST if is_list else _DOCUMENTS, path, member)
    refused = list(source["rejected_members"])
    if member is not None:
        refused = [row for row in refused if row["member"] == member]
        if not documents and not refused:
            raise PipelineError(
                path,
                f"has no member {member!r}",
                "Leave --member out for the list of its articles.",
            )
    members = [row["member"] for row in (*documents, *refused[:SHOWN_ARTICLES])]
    raw_texts = {} if is_list else _read_raw(settings, source, members or [None])
    stories = [] if is_list else [_tell(tables, row, raw_texts) for row in documents]
    unread = [] if is_list else _show_refused(settings, source, refused, raw_texts)
    return make_page(
        "article.html",
        source=source,
        refused=[(row, _reason(row["reason"])) for row in refused[:LISTED_REJECTS]],
        unlisted_refused=len(refused[LISTED_REJECTS:]),
        reason=_reason(source["reason"]) if not refused else "",
        listed=documents if is_list else [],
        unlisted=source["document_count"] - len(documents) if is_list else 0,
        stories=stories,
        unread=unread,
        no_raw=_NO_CHANGE,
    )


def _fetch(tables: Tables, sql: str, *values: object) -> list[Record]:
    result = tables.duckdb().execute(sql, list(values))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _reason(reason: str | None) -> str:
    return REASONS[Reason(reason)] if reason else ""


def _show_refused(
    settings: Settings,
    source: Record,
    refused: Sequence[Record],
    raw_texts: Mapping[str, tuple[str, str]],
) -> list[Refusal]:
    members: list[str | None] = [row["member"] for row in refused[:SHOWN_ARTICLES]]
    if not members and source["status"] == Status.REJECTED:
        members = [None]
    return [
        refusal._replace(rows=list(take_rows(refusal.rows)))
        for refusal in show_refused(settings.raw_dir, source, members, raw_texts)
    ]


def _read_raw(
    settings: Settings, source: Record, members: Collection[str | None]
) -> dict[str, tuple[str, str]]:
    """Read the file again; nothing if its bytes are not those the tables are made of.

    Args:
        settings: Where the raw folder is, and the limits for reading.
        source: Its row of ``sources``.
        members: The articles that are wanted; of a large file there is no room for
            others.

    Returns:
        Decoded raw text and its markup by ``document_id``.
    """
    path, size_bytes = source["source_path"], source["size_bytes"]
    if isinstance(settings.raw_dir, Path):
        try:
            size_bytes = (settings.raw_dir / path).stat().st_size
        except (OSError, ValueError):
            return {}
    row = {"source_path": path, "size_bytes": size_bytes}
    row |= {"mtime_ns": source["mtime_ns"], "problem": None, "detail": None}
    limits = limits_of(settings)
    wanted = {make_document_id(path, member) for member in members}
    lines = {member for member in members if member is not None}
    found: dict[str, tuple[str, str]] = {}
    now = None
    for piece in read_pieces(
        pd.DataFrame([row]), settings.raw_dir, "explain", limits, lines
    ):
        articles = piece.articles[piece.articles["document_id"].isin(wanted)]
        texts = zip(articles["raw_text"], articles["markup"], strict=True)
        found |= dict(zip(articles["document_id"], texts, strict=True))
        now = next(iter(piece.sources["sha256"]), now)
    return found if now == source["sha256"] else {}


def _tell(
    tables: Tables, document: Record, raw_texts: Mapping[str, tuple[str, str]]
) -> Story:
    key = document["document_id"]
    paragraphs, removals, evidence = (
        _fetch(tables, f"FROM {name} WHERE document_id = ? ORDER BY {order}", key)
        for name, order in (
            ("paragraphs", "paragraph_index"),
            ("removals", "start_chars"),
            ("evidence", "field, rank"),
        )
    )
    counts = count_repeats(tables.duckdb(), key)
    pieces = [
        *(_kept(row, document["language"], counts) for row in paragraphs),
        *map(taken_out, removals),
    ]
    raw_text, _ = raw_texts.get(key, (None, ""))
    if raw_text is None:
        rows = list_pieces(pieces)
    else:
        marks = [*_evidence_marks(evidence), *_foreign_marks(paragraphs, raw_text)]
        rows = make_rows(raw_text, pieces, marks)
    shown = list(take_rows(rows))
    likes = (
        Fact(label, f"{place} ({how})", ())
        for label, place, how in find_likes(tables.duckdb(), key)
    )
    return Story(
        document=document,
        facts=(*_facts(document, evidence, rows), *likes),
        languages=tuple(
            (name_language(row["code"]), row["code"], row["share"])
            for row in document["languages"]
        ),
        legend=_legend(pieces),
        rows=shown,
        is_raw=raw_text is not None,
        hidden_chars=sum(row.chars for row in rows[len(shown) :]),
    )


def _kept(row: Record, main_language: str, counts: Mapping[str, int]) -> Piece:
    notes = []
    if count := counts.get(row["text_hash"]):
        notes.append(f"in {count:,} articles")
    if row["language"] != main_language or row["foreign_spans"]:
        codes = [row["language"], *(span["language"] for span in row["foreign_spans"])]
        notes += [name_language(code) for code in dict.fromkeys(codes)]
    notes += row["normalisations"]
    return Piece(
        row["start_chars"],
        row["end_chars"],
        "kept",
        row["kind"],
        tuple(notes),
        row["text"],
        row["paragraph_index"],
    )


def _evidence_marks(evidence: Sequence[Record]) -> Iterator[Mark]:
    for row in evidence:
        if row["start_chars"] is not None and row["is_chosen"]:
            note = f"{row['field']}: {row['value']} ({row['rule_id']})"
            yield Mark(row["start_chars"], row["end_chars"], "evidence", note)


def _foreign_marks(paragraphs: Sequence[Record], raw_text: str) -> Iterator[Mark]:
    """Yield passages in another language whose place in the raw text is certain.

    Their positions count in the paragraph's text: in the raw text they stand where the
    same words stand once inside the paragraph.
    """
    for row in paragraphs:
        if row["start_chars"] is None:
            continue
        raw = raw_text[row["start_chars"] : row["end_chars"]]
        for span in row["foreign_spans"]:
            passage = row["text"][span["start_chars"] : span["end_chars"]]
            if raw.count(passage) == 1:
                start = row["start_chars"] + raw.index(passage)
                note = f"{name_language(span['language'])} {span['score']:.2f}"
                yield Mark(start, start + len(passage), "foreign", note)


def _facts(
    document: Record, evidence: Sequence[Record], rows: Sequence[Row]
) -> Iterator[Fact]:
    labels = [
        ("title", Field.TITLE),
        *FACTS,
        ("language", Field.LANGUAGE),
        ("translated", Field.IS_TRANSLATED),
        ("other", Field.OTHER),
    ]
    for label, field in labels:
        found = [row for row in evidence if row["field"] == field.value]
        chosen = {row["value"] for row in found if row["is_chosen"]}
        is_told = field is not Field.OTHER
        claims = tuple(
            _claim(row, rows, is_other=is_told and row["value"] not in chosen)
            for row in found
        )
        value = "" if field is Field.OTHER else write_fact(document, field)
        if field is Field.IS_TRANSLATED:
            value = "yes" if document["is_translated"] else ""
        if value or claims or field is Field.TITLE:
            yield Fact(label, value, claims)


def _claim(row: Record, rows: Sequence[Row], *, is_other: bool) -> Claim:
    start, end = row["start_chars"], row["end_chars"]
    is_placed = start is not None
    return Claim(
        value=row["value"],
        rule=row["rule_id"],
        score=row["score"],
        place=f"{start}–{end}" if is_placed else "",
        anchor=find_anchor(rows, start) if is_placed else None,
        is_other=is_other,
    )


def _legend(pieces: Sequence[Piece]) -> tuple[Share, ...]:
    """Count the pieces: paragraphs first, then what became metadata, then the rest."""
    counts = Counter((piece.fate, piece.label) for piece in pieces)
    chars: Counter[tuple[str, str]] = Counter()
    for piece in pieces:
        chars[piece.fate, piece.label] += len(piece.text)
    order = {"kept": 0, "lifted": 1, "removed": 2}
    return tuple(
        Share(fate, label, count, chars[fate, label])
        for (fate, label), count in sorted(
            counts.items(), key=lambda item: (order[item[0][0]], -item[1], item[0][1])
        )
    )


def take_rows(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield rows from the top, as much of them as a browser can hold."""
    left = SHOWN_CHARS
    for row in rows:
        taken = row if row.pieces else _shorten(row)
        left -= taken.chars
        if left < 0:
            return
        yield taken


def _shorten(row: Row) -> Row:
    """Cut a stretch of markup, which pages have megabytes of."""
    if row.chars <= SHOWN_MARKUP_CHARS:
        return row
    fragments = []
    left = SHOWN_MARKUP_CHARS
    for fragment in row.fragments:
        fragments.append(fragment._replace(text=fragment.text[:left]))
        left = max(left - len(fragment.text), 0)
    rest = Fragment(f"\n… {row.chars - SHOWN_MARKUP_CHARS:,} characters more", "", "")
    return row._replace(fragments=(*fragments, rest))
