"""Large files of lines, worked on by several at a time.

Every worker goes through the whole file, which takes little beside what follows, and
takes every so-many-th stretch of its lines through the line. What became of the file is
known when all have done so.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from flows.batches import weigh_files
from flows.staging import count_files
from flows.summary import BatchSummary, SharedFile, count_of, slowest_of
from tasks.fates import Fate, Fates, merge_fates, settle_shared
from tasks.files.members import WHOLE
from tasks.read import SHARE_COLUMNS, is_streamed, share_of
from tasks.schema import SOURCES, Reason, Status, Step
from tasks.write import stage_tables

MOST_SHARES = 16
"""To go through a file took 13 ms a MB, its articles take about 1 s: so many shares
cost a fifth of the work more."""


def share_out(batch: pd.DataFrame, most_bytes: int) -> Iterator[pd.DataFrame]:
    """Cut a batch of one large file of lines into shares; leave any other as it is.

    Args:
        batch: From ``cut_batches``.
        most_bytes: A file of more text than this is shared.

    Yields:
        The batch, or one batch per share: its row with ``SHARE_COLUMNS``.
    """
    count = 1
    if len(batch) == 1 and is_streamed(batch["source_path"].iloc[0]):
        count = min(-(-weigh_files(batch) // most_bytes), MOST_SHARES)
    if count <= 1:
        yield batch
        return
    for number in range(count):
        yield batch.assign(**dict(zip(SHARE_COLUMNS, (number, count), strict=True)))


def size_of(batch: pd.DataFrame) -> float:
    """Return how many files a batch is: of a share a part of one.

    Examples:
        >>> size_of(pd.DataFrame({"source_path": ["a.txt", "b.txt"]}))
        2.0
        >>> size_of(pd.DataFrame({"share_index": [0], "share_count": [4]}))
        0.25
    """
    return len(batch) / share_of(batch).total


def describe_files(batch: pd.DataFrame) -> str:
    """Return what a batch is to a person.

    Examples:
        >>> describe_files(pd.DataFrame({"share_index": [0], "share_count": [4]}))
        'share 1 of 4 of 1 file'
    """
    files = count_of(len(batch), "file")
    share = share_of(batch)
    if share == WHOLE:
        return files
    return f"share {share.number + 1} of {share.total} of {files}"


def settle_shares(
    results: Sequence[BatchSummary], staging_dir: Path, stem: str
) -> list[BatchSummary]:
    """Put together what became of the files that were shared.

    Args:
        results: All batches of a run.
        staging_dir: Where their parts are.
        stem: Name of a part for the rows of these files.

    Returns:
        The batches; with one more, of these files, if there are any. A file that was
        not the same for all is rejected, and its articles with it.
    """
    shares: dict[str, list[int]] = {}
    for at, result in enumerate(results):
        if result.shared is not None:
            path = str(result.shared.source["source_path"].iloc[0])
            shares.setdefault(path, []).append(at)
    if not shares:
        return list(results)
    settled = [dataclasses.replace(result, shared=None) for result in results]
    files: list[pd.DataFrame] = []
    unlisted: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    for path, places in shares.items():
        read = [part for at in places if (part := results[at].shared)]
        file, fate = _put_together(read)
        files.append(file)
        unlisted += fate.unlisted
        seconds[path] = sum(dict(results[at].slowest).get(path, 0.0) for at in places)
        is_void = file["status"].iloc[0] == Status.REJECTED and not fate.counts
        for at in places:
            own = BatchSummary(steps=results[at].steps) if is_void else settled[at]
            settled[at] = dataclasses.replace(own, slowest=())
    rows = pd.concat(files, ignore_index=True)
    staged = stage_tables({SOURCES.name: rows}, staging_dir, stem, is_piece=True)
    told = count_files(rows, unlisted)
    told = dataclasses.replace(told, staged=(staged,), slowest=slowest_of(seconds))
    return [*settled, told]


def _put_together(shares: list[SharedFile]) -> tuple[pd.DataFrame, Fate]:
    """Return the row of a file, settled, and what became of its articles."""
    rows = [share.source for share in shares]
    refused = [row for row in rows if row["status"].iloc[0] != Status.ACCEPTED]
    if not refused and len({row["sha256"].iloc[0] for row in rows}) > 1:
        why = {
            "sha256": None,
            "status": Status.REJECTED.value,
            "stage": Step.READ.value,
            "reason": Reason.CHANGED_WHILE_READING.value,
            "detail": "changed while it was read",
        }
        refused = [rows[0].assign(**why)]
    if refused:
        return Fates().settle(refused[0]), Fate()
    fate = merge_fates(share.fate for share in shares)
    count = sum(int(row["document_count"].iloc[0]) for row in rows)
    return settle_shared(rows[0].assign(document_count=count), fate), fate
