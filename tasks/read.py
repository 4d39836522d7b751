"""Read a batch of files: bytes to text, JSON to articles, nothing lost on the way.

Every file ends as one row of ``sources``; every article of it as one row of
``articles`` or one entry of ``rejected_members``. What is read is handed on in pieces
of bounded size, and of a file of lines no more is in memory than that.
"""

import hashlib
import sys
from collections.abc import Collection, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.files.compression import UnpackError, unpack, unpack_chunks
from tasks.files.content import Content, Kept, Open, hash_unread, opening
from tasks.files.crawled import read_object
from tasks.files.encoding import Decoded, Undecoded, decode_bytes, tell_encoding
from tasks.files.formats import tell_format
from tasks.files.intake import Article, Batch, Piece, Source
from tasks.files.lines import is_blank
from tasks.files.members import (
    WHOLE,
    Member,
    Share,
    list_members,
    stream_members,
)
from tasks.files.readings import decode_chunks
from tasks.files.rejects import Reject
from tasks.objects import Place
from tasks.pieces import Claim, RejectedMember
from tasks.schema import (
    Compression,
    Field,
    Format,
    Markup,
    Reason,
    Status,
    Step,
)
from tasks.stopwatch import timed

_HASHED_UNREAD = (Reason.TOO_LARGE.value, Reason.UNSUPPORTED_FORMAT.value)
_UNPACKING = (Reason.BROKEN_COMPRESSION, Reason.DECOMPRESSION_BOMB)
_OVER = object()
_DOCUMENT_ID_DIGITS = 20
_MAX_NAMES_SHOWN = 8
_MARKUPS = {Format.MARKDOWN: Markup.MARKDOWN, Format.HTML: Markup.HTML}
SHARE_COLUMNS = ["share_index", "share_count"]
_FILE_COLUMNS = ["source_path", "size_bytes", "mtime_ns", "problem", "detail"]
_JSON_KINDS = {list: "an array", str: "a string", type(None): "null", bool: "a boolean"}


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a file is read.

    Attributes:
        max_file_bytes: Largest file, before and after decompression; of JSONL the
            longest line, in characters.
        max_ratio: Largest decompressed size as a multiple of the compressed one.
        piece_bytes: So much text is read at a time. A larger file of lines is not read
            into memory.
    """

    max_file_bytes: int = 50_000_000
    max_ratio: float = 200
    piece_bytes: int = 8_000_000


class Reading:
    """Pieces of a batch that are read one after the other, when they are wanted."""

    def __init__(self, pieces: Iterator[Piece]) -> None:
        """Wrap them: Prefect would go through a plain iterator."""
        self.pieces = pieces


@task(name="read", cache_policy=NO_CACHE, persist_result=False)
def read_piece(reading: Reading) -> Piece:
    """Read the next articles of a batch; see ``read_pieces``."""
    return next(reading.pieces)


def read_files(
    files: pd.DataFrame, raw_dir: Place, run_id: str, limits: Limits
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read files into articles, all of them into memory.

    Args:
        files: Rows of ``discover_files``.
        raw_dir: Folder, or URL of object storage, that their paths are relative to.
        run_id: Stored in ``sources``.
        limits: How much of a file is read.

    Returns:
        ``articles``, ``claims`` and ``sources`` as in ``Piece``, with
        ``rejected_members``; one row per row of ``files``. An article that a later step
        rejects is still counted as accepted.
    """
    pieces: list[Piece] = []
    for piece in read_pieces(files, raw_dir, run_id, limits):
        pieces = [one for one in pieces if piece.void in {None, one.streamed}]
        pieces.append(piece)
    articles, claims, sources = (
        pd.concat(frames, ignore_index=True) if len(pieces) > 1 else frames[0]
        for frames in (
            [piece.articles for piece in pieces],
            [piece.claims for piece in pieces],
            [piece.sources for piece in pieces],
        )
    )
    members: dict[str, list[RejectedMember]] = {}
    for piece in pieces:
        for path, member in piece.refused:
            members.setdefault(path, []).append(member)
    listed = pd.Series(
        [members.get(path, []) for path in sources["source_path"]],
        sources.index,
        dtype="object",
    )
    return articles, claims, sources.assign(rejected_members=listed)


def read_pieces(
    files: pd.DataFrame,
    raw_dir: Place,
    run_id: str,
    limits: Limits,
    only: Collection[str] | None = None,
) -> Iterator[Piece]:
    """Read files into articles, piece by piece.

    Args:
        files: Rows of ``discover_files``; or the row of one file of lines, with
            ``share_index`` and ``share_count``, of which a share is read.
        raw_dir: Folder, or URL of object storage, that their paths are relative to.
        run_id: Stored in ``sources``.
        limits: How much of a file is read.
        only: Of files of lines, the lines that are wanted; null for all.

    Yields:
        Pieces, one at least; see there. What they are depends on ``limits``, what they
        hold together does not.
    """
    batch = Batch(limits.piece_bytes)
    asked = _Wanted(only, share_of(files))
    ordered = files.sort_values("source_path")[_FILE_COLUMNS]
    wanted = ordered.loc[ordered["problem"].isna(), "source_path"]
    with opening(
        raw_dir,
        [path for path in wanted if tell_format(path)],
        lambda path: _most_bytes(path, limits),
        lambda path: _kept_bytes(path, limits),
    ) as open_file:
        for path, size, mtime, problem, detail in ordered.itertuples(
            index=False, name=None
        ):
            source = Source(path, _int(size), _int(mtime), run_id)
            if pd.isna(problem):
                yield from _read_file(source, open_file, limits, batch, asked)
            else:
                source.reject(Step.DISCOVER, Reason(problem), detail)
            if source.reason in _HASHED_UNREAD and source.sha256 is None:
                source.sha256 = hash_unread(raw_dir, path)
            batch.sources.append(source)
    yield batch.hand_on(None, is_last=True)


class _Wanted(NamedTuple):
    """Which lines of a file of lines are wanted; see ``stream_members``."""

    only: Collection[str] | None
    share: Share


def share_of(files: pd.DataFrame) -> Share:
    """Return which share of a file is to be read; of other files the whole."""
    if not {*SHARE_COLUMNS} <= {*files.columns}:
        return WHOLE
    return Share(*map(int, files[SHARE_COLUMNS].iloc[0]))


def make_document_id(source_path: str, member: str | None) -> str:
    """Id of an article: the same as long as it stays in its place.

    Examples:
        >>> make_document_id("news/one.txt", None)
        '611513e1811f20a77716'
    """
    place = f"{source_path}\0{member or ''}".encode()
    return hashlib.sha256(place).hexdigest()[:_DOCUMENT_ID_DIGITS]


def _most_bytes(path: str, limits: Limits) -> int:
    return sys.maxsize if is_streamed(path) else limits.max_file_bytes


def _kept_bytes(path: str, limits: Limits) -> int:
    return limits.piece_bytes if is_streamed(path) else sys.maxsize


def is_streamed(path: str) -> bool:
    """Whether a file is one of lines, which need not fit into memory."""
    told = tell_format(path)
    return told is not None and told[0] is Format.JSONL


def _read_file(
    source: Source,
    open_file: Open,
    limits: Limits,
    batch: Batch,
    wanted: _Wanted,
) -> Iterator[Piece]:
    """Append what a file holds, or say what is wrong with it; yield what is full."""
    path = source.source_path
    streamed = void = None
    try:
        told = tell_format(path)
        if told is None:
            raise Reject(  # noqa: TRY301  # it is told below what becomes of it
                Reason.UNSUPPORTED_FORMAT, "the name has no known suffix"
            )
        with timed(path):
            opened = open_file(path)
        with opened as content:
            if not isinstance(content, Kept):
                streamed = path
                if batch.articles or batch.refused:
                    yield batch.hand_on(None)
            articles = _read_articles(source, content, told, limits, batch, wanted)
            for _ in _timed(path, articles):
                void = streamed
                yield batch.hand_on(streamed)
    except Reject as reject:
        source.reject(Step.READ, reject.reason, reject.detail)
        source.document_count = 0
        if streamed:
            batch.clear()
        if void:
            yield batch.hand_on(None, void=void)


def _timed(path: str, steps: Iterator[None]) -> Iterator[None]:
    """Go on step by step, and note how long the steps take."""
    while True:
        with timed(path):
            is_over = next(steps, _OVER) is _OVER
        if is_over:
            return
        yield


def _read_articles(  # noqa: PLR0913, PLR0917  # all there is to know
    source: Source,
    content: Content,
    told: tuple[Format, Compression | None],
    limits: Limits,
    batch: Batch,
    wanted: _Wanted,
) -> Iterator[None]:
    """Append the articles and claims of one file.

    Yields:
        Whenever the batch has to be handed on.

    Raises:
        Reject: The file has none.
    """
    article_format, compression = told
    source.size_bytes, source.mtime_ns = content.size_bytes, content.mtime_ns
    if isinstance(content, Kept):
        source.sha256 = content.sha256
    if not content.size_bytes:
        raise Reject(Reason.EMPTY, "0 bytes")
    if isinstance(content, Kept) and article_format is not Format.JSONL:
        raw = _unpack(content.raw, compression, limits)
        decoded = decode_bytes(raw, html=article_format is Format.HTML)
    else:
        decoded = _tell_encoding(source, content, compression, limits)
    if isinstance(decoded, Undecoded):
        raise Reject(decoded.reason, decoded.detail)
    article = Article(
        document_id=make_document_id(source.source_path, None),
        source_path=source.source_path,
        member=None,
        sha256=source.sha256 or "",
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
    readings = tuple(_claim_encodings(decoded))
    if article_format is Format.JSONL:
        members = stream_members(
            lambda: decode_chunks(
                _unpacked(content, compression, limits), decoded.encoding
            ),
            limits.max_file_bytes,
            *wanted,
        )
        first = yield from _read_members(article, members, source, batch, readings)
        if wanted.share == WHOLE:  # else that is told when all shares are read
            _judge_members(source, first)
        return
    if is_blank(decoded.text):
        raise Reject(Reason.BLANK, "only white space and invisible characters")
    if article_format is Format.JSON:
        members = list_members(decoded.text)
        first = yield from _read_members(article, members, source, batch, readings)
        _judge_members(source, first)
        return
    if batch.is_full(len(article.raw_text)):
        yield
    batch.add(article, readings, len(article.raw_text))
    source.document_count = 1


def _tell_encoding(
    source: Source, content: Content, compression: Compression | None, limits: Limits
) -> Decoded | Undecoded:
    """Go through a file once: its hash, whether it can be unpacked, its encoding."""
    try:
        is_empty = compression is not None and not any(
            _unpacked(content, compression, limits)
        )
        decoded = tell_encoding(lambda: _unpacked(content, compression, limits))
    except Reject as reject:
        if reject.reason in _UNPACKING:
            source.sha256 = content.sha256
        raise
    source.sha256 = content.sha256
    if is_empty:
        raise Reject(Reason.EMPTY, "0 bytes after decompression")
    return decoded


def _unpack(raw: bytes, compression: Compression | None, limits: Limits) -> bytes:
    if compression is None:
        return raw
    try:
        data = unpack(raw, compression, limits.max_file_bytes, limits.max_ratio)
    except UnpackError as error:
        raise Reject(error.reason, error.detail) from error
    if not data:
        raise Reject(Reason.EMPTY, "0 bytes after decompression")
    return data


def _unpacked(
    content: Content, compression: Compression | None, limits: Limits
) -> Iterator[bytes]:
    """Yield the content of a file in chunks.

    Raises:
        Reject: On the way: it cannot be read, is damaged, or unpacks to too much.
    """
    chunks = content.chunks()
    if compression is None:
        yield from chunks
        return
    try:
        yield from unpack_chunks(
            chunks, compression, content.size_bytes, limits.max_ratio
        )
    except UnpackError as error:
        raise Reject(error.reason, error.detail) from error


def _claim_encodings(decoded: Decoded) -> Iterator[Claim]:
    """Yield the encoding that was guessed, then what else it could have been."""
    if decoded.score is None:
        return
    rule_id = f"encoding.{decoded.method}"
    yield Claim(Field.ENCODING, decoded.encoding, rule_id, decoded.score)
    for encoding, score in decoded.alternatives:
        score = min(score, decoded.score)  # noqa: PLW2901  # it lost all the same
        yield Claim(Field.ENCODING, encoding, "encoding.alternative", score)


# JSON


def _read_members(
    file: Article,
    members: Iterable[Member],
    source: Source,
    batch: Batch,
    known: tuple[Claim, ...],
) -> Generator[None, None, Reject | None]:
    """Append every article of a JSON file.

    Args:
        file: Row to copy.
        members: The articles.
        source: What is told of the file.
        batch: What to append to.
        known: Claims about every article in it.

    Yields:
        Whenever the batch has to be handed on.

    Returns:
        Why the first of those that are no articles is none; null if all are.

    Raises:
        Reject: The file is one article, and that is none.
    """
    first: Reject | None = None
    for member in members:
        try:
            article, claims = _read_member(file, member)
        except Reject as reject:
            if member.name is None:
                raise
            first = first or reject
            if batch.is_full(member.char_count):
                yield
            rejected: RejectedMember = {
                "member": member.name,
                "stage": Step.READ.value,
                "reason": reject.reason.value,
                "detail": reject.detail,
            }
            batch.refuse(file.source_path, rejected, member.char_count)
            continue
        size = max(member.char_count, len(article.raw_text))
        if batch.is_full(size):
            yield
        batch.add(article, (*known, *claims), size)
        source.document_count += 1
    return first


def _judge_members(source: Source, first: Reject | None) -> None:
    """Say what became of a JSON file all of whose members have been read."""
    if first is None and not source.document_count:
        first = Reject(Reason.NO_TEXT, "no article in it")
    if first:
        source.reject(Step.READ, first.reason, first.detail)
        if source.document_count:
            source.status = Status.ACCEPTED.value


def _read_member(file: Article, member: Member) -> tuple[Article, tuple[Claim, ...]]:
    place, value = member.place, member.value
    if isinstance(value, Reject):
        raise value
    if not isinstance(value, dict):
        kind = _JSON_KINDS.get(type(value), "a number")
        raise Reject(Reason.BROKEN_JSON, f"{place}{kind} where an object should be")
    crawled = read_object(value)
    if crawled.text_field is None or is_blank(crawled.text):
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


def _int(value: Any) -> int | None:  # noqa: ANN401 a cell of a frame
    return None if pd.isna(value) else int(value)
