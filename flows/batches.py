"""Batches: how the work of a run is weighed and cut."""

from collections.abc import Iterator

import pandas as pd

_PACKED_RATIO = 5  # text shrinks about so much under gzip and zstd
_PACKED = (".gz", ".zst")
_MARKUP_RATIO = 4  # a page of so many bytes is as much work as one byte of text
_PAGES = r"\.x?html?(?:\.(?:gz|zst))?$"


def unpack_each(files: pd.DataFrame) -> "pd.Series[int]":
    """Estimate how many bytes each file holds, unpacked.

    Examples:
        >>> files = {"source_path": ["a.txt", "a.jsonl.gz"], "size_bytes": [100, 100]}
        >>> unpack_each(pd.DataFrame(files)).tolist()
        [100, 500]
    """
    sizes = files["size_bytes"].fillna(0).astype("int64")
    is_packed = files["source_path"].astype("str").str.endswith(_PACKED)
    return sizes.where(~is_packed.astype(bool), sizes * _PACKED_RATIO)


def weigh_each(files: pd.DataFrame) -> "pd.Series[int]":
    """Estimate how many bytes of text each file is as much work as.

    Examples:
        >>> paths = ["a.txt", "a.jsonl.gz", "a.html"]
        >>> files = {"source_path": paths, "size_bytes": [100, 100, 100]}
        >>> weigh_each(pd.DataFrame(files)).tolist()
        [100, 500, 25]
    """
    sizes = unpack_each(files)
    is_page = files["source_path"].astype("str").str.contains(_PAGES, case=False)
    return sizes.where(~is_page.astype(bool), sizes // _MARKUP_RATIO)


def weigh_files(files: pd.DataFrame) -> int:
    """Estimate how many bytes of text some files are as much work as."""
    return int(weigh_each(files).sum())


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
    for index, size_estimate in enumerate(weigh_each(todo).tolist()):
        is_full = weight + size_estimate > batch_bytes or index - first >= batch_files
        if is_full and index > first:
            yield todo.iloc[first:index].reset_index(drop=True)
            first, weight = index, 0
        weight += size_estimate
    if first < len(todo):
        yield todo.iloc[first:].reset_index(drop=True)
