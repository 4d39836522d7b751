"""Whole words and letters: what they add to the review of texts in doubt."""

import numpy as np
import pytest

from tasks.languages.fusion import FusedDetector
from tasks.languages.letters import load_letters
from tasks.languages.traces import load_vocabulary, make_keys

TEXTS = ["Kandidat za veleposlanika", "Skåden är stängd", "", "§§ 12", "😀 𐍈 ру́сский"]
WITHOUT_ACCENTS = {
    "cs": "Vcera jsme se rozhodli, ze zitra pojedeme na navstevu k pribuznym.",
    "pl": "Wczoraj zdecydowalismy, ze jutro pojedziemy pociagiem do rodziny.",
    "ro": "Ieri am hotarat ca maine vom pleca cu trenul catre rudele noastre.",
}


def test_only_whole_words_are_looked_up():
    """As many as there are, however short or long."""
    keys, owners, whole = make_keys(["I do not understand", "a1b"])

    assert np.bincount(owners[whole]).tolist() == [4, 2]
    assert len(set(keys[whole].tolist())) == 6


def test_a_frequent_word_speaks_for_its_language():
    """It is known, and in no other language is it more frequent."""
    vocabulary = load_vocabulary()
    keys, owners, whole = make_keys(["ikke", "nicht", "qqwx"])

    scores, known = vocabulary.score(keys[whole], owners[whole], 3)

    best = [vocabulary.languages[column] for column in scores.argmax(1)]
    assert best[0] in {"da", "no"}
    assert best[1] == "de"
    assert known.tolist() == [1, 1, 0]
    assert not scores[2].any()


def test_letters_do_not_depend_on_the_company():
    """To the last bit; what has no letters beyond ASCII scores nothing."""
    letters = load_letters()

    together = letters.score(TEXTS)

    for row, text in enumerate(TEXTS):
        np.testing.assert_array_equal(letters.score([text])[0], together[row])
    assert not together[2:4].any()


def test_a_letter_counts_once_a_text():
    """A name that is repeated says no more than one."""
    letters = load_letters()

    once, twice = letters.score(["Åse", "Åse ÅSE åse"])

    np.testing.assert_array_equal(once, twice)


@pytest.mark.parametrize("code", WITHOUT_ACCENTS)
def test_a_sentence_typed_without_accents_keeps_its_language(code):
    """People write so in comments and old mails."""
    ((found, _),) = FusedDetector().detect([WITHOUT_ACCENTS[code]])

    assert found == code
