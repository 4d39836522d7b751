"""Score our language detector on the language bench, beside langdetect and the peers.

    python bench/languages.py [--shared ../shared] [--texts-per-language 10]

Runs the whole development half through the default detector, through its part that
needs no compiled package, and through eldc alone; an even sample of it through plain
seeded langdetect too (which needs some milliseconds a text). Speeds are of one process,
one after the other. The other peers' figures are quoted from ``lid/PEERS.txt``: they
are of the whole bench, ours of its development half, from which our weights were
learnt: ``bench/fit_traces.py`` prints what is right of texts that were not learnt from.
"""

import argparse
import importlib
import itertools
import resource
import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import text_unidecode

PEERS = ("langdetect", "lingua_high", "py3langid", "lid176ftz")  # quoted
OWN = "ld_combo"  # no peer: the prototype of ours
LEVELS = (0.0, 0.5, 0.7, 0.9, 0.95, 0.99)
BINS = (0.0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.01)
CLEAN = (("ud", "sentence"), ("tatoeba", "short"))
CLEAN_TEXTS = 30  # per kind and language
HASHTAG_WORDS = 4
MISREAD = str.maketrans("eloiuhcnЕео", "c10lvbeuВсо")
MISREAD_SHARE = 20  # every 20th letter
LONG = ("sentence", "paragraph", "document", "tweet")
NOT_LANGUAGE = ("junk", "mixed")
BATCH = 1000

Row = dict[str, str]
Answer = tuple[str, float]
Detect = Callable[[Sequence[str]], list[Answer]]


def read_peers(path: Path) -> dict[str, dict[str, float]]:
    """Return the first table of the peers' results: kind of text, peer, accuracy."""
    head, *lines = path.read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    names = [name.rstrip("_") for name in head.split()]
    table = {}
    for line in lines:
        kind, *values = line.split()
        table[kind] = dict(zip(names, map(float, values), strict=True))
    return table


def kind_of(row: Row) -> str:
    """Return source and type of a text, as the peers' table names them."""
    return f"{row['src']}/{row['type']}"


def ask(detect: Detect, rows: list[Row]) -> tuple[list[Answer], dict[str, float]]:
    """Return the answer to every row, and CPU seconds by kind."""
    answers: list[Answer] = [("und", 0.0)] * len(rows)
    seconds: dict[str, float] = {}
    places: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(kind_of(row), []).append(place)
    for kind, group in places.items():
        start = time.process_time()
        for first in range(0, len(group), BATCH):
            batch = group[first : first + BATCH]
            found = detect([rows[place]["text"] for place in batch])
            for place, answer in zip(batch, found, strict=True):
                answers[place] = answer
        seconds[kind] = time.process_time() - start
    return answers, seconds


def sample(rows: list[Row], most: int) -> list[Row]:
    """Take the first ``most`` texts of every kind and language."""
    seen: Counter[tuple[str, str]] = Counter()
    taken = []
    for row in rows:
        key = kind_of(row), row["lang"]
        seen[key] += 1
        if seen[key] <= most:
            taken.append(row)
    return taken


def print_accuracy(
    scorer: ModuleType,
    rows: list[Row],
    answers: dict[str, list[Answer]],
    peers: Path,
) -> None:
    """Print macro accuracy by kind of text: measured now, then quoted of peers.

    Args:
        scorer: The bench's own.
        rows: The bench.
        answers: By detector; the first is shown over all languages too.
        peers: The table to quote.
    """
    table = read_peers(peers)
    common = set(scorer.COMMON)
    counts = Counter(kind_of(row) for row in rows)
    first = next(iter(answers))
    print(f"{'macro accuracy, %':18}{'texts':>7}{'all':>8}", end=" |")
    print(*(f"{name:>11}" for name in answers), end=" |")
    print(*(f"{peer:>11}" for peer in PEERS), f"{'best peer':>22}")
    for source, name in scorer.TYPES:
        kind = f"{source}/{name}"
        every, _ = scorer.macro(rows, answers[first], source, name)
        print(f"{kind:18}{counts[kind]:7}{100 * every:8.2f}", end=" |")
        for found in answers.values():
            share, _ = scorer.macro(rows, found, source, name, common)
            print(f"{100 * share:12.2f}", end="")
        print(" |", *(f"{table[kind][peer]:11.2f}" for peer in PEERS), end="")
        best = max(table[kind].keys() - {OWN}, key=lambda name: table[kind][name])
        print(f"{best:>17}{table[kind][best]:6.2f}")
    print(f"all: {first} over all languages of the bench; else the 45 common ones\n")


def print_reliability(rows: list[Row], answers: list[Answer], common: set[str]) -> None:
    """Print how many answers are right, kept and wrongly kept, by score."""
    groups = {
        name: [
            (answer, row)
            for answer, row in zip(answers, rows, strict=True)
            if row["lang"] in common
            and row["src"] not in NOT_LANGUAGE
            and (row["type"] in LONG) == is_long
        ]
        for name, is_long in (("short", False), ("sentence and longer", True))
    }
    groups["junk"] = [
        p for p in zip(answers, rows, strict=True) if p[1]["src"] == "junk"
    ]
    groups["unknown language"] = [
        p for p in zip(answers, rows, strict=True) if p[1]["type"] == "ood"
    ]
    for name, pairs in groups.items():
        print(f"{name}: n = {len(pairs)}")
        for level in LEVELS:
            kept = [p for p in pairs if p[0][0] != "und" and p[0][1] >= level]
            line = f"  score >= {level:4.2f}: kept {100 * len(kept) / len(pairs):6.2f}%"
            if name not in {"junk", "unknown language"}:
                right = sum(answer[0] == row["lang"] for answer, row in kept)
                line += f"  right {100 * right / max(len(kept), 1):6.2f}%"
            print(line)
    print()


def print_curve(rows: list[Row], answers: list[Answer], common: set[str]) -> None:
    """Print the reliability curve: how sure the answers are, and how often right."""
    told = [
        (answer, row)
        for answer, row in zip(answers, rows, strict=True)
        if row["lang"] in common
        and row["src"] not in NOT_LANGUAGE
        and answer[0] != "und"
    ]
    print("reliability: score, mean score, right, texts")
    for low, high in itertools.pairwise(BINS):
        own = [pair for pair in told if low <= pair[0][1] < high]
        if own:
            mean = sum(answer[1] for answer, _ in own) / len(own)
            right = sum(answer[0] == row["lang"] for answer, row in own) / len(own)
            line = f"  {low:4.2f} to {min(high, 1):4.2f}: {100 * mean:6.2f}%"
            print(f"{line} {100 * right:7.2f}% {len(own):7}")
    print()


def print_unanswered(rows: list[Row], answers: list[Answer], common: set[str]) -> None:
    """Print how much is answered ``und``: what should be, and what should not."""
    groups = {
        "junk": lambda row: row["src"] == "junk",
        "unknown language": lambda row: row["type"] == "ood",
        "sentence and longer": lambda row: (
            row["lang"] in common
            and row["type"] in LONG
            and row["src"] not in NOT_LANGUAGE
        ),
    }
    for name, belongs in groups.items():
        codes = [a[0] for a, row in zip(answers, rows, strict=True) if belongs(row)]
        print(f"und: {name:20} {100 * codes.count('und') / len(codes):6.2f}%")
    print()


def print_mixed(rows: list[Row], answers: list[Answer], detect: Detect) -> None:
    """Print how documents and paragraphs in two languages fare in the step itself."""
    step = importlib.import_module("tasks.detect")
    spans = importlib.import_module("tasks.languages.spans")
    documents = [row for row in rows if row["type"] == "mixdoc"]
    main = found = 0
    for row in documents:
        paragraphs = row["text"].split("\n\n")
        own = [step.Answer(*answer) for answer in detect(paragraphs)]
        settled = step.settle_languages(paragraphs, own)
        main += settled.main.code == row["lang"]
        found += settled.blocks[int(row["pos"])].code == row["other"]
    count = len(documents)
    print(f"mixed documents: main language right {100 * main / count:.1f}%", end="")
    print(f", paragraph in the other found {100 * found / count:.1f}% of {count}")
    pairs = [p for p in zip(answers, rows, strict=True) if p[1]["type"] == "mixpara"]
    texts = [row["text"] for _, row in pairs]
    mixtures = spans.find_foreign(texts, [answer for answer, _ in pairs], detect)
    both = sum(
        (mixture.main or answer)[0] == row["lang"]
        and {span.language for span in mixture.spans} == {row["other"]}
        for mixture, (answer, row) in zip(mixtures, pairs, strict=True)
    )
    print(f"mixed paragraphs: both languages found {100 * both / len(pairs):.1f}%")
    whole = [row for row in rows if row["type"] == "paragraph" and row["src"] != "udhr"]
    texts = [row["text"] for row in whole]
    mixtures = spans.find_foreign(texts, detect(texts), detect)
    wrong = sum(bool(mixture.spans) for mixture in mixtures)
    print(f"other paragraphs: a passage found in {wrong} of {len(whole)}\n")


def misread(text: str) -> str:
    """Replace letters as a bad scan does, every 20th that can be misread."""
    letters = list(text)
    places = [i for i, letter in enumerate(letters) if ord(letter) in MISREAD]
    for place in places[:: max(MISREAD_SHARE * len(places) // max(len(text), 1), 1)]:
        letters[place] = letters[place].translate(MISREAD)
    return "".join(letters)


def strip_marks(text: str) -> str:
    """Drop the marks of Latin and Greek letters, as careless typists do."""
    return "".join(
        letter
        for letter in unicodedata.normalize("NFD", text)
        if not 0x300 <= ord(letter) < 0x370  # noqa: PLR2004 - Unicode block
    )


def make_hashtag(text: str) -> str:
    """Join the first words to a hashtag."""
    words = [word.strip(".,;:!?¿¡\"'«»“”()") for word in text.split()]
    return "#" + "".join(word.capitalize() for word in words[:HASHTAG_WORDS])


DAMAGES: dict[str, Callable[[str], str]] = {
    "all capitals": str.upper,
    "no diacritics": strip_marks,
    "transliterated": text_unidecode.unidecode,
    "misread letters": misread,
    "hashtag": make_hashtag,
}


def print_robustness(
    rows: list[Row], common: set[str], ours: Detect, theirs: Detect
) -> None:
    """Print the loss of accuracy on damaged text, of texts that the damage changes."""
    clean = sample(
        [r for r in rows if (r["src"], r["type"]) in CLEAN and r["lang"] in common],
        CLEAN_TEXTS,
    )
    print(f"{'damaged text':18}{'texts':>7}{'clean':>8}{'ours':>8}{'loss':>7}", end="")
    print(f"{'langdetect':>12}{'loss':>7}")
    for name, damage in DAMAGES.items():
        changed = [row for row in clean if damage(row["text"]) != row["text"]]
        before = [row["text"] for row in changed]
        after = [damage(text) for text in before]
        right = []
        for detect, most in ((ours, 1), (theirs, 10)):
            for texts in (before, after):
                answers = detect(texts[::most])
                hits = [
                    answer[0] == row["lang"]
                    for answer, row in zip(answers, changed[::most], strict=True)
                ]
                right.append(100 * sum(hits) / max(len(hits), 1))
        line = f"{name:18}{len(changed):7}{right[0]:8.2f}{right[1]:8.2f}"
        print(f"{line}{right[0] - right[1]:7.2f}{right[3]:12.2f}", end="")
        print(f"{right[2] - right[3]:7.2f}")
    print()


def print_speed(
    scorer: ModuleType, rows: list[Row], most: int, ours: Detect, theirs: Detect
) -> None:
    """Print accuracy of both detectors on a sample, and speed beside eldc's own.

    Our speed is measured on all texts: a sample is over too soon.
    """
    _, our_seconds = ask(ours, rows)
    _, eldc_seconds = ask(ask_eldc, rows)
    some = sample(rows, most)
    fast, _ = ask(ours, some)
    slow, their_seconds = ask(theirs, some)
    counts, few = Counter(map(kind_of, rows)), Counter(map(kind_of, some))
    common = set(scorer.COMMON)
    print(f"{'same texts':18}{'texts':>7}{'ours':>8}{'langdetect':>12}", end="")
    print(f"{'eldc/s':>10}{'ours/s':>10}{'langdetect/s':>14}{'times':>8}")
    for source, name in scorer.TYPES:
        kind = f"{source}/{name}"
        accuracy, _ = scorer.macro(some, fast, source, name, common)
        other, _ = scorer.macro(some, slow, source, name, common)
        speed = counts[kind] / max(our_seconds[kind], 1e-9)
        alone = counts[kind] / max(eldc_seconds[kind], 1e-9)
        their_speed = few[kind] / max(their_seconds[kind], 1e-9)
        print(f"{kind:18}{few[kind]:7}{100 * accuracy:8.2f}{100 * other:12.2f}", end="")
        print(f"{alone:10.0f}{speed:10.0f}{their_speed:14.0f}", end="")
        print(f"{speed / their_speed:8.0f}")
    print("times: ours to langdetect\n")


def ask_eldc(texts: Sequence[str]) -> list[Answer]:
    """Return eldc's own answers; it needs text that can be encoded."""
    model = importlib.import_module("tasks.languages.fusion").load_model(with_eldc=True)
    found = model.ask_words([text.replace("\x00", " ") for text in texts])
    return [next(iter(scores.items()), ("und", 0.0)) for scores in found]


def print_settled(rows: list[Row]) -> None:
    """Print how much of each kind is settled at a glance."""
    chunks = importlib.import_module("tasks.languages.chunks")
    model = importlib.import_module("tasks.languages.fusion").load_model(with_eldc=True)
    glance = importlib.import_module("tasks.languages.glance")
    texts = [chunks.make_chunks(row["text"])[0] for row in rows]
    kinds = list(map(kind_of, rows))
    by_eldc, by_traces = Counter[str](), Counter[str]()
    left = []
    for place, (text, scores) in enumerate(
        zip(texts, model.ask_words(texts), strict=True)
    ):
        if model.glance.settle(text, scores) is None:
            left.append(place)
        else:
            by_eldc[kinds[place]] += 1
    for start in range(0, len(left), BATCH):
        some = left[start : start + BATCH]
        trail = model.reviewer.traces.follow([texts[place] for place in some])
        marks = glance.measure_traces(model.reviewer.traces, trail)
        for place, *mark in zip(some, *map(list, marks), strict=True):
            score = model.trace_glance.settle_measured(texts[place], *mark)
            by_traces[kinds[place]] += score is not None
    print("settled at a glance, % of texts (the first chunk of long ones)")
    print(f"  {'':18}{'eldc':>6}{'traces':>8}")
    for kind, count in Counter(kinds).items():
        shares = 100 * by_eldc[kind] / count, 100 * by_traces[kind] / count
        print(f"  {kind:18}{shares[0]:6.1f}{shares[1]:8.1f}")
    print()


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--texts-per-language", type=int, default=10)
    arguments = parser.parse_args()
    folder = arguments.shared / "lid"
    sys.path[:0] = [str(Path(__file__).parents[1]), str(folder)]
    scorer = importlib.import_module("eval")

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    fusion = importlib.import_module("tasks.languages.fusion")
    ours = fusion.FusedDetector().detect
    ours(["Das ist ein Satz."])
    loading = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"loading: {loading:.2f} s of CPU, {grown:.0f} MB (imports included)\n")

    rows = scorer.load(folder / "dev.jsonl.gz")
    alone = fusion.FusedDetector(with_eldc=False).detect
    # As the scorer's own runner: codes of any detector made comparable.
    found = {
        name: [(scorer.norm(code), score) for code, score in ask(detect, rows)[0]]
        for name, detect in (("ours", ours), ("no eldc", alone), ("eldc", ask_eldc))
    }
    answers = found["ours"]
    print_accuracy(scorer, rows, found, folder / "PEERS.txt")
    print_settled(rows)
    print_reliability(rows, answers, set(scorer.COMMON))
    print_curve(rows, answers, set(scorer.COMMON))
    print_unanswered(rows, answers, set(scorer.COMMON))
    print_mixed(rows, answers, ours)

    theirs = importlib.import_module("tasks.detect").LangdetectDetector().detect
    theirs(["Das ist ein Satz."])
    print_robustness(rows, set(scorer.COMMON), ours, theirs)
    print_speed(scorer, rows, arguments.texts_per_language, ours, theirs)


if __name__ == "__main__":
    main()
