"""Batches: how the work of a run is weighed and cut."""

from collections.abc import Iterable, Iterator

import pandas as pd

_PACKED_RATIO = 5  # text shrinks about so much under gzip and zstd
_PACKED = (".gz", ".zst")


def weigh(path: str, size_bytes: int) -> int:
    """Estimate how many bytes of text a file holds.

    Examples:
        >>> weigh("a.txt", 100), weigh("a.jsonl.gz", 100)
        (100, 500)
    """
    return size_bytes * (_PACKED_RATIO if path.endswith(_PACKED) else 1)


def weigh_files(files: pd.DataFrame) -> int:
    """Estimate how many bytes of text some files hold together."""
    sizes = files["size_bytes"].fillna(0).astype("int64")
    return sum(map(weigh, files["source_path"], sizes))


def cut_batches(
    todo: pd.DataFrame, *, batch_bytes: int, batch_files: int
) -> Iterator[pd.DataFrame]:
    """Cut the files into batches, in order.

    Args:
        todo: ``Plan.todo``.
        batch_bytes: A batch is full once its files hold this much text.
        batch_files: ... or when it has this many files.

    Yields:
        Consecutive rows of ``todo``, at least one each; a larger file is alone.
    """
    first, weight = 0, 0
    sizes: Iterable[int] = todo["size_bytes"].fillna(0).astype("int64")
    for index, (path, size) in enumerate(zip(todo["source_path"], sizes, strict=True)):
        size_estimate = weigh(path, size)
        is_full = weight + size_estimate > batch_bytes or index - first >= batch_files
        if is_full and index > first:
            yield todo.iloc[first:index].reset_index(drop=True)
            first, weight = index, 0
        weight += size_estimate
    if first < len(todo):
        yield todo.iloc[first:].reset_index(drop=True)
