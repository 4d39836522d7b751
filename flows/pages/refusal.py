"""What stands in a rejected file, for who wants to see why."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from flows.pages.spans import Piece, Row, make_rows, taken_out
from tasks.clean import clean_text
from tasks.errors import UnreadableError
from tasks.objects import ObjectUrl, Place, open_store
from tasks.pieces import Block
from tasks.read import make_document_id
from tasks.schema import Markup

_SHOWN_BYTES = 256
_BYTES_PER_LINE = 16


class Refusal(NamedTuple):
    """What there is to see of one rejected file or member.

    Attributes:
        member: Line or item; null for the whole file.
        rows: Its raw text, every piece with what the cleaning made of it.
        dump: Where it is no text: its first bytes, line by line.
        total_bytes: Bytes of the file, if ``dump`` shows its beginning.
    """

    member: str | None
    rows: Sequence[Row] = ()
    dump: str = ""
    total_bytes: int = 0


def show_refused(
    raw_dir: Place,
    source: Mapping[str, Any],
    members: Sequence[str | None],
    texts: Mapping[str, tuple[str, str]],
) -> Iterator[Refusal]:
    """Show what is left to see of rejected articles; nothing if the file is gone.

    Args:
        raw_dir: Where the raw file is.
        source: Its row of ``sources``.
        members: Which of its articles, null for the file itself.
        texts: Decoded raw text and markup by ``document_id``, as far as there is any.
    """
    for member in members:
        key = make_document_id(source["source_path"], member)
        if key in texts:
            raw_text, markup = texts[key]
            blocks, _ = clean_text(raw_text, Markup(markup), [])
            pieces = [
                taken_out(block._asdict()) if block.reason else _left(block)
                for block in blocks
            ]
            yield Refusal(member, make_rows(raw_text, pieces))
        elif member is None:
            head, total_bytes = _read_head(raw_dir, source["source_path"])
            if head:
                yield Refusal(None, dump=dump_bytes(head), total_bytes=total_bytes)


def dump_bytes(data: bytes) -> str:
    r"""Return bytes for a person: place, value, and what is ASCII of it.

    Examples:
        >>> print(dump_bytes(b"GIF89a\x00\xff"))
        0000  47 49 46 38 39 61 00 ff                          GIF89a··
    """
    lines = []
    for start in range(0, len(data), _BYTES_PER_LINE):
        part = data[start : start + _BYTES_PER_LINE]
        ascii_part = "".join(
            chr(byte) if chr(byte).isascii() and chr(byte).isprintable() else "·"
            for byte in part
        )
        width = 3 * _BYTES_PER_LINE
        lines.append(f"{start:04x}  {part.hex(' '):<{width}} {ascii_part}")
    return "\n".join(lines)


def _read_head(raw_dir: Place, source_path: str) -> tuple[bytes, int]:
    """Return the first bytes of a raw file and its size; nothing if it is gone."""
    if isinstance(raw_dir, ObjectUrl):
        try:
            found = open_store(raw_dir).open(source_path)
        except UnreadableError:
            return b"", 0
        chunks = found.chunks() if found else iter(())
        head = next(chunks, b"")[:_SHOWN_BYTES]
        return head, found.info.size_bytes if found else 0
    try:
        with (raw_dir / source_path).open("rb") as file:
            return file.read(_SHOWN_BYTES), os.fstat(file.fileno()).st_size
    except (OSError, ValueError):
        return b"", 0


def _left(block: Block) -> Piece:
    return Piece(block.start_chars, block.end_chars, "kept", "text", (), block.text)
