"""Laws of `tasks/text/network.py`: whole numbers, and no neighbours but one's own."""

import numpy as np

from tasks.text.layout import find_blocks
from tasks.text.measures import measure_blocks
from tasks.text.network import (
    GRAIN,
    INPUT_LIMIT,
    STEPS,
    UNIT_LIMIT,
    load_network,
    read_network,
    tell,
)

EXACT = 2**24  # `float32` holds every whole number below
TEXTS = [
    "Startseite\nPolitik\n\nDer Steg über den Fluss ist seit Montag offen.\n\nTeilen",
    "今天上午，市政府宣布将在河边修建一座新的公园。",
    "",
    "Mehr zum Thema\n\nDie besten Bilder vom Hafenfest\n\nImpressum",
]


def test_the_network_counts_in_whole_numbers():
    """Sums of whole numbers that are small enough are exact: no machine may differ."""
    for layers in load_network().members:
        inputs = np.full(len(layers.inner), INPUT_LIMIT * GRAIN, np.float64)
        assert (inputs @ np.abs(layers.inner) + np.abs(layers.inner_bias)).max() < EXACT
        units = UNIT_LIMIT * GRAIN
        for weights, bias in zip(layers.around, layers.around_bias, strict=True):
            assert np.array_equal(weights, np.rint(weights))
            assert (np.abs(weights).sum(axis=0) * units + np.abs(bias)).max() < EXACT
        assert np.abs(layers.output).sum(axis=0).max() * units < EXACT


def test_a_text_has_the_same_odds_in_any_batch():
    """A layer looks at the blocks around, but never into the next article."""
    articles = [find_blocks(text) for text in TEXTS]
    network = load_network()

    together = network.judge(measure_blocks(articles))

    apart = [network.judge(measure_blocks([own])) for own in articles if own]
    assert np.array_equal(together, np.concatenate(apart))


def test_a_network_survives_being_saved():
    """What is read again answers as before."""
    network = load_network()
    measures = measure_blocks([find_blocks(TEXTS[0])])

    again = read_network(network.to_arrays())

    assert np.array_equal(network.judge(measures), again.judge(measures))
    assert len(network.members[0].around) == len(STEPS)


def test_signs_tell_less_each_the_more_there_are():
    """Those against the article and those for it count apart, in any order."""
    block, odds = np.array([0, 0, 0, 2]), np.array([256, -512, 512, -256])

    against, for_it = tell(block, odds, 3)

    assert against.tolist() == [-2 / 6**0.5, 0, -1 / 2]
    assert for_it.tolist() == [3 / 6**0.5, 0, 0]
    again = tell(block[::-1], odds[::-1], 3)
    assert np.array_equal(again, (against, for_it))
