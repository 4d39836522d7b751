"""Laws of `tasks/text/lexicon.py`: what a line says in 38 languages, and the data."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.text import lexicon

REQUIRED = {
    "leftovers": {
        "comment_form",
        "advertisement",
        "related_links",
        "share_links",
        "newsletter",
        "cookie_notice",
        "paywall",
        "navigation",
        "page_furniture",
    },
    "labels": {
        "byline",
        "published",
        "updated",
        "translator",
        "source",
        "permalink",
        "section",
        "tags",
        "photo",
        "reading_time",
    },
    "notes": {"first_published", "translated", "source_note", "editorial"},
    "words": {"stop", "and", "particles", "roles", "unnamed"},
    "dates": {"months", "abbreviations", "weekdays"},
}
OPTIONAL = {
    "labels": {"title", "publisher", "language"},
    "dates": {"between", "before", "after", "at", "solar"},
}
REQUIRED["openers"] = REQUIRED["leftovers"]
each_language = pytest.mark.parametrize("language", lexicon.LANGUAGES)


@each_language
def test_every_file_has_every_section(language):
    """A language is complete: each group with each name, and no name unknown."""
    sections = lexicon.read_language(language)

    assert sections.keys() == REQUIRED.keys()
    for group, names in REQUIRED.items():
        assert names <= sections[group].keys()
        assert sections[group].keys() <= names | OPTIONAL.get(group, set())
        assert all(sections[group][name].strip() for name in names)


@each_language
def test_no_phrase_is_empty(language):
    """Every phrase has a word, so that none is found everywhere."""
    for group in ("leftovers", "openers", "labels", "notes"):
        for name, text in lexicon.phrases(language, group):
            words = lexicon.fold(text.replace("#", "1").replace("…", " "))
            assert words, (group, name, text)


@each_language
def test_a_phrase_is_a_leftover_for_one_reason(language):
    """Within one language a line is never a leftover for two reasons."""
    reasons: dict[str, set[str]] = {}
    for name, text in lexicon.phrases(language, "leftovers"):
        reasons.setdefault(lexicon.fold(text.replace("#", "1")), set()).add(name)

    assert {text: names for text, names in reasons.items() if len(names) > 1} == {}


@each_language
def test_every_leftover_is_found(language):
    """Each phrase of each file is found as it stands, with a number for `#`."""
    for _, text in lexicon.phrases(language, "leftovers"):
        assert lexicon.find_leftover(text.replace("#", "12")), text


@each_language
@pytest.mark.parametrize("group", ["openers", "labels"])
def test_every_start_is_found(language, group):
    """Each opener and label is found at the start of a line, under its own name."""
    for name, text in lexicon.phrases(language, group):
        line = text.replace("#", "12") + ": x"
        if group == "labels":
            assert name in {p.name for p in lexicon.find_labels(line)}, text
        else:
            assert lexicon.find_opener(line), text


@each_language
def test_every_note_is_found(language):
    """Each note is found inside a sentence, with a word in its gap, at its place."""
    for name, text in lexicon.phrases(language, "notes"):
        note = text.replace("…", "Xyzzy").replace("#", "12").strip()
        found = lexicon.find_notes(f"(Xyzzy, {note} Xyzzy)")
        assert name in {phrase.name for phrase in found}, text


@each_language
def test_twelve_months_in_a_file(language):
    """Months and abbreviations have a line per month, in the order of the year."""
    dates = lexicon.read_language(language)["dates"]

    assert len(dates["months"].strip().splitlines()) == 12
    assert len(dates["abbreviations"].strip().splitlines()) == 12


@pytest.mark.parametrize(
    ("line", "folded"),
    [
        ("» Kommentare (12)", "kommentare #"),
        ("ÜBER UNS", "uber uns"),
        ("Straße", "strasse"),
        ("PAYLAŞ İLET ısı", "paylas ilet isi"),
        ("1.234,5 / 7", "#"),
        ("e\u0301te\u0301", "ete"),
        ("Kom\u00admen\u200dtar", "kommentar"),
        ("שָׁלוֹם", "שלום"),
        ("مُشَارَكَة", "مشاركة"),
        ("अनुवाद", "अनुवाद"),
        ("댓글 3", "댓글 #"),
        ("ｶﾞｲﾄﾞ", "ガイト"),
        ("🔥 Share 👇", "share"),
        ("[Anzeige_2]", "anzeige #"),
        ("…—!", ""),
    ],
)
def test_fold(line, folded):
    """Case, accents, marks, punctuation and emoji go; a number is `#`."""
    if line == "ｶﾞｲﾄﾞ":
        folded = lexicon.fold("ガイド")  # voiced marks go the same way in both widths
    if line == "مُشَارَكَة":
        folded = lexicon.fold("مشاركة")
    assert lexicon.fold(line) == folded


@settings(deadline=None, max_examples=200)
@given(line=st.text(max_size=60))
def test_fold_laws(line):
    """Words joined by one blank; upper case and blanks around change nothing."""
    folded = lexicon.fold(line)

    assert folded == " ".join(folded.split())
    assert lexicon.fold(f" \t{line}… ") == folded
    if line.isascii():
        assert lexicon.fold(line.upper()) == folded


@settings(deadline=None, max_examples=150)
@given(line=st.text(max_size=80), start=st.sampled_from(["", "Foto: ", "图：", "Von "]))
def test_places_lie_in_the_line(line, start):
    """Whatever is found lies inside the text and is not empty."""
    text = start + line
    phrases = [*lexicon.find_labels(text), *lexicon.find_notes(text)]
    phrases += filter(None, [lexicon.find_opener(text)])
    for phrase in phrases:
        assert 0 <= phrase.start < phrase.end <= len(text)


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("[Anzeige_2]", "leftovers.advertisement.de"),
        ("Kommentare (12)", "leftovers.comment_form.de"),
        ("12 comments", "leftovers.comment_form.en"),
        ("ADVERTISEMENT", "leftovers.advertisement.en"),
        ("Facebook Twitter WhatsApp", "leftovers.share_links.und"),
        ("Share | Tweet | Facebook", "leftovers.share_links.und"),
        ("Share • Print • Leave a comment", "leftovers.share_links.en"),
        ("Partager cet article", "leftovers.share_links.fr"),
        ("Читайте также:", "leftovers.related_links.ru"),
        ("相关阅读", "leftovers.related_links.zh"),
        ("広告", "leftovers.advertisement.ja"),
    ],
)
def test_leftovers(line, rule):
    """A whole line that is a known phrase, however decorated, names its rule."""
    assert lexicon.find_leftover(line).rule_id == rule


@pytest.mark.parametrize(
    "line",
    [
        "",
        "***",
        "Kommentare lohnen sich",
        "Facebook",
        "Twitter gehört nun einem anderen, und alle reden darüber.",
        "Die Anzeige wurde erstattet",
        "Anzeige " + "x" * 200,
    ],
)
def test_no_leftovers(line):
    """Prose, headings of one word, numbers and long lines are none."""
    found = lexicon.find_leftover(line)
    assert found is None


@pytest.mark.parametrize(
    ("line", "name", "rest", "is_marked"),
    [
        ("Lesen Sie auch: Neue Brücke", "related_links", "Neue Brücke", True),
        ("Read also – New bridge", "related_links", "New bridge", True),
        ("Lire aussi : Un pont", "related_links", "Un pont", True),
        ("Leia também Ponte nova", "related_links", "Ponte nova", False),
    ],
)
def test_openers(line, name, rest, is_marked):
    """The opener ends where the rest begins, and tells whether a mark sets it off."""
    phrase = lexicon.find_opener(line)

    assert (phrase.name, line[phrase.end :], phrase.is_marked) == (
        name,
        rest,
        is_marked,
    )


def test_an_opener_may_begin_prose():
    """Prose is not told apart here: the caller looks at the rest of the line."""
    line = "Lesen Sie auch die langen Briefe meiner Tante, sie sind es wert."

    assert lexicon.find_opener(line) is not None
    assert lexicon.find_leftover(line) is None


@pytest.mark.parametrize(
    ("line", "name", "rest", "is_marked"),
    [
        ("Übersetzt von Anna Berg", "translator", "Anna Berg", False),
        ("Foto: Anna Berg", "photo", "Anna Berg", True),
        ("Foto(s): Anna Berg", "photo", "Anna Berg", True),
        ("Photo : Anna Berg", "photo", "Anna Berg", True),
        ("(Foto: Anna Berg)", "photo", "Anna Berg)", True),
        ("（图：林知遥）", "photo", "林知遥）", True),
        ("（图片：林知遥）", "photo", "林知遥）", True),
        ("摄影：林知遥", "photo", "林知遥", True),
        ("摄：林知遥", "photo", "林知遥", True),
        ("写真：林知遥", "photo", "林知遥", True),
        ("撮影：林知遥", "photo", "林知遥", True),
        ("Фото: Анна Берг", "photo", "Анна Берг", True),
        ("来源：新华社", "source", "新华社", True),
        (
            "この記事のURL：https://example.org",
            "permalink",
            "https://example.org",
            True,
        ),
        ("Von Mara Lind", "byline", "Mara Lind", False),
        ("Tags: a, b", "tags", "a, b", True),
    ],
)
def test_labels_end_before_the_value(line, name, rest, is_marked):
    """A label's end lies behind its mark; brackets before it do not matter."""
    found = [
        (line[label.end :], label.is_marked)
        for label in lexicon.find_labels(line)
        if label.name == name
    ]

    assert (rest, is_marked) in found


def test_labels_longest_first():
    """The longest label comes first; one label may announce several things."""
    ends = [label.end for label in lexicon.find_labels("Quelle: dpa")]

    assert ends == sorted(ends, reverse=True)
    assert {"source", "photo"} <= {p.name for p in lexicon.find_labels("Quelle: dpa")}


@pytest.mark.parametrize(
    ("text", "name", "covered"),
    [
        (
            "Dieser Text erschien zuerst am 1. Mai",
            "first_published",
            "erschien zuerst am",
        ),
        ("Translated from the old Norse by X", "translated", None),
        ("Traduit de l’occitan par X", "translated", "Traduit de l’occitan par"),
        ("Traduit du vieux norrois par X", "translated", None),
        ("Traducido del catalán por X", "translated", "Traducido del catalán por"),
        ("Traduzido do galego por X", "translated", "Traduzido do galego por"),
        ("Tradotto dal sardo da X", "translated", "Tradotto dal sardo da"),
        ("Tradotto dall’arabo da X", "translated", "Tradotto dall’arabo da"),
        ("Übersetzt aus dem Sorbischen von X", "translated", None),
        ("Vertaald uit het Fries door X", "translated", None),
        ("Översatt från samiska av X", "translated", "Översatt från samiska av"),
        ("Z języka łużyckiego przełożyła X", "translated", None),
        ("本文由AI生成。", "source_note", "由AI生成"),
        ("本文首发于某刊", "first_published", "本文首发"),
    ],
)
def test_notes_have_places(text, name, covered):
    """A note covers its words with the gap; the value stands right behind it."""
    found = [text[p.start : p.end] for p in lexicon.find_notes(text) if p.name == name]

    assert (covered or text.removesuffix(" X")) in found


def test_a_gap_has_one_to_eight_words():
    """A gap is never empty and never longer than eight words."""

    def is_found(words):
        text = " ".join(["traducido del", *["xyzzy"] * words, "por Ana"])
        return any(
            text[p.start : p.end].endswith("por") for p in lexicon.find_notes(text)
        )

    assert [is_found(words) for words in (0, 1, 8, 9)] == [False, True, True, False]


def test_words_of_bylines():
    """Conjunctions, particles and roles are known in every case and script."""
    assert {"und", "and", "y", "и"} <= lexicon.conjunctions()
    assert {"van", "von", "de"} <= lexicon.particles()
    assert lexicon.is_role("Senior Political Correspondent")
    assert lexicon.is_role("Chefredakteurin")
    assert not lexicon.is_role("Anna Berg")


@each_language
def test_who_names_nobody(language):
    """Each word for people without a name is known; names beside it are names."""
    block = lexicon.read_language(language)["words"]["unnamed"]

    for line in block.splitlines():
        assert lexicon.is_unnamed(line.replace("…", "Xyzzy")) or not line, line
    for name in ("Anna Berg", "Agence France-Presse", "Reporters Without Borders"):
        assert not lexicon.is_unnamed(name)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        (
            "Die Brücke ist seit Montag wieder offen, wie die Stadt am Abend sagte.",
            0.3,
            1,
        ),
        ("The bridge is open again, and it was about time for all of us.", 0.3, 1),
        ("今天上午，市政府宣布将在河边修建的公园是为了孩子们的。", 0.1, 1),
        ("Politik Wirtschaft Kultur Sport Reise Auto", 0, 0.2),
        ("", 0, 0),
        ("12 34", 0, 0),
    ],
)
def test_stop_share(text, low, high):
    """Prose has many function words, a menu has none."""
    assert low <= lexicon.stop_share(text) <= high


@pytest.mark.parametrize(
    "text",
    [
        "1" * 100_000,
        "." * 100_000,
        "1." * 50_000,
        " " * 100_000,
        "z " * 50_000,
        "图" * 100_000,
    ],
    ids=["digits", "dots", "pairs", "blanks", "words", "characters"],
)
def test_hostile_input_is_digested(text):
    """Long runs of one thing come to an end, and say nothing."""
    assert lexicon.find_leftover(text) is None
    assert lexicon.find_opener(text) is None
    assert lexicon.find_labels(text) in {(), lexicon.find_labels(text[:1])}
    assert lexicon.find_notes(text) == ()
    assert lexicon.find_resemblance(text) is None
    assert 0 <= lexicon.stop_share(text) <= 1


@pytest.mark.parametrize("form", ["{}", "» {} «", "“{}”:", "{} (3)", "{}…"])
@pytest.mark.parametrize("language", lexicon.LANGUAGES)
def test_two_words_rule_out_no_phrase(language, form):
    """However a phrase is written, with whatever marks and numbers around it."""
    for group in ("leftovers", "openers", "labels"):
        for _, phrase in lexicon.phrases(language, group):
            text = phrase.replace("#", "1 200")
            heads = lexicon.heads_of([lexicon.fold(form.format(text))])
            assert lexicon.may_equal(form.format(text), heads)
            assert lexicon.may_equal(form.format(text).upper(), heads)


@given(st.text() | st.text("Vonby \u0301\u00adé:ß①12-’…한\u1112日", max_size=9))
def test_two_words_rule_out_nothing_else(text):
    """What a line is folded to is never ruled out, whatever it is made of."""
    assert lexicon.may_equal(text, lexicon.heads_of([lexicon.fold(text)]))
