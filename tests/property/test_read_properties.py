"""Laws of reading that hold for any content."""

import gzip
import hashlib
import json
import os
from dataclasses import replace
from unittest.mock import patch

import pandas as pd
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.files.crawled import read_machine_date, read_object
from tasks.files.encoding import Decoded, Undecoded, decode_bytes, tell_encoding
from tasks.files.readings import decode_chunks
from tasks.read import Limits, read_files
from tasks.schema import SOURCES, Reason

NAMES = st.sampled_from(
    [
        name + packed
        for name in ("a.txt", "a.md", "a.html", "a.json", "a.jsonl")
        for packed in ("", ".gz", ".zst")
    ]
)
JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["text", "body", "title", "authors", "date", "url", "name", "sections"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PACK = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
FEW = settings(max_examples=60, deadline=None)


def read_content(tmp_path, name, content, limits=None):
    """Articles, claims and sources of one file."""
    path = tmp_path / name
    path.write_bytes(content)
    os.utime(path, (1, 1))
    files = pd.DataFrame(
        {
            "source_path": [name],
            "size_bytes": [len(content)],
            "mtime_ns": [0],
            "problem": [None],
            "detail": [None],
        }
    )
    return read_files(files, tmp_path, "run", limits or Limits())


@FEW
@given(NAMES, st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_any_bytes_end_as_one_row(tmp_path_factory, name, content):
    """No content raises, and the counts of articles and sources agree."""
    articles, claims, sources = read_content(
        tmp_path_factory.mktemp("raw"), name, content
    )

    SOURCES.conform(sources)
    source = sources.iloc[0]
    assert source["document_count"] == len(articles)
    assert (source["status"] == "accepted") == (len(articles) > 0)
    assert (source["status"] == "accepted") or source["reason"] in set(Reason)
    assert source["sha256"] == hashlib.sha256(content).hexdigest()
    assert set(claims["document_id"]) <= set(articles["document_id"])
    for text in articles["raw_text"]:
        text.encode("utf-8")


@FEW
@given(st.lists(JSON_VALUES, max_size=4))
def test_any_json_is_accounted_for(tmp_path_factory, values):
    """Every item of a list and every line is an article or a reject."""
    raw_dir = tmp_path_factory.mktemp("raw")
    whole = json.dumps(values).encode()
    lines = "\n".join(json.dumps({"line": 1, "v": value}) for value in values).encode()
    for name, content in (("a.json", whole), ("b.jsonl", lines)):
        articles, _, sources = read_content(raw_dir, name, content)
        if values:
            rejected = sources["rejected_members"][0]
            assert len(articles) + len(rejected) == len(values)
        for text in articles["raw_text"]:
            text.encode("utf-8")


@given(st.dictionaries(st.text(max_size=8), JSON_VALUES, max_size=5))
def test_claims_can_be_stored(article):
    """Values are single lines of storable text."""
    for claim in read_object(article).claims:
        claim.value.encode("utf-8")
        assert claim.value == claim.value.strip()
        assert claim.value
        assert "\n" not in claim.value


@given(st.text(max_size=300))
@example("\ufeffa")
def test_utf8_round_trips(text):
    """UTF-8 is read to the letter, but for a byte order mark and binary content."""
    decoded = decode_bytes(text.encode())

    if isinstance(decoded, Decoded) and decoded.encoding == "utf-8":
        assert decoded.text == text.lstrip("\ufeff")
        assert decoded.errors == 0


@given(st.binary(max_size=400), st.booleans())
def test_decoding_never_raises(raw, html):
    """Bytes are text or a reason why not, and the same each time."""
    decoded = decode_bytes(raw, html=html)

    assert decoded == decode_bytes(raw, html=html)
    if isinstance(decoded, Undecoded):
        assert decoded.reason in {Reason.BINARY, Reason.UNDECODABLE}
    else:
        assert not decoded.text.startswith("\ufeff")
        decoded.text.encode("utf-8")
        raw.decode(decoded.encoding, "replace")


CODECS = (
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-32",
    "cp1252",
    "cp1251",
    "koi8-r",
    "gb18030",
    "big5hkscs",
    "shift_jis",
    "euc_kr",
    "iso2022_jp",
    "hz",
)
LEGACY = st.builds(
    lambda text, times, codec, broken: text.encode(codec, "ignore") * times + broken,
    st.text(max_size=60)
    | st.sampled_from(["Über Köln", "Москва", "東京の天気", "서울"]),
    st.integers(1, 30),
    st.sampled_from(CODECS),
    st.binary(max_size=3),
)


@given(st.binary(max_size=400) | LEGACY, st.integers(1, 40))
def test_encoding_is_told_from_chunks_as_from_the_whole(raw, size):
    """Whether a file fits into memory makes no difference to what is read from it."""
    whole = decode_bytes(raw)
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]
    told = tell_encoding(lambda: chunks)

    if isinstance(whole, Undecoded):
        assert told == whole
        return
    assert told == replace(whole, text="")
    assert "".join(decode_chunks(chunks, whole.encoding)) == whole.text


@given(st.binary(max_size=60), st.integers(1, 9), st.sampled_from(CODECS))
@example("é".encode()[:1], 1, "utf-8")
def test_bytes_are_decoded_in_chunks_as_at_once(raw, size, codec):
    """Also those that no text is written in."""
    raw = "".encode(codec) + raw  # the mark, without which these are not asked for
    chunks = [raw[start : start + size] for start in range(0, len(raw), size)]

    text = raw.decode(codec, "replace").lstrip("\ufeff")

    assert "".join(decode_chunks(chunks, codec)) == text


@FEW
@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_compression_changes_nothing_but_the_name(tmp_path_factory, text):
    """A packed file holds the same articles as the plain one."""
    raw_dir = tmp_path_factory.mktemp("raw")
    content = text.encode()
    plain = read_content(raw_dir, "a.txt", content)[0]
    for name, packed in (
        ("a.txt.gz", gzip.compress(content)),
        ("a.txt.zst", zstandard.ZstdCompressor().compress(content)),
    ):
        assert list(read_content(raw_dir, name, packed)[0]["raw_text"]) == list(
            plain["raw_text"]
        )


@given(st.text(max_size=40) | st.dates().map(str) | st.datetimes().map(str))
def test_dates_are_iso_or_nothing(value):
    """A date is 4, 7 or 10 characters that a calendar knows."""
    found = read_machine_date(value)

    assert len(found) in {0, 4, 7, 10}
    if len(found) == 10:
        assert str(pd.Timestamp(found).date()) == found


LINES = st.one_of(
    JSON_VALUES.map(json.dumps).map(str.encode),
    st.builds(
        lambda text, title: json.dumps({"text": text, "title": title}).encode(),
        st.text(min_size=1, max_size=40),
        st.text(max_size=10),
    ),
    st.text(max_size=20).map(lambda text: f'{{"text": "{text} Größe"}}'.encode()),
    st.sampled_from(["Über Köln", "Москва"]).map(
        lambda text: f'{{"body": "{text}"}}'.encode("cp1251", "ignore")
    ),
    st.binary(max_size=8),
    st.sampled_from([b"", b" ", b"{", b"]", b'{"text": "a\xe2\x80\xa8b"}']),
)
CONTENTS = st.builds(
    lambda start, lines, line_end: start + line_end.join(lines),
    st.sampled_from([b"", b"", b"\xef\xbb\xbf", b"\n", b"[\n"]),
    st.lists(LINES, max_size=8),
    st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n"]),
)


@settings(max_examples=80, deadline=None)
@given(
    CONTENTS,
    st.integers(1, 120),
    st.integers(1, 50),
    st.sampled_from(["", ".gz", ".zst"]),
)
@example(b'{"text": "One"}\n{}\n{"text": "Two"}', 10, 3, "")
@example(b'{"text": "One"}\n{"text": "caf\xe9"}\n', 10, 3, ".gz")
def test_a_file_is_the_same_rows_as_a_stream(
    tmp_path_factory, content, piece_bytes, chunk_bytes, suffix
):
    """What a file becomes does not depend on whether it fits into memory."""
    raw_dir = tmp_path_factory.mktemp("raw")
    name = f"a.jsonl{suffix}"
    packed = PACK[suffix](content)

    whole = read_content(raw_dir, name, packed)
    with patch("tasks.files.content._CHUNK_BYTES", chunk_bytes):
        streamed = read_content(raw_dir, name, packed, Limits(piece_bytes=piece_bytes))

    for expected, found in zip(whole, streamed, strict=True):
        pd.testing.assert_frame_equal(found, expected)
