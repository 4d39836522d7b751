"""What travels along the line: blocks and claims of an article, members of a file.

Between steps they are rows of a table of the batch; the functions below convert.
"""

from collections import defaultdict, namedtuple
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypedDict

import pandas as pd
import pyarrow as pa

from tasks.schema import Field, Kind, RemovalReason


class Block(NamedTuple):
    """A piece of decoded text with one fate: kept as (part of) a paragraph, or removed.

    Attributes:
        start_chars: First code point in the decoded raw text; null if the place in an
            HTML source is not known exactly.
        end_chars: One past the last code point.
        text: The span after ``normalisations``; of a removed block, the span itself.
        normalisations: Keys of ``normalise.NORMALISATIONS``, in order.
        kind: What the markup says it is; null where the text has no markup.
        level: Depth of a heading or list item, from 1; 0 if unknown.
        blank_before: A blank line or a block element precedes it.
        reason: Why it is removed; null if it is kept.
        rule_id: Rule that removed it.
        field: Metadata field it was lifted into, if ``reason`` is ``lifted``.
    """

    start_chars: int | None
    end_chars: int | None
    text: str
    normalisations: tuple[str, ...] = ()
    kind: Kind | None = None
    level: int = 0
    blank_before: bool = True
    reason: RemovalReason | None = None
    rule_id: str | None = None
    field: Field | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """One metadata value that a rule found, not yet believed.

    Attributes:
        field: Metadata field.
        value: As it would be stored. Dates are ISO 8601 as far as known
            (``2025-01-29``, ``2025-01``, ``2025``); several authors or tags are joined
            by ``"; "``.
        rule_id: Rule that found it, e.g. ``"json.author"``, ``"html.jsonld.author"``.
        score: Trust in the rule, 0 to 1; the best claim of a field is chosen.
        start_chars: Where it stands in the decoded raw text, if it does.
        end_chars: One past the last code point.
    """

    field: Field
    value: str
    rule_id: str
    score: float
    start_chars: int | None = None
    end_chars: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What was read from one article: its blocks in order, and claims of its markup."""

    blocks: list[Block]
    claims: list[Claim]


_PLACES = {"start_chars": "Int64", "end_chars": "Int64"}


class RejectedMember(TypedDict):
    """One item of ``sources.rejected_members``."""

    member: str
    stage: str
    reason: str
    detail: str


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """Yield the rows of a table as named tuples; missing values are null."""
    row = namedtuple("Row", frame.columns)  # type: ignore[misc]  # noqa: PYI024
    columns = [cells_of(values) for _, values in frame.items()]
    yield from map(row._make, zip(*columns, strict=True))


def cells_of(values: pd.Series) -> list[Any]:
    """Return the cells of a column; missing values are null."""
    if values.dtype == object:
        cells: list[Any] = values.where(values.notna(), None).tolist()
    else:
        cells = pa.array(values, from_pandas=True).to_pylist()
    return cells


def frame_of(rows: Iterable[tuple[Any, ...]], columns: Sequence[str]) -> pd.DataFrame:
    """Make a table of rows that have places: whole numbers, or null."""
    return frame_of_columns(columns, zip(*rows, strict=True))


def frame_of_columns(
    columns: Sequence[str], values: Iterable[Sequence[Any]]
) -> pd.DataFrame:
    """Make a table of its columns, faster than of rows.

    Args:
        columns: Their names.
        values: Their values; none at all if there are no rows.
    """
    found = {
        name: pd.Series(cells, dtype=_PLACES.get(name))
        for name, cells in zip(columns, values, strict=False)
    }
    if not found:
        return pd.DataFrame(
            {name: pd.Series([], dtype=_PLACES.get(name, "object")) for name in columns}
        )
    return pd.DataFrame(found)


def claims_frame(claims: Iterable[tuple[str, Claim]]) -> pd.DataFrame:
    """Make the table of claims: one row per document id and claim."""
    names = list(Claim.__slots__)
    rows = (
        (document_id, *(getattr(claim, name) for name in names))
        for document_id, claim in claims
    )
    return frame_of(rows, ["document_id", *names])


def claims_by_document(frame: pd.DataFrame) -> dict[str, list[Claim]]:
    """Read the table of claims again; documents without claims have an empty list."""
    found: dict[str, list[Claim]] = defaultdict(list)
    for row in rows_of(frame):
        found[row.document_id].append(
            Claim(
                Field(row.field),
                row.value,
                row.rule_id,
                row.score,
                row.start_chars,
                row.end_chars,
            )
        )
    return found
