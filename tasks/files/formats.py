"""What a file's name says it holds."""

import os

from tasks.schema import Compression, Format

FORMATS = {
    ".txt": Format.TEXT,
    ".text": Format.TEXT,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".json": Format.JSON,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
}
"""Format by suffix."""

COMPRESSIONS = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}
"""Compression by the suffix after that."""


def tell_format(name: str) -> tuple[Format, Compression | None] | None:
    """Tell format and compression by suffix; null if it is none of ours.

    Args:
        name: File name or path. Case does not matter.

    Examples:
        >>> tell_format("news/2025.JSONL.gz")
        (<Format.JSONL: 'jsonl'>, <Compression.GZIP: 'gzip'>)
        >>> tell_format("photo.jpg")
    """
    stem, suffix = os.path.splitext(name.lower())  # noqa: PTH122 a million names
    compression = COMPRESSIONS.get(suffix)
    if compression:
        suffix = os.path.splitext(stem)[1]  # noqa: PTH122
    if article_format := FORMATS.get(suffix):
        return article_format, compression
    return None
