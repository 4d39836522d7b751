"""Laws of reading HTML that hold for any page."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.pages.pagesource import Source, fold
from tasks.pages.webpage import read_webpage
from tasks.text.normalise import normalise

PIECES = [
    "<p>",
    "</p>",
    "<div class='photo caption'>",
    "</div>",
    "<br>",
    "<ul><li>",
    "</li></ul>",
    "<table><tr><td>",
    "</td></tr></table>",
    "<h2>",
    "</h2>",
    "<blockquote>",
    "</blockquote>",
    "<b>",
    "</b>",
    "<pre>",
    "</pre>",
    "<!-- hidden -->",
    "<script>var a = '<p>';</script>",
    "<title>A title</title>",
    "<a href='x' title='a > b'>",
    "</a>",
    " ",
    "\n\n",
    "&amp;",
    "&copy2021",
    "&bogus",
    "<",
    "\x00",
    "\u00ad",
    "The keeper wrote down every ship that passed, by name and by hour. ",
    "Nobody ever asked him for the log, and so he kept it, year after year. ",
    "Zwölf Schiffe, 船が十二隻. ",
    "word",
]
PAGES = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
ANY = st.one_of(PAGES, st.text(max_size=200))


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_spans_are_exact_or_unknown(html):
    """The span of a block gives its text; spans are in order and do not overlap."""
    last = 0
    for block in read_webpage(html).blocks:
        if block.start_chars is None:
            assert block.end_chars is None
            assert block.normalisations == ()
            continue
        assert last <= block.start_chars < block.end_chars <= len(html)
        last = block.end_chars
        span = html[block.start_chars : block.end_chars]
        assert block.text == normalise(span, block.normalisations)


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_every_visible_character_is_kept_or_removed(html):
    """All visible text lies in the span of a block, once."""
    source = Source(html)
    spans = [
        (block.start_chars, block.end_chars)
        for block in read_webpage(html).blocks
        if block.start_chars is not None and block.rule_id != "html.title"
    ]

    for at in range(len(source.text)):
        place = source.place(at, at + 1)
        if place is not None:
            assert sum(a <= place[0] and place[1] <= b for a, b in spans) == 1


@settings(max_examples=100, deadline=None)
@given(ANY)
def test_reading_twice_gives_the_same(html):
    """The same page gives the same blocks and claims."""
    assert read_webpage(html) == read_webpage(html)


@settings(max_examples=200, deadline=None)
@given(ANY)
def test_segments_are_the_text(html):
    """The segments of a source follow each other without gap from 0 to the end."""
    source = Source(html)
    ends = [segment.end for segment in source.segments]

    assert [segment.start for segment in source.segments] == [0, *ends][: len(ends)]
    assert ends[-1:] in ([], [len(source.text)])
    assert fold(source.text) == source.text
