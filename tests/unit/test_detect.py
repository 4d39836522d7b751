"""Telling languages: of texts, of blocks in their article, of articles."""

import math
import pickle
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import get_args

import pandas as pd
import pytest
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

from flows import settings
from tasks import detect as step
from tasks.errors import SettingsError
from tasks.languages import fusion
from tasks.languages.chunks import cut, elect, prepare
from tasks.languages.fusion import FEATURES, FusedDetector, load_model
from tasks.languages.profiles import load_profiles
from tasks.languages.scripts import SCRIPTS, join_texts, take_census

SENTENCES = {
    "de": "Die Regierung hat gestern ein neues Gesetz über die Mieten beschlossen.",
    "en": "The government passed a new law on rents yesterday afternoon.",
    "fr": "Le gouvernement a adopté hier une nouvelle loi sur les loyers.",
    "es": "El gobierno aprobó ayer una nueva ley sobre los alquileres.",
    "it": "Il governo ha approvato ieri una nuova legge sugli affitti.",
    "pt": "O governo aprovou ontem uma nova lei sobre os aluguéis.",
    "nl": "De regering heeft gisteren een nieuwe wet over de huren aangenomen.",
    "no": "Regjeringen vedtok i går en ny lov om husleier, og ingen likte den.",
    "pl": "Rząd przyjął wczoraj nową ustawę o czynszach.",
    "tr": "Hükümet dün kiralarla ilgili yeni bir yasa çıkardı.",
    "ru": "Правительство вчера приняло новый закон об арендной плате.",
    "uk": "Уряд учора ухвалив новий закон про орендну плату.",
    "mk": "Владата вчера донесе нов закон за кириите, но никој не е задоволен.",
    "af": "Hulle het gesê dat die kinders nie meer skool toe gaan nie.",
    "el": "Η κυβέρνηση ψήφισε χθες νέο νόμο για τα ενοίκια.",
    "ar": "أقرت الحكومة أمس قانونا جديدا بشأن الإيجارات.",
    "he": "הממשלה אישרה אתמול חוק חדש בנושא שכר הדירה.",
    "hi": "सरकार ने कल किराये पर एक नया कानून पारित किया।",
    "ja": "政府は昨日、家賃に関する新しい法律を可決した。",
    "zh": "政府昨天通过了一项关于租金的新法律。",
    "ko": "정부는 어제 임대료에 관한 새 법을 통과시켰다.",
    "th": "รัฐบาลผ่านกฎหมายใหม่เกี่ยวกับค่าเช่าเมื่อวานนี้",
    "hy": "Կառավարությունը երեկ ընդունեց նոր օրենք վարձավճարների մասին։",
}
JUNK = [
    "",
    " \n\t",
    "12:30",
    "3,14 %",
    "§ 880",
    "🎉🎉🎉",
    "———",
    "ab",
    "https://example.org/ein/langer/pfad?mit=parametern",
    "www.example.org",
    "redaktion@example.org",
    "self._items[key] = _convert(value, *args, **kwargs)",
    '{"a": [1, 2, {"b": null}]}',
    "\x00\ud800",
    "ꔀꔁꔂ ꔃꔄ ꔅꔆ",  # Vai: a script of no language we know
]


def codes_of(texts, detector=None):
    """Return the codes alone."""
    return [code for code, _ in (detector or FusedDetector()).detect(texts)]


def tables(*blocks):
    """Return articles and blocks from (document, text) or (document, text, reason)."""
    rows = [(*block, None)[:3] for block in blocks]
    frame = pd.DataFrame(rows, columns=["document_id", "text", "reason"])
    frame["reason"] = frame["reason"].astype("str")
    ids = list(dict.fromkeys(frame["document_id"]))
    return pd.DataFrame({"document_id": ids}, dtype="str"), frame


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_has_its_language(code):
    """An ordinary sentence is told, and surely."""
    ((found, score),) = step.detect([SENTENCES[code]])

    assert code == found
    assert score > 0.7


@pytest.mark.parametrize("text", JUNK, ids=ascii)
@pytest.mark.parametrize("with_eldc", [True, False])
def test_junk_is_in_no_language(text, with_eldc):
    """Numbers, addresses, code, emoji and unknown scripts are undetermined."""
    assert FusedDetector(with_eldc=with_eldc).detect([text]) == [("und", 0.0)]


@pytest.mark.parametrize("code", ["de", "en", "fr", "pl", "tr", "ru", "el"])
def test_capitals_do_not_matter(code):
    """A heading in capitals has the language of the same heading in lower case."""
    assert codes_of([SENTENCES[code].upper()]) == [code]


def test_han_is_told_by_national_standards():
    """Text of nothing but Han characters is told by those only one country uses."""
    assert codes_of(["神奈川県横浜市", "们来说这个", "東京タワー"]) == [
        "ja",
        "zh",
        "ja",
    ]


def test_quoted_latin_does_not_decide():
    """Latin names in a text of another script do not make it English."""
    assert codes_of(["Juddy 看着我。", "Компания Microsoft выпустила Windows"]) == [
        "zh",
        "ru",
    ]


def test_profiles_alone_are_enough(monkeypatch):
    """Where eldc cannot be imported, langdetect's profiles answer."""
    monkeypatch.setattr(fusion, "eldc", None)
    known = load_profiles().languages

    for code, sentence in SENTENCES.items():
        if code in known:
            assert codes_of([sentence]) == [code]


def test_scores_are_langdetects_own_without_chance():
    """A score is the log likelihood over every n-gram langdetect could draw."""
    factory = DetectorFactory()
    factory.load_profile(PROFILES_DIRECTORY)
    profiles = load_profiles()
    for text in [*SENTENCES.values(), "NATO und EU: BREXIT  in Ägypten", "tiếng Việt"]:
        detector = factory.create()
        detector.append(text)
        detector.cleaning_text()
        ngrams = Counter(detector._extract_ngrams())  # noqa: SLF001
        scores, counts = profiles.score([text])

        assert counts.tolist() == [ngrams.total()]
        expected = {
            column: sum(
                count * math.log(factory.word_lang_prob_map[ngram][index] + 0.5 / 10000)
                for ngram, count in ngrams.items()
            )
            for index, name in enumerate(factory.langlist)
            for column in [sorted(factory.langlist).index(name)]
        }
        offset = scores[0, 0] - expected[0]
        for column, value in expected.items():
            assert scores[0, column] - offset == pytest.approx(value, abs=0.01)


def test_threads_forks_and_pickles_agree():
    """The answers are the same wherever the detector runs."""
    texts = list(SENTENCES.values()) + JUNK
    expected = FusedDetector().detect(texts)
    detector = pickle.loads(pickle.dumps(FusedDetector()))

    with ThreadPoolExecutor(4) as pool:
        assert [expected] * 8 == list(pool.map(detector.detect, [texts] * 8))
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        assert expected == pool.submit(detector.detect, texts).result()


def test_langdetect_does_not_vary():
    """The plain detector gives one text one answer, in any order."""
    texts = [*SENTENCES.values(), "Kalifat als Trigger", "12:30", ""]
    detector = step.LangdetectDetector()

    answers = detector.detect(texts)
    assert answers == detector.detect(texts[::-1])[::-1]
    assert answers[-2:] == [("und", 0.0), ("und", 0.0)]
    assert dict(zip(SENTENCES, answers, strict=False))["de"][0] == "de"
    assert dict(zip(SENTENCES, answers, strict=False))["zh"][0] in {"zh", "ko"}


def test_detectors_are_the_ones_of_the_setting():
    """Every detector can be chosen by the setting, and nothing else."""
    assert set(step.DETECTORS) == set(get_args(settings.Detector))


def test_unknown_detector_is_refused():
    """A name that is no detector is an error that lists the names."""
    with pytest.raises(SettingsError, match="fused, langdetect"):
        step.detect_languages.fn(*tables(("a", "Text")), detector="oracle")


def test_short_block_takes_the_language_of_its_article():
    """A heading with weak evidence of its own is in the language of the article."""
    heading = "Kalifat als Trigger"
    articles, blocks = step.detect_languages.fn(
        *tables(("a", heading), ("a", SENTENCES["de"] * 3), ("b", SENTENCES["en"]))
    )

    assert blocks["language"].tolist() == ["de", "de", "en"]
    assert articles["language"].tolist() == ["de", "en"]
    assert articles["languages"].tolist() == [
        [{"code": "de", "share": 1.0}],
        [{"code": "en", "share": 1.0}],
    ]


def test_strong_quotation_keeps_its_language():
    """A short quotation whose own evidence is strong stays foreign."""
    _, blocks = step.detect_languages.fn(
        *tables(("a", SENTENCES["de"] * 3), ("a", "„What Goes Around, Comes Around…“"))
    )

    assert blocks["language"].tolist() == ["de", "en"]


def test_junk_block_takes_no_language():
    """A block of numbers is undetermined in any article, and has no share."""
    articles, blocks = step.detect_languages.fn(
        *tables(("a", SENTENCES["de"]), ("a", "12:30"))
    )

    assert blocks["language"].tolist() == ["de", "und"]
    assert articles["languages"][0] == [{"code": "de", "share": 1.0}]


def test_removed_blocks_have_no_language():
    """What is removed is not asked and does not count."""
    articles, blocks = step.detect_languages.fn(
        *tables(
            ("a", SENTENCES["de"]),
            ("a", SENTENCES["en"] * 5, "advertisement"),
            ("b", SENTENCES["fr"], "paywall"),
        )
    )

    assert blocks["language"].isna().tolist() == [False, True, True]
    assert blocks["language_score"].isna().tolist() == [False, True, True]
    assert articles["language"].tolist() == ["de", "und"]
    assert articles["language_score"].tolist()[1] == 0.0
    assert articles["languages"].tolist()[1] == []


def test_article_without_blocks_is_undetermined():
    """An article that no block belongs to keeps its row."""
    articles, blocks = step.detect_languages.fn(
        pd.DataFrame({"document_id": ["a"]}),
        pd.DataFrame({"document_id": [], "text": [], "reason": []}, dtype="str"),
    )

    assert articles["language"].tolist() == ["und"]
    assert len(blocks) == 0


def test_index_and_order_do_not_matter():
    """Rows are matched by position and document, whatever the index says."""
    articles, blocks = tables(
        ("a", SENTENCES["de"]), ("b", SENTENCES["en"]), ("a", SENTENCES["fr"])
    )
    blocks.index = [7, 7, 7]
    _, found = step.detect_languages.fn(articles[::-1], blocks)

    assert found["language"].tolist() == ["de", "en", "fr"]
    assert found.index.tolist() == [7, 7, 7]


def test_shares_are_of_characters_most_first():
    """Shares count characters; equal shares are in the order of their codes."""
    own = [step.Answer(code, 0.99) for code in ("fr", "en", "de")]
    found = step.settle_languages(["x" * 100, "x" * 100, "x" * 200], own)

    assert found.shares == {"de": 0.5, "en": 0.25, "fr": 0.25}
    assert list(found.shares) == ["de", "en", "fr"]
    assert found.main.code == "de"


def test_long_block_without_evidence_is_undetermined():
    """A long block that looks like nothing we know is not given the article's code."""
    own = [step.Answer("de", 0.99), step.Answer("so", 0.3)]
    found = step.settle_languages(["x" * 500, "x" * 100], own)

    assert [answer.code for answer in found.blocks] == ["de", "und"]


def test_long_text_is_judged_by_all_its_parts():
    """A long document has the language of most of it, not of its beginning."""
    text = SENTENCES["en"] * 10 + SENTENCES["de"] * 60

    assert len(cut(text)) > 1
    assert codes_of([text]) == ["de"]


def test_election_counts_scores():
    """The higher sum wins; undetermined parts do not vote; ties go by code."""
    assert elect([("und", 0.0), ("und", 0.0)]) == ("und", 0.0)
    assert elect([("en", 0.4), ("de", 0.4)]) == ("de", 0.2)
    assert elect([("en", 0.9), ("und", 0.0)]) == ("en", 0.9)


def test_preparation_takes_out_what_is_no_language():
    """Addresses and control characters go, accents are composed."""
    assert prepare("a\x00b\ud800 @name cafe\u0301").split() == ["a", "b", "café"]


def test_census_counts_by_script():
    """Letters count for their script; digits, signs and emoji do not."""
    census = take_census(*join_texts(["Hej 東京ト 12 _ 😀", "да"]), 2)

    assert census.letters[0].sum() == 6
    assert census.letters[0, SCRIPTS.index("Hani")] == 2
    assert census.letters[1, SCRIPTS.index("Cyrl")] == 2
    assert census.digits.tolist() == [2, 0]
    assert census.symbols.tolist() == [1, 0]


@pytest.mark.parametrize("with_eldc", [True, False])
def test_data_fits_the_code(with_eldc):
    """Every feature has a weight, every language one column."""
    model = load_model(with_eldc=with_eldc)

    assert set(FEATURES) == set(model.settings.calibration)
    assert sorted(model.columns) == list(model.languages)
    assert set(model.settings.lacks) <= set(load_profiles().languages)
