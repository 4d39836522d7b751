"""The README says what the code says."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_generated_sections_are_up_to_date():
    """Tables and settings are those of the code; `make docs` writes them."""
    done = subprocess.run(
        [sys.executable, "bench/readme.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_every_command_exists():
    """Each `articles` verb and `make` target of the README is one."""
    from flows.__main__ import _parser

    text = _parser().format_help()
    makefile = (ROOT / "Makefile").read_text()

    for verb in set(re.findall(r"`(?:\.venv/bin/)?articles (\w+)", README)):
        assert re.search(rf"\b{verb}\b", text), verb
    for target in set(re.findall(r"`?make ([a-z]+)`", README)):
        assert f"\n{target}:" in makefile, target
