"""The MinHash of a text: a function of the text alone that tells shared wording."""

import numpy as np
import pytest

from tasks.schema import MINHASH_BYTES
from tasks.text.minhash import minhash_texts

PROSE = (
    "The harbour was quiet when the last ferry came in, and the two sisters waited on"
    " the pier until the lamps were lit. Nobody spoke for a long time, for there was"
    " nothing to say that the wind had not said already, and the tide went out."
)
STORED = ["60ecfe76d1152569", "74b92fdf21ff9f1f"]
TEXTS = [
    PROSE,
    f"{PROSE} {PROSE[::-1]}",
    "今天天气很好，我们去公园散步，然后在湖边喝茶。",
    "วันนี้อากาศดีมาก เราไปเดินเล่นที่สวนสาธารณะ",
    "두 자매는 등불이 켜질 때까지 부두에서 기다렸다.",
    "𠀀𠀁 𠀂 \U0001f389 \ud800",
    "one",
    "?!",
    "",
]


def likeness(one, other):
    """Return the share of equal bytes of the MinHashes of two texts."""
    first, second = (
        np.frombuffer(found, np.uint8) for found in minhash_texts([one, other])
    )
    return float((first == second).mean())


def test_batch_does_not_show():
    """A text has the same MinHash alone, among others, and in a large batch."""
    alone = [minhash_texts([text])[0] for text in TEXTS]

    assert minhash_texts(TEXTS) == alone
    assert (
        minhash_texts([*TEXTS[::-1], "x y " * 40_000, *TEXTS])[-len(TEXTS) :] == alone
    )
    assert all(len(found) == MINHASH_BYTES for found in alone)
    assert len(set(alone)) == len(TEXTS)
    assert minhash_texts([]) == []


def test_stored_values_stay():
    """Rows written earlier are compared with new ones: the values are for good.

    Others after an upgrade of a library need a `Change` in `tasks/logic.py`.
    """
    found = minhash_texts([PROSE, "今天天气很好，我们去公园散步。"])

    assert [part[:8].hex() for part in found] == STORED


@pytest.mark.parametrize(
    "other",
    [PROSE.upper(), PROSE.replace(",", " –"), f"\n\n{PROSE}".replace(". ", ".\n\n")],
    ids=["case", "punctuation", "layout"],
)
def test_wording_alone_counts(other):
    """Case, punctuation and layout make no difference."""
    assert likeness(PROSE, other) == 1.0


def test_share_of_equal_bytes_tells_shared_wording():
    """It is about the Jaccard similarity of the sets of word triples."""
    half = " ".join(PROSE.split()[: len(PROSE.split()) // 2])

    assert likeness(PROSE, half) == pytest.approx(0.5, abs=0.15)
    assert likeness(PROSE, PROSE.replace("pier", "quay")) > 0.8
    assert likeness(PROSE, PROSE[::-1]) < 0.05


def test_figures_count_more_than_words():
    """The same sentences with other figures are another day's report."""
    report = "Rain {} mm, wind {} km/h, high {} degrees, low {} degrees, sun {} hours."
    today, tomorrow = report.format(1, 20, 13, 4, 5), report.format(7, 31, 9, 2, 1)
    words = report.format("a", "b", "c", "d", "e"), report.format(*"vwxyz")

    assert likeness(today, tomorrow) < likeness(*words)


def test_scripts_without_spaces():
    """Texts in scripts without spaces are compared by their characters."""
    chinese = TEXTS[2]

    assert likeness(chinese, chinese.replace("喝茶", "吃饭")) > 0.5
    assert likeness(chinese, "经济学家预计明年利率将会下降，股市因此上涨。") < 0.1
