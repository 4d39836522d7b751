"""Laws of `tasks/pages/markdown.py`: blocks, kinds and front matter."""

import pytest

from tasks.pages.markdown import read_front_matter, read_markdown
from tasks.schema import Field, Kind, RemovalReason

SOURCE = """\
---
title: Am Fluss
author: [Mara Lind, Jan Berg]
date: 2024-03-05
tags: [Wasser, Land]
---

## Das *Ufer*

Ein [Satz](https://example.org)
über zwei Zeilen.

- eins
- zwei

> zitiert

```
code  bleibt
```

| a | b |
|---|---|
| 1 | 2 |

* * *
"""


def test_kinds_and_text():
    """Every block has the kind of its mark-up and the text without it."""
    page = read_markdown(SOURCE)

    kept = [(b.kind, b.text) for b in page.blocks if b.reason is None]
    assert kept[:5] == [
        (Kind.HEADING, "Das Ufer"),
        (Kind.BODY, "Ein Satz über zwei Zeilen."),
        (Kind.LIST_ITEM, "eins"),
        (Kind.LIST_ITEM, "zwei"),
        (Kind.QUOTE, "zitiert"),
    ]
    assert kept[5][0] is Kind.CODE
    assert kept[6][0] is Kind.TABLE


def test_spans_are_exact():
    """A block's span is its source, marks included."""
    blocks = read_markdown(SOURCE).blocks

    heading = next(b for b in blocks if b.kind is Kind.HEADING)
    assert SOURCE[heading.start_chars : heading.end_chars] == "## Das *Ufer*"


def test_rules_and_front_matter_are_removed_with_their_place():
    """What is no text is accounted for."""
    removed = [b for b in read_markdown(SOURCE).blocks if b.reason]

    assert [b.reason for b in removed][:1] == [RemovalReason.FRONT_MATTER]
    assert "* * *" in [b.text for b in removed]


def test_blocks_tile_the_source():
    """Front matter included, every character that is no blank is in one block."""
    blocks = read_markdown(SOURCE).blocks

    rest = SOURCE
    for block in reversed(blocks):
        rest = rest[: block.start_chars] + rest[block.end_chars :]
    assert rest.strip() == ""
    assert sum(b.end_chars - b.start_chars for b in blocks) < len(SOURCE)


def test_front_matter_claims():
    """Known keys become claims with ISO dates and joined lists."""
    block, claims = read_front_matter(SOURCE)

    assert SOURCE[block.start_chars : block.end_chars].endswith("---")
    assert {claim.field: claim.value for claim in claims} == {
        Field.TITLE: "Am Fluss",
        Field.AUTHORS: "Mara Lind; Jan Berg",
        Field.PUBLISHED_ON: "2024-03-05",
        Field.TAGS: "Wasser; Land",
    }


@pytest.mark.parametrize(
    "raw",
    [
        "---\ntitle: Bridge: the reopening\nauthor: Nora Example\n---\nText.\n",
        '+++\ntitle = "Bridge: the reopening"\nauthor = "Nora Example"\n+++\nText.\n',
        "---\ntitle: Bridge: the reopening\nauthor: Nora Example\ntags: [\n---\n",
    ],
    ids=["colon", "toml", "broken list"],
)
def test_front_matter_as_people_write_it(raw):
    """What is no YAML is read line by line; it never becomes text or title."""
    block, claims = read_front_matter(raw)

    assert block.start_chars == 0
    values = {claim.field: claim.value for claim in claims}
    assert values[Field.TITLE] == "Bridge: the reopening"
    assert values[Field.AUTHORS] == "Nora Example"


@pytest.mark.parametrize(
    "raw",
    ["", "---\n", "---\njust text\n---\n", "x\n---\na: 1\n---\n"],
)
def test_what_is_no_front_matter(raw):
    """A rule or plain text between rules is not front matter."""
    assert read_front_matter(raw) == (None, [])


def test_front_matter_cannot_multiply_itself():
    """Aliases of YAML are not followed: nine lines of them stand for a billion tags."""
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    lines = ["title: Harbour", "a0: &a0 [x]", *levels, "tags: *a8"]
    raw = "\n".join(["---", *lines, "---", "", "The ferry was late."])

    _, claims = read_front_matter(raw)

    values = {claim.field: claim.value for claim in claims}
    assert values[Field.TITLE] == "Harbour"
    assert len(values.get(Field.TAGS, "")) < 100
