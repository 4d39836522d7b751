"""What a document says of its article."""

from flows.line import make_tables, start_run
from flows.settings import Settings
from tasks.discover import discover_files

STORY = """The keeper of the pier

For forty years the old keeper wrote down every ship that passed, by name and hour.

The pier in its last summer (Photo: Ada Byron)

Last night his notebooks burned with it, and nobody will know what he had seen there.
"""


def test_text_leaves_captions_out(tmp_path):
    """A caption is a paragraph of its kind, but no part of the running text."""
    (tmp_path / "pier.txt").write_text(STORY)
    files = discover_files(tmp_path, ())

    tables, _ = make_tables(files, start_run(Settings(raw_dir=tmp_path)))

    paragraphs = tables["paragraphs"]
    document = tables["documents"].iloc[0]
    captions = paragraphs["kind"] == "caption"
    assert captions.sum() == 1
    assert document["text"] == "\n\n".join(paragraphs.loc[~captions, "text"])
    assert document["paragraph_count"] == len(paragraphs)
    assert document["word_count"] == paragraphs.loc[~captions, "word_count"].sum()
