"""Write the generated sections of README.md and docs: tables, settings, examples.

A section stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``.
``--check`` writes nothing and fails if a section is out of date.
"""

import re
import sys
from pathlib import Path

from babel import Locale

from flows.saved import load_examples
from flows.settings import settings_table
from tasks.languages.fusion import load_model
from tasks.schema import TABLES, tables_markdown

ROOT = Path(__file__).resolve().parent.parent


def languages_list() -> str:
    """Return the languages that the default detector knows, by name."""
    names = Locale("en").languages
    codes = load_model(with_eldc=True).languages
    known = sorted((names[code], code) for code in codes)
    return f"{len(known)} languages: " + ", ".join(f"{n} `{c}`" for n, c in known) + "."


def tables_list() -> str:
    """Return the tables, one line each."""
    lines = ["| table | what it holds | key |", "|---|---|---|"]
    for table in TABLES.values():
        key = ", ".join(f"`{name}`" for name in table.key)
        lines.append(f"| `{table.name}` | {table.rows} | {key} |")
    return "\n".join(lines)


def examples_list() -> str:
    """Return the saved questions, one line each."""
    lines = [f"| `{it.usage}` | {it.answers} |" for it in load_examples().values()]
    return "\n".join(["| example | which question it answers |", "|---|---|", *lines])


SECTIONS = {
    "README.md": {"table list": tables_list, "settings": settings_table},
    "docs/tables.md": {"tables": tables_markdown},
    "docs/decisions.md": {"languages": languages_list},
    "docs/querying.md": {"examples": examples_list},
}
"""Generated sections by page."""


def render(page: str, text: str) -> str:
    """Return a page with every generated section made anew."""
    for name, make in SECTIONS[page].items():
        pattern = re.compile(
            rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL
        )
        if not pattern.search(text):
            sys.exit(f"{page} has no section {name!r}")
        body = make().strip() + "\n"
        text = pattern.sub(lambda match, body=body: match[1] + body + match[2], text)
    return text


def main() -> None:
    """Write the sections, or check them."""
    for page in SECTIONS:
        file = ROOT / page
        old = file.read_text(encoding="utf-8")
        new = render(page, old)
        if "--check" not in sys.argv[1:]:
            file.write_text(new, encoding="utf-8")
        elif new != old:
            sys.exit(f"{page} is out of date: run `make docs`")


if __name__ == "__main__":
    main()
