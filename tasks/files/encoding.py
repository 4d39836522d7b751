"""Bytes to text: which encoding a raw file was written in, and how sure that is.

Asked in this order, the first that answers wins: byte order mark, UTF-16/32 by its NUL
bytes, ISO-2022 by its escapes, UTF-8, the charset an HTML page declares, UTF-8 with a
few broken bytes, statistics (chardet, its near ties settled by what each reading would
make of the words). What is not text is refused, never read as something exotic.
"""

import codecs
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import chardet
from chardet import EncodingEra

from tasks.files.readings import (
    HEAD_CHARS,
    Bytes,
    InMemory,
    Reading,
    Streamed,
    count_high,
    name_codec,
)
from tasks.schema import EncodingMethod, Reason


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text of a file and how it was found.

    Attributes:
        text: Without byte order mark; line ends as they are in the file. Empty where
            the bytes are not in memory: see ``decode_chunks``.
        encoding: Python codec, as ``codecs.lookup`` names it.
        method: How the codec was found.
        score: 0 to 1; null unless ``method`` is ``detected``.
        errors: U+FFFD put in place of bytes that the codec cannot read.
        alternatives: Other readings considered, with their scores, best first; 0 where
            the text they give is implausible.
    """

    text: str
    encoding: str
    method: EncodingMethod
    score: float | None = None
    errors: int = 0
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Why bytes are no text: ``binary`` or ``undecodable``, and what was seen."""

    reason: Reason
    detail: str


_SAMPLE_BYTES = 65_536  # statistics settle long before; a text says what it is early
_HEAD_BYTES = 4_096  # browsers look for a charset in 1,024; real pages put it later

_BOMS = (  # UTF-32 first: its little-endian mark begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")

_MAGIC = re.compile(
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a.{0,3}[\0-\x08]|%PDF-\d|PK(?:\x03\x04|\x05\x06)"
    rb"|\x1f\x8b|\x28\xb5\x2f\xfd|\xfd7zXZ\0|BZh[1-9]1AY|7z\xbc\xaf|Rar!\x1a"
    rb"|\x7fELF|MZ.\0|\xd0\xcf\x11\xe0|SQLite format 3\0|\0asm|\xca\xfe\xba\xbe"
    rb"|OggS\0|ID3[\2-\4]\0|fLaC\0|RIFF.{4}[A-Z]{3}|.{4}ftyp|wOF[F2]\0",
    re.DOTALL,
)
_MAX_CONTROLS = 0.02  # of the bytes
_HIGH = bytes(range(0x80, 0x100))
_ISO_2022 = re.compile(rb"\x1b[$(]|\x1b\.[AF]")

_LABEL = re.compile(rb"charset|encoding", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_DECLARED = re.compile(
    rb"""<\?xml[^>]+?encoding\s*=\s*["']\s*([\w.:-]+)"""
    rb"""|<meta\s[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_FACTS = tomllib.loads(
    (Path(__file__).parents[1] / "data" / "encodings.toml").read_text("utf-8")
)
_LABELS: dict[str, str] = _FACTS["labels"]
_SUPERSETS: dict[str, str] = _FACTS["supersets"]
_COMMON = frozenset(_FACTS["common"])
_MULTIBYTE = frozenset(_FACTS["multibyte"])
_NEAR = 0.75  # share of the best confidence from which a reading is worth comparing
_TIE = 0.003  # difference of confidence that means nothing
_ALTERNATIVES = 3  # worth keeping
_LIKELY = 0.2  # chardet gives random bytes less

_LETTER = r"[^\W\d_]"
_ODD = re.compile(
    r"[\x80-\x84\x86-\x9f\ue000-\uf8ff]"  # controls, private use
    r"|[¤¦¨¯\u00b8\u02c7\u02d8-\u02dd]"  # currency sign, broken bar, lone accents
    r"|[\u2320\u2321\u2500-\u25a0≡≈∩⌐ƒ]"  # frames and formulas of DOS
    rf"|(?<={_LETTER})[^\w\s!-/:-@\[-`{{-~\u00ad\u00b4\u00b7\u0300-\u036f\u05f3\u05f4"
    rf"\u200b-\u200f\u2010-\u2027](?={_LETTER})"  # a sign inside a word
    rf"|(?<={_LETTER})[¹²³¼½¾](?={_LETTER})"
    r"|[\u00c0-\u024f]{4,}"  # Cyrillic, Greek or Hebrew read as Latin
)
_WORD = re.compile(rf"[A-Za-z]*[^\W\d_\x00-\x7f]{_LETTER}*")  # not all ASCII
_MAX_ODD = 0.2  # of the non-ASCII characters
_MIN_READABLE = 0.85
_PLAIN = re.compile(
    "[\t-\r -~\u00a0-\u024f\u2002-\u206f\u20a0-\u27bf\u3000-\u303f\uff00-\uffef"
    "\u0300-\u036f\u1e00-\u1eff\U0001f300-\U0001faff]"
)
_SCRIPTS = {
    "han": re.compile("[\u2e80-\u2fff\u3040-\u312f\u31a0-\u4dff\uf900-\ufaff]"),
    "hangul": re.compile("[\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff]"),
    "arabic": re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufeff]"),
    "cyrillic": re.compile("[\u0400-\u052f]"),
    "greek": re.compile("[\u0370-\u03ff\u1f00-\u1fff]"),
}
_FIRST_HAN, _LAST_HAN = 0x4E00, 0x9FFF

_MAX_BROKEN = 0.05  # errors per character outside ASCII
_MAX_BROKEN_DECLARED = 0.2
_MAX_BROKEN_MULTIBYTE = 0.01
_MIN_PROOF = 4  # valid UTF-8 sequences
_FIRST_LEAD_BYTE = 0xC0
_C1_BYTES = re.compile(rb"[\x80-\x9f]")
_TEXT_CODEC = re.compile(
    r"utf-8|cp\d+|iso8859-\d+|koi8-[rut]|mac-\w+|gb18030|big5\w*|euc_\w+|shift_jis\w*"
    r"|iso2022_\w+|hz|johab|kz1048|ptcp154"
)
_ERAS = EncodingEra.ALL & ~EncodingEra.MAINFRAME  # no raw article is in EBCDIC


def decode_bytes(raw: bytes, *, html: bool = False) -> Decoded | Undecoded:
    r"""Decode the bytes of a file.

    Args:
        raw: Bytes of the file, decompressed.
        html: Believe the charset that the page declares (``<meta charset>``).

    Returns:
        The text, or why there is none. Text never begins with a byte order mark.

    Examples:
        >>> decode_bytes("Grüße aus Köln, schöne Bücher".encode("cp1252")).encoding
        'cp1252'
        >>> decode_bytes(b"\x89PNG\r\n\x1a\n").reason
        <Reason.BINARY: 'binary'>
    """
    return _decode(InMemory(raw), html=html)


def tell_encoding(chunks: Callable[[], Iterable[bytes]]) -> Decoded | Undecoded:
    """Tell the encoding of bytes that need not fit into memory.

    They are gone through once if they are UTF-8, else once more for each encoding that
    is considered.

    Args:
        chunks: Gives the content, decompressed; the same whenever it is called.

    Returns:
        What ``decode_bytes`` would, without the text.
    """
    return _decode(Streamed(chunks), html=False)


def _decode(content: Bytes, *, html: bool) -> Decoded | Undecoded:
    if marked := _decode_marked(content):
        return marked
    if match := _MAGIC.match(content.head):
        return Undecoded(
            Reason.BINARY, f"begins like a binary file: {match.group()[:8]!r}"
        )
    controls = content.control_count / max(1, content.size_bytes)
    is_odd = controls > _MAX_CONTROLS or content.has_nul
    if is_odd and (wide := _decode_wide(content)):
        return wide
    if escaped := _decode_escaped(content):
        return escaped
    if controls > _MAX_CONTROLS:
        return Undecoded(
            Reason.BINARY, f"{controls:.1%} of the bytes are control characters"
        )
    return _decode_text(content, html=html)


def decode(raw: bytes) -> str | None:
    """Codec of ``raw``, or null if it is no text (for the encodings bench)."""
    decoded = decode_bytes(raw)
    return decoded.encoding if isinstance(decoded, Decoded) else None


def _decode_text(content: Bytes, *, html: bool) -> Decoded | Undecoded:
    if reading := content.read("utf-8"):
        return Decoded(reading.text, "utf-8", EncodingMethod.UTF8)
    declared = _declared_codec(content.head) if html else None
    return (
        _decode_declared(content, declared)
        or _decode_repaired(content, is_declared=declared == "utf-8")
        or _decode_by_statistics(content)
    )


def _decode_marked(content: Bytes) -> Decoded | None:
    """Believe a byte order mark, unless what follows it is no text."""
    for mark, codec in _BOMS:
        if not content.head.startswith(mark):
            continue
        reading = content.read_leniently(codec)
        errors = reading.errors
        if errors <= 1 + _MAX_BROKEN * reading.high_count and (
            codec == "utf-8-sig" or _readable(reading.head) >= _MIN_READABLE
        ):
            return Decoded(reading.text, codec, EncodingMethod.BOM, errors=errors)
    return None


def _decode_wide(content: Bytes) -> Decoded | None:
    """Find UTF-16 and UTF-32 without a mark: one of their byte orders reads well."""
    readings = []
    head = InMemory(content.head[:_HEAD_BYTES])
    for codec in _WIDE:
        sample = head.read_leniently(codec)
        if sample.errors <= 1:  # the sample may cut a surrogate pair
            readings.append((_readable(sample.text), codec))
    score, codec = max(readings, default=(0.0, ""), key=lambda reading: reading[0])
    if score < _MIN_READABLE:
        return None
    whole = content.read_leniently(codec)
    if whole.errors > 1 + _MAX_BROKEN * whole.char_count:
        return None
    readings.sort(reverse=True)
    others = tuple((other, value) for value, other in readings if other != codec)
    return Decoded(
        whole.text, codec, EncodingMethod.DETECTED, score, whole.errors, others
    )


def _decode_escaped(content: Bytes) -> Decoded | None:
    """Find ISO-2022, which is plain ASCII but for its escape sequences."""
    if not _ISO_2022.search(content.head[:_SAMPLE_BYTES]):
        return None
    guess = chardet.detect(content.head, compat_names=False, max_bytes=_SAMPLE_BYTES)
    codec = guess["encoding"] or ""
    if not codec.startswith("iso2022"):
        return None
    reading, codec = _read_best(content, codec)
    if reading is None:
        return None
    return Decoded(
        reading.text,
        codec,
        EncodingMethod.DETECTED,
        guess["confidence"],
        reading.errors,
    )


def _declared_codec(raw: bytes) -> str | None:
    match = _DECLARED.search(_COMMENT.sub(b"", raw[:_HEAD_BYTES]))
    if not match:
        return None
    label = (match[1] or match[2]).decode("ascii", "replace").lower()
    if label in _LABELS:
        return _LABELS[label]
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    name = _LABELS.get(name, name)
    return name if _TEXT_CODEC.fullmatch(name) else None


def _decode_declared(content: Bytes, codec: str | None) -> Decoded | None:
    """Believe a declared charset, unless it turns words into signs."""
    reading = content.read(codec) if codec else None
    if codec is None or reading is None:
        return None
    sample = reading.head
    if _count_oddities(sample) > _MAX_ODD * count_high(sample):
        return None
    return Decoded(reading.text, name_codec(codec), EncodingMethod.DECLARED)


def _decode_repaired(content: Bytes, *, is_declared: bool) -> Decoded | None:
    """Accept UTF-8 with a few broken bytes: cut at the end, or pasted from elsewhere.

    Legacy text hardly ever contains a valid UTF-8 sequence, so a few of them prove more
    than one broken byte does.
    """
    reading = content.read_leniently("utf-8")
    errors = reading.errors
    valid = reading.high_count - reading.replaced_count
    cut = errors == 1 and reading.is_cut
    share = _MAX_BROKEN_DECLARED if is_declared else _MAX_BROKEN
    if (
        errors <= share * valid
        or (errors == 1 and valid >= _MIN_PROOF)
        or (cut and (valid or content.last_byte < _FIRST_LEAD_BYTE))
    ):
        return Decoded(reading.text, "utf-8", EncodingMethod.REPAIRED, errors=errors)
    return None


def _decode_by_statistics(content: Bytes) -> Decoded | Undecoded:
    guesses = _guess(content.head)
    if not guesses:
        return Undecoded(Reason.BINARY, "looks like no text in any encoding")
    for index, (codec, score) in enumerate(guesses):
        if score < _NEAR * guesses[0][1]:
            break
        reading, codec = _read_best(content, codec)  # noqa: PLW2901 a superset of it
        if reading is not None and _is_plausible(reading.head, score):
            refused = [(other, 0.0) for other, _ in guesses[:index]]
            others = guesses[index + 1 :][:_ALTERNATIVES] + refused
            return Decoded(
                reading.text,
                codec,
                EncodingMethod.DETECTED,
                score,
                reading.errors,
                tuple(others),
            )
    codec, score = guesses[0]
    return Undecoded(
        Reason.UNDECODABLE,
        f"no encoding gives plausible text; the nearest is {codec} ({score:.2f})",
    )


def _guess(head: bytes) -> list[tuple[str, float]]:
    """Codecs by score, best first; empty if the bytes look binary.

    chardet's confidence, less the share of characters that a reading makes odd: a tie
    between Windows-1252 and ISO 8859-15 is ``½uvre`` against ``œuvre``.
    """
    # chardet would believe any label, and this function is for when it is not to be.
    found = chardet.detect_all(
        _LABEL.sub(b"", head[:_HEAD_BYTES]) + head[_HEAD_BYTES:],
        compat_names=False,
        max_bytes=_SAMPLE_BYTES,
        encoding_era=_ERAS,
    )
    sample = head[:_SAMPLE_BYTES]
    guesses: dict[str, float] = {}
    for guess in found:
        if guess["encoding"] is None:
            return []
        codec = guess["encoding"]
        if _SUPERSETS.get(codec) and _reads(sample, _SUPERSETS[codec]) is not None:
            codec = _SUPERSETS[codec]
        guesses.setdefault(name_codec(codec), guess["confidence"])
    first = next(iter(guesses))
    best = guesses[first]
    if first == "iso8859-15" and _reads(sample, "cp1252") == _reads(sample, first):
        first = "cp1252"  # the usual name for the same text
        guesses.pop(first, None)
        guesses = {first: best, **guesses}
    if (
        first == "cp1250"
        and best - guesses.get("iso8859-2", 0) < _TIE
        # Neither is likelier, but text of the Windows page would use its extra letters.
        and not _C1_BYTES.search(sample)
    ):
        guesses["iso8859-2"] = best + _TIE
    ranked = [
        (codec, round(score * (1 - _odd_share(sample[:HEAD_CHARS], codec)), 4))
        for codec, score in guesses.items()
        if score >= _NEAR * best and (codec == first or codec in _COMMON)
    ]
    return sorted(ranked, key=lambda guess: -guess[1])


def _reads(sample: bytes, codec: str) -> str | None:
    reading = InMemory(sample).read(codec)
    return reading.text if reading else None


def _odd_share(sample: bytes, codec: str) -> float:
    high = len(sample) - len(sample.translate(None, _HIGH))
    odd = _count_oddities(sample.decode(codec, "ignore"))
    return min(1.0, odd / max(1, high))


def _read_best(content: Bytes, codec: str) -> tuple[Reading | None, str]:
    """Decode with the superset of ``codec`` if it fits, else with itself.

    Returns:
        What was read (null if too much of it cannot be), codec used.
    """
    for name in dict.fromkeys((_SUPERSETS.get(codec, codec), codec)):
        if reading := content.read(name):
            return reading, name_codec(name)
    if codec in _MULTIBYTE:  # elsewhere a byte without meaning tells against the codec
        reading = content.read_leniently(codec)
        if reading.errors <= 1 + _MAX_BROKEN_MULTIBYTE * reading.high_count:
            return reading, name_codec(codec)
    return None, codec


def _count_oddities(text: str) -> int:
    """Count characters that stand where no language puts them."""
    count = sum(len(run) for run in _ODD.findall(text))
    for match in _WORD.finditer(text):
        word = match.group()
        if word.islower() or word.isupper() or word.istitle():
            if len(word) == 1 and word.isupper():
                # A lone capital in mid-sentence is a dash of another code page.
                count += text[max(0, match.start() - 2) : match.start()][:1].islower()
            continue
        count += sum(
            first.islower() and second.isupper() and not (first + second).isascii()
            for first, second in pairwise(word)
        )
    return count


def _is_plausible(text: str, score: float) -> bool:
    """Tell text from random bytes, which some codec always reads."""
    sample = text[:HEAD_CHARS]
    if _readable(sample) < _MIN_READABLE:
        return False
    # A likely reading may be odd all the same: mojibake is for a later step to undo.
    return score >= _LIKELY or (
        _count_oddities(sample) <= _MAX_ODD * count_high(sample)
    )


def _readable(text: str) -> float:
    """Share of the characters that belong together: Latin, signs and one script."""
    sample = text[:_HEAD_BYTES]
    if not sample:
        return 1.0
    counts: Counter[str] = Counter()
    for character, count in Counter(sample).items():
        counts[_script(character)] += count
    plain, bad = counts.pop("plain", 0), counts.pop("bad", 0)
    return (plain + max(counts.values(), default=0) - bad) / len(sample)


def _script(character: str) -> str:
    """Bucket of a character: ``plain`` goes with any script, ``bad`` with none."""
    code = ord(character)
    if _PLAIN.match(character):
        return "plain"
    if character == "\ufffd" or unicodedata.category(character) in {
        "Cc",
        "Cn",
        "Co",
        "Cs",
    }:
        return "bad"
    if _FIRST_HAN <= code <= _LAST_HAN:
        return "han" if character in _common_han() else "rare"
    for name, pattern in _SCRIPTS.items():
        if pattern.match(character):
            return name
    return str(code >> 7)


@cache
def _common_han() -> frozenset[str]:
    """Characters of the first levels of GB 2312, Big5 and JIS X 0208.

    Source: the standards; level 1 holds what running text is made of.
    """
    levels = (("gb2312", 0xB0, 0xD7), ("big5", 0xA4, 0xC6), ("euc_jp", 0xB0, 0xCF))
    return frozenset(
        character
        for codec, first, last in levels
        for lead in range(first, last + 1)
        for trail in range(0x40, 0xFF)
        for character in bytes((lead, trail)).decode(codec, "ignore")
    )
