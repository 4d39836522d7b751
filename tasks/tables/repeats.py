"""Repeats: paragraphs that stand in several articles which are no duplicates.

A notice of the agency, a paragraph about the author: told by ``text_hash`` and counted
once for an article and all its duplicates, or each paragraph of a story that two papers
print would look like one.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tasks.schema import REPEATS

MIN_WORDS = 8
"""Shorter paragraphs are alike by chance."""
MIN_CLUSTERS = 3
"""Articles that have a repeated paragraph, duplicates counted once."""
LONG_WORDS = 30
"""Words from which two articles are enough."""

PLACE_COLUMNS = ["document_id", "text_hash", "word_count"]
"""Columns of ``paragraphs`` that tell repeats."""

Hashes = npt.NDArray[np.uint64]


def pick_hashes(paragraphs: pa.Table) -> Hashes:
    """Return the hash of each paragraph that is long enough, as a number.

    Args:
        paragraphs: ``text_hash`` and ``word_count``.
    """
    long_enough = pc.greater_equal(paragraphs["word_count"], MIN_WORDS)
    return _numbers(paragraphs["text_hash"].filter(long_enough))


def keep_repeated(pieces: Iterable[Hashes]) -> Hashes:
    """Return what is there twice or more, once each.

    Args:
        pieces: Hashes of paragraphs, in as many arrays as there are.
    """
    hashes = np.sort(np.concatenate([np.zeros(0, np.uint64), *pieces]))
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def select_places(paragraphs: Iterable[pa.Table], hashes: Hashes) -> Iterator[pa.Table]:
    """Yield the paragraphs that have one of some hashes.

    Args:
        paragraphs: Pieces of ``paragraphs``, ``PLACE_COLUMNS``.
        hashes: As ``pick_hashes`` gives them.
    """
    wanted = pa.array(strings_of(hashes), pa.string())
    for piece in paragraphs:
        is_wanted = pc.is_in(piece["text_hash"], wanted)
        yield piece.filter(
            pc.and_(is_wanted, pc.greater_equal(piece["word_count"], MIN_WORDS))
        )


def count_repeats(places: pa.Table, duplicates: pa.Table) -> pa.Table:
    """Return the rows of ``repeats`` but for ``text``.

    Args:
        places: All paragraphs of a snapshot that have the hashes in question:
            ``PLACE_COLUMNS``.
        duplicates: All rows of ``duplicates``.
    """
    place = pc.index_in(places["document_id"], duplicates["document_id"])
    clusters = pc.coalesce(duplicates["cluster_id"].take(place), places["document_id"])
    counted = (
        places.append_column("cluster_id", clusters)
        .group_by("text_hash")
        .aggregate(
            [
                ("word_count", "max"),
                ("document_id", "count_distinct"),
                ("cluster_id", "count_distinct"),
            ]
        )
        .rename_columns(["text_hash", *_COUNTS])
    )
    is_long = pc.greater_equal(counted["word_count"], LONG_WORDS)
    least = pc.if_else(is_long, 2, MIN_CLUSTERS)
    return counted.filter(pc.greater_equal(counted["cluster_count"], least))


def strings_of(hashes: Hashes) -> list[str]:
    """Return hashes as they stand in ``text_hash``.

    Examples:
        >>> strings_of(np.array([255], np.uint64))
        ['00000000000000ff']
    """
    return [f"{number:016x}" for number in hashes.tolist()]


def _numbers(text_hashes: pa.ChunkedArray) -> Hashes:
    joined = "".join(text_hashes.to_pylist())
    return np.frombuffer(bytes.fromhex(joined), ">u8").astype(np.uint64)


_COUNTS = [name for name in REPEATS.schema.names if name not in {"text_hash", "text"}]
