"""An article while its blocks are being judged."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tasks.pieces import Block, Claim
from tasks.schema import Field, Markup, RemovalReason
from tasks.text import lexicon
from tasks.text.shape import is_prose

_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(slots=True)
class Draft:
    """One article while its blocks are being judged.

    Attributes:
        raw: Its decoded text.
        markup: How it was read.
        blocks: Its blocks in order.
        claims: Metadata found so far.
        language: A first guess, to tell names from headings.
        odds: Of plain text, the log-odds of each block being part of the article.
        title_odds: The same of being its title.
        recurring: Indexes of blocks that recur in other files of the folder.
    """

    raw: str
    markup: Markup
    blocks: list[Block]
    claims: list[Claim] = field(default_factory=list)
    language: str | None = None
    odds: Sequence[float] = ()
    title_odds: Sequence[float] = ()
    recurring: frozenset[int] = frozenset()
    _taken_out: dict[int, Block] = field(default_factory=dict)
    _kept: list[int] | None = None

    def writes(self, word: str) -> bool:
        """Whether the article has a word somewhere just like this."""
        at = self.raw.find(word) if _LETTERS.fullmatch(word) else -1
        while at >= 0:
            end = at + len(word)
            if not _LETTERS.search(
                self.raw[max(at - 1, 0) : at] + self.raw[end : end + 1]
            ):
                return True
            at = self.raw.find(word, at + 1)
        return False

    def kept(self) -> list[int]:
        """Return the indexes of blocks that still belong to the article."""
        if self._kept is None:
            self._kept = [
                i for i, block in enumerate(self.blocks) if block.reason is None
            ]
        return self._kept

    def is_prose(self, index: int) -> bool:
        """Whether a block is running text."""
        return is_prose(self.blocks[index].text)

    def beside(self, index: int) -> list[Block]:
        """Return the blocks right before and after a block."""
        return [*self.blocks[max(index - 1, 0) : index], *self.blocks[index + 1 :][:1]]

    def remove(self, index: int, reason: RemovalReason, rule_id: str) -> None:
        """Take a block out of the article; its text is then the span itself."""
        self._take_out(index, reason, rule_id, None)

    def lift(self, index: int, into: Field, rule_id: str) -> None:
        """Take a block out of the article because it became metadata."""
        self._take_out(index, RemovalReason.LIFTED, rule_id, into)

    def _take_out(
        self, index: int, reason: RemovalReason, rule_id: str, into: Field | None
    ) -> None:
        block = self.blocks[index]
        self._kept = None  # the old list may be in use
        self._taken_out[index] = block
        self.blocks[index] = Block(  # `dataclasses.replace` takes many times longer
            block.start_chars,
            block.end_chars,
            self._span(block),
            block.normalisations,
            block.kind,
            block.level,
            block.blank_before,
            reason,
            rule_id,
            into,
        )

    def put_back(self, index: int) -> None:
        """Make a block that was taken out part of the article again."""
        self._kept = None
        self.blocks[index] = self._taken_out.pop(index)

    def claim(
        self, into: Field, value: str, rule_id: str, score: float, index: int
    ) -> None:
        """Note a metadata value found in a block."""
        block = self.blocks[index]
        self.claims.append(
            Claim(into, value, rule_id, score, block.start_chars, block.end_chars)
        )

    def _span(self, block: Block) -> str:
        if block.start_chars is None or block.end_chars is None:
            return block.text
        return self.raw[block.start_chars : block.end_chars]


def is_about_article(text: str) -> bool:
    """Whether a text speaks about the article itself: its source, its translator."""
    return bool(lexicon.find_notes(text))
