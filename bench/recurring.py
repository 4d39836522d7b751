"""Measure what lines that recur in a folder tell about plain text.

    python bench/recurring.py [--shared ../shared] [--weights lines.json]

Lays the gold news pages out in one folder per site, and prints how much likelier a
leftover is to recur than a line of the article (from this comes ``RECURRING_NATS``),
and the lines kept with and without this evidence. The gold has but two or three pages
of a site, so here a pair recurs from two files on; the network knows these sites,
unless other weights are given.
"""

import argparse
import math
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tasks.clean import Article, clean_texts
from tasks.schema import Markup
from tasks.text import network
from tasks.text.recurrence import find_recurring, survey_text

FORMS = ("full", "lca")
LEAST_FILES = 2


def read_articles(cases: list[Any]) -> list[Article]:
    """Return the articles of one site with the pairs that recur in it."""
    surveys = [survey_text(case.raw.decode()) for case in cases]
    contents = defaultdict(set)
    for survey in surveys:
        for pair in survey.pairs:
            contents[pair].add(survey.content)
    return [
        Article(
            case.raw.decode(),
            Markup.TEXT,
            [],
            frozenset(p for p in survey.pairs if len(contents[p]) >= LEAST_FILES),
        )
        for case, survey in zip(cases, surveys, strict=True)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--weights", type=Path, help="of fit_lines.py, on other sites")
    arguments = parser.parse_args()
    if arguments.weights:
        network._FILE = arguments.weights  # noqa: SLF001  # a bench
    sys.path.insert(0, str(arguments.shared / "score"))
    import gold  # noqa: PLC0415  # lies beside the data
    import metrics  # noqa: PLC0415

    for form in FORMS:
        sites = defaultdict(list)
        for case in gold.cases("fundus-txt"):
            if case.id.endswith(f"#{form}"):
                sites[urlsplit(case.url).hostname].append(case)
        chosen = [own for own in sites.values() if len(own) > 1]
        cases = [case for own in chosen for case in own]
        articles = [article for own in chosen for article in read_articles(own)]
        counts = {True: [0, 0], False: [0, 0]}
        for case, article in zip(cases, articles, strict=True):
            lines = find_recurring(article.raw, article.recurring)
            wanted = metrics._want(  # noqa: SLF001  # which lines the gold has
                "\n".join(line.text for line, _ in lines),
                tuple(case.gold["paragraphs"]),
            )
            for (_, recurs), is_article in zip(lines, wanted, strict=True):
                if is_article is not None:
                    counts[bool(is_article)][recurs] += 1
        shares = {kept: (own[1] + 0.5) / (sum(own) + 1) for kept, own in counts.items()}
        print(
            f"{form}: {len(cases)} pages of {len(chosen)} sites; recurring of leftovers"
            f" {counts[False][1]} of {sum(counts[False])}, of lines of the article"
            f" {counts[True][1]} of {sum(counts[True])}:"
            f" {math.log(shares[False] / shares[True]):.1f} nats"
        )
        alone = [article._replace(recurring=frozenset()) for article in articles]
        for name, given in (("each alone", alone), ("by folder", articles)):
            found = [
                metrics.kept_lines(
                    case.raw.decode(),
                    case.gold,
                    [block.text for block in blocks if block.reason is None],
                )[0]
                for case, (blocks, _) in zip(cases, clean_texts(given), strict=True)
            ]
            scores = [metrics.prf(*counted) for counted in found]
            precision, recall = (
                metrics.mean(score[at] for score in scores) for at in (0, 1)
            )
            print(
                f"  {name:10}  precision {precision:.4f}  recall {recall:.4f}"
                f"  F1 {metrics.f1(precision, recall):.4f}"
                f"  leftovers kept {metrics.mean(c[1] for c in found):.2f} a page"
            )


if __name__ == "__main__":
    main()
