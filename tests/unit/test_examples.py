"""Saved questions: each is asked of the samples and gives rows, or says why not."""

import json
import shutil

import pytest

from flows.conduct import ingest_plainly
from flows.reader import open_tables
from flows.saved import ask_example, find_example, load_examples, read_values
from flows.settings import read_settings
from tasks.errors import PipelineError, SettingsError
from tasks.schema import TABLES
from tests.unit.test_cli import articles

EMPTY_ON_SAMPLES = {
    "foreign-quotes": "the samples quote nobody in another language",
}


@pytest.fixture(scope="module")
def tables(samples):
    """The samples, compared with themselves where an example compares."""
    with open_tables(samples, earlier=1) as opened:
        yield opened


def test_every_example_explains_itself():
    """Title, question and parameters are there to be read; files are sorted."""
    for name, example in load_examples().items():
        assert example.title and example.answers.endswith((".", "?"))
        for parameter in example.parameters.values():
            assert parameter.meaning
        for word in example.parameters:
            assert f"${word}" in example.sql
        assert set(example.needs) <= TABLES.keys(), name


@pytest.mark.parametrize("name", load_examples())
def test_every_example_answers(name, tables):
    """It runs on the samples as it stands; what gives no rows there is known."""
    example = find_example(name)
    if not set(example.needs) <= set(tables.names):
        with pytest.raises(PipelineError, match="needs the table"):
            ask_example(tables, example, {})
        return

    rows = list(ask_example(tables, example, read_values(example, [])).rows())

    if example.earlier or name in EMPTY_ON_SAMPLES:
        assert not rows and example.when_empty
    else:
        assert rows
    assert rows == list(ask_example(tables, example, read_values(example, [])).rows())


def test_quotes_are_shown_as_they_stand(tables):
    """Where there are foreign spans, their own characters are shown."""
    sql = find_example("foreign-quotes").sql.replace(
        "unnest(foreign_spans) AS span",
        "{'start_chars': 2, 'end_chars': 6, 'language': 'x', 'score': 1.0} AS span",
    )
    quotes = tables.sql(
        f"SELECT quote, text[3:6] FROM ({sql.split('ORDER')[0]}) q"
        " JOIN paragraphs USING (paragraph_index) LIMIT 0"
    )

    assert quotes.fetchall() == []
    assert (
        "[span.start_chars + 1 : span.end_chars]" in find_example("foreign-quotes").sql
    )


def test_the_list_says_what_can_be_given(samples, capsys):
    """Every example the tables can answer is listed, with its parameters."""
    status, out, err = articles(capsys, "examples", "--warehouse", str(samples))

    assert (status, err) == (0, "")
    assert "mentions [word=harbour] [width=24]" in out
    with open_tables(samples) as opened:
        for name, example in load_examples().items():
            is_listed = f"\n{name}" in f"\n{out}"
            assert is_listed == (set(example.needs) <= set(opened.names))


def test_one_is_asked(samples, capsys, tmp_path):
    """With values of its parameters; the answer comes in every format."""
    base = ["examples", "--warehouse", str(samples)]
    out = articles(capsys, *base, "mentions", "word=ferry", "--format", "json")[1]
    assert {row["word"].lower() for row in json.loads(out)} == {"ferry"}

    assert "$word" in articles(capsys, *base, "mentions", "--sql")[1]
    out = articles(capsys, *base, "mentions", "word=zzzz")[1]
    assert out == "No paragraph has this word.\n"
    file = tmp_path / "a.parquet"
    assert articles(capsys, *base, "authors", "-o", str(file))[0] == 0
    assert file.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mention"], "Did you mean 'mentions'?"),
        (["mentions", "wort=x"], "It takes word=..., width=...."),
        (["mentions", "ferry"], "does not know the parameter 'ferry'"),
        (["mentions", "width=wide"], "Write it like 24"),
        (["authors", "x=1"], "It takes none"),
    ],
)
def test_mistakes_are_one_line(arguments, message, samples, capsys):
    """A wrong name or value says what would be right."""
    status, out, err = articles(
        capsys, "examples", *arguments, "--warehouse", str(samples)
    )

    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_changes_are_told(tmp_path, capsys):
    """New, gone and edited articles since the snapshot before."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    story = "A Title of Some Length\n\nA first sentence of it. And then a second one.\n"
    for name in ("kept", "edited", "gone"):
        (raw_dir / f"{name}.txt").write_text(story.replace("Title", name.title()))
    place = tmp_path / "warehouse"
    settings = read_settings({}, raw_dir=str(raw_dir), warehouse_dir=str(place))
    ingest_plainly(settings)
    base = ["examples", "changes", "--warehouse", str(place)]
    status, _, err = articles(capsys, *base)
    assert (status, "nothing to compare with" in err) == (1, True)

    (raw_dir / "gone.txt").unlink()
    (raw_dir / "edited.txt").write_text(story.replace("second", "third"))
    (raw_dir / "new.txt").write_text(story)
    ingest_plainly(settings)

    out = articles(capsys, *base, "--format", "csv")[1]
    lines = [line.split(",")[:2] for line in out.splitlines()[1:]]
    assert lines == [
        ["gone", "gone.txt"],
        ["new", "new.txt"],
        ["other text", "edited.txt"],
    ]
    shutil.rmtree(place)


def test_unknown_types_are_refused():
    """A value is read as its default is."""
    with pytest.raises(SettingsError, match="Write it like 5"):
        read_values(find_example("slow-steps"), ["runs=all"])
