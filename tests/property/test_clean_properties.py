"""Laws of cleaning and splitting that hold for any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.clean import clean_text
from tasks.schema import Markup
from tasks.split import Part, tell_kinds, walk_headings
from tasks.text.normalise import normalise

PIECES = st.sampled_from(
    [
        "Der Hafen ist seit Montag wieder offen, sagte die Bürgermeisterin am Abend.",
        "The mill stood empty for years, and nobody in the village knew why.",
        "Lesen Sie auch:",
        "Ein anderer Titel",
        "Von Mara Lind",
        "29. Januar 2025",
        "Kommentare (0)",
        "[Anzeige_2]",
        "Teilen | Drucken",
        "• ein Punkt",
        "1. eins",
        "***",
        "text |",
        "für die BÃ¼hne gebaut",
        "Do\u00adnau\u200b",
        "u\u0308ber",
        "> zitiert",
        "## Titel",
        "`code`",
        "<p>Absatz &amp; mehr</p>",
        "---",
        "date 2025-01",
        "Permalink: https://example.org/a",
        "今天上午，市政府宣布将在河边修建一座新的公园。",
        "وقال الوزير إن الجسر سيفتح.",
        "a\ufeffb",
        "\u2028",
        "\x0c",
    ]
)
TEXTS = st.lists(
    st.one_of(PIECES, st.sampled_from(["\n", "\n\n", "\r\n", " ", "\t", "\r"])),
    max_size=30,
).map("".join) | st.text(max_size=60).map(lambda text: text.replace("\x00", ""))
BLANK = "\u00ad\u200b\u200e\u200f\u2060\ufeff" + "".join(
    map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
)


@pytest.mark.parametrize("markup", [Markup.TEXT, Markup.MARKDOWN])
@settings(deadline=None, max_examples=150)
@given(raw=TEXTS)
def test_every_character_has_one_fate(markup, raw):
    """The blocks tile the text: in order, without overlap, only blanks between."""
    blocks, _ = clean_text(raw, markup, [])

    position = 0
    between = ""
    for block in blocks:
        assert position <= block.start_chars < block.end_chars <= len(raw)
        between += raw[position : block.start_chars]
        position = block.end_chars
    between += raw[position:]
    assert between.strip(BLANK + " \t\r\n") == "" or all(
        char.isspace() or char in BLANK for char in between
    )


@pytest.mark.parametrize("markup", [Markup.TEXT, Markup.MARKDOWN])
@settings(deadline=None, max_examples=150)
@given(raw=TEXTS)
def test_text_is_its_span_normalised(markup, raw):
    """A kept text can be made again from its span; a removed one is its span."""
    blocks, _ = clean_text(raw, markup, [])

    for block in blocks:
        span = raw[block.start_chars : block.end_chars]
        names = () if block.reason else block.normalisations
        assert block.text == normalise(span, names)
        assert block.text


@settings(deadline=None, max_examples=100)
@given(raw=TEXTS)
def test_claims_stand_where_they_say(raw):
    """A claim's place lies inside the text."""
    _, claims = clean_text(raw, Markup.TEXT, [])

    for claim in claims:
        if claim.start_chars is not None:
            assert 0 <= claim.start_chars < claim.end_chars <= len(raw)


@given(
    st.lists(
        st.sampled_from(
            [
                "Ein Satz, der lang genug ist, um Prosa zu sein.",
                "Titel",
                "1. a",
                "(Foto: X)",
                "",
            ]
        ),
        max_size=12,
    )
)
def test_every_paragraph_has_a_kind(texts):
    """One kind per paragraph, whatever stands next to it."""
    parts = [Part(text, None) for text in texts if text]

    assert len(tell_kinds(parts)) == len(parts)


def test_heading_path_follows_levels():
    """A heading ends those of its own and deeper levels."""
    from tasks.schema import Kind

    rows = [
        (Kind.HEADING, "A", 2),
        (Kind.BODY, "", 0),
        (Kind.HEADING, "B", 3),
        (Kind.BODY, "", 0),
        (Kind.HEADING, "C", 2),
        (Kind.BODY, "", 0),
    ]

    assert list(walk_headings(rows)) == [[], ["A"], ["A"], ["A", "B"], [], ["C"]]
