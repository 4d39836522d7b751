"""Every entry below the raw folder has its row."""

import os
import socket
import subprocess
import sys

import pytest

from tasks.discover import discover_files
from tasks.errors import SettingsError


def problems(raw_dir, ignore=()):
    """Reasons by path."""
    files = discover_files(raw_dir, ignore).astype(object)
    reasons = files["problem"].where(files["problem"].notna(), None)
    return dict(zip(files["source_path"], reasons, strict=True))


def write(raw_dir, *names):
    """Put a file of 6 bytes under each name."""
    for name in names:
        path = raw_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("Words.")


def test_files_are_listed_at_any_depth_sorted_by_path(tmp_path):
    """Rows are sorted by path as text, folders are none."""
    write(tmp_path, "b.txt", "a/z.html", "a.md", "a/b/c.jsonl.gz", "Z.txt")

    files = discover_files(tmp_path, [])

    assert list(files["source_path"]) == [
        "Z.txt",
        "a.md",
        "a/b/c.jsonl.gz",
        "a/z.html",
        "b.txt",
    ]
    assert files["problem"].isna().all()
    assert set(files["size_bytes"]) == {6}
    assert files["mtime_ns"][0] == (tmp_path / "Z.txt").stat().st_mtime_ns


def test_files_tell_when_they_arrived(tmp_path):
    """Of a link that is when it, or what it leads to, was last changed in any way."""
    write(tmp_path, "old", "a.txt")
    os.utime(tmp_path / "a.txt", (0, 0))
    (tmp_path / "link.txt").symlink_to(tmp_path / "old")

    files = discover_files(tmp_path, []).set_index("source_path")

    assert files["mtime_ns"]["a.txt"] == 0
    for name in ("a.txt", "link.txt"):
        assert files["arrived_ns"][name] == os.lstat(tmp_path / name).st_ctime_ns


def test_an_empty_folder_has_no_rows_but_the_same_types(tmp_path):
    """Frames with and without rows can be joined."""
    empty = discover_files(tmp_path, [])
    write(tmp_path, "a.txt")

    assert len(empty) == 0
    assert empty.dtypes.equals(discover_files(tmp_path, []).dtypes)


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_a_raw_folder_that_is_none_is_refused(tmp_path, name):
    """The message names the folder and what to do."""
    write(tmp_path, "file.txt")

    with pytest.raises(SettingsError, match=f"{name}.* Name an existing folder"):
        discover_files(tmp_path / name, [])


def test_other_formats_are_told_by_name(tmp_path):
    """A file of another kind is a row, not silence."""
    write(tmp_path, "photo.jpg", "noext", "a.txt")

    assert problems(tmp_path) == {
        "photo.jpg": "unsupported_format",
        "noext": "unsupported_format",
        "a.txt": None,
    }


@pytest.mark.parametrize(
    ("pattern", "ignored"),
    [
        ("README.md", {"README.md"}),
        ("**/README.md", {"README.md", "a/README.md", "a/b/README.md"}),
        ("a/*", {"a/README.md", "a/x1.txt"}),
        ("a/**", {"a/README.md", "a/x1.txt", "a/b/README.md"}),
        ("a/x?.txt", {"a/x1.txt"}),
        ("a/x[0-3].txt", {"a/x1.txt"}),
        ("a/x[!0-3].txt", set()),
        ("readme.md", set()),
        ("a.x1", set()),
    ],
)
def test_ignore_patterns(tmp_path, pattern, ignored):
    """A pattern is for the whole path; a star stays within a folder."""
    write(tmp_path, "README.md", "a/README.md", "a/x1.txt", "a/b/README.md")

    found = problems(tmp_path, [pattern])

    assert {path for path, reason in found.items() if reason} == ignored
    assert set(found.values()) <= {None, "ignored_pattern"}


def test_a_folder_named_like_an_article_is_a_row_and_is_searched(tmp_path):
    """Neither the odd folder nor its files are lost."""
    write(tmp_path, "x.txt/inner.md", "plain/inner.md")

    assert problems(tmp_path) == {
        "x.txt": "not_a_file",
        "x.txt/inner.md": None,
        "plain/inner.md": None,
    }


def test_a_link_is_what_it_leads_to(tmp_path):
    """A link to a file is a file, to a folder a folder; to nothing, a row."""
    write(tmp_path, "raw/a.txt", "elsewhere/b.txt")
    (tmp_path / "raw/file.txt").symlink_to(tmp_path / "raw/a.txt")
    (tmp_path / "raw/folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "raw/gone.txt").symlink_to(tmp_path / "nowhere")

    assert problems(tmp_path / "raw") == {
        "a.txt": None,
        "file.txt": None,
        "folder/b.txt": None,
        "gone.txt": "dangling_link",
    }


def test_a_link_back_to_a_folder_above_is_not_followed(tmp_path):
    """Listing ends, and the link has a row that says where it leads."""
    write(tmp_path, "a/b/x.txt")
    (tmp_path / "a/b/up").symlink_to(tmp_path / "a")
    (tmp_path / "a/b/root").symlink_to(tmp_path)
    (tmp_path / "self.txt").symlink_to(tmp_path / "self.txt")

    files = discover_files(tmp_path, []).set_index("source_path")

    assert problems(tmp_path) == {
        "a/b/x.txt": None,
        "a/b/up": "link_cycle",
        "a/b/root": "link_cycle",
        "self.txt": "link_cycle",
    }
    assert files["detail"]["a/b/up"] == "leads back to a"
    assert files["detail"]["a/b/root"] == "leads back to the raw folder"


def test_two_folders_that_link_to_each_other_end(tmp_path):
    """The way round is walked once from each side."""
    write(tmp_path, "a/x.txt", "b/y.txt")
    (tmp_path / "a/to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b/to_a").symlink_to(tmp_path / "a")

    assert problems(tmp_path) == {
        "a/x.txt": None,
        "a/to_b/y.txt": None,
        "a/to_b/to_a": "link_cycle",
        "b/y.txt": None,
        "b/to_a/x.txt": None,
        "b/to_a/to_b": "link_cycle",
    }


def test_what_is_no_file_is_never_opened(tmp_path):
    """A named pipe would block whoever opens it."""
    os.mkfifo(tmp_path / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.txt"))
        (tmp_path / "null.txt").symlink_to("/dev/null")
        files = discover_files(tmp_path, []).set_index("source_path")

    assert set(files["problem"]) == {"not_a_file"}
    assert files["detail"].to_dict() == {
        "pipe.txt": "a named pipe",
        "s.txt": "a socket",
        "null.txt": "a character device",
    }


def test_a_name_that_is_not_utf8_is_shown_with_escapes(tmp_path):
    """Such a file is a row that can be stored, under a path of its own."""
    (tmp_path / os.fsdecode(b"dir\xff")).mkdir()
    for name in (
        b"caf\xe9.txt",
        b"caf\\xe9.txt",
        b"dir\xff/a.txt",
        "café.txt".encode(),
    ):
        (tmp_path / os.fsdecode(name)).write_text("Words.")

    found = problems(tmp_path)
    collided = next(path for path in found if "~" in path)

    assert found == {
        "café.txt": None,
        "caf\\xe9.txt": None,
        collided: "undecodable_name",
        "dir\\xff/a.txt": "undecodable_name",
    }
    assert collided.startswith("caf\\xe9.txt~")
    assert len(collided) == len("caf\\xe9.txt~") + 8
    "".join(found).encode("utf-8")


def test_a_raw_folder_whose_own_name_is_not_utf8_may_be_used(tmp_path):
    """The name of the raw folder is in no table."""
    raw_dir = tmp_path / os.fsdecode(b"raw\xff")
    write(raw_dir, "a.txt")

    assert problems(raw_dir) == {"a.txt": None}


def test_a_folder_that_cannot_be_listed_is_a_row(tmp_path):
    """Permission bits do not bind root, so the check drops to an ordinary user."""
    write(tmp_path, "open.txt", "shut/secret.txt")
    (tmp_path / "shut").chmod(0)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        "import os, sys\n"
        "from tasks.discover import discover_files\n"
        "os.getuid() or os.setuid(65534)\n"
        "files = discover_files(sys.argv[1], [])\n"
        "print(files[['source_path', 'problem']].values.tolist())\n"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", script, tmp_path],
            capture_output=True,
            text=True,
            check=True,
        )
    finally:
        (tmp_path / "shut").chmod(0o755)

    assert done.stdout.strip() == "[['open.txt', nan], ['shut', 'unreadable']]"
