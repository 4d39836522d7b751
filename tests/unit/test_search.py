"""Full-text search: what a word finds in which script, and in which order."""

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.patterns import Term, find_terms, match_pattern, parse_words
from flows.reader import open_tables
from flows.search import Search, cut_excerpt, search_tables
from tasks.errors import PipelineError
from tests.unit.test_cli import articles


@pytest.fixture(scope="module")
def tables(samples):
    """The samples, opened once."""
    with open_tables(samples) as opened:
        yield opened


def matches(tables, word, text):
    """Whether DuckDB finds a word in a text."""
    sql = "SELECT regexp_matches($text, $pattern)"
    pattern = match_pattern(parse_words(word)[0])
    return tables.sql(sql, {"text": text, "pattern": pattern}).fetchall() == [(True,)]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("ferry", "The FERRY lay."),
        ("ferry", "“Ferryman”"),
        ("cafe", "Le Café"),
        ("café", "le CAFÉ"),
        ("strasse", "Die Straße"),
        ("straße", "STRASSE"),
        ("mueller", "Frau Müller"),
        ("istanbul", "İstanbul’da"),
        ("İstanbul", "istanbul"),
        ("ışık", "ışıklar"),
        ("елка", "Ёлка"),
        ("ελλαδα", "Η Ελλάδα"),
        ("灯台", "汐見岬の灯台で"),
        ("กรุงเทพ", "ในกรุงเทพมหานคร"),
        ("سوق", "في السوق"),
        ("كتب", "كَتَبَ الولد"),
        ("بيت", "והבית".replace("והבית", "البيت")),
        ("בית", "והבית"),
        ("हिन्दी", "यह हिन्दी है"),
        ('"old pier"', "the old\n pier."),
        ("o'clock", "nine o’clock"),
        ("c++", "C++ and C"),
    ],
)
def test_a_word_is_found(word, text, tables):
    """In other cases and forms, with accents, vowels, articles written onto it."""
    assert matches(tables, word, text)
    assert find_terms(text, parse_words(word))


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("art", "The party starts"),
        ("café", "the cafe"),
        ('"ferry"', "Ferryman"),
        ('"old pier"', "old piers"),
        ("か", "が"),
        ("и", "й"),
        ("हिन", "वहिन"),
        ("a.c", "abc"),
    ],
)
def test_a_word_is_not_found(word, text, tables):
    """Not inside other words, nor for other letters; nothing typed is a pattern."""
    assert not matches(tables, word, text)
    assert not find_terms(text, parse_words(word))


@given(st.text(max_size=20))
def test_anything_may_be_typed(text):
    """Whatever is typed is words or nothing; its pattern finds the word itself."""
    for term in parse_words(text):
        if term.text.isprintable():
            assert find_terms(term.text, [term]) or not term.text.isalnum()


@given(st.text(max_size=15), st.text(max_size=30))
def test_places_lie_in_the_text_and_apart(word, text):
    """Highlights can be drawn one after the other."""
    last = 0
    for start, end in find_terms(text, parse_words(word)):
        assert last <= start < end <= len(text)
        last = end


@given(st.text(max_size=80), st.integers(5, 60), st.data())
def test_excerpts_keep_what_they_show(text, room, data):
    """An excerpt is a part of the text; its places show what they did there."""
    ends = data.draw(st.lists(st.integers(0, len(text)), max_size=8).map(sorted))
    spans = [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=False) if a < b]

    excerpt, kept = cut_excerpt(text, spans, room)

    assert len(excerpt) <= room + 4
    assert excerpt.removeprefix("… ").removesuffix(" …") in text
    shown = {excerpt[start:end] for start, end in kept}
    assert shown <= {text[start:end] for start, end in spans}


def test_the_best_come_first(tables):
    """A title with the word before a paragraph, often before once; ranks and places."""
    found = search_tables(tables, Search("harbour"))

    assert found.hits[0].kind == "title"
    assert [hit.rank for hit in found.hits] == list(range(1, len(found.hits) + 1))
    assert [hit.score for hit in found.hits] == sorted(
        (hit.score for hit in found.hits), reverse=True
    )
    for hit in found.hits:
        for start, end in hit.matches:
            assert hit.text[start:end].lower().startswith("harbour")


def test_all_words_then_some(tables):
    """All words must occur; only if that finds nothing, some do, and it is said."""
    both = search_tables(tables, Search("ferry tide"))
    some = search_tables(tables, Search("ferry lighthouse zzz"))

    assert both.total == 1 and not both.remark
    assert some.total > 1 and "these have some" in some.remark


def test_other_forms_are_tried_and_told(tables):
    """A form that does not occur finds its relatives, and the remark says so."""
    found = search_tables(tables, Search("moulins"))

    assert found.total == 5
    assert "mouli…" in found.remark


def test_hits_can_be_limited(tables):
    """By language, day, number and words that must not occur."""
    everything = search_tables(tables, Search("ferry"))
    without = search_tables(tables, Search("ferry -bell"))
    late = search_tables(tables, Search("ferry", since=dt.date(2100, 1, 1)))
    few = search_tables(tables, Search("ferry", limit=2))

    assert 0 < without.total < everything.total
    assert late.total == 0
    assert (len(few.hits), few.total) == (2, everything.total)
    assert search_tables(tables, Search("ferry", languages=("de",))).total == 0
    with pytest.raises(PipelineError, match=r"language 'xx': .* There are .*de"):
        search_tables(tables, Search("ferry", languages=("xx",)))
    with pytest.raises(PipelineError, match="no word"):
        search_tables(tables, Search("-ferry ... "))


def test_python_gets_a_frame(tables):
    """The same from Python."""
    frame = tables.search("ferry", language="en", limit=3)

    assert list(frame["rank"]) == [1, 2, 3]
    assert tables.search("zzzz").empty


def test_on_the_command_line(samples, capsys, tmp_path):
    """For a person with its place, for a program with whole texts."""
    base = ["search", "--warehouse", str(samples)]
    status, out, err = articles(capsys, *base, "灯台", "--since", "2001-01")
    assert (status, err) == (0, "")
    assert "ja · " in out and "3 hits." in out
    assert max(map(len, out.splitlines())) <= 100

    out = articles(capsys, *base, "ferry", "--format", "json", "--limit", "2")[1]
    rows = json.loads(out)
    assert len(rows) == 2
    place = rows[0]["matches"][0]
    assert rows[0]["text"][place["start_chars"] : place["end_chars"]] == "ferry"

    assert articles(capsys, *base, "ferry", "-o", str(tmp_path / "a.xlsx"))[0] == 0
    status, out, _ = articles(capsys, *base, "zzzz")
    assert (status, "has zzzz" in out) == (0, True)
    for wrong in ("soon", "2025-13", "20250"):
        assert articles(capsys, *base, "ferry", "--until", wrong)[0] == 2


def test_terms_are_read_as_typed():
    """Quotes make phrases, a minus excludes, marks alone are nothing."""
    assert parse_words('a "b  c" -d -"e f" — - a') == [
        Term("a"),
        Term("b c", is_exact=True),
        Term("d", is_excluded=True),
        Term("e f", is_exact=True, is_excluded=True),
    ]
