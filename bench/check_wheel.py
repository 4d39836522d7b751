"""Check that a built wheel holds the two packages with their data, and nothing else."""

import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = {".py", ".toml", ".json", ".npz", ".sql", ".html", ".css"}


def main(folder: str) -> None:
    """Compare the newest wheel in ``folder`` with the files of the project."""
    wheel = max(Path(folder).glob("*.whl"), key=lambda path: path.stat().st_mtime)
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    packed = {name for name in names if ".dist-info/" not in name}
    expected = {
        path.relative_to(ROOT).as_posix()
        for package in ("flows", "tasks")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and path.suffix in SUFFIXES
    }
    missing, foreign = sorted(expected - packed), sorted(packed - expected)
    if missing or foreign:
        sys.exit(f"{wheel.name}: missing {missing}, foreign {foreign}")
    if not any(name.endswith("licenses/LICENSE") for name in names):
        sys.exit(f"{wheel.name}: no licence inside")
    print(f"{wheel.name}: {len(packed)} files, as in flows/ and tasks/")


if __name__ == "__main__":
    main(sys.argv[1])
