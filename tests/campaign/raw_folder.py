"""A folder of raw files that changes before every run, at random but repeatably."""

import gzip
import json
import os
import random
import re
from pathlib import Path

WORDS = (
    *("harbour", "ferry", "sisters", "pier", "lamps", "winter", "bridge", "market"),
    *("river", "station", "teacher", "garden", "letter", "window", "morning", "engine"),
)
PAGE = "\nThe harbour desk\nTerms of the ferry line\nDepots and piers\n"
"""Lines below every plain text: where enough of them lie together, they recur."""
SUFFIXES = (".txt", ".txt", ".md", ".html", ".jsonl", ".txt.gz", ".json", ".bin")
FEWEST, MOST = 8, 16
HOUR_NS = 3_600_000_000_000


class RawFolder:
    """Some short files; each edit leaves a text that was never there before."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.chance = random.Random(seed)
        self.serial = 0
        folder.mkdir(parents=True)
        for _ in range((FEWEST + MOST) // 2):
            self.add()

    def files(self) -> list[Path]:
        """Return the files, sorted."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def change(self) -> None:
        """Edit a file, and add or delete some."""
        files = self.files()
        self.write(self.chance.choice([p for p in files if p.suffix != ".bin"]))
        for _ in range(self.chance.randint(1, 3)):
            files = self.files()
            if len(files) <= FEWEST or (
                len(files) < MOST and self.chance.random() < 0.5
            ):
                self.add()
            else:
                self.chance.choice(files).unlink()

    def add(self) -> None:
        """Add a file under a name that may have been there before."""
        number = self.chance.randrange(3 * MOST)
        folder = self.folder / f"site {number % 3}"
        folder.mkdir(exist_ok=True)
        self.write(folder / f"{number}{SUFFIXES[number % len(SUFFIXES)]}")

    def write(self, path: Path) -> None:
        """Write a text never seen before, with a time that may be far away."""
        data = self.make(path.name)
        path.write_bytes(data)
        if self.chance.random() < 0.3:
            hours = self.chance.choice([-100_000, -1, 1, 24, 10_000])
            moment = path.stat().st_mtime_ns + hours * HOUR_NS
            os.utime(path, ns=(moment, moment))

    def edit_unnoticed(self) -> None:
        """Edit a file so that neither its size nor its time of change shows it."""
        texts = [p for p in self.files() if p.suffix in {".txt", ".md", ".html"}]
        path = self.chance.choice([p for p in texts if p.stat().st_size])
        found, text = path.stat(), path.read_text()
        self.serial += 1
        path.write_text(re.sub(r"\b\d{6}\b", f"{self.serial:06}", text))
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    def make(self, name: str) -> bytes:
        """Return the content of a file of this name."""
        self.serial += 1
        if name.endswith(".bin"):
            return b"\x00\x01" * self.serial
        if name.endswith(".txt") and self.chance.random() < 0.05:
            return b""
        title = f"Report {self.serial} from the {self.chance.choice(WORDS)}"
        paragraphs = [self.paragraph() for _ in range(self.chance.randint(1, 4))]
        text = "\n\n".join([title, *paragraphs]) + "\n"
        if name.endswith(".html"):
            body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
            page = (
                f"<html><body><article><h1>{title}</h1>{body}</article></body></html>"
            )
            return page.encode()
        if name.endswith(".jsonl"):
            lines = [json.dumps({"title": title, "text": p}) for p in paragraphs]
            return "\n".join([*lines, "broken", ""]).encode()
        if name.endswith(".json"):
            return json.dumps({"title": title, "text": text}).encode()
        text += PAGE
        return gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()

    def paragraph(self) -> str:
        """Return a paragraph of two sentences."""
        words = self.chance.choices(WORDS, k=self.chance.randint(12, 30))
        half = len(words) // 2
        return (
            f"The {' '.join(words[:half])} was seen by the {words[-1]}."
            f" It took {self.serial:06} days until the {' '.join(words[half:])} came."
        )
