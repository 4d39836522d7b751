"""How paragraphs of a page are measured and judged."""

import numpy as np
import pytest

from tasks.pages.pagejson import read_article_body
from tasks.pages.pagejudge import is_open, judge_parts, load_judges, settle
from tasks.pages.pagelandmarks import UNDER_BACK
from tasks.pages.pagemeasures import cut_parts, measure_page, measure_taken
from tasks.pages.pagenames import read_names, weigh_by, zones_of
from tasks.pages.pageopinion import read_opinion
from tasks.pages.pagesource import Source

SENTENCE = "The keeper wrote down every ship that passed, by name and by hour."
PAGE = (
    "<html><body><nav class='main-menu'><a href='/'>Home</a></nav>"
    "<article class='story'><h1>Ships</h1>"
    f"<p>{SENTENCE} {SENTENCE}</p><p class='note'>{SENTENCE}</p>"
    "<ul><li><a href='/a'>Another story</a></li></ul></article>"
    "<footer>© 2024</footer></body></html>"
)


def measures(html, told="", taken=""):
    """Columns of a page, and its paragraphs."""
    source = Source(html)
    parts = cut_parts(source)
    texts = [source.read(start, end) for start, end, _ in parts]
    columns = measure_page(source, parts, told, weigh_by({"story": (1, 1, 1)}))
    return columns | measure_taken(source, parts, taken), texts


def test_every_paragraph_has_every_measure():
    """All columns are as long as the page has paragraphs, and are numbers."""
    columns, texts = measures(PAGE)

    judges = load_judges()
    assert set(columns) >= {*judges.alone.names, *judges.advised.names}
    for name, column in columns.items():
        assert column.shape == (len(texts),), name
        assert np.isfinite(column).all(), name


def test_links_and_words_are_counted_in_the_paragraph_they_stand_in():
    """A paragraph that is a link is all link, its neighbours are not."""
    columns, texts = measures(PAGE)

    linked = dict(zip(texts, columns["links"], strict=True))
    words = dict(zip(texts, np.expm1(columns["words"]), strict=True))
    assert (linked["Another story"], linked[SENTENCE]) == (1, 0)
    assert words["Another story"] == pytest.approx(2)


def test_measures_depend_on_nothing_but_the_page():
    """The same page gives the same numbers, whatever was measured before."""
    first, _ = measures(PAGE)
    measures(PAGE.replace("story", "other"))
    second, _ = measures(PAGE)

    for name, column in first.items():
        assert (column == second[name]).all(), name


def test_names_count_by_how_far_away_they_stand():
    """A paragraph's own element is near, the element around it too, others far."""
    source = Source("<div class=far>" + "<div>" * 6 + "<p class=near>Text</p>")
    (part,) = cut_parts(source)

    zones = {word: zone for zone, word in zones_of(part[2].element)}
    assert zones == {"near": 0, "far": 2}


def test_words_of_one_name_count_together():
    """`entry-content` says more than an entry and a content somewhere."""
    assert "entry+content" in read_names(' class="wide entry-content"')
    assert "entry+content" not in read_names(' class="entry content"')


def test_names_are_in_the_same_order_in_every_process():
    """Sums of odds must not depend on the order of a set."""
    names = read_names(' class="c b a" id="relatedStories"')

    assert names == tuple(sorted(names))


def test_what_an_extractor_takes_is_told_by_both_ends():
    """It drops references from inside a paragraph; both ends still are its own."""
    taken = "".join((SENTENCE + " " + SENTENCE).split())

    columns, texts = measures(PAGE, taken=taken)

    found = dict(zip(texts, columns["taken"], strict=True))
    assert found[f"{SENTENCE} {SENTENCE}"] == 1
    assert found["Another story"] == 0


def test_text_that_the_page_tells_is_seen():
    """What stands in JSON-LD as the article is a column of its own."""
    columns, texts = measures(PAGE, told="".join(SENTENCE.split()))

    told = dict(zip(texts, columns["told"], strict=True))
    assert (told[SENTENCE], told["Another story"]) == (1, 0)


def test_the_article_is_told_from_its_frame():
    """Running text is the article's, a menu and a footer are the page's."""
    source = Source(PAGE)
    parts = cut_parts(source)

    odds = judge_parts(source, parts, "")

    texts = [source.read(start, end) for start, end, _ in parts]
    found = dict(zip(texts, odds, strict=True))
    assert found[f"{SENTENCE} {SENTENCE}"] > 0
    assert found["Home"] < 0
    assert found["© 2024"] < 0


def test_the_extractor_is_believed_where_the_network_finds_little(monkeypatch):
    """What only the extractor takes for the article is better than no article."""
    menu = "".join(
        f"<li><a href='/{n}'>Another story of {n} ships</a></li>" for n in "abcd"
    )
    source = Source(f"<html><body><nav><ul>{menu}</ul></nav></body></html>")
    parts = cut_parts(source)

    monkeypatch.setattr("tasks.pages.pagejudge.is_open", lambda *_: True)
    opinion = "tasks.pages.pagejudge.read_opinion"
    monkeypatch.setattr(opinion, lambda *_: "")
    alone = judge_parts(source, parts, "")
    monkeypatch.setattr(opinion, lambda *_: source.text)
    believed = judge_parts(source, parts, "")

    assert max(alone) < 0 < min(believed)


def test_of_a_clear_page_nobody_else_is_asked(monkeypatch):
    """An extractor costs more than everything else, and clear pages do without."""
    prose = "".join(f"<p>{SENTENCE} Ship {n}. {SENTENCE}</p>" for n in range(9))
    source = Source(f"<html><body><article><h1>Ships</h1>{prose}</article></body>")
    asked = []
    monkeypatch.setattr("tasks.pages.pagejudge.read_opinion", asked.append)

    odds = judge_parts(source, cut_parts(source), "")

    assert min(odds[1:]) > 0
    assert asked == []


def test_a_page_is_open_if_much_of_it_may_or_may_not_be_the_article():
    """What counts is size against the article; little in doubt matters little."""
    size = np.array([1000, 1000, 100])

    assert not is_open(np.array([5.0, -5.0, 0.5]), size)
    assert is_open(np.array([5.0, 1.0, -5.0]), size)
    assert is_open(np.array([5.0, -1.0, -5.0]), size)
    assert not is_open(np.array([-5.0, -5.0, -5.0]), size)


def test_the_extractor_sees_what_may_be_the_article_only():
    """It gets these paragraphs in the elements that they stand in, and no others."""
    source = Source(PAGE.replace("another story", "<a href='/b'>another</a> story"))
    parts = cut_parts(source)
    prose = [part for part in parts if part[1] - part[0] > 50]

    opinion = read_opinion(source, prose)

    assert opinion == "".join(source.text[start:end] for start, end, _ in prose)


def test_without_paragraphs_there_is_no_opinion():
    """Nothing to choose from, nothing chosen."""
    assert read_opinion(Source(PAGE), []) == ""


def test_an_empty_page_has_nothing_to_judge():
    """No paragraph, no odds."""
    source = Source("<html><body></body></html>")

    assert judge_parts(source, cut_parts(source), "") == []


@pytest.mark.parametrize(
    ("script", "body"),
    [
        ('{"articleBody": "A <b>short</b> &amp; true story"}', "Ashort&truestory"),
        ('{"articleBody": "one"}{"articleBody": "longer"}', "longer"),
        ('{"articleBody": "never closed', ""),
        ("", ""),
    ],
)
def test_article_body_is_read_from_the_source(script, body):
    """The longest one counts; broken ones are none."""
    html = f"<script type='application/ld+json'>{script}</script>"

    assert read_article_body(html) == body


@pytest.mark.parametrize(
    ("taken_chars", "kept"),
    [
        (5, [True, True, False]),  # nothing: it has no opinion
        (200, [True, False, True]),  # it is heard
        (900, [True, True, True]),  # most of it was dropped: it is believed
    ],
)
def test_extractor_is_heard_by_how_much_it_takes(taken_chars, kept):
    """Next to nothing is no opinion; much that is dropped is one to be believed."""
    alone, advised = np.array([1.0, 1, -1]), np.array([1.0, -1, 1])
    columns = {"taken": np.array([1.0, 1, 0]), UNDER_BACK: np.zeros(3)}

    odds = settle(alone, advised, np.full(3, 100.0), columns, taken_chars)

    assert (odds > 0).tolist() == kept


def test_extractor_is_not_heard_on_back_matter():
    """It takes every list of what an article cites."""
    alone, advised = np.array([1.0, -1, 1]), np.array([1.0, 1, -1])
    columns = {"taken": np.ones(3), UNDER_BACK: np.array([0.0, 1, 1])}

    odds = settle(alone, advised, np.full(3, 100.0), columns, 200)

    assert (odds > 0).tolist() == [True, False, False]
