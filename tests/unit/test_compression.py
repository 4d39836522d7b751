"""Unpacking gives the content or says why not, and never more than allowed."""

import gzip

import pytest
import zstandard

from tasks.files.compression import UnpackError, unpack
from tasks.schema import Compression, Reason

TEXT = b"It rained on the harbour all night. " * 200
PACK = {
    Compression.GZIP: gzip.compress,
    Compression.ZSTD: zstandard.ZstdCompressor().compress,
}
BOTH = pytest.mark.parametrize("compression", list(Compression))


def reason_of(raw, compression, max_bytes=10**7, max_ratio=200):
    """Why it cannot be unpacked."""
    with pytest.raises(UnpackError) as caught:
        unpack(raw, compression, max_bytes, max_ratio)
    return caught.value.reason


@BOTH
def test_content_comes_back(compression):
    """One member, several in a row, and padding with zeros are all legal."""
    packed = PACK[compression](TEXT)

    for raw, expected in (
        (packed, TEXT),
        (packed * 3, TEXT * 3),
        (packed + bytes(512), TEXT),
        (PACK[compression](b""), b""),
    ):
        assert unpack(raw, compression, 10**7, 200) == expected


@BOTH
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: raw[:-5], id="cut"),
        pytest.param(lambda raw: raw[:6], id="cut in the header"),
        pytest.param(lambda raw: raw + b"garbage", id="followed by garbage"),
        pytest.param(lambda raw: raw + raw[:-5], id="second member cut"),
        pytest.param(lambda _: b"plain text under a wrong name", id="not compressed"),
    ],
)
def test_damage_is_noticed(compression, damage):
    """Half an article is not passed on as a whole one."""
    raw = damage(PACK[compression](TEXT))

    assert reason_of(raw, compression) is Reason.BROKEN_COMPRESSION


def test_a_wrong_checksum_is_damage():
    """The check sum of gzip is believed."""
    raw = bytearray(gzip.compress(TEXT))
    raw[-6] ^= 1

    assert reason_of(bytes(raw), Compression.GZIP) is Reason.BROKEN_COMPRESSION


@BOTH
def test_a_bomb_is_defused_early(compression):
    """The ratio counts from 1 MB on; memory stays bounded."""
    bomb = PACK[compression](bytes(200_000_000))

    assert reason_of(bomb, compression, max_bytes=10**9) is Reason.DECOMPRESSION_BOMB


@BOTH
def test_small_repetitive_files_are_no_bombs(compression):
    """Under 1 MB any ratio passes."""
    content = b"ha " * 300_000

    assert unpack(PACK[compression](content), compression, 10**7, 200) == content


@BOTH
def test_the_size_limit_holds_after_decompression(compression):
    """An honest ratio over the limit is too large."""
    assert reason_of(PACK[compression](TEXT), compression, 5000) is Reason.TOO_LARGE
