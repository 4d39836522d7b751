"""The least that tables like ours take: no cleaning, no metadata, one detector.

python bench/peers/floor.py RAW_FOLDER OUTPUT_FOLDER

Each file is decoded and brought to NFC, each line becomes a row of ``paragraphs`` with
its place, its hash, its words and its language as ``eldc`` tells it, which is compiled
and the fastest detector we know; each file becomes a row of ``documents`` with its text
and hash. Whatever fills the tables of this project in Python does this and more, so its
articles a second are an upper bound, not a peer.
"""

import hashlib
import re
import sys
import unicodedata
from pathlib import Path

import eldc
import pyarrow as pa
import pyarrow.parquet as pq

_WORD = re.compile(r"\w+")
_LINE = re.compile(r"[^\n]*\S[^\n]*")


def main(raw: Path, output: Path) -> None:
    """Turn a folder of plain texts into two tables."""
    eldc.init()
    detect = eldc.detect
    documents: list[tuple[str, str, str]] = []
    paragraphs: list[tuple[str, int, int, int, str, str, int, str]] = []
    for path in sorted(raw.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        text = unicodedata.normalize("NFC", data.decode("utf-8", "replace"))
        name = str(path)
        documents.append((name, hashlib.sha256(data).hexdigest(), text))
        for index, line in enumerate(_LINE.finditer(text)):
            own = line[0].strip()
            digest = hashlib.sha256(own.encode("utf-8", "replace")).hexdigest()
            words = len(_WORD.findall(own))
            paragraphs.append(
                (name, index, *line.span(), own, detect(own), words, digest[:16])
            )
    output.mkdir(parents=True, exist_ok=True)
    for table, rows in (("documents", documents), ("paragraphs", paragraphs)):
        columns = [pa.array(column) for column in zip(*rows, strict=True)]
        names = [f"column_{number}" for number in range(len(columns))]
        file = output / f"{table}.parquet"
        pq.write_table(pa.table(columns, names), file, compression="zstd")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
