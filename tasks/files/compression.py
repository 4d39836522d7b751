"""Unpack gzip and Zstandard, never further than allowed."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import zstandard

from tasks.schema import Compression, Reason

_FLOOR_BYTES = 1_000_000
"""Less than this is no bomb, however well it shrank."""

# Read in steps that unpack to 32 MB at most: deflate shrinks 1,032 times, and a block
# of 128 KB takes 4 bytes of Zstandard.
_STEP_BYTES = {Compression.GZIP: 32_768, Compression.ZSTD: 1_024}
_GZIP_WINDOW = 31  # zlib's code for: with gzip header and checksum
_MAX_WINDOW_BYTES = 1 << 27  # as the zstd command without --long


class UnpackError(Exception):
    """A compressed file cannot be unpacked; it becomes a row of ``sources``.

    Attributes:
        reason: ``broken_compression``, ``decompression_bomb`` or ``too_large``.
        detail: What was found.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def unpack(
    raw: bytes, compression: Compression, max_bytes: int, max_ratio: float
) -> bytes:
    """Unpack a whole file; several members or frames in a row are joined.

    Args:
        raw: The compressed bytes.
        compression: How they were compressed.
        max_bytes: Largest content.
        max_ratio: Largest content as a multiple of ``raw``, if it is over 1 MB.

    Raises:
        UnpackError: The content is larger, or ``raw`` is cut, damaged or followed by
            something else.
    """
    pieces, size = [], 0
    for piece in unpack_chunks([raw], compression, len(raw), max_ratio):
        size += len(piece)
        if size > max_bytes:
            raise UnpackError(
                Reason.TOO_LARGE,
                f"{len(raw):,} bytes unpack to more than {max_bytes:,}"
                " (setting max_file_bytes)",
            )
        pieces.append(piece)
    return b"".join(pieces)


def unpack_chunks(
    chunks: Iterable[bytes],
    compression: Compression,
    packed_bytes: int,
    max_ratio: float,
) -> Iterator[bytes]:
    """Unpack a file chunk by chunk, of whatever size.

    Args:
        chunks: The compressed bytes.
        compression: How they were compressed.
        packed_bytes: How many there are.
        max_ratio: Largest content as a multiple of that, if it is over 1 MB.

    Yields:
        The content, in pieces of 32 MB at most.

    Raises:
        UnpackError: As ``unpack``, but for no size; what was yielded before is right.
    """
    size = 0
    try:
        for piece in _unpack_members(chunks, compression):
            size += len(piece)
            if size > _FLOOR_BYTES and size / packed_bytes > max_ratio:
                raise UnpackError(
                    Reason.DECOMPRESSION_BOMB,
                    f"unpacks to more than {max_ratio:g} times its {packed_bytes:,}"
                    " bytes (setting max_decompression_ratio)",
                )
            yield piece
    except (zlib.error, zstandard.ZstdError) as error:
        raise UnpackError(Reason.BROKEN_COMPRESSION, str(error)) from error


def _unpack_members(
    chunks: Iterable[bytes], compression: Compression
) -> Iterator[bytes]:
    member = None
    for step in _cut(chunks, _STEP_BYTES[compression]):
        left = step
        while left:
            if member is None:
                member = _start_member(compression)
            elif member.eof:
                left = left.lstrip(b"\0")  # tapes and disks pad with zeros
                if not left:
                    break
                member = _start_member(compression)
            yield member.decompress(left)
            left = member.unused_data if member.eof else b""
    if member is not None and not member.eof:
        raise UnpackError(Reason.BROKEN_COMPRESSION, "ends in the middle of the stream")


def _cut(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), size):
            yield chunk[start : start + size]


def _start_member(compression: Compression) -> Any:  # noqa: ANN401 no common type
    if compression is Compression.GZIP:
        return zlib.decompressobj(_GZIP_WINDOW)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    return decompressor.decompressobj()
