"""The shell: what is typed, offered, answered; in a pipe as on a terminal."""

import io
import os
import select
import shutil
import subprocess
import sys
import time

import openpyxl
import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from flows.completion import SqlCompleter
from flows.conduct import ingest_plainly
from flows.pager import Pager
from flows.prompt import make_prompt
from flows.settings import read_settings
from flows.shell import COMMANDS, Shell, history_file, run_script
from tasks.errors import PipelineError
from tests.unit.test_cli import ROOT, articles


@pytest.fixture(scope="module")
def shell(samples):
    """A shell on the samples."""
    shell = Shell(samples)
    yield shell
    shell.close()


@pytest.fixture(autouse=True)
def state(tmp_path, monkeypatch):
    """A history of our own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def offered(shell, text):
    """Return what Tab offers at the end of a text."""
    completer = SqlCompleter(lambda: shell.tables, COMMANDS)
    event = CompleteEvent(completion_requested=True)
    return [c.text for c in completer.get_completions(Document(text), event)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM doc", ["documents"]),
        ("SELECT 1 FROM documents, par", ["paragraphs"]),
        ("DESCRIBE ru", ["runs"]),
        ("SELECT d.publi", []),
        ("FROM documents d SELECT d.publi", ["published_on", "published_precision"]),
        ("FROM documents WHERE publishe", ["published_on", "published_precision"]),
        ("FROM paragraphs WHERE kind = 'b", ["body'"]),
        ("FROM paragraphs WHERE kind = ", ["'body'", "'heading'"]),
        ("FROM paragraphs WHERE kind IN ('body', 'q", ["quote'"]),
        ("FROM sources WHERE reason = 'too", ["too_large'"]),
        ("FROM removals WHERE reason = 'pay", ["paywall'"]),
        ("FROM documents WHERE language = 'd", ["de'"]),
        ("SELECT count(*) FROM runs GRO", ["GROUP"]),
        ("SELECT regexp_ext", ["regexp_extract(", "regexp_extract_all("]),
        ("SELECT 'FROM doc", []),
        (".ex", [".examples", ".export"]),
        (".schema par", ["paragraphs"]),
        (".format mark", ["markdown"]),
        (".examples ment", ["mentions"]),
        (".examples mentions wo", ["word="]),
    ],
)
def test_tab_offers_what_fits(text, words, shell):
    """Tables after FROM, columns of the tables named, values of a column in quotes."""
    found = offered(shell, text)

    assert found[: len(words)] == words or set(words) <= set(found)
    assert bool(found) == bool(words)


def test_offers_explain_themselves(shell):
    """Columns and tables are offered with their meaning."""
    completer = SqlCompleter(lambda: shell.tables, COMMANDS)
    document = Document("FROM documents SELECT publishe")
    found = list(completer.get_completions(document, CompleteEvent()))

    assert "publication" in found[0].display_meta_text


def type_in(shell, keys):
    """Type into the line editor; return what it gives back."""
    with create_pipe_input() as keyboard:
        prompt = make_prompt(lambda: shell.tables, keyboard, DummyOutput())
        keyboard.send_text(keys)
        return prompt("> ")


def test_enter_sends_what_is_complete(shell):
    """A statement goes on over lines until its semicolon; a command is one line."""
    assert type_in(shell, "SELECT 1\rFROM runs;\r") == "SELECT 1\nFROM runs;"
    assert type_in(shell, "SELECT ';'\r;\r") == "SELECT ';'\n;"
    assert type_in(shell, ".tables\r") == ".tables"
    assert type_in(shell, "\r") == ""


def test_what_was_typed_is_remembered(shell):
    """Also by the next shell: Arrow-up brings it back. Only the user can read it."""
    type_in(shell, "SELECT 42;\r")

    assert type_in(shell, "\x1b[A\r") == "SELECT 42;"
    assert history_file().stat().st_mode & 0o077 == 0


def test_no_home_is_no_obstacle(shell, monkeypatch, tmp_path):
    """Where nothing can be written, lines are remembered until the end."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    assert history_file() is None
    assert type_in(shell, "SELECT 42;\r") == "SELECT 42;"


def test_a_script_is_done_line_by_line(samples, capsys, tmp_path, monkeypatch):
    """Statements and commands from a pipe, up to `.quit`."""
    file = tmp_path / "answer.xlsx"
    script = (
        "-- languages\nSELECT 'a;\n' AS text\n, 2 AS n; SELECT 3 AS three;\n"
        f".format csv\nSELECT 4 AS four; .export {file}\n.rows 1\n"
        "FROM range(9);\n.quit\nSELECT 5 AS five;\n"
    )
    monkeypatch.setattr("sys.stdin", io.StringIO(script))
    status, out, err = articles(capsys, "shell", "--warehouse", str(samples))

    assert (status, err) == (0, "")
    assert "a; ¶" in out and "three" in out and "four\n4\n" in out
    assert out.endswith("range\n0\n") and "five" not in out
    assert openpyxl.load_workbook(file).active["A2"].value == 4


def test_a_script_ends_at_its_first_mistake(samples, capsys, monkeypatch):
    """So that what follows does not build on it; the status tells."""
    script = "SELECT 1 AS one;\nSELECT nope FROM runs;\nSELECT 2 AS two;\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(script))
    status, out, err = articles(capsys, "shell", "--warehouse", str(samples))

    assert status == 1
    assert "one" in out and "two" not in out
    assert err.count("\n") == 1 and '"nope" not found' in err


@pytest.mark.parametrize(
    ("line", "part"),
    [
        (".help", "Ctrl-C gives up"),
        (".tables", "one row per article"),
        (".schema runs", "Sortable by time"),
        (".schema", "rejects"),
        (".examples", "mentions [word=harbour]"),
        (".examples mentions word=ferry", "ferry"),
        (".search ferry", "ferry"),
        ("FROM runs", "run_id"),
    ],
)
def test_commands_answer(line, part, shell, capsys):
    """Each says what it is for."""
    shell.run(line)

    assert part in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (".table", "There are .help"),
        (".schema run", "Did you mean 'runs'?"),
        (".format xlsx", "There are table"),
        (".rows many", "Say e.g. .rows 200"),
        (".export", r"say e.g. .export answer.xlsx"),
        (".export answer", "by its suffix"),
        (".examples nothing", "lists them"),
        (".examples changes", "nothing to compare with"),
        ("DROP VIEW runs;", "only ever read"),
        (".search -", "no word"),
    ],
)
def test_mistakes_say_what_to_do(line, message, shell):
    """Nothing ends the conversation."""
    if "answer" in line:
        shell.run("FROM runs")
    with pytest.raises(PipelineError, match=message.replace("?", r"\?")):
        shell.run(line)


def test_newer_snapshots_are_told_once(tmp_path, capsys):
    """The answers stay those of one snapshot until `.refresh`."""
    raw_dir = tmp_path / "raw"
    raw_dir.mkdir()
    settings = read_settings(
        {}, raw_dir=str(raw_dir), warehouse_dir=str(tmp_path / "warehouse")
    )
    story = "A Title of Some Length\n\nA first sentence of it. And then a second one.\n"
    (raw_dir / "one.txt").write_text(story)
    ingest_plainly(settings)
    shell = Shell(settings.warehouse_dir, output="csv")
    assert shell.news() == ""
    (raw_dir / "two.txt").write_text(story.replace("first", "last"))
    ingest_plainly(settings)

    assert "Snapshot 2 has been published" in shell.news()
    assert shell.news() == ""
    count = "SELECT count(*) AS n FROM documents;"
    run_script(shell, iter([count, ".refresh", count, ".examples changes"]))
    out = capsys.readouterr().out
    assert out.startswith("n\n1\nSnapshot 2.\nn\n2\n")
    assert "new,two.txt" in out
    shell.close()
    assert not list(tmp_path.glob(".warehouse/pin-*"))


def test_long_answers_go_through_the_pager(tmp_path, monkeypatch):
    """A screenful is printed as it is, more is paged; leaving the pager is no error."""
    seen = tmp_path / "seen"
    monkeypatch.setenv("PAGER", f"tee {seen}")
    for count, is_paged in ((5, False), (500, True)):
        terminal = io.StringIO()
        pager = Pager(terminal, 24)
        text = "".join(f"{n}\n" for n in range(count))
        pager.write(text)
        pager.close_pager()
        assert seen.exists() == is_paged
        assert terminal.getvalue() == ("" if is_paged else text)
    assert seen.read_text() == text

    monkeypatch.setenv("PAGER", "true")
    pager = Pager(io.StringIO(), 24)
    with pytest.raises(BrokenPipeError):
        write_for_ever(pager)
    pager.close_pager()


def write_for_ever(stream):
    while True:
        stream.write("a line\n" * 100)


def read_until(stream, text, seconds=60):
    """Read from a terminal until a text is there."""
    seen = b""
    end = time.monotonic() + seconds
    while text.encode() not in seen and time.monotonic() < end:
        if select.select([stream], [], [], 1)[0]:
            seen += os.read(stream.fileno(), 4096)
    assert text.encode() in seen, seen.decode(errors="replace")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal(samples, tmp_path):
    """Typed for real: an answer, Ctrl-C against a question without end, Ctrl-D."""
    place = shutil.copytree(samples, tmp_path / "copy" / "warehouse")
    terminal = "import pty, sys; pty.spawn(sys.argv[1:])"
    with subprocess.Popen(
        [
            *(sys.executable, "-c", terminal),
            *(sys.executable, "-m", "flows", "shell", "--warehouse", str(place)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": ROOT, "TERM": "xterm", "PAGER": "cat"},
        bufsize=0,
    ) as process:
        try:
            read_until(process.stdout, "Ctrl-D leaves")
            process.stdin.write(b"SELECT 2 AS n;\r")
            read_until(process.stdout, "1 row")
            process.stdin.write(b"SELECT count(*) FROM range(9999999999999);\r")
            read_until(process.stdout, "9999999999999")
            time.sleep(2)
            process.stdin.write(b"\x03")
            process.stdin.write(b"SELECT 6 * 7 AS n;\r")
            read_until(process.stdout, "42")
            for _ in range(60):  # Ctrl-D is heard once the prompt is there
                process.stdin.write(b"\x04")
                is_heard = select.select([process.stdout], [], [], 1)[0]
                if is_heard and not os.read(process.stdout.fileno(), 4096):
                    break
        finally:
            process.kill()
    assert not list(place.parent.glob(".warehouse/pin-*"))
