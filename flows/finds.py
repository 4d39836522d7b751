"""What `articles search` prints: each hit with its place, and the words in context."""

import pyarrow as pa
from rich.cells import cell_len
from rich.padding import Padding
from rich.text import Text

from flows.paper import open_paper
from flows.query import GivenAnswer
from flows.search import Found, Hit, Search, cut_excerpt
from flows.summary import count_of
from tasks.schema import DOCUMENTS, PARAGRAPHS, Kind

_LINES = 3  # of context
_INDENT = 4
_MATCH_STYLE = "bold black on yellow"

_SCHEMA = pa.schema(
    [
        ("rank", pa.int32()),
        ("score", pa.float64()),
        DOCUMENTS.schema.field("source_path"),
        DOCUMENTS.schema.field("member"),
        DOCUMENTS.schema.field("title"),
        DOCUMENTS.schema.field("published_on"),
        PARAGRAPHS.schema.field("language"),
        ("paragraph_index", pa.int32()),
        ("kind", pa.string()),
        PARAGRAPHS.schema.field("text"),
        (
            "matches",
            pa.list_(
                pa.struct([("start_chars", pa.int32()), ("end_chars", pa.int32())])
            ),
        ),
    ]
)


def as_answer(found: Found) -> GivenAnswer:
    """Return the hits as rows, for a program: whole texts, matches as places."""
    rows = []
    for hit in found.hits:
        places = [
            {"start_chars": start, "end_chars": end} for start, end in hit.matches
        ]
        rows.append((*hit[:-1], places))
    return GivenAnswer(_SCHEMA, rows)


def show_found(found: Found, search: Search) -> None:
    """Print the hits for a person: a line of where, then the words in context."""
    paper = open_paper()
    if found.remark:
        paper.say(Text(found.remark, style="yellow"))
        paper.print()
    for hit in found.hits:
        paper.print(_headline(hit))
        paper.print(Padding(Text(_place(hit), style="dim"), (0, 0, 0, _INDENT)))
        room = _LINES * (paper.width - _INDENT) - 2 * _INDENT
        share = len(hit.text) / max(cell_len(hit.text), 1)
        excerpt, matches = cut_excerpt(
            " ".join(hit.text.splitlines()), hit.matches, int(room * share)
        )
        text = Text(excerpt)
        for start, end in matches:
            text.stylize(_MATCH_STYLE, start, end)
        paper.print(Padding(text, (0, 0, 1, _INDENT), expand=False))
    paper.say(Text(_count(found, search), style="dim"))


def _headline(hit: Hit) -> Text:
    line = Text(f"{hit.rank:>3} ", style="dim")
    return line.append(hit.title or "without title", style="bold")


def _place(hit: Hit) -> str:
    facts = [hit.language]
    if hit.published_on:
        facts.append(hit.published_on.isoformat())
    facts.append(hit.source_path + (f" member {hit.member}" if hit.member else ""))
    if hit.paragraph_index is None:
        facts.append("title")
    else:
        kind = "" if hit.kind == Kind.BODY else f" ({hit.kind})"
        facts.append(f"paragraph {hit.paragraph_index}{kind}")
    return " · ".join(facts)


def _count(found: Found, search: Search) -> str:
    if not found.total:
        words = ", ".join(term.text for term in found.terms)
        return f"No paragraph or title has {words}. A shorter beginning may find more."
    count = count_of(found.total, "hit")
    if found.total > len(found.hits):
        return f"{count}, the best {search.limit} shown; more with --limit."
    return f"{count}."
