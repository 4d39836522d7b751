"""The fields that crawlers write are found, and nothing is taken for what it is not."""

import pytest

from tasks.files.crawled import list_articles, read_machine_date, read_object
from tasks.schema import Field, Markup

NEWS_PLEASE = {
    "authors": ["Ida Feld", "https://example.org/ida", "@ida", "ida@example.org"],
    "date_download": "2025-02-02 00:00:00",
    "date_modify": "2025-01-30 08:00:00",
    "date_publish": "2025-01-29 10:11:12",
    "description": "A teaser.",
    "language": "de",
    "maintext": "Es regnet.\nNoch immer.",
    "source_domain": "www.example.org",
    "title": "Regen &amp; Wind",
    "url": "https://example.org/regen",
}
FUNDUS = {
    "title": "Rain",
    "body": {
        "summary": ["It will rain."],
        "sections": [
            {"headline": [], "paragraphs": ["One.", "Two."]},
            {"headline": ["Later"], "paragraphs": ["Three."]},
        ],
    },
    "authors": ["Ida Feld", "Ole Berg"],
    "publishing_date": "2025-01-29T23:30:00+01:00",
    "topics": ["Weather", "Sea"],
    "lang": "en",
}
TRAFILATURA = {
    "title": "Rain",
    "author": "Ida Feld; Ole Berg",
    "hostname": "example.org",
    "date": "2025-01-29",
    "categories": "Weather;Coast",
    "tags": "sea;wind",
    "fingerprint": "abc",
    "id": None,
    "raw_text": "It rains. Raw.",
    "text": "It rains.",
    "language": "en",
    "source": "https://example.org/rain",
    "source-hostname": "example",
    "sitename": "The Example",
    "excerpt": "A teaser.",
}
NEWSPAPER = {
    "url": "https://example.org/rain",
    "title": "Rain",
    "text": "It rains.",
    "authors": ["By Ida Feld"],
    "publish_date": "2025-01-29 00:00:00",
    "meta_lang": "en",
    "keywords": ["rain"],
    "source_url": "https://example.org",
}
SCHEMA_ORG = {
    "@type": "NewsArticle",
    "headline": "Rain",
    "articleBody": "It rains.",
    "author": {"@type": "Person", "name": "Ida Feld"},
    "publisher": {"@type": "Organization", "name": "The Example"},
    "datePublished": "2025-01-29T10:00:00Z",
    "mainEntityOfPage": {"@id": "https://example.org/rain"},
    "inLanguage": "en-GB",
}
WORDPRESS = {
    "id": 7,
    "title": {"rendered": "Rain"},
    "content": {"rendered": "<p>It rains.</p>", "protected": False},
    "date_gmt": "2025-01-29T10:00:00",
    "author": 3,
    "link": "https://example.org/rain",
}


def claims_of(article):
    """Best value by field."""
    best = {}
    for claim in read_object(article).claims:
        best.setdefault(claim.field, claim)
    return {field.value: claim.value for field, claim in best.items()}


def test_news_please():
    """Addresses and handles are no authors; the download date is no date."""
    crawled = read_object(NEWS_PLEASE)

    assert (crawled.text, crawled.text_field) == (NEWS_PLEASE["maintext"], "maintext")
    assert crawled.markup is Markup.TEXT
    assert claims_of(NEWS_PLEASE) == {
        "title": "Regen & Wind",
        "authors": "Ida Feld",
        "published_on": "2025-01-29",
        "modified_on": "2025-01-30",
        "publisher": "example.org",
        "url": "https://example.org/regen",
        "language": "de",
    }


def test_fundus():
    """The parts of the body are joined in reading order."""
    crawled = read_object(FUNDUS)

    assert crawled.text == "It will rain.\n\nOne.\n\nTwo.\n\nLater\n\nThree."
    assert crawled.text_field == "body"
    assert claims_of(FUNDUS) == {
        "title": "Rain",
        "authors": "Ida Feld; Ole Berg",
        "published_on": "2025-01-29",
        "tags": "Weather; Sea",
        "language": "en",
    }


def test_trafilatura():
    """The cleaned text is preferred to the raw one, the site's name to its host."""
    assert read_object(TRAFILATURA).text_field == "text"
    assert claims_of(TRAFILATURA) == {
        "title": "Rain",
        "authors": "Ida Feld; Ole Berg",
        "published_on": "2025-01-29",
        "publisher": "The Example",
        "url": "https://example.org/rain",
        "section": "Weather",
        "tags": "sea; wind",
        "language": "en",
    }


def test_newspaper4k():
    """The site's address is not the article's."""
    assert claims_of(NEWSPAPER) == {
        "title": "Rain",
        "authors": "Ida Feld",
        "published_on": "2025-01-29",
        "url": "https://example.org/rain",
        "tags": "rain",
        "language": "en",
    }


def test_schema_org():
    """People and publishers are objects with names."""
    assert read_object(SCHEMA_ORG).text_field == "articleBody"
    assert claims_of(SCHEMA_ORG) == {
        "title": "Rain",
        "authors": "Ida Feld",
        "published_on": "2025-01-29",
        "publisher": "The Example",
        "url": "https://example.org/rain",
        "language": "en",
    }


def test_values_inside_objects():
    """The path says where the text is; the number of an author is no name."""
    crawled = read_object(WORDPRESS)

    assert (crawled.text_field, crawled.markup) == ("content.rendered", Markup.HTML)
    assert claims_of(WORDPRESS) == {
        "title": "Rain",
        "published_on": "2025-01-29",
        "url": "https://example.org/rain",
    }


def test_metadata_beside_the_text():
    """Objects like `metadata` belong to the article."""
    crawled = read_object({"text": "It rains.", "metadata": {"title": "Rain"}})

    assert crawled.text_field == "text"
    assert crawled.claims[0].value == "Rain"
    assert read_object({"article": {"text": "Wet."}}).text_field == "article.text"


def test_blank_fields_are_passed_over():
    """The first name that holds any text wins; a list is paragraphs."""
    crawled = read_object({"maintext": " ", "text": None, "content": ["One.", "Two."]})

    assert (crawled.text, crawled.text_field) == ("One.\n\nTwo.", "content")


def test_an_article_without_text_has_none():
    """A teaser is no article."""
    assert read_object({"title": "Rain", "description": "Wet."}).text_field is None
    assert read_object({}).text == ""


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("<p>It rains.</p>", Markup.HTML),
        ("<!DOCTYPE html><html><body>It rains.</body></html>", Markup.HTML),
        ("One.<br>Two.<br/>Three.<br />Four.", Markup.HTML),
        ("Intro <p>One.</p><p>Two.</p>", Markup.HTML),
        ("It holds if a < b and b > c.", Markup.TEXT),
        ("Write <p> for a paragraph and </p> at its end.", Markup.TEXT),
        ("<3 this. We love it.", Markup.TEXT),
        ("x <y> z <div", Markup.TEXT),
        ("It rains.", Markup.TEXT),
    ],
)
def test_html_is_told_from_text_that_mentions_it(text, markup):
    """Only real markup is parsed later."""
    assert read_object({"text": text}).markup is markup


@pytest.mark.parametrize(
    ("authors", "expected"),
    [
        ("Ida Feld", "Ida Feld"),
        ("By Ida Feld and Ole Berg", "Ida Feld; Ole Berg"),
        ("Von Ida Feld", "Ida Feld"),
        ("Ole von Berg", "Ole von Berg"),
        ("Feld, Ida", "Feld, Ida"),
        ("Ida Feld, Ole Berg & Una Moor", "Ida Feld; Ole Berg; Una Moor"),
        ([{"name": "Ida Feld", "url": "https://example.org"}], "Ida Feld"),
        (["Ida Feld", "Ida Feld"], "Ida Feld"),
        ("https://example.org/author/7", None),
        (["", None, 5, "-"], None),
    ],
)
def test_authors_are_names(authors, expected):
    """Several names are told apart only where that is certain."""
    assert claims_of({"authors": authors}).get("authors") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2025-01-29", "2025-01-29"),
        ("2025/01/29 10:00", "2025-01-29"),
        ("20250129T101112Z", "2025-01-29"),
        ("2025-01-29T23:59:59.999-05:00", "2025-01-29"),
        ("2025-01", "2025-01"),
        ("2025", "2025"),
        ("Wed, 29 Jan 2025 23:00:00 -0500", "2025-01-29"),
        ("1738145472", "2025-01-29"),
        ("1738145472000", "2025-01-29"),
        ("1738145472.5", "2025-01-29"),
        ("1970-01-01T00:00:00", ""),
        ("0001-01-01", ""),
        ("2025-13-01", ""),
        ("2025-02-30", ""),
        ("03/04/2025", ""),
        ("12345", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_machine_dates(value, expected):
    """A date is taken as written, or not at all."""
    assert read_machine_date(value) == expected


def test_dates_of_databases():
    """Numbers and wrapped dates count too."""
    assert claims_of({"date": 1738145472})["published_on"] == "2025-01-29"
    wrapped = {"published": {"$date": "2025-01-29T00:00:00Z"}}
    assert claims_of(wrapped)["published_on"] == "2025-01-29"


def test_better_names_have_better_scores():
    """Claims of one field are ordered by trust, and say which name they are from."""
    claims = [
        (claim.rule_id, claim.score)
        for claim in read_object({"Headline": "B", "title": "A"}).claims
        if claim.field is Field.TITLE
    ]

    assert claims == [("json.title", 0.9), ("json.headline", 0.89)]


def test_lone_surrogates_are_replaced_and_counted():
    """They cannot be stored as UTF-8."""
    crawled = read_object({"text": "a\ud800b\udfff", "title": "t\ud800"})

    assert (crawled.text, crawled.errors) == ("a\ufffdb\ufffd", 2)
    assert crawled.claims[0].value == "t\ufffd"


@pytest.mark.parametrize(
    ("document", "count"),
    [
        ([{"text": "A"}, {"text": "B"}], 2),
        ({"status": "ok", "articles": [{"text": "A"}]}, 1),
        ({"items": [{"content_html": "<p>A</p>"}, {}]}, 2),
        ({"text": "A", "articles": [{"text": "teaser"}]}, 1),
        ({"items": [1, 2]}, 1),
        ([], 0),
        ("words", 1),
    ],
)
def test_articles_of_a_document(document, count):
    """A list is its items, unless it lies beside a text."""
    assert len(list_articles(document)) == count


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400])
def test_a_number_that_is_none_is_no_value(value):
    """NaN and infinity, which Python's JSON reader takes, say nothing of an article."""
    crawled = read_object({"text": "The ferry was late.", "title": value})

    assert [claim for claim in crawled.claims if claim.field is Field.TITLE] == []
