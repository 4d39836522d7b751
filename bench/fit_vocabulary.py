"""Make the vocabulary and the letters of each language; write ``tasks/data``.

    pip install langidentify-full-model brotli 'lingua-language-detector<2'
    python bench/fit_vocabulary.py

Run it before ``fit_traces.py``, which fits their weights. The shares of words are those
of langidentify 1.0 (Apache-2.0, Jeremy Lilley), counted on Wikipedia, those of letters
lingua's (Apache-2.0, Peter M. Stahl): no text is kept, and none of the language bench
is looked at. Deterministic; takes a minute.
"""

import gzip
import importlib.util
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import eldc
import numpy as np
from fit_language import DATA
from fit_traces import PARTS as LINGUA_PARTS
from fit_traces import Array, make_table, read_model, write_traces

from tasks.languages.profiles import load_profiles
from tasks.languages.traces import Keys, load_traces, make_keys

WORDS = 1_000_000  # of 4.4 million; the rest adds to single rare words only
PARTS = {"no": {"no": 0.85, "nn": 0.15}}
UNSEEN = math.exp(-15.5)
LONGEST = 40
BARE_SHARE = 0.03  # of a word written without its accents
UNUSED = 2e-5  # share of a letter that a language does not use
STEPS = 255
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
    write_letters({code: measure_letters(code) for code in sorted(languages)})


def measure_letters(code: str) -> dict[str, float]:
    """Return the share of each letter among all; none if lingua has no model."""
    letters: Counter[str] = Counter()
    for part in LINGUA_PARTS.get(code, (code,)):
        models = read_model(part)
        if len(models) > 1:  # else it goes by the script alone
            letters.update(models[1])
    return {letter: share / letters.total() for letter, share in letters.items()}


def write_letters(shares: dict[str, dict[str, float]]) -> None:
    """Write the letters beyond ASCII."""
    codes = [code for code, own in shares.items() if own]
    letters = sorted(
        {x for own in shares.values() for x in own if is_letter(x) and not x.isascii()}
    )
    values = np.array(
        [
            [math.log1p(shares[code].get(x, 0.0) / UNUSED) for code in codes]
            for x in letters
        ]
    )
    unit = float(values.max() / STEPS)
    np.savez(
        DATA.parent / "letters.npz",
        languages=np.array(codes),
        letters=np.array(list(map(ord, letters)), np.uint16),
        values=np.round(values / unit).astype(np.uint8),
        unit=unit,
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
