"""Commit without a pause until told to stop, so that others can read meanwhile.

``python -m tests.campaign.committer WAREHOUSE MODE`` ends when its input does, and
prints the number of its last commit. In commit ``n`` the files ``a.txt`` and ``b.txt``
have version ``n``, in parts of their own; ``c.txt`` always has version 1.
"""

import sys
import threading
from pathlib import Path

from tasks.tables.warehouse import Warehouse
from tests.warehouse_rows import commit


def main() -> None:
    """Commit until the input ends."""
    folder, mode = sys.argv[1:]
    warehouse = Warehouse(Path(folder), publish_mode=mode, keep_snapshots=2)
    is_over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), is_over.set())).start()
    number = 0
    while not is_over.is_set():
        number += 1
        with warehouse.lock():
            batches = [{"a.txt": number}, {"b.txt": number}]
            if number == 1:
                batches.append({"c.txt": 1})
            commit(warehouse, number, *batches)
        if number == 1:
            print("ready", flush=True)
    print(number, flush=True)


if __name__ == "__main__":
    main()
