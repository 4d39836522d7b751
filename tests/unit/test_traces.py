"""Our own profiles and the review of texts in doubt."""

import numpy as np
import pytest

from tasks.languages.fusion import FusedDetector, load_model
from tasks.languages.traces import Stored, arrange, load_traces, make_keys

RARE = {
    "eo": "La registaro hieraŭ anoncis, ke la prezoj de la loĝejoj ne plu altiĝos.",
    "ga": "Dúirt an rialtas inné nach mbeidh praghsanna na dtithe ag ardú níos mó.",
    "kk": "Үкімет кеше тұрғын үй бағасы енді көтерілмейтінін хабарлады.",
    "la": "Senatus heri nuntiavit pretia domorum in urbe non iam auctum iri.",
    "mn": "Засгийн газар өчигдөр орон сууцны үнэ дахин нэмэгдэхгүй гэж мэдэгдлээ.",
    "xh": "Urhulumente ubhengeze izolo ukuba amaxabiso ezindlu akasayi kunyuka.",
}


@pytest.mark.parametrize("code", RARE)
def test_languages_that_only_the_traces_know_are_found(code):
    """Neither langdetect nor eldc has heard of them."""
    ((found, score),) = FusedDetector().detect([RARE[code]])

    assert found == code
    assert score > 0.5


def test_many_languages_are_known():
    """At least the 75 of the detector that knows most."""
    assert len(load_model(with_eldc=True).languages) >= 75


def test_parts_of_words_have_three_to_five_letters_and_stay_in_their_word():
    """Ends of the word count as letters; longer words are a part as a whole."""
    keys, owners, _ = make_keys(["abc d"])
    spaced = make_keys(["ABC... 12 D!"]).keys

    # abc: _ab abc bc_, _abc abc_, _abc_; d: _d_
    assert len(keys) == 7
    assert set(owners.tolist()) == {0}
    assert sorted(keys.tolist()) == sorted(spaced.tolist())
    assert len(make_keys(["abcd"])[0]) == 4 + 3 + 2 + 1


def test_scores_do_not_depend_on_the_company():
    """To the last bit."""
    traces = load_traces()
    texts = [*RARE.values(), "", "123", "ă"]

    together = traces.score(*make_keys(texts)[:2], len(texts))

    for row, text in enumerate(texts):
        alone = traces.score(*make_keys([text])[:2], 1)
        for ours, theirs in zip(alone, together, strict=True):
            np.testing.assert_array_equal(ours[0], theirs[row])


def test_a_text_of_known_words_counts_them():
    """Known parts are among all parts; a text without letters has none."""
    keys, owners, _ = make_keys(["der die das", "§§ 12"])
    scores, known = load_traces().score(keys, owners, 2)

    assert 0 < known[0] <= len(keys)
    assert known[1] == 0
    assert not scores[1].any()


def test_a_part_says_what_is_stored_however_many_languages_share_it():
    """Parts of few languages and of many are kept apart, for speed only."""
    codes = tuple("abcdef")
    lengths = np.array([1, 4, 5, 6], np.uint8)
    columns = np.concatenate([[2], [0, 1, 3, 5], range(5), range(6)])
    values = np.arange(1, 17)
    traces = arrange(
        Stored(
            codes,
            np.array([10, 20, 30, 40], np.uint32),
            lengths,
            columns.astype(np.uint8),
            values.astype(np.uint8),
            0.5,
        )
    )
    keys = np.array([40, 10, 99, 20, 30, 30], np.uint32)

    scores, known = traces.score(keys, np.array([0, 0, 0, 2, 2, 2]), 3)

    expected = np.zeros((4, len(codes)))
    expected[np.repeat(np.arange(4), lengths), columns] = values / 2
    np.testing.assert_array_equal(scores[0], expected[3] + expected[0])
    assert not scores[1].any()
    np.testing.assert_array_equal(scores[2], expected[1] + 2 * expected[2])
    assert known.tolist() == [2, 0, 3]
