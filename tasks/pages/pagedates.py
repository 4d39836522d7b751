"""The day of an article: what its page says of it, weighed; a guess where it is silent.

Scores as in ``pagemeta``.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from operator import attrgetter

import lxml.html
from htmldate import find_date

from tasks.pages.pageframe import drop_comments, is_aside
from tasks.pages.pagevalues import iso_date
from tasks.pieces import Claim
from tasks.schema import Field
from tasks.text.credits import read_credits
from tasks.text.dates import find_dates

_FIRST_DAY, _LAST_DAY = "1995-01-01", "2099-12-31"
_URL_DAY = re.compile(r"/((?:19|20)\d\d)[/-]?([01]\d)[/-]?([0-3]\d)(?!\d)")
_SHOWN_DAYS = frozenset({"html.credit_line", "html.credit_label", "html.time"})
_URL_SCORE = 0.92
_ONLY_UPDATE_SCORE = 0.6
_GUESS_SCORE = 0.5  # nothing else was found
_SHOWN_SCORE = 0.85
_YEAR = re.compile(r"(?:19|20)\d\d")
_DAY = len("2025-01-29")
_UNSEEN = frozenset({"script", "style", "noscript", "title", "option"})
_MORE = 0.01
_ANY_EVENT = "html.meta.date"
_DOUBT_SCORE = 0.25  # is kept as evidence, but not believed
_MAX_LINE_CHARS = 200
_VALUES = ("content", "datetime")


def weigh_days(claims: list[Claim]) -> list[Claim]:
    """Weigh the days of a page against each other.

    Returns:
        The claims with the day that the address names, more trust in a day that the
        page shows than in one that a change has overwritten or replaced, the day of an
        update that is shown where there is no other, and little trust in a day that
        does not say what of.
    """
    weighed = _prefer_shown_day(_prefer_local_day(claims))
    return _doubt_any_event(_date_by_update(weighed))


def guess_date(tree: lxml.html.HtmlElement, claims: list[Claim]) -> list[Claim]:
    """Date that htmldate finds in the address or the markup, or else one that is shown.

    Its last day is fixed, so that a later run says the same. The day of a known update
    is not taken for that of publication, nor one that only a comment or running text
    (``Data of 9 March 2016``) mentions. Its search of all text is left out: it takes
    most of the time, and lines that hold nothing but a day tell more.

    Args:
        tree: The parsed page; may be changed.
        claims: What is known; a date of publication is not.
    """
    drop_comments(tree)
    found = find_date(
        tree,
        original_date=True,
        extensive_search=False,
        min_date=_FIRST_DAY,
        max_date=_LAST_DAY,
    )
    updates = {claim.value for claim in claims if claim.field is Field.MODIFIED_ON}
    # The first of January is a year, often of a footer.
    is_day = found and not found.endswith("-01-01") and found not in updates
    if found and is_day and _stands_alone(tree, found):
        return [Claim(Field.PUBLISHED_ON, found, "html.htmldate", _GUESS_SCORE)]
    days = [day for day in _find_shown_days(tree) if day not in updates]
    # Many days, each said once, are those of other articles.
    if len(set(days)) == 1 or days.count(next(iter(days), "")) > 1:
        return [Claim(Field.PUBLISHED_ON, days[0], "html.shown_day", _SHOWN_SCORE)]
    return []


def _find_shown_days(tree: lxml.html.HtmlElement) -> Iterator[str]:
    """Days that stand in lines of their own, outside the frame of the page."""
    for element in tree.iter():
        is_shown = element.tag not in _UNSEEN
        for text in (element.text if is_shown else None, element.tail):
            if not text or len(text) > _MAX_LINE_CHARS or not _YEAR.search(text):
                continue
            days = [found for found in find_dates(text) if len(found.value) == _DAY]
            if len(days) != 1 or days[0].is_ambiguous:
                continue
            is_whole = text.strip() == text[days[0].start : days[0].end]
            if (is_whole or read_credits(text)) and not is_aside(element):
                yield days[0].value


def _stands_alone(tree: lxml.html.HtmlElement, day: str) -> bool:
    """Whether a line or a value holds a day and nothing but what goes with it.

    A day that no text spells out is from the address or from a script.
    """
    is_told = False
    for element in tree.iter():
        if any(element.get(name, "").startswith(day) for name in _VALUES):
            return True
        for text in _texts(element, day):
            for found in find_dates(text):
                if found.value != day:
                    continue
                is_whole = text.strip() == text[found.start : found.end]
                is_line = len(text) < _MAX_LINE_CHARS and read_credits(text)
                if is_whole or is_line:
                    return True
                is_told = True
    return not is_told


def _texts(element: lxml.html.HtmlElement, day: str) -> Iterator[str]:
    """Visible texts in and right after an element that may hold a day."""
    year = day[2:4]  # two digits may be all there is
    is_shown = element.tag not in {"script", "style"}
    for text in (element.text if is_shown else None, element.tail):
        if text and year in text:
            yield text


def _prefer_local_day(claims: list[Claim]) -> list[Claim]:
    """Add the day that the page's address names.

    It wins over a time stamp that is one day off: in UTC that says another day than the
    clock of the newsroom did.
    """
    addresses = [claim.value for claim in claims if claim.field is Field.URL]
    match = next(filter(None, map(_URL_DAY.search, addresses)), None)
    day = iso_date("-".join(match.groups())) if match else None
    if day is None:
        return claims
    stamps = [claim for claim in claims if claim.field is Field.PUBLISHED_ON]
    best = max(stamps, key=attrgetter("score"), default=None)
    score = _URL_SCORE
    if best and best.score > score and _days_between(day, best.value) == 1:
        score = best.score
    return [Claim(Field.PUBLISHED_ON, day, "html.url_day", score), *claims]


def _prefer_shown_day(claims: list[Claim]) -> list[Claim]:
    """Trust a day that readers see more than a stamp that they do not see.

    Some systems write the day of the last change into the day of publication too; the
    line below the title still says when it was. And some articles come out again, with
    a new day below the title and no word of an update: then the stamp is that of the
    first edition.
    """
    stamps = [claim for claim in claims if claim.field is Field.PUBLISHED_ON]
    best = max(stamps, key=attrgetter("score"), default=None)
    updates = {claim.value for claim in claims if claim.field is Field.MODIFIED_ON}
    if best is None or best.rule_id in _SHOWN_DAYS:
        return claims

    def is_better(claim: Claim) -> bool:
        if claim.rule_id not in _SHOWN_DAYS or len(claim.value) != len(best.value):
            return False
        if claim.value < best.value:
            return best.value in updates
        is_republished = claim.value > best.value and claim.value in updates
        return is_republished and claim.rule_id == "html.credit_line"

    shown = [claim for claim in stamps if is_better(claim)]
    score = min(best.score + _MORE, 1.0)
    return [
        replace(claim, score=max(claim.score, score)) if claim in shown else claim
        for claim in claims
    ]


def _doubt_any_event(claims: list[Claim]) -> list[Claim]:
    """Doubt a bare ``date`` that nothing else on the page confirms.

    It is of any event in the life of a page (Dublin Core), often of the last change.
    """
    days = [claim.value for claim in claims if claim.field is Field.PUBLISHED_ON]
    return [
        replace(claim, score=_DOUBT_SCORE)
        if claim.rule_id == _ANY_EVENT and days.count(claim.value) == 1
        else claim
        for claim in claims
    ]


def _date_by_update(claims: list[Claim]) -> list[Claim]:
    """Date an article by the update it shows, if it shows and names no other day."""
    if any(claim.field is Field.PUBLISHED_ON for claim in claims):
        return claims
    shown = [
        claim
        for claim in claims
        if claim.field is Field.MODIFIED_ON and claim.rule_id in _SHOWN_DAYS
    ]
    return claims + [
        replace(
            claim,
            field=Field.PUBLISHED_ON,
            rule_id="html.only_update",
            score=_ONLY_UPDATE_SCORE,
        )
        for claim in shown[:1]
    ]


def _days_between(day: str, other: str) -> int | None:
    if len(day) != len(other):
        return None
    return abs((date.fromisoformat(day) - date.fromisoformat(other)).days)
