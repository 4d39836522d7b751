"""Read a batch of files: bytes to text, JSON to articles, nothing lost on the way.

Every file ends as one row of ``sources``; every article of it as one row of
``articles`` or one entry of ``rejected_members``.
"""

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Any, NamedTuple

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.errors import UnreadableError, refuse_scarcity
from tasks.files.compression import UnpackError, unpack
from tasks.files.crawled import Json, list_articles, read_object
from tasks.files.encoding import Decoded, Undecoded, decode_bytes
from tasks.files.formats import tell_format
from tasks.logic import step_versions
from tasks.objects import Object, ObjectUrl, Place, ahead_of_time, open_store
from tasks.pieces import Claim
from tasks.schema import (
    SOURCES,
    Compression,
    Field,
    Format,
    Markup,
    Reason,
    Status,
    Step,
)
from tasks.stopwatch import timed

_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\x00-\x1f\x7f-\x9f"
)
_BLANK = re.compile(rf"[\s{_INVISIBLE}]*")
_HASHED_UNREAD = (Reason.TOO_LARGE.value, Reason.UNSUPPORTED_FORMAT.value)
_MAX_INT_DIGITS = 18
_DOCUMENT_ID_DIGITS = 20
_MAX_NAMES_SHOWN = 8
_MARKUPS = {Format.MARKDOWN: Markup.MARKDOWN, Format.HTML: Markup.HTML}
_FILE_COLUMNS = ["source_path", "size_bytes", "mtime_ns", "problem", "detail"]
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_JSON_KINDS = {list: "an array", str: "a string", type(None): "null", bool: "a boolean"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is read.

    Attributes:
        max_file_bytes: Largest file, before and after decompression.
        max_ratio: Largest decompressed size as a multiple of the compressed one.
    """

    max_file_bytes: int = 50_000_000
    max_ratio: float = 200


class Reject(Exception):  # noqa: N818 the file is at fault, not the program
    """A file, or an article in it, that becomes no document."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


class _Content(NamedTuple):
    """Bytes of a file with the state of the very file they were read from."""

    raw: bytes
    size_bytes: int
    mtime_ns: int


@dataclass(slots=True)
class _Article:
    """A row of ``articles``."""

    document_id: str
    source_path: str
    member: str | None
    sha256: str
    format: str
    compression: str | None
    encoding: str
    encoding_method: str
    encoding_score: float | None
    encoding_errors: int
    text_field: str | None
    markup: str
    raw_text: str
    step_versions: Mapping[str, int] | None


@dataclass(slots=True)
class _Source:
    """A row of ``sources``, filled in while its file is read."""

    source_path: str
    size_bytes: int | None
    mtime_ns: int | None
    run_id: str
    sha256: str | None = None
    status: str = Status.ACCEPTED.value
    stage: str | None = None
    reason: str | None = None
    detail: str | None = None
    document_count: int = 0
    rejected_members: list[dict[str, str]] = field(default_factory=list)
    survey: None = None  # of the step after

    @property
    def step_versions(self) -> Mapping[str, int] | None:
        """Versions of the rules that decide over this file."""
        told = tell_format(self.source_path)
        return step_versions(told[0] if told else None)

    def reject(self, stage: Step, reason: Reason, detail: str) -> None:
        """Say why there is no document."""
        is_ignored = reason is Reason.IGNORED_PATTERN
        self.status = (Status.IGNORED if is_ignored else Status.REJECTED).value
        self.stage, self.reason, self.detail = stage.value, reason.value, detail


class _Batch(NamedTuple):
    articles: list[_Article]
    claims: list[tuple[str, Claim]]
    sources: list[_Source]


@task(name="read", cache_policy=NO_CACHE, persist_result=False)
def read_files(
    files: pd.DataFrame, raw_dir: Place, run_id: str, limits: Limits
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read files into articles.

    Args:
        files: Rows of ``discover_files``.
        raw_dir: Folder, or URL of object storage, that their paths are relative to.
        run_id: Stored in ``sources``.
        limits: How much of a file is read.

    Returns:
        ``articles``: one row per article, by path and by its order in the file;
        ``raw_text`` is what all positions count in. ``claims``: metadata that JSON
        fields state. ``sources``: one row per row of ``files``; an article that a later
        step rejects is still counted as accepted.
    """
    batch = _Batch([], [], [])
    ordered = files.sort_values("source_path")[_FILE_COLUMNS]
    wanted = ordered.loc[ordered["problem"].isna(), "source_path"]
    with _reading(raw_dir, wanted, limits) as read:
        for path, size, mtime, problem, detail in ordered.itertuples(
            index=False, name=None
        ):
            source = _Source(path, _int(size), _int(mtime), run_id)
            batch.sources.append(source)
            if not pd.isna(problem):
                source.reject(Step.DISCOVER, Reason(problem), detail)
            else:
                try:
                    with timed(path):
                        _read_source(source, read, limits, batch)
                except Reject as reject:
                    source.reject(Step.READ, reject.reason, reject.detail)
            if source.reason in _HASHED_UNREAD:
                source.sha256 = _hash_unread(raw_dir, path)
    return _frame_articles(batch), _frame_claims(batch), _frame_sources(batch)


def make_document_id(source_path: str, member: str | None) -> str:
    """Id of an article: the same as long as it stays in its place.

    Examples:
        >>> make_document_id("news/one.txt", None)
        '611513e1811f20a77716'
    """
    place = f"{source_path}\0{member or ''}".encode()
    return hashlib.sha256(place).hexdigest()[:_DOCUMENT_ID_DIGITS]


def _read_source(
    source: _Source, read: Callable[[str], _Content], limits: Limits, batch: _Batch
) -> None:
    """Append the articles and claims of one file; raises ``Reject`` if it has none."""
    told = tell_format(source.source_path)
    if told is None:
        raise Reject(Reason.UNSUPPORTED_FORMAT, "the name has no known suffix")
    article_format, compression = told
    content = read(source.source_path)
    source.size_bytes, source.mtime_ns = content.size_bytes, content.mtime_ns
    source.sha256 = hashlib.sha256(content.raw).hexdigest()
    data = _unpack(content.raw, compression, limits)
    decoded = decode_bytes(data, html=article_format is Format.HTML)
    if isinstance(decoded, Undecoded):
        raise Reject(decoded.reason, decoded.detail)
    if _BLANK.fullmatch(decoded.text):
        raise Reject(Reason.BLANK, "only white space and invisible characters")
    article = _Article(
        document_id=make_document_id(source.source_path, None),
        source_path=source.source_path,
        member=None,
        sha256=source.sha256,
        format=article_format.value,
        compression=compression and compression.value,
        encoding=decoded.encoding,
        encoding_method=decoded.method.value,
        encoding_score=decoded.score,
        encoding_errors=decoded.errors,
        text_field=None,
        markup=_MARKUPS.get(article_format, Markup.TEXT).value,
        raw_text=decoded.text,
        step_versions=source.step_versions,
    )
    readings = list(_claim_encodings(decoded))
    if article_format in {Format.JSON, Format.JSONL}:
        _read_members(article, source, batch, readings)
    else:
        batch.articles.append(article)
        batch.claims.extend((article.document_id, claim) for claim in readings)
        source.document_count = 1


def _claim_encodings(decoded: Decoded) -> Iterator[Claim]:
    """Yield the encoding that was guessed, then what else it could have been."""
    if decoded.score is None:
        return
    rule_id = f"encoding.{decoded.method}"
    yield Claim(Field.ENCODING, decoded.encoding, rule_id, decoded.score)
    for encoding, score in decoded.alternatives:
        score = min(score, decoded.score)  # noqa: PLW2901  # it lost all the same
        yield Claim(Field.ENCODING, encoding, "encoding.alternative", score)


# Bytes


@contextlib.contextmanager
def _reading(
    raw_dir: Place, paths: Iterable[str], limits: Limits
) -> Iterator[Callable[[str], _Content]]:
    """Give what reads one file by its path; objects are asked for ahead of time."""
    if not isinstance(raw_dir, ObjectUrl):
        yield lambda path: _read_unchanged(os.path.join(raw_dir, path), limits)  # noqa: PTH118
        return
    store = open_store(raw_dir)
    with ahead_of_time(
        lambda path: _read_object(store.open, path, limits),
        [path for path in paths if tell_format(path)],
    ) as contents:
        yield lambda path: contents.pop(path).result()


def _read_object(
    open_object: Callable[[str], Object | None], key: str, limits: Limits
) -> _Content:
    """Read an object, which cannot change while it is read.

    Raises:
        Reject: It cannot be read, or is too large.
        PipelineError: The store does not answer.
    """
    try:
        found = open_object(key)
    except UnreadableError as error:
        raise Reject(Reason.UNREADABLE, error.problem) from error
    if found is None:
        raise Reject(Reason.UNREADABLE, "gone since it was listed")
    _refuse_size(found.info.size_bytes, limits)
    return _Content(found.read(), found.info.size_bytes, found.info.version_ns)


def _refuse_size(size_bytes: int, limits: Limits) -> None:
    if size_bytes > limits.max_file_bytes:
        raise Reject(
            Reason.TOO_LARGE,
            f"{size_bytes:,} bytes; the limit is {limits.max_file_bytes:,}"
            " (setting max_file_bytes)",
        )


def _read_unchanged(path: str, limits: Limits) -> _Content:
    """Read a file as a whole, as it was at one moment.

    Raises:
        Reject: It cannot be read, is too large, or changed twice while being read.
        PipelineError: The machine has no open files or memory left.
    """
    try:
        content = _read_once(path, limits) or _read_once(path, limits)
    except FileNotFoundError as error:
        raise Reject(Reason.UNREADABLE, "gone since it was listed") from error
    except IsADirectoryError as error:
        raise Reject(Reason.NOT_A_FILE, "no file any more") from error
    except OSError as error:
        refuse_scarcity(error, path)
        detail = error.strerror or type(error).__name__
        raise Reject(Reason.UNREADABLE, detail) from error
    if content is None:
        raise Reject(
            Reason.CHANGED_WHILE_READING, "changed while it was read, twice in a row"
        )
    return content


def _read_once(path: str, limits: Limits) -> _Content | None:
    """Content, or null if the file changed meanwhile."""
    # A named pipe that took the file's place must not make us wait.
    descriptor = os.open(path, _OPEN_FLAGS)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Reject(Reason.NOT_A_FILE, "no file any more")
        _refuse_size(before.st_size, limits)
        raw = file.read(limits.max_file_bytes + 1)
        after = os.fstat(descriptor)
    same = _state(before) == _state(after) == _state(os.stat(path))  # noqa: PTH116
    if not same or len(raw) != before.st_size:
        return None
    return _Content(raw, before.st_size, before.st_mtime_ns)


def _state(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_dev, found.st_ino


def _unpack(raw: bytes, compression: Compression | None, limits: Limits) -> bytes:
    if not raw:
        raise Reject(Reason.EMPTY, "0 bytes")
    if compression is None:
        return raw
    try:
        data = unpack(raw, compression, limits.max_file_bytes, limits.max_ratio)
    except UnpackError as error:
        raise Reject(error.reason, error.detail) from error
    if not data:
        raise Reject(Reason.EMPTY, "0 bytes after decompression")
    return data


def _hash_unread(raw_dir: Place, path: str) -> str | None:
    """SHA-256 of a file too large, or of no known format, to be read as a whole.

    Null if it cannot be read, or is no plain file any more; and of an object, which
    would have to be fetched for nothing else.
    """
    if isinstance(raw_dir, ObjectUrl):
        return None
    with contextlib.suppress(OSError):
        descriptor = os.open(os.path.join(raw_dir, path), _OPEN_FLAGS)  # noqa: PTH118
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return hashlib.file_digest(file, "sha256").hexdigest()
    return None


# JSON


class _Member(NamedTuple):
    """One article of a JSON file: name, place, value or why there is none."""

    name: str | None
    place: str
    value: Json | Reject


def _read_members(
    file: _Article, source: _Source, batch: _Batch, known: list[Claim]
) -> None:
    """Append every article of a JSON file.

    Args:
        file: Row to copy.
        source: What is told of the file.
        batch: What to append to.
        known: Claims about every article in it.
    """
    first: Reject | None = None
    for member in _list_members(file.raw_text, Format(file.format)):
        try:
            article, claims = _read_member(file, member)
        except Reject as reject:
            first = first or reject
            if member.name is not None:
                source.rejected_members.append(
                    {
                        "member": member.name,
                        "stage": Step.READ.value,
                        "reason": reject.reason.value,
                        "detail": reject.detail,
                    }
                )
            continue
        batch.articles.append(article)
        claims = (*known, *claims)
        batch.claims.extend((article.document_id, claim) for claim in claims)
        source.document_count += 1
    if first is None and not source.document_count:
        first = Reject(Reason.NO_TEXT, "no article in it")
    if first:
        source.reject(Step.READ, first.reason, first.detail)
        if source.document_count:
            source.status = Status.ACCEPTED.value


def _read_member(file: _Article, member: _Member) -> tuple[_Article, tuple[Claim, ...]]:
    place, value = member.place, member.value
    if isinstance(value, Reject):
        raise value
    if not isinstance(value, dict):
        kind = _JSON_KINDS.get(type(value), "a number")
        raise Reject(Reason.BROKEN_JSON, f"{place}{kind} where an object should be")
    crawled = read_object(value)
    if crawled.text_field is None or _BLANK.fullmatch(crawled.text):
        names = ", ".join(list(value)[:_MAX_NAMES_SHOWN]) or "none"
        names = names.encode("utf-8", "replace").decode("utf-8")
        raise Reject(Reason.NO_TEXT, f"{place}no text in the fields {names}")
    # Which of a file's broken bytes lie in which member shows only in the text.
    errors = crawled.text.count("\ufffd") if file.encoding_errors else crawled.errors
    article = replace(
        file,
        document_id=make_document_id(file.source_path, member.name),
        member=member.name,
        encoding_errors=errors,
        text_field=crawled.text_field,
        markup=crawled.markup.value,
        raw_text=crawled.text,
    )
    return article, crawled.claims


def _list_members(text: str, article_format: Format) -> Iterator[_Member]:
    """Articles of a JSON text.

    A ``.json`` file of one object a line, and a ``.jsonl`` file of one object over
    many lines, are read as what they are.
    """
    lines = text.split("\n")
    starts = (line for line in lines if line.strip())
    if article_format is Format.JSON:
        whole = _parse(text)
        is_lines = isinstance(whole, Reject) and _is_object(next(starts))
    else:
        is_lines = any(map(_is_object, starts))
        whole = None if is_lines else _parse(text)
        is_lines = is_lines or isinstance(whole, Reject)
    if is_lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                place = f"line {number}: "
                yield _Member(str(number), place, _parse(line, first_line=number))
        return
    articles = list_articles(whole)
    if len(articles) == 1 and articles[0] is whole:
        yield _Member(None, "", whole)
        return
    for number, article in enumerate(articles, start=1):
        yield _Member(str(number), f"item {number}: ", article)


def _is_object(line: str) -> bool:
    return line.lstrip().startswith("{") and not isinstance(_parse(line), Reject)


def _parse(text: str, first_line: int = 1) -> Json | Reject:
    """Value of a JSON text, or where it breaks.

    ``NaN`` is read as Python does; of two fields with one name the last counts.
    """
    try:
        return json.loads(text, parse_int=_read_int)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        problem = error.msg.removesuffix(" at")  # as in "starting at"
        detail = f"line {line}: {problem} at column {error.colno}"
    except RecursionError:
        detail = f"line {first_line}: nested too deeply"
    return Reject(Reason.BROKEN_JSON, detail)


def _read_int(digits: str) -> float:
    return int(digits) if len(digits) <= _MAX_INT_DIGITS else float(digits)


# Frames


def _int(value: Any) -> int | None:  # noqa: ANN401 a cell of a frame
    return None if pd.isna(value) else int(value)


def _frame_articles(batch: _Batch) -> pd.DataFrame:
    names = [item.name for item in fields(_Article)]
    dtypes = {
        "encoding_score": "float64",
        "encoding_errors": "int32",
        "step_versions": "object",
    }
    return _frame(names, map(attrgetter(*names), batch.articles), dtypes)


def _frame_claims(batch: _Batch) -> pd.DataFrame:
    names = [item.name for item in fields(Claim)]
    cells = attrgetter(*names)
    rows = ((document_id, *cells(claim)) for document_id, claim in batch.claims)
    dtypes = {"score": "float64", "start_chars": "Int64", "end_chars": "Int64"}
    return _frame(["document_id", *names], rows, dtypes)


def _frame_sources(batch: _Batch) -> pd.DataFrame:
    names: list[str] = SOURCES.schema.names
    dtypes = {
        "size_bytes": "Int64",
        "mtime_ns": "Int64",
        "document_count": "int32",
        "rejected_members": "object",
        "step_versions": "object",
        "survey": "object",
    }
    return _frame(names, map(attrgetter(*names), batch.sources), dtypes)


def _frame(
    names: list[str], rows: Iterable[tuple[object, ...]], dtypes: dict[str, str]
) -> pd.DataFrame:
    """Frame with the same types whether it has rows or not; other columns are text."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtypes.get(name, "str"))
            for name, values in zip(names, columns, strict=True)
        }
    )
