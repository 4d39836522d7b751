"""Versions of the steps' logic: which change of the rules concerns which files.

A change that alters what a step makes of some articles is entered in ``CHANGES``, in
the same commit. Every row of ``documents`` and ``sources`` keeps the versions that made
it, so the next run reads again just the files that a change concerns. A change of code
that leaves the outcome as it is needs no entry (``tests/golden/test_logic.py`` tells
when one is due).
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from tasks.schema import VERSIONED_STEPS, Format, Step

EVERY = frozenset(Format)
PLAIN = frozenset({Format.TEXT, Format.MARKDOWN, Format.JSON, Format.JSONL})
"""Formats that may hold plain text; a field of a JSON object may."""
PAGES = frozenset({Format.HTML, Format.JSON, Format.JSONL})
"""Formats that may hold HTML; a field of a JSON object may."""


class Change(NamedTuple):
    """One change of the rules.

    Attributes:
        step: Step that decides otherwise since.
        version: Its version since then; rises by one with each change of this step.
        formats: Formats whose files may come out otherwise.
        what: What has changed, in a few words.
    """

    step: Step
    version: int
    formats: frozenset[Format]
    what: str


CHANGES = (
    Change(Step.READ, 1, EVERY, "first version"),
    Change(Step.CLEAN, 1, EVERY, "first version"),
    Change(Step.DETECT, 1, EVERY, "first version"),
    Change(Step.SPLIT, 1, EVERY, "first version"),
    Change(Step.DESCRIBE, 1, EVERY, "first version"),
    Change(Step.DETECT, 2, EVERY, "81 languages, quotations, scripts and tags"),
    Change(Step.DESCRIBE, 2, EVERY, "authors and dates beside the text of a page"),
    Change(Step.CLEAN, 2, EVERY, "pages: credit lines, standfirsts; more job titles"),
    Change(Step.SPLIT, 2, EVERY, "passages in another language are kept"),
    Change(Step.CLEAN, 3, EVERY, "a network tells the page around plain text"),
    Change(Step.DESCRIBE, 3, EVERY, "a MinHash of the text, to find duplicates"),
    Change(Step.DETECT, 3, EVERY, "word parts from larger texts; a first glance"),
    Change(Step.READ, 2, EVERY, "other readings of a guessed encoding are kept"),
    Change(Step.CLEAN, 4, frozenset({Format.TEXT}), "lines that recur in the folder"),
    Change(Step.CLEAN, 5, PAGES, "a network tells article from page in HTML"),
    Change(Step.CLEAN, 6, EVERY, "lines of plain text are judged by words and place"),
    Change(Step.SPLIT, 3, EVERY, "captions with the credit of an agency or a person"),
    Change(Step.DETECT, 4, EVERY, "near relatives; no language and an unknown one"),
    Change(
        Step.CLEAN,
        7,
        EVERY,
        "dates by their labels, bylines of nobody, text in JSON-LD",
    ),
    Change(Step.DETECT, 5, EVERY, "brackets do not keep from a first glance"),
    Change(Step.READ, 3, frozenset({Format.JSONL}), "files of any size; long lines"),
    Change(Step.DETECT, 6, EVERY, "how frequent whole words are in each language"),
    Change(Step.DETECT, 7, EVERY, "letters that a language never uses"),
    Change(Step.CLEAN, 8, PAGES, "titles: what the heading says, whole"),
    Change(Step.CLEAN, 9, PAGES, "pages: an extractor is asked only where in doubt"),
    Change(Step.CLEAN, 10, PAGES, "pages: and only about what may be the article"),
    Change(Step.CLEAN, 11, PAGES, "pages: days that are shown on lines of their own"),
    Change(Step.CLEAN, 12, PAGES, "pages: judged by title, headings and copies too"),
    Change(Step.DETECT, 8, EVERY, "word parts alone settle texts at a glance"),
    Change(Step.DETECT, 9, EVERY, "headings weigh more in what is learned"),
    Change(Step.DETECT, 10, EVERY, "rare languages that have no headings weigh more"),
    Change(Step.CLEAN, 13, PLAIN, "plain text: what words tell on other sites"),
)
"""Every change, oldest first."""


def step_versions(article_format: Format | None) -> Mapping[str, int] | None:
    """Return the version of each step's logic for files of a format.

    Args:
        article_format: As the file's name tells it; null if it tells none of ours.

    Returns:
        Version by step, as in the column ``step_versions``. Null without a format:
        nothing but the name was looked at.
    """
    return None if article_format is None else last_versions(article_format, CHANGES)


@cache
def last_versions(
    article_format: Format, changes: tuple[Change, ...]
) -> Mapping[str, int]:
    """Return the version of the last change that concerns a format, by step.

    Examples:
        >>> captions = Change(Step.CLEAN, 2, PAGES, "captions end with a credit")
        >>> last_versions(Format.HTML, (*CHANGES[:5], captions))["clean"]
        2
        >>> last_versions(Format.TEXT, (*CHANGES[:5], captions))["clean"]
        1
    """
    return {
        step.value: max(
            change.version
            for change in changes
            if change.step is step and article_format in change.formats
        )
        for step in VERSIONED_STEPS
    }
