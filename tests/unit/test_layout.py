"""Laws of `tasks/text/layout.py`: lines, layout marks, hard-wrapped paragraphs."""

import ftfy.badness
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.schema import Kind, RemovalReason
from tasks.text.layout import find_blocks, find_blocks_of, normalise_span
from tasks.text.lines import find_lines, find_wrap_columns
from tasks.text.mojibake import find_mojibake, has_mojibake
from tasks.text.normalise import normalise
from tasks.text.shape import UNSPACED

WRAPPED = """\
Der Hafen von Sandau ist seit dem Frühjahr wieder für die Schifffahrt ge-
öffnet, nachdem die Arbeiten an der Schleuse nach drei Jahren beendet
wurden. Die ersten Kähne kamen am Montag, beladen mit Kies und Getreide.
Viele Anwohner standen am Ufer und winkten.
Der Bürgermeister sprach von einem guten Tag für die Stadt, auch wenn
die Kosten am Ende doppelt so hoch waren wie geplant.
"""


def kept(raw):
    return [block.text for block in find_blocks(raw) if block.reason is None]


def find_wrap_column(raw):
    return find_wrap_columns(find_lines([raw]), 1)[0]


def test_lines_know_their_place():
    """A line's span holds it without white space and invisible marks at its edges."""
    raw = "\ufeff One \r\n\u200b\r\n\tTwo\u2028Three"

    lines = find_lines([raw])

    spans = zip(lines.start, lines.end, strict=True)
    assert [raw[start:end] for start, end in spans] == ["One", "Two", "Three"]
    assert lines.blank_before.tolist() == [True, True, False]


def test_every_line_is_a_paragraph_unless_wrapped():
    """Lines of free length are paragraphs of their own."""
    raw = "Eins ist kurz.\nZwei ist ein wenig länger als eins.\nDrei.\n"

    assert kept(raw) == raw.splitlines()


def test_hard_wrapped_lines_are_joined():
    """Full lines go on in the next line; a short last line ends its paragraph."""
    first, second = kept(WRAPPED)

    assert first.startswith("Der Hafen") and first.endswith("Ufer und winkten.")
    assert "wieder für die Schifffahrt geöffnet, nachdem" in first
    assert second.startswith("Der Bürgermeister")


def test_a_sentence_that_plainly_goes_on_is_joined():
    """Too few lines to measure a column: a line that breaks off in mid-sentence."""
    raw = (
        "Der Hafen von Sandau ist seit dem Frühjahr wieder für die Schifffahrt\n"
        "geöffnet, wie die Stadt mitteilt.\n\nEin kurzer Vers\nvon zwei Zeilen\n"
    )

    assert kept(raw) == [
        raw.partition("\n\n")[0].replace("\n", " "),
        "Ein kurzer Vers",
        "von zwei Zeilen",
    ]


def test_wrap_column_is_measured():
    """The column lies between a line and the line with the next word added."""
    assert find_wrap_column(WRAPPED) in range(70, 75)


def test_wrap_column_among_many_short_lines():
    """A menu around the text hides no column: every sentence that goes on shows it."""
    text = WRAPPED * 5
    menu = "\n".join(f"Ressort {n}" for n in range(60))

    assert find_wrap_column(f"{menu}\n{text}{menu}") in range(70, 75)


def test_a_poem_in_lower_case_is_not_wrapped():
    """Lines that go on after few words agree on no column."""
    poem = "am grauen strand und seitab liegt die alte stadt der nebel"
    words = poem.split(" ")
    sizes = [4, 11, 7, 5, 9, 3, 10, 6, 8, 5, 12, 4, 9, 7, 3, 11] * 3
    lines = [" ".join((words * 2)[size % 5 :][:size]) for size in sizes]

    assert find_wrap_column("\n".join(lines)) is None


def test_a_heading_below_a_full_line_stands_alone():
    """A short line that neither ends a sentence nor goes on is no paragraph's end."""
    last = (
        "Er sprach vom Frühjahr und von einem guten Tag für die ganze Stadt,\n"
        "auch wenn die Kosten am Ende doppelt so hoch waren, wie es hieß.\n"
    )
    raw = f"{WRAPPED}{last}Eine zweite Schleuse\n{WRAPPED}"

    assert "Eine zweite Schleuse" in kept(raw)


def test_a_date_at_the_start_of_a_line_is_no_list_item():
    """Inside a sentence a line may begin with a date or a dash."""
    raw = (
        "Der Hafen von Sandau ist seit dem Frühjahr wieder für die Schiffe auf\n"
        "dem Fluss offen, und die ersten Kähne kamen nach drei Jahren schon am\n"
        "28. April, beladen mit Kies und Getreide, wie die Stadt selber mitteilt\n"
        "– viele Leute standen am Ufer und winkten den Schiffern auf dem Wasser\n"
        "noch lange nach. Dann war es wieder still im Hafen.\n"
        "1. Kies\n2. Getreide\n"
    )

    joined, *items = kept(raw)

    assert joined.endswith("still im Hafen.")
    assert items == ["1. Kies", "2. Getreide"]


def test_short_lists_are_not_wrapped():
    """Lines of similar length that each begin anew are not a wrapped paragraph."""
    raw = "\n".join(f"Meldung Nummer {n} aus dem schönen Landkreis" for n in range(9))

    assert find_wrap_column(raw) is None


@pytest.mark.parametrize(
    ("raw", "mark"),
    [("***", "***"), ("- - -", "- - -"), ("Ende der Zeile |", "|"), ("• Punkt", "•")],
)
def test_layout_marks_are_removed_blocks(raw, mark):
    """Marks without meaning are removed with their exact place, never lost."""
    removed = [b for b in find_blocks(raw) if b.reason is RemovalReason.LAYOUT]

    assert [raw[b.start_chars : b.end_chars] for b in removed] == [mark]


def test_bullets_make_list_items():
    """A bullet goes, and what follows is a list item."""
    raw = "- eins\n- zwei"

    items = [b for b in find_blocks(raw) if b.reason is None]

    assert [(b.text, b.kind) for b in items] == [
        ("eins", Kind.LIST_ITEM),
        ("zwei", Kind.LIST_ITEM),
    ]


def test_a_single_dash_is_dialogue():
    """One line that begins with a dash is speech, not a list."""
    assert kept("— Oui, dit-elle.\nElle partit.") == [
        "— Oui, dit-elle.",
        "Elle partit.",
    ]


def test_chinese_lines_join_without_a_space():
    """Wrapped Chinese is joined as it is written."""
    line = "今天上午市政府宣布将在河边修建一座新的公园供市民休息和散步使用预计明年"
    raw = f"{line}\n" * 4 + "春天完工。"

    assert kept(raw) == [line * 4 + "春天完工。"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "Übermut tut selten gut",
        "für die BÃ¼hne",
        "Â tief",
        "Ein Ã Satz",
        "„Ä“ – „Ö“",
        "ŒUVRE œ!",
        "Привет, «мир» " * 40,
        "Привет, РџСЂРёРІРµС‚ " * 40,
        "今天上午" * 50 + "ä»Šå¤©",
        "x" * 500 + " \u0080 " + "y" * 500,
        "a " * 300 + "doÃ±a " + "b " * 300,
    ],
)
def test_mojibake_is_looked_for_where_it_can_be(text):
    """Looking only at rare characters finds just what ftfy finds in the whole text."""
    assert has_mojibake(text) == bool(ftfy.badness.is_bad(text))


def test_a_text_is_the_same_among_others():
    """Lines, wrap column and signs of mojibake are those of the text alone."""
    texts = ["", WRAPPED, "doÃ±a", "\r", "\nEin Wort |", "Â", "\t- eins\n- zwei\n", " "]

    assert find_blocks_of(texts, [0] * len(texts)) == [*map(find_blocks, texts)]
    assert find_mojibake(texts) == [*map(has_mojibake, texts)]


@given(
    st.text(st.sampled_from("ab é1,.-–|\\n\\u00a0\\u00ad\\u0301日ไ\N{GRINNING FACE}"))
)
def test_plain_lines_are_their_own_text(raw):
    """No normalisation changes them, and their words are counted as anywhere."""
    lines = find_lines([raw])

    for start, end, words, is_plain in zip(
        lines.start, lines.end, lines.words, lines.is_plain, strict=True
    ):
        if is_plain:
            text = raw[start:end]
            assert normalise_span(text) == (text, ())
            assert normalise(text, ["nfc", "invisible", "spaces", "unwrap"]) == text
            assert words == len(text.split()) or UNSPACED.search(text)


@given(st.text(st.sampled_from("aZ éÂÃŒØ°€’“”—žš|ВГРСЂіβΞ-日\\x80\\n"), max_size=12))
def test_mojibake_is_what_ftfy_says(text):
    """Wherever the signs stand, alone or beside each other."""
    assert has_mojibake(text) == bool(ftfy.badness.is_bad(text))


def test_a_text_may_begin_later():
    """What stands before the place given is in no block, and is no indent."""
    raw = "date 2025-01   Eins ist kurz.\nZwei"

    first, second = find_blocks(raw, len("date 2025-01"))

    assert (first.text, second.text) == ("Eins ist kurz.", "Zwei")
    assert raw[first.start_chars : first.end_chars] == first.text
