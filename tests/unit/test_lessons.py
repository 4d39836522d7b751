"""What is added to the review of texts in doubt."""

import numpy as np

from tasks.languages.fusion import load_model
from tasks.languages.lessons import load_lessons
from tasks.languages.traces import make_keys

TEXTS = [
    "Markedsføringen lovet stor virkning",
    "Markedsføringen lovede stor virkning",
    "Semua orang boleh bercakap bahasa ini",
    "",
    "§§ 12",
]


def test_lessons_do_not_depend_on_the_company():
    """To the last bit."""
    lessons = load_lessons("fused")

    together = lessons.score(*make_keys(TEXTS)[:2], len(TEXTS))

    for row, text in enumerate(TEXTS):
        alone = lessons.score(*make_keys([text])[:2], 1)
        np.testing.assert_array_equal(alone[0], together[row])


def test_text_without_words_teaches_nothing():
    """Nothing is added to any language."""
    lessons = load_lessons("fused")

    scores = lessons.score(*make_keys(["", "§§ 12"])[:2], 2)

    assert not scores.any()


def test_both_fits_have_lessons_for_languages_of_the_model():
    """A lesson for a language that the model lacks would be lost."""
    for name, with_eldc in (("fused", True), ("profiles", False)):
        lessons = load_lessons(name)

        assert set(lessons.languages) <= set(load_model(with_eldc=with_eldc).languages)
        assert len(lessons.table) == lessons.places.max() + 1 > 1
