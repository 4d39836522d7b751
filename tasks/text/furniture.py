"""Tell what looks like the page around an article, in plain text, without phrases.

A small neural network looks at the numbers of ``measures`` and gives each block the
log-odds of being part of the article, and of being its title. It is trained by
``bench/fit_lines.py``; its weights are data (``tasks/data/lines.json``).

Everything it adds and multiplies is a whole number small enough for ``float64`` to hold
exactly, so a block gets the same answer in any batch and on any machine.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.pieces import Block
from tasks.schema import RemovalReason
from tasks.text import lexicon
from tasks.text.captions import is_caption
from tasks.text.draft import Draft, is_about_article
from tasks.text.measures import Columns, measure_blocks
from tasks.text.shape import ends_sentence, is_heading_shaped, is_prose, measure_words

Floats = npt.NDArray[np.float64]

INPUT_GRAIN, WEIGHT_GRAIN = 64, 256
INPUT_LIMIT = 4  # standard deviations

_FILE = Path(__file__).parents[1] / "data" / "lines.json"
_FEW_BLOCKS = 6  # too little to tell a page by
_MANY_BLOCKS = 5_000
_CHARS_AT_ONCE = 500_000  # bounds memory, and what fits a cache is faster
_PROSE_LIMIT = -0.5  # log-odds
_ANNOUNCED_BLOCKS = 12
_MENU_WORDS = 6
_ANNOUNCING = frozenset(
    {
        RemovalReason.ADVERTISEMENT,
        RemovalReason.COMMENT_FORM,
        RemovalReason.COOKIE_NOTICE,
        RemovalReason.NEWSLETTER,
        RemovalReason.PAYWALL,
        RemovalReason.RELATED_LINKS,
        RemovalReason.SHARE_LINKS,
    }
)


@dataclass(frozen=True, slots=True)
class Network:
    """A network with one hidden layer, in whole numbers.

    Attributes:
        names: Columns of ``measure_blocks`` it looks at.
        mean: Mean of each in training.
        scale: Standard deviation of each in training.
        hidden: Weights of the hidden layer, columns by units, times ``WEIGHT_GRAIN``.
        hidden_bias: Their biases, times both grains.
        output: Weights of the units, units by answers, times ``WEIGHT_GRAIN``. The
            answers are: part of the article, its title.
        output_bias: Bias of both, in log-odds.
        sure: Log-odds below which a block is a leftover without doubt. An article
            without such a block and without known leftovers is kept whole.
        caption: Log-odds below which a caption is one of the page's, not the article's.
        heading: The same of a heading.
    """

    names: tuple[str, ...]
    mean: Floats
    scale: Floats
    hidden: Floats
    hidden_bias: Floats
    output: Floats
    output_bias: Floats
    sure: float
    caption: float
    heading: float

    def judge(self, columns: Columns) -> Floats:
        """Return the log-odds of every row: part of the article, its title."""
        table = np.stack([columns[name] for name in self.names], axis=1)
        table = (table - self.mean) / self.scale
        table = np.clip(table, -INPUT_LIMIT, INPUT_LIMIT) * INPUT_GRAIN
        units = np.maximum(np.rint(table) @ self.hidden + self.hidden_bias, 0)
        grain = INPUT_GRAIN * WEIGHT_GRAIN * WEIGHT_GRAIN
        odds: Floats = units @ self.output / grain + self.output_bias
        return odds


@cache
def load_network() -> Network:
    """Read the trained network."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    arrays = ("mean", "scale", "hidden", "hidden_bias", "output", "output_bias")
    return Network(
        names=tuple(data["names"]),
        **{name: np.array(data[name], np.float64) for name in arrays},
        sure=data["sure"],
        caption=data["caption"],
        heading=data["heading"],
    )


class Odds(NamedTuple):
    """Log-odds of one block."""

    article: float
    title: float


_OF_LAYOUT = Odds(float("inf"), float("-inf"))


def judge_drafts(drafts: Sequence[Draft]) -> None:
    """Judge the blocks of plain texts: set ``odds`` and ``title_odds``.

    What rules have removed or lifted so far is evidence. A text of very many blocks is
    no page: it is not judged.
    """
    judged: list[Draft] = []
    chars = 0
    for draft in drafts:
        if len(draft.blocks) > _MANY_BLOCKS:
            continue
        judged.append(draft)
        chars += len(draft.raw)
        if chars > _CHARS_AT_ONCE:
            _judge(judged)
            judged, chars = [], 0
    _judge(judged)


def _judge(drafts: list[Draft]) -> None:
    blocks = [
        [block for block in draft.blocks if block.reason is not RemovalReason.LAYOUT]
        for draft in drafts
    ]
    columns = measure_blocks(blocks)
    found = iter(load_network().judge(columns).tolist() if columns else ())
    for draft in drafts:
        odds = [
            _OF_LAYOUT if block.reason is RemovalReason.LAYOUT else Odds(*next(found))
            for block in draft.blocks
        ]
        draft.odds = [one.article for one in odds]
        draft.title_odds = [one.title for one in odds]


def drop_furniture(draft: Draft) -> None:
    """Remove the blocks that are more likely the page's than the article's.

    Notes about the article stay, and captions unless they are far from it; prose must
    be plainly the page's. If no phrase has told a leftover, a text of a few blocks
    stays whole, and one in which nothing is a leftover without doubt.

    Args:
        draft: Any article; nothing is done to those without ``odds``.
    """
    odds = draft.odds
    if not odds:
        return
    kept, sure = draft.kept(), load_network().sure
    is_few = len(kept) < _FEW_BLOCKS
    if not any(block.reason in _ANNOUNCING for block in draft.blocks) and (
        is_few or not any(odds[index] < _limit(draft, index, sure) for index in kept)
    ):
        return
    doomed: list[int] = []
    for index in kept:
        limit = _limit(draft, index, sure if is_few else 0)
        if _is_furniture(draft.blocks[index], odds[index], limit):
            is_below_kept = draft.blocks[index - 1].reason is None and (
                doomed[-1:] != [index - 1]
            )
            if not _is_heading(draft, index, is_below_kept=is_below_kept):
                doomed.append(index)
    if len(doomed) == len(kept):
        return  # a page without an article: not for lines to say
    reasons = list(_find_reasons(draft, set(doomed)))
    for index, reason in reasons:
        rules = "recurring" if index in draft.recurring else "lines"
        draft.remove(index, reason, f"{rules}.{reason}")


def _limit(draft: Draft, index: int, limit: float) -> float:
    """Return the odds below which a block goes; its folder can make it doubtless."""
    return 0 if index in draft.recurring else limit


def _is_furniture(block: Block, odds: float, limit: float) -> bool:
    if odds >= limit or (odds >= _PROSE_LIMIT and is_prose(block.text)):
        return False
    if is_caption(block.text):
        return odds < load_network().caption
    return not is_about_article(block.text)


def _is_heading(draft: Draft, index: int, *, is_below_kept: bool) -> bool:
    """Whether a block could be the heading of the paragraph that follows.

    Of such lines that look a little like leftovers, most are headings; below other
    leftovers fewer are.
    """
    odds, heading = draft.odds, load_network().heading
    if odds[index] < (heading if is_below_kept else heading / 2):
        return False
    block, below = draft.blocks[index], draft.blocks[index + 1 : index + 2]
    return (
        bool(index and below)
        and below[0].reason is None
        and odds[index + 1] > -heading / 2
        and is_prose(below[0].text)
        and is_heading_shaped(block.text)
        and sum(block.text == other.text for other in draft.blocks) == 1
    )


def _find_reasons(
    draft: Draft, doomed: set[int]
) -> Iterator[tuple[int, RemovalReason]]:
    """Say for every doomed block which kind of leftover it is, by what stands there.

    What a phrase has announced above in the same stretch of leftovers; else what its
    words resemble; else a menu where short lines follow each other.
    """
    announced, since = None, 0
    for index, block in enumerate(draft.blocks):
        if block.reason is RemovalReason.LAYOUT:
            continue
        if index not in doomed:
            is_opener = block.reason in _ANNOUNCING
            announced = RemovalReason(block.reason or "layout") if is_opener else None
            since = 0
            continue
        since += 1
        is_near = since <= _ANNOUNCED_BLOCKS and not is_prose(block.text)
        if announced and is_near:
            yield index, announced
        elif phrase := lexicon.find_resemblance(block.text):
            yield index, RemovalReason(phrase.name)
        elif _is_menu(draft, doomed, index):
            yield index, RemovalReason.NAVIGATION
        else:
            yield index, RemovalReason.PAGE_FURNITURE


def _is_menu(draft: Draft, doomed: set[int], index: int) -> bool:
    """Whether it and a neighbour that goes as well are a few words, no sentence."""
    near = [index, *(at for at in (index - 1, index + 1) if at in doomed)]
    texts = [draft.blocks[at].text for at in near]
    return len(texts) > 1 and all(
        measure_words(text) <= _MENU_WORDS and not ends_sentence(text) for text in texts
    )
