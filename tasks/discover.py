"""Find every file below the raw folder; open none.

Kept free of Prefect and of decoders: a run that finds nothing new imports only this.
"""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

import pandas as pd

from tasks.errors import SettingsError, refuse_scarcity
from tasks.files.formats import FORMATS, tell_format
from tasks.objects import ObjectInfo, ObjectUrl, Place, open_store, side_by_side
from tasks.schema import Reason

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_GLOB_PART = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_GLOB_REGEX = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


class _Entry(NamedTuple):
    source_path: str
    size_bytes: int | None
    mtime_ns: int | None
    problem: Reason | None
    detail: str | None
    arrived_ns: int | None = None


class _Folder(NamedTuple):
    path: str
    shown: str  # relative to the raw folder, with a slash at the end; may be empty
    is_misnamed: bool
    above: dict[tuple[int, int], str]  # device and inode to path, itself included


def discover_files(raw_dir: Place, ignore: Sequence[str] = ()) -> pd.DataFrame:
    r"""List every file below a folder.

    A link to a file is that file; a link to a folder is followed, unless it leads back
    to a folder that it lies in. On object storage an object is a file, and its key the
    path; for the time of change see ``ObjectInfo.version_ns``.

    Args:
        raw_dir: Folder of raw files, or its URL.
        ignore: Shell patterns for the path relative to ``raw_dir``, case-sensitive:
            ``*`` stays within a folder, ``**/`` is any number of folders.

    Returns:
        One row per file, and one per entry that is neither a file nor a folder that can
        be listed: ``source_path`` (unique, sorted; bytes that are not UTF-8 shown as
        ``\xe9``), ``size_bytes`` and ``mtime_ns`` (null if there is no such file),
        ``problem`` (a ``Reason``, null if it is to be read), ``detail`` and
        ``arrived_ns``: when the file, or a link to it, was last changed in any way,
        which nobody can set (null for objects, whose version tells everything).

    Raises:
        SettingsError: ``raw_dir`` is not a folder that can be listed.
        PipelineError: The machine has no open files or memory left, or the object
            store does not answer.
    """
    is_ignored = _match_any(tuple(ignore))
    if isinstance(raw_dir, ObjectUrl):
        objects = _list_objects(raw_dir)
        return _frame([_with_ignored(entry, is_ignored) for entry in objects])
    entries: list[_Entry] = []
    misnamed: list[tuple[bytes, _Entry]] = []
    root = os.fspath(raw_dir)
    stack = [_Folder(root, "", is_misnamed=False, above=_above_root(root))]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(folder.path) as listing:
                found = list(listing)
        except OSError as error:
            refuse_scarcity(error, folder.path)
            if not folder.shown:
                raise _bad_root(raw_dir, error) from error
            path = folder.shown.removesuffix("/")
            entries.append(_problem(path, Reason.UNREADABLE, _text(error)))
            continue
        for item in found:
            entry, below = _look(item, folder)
            if below:
                stack.append(below)
            if entry is None:
                continue
            entry = _with_ignored(entry, is_ignored)
            if folder.is_misnamed or _is_misnamed(item.name):
                below_root = os.path.relpath(item.path, root)
                misnamed.append((os.fsencode(below_root), entry))
            else:
                entries.append(entry)
    entries.extend(_with_own_names(entries, misnamed))
    return _frame(sorted(entries, key=lambda entry: entry.source_path))


def _with_ignored(entry: _Entry, is_ignored: Callable[[str], bool]) -> _Entry:
    if is_ignored(entry.source_path):
        detail = "matches a pattern of the setting ignore"
        return entry._replace(problem=Reason.IGNORED_PATTERN, detail=detail)
    return entry


def _list_objects(url: ObjectUrl) -> list[_Entry]:
    """List the objects below a URL as files, sorted by path.

    Empty objects that only stand for a folder, as web consoles make them, are left out.
    """
    store = open_store(url)
    entries: list[_Entry] = []
    nameless: list[ObjectInfo] = []
    for found in store.list():
        if found.size_bytes or tell_format(found.key):
            entries.append(_name_object(found))
        else:
            nameless.append(found)

    def exists(found: ObjectInfo) -> bool:  # the key of a folder ends at a slash
        return store.open(found.key) is not None

    real = zip(nameless, side_by_side(exists, nameless), strict=True)
    if not (entries or nameless):
        raise SettingsError(
            "raw_dir",
            f"{str(url)!r} holds no objects",
            "Check bucket and prefix. If all articles are to go from the tables, leave"
            " one object there that is none, such as README.md.",
        )
    entries += [_name_object(found) for found, is_real in real if is_real]
    return sorted(entries, key=lambda entry: entry.source_path)


def _name_object(found: ObjectInfo) -> _Entry:
    problem = None if tell_format(found.key) else Reason.UNSUPPORTED_FORMAT
    detail = _name_formats() if problem else None
    return _Entry(found.key, found.size_bytes, found.version_ns, problem, detail)


def _above_root(root: str) -> dict[tuple[int, int], str]:
    try:
        found = os.stat(root)  # noqa: PTH116 paths stay plain strings here
    except OSError as error:
        raise _bad_root(root, error) from error
    return {(found.st_dev, found.st_ino): "the raw folder"}


def _bad_root(raw_dir: str | os.PathLike[str], error: OSError) -> SettingsError:
    return SettingsError(
        "raw_dir",
        f"{str(raw_dir)!r} cannot be listed: {_text(error)}",
        "Name an existing folder that may be read.",
    )


def _look(
    item: os.DirEntry[str], folder: _Folder
) -> tuple[_Entry | None, _Folder | None]:
    """Tell what an entry is: a row, a folder to list, both, or gone by now."""
    shown = folder.shown + _show(item.name)
    try:
        found = item.stat()
    except OSError as error:
        return _judge_error(item, shown, error), None
    if stat.S_ISDIR(found.st_mode):
        key = (found.st_dev, found.st_ino)
        if key in folder.above:
            detail = f"leads back to {folder.above[key]}"
            return _problem(shown, Reason.LINK_CYCLE, detail), None
        detail = "a folder named like an article"
        row = _problem(shown, Reason.NOT_A_FILE, detail)
        is_misnamed = folder.is_misnamed or _is_misnamed(item.name)
        above = folder.above | {key: shown}
        below = _Folder(item.path, f"{shown}/", is_misnamed, above)
        return row if tell_format(item.name) else None, below
    if not stat.S_ISREG(found.st_mode):
        what = next((text for test, text in _KINDS if test(found.st_mode)), "no file")
        return _problem(shown, Reason.NOT_A_FILE, what), None
    reason, why = _judge_name(item.name, folder)
    arrived_ns = found.st_ctime_ns
    if item.is_symlink():
        try:
            link = item.stat(follow_symlinks=False)
        except OSError as error:
            return _judge_error(item, shown, error), None
        arrived_ns = max(arrived_ns, link.st_ctime_ns)
    size_bytes, mtime_ns = found.st_size, found.st_mtime_ns
    return _Entry(shown, size_bytes, mtime_ns, reason, why, arrived_ns), None


def _judge_error(item: os.DirEntry[str], shown: str, error: OSError) -> _Entry | None:
    """Tell why an entry cannot be looked at; null if it is gone by now."""
    refuse_scarcity(error, item.path)
    if isinstance(error, FileNotFoundError):
        if not item.is_symlink():
            return None
        return _problem(shown, Reason.DANGLING_LINK, "the link leads nowhere")
    is_loop = error.errno == errno.ELOOP
    reason = Reason.LINK_CYCLE if is_loop else Reason.UNREADABLE
    return _problem(shown, reason, _text(error))


def _judge_name(name: str, folder: _Folder) -> tuple[Reason | None, str | None]:
    if _is_misnamed(name):
        return Reason.UNDECODABLE_NAME, "the name is not UTF-8: rename it"
    if folder.is_misnamed:
        return Reason.UNDECODABLE_NAME, "its folder's name is not UTF-8: rename that"
    if not tell_format(name):
        return Reason.UNSUPPORTED_FORMAT, _name_formats()
    return None, None


@cache
def _name_formats() -> str:
    return f"the name ends in none of {' '.join(FORMATS)} (also with .gz or .zst)"


def _is_misnamed(name: str) -> bool:
    """Whether a name was not UTF-8; Python shows such bytes as surrogates."""
    return not name.isascii() and _SURROGATE.search(name) is not None


def _show(name: str) -> str:
    if _is_misnamed(name):
        return os.fsencode(name).decode("utf-8", "backslashreplace")
    return name


def _with_own_names(
    entries: list[_Entry], misnamed: list[tuple[bytes, _Entry]]
) -> Iterator[_Entry]:
    """Keep paths unique: two names may look the same once they are shown in UTF-8."""
    taken = {entry.source_path for entry in entries}
    for raw_path, entry in sorted(misnamed):
        shown = entry.source_path
        if shown in taken:
            shown = f"{shown}~{hashlib.sha256(raw_path).hexdigest()[:8]}"
        taken.add(shown)
        yield entry._replace(source_path=shown)


def _match_any(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    if not patterns:
        return lambda _path: False
    regex = re.compile("|".join(_translate(pattern) for pattern in patterns), re.DOTALL)
    return lambda path: regex.fullmatch(path) is not None


def _translate(pattern: str) -> str:
    """Regular expression of a shell pattern."""
    parts = []
    for part in _GLOB_PART.findall(pattern):
        if part in _GLOB_REGEX:
            parts.append(_GLOB_REGEX[part])
        elif len(part) > 1:
            body = part[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            parts.append(f"[^/{body[1:]}]" if body.startswith("!") else f"[{body}]")
        else:
            parts.append(re.escape(part))
    return "".join(parts)


def _problem(path: str, reason: Reason, detail: str) -> _Entry:
    return _Entry(path, None, None, reason, detail)


def _text(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _frame(entries: list[_Entry]) -> pd.DataFrame:
    columns = zip(*entries, strict=True) if entries else [()] * len(_Entry._fields)
    dtypes = ("str", "Int64", "Int64", "str", "str", "Int64")
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for name, values, dtype in zip(_Entry._fields, columns, dtypes, strict=True)
        }
    )
