"""Names of people and organisations in bylines."""

import re

from tasks.text import lexicon

_EMAIL = re.compile(r"\S+@\S+\.\w+")
_HANDLE = re.compile(r"(?<!\w)@\w+")
_BRACKETS = re.compile(r"\s*[(\[（][^)\]）]*[)\]）]")
_SEPARATOR = re.compile(r"\s*(?:[;/|·•&、،]|,(?!\s*(?:Jr|Sr)\b))\s*")
_NAME_WORD = re.compile(r"[^\W\d_]+(?:[.'’\-‐][^\W\d_]*)*\.?")
_CASELESS = re.compile(  # vowel signs are no letters to `re`
    r"[^\s\d_.,;:!?()\[\]«»“”\"]+(?:[ ·・‧][^\s\d_.,;:!?()\[\]«»“”\"]+){0,4}"
)
_COINED = re.compile(r"(?=\S*[^\W\d_])\S*[\d+&.#]\S*")  # n+1, t3n, Rue89

_AMPERSANDS = {"&", "+"}

# Behind a function word they head a phrase: `Aus dem Ressort`.
_ARTICLES = frozenset({"dem", "den", "der", "des", "das"})

_MAX_WORDS = 5
_MAX_CASELESS_CHARS = 24
_MAX_NAMES = 8


def parse_names(
    text: str, *, labelled: bool = True, language: str | None = None
) -> tuple[str, ...]:
    """Read a byline's names; abstain if any part does not look like a name.

    Job titles, places after a comma, e-mail addresses and handles are left out.

    Args:
        text: The byline without its label (``Von``, ``By``).
        labelled: A label stood before it; without one a single word is not enough,
            unless it is coined like ``n+1``.
        language: Language of the article, if known: its function words are no names
            (``Die Rechnung``), though another language's may be (``Kim``, ``Ben``).

    Returns:
        Names in order; empty if this is not a list of names.

    Examples:
        >>> parse_names("Mara Lind, Redakteurin")
        ('Mara Lind',)
        >>> parse_names("Ana Ruiz y Luis Gil")
        ('Ana Ruiz', 'Luis Gil')
        >>> parse_names("der Redaktion unseres Hauses"), parse_names("Agenturen")
        ((), ())
    """
    text = _HANDLE.sub("", _EMAIL.sub("", _BRACKETS.sub("", text)))
    found: list[str] = []
    for group in _SEPARATOR.split(text.strip(" \t.:–—-")):
        if not group:
            continue
        for place, part in enumerate(_split_conjunctions(group)):
            name = part.strip(" \t:–—")
            name = _without_role(name)
            if not name:
                continue
            if not is_name(name, language):
                return () if not found or labelled is False else tuple(found)
            if found and not place and " " not in name and " " in found[0]:
                continue  # `Anna Berg, Frankfurt`: a place or an agency
            if name not in found:
                found.append(name)
    if not labelled and len(found) == 1 and " " not in found[0]:
        return tuple(found) if _COINED.fullmatch(found[0]) else ()
    return tuple(found) if len(found) <= _MAX_NAMES else ()


def _without_role(text: str) -> str:
    """Name before a job title (``Amy Stone Political Correspondent``), or nothing."""
    if lexicon.is_unnamed(text):
        return ""
    if not lexicon.is_role(text):
        return text
    words = text.split()
    if lexicon.fold(text) in lexicon.roles():
        return ""
    for count in range(2, len(words)):
        name, role = " ".join(words[:count]), " ".join(words[count:])
        if lexicon.is_role(role) and not lexicon.is_role(name) and is_name(name):
            return name
    return ""


def _split_conjunctions(text: str) -> list[str]:
    """Split at words that join names; only inside, so that ``Y. Ando`` stays whole."""
    words = text.split()
    parts: list[list[str]] = [[]]
    for index, word in enumerate(words):
        inside = 0 < index < len(words) - 1
        joins = word in _AMPERSANDS or (
            word == word.lower() and lexicon.fold(word) in lexicon.conjunctions()
        )
        if inside and joins:
            parts.append([])
        else:
            parts[-1].append(word)
    return [" ".join(part) for part in parts]


def is_name(text: str, language: str | None = None) -> bool:
    """Whether the text has the shape of one name, in any script.

    Examples:
        >>> is_name("Ursula von der Heide"), is_name("Neues aus der Stadt")
        (True, False)
        >>> is_name("Aus dem Ressort")
        False
    """
    words = text.split()
    if not words or len(words) > _MAX_WORDS or len(text) < len("Li"):
        return False
    if len(words) == 1 and _COINED.fullmatch(text):
        return True
    cased = any(char.islower() or char.isupper() for char in text)
    if not cased:
        return len(text) <= _MAX_CASELESS_CHARS and bool(_CASELESS.fullmatch(text))
    is_phrase = lexicon.is_stop(words[0]) and words[1:2] and words[1] in _ARTICLES
    named = runs = 0  # of particles: `van der Heide`, but not `dem Ende der Welt`
    after_particle = False
    for word in words:
        bare = word.strip("\"“”„«»'")
        if bare.islower() and lexicon.fold(bare) in lexicon.particles():
            runs += not after_particle
            after_particle = True
            continue
        after_particle = False
        if not _NAME_WORD.fullmatch(bare) or not bare[0].isupper():
            return False
        if language and language in lexicon.stop_languages(bare):
            return False
        named += 1
    return named > 0 and runs <= 1 and not is_phrase
