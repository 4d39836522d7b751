"""Step `detect`: tell the language of every kept block and of every article.

Blocks are judged on their own text first, and so are the quotations in them; together
they give the language of their article, and that in turn decides for short blocks
whose own evidence is weak.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pandas as pd
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from prefect import task
from prefect.cache_policies import NO_CACHE

from tasks.errors import SettingsError
from tasks.languages import UNDETERMINED
from tasks.languages.fusion import FusedDetector
from tasks.languages.profiles import LANGUAGES
from tasks.languages.scripts import NO_SCRIPT, tell_scripts
from tasks.languages.spans import ForeignSpan, find_foreign
from tasks.languages.tags import make_tag, refine_script

# Measured on news articles: headings 98.4 -> 99.9% right, paragraphs 99.5 -> 99.9%.
_SHORT_CHARS = 60
_STRONG_SCORE = 0.9
_ANSWER_SCORE = 0.5
_SEED = 0


class Detector(Protocol):
    """What a language detector must be able to do."""

    def detect(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """Return a code (``und`` if none) and a score (0 to 1) per text, in order.

        The answer for a text is always the same and does not depend on the others.
        """
        ...


class LangdetectDetector:
    """Plain langdetect, seeded before every text: random no more, but slow."""

    def detect(self, texts: Sequence[str]) -> list[tuple[str, float]]:
        """See ``Detector.detect``."""
        return [_ask_langdetect(text) for text in texts]


DETECTORS: dict[str, Callable[[], Detector]] = {
    "fused": FusedDetector,
    "langdetect": LangdetectDetector,
}
"""Every detector by the name used in the settings."""


class Answer(NamedTuple):
    """Language of a piece of text and how sure that is, 0 to 1."""

    code: str
    score: float


class ArticleLanguages(NamedTuple):
    """What is known about the languages of one article.

    Attributes:
        main: Language of most of its text.
        blocks: One answer per block, in the order given.
        foreign: Passages in another language, per block.
        shares: Share of characters by code, most first; ``und`` is not among them.
    """

    main: Answer
    blocks: list[Answer]
    foreign: list[list[ForeignSpan]]
    shares: dict[str, float]


class Writing(NamedTuple):
    """How a text is written: script (ISO 15924) and tag of its language (BCP 47)."""

    script: str
    tag: str


class _Block(NamedTuple):
    """The columns that are added to a block."""

    language: str | None
    language_score: float | None
    script: str | None
    language_tag: str | None
    foreign_spans: list[dict[str, Any]]


_REMOVED_BLOCK = _Block(None, None, None, None, [])
_UNKNOWN = ArticleLanguages(Answer(UNDETERMINED, 0.0), [], [], {})
_NO_WRITING = Writing(NO_SCRIPT, UNDETERMINED)


def detect(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Tell the language of each text with the default detector.

    Examples:
        >>> [code for code, _ in detect(["Wo ist der Bahnhof?", "3,14", "你好"])]
        ['de', 'und', 'zh']
    """
    return FusedDetector().detect(texts)


def settle_languages(
    texts: Sequence[str],
    own: Sequence[Answer],
    foreign: Sequence[Sequence[ForeignSpan]] = (),
) -> ArticleLanguages:
    """Combine what the blocks of one article say on their own.

    The article's language is the one with the most characters, each counted with the
    score of its block. A short block takes it over unless its own evidence is strong;
    a long one whose own evidence is weak is undetermined, unless it says the same.

    Args:
        texts: Kept blocks of one article.
        own: The detector's answer for each.
        foreign: Passages in another language in each; none if left out.
    """
    sizes = [len(text) for text in texts]
    main = _find_main(own, sizes)
    blocks = [
        _settle_block(answer, size, main)
        for answer, size in zip(own, sizes, strict=True)
    ]
    spans = [
        [span for span in found if block.code not in {span.language, UNDETERMINED}]
        for block, found in zip(blocks, foreign or [()] * len(texts), strict=True)
    ]
    passages = [
        (index, span.end_chars - span.start_chars, span)
        for index, found in enumerate(spans)
        for span in found
    ]
    rest = list(sizes)
    for index, size, _ in passages:
        rest[index] -= size
    sums = _sum_by_code(
        [*blocks, *(Answer(span.language, span.score) for _, _, span in passages)],
        [*rest, *(size for _, size, _ in passages)],
    )
    total = sum(sums.values())
    ranked = sorted(sums, key=lambda code: (-sums[code], code))
    shares = {code: sums[code] / total for code in ranked}
    return ArticleLanguages(main, blocks, spans, shares)


def describe_writing(
    texts: Sequence[str], scripts: Sequence[str], codes: Sequence[str], main: str
) -> tuple[Writing, list[Writing]]:
    """Tell how an article and each of its blocks are written.

    Args:
        texts: Kept blocks of one article.
        scripts: Their scripts, as the letters tell.
        codes: Their languages.
        main: The article's.

    Returns:
        The script of most characters in the main language and its tag; the same for
        each block. A block that does not tell its tag has that of the article if both
        are in the same language.
    """
    scripts = [
        refine_script(code, script) for code, script in zip(codes, scripts, strict=True)
    ]
    own = [index for index, code in enumerate(codes) if code == main]
    sizes: dict[str, int] = {}
    for index in own or range(len(texts)):
        if scripts[index] != NO_SCRIPT:
            script = scripts[index]
            sizes[script] = sizes.get(script, 0) + len(texts[index])
    script = min(sizes, key=lambda code: (-sizes[code], code), default=NO_SCRIPT)
    article = Writing(script, make_tag(main, script, [texts[index] for index in own]))
    blocks = []
    for text, code, own_script in zip(texts, codes, scripts, strict=True):
        tag = make_tag(code, own_script, [text])
        blocks.append(Writing(own_script, article.tag if tag == code == main else tag))
    return article, blocks


def _find_main(own: Sequence[Answer], sizes: Sequence[int]) -> Answer:
    weights = [answer.score * size for answer, size in zip(own, sizes, strict=True)]
    sums = _sum_by_code(own, weights)
    if not sums:
        return Answer(UNDETERMINED, 0.0)
    code = min(sums, key=lambda code: (-sums[code], code))
    told = sum(_sum_by_code(own, sizes).values())
    return Answer(code, round(min(sums[code] / told, 1.0), 4))


def _settle_block(own: Answer, size: int, main: Answer) -> Answer:
    if own.code == UNDETERMINED:
        return own
    if own.code == main.code:
        return Answer(own.code, max(own.score, main.score))
    if size < _SHORT_CHARS:
        return own if own.score >= _STRONG_SCORE else main
    return own if own.score >= _ANSWER_SCORE else Answer(UNDETERMINED, 0.0)


def _sum_by_code(
    answers: Iterable[Answer], weights: Iterable[float]
) -> dict[str, float]:
    sums: dict[str, float] = {}
    for (code, _), weight in zip(answers, weights, strict=True):
        if code != UNDETERMINED:
            sums[code] = sums.get(code, 0.0) + weight
    return sums


def _ask_langdetect(text: str) -> tuple[str, float]:
    detector = _load_langdetect().create()
    detector.append(text)
    try:
        found = detector.get_probabilities()
    except LangDetectException:  # no features: nothing but digits, say
        found = []
    if not found:
        return UNDETERMINED, 0.0
    code = LANGUAGES.get(found[0].lang, found[0].lang)
    return code, round(min(found[0].prob, 1.0), 4)


@functools.cache
def _load_langdetect() -> DetectorFactory:
    """Load a factory of our own, so that nobody else's seed or order matters."""
    factory = DetectorFactory()
    profiles = sorted(Path(PROFILES_DIRECTORY).iterdir())
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in profiles])
    factory.set_seed(_SEED)
    return factory


@task(name="detect", cache_policy=NO_CACHE, persist_result=False)
def detect_languages(
    articles: pd.DataFrame, blocks: pd.DataFrame, detector: str = "fused"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tell the language of every kept block and of every article.

    Args:
        articles: One row per article; needs ``document_id`` (unique).
        blocks: One row per block, in reading order; needs ``document_id``, ``text``
            and ``reason``.
        detector: Key of ``DETECTORS``.

    Returns:
        ``articles`` with ``language``, ``language_score``, ``script``,
        ``language_tag`` and ``languages`` (a list of code and share of characters, most
        first); ``blocks`` with the same but ``languages``, null where the block is
        removed, and ``foreign_spans``. Rows and their order stay.

    Raises:
        SettingsError: There is no detector of that name.
    """
    if detector not in DETECTORS:
        raise SettingsError(
            "setting 'detector'",
            f"no detector is called {detector!r}",
            f"Choose one of {', '.join(DETECTORS)}.",
        )
    texts, kept = blocks["text"].tolist(), blocks["reason"].isna().tolist()
    rows: dict[str, list[int]] = {}
    for row, (document_id, is_kept) in enumerate(
        zip(blocks["document_id"], kept, strict=True)
    ):
        if is_kept:
            rows.setdefault(document_id, []).append(row)
    order = [row for group in rows.values() for row in group]
    ask = DETECTORS[detector]().detect
    asked = [texts[row] for row in order]
    answers = ask(asked)
    mixtures = find_foreign(asked, answers, ask)
    own = [
        Answer(*(mixture.main or answer))
        for mixture, answer in zip(mixtures, answers, strict=True)
    ]
    scripts = tell_scripts(asked)
    settled, writings = {}, {}
    by_row: dict[int, _Block] = {}
    end = 0
    for document_id, group in rows.items():
        start, end = end, end + len(group)
        found = settle_languages(
            asked[start:end],
            own[start:end],
            [mixture.spans for mixture in mixtures[start:end]],
        )
        codes = [answer.code for answer in found.blocks]
        article, written = describe_writing(
            asked[start:end], scripts[start:end], codes, found.main.code
        )
        settled[document_id], writings[document_id] = found, article
        parts = zip(group, found.blocks, written, found.foreign, strict=True)
        for row, answer, writing, spans in parts:
            by_row[row] = _Block(*answer, *writing, [span._asdict() for span in spans])
    keys = articles["document_id"].tolist()
    return (
        _add_main(
            articles,
            [settled.get(key, _UNKNOWN) for key in keys],
            [writings.get(key, _NO_WRITING) for key in keys],
        ),
        _add_columns(
            blocks, [by_row.get(row, _REMOVED_BLOCK) for row in range(len(blocks))]
        ),
    )


def _add_main(
    articles: pd.DataFrame, found: list[ArticleLanguages], writings: list[Writing]
) -> pd.DataFrame:
    shares = [
        [{"code": code, "share": share} for code, share in one.shares.items()]
        for one in found
    ]
    columns: dict[str, tuple[list[Any], str]] = {
        "language": ([one.main.code for one in found], "str"),
        "language_score": ([one.main.score for one in found], "float64"),
        "script": ([one.script for one in writings], "str"),
        "language_tag": ([one.tag for one in writings], "str"),
        "languages": (shares, "object"),
    }
    return _assign(articles, columns)


def _add_columns(blocks: pd.DataFrame, found: Sequence[_Block]) -> pd.DataFrame:
    columns: dict[str, tuple[list[Any], str]] = {
        "language": ([one.language for one in found], "str"),
        "language_score": ([one.language_score for one in found], "float64"),
        "script": ([one.script for one in found], "str"),
        "language_tag": ([one.language_tag for one in found], "str"),
        "foreign_spans": ([one.foreign_spans for one in found], "object"),
    }
    return _assign(blocks, columns)


def _assign(
    frame: pd.DataFrame, columns: dict[str, tuple[list[Any], str]]
) -> pd.DataFrame:
    return frame.assign(
        **{
            name: pd.Series(values, frame.index, dtype=dtype)
            for name, (values, dtype) in columns.items()
        }
    )
