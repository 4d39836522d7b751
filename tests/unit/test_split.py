"""Laws of `tasks/split.py`: kinds, headings above, rows of the contract."""

import pandas as pd
import pytest

from tasks.pieces import Block, frame_of
from tasks.schema import PARAGRAPHS, REMOVALS, Field, Kind, RemovalReason
from tasks.split import Part, is_note, split_blocks, tell_kinds
from tasks.text.captions import is_caption

PROSE = "Der Fluss ist hundert Kilometer lang, und an jedem davon wohnt jemand."


def kinds(*texts):
    return [kind.value for kind in tell_kinds([Part(text, None) for text in texts])]


def test_a_short_line_over_text_is_a_heading():
    """A heading heads something."""
    assert kinds("Am Fluss", PROSE) == ["heading", "body"]
    assert kinds(PROSE, "Am Fluss") == ["body", "body"]


def test_a_subheading_may_stand_between():
    """Two short lines over text are two headings; three are something else."""
    assert kinds("Am Fluss", "Das Ufer", PROSE) == ["heading", "heading", "body"]
    assert kinds("Eins", "Zwei", "Drei", PROSE)[0] == "body"


def test_numbered_lines_are_a_list():
    """Numbers count only beside each other."""
    assert kinds("1. Wasser", "2. Land") == ["list_item", "list_item"]
    assert kinds("1. Wasser und Land", PROSE) == ["heading", "body"]


def test_what_a_note_announces_is_a_note():
    """The original named behind a colon belongs to the note."""
    note = "Hinweis zur Quelle: Dieser Text basiert auf dem folgenden Original:"

    assert kinds(note, "The River and the Town", PROSE) == ["note", "note", "body"]


def test_notes_stand_at_the_edges():
    """A sentence about the article is a note only near its beginning or end."""
    note = "Dieser Beitrag erschien zuerst am 01.02.2025."

    assert kinds(*[PROSE] * 8, note, *[PROSE] * 8)[8] == "body"
    assert kinds(*[PROSE] * 8, note)[-1] == "note"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Das Ufer im Winter. (Foto: Agentur)", True),
        ("Das Ufer im Winter (Quelle: Bildhaus)", True),
        ("Das Ufer, kurz vor Sonnenuntergang. Bild: Silke Brodersen", True),
        ("Le quai au matin. © Ysoline Garrabet", True),
        ("© Agentur", True),
        ("Das Ufer nach dem Regen, Foto: Agentur Nord", True),
        ("Anna Berg spricht am Ufer. (Mara Lind/CBC)", True),
        ("Anna Berg spricht am Ufer (AFP / Mara Lind)", True),
        ("On the river. (Photo by Mara Lind)", True),
        ("Das Ufer im Winter. (Archivbild)", True),
        ("At the river Mara Lind/Getty Images", True),
        ("Am Ufer. Keystone/Mara Lind", True),
        ("Am Ufer. © IMAGO/Sport/ M.Lind", True),
        ("川岸に立つ市長＝13日（木坂有朗撮影）", True),
        ("Das fordert Anna Berg (CDU/CSU)", False),
        ("Everyone brings a friend (his/her own)", False),
        ("Gut sind Berg (das Bild ist unscharf)", False),
        ("He talked to Reuters.", False),
        ("The agency is called Reuters", False),
        ("Das Foto zeigt das Ufer im Winter.", False),
        ("Er sagte es leise (und meinte es laut).", False),
    ],
)
def test_captions_have_a_credit(text, expected):
    """A caption is told by its credit, in brackets, at the end or alone."""
    assert is_caption(text) is expected


def test_a_long_text_is_no_note():
    """An article about translations is not a note."""
    assert is_note("Ins Deutsche übersetzt von Anna Berg.")
    assert not is_note("Ins Deutsche übersetzt von Anna Berg. " + PROSE * 6)


def test_tables_follow_the_contract():
    """Kept blocks become paragraphs, removed ones removals, in contract columns."""
    blocks = [
        Block(0, 3, "Weg", reason=RemovalReason.LIFTED, rule_id="r", field=Field.TITLE),
        Block(4, 6, "Am", kind=Kind.HEADING, level=2),
        Block(None, None, PROSE, kind=Kind.BODY),
        Block(None, None, "x", reason=RemovalReason.LAYOUT, rule_id="r"),
    ]
    names = list(Block._fields)
    rows = [
        ("d", i, *(getattr(b, n) for n in names), "de", 1.0, "Latn", "de", [])
        for i, b in enumerate(blocks)
    ]
    told = ["language", "language_score", "script", "language_tag", "foreign_spans"]
    frame = frame_of(rows, ["document_id", "block_index", *names, *told])

    paragraphs, removals = split_blocks.fn(frame)

    assert PARAGRAPHS.conform(paragraphs)["heading_path"].to_pylist() == [[], ["Am"]]
    assert REMOVALS.conform(removals)["field"].to_pylist() == ["title"]
    assert paragraphs["start_chars"].tolist() == [4, pd.NA]
