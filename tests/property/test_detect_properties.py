"""Laws of language detection that hold for any text."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.detect import detect_languages
from tasks.languages.fusion import FusedDetector, load_model

PIECES = [
    "Der Hund schläft.",
    "The dog sleeps",
    "Le chien",
    "собака спит",
    "الكلب",
    "犬が寝る",
    "狗在睡觉",
    "12:30",
    "x = f(y)",
    "ΣΚΎΛΟΣ",
    "İSTANBUL",
    "\x00",
    "e\u0301",
    "\ud800",
    " ",
]
TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=40),
    st.lists(st.sampled_from(PIECES), max_size=120).map(" ".join),
)
BATCHES = st.lists(TEXTS, max_size=12)


@pytest.mark.parametrize("with_eldc", [True, False])
@settings(deadline=None, max_examples=60)
@given(texts=BATCHES)
def test_answers_do_not_depend_on_the_batch(with_eldc, texts):
    """Alone, together, in reverse: every text gets the same answer to the last bit."""
    detector = FusedDetector(with_eldc=with_eldc)
    together = detector.detect(texts)

    assert together == [detector.detect([text])[0] for text in texts]
    assert together == detector.detect(texts[::-1])[::-1]
    assert together * 60 == detector.detect(texts * 60)


@settings(deadline=None, max_examples=100)
@given(texts=BATCHES)
def test_answers_are_codes_and_scores(texts):
    """A known code with a score from 0 to 1, or ``und`` with 0."""
    known = load_model(with_eldc=True).columns
    for code, score in FusedDetector().detect(texts):
        assert 0 <= score <= 1
        assert code in known or (code, score) == ("und", 0.0)


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("abc"),
            # Tables hold Unicode only.
            TEXTS.map(lambda text: text.replace("\ud800", "")),
            st.sampled_from([None, "layout"]),
        ),
        max_size=10,
    )
)
def test_every_row_is_answered(rows):
    """Kept blocks get a language, removed ones none; shares add up to one."""
    blocks = pd.DataFrame(rows, columns=["document_id", "text", "reason"])
    articles = pd.DataFrame({"document_id": ["a", "b", "c"]})
    found, marked = detect_languages.fn(articles, blocks)

    assert marked[["document_id", "text"]].equals(blocks[["document_id", "text"]])
    assert (marked["language"].isna() == blocks["reason"].notna()).all()
    assert found["language_score"].between(0, 1).all()
    for main, shares in zip(found["language"], found["languages"], strict=True):
        assert main == "und" or main in [share["code"] for share in shares]
        assert not shares or sum(s["share"] for s in shares) == pytest.approx(1)
        assert shares == sorted(shares, key=lambda s: (-s["share"], s["code"]))
