"""Write the generated sections of README.md: tables, settings, languages.

A section stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``.
``--check`` writes nothing and fails if a section is out of date.
"""

import re
import sys
from pathlib import Path

from babel import Locale

from flows.settings import settings_table
from tasks.languages.fusion import load_model
from tasks.schema import tables_markdown

README = Path(__file__).resolve().parent.parent / "README.md"


def languages_list() -> str:
    """Return the languages that the default detector knows, by name."""
    names = Locale("en").languages
    codes = load_model(with_eldc=True).languages
    known = sorted((names[code], code) for code in codes)
    return f"{len(known)} languages: " + ", ".join(f"{n} `{c}`" for n, c in known) + "."


SECTIONS = {
    "tables": tables_markdown,
    "settings": settings_table,
    "languages": languages_list,
}


def render(text: str) -> str:
    """Return the README with every generated section made anew."""
    for name, make in SECTIONS.items():
        pattern = re.compile(
            rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL
        )
        if not pattern.search(text):
            sys.exit(f"README.md has no section {name!r}")
        body = make().strip() + "\n"
        text = pattern.sub(lambda match, body=body: match[1] + body + match[2], text)
    return text


def main() -> None:
    """Write the sections, or check them."""
    old = README.read_text(encoding="utf-8")
    new = render(old)
    if "--check" in sys.argv[1:]:
        if new != old:
            sys.exit("README.md is out of date: run `make docs`")
        return
    README.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
