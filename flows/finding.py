"""What came of checking one law of the tables."""

from typing import NamedTuple


class Finding(NamedTuple):
    """What came of checking one law.

    Attributes:
        sentence: The law.
        problems: Row and problem of each row against it.
        note: What else is to be said.
    """

    sentence: str
    problems: list[tuple[str, str]]
    note: str = ""
