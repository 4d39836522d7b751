"""Measure what Prefect adds to a run: the same work with the flow and without it.

Both run in this process, one after the other, over the text samples of ``raw/``
repeated with variations; the flow against a Prefect server that runs already.

    python bench/prefect_cost.py --megabytes 30
"""

import argparse
import os
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

RAW = Path(__file__).resolve().parent.parent / "raw"
SUFFIXES = {".txt", ".md", ".html", ".htm", ".xhtml"}


def make_raw(folder: Path, size_bytes: int) -> int:
    """Fill a folder with variations of the samples; return how many files."""
    samples = sorted(
        path
        for path in RAW.rglob("*")
        if path.suffix in SUFFIXES and "oddities" not in path.parts
    )
    count = written = 0
    while written < size_bytes:
        sample = samples[count % len(samples)]
        target = folder / f"{count // 1000:03}" / f"{count:06}{sample.suffix}"
        target.parent.mkdir(exist_ok=True)
        content = sample.read_bytes()
        target.write_bytes(content + f"\n\n{count}\n".encode("ascii"))
        written += len(content)
        count += 1
    return count


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=30.0)
    parser.add_argument("--turns", type=int, default=2, help="the best one counts")
    arguments = parser.parse_args()
    megabytes, turns = arguments.megabytes, arguments.turns
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["PREFECT_HOME"] = str(folder / "prefect")
        os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
        os.environ["DO_NOT_TRACK"] = "1"
        (folder / "raw").mkdir()
        count = make_raw(folder / "raw", int(megabytes * 1e6))

        from prefect.testing.utilities import prefect_test_harness  # noqa: PLC0415

        from flows.conduct import ingest_plainly  # noqa: PLC0415
        from flows.ingest import ingest  # noqa: PLC0415  # reads the environment
        from flows.settings import read_settings  # noqa: PLC0415

        def settings(warehouse: str) -> dict[str, Path]:
            return {"raw_dir": folder / "raw", "warehouse_dir": folder / warehouse}

        plain: list[float] = []
        flow: list[float] = []
        with prefect_test_harness(server_startup_timeout=120):
            for turn in range(turns):
                start = time.perf_counter()
                ingest_plainly(read_settings({}, **settings(f"plain{turn}")))
                plain.append(time.perf_counter() - start)
                start = time.perf_counter()
                ingest(**settings(f"flow{turn}"), engine="inline")
                flow.append(time.perf_counter() - start)
    plain_seconds, flow_seconds = min(plain), min(flow)
    cost = flow_seconds - plain_seconds
    print(
        f"{datetime.now(UTC):%Y-%m-%d} {platform.machine()}, {os.cpu_count()} cores,"
        f" n = {count:,} files, {megabytes:g} MB, best of {turns}:"
        f" plain {plain_seconds:.1f} s,"
        f" flow {flow_seconds:.1f} s, Prefect {cost:.1f} s"
        f" = {cost / flow_seconds:.1%} of the run"
    )


if __name__ == "__main__":
    main()
