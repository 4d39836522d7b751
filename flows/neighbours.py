"""In how many files of its folder a removed line stands."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import duckdb

from tasks.text.recurrence import hash_pair

RECURRING = "recurring."
"""What the rules begin with that remove lines because they recur."""

_COUNT = """
    SELECT pair, count(DISTINCT content)
    FROM (
        SELECT survey.content AS content, unnest(survey.pairs) AS pair FROM sources
        WHERE parse_dirpath(source_path, 'forward_slash')
            = parse_dirpath(?, 'forward_slash')
    )
    WHERE pair IN (SELECT unnest(?)) GROUP BY pair
"""


def count_neighbours(
    tables: duckdb.DuckDBPyConnection,
    source_path: str,
    pieces: Iterable[Mapping[str, Any]],
) -> dict[int, int]:
    """Count the files, of different content, that have a removed line too.

    A line is told by the one beside it, so what counts are both together.

    Args:
        tables: Tables of one snapshot.
        source_path: File of the article.
        pieces: Its paragraphs and removals, in the order of the text.

    Returns:
        Number of files by ``start_chars``, of the removals because of lines that recur.
    """
    lines = [("", -1)]
    for piece in pieces:
        is_recurring = str(piece.get("rule_id")).startswith(RECURRING)
        start = piece["start_chars"] if is_recurring else -1
        bare = (line.strip() for line in str(piece["text"]).splitlines())
        lines += [(line, start) for line in bare if line]
    lines.append(("", -1))
    starts: dict[int, set[int]] = {}
    for (above, start_above), (below, start_below) in pairwise(lines):
        starts.setdefault(hash_pair(above, below), set()).update(
            {start_above, start_below} - {-1}
        )
    pairs = [pair for pair, own in starts.items() if own]
    found: dict[int, int] = {}
    for pair, count in tables.execute(_COUNT, [source_path, pairs]).fetchall():
        for start in starts[pair]:
            found[start] = max(count, found.get(start, 0))
    return found
