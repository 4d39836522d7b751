"""Blocks in numbers."""

import numpy as np
import pytest

from tasks.pieces import Block
from tasks.schema import Kind, RemovalReason
from tasks.text.layout import find_blocks
from tasks.text.measures import measure_blocks

ARTICLE = """Der Steg

Der Steg über den Fluss ist seit Montag wieder offen, wie die Stadt mitteilte.

Wer über den Steg will, braucht am Morgen Geduld. Der Fluss führt viel Wasser.

Teilen
Drucken
"""
OTHER = "今天上午，市政府宣布将在河边修建一座新的公园。\n\n公园将在明年开放。\n\n分享"


def measured(text):
    blocks = find_blocks(text)
    columns = measure_blocks([blocks]).columns
    return [
        {name: column[row] for name, column in columns.items()}
        for row in range(len(blocks))
    ]


def test_a_block_has_the_same_numbers_in_any_batch():
    """Nothing but its own article decides on the numbers of a block, to a bit."""
    articles = [find_blocks(text) for text in (ARTICLE, OTHER, "", ARTICLE * 3)]

    together = measure_blocks(articles)

    apart = [measure_blocks([blocks]).columns for blocks in articles if blocks]
    for name, column in together.columns.items():
        alone = np.concatenate([columns[name] for columns in apart])
        assert np.array_equal(column, alone), name


def test_nothing_to_measure():
    """A batch without blocks has no columns."""
    assert measure_blocks([]).columns == measure_blocks([[]]).columns == {}


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("Ein Satz.", 1),
        ("„Ein Satz.“", 1),
        ("Ein Titel", 0),
        ("終わり。", 1),
        ("Und?", 1),
    ],
)
def test_the_end_of_a_sentence(text, ends):
    """A full stop counts behind closing quotes too, in any script."""
    assert measured(text)[0]["ends"] == ends


def test_words_the_article_uses_elsewhere():
    """What other blocks speak of too belongs together; a menu shares nothing."""
    _, first, second, share, _ = measured(ARTICLE)

    assert first["common"] > 0
    assert second["common"] > 0
    assert share["common"] == 0


def test_a_repeated_line_shares_nothing_with_itself():
    """Copies of a line are counted, but do not show that the article speaks of it."""
    rows = measured("Mehr erfahren jetzt\n\nDer Steg ist offen.\n\nMehr erfahren jetzt")

    assert [row["repeated"] for row in rows] == [1, 0, 1]
    assert [row["common"] for row in rows] == [0, 0, 0]


def test_function_words():
    """Prose has many words that say nothing by themselves, in any known language."""
    german = measured("Das ist nicht der, den ich meine.")[0]["stop_share"]
    english = measured("It is not what I mean.")[0]["stop_share"]
    names = measured("Anna Berg")[0]["stop_share"]

    assert german > 0.4
    assert english > 0.4
    assert names == 0


def test_distances_end_with_the_article():
    """The neighbour of the last block is not the first of the next article."""
    leftover = Block(0, 4, "Menü", reason=RemovalReason.NAVIGATION, rule_id="x")
    plain = Block(0, 4, "Text", kind=Kind.LIST_ITEM)

    columns = measure_blocks([[plain], [leftover, plain], [plain]]).columns

    assert columns["back_to_leftover"].round(2).tolist()[2] == np.log1p(1).round(2)
    assert columns["on_to_leftover"].round(2).tolist()[0] == np.log1p(99).round(2)
    assert columns["is_item+1"].tolist() == [0, 1, 0, 0]


def test_lines_that_begin_or_end_alike():
    """Teasers and captions of a page often begin, or end, with the same words."""
    text = (
        "Lesen Sie: Der Steg\n\nLesen Sie: Das Ufer am Fluss\n\nDer Steg ist offen.\n\n"
        "Das Ufer im Winter Nordfoto\n\nDer Steg im Sommer Nordfoto"
    )

    rows = measured(text)

    assert [row["same_start"] for row in rows] == [1, 1, 1, 0, 1]
    assert [row["same_end"] for row in rows] == [0, 0, 0, 1, 1]


def test_signs_are_words_pairs_and_edges():
    """What the words may tell: each, each pair, and the first and the last as such."""
    signs = measure_blocks([find_blocks("Mehr zum Thema\n\nMehr")]).signs

    assert np.bincount(signs.text).tolist() == [3 + 2 + 2, 1 + 2]
    assert len(set(signs.keys.tolist())) == 3 + 2 + 2 + 1
