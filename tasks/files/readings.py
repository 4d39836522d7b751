r"""Bytes, and what one encoding makes of them; in memory, or gone through in chunks.

Which encoding bytes are in is decided by figures: how many of them are control
characters, how much a codec could not read. These are the same for bytes that are in
memory as a whole and for those of a file that is not.
"""

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

HEAD_BYTES = 131_072
"""So many bytes are kept from the beginning."""
HEAD_CHARS = 16_384
"""... and so many characters of what a codec makes of them."""

_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\v\f\r\x1b"))
_MARK = "\ufeff"
_REPLACED = "\ufffd"
_REPLACED_BYTES = _REPLACED.encode()


class Reading(Protocol):
    """What a codec makes of bytes; a byte order mark in front is left out.

    Attributes:
        text: All of it; empty if that is not kept.
        head: The first characters.
        char_count: Its length.
        high_count: Characters outside ASCII.
        replaced_count: U+FFFD in it.
        errors: Of these, such that stand for bytes the codec could not read.
        is_cut: Whether it ends with U+FFFD.
    """

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def head(self) -> str: ...  # noqa: D102
    @property
    def char_count(self) -> int: ...  # noqa: D102
    @property
    def high_count(self) -> int: ...  # noqa: D102
    @property
    def replaced_count(self) -> int: ...  # noqa: D102
    @property
    def errors(self) -> int: ...  # noqa: D102
    @property
    def is_cut(self) -> bool: ...  # noqa: D102


class Bytes(Protocol):
    """Bytes that may be text.

    Attributes:
        head: The first bytes.
        size_bytes: How many there are.
        last_byte: The last one; 0 if there is none.
        control_count: Control characters among them, but for white space and escapes.
        has_nul: Whether a NUL is among them.
    """

    @property
    def head(self) -> bytes: ...  # noqa: D102
    @property
    def size_bytes(self) -> int: ...  # noqa: D102
    @property
    def last_byte(self) -> int: ...  # noqa: D102
    @property
    def control_count(self) -> int: ...  # noqa: D102
    @property
    def has_nul(self) -> bool: ...  # noqa: D102

    def read(self, codec: str) -> Reading | None:
        """Decode; null if there are bytes that the codec cannot read."""

    def read_leniently(self, codec: str) -> Reading:
        """Decode, with U+FFFD for what cannot be read."""


def count_high(text: str) -> int:
    """Count the characters outside ASCII."""
    return 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))


def name_codec(codec: str) -> str:
    """Return the name that Python has for a codec."""
    return codecs.lookup(codec).name


def decode_chunks(
    chunks: Iterable[bytes], codec: str, errors: str = "replace"
) -> Iterator[str]:
    r"""Decode bytes chunk by chunk, as decoding all of them at once would.

    Args:
        chunks: The bytes; a character may be cut by the end of a chunk.
        codec: Python codec.
        errors: What to do about bytes that it cannot read.

    Yields:
        The text without byte order marks in front; no piece is empty.

    Raises:
        UnicodeDecodeError: A byte cannot be read, and ``errors`` is ``strict``.

    Examples:
        >>> list(decode_chunks([b"\xef\xbb\xbfK\xc3", b"\xb6ln"], "utf-8"))
        ['K', 'öln']
    """
    decoder = codecs.getincrementaldecoder(codec)(errors)
    at_start = True
    for chunk, is_last in _mark_last(chunks):
        text = decoder.decode(chunk, is_last)
        if at_start:
            text = text.lstrip(_MARK)
            at_start = not text
        if text:
            yield text


def _mark_last(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    for chunk in chunks:
        yield chunk, False
    yield b"", True


class InMemory:
    """Bytes in memory, as a whole; see ``Bytes``."""

    def __init__(self, raw: bytes) -> None:
        """Keep the bytes."""
        self._raw = raw
        self.head = raw[:HEAD_BYTES]
        self.size_bytes = len(raw)
        self.last_byte = raw[-1] if raw else 0

    @cached_property
    def control_count(self) -> int:
        """Control characters."""
        return _count_controls(self._raw)

    @cached_property
    def has_nul(self) -> bool:
        """Whether there is a NUL."""
        return b"\0" in self._raw

    def read(self, codec: str) -> "Reading | None":
        """Decode; null if there are bytes that the codec cannot read."""
        try:
            text = self._raw.decode(codec)
        except UnicodeDecodeError:
            return None
        return _Whole(text.lstrip(_MARK), 0)

    def read_leniently(self, codec: str) -> "Reading":
        """Decode, with U+FFFD for what cannot be read."""
        text = self._raw.decode(codec, "replace")
        own = self._raw.count(_REPLACED_BYTES) if codec.startswith("utf-8") else 0
        return _Whole(text.lstrip(_MARK), max(0, text.count(_REPLACED) - own))


class _Whole:
    """What a codec makes of bytes in memory; counted when asked for."""

    def __init__(self, text: str, errors: int) -> None:
        self.text, self.errors = text, errors

    @property
    def head(self) -> str:
        return self.text[:HEAD_CHARS]

    @property
    def char_count(self) -> int:
        return len(self.text)

    @property
    def high_count(self) -> int:
        return count_high(self.text)

    @property
    def replaced_count(self) -> int:
        return self.text.count(_REPLACED)

    @property
    def is_cut(self) -> bool:
        return self.text.endswith(_REPLACED)


@dataclass(slots=True)
class _Summed:
    """What a codec makes of bytes that go by; the text is not kept."""

    text: str = ""
    head: str = ""
    char_count: int = 0
    high_count: int = 0
    replaced_count: int = 0
    errors: int = 0
    is_cut: bool = False

    def add(self, text: str) -> None:
        """Go on with the next piece of text."""
        if len(self.head) < HEAD_CHARS:
            self.head += text[: HEAD_CHARS - len(self.head)]
        self.char_count += len(text)
        self.is_cut = text.endswith(_REPLACED)
        if not text.isascii():
            self.high_count += count_high(text)
            self.replaced_count += text.count(_REPLACED)


class Streamed:
    """Bytes that are gone through whenever something is asked; see ``Bytes``.

    What nearly always settles it is found in one go: whether they are UTF-8.
    """

    def __init__(self, chunks: Callable[[], Iterable[bytes]]) -> None:
        """Go through the bytes once.

        Args:
            chunks: Gives the bytes; the same whenever it is called.
        """
        self._chunks = chunks
        self.head = b""
        self.size_bytes = self.last_byte = self.control_count = 0
        self.has_nul = False
        self._utf8 = self._sum_up(self._looked_at(chunks()), "utf-8")

    def _looked_at(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            if len(self.head) < HEAD_BYTES:
                self.head += chunk[: HEAD_BYTES - len(self.head)]
            self.size_bytes += len(chunk)
            self.last_byte = chunk[-1] if chunk else self.last_byte
            self.control_count += _count_controls(chunk)
            self.has_nul = self.has_nul or b"\0" in chunk
            yield chunk

    @staticmethod
    def _sum_up(
        chunks: Iterable[bytes], codec: str, errors: str = "replace"
    ) -> _Summed:
        summed = _Summed()
        own = 0
        end = b""

        def counted() -> Iterator[bytes]:
            nonlocal own, end
            for chunk in chunks:
                own += (end + chunk).count(_REPLACED_BYTES)
                end = (end + chunk)[1 - len(_REPLACED_BYTES) :]
                yield chunk

        passed = counted() if codec.startswith("utf-8") else chunks
        for text in decode_chunks(passed, codec, errors):
            summed.add(text)
        summed.errors = max(0, summed.replaced_count - own)
        return summed

    def read(self, codec: str) -> Reading | None:
        """Decode; null if there are bytes that the codec cannot read."""
        if codec == "utf-8":
            return None if self._utf8.errors else self._utf8
        try:
            summed = self._sum_up(self._chunks(), codec, "strict")
        except UnicodeDecodeError:
            return None
        summed.errors = 0  # what looks like one was written so
        return summed

    def read_leniently(self, codec: str) -> Reading:
        """Decode, with U+FFFD for what cannot be read."""
        if codec == "utf-8":
            return self._utf8
        return self._sum_up(self._chunks(), codec)


def _count_controls(raw: bytes) -> int:
    return len(raw) - len(raw.translate(None, _CONTROLS))
