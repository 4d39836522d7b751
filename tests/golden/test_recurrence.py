"""What becomes of lines that recur in a folder, case by case."""

import pytest

from tasks.clean import Article, clean_texts
from tasks.schema import Markup
from tasks.text.recurrence import RECURRING_FILES, survey_text

NAVIGATION = ["Our region", "Puzzle corner", "Depots", "The pier today"]
FOOTER = ["Our newsroom", "Terms of the ferry line", "Depots and harbours"]


def prose(day, *places):
    """Write paragraphs that no other article has."""
    return [
        f"On day {day} of the flood the two sisters waited on the pier of harbour"
        f" {day * place} until the lamps were lit and the last ferry had come in."
        for place in places
    ]


def page(day, above=(), below=(), middle=()):
    """Write an article with the lines of a page around it."""
    return "\n\n".join(
        [
            *(["\n".join(above)] if above else []),
            f"Night {day} at the Harbour",
            *prose(day, 1, 2, 3),
            *middle,
            *prose(day, 4, 5),
            *(["\n".join(below)] if below else []),
        ]
    )


def keep(texts):
    """Clean a folder of texts; return what the first keeps, and rules of the rest."""
    surveys = [survey_text(text) for text in texts]
    contents: dict[int, set[int]] = {}
    for survey in surveys:
        for pair in survey.pairs:
            contents.setdefault(pair, set()).add(survey.content)
    articles = [
        Article(
            text,
            Markup.TEXT,
            [],
            frozenset(p for p in s.pairs if len(contents[p]) >= RECURRING_FILES),
        )
        for text, s in zip(texts, surveys, strict=True)
    ]
    blocks, _ = clean_texts(articles)[0]
    kept = [block.text for block in blocks if block.reason is None]
    return kept, {b.text: b.rule_id for b in blocks if b.rule_id}


def test_lines_around_three_articles_go():
    """Navigation above and a footer below, though no phrase tells them."""
    kept, rules = keep([page(day, NAVIGATION, FOOTER) for day in (1, 2, 3)])

    assert kept == prose(1, 1, 2, 3, 4, 5)
    assert {rules[line] for line in FOOTER} == {"recurring.navigation"}


def test_lines_around_two_articles_tell_nothing():
    """What two files share may be chance: they fare as if they were alone."""
    pages = [page(day, NAVIGATION, FOOTER) for day in (1, 2)]

    assert keep(pages) == keep(pages[:1])


def test_copies_tell_nothing():
    """Three copies of an article, or later versions of it, lose none of its lines."""
    pages = [page(1, NAVIGATION, FOOTER) + more for more in ("", "\n", "\n\nUpdated.")]

    kept, rules = keep(pages)

    assert kept == keep(pages[:1])[0]
    assert not [rule for rule in rules.values() if rule.startswith("recurring")]


def test_headings_stay():
    """The same headings in every article, one or two between its paragraphs."""
    headings = ["Background\n\nThe water", *prose(7, 1), "What comes next"]
    pages = [page(day, below=FOOTER, middle=headings) for day in (1, 2, 3)]

    kept, _ = keep(pages)

    assert {"Background", "The water", "What comes next"} <= set(kept)
    assert not {*FOOTER} & {*kept}


@pytest.mark.parametrize(
    "make",
    [
        lambda n: (
            f"{['Apple', 'Pear', 'Plum'][n % 3]} cake\n\nServes four\nIngredients\n\n"
            f"{200 + n} g flour\n{n + 2} eggs\n100 g sugar\n1 pinch of salt\n"
            f"1 sachet of vanilla sugar\n{n} kg fruit\nPreparation\n\n"
            f"Heat the oven to {180 + n} degrees, line a tray and cut the fruit.\n\n"
            f"Mix flour, eggs and sugar and bake the cake for {30 + n} minutes."
        ),
        lambda n: (
            f"Market Report {n}\n\n{prose(n, 1)[0]}\n\nShare\nOpen\nHigh\nLow\nClose\n"
            f"Alpha\n{n}1.20\n{n}2.20\n{n}0.90\n{n}1.80\nBeta\n{n}5.20\n{n}6.20\n"
            f"{n}4.90\n{n}5.80\n\n{prose(n, 2)[0]}"
        ),
        lambda n: (
            f"Weather on Day {n}\n\n{prose(n, 1)[0]}\n\nForecast\n\nToday\n\n"
            f"{prose(n, 2)[0]}\n\nTomorrow\n\n{prose(n, 3)[0]}"
        ),
    ],
    ids=["recipes", "stock reports", "weather reports"],
)
def test_articles_made_to_a_pattern_lose_nothing(make):
    """The headings of a list or a table, and some of its rows, recur every day."""
    texts = [make(number) for number in (1, 2, 3, 4)]

    assert keep(texts)[0] == keep(texts[:1])[0]


def test_byline_that_recurs_is_still_lifted():
    """Three articles of one author: a line is evidence before it is furniture."""
    pages = [
        page(day).replace("Harbour\n", "Harbour\nBy Ida Sample\nShip Editor\n", 1)
        for day in (1, 2, 3)
    ]

    _, rules = keep(pages)

    assert rules["By Ida Sample"] == keep(pages[:1])[1]["By Ida Sample"]


def test_line_above_all_articles_is_no_title():
    """The site's name stands first in every file; a title is an article's own."""
    pages = [page(day, ["Harbour and Hinterland Herald"]) for day in (1, 2, 3)]

    _, rules = keep(pages)

    assert rules["Night 1 at the Harbour"] == "head.title"
    assert rules["Harbour and Hinterland Herald"] != "head.title"
