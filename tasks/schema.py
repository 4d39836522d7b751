"""The contract: every table, column, type, unit and closed list, in one place.

Column names carry their unit where they have one (``size_bytes``, ``start_chars``).
Positions count code points (``str`` indices) and ranges are half-open.
Field descriptions are stored in the Parquet files, so a table explains itself.

``null`` means unknown; a value is never invented.
"""

from dataclasses import dataclass
from enum import StrEnum

import pandas as pd
import pyarrow as pa

from tasks.errors import ContractError

SCHEMA_VERSION = 6
"""Version of the tables below; stored in every Parquet footer and in the manifest."""


MINHASH_BYTES = 128
"""Length of ``documents.text_minhash``."""


class Step(StrEnum):
    """Steps of the line, in order; also the stage at which something was rejected."""

    DISCOVER = "discover"
    READ = "read"
    CLEAN = "clean"
    DETECT = "detect"
    SPLIT = "split"
    DESCRIBE = "describe"
    WRITE = "write"


VERSIONED_STEPS = (Step.READ, Step.CLEAN, Step.DETECT, Step.SPLIT, Step.DESCRIBE)
"""Steps whose rules decide what the rows are; see ``tasks/logic.py``."""


class Format(StrEnum):
    """What a raw file holds, told by its name."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"
    JSONL = "jsonl"


class Markup(StrEnum):
    """How the decoded text of one article is to be read."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"


class Compression(StrEnum):
    """How a raw file is compressed, told by its name."""

    GZIP = "gzip"
    ZSTD = "zstd"


class EncodingMethod(StrEnum):
    """How the encoding of a raw file was found."""

    BOM = "bom"  # byte order mark
    UTF8 = "utf8"  # the bytes are valid UTF-8
    DECLARED = "declared"  # the file says so (HTML meta, XML declaration)
    DETECTED = "detected"  # statistics of the bytes
    REPAIRED = "repaired"  # UTF-8 with a few broken bytes, each shown as U+FFFD


class Status(StrEnum):
    """What became of a file."""

    ACCEPTED = "accepted"  # at least one row in documents
    REJECTED = "rejected"  # no row in documents: see stage, reason, detail
    IGNORED = "ignored"  # excluded by the setting `ignore`


class Reason(StrEnum):
    """Why a file, or an article inside it, has no row in ``documents``."""

    UNSUPPORTED_FORMAT = "unsupported_format"
    IGNORED_PATTERN = "ignored_pattern"
    NOT_A_FILE = "not_a_file"
    DANGLING_LINK = "dangling_link"
    LINK_CYCLE = "link_cycle"
    UNDECODABLE_NAME = "undecodable_name"
    UNREADABLE = "unreadable"
    CHANGED_WHILE_READING = "changed_while_reading"
    TOO_LARGE = "too_large"
    DECOMPRESSION_BOMB = "decompression_bomb"
    BROKEN_COMPRESSION = "broken_compression"
    EMPTY = "empty"
    BLANK = "blank"
    BINARY = "binary"
    UNDECODABLE = "undecodable"
    BROKEN_JSON = "broken_json"
    NO_TEXT = "no_text"  # JSON without a text field
    NO_ARTICLE = "no_article"  # nothing is left that is an article
    FAILED = "failed"  # a library raised on this article


RETRIED_REASONS = frozenset(
    {
        Reason.NOT_A_FILE,
        Reason.DANGLING_LINK,
        Reason.LINK_CYCLE,
        Reason.UNREADABLE,
        Reason.CHANGED_WHILE_READING,
    }
)
"""Reasons that lie around a file and not in it: looked at again in every run."""


class Kind(StrEnum):
    """What a paragraph is."""

    BODY = "body"
    HEADING = "heading"
    LIST_ITEM = "list_item"
    QUOTE = "quote"
    CAPTION = "caption"
    CODE = "code"
    TABLE = "table"
    NOTE = "note"  # about the article: source, translation, first publication


class RemovalReason(StrEnum):
    """Why a piece of decoded text is in no paragraph."""

    LIFTED = "lifted"  # became metadata: see `field`
    REPEATED_TITLE = "repeated_title"
    REPEATED_TEXT = "repeated_text"
    ADVERTISEMENT = "advertisement"
    COMMENT_FORM = "comment_form"
    RELATED_LINKS = "related_links"
    SHARE_LINKS = "share_links"
    NEWSLETTER = "newsletter"
    COOKIE_NOTICE = "cookie_notice"
    PAYWALL = "paywall"
    NAVIGATION = "navigation"
    PAGE_FURNITURE = "page_furniture"  # any other line of the page, not of the article
    FRONT_MATTER = "front_matter"
    LAYOUT = "layout"  # marks without meaning: rules, trailing bars, bullets
    NOT_MAIN_CONTENT = "not_main_content"  # HTML outside the article


class Field(StrEnum):
    """Fields that evidence is kept for; all but ``other`` are columns."""

    TITLE = "title"
    AUTHORS = "authors"
    PUBLISHED_ON = "published_on"
    MODIFIED_ON = "modified_on"
    PUBLISHER = "publisher"
    URL = "url"
    SECTION = "section"
    TAGS = "tags"
    LANGUAGE = "language"
    TRANSLATOR = "translator"
    SOURCE_TITLE = "source_title"
    SOURCE_URL = "source_url"
    IS_TRANSLATED = "is_translated"
    ENCODING = "encoding"
    OTHER = "other"  # known to be metadata, kept as evidence only


class Precision(StrEnum):
    """How much of a date is known; unknown parts are stored as 1."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class Likeness(StrEnum):
    """How an article repeats an earlier one."""

    EXACT = "exact"  # the same text
    NEAR = "near"  # most of the wording


@dataclass(frozen=True, slots=True)
class Table:
    """One table: name, key that makes rows unique, row order, columns."""

    name: str
    rows: str
    key: tuple[str, ...]
    sort: tuple[str, ...]
    schema: pa.Schema

    def conform(self, frame: pd.DataFrame) -> pa.Table:
        """Return ``frame`` as an Arrow table with exactly this schema.

        Args:
            frame: One row per record; index ignored, column order free.

        Returns:
            Arrow table of ``len(frame)`` rows, columns in contract order.

        Raises:
            ContractError: A column is missing, unknown, of the wrong type, null
                where nulls are not allowed, or the key repeats.
        """
        expected, actual = set(self.schema.names), set(frame.columns)
        if missing := sorted(expected - actual):
            raise ContractError(
                f"table {self.name!r}",
                f"missing columns {missing}; got {sorted(actual)}",
                "Add them in the step that builds this table.",
            )
        if unknown := sorted(actual - expected):
            raise ContractError(
                f"table {self.name!r}",
                f"unknown columns {unknown}",
                "Declare them in tasks/schema.py or drop them before writing.",
            )
        try:
            table = pa.Table.from_pandas(
                frame[self.schema.names], self.schema, preserve_index=False
            )
        except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
            raise ContractError(
                f"table {self.name!r}",
                str(error),
                "Fix the step that produced this column.",
            ) from error
        table = table.replace_schema_metadata(self.schema.metadata)
        if repeats := int(frame.duplicated(list(self.key)).sum()):
            raise ContractError(
                f"table {self.name!r}",
                f"key {self.key} repeats in {repeats} of {len(frame)} rows",
                "Make the key unique, or widen it in tasks/schema.py.",
            )
        return table

    def empty(self) -> pa.Table:
        """Return the table with no rows."""
        return self.schema.empty_table()


def _column(name: str, dtype: pa.DataType, doc: str) -> pa.Field:
    return pa.field(name, dtype, nullable=False, metadata={"description": doc})


def _nullable(name: str, dtype: pa.DataType, doc: str) -> pa.Field:
    return pa.field(name, dtype, nullable=True, metadata={"description": doc})


def _values(enum: type[StrEnum]) -> str:
    return ", ".join(f"`{member.value}`" for member in enum)


def _table(
    name: str,
    rows: str,
    key: tuple[str, ...],
    sort: tuple[str, ...],
    columns: list[pa.Field],
) -> Table:
    metadata = {
        "article_pipeline.table": name,
        "article_pipeline.rows": rows,
        "article_pipeline.key": ",".join(key),
        "article_pipeline.schema_version": str(SCHEMA_VERSION),
    }
    return Table(name, rows, key, sort, pa.schema(columns, metadata=metadata))


_STRING = pa.string()
_STRINGS = pa.list_(pa.field("item", _STRING, nullable=False))
_TIME = pa.timestamp("us")
_RUN_ID = _column("run_id", _STRING, "Run that wrote this row.")
_DOCUMENT_ID = _column(
    "document_id",
    _STRING,
    "20 hex digits, from `source_path` and `member`: an edited file keeps its id.",
)

_STEP_VERSIONS = pa.struct(
    [pa.field(step.value, pa.int16(), nullable=False) for step in VERSIONED_STEPS]
)

_SURVEY = pa.struct(
    [pa.field("content", pa.uint32()), pa.field("pairs", pa.list_(pa.uint32()))]
)

_FOREIGN_SPANS = pa.list_(
    pa.struct(
        [
            pa.field("start_chars", pa.int32(), nullable=False),
            pa.field("end_chars", pa.int32(), nullable=False),
            pa.field("language", _STRING, nullable=False),
            pa.field("score", pa.float32(), nullable=False),
        ]
    )
)

DOCUMENTS = _table(
    "documents",
    "one row per article",
    ("document_id",),
    ("language", "published_on", "document_id"),
    [
        _DOCUMENT_ID,
        _column("source_path", _STRING, "Raw file, relative to the raw folder, `/`."),
        _nullable(
            "member",
            _STRING,
            "Line (JSONL) or item (JSON list) of the file, from 1; null if the file is"
            " one article.",
        ),
        _column("sha256", _STRING, "SHA-256 of the raw file's bytes, as in `sources`."),
        _column("format", _STRING, f"One of {_values(Format)}."),
        _nullable("compression", _STRING, f"One of {_values(Compression)}."),
        _column("encoding", _STRING, "Python codec the bytes were decoded with."),
        _column("encoding_method", _STRING, f"One of {_values(EncodingMethod)}."),
        _nullable("encoding_score", pa.float32(), "0 to 1, if it was `detected`."),
        _column(
            "encoding_errors", pa.int32(), "Bytes that could not be decoded (U+FFFD)."
        ),
        _nullable(
            "text_field",
            _STRING,
            "Field of the JSON object that holds the article; positions count in its"
            " value. Null if the file itself is the text.",
        ),
        _column("raw_chars", pa.int32(), "Code points of the decoded raw text."),
        _nullable("title", _STRING, "Title without the site's name."),
        _column("authors", _STRINGS, "People or organisations; empty if unknown."),
        _nullable(
            "published_on", pa.date32(), "Date of publication; unknown parts are 1."
        ),
        _nullable("published_precision", _STRING, f"One of {_values(Precision)}."),
        _nullable("modified_on", pa.date32(), "Date of the last update."),
        _nullable("publisher", _STRING, "Site or medium that published the article."),
        _nullable("url", _STRING, "Address of the article."),
        _nullable("section", _STRING, "Section of the site."),
        _column("tags", _STRINGS, "Keywords given by the publisher."),
        _column(
            "language",
            _STRING,
            "Main language: ISO 639-1, or 639-3 where there is none; `und` if unknown.",
        ),
        _column("language_score", pa.float32(), "0 to 1."),
        _column(
            "script",
            _STRING,
            "Script of the main language: ISO 15924; `Hans` or `Hant` for Chinese where"
            " the characters tell, `Zyyy` without letters, `Zzzz` if unknown.",
        ),
        _column(
            "language_tag",
            _STRING,
            "BCP 47: `language`, and as far as the text tells its script (`zh-Hant`,"
            " `sr-Cyrl`) or written standard (`nb`, `nn`).",
        ),
        _column(
            "languages",
            pa.list_(
                pa.struct(
                    [
                        pa.field("code", _STRING, nullable=False),
                        pa.field("share", pa.float32(), nullable=False),
                    ]
                )
            ),
            "Every language of the paragraphs and passages in them, and its share of"
            " characters, most first.",
        ),
        _column("is_translated", pa.bool_(), "The article says it is a translation."),
        _nullable("translator", _STRING, "Who translated it."),
        _nullable("source_title", _STRING, "Title of the original piece."),
        _nullable("source_url", _STRING, "Address of the original piece."),
        _column(
            "text",
            _STRING,
            "The paragraphs joined by a blank line.",
        ),
        _column("text_sha256", _STRING, "SHA-256 of `text`: equal for exact copies."),
        _nullable(
            "text_minhash",
            pa.binary(MINHASH_BYTES),
            "MinHash of `text`: of two articles that share much of their wording, many"
            " bytes are equal. Null in rows older than schema 4.",
        ),
        _column("paragraph_count", pa.int32(), "Rows in `paragraphs`."),
        _column("word_count", pa.int32(), "Words of `text`."),
        _column("character_count", pa.int32(), "Code points of `text`."),
        _column("removed_chars", pa.int32(), "Code points in `removals`."),
        _RUN_ID,
        _column("pipeline_version", _STRING, "Version that made this row."),
        _column(
            "step_versions",
            _STEP_VERSIONS,
            "Version of each step's logic that made this row: see `tasks/logic.py`.",
        ),
    ],
)

PARAGRAPHS = _table(
    "paragraphs",
    "one row per paragraph",
    ("document_id", "paragraph_index"),
    ("language", "document_id", "paragraph_index"),
    [
        _DOCUMENT_ID,
        _column("paragraph_index", pa.int32(), "Position in the document, from 0."),
        _column("kind", _STRING, f"One of {_values(Kind)}."),
        _column(
            "heading_path", _STRINGS, "Headings above the paragraph, outermost first."
        ),
        _column("text", _STRING, "Its span after `normalisations`."),
        _column("language", _STRING, "As in `documents`, of this paragraph."),
        _column("language_score", pa.float32(), "0 to 1."),
        _column("script", _STRING, "As in `documents`, of this paragraph."),
        _column("language_tag", _STRING, "As in `documents`, of this paragraph."),
        _column(
            "foreign_spans",
            _FOREIGN_SPANS,
            "Passages in another language, such as quotations: code points of `text`,"
            " language and its score.",
        ),
        _nullable(
            "start_chars",
            pa.int32(),
            "First code point in the decoded raw text; null if the place in an HTML"
            " source is not known exactly.",
        ),
        _nullable("end_chars", pa.int32(), "One past the last code point."),
        _column(
            "normalisations",
            _STRINGS,
            "Rules that turn the span into `text`: see `tasks/text/normalise.py`.",
        ),
        _column("word_count", pa.int32(), "Words of `text`."),
        _column("sentence_count", pa.int32(), "Sentences of `text`."),
        _column(
            "text_hash",
            _STRING,
            "First 16 hex digits of the SHA-256 of `text`: equal for repeated text.",
        ),
    ],
)

REMOVALS = _table(
    "removals",
    "one row per piece of decoded text that is in no paragraph",
    ("document_id", "start_chars"),
    ("document_id", "start_chars"),
    [
        _DOCUMENT_ID,
        _column("start_chars", pa.int32(), "First code point in the decoded raw text."),
        _column("end_chars", pa.int32(), "One past the last code point."),
        _column("text", _STRING, "The piece as it stands in the decoded raw text."),
        _column("rule_id", _STRING, "Rule that removed it."),
        _column("reason", _STRING, f"One of {_values(RemovalReason)}."),
        _nullable(
            "field", _STRING, f"If `lifted`, the metadata field: {_values(Field)}."
        ),
    ],
)

EVIDENCE = _table(
    "evidence",
    "one row per metadata value found",
    ("document_id", "field", "rank"),
    ("document_id", "field", "rank"),
    [
        _DOCUMENT_ID,
        _column("field", _STRING, f"One of {_values(Field)}."),
        _column("rank", pa.int32(), "Best first, from 1."),
        _column("value", _STRING, "Value as it would be stored; dates as ISO 8601."),
        _column("rule_id", _STRING, "Rule that found it."),
        _column("score", pa.float32(), "Trust in the rule, 0 to 1."),
        _nullable("start_chars", pa.int32(), "Where it stands in the raw text."),
        _nullable("end_chars", pa.int32(), "One past the last code point."),
        _column("is_chosen", pa.bool_(), "It became the value in `documents`."),
    ],
)

SOURCES = _table(
    "sources",
    "one row per file seen",
    ("source_path",),
    ("source_path",),
    [
        _column("source_path", _STRING, "Relative to the raw folder, with `/`."),
        _nullable("size_bytes", pa.int64(), "Null if the file cannot be looked at."),
        _nullable(
            "mtime_ns", pa.int64(), "Time of last change, nanoseconds since 1970 UTC."
        ),
        _nullable(
            "sha256",
            _STRING,
            "SHA-256 of the bytes, of rejected files too; null if they cannot be read,"
            " or the file is ignored.",
        ),
        _column("status", _STRING, f"One of {_values(Status)}."),
        _nullable("stage", _STRING, f"Where it was rejected: one of {_values(Step)}."),
        _nullable(
            "reason",
            _STRING,
            f"One of {_values(Reason)}. With status `accepted`: why some of its"
            " articles were rejected.",
        ),
        _nullable("detail", _STRING, "What was found, for a person."),
        _column("document_count", pa.int32(), "Rows in `documents`."),
        _column(
            "rejected_members",
            pa.list_(
                pa.struct(
                    [
                        pa.field("member", _STRING, nullable=False),
                        pa.field("stage", _STRING, nullable=False),
                        pa.field("reason", _STRING, nullable=False),
                        pa.field("detail", _STRING, nullable=False),
                    ]
                )
            ),
            "Articles of a container that were rejected, by line or item from 1."
            " Of more than 100,000 the rest is counted: one for each reason says it.",
        ),
        _RUN_ID,
        _nullable(
            "step_versions",
            _STEP_VERSIONS,
            "As in `documents`; where it is not the present one, the next run reads the"
            " file again. Null if the name is of no known format.",
        ),
        _nullable(
            "survey",
            _SURVEY,
            "Of plain text, to tell which lines recur in its folder: hashes of the"
            " longest line and of the pairs of neighbouring short ones. Null if it"
            " is of another format or was not read.",
        ),
    ],
)

RUNS = _table(
    "runs",
    "one row per run that changed something",
    ("run_id",),
    ("started_at",),
    [
        _column("run_id", _STRING, "Sortable by time: UTC start and 6 hex digits."),
        _column("started_at", _TIME, "UTC."),
        _column("ended_at", _TIME, "UTC, just before publishing."),
        _nullable("flow_run_id", _STRING, "Prefect's id of the run."),
        _column("pipeline_version", _STRING, "Version that ran."),
        _column("versions", _STRING, "JSON: versions of Python and of the libraries."),
        _column("settings", _STRING, "JSON: settings of the run."),
        _column("files_discovered", pa.int32(), "Files seen in the raw folder."),
        _column("files_unchanged", pa.int32(), "Known and not read again."),
        _column("files_processed", pa.int32(), "New, changed or retried."),
        _column("files_accepted", pa.int32(), "Of the processed."),
        _column("files_rejected", pa.int32(), "Of the processed."),
        _column("files_ignored", pa.int32(), "Of the processed."),
        _column("files_deleted", pa.int32(), "Gone since the run before."),
        _column("documents_written", pa.int32(), "Rows written to `documents`."),
        _column("paragraphs_written", pa.int32(), "Rows written to `paragraphs`."),
        _column("removals_written", pa.int32(), "Rows written to `removals`."),
        _column(
            "steps",
            pa.list_(
                pa.struct(
                    [
                        pa.field("step", _STRING, nullable=False),
                        pa.field("rows", pa.int64(), nullable=False),
                        pa.field("seconds", pa.float64(), nullable=False),
                    ]
                )
            ),
            "Rows out of each step and seconds spent in it, over all workers.",
        ),
        _column(
            "slowest_files",
            pa.list_(
                pa.struct(
                    [
                        pa.field("source_path", _STRING, nullable=False),
                        pa.field("seconds", pa.float64(), nullable=False),
                    ]
                )
            ),
            "Ten files of the processed that took longest to read, parse and cut into"
            " blocks, slowest first.",
        ),
    ],
)

DUPLICATES = _table(
    "duplicates",
    "one row per article that repeats an earlier one",
    ("document_id",),
    ("cluster_id", "document_id"),
    [
        _column(
            "document_id",
            _STRING,
            "The article that repeats another. Earlier is what was published earlier,"
            " then what has the smaller `document_id`.",
        ),
        _column("match_id", _STRING, "Earlier article that is most like it."),
        _column(
            "similarity",
            pa.float32(),
            "Share of the wording that both have, 0.5 to 1: Jaccard similarity of their"
            " word triples, estimated from `text_minhash` to about ±0.04.",
        ),
        _column("kind", _STRING, f"One of {_values(Likeness)}."),
        _column(
            "cluster_id",
            _STRING,
            "First article of all that are linked by matches; it has no row here.",
        ),
    ],
)

REPEATS = _table(
    "repeats",
    "one row per paragraph that stands in several articles",
    ("text_hash",),
    ("text_hash",),
    [
        _column("text_hash", _STRING, "As in `paragraphs`."),
        _column("text", _STRING, "The paragraph."),
        _column("word_count", pa.int32(), "Words of `text`."),
        _column("document_count", pa.int32(), "Articles that have it."),
        _column(
            "cluster_count",
            pa.int32(),
            "The same, but an article and its `duplicates` count once: 3 or more, for a"
            " long paragraph 2.",
        ),
    ],
)

TABLES = {
    table.name: table
    for table in (
        DOCUMENTS,
        PARAGRAPHS,
        REMOVALS,
        EVIDENCE,
        DUPLICATES,
        REPEATS,
        SOURCES,
        RUNS,
    )
}
"""Every table by name, in the order of the documentation."""

DERIVED_TABLES = (DUPLICATES.name, REPEATS.name)
"""Tables that all documents of a snapshot give together, and not each by itself."""

BATCH_TABLES = tuple(
    name for name in TABLES if name not in {*DERIVED_TABLES, RUNS.name}
)
"""Tables that hold the rows of raw files."""


def tables_markdown() -> str:
    """Render the contract as Markdown, one section per table, for the documentation."""
    parts = []
    for table in TABLES.values():
        key = ", ".join(f"`{name}`" for name in table.key)
        parts.append(f"### `{table.name}`: {table.rows}\n\nKey: {key}.\n")
        parts.append("| column | type | null | meaning |\n|---|---|---|---|")
        parts += [
            f"| `{field.name}` | {type_name(field.type)} |"
            f" {'yes' if field.nullable else ''} |"
            f" {field.metadata[b'description'].decode()} |"
            for field in table.schema
        ]
        parts.append("")
    return "\n".join(parts)


def type_name(dtype: pa.DataType) -> str:
    """Return a type as the documentation has it."""
    if pa.types.is_list(dtype):
        return f"list of {type_name(dtype.value_type)}"
    if pa.types.is_struct(dtype):
        return "(" + ", ".join(f"{part.name} {part.type}" for part in dtype) + ")"
    return str(dtype)
