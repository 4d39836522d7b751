"""Parts: Parquet files of one stem, written, filtered and merged in bounded memory."""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypedDict

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.errors import ContractError, WarehouseError
from tasks.schema import BATCH_TABLES, DOCUMENTS, RUNS, SOURCES, TABLES, Table
from tasks.tables.disk import (
    HashedFile,
    hash_file,
    link_or_copy,
    link_or_move,
    reported,
)
from tasks.tables.manifest import FileEntry, Part
from tasks.tables.migrations import migrate

ROW_GROUP_ROWS = 32 * 1024
ROW_GROUP_BYTES = 64 << 20
"""Uncompressed size at which a row group is full, however few its rows are: a part is
read again one row group at a time."""
SMALL_PART_BYTES = 64 << 20
"""Parts below this are worth merging."""
MERGED_PART_BYTES = 128 << 20
"""Size that merged parts aim at."""
MERGED_PART_MEMORY_BYTES = 512 << 20
"""Uncompressed size at which a merged part is full, whatever its size on disk."""
SMALL_PARTS = 8
"""Number of small parts of one size class from which they are merged."""
TINY_PART_BYTES = 1 << 20
"""Staged parts below this are gathered before anything looks at them."""
_SORTED_ROWS = 8 * 1024  # taken at once
_GATHERED_PARTS = 1_000
_GATHERED_MEMORY_BYTES = 128 << 20
_SMALLEST_CLASS_BITS = 17
_CLASS_BITS = 3  # each class reaches to SMALL_PARTS times the size of the one below

DAMAGED = (
    "Move the warehouse folder away and run again: everything is made anew from the raw"
    " files."
)
"""What to do about a file that is not what was written."""

# Measured: a dictionary pays on few values and on ids (sorted, so they repeat);
# on text and positions it only costs time. Names as in the Parquet footer.
_DICTIONARY_COLUMNS = (
    "document_id",
    "field",
    "format",
    "compression",
    "encoding",
    "encoding_method",
    "heading_path.list.element",
    "kind",
    "language",
    "languages.list.element.code",
    "normalisations.list.element",
    "pipeline_version",
    "published_on",
    "published_precision",
    "publisher",
    "reason",
    "rejected_members.list.element.reason",
    "rejected_members.list.element.stage",
    "rule_id",
    "run_id",
    "section",
    "stage",
    "status",
    "steps.list.element.step",
    "tags.list.element",
    "text_field",
)


LocatedPart: TypeAlias = tuple[Part, Path]
"""A part and the folder its tables' folders lie in."""


class StagedPart(TypedDict):
    """What a worker tells the coordinator about a part it wrote; plain and small."""

    stem: str
    staging_dir: str
    rows: dict[str, int]
    sizes_bytes: dict[str, int]
    sha256: dict[str, str]


def describe_part(part: Part, staging_dir: Path) -> StagedPart:
    """Return a part in the plain form that travels between processes."""
    return {
        "stem": part.stem,
        "staging_dir": str(staging_dir),
        "rows": {name: entry.rows for name, entry in part.files.items()},
        "sizes_bytes": {name: entry.size_bytes for name, entry in part.files.items()},
        "sha256": {name: entry.sha256 for name, entry in part.files.items()},
    }


def locate_part(staged: StagedPart) -> LocatedPart:
    """Return the part that a worker described and the folder it lies in."""
    files = {
        name: FileEntry(rows, staged["sizes_bytes"][name], staged["sha256"][name])
        for name, rows in staged["rows"].items()
    }
    return Part(staged["stem"], files), Path(staged["staging_dir"])


def gather_parts(
    staged: Sequence[StagedPart], folder: Path, new_stem: Callable[[], str]
) -> list[StagedPart]:
    """Put many tiny parts together, a thousand at a time; their files go.

    What a small Parquet file costs is opening it, a millisecond: laws, comparison and
    merging would open each dozens of times.

    Args:
        staged: Parts of a run.
        folder: Folder for the new parts, made if missing.
        new_stem: Gives a fresh stem.

    Returns:
        Parts with the same rows: the same ones, if few are tiny.

    Raises:
        WarehouseError: A file is not what the worker says.
        ContractError: A file has other columns than the contract.
        OSError: The disk refused.
    """
    located = [locate_part(part) for part in staged]
    tiny = [item for item in located if item[0].size_bytes < TINY_PART_BYTES]
    if len(tiny) < SMALL_PARTS:
        return list(staged)
    gathered = [
        describe_part(part, place)
        for part, place in located
        if part.size_bytes >= TINY_PART_BYTES
    ]
    gathered.extend(
        describe_part(_write_pieces(pieces, folder, new_stem()), folder)
        for pieces in _read_tiny(tiny)
    )
    for part, place in tiny:
        for _, file, _ in part.paths():
            os.unlink(f"{place}/{file}")  # noqa: PTH108  # speed
    return gathered


def read_staged(
    staged: Iterable[StagedPart], table: str, columns: Sequence[str]
) -> pa.Table:
    """Read columns of one table of parts that are not published yet."""
    rows = [TABLES[table].empty().select(list(columns))]
    for part, folder in map(locate_part, staged):
        file = table_file(folder, table, part.stem)
        rows.append(pq.read_table(file, columns=list(columns), partitioning=None))
    return pa.concat_tables(rows)


def table_file(folder: Path, table: str, stem: str) -> Path:
    """Return the path of one file of a part."""
    return folder / table / f"{stem}.parquet"


def sort_rows(table: Table, rows: pa.Table) -> pa.Table:
    """Sort rows as the contract says; nulls last."""
    return rows.take(_order_of(table, rows))


def _order_of(table: Table, rows: pa.Table) -> pa.Array:
    keys = [(column, "ascending") for column in table.sort]
    return pc.sort_indices(rows, sort_keys=keys)


def take_sorted(table: Table, pieces: list[pa.Table]) -> Iterator[pa.Table]:
    """Yield rows sorted as the contract says, some at a time.

    Args:
        table: Their table.
        pieces: The rows; taken out of the list, so that whatever is in memory is there
            once, and one column twice.
    """
    rows = pa.concat_tables(pieces)
    pieces.clear()
    order = _order_of(table, rows)
    names, columns = rows.column_names, rows.columns
    del rows
    for index, column in enumerate(columns):
        columns[index] = column.combine_chunks()
    for first in range(0, len(order), _SORTED_ROWS):
        own = order.slice(first, _SORTED_ROWS)
        taken = [column.take(own) for column in columns]
        yield pa.table(taken, names).cast(table.schema)


def write_file(table: Table, pieces: Iterable[pa.Table], path: Path) -> FileEntry:
    """Write one Parquet file, durably.

    Args:
        table: Contract; its descriptions go into the footer.
        pieces: Rows in order, in as many pieces as there are; none is fine.
        path: File to write or overwrite.

    Raises:
        OSError: The disk refused; a half-written file may be left.
    """
    columns = set(table.schema.names)
    dictionary = [c for c in _DICTIONARY_COLUMNS if c.partition(".")[0] in columns]
    rows = 0
    with HashedFile(path) as file:
        with pq.ParquetWriter(
            file,
            table.schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=dictionary,
            write_page_index=True,
        ) as writer:
            for piece in _cut_row_groups(pieces):
                group_rows = piece.num_rows * ROW_GROUP_BYTES // max(1, piece.nbytes)
                writer.write_table(
                    piece.cast(table.schema), max(1, min(ROW_GROUP_ROWS, group_rows))
                )
                rows += piece.num_rows
        file.sync()
        return FileEntry(rows, file.size_bytes, file.sha256)


def write_part(tables: dict[str, pa.Table], folder: Path, stem: str) -> Part:
    """Write one file per table, sorted as the contract says.

    Args:
        tables: Conforming rows by table: ``runs`` alone, or any of the others; one that
            is missing is written without rows.
        folder: Folder with a folder per table, made if missing.
        stem: Name of the part.
    """
    return _write_pieces({name: [rows] for name, rows in tables.items()}, folder, stem)


def _write_pieces(pieces: dict[str, list[pa.Table]], folder: Path, stem: str) -> Part:
    """Write one file per table; the rows are taken out of the lists meanwhile."""
    files = {}
    for name in [RUNS.name] if RUNS.name in pieces else BATCH_TABLES:
        table = TABLES[name]
        (folder / name).mkdir(parents=True, exist_ok=True)
        rows = take_sorted(table, pieces[name]) if pieces.get(name) else ()
        files[name] = write_file(table, rows, table_file(folder, name, stem))
    return Part(stem, files)


def join_parts(
    parts: Sequence[LocatedPart], tables: dict[str, pa.Table], folder: Path, stem: str
) -> Part:
    """Write several parts as one, one row group at a time in memory.

    Rows are sorted as far as they are in each part.

    Args:
        parts: Parts of the same tables, each with the folder it lies in.
        tables: Conforming rows of tables that are not taken from the parts.
        folder: Folder with a folder per table, made if missing.
        stem: Name of the new part.
    """
    files = {}
    for name in BATCH_TABLES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        pieces: Iterable[pa.Table] = (
            [sort_rows(TABLES[name], tables[name])]
            if name in tables
            else (
                rows
                for part, place in parts
                for rows in _read_groups(place, name, part.stem)
            )
        )
        files[name] = write_file(TABLES[name], pieces, table_file(folder, name, stem))
    return Part(stem, files)


def read_column(folder: Path, part: Part, table: str, column: str) -> pa.ChunkedArray:
    """Read one column of one file of a part.

    Raises:
        WarehouseError: It is not a Parquet file any more.
    """
    path = table_file(folder, table, part.stem)
    try:
        with pq.ParquetFile(path) as file:
            return file.read([column])[column]
    except pa.ArrowInvalid as error:
        raise WarehouseError(f"table {table!r}", f"{path}: {error}", DAMAGED) from error


class Edits(NamedTuple):
    """What changes in the rows that are published already.

    Attributes:
        gone: ``source_path`` of raw files whose rows go.
        touched: Of raw files whose rows stay: ``source_path``, and ``mtime_ns`` and
            ``run_id`` to note.
    """

    gone: pa.Array
    touched: pa.Table

    @classmethod
    def of(cls, gone: Iterable[str] = (), touched: pa.Table | None = None) -> "Edits":
        """Return edits from plain paths; without ``touched``, none are."""
        paths = pa.array(sorted(gone), pa.string())
        return cls(paths, SOURCES.empty() if touched is None else touched)


def assemble(
    kept: Sequence[LocatedPart],
    staged: Sequence[LocatedPart],
    edits: Edits,
    folder: Path,
    new_stem: Callable[[], str],
) -> tuple[Part, ...]:
    """Put the files of a snapshot together.

    Args:
        kept: Parts of the snapshot before; untouched.
        staged: New parts.
        edits: What changes in them, besides that rows of staged files go.
        folder: Folder of the new snapshot, with a folder per table.
        new_stem: Gives a fresh stem.

    Returns:
        The parts that are in ``folder`` now: in every table one file or more.

    Raises:
        ContractError: A raw file or a run is there twice.
        WarehouseError: A file is not what the manifest says.
        OSError: The disk refused.
    """
    edits = edits._replace(gone=find_gone(staged, edits.gone.to_pylist()))
    _check_runs([*kept, *staged])
    written, linked = [], []
    for part, source in kept:
        if part.is_runs:
            linked.append((part, source))
        elif _holds(part, source, edits.gone):
            if rest := filter_part(part, source, folder, new_stem(), edits):
                written.append(rest)
        elif _holds(part, source, edits.touched["source_path"]):
            written.append(touch_part(part, source, folder, new_stem(), edits.touched))
        else:
            linked.append((part, source))
    linked += staged
    for group in [
        *group_small([item for item in linked if item[0].is_runs]),
        *group_small([item for item in linked if not item[0].is_runs]),
    ]:
        written.append(merge_parts(group, folder, new_stem()))
        merged = {part.stem for part, _ in group}
        linked = [item for item in linked if item[0].stem not in merged]
    # An empty part only stands in where there is no other.
    linked = [item for item in linked if item[0].rows]
    if all(part.is_runs for part in [*(part for part, _ in linked), *written]):
        written.append(write_part({}, folder, new_stem()))
    new = {part.stem for part, _ in staged}
    names = _name_apart(linked, [part for part, _ in kept], new, new_stem)
    for (part, source), named in zip(linked, names, strict=True):
        link_part(part, source, named, folder, may_move=part.stem in new)
    return tuple(sorted([*names, *written], key=lambda part: part.stem))


def _name_apart(
    linked: Sequence[LocatedPart],
    before: Sequence[Part],
    new: Collection[str],
    new_stem: Callable[[], str],
) -> list[Part]:
    """Give the files that stay other names, once any file of their table goes.

    Some readers (Arrow, and so pandas) list a folder, look at each file in turn and
    leave out what is gone meanwhile. Were a snapshot published in between, they would
    take the files that have stayed for all there is. So of the names of one snapshot
    the next has all, or none, and such a reader gets an error.

    Args:
        linked: Parts that are not written again.
        before: Parts of the snapshot before.
        new: Stems among ``linked`` that readers have not seen yet.
        new_stem: Gives a fresh stem.
    """
    stay = {part.stem for part, _ in linked}
    goes = {part.is_runs for part in before if part.stem not in stay}
    return [
        rename_part(part, new_stem)
        if part.is_runs in goes and part.stem not in new
        else part
        for part, _ in linked
    ]


def rename_part(part: Part, new_stem: Callable[[], str]) -> Part:
    """Return a part under a new stem; its files are still to be linked."""
    return replace(part, stem=new_stem())


def link_part(
    part: Part, source: Path, named: Part, folder: Path, *, may_move: bool = False
) -> None:
    """Put the files of a part into a snapshot, under the stem of ``named``.

    Raises:
        OSError: The disk refused.
    """
    place = link_or_move if may_move else link_or_copy
    for (_, file, _), (_, target, _) in zip(part.paths(), named.paths(), strict=True):
        place(source / file, folder / target)


def check_hashes(part: Part, folder: Path, remedy: str = DAMAGED) -> None:
    """Refuse a damaged part, or damage would get a fresh, valid checksum.

    Args:
        part: Part to check.
        folder: Folder it lies in.
        remedy: What the reader can do about damage.

    Raises:
        WarehouseError: A file is missing, or not what the manifest says.
    """
    for name, entry in part.files.items():
        path = table_file(folder, name, part.stem)
        with reported(f"table {name!r}", f"read {path}", remedy):
            sha256 = hash_file(path)
        if sha256 != entry.sha256:
            raise WarehouseError(
                f"table {name!r}", f"{path} differs from its SHA-256", remedy
            )


def migrate_part(
    part: Part, source: Path, target: Path, stem: str, version: int
) -> Part:
    """Write a part of an older schema again in the present one.

    Reads one row group at a time.

    Args:
        part: Part to rewrite.
        source: Folder it lies in; untouched.
        target: Folder of the new part, made if missing.
        stem: Name of the new part.
        version: Schema version it was written with.

    Raises:
        WarehouseError: A file is not what the manifest says.
        ContractError: There is no way from that schema to this one.
    """
    check_hashes(part, source)
    files = {}
    for name in [RUNS.name] if part.is_runs else BATCH_TABLES:
        (target / name).mkdir(parents=True, exist_ok=True)
        pieces: Iterable[pa.Table] = ()  # a table that the older schema did not have
        if name in part.files:
            pieces = _migrate_groups(source, name, part.stem, version)
        files[name] = write_file(TABLES[name], pieces, table_file(target, name, stem))
    return Part(stem, files)


def touch_part(
    part: Part, source: Path, target: Path, stem: str, touched: pa.Table
) -> Part:
    """Note new times of change of raw files whose content is as it was.

    Only the file of ``sources`` is written; the others get a second name.

    Args:
        part: Part that holds the files.
        source: Folder it lies in; untouched.
        target: Folder of the new part, with a folder per table.
        stem: Name of the new part.
        touched: ``source_path``, ``mtime_ns``, ``run_id``.

    Raises:
        WarehouseError: The file of ``sources`` is not what the manifest says.
    """
    rewritten = {SOURCES.name: part.files[SOURCES.name]}
    check_hashes(replace(part, files=rewritten), source)
    files = dict(part.files)
    for name in part.files:
        file = table_file(target, name, stem)
        if name == SOURCES.name:
            pieces = _touch(_read_groups(source, name, part.stem), touched)
            files[name] = write_file(SOURCES, pieces, file)
        else:
            link_or_copy(table_file(source, name, part.stem), file)
    return Part(stem, files)


def filter_part(
    part: Part, source: Path, target: Path, stem: str, edits: Edits
) -> Part | None:
    """Write a part again without the rows of some raw files.

    Reads one row group at a time.

    Args:
        part: Part to rewrite.
        source: Folder it lies in; untouched.
        target: Folder of the new part.
        stem: Name of the new part.
        edits: Which rows go, and what is to be noted of those that stay.

    Returns:
        The new part, or null if no row is left.

    Raises:
        WarehouseError: A file is not what the manifest says.
        ContractError: A file has other columns than the contract.
    """
    gone = edits.gone
    check_hashes(part, source)
    paths = read_column(source, part, SOURCES.name, "source_path")
    if pc.all(pc.is_in(paths, gone)).as_py():
        return None
    with pq.ParquetFile(table_file(source, DOCUMENTS.name, part.stem)) as file:
        documents = file.read(["document_id", "source_path"])
    stays = pc.invert(pc.is_in(documents["source_path"], gone))
    kept = documents.filter(stays)["document_id"].combine_chunks()

    def keep_source(rows: pa.Table) -> pa.ChunkedArray:
        return pc.invert(pc.is_in(rows["source_path"], gone))

    def keep_document(rows: pa.Table) -> pa.ChunkedArray:
        return pc.is_in(rows["document_id"], kept)

    files = {}
    for name in part.files:
        keep = keep_source if name == SOURCES.name else keep_document
        rows = _read_groups(source, name, part.stem)
        pieces: Iterable[pa.Table] = (piece.filter(keep(piece)) for piece in rows)
        if name == SOURCES.name:
            pieces = _touch(pieces, edits.touched)
        files[name] = write_file(TABLES[name], pieces, table_file(target, name, stem))
    return Part(stem, files)


def merge_parts(parts: Sequence[LocatedPart], target: Path, stem: str) -> Part:
    """Write several parts as one, sorted; one table at a time in memory.

    Args:
        parts: Parts of the same tables, each with the folder it lies in.
        target: Folder of the new part.
        stem: Name of the new part.

    Raises:
        WarehouseError: A file is not what the manifest says.
        ContractError: A file has other columns than the contract.
    """
    for part, folder in parts:
        check_hashes(part, folder)
    files = {}
    for name in parts[0][0].files:
        rows = [
            piece
            for part, folder in parts
            for piece in _read_groups(folder, name, part.stem)
        ]
        files[name] = write_file(
            TABLES[name],
            take_sorted(TABLES[name], rows),
            table_file(target, name, stem),
        )
    return Part(stem, files)


def group_small(parts: Collection[LocatedPart]) -> list[list[LocatedPart]]:
    """Choose parts to merge, in groups that fit into memory.

    Like with like: a row is then written again once per size class, four times before
    its part is large, however often runs come. Merging all that is small with what was
    merged last time would write it again every few runs.

    Args:
        parts: Parts of the same tables, each with the folder it lies in.

    Returns:
        Groups of two or more; nothing of a size class with fewer than ``SMALL_PARTS``.
    """
    classes: dict[int, list[LocatedPart]] = defaultdict(list)
    for part, folder in parts:
        if part.size_bytes < SMALL_PART_BYTES:
            classes[size_class(part.size_bytes)].append((part, folder))
    return [
        group
        for small in classes.values()
        if len(small) >= SMALL_PARTS
        for group in _group_by_memory(small)
    ]


def size_class(size_bytes: int) -> int:
    """Return the size class of a part.

    Examples:
        >>> [size_class(size << 10) for size in (1, 127, 128, 1023, 1024, 8191, 8192)]
        [0, 0, 1, 1, 2, 2, 3]
    """
    return -(-(size_bytes >> _SMALLEST_CLASS_BITS).bit_length() // _CLASS_BITS)


def _group_by_memory(small: Collection[LocatedPart]) -> list[list[LocatedPart]]:
    groups: list[list[LocatedPart]] = [[]]
    size = memory = 0
    for part, folder in small:
        part_memory = _memory_bytes(part, folder)
        full = (
            size + part.size_bytes > MERGED_PART_BYTES
            or memory + part_memory > MERGED_PART_MEMORY_BYTES
        )
        if full:
            groups.append([])
            size = memory = 0
        groups[-1].append((part, folder))
        size += part.size_bytes
        memory += part_memory
    return [group for group in groups if len(group) > 1]


def find_gone(
    staged: Sequence[LocatedPart], replaced_paths: Collection[str]
) -> pa.Array:
    """Return the paths whose old rows go: replaced ones, and all that are staged.

    Raises:
        ContractError: A raw file is staged in two parts.
    """
    new: set[str] = set()
    for part, folder in staged:
        if part.is_runs:
            continue
        paths = read_column(folder, part, SOURCES.name, "source_path").to_pylist()
        own = Counter(paths)
        repeated = new.intersection(own) | {p for p, count in own.items() if count > 1}
        if repeated:
            raise ContractError(
                f"table {SOURCES.name!r}",
                f"{min(repeated)!r} is staged in two parts",
                "Put every raw file into one batch only.",
            )
        new.update(own)
    return pa.array(sorted(new.union(replaced_paths)), pa.string())


def _check_runs(parts: Sequence[LocatedPart]) -> None:
    """Refuse a second row of the same run: the key of ``runs`` would repeat."""
    seen: set[str] = set()
    for part, folder in parts:
        if part.is_runs:
            run_ids = read_column(folder, part, RUNS.name, "run_id").to_pylist()
            if repeated := seen.intersection(run_ids):
                raise ContractError(
                    f"table {RUNS.name!r}",
                    f"run {min(repeated)!r} is published already",
                    "Give every publish a run of its own.",
                )
            seen.update(run_ids)


def _read_tiny(parts: Iterable[LocatedPart]) -> Iterator[dict[str, list[pa.Table]]]:
    """Yield the rows of tiny parts by table, as many at a time as fit into memory."""
    rows: dict[str, list[pa.Table]] = defaultdict(list)
    count = memory = 0
    for part, folder in parts:
        for name, entry in part.files.items():
            if not entry.rows:
                continue
            path = table_file(folder, name, part.stem)
            data = path.read_bytes()
            if hashlib.sha256(data).hexdigest() != entry.sha256:
                raise WarehouseError(
                    f"table {name!r}", f"{path} differs from its SHA-256", DAMAGED
                )
            with pq.ParquetFile(pa.BufferReader(data)) as file:
                # Threads cost more than they bring.
                read = file.read(use_threads=False)
            _check_columns(name, read.schema, path)
            rows[name].append(read)
            memory += read.nbytes
        count += 1
        if count >= _GATHERED_PARTS or memory >= _GATHERED_MEMORY_BYTES:
            yield rows
            rows, count, memory = defaultdict(list), 0, 0
    if count:
        yield rows


def _holds(part: Part, folder: Path, gone: pa.Array) -> bool:
    if not len(gone):
        return False
    paths = read_column(folder, part, SOURCES.name, "source_path")
    return bool(pc.any(pc.is_in(paths, gone)).as_py())


def _touch(pieces: Iterable[pa.Table], touched: pa.Table) -> Iterator[pa.Table]:
    """Yield rows of ``sources``, the touched ones with what is to be noted."""
    paths = touched["source_path"].combine_chunks()
    for rows in pieces:
        place = pc.index_in(rows["source_path"], paths)
        for name in ("mtime_ns", "run_id"):
            noted = touched[name].take(place)
            values = pc.if_else(pc.is_valid(place), noted, rows[name])
            index = SOURCES.schema.get_field_index(name)
            rows = rows.set_column(index, SOURCES.schema.field(name), values)  # noqa: PLW2901
        yield rows


def _memory_bytes(part: Part, folder: Path) -> int:
    files = (table_file(folder, name, part.stem) for name in part.files)
    return sum(_memory_of(pq.read_metadata(file)) for file in files)


def _memory_of(footer: pq.FileMetaData) -> int:
    groups = map(footer.row_group, range(footer.num_row_groups))
    return sum(group.total_byte_size for group in groups)


def _read_groups(folder: Path, name: str, stem: str) -> Iterator[pa.Table]:
    """Yield the row groups of a file, after a piece without rows."""
    path = table_file(folder, name, stem)
    with pq.ParquetFile(path) as file:
        _check_columns(name, file.schema_arrow, path)
        yield TABLES[name].empty()
        for index in range(file.num_row_groups):
            yield file.read_row_group(index)


def _check_columns(name: str, schema: pa.Schema, path: Path) -> None:
    if not schema.equals(TABLES[name].schema):
        raise ContractError(
            f"table {name!r}",
            f"{path} has other columns than tasks/schema.py, same schema version",
            "Raise SCHEMA_VERSION and say in tasks/tables/migrations.py how the old"
            " rows become new ones.",
        )


def _migrate_groups(
    folder: Path, name: str, stem: str, version: int
) -> Iterator[pa.Table]:
    """Yield the row groups of a file of an older schema in the present one."""
    with pq.ParquetFile(table_file(folder, name, stem)) as file:
        for index in range(file.num_row_groups):
            yield migrate(name, file.read_row_group(index), version)


def _cut_row_groups(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Collect rows until they fill whole row groups; the last may be smaller."""
    waiting: pa.Table | None = None
    for piece in pieces:
        waiting = piece if waiting is None else pa.concat_tables([waiting, piece])
        if waiting.nbytes >= ROW_GROUP_BYTES:
            yield waiting
            waiting = None
        elif full := waiting.num_rows // ROW_GROUP_ROWS * ROW_GROUP_ROWS:
            yield waiting.slice(0, full)
            waiting = waiting.slice(full)
    if waiting is not None and waiting.num_rows:
        yield waiting
