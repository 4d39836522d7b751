"""What a line says: phrases of web pages and articles in many languages.

The phrases are data (``tasks/data/lexicon/<language>.toml``), one per line, ``#`` for a
number, ``…`` for a gap of up to eight words (notes only). This module only says what a
line *says*; whether it is a leftover *here* is for the caller, who knows position and
shape.

Everything is compared after ``fold``: words only, without case, accents, punctuation
and marks. Chinese, Japanese and Thai are written without spaces, so their phrases are
compared character by character at the start of a line.
"""

import re
import string
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

LANGUAGES = tuple(
    "en de fr es it pt nl ru pl tr zh ja ar sv no da fi cs sk hu ro el uk bg sr hr sl"  # noqa: SIM905
    " fa he hi ko vi id th ca et lv lt".split()
)
"""Languages with a file of phrases; of equal phrases the first language counts."""

UNSPACED = frozenset({"zh", "ja", "th"})
"""Languages written without spaces between words."""

MAX_LEFTOVER_CHARS = 200  # longer lines are never a leftover as a whole
_FOLDER = Path(__file__).parents[1] / "data" / "lexicon"
_GAP_WORDS = 8
_HEAD = 2  # words
_REMEMBERED = 4096  # lines: several rules ask about the same one
_MAX_COUNTED_WORDS = 400  # the share of stop words is stable long before

# What separates words: everything that is no letter, digit or mark. Joiners (U+200C,
# U+200D), soft hyphens and the marks of Indic scripts and Thai stay inside words.
_SEPARATORS = (
    "\\s!-/:-@\\[-`{-\u00a0\u00a1-\u00a9\u00ab\u00ac\u00ae-\u00b1\u00b4\u00b6-\u00b8"
    "\u00bb\u00bf\u00d7\u00f7\u02b9-\u02df\u037e\u0387\u055a-\u055f\u0589\u05be"
    "\u05c0\u05c3\u05f3\u05f4\u0600-\u060f\u061b-\u061f\u066a-\u066d\u06d4\u0964\u0965"
    "\u0970\u0e2f\u0e3f\u0e4f\u0e5a\u0e5b\u2000-\u200b\u2010-\u205f\u20a0-\u20cf"
    "\u2100-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3020\u3030\u303d\u30a0\u30fb"
    "\ufe0e\ufe0f\ufe10-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"
    "\ufffc\ufffd\U0001f000-\U0001faff"
)
_WORD = re.compile(f"[^{_SEPARATORS}]+")
_SPACED = {code: " " for code in range(0x80) if not _WORD.match(chr(code))}
# The first two words, if `fold` neither joins them to what stands around nor cuts them.
_APART = r"\s!-/:-@\[-`{-~«»„“”‘’‚–—…•·"
_PLAIN = "[0-9A-Za-zÀ-ÖØ-öø-ľŁ-ňŊ-ɏΆΈ-ϿЀ-ӿ]"
_TWO_WORDS = re.compile(
    f"[{_APART}]*({_PLAIN}+)(?:[{_APART}]+(?:({_PLAIN}+)(?=[{_APART}]|$)|$)|$)"
)
_QUOTES = re.compile("[\u2010-\u2027«»]")  # folded Latin text has no others mostly
_DROPPED = re.compile(
    "[\u00ad\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4-\u05c7\u0640"
    "\u064b-\u065f\u0670\u200c-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+"
)
_UNIFIED = str.maketrans("ııيىكھ", "iiییکه")  # dotless i, Arabic and Persian letters
_TO_UNIFY = re.compile("[ıيىكھ]")  # rare, and searched faster
# Keeps positions, unlike `casefold`.
_LOWER_ASCII = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_NUMBER = re.compile(r"\d+(?:[^\w#]+\d+)*")
_DIGITS = re.compile(r"\d+")
_AFTER_LABEL = re.compile(
    r"\s*(?:\([^()]{0,4}\)\s*)?(?:(?P<mark>[:：﹕]|[|/–—-](?=\s))\s*)?"
)
_UNSPACED_CHAR = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_PARTS = re.compile(r"\s*(?:[|•·‧∙●▪★»«›‹→←]|\s[-–—/,]\s|[:：]\s|\t)\s*")
_AMOUNT = re.compile(r"\d{4}|\d[.,]\d|[$€£¥₹%]")  # no number of a page
_PART_MARK = re.compile(  # begins with one class of characters: that is searched fast
    r"[|•·‧∙●▪★»«›‹→←–—/,:：\t-]"
    r"(?:(?<=[|•·‧∙●▪★»«›‹→←\t])|(?<=\s[-–—/,])(?=\s)|(?<=[:：])(?=\s))"
)
_ASKING = frozenset({"comment_form", "newsletter", "cookie_notice", "share_links"})
_LIKE_WORDS, _LIKE_SHARE = 3, 0.5
_ROW_SHARE = 0.6
_COUNTED = frozenset({"comment_form", "share_links", "advertisement"})

_NETWORKS = frozenset(
    "facebook twitter x whatsapp linkedin pinterest reddit telegram tumblr xing"  # noqa: SIM905
    " instagram youtube tiktok flipboard pocket messenger bluesky mastodon threads"
    " snapchat vkontakte vk viber line wechat weibo naver kakao kakaotalk google"
    " discord spotify medium twitch skype gmail digg stumbleupon delicious buffer"
    " instapaper evernote email".split()
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase found in a line.

    Attributes:
        group: ``leftovers``, ``openers``, ``labels`` or ``notes``.
        name: Removal reason, label or kind of note.
        language: First language that has the phrase; not the language of the line.
        start: First code point in the original text (0 but for notes).
        end: One past the last code point of the phrase; of labels and openers, past the
            colon or dash and the spaces that follow.
        is_marked: A colon or dash follows the label or opener.
    """

    group: str
    name: str
    language: str
    start: int = 0
    end: int = 0
    is_marked: bool = False

    @property
    def rule_id(self) -> str:
        """Rule to be recorded, e.g. ``leftovers.comment_form.de``."""
        return f"{self.group}.{self.name}.{self.language}"


@dataclass(slots=True)
class _Starts:
    """Phrases at the start of a line, by first word, longest first."""

    by_word: dict[str, list[tuple[tuple[str, ...], Phrase]]] = field(
        default_factory=dict
    )
    by_char: dict[str, list[tuple[str, Phrase]]] = field(default_factory=dict)
    heads: set[tuple[str, ...]] = field(default_factory=set)


@dataclass(slots=True)
class _Lexicon:
    """All phrases, compiled."""

    leftovers: dict[str, Phrase] = field(default_factory=dict)
    leftover_heads: frozenset[tuple[str, ...]] = frozenset()
    rows: frozenset[str] = frozenset()  # words of rows of buttons
    openers: _Starts = field(default_factory=_Starts)
    labels: _Starts = field(default_factory=_Starts)
    notes: dict[str, list[tuple[tuple[str, ...], Phrase]]] = field(default_factory=dict)
    notes_unspaced: list[tuple[str, Phrase]] = field(default_factory=list)
    stops: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stops_unspaced: dict[str, re.Pattern[str]] = field(default_factory=dict)
    conjunctions: frozenset[str] = frozenset()
    particles: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    unnamed: frozenset[str] = frozenset()
    unnamed_starts: tuple[str, ...] = ()


@lru_cache(_REMEMBERED)
def fold(line: str) -> str:
    """Reduce a line to what is compared: words, joined by one space.

    Case, accents, punctuation, symbols, emoji and marks go; a number becomes ``#``.

    Examples:
        >>> fold("» Kommentare (12)")
        'kommentare #'
        >>> fold("Ihre E-Mail-Adresse wird nicht veröffentlicht!")
        'ihre e mail adresse wird nicht veroffentlicht'
    """
    return _NUMBER.sub("#", " ".join(_words(line)))


def _words(line: str) -> list[str]:
    """Return the words of a line, without case and accents."""
    if line.isascii():
        return line.lower().translate(_SPACED).split()
    text = _fold_letters(line)
    plain = _QUOTES.sub(" ", text)
    return plain.translate(_SPACED).split() if plain.isascii() else _WORD.findall(text)


def _fold_letters(text: str) -> str:
    # NFKD splits accents off, NFKC puts Hangul and kana together again.
    text = unicodedata.normalize("NFKD", text.casefold())
    text = _DROPPED.sub("", text)
    if _TO_UNIFY.search(text):
        text = text.translate(_UNIFIED)
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def word_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the place of each word in ``text[start:end]``, as ``fold`` sees words."""
    for match in _WORD.finditer(text, start, end):
        yield match.span()


@lru_cache(_REMEMBERED)
def find_leftover(line: str) -> Phrase | None:
    """Say whether the whole line is a phrase that is never part of an article.

    Also true of a known phrase with a trailing number (comments, shares), of a line of
    nothing but social networks, and of several known phrases between bars or bullets.

    Examples:
        >>> find_leftover("[Anzeige_2]").rule_id
        'leftovers.advertisement.de'
        >>> find_leftover("Kommentare lohnen sich") is None
        True
    """
    if len(line) > MAX_LEFTOVER_CHARS:
        return None
    return _find_whole(line) or _find_parts(line)


def _find_whole(line: str) -> Phrase | None:
    if not _may_be_leftover(line):
        return None
    known = _lexicon().leftovers
    folded = fold(line)
    if found := known.get(folded):
        return found
    if folded[-2:] == " #":
        found = known.get(folded[:-2])
        if found and found.name in _COUNTED:
            return found
    return _find_networks(folded) if folded else None


def heads_of(phrases: Iterable[str]) -> frozenset[tuple[str, ...]]:
    """Return the first two words of each folded phrase; one if it has no more."""
    return frozenset(tuple(phrase.split()[:_HEAD]) for phrase in phrases)


def may_equal(line: str, heads: Collection[tuple[str, ...]]) -> bool:
    """Say whether the line, folded, may be one of some phrases.

    Most lines are not: to see that is many times faster than to fold them.

    Args:
        line: A line.
        heads: ``heads_of`` the phrases.

    Examples:
        >>> heads = heads_of(["neue brucke uber den fluss"])
        >>> may_equal("Neue Häuser am Fluss", heads)
        False
        >>> may_equal("»Neue Brücke über den Fluss«", heads)
        True
    """
    words = _find_head(line)
    return words is None or words in heads


@lru_cache(_REMEMBERED)
def _find_head(line: str) -> tuple[str, ...] | None:
    """Return the first two words of a line, folded; one if it has no more.

    Null if that is not to be seen at once; nor are numbers, which may go on.
    """
    found = _TWO_WORDS.match(line)
    if found is None:
        return None
    first, second = found.groups()
    words = (
        (fold_word(first),) if second is None else (fold_word(first), fold_word(second))
    )
    return None if "#" in "".join(words) else words


def _may_be_leftover(line: str) -> bool:
    if may_equal(line, _lexicon().leftover_heads):
        return True
    rows = _lexicon().rows
    return all(word in rows for word in _find_head(line) or ())


def _find_networks(folded: str) -> Phrase | None:
    words = folded.split()
    if words[0] not in _NETWORKS and words[-1] not in _NETWORKS:
        return None
    known = _lexicon().leftovers
    for word in words:
        if word not in _NETWORKS:
            found = known.get(word)
            if found is None or found.name != "share_links":
                return None
    # A single name may be a heading; a row of them is a row of buttons.
    return Phrase("leftovers", "share_links", "und") if len(words) > 1 else None


def _find_parts(line: str) -> Phrase | None:
    """A row of buttons: most parts between bars, bullets or a colon are known."""
    if _PART_MARK.search(line) is None:
        return None
    parts = [part for part in _PARTS.split(line) if part.strip()]
    if len(parts) < 2:  # noqa: PLR2004
        return None
    known = _lexicon().leftovers
    found = [
        phrase
        for part in parts
        if _may_be_leftover(part)
        and (phrase := known.get(fold(part)))
        and not _AMOUNT.search(part)
    ]
    enough = len(found) > 1 and len(found) >= _ROW_SHARE * len(parts)
    return found[0] if enough else None


@lru_cache(_REMEMBERED)
def find_resemblance(line: str) -> Phrase | None:
    """Say which kind of leftover a sentence resembles by its words.

    Most of its words that are not function words, and at least three, stand in the
    phrases of one kind of leftover in one language. Weaker than ``find_leftover``: for
    places where leftovers are expected.

    Examples:
        >>> find_resemblance("Enter your email address to subscribe by email").name
        'newsletter'
    """
    stops = _lexicon().stops
    words = [word for word in fold(line).split() if word not in stops and word != "#"]
    unique, vocabulary = set(words), _vocabulary()
    known: dict[tuple[str, str], int] = {}
    for word in unique & vocabulary.keys():
        for kind in vocabulary[word]:
            known[kind] = known.get(kind, 0) + 1
    most = max(known.values(), default=0)
    if most < _LIKE_WORDS or most < _LIKE_SHARE * len(unique):
        return None
    name, language = min(kind for kind, count in known.items() if count == most)
    return Phrase("resembles", name, language)


@cache
def _vocabulary() -> dict[str, frozenset[tuple[str, str]]]:
    """Words of the leftovers that ask for something, by kind and language."""
    found: dict[str, set[tuple[str, str]]] = {}
    for language in LANGUAGES:
        if language in UNSPACED:
            continue
        for group in ("leftovers", "openers"):
            for name, text in phrases(language, group):
                if name in _ASKING:
                    for word in _fold_phrase(text).split():
                        found.setdefault(word, set()).add((name, language))
    return {word: frozenset(kinds) for word, kinds in found.items()}


@lru_cache(_REMEMBERED)
def find_opener(line: str) -> Phrase | None:
    """Return the longest known beginning of a leftover at the start of the line.

    Prose may begin in the same way: the caller looks at the rest of the line.

    Examples:
        >>> phrase = find_opener("Lesen Sie auch: Neue Brücke eröffnet")
        >>> phrase.name, phrase.end, phrase.is_marked
        ('related_links', 16, True)
    """
    return next(_find_starts(line, _lexicon().openers), None)


@lru_cache(_REMEMBERED)
def find_labels(line: str) -> tuple[Phrase, ...]:
    """Return the labels the line may begin with, longest first.

    One label may announce several things: ``Quelle`` a source and a photo credit.

    Examples:
        >>> [p.name for p in find_labels("Übersetzt von Anna Berg")]
        ['translator']
    """
    return tuple(_find_starts(line, _lexicon().labels))


def _find_starts(line: str, starts: _Starts) -> Iterator[Phrase]:
    words = _find_head(line)
    if words is not None and not (words in starts.heads or words[:1] in starts.heads):
        return  # most lines
    head = line[:MAX_LEFTOVER_CHARS]
    begin, first = _find_first_word(head)
    if not first:
        return
    if _UNSPACED_CHAR.match(head, begin):
        lower = head.translate(_LOWER_ASCII)
        for text, phrase in starts.by_char.get(head[begin], ()):
            if lower.startswith(text, begin):
                yield _ended(phrase, line, begin + len(text))
        return
    candidates = starts.by_word.get(first)
    if not candidates:
        return
    found, ends = _first_words(head, len(candidates[0][0]))
    for parts, phrase in candidates:
        if tuple(found[: len(parts)]) == parts:
            yield _ended(phrase, line, ends[len(parts) - 1])


@lru_cache(_REMEMBERED)
def _find_first_word(head: str) -> tuple[int, str]:
    """Return where the first word begins, and the word, folded; ``""`` if none."""
    first = _WORD.search(head)
    return (first.start(), fold_word(first.group())) if first else (0, "")


def _first_words(line: str, count: int) -> tuple[list[str], list[int]]:
    """Return the first words, folded, and where they end; numbers in a row are one."""
    words: list[str] = []
    ends: list[int] = []
    for match in _WORD.finditer(line):
        word = fold_word(match.group())
        if words and word == words[-1] == "#":
            ends[-1] = match.end()
            continue
        if len(words) == count:
            break
        words.append(word)
        ends.append(match.end())
    return words, ends


@lru_cache(_REMEMBERED)
def fold_word(word: str) -> str:
    """Fold one word, as ``word_spans`` gives it."""
    text = word.lower() if word.isascii() else _fold_letters(word)
    return text if text.isalpha() else _DIGITS.sub("#", text)


def _ended(phrase: Phrase, line: str, end: int) -> Phrase:
    after = _AFTER_LABEL.match(line, end)
    if after is None:
        return replace(phrase, end=end)
    return replace(phrase, end=after.end(), is_marked=after["mark"] is not None)


@lru_cache(_REMEMBERED)
def find_notes(text: str) -> tuple[Phrase, ...]:
    """Find phrases that speak about the article itself, anywhere in a text.

    Returns:
        In reading order, positions in ``text``; where several begin at one place, the
        longest of each name.

    Examples:
        >>> text = "Alles erschien zuerst am 01.02.2025."
        >>> [text[p.start : p.end] for p in find_notes(text)]
        ['erschien zuerst am']
    """
    lexicon = _lexicon()
    found: dict[tuple[int, str], Phrase] = {}
    if not lexicon.notes.keys().isdisjoint(_words(text)):
        _find_spaced_notes(text, lexicon, found)
    if _UNSPACED_CHAR.search(text):
        lower = text.translate(_LOWER_ASCII)
        for part, phrase in lexicon.notes_unspaced:
            start = lower.find(part)
            if start >= 0:
                _keep_longest(
                    found, replace(phrase, start=start, end=start + len(part))
                )
    return tuple(found[key] for key in sorted(found))


def _find_spaced_notes(
    text: str, lexicon: _Lexicon, found: dict[tuple[int, str], Phrase]
) -> None:
    spans = [match.span() for match in _WORD.finditer(text)]
    words = [fold_word(text[start:end]) for start, end in spans]
    for index, word in enumerate(words):
        for parts, phrase in lexicon.notes.get(word, ()):
            # The anchor is the rarest word of the phrase, not always its first.
            first = index - parts.index(word)
            if first >= 0 and (last := _match_words(words, first, parts)) is not None:
                note = replace(phrase, start=spans[first][0], end=spans[last - 1][1])
                _keep_longest(found, note)


def _keep_longest(found: dict[tuple[int, str], Phrase], note: Phrase) -> None:
    known = found.get((note.start, note.name))
    if known is None or known.end < note.end:
        found[note.start, note.name] = note


def _match_words(words: list[str], first: int, parts: tuple[str, ...]) -> int | None:
    """Return one past the last word ``parts`` covers from ``first``, or nothing."""
    if "…" not in parts:
        last = first + len(parts)
        return last if tuple(words[first:last]) == parts else None
    gap = parts.index("…")
    begin = first + gap
    if tuple(words[first:begin]) != parts[:gap]:
        return None
    tail = parts[gap + 1 :]
    for start in range(begin + 1, begin + 1 + _GAP_WORDS):
        if tuple(words[start : start + len(tail)]) == tail:
            return start + len(tail)
    return None


def stop_share(text: str) -> float:
    """Share of the words that are stop words of the language that has most of them.

    Prose has 0.3 to 0.6, lists of links and names under 0.2. In Chinese, Japanese and
    Thai the share of characters in particles: about 0.1 to 0.5 in prose.

    Returns:
        0 to 1; 0 for a text without words.
    """
    lexicon = _lexicon()
    letters = _UNSPACED_CHAR.findall(text[:2000])
    if len(letters) * 2 > len(text[:2000].replace(" ", "")):
        covered = [
            sum(map(len, pattern.findall(text[:2000])))
            for pattern in lexicon.stops_unspaced.values()
        ]
        return max(covered, default=0) / len(letters)
    words = _words(text)[:_MAX_COUNTED_WORDS]
    if not words:
        return 0.0
    counts: Counter[str] = Counter()
    known = lexicon.stops
    for word in words:
        if word in known:
            counts.update(known[word])
    return max(counts.values(), default=0) / len(words)


def is_stop(word: str) -> bool:
    """Say whether the word is a function word in any language."""
    return fold(word) in _lexicon().stops


def stop_languages(word: str) -> tuple[str, ...]:
    """Languages in which the word is a function word."""
    return _lexicon().stops.get(fold(word), ())


def load() -> None:
    """Load the lexicon, if that is still to be done."""
    _lexicon()


def guess_language(texts: Iterable[str]) -> str | None:
    """Return the language with most function words; enough to tell names apart.

    Args:
        texts: Pieces of a text; words count that stand between spaces.
    """
    rows, written = _written_stops()
    words = " ".join(texts).lower().split()
    found = np.fromiter(map(rows.get, words, repeat(0)), np.intp, len(words))
    counts = written.take(found, axis=0).sum(axis=0)
    most = int(np.argmax(counts))  # the first of the best
    return LANGUAGES[most] if counts[most] else None


@cache
def _written_stops() -> tuple[dict[str, int], npt.NDArray[np.uint8]]:
    """Return the row of each function word, and which languages have those of a row.

    The first row is that of all other words.
    """
    groups: dict[str, list[int]] = {}
    for number, language in enumerate(LANGUAGES):
        stops = read_language(language)["words"]["stop"]
        for word in set(stops.lower().split()):
            groups.setdefault(word, []).append(number)
    written = np.zeros((len(groups) + 1, len(LANGUAGES)), np.uint8)
    for row, numbers in enumerate(groups.values(), start=1):
        written[row, numbers] = 1
    return {word: row for row, word in enumerate(groups, start=1)}, written


def conjunctions() -> frozenset[str]:
    """Words that join the names of authors, folded (``and``, ``und``, ``y``)."""
    return _lexicon().conjunctions


def particles() -> frozenset[str]:
    """Words in lower case inside names, folded (``van``, ``de``, ``bin``)."""
    return _lexicon().particles


def roles() -> frozenset[str]:
    """Job titles of people who write articles, folded (``staff writer``)."""
    return _lexicon().roles


def is_role(text: str) -> bool:
    """Say whether a piece of a byline is a job title, or ends or begins with one.

    Examples:
        >>> is_role("Senior Political Correspondent"), is_role("Anna Berg")
        (True, False)
    """
    words = fold(text).split()
    known = _lexicon().roles
    return any(
        " ".join(words[-count:]) in known or " ".join(words[:count]) in known
        for count in range(1, min(len(words), _longest_role_words()) + 1)
    )


@lru_cache(_REMEMBERED)
def is_unnamed(text: str) -> bool:
    """Say whether a byline names nobody, only what kind of people wrote.

    An article before it (``the``, ``dem``) makes no difference.

    Examples:
        >>> is_unnamed("Agenturen"), is_unnamed("dem Ressort"), is_unnamed("Agence X")
        (True, True, False)
    """
    known = _lexicon()
    words = fold(text).split()
    rests = [" ".join(words)]
    if words and words[0] in known.stops:
        rests.append(" ".join(words[1:]))
    return any(
        rest in known.unnamed or rest.startswith(known.unnamed_starts) for rest in rests
    )


@cache
def _longest_role_words() -> int:
    return max(len(role.split()) for role in _lexicon().roles)


@cache
def read_language(language: str) -> dict[str, dict[str, str]]:
    """Return the sections of one file, each a block of lines by name.

    Args:
        language: One of ``LANGUAGES``.
    """
    path = _FOLDER / f"{language}.toml"
    with path.open("rb") as file:
        return tomllib.load(file)


def phrases(language: str, group: str) -> Iterator[tuple[str, str]]:
    """Yield name and phrase of one group of a language, as they stand in the file."""
    for name, block in read_language(language).get(group, {}).items():
        for line in block.splitlines():
            if line.strip():
                yield name, line.strip()


@cache
def _lexicon() -> _Lexicon:
    lexicon = _Lexicon()
    for language in LANGUAGES:
        _add_words(lexicon, language)
    anchors = {"#", "…", *lexicon.stops}
    for language in LANGUAGES:
        for name, text in phrases(language, "leftovers"):
            phrase = Phrase("leftovers", name, language)
            lexicon.leftovers.setdefault(_fold_phrase(text), phrase)
        for group, starts in (("openers", lexicon.openers), ("labels", lexicon.labels)):
            for name, text in phrases(language, group):
                _add_start(starts, text, Phrase(group, name, language))
        for name, text in phrases(language, "notes"):
            _add_note(lexicon, text, Phrase("notes", name, language), anchors)
    lexicon.leftovers.pop("", None)
    lexicon.leftover_heads = heads_of(lexicon.leftovers)
    singles = (head[0] for head in lexicon.leftover_heads if not head[1:])
    lexicon.rows = _NETWORKS.union(singles)
    for starts in (lexicon.openers, lexicon.labels):
        for spaced in starts.by_word.values():
            spaced.sort(key=lambda entry: -len(entry[0]))
        for unspaced in starts.by_char.values():
            unspaced.sort(key=lambda entry: -len(entry[0]))
    return lexicon


def _add_words(lexicon: _Lexicon, language: str) -> None:
    words = read_language(language)["words"]
    for word in fold(words["stop"]).split():
        lexicon.stops[word] = (*lexicon.stops.get(word, ()), language)
    if language in UNSPACED:
        parts = sorted(words["stop"].split(), key=len, reverse=True)
        lexicon.stops_unspaced[language] = re.compile("|".join(parts))
    lexicon.conjunctions |= frozenset(fold(words.get("and", "")).split())
    lexicon.particles |= frozenset(fold(words.get("particles", "")).split())
    lexicon.roles |= _folded(words.get("roles", ""))
    unnamed = words.get("unnamed", "").splitlines()
    starts = (line.removesuffix("…") for line in unnamed if line.endswith("…"))
    lexicon.unnamed |= _folded("\n".join(unnamed))
    lexicon.unnamed_starts += tuple(f"{fold(start)} " for start in starts)


def _folded(block: str) -> frozenset[str]:
    return frozenset(fold(line) for line in block.splitlines()) - {""}


def _fold_phrase(text: str) -> str:
    return fold(text.replace("#", "0"))


def _add_start(starts: _Starts, text: str, phrase: Phrase) -> None:
    first = _WORD.search(text)
    if first and _UNSPACED_CHAR.match(first.group()):
        text = text[first.start() :].translate(_LOWER_ASCII)
        entries = starts.by_char.setdefault(text[0], [])
        if not any(text == old and phrase.name == p.name for old, p in entries):
            entries.append((text, phrase))
        return
    parts = tuple(_fold_phrase(text).split())
    if parts:
        starts.heads.add(parts[:_HEAD])
        known = starts.by_word.setdefault(parts[0], [])
        if not any(parts == old and phrase.name == p.name for old, p in known):
            known.append((parts, phrase))


def _add_note(lexicon: _Lexicon, text: str, phrase: Phrase, common: set[str]) -> None:
    if _UNSPACED_CHAR.search(text):
        lexicon.notes_unspaced.append((text.translate(_LOWER_ASCII), phrase))
        return
    before, _, after = text.partition("…")
    parts = tuple(_fold_phrase(before).split())
    head = parts  # a gap may be long, so the anchor stands before it
    if after:
        parts = (*parts, "…", *_fold_phrase(after).split())
    rare = [word for word in head if word not in common] or list(head)
    anchor = max(rare, key=len)
    lexicon.notes.setdefault(anchor, []).append((parts, phrase))
