"""What becomes of the files of a batch, told by the fate of their articles."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

import pandas as pd

from tasks.errors import FIX_STEP, ContractError
from tasks.pieces import RejectedMember
from tasks.schema import SOURCES, Reason, Status, Step

LISTED_MEMBERS = 100_000
"""So many rejected articles of one file are listed one by one. Of the others there is
one for each reason, which says how many it stands for: a file of a million broken lines
must not become a cell that nobody can hold in memory."""


_NO_ARTICLE: RejectedMember = {
    "member": "",
    "stage": Step.READ.value,
    "reason": Reason.NO_TEXT.value,
    "detail": "no article in it",
}


class Verdict(NamedTuple):
    """What became of a file; the columns of ``sources`` that say so."""

    status: str
    stage: str | None
    reason: str | None
    detail: str | None


@dataclass(slots=True)
class Fate:
    """What has become of the articles of one file so far."""

    documents: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, RejectedMember] = field(default_factory=dict)
    listed: list[RejectedMember] = field(default_factory=list)
    beyond: dict[str, RejectedMember] = field(default_factory=dict)
    unlisted: Counter[str] = field(default_factory=Counter)
    last: dict[str, str] = field(default_factory=dict)

    def reject(self, item: RejectedMember) -> None:
        """Note the next rejected article; ``member`` is empty if it is the file."""
        reason = item["reason"]
        self.counts[reason] += 1
        self.first.setdefault(reason, item)
        if len(self.listed) < LISTED_MEMBERS:
            if item["member"]:
                self.listed.append(item)
        elif reason not in self.beyond:
            self.beyond[reason] = item
        else:
            self.unlisted[reason] += 1
            self.last[reason] = item["member"]

    def judge(self) -> Verdict:
        """Say what became of the file.

        Returns:
            Status, and of the most frequent reason (of equals the first) the stage, the
            reason, and a detail for a person.
        """
        status = Status.ACCEPTED.value if self.documents else Status.REJECTED.value
        if not self.counts:
            return Verdict(status, None, None, None)
        reasons = self.counts.most_common()
        first = self.first[reasons[0][0]]
        detail = first["detail"]
        if first["member"]:
            counts = ", ".join(f"{reason} {count}" for reason, count in reasons)
            rejected = self.counts.total()
            total = self.documents + rejected
            detail = f"{rejected} of {total} articles rejected: {counts}"
        return Verdict(status, str(first["stage"]), str(first["reason"]), detail)

    def members(self) -> list[RejectedMember]:
        """Return the column ``rejected_members``."""
        beyond = [self._sum_up(item) for item in self.beyond.values()]
        return [*self.listed, *beyond]

    def _sum_up(self, item: RejectedMember) -> RejectedMember:
        more = self.unlisted[item["reason"]]
        if not more:
            return item
        detail = (
            f"{item['detail']}; {more:,} more for this reason, not listed, the last of"
            f" them member {self.last[item['reason']]}"
        )
        return {**item, "detail": detail}


def merge_fates(fates: Iterable[Fate]) -> Fate:
    """Put together what became of shares of one file, as if one had read all of it."""
    parts = list(fates)
    merged = Fate(documents=sum(part.documents for part in parts))
    merged.first = _earliest(chain.from_iterable(p.first.values() for p in parts))
    merged.counts = Counter(
        {reason: sum(part.counts[reason] for part in parts) for reason in merged.first}
    )
    rejected = chain.from_iterable([*p.listed, *p.beyond.values()] for p in parts)
    items = sorted(rejected, key=_member_order)
    merged.listed, others = items[:LISTED_MEMBERS], items[LISTED_MEMBERS:]
    merged.beyond = _earliest(others)
    listed = Counter(item["reason"] for item in merged.listed)
    for reason in merged.beyond:
        unlisted = merged.counts[reason] - listed[reason] - 1
        if unlisted:
            merged.unlisted[reason] = unlisted
            last = [item["member"] for item in others if item["reason"] == reason]
            last += (part.last[reason] for part in parts if reason in part.last)
            merged.last[reason] = max(last, key=_name_order)
    return merged


def _earliest(items: Iterable[RejectedMember]) -> dict[str, RejectedMember]:
    """Return the first of each reason."""
    found: dict[str, RejectedMember] = {}
    for item in sorted(items, key=_member_order):
        found.setdefault(item["reason"], item)
    return found


def settle_shared(source: pd.DataFrame, fate: Fate) -> pd.DataFrame:
    """Give a file its final status of which several have read a share each.

    Args:
        source: Its row; ``document_count`` counts the articles that all have read.
        fate: What became of these.

    Returns:
        The row as ``Fates.settle`` would return it, had one read the file.
    """
    settled = source.copy()
    if not int(source["document_count"].iloc[0]):
        first = fate.listed[0] if fate.listed else _NO_ARTICLE
        why = first["stage"], first["reason"], first["detail"]
        settled[[*Verdict._fields]] = [[Status.REJECTED.value, *why]]
    fates = Fates()
    fates.take(str(source["source_path"].iloc[0]), fate)
    return fates.settle(settled)


class Fates:
    """What has become of the articles of a batch, as its pieces are done."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._fates: defaultdict[str, Fate] = defaultdict(Fate)
        self._followed: set[str] = set()

    def add(
        self,
        documents: Iterable[str],
        rejects: pd.DataFrame | None = None,
        refused: Iterable[tuple[str, RejectedMember]] = (),
    ) -> None:
        """Note what became of the next articles.

        Args:
            documents: Path of the file of each document.
            rejects: One row per article that a step rejected: ``source_path``,
                ``member``, ``stage``, ``reason``, ``detail``.
            refused: What reading has rejected, with the path of its file.
        """
        counts = Counter(documents)
        for path, count in counts.items():
            self._fates[path].documents += count
        found = _group_rejects(rejects)
        self._followed |= counts.keys() | found.keys()
        for path, member in refused:
            found[path].append(member)
        for path, members in found.items():
            fate = self._fates[path]
            for member in sorted(members, key=_member_order):
                fate.reject(member)

    def forget(self, path: str) -> None:
        """Forget what became of the articles of a file."""
        self._fates.pop(path, None)
        self._followed.discard(path)

    def take(self, path: str, fate: Fate) -> None:
        """Note what became of all articles of a file."""
        self._fates[path] = fate

    def fate_of(self, path: str) -> Fate:
        """Return what became of the articles of a file so far."""
        return self._fates.get(path, Fate())

    @property
    def unlisted(self) -> Counter[str]:
        """How many rejected articles are not listed, by reason."""
        return sum((fate.unlisted for fate in self._fates.values()), Counter())

    def settle(self, sources: pd.DataFrame) -> pd.DataFrame:
        """Give every file of the batch its final status.

        Args:
            sources: One row per file, columns of ``schema.SOURCES``, as read. Files
                that are rejected or ignored by then stay so.

        Returns:
            ``sources`` with ``status``, ``stage``, ``reason``, ``detail``,
            ``document_count`` and ``rejected_members`` settled; same rows, same order.

        Raises:
            ContractError: The rows do not add up: a file without article and without
                reason, or an article of an unknown file. A bug in a step.
        """
        readable = sources["status"] == Status.ACCEPTED
        if strays := self._followed - set(sources["source_path"][readable]):
            raise ContractError(
                f"table {SOURCES.name!r}",
                f"articles of {sorted(map(str, strays))[:3]}, which no step accepted",
                FIX_STEP,
            )
        settled = sources.copy()
        rows = []
        for path, *known in zip(
            sources["source_path"],
            *(sources[column] for column in Verdict._fields),
            strict=True,
        ):
            fate = self.fate_of(path)
            verdict = Verdict(*map(_known, known))
            if verdict.status == Status.ACCEPTED:
                if not fate.documents and not fate.counts:
                    raise ContractError(
                        f"table {SOURCES.name!r}",
                        f"{path!r} was accepted but has no document and no reason",
                        FIX_STEP,
                    )
                verdict = fate.judge() if fate.counts else verdict
            rows.append((*verdict, fate.documents, fate.members()))
        columns = [*Verdict._fields, "document_count", "rejected_members"]
        for column, values in zip(columns, zip(*rows, strict=True), strict=False):
            settled[column] = pd.Series(list(values), index=sources.index, dtype=object)
        settled["document_count"] = settled["document_count"].astype("int32")
        return settled


def _group_rejects(
    rejects: pd.DataFrame | None,
) -> defaultdict[str, list[RejectedMember]]:
    grouped: defaultdict[str, list[RejectedMember]] = defaultdict(list)
    for row in [] if rejects is None else rejects.to_dict("records"):
        grouped[row["source_path"]].append(
            {
                "member": _known(row["member"]) or "",
                "stage": str(row["stage"]),
                "reason": str(row["reason"]),
                "detail": _known(row["detail"]) or "",
            }
        )
    return grouped


def _known(value: Any) -> Any:  # noqa: ANN401  (a cell of a frame)
    return None if pd.isna(value) else value


def _member_order(item: RejectedMember) -> tuple[int, str]:
    return _name_order(item["member"])


def _name_order(member: str) -> tuple[int, str]:
    return (int(member) if member.isdecimal() else 0, member)
