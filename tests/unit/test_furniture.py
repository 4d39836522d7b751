"""What looks like the page around an article."""

import pytest

from tasks.clean import Article, clean_text, clean_texts, read_drafts
from tasks.schema import Field, Markup, RemovalReason
from tasks.text.furniture import drop_furniture, judge_drafts

PROSE = """\
Nach elf Jahren Planung rollen in Odersiel die Bagger: Zwischen dem alten Zollhaus und \
der Schleuse wird die letzte Lücke im Radweg am Fluss geschlossen.
Der Radweg am Fluss ist dann zwölf Kilometer lang und verbindet Odersiel mit \
Harmswerder. Die Stadt rechnet mit 4.000 Menschen am Tag, die ihn nutzen.
„Wir haben hier Torf, eine denkmalgeschützte Mauer und drei Eigentümer, die erst \
überzeugt werden mussten“, sagt die Planerin. Der Fluss tue ein Übriges.
Umstritten bleibt der Preis. Statt der 4,2 Millionen Euro aus dem Jahr 2019 stehen \
inzwischen sieben Millionen Euro im Haushalt der Stadt.""".splitlines()
MENU = ["Startseite", "Politik", "Wirtschaft", "Sport", "Kultur", "Wetter", "Abo"]
TEASERS = [
    "Warum dieser Sommer so viele Mücken bringt",
    "Kommentar: Das Stadion gehört allen",
    "Rezept der Woche: Linsen mit Birnen",
    "Die besten Bilder vom Hafenfest",
]
ABOVE = "\n".join([*MENU, "", "\n\n".join(PROSE), "", "Mehr zum Thema", ""])
PAGE = "\n".join([ABOVE, "\n\n".join(TEASERS), "", "Impressum", "Datenschutz", "AGB"])
POEM = """Am grauen Strand, am grauen Meer
Und seitab liegt der Steg

Der Nebel drückt die Dächer schwer
Und niemand ist am Weg

Es rauscht kein Wald, es schlägt im Mai
Kein Vogel ohne Unterlass

Die Gans nur fliegt mit hartem Schrei
Am Strande weht das Gras
"""


def kept(text):
    return [
        block.text for block in clean_text(text, Markup.TEXT, [])[0] if not block.reason
    ]


def test_the_page_around_an_article_goes():
    """Menu above, teasers and footer below; every paragraph stays."""
    assert kept(PAGE) == PROSE


def test_what_goes_says_why():
    """What the network decides has its own rule, and a reason by what stands there."""
    blocks, _ = clean_text(PAGE, Markup.TEXT, [])

    reasons = {block.text: block.reason for block in blocks}
    assert reasons["Kultur"] is RemovalReason.NAVIGATION
    assert reasons["Die besten Bilder vom Hafenfest"] is RemovalReason.RELATED_LINKS
    assert all(block.rule_id for block in blocks if block.reason)


@pytest.mark.parametrize(
    "text",
    [
        "\n\n".join(PROSE),
        "\n".join(PROSE),
        POEM,
        PROSE[0],
        "Lesen Sie auch diesen hervorragenden Kommentar über den Radweg am Fluss, der"
        " zeigt, warum sich Geduld lohnt.\n\n" + "\n\n".join(PROSE),
        "\n\n".join([PROSE[0], "Was sich ändert", *PROSE[1:]]),
        "\n\n".join([PROSE[0], "Die Regeln:", "- Absteigen", "- Klingeln", "- Warten"]),
        "\n\n".join([PROSE[0], *(f"Frage: Wie?\n\nBerg: {text}" for text in PROSE)]),
    ],
)
def test_an_article_alone_stays_whole(text):
    """Without leftovers nothing goes: a short line is no sign of a menu by itself."""
    assert "".join(kept(text)).replace(" ", "") == "".join(
        line.removeprefix("- ").strip() for line in text.splitlines()
    ).replace(" ", "")


def test_the_article_goes_on_below_a_form():
    """A sign-in form in the middle of an article takes no paragraph with it."""
    form = ["Leave a reply", "Your email address will not be published"]
    rest = (
        "Die Planerin will davon nichts hören: Der Radweg sei seit elf Jahren"
        " versprochen und werde nun gebaut, sagt sie, und zwar bis zum Sommer."
    )

    assert kept("\n\n".join([*PROSE, *form, rest])) == [*PROSE, rest]


def test_a_heading_that_reads_like_a_menu_is_put_back():
    """Among paragraphs `FAQs` and `Next steps` are headings; above them a menu."""
    first = (
        "The council will build the last part of the river path this year, as it said"
        " on Monday. The path will then be twelve kilometres long."
    )
    second = (
        "Some people along the river ask whether the old wall has to go. It does not,"
        " says the planner, because the path will be built on the other side."
    )
    third = (
        "The council will decide on the money in spring. If it does, the diggers will"
        " come in May, and the path will be open before the winter."
    )
    text = f"{first}\n\nFAQs\n\n{second}\n\nNext steps\n\n{third}"

    assert kept(text) == [first, "FAQs", second, "Next steps", third]


def test_a_caption_far_from_the_article_goes_with_its_teaser():
    """Captions stay beside the article, not among the page's own pictures."""
    caption = "Das Hafenfest im Regen. (Foto: Kormoran-Bote/Ebersbach)"

    text = "\n\n".join([ABOVE.strip(), *TEASERS, caption, *TEASERS[::-1]])

    assert kept(text) == PROSE


def test_a_text_is_judged_alike_in_any_batch():
    """Cleaning many texts at once gives what cleaning each alone gives."""
    articles = [
        Article(text, Markup.TEXT, []) for text in (PAGE, POEM, "", PROSE[0], PAGE * 2)
    ]

    assert clean_texts(articles) == [clean_text(*article[:3]) for article in articles]


@pytest.mark.parametrize(
    ("doubt", "is_kept"),
    [(0.0, True), (-0.6, True), (-1.0, False)],
)
def test_an_item_in_doubt_follows_the_list_above(doubt, is_kept):
    """What stands in a list that stays is of the list, unless it is plainly not."""
    text = "\n".join([*MENU, PROSE[0], "- Absteigen", "- Klingeln", PROSE[1]])
    (draft,) = read_drafts([Article(text, Markup.TEXT, [])])
    odds = {"Absteigen": 2.0, "Klingeln": doubt} | dict.fromkeys(PROSE, 3.0)
    draft.odds = [odds.get(block.text, -3.0) for block in draft.blocks]

    drop_furniture(draft)

    found = [draft.blocks[index].text for index in draft.kept()]
    assert found[:2] == [PROSE[0], "Absteigen"]
    assert ("Klingeln" in found) is is_kept


def test_what_a_note_announces_stays_with_it():
    """The title of the original behind `is based on:` is no line of the page."""
    note = "Dieser Beitrag wurde aus dem Englischen übersetzt. Er beruht auf:"
    original = "Counting Waders at Dusk"
    text = "\n\n".join([*MENU, note, original, *PROSE])
    (draft,) = read_drafts([Article(text, Markup.TEXT, [])])
    odds = dict.fromkeys((note, *PROSE), 3.0)
    draft.odds = [odds.get(block.text, -1.0) for block in draft.blocks]

    drop_furniture(draft)

    assert [draft.blocks[i].text for i in draft.kept()] == [note, original, *PROSE]


def test_odds_stand_beside_the_blocks():
    """Every block has its odds; the marks of layout are never in doubt."""
    (draft,) = read_drafts([Article("* eins\n* zwei\n* drei", Markup.TEXT, [])])
    judge_drafts([draft])

    assert len(draft.odds) == len(draft.title_odds) == len(draft.blocks)
    assert draft.odds[0] == float("inf")


def test_a_text_of_very_many_lines_is_no_page():
    """A book or a log is not judged line by line; it stays as it is."""
    lines = [f"Zeile {number} von vielen" for number in range(5_001)]

    assert kept("\n".join(lines))[1:] == lines[1:]


def test_captions_and_notes_stay():
    """What tells of the article or its pictures is not the page's."""
    caption = "Die Schleuse im Winter. (Foto: Kormoran-Bote/Ebersbach)"
    note = "Dieser Artikel erschien zuerst am 3. Mai 2024 im Kormoran-Boten."

    text = "\n\n".join([*MENU, PROSE[0], caption, *PROSE[1:], note, *TEASERS])

    assert kept(text) == [PROSE[0], caption, *PROSE[1:], note]


@pytest.mark.parametrize(
    "above", ["", "Startseite\nPolitik\nWirtschaft\nSport\nKultur\nWetter\nAbo\nShop\n"]
)
def test_the_title_is_found_below_a_menu(above):
    """The line that heads the prose is the title, however much of the page is above."""
    title = "Die letzte Lücke im Radweg am Fluss schließt sich"
    text = f"{above}\n{title}\n\n" + "\n\n".join(PROSE)

    _, claims = clean_text(text, Markup.TEXT, [])

    assert [c.value for c in claims if c.field is Field.TITLE] == [title]


@pytest.mark.parametrize("first", [PROSE[0], "Bis zum Frühling."])
def test_the_first_question_of_an_interview_is_no_title(first):
    """Where more questions with answers follow, the first one is a question too."""
    asked = ["Wie lange wird noch gebaut?", "Was kostet das?", "Und was kommt danach?"]
    answers = [first, PROSE[1], PROSE[3]]
    interview = "\n\n".join(
        text for pair in zip(asked, answers, strict=True) for text in pair
    )
    title = "Wem gehört der Radweg am Fluss?"

    _, claims = clean_text(interview, Markup.TEXT, [])
    _, titled = clean_text(f"{title}\n\nVon Mara Lind\n\n{interview}", Markup.TEXT, [])

    assert [c.value for c in claims if c.field is Field.TITLE] == []
    assert [c.value for c in titled if c.field is Field.TITLE] == [title]


@pytest.mark.parametrize("line_break", ["\n", "\x0b", "\u2028"])
def test_half_a_sentence_is_no_title(line_break):
    """A line that the next one goes on with in lower case is not the title."""
    half = "Am Fluss entlang fahren seit Montag"
    broken = f"{half}{line_break}wieder mehr Menschen mit dem Rad als mit dem Bus."

    _, claims = clean_text("\n\n".join([broken, *PROSE[1:]]), Markup.TEXT, [])

    assert not [c.value for c in claims if c.field is Field.TITLE]
