"""The product's own steps as plain functions, for outside scorers. No logic of its own.

``extract`` takes one raw file through the line, as a run would; ``detect``, ``decode``
and ``fix`` are single parts of it.
"""

import tempfile
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from flows.line import make_tables, start_run
from flows.settings import Settings
from tasks.detect import detect as detect_texts
from tasks.discover import discover_files
from tasks.files.encoding import decode
from tasks.pieces import rows_of
from tasks.schema import Format, Kind, Precision
from tasks.text.mojibake import has_mojibake
from tasks.text.normalise import fix_mojibake

__all__ = ["decode", "detect", "extract", "fix"]

_LONG_LIST = 12  # items; from here on each is a paragraph


def extract(raw: bytes, suffix: str) -> dict[str, Any]:
    """Take the bytes of one file through the line.

    Args:
        raw: Content of the file.
        suffix: Its suffix, e.g. ``".html"``.

    Returns:
        ``text``, ``paragraphs`` (texts in order), ``title``, ``authors``, ``date``
        (ISO 8601; null if the day is not known) and ``language`` of its first article;
        empty if rejected.
        Captions are left out of both, and the items of a list on a page are one
        paragraph, unless it is long, as in the gold: their ``kind`` tells them.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"article{suffix}").write_bytes(raw)
        files = discover_files(Path(folder), ())
        tables, _ = make_tables(files, start_run(Settings(raw_dir=Path(folder))))
    document = next(rows_of(tables["documents"]), None)
    if document is None:
        return {}
    paragraphs = tables["paragraphs"]
    own = paragraphs["document_id"] == document.document_id
    own &= paragraphs["kind"] != Kind.CAPTION.value
    texts = paragraphs.loc[own, "text"].tolist()
    if document.format == Format.HTML.value:
        texts = _join_lists(rows_of(paragraphs.loc[own]))
    is_day = document.published_precision == Precision.DAY.value
    return {
        "text": "\n\n".join(texts),
        "paragraphs": texts,
        "title": document.title,
        "authors": list(document.authors),
        "date": document.published_on.isoformat() if is_day else None,
        "language": document.language,
    }


def _join_lists(rows: Iterable[Any]) -> list[str]:
    texts: list[str] = []
    for kind, group in groupby(rows, key=attrgetter("kind")):
        own = [row.text for row in group]
        is_list = kind == Kind.LIST_ITEM.value
        texts += ["\n".join(own)] if is_list and len(own) < _LONG_LIST else own
    return texts


def detect(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Tell the language of each text, with a score from 0 to 1."""
    return detect_texts(texts)


def fix(text: str) -> str:
    """Repair mojibake as the line does, and nothing else: spaces stay as they are."""
    return fix_mojibake(text) if has_mojibake(text) else text
