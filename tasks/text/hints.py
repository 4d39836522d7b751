"""What is worth asking of a line: remembered for the texts of a batch.

``gates`` finds it out for many texts at once. A hint that is missing says for certain
that the answer is no; one that is there says nothing, nor does a text not remembered.
"""

from collections.abc import Iterable
from enum import IntFlag


class Hint(IntFlag):
    """What a text may be or have."""

    LEFTOVER = 1
    OPENER = 2
    LABEL = 4
    AGENCY = 8
    NOTE = 16


ALL = sum(Hint)
_REMEMBERED = 1 << 14  # texts
_HINTS: dict[str, int] = {}
LEFTOVER, OPENER, LABEL, AGENCY, NOTE = (hint.value for hint in Hint)
"""The hints as bare numbers: flags are many times slower."""


def may_have(text: str, hint: int) -> bool:
    """Say whether a text may be or have something."""
    return _HINTS.get(text, ALL) & hint > 0


def remember(hints: Iterable[tuple[str, int]]) -> None:
    """Remember the hints of some texts for a while."""
    if len(_HINTS) > _REMEMBERED:
        _HINTS.clear()
    _HINTS.update(hints)
