"""The product's own steps as plain functions, for outside scorers. No logic of its own.

``extract`` takes one raw file through the line, as a run would; ``detect``, ``decode``
and ``fix`` are single parts of it.
"""

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.line import make_tables
from flows.settings import Settings
from tasks.detect import detect as detect_texts
from tasks.discover import discover_files
from tasks.encoding import decode_bytes
from tasks.layout import normalise_span

__all__ = ["decode", "detect", "extract", "fix"]


def extract(raw: bytes, suffix: str) -> dict[str, Any]:
    """Take the bytes of one file through the line.

    Args:
        raw: Content of the file.
        suffix: Its suffix, e.g. ``".html"``.

    Returns:
        ``text``, ``paragraphs`` (texts in order), ``title``, ``authors``, ``date``
        (ISO 8601 or null) and ``language`` of its first article; empty if rejected.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"article{suffix}").write_bytes(raw)
        files = discover_files(Path(folder), ())
        tables = make_tables(files, _settings(folder), "bench")
    documents = tables["documents"]
    if documents.empty:
        return {}
    document = documents.iloc[0]
    own = tables["paragraphs"]["document_id"] == document["document_id"]
    date = document["published_on"]
    return {
        "text": document["text"],
        "paragraphs": tables["paragraphs"].loc[own, "text"].tolist(),
        "title": document["title"],
        "authors": list(document["authors"]),
        "date": date.isoformat() if date is not None else None,
        "language": document["language"],
    }


@functools.cache
def _settings(folder: str) -> Settings:
    return Settings(raw_dir=Path(folder))


def detect(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Tell the language of each text, with a score from 0 to 1."""
    return detect_texts(texts)


def decode(raw: bytes) -> str | None:
    """Tell the Python codec of some bytes; null if they hold no text."""
    decoded = decode_bytes(raw)
    return decoded.encoding if decoded else None


def fix(text: str) -> str:
    """Repair mojibake as the line does."""
    return normalise_span(text, broken=True)[0]
