"""Whether the disk can take what a run is going to write; asked before it works."""

import pandas as pd

from flows.batches import unpack_each
from flows.plan import Plan, open_warehouse
from flows.settings import Settings
from tasks.files.formats import COMPRESSIONS, FORMATS
from tasks.schema import SOURCES, Format, Status
from tasks.tables.probe import EMPTY_PART_BYTES, Powers
from tasks.tables.warehouse import Warehouse

TABLE_BYTES_PER_TEXT_BYTE = 0.8
"""Measured: 0.4 on 455 news texts (4 MB, many alike), 1.3 on the tiny ones of raw/."""
TABLE_BYTES_PER_HTML_BYTE = 0.15
"""Measured: 0.11 on 154 pages (24 MB), 0.04 on 92 others (31 MB)."""

_CALIBRATION_BYTES = 1_000_000
"""Tables smaller than this say little about the next ones."""


def _suffixes(wanted: Format) -> tuple[str, ...]:
    return tuple(
        suffix + packed
        for suffix, format_ in FORMATS.items()
        if format_ is wanted
        for packed in ("", *COMPRESSIONS)
    )


_HTML = _suffixes(Format.HTML)
_LINES = _suffixes(Format.JSONL)


def check_early(plan: Plan | None, settings: Settings) -> None:
    """Refuse at once, before Prefect is started, what would be refused later.

    Nothing is promised to hold until then: the run asks again under the lock.

    Args:
        plan: What the run has to do; null if that cannot be known yet.
        settings: Settings of the run.

    Raises:
        WarehouseError: The disk would refuse the run; or another run is writing, and
            the settings say not to wait.
    """
    warehouse = open_warehouse(settings)
    if plan is None:
        warehouse.probe()
    # Another run that is writing takes space, and does some of this one's work.
    elif not warehouse.is_busy():
        check_disk(plan, warehouse, settings)
    if not settings.wait_for_lock:
        with warehouse.lock():
            pass


def check_disk(plan: Plan, warehouse: Warehouse, settings: Settings) -> Powers:
    """Refuse a run that the disk would refuse in the end.

    Args:
        plan: What the run has to do.
        warehouse: Where it will publish.
        settings: Settings of the run.

    Returns:
        What the file system allows.

    Raises:
        WarehouseError: We may not write there, or there is not enough space.
    """
    todo = plan.todo[plan.todo["problem"].isna()]
    table_bytes = expect_bytes(todo, settings.max_file_bytes)
    # Larger files than a batch are staged in pieces, and then again as a whole.
    in_pieces = todo[unpack_each(todo) > settings.batch_bytes]
    table_bytes += expect_bytes(in_pieces, settings.max_file_bytes)
    if len(todo):
        table_bytes *= calibrate(warehouse, settings.max_file_bytes)
    read_bytes = int(todo["size_bytes"].fillna(0).sum())
    parts = 1 + max(
        read_bytes // settings.batch_bytes, len(plan.todo) // settings.batch_files
    )
    return warehouse.check_disk(
        round(table_bytes) + parts * EMPTY_PART_BYTES,
        parts,
        plan.todo["source_path"].tolist() + plan.deleted,
    )


def expect_bytes(files: pd.DataFrame, max_file_bytes: int) -> float:
    """Estimate the size of the tables of some files.

    Args:
        files: ``source_path`` and ``size_bytes`` of files that are read.
        max_file_bytes: Of larger files nothing is read, packed or unpacked, but for
            files of lines.

    Examples:
        >>> files = {"source_path": ["a.txt", "b.html.gz"], "size_bytes": [1000, 1000]}
        >>> expect_bytes(pd.DataFrame(files), 10_000)
        1550.0
    """
    ratios = _have_suffix(files, _HTML).map(
        {True: TABLE_BYTES_PER_HTML_BYTE, False: TABLE_BYTES_PER_TEXT_BYTE}
    )
    texts = unpack_each(files)
    is_read = (texts <= max_file_bytes) | _have_suffix(files, _LINES)
    return float((texts.where(is_read, 0) * ratios).sum())


def _have_suffix(files: pd.DataFrame, suffixes: tuple[str, ...]) -> "pd.Series[bool]":
    paths = files["source_path"].astype("str").str.lower()
    return paths.str.endswith(suffixes).astype(bool)


def calibrate(warehouse: Warehouse, max_file_bytes: int) -> float:
    """Compare the tables there are with what would have been expected of them.

    Returns:
        Factor for the next estimate; 1 while there is little to compare.
    """
    manifest = warehouse.manifest()
    if manifest is None:
        return 1.0
    columns = ["source_path", "size_bytes"]
    sources = warehouse.read_table(
        SOURCES.name, columns, [("status", "=", Status.ACCEPTED.value)]
    ).to_pandas()
    parts = [part for part in manifest.parts if part.is_batch]
    found = sum(part.size_bytes for part in parts) - len(parts) * EMPTY_PART_BYTES
    expected = expect_bytes(sources, max_file_bytes)
    if min(found, expected) < _CALIBRATION_BYTES:
        return 1.0
    return found / expected
