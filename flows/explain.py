"""What became of one raw file: every paragraph and every removed piece, in order."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from flows.neighbours import RECURRING, count_neighbours
from flows.paper import make_grid, open_paper
from flows.reader import open_tables
from flows.settings import Settings
from flows.streams import visible
from flows.summary import count_of
from tasks.errors import PipelineError
from tasks.objects import ObjectUrl, Place
from tasks.schema import Field, Kind, Reason, RemovalReason, Status

Row = dict[str, Any]

REASONS = {
    Reason.UNSUPPORTED_FORMAT: "its name ends in nothing that holds articles",
    Reason.IGNORED_PATTERN: "the setting `ignore` excludes it",
    Reason.NOT_A_FILE: "it is not a regular file",
    Reason.DANGLING_LINK: "it is a link to nothing",
    Reason.LINK_CYCLE: "it is a link that leads back to itself",
    Reason.UNDECODABLE_NAME: "its name is not UTF-8",
    Reason.UNREADABLE: "it may not be read",
    Reason.CHANGED_WHILE_READING: "it changed while it was being read",
    Reason.TOO_LARGE: "it is larger than the setting `max_file_bytes`",
    Reason.DECOMPRESSION_BOMB: "it unpacks to far more than an article",
    Reason.BROKEN_COMPRESSION: "it cannot be unpacked",
    Reason.EMPTY: "it has no bytes",
    Reason.BLANK: "it holds only white space",
    Reason.BINARY: "it is not text",
    Reason.UNDECODABLE: "no encoding fits its bytes",
    Reason.BROKEN_JSON: "it is not valid JSON",
    Reason.NO_TEXT: "no field holds the text of an article",
    Reason.NO_ARTICLE: "nothing is left that is an article",
    Reason.FAILED: "a step failed on it",
}
"""Every reason in words."""

FACTS = [
    ("authors", Field.AUTHORS),
    ("published", Field.PUBLISHED_ON),
    ("modified", Field.MODIFIED_ON),
    ("publisher", Field.PUBLISHER),
    ("url", Field.URL),
    ("section", Field.SECTION),
    ("tags", Field.TAGS),
    ("translator", Field.TRANSLATOR),
    ("original", Field.SOURCE_TITLE),
    ("original url", Field.SOURCE_URL),
]
"""Fields of the metadata below title and language, and what to call them."""

_COLUMNS = {Field.PUBLISHED_ON: "published_on", Field.MODIFIED_ON: "modified_on"}
_MANY_ARTICLES = 200
_SHOWN_CHARS = 400  # of a removed piece
_MOST_SIMILAR = """
    SELECT source_path FROM sources
    ORDER BY greatest(
        jaro_winkler_similarity(source_path, $path),
        jaro_winkler_similarity(parse_filename(source_path), $name)
    ) DESC, source_path LIMIT 1
"""
_LIKES_SHOWN = 5  # of the articles that repeat this one
_LIKES = """
    SELECT 'repeats' AS label, source_path, member, x.kind, similarity
    FROM duplicates AS x JOIN documents AS d ON d.document_id = match_id
    WHERE x.document_id = $id
    UNION ALL (
        SELECT 'repeated by', source_path, member, x.kind, similarity
        FROM duplicates AS x JOIN documents AS d USING (document_id)
        WHERE match_id = $id
        ORDER BY similarity DESC, document_id LIMIT $shown
    )
"""
_LIST_THEM = '`articles query "SELECT source_path FROM sources"` lists them all.'
_UNKNOWN = "unknown"


def explain_file(
    settings: Settings, file: str, member: str | None, snapshot: int | None = None
) -> None:
    """Print what became of a file.

    Args:
        settings: Where the raw folder and the tables are.
        file: Path of the file from here, absolute, or as in ``source_path``.
        member: Line or item of one article; null for the whole file.
        snapshot: Number of an earlier snapshot; null for the live one.

    Raises:
        PipelineError: The tables do not know the file or the member.
    """
    paper = open_paper()
    with open_tables(settings.warehouse_dir, snapshot) as pinned:
        tables = pinned.duckdb()
        path, source = find_source(tables, settings.raw_dir, file)
        documents = _select(
            tables,
            "FROM documents WHERE source_path = $1"
            " AND member IS NOT DISTINCT FROM coalesce($2, member)"
            f" ORDER BY try_cast(member AS INTEGER), member LIMIT {_MANY_ARTICLES}",
            path,
            member,
        )
        refused = source["rejected_members"]
        article_count = source["document_count"]
        paper.print(_head(source, documents))
        if member is not None:
            refused = [row for row in refused if row["member"] == member]
            if not documents and not refused:
                raise PipelineError(
                    path,
                    f"has no member {member!r}",
                    "Leave --member out for the list of its articles.",
                )
            paper.print(_rejected_members(refused))
        elif article_count + len(refused) > 1:
            paper.print()
            paper.print(_members(documents, article_count))
            paper.print()
            paper.print(_rejected_members(refused))
            paper.print(Text("One of them in full: --member N", style="dim"))
            return
        else:
            paper.print(_rejected_members(refused))
        for document in documents:
            for part in _article(tables, document):
                paper.print(part)


def find_source(
    tables: duckdb.DuckDBPyConnection, raw_dir: Place, file: str
) -> tuple[str, Row]:
    """Return the row of ``sources`` that a person means, and its path.

    Raises:
        PipelineError: No row fits; says whether the file is just not read yet.
    """
    for path in source_paths(raw_dir, file):
        if rows := _select(tables, "FROM sources WHERE source_path = ?", path):
            return path, rows[0]
    exists = not isinstance(raw_dir, ObjectUrl) and (
        (raw_dir / file).exists() or Path(file).exists()
    )
    if exists:
        raise PipelineError(
            file,
            f"exists but is no source of the tables; the raw folder is {raw_dir}/",
            "Run `articles run` if it is new, or name its raw folder with --raw.",
        )
    similar = tables.execute(
        _MOST_SIMILAR, {"path": file, "name": Path(file).name}
    ).fetchone()
    raise PipelineError(
        file,
        f"no such file in {raw_dir}/ and none of that name among the sources",
        f"Did you mean {similar[0]!r}? {_LIST_THEM}" if similar else _LIST_THEM,
    )


def source_paths(raw_dir: Place, file: str) -> list[str]:
    """Return what ``file`` may be called in ``source_path``, likeliest first.

    Examples:
        >>> source_paths(Path("/data/raw"), "/data/raw/de/a.txt")
        ['de/a.txt']
    """
    if isinstance(raw_dir, ObjectUrl):
        return [file.removeprefix(f"{raw_dir}/")]
    path = Path(file)
    # Links inside the raw folder keep their own name, links to the folder do not.
    candidates = [path.absolute(), path.parent.resolve() / path.name, path.resolve()]
    found = [
        candidate.relative_to(root).as_posix()
        for candidate in candidates
        for root in (raw_dir.absolute(), raw_dir.resolve())
        if candidate.is_relative_to(root)
    ]
    if not path.is_absolute():
        found.append(path.as_posix())
    # A name that is not UTF-8 is shown with escapes, as in `discover`.
    shown = (os.fsencode(name).decode("utf-8", "backslashreplace") for name in found)
    return list(dict.fromkeys(shown))


def _select(tables: duckdb.DuckDBPyConnection, sql: str, *values: object) -> list[Row]:
    result = tables.execute(sql, list(values))
    names = [column[0] for column in result.description or ()]
    return [
        dict(zip(names, map(_shown, row), strict=True)) for row in result.fetchall()
    ]


def _shown(value: object) -> object:
    """Return a value with every control character in it made visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items()}
    return value


def _head(source: Row, documents: list[Row]) -> RenderableType:
    """Return the file's own lines: what it is and whether it was accepted."""
    status = Status(source["status"])
    style = {Status.ACCEPTED: "green", Status.REJECTED: "red"}.get(status, "yellow")
    head = Text(source["source_path"].replace("\n", "\\n"), style="bold")
    head.append(f"  {status.value}", style=f"bold {style}")
    facts = []
    if source["size_bytes"] is not None:
        facts.append(count_of(source["size_bytes"], "byte"))
    if documents:
        first = documents[0]
        packed = f" in {first['compression']}" if first["compression"] else ""
        score = first["encoding_score"]
        sure = "" if score is None else f" {score:.2f}"
        facts += [
            first["format"] + packed,
            f"{first['encoding']} ({first['encoding_method']}{sure})",
            count_of(source["document_count"], "article"),
        ]
    lines = [head, Text(" · ".join(facts), style="dim")]
    if source["reason"] and not source["rejected_members"]:
        lines.append(_refusal(source["stage"], source["reason"], source["detail"]))
    return Group(*lines)


def _refusal(stage: str | None, reason: str, detail: str | None) -> Text:
    text = Text(f"{REASONS.get(Reason(reason), reason)}", style="red")
    text.append(f"  reason {reason}, step {stage or _UNKNOWN}", style="dim")
    if detail:
        text.append(f"\n{detail}", style="default")
    return text


def _members(documents: list[Row], article_count: int) -> RenderableType:
    grid = make_grid(">member", "title", "language", "published", ">paragraphs")
    for row in documents:
        grid.add_row(
            row["member"],
            _given(row["title"]),
            row["language"],
            _date(row, Field.PUBLISHED_ON),
            str(row["paragraph_count"]),
        )
    if (more := article_count - len(documents)) > 0:
        return Group(grid, Text(f"and {count_of(more, 'article')} more", style="dim"))
    return grid


def _rejected_members(members: list[Row]) -> RenderableType:
    parts: list[RenderableType] = []
    for row in members[:_MANY_ARTICLES]:
        text = Text(f"member {row['member']} ", style="bold")
        text.append("rejected: ", style="bold red")
        text.append_text(_refusal(row["stage"], row["reason"], row["detail"]))
        parts.append(text)
    if (more := len(members) - _MANY_ARTICLES) > 0:
        parts.append(Text(f"and {more:,} more rejected: view `rejects`", style="dim"))
    return Group(*parts)


def _article(
    tables: duckdb.DuckDBPyConnection, document: Row
) -> Iterator[RenderableType]:
    key = document["document_id"]
    evidence = _select(
        tables, "FROM evidence WHERE document_id = ? ORDER BY field, rank", key
    )
    yield ""
    yield _metadata(document, evidence, find_likes(tables, key))
    yield ""
    paragraphs = _select(
        tables, "FROM paragraphs WHERE document_id = ? ORDER BY paragraph_index", key
    )
    repeats = count_repeats(tables, key)
    removals = _select(
        tables, "FROM removals WHERE document_id = ? ORDER BY start_chars", key
    )
    for row in paragraphs:
        row["article_count"] = repeats.get(row["text_hash"])
    neighbours = {}
    if any(row["rule_id"].startswith(RECURRING) for row in removals):
        pieces = (row for _, _, row in _in_order(paragraphs, removals))
        neighbours = count_neighbours(tables, document["source_path"], pieces)
    yield from _pieces(paragraphs, removals, document["language"], neighbours)
    removed = count_of(len(removals), "piece") + " removed"
    yield Text(
        f"{count_of(len(paragraphs), 'paragraph')}, {document['word_count']:,} words;"
        f" {removed} ({document['removed_chars']:,} of"
        f" {document['raw_chars']:,} characters).",
        style="dim",
    )


def find_likes(
    tables: duckdb.DuckDBPyConnection, document_id: str
) -> list[tuple[str, str, str]]:
    """Find the article that one repeats, and those that repeat it.

    Returns:
        Label, path of the article (with its line or item), and how alike both are.
        Nothing where the tables are of a version that does not tell.
    """
    try:
        rows = tables.execute(_LIKES, {"id": document_id, "shown": _LIKES_SHOWN})
    except duckdb.CatalogException:
        return []
    found = []
    for label, path, member, kind, similarity in rows.fetchall():
        place = visible(path) + (f" member {member}" if member else "")
        found.append((label, place, f"{kind} {similarity:.2f}"))
    return found


def count_repeats(
    tables: duckdb.DuckDBPyConnection, document_id: str
) -> dict[str, int]:
    """Return how many articles have a paragraph, by ``text_hash``."""
    try:
        rows = tables.execute(
            "SELECT text_hash, document_count FROM repeats WHERE text_hash IN"
            " (SELECT text_hash FROM paragraphs WHERE document_id = ?)",
            [document_id],
        )
    except duckdb.CatalogException:
        return {}
    return dict(rows.fetchall())


def _metadata(
    document: Row, evidence: list[Row], likes: list[tuple[str, str, str]]
) -> RenderableType:
    by_field: dict[str, list[Row]] = {}
    for row in evidence:
        by_field.setdefault(row["field"], []).append(row)
    grid = Grid(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold", ratio=3)
    grid.add_column(style="dim", overflow="fold", ratio=2)
    grid.add_row(
        "title", Text(_given(document["title"]), style="bold"), _why(by_field, "title")
    )
    shares = document["languages"] or []
    languages = ", ".join(f"{row['code']} {row['share']:.0%}" for row in shares)
    grid.add_row(
        "language",
        f"{document['language']} ({document['language_score']:.2f})",
        languages if len(shares) > 1 else "",
    )
    for label, field in FACTS:
        value = write_fact(document, field)
        if value or by_field.get(field):
            grid.add_row(label, _given(value), _why(by_field, field))
    if document["is_translated"]:
        grid.add_row("translated", "yes", _why(by_field, Field.IS_TRANSLATED))
    if Field.ENCODING in by_field:
        encoding = document[Field.ENCODING]
        grid.add_row("encoding", encoding, _why(by_field, Field.ENCODING))
    for label, place, how in likes:
        grid.add_row(label, place, how)
    return grid


def write_fact(document: Row, field: Field) -> str:
    """Return the value of a field of the metadata; empty if it is unknown."""
    if field in _COLUMNS:
        return _date(document, field)
    value = document[field.value]
    return "; ".join(value) if isinstance(value, list) else str(value or "")


def _date(document: Row, field: Field) -> str:
    value = document[_COLUMNS[field]]
    if value is None:
        return ""
    precision = document["published_precision"] or "day"
    if field is not Field.PUBLISHED_ON:
        precision = "day"
    shown = {"year": "%Y", "month": "%Y-%m"}.get(precision, "%Y-%m-%d")
    return str(value.strftime(shown))


def _why(by_field: dict[str, list[Row]], field: str) -> str:
    """Return the rule behind the value, then the values that were not chosen."""
    parts = []
    for row in by_field.get(field, []):
        place = ""
        if row["start_chars"] is not None:
            place = f" at {row['start_chars']}-{row['end_chars']}"
        claim = f"{row['rule_id']} {row['score']:.2f}{place}"
        parts.append(claim if row["is_chosen"] else f"not {row['value']!r}: {claim}")
    return "\n".join(parts)


def _given(value: str | None) -> str:
    return value or _UNKNOWN


def _pieces(
    paragraphs: list[Row],
    removals: list[Row],
    main_language: str,
    neighbours: dict[int, int],
) -> Iterator[RenderableType]:
    """Yield kept and removed pieces in the order of the raw text."""
    for _, index, row in _in_order(paragraphs, removals):
        is_kept = index >= 0
        yield _kept(row, main_language) if is_kept else _removed(row, neighbours)


def _in_order(paragraphs: list[Row], removals: list[Row]) -> list[tuple[int, int, Row]]:
    """Sort pieces by their place; one without a known place follows the one before."""
    last = -1
    pieces: list[tuple[int, int, Row]] = []
    for row in paragraphs:
        last = last if row["start_chars"] is None else row["start_chars"]
        pieces.append((last, row["paragraph_index"], row))
    pieces += [(row["start_chars"], -1, row) for row in removals]
    return sorted(pieces, key=lambda piece: piece[:2])


def _place(row: Row) -> str:
    if row["start_chars"] is None:
        return "place unknown"
    return f"{row['start_chars']}-{row['end_chars']}"


def _kept(row: Row, main_language: str) -> RenderableType:
    kind = Kind(row["kind"])
    label = Text(f"{row['paragraph_index']:>3} ", style="green")
    label.append(kind.value, style="bold green" if kind is Kind.HEADING else "green")
    style = "dim" if row["language"] == main_language else "bold magenta"
    label.append(f"  {row['language']} {row['language_score']:.2f}", style=style)
    body = Text(row["text"], style="bold" if kind is Kind.HEADING else "")
    for span in row.get("foreign_spans", []):  # snapshots of old have none
        label.append(f"  holds {span['language']} {span['score']:.2f}", style="magenta")
        body.stylize("magenta", span["start_chars"], span["end_chars"])
    label.append(f"  {_place(row)}", style="dim")
    if row["normalisations"]:
        label.append(f"  {', '.join(row['normalisations'])}", style="dim")
    if row["article_count"]:
        label.append(f"  in {row['article_count']:,} articles", style="yellow")
    return Group(label, Padding(body, (0, 0, 0, 4), expand=False), Text())


def _removed(row: Row, neighbours: dict[int, int]) -> RenderableType:
    reason = RemovalReason(row["reason"])
    label = Text("  - ", style="red")
    into = f" into {row['field']}" if row["field"] else ""
    label.append(f"{reason.value}{into}", style="red" if not into else "cyan")
    label.append(f"  {row['rule_id']}  {_place(row)}", style="dim")
    if (count := neighbours.get(row["start_chars"])) is not None:
        label.append(f"  in {count_of(count, 'file')} of this folder", style="dim")
    text = " ".join(row["text"].split())
    if len(text) > _SHOWN_CHARS:
        text = f"{text[:_SHOWN_CHARS]}… ({len(text):,} characters)"
    body = Text(text, style="dim strike" if not into else "dim")
    return Group(label, Padding(body, (0, 0, 0, 4), expand=False), Text())
