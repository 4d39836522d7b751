"""What ``bench/fit_lines.py`` learns from: texts as columns, and what signs tell."""

import zlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from line_texts import Text
from mixed_texts import ORIGIN as MIXED

from tasks.text.measures import measure_blocks
from tasks.text.network import SIGN_GRAIN
from tasks.text.titles import could_be_title
from tasks.text.words import Keys, Signs

WEIGHTS = {"fundus": 3, "cleaneval": 0.5, "silver": 0.8, "made": 0.5, MIXED: 0.5}
NOT_REAL = ("made", MIXED)  # their signs are not counted
FOLDS = 5
SITES = 5  # a sign of fewer sites tells nothing
DOUBTED_SITES, SIGN_LIMIT = 4, 3.0

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Lessons(NamedTuple):
    """The texts as columns, one row per block.

    Attributes:
        names: Columns of ``inputs``.
        inputs: Measures.
        keys: All signs of at least ``SITES`` sites, ascending.
        sign: Signs of the blocks, as places in ``keys``.
        sign_row: Block of each sign, ascending.
        starts: First block of each text, and one past the last.
        kept: 1 if the block is part of the article, 0 if not, -1 if that is open.
        titles: 1 if it is the title; -1 where that is unknown or could not be.
        weights: How much the block counts.
        sites: Number of the site of each text.
        origins: Origin of each text.
        folds: Fold of each text.
    """

    names: list[str]
    inputs: Floats
    keys: Keys
    sign: Ints
    sign_row: Ints
    starts: Ints
    kept: Ints
    titles: Ints
    weights: Floats
    sites: Ints
    origins: npt.NDArray[np.str_]
    folds: Ints


def prepare(texts: list[Text]) -> Lessons:
    """Measure all blocks of the texts."""
    measures = measure_blocks([text.blocks for text in texts])
    blocks = [block for text in texts for block in text.blocks]
    titled = [could_be_title(block) and block.reason is None for block in blocks]
    titles = np.array([label for text in texts for label in text.titles])
    weights = [WEIGHTS.get(t.origin, 1) / max(len(t.blocks), 1) ** 0.5 for t in texts]
    names = sorted({text.site for text in texts})
    number = {name: at for at, name in enumerate(names)}
    site = np.array([number[text.site] for text in texts])
    origins = np.array([text.origin for text in texts])
    fold = np.array([find_fold(text.site) for text in texts])
    owner = np.repeat(np.where(np.isin(origins, NOT_REAL), -1, site), measures.sizes)
    keys = _choose_signs(measures.signs, owner, len(names))
    place = np.minimum(np.searchsorted(keys, measures.signs.keys), len(keys) - 1)
    known = np.flatnonzero(keys[place] == measures.signs.keys)
    known = known[np.argsort(measures.signs.text[known], kind="stable")]
    return Lessons(
        names=list(measures.columns),
        inputs=np.stack([*measures.columns.values()], axis=1).astype(np.float32),
        keys=keys,
        sign=place[known],
        sign_row=measures.signs.text[known],
        starts=np.concatenate(([0], np.cumsum(measures.sizes))),
        kept=np.array([label for text in texts for label in text.kept]),
        titles=np.where(titled, titles, -1),
        weights=np.repeat(weights, measures.sizes).astype(np.float32),
        sites=site,
        origins=origins,
        folds=fold,
    )


def find_fold(site: str) -> int:
    """Return the fold of a site."""
    return zlib.crc32(site.encode()) % FOLDS


def _choose_signs(signs: Signs, site: Ints, sites: int) -> Keys:
    """Return the signs that stand in enough sites, ascending."""
    is_real = site[signs.text] >= 0
    keys, place = np.unique(signs.keys[is_real], return_inverse=True)
    pairs = np.unique(place * sites + site[signs.text[is_real]])
    return keys[np.bincount(pairs // sites, minlength=len(keys)) >= SITES]


class Weighed(NamedTuple):
    """What signs tell, in whole numbers of ``1 / SIGN_GRAIN``.

    Attributes:
        odds: Log-odds of blocks with each sign against those of all signs.
        elsewhere: Of each sign of each block, its odds on all other sites: as if the
            block's own were not known, or the network would trust the signs too much.
    """

    odds: Ints
    elsewhere: Ints


def weigh_signs(lessons: Lessons, texts: Flags) -> Weighed:
    """Count on how many sites blocks with a sign are part of the article.

    A site counts once, by the share of its blocks.

    Args:
        lessons: All texts.
        texts: Those that count.
    """
    sites = lessons.sites.max() + 1
    site = np.repeat(lessons.sites, np.diff(lessons.starts))[lessons.sign_row]
    counts = np.repeat(
        texts & ~np.isin(lessons.origins, NOT_REAL), np.diff(lessons.starts)
    )
    kept = np.where(counts, lessons.kept, -1)[lessons.sign_row]
    pairs, pair = np.unique(lessons.sign * sites + site, return_inverse=True)
    ours = np.bincount(pair, kept == 1, len(pairs))
    seen = np.bincount(pair, kept >= 0, len(pairs))
    share, is_seen = ours / np.maximum(seen, 1), seen > 0
    sign = pairs // sites
    total = np.bincount(sign, share, len(lessons.keys))
    found = np.bincount(sign, is_seen, len(lessons.keys))
    usual = total.sum() / found.sum()

    def weigh(share: Doubles, found: Doubles) -> Ints:
        ours, theirs = DOUBTED_SITES * usual, DOUBTED_SITES * (1 - usual)
        odds = np.log((share + ours) / (found - share + theirs) * theirs / ours)
        odds = np.clip(np.where(found >= SITES, odds, 0), -SIGN_LIMIT, SIGN_LIMIT)
        return np.rint(odds * SIGN_GRAIN).astype(np.int64)

    own = lessons.sign
    return Weighed(
        weigh(total, found),
        weigh(total[own] - share[pair], found[own] - is_seen[pair]),
    )
