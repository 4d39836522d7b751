"""What travels along the line inside one article: blocks and claims."""

from dataclasses import dataclass

from tasks.schema import Field, Kind, RemovalReason


@dataclass(frozen=True, slots=True)
class Block:
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
        value: As it would be stored. Dates are ISO 8601 as far as known (``2025-01-29``,
            ``2025-01``, ``2025``); several authors or tags are joined by ``"; "``.
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
