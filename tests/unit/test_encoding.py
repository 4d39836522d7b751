"""Bytes become the text that was written, or are refused as no text."""

import codecs
import random
import struct

import pytest

from tasks.files.encoding import Decoded, decode, decode_bytes
from tasks.schema import EncodingMethod, Reason

GERMAN = (
    "Am Hafen von Düsterbrück läuten die Glocken schon früh. Die Fischer trinken"
    " Tee, während ein großer Kutter über das ölige Wasser zurückkehrt. „Schöner"
    " wird’s nicht“, sagt der Wärter – und schließt die Tür.\n"
)
FRENCH = (
    "Le phare garde l'entrée du port depuis des siècles. Sa sœur cadette, née au"
    " cœur de l'été, y a vécu jusqu'à ses dix ans ; c'est là qu'elle a peint ses"
    " premières œuvres, vendues 40 € pièce à des marins de passage.\n"
)
CZECH = (
    "Na ostrově žije už jen několik rybářů. Každé ráno čekají, až přijede loď, a"
    " pak společně třídí úlovek. Největší ryby odvážejí do města, menší zůstanou.\n"
)
RUSSIAN = (
    "Утром над гаванью стоял туман. Рыбаки пили чай и ждали, когда вернётся старый"
    " катер. Никто не знал, что в эту ночь погас маяк.\n"
)
JAPANESE = "港の朝は早い。漁師たちはお茶を飲みながら、古い船が帰るのを待っていた。\n"
CHINESE = "清晨的港口笼罩着大雾。渔民们一边喝茶，一边等待那条旧船回来。\n"
KOREAN = "항구의 아침은 이르다. 어부들은 차를 마시며 낡은 배가 돌아오기를 기다렸다.\n"
GREEK = "Το λιμάνι ξυπνά νωρίς. Οι ψαράδες πίνουν τσάι και περιμένουν το παλιό καΐκι.\n"
ENGLISH = (
    "The lighthouse keeper didn’t answer. “It was dark,” he said later — and no"
    " one asked again. That winter, the “old lady” was switched off for good.\n"
)
CASES = [
    (GERMAN, "cp1252"),
    (GERMAN.translate({0x201E: '"', 0x201C: '"', 0x2019: "'", 0x2013: "-"}), "cp850"),
    (GERMAN, "mac-roman"),
    (ENGLISH, "mac-roman"),
    (ENGLISH, "cp1252"),
    (FRENCH, "iso8859-15"),
    (FRENCH, "cp1252"),
    (CZECH, "cp1250"),
    (CZECH, "iso8859-2"),
    (RUSSIAN, "cp1251"),
    (RUSSIAN, "koi8-r"),
    (RUSSIAN, "cp866"),
    (RUSSIAN, "iso8859-5"),
    (GREEK, "iso8859-7"),
    (JAPANESE, "cp932"),
    (JAPANESE, "euc_jp"),
    (JAPANESE, "iso2022_jp"),
    (CHINESE, "gb18030"),
    (KOREAN, "cp949"),
    (KOREAN, "iso2022_kr"),
]
WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize(("text", "codec"), CASES)
@pytest.mark.parametrize("times", [2, 9])
def test_legacy_text_is_read_as_written(text, codec, times):
    """A few sentences suffice to tell the code page."""
    decoded = decode_bytes((text * times).encode(codec))

    assert decoded.text == text * times
    assert decoded.method is EncodingMethod.DETECTED
    assert 0 < decoded.score <= 1
    assert decoded.errors == 0


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        (CHINESE, "gb18030"),
        (JAPANESE, "cp932"),
        (GERMAN, "cp1252"),
        (RUSSIAN, "koi8-r"),
    ],
)
@pytest.mark.parametrize("shift", ["", "."])
def test_long_text_is_read_to_its_end(text, codec, shift):
    """Statistics see the beginning only; no character is cut there."""
    written = shift + text * 3000

    assert decode_bytes(written.encode(codec)).text == written


@pytest.mark.parametrize("codec", WIDE)
@pytest.mark.parametrize("text", [ENGLISH, GERMAN, RUSSIAN, JAPANESE, CHINESE, KOREAN])
def test_wide_text_needs_no_mark(text, codec):
    """UTF-16 and UTF-32 show by which byte order reads well."""
    decoded = decode_bytes(text.encode(codec))

    assert (decoded.text, decoded.encoding) == (text, codec)


@pytest.mark.parametrize(
    ("mark", "codec", "name"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
    ],
)
def test_a_mark_decides_and_is_no_text(mark, codec, name):
    """Text never begins with U+FEFF."""
    for text in (JAPANESE, "a"):
        decoded = decode_bytes(mark + text.encode(codec))

        assert decoded == Decoded(text, name, EncodingMethod.BOM)


def test_valid_utf8_is_utf8():
    """No statistics where there is proof."""
    for text in (
        "",
        "plain",
        GERMAN + RUSSIAN + JAPANESE + "👩‍🚀",
        GERMAN + "\0",
        "\ufffd",
    ):
        decoded = decode_bytes(text.encode())

        assert decoded == Decoded(text, "utf-8", EncodingMethod.UTF8)


@pytest.mark.parametrize(
    ("raw", "errors"),
    [
        pytest.param((GERMAN + "ä").encode()[:-1], 1, id="cut at the end"),
        pytest.param((RUSSIAN * 9 + "и").encode()[:-1], 1, id="long and cut"),
        pytest.param(b"quotes \xe2\x80", 1, id="only what is cut"),
        pytest.param((RUSSIAN * 9).encode() + b" \xe9t\xe9 ", 2, id="pasted Latin-1"),
        pytest.param((RUSSIAN + "\ufffd").encode() + b"\xff.", 1, id="its own U+FFFD"),
    ],
)
def test_a_few_broken_bytes_do_not_unmake_utf8(raw, errors):
    """Each broken sequence is one U+FFFD and is counted."""
    decoded = decode_bytes(raw)

    assert decoded.method is EncodingMethod.REPAIRED
    assert decoded.encoding == "utf-8"
    assert decoded.errors == errors
    assert decoded.text == raw.decode("utf-8", "replace")


def test_a_cut_character_does_not_unmake_a_legacy_text():
    """A download that stops inside a character costs that character only."""
    decoded = decode_bytes((CHINESE * 9).encode("gb18030")[:-2])

    assert decoded.encoding == "gb18030"
    assert decoded.errors == 1
    assert decoded.text.startswith(CHINESE)


@pytest.mark.parametrize(
    ("head", "codec", "expected"),
    [
        ('<meta charset="{}">', "iso-8859-1", "cp1252"),
        ("<META CHARSET={}>", "windows-1252", "cp1252"),
        (
            '<meta http-equiv="Content-Type" content="text/html; charset={}"/>',
            "latin1",
            "cp1252",
        ),
        ("<?xml version='1.0' encoding='{}'?>", "ISO-8859-9", "cp1254"),
    ],
)
def test_a_page_is_believed_about_its_charset(head, codec, expected):
    """Labels mean what browsers take them for."""
    page = head.format(codec) + "<p>„Été“ – 1 ½ Ärmel</p>"
    decoded = decode_bytes(page.encode(expected), html=True)

    assert decoded == Decoded(page, expected, EncodingMethod.DECLARED)


@pytest.mark.parametrize(
    "head",
    [
        "<meta charset=utf-8>",
        "<meta charset=nonsense>",
        "<meta charset=hex>",
        "<meta charset=iso-8859-1>",
        "<!-- <meta charset=cp850> -->",
    ],
)
def test_a_false_charset_is_not_believed(head):
    """It is no text codec, or cannot be read, or would turn words into signs."""
    page = f"{head}<p>{RUSSIAN}</p>"

    assert decode_bytes(page.encode("cp1251"), html=True).text == page


def test_utf8_is_stronger_than_a_declaration():
    """A page that is UTF-8 is read so, whatever an old template says."""
    page = f"<meta charset=iso-8859-1><p>{GERMAN}"

    assert decode_bytes(page.encode(), html=True).encoding == "utf-8"


def test_charsets_are_declared_in_html_only():
    """Plain text that quotes a meta element declares nothing."""
    text = "Use <meta charset=cp850>: " + GERMAN

    assert decode_bytes(text.encode("cp1252")).text == text


@pytest.mark.parametrize(
    "raw",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(40),
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3",
        b"PK\x03\x04\x14\x00",
        b"GIF89a\x01\x00\x01\x00",
        b"\x7fELF\x02\x01\x01",
        bytes(100),
        struct.pack("<200h", *range(-2000, 2000, 20)),
        random.Random(1).randbytes(5000),
        b"\xff\xfe" + random.Random(2).randbytes(500),
    ],
    ids=range(10),
)
def test_binary_files_are_refused(raw):
    """A file that is no text is not read as an exotic one."""
    assert decode_bytes(raw).reason is Reason.BINARY
    assert decode(raw) is None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("first", [0x80, 0x81, 0xA1])
def test_random_bytes_are_no_text(first, seed):
    """Some codec reads anything; the reading must also make sense."""
    chosen = random.Random(seed)
    raw = bytes(chosen.randrange(first, 0xFF) for _ in range(400))

    assert decode_bytes(raw).reason in {Reason.BINARY, Reason.UNDECODABLE}


def test_a_pattern_of_high_bytes_is_no_text():
    """The detail names the nearest encoding."""
    refused = decode_bytes(b"\x80\x81\xfe\xff" * 50)

    assert refused.reason is Reason.UNDECODABLE
    assert "the nearest is" in refused.detail


def test_mojibake_is_left_for_a_later_step():
    """Text that somebody mangled before is still read as it stands."""
    text = GERMAN.encode().decode("cp1252", "ignore") * 3

    assert decode_bytes(text.encode()).text == text
