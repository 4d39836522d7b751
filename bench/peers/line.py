"""The line without Prefect's engine: what our own code takes.

python bench/peers/line.py RAW_FOLDER WAREHOUSE
"""

import sys
from pathlib import Path

from flows.conduct import ingest_plainly
from flows.settings import read_settings

if __name__ == "__main__":
    raw, warehouse = map(Path, sys.argv[1:3])
    ingest_plainly(read_settings({}, raw_dir=raw, warehouse_dir=warehouse))
