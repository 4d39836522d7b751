"""Duplicates: which article repeats which earlier one, told by their MinHashes.

A MinHash is cut into bands of four bytes. Articles with an equal band share a bucket,
as articles of like wording nearly always do somewhere, and others hardly ever. Each is
compared with the first few of its buckets that are earlier than itself, and matches
the one that is most like it. So a row depends on a few articles only, never on the
order in which they came, and a thousand copies give a thousand rows.

``find_affected`` tells which rows a change may concern; ``find_matches`` makes them.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.schema import DUPLICATES, MINHASH_BYTES, Likeness

MIN_SIMILARITY = 0.5
"""Of an article and its match, at least; chosen by ``bench/duplicates.py``."""

BUCKET_FIRSTS = 32
"""Articles of a bucket that later ones are compared with."""

PRINT_COLUMNS = ["document_id", "published_on", "text_sha256", "text_minhash"]
"""Columns of ``documents`` that tell duplicates."""

MATCHES = pa.schema(
    [field for field in DUPLICATES.schema if field.name != "cluster_id"]
)
"""Columns of ``duplicates`` that two articles tell alone."""

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Ids = npt.NDArray[np.bytes_]
Keys = npt.NDArray[np.uint64]

_BY_CHANCE = 1 / 256  # bytes that agree without a reason
_BAND = np.dtype("<u4")
_PAIRS_AT_ONCE = 1 << 15
_UNDATED = np.iinfo(np.int32).max
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # Knuth's multiplicative hashing, 64 bits
_PLACES_PER_BUCKET = 16
_MOST_BITS = 27  # 128 MB of marks


class Prints(NamedTuple):
    """What is known of some articles: a row each in every array.

    Attributes:
        ids: ``document_id``.
        days: ``published_on``, days since 1970; undated is last.
        hashes: Beginning of ``text_sha256``.
        minhashes: ``text_minhash``, a byte per column.
    """

    ids: Ids
    days: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.bytes_]
    minhashes: npt.NDArray[np.uint8]

    def take(self, rows: Places | Mask) -> "Prints":
        """Return some rows."""
        return Prints(
            self.ids[rows], self.days[rows], self.hashes[rows], self.minhashes[rows]
        )

    def sorted(self) -> "Prints":
        """Return the rows, the earliest article first."""
        return self.take(np.lexsort((self.ids, self.days)))


def find_buckets(minhashes: npt.NDArray[np.uint8]) -> Keys:
    """Return the bucket of each band of each article, as one number."""
    bands = minhashes.view(_BAND).astype(np.uint64)
    return bands | (np.arange(bands.shape[1], dtype=np.uint64) << np.uint64(32))


class BucketSet:
    """Buckets that those of many other articles are looked up in.

    A table of marks, one for each of many more places than there are buckets, rules out
    nearly all without a search: a twentieth of the time of a hash table that is made
    anew for every piece.
    """

    def __init__(self, prints: Prints) -> None:
        """Take the buckets of some articles."""
        self._buckets: Keys = np.unique(find_buckets(prints.minhashes))
        places = len(self._buckets) * _PLACES_PER_BUCKET
        bits = min(max(places.bit_length(), 1), _MOST_BITS)
        self._shift = np.uint64(64 - bits)
        self._marks = np.zeros(1 << bits, bool)
        self._marks[self._place(self._buckets)] = True

    def holds(self, buckets: Keys) -> Mask:
        """Tell which of some buckets are among these; same shape."""
        hits: Mask = self._marks[self._place(buckets)]
        found = buckets[hits]
        at = np.searchsorted(self._buckets, found)
        hits[hits] = self._buckets[np.minimum(at, len(self._buckets) - 1)] == found
        return hits

    def _place(self, buckets: Keys) -> Places:
        return ((buckets * _SPREAD) >> self._shift).astype(np.intp)


def select_sharing(documents: pa.Table, buckets: BucketSet) -> Prints:
    """Return the prints of the articles that lie in one of some buckets.

    Args:
        documents: ``PRINT_COLUMNS`` of rows of ``documents``.
        buckets: The buckets.
    """
    documents = documents.filter(pc.is_valid(documents["text_minhash"]))
    hits = buckets.holds(find_buckets(_matrix(documents["text_minhash"])))
    return read_prints(documents.filter(pa.array(hits.any(axis=1))))


def read_prints(documents: pa.Table) -> Prints:
    """Return the prints of some rows of ``documents``.

    Args:
        documents: ``PRINT_COLUMNS``. Rows without a MinHash are left out.
    """
    rows = documents.filter(pc.is_valid(documents["text_minhash"]))
    days = pc.fill_null(rows["published_on"].cast(pa.int32()), _UNDATED)
    return Prints(
        np.asarray(rows["document_id"].to_pylist(), "S20"),
        days.to_numpy().astype(np.int32),
        np.asarray(rows["text_sha256"].to_pylist(), "S16"),
        _matrix(rows["text_minhash"]),
    )


def join_prints(pieces: Iterable[Prints]) -> Prints:
    """Put prints one after the other."""
    none = read_prints(_NO_DOCUMENTS)
    columns = zip(none, *pieces, strict=True)
    return Prints(*(np.concatenate(column) for column in columns))


def drop_equal(before: Prints, after: Prints) -> tuple[Prints, Prints]:
    """Leave out articles whose prints are the same before and after.

    Args:
        before: Prints of articles that were replaced.
        after: Prints of what has replaced them; more of them, or fewer.
    """
    before, after = (prints.take(np.argsort(prints.ids)) for prints in (before, after))
    _, old, new = np.intersect1d(
        before.ids, after.ids, assume_unique=True, return_indices=True
    )
    same = (before.minhashes[old] == after.minhashes[new]).all(axis=1)
    for left, right in zip(before[1:3], after[1:3], strict=True):
        same &= left[old] == right[new]
    kept_before, kept_after = (
        np.ones(len(before.ids), bool),
        np.ones(len(after.ids), bool),
    )
    kept_before[old[same]] = kept_after[new[same]] = False
    return before.take(kept_before), after.take(kept_after)


def find_affected(stable: Prints, changed: Prints) -> Ids:
    """Return which unchanged articles may have another match since some changed.

    Only the first ``BUCKET_FIRSTS`` of a bucket matter to those after them.

    Args:
        stable: Unchanged articles: all that share a bucket with a changed one.
        changed: Those that are gone, as they were, and those that are new.
    """
    count = len(stable.ids)
    ids = np.concatenate([stable.ids, changed.ids])
    order = np.lexsort((ids, np.concatenate([stable.days, changed.days])))
    minhashes = np.concatenate([stable.minhashes, changed.minhashes])[order]
    is_changed = order >= count
    affected = np.zeros(len(order), bool)
    for band in minhashes.view(_BAND).T:
        rows, starts, sizes = _fill_buckets(band)
        changes = is_changed[rows]
        places = np.arange(len(rows))
        # Unchanged articles ahead of each, those of the buckets before too.
        ahead: Places = np.cumsum(~changes) - ~changes
        matters = changes & (ahead - np.repeat(ahead[starts], sizes) < BUCKET_FIRSTS)
        firsts = np.minimum.reduceat(np.where(matters, places, len(rows)), starts)
        affected[rows[places > np.repeat(firsts, sizes)]] = True
    return ids[order[affected & ~is_changed]]


def find_matches(
    prints: Prints, wanted: Ids | None = None, min_similarity: float = MIN_SIMILARITY
) -> pa.Table:
    """Return the rows of ``MATCHES`` for some articles.

    Args:
        prints: Articles; with each that is wanted all that share a bucket with it.
        wanted: Articles whose rows are asked for; null for all.
        min_similarity: Of an article and its match, at least.
    """
    prints = prints.sorted()
    share = min_similarity * (1 - _BY_CHANCE) + _BY_CHANCE
    least = math.ceil(MINHASH_BYTES * share) - 1
    count = len(prints.ids)
    asked = np.ones(count, bool) if wanted is None else np.isin(prints.ids, wanted)
    matches, equal = np.full(count, -1), np.full(count, least)
    for band in prints.minhashes.view(_BAND).T:
        rows, starts, sizes = _fill_buckets(band)
        start = np.repeat(starts, sizes)
        places = np.flatnonzero((np.arange(count) > start) & asked[rows])
        for ahead in range(BUCKET_FIRSTS):
            places = places[places - start[places] > ahead]
            if not len(places):
                break
            later, earlier = rows[places], rows[start[places] + ahead]
            _compare(prints.minhashes, later, earlier, matches, equal)
    found = np.flatnonzero(matches >= 0)
    match = matches[found]
    similarity = (equal[found] / MINHASH_BYTES - _BY_CHANCE) / (1 - _BY_CHANCE)
    is_exact = prints.hashes[found] == prints.hashes[match]
    kinds = np.where(is_exact, Likeness.EXACT.value, Likeness.NEAR.value)
    columns = [
        _strings(prints.ids[found]),
        _strings(prints.ids[match]),
        pa.array(similarity, pa.float32()),
        pa.array(kinds.tolist(), pa.string()),
    ]
    return pa.table(columns, schema=MATCHES)


def add_clusters(matches: pa.Table) -> pa.Table:
    """Return whole rows of ``duplicates``.

    Args:
        matches: All rows of a snapshot but for ``cluster_id``.
    """
    matches = matches.sort_by("document_id")
    ids = np.asarray(matches["document_id"].to_pylist(), "S20")
    firsts = np.asarray(matches["match_id"].to_pylist(), "S20")
    while len(ids):
        places = np.minimum(np.searchsorted(ids, firsts), len(ids) - 1)
        has_match = ids[places] == firsts
        if not has_match.any():
            break
        firsts = np.where(has_match, firsts[places], firsts)
    rows = matches.append_column("cluster_id", _strings(firsts))
    return rows.select(DUPLICATES.schema.names).cast(DUPLICATES.schema)


def _compare(
    minhashes: npt.NDArray[np.uint8],
    later: Places,
    earlier: Places,
    matches: Places,
    equal: Places,
) -> None:
    """Note better matches in ``matches`` and the number of equal bytes in ``equal``.

    Args:
        minhashes: Of all articles, the earliest first.
        later: Articles to find a match for, each once.
        earlier: What each is compared with.
        matches: Match of each article so far, or -1; changed in place.
        equal: Bytes that it has in common with its match, or without one must have
            more than; changed in place.
    """
    todo = (equal[later] < MINHASH_BYTES) & (matches[later] != earlier)
    later, earlier = later[todo], earlier[todo]
    for first in range(0, len(later), _PAIRS_AT_ONCE):
        own = later[first : first + _PAIRS_AT_ONCE]
        other = earlier[first : first + _PAIRS_AT_ONCE]
        found = (minhashes[own] == minhashes[other]).sum(axis=1)
        is_earlier = (found == equal[own]) & (other < matches[own])
        better = (found > equal[own]) | is_earlier
        matches[own[better]], equal[own[better]] = other[better], found[better]


def _fill_buckets(band: npt.NDArray[np.uint32]) -> tuple[Places, Places, Places]:
    """Return the rows bucket by bucket, where each bucket starts, and its size."""
    rows = np.argsort(band, kind="stable")
    values = band[rows]
    is_first = np.ones(len(rows), bool)
    is_first[1:] = values[1:] != values[:-1]
    starts = np.flatnonzero(is_first)
    return rows, starts, np.diff(starts, append=len(rows))


def _matrix(minhashes: pa.ChunkedArray) -> npt.NDArray[np.uint8]:
    """Return a column without nulls as an array: a row per article, a byte a column."""
    values = minhashes.combine_chunks()
    if not len(values):
        return np.zeros((0, MINHASH_BYTES), np.uint8)
    whole = np.frombuffer(values.buffers()[1], np.uint8).reshape(-1, MINHASH_BYTES)
    return whole[values.offset : values.offset + len(values)]


def _strings(ids: Ids) -> pa.Array:
    return pa.array([part.decode() for part in ids.tolist()], pa.string())


_NO_DOCUMENTS = pa.table(
    {
        "document_id": pa.array([], pa.string()),
        "published_on": pa.array([], pa.date32()),
        "text_sha256": pa.array([], pa.string()),
        "text_minhash": pa.array([], pa.binary(MINHASH_BYTES)),
    }
)
