"""The manifest: which files one snapshot of the warehouse consists of."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.errors import WarehouseError
from tasks.schema import DERIVED_TABLES, RUNS, SCHEMA_VERSION, TABLES

MANIFEST_NAME = "_manifest.json"
REPORT_NAME = "report.html"
FORMAT_VERSION = 1
"""Version of the manifest and of the folder layout, not of the tables."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What is known of one Parquet file."""

    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class PageEntry:
    """What is known of the report, a page for people."""

    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Part:
    """Files of one stem, such as the rows of the same raw files in every table.

    Attributes:
        stem: File name without ``.parquet``, the same in every table.
        files: By table: all that hold the rows of raw files, or ``runs`` alone, or
            those that are derived from the others.
    """

    stem: str
    files: Mapping[str, FileEntry]

    @property
    def size_bytes(self) -> int:
        """Size of all files together."""
        return sum(entry.size_bytes for entry in self.files.values())

    @property
    def rows(self) -> int:
        """Rows of all files together."""
        return sum(entry.rows for entry in self.files.values())

    @property
    def is_runs(self) -> bool:
        """Whether it belongs to the table ``runs``, which replaces nothing."""
        return RUNS.name in self.files

    @property
    def is_derived(self) -> bool:
        """Whether it holds what the documents of the whole snapshot give together."""
        return not self.files.keys().isdisjoint(DERIVED_TABLES)

    @property
    def is_batch(self) -> bool:
        """Whether it holds rows of raw files."""
        return not (self.is_runs or self.is_derived)

    def paths(self) -> Iterator[tuple[str, str, FileEntry]]:
        """Yield table, path below the warehouse, and entry of every file."""
        for table, entry in self.files.items():
            yield table, f"{table}/{self.stem}.parquet", entry


@dataclass(frozen=True, slots=True)
class Manifest:
    """One snapshot: where it comes from and every file in it.

    Attributes:
        snapshot: Number of the snapshot; later ones are higher.
        parent: Snapshot that was live before, null for the first.
        restored_from: Earlier snapshot that a rollback published again.
        run_id: Run that made the rows.
        created_at: When it was published, UTC.
        schema_version: ``schema.SCHEMA_VERSION`` of the files.
        fingerprint: What the rows depend on besides the raw files, given by the flow.
        parts: Every file of the tables, in a fixed order.
        report: The report; null if the snapshot has none.
    """

    snapshot: int
    parent: int | None
    restored_from: int | None
    run_id: str
    created_at: datetime
    schema_version: int
    fingerprint: str
    parts: tuple[Part, ...]
    report: PageEntry | None = None

    @property
    def rows(self) -> dict[str, int]:
        """Rows by table."""
        counts = dict.fromkeys(TABLES, 0)
        for table, _, entry in self.paths():
            counts[table] = counts.get(table, 0) + entry.rows
        return counts

    @property
    def size_bytes(self) -> int:
        """Size of all files together."""
        return sum(part.size_bytes for part in self.parts)

    def paths(self) -> Iterator[tuple[str, str, FileEntry]]:
        """Yield table, path below the warehouse, and entry of every file."""
        for part in self.parts:
            yield from part.paths()

    def dump(self) -> bytes:
        """Return the content of the manifest file."""
        content: dict[str, Any] = {
            "format_version": FORMAT_VERSION,
            "snapshot": self.snapshot,
            "parent": self.parent,
            "restored_from": self.restored_from,
            "run_id": self.run_id,
            "created_at": self.created_at.isoformat(),
            "schema_version": self.schema_version,
            "fingerprint": self.fingerprint,
            "files": [
                {
                    "table": table,
                    "file": file,
                    "rows": entry.rows,
                    "bytes": entry.size_bytes,
                    "sha256": entry.sha256,
                }
                for table, file, entry in self.paths()
            ],
        }
        if self.report:
            content["report"] = {
                "file": REPORT_NAME,
                "bytes": self.report.size_bytes,
                "sha256": self.report.sha256,
            }
        return (json.dumps(content, indent=1) + "\n").encode()


def parse_manifest(data: bytes, place: str) -> Manifest:
    """Read the content of a manifest file.

    Args:
        data: Content of the file.
        place: Path of the file, for messages.

    Raises:
        WarehouseError: It is damaged, or written by a newer version of the product.
    """
    try:
        content = json.loads(data)
        versions = content["format_version"], content["schema_version"]
        if versions[0] <= FORMAT_VERSION and versions[1] <= SCHEMA_VERSION:
            return _build_manifest(content)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WarehouseError(
            place,
            f"damaged manifest ({type(error).__name__}: {error})",
            "Move the folder away and run again: everything is made anew from the raw"
            " files.",
        ) from error
    raise WarehouseError(
        place,
        f"written by a newer version (format {versions[0]}, schema {versions[1]};"
        f" this one knows {FORMAT_VERSION} and {SCHEMA_VERSION})",
        "Upgrade article-pipeline, or use another warehouse folder.",
    )


def _build_manifest(content: dict[str, Any]) -> Manifest:
    by_stem: dict[str, dict[str, FileEntry]] = defaultdict(dict)
    for file in content["files"]:
        table, _, name = file["file"].partition("/")
        stem = name.removesuffix(".parquet")
        if table != file["table"] or name == stem or "/" in stem or table == "..":
            raise ValueError(f"unexpected file {file['file']!r}")
        by_stem[stem][table] = FileEntry(file["rows"], file["bytes"], file["sha256"])
    page = content.get("report")
    return Manifest(
        snapshot=int(content["snapshot"]),
        parent=content["parent"],
        restored_from=content["restored_from"],
        run_id=content["run_id"],
        created_at=datetime.fromisoformat(content["created_at"]).astimezone(UTC),
        schema_version=content["schema_version"],
        fingerprint=content["fingerprint"],
        parts=tuple(Part(stem, files) for stem, files in by_stem.items()),
        report=PageEntry(page["bytes"], page["sha256"]) if page else None,
    )


def describe_warehouse() -> str:
    """Return the ``README.md`` that lies in the warehouse, made from the schema."""
    rows = "\n".join(
        f"| `{table.name}` | {table.rows.removeprefix('one row per ')}"
        f" | {', '.join(f'`{column}`' for column in table.key)} |"
        for table in TABLES.values()
    )
    return f"""\
# Warehouse

Plain Parquet, written by article-pipeline; schema version {SCHEMA_VERSION}.
The folder is only ever replaced as a whole, so do not keep files of your own in it.

| table | one row per | key |
|---|---|---|
{rows}

```python
duckdb.sql("FROM 'warehouse/paragraphs/*.parquet' WHERE language = 'de'")
pd.read_parquet("warehouse/paragraphs")
pl.scan_parquet("warehouse/paragraphs/*.parquet")
```

Every column explains itself:
`pyarrow.parquet.read_schema(file).field("language").metadata`.
`_manifest.json` lists every file with rows, bytes and SHA-256. `report.html`, where a
run has written it, shows in a browser what the tables hold.
"""
