"""The laws of the tables: a sentence each, and a query that finds the rows against it.

A query returns two columns: which row, and what is wrong with it.
"""
# ruff: noqa: S608  # names come from the contract, never from data

from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import NamedTuple

from tasks.schema import (
    DERIVED_TABLES,
    DOCUMENTS,
    DUPLICATES,
    EVIDENCE,
    PARAGRAPHS,
    REMOVALS,
    REPEATS,
    RUNS,
    SOURCES,
    TABLES,
    Compression,
    EncodingMethod,
    Field,
    Format,
    Kind,
    Likeness,
    Precision,
    Reason,
    RemovalReason,
    Status,
    Step,
)


class Law(NamedTuple):
    """One thing that must hold.

    Attributes:
        sentence: The law, as shown to a person.
        sql: Finds what breaks it: ``row``, ``problem``.
        table: Of a law about single rows, the table; such laws can be looked at in one
            go through it.
        wrong: The same, what a row must not be, in SQL.
    """

    sentence: str
    sql: str
    table: str = ""
    wrong: str = ""


_ENUMS: list[tuple[str, str, type[StrEnum]]] = [
    (DOCUMENTS.name, "format", Format),
    (DOCUMENTS.name, "compression", Compression),
    (DOCUMENTS.name, "encoding_method", EncodingMethod),
    (DOCUMENTS.name, "published_precision", Precision),
    (PARAGRAPHS.name, "kind", Kind),
    (REMOVALS.name, "reason", RemovalReason),
    (REMOVALS.name, "field", Field),
    (EVIDENCE.name, "field", Field),
    (DUPLICATES.name, "kind", Likeness),
    (SOURCES.name, "status", Status),
    (SOURCES.name, "stage", Step),
    (SOURCES.name, "reason", Reason),
]

_SCORES = [
    (DOCUMENTS.name, "language_score"),
    (DOCUMENTS.name, "encoding_score"),
    (PARAGRAPHS.name, "language_score"),
    (EVIDENCE.name, "score"),
    (DUPLICATES.name, "similarity"),
]

_SHARE_TOLERANCE = 0.001
_ARTICLE_TABLES = [PARAGRAPHS.name, REMOVALS.name, EVIDENCE.name]
_FILE_TABLES = [DOCUMENTS.name, SOURCES.name, RUNS.name]


def table_laws() -> Iterator[Law]:
    """Yield every law that the tables alone can prove."""
    yield from document_laws()
    yield from file_laws()
    yield from _laws_of(DERIVED_TABLES)
    yield from _SNAPSHOT_LAWS


def document_laws() -> Iterator[Law]:
    """Yield the laws that whole articles prove, however few of them."""
    yield from _laws_of(_ARTICLE_TABLES)
    yield from _DOCUMENT_LAWS


def file_laws() -> Iterator[Law]:
    """Yield the laws of files and runs; some take all the rows of a run to prove."""
    yield from _laws_of(_FILE_TABLES)
    yield from _FILE_LAWS


def _laws_of(tables: Collection[str]) -> Iterator[Law]:
    yield from (_unique_key(name, TABLES[name].key) for name in tables)
    yield from (_closed(*column) for column in _ENUMS if column[0] in tables)
    yield from (_share(*column) for column in _SCORES if column[0] in tables)


def _row(table: str, key: tuple[str, ...]) -> str:
    """Return SQL that names a row by its key."""
    parts = " || ', ' || ".join(f"{table}.{column}" for column in key)
    return f"'{table} ' || {parts}"


def _unique_key(table: str, key: tuple[str, ...]) -> Law:
    columns = ", ".join(key)
    return Law(
        f"{table}: {columns} is unique",
        f"SELECT {_row(table, key)}, count(*) || ' rows have this key' FROM {table}"
        f" GROUP BY {columns} HAVING count(*) > 1",
    )


def _closed(table: str, column: str, enum: type[StrEnum]) -> Law:
    values = ", ".join(f"'{member.value}'" for member in enum)
    return _check(
        f"{table}.{column} is one of its closed list",
        table,
        f"{column} || ' is not in the list'",
        f"{column} NOT IN ({values})",
    )


def _foreign(table: str, column: str, target: str) -> Law:
    return Law(
        f"every {table}.{column} is in {target}",
        f"SELECT {_row(table, TABLES[table].key)}, {column} || ' is not in {target}'"
        f" FROM {table} ANTI JOIN {target} USING ({column})",
    )


def _check(sentence: str, table: str, problem: str, wrong: str) -> Law:
    """Make the law that no row of a table is ``wrong``; ``problem`` is SQL too."""
    return Law(
        sentence,
        f"SELECT {_row(table, TABLES[table].key)}, {problem} FROM {table}"
        f" WHERE {wrong}",
        table,
        wrong,
    )


def _share(table: str, column: str) -> Law:
    return _check(
        f"{table}.{column} lies between 0 and 1",
        table,
        f"'{column} is ' || {column}",
        f"{column} < 0 OR {column} > 1 OR isnan({column})",
    )


def _same_count(column: str, table: str) -> Law:
    return Law(
        f"documents.{column} counts the rows of {table}",
        f"SELECT 'documents ' || document_id, {column} || ' instead of ' || rows"
        f" FROM (SELECT document_id, {column}, count({table}.document_id) AS rows"
        f" FROM documents LEFT JOIN {table} USING (document_id) GROUP BY ALL)"
        f" WHERE rows <> {column}",
    )


_DOCUMENT_LAWS = [
    _foreign(PARAGRAPHS.name, "document_id", DOCUMENTS.name),
    _foreign(REMOVALS.name, "document_id", DOCUMENTS.name),
    _foreign(EVIDENCE.name, "document_id", DOCUMENTS.name),
    _check(
        "document_id comes from source_path and member",
        DOCUMENTS.name,
        "'another id than ' || source_path || ' ' || coalesce(member, '') || ' gives'",
        "document_id <>"
        " substr(sha256(source_path || chr(0) || coalesce(member, '')), 1, 20)",
    ),
    Law(
        "documents.text is its paragraphs joined by a blank line",
        """
        SELECT 'documents ' || document_id, 'text differs from the paragraphs'
        FROM documents LEFT JOIN (
            SELECT document_id,
                string_agg(text, chr(10) || chr(10) ORDER BY paragraph_index) AS joined
            FROM paragraphs GROUP BY document_id
        ) USING (document_id)
        WHERE text <> coalesce(joined, '')
        """,
    ),
    _same_count("paragraph_count", PARAGRAPHS.name),
    Law(
        "documents.word_count sums up its paragraphs",
        """
        SELECT 'documents ' || document_id, word_count || ' instead of ' || words
        FROM documents JOIN (
            SELECT document_id, sum(word_count) AS words
            FROM paragraphs GROUP BY document_id
        ) USING (document_id)
        WHERE word_count <> words
        """,
    ),
    _check(
        "documents.character_count is the length of text",
        DOCUMENTS.name,
        "character_count || ' instead of ' || length(text)",
        "character_count <> length(text)",
    ),
    _check(
        "documents.text_sha256 is the hash of text",
        DOCUMENTS.name,
        "'another hash than that of text'",
        "text_sha256 <> sha256(text)",
    ),
    Law(
        "documents.removed_chars sums up its removals",
        """
        SELECT 'documents ' || document_id, removed_chars || ' instead of ' || chars
        FROM (
            SELECT document_id, removed_chars,
                coalesce(sum(end_chars - start_chars), 0) AS chars
            FROM documents LEFT JOIN removals USING (document_id) GROUP BY ALL
        )
        WHERE removed_chars <> chars
        """,
    ),
    Law(
        "paragraph_index counts from 0 without a gap",
        """
        SELECT 'paragraphs ' || document_id,
            'numbered ' || min(paragraph_index) || ' to ' || max(paragraph_index)
            || ' in ' || count(*) || ' rows'
        FROM paragraphs GROUP BY document_id
        HAVING min(paragraph_index) <> 0 OR max(paragraph_index) <> count(*) - 1
        """,
    ),
    _check(
        "paragraphs.text is not blank and text_hash is its hash",
        PARAGRAPHS.name,
        "'blank, or another hash than that of text'",
        "trim(text) = '' OR text_hash <> substr(sha256(text), 1, 16)",
    ),
    _check(
        "a paragraph has both ends of its span or neither, in order",
        PARAGRAPHS.name,
        "'from ' || coalesce(start_chars::VARCHAR, 'null')"
        " || ' to ' || coalesce(end_chars::VARCHAR, 'null')",
        "(start_chars IS NULL) <> (end_chars IS NULL)"
        " OR start_chars < 0 OR start_chars >= end_chars",
    ),
    _check(
        "removals.text is as long as its span",
        REMOVALS.name,
        "length(text) || ' characters from ' || start_chars || ' to ' || end_chars",
        "start_chars < 0 OR end_chars - start_chars <> length(text)"
        " OR start_chars >= end_chars",
    ),
    _check(
        "a removal names a field exactly if it was lifted",
        REMOVALS.name,
        "reason || ' with field ' || coalesce(field, 'null')",
        f"(reason = '{RemovalReason.LIFTED}') <> (field IS NOT NULL)",
    ),
    Law(
        "evidence.rank counts from 1 without a gap",
        """
        SELECT 'evidence ' || document_id || ', ' || field,
            'ranked ' || min(rank) || ' to ' || max(rank) || ' in ' || count(*)
            || ' rows'
        FROM evidence GROUP BY document_id, field
        HAVING min(rank) <> 1 OR max(rank) <> count(*)
        """,
    ),
    Law(
        "at most one value of a field is chosen",
        """
        SELECT 'evidence ' || document_id || ', ' || field,
            count(*) || ' values are chosen'
        FROM evidence WHERE is_chosen GROUP BY document_id, field HAVING count(*) > 1
        """,
    ),
    _check(
        "published_precision says how much of published_on is known",
        DOCUMENTS.name,
        "coalesce(published_on::VARCHAR, 'null') || ' with precision '"
        " || coalesce(published_precision, 'null')",
        "(published_on IS NULL) <> (published_precision IS NULL)"
        f" OR (published_precision <> '{Precision.DAY}' AND day(published_on) <> 1)"
        f" OR (published_precision = '{Precision.YEAR}' AND month(published_on) <> 1)",
    ),
    _check(
        "the shares of documents.languages add up to 1",
        DOCUMENTS.name,
        "'they add up to ' || list_sum([x.share for x in languages])",
        "len(languages) > 0 AND"
        f" abs(list_sum([x.share for x in languages]) - 1) > {_SHARE_TOLERANCE}",
    ),
    _check(
        "every foreign span lies in its paragraph, apart from the others",
        PARAGRAPHS.name,
        "'foreign_spans is ' || foreign_spans::VARCHAR",
        "len(list_filter(foreign_spans, lambda x: x.start_chars < 0"
        " OR x.end_chars <= x.start_chars OR x.end_chars > length(text))) > 0"
        " OR len(list_filter(foreign_spans, lambda x, i: i > 1"
        " AND x.start_chars < foreign_spans[i - 1].end_chars)) > 0",
    ),
    _check(
        "a foreign span is in another language than its paragraph",
        PARAGRAPHS.name,
        "'foreign_spans is ' || foreign_spans::VARCHAR",
        "len(list_filter(foreign_spans, lambda x: x.language = language)) > 0",
    ),
]

_FILE_LAWS = [
    _foreign(DOCUMENTS.name, "source_path", SOURCES.name),
    _foreign(DOCUMENTS.name, "run_id", RUNS.name),
    _foreign(SOURCES.name, "run_id", RUNS.name),
    Law(
        "an accepted file has documents, as many as document_count says; others none",
        f"""
        SELECT 'sources ' || source_path,
            status || ', document_count ' || document_count || ', documents ' || rows
        FROM (
            SELECT source_path, status, document_count,
                count(documents.document_id) AS rows
            FROM sources LEFT JOIN documents USING (source_path) GROUP BY ALL
        )
        WHERE rows <> document_count OR (rows > 0) <> (status = '{Status.ACCEPTED}')
        """,
    ),
    _check(
        "a rejected file has stage, reason and detail",
        SOURCES.name,
        "'stage, reason or detail is null'",
        f"status = '{Status.REJECTED}'"
        " AND (stage IS NULL OR reason IS NULL OR detail IS NULL)",
    ),
    Law(
        "a document and its source have the same sha256",
        """
        SELECT 'documents ' || document_id, d.sha256 || ' against ' || s.sha256
        FROM documents AS d JOIN sources AS s USING (source_path)
        WHERE d.sha256 IS DISTINCT FROM s.sha256
        """,
    ),
    Law(
        "a document and its source were made by the same step_versions",
        """
        SELECT 'documents ' || document_id,
            concat(d.step_versions, ' against ', s.step_versions)
        FROM documents AS d JOIN sources AS s USING (source_path)
        WHERE d.step_versions IS DISTINCT FROM s.step_versions
        """,
    ),
]

_SNAPSHOT_LAWS = [
    _foreign(DUPLICATES.name, "document_id", DOCUMENTS.name),
    _foreign(REPEATS.name, "text_hash", PARAGRAPHS.name),
    Law(
        "a duplicate matches an earlier article, and is exact if both texts are equal",
        f"""
        SELECT 'duplicates ' || x.document_id, x.kind || ' match ' || x.match_id
        FROM duplicates AS x JOIN documents AS d USING (document_id)
        LEFT JOIN documents AS m ON m.document_id = x.match_id
        WHERE m.document_id IS NULL
            OR (coalesce(m.published_on, 'infinity'), m.document_id)
                >= (coalesce(d.published_on, 'infinity'), d.document_id)
            OR (x.kind = '{Likeness.EXACT}') <> (m.text_sha256 = d.text_sha256)
        """,
    ),
    Law(
        "a duplicate is in the cluster of its match, and the first has no row",
        """
        SELECT 'duplicates ' || x.document_id, 'cluster ' || x.cluster_id
        FROM duplicates AS x LEFT JOIN duplicates AS m ON m.document_id = x.match_id
        WHERE x.cluster_id <> coalesce(m.cluster_id, x.match_id)
        """,
    ),
    Law(
        "repeats.text is the paragraph, and document_count the articles that have it",
        """
        SELECT 'repeats ' || text_hash, document_count || ' instead of ' || articles
        FROM repeats JOIN (
            SELECT text_hash, any_value(text) AS whole,
                count(DISTINCT document_id) AS articles
            FROM paragraphs GROUP BY text_hash
        ) USING (text_hash)
        WHERE document_count <> articles OR cluster_count > articles OR text <> whole
        """,
    ),
]
