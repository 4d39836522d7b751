"""The glance: when what eldc or the traces say stands without a closer look."""

import numpy as np
import pytest

from tasks.languages.chunks import make_chunks
from tasks.languages.fusion import FusedDetector, load_model
from tasks.languages.glance import measure, measure_traces

PLAIN = {
    "de": "Die Regierung hat gestern ein neues Gesetz über die Mieten beschlossen.",
    "en": "The government passed a new law on rents yesterday afternoon.",
    "el": "Η κυβέρνηση ψήφισε χθες νέο νόμο για τα ενοίκια.",
    "zh": "政府昨天通过了一项关于租金的新法律。",
    "ar": "أقرت الحكومة أمس قانونا جديدا بشأن الإيجارات في المدينة.",
}
LOOKED_AT_CLOSER = {
    "related language": "Hulle het gesê dat die kinders nie meer skool toe gaan nie.",
    "unknown letters": "Үкімет кеше тұрғын үй бағасы енді көтерілмейтінін хабарлады.",
    "twins": "Vlada je jučer donijela novi zakon o stanarinama i porezu na stanove.",
    "code": "self._items[key] = _convert(value, *args, **kwargs) + other",
    "numbers": "Team 12 34 56 78 90 12 34 56 points 12 34 56 goals 3 4 5",
    "short": "Das Wetter",
    "nothing": "",
}

LEFT_TO_THE_TRACES = {
    "af": LOOKED_AT_CLOSER["related language"],
    "ga": "Dúirt an rialtas inné nach mbeidh praghsanna na dtithe ag ardú níos mó.",
    "kk": LOOKED_AT_CLOSER["unknown letters"],
}


def settle(text):
    """Return eldc's scores and how sure the glance is."""
    model = load_model(with_eldc=True)
    (scores,) = model.ask_words([text])
    return scores, model.glance.settle(text, scores)


@pytest.mark.parametrize("code", PLAIN)
def test_a_plain_sentence_is_settled_at_a_glance(code):
    """Nothing else is asked, and the answer is as sure as it is."""
    scores, score = settle(PLAIN[code])

    assert next(iter(scores)) == code
    assert score > 0.95
    assert FusedDetector().detect([PLAIN[code]]) == [(code, round(score, 4))]


@pytest.mark.parametrize("case", LOOKED_AT_CLOSER)
def test_what_may_be_something_else_is_looked_at_closer(case):
    """A relative, foreign letters, signs of code, many digits, or little text."""
    _, score = settle(LOOKED_AT_CLOSER[case])

    assert score is None


def test_both_looks_agree_on_plain_text():
    """The glance saves time, it does not change what is said."""
    model = load_model(with_eldc=True)
    texts = [make_chunks(text)[0] for text in PLAIN.values()]

    answers = model.look(texts, model.ask_words(texts))

    assert [code for code, _ in answers] == list(PLAIN)


def test_without_eldc_nothing_is_settled():
    """There is nothing to glance at."""
    model = load_model(with_eldc=False)

    assert model.glance.settle(PLAIN["de"], {}) is None


def test_eldc_names_the_best_language_first():
    """Everything here rests on that order."""
    (scores,) = load_model(with_eldc=True).ask_words([PLAIN["de"]])

    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert len(scores) > 1


def test_a_single_language_leads_by_all_it_has():
    """There is no second to come close."""
    top, gap = measure({"el": 0.5})

    assert top == gap > 0


def settle_by_traces(texts):
    """Return what the traces say of each text, and how sure that is."""
    model = load_model(with_eldc=True)
    marks = measure_traces(model.reviewer.traces, model.reviewer.traces.follow(texts))
    scores = map(model.trace_glance.settle_measured, texts, *map(list, marks))
    return list(zip(marks.codes, scores, strict=True))


@pytest.mark.parametrize("code", LEFT_TO_THE_TRACES)
def test_what_eldc_does_not_know_the_traces_settle_at_a_glance(code):
    """Nothing else is asked, and the answer is as sure as it is."""
    text = LEFT_TO_THE_TRACES[code]
    ((found, score),) = settle_by_traces([text])

    assert found == code
    assert score > 0.95
    assert FusedDetector().detect([text]) == [(code, round(score, 4))]


@pytest.mark.parametrize("case", ["twins", "code", "numbers", "short", "nothing"])
def test_what_the_traces_leave_open_is_looked_at_with_all_there_is(case):
    """Relatives that share most words, signs of code, many digits, or little text."""
    ((_, score),) = settle_by_traces([LOOKED_AT_CLOSER[case]])

    assert score is None


def test_the_second_glance_does_not_change_what_is_said():
    """It saves time."""
    model = load_model(with_eldc=True)
    texts = [*LEFT_TO_THE_TRACES.values(), *LOOKED_AT_CLOSER.values()]
    words = model.ask_words(texts)

    closer = model.look_closer(texts, words)

    assert [code for code, _ in closer] == [
        code for code, _ in model.look(texts, words)
    ]
    assert closer[len(LEFT_TO_THE_TRACES) + 2 :] == model.look(
        texts[len(LEFT_TO_THE_TRACES) + 2 :], words[len(LEFT_TO_THE_TRACES) + 2 :]
    )


def test_a_part_of_a_trail_is_the_trail_of_these_texts():
    """What is known of the texts that are left is not looked up again."""
    traces = load_model(with_eldc=True).reviewer.traces
    texts = [*PLAIN.values(), "", *LOOKED_AT_CLOSER.values()]
    rows = np.array([1, 2, 5, 8])

    some = traces.follow(texts).take(rows)
    alone = traces.follow([texts[row] for row in rows])

    for ours, theirs in zip(
        (*some.parts, some.scores, some.counts),
        (*alone.parts, alone.scores, alone.counts),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, theirs)
