"""Passages in another language, scripts and tags."""

import pandas as pd
import pytest

from tasks import detect as step
from tasks.languages.fusion import FusedDetector
from tasks.languages.scripts import _tell_scripts, tell_scripts
from tasks.languages.spans import find_foreign
from tasks.languages.tags import make_tag

GERMAN = (
    "Der Minister wollte sich zu den Vorwürfen nicht äußern. {} Damit endete das"
    " Gespräch nach weniger als einer halben Stunde."
)
ENGLISH = "We have nothing to hide and we never had anything to hide."
POLISH = "Nie mamy nic do ukrycia i nigdy nie mieliśmy nic do ukrycia."
SAME = "Wir haben nichts zu verbergen und hatten nie etwas zu verbergen."


def spans_of(*texts):
    """Return the foreign passages of each text as (language, passage)."""
    detect = FusedDetector().detect
    mixtures = find_foreign(texts, detect(texts), detect)
    return [
        [(s.language, text[s.start_chars : s.end_chars]) for s in mixture.spans]
        for text, mixture in zip(texts, mixtures, strict=True)
    ]


@pytest.mark.parametrize("marks", ["“{}”", "„{}“", "«{}»", '"{}"', "»{}«"])
@pytest.mark.parametrize(("code", "quote"), [("en", ENGLISH), ("pl", POLISH)])
def test_a_foreign_quotation_is_found(marks, code, quote):
    """Exactly what stands between the marks, whichever marks."""
    text = GERMAN.format(marks.format(quote))

    assert spans_of(text) == [[(code, quote)]]


def test_a_quotation_in_the_same_language_is_not_foreign():
    """Nor is a paragraph without quotations, nor a title too short to tell."""
    texts = [
        GERMAN.format(f"„{SAME}“"),
        GERMAN.format(SAME),
        GERMAN.format("„Yes, we can“, sagte er."),
    ]

    assert spans_of(*texts) == [[], [], []]


def test_a_long_quotation_does_not_take_the_paragraph_over():
    """The language of a paragraph is that of what stands around the quotation."""
    text = (
        "Der Minister sagte dazu auf Nachfrage nur: „" + " ".join([ENGLISH] * 4) + "“"
    )
    articles = pd.DataFrame({"document_id": ["a"]}, dtype="str")
    blocks = pd.DataFrame({"document_id": ["a"], "text": [text], "reason": [None]})

    articles, blocks = step.detect_languages.fn(articles, blocks)

    assert blocks["language"].tolist() == ["de"]
    (span,) = blocks["foreign_spans"][0]
    assert span["language"] == "en"
    shares = {one["code"]: one["share"] for one in articles["languages"][0]}
    assert shares["en"] == pytest.approx(
        (span["end_chars"] - span["start_chars"]) / len(text)
    )
    assert sum(shares.values()) == pytest.approx(1)


def test_passages_do_not_depend_on_the_company():
    """A paragraph has the same passages alone and among others."""
    texts = [GERMAN.format(f"“{quote}”") for quote in (ENGLISH, POLISH, SAME)]

    assert spans_of(*texts) == [spans_of(text)[0] for text in texts]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Ein Satz.", "Latn"),
        ("Предложение.", "Cyrl"),
        ("カタカナ", "Jpan"),
        ("한국어와 漢字", "Kore"),
        ("人", "Hani"),
        ("國家", "Hant"),
        ("ꔀꔁꔂ", "Zzzz"),
        ("12 %", "Zyyy"),
        ("", "Zyyy"),
    ],
)
def test_script_is_that_of_most_letters(text, script):
    """Codes are ISO 15924."""
    assert tell_scripts([text]) == [script]


@pytest.mark.parametrize(
    ("language", "script", "text", "tag"),
    [
        ("en", "Latn", "", "en"),
        ("ru", "Cyrl", "", "ru"),
        ("ru", "Latn", "", "ru-Latn"),
        ("sr", "Cyrl", "", "sr-Cyrl"),
        ("zh", "Hans", "", "zh-Hans"),
        ("zh", "Hani", "", "zh"),
        ("ja", "Jpan", "", "ja"),
        ("und", "Latn", "", "und"),
        ("no", "Latn", "Jeg vet ikke hva det er, men noe er det.", "nb"),
        ("no", "Latn", "Eg veit ikkje kva det er, men noko er det.", "nn"),
        ("no", "Latn", "Oslo er hovudstad.", "no"),
    ],
)
def test_tag_says_no_more_than_the_text(language, script, text, tag):
    """A script where it is not a matter of course, a standard where words tell."""
    assert make_tag(language, script, [text]) == tag


def test_articles_and_paragraphs_have_script_and_tag():
    """A paragraph that does not tell its standard has that of its article."""
    texts = [
        "Eg veit ikkje kva som hender med kyrkja i bygda, seier ho, men noko skjer.",
        "Prisen er høg i Noreg og Sverige, og alle betaler den med glede hver dag.",
    ]
    articles = pd.DataFrame({"document_id": ["a"]}, dtype="str")
    blocks = pd.DataFrame({"document_id": "a", "text": texts, "reason": [None, None]})

    articles, blocks = step.detect_languages.fn(articles, blocks)

    assert articles["language"].tolist() == ["no"]
    assert articles["script"].tolist() == ["Latn"]
    assert articles["language_tag"].tolist() == ["nn"]
    assert blocks["language_tag"].tolist() == ["nn", "nn"]


def test_scripts_do_not_depend_on_the_shortcut():
    """Latin text is told without counting letters, to the same result."""
    texts = [
        "Straße – „so“ 5 €",
        "naïve ™",
        "Đường phố",
        "µ",
        "Ωmega",
        "x²",
        "½ × 3",
        "ⁿ a",
    ]

    assert tell_scripts(texts) == list(_tell_scripts(texts))
