"""What a user would write: trafilatura, langdetect, pandas. One row per paragraph.

python bench/peers/script.py RAW_FOLDER OUTPUT.parquet
"""

import sys
from pathlib import Path

import langdetect
import pandas as pd
import trafilatura


def main(raw: Path, output: Path) -> None:
    """Turn a folder of articles into a table."""
    langdetect.DetectorFactory.seed = 0
    rows = []
    for path in sorted(raw.rglob("*")):
        if not path.is_file():
            continue
        text: str | None = path.read_text(encoding="utf-8", errors="replace")
        title = author = date = None
        if path.suffix == ".html":
            found = trafilatura.bare_extraction(text, with_metadata=True)
            text = found.text if found else None
            if found:
                title, author, date = found.title, found.author, found.date
        for index, paragraph in enumerate(filter(str.strip, (text or "").split("\n"))):
            try:
                language = langdetect.detect(paragraph)
            except langdetect.LangDetectException:
                language = None
            rows.append(
                (str(path), title, author, date, index, language, paragraph.strip())
            )
    columns = ["path", "title", "author", "date", "index", "language", "text"]
    pd.DataFrame(rows, columns=columns).to_parquet(output)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
