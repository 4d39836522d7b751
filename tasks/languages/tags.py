"""Languages written out as far as the text tells: BCP 47 tags.

A tag names the script where a language is written in several or in an unusual one
(``zh-Hant``, ``sr-Cyrl``), and the written standard of Norwegian (``nb``, ``nn``).
"""

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from tasks.languages import UNDETERMINED
from tasks.languages.scripts import NO_SCRIPT, OTHER

_DATA = resources.files("tasks") / "data" / "detect.json"
_WORD = re.compile(r"[^\W\d_]+")
_LEAD = 2  # words more than of any other standard
_HAN = ("Hani", "Hans", "Hant")
_LATIN = "Latn"


@dataclass(frozen=True, slots=True)
class _Facts:
    """Usual script by language; words of each standard by language."""

    scripts: dict[str, str]
    standards: dict[str, dict[str, frozenset[str]]]
    always: frozenset[str]


def refine_script(language: str, script: str) -> str:
    """Correct a script by the language: Japanese in Han alone is still ``Jpan``."""
    return "Jpan" if language == "ja" and script in _HAN else script


def make_tag(language: str, script: str, texts: Sequence[str]) -> str:
    """Return the tag of texts in one language.

    Args:
        language: ISO 639 code.
        script: ISO 15924 code.
        texts: What there is to tell a written standard by.

    Examples:
        >>> make_tag("de", "Latn", []), make_tag("zh", "Hant", [])
        ('de', 'zh-Hant')
        >>> make_tag("no", "Latn", ["Eg veit ikkje kva det er, men noko er det."])
        'nn'
    """
    if language == UNDETERMINED:
        return language
    facts = _load_facts()
    if standards := facts.standards.get(language):
        return _tell_standard(texts, standards) or language
    usual = facts.scripts.get(language, _LATIN)
    if script in {NO_SCRIPT, OTHER, "Hani"}:
        return language
    if script != usual or language in facts.always:
        return f"{language}-{script}"
    return language


def _tell_standard(
    texts: Sequence[str], standards: dict[str, frozenset[str]]
) -> str | None:
    words = [word for text in texts for word in _WORD.findall(text.lower())]
    hits = {code: sum(word in own for word in words) for code, own in standards.items()}
    first, second = sorted(hits, key=lambda code: (-hits[code], code))[:2]
    return first if hits[first] >= hits[second] + _LEAD else None


@functools.cache
def _load_facts() -> _Facts:
    facts = json.loads(_DATA.read_text(encoding="utf-8"))
    scripts = {
        code: script
        for script, codes in facts["scripts"].items()
        for code in codes.split()
    }
    return _Facts(
        scripts={**scripts, "ja": "Jpan", "ko": "Kore", "zh": ""},
        standards={
            language: {code: frozenset(words.split()) for code, words in own.items()}
            for language, own in facts["standards"].items()
        },
        always=frozenset(facts["tagged_with_script"].split()),
    )
