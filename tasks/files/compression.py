"""Unpack gzip and Zstandard, never further than allowed."""

import zlib
from collections.abc import Iterator
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
    try:
        for piece in _unpack_members(raw, compression):
            size += len(piece)
            ratio = size / len(raw)
            if size > _FLOOR_BYTES and ratio > max_ratio:
                raise UnpackError(
                    Reason.DECOMPRESSION_BOMB,
                    f"unpacks to more than {max_ratio:g} times its {len(raw):,} bytes"
                    " (setting max_decompression_ratio)",
                )
            if size > max_bytes:
                raise UnpackError(
                    Reason.TOO_LARGE,
                    f"{len(raw):,} bytes unpack to more than {max_bytes:,}"
                    " (setting max_file_bytes)",
                )
            pieces.append(piece)
    except (zlib.error, zstandard.ZstdError) as error:
        raise UnpackError(Reason.BROKEN_COMPRESSION, str(error)) from error
    return b"".join(pieces)


def _unpack_members(raw: bytes, compression: Compression) -> Iterator[bytes]:
    start = 0
    while start < len(raw):
        member = _start_member(compression)
        while not member.eof:
            if start >= len(raw):
                raise UnpackError(
                    Reason.BROKEN_COMPRESSION, "ends in the middle of the stream"
                )
            step = raw[start : start + _STEP_BYTES[compression]]
            yield member.decompress(step)
            start += len(step) - len(member.unused_data)
        while raw[start : start + 1] == b"\0":  # tapes and disks pad with zeros
            start += 1


def _start_member(compression: Compression) -> Any:  # noqa: ANN401 no common type
    if compression is Compression.GZIP:
        return zlib.decompressobj(_GZIP_WINDOW)
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    return decompressor.decompressobj()
