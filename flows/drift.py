"""Drift: whether what a run found looks like what the runs before it found.

A site that changes its pages rarely breaks a law. It shows in shares: more rejects,
fewer titles, shorter articles, another mix of languages. Every measure is expressed as
a drift from 0 (as before) to 1, so that one limit serves them all.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, Protocol

BASELINE_RUNS = 10
"""Runs before it that a run is compared with."""

LEAST_ARTICLES = 30
"""From fewer articles nothing follows."""

_ERRORS = 3.0  # chance alone drifts so many standard errors in one of 300 comparisons


class Tables(Protocol):
    """Answers SQL about ``documents`` and ``runs``: a DuckDB connection."""

    def execute(self, sql: str, parameters: Sequence[object] = ..., /) -> "Answer":
        """Ask."""


class Answer(Protocol):
    """Rows of an answer."""

    def fetchall(self) -> list[tuple[object, ...]]:
        """Return all of them."""


class Figures(NamedTuple):
    """What is compared.

    Attributes:
        files: Files accepted or rejected.
        rejected: Of these, rejected.
        documents: Articles.
        untitled: Articles without a title.
        undated: Articles without a date of publication.
        paragraphs: Articles by their number of paragraphs.
        languages: Articles by language.
    """

    files: int
    rejected: int
    documents: int
    untitled: int
    undated: int
    paragraphs: Counter[int]
    languages: Counter[str]


class Drift(NamedTuple):
    """How one measure has changed.

    Attributes:
        measure: What was measured.
        before: Its value in the runs before, for a person.
        now: Its value in this run.
        drift: 0 (as before) to 1.
        noise: Drift that chance alone may bring, with so few articles.
    """

    measure: str
    before: str
    now: str
    drift: float
    noise: float

    def __str__(self) -> str:
        """Return it in a sentence, for a person."""
        return f"{self.measure}: {self.now}, before {self.before}"

    def exceeds(self, limit: float) -> bool:
        """Whether it has changed by more than ``limit``, and not by chance."""
        return self.drift > limit and self.drift > self.noise


class Breach(NamedTuple):
    """A law that new rows break.

    Attributes:
        sentence: The law.
        rows: Rows that break it.
        example: One of them, and what is wrong with it.
    """

    sentence: str
    rows: int
    example: str


def add_breaches(
    first: tuple[Breach, ...], second: tuple[Breach, ...]
) -> tuple[Breach, ...]:
    """Add the rows that break the same law; the first example stays."""
    found = {breach.sentence: breach for breach in first}
    for breach in second:
        known = found.get(breach.sentence, breach._replace(rows=0))
        found[breach.sentence] = known._replace(rows=known.rows + breach.rows)
    return tuple(found.values())


class Quality(NamedTuple):
    """What is to be said of a run's rows before they are published.

    Attributes:
        laws: Laws that were looked at.
        breaches: Those that some row breaks.
        drifts: Comparison with the runs before; empty if there is too little of it.
        limit: Drift from which it is worth a warning.
    """

    laws: int = 0
    breaches: tuple[Breach, ...] = ()
    drifts: tuple[Drift, ...] = ()
    limit: float = 1.0

    @property
    def warnings(self) -> list[str]:
        """What a person should look at, a sentence each."""
        broken = [
            f"law broken by {breach.rows} rows: {breach.sentence} ({breach.example})"
            for breach in self.breaches
        ]
        return broken + [
            str(drift) for drift in self.drifts if drift.exceeds(self.limit)
        ]


NOT_LOOKED_AT = Quality()
"""Quality of a run that reads nothing."""


def measure(tables: Tables, run_ids: Sequence[str]) -> Figures:
    """Count what some runs found, as far as it still is in the tables.

    Args:
        tables: Where to ask.
        run_ids: The runs.
    """
    runs = [list(run_ids)]
    ((files, rejected),) = _ask(
        tables,
        "SELECT coalesce(sum(files_accepted + files_rejected), 0),"
        " coalesce(sum(files_rejected), 0)"
        " FROM runs WHERE run_id IN (SELECT unnest(?))",
        runs,
    )
    paragraphs: Counter[int] = Counter()
    languages: Counter[str] = Counter()
    untitled = undated = 0
    for language, length, count, titled, dated in _ask(
        tables,
        "SELECT language, paragraph_count, count(*), count(title), count(published_on)"
        " FROM documents WHERE run_id IN (SELECT unnest(?)) GROUP BY ALL",
        runs,
    ):
        paragraphs[_int(length)] += _int(count)
        languages[str(language)] += _int(count)
        untitled += _int(count) - _int(titled)
        undated += _int(count) - _int(dated)
    return Figures(
        files=_int(files),
        rejected=_int(rejected),
        documents=paragraphs.total(),
        untitled=untitled,
        undated=undated,
        paragraphs=paragraphs,
        languages=languages,
    )


def last_runs(tables: Tables, count: int = BASELINE_RUNS) -> list[str]:
    """Return the ids of the last runs that read anything, newest first."""
    rows = _ask(
        tables,
        "SELECT run_id FROM runs WHERE files_processed > 0"
        " ORDER BY started_at DESC LIMIT ?",
        [count],
    )
    return [str(run_id) for (run_id,) in rows]


def compare_last_run(tables: Tables) -> tuple[Drift, ...]:
    """Compare the last run with those before it, as far as their rows still stand.

    Args:
        tables: Views of a warehouse, as ``open_tables`` gives them.
    """
    runs = last_runs(tables, BASELINE_RUNS + 1)
    return compare(measure(tables, runs[:1]), measure(tables, runs[1:]))


def compare(now: Figures, before: Figures) -> tuple[Drift, ...]:
    """Compare a run with those before it.

    Returns:
        One row per measure; none where there is too little to compare.

    Examples:
        >>> before = Figures(100, 2, 98, 1, 9, Counter({7: 98}), Counter(de=49, fr=49))
        >>> now = Figures(100, 60, 40, 0, 4, Counter({7: 40}), Counter(de=19, fr=21))
        >>> for drift in compare(now, before):
        ...     print(drift.measure, drift.before, drift.now, drift.exceeds(0.25))
        files rejected 2.0% 60.0% True
        articles without title 1.0% 0.0% False
        articles without date 9.2% 10.0% False
        median paragraphs per article 7 7 False
        mix of languages de 50%, fr 50% fr 52%, de 48% False
    """
    drifts = []
    if min(now.files, before.files) >= LEAST_ARTICLES:
        drifts.append(
            _compare_shares(
                "files rejected",
                (now.rejected, now.files),
                (before.rejected, before.files),
            )
        )
    if min(now.documents, before.documents) >= LEAST_ARTICLES:
        articles, earlier = now.documents, before.documents
        drifts += [
            _compare_shares(
                "articles without title",
                (now.untitled, articles),
                (before.untitled, earlier),
            ),
            _compare_shares(
                "articles without date",
                (now.undated, articles),
                (before.undated, earlier),
            ),
            _compare_medians(now.paragraphs, before.paragraphs),
            _compare_mixes(now.languages, before.languages),
        ]
    return tuple(drifts)


def _compare_shares(
    measure: str, now: tuple[int, int], before: tuple[int, int]
) -> Drift:
    share, earlier = now[0] / now[1], before[0] / before[1]
    pooled = (now[0] + before[0]) / (now[1] + before[1])
    error = math.sqrt(pooled * (1 - pooled) * (1 / now[1] + 1 / before[1]))
    return Drift(
        measure,
        f"{earlier:.1%}",
        f"{share:.1%}",
        abs(share - earlier),
        _ERRORS * error,
    )


def _compare_medians(now: Counter[int], before: Counter[int]) -> Drift:
    """Compare medians: half as many, or twice as many, is a drift of 0.5.

    One paragraph more or less is noise.
    """
    median, earlier = median_of(now), median_of(before)
    most = max(median, earlier, 1)
    return Drift(
        "median paragraphs per article",
        f"{earlier}",
        f"{median}",
        abs(median - earlier) / most,
        1 / most,
    )


def _compare_mixes(now: Counter[str], before: Counter[str]) -> Drift:
    """Compare mixes by the share that would have to change its language."""
    articles, earlier = now.total(), before.total()
    drift = noise = 0.0
    for language in now.keys() | before.keys():
        one, other = now[language], before[language]
        drift += abs(one / articles - other / earlier) / 2
        pooled = (one + other) / (articles + earlier)
        noise += math.sqrt(pooled * (1 - pooled) * (1 / articles + 1 / earlier)) / 2
    return Drift("mix of languages", _mix(before), _mix(now), drift, _ERRORS * noise)


def median_of(counts: Counter[int]) -> int:
    """Return the lower median of values given with their numbers.

    Examples:
        >>> median_of(Counter({3: 2, 9: 1}))
        3
    """
    rest = (counts.total() + 1) // 2
    for value in sorted(counts):
        rest -= counts[value]
        if rest <= 0:
            return value
    return 0


def _mix(languages: Counter[str]) -> str:
    total = languages.total()
    top = [f"{code} {count / total:.0%}" for code, count in languages.most_common(3)]
    more = len(languages) - len(top)
    return ", ".join(top) + (f", {more} more" if more else "")


def _ask(
    tables: Tables, sql: str, parameters: Sequence[object]
) -> list[tuple[object, ...]]:
    return tables.execute(sql, parameters).fetchall()


def _int(value: object) -> int:
    return int(str(value))
