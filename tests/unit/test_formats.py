"""What a name says about a file."""

import pytest

from tasks.files.formats import tell_format
from tasks.schema import Compression, Format


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", (Format.TEXT, None)),
        ("A.TXT", (Format.TEXT, None)),
        ("a.text.gz", (Format.TEXT, Compression.GZIP)),
        ("a.markdown", (Format.MARKDOWN, None)),
        ("a.b.xhtml.ZST", (Format.HTML, Compression.ZSTD)),
        ("a.htm", (Format.HTML, None)),
        ("a.json", (Format.JSON, None)),
        ("a.ndjson.zst", (Format.JSONL, Compression.ZSTD)),
        ("a.jpg", None),
        ("a.gz", None),
        ("a.txt.bz2", None),
        ("txt", None),
        (".txt", None),
        ("folder.txt/readme", None),
    ],
)
def test_the_suffix_tells_the_format(name, expected):
    """Suffixes count in any case, with one compression after them."""
    assert tell_format(name) == expected
