"""What a file's name says it holds."""

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

_FORMATS_BY_SUFFIXES = {
    suffix.removeprefix(".") + packed: (article_format, compression)
    for suffix, article_format in FORMATS.items()
    for packed, compression in {"": None, **COMPRESSIONS}.items()
}


def tell_format(name: str) -> tuple[Format, Compression | None] | None:
    """Tell format and compression by suffix; null if it is none of ours.

    Args:
        name: File name or path. Case does not matter.

    Examples:
        >>> tell_format("news/2025.JSONL.gz")
        (<Format.JSONL: 'jsonl'>, <Compression.GZIP: 'gzip'>)
        >>> tell_format("photo.jpg")
    """
    base = name[name.rfind("/") + 1 :].lstrip(".")  # the dot of a hidden file is none
    parts = base.rsplit(".", 2)  # many times quicker than a path, for a million names
    return _FORMATS_BY_SUFFIXES.get(".".join(parts[1:]).lower()) or (
        _FORMATS_BY_SUFFIXES.get(parts[-1].lower()) if len(parts) > 1 else None
    )
