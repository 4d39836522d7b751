"""Laws of the measures by landmarks: title, headings, what a page says twice."""

import numpy as np
import pytest

from tasks.pages.pagelandmarks import (
    UNDER_BACK,
    measure_copies,
    measure_headings,
    measure_title,
)
from tasks.pages.pagemeasures import cut_parts
from tasks.pages.pagesource import Source

LONG = "The ferry was late by an hour, and nobody on the quay had been told why it was."


def read(html):
    """Page, its paragraphs, and what the measures are told of them."""
    source = Source(html)
    parts = cut_parts(source)
    here = np.array([segment.element.number for *_, segment in parts])
    parents = np.array([e.parent.number if e.parent else 0 for e in source.elements])
    headings = [
        any(e.name in {"h1", "h2", "h3"} for e in segment.element.path())
        for *_, segment in parts
    ]
    return source, parts, here, parents, np.array(headings, np.float64)


def by_title(html):
    """Measures by the title, as lists."""
    source, parts, here, parents, _ = read(html)
    columns = measure_title(source, parts, here, parents)
    return {name: column.tolist() for name, column in columns.items()}


def by_headings(html):
    """Measures by the headings, as lists."""
    source, parts, *_, headings = read(html)
    columns = measure_headings(source, parts, headings)
    return {name: column.tolist() for name, column in columns.items()}


def test_title_is_what_the_page_calls_itself_without_its_site():
    """The heading that `<title>` holds is the landmark, not the first heading."""
    found = by_title(
        "<title>Ships at dawn | The Quay</title><body><h1>The Quay</h1>"
        "<p>Menu</p><h2>Ships at dawn</h2><p>Text of it.</p>"
    )

    assert found["is_title"] == [0, 0, 1, 0]
    assert found["below_title"] == [0, 0, 0, 1]


def test_of_several_titles_the_highest_heading_counts():
    """A crumb or a teaser may say the title too."""
    found = by_title(
        "<title>Ships at dawn</title><body><p>Ships at dawn</p><p>Menu</p>"
        "<h1>Ships at dawn</h1><p>Text of it.</p>"
    )

    assert found["below_title"] == [0, 0, 0, 1]
    assert found["below_first_title"] == [0, 1, 1, 1]


def test_way_out_to_the_title_is_short_within_its_article():
    """What stands beside the article is further out than what stands in it."""
    found = by_title(
        "<title>Ships at dawn</title><body><div><article><h1>Ships at dawn</h1>"
        "<p>Text of it.</p></article></div><aside><div><p>Other.</p></div></aside>"
    )

    assert found["out_to_title"] == [0, 1, 3]


def test_page_without_a_title_says_so():
    """Nothing is above or below what is not there."""
    found = by_title("<body><p>Text of it.</p>")

    assert found["has_title"] == [0]
    assert found["below_title"] == [0.5]


@pytest.mark.parametrize(
    "name", ["References", "7. References:", "Quellen", "参考文献", "Works cited"]
)
def test_back_matter_is_what_stands_under_its_heading(name):
    """Up to the next heading, in many languages, numbered or not."""
    found = by_headings(
        f"<body><h2>Results</h2><p>Text.</p><h2>{name}</h2><p>Doe, J.</p><p>Roe.</p>"
        "<h2>Appendix</h2><p>Text.</p>"
    )

    assert found[UNDER_BACK] == [0, 0, 1, 1, 1, 0, 0]


def test_heading_may_be_a_leftover_of_the_page():
    """A known phrase says what stands under it."""
    found = by_headings("<body><h2>Related articles</h2><p>One.</p><h2>Two</h2>")

    assert found["under_leftover"] == [1, 1, 0]
    assert found["heading_level"] == [2, 2, 2]


def test_text_that_a_page_says_twice_is_told():
    """The second copy may be one paragraph of all of them."""
    source, parts, *_ = read(
        f"<body><p>{LONG}</p><p>Short.</p><div>{LONG} And so on.</div><p>Short.</p>"
    )

    columns = measure_copies(source, parts)

    assert columns["said_after"].tolist() == [1, 0, 0, 0]
    assert columns["said_before"].tolist() == [0, 0, 1, 0]
