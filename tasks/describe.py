"""Step `describe`: choose each article's metadata and keep the evidence.

Every value found is a claim with its rule and score. The best claim of a field becomes
the value if it can be read strictly and is trusted enough; the others stay visible.
"""

import datetime as dt
import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.pieces import Claim, claims_by_document, frame_of, rows_of
from tasks.schema import DOCUMENTS, EVIDENCE, Field, Kind, Precision
from tasks.text import lexicon
from tasks.text.minhash import minhash_texts
from tasks.text.notes import read_note, read_source_title
from tasks.version import PIPELINE_VERSION

_MIN_SCORE = 0.3
_HOST_SCORE = 0.3
_LISTS = {Field.AUTHORS, Field.TAGS}
_DATES = {Field.PUBLISHED_ON, Field.MODIFIED_ON}
_URLS = {Field.URL, Field.SOURCE_URL}
_DECIDED = {Field.ENCODING}  # by the step that read it
_NOT_CLAIMED = {Field.LANGUAGE, Field.IS_TRANSLATED, Field.ENCODING, Field.OTHER}
_PRECISIONS = {
    len("2025"): Precision.YEAR,
    len("2025-01"): Precision.MONTH,
    len("2025-01-29"): Precision.DAY,
}


class Note(NamedTuple):
    """A paragraph of kind ``note``: its text and place."""

    text: str
    start_chars: int | None
    end_chars: int | None
    is_exact: bool


def read_date(value: str) -> tuple[dt.date, Precision] | None:
    """Read an ISO 8601 date as far as it is known; unknown parts become 1.

    Examples:
        >>> read_date("2025-01")
        (datetime.date(2025, 1, 1), <Precision.MONTH: 'month'>)
        >>> read_date("2025-02-31") is None
        True
    """
    precision = _PRECISIONS.get(len(value))
    if precision is None:
        return None
    parts = value.split("-")
    try:
        numbers = [int(part) for part in parts]
        date = dt.date(*numbers, *[1] * (3 - len(numbers)))
    except (TypeError, ValueError):
        return None
    return date, precision


def read_notes(notes: list[Note]) -> list[Claim]:
    """Read the claims of all notes of an article, in order."""
    claims: list[Claim] = []
    announced = False
    for note in notes:
        if announced:
            title = read_source_title(note.text, note.start_chars, note.end_chars)
            claims += [title] if title else []
        claims += read_note(note.text, note.start_chars, exact=note.is_exact)
        announced = note.text.endswith((":", "："))
    return claims


def rank_claims(claims: Iterable[Claim]) -> dict[Field, list[Claim]]:
    """Order the usable claims of each field, best first.

    A claim is usable if its value can be stored: a date that exists, a web address with
    a host, a name that is not empty. Equal scores keep the order of the text.
    """
    ranked: dict[Field, list[Claim]] = defaultdict(list)
    for claim in claims:
        value = _tidy(claim.value)
        if not value or (claim.field in _DATES and read_date(value) is None):
            continue
        if claim.field in _URLS and not _host(value):
            continue
        ranked[claim.field].append(replace(claim, value=value))
    for field, values in ranked.items():
        unique: dict[tuple[str, str], Claim] = {}
        for claim in values:
            unique.setdefault((claim.value, claim.rule_id), claim)
        ranked[field] = sorted(unique.values(), key=lambda claim: -claim.score)
    return ranked


def choose(claims: Iterable[Claim]) -> tuple[dict[Field, Claim], list[Claim]]:
    """Choose the value of every field.

    Returns:
        The chosen claim by field, and all usable claims, best first within a field.
    """
    ranked = rank_claims(claims)
    if not _best(ranked, Field.PUBLISHER) and (url := _best(ranked, Field.URL)):
        host = _host(url.value).removeprefix("www.")
        ranked[Field.PUBLISHER].append(
            Claim(Field.PUBLISHER, host, "url.host", _HOST_SCORE)
        )
    if publisher := _best(ranked, Field.PUBLISHER):
        # A medium named as author of its own articles says nothing about who wrote.
        same = lexicon.fold(publisher.value)
        authors = ranked.get(Field.AUTHORS, [])
        people = [claim for claim in authors if lexicon.fold(claim.value) != same]
        named = [
            claim if claim in people else replace(claim, score=_HOST_SCORE)
            for claim in authors
        ]
        if named:
            ranked[Field.AUTHORS] = sorted(named, key=lambda claim: -claim.score)
    chosen = {
        field: best for field in ranked if (best := _best(ranked, field)) is not None
    }
    return chosen, [claim for field in Field for claim in ranked.get(field, [])]


def _best(ranked: dict[Field, list[Claim]], field: Field) -> Claim | None:
    values = ranked.get(field)
    is_trusted = values and (values[0].score >= _MIN_SCORE or field in _DECIDED)
    return values[0] if values and is_trusted else None


def _tidy(value: str) -> str:
    return " ".join(unicodedata.normalize("NFC", value).split())


def _host(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    return host if parts.scheme in {"http", "https"} and "." in host else ""


def _values(chosen: dict[Field, Claim]) -> dict[str, Any]:
    """Return the metadata columns of `documents`."""
    row: dict[str, Any] = {}
    for field in Field:
        if field in _NOT_CLAIMED:
            continue
        claim = chosen.get(field)
        if field in _LISTS:
            row[field] = claim.value.split("; ") if claim else []
        elif field in _DATES:
            row[field] = read_date(claim.value)[0] if claim else None  # type: ignore[index]
        else:
            row[field] = claim.value if claim else None
    published = chosen.get(Field.PUBLISHED_ON)
    row["published_precision"] = (
        _PRECISIONS[len(published.value)].value if published else None
    )
    row["is_translated"] = Field.IS_TRANSLATED in chosen or Field.TRANSLATOR in chosen
    return row


_COPIED = [
    "document_id",
    "source_path",
    "member",
    "sha256",
    "format",
    "compression",
    "encoding",
    "encoding_method",
    "encoding_score",
    "encoding_errors",
    "text_field",
    "step_versions",
    "language",
    "language_score",
    "script",
    "language_tag",
    "languages",
]


@task(name="describe", cache_policy=NO_CACHE, persist_result=False)
def describe_articles(
    articles: pd.DataFrame,
    paragraphs: pd.DataFrame,
    removals: pd.DataFrame,
    claims: pd.DataFrame,
    run_id: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make the rows of `documents` and `evidence` of a batch.

    Args:
        articles: One row per article, with its languages.
        paragraphs: Rows of `paragraphs`; articles without any get no document.
        removals: Rows of `removals`.
        claims: One row per metadata value found so far.
        run_id: Run to note in each document.

    Returns:
        ``documents`` (one row per article) and ``evidence`` (one row per usable claim),
        with the columns of the contract.
    """
    by_document = claims_by_document(claims)
    parts = _gather(paragraphs["document_id"], paragraphs["text"])
    words = _gather(paragraphs["document_id"], paragraphs["word_count"])
    lengths = removals["end_chars"] - removals["start_chars"]
    removed = _gather(removals["document_id"], lengths)
    notes = _notes(paragraphs)
    texts = {document_id: "\n\n".join(own) for document_id, own in parts.items()}
    minhashes = dict(zip(texts, minhash_texts([*texts.values()]), strict=True))
    documents: list[dict[str, Any]] = []
    evidence: list[tuple[Any, ...]] = []
    needed = {name: articles[name].tolist() for name in [*_COPIED, "raw_text"]}
    for cells in zip(*needed.values(), strict=True):
        article = dict(zip(needed, cells, strict=True))
        document_id = article["document_id"]
        if document_id not in parts:
            continue
        found = by_document[document_id] + read_notes(notes.get(document_id, []))
        chosen, ranked = choose(found)
        ranks: dict[Field, int] = defaultdict(int)
        for claim in ranked:
            ranks[claim.field] += 1
            evidence.append(
                (
                    document_id,
                    claim.field.value,
                    ranks[claim.field],
                    claim.value,
                    claim.rule_id,
                    claim.score,
                    claim.start_chars,
                    claim.end_chars,
                    chosen.get(claim.field) is claim,
                )
            )
        text = texts[document_id]
        documents.append(
            {name: article[name] for name in _COPIED}
            | _values(chosen)
            | {
                "raw_chars": len(article["raw_text"]),
                "text": text,
                "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
                "text_minhash": minhashes[document_id],
                "paragraph_count": len(parts[document_id]),
                "word_count": sum(words[document_id]),
                "character_count": len(text),
                "removed_chars": sum(removed.get(document_id, ())),
                "run_id": run_id,
                "pipeline_version": PIPELINE_VERSION,
            }
        )
    return (
        pd.DataFrame(documents, columns=DOCUMENTS.schema.names),
        frame_of(evidence, EVIDENCE.schema.names),
    )


def _gather(document_ids: pd.Series, values: pd.Series) -> dict[str, list[Any]]:
    """Return the values of each document, in order."""
    gathered: dict[str, list[Any]] = {}
    for document_id, value in zip(document_ids.tolist(), values.tolist(), strict=True):
        gathered.setdefault(document_id, []).append(value)
    return gathered


def _notes(paragraphs: pd.DataFrame) -> dict[str, list[Note]]:
    notes: dict[str, list[Note]] = defaultdict(list)
    for row in rows_of(paragraphs[paragraphs["kind"] == Kind.NOTE.value]):
        exact = row.start_chars is not None and not len(row.normalisations)
        notes[row.document_id].append(
            Note(row.text, row.start_chars, row.end_chars, exact)
        )
    return notes
