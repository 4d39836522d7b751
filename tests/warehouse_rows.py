"""Small frames that conform to the contract, and what readers see of them."""

import hashlib
import json
import os
import shutil
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tasks.schema import BATCH_TABLES, DERIVED_TABLES, TABLES, VERSIONED_STEPS
from tasks.tables.comparison import derive
from tasks.tables.manifest import MANIFEST_NAME, Part
from tasks.text.minhash import minhash_texts
from tasks.write import stage_tables

REJECTED = 0
"""Version of a file that has no article."""


SCHEMAS = json.loads((Path(__file__).parent / "golden/cases/schemas.json").read_text())
"""Columns and types by table, for every version of the schema there has been."""

FAST_FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Folder in memory where there is one: flushing is most of the time of a test."""

STORIES = [
    "The ferry came in late and the two sisters waited on the pier until it was dark.",
    "At the market a man from the hills sells honey, wax and candles on every Friday.",
    "Nobody knew who had rung the bell of the old church at the time of the flood.",
]

SHOWN = {
    "documents": ["document_id", "text"],
    "paragraphs": ["document_id", "paragraph_index", "text"],
    "removals": ["document_id", "text"],
    "evidence": ["document_id", "value"],
    "sources": ["source_path", "size_bytes"],
    "runs": ["run_id"],
}


def fill_row(table, **values):
    """Return a row of ``table``: nulls where allowed, else zeros and empty text."""
    row = {}
    for field in TABLES[table].schema:
        if field.nullable:
            row[field.name] = None
        elif pa.types.is_string(field.type):
            row[field.name] = ""
        elif pa.types.is_list(field.type):
            row[field.name] = []
        elif pa.types.is_struct(field.type):
            row[field.name] = {part.name: 1 for part in field.type}
        elif pa.types.is_timestamp(field.type):
            row[field.name] = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  (naive UTC)
        elif pa.types.is_boolean(field.type):
            row[field.name] = False
        elif pa.types.is_fixed_size_binary(field.type):
            row[field.name] = bytes(field.type.byte_width)
        else:
            row[field.name] = 0
    assert values.keys() <= row.keys()
    return row | values


def make_batch(versions):
    """Return the frames of one batch.

    Args:
        versions: By source path, a number that shows in every row of the file. Files
            with an odd number hold one article, with an even one two.
    """
    rows = {name: [] for name in BATCH_TABLES}
    for path, version in versions.items():
        count = 0 if version == REJECTED else 2 - version % 2
        for member in range(count):
            key = f"{path}\0{member}".encode()
            document_id = hashlib.sha256(key).hexdigest()[:20]
            # Articles of like versions tell the same story, so they are duplicates.
            text = f"{path} version {version} {STORIES[version % len(STORIES)]}"
            notice = f"Notice {version % 2} {STORIES[0]} {STORIES[1]}"
            language = "de" if version % 3 else "uk"
            document = {
                "document_id": document_id,
                "language": language,
                "script": "Zzzz",  # as a migration fills it in
                "language_tag": language,
            }
            rows["documents"].append(
                fill_row(
                    "documents",
                    **document,
                    source_path=path,
                    published_on=date(2026, 1, 1 + version % 4),
                    text=text,
                    text_sha256=hashlib.sha256(text.encode()).hexdigest(),
                    text_minhash=minhash_texts([text])[0],
                    authors=["Ann", "Bob"],
                    languages=[{"code": language, "share": 1.0}],
                    paragraph_count=2,
                )
            )
            rows["paragraphs"] += [
                fill_row(
                    "paragraphs",
                    **document,
                    paragraph_index=index,
                    text=paragraph,
                    text_hash=hashlib.sha256(paragraph.encode()).hexdigest()[:16],
                    word_count=len(paragraph.split()),
                )
                for index, paragraph in enumerate([text, notice])
            ]
            rows["removals"].append(
                fill_row("removals", document_id=document_id, text=text)
            )
            rows["evidence"].append(
                fill_row("evidence", document_id=document_id, rank=1, value=text)
            )
        status = {"status": "accepted"} if count else {"status": "rejected"}
        rows["sources"].append(
            fill_row(
                "sources",
                **status,
                source_path=path,
                size_bytes=version,
                mtime_ns=1_800_000_000_000_000_001 + version,
                document_count=count,
                step_versions={step.value: 1 for step in VERSIONED_STEPS},
            )
        )
    return {
        name: pd.DataFrame(rows[name], columns=TABLES[name].schema.names)
        for name in BATCH_TABLES
    }


def make_run(number):
    """Return the row of ``runs`` of the n-th run."""
    return fill_row("runs", run_id=f"run-{number:04d}")


def commit(warehouse, number, *batches, deleted=()):
    """Stage batches and publish them; the lock is held by the caller."""
    staging_dir = warehouse.new_staging_dir()
    parts = [
        stage_tables(make_batch(batch), staging_dir, warehouse.new_stem())
        for batch in batches
    ]
    return warehouse.publish(parts, set(deleted), make_run(number), "fingerprint")


def make_older(live):
    """Turn a published warehouse into one of schema 1, as if written by then.

    Args:
        live: Folder of the tables; changed in place.
    """
    path = live / MANIFEST_NAME
    manifest = json.loads(path.read_text())
    for name in TABLES.keys() - SCHEMAS["1"].keys():
        shutil.rmtree(live / name)
    known = [entry for entry in manifest["files"] if entry["table"] in SCHEMAS["1"]]
    manifest["files"] = known
    for entry in known:
        file = live / entry["file"]
        rows = pq.read_table(file, partitioning=None)
        rows = rows.select(list(SCHEMAS["1"][entry["table"]]))
        file.unlink()  # history shares the old file
        pq.write_table(rows, file)
        entry["bytes"] = file.stat().st_size
        entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest["schema_version"] = 1
    path.write_text(json.dumps(manifest))


def see(folder):
    """Read a folder as people do: by globbing the folder of each table.

    Returns:
        Version by source path.

    Raises:
        AssertionError: The tables do not agree, or not all files share one schema.
    """
    shown = {name: columns for name, columns in SHOWN.items() if name != "runs"}
    found = {}
    for name, columns in SHOWN.items():
        files = sorted((folder / name).glob("*.parquet"))
        assert files, f"{name} has no file"
        rows = []
        for file in files:
            with pq.ParquetFile(file) as parquet:
                assert parquet.schema_arrow.equals(TABLES[name].schema)
                rows += parquet.read(columns).to_pylist()
        found[name] = sorted(tuple(row[c] for c in columns) for row in rows)
    versions = dict(found["sources"])
    expected = make_batch(versions)
    for name, columns in shown.items():
        rows = expected[name][columns].itertuples(index=False, name=None)
        assert found[name] == sorted(rows), name
    assert len(set(found["runs"])) == len(found["runs"])
    stems = sorted(file.stem for file in (folder / "documents").glob("*.parquet"))
    derived = derive([(Part(stem, {}), folder) for stem in stems])
    for name in DERIVED_TABLES:
        files = sorted((folder / name).glob("*.parquet"))
        assert pq.ParquetDataset(files).read().equals(derived[name]), name
    return versions
