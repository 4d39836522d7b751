"""Files become articles; each file and each article in it is accounted for."""

import gzip
import hashlib
import json

import pandas as pd
import pytest
import zstandard

from tasks.discover import discover_files
from tasks.logic import step_versions
from tasks.read import Limits, make_document_id, read_files
from tasks.schema import SOURCES, Format

ARTICLE_COLUMNS = [
    "document_id",
    "source_path",
    "member",
    "sha256",
    "format",
    "compression",
    "encoding",
    "encoding_method",
    "encoding_score",
    "encoding_errors",
    "text_field",
    "markup",
    "raw_text",
    "step_versions",
]
CLAIM_COLUMNS = [
    "document_id",
    "field",
    "value",
    "rule_id",
    "score",
    "start_chars",
    "end_chars",
]


def read(raw_dir, limits=None, ignore=()):
    """All three frames of a folder."""
    files = discover_files(raw_dir, ignore)
    frames = read_files(files, raw_dir, "run", limits or Limits())
    SOURCES.conform(frames[2])
    return frames


def read_one(tmp_path, name, content):
    """Articles, claims and the one row of sources of a file."""
    (tmp_path / name).write_bytes(content)
    articles, claims, sources = read(tmp_path)
    return articles, claims, sources.iloc[0]


def rejects_of(source):
    """Rejected members as tuples."""
    return [
        (one["member"], one["reason"], one["detail"])
        for one in source["rejected_members"]
    ]


def test_a_text_file_is_one_article(tmp_path):
    """The decoded text is kept to the letter: positions count in it."""
    raw = "Grüße\r\n\r\n  Zwei\tDrei \n".encode()
    articles, claims, source = read_one(tmp_path, "a.txt", raw)

    assert articles.to_dict("records") == [
        {
            "document_id": hashlib.sha256(b"a.txt\0").hexdigest()[:20],
            "source_path": "a.txt",
            "member": pytest.approx(float("nan"), nan_ok=True),
            "sha256": hashlib.sha256(raw).hexdigest(),
            "format": "text",
            "compression": pytest.approx(float("nan"), nan_ok=True),
            "encoding": "utf-8",
            "encoding_method": "utf8",
            "encoding_score": pytest.approx(float("nan"), nan_ok=True),
            "encoding_errors": 0,
            "text_field": pytest.approx(float("nan"), nan_ok=True),
            "markup": "text",
            "raw_text": "Grüße\r\n\r\n  Zwei\tDrei \n",
            "step_versions": dict(step_versions(Format.TEXT)),
        }
    ]
    assert len(claims) == 0
    assert source["status"] == "accepted"
    assert source["document_count"] == 1
    assert source["sha256"] == hashlib.sha256(raw).hexdigest()
    assert source["size_bytes"] == len(raw)
    assert source["mtime_ns"] == (tmp_path / "a.txt").stat().st_mtime_ns


@pytest.mark.parametrize(
    ("name", "file_format", "markup"),
    [
        ("a.text", "text", "text"),
        ("a.MD", "markdown", "markdown"),
        ("a.htm", "html", "html"),
        ("a.xhtml", "html", "html"),
    ],
)
def test_the_name_tells_the_markup(tmp_path, name, file_format, markup):
    """Markdown and HTML are marked for the next step, not touched."""
    articles, _, _ = read_one(tmp_path, name, b"<p># Words</p>")

    assert list(articles["format"]) == [file_format]
    assert list(articles["markup"]) == [markup]
    assert list(articles["raw_text"]) == ["<p># Words</p>"]


@pytest.mark.parametrize(
    ("suffix", "pack", "name"),
    [
        (".gz", gzip.compress, "gzip"),
        (".zst", zstandard.ZstdCompressor().compress, "zstd"),
    ],
)
def test_compressed_files(tmp_path, suffix, pack, name):
    """The digest is that of the file as it lies there."""
    raw = pack("Café au lait, déjà vu, après l'été.".encode("cp1252"))
    articles, _, source = read_one(tmp_path, f"a.txt{suffix}", raw)

    assert articles["raw_text"][0] == "Café au lait, déjà vu, après l'été."
    assert articles["compression"][0] == name
    assert articles["encoding"][0] == "cp1252"
    assert articles["encoding_method"][0] == "detected"
    assert 0 < articles["encoding_score"][0] <= 1
    assert source["sha256"] == hashlib.sha256(raw).hexdigest()
    assert source["size_bytes"] == len(raw)


def test_a_json_object_is_one_article(tmp_path):
    """Its fields become text and claims."""
    content = {"title": "Rain", "maintext": "It rains.", "authors": ["Ida Feld"]}
    articles, claims, _ = read_one(tmp_path, "a.json", json.dumps(content).encode())

    assert articles["raw_text"][0] == "It rains."
    assert articles["text_field"][0] == "maintext"
    assert articles["member"].isna().all()
    assert set(claims["document_id"]) == {articles["document_id"][0]}
    assert list(zip(claims["field"], claims["value"], strict=True)) == [
        ("title", "Rain"),
        ("authors", "Ida Feld"),
    ]


def test_a_json_list_is_its_items(tmp_path):
    """Items are named by position; what has no text is said so."""
    content = json.dumps([{"text": "A"}, {"title": "T"}, 7, {"text": "<p>B</p>"}])
    articles, _, source = read_one(tmp_path, "a.json", content.encode())

    assert list(articles["member"]) == ["1", "4"]
    assert list(articles["markup"]) == ["text", "html"]
    assert list(articles["document_id"]) == [
        make_document_id("a.json", "1"),
        make_document_id("a.json", "4"),
    ]
    assert rejects_of(source) == [
        ("2", "no_text", "item 2: no text in the fields title"),
        ("3", "broken_json", "item 3: a number where an object should be"),
    ]
    assert source["status"] == "accepted"
    assert source["document_count"] == 2
    assert (source["stage"], source["reason"]) == ("read", "no_text")
    assert source["detail"] == "item 2: no text in the fields title"


def test_json_lines_are_named_by_line(tmp_path):
    """A broken line is rejected with its number; the rest goes on."""
    content = '{"text": "A\u2028a"}\r\n\n{"text": \n["x"]\n{"text": "B"}\n'
    articles, _, source = read_one(tmp_path, "a.jsonl", content.encode())

    assert list(articles["member"]) == ["1", "5"]
    assert list(articles["raw_text"]) == ["A\u2028a", "B"]
    assert rejects_of(source) == [
        ("3", "broken_json", "line 3: Expecting value at column 10"),
        ("4", "broken_json", "line 4: an array where an object should be"),
    ]


def test_members_sort_by_their_place(tmp_path):
    """The tenth line comes after the ninth."""
    content = "\n".join(json.dumps({"text": f"No {n}"}) for n in range(1, 12))
    articles, _, _ = read_one(tmp_path, "a.jsonl", content.encode())

    assert list(articles["member"]) == [str(n) for n in range(1, 12)]


def test_a_json_file_of_lines_and_lines_of_one_object(tmp_path):
    """Crawlers often mix up the two suffixes."""
    (tmp_path / "lines.json").write_text('{"text": "A"}\n{"text": "B"}\n')
    (tmp_path / "whole.jsonl").write_text('{\n  "text": "C"\n}\n')
    articles, _, sources = read(tmp_path)

    assert list(articles["raw_text"]) == ["A", "B", "C"]
    assert list(articles["member"].fillna("-")) == ["1", "2", "-"]
    assert set(sources["status"]) == {"accepted"}


def test_json_in_other_encodings(tmp_path):
    """UTF-16 and legacy code pages are JSON too."""
    text = "Schöne Grüße aus Köln, für größere Mühe."
    content = json.dumps({"text": text}, ensure_ascii=False)
    for name, codec in (("a.json", "utf-16"), ("b.json", "utf-8-sig")):
        (tmp_path / name).write_bytes(content.encode(codec))
    (tmp_path / "c.json").write_bytes(content.encode("utf-16-be"))
    (tmp_path / "d.json").write_bytes(content.encode("cp1252"))
    articles, _, _ = read(tmp_path)

    assert list(articles["raw_text"]) == [text] * 4
    assert list(articles["encoding_method"]) == ["bom", "bom", "detected", "detected"]


def test_broken_characters_are_counted_where_they_are(tmp_path):
    """Lone surrogates and broken bytes become U+FFFD in their own article only."""
    broken = b'{"text": "clean"}\n{"text": "a\\ud800b"}\n{"text": "\xff %s"}\n' % (
        "äöüß".encode() * 9
    )
    articles, _, _ = read_one(tmp_path, "a.jsonl", broken)

    assert list(articles["encoding_errors"]) == [0, 1, 1]
    assert articles["raw_text"][1] == "a\ufffdb"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param('{"text": "A", "score": NaN}', "A", id="not a number"),
        pytest.param('{"text": "A", "id": %s}' % ("9" * 5000), "A", id="huge integer"),
        pytest.param('{"text": "A", "text": "B"}', "B", id="duplicate key"),
        pytest.param('\ufeff{"text": "A"}', "A", id="byte order mark"),
    ],
)
def test_odd_json_is_read(tmp_path, content, text):
    """What Python's reader takes or would choke on is no reason to lose an article."""
    articles, _, _ = read_one(tmp_path, "a.json", content.encode())

    assert list(articles["raw_text"]) == [text]


def test_every_file_has_one_row_of_sources(tmp_path):
    """Problems found while listing pass through unread, with what was known."""
    (tmp_path / "a.txt").write_text("Words.")
    (tmp_path / "b.jpg").write_text("Words.")
    (tmp_path / "README.md").write_text("Words.")
    (tmp_path / "x.txt").mkdir()
    articles, _, sources = read(tmp_path, ignore=["README.md"])

    assert list(articles["source_path"]) == ["a.txt"]
    found = sources.set_index("source_path")
    assert found["status"].to_dict() == {
        "README.md": "ignored",
        "a.txt": "accepted",
        "b.jpg": "rejected",
        "x.txt": "rejected",
    }
    assert list(found["stage"].fillna("")) == ["discover", "", "discover", "discover"]
    assert list(found["sha256"].isna()) == [True, False, False, True]
    assert found["sha256"]["b.jpg"] == found["sha256"]["a.txt"]
    assert found["size_bytes"]["b.jpg"] == 6
    assert found["reason"]["x.txt"] == "not_a_file"


def test_frames_have_one_shape_with_and_without_rows(tmp_path):
    """An empty batch joins with a full one."""
    empty = read(tmp_path)
    content = {"text": "A", "title": "T", "id": 1}
    (tmp_path / "a.json").write_text(json.dumps(content))
    full = read(tmp_path)

    assert list(full[0].columns) == ARTICLE_COLUMNS
    assert list(full[1].columns) == CLAIM_COLUMNS
    assert list(full[2].columns) == SOURCES.schema.names
    for left, right in zip(empty, full, strict=True):
        assert len(left) == 0
        assert left.dtypes.equals(right.dtypes)


def test_order_does_not_depend_on_the_order_of_files(tmp_path):
    """Rows come by path, whatever the batch looks like."""
    for name in ("c.txt", "a.txt", "b/d.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"Words of {name}.")
    files = discover_files(tmp_path, [])
    forth = read_files(files, tmp_path, "run", Limits())
    back = read_files(files.iloc[::-1], tmp_path, "run", Limits())

    for left, right in zip(forth, back, strict=True):
        pd.testing.assert_frame_equal(left, right)


def test_a_guessed_encoding_comes_with_what_else_it_could_be(tmp_path):
    """The codec used comes first, then others with no better score, as claims."""
    text = "Die Bürger hörten, daß die Straße größer würde. " * 20
    articles, claims, _ = read_one(tmp_path, "a.txt", text.encode("cp1252"))
    found = claims[claims["field"] == "encoding"]

    assert found["value"].iloc[0] == articles["encoding"].iloc[0] == "cp1252"
    assert found["rule_id"].iloc[0] == "encoding.detected"
    assert found["score"].is_monotonic_decreasing
    assert set(found["rule_id"].iloc[1:]) == {"encoding.alternative"}


def test_a_proven_encoding_needs_no_evidence(tmp_path):
    """Of UTF-8 nothing has to be guessed."""
    _, claims, _ = read_one(tmp_path, "a.txt", "Die Bürger hörten.".encode())

    assert "encoding" not in set(claims["field"])
