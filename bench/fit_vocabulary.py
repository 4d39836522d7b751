"""Make the vocabulary: how frequent words are in each language; write ``tasks/data``.

    pip install langidentify-full-model
    python bench/fit_vocabulary.py

Run it before ``fit_traces.py``, which fits its weight. The shares of words are those of
langidentify 1.0 (Apache-2.0, Jeremy Lilley), counted on Wikipedia: no text is kept, and
none of the language bench is looked at. Deterministic; takes a minute.
"""

import gzip
import importlib.util
import math
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import eldc
import numpy as np
from fit_traces import Array, make_table, write_traces

from tasks.languages.profiles import load_profiles
from tasks.languages.traces import Keys, load_traces, make_keys

WORDS = 1_000_000  # of 4.4 million; the rest adds to single rare words only
PARTS = {"no": {"no": 0.85, "nn": 0.15}}
UNSEEN = math.exp(-15.5)
LONGEST = 40
BARE_SHARE = 0.03  # of a word written without its accents
_BARE = str.maketrans({"đ": "d", "ł": "l", "ı": "i"})


def main() -> None:
    """Count and write."""
    languages = {*load_traces().languages, *load_profiles().languages, *eldc.LANGUAGES}
    found = {code: measure_words(code) for code in sorted(languages)}
    write_traces(
        "vocabulary",
        make_table(
            {code: own for code, own in found.items() if len(own[0])}, WORDS, UNSEEN
        ),
    )


def measure_words(code: str) -> tuple[Keys, Array]:
    """Return the words of a language and the share of each; none if it has no list."""
    words: dict[str, float] = {}
    for part, weight in PARTS.get(code, {code: 1.0}).items():
        for word, share in read_words(part):
            words[word] = words.get(word, 0.0) + weight * share
            bare = strip_accents(word)
            if bare != word:
                words[bare] = words.get(bare, 0.0) + BARE_SHARE * weight * share
    keys, _, whole = make_keys(list(words))
    found, places = np.unique(keys[whole], return_inverse=True)
    return found, np.bincount(places, np.array(list(words.values())), len(found))


def read_words(code: str) -> Iterator[tuple[str, float]]:
    """Yield the words of a list that are letters only, and the share of each."""
    spec = importlib.util.find_spec("langidentify_full_model")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install langidentify-full-model")
    path = Path(spec.origin).parent / "data" / f"topwords-{code}.txt.gz"
    if not path.exists():
        return
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            word, logarithm = line.split()
            word = unicodedata.normalize("NFC", word)
            if len(word) <= LONGEST and all(map(is_letter, word)):
                yield word, math.exp(float(logarithm))


def is_letter(letter: str) -> bool:
    """Tell letters and marks that ``make_keys`` knows."""
    return unicodedata.category(letter)[0] in "LM" and letter <= "\uffff"


def strip_accents(word: str) -> str:
    """Return a word of Latin letters without accents, any other as it is.

    Examples:
        >>> strip_accents("největší"), strip_accents("ещё")
        ('nejvetsi', 'ещё')
    """
    letters = unicodedata.normalize("NFD", word.translate(_BARE))
    bare = "".join(x for x in letters if unicodedata.category(x) != "Mn")
    return bare if bare.isascii() and bare else word


if __name__ == "__main__":
    main()
