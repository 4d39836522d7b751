"""Full-text search: paragraphs and titles that hold some words, the best first.

The text is scanned, not indexed: DuckDB reads 100,000 articles in a few seconds
(``bench/search.py``), so there is no index that could be stale, lost or large.

What matches is told by each word's script. Where words stand between spaces, a word
matches where a word begins with it, so that inflected forms and compounds are found; in
Chinese, Japanese, Thai and the like, and where articles and prepositions are written
onto the word (Arabic, Hebrew), it matches anywhere. Letters without accents match those
with them, not the other way round.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flows.patterns import Term, find_terms, match_pattern, parse_words, whole_pattern
from flows.query import patiently
from flows.reader import Tables
from tasks.errors import PipelineError

_PLACE = "search"
# BM25 as Robertson and Zaragoza (2009) give it; short pieces are not favoured too much.
_K, _B, _LEAST_WORDS = 1.2, 0.5, 12
_WORD_CHARS = 12  # how far to look for a space to cut at
_PHRASE_BONUS = 1.5  # all words side by side, as typed


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for.

    Attributes:
        words: As typed: words, ``"phrases in quotes"``, ``-words`` that must not occur.
        languages: Codes of the paragraphs' language; empty for all.
        since: First day of publication; null for any, and for articles without date.
        until: Last day of publication; as ``since``.
        limit: Hits at most.
    """

    words: str
    languages: tuple[str, ...] = ()
    since: dt.date | None = None
    until: dt.date | None = None
    limit: int = 20


class Hit(NamedTuple):
    """One paragraph, or a title (kind ``title``, without ``paragraph_index``).

    ``matches`` are the places of the words in ``text``: pairs of code points.
    """

    rank: int
    score: float
    source_path: str
    member: str | None
    title: str | None
    published_on: dt.date | None
    language: str
    paragraph_index: int | None
    kind: str
    text: str
    matches: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """Outcome of a search.

    Attributes:
        hits: The best, best first.
        total: How many there are.
        remark: What a person should know of how they were found; may be empty.
        terms: What to highlight.
    """

    hits: list[Hit]
    total: int
    remark: str
    terms: tuple[Term, ...]


class _Try(NamedTuple):
    """One way to understand the words."""

    terms: list[Term]
    needs_all: bool
    remark: str


def search_tables(tables: Tables, search: Search) -> Found:
    """Search one snapshot.

    All words must occur. If no piece holds them all, shorter beginnings of the words
    are tried (for inflected forms), then any of the words; the remark says so.

    Raises:
        PipelineError: There is nothing to search for, or the language is not there.
    """
    terms = parse_words(search.words)
    wanted = [term for term in terms if not term.is_excluded]
    excluded = [term for term in terms if term.is_excluded]
    if not wanted:
        raise PipelineError(
            _PLACE, "there is no word to search for", 'Try: articles search "harbour".'
        )
    _check_languages(tables, search.languages)
    for attempt in _tries(wanted):
        keys = _best(tables, search, attempt, excluded)
        if keys:
            hits = _read(tables, keys, attempt.terms)
            return Found(hits, keys[0][-1], attempt.remark, tuple(attempt.terms))
    return Found([], 0, "", tuple(wanted))


def _tries(wanted: list[Term]) -> list[_Try]:
    shorter = [term.shorten() for term in wanted]
    changed = [
        f"{new.text}…" for old, new in zip(wanted, shorter, strict=True) if new != old
    ]
    stems = f"Nothing has the words as typed; searched for {', '.join(changed)}"
    tries = [_Try(wanted, needs_all=True, remark="")]
    if changed:
        tries.append(_Try(shorter, needs_all=True, remark=f"{stems}."))
    if len(wanted) > 1:
        some = "No paragraph has all the words; these have some."
        tries.append(_Try(wanted, needs_all=False, remark=some))
    if changed and len(wanted) > 1:
        tries.append(_Try(shorter, needs_all=False, remark=f"{stems}, some of them."))
    return tries


def _check_languages(tables: Tables, languages: Sequence[str]) -> None:
    if not languages:
        return
    sql = "SELECT language FROM paragraphs GROUP BY ALL ORDER BY count(*) DESC"
    known = [code for (code,) in tables.sql(sql).fetchall()]
    for code in languages:
        if code not in known:
            raise PipelineError(
                f"language {code!r}",
                "is that of no paragraph",
                f"There are {', '.join(known) or 'none'}.",
            )


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _matches(term: Term) -> str:
    return f"regexp_matches(text, {_text(match_pattern(term))})"


def _occurrences(pattern: str) -> str:
    return f"len(regexp_extract_all(text, {_text(pattern)}))"


def _filters(search: Search, attempt: _Try, excluded: Sequence[Term]) -> str:
    """Return the condition on a piece, as SQL."""
    glue = " AND " if attempt.needs_all else " OR "
    conditions = [f"({glue.join(map(_matches, attempt.terms))})"]
    conditions += [f"NOT {_matches(term)}" for term in excluded]
    if search.languages:
        conditions.append(f"language IN ({', '.join(map(_text, search.languages))})")
    days = [
        f"published_on {sign} DATE '{day}'"
        for sign, day in ((">=", search.since), ("<=", search.until))
        if day
    ]
    if days:
        conditions.append(
            "document_id IN (FROM documents SELECT document_id"
            f" WHERE {' AND '.join(days)})"
        )
    return " AND ".join(conditions)


def _best(
    tables: Tables, search: Search, attempt: _Try, excluded: Sequence[Term]
) -> list[tuple[Any, ...]]:
    """Return key and score of the best pieces, with the number of all in each row."""
    counts, parts = [], []
    for index, term in enumerate(attempt.terms):
        # A whole word says more than a word that begins so.
        counts.append(
            f"({_occurrences(match_pattern(term))}"
            f" + {_occurrences(whole_pattern(term))}) AS n{index}"
        )
        frequency = f"(SELECT count_if(n{index} > 0) FROM hit)"  # noqa: S608  # no value
        rarity = f"ln(1 + (pieces - {frequency} + 0.5) / ({frequency} + 0.5))"
        length = f"{1 - _B} + {_B} * greatest(words, {_LEAST_WORDS}) / mean"
        parts.append(f"{rarity} * n{index} * {_K + 1} / (n{index} + {_K} * ({length}))")
    phrase = "1"
    if len(attempt.terms) > 1 and attempt.needs_all:
        together = Term(" ".join(term.text for term in attempt.terms))
        phrase = f"if({_matches(together)}, {_PHRASE_BONUS}, 1)"
    sql = f"""
        WITH piece AS (
            SELECT document_id, paragraph_index, language, word_count AS words, text
            FROM paragraphs
            UNION ALL
            SELECT document_id, -1, language, 0, title
            FROM documents WHERE title IS NOT NULL
        ), hit AS MATERIALIZED (
            SELECT document_id, paragraph_index, words, {phrase} AS bonus,
                {", ".join(counts)}
            FROM piece WHERE {_filters(search, attempt, excluded)}
        ), whole AS (
            SELECT count(*) AS pieces, greatest(avg(word_count), 1) AS mean
            FROM paragraphs
        )
        SELECT document_id, paragraph_index, bonus * ({" + ".join(parts)}) AS score,
            (SELECT count(*) FROM hit)
        FROM hit, whole
        ORDER BY score DESC, document_id, paragraph_index LIMIT {search.limit}
    """  # noqa: S608  # every value is quoted or a number
    return patiently(tables.duckdb(), lambda: tables.sql(sql).fetchall())


def _read(
    tables: Tables, keys: list[tuple[Any, ...]], terms: Sequence[Term]
) -> list[Hit]:
    """Read the pieces chosen, in the order of their keys."""
    wanted = ", ".join(sorted({_text(key[0]) for key in keys}))
    sql = f"""
        WITH chosen AS (FROM documents WHERE document_id IN ({wanted}))
        SELECT document_id, paragraph_index, source_path, member, title, published_on,
            p.language, p.kind, p.text
        FROM chosen JOIN paragraphs p USING (document_id)
        WHERE document_id IN ({wanted})
        UNION ALL
        SELECT document_id, -1, source_path, member, title, published_on,
            language, 'title', title
        FROM chosen
    """  # noqa: S608  # hexadecimal digits
    rows = {(row[0], row[1]): row[2:] for row in tables.sql(sql).fetchall()}
    hits = []
    for rank, (document_id, index, score, _) in enumerate(keys, 1):
        path, member, title, day, language, kind, text = rows[document_id, index]
        place = None if index < 0 else index
        spans = find_terms(text, terms)
        hits.append(
            Hit(
                rank,
                round(score, 3),
                path,
                member,
                title,
                day,
                language,
                place,
                kind,
                text,
                spans,
            )
        )
    return hits


def cut_excerpt(
    text: str, matches: Sequence[tuple[int, int]], room_chars: int
) -> tuple[str, list[tuple[int, int]]]:
    """Cut the part of a text that holds the most of the matches.

    Returns:
        The part, with an ellipsis where something is left out, and its matches.

    Examples:
        >>> cut_excerpt("far away from it all the harbour lay still", [(25, 32)], 20)
        ('… the harbour lay …', [(6, 13)])
    """
    if len(text) <= room_chars:
        return text, list(matches)
    start, best = 0, -1
    for first, _ in matches:
        held = sum(first <= at and end <= first + room_chars for at, end in matches)
        if held > best:
            start, best = first, held
    last = max(
        (end for at, end in matches if start <= at < start + room_chars), default=0
    )
    spare = max(room_chars - (last - start), 0)
    start = max(min(start - spare // 2, len(text) - room_chars), 0)
    stop = min(start + room_chars, len(text))
    if start and (space := text.find(" ", start, start + _WORD_CHARS)) >= 0:
        start = space + 1
    space = text.rfind(" ", stop - _WORD_CHARS, stop)
    if stop < len(text) and space >= 0:
        stop = space
    before, after = "… " if start else "", " …" if stop < len(text) else ""
    shift = len(before) - start
    kept = [
        (at + shift, end + shift) for at, end in matches if start <= at and end <= stop
    ]
    return f"{before}{text[start:stop]}{after}", kept
