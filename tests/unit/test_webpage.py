"""What one HTML page becomes: blocks with their place, claims about the article."""

import json

import lxml.html
import pytest

from tasks.clean import clean_text
from tasks.pages.pagedates import guess_date
from tasks.pages.pagesource import Source
from tasks.pages.pagevalues import Sites, iso_date, people, strip_site
from tasks.pages.webpage import read_webpage
from tasks.schema import Field, Kind, Markup, RemovalReason
from tasks.text.normalise import normalise

SENTENCE = (
    "The lighthouse keeper wrote down every ship that passed, by name and by hour"
)
FIRST, SECOND = f"{SENTENCE}, in spring.", f"{SENTENCE}, in autumn &amp; winter."
BODY = f"<p>{FIRST}</p><p>{SECOND}</p><p>{SENTENCE}, all year round, for a life.</p>"


def page(body, head=""):
    """An article with a frame around it."""
    return (
        f"<!DOCTYPE html><html lang='en'><head>{head}</head>"
        f"<body><nav><a href='/'>Home</a> <a href='/a'>News</a></nav>"
        f"<article>{body}</article><footer>All rights reserved</footer></body></html>"
    )


def kept(html):
    """Blocks of the article."""
    return [block for block in read_webpage(html).blocks if block.reason is None]


def kinds(html):
    """Kind and level by text."""
    return {block.text: (block.kind, block.level) for block in kept(html)}


def claims(head="", body=BODY):
    """Best value by field."""
    found = {}
    for claim in read_webpage(page(body, head)).claims:
        found.setdefault(claim.field, []).append(claim)
    return {
        name: max(some, key=lambda claim: claim.score).value
        for name, some in found.items()
    }


def test_blocks_stand_where_they_say():
    """The span of a kept block gives its text after the recorded normalisations."""
    html = page(BODY)

    blocks = kept(html)

    assert len(blocks) == 3
    for block in blocks:
        span = html[block.start_chars : block.end_chars]
        assert normalise(span, block.normalisations) == block.text
    assert blocks[1].text.endswith("in autumn & winter.")


def test_everything_else_is_a_removal_with_its_source():
    """Visible text outside of the article is removed, one block per block element."""
    html = page(BODY, "<title>Ships</title><style>p {}</style>")

    removed = [b for b in read_webpage(html).blocks if b.reason is not None]

    assert [(b.rule_id, b.text) for b in removed] == [
        ("html.title", "Ships"),
        ("html.not_main_content", "Home</a> <a href='/a'>News"),
        ("html.not_main_content", "All rights reserved"),
    ]
    assert removed[0].reason is RemovalReason.LIFTED
    assert removed[0].field is Field.TITLE
    for block in removed:
        assert html[block.start_chars : block.end_chars] == block.text


def test_markup_gives_the_kinds():
    """Headings, quotes, lists with their depth and code keep what they are."""
    html = page(
        f"<h2>The tower</h2>{BODY}<blockquote><p>I counted them all.</p></blockquote>"
        "<ul><li>a lamp<ul><li>a wick</li></ul></li><li>a <b>log</b> book</li></ul>"
        f"<pre><code>ships = 0\nships += 1</code></pre>{BODY.replace('ship', 'boat')}"
    )

    found = kinds(html)

    assert found["The tower"] == (Kind.HEADING, 2)
    assert found["I counted them all."][0] is Kind.QUOTE
    assert found["a lamp"] == (Kind.LIST_ITEM, 1)
    assert found["a wick"] == (Kind.LIST_ITEM, 2)
    assert found["a log book"] == (Kind.LIST_ITEM, 1)
    assert found["ships = 0\nships += 1"][0] is Kind.CODE


def test_table_of_data_is_one_block_and_layout_table_is_paragraphs():
    """Cells of data are joined by bars; a table around prose leaves no trace."""
    data = (
        "<table><tr><th>Year</th><th>Ships</th></tr><tr><td>1901</td><td>312</td></tr>"
        "</table>"
    )
    layout = f"<table><tr><td>{BODY}</td></tr></table>"

    assert kinds(page(BODY + data))["Year | Ships\n1901 | 312"][0] is Kind.TABLE
    assert {kind for kind, _ in kinds(page(layout)).values()} == {Kind.BODY}


def test_two_line_breaks_part_paragraphs_and_one_does_not():
    """``<br><br>`` is an empty line; ``<br>`` is a space."""
    html = page(f"<p>{FIRST}<br>{SENTENCE}.<br> <br>{SENTENCE}, again.</p>{BODY}")

    assert [block.text for block in kept(html)][:2] == [
        f"{FIRST} {SENTENCE}.",
        f"{SENTENCE}, again.",
    ]


def test_caption_that_leaks_is_labelled():
    """Text of an element whose class says caption or credit as a word is a caption."""
    text = f"{SENTENCE}, seen here."
    labelled = page(f"{BODY}<p class='photo-credit'>{text}</p>")
    other = page(f"{BODY}<p class='accredited'>{text}</p>")

    assert kinds(labelled)[text][0] is Kind.CAPTION
    assert kinds(other)[text][0] is Kind.BODY


def test_repeated_text_is_placed_by_its_neighbours_or_not_at_all():
    """A text that stands in two places gets the one between its neighbours."""
    html = page(f"{BODY}<p>To be continued.</p><p>{SENTENCE}, at last.</p>").replace(
        "All rights reserved", "To be continued."
    )

    block = next(block for block in kept(html) if block.text == "To be continued.")

    assert block.start_chars == html.index("To be continued.")


@pytest.mark.parametrize(
    "html",
    [
        "",
        " \n",
        "<",
        "<html><frameset><frame src='a'></frameset></html>",
        "<html><head><title>x</title></head></html>",
        "<?xml version='1.0' encoding='latin-1'?><html><body></body></html>",
        "<body>\x00\ud800&#0;&bogus;<p",
        "<div>" * 5000,
        "<script type='application/ld+json'>[[{]</script>",
        "<link rel='canonical' href='http://[bad'><p>",
    ],
)
def test_bad_pages_give_no_article(html):
    """A page without an article has no kept block; nothing is raised."""
    assert [b.text for b in kept(html) if len(b.text) > 20] == []


def test_declared_encoding_of_a_decoded_page_is_ignored():
    """An XML declaration says how the bytes were, not how the text is."""
    html = f"<?xml version='1.0' encoding='utf-16'?>{page(BODY)}"

    assert len(kept(html)) == 3


def test_json_ld_article_is_read_through_graph_and_references():
    """People are names; what is referred to by @id is looked up."""
    script = (
        '<script type="application/ld+json">{"@graph": ['
        '{"@type": "Person", "@id": "#p", "name": "Ada Byron"},'
        '{"@type": ["NewsArticle"], "headline": "Ships &amp; men",'
        ' "author": [{"@id": "#p"}, {"name": "Bo Ek"}],'
        ' "datePublished": "2024-11-22T23:30:00-05:00",'
        ' "publisher": {"name": "The Quay"}}]}</script>'
    )

    found = claims(script)

    assert found[Field.TITLE] == "Ships & men"
    assert found[Field.AUTHORS] == "Ada Byron; Bo Ek"
    assert found[Field.PUBLISHED_ON] == "2024-11-22"
    assert found[Field.PUBLISHER] == "The Quay"


def test_title_loses_the_site_only_where_the_page_names_it():
    """A suffix goes if it is the site; a dash inside a title stays."""
    named = (
        "<meta property='og:site_name' content='The Quay'>"
        "<title>Ships - a history | The Quay</title>"
    )

    assert claims(named)[Field.TITLE] == "Ships - a history"
    assert (
        claims("<title>Ships - a history</title>")[Field.TITLE] == "Ships - a history"
    )


def test_link_to_the_first_page_names_the_site():
    """Where a page does not say what its site is called, the way home does."""
    home = "<a href='https://quay.example/'>Harbour &amp; more</a>"
    head = (
        "<link rel='canonical' href='https://quay.example/ships'>"
        "<title>Ships at dawn | Harbour & more</title>"
    )

    assert claims(head, f"{home}{BODY}")[Field.TITLE] == "Ships at dawn"
    elsewhere = home.replace("quay", "other")
    assert claims(head, f"{elsewhere}{BODY}")[Field.TITLE] != "Ships at dawn"


def test_name_of_the_site_is_no_title_beside_another():
    """Some pages show the name of the site as their largest heading."""
    head = (
        "<meta property='og:site_name' content='Quay.example'>"
        "<meta property='og:title' content='Ships at dawn'>"
        "<meta name='twitter:title' content='Quay.example'>"
        "<title>Ships at dawn - Quay</title>"
    )

    assert claims(head, f"<h1>Quay</h1>{BODY}")[Field.TITLE] == "Ships at dawn"


def test_dash_of_its_own_sets_the_kicker_off():
    """Pages that show kicker and title apart join them for those who only listen."""
    kicker = "<h1><span>From the coast</span> <i>–</i> <span>{}</span></h1>"

    found = claims("", kicker.format("Ships sail at dawn") + BODY)
    short = claims("", kicker.format("Ships") + BODY)
    plain = claims("", f"<h1>From the coast – ships sail at dawn</h1>{BODY}")

    assert found[Field.TITLE] == "Ships sail at dawn"
    assert short[Field.TITLE] == "From the coast – Ships"
    assert plain[Field.TITLE] == "From the coast – ships sail at dawn"


def test_title_is_what_most_rules_say():
    """Two kinds of rules that agree outvote a heading that is the site's slogan."""
    head = (
        "<meta property='og:title' content='Ships at dawn'><title>Ships at dawn</title>"
    )

    assert claims(head, f"<h1>News from the sea</h1>{BODY}")[Field.TITLE] == (
        "Ships at dawn"
    )


def test_heading_outvotes_what_is_written_for_search():
    """``<title>`` and ``og:title`` alone are often worded for search engines."""
    search = "Ships at dawn: a guide (2024)"
    head = f"<title>{search}</title><meta property='og:title' content='{search}'>"
    body = f"<h1>How ships pass at dawn</h1>{BODY}"
    assert claims(head, body)[Field.TITLE] == "How ships pass at dawn"

    head += f"<meta name='twitter:title' content='{search}'>"
    assert claims(head, body)[Field.TITLE] == search


@pytest.mark.parametrize(
    "head",
    [
        (
            "<meta name='twitter:label1' content='Written by'>"
            "<meta name='twitter:data1' content='Ada Byron'>"
        ),
        (
            "<meta name='twitter:label1' content='Est. reading time'>"
            "<meta name='twitter:data1' content='3 minutes'>"
            "<meta name='twitter:label2' content='Verfasst von'>"
            "<meta name='twitter:data2' content='Ada Byron'>"
        ),
        (
            "<meta name='twitter:misc:Written by' content='Ada Byron'>"
            "<meta name='twitter:misc:Est. reading time' content='3 minutes'>"
        ),
    ],
)
def test_author_in_a_card(head):
    """Cards label what they hold, in two ways."""
    assert claims(head)[Field.AUTHORS] == "Ada Byron"


def test_author_that_is_the_site_is_trusted_little():
    """The site as its own author ranks below any person."""
    head = (
        "<meta property='og:site_name' content='The Quay'>"
        "<meta name='author' content='The Quay'>"
    )
    found = read_webpage(page(BODY, head)).claims

    assert [c.score < 0.5 for c in found if c.field is Field.AUTHORS] == [True]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("By Ada Byron", ["Ada Byron"]),
        ("Von Ada Byron und Bo Ek", ["Ada Byron", "Bo Ek"]),
        ("Von Miller", ["Von Miller"]),
        ("Brazil, Rachel", ["Rachel Brazil"]),
        ("Ada Byron, MD, Senior Editor", ["Ada Byron"]),
        ("ada@example.org", []),
        ("https://example.org/ada", []),
        ("Ada Byron @ada", ["Ada Byron"]),
    ],
)
def test_people_are_names_only(value, names):
    """Prefixes, jobs, degrees, addresses and handles are no part of a name."""
    assert people([value]) == names


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2024-11-22", "2024-11-22"),
        ("2024-11-22 10:00:00", "2024-11-22"),
        ("2024/11/02", "2024-11-02"),
        ("20241122T0930", "2024-11-22"),
        ("1732250000", "2024-11-22"),
        ("2024-11", "2024-11"),
        ("November 22, 2024", "2024-11-22"),
        ("2024 Nov 22", "2024-11-22"),
        ("22. November 2024", "2024-11-22"),
        ("2024-13-01", None),
        ("22.11.2024", None),
        ("1024-01-01", None),
        ("", None),
    ],
)
def test_dates_are_read_only_where_they_are_clear(value, date):
    """A day is never guessed from an ambiguous order; unknown forms give nothing."""
    assert iso_date(value) == date


@pytest.mark.parametrize(
    ("title", "stripped"),
    [
        ("The Quay: Ships", "Ships"),
        ("Ships: The end", "Ships: The end"),
        ("Ships | The Quay News", "Ships"),
        ("Ships: The Quay", "Ships"),
        ("Ships: what the Quay says", "Ships: what the Quay says"),
        ("An evening at the Quay: Ships", "An evening at the Quay: Ships"),
        ("Ships - an evening at the Quay", "Ships - an evening at the Quay"),
    ],
)
def test_strip_site_takes_names_only(title, stripped):
    """The name may stand first; what only mentions it is part of the title."""
    assert strip_site(title, Sites(frozenset({"thequay"})), set()) == stripped


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("<p>Posted on 3 May 2020</p>", Field.PUBLISHED_ON, "2020-05-03"),
        ("<p>3 May 2020 | News</p>", Field.PUBLISHED_ON, "2020-05-03"),
        ("<p>Last updated: 4 May 2020</p>", Field.MODIFIED_ON, "2020-05-04"),
        (
            "<p>By <a>Ada Byron</a> | <b>Updated:</b> 4 May 2020</p>",
            Field.MODIFIED_ON,
            "2020-05-04",
        ),
        (
            "<p>3 May 2020, updated 4 May 2020</p>",
            Field.PUBLISHED_ON,
            "2020-05-03",
        ),
        ("<p>By <a>Ada Byron</a><i>Reporter</i></p>", Field.AUTHORS, "Ada Byron"),
        ("<p>Author:</p><p>Ada Byron</p>", Field.AUTHORS, "Ada Byron"),
        ("<p><b>Autorin/Autor</b> Ada Byron</p>", Field.AUTHORS, "Ada Byron"),
    ],
)
def test_lines_above_the_text_say_who_and_when(line, field, value):
    """What is left out beside the article is read; a label may stand apart."""
    html = (
        f"<body><header><h1>Ships</h1>{line}</header><article>{BODY}</article></body>"
    )

    found = {c.field: c.value for c in read_webpage(html).claims}

    assert found[field] == value


def test_unlabelled_lines_below_the_text_say_nothing():
    """Dates and names of comments and teasers look like those of the article."""
    html = page(BODY) + "<ul><li>Ada Byron</li><li>3 May 2020</li></ul>"

    fields = {claim.field for claim in read_webpage(html).claims}

    assert not fields & {Field.AUTHORS, Field.PUBLISHED_ON}


@pytest.mark.parametrize(
    ("stamp", "day"),
    [
        ("2020-02-25T01:30:00Z", "2020-02-24"),  # evening of the day before, elsewhere
        ("2020-02-28T12:00:00Z", "2020-02-28"),
    ],
)
def test_day_of_the_address_wins_over_the_day_next_to_it(stamp, day):
    """A time stamp in UTC may name another day than the newsroom's clock."""
    head = (
        "<link rel='canonical' href='https://quay.example/2020/02/24/ships'>"
        f"<meta property='article:published_time' content='{stamp}'>"
    )

    assert claims(head)[Field.PUBLISHED_ON] == day


@pytest.mark.parametrize(
    ("modified", "day"), [("2024-11-17", "2024-03-09"), ("2025-01-02", "2024-11-17")]
)
def test_shown_day_wins_over_one_that_an_update_has_overwritten(modified, day):
    """Some systems write the day of the last change into that of publication too."""
    head = (
        "<meta property='article:published_time' content='2024-11-17'>"
        f"<meta property='article:modified_time' content='{modified}'>"
    )
    shown = "<p><time datetime='2024-03-09'>9 March 2024</time></p>"

    assert claims(head, f"<h1>Ships</h1>{shown}{BODY}")[Field.PUBLISHED_ON] == day


@pytest.mark.parametrize(
    ("line", "day"),
    [("17 November 2024", "2024-11-17"), ("Updated: 17 November 2024", "2012-03-09")],
)
def test_new_day_without_a_word_of_an_update_is_that_of_a_new_edition(line, day):
    """The stamp of the first edition yields to the day that readers are shown."""
    head = (
        "<meta property='article:published_time' content='2012-03-09'>"
        "<meta property='article:modified_time' content='2024-11-17'>"
    )

    found = claims(head, f"<h1>Ships</h1><p>{line}</p>{BODY}")

    assert found[Field.PUBLISHED_ON] == day


def test_update_that_is_shown_dates_an_article_without_another_day():
    """The text at hand came out on that day; a stamp that none sees dates nothing."""
    shown = f"<h1>Ships</h1><p>Updated: 17 November 2024</p>{BODY}"
    stamp = "<meta property='article:modified_time' content='2024-11-17'>"

    assert claims("", shown)[Field.PUBLISHED_ON] == "2024-11-17"
    assert Field.PUBLISHED_ON not in claims(stamp)


@pytest.mark.parametrize("reference", ["&#1;", "&#xFDD0;", "&#2;"])
def test_reference_to_nothing_has_no_place(reference):
    """The standard resolves some references to no character at all."""
    html = f"<body><article><h1>Ships</h1><p>{reference}Text{reference}</p>{BODY}"

    texts = [block.text for block in read_webpage(html).blocks]

    assert "Text" in texts


@pytest.mark.parametrize(
    ("more", "is_sure"),
    [("", False), ("<p>17 November 2024</p>", True), ("<p>9 March 2024</p>", True)],
)
def test_date_of_no_matter_what_needs_another_to_confirm_it(more, is_sure):
    """A bare `date` is often that of the last change."""
    page = (
        "<head><meta name='date' content='November 17, 2024'></head>"
        f"<body><h1>Ships</h1>{more}{BODY}"
    )

    found = [c for c in read_webpage(page).claims if c.field is Field.PUBLISHED_ON]

    assert any(claim.score > 0.5 for claim in found) is is_sure
    assert "html.meta.date" in {claim.rule_id for claim in found}


@pytest.mark.parametrize(
    ("more", "day"),
    [
        ("<div class='foot'><span>9 March 2024</span></div>", "2024-03-09"),
        (
            "<div class='foot'>The map shows the coast as it was on 9 March 2024</div>",
            None,
        ),
        ("<div class='comment'><time datetime='2024-03-09'>9.3.</time></div>", None),
    ],
)
def test_day_is_guessed_only_from_a_line_of_its_own(more, day):
    """A day in running text or in a comment is that of something else."""
    html = f"<body><article><h1>Ships</h1>{BODY}</article>{more}</body>"

    found = {c.field: c.value for c in read_webpage(html).claims}

    assert found.get(Field.PUBLISHED_ON) == day


@pytest.mark.parametrize(
    ("more", "day"),
    [
        ("<span>9 mars 2024</span>", "2024-03-09"),
        (
            "<span>9 mars 2024</span><p>x</p><i>9 mars 2024</i><b>2 mai 2023</b>",
            "2024-03-09",
        ),
        ("<p>9 mars 2024</p><p>2 mai 2023</p><p>1 juin 2022</p>", None),
        ("<p>9 марта 2024 г.</p>", "2024-03-09"),
        ("<footer><p>9 марта 2024 г.</p></footer>", None),
    ],
)
def test_shown_day_is_the_articles_unless_many_are_shown(more, day):
    """Many days, each said once, are those of other articles."""
    html = f"<body><article><h1>Ships</h1>{BODY}</article><div>{more}</div></body>"

    found = guess_date(lxml.html.fromstring(html), [])

    assert [claim.value for claim in found] == ([day] if day else [])


def test_day_in_the_title_of_the_page_is_that_of_the_article():
    """A part of the title that is a date is no title."""
    found = claims("<title>Ships at dawn in the bay | The Quay | 22.11.2024</title>")

    assert found[Field.PUBLISHED_ON] == "2024-11-22"
    assert found[Field.TITLE] == "Ships at dawn in the bay | The Quay"


def test_day_of_unclear_order_yields_to_a_clear_one():
    """``3/4/2024`` below the title may be March or April."""
    head = "<meta property='article:published_time' content='2024-03-04'>"
    stamped = head + "<meta property='article:modified_time' content='2024-04-03'>"

    for one in (head, stamped):
        found = claims(one, f"<h1>Ships</h1><p>Posted on 3/4/2024</p>{BODY}")
        assert found[Field.PUBLISHED_ON] == "2024-03-04"


def test_byline_that_names_more_authors_is_the_whole_list():
    """Data for machines often hold the first author only."""
    head = (
        "<meta name='author' content='Ada Byron'>"
        '<script type="application/ld+json">'
        '{"@type": "NewsArticle", "author": {"name": "Ada Byron"}}</script>'
    )
    html = (
        f"<head>{head}</head><body><header><h1>Ships</h1>"
        f"<p>By Ada Byron and Bo Ekman</p></header><article>{BODY}</article></body>"
    )

    authors = [c for c in read_webpage(html).claims if c.field is Field.AUTHORS]

    best = max(authors, key=lambda claim: claim.score)
    assert best.value == "Ada Byron; Bo Ekman"


def test_of_several_headings_the_one_that_other_titles_hold_is_the_title():
    """A page may have its own name, or a menu, in an ``h1`` too."""
    head = "<title>Ships that pass | The Quay</title>"
    body = f"<h1>Menu</h1><h1>Ships that pass</h1>{BODY}"

    assert claims(head, body)[Field.TITLE] == "Ships that pass"


def inserts(html):
    """Texts left out of the article as inserts."""
    blocks = read_webpage(html).blocks
    return [block.text for block in blocks if block.rule_id == "html.insert"]


LONG = f"<p>{FIRST} {SENTENCE}.</p><p>{SECOND} {SENTENCE}.</p><p>{SENTENCE}, too.</p>"
PITCH = f"{SENTENCE}, and you may read it every week in our letter to readers."


def test_standfirst_is_the_beginning_of_the_text():
    """The paragraph under the title that the page describes itself with is kept."""
    standfirst = "For forty years a keeper wrote down what passed his lighthouse."
    html = (
        f"<head><meta name='description' content='{standfirst}'></head><body><header>"
        f"<h1>Ships</h1><div class='x'>{standfirst}</div><p>Share this with friends now"
        f"</p></header><article>{LONG}</article></body>"
    )

    assert next(block.text for block in kept(html)) == standfirst
    assert not any("Share" in block.text for block in kept(html))


@pytest.mark.parametrize("name", ["cta-box", "js-promoCard", "CTA"])
def test_what_the_page_itself_names_an_insert_is_none_of_the_text(name):
    """A word of the class is enough; part of a word is not."""
    body = LONG.replace(
        "</p><p>", f"</p><div class='{name}'><p>{PITCH}</p></div><p>", 1
    )

    assert inserts(page(body)) == [PITCH]
    assert inserts(page(body.replace(name, "compromise"))) == []


def test_content_that_goes_by_the_name_of_an_insert_stays():
    """Where most of the text is in such elements, they are the article."""
    paragraphs = LONG.split("<p>")[1:]
    body = "".join(f"<div class='promo'><p>{part}</div>" for part in paragraphs)

    assert inserts(page(body)) == []
    assert len(kept(page(body))) == len(paragraphs)


def test_notice_that_is_repeated_is_an_insert():
    """The same long text three times stands in place of something."""
    first, second, third = LONG.split("</p>")[:3]
    body = "".join(f"{part}</p><p>{PITCH}</p>" for part in (first, second, third))

    assert inserts(page(body)) == [PITCH] * 3


def test_other_articles_of_the_page_are_inserts():
    """Systems number their articles; another number is another article."""
    other = f"<article class='post post-23'><p>{PITCH}</p></article>"
    html = page(LONG + other).replace("<article>", "<article class='post post-17'>", 1)

    assert PITCH not in [block.text for block in kept(html)]


def test_text_behind_a_comment_form_stays_where_it_is_most_of_the_article():
    """A form in the middle of a page ends nothing, however long the page's source."""
    form = "<p>Leave a comment below</p>"
    html = page(f"<h1>Ships</h1>{BODY}{form}{BODY.replace('ship', 'boat') * 2}")

    blocks, _ = clean_text(f"{html}<!-- {'x' * 50_000} -->", Markup.HTML, [])

    assert sum("boat" in block.text for block in blocks if block.reason is None) >= 3


def test_drawing_is_part_of_its_line():
    """An icon parts no paragraph; words in a drawing are no part of it."""
    icon = "<svg width='1'><path d='M0 0'/></svg>"
    words = icon.replace("<path", "<text>Chart</text><path")

    source = Source(f"<p>one {icon} two</p>")
    assert [(s.start, s.end) for s in source.segments] == [(0, 6)]
    source = Source(f"<p>one {words} two</p>")
    assert [(s.start, s.end) for s in source.segments] == [(0, 3), (3, 8), (8, 11)]


def test_source_keeps_the_place_of_references():
    """A character that is written as a reference stands where the reference stands."""
    source = Source("<p>a&nbsp;&amp;b&copy2021</p><!-- no --><script>x</script>")

    assert source.text == "a&b©2021"
    assert [source.place(at, at + 1) for at in range(5)] == [
        (3, 4),
        (10, 15),
        (15, 16),
        (16, 21),
        (21, 22),
    ]


def stored(text):
    """A page's JSON-LD that says what its article's text is."""
    data = {"@type": "NewsArticle", "articleBody": text}
    return f"<script type='application/ld+json'>{json.dumps(data)}</script>"


def test_text_that_only_a_script_holds_is_noticed():
    """What JSON-LD says and no reader sees is a removal at its place, not nothing."""
    extra = "Ünder the quay lay a box with all the books that he had filled."
    seen = f"{SENTENCE}, in spring."
    html = page(BODY, stored(f"{seen}\n{extra}\n{SENTENCE}, all year round."))

    found = [b for b in read_webpage(html).blocks if b.rule_id == "html.only_in_json"]

    assert [normalise(block.text, ["json"]) for block in found] == [extra]
    assert [html[b.start_chars : b.end_chars] == b.text for b in found] == [True]
    quiet = read_webpage(page(BODY, stored(f"<p>{seen}</p>&amp;nbsp;"))).blocks
    assert "html.only_in_json" not in {block.rule_id for block in quiet}


def test_page_that_a_script_shows_has_the_text_of_its_json():
    """Where little else is there to read, the text in JSON-LD is the article."""
    lines = [f"{SENTENCE}, in year {year} of his long service." for year in range(9)]
    html = page("<p>Please switch JavaScript on.</p>", stored("\n\n".join(lines)))

    blocks = [b for b in read_webpage(html).blocks if b.reason is None]

    assert [b.text for b in blocks if b.text.startswith("The light")] == lines
    for block in blocks:
        span = html[block.start_chars : block.end_chars]
        assert normalise(span, block.normalisations) == block.text


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("https://quay.example/a", "https://quay.example/a"),
        ("https://own.example/", None),
    ],
)
def test_page_may_name_its_original(address, found):
    """What an article is based on, or republished from, unless that is the page."""
    own = "<link rel='canonical' href='https://own.example/ships'>"
    meta = f"<meta name='syndication-source' content='{address}'>"
    data = json.dumps({"@type": "Article", "isBasedOn": {"@id": address}})
    script = f"<script type='application/ld+json'>{data}</script>"

    assert claims(own + meta).get(Field.SOURCE_URL) == found
    assert claims(own + script).get(Field.SOURCE_URL) == found


def test_markup_tells_headings_and_lists_from_menus():
    """Of a page the line about questions is a heading, a list of prices no pager."""
    prices = ["Small kitchen: $40,000 – $70,000", "Large: $120,000 – $200,000+"]
    items = "".join(f"<li>{price}</li>" for price in prices)
    steps, asked = "<h2>Next steps</h2>", "<h2>FAQs</h2>"
    html = page(f"<h1>Ships</h1>{BODY}{steps}{BODY}<ul>{items}</ul>{asked}{BODY}")

    blocks, _ = clean_text(html, Markup.HTML, [])
    texts = [block.text for block in blocks if block.reason is None]

    assert {"Next steps", "FAQs", *prices} <= set(texts)


def test_heading_with_another_number_is_not_the_title_again():
    """``Day 8`` is a part of the article that ``Day 7`` is the title of."""
    html = page(f"<h1>Day 7</h1>{BODY}<h2>Day 8</h2>{BODY}")

    blocks, _ = clean_text(html, Markup.HTML, [])

    assert "Day 8" in [block.text for block in blocks if block.reason is None]


def test_heading_with_a_month_is_no_credit():
    """``In office since May 2022`` is a heading, ``May 2022`` alone a date."""
    html = page(f"<h1>Ships</h1><h2>Since May 2022 harbourmaster</h2>{BODY}")

    blocks, _ = clean_text(html, Markup.HTML, [])

    assert "Since May 2022 harbourmaster" in [b.text for b in blocks if not b.reason]


def test_title_behind_its_kicker_is_the_title_again():
    """A heading that is kicker and title in one is no part of the text."""
    title = "What the keeper of the lighthouse saw"
    head = f"<title>{title}</title><meta property='og:title' content='{title}'>"
    html = page(f"<h1>{title}</h1><h2>On the coast {title}</h2>{LONG}", head)

    blocks, _ = clean_text(html, Markup.HTML, [])

    texts = [block.text for block in blocks if block.reason is None]
    assert len(texts) == 3
    assert not any(text.endswith(title) for text in texts)
