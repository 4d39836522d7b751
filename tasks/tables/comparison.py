"""Tables that the documents of a snapshot give together: ``duplicates``, ``repeats``.

They are a function of the documents alone, so a rebuild gives the same. A publish does
not compare everything again: from what has changed follows which rows may be others
now, and only these are made anew. Whatever is looked up among all documents is read
piece by piece; what stays in memory is what may match.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tasks.errors import WarehouseError
from tasks.schema import (
    DERIVED_TABLES,
    DOCUMENTS,
    DUPLICATES,
    PARAGRAPHS,
    REPEATS,
    TABLES,
)
from tasks.tables.disk import link_or_copy
from tasks.tables.duplicates import (
    MATCHES,
    PRINT_COLUMNS,
    BucketSet,
    Ids,
    Prints,
    add_clusters,
    drop_equal,
    find_affected,
    find_matches,
    join_prints,
    read_prints,
    select_sharing,
)
from tasks.tables.manifest import Part
from tasks.tables.parts import (
    DAMAGED,
    LocatedPart,
    check_hashes,
    sort_rows,
    table_file,
    write_file,
)
from tasks.tables.repeats import (
    PLACE_COLUMNS,
    Hashes,
    count_repeats,
    keep_repeated,
    pick_hashes,
    select_places,
    strings_of,
)

Derived = dict[str, pa.Table]
"""Rows by table of ``DERIVED_TABLES``."""

_KEYS = ["source_path", "document_id"]
ALL_ANEW = 4
"""Once a change concerns one in so many articles, all are compared."""
ALL_ANEW_IN_MEMORY = 32
"""The same where the prints of all fit into memory with ease: then it is faster, as
measured, than to look for what a change may concern."""
IN_MEMORY_ARTICLES = 4_000_000
"""Articles whose prints do: 1.5 GB while they are compared."""


class Change(NamedTuple):
    """What a publish changes, noted before the files of the old rows go.

    Attributes:
        derived: The derived part before and where it lies; null if there is none to go
            by.
        gone: Prints of articles whose rows go.
        new: Prints of articles whose rows come.
        hashes: Hashes of the paragraphs of both.
    """

    derived: LocatedPart | None
    gone: Prints
    new: Prints
    hashes: Hashes


def note_change(
    derived: LocatedPart | None,
    kept: Sequence[LocatedPart],
    staged: Sequence[LocatedPart],
    gone_paths: pa.Array,
) -> Change:
    """Note what a publish changes.

    Args:
        derived: Derived part of the snapshot before, of the present schema.
        kept: Parts of the snapshot before that hold rows of raw files.
        staged: The same of what is new.
        gone_paths: ``source_path`` of raw files whose old rows go, staged ones too.

    Raises:
        WarehouseError: A file is not what the manifest says.
    """
    if derived is None:  # then everything is made anew
        return Change(None, join_prints([]), join_prints([]), _join([]))
    check_hashes(*derived)
    gone: list[Prints] = []
    new: list[Prints] = []
    hashes: list[Hashes] = []
    for part in kept:
        own: list[str] = []
        for index, rows in enumerate(_read(part, DOCUMENTS.name, _KEYS)):
            is_gone = pc.is_in(rows["source_path"], gone_paths)
            if pc.any(is_gone).as_py():
                if not own:
                    check_hashes(*part)
                [whole] = _read(part, DOCUMENTS.name, PRINT_COLUMNS, [index])
                gone.append(read_prints(whole.filter(is_gone)))
                own += rows["document_id"].filter(is_gone).to_pylist()
        if own:
            hashes += _hashes_of([part], pa.array(own, pa.string()))
    for part in staged:
        new += map(read_prints, _read(part, DOCUMENTS.name, PRINT_COLUMNS))
        hashes += map(pick_hashes, _read(part, PARAGRAPHS.name, PLACE_COLUMNS))
    return Change(derived, join_prints(gone), join_prints(new), _join(hashes))


def compare(
    parts: Sequence[Part], folder: Path, change: Change, new_stem: Callable[[], str]
) -> Part:
    """Put the derived part of a new snapshot into its folder.

    Args:
        parts: The other parts of the snapshot.
        folder: Its folder, with a folder per table.
        change: What ``note_change`` has noted.
        new_stem: Gives a fresh stem.

    Returns:
        The part before, under its old name, if nothing is different.

    Raises:
        OSError: The disk refused.
    """
    located = [(part, folder) for part in parts if part.is_batch]
    if change.derived is None:
        derived = derive(located)
    else:
        old = {
            name: pa.concat_tables([TABLES[name].empty(), *_read(change.derived, name)])
            for name in DERIVED_TABLES
        }
        derived = _sort(_update(located, old, change))
        if all(derived[name].equals(old[name]) for name in DERIVED_TABLES):
            return _link(change.derived, folder)
    stem = new_stem()
    return Part(
        stem,
        {
            name: write_file(TABLES[name], [rows], table_file(folder, name, stem))
            for name, rows in derived.items()
        },
    )


def derive(parts: Sequence[LocatedPart]) -> Derived:
    """Make the rows of the derived tables from nothing but the documents.

    Args:
        parts: All parts of a snapshot that hold rows of raw files.
    """
    duplicates = add_clusters(find_matches(_all_prints(parts)))
    hashes = keep_repeated(
        pick_hashes(rows)
        for part in parts
        for rows in _read(part, PARAGRAPHS.name, PLACE_COLUMNS)
    )
    repeats = _find_repeats(parts, hashes, duplicates, {})
    return _sort({DUPLICATES.name: duplicates, REPEATS.name: repeats})


def _update(parts: Sequence[LocatedPart], old: Derived, change: Change) -> Derived:
    """Return the rows of the derived tables from those before.

    Args:
        parts: Parts of the new snapshot that hold rows of raw files.
        old: Rows by table.
        change: What is different.
    """
    duplicates = _update_duplicates(parts, old[DUPLICATES.name], change)
    elsewhere = _differ(old[DUPLICATES.name], duplicates, _strings(change.new.ids))
    hashes = np.unique(_join([change.hashes, *_hashes_of(parts, elsewhere)]))
    repeats = old[REPEATS.name]
    if len(hashes):
        again = pa.array(strings_of(hashes), pa.string())
        others = repeats.filter(pc.invert(pc.is_in(repeats["text_hash"], again)))
        pairs = (repeats[name].to_pylist() for name in ("text_hash", "text"))
        texts = dict(zip(*pairs, strict=True))
        found = _find_repeats(parts, hashes, duplicates, texts)
        repeats = pa.concat_tables([others, found])
    return {DUPLICATES.name: duplicates, REPEATS.name: repeats}


def _update_duplicates(
    parts: Sequence[LocatedPart], old: pa.Table, change: Change
) -> pa.Table:
    gone, new = drop_equal(change.gone, change.new)
    count = sum(part.files[DOCUMENTS.name].rows for part, _ in parts)
    share = ALL_ANEW_IN_MEMORY if count <= IN_MEMORY_ARTICLES else ALL_ANEW
    if (len(gone.ids) + len(new.ids)) * share > count:
        return add_clusters(find_matches(_all_prints(parts)))
    changed = join_prints([gone, new])
    if not len(changed.ids):
        return old
    around = _share_bucket(parts, changed)
    stable = around.take(~np.isin(around.ids, new.ids))
    affected = find_affected(stable, changed)
    wanted = np.concatenate([affected, new.ids])
    if len(affected):
        own = around.take(np.isin(around.ids, wanted))
        around = _share_bucket(parts, own)
    again = _strings(np.concatenate([wanted, gone.ids]))
    others = old.filter(pc.invert(pc.is_in(old["document_id"], again)))
    matches = find_matches(around, wanted)
    return add_clusters(
        pa.concat_tables([others.select(MATCHES.names).cast(MATCHES), matches])
    )


def _find_repeats(
    parts: Sequence[LocatedPart],
    hashes: Hashes,
    duplicates: pa.Table,
    texts: dict[str, str],
) -> pa.Table:
    """Return the rows of ``repeats`` for some hashes.

    Args:
        parts: Parts of the snapshot.
        hashes: Hashes in question.
        duplicates: All rows of the snapshot.
        texts: Texts that are known, by ``text_hash``; the others are looked up.
    """
    pieces = (
        piece for part in parts for piece in _read(part, PARAGRAPHS.name, PLACE_COLUMNS)
    )
    none = PARAGRAPHS.empty().select(PLACE_COLUMNS)
    places = pa.concat_tables([none, *select_places(pieces, hashes)])
    rows = count_repeats(places, duplicates)
    missing = set(rows["text_hash"].to_pylist()) - texts.keys()
    for part in parts if missing else ():
        wanted = pa.array(sorted(missing), pa.string())
        for piece in _read(part, PARAGRAPHS.name, ["text_hash", "text"]):
            found = piece.filter(pc.is_in(piece["text_hash"], wanted))
            pairs = (found[name].to_pylist() for name in ("text_hash", "text"))
            texts.update(zip(*pairs, strict=True))
        missing -= texts.keys()
    own = [texts[text_hash] for text_hash in rows["text_hash"].to_pylist()]
    rows = rows.append_column("text", pa.array(own, pa.string()))
    return rows.select(REPEATS.schema.names).cast(REPEATS.schema)


def _share_bucket(parts: Sequence[LocatedPart], prints: Prints) -> Prints:
    """Return all articles that share a bucket with one of some."""
    buckets = BucketSet(prints)
    return join_prints(
        select_sharing(rows, buckets)
        for part in parts
        for rows in _read(part, DOCUMENTS.name, PRINT_COLUMNS)
    )


def _hashes_of(
    parts: Sequence[LocatedPart], document_ids: pa.Array
) -> Iterator[Hashes]:
    """Yield the hashes of the paragraphs of some articles."""
    if len(document_ids):
        for part in parts:
            for rows in _read(part, PARAGRAPHS.name, PLACE_COLUMNS):
                is_own = pc.is_in(rows["document_id"], document_ids)
                yield pick_hashes(rows.filter(is_own))


def _differ(old: pa.Table, new: pa.Table, known: pa.Array) -> pa.Array:
    """Return the articles that are not in the same cluster in both, but for some."""
    before, after = (
        dict(
            zip(
                rows["document_id"].to_pylist(),
                rows["cluster_id"].to_pylist(),
                strict=True,
            )
        )
        for rows in (old, new)
    )
    found = {key for key, _ in before.items() ^ after.items()}
    return pa.array(sorted(found.difference(known.to_pylist())), pa.string())


def _all_prints(parts: Sequence[LocatedPart]) -> Prints:
    return join_prints(
        read_prints(rows)
        for part in parts
        for rows in _read(part, DOCUMENTS.name, PRINT_COLUMNS)
    )


def _read(
    located: LocatedPart,
    table: str,
    columns: Sequence[str] | None = None,
    groups: Sequence[int] | None = None,
) -> Iterator[pa.Table]:
    """Yield row groups of a file: all, or those named.

    Raises:
        WarehouseError: It is not a Parquet file any more.
    """
    part, folder = located
    path = table_file(folder, table, part.stem)
    try:
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups) if groups is None else groups:
                yield file.read_row_group(index, columns)
    except (pa.ArrowInvalid, OSError) as error:
        if getattr(error, "errno", None) is not None:  # the disk, not what it holds
            raise
        raise WarehouseError(f"table {table!r}", f"{path}: {error}", DAMAGED) from error


def _link(located: LocatedPart, folder: Path) -> Part:
    part, source = located
    for _, file, _ in part.paths():
        link_or_copy(source / file, folder / file)
    return part


def _sort(derived: Derived) -> Derived:
    return {
        name: sort_rows(TABLES[name], rows).combine_chunks()
        for name, rows in derived.items()
    }


def _join(hashes: Sequence[Hashes]) -> Hashes:
    return np.concatenate([np.zeros(0, np.uint64), *hashes])


def _strings(ids: Ids) -> pa.Array:
    return pa.array([part.decode() for part in ids.tolist()], pa.string())
