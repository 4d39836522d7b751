"""Metadata that an HTML page declares, as claims; nothing is decided here.

Each rule's score is the share of its values that were right on the development half of
the gold sets (fundus, wcxb, trafilatura, htmldate: titles, authors and dates). Rules
seen fewer than ten times are held near their kin. Values with a known flaw (an author
that is the site itself) have a score of their own.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import lxml.html
from lxml.etree import XPath

from tasks.pages.pagedates import weigh_days
from tasks.pages.pageframe import is_aside
from tasks.pages.pagejson import read_json_ld
from tasks.pages.pagesource import fold
from tasks.pages.pagevalues import (
    Sites,
    clean,
    find_days,
    hosts,
    iso_date,
    people,
    squash,
    strip_site,
)
from tasks.pieces import Claim
from tasks.schema import Field

# rule: (field, score). Names of <meta> in lower case, best first.
_META: dict[str, tuple[Field, float]] = {
    "citation_title": (Field.TITLE, 0.85),
    "parsely-title": (Field.TITLE, 0.85),
    "sailthru.title": (Field.TITLE, 0.85),
    "dc.title": (Field.TITLE, 0.75),
    "dcterms.title": (Field.TITLE, 0.75),
    "og:title": (Field.TITLE, 0.81),
    "twitter:title": (Field.TITLE, 0.8),
    "twitter:text:title": (Field.TITLE, 0.8),
    "headline": (Field.TITLE, 0.7),
    "citation_author": (Field.AUTHORS, 0.92),
    "citation_authors": (Field.AUTHORS, 0.92),
    "parsely-author": (Field.AUTHORS, 0.9),
    "sailthru.author": (Field.AUTHORS, 0.9),
    "cxenseparse:author": (Field.AUTHORS, 0.9),
    "dc.creator": (Field.AUTHORS, 0.8),
    "dcterms.creator": (Field.AUTHORS, 0.8),
    "author": (Field.AUTHORS, 0.74),
    "article:author": (Field.AUTHORS, 0.68),
    "og:article:author": (Field.AUTHORS, 0.6),
    "og:author": (Field.AUTHORS, 0.7),
    "byl": (Field.AUTHORS, 0.8),
    "article:published_time": (Field.PUBLISHED_ON, 0.94),
    "og:article:published_time": (Field.PUBLISHED_ON, 0.94),
    "citation_publication_date": (Field.PUBLISHED_ON, 0.9),
    "citation_date": (Field.PUBLISHED_ON, 0.9),
    "citation_online_date": (Field.PUBLISHED_ON, 0.9),
    "parsely-pub-date": (Field.PUBLISHED_ON, 0.95),
    "sailthru.date": (Field.PUBLISHED_ON, 0.95),
    "cxenseparse:recs:publishtime": (Field.PUBLISHED_ON, 0.95),
    "cxenseparse:publishtime": (Field.PUBLISHED_ON, 0.95),
    "dc.date.issued": (Field.PUBLISHED_ON, 0.95),
    "dcterms.issued": (Field.PUBLISHED_ON, 0.95),
    "dcterms.created": (Field.PUBLISHED_ON, 0.9),
    "prism.publicationdate": (Field.PUBLISHED_ON, 0.95),
    "publish-date": (Field.PUBLISHED_ON, 0.9),
    "publishdate": (Field.PUBLISHED_ON, 0.9),
    "publish_date": (Field.PUBLISHED_ON, 0.9),
    "pubdate": (Field.PUBLISHED_ON, 0.9),
    "published": (Field.PUBLISHED_ON, 0.9),
    "article.published": (Field.PUBLISHED_ON, 0.9),
    "date": (Field.PUBLISHED_ON, 0.87),
    "dc.date": (Field.PUBLISHED_ON, 0.9),
    "dcterms.date": (Field.PUBLISHED_ON, 0.9),
    "date.created": (Field.PUBLISHED_ON, 0.9),
    "dc.date.created": (Field.PUBLISHED_ON, 0.9),
    "article:modified_time": (Field.MODIFIED_ON, 0.9),
    "og:updated_time": (Field.MODIFIED_ON, 0.8),
    "last-modified": (Field.MODIFIED_ON, 0.7),
    "dcterms.modified": (Field.MODIFIED_ON, 0.9),
    "og:site_name": (Field.PUBLISHER, 0.9),
    "application-name": (Field.PUBLISHER, 0.6),
    "citation_journal_title": (Field.PUBLISHER, 0.9),
    "dc.publisher": (Field.PUBLISHER, 0.8),
    "og:url": (Field.URL, 0.9),
    "twitter:url": (Field.URL, 0.7),
    "parsely-link": (Field.URL, 0.8),
    "syndication-source": (Field.SOURCE_URL, 0.8),
    "original-source": (Field.SOURCE_URL, 0.8),
    "article:section": (Field.SECTION, 0.9),
    "og:article:section": (Field.SECTION, 0.9),
    "parsely-section": (Field.SECTION, 0.9),
    "section": (Field.SECTION, 0.7),
    "article:tag": (Field.TAGS, 0.9),
    "og:article:tag": (Field.TAGS, 0.9),
    "parsely-tags": (Field.TAGS, 0.9),
    "news_keywords": (Field.TAGS, 0.8),
    "keywords": (Field.TAGS, 0.7),
    "og:locale": (Field.LANGUAGE, 0.6),
    "dc.language": (Field.LANGUAGE, 0.8),
    "citation_language": (Field.LANGUAGE, 0.8),
    "content-language": (Field.LANGUAGE, 0.7),
}
_ITEMPROPS: dict[str, tuple[Field, float]] = {
    "headline": (Field.TITLE, 0.79),
    "author": (Field.AUTHORS, 0.73),
    "datepublished": (Field.PUBLISHED_ON, 0.92),
    "datemodified": (Field.MODIFIED_ON, 0.8),
    "articlesection": (Field.SECTION, 0.7),
}
_JSONLD: dict[str, tuple[Field, float]] = {
    "headline": (Field.TITLE, 0.85),
    "name": (Field.TITLE, 0.75),
    "author": (Field.AUTHORS, 0.9),
    "creator": (Field.AUTHORS, 0.8),
    "datePublished": (Field.PUBLISHED_ON, 0.93),
    "dateCreated": (Field.PUBLISHED_ON, 0.65),
    "dateModified": (Field.MODIFIED_ON, 0.9),
    "publisher": (Field.PUBLISHER, 0.85),
    "url": (Field.URL, 0.8),
    "mainEntityOfPage": (Field.URL, 0.8),
    "articleSection": (Field.SECTION, 0.85),
    "keywords": (Field.TAGS, 0.8),
    "inLanguage": (Field.LANGUAGE, 0.8),
    "translator": (Field.TRANSLATOR, 0.9),
    "isBasedOn": (Field.SOURCE_URL, 0.85),
    "translationOfWork": (Field.SOURCE_URL, 0.9),
}
_SCORES = {
    "html.h1": 0.77,
    "html.h1_unlike": 0.4,
    "html.title": 0.63,
    "html.title_without_site": 0.76,
    "html.rel_author": 0.82,
    "html.class.byline": 0.88,
    "html.class.author": 0.7,
    "html.twitter_data": 0.89,
    "html.time": 0.89,  # where it is not the day of a line below the title
    "html.title_day": 0.85,
    "html.canonical": 0.95,
    "html.lang": 0.85,
}
# Votes for the title, by kind of rule: rules of one kind do not count twice.
_VOTES = {
    "html.h1": ("h1", 1.0),
    "html.h1_unlike": ("h1", 0.3),
    "html.jsonld.headline": ("json", 1.3),
    "html.jsonld_page.headline": ("json", 1.3),
    "html.itemprop.headline": ("item", 0.9),
    "html.meta.headline": ("item", 0.9),
    "html.meta.og:title": ("og", 0.6),
    "html.title_without_site": ("title", 0.3),
    "html.title": ("title", 0.3),
    "html.meta.twitter:title": ("twitter", 0.4),
    "html.meta.twitter:text:title": ("twitter", 0.4),
    "html.jsonld.name": ("name", 0.1),
    "html.jsonld_page.name": ("name", 0.1),
}
_STRIPPED = frozenset({"html.title", "html.title_without_site"})
_OTHER_VOTE = ("other", 0.9)
_KICKER = re.compile(r":\s+|\s[-\u2013\u2014|]\s")
_AGREED, _DISPUTED, _AGREEMENT = 0.94, 0.69, 1.6
_AUTHORS_AGREED = 0.95
_AUTHORS_COMPLETE = 0.96
_AUTHOR_IS_SITE = 0.3
_DATES = frozenset({Field.PUBLISHED_ON, Field.MODIFIED_ON})
_LABELS = re.compile(
    r"writ|auth|autor|verfass|geschrieben|par|por|skriv|av", re.IGNORECASE
)
_MAX_AUTHOR_CHARS = 200
_KNOWN = 4096  # classes, which pages of one site share

_TAGS = ("meta", "script", "h1", "title", "link", "time")
_ITEMS = XPath("//@itemprop/..")
_REL_AUTHOR = XPath("//a/@rel[contains(concat(' ', ., ' '), ' author ')]/..")
_BYLINES = XPath("//@class[contains(., 'uthor') or contains(., 'yline')]/..")
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
# Nothing behind the host; of the others no objects are made.
_ROOT_LINKS = XPath(
    "//a/@href[. = '/' or (contains(., '//')"
    " and substring-after(substring-after(., '//'), '/') = '')]/.."
)
_ROOT = re.compile(r"/|(?:https?:)?//[^/?#]+/?")
_DOMAIN = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}", re.IGNORECASE)
_DASHES = frozenset({"-", "\u2013", "\u2014"})
_TITLE_SPACES = 2
_LETTERS = re.compile(r"[^\W_]+")


def read_claims(tree: lxml.html.HtmlElement) -> list[Claim]:
    """Read what a page says of itself.

    Args:
        tree: The parsed page; left as it is.

    Returns:
        Claims without places, values cleaned, dates as ISO 8601.
    """
    tags = _by_tag(tree)
    raws = [
        *_from_meta(tags["meta"]),
        *_from_json(tags["script"]),
        *_from_items(tree),
        *_from_page(tree, tags),
    ]
    return _clean(raws, _site_names(tree, raws))


def read_descriptions(tree: lxml.html.HtmlElement) -> list[str]:
    """What a page says it is about, folded as ``Source.text`` is, in lower case."""
    found = [
        fold(clean(element.get("content"))).casefold()
        for element in tree.iter("meta")
        if element.get("content") is not None
        and (element.get("property") or element.get("name") or "")
        .lower()
        .endswith("description")
    ]
    return list(dict.fromkeys(text.rstrip(".\u2026") for text in found))


def weigh_claims(claims: list[Claim]) -> list[Claim]:
    """Weigh all claims of a page against each other.

    Returns:
        The claims with the title that most agree on, the day that the address names,
        more trust in an earlier day that the page shows than in one that a change has
        overwritten, and in authors that several rules name.
    """
    return _agree(_vote(weigh_days(claims)))


@dataclass(frozen=True, slots=True)
class _Raw:
    """A claim before its values are cleaned; several values are several authors."""

    field: Field
    values: tuple[str, ...]
    rule_id: str
    score: float


_Tags = dict[str, list[lxml.html.HtmlElement]]


def _by_tag(tree: lxml.html.HtmlElement) -> _Tags:
    """All elements of some tags, found in one walk."""
    found: _Tags = {tag: [] for tag in _TAGS}
    for element in tree.iter(*_TAGS):
        found[element.tag].append(element)
    return found


def _from_meta(tags: list[lxml.html.HtmlElement]) -> Iterator[_Raw]:
    found: dict[str, list[str]] = {}
    for element in tags:
        name = next(
            filter(None, map(element.get, ("property", "name", "itemprop"))), ""
        )
        content = element.get("content")
        if name and content and content.strip():
            found.setdefault(name.strip().lower(), []).append(content)
    for name, (target, score) in _META.items():
        if values := found.get(name):
            many = target in {Field.AUTHORS, Field.TAGS}
            kept = tuple(values if many else values[:1])
            yield _Raw(target, kept, f"html.meta.{name}", score)
    for name in ("datepublished", "datemodified", "headline"):
        if name in _ITEMPROPS and (values := found.get(name)) and name not in _META:
            target, score = _ITEMPROPS[name]
            yield _Raw(target, tuple(values[:1]), f"html.itemprop.{name}", score)
    labelled = {
        found.get(f"twitter:label{number}", [""])[0]: found.get(
            f"twitter:data{number}", []
        )
        for number in ("1", "2")
    }
    # Some write the label into the name: ``twitter:misc:Written by``.
    labelled |= {
        name.removeprefix("twitter:misc:"): values
        for name, values in found.items()
        if name.startswith("twitter:misc:")
    }
    for label, values in labelled.items():
        if values and _LABELS.match(label.strip()):
            rule_id = "html.twitter_data"
            yield _Raw(Field.AUTHORS, (values[0],), rule_id, _SCORES[rule_id])


def _from_json(scripts: list[lxml.html.HtmlElement]) -> Iterator[_Raw]:
    group, values = read_json_ld(
        script.text or "" for script in scripts if "ld+json" in script.get("type", "")
    )
    for name, (target, score) in _JSONLD.items():
        if texts := values.get(name):
            yield _Raw(target, texts, f"html.{group}.{name}", score)


def _from_items(tree: lxml.html.HtmlElement) -> Iterator[_Raw]:
    found: dict[str, list[str]] = {}
    for element in _ITEMS(tree):
        name = element.get("itemprop").lower().split()
        if not name or name[0] not in _ITEMPROPS or element.tag == "meta":
            continue
        if _ITEMPROPS[name[0]][0] in _DATES:
            value = element.get("datetime") or element.get("content")
        else:
            inner = [e for e in element.iter() if e.get("itemprop") == "name"]
            value = (inner[0].get("content") if inner else None) or _text(
                inner[0] if inner else element
            )
        if value and value.strip() and not is_aside(element):
            found.setdefault(name[0], []).append(value)
    for name, values in found.items():
        target, score = _ITEMPROPS[name]
        kept = values if target is Field.AUTHORS else values[:1]
        yield _Raw(target, tuple(kept), f"html.itemprop.{name}", score)


def _from_page(tree: lxml.html.HtmlElement, tags: _Tags) -> Iterator[_Raw]:
    def raw(target: Field, values: Iterable[str], rule_id: str) -> Iterator[_Raw]:
        if kept := tuple(value for value in values if value.strip()):
            yield _Raw(target, kept, rule_id, _SCORES[rule_id])

    yield from raw(Field.TITLE, map(_heading, tags["h1"]), "html.h1")
    # A drawing may have a title of its own.
    titles = [
        element.text or ""
        for element in tags["title"]
        if next(element.iterancestors("svg"), None) is None
    ][:1]
    yield from raw(Field.TITLE, titles, "html.title")
    addresses = (e.get("href") for e in tags["link"] if e.get("rel") == "canonical")
    yield from raw(Field.URL, islice(filter(None, addresses), 1), "html.canonical")
    yield from raw(Field.LANGUAGE, [tree.get("lang") or ""], "html.lang")
    authors = [_text(e) for e in _REL_AUTHOR(tree) if not is_aside(e)]
    yield from raw(Field.AUTHORS, authors, "html.rel_author")
    shown = (e for e in tags["time"] if "datetime" in e.attrib and not is_aside(e))
    times = (element.get("datetime") for element in shown)
    yield from raw(Field.PUBLISHED_ON, islice(times, 1), "html.time")
    days = [day for title in titles for day in find_days(clean(title))]
    yield from raw(Field.PUBLISHED_ON, days[:1], "html.title_day")
    named = _BYLINES(tree)
    for word in ("byline", "author"):
        first = islice(_bylines(named, word), 1)
        yield from raw(Field.AUTHORS, first, f"html.class.{word}")


def _bylines(elements: Iterable[lxml.html.HtmlElement], word: str) -> Iterator[str]:
    """Texts of elements that have a word in their class; several names by ``;``."""
    for element in elements:
        if word not in _class_words(element.get("class", "")) or is_aside(element):
            continue
        links = dict.fromkeys(filter(None, map(_text, element.iter("a"))))
        names = people(list(links), is_strict=True)
        text = _text(element)
        if len(text) < _MAX_AUTHOR_CHARS:
            # One author may be a link and the other plain text.
            whole = people([text], is_strict=True)
            names = whole if not names or set(names) < set(whole) else names
        if names:
            yield "; ".join(names)


@lru_cache(_KNOWN)
def _class_words(name: str) -> frozenset[str]:
    return frozenset(part.lower() for part in _WORD.findall(name))


def _heading(element: lxml.html.HtmlElement) -> str:
    """Text of a heading, without a kicker that a dash of its own sets off."""
    texts = [text.strip() for text in element.itertext()]
    dash = next((n for n, text in enumerate(texts) if text in _DASHES), None)
    rest = " ".join(" ".join(texts[dash + 1 :]).split()) if dash else ""
    return rest if rest.count(" ") >= _TITLE_SPACES else _text(element)


def _text(element: lxml.html.HtmlElement) -> str:
    return " ".join(" ".join(element.itertext()).split())


def _site_names(tree: lxml.html.HtmlElement, raws: list[_Raw]) -> Sites:
    """Names that the site goes by: its own, its host's, those of links to its start."""
    names: set[str] = set()
    domains: set[str] = set()
    for raw in raws:
        if raw.field is Field.PUBLISHER:
            for value in raw.values:
                names.add(squash(clean(value)))
                names |= hosts(f"//{value}") if _DOMAIN.fullmatch(value) else set()
        elif raw.field is Field.URL:
            domains |= hosts(raw.values[0])
    starts = {
        squash(_text(link)) for link in _ROOT_LINKS(tree) if _leads_home(link, domains)
    }
    return Sites(frozenset((names | domains) - {""}), frozenset(starts - {""}))


def _leads_home(link: lxml.html.HtmlElement, domains: set[str]) -> bool:
    address = link.get("href", "")
    if not address or not _ROOT.fullmatch(address):
        return False
    return address == "/" or not hosts(address).isdisjoint(domains)


def _clean(raws: list[_Raw], sites: Sites) -> list[Claim]:
    raws = [_choose_heading(raw, raws, sites) for raw in raws]
    heads = {squash(clean(raw.values[0])) for raw in raws if raw.rule_id in _HEAD_RULES}
    heads -= sites.names | sites.starts | {""}
    claims = [
        Claim(raw.field, value, rule_id, score)
        for raw in raws
        for value, rule_id, score in _claims(raw, sites, heads)
        if value
    ]
    # The name of the site is the title of none of its articles.
    named = [claim for claim in claims if claim.field is Field.TITLE]
    others = [claim for claim in named if squash(claim.value) not in sites.names]
    dropped = [claim for claim in named if others and claim not in others]
    return [claim for claim in claims if claim not in dropped]


def _choose_heading(raw: _Raw, raws: list[_Raw], sites: Sites) -> _Raw:
    """Of several ``<h1>`` the first that other titles of the page hold.

    One that is the name of the site, or has no word in common with any other title, is
    most likely the heading of something else.
    """
    if raw.rule_id != "html.h1":
        return raw
    titles = [
        clean(other.values[0])
        for other in raws
        if other.field is Field.TITLE and other is not raw
    ]
    words = {word for title in titles for word in _words(title)}
    headings = [clean(value) for value in raw.values]
    headings = [h for h in headings if squash(h) not in sites.names | {""}] or headings
    named = [h for h in headings if any(squash(h) in squash(t) for t in titles)]
    alike = [h for h in headings if words & _words(h)]
    best = next(iter([*named, *alike, *headings]))
    if titles and not named and not alike:
        rule_id = "html.h1_unlike"
        return _Raw(raw.field, (best,), rule_id, _SCORES[rule_id])
    return replace(raw, values=(best,))


def _words(text: str) -> set[str]:
    return set(_LETTERS.findall(text.casefold()))


def _vote(claims: list[Claim]) -> list[Claim]:
    """Add the title that most rules agree on; right more often than any rule alone.

    Where one rule says ``Kicker: Title`` and one ``Title``, both vote for ``Title``,
    but not where only a stripped ``<title>`` says so.
    """
    named = [
        (name, claim)
        for claim in claims
        if claim.field is Field.TITLE and (name := squash(claim.value))
    ]
    votes: dict[str, dict[str, float]] = {name: {} for name, _ in named}
    full = {name for name, claim in named if claim.rule_id not in _STRIPPED}
    for name, claim in named:
        kind, weight = _VOTES.get(claim.rule_id, _OTHER_VOTE)
        cuts = _KICKER.finditer(claim.value)
        votes[name][kind] = weight
        for tail in {squash(claim.value[cut.end() :]) for cut in cuts} & full:
            votes[tail][kind] = weight
    if not votes:
        return claims
    best = max(votes, key=lambda name: sum(votes[name].values()))
    value = next(claim.value for name, claim in named if name == best)
    if sum(votes[best].values()) >= _AGREEMENT:
        return [*claims, Claim(Field.TITLE, value, "html.title_vote", _AGREED)]
    # In doubt no rule alone is as good as it is elsewhere.
    claims = [
        replace(claim, score=min(claim.score, _DISPUTED - 0.01))
        if claim.field is Field.TITLE
        else claim
        for claim in claims
    ]
    return [*claims, Claim(Field.TITLE, value, "html.title_vote", _DISPUTED)]


def _agree(claims: list[Claim]) -> list[Claim]:
    """Trust authors more that two kinds of rules name (0.95 right, else 0.65).

    A byline that holds all of them and more is the whole list: data for machines often
    name the first author only.
    """
    kinds: dict[frozenset[str], set[str]] = {}
    for claim in claims:
        if claim.field is Field.AUTHORS and claim.score > _AUTHOR_IS_SITE:
            kinds.setdefault(_names(claim), set()).add(claim.rule_id.rpartition(".")[0])
    agreed = [names for names, rules in kinds.items() if len(rules) > 1]
    known = Counter(name for names in kinds for name in names)
    weighed = []
    for claim in claims:
        score = claim.score
        if claim.field is Field.AUTHORS and score > _AUTHOR_IS_SITE:
            names = _names(claim)
            if names in agreed:
                score = max(score, _AUTHORS_AGREED)
            is_byline = claim.rule_id == "html.credit_label"
            if any(_holds_all(names, fewer) for fewer in kinds) and (
                all(known[name] > 1 for name in names)
                or (is_byline and all(" " in n for n in claim.value.split("; ")))
            ):
                score = max(score, _AUTHORS_COMPLETE)
        weighed.append(replace(claim, score=score))
    return weighed


def _names(claim: Claim) -> frozenset[str]:
    return frozenset(map(squash, claim.value.split("; ")))


def _holds_all(names: frozenset[str], fewer: frozenset[str]) -> bool:
    """Whether all of ``fewer`` are among the names, perhaps with a title before."""
    return len(names) > len(fewer) and all(
        any(name.endswith(known) for name in names) for known in fewer
    )


_HEAD_RULES = frozenset({"html.h1", "html.jsonld.headline", "html.itemprop.headline"})


def _claims(
    raw: _Raw, sites: Sites, heads: set[str]
) -> Iterator[tuple[str, str, float]]:
    values = [clean(value) for value in raw.values]
    if raw.field is Field.TITLE:
        title = strip_site(values[0], sites, heads)
        if raw.rule_id == "html.title" and title != values[0]:
            rule_id = "html.title_without_site"
            yield title, rule_id, _SCORES[rule_id]
        else:
            yield title, raw.rule_id, raw.score
    elif raw.field in _DATES:
        yield iso_date(values[0]) or "", raw.rule_id, raw.score
    elif raw.field in {Field.AUTHORS, Field.TRANSLATOR}:
        names = people(values)
        is_site = bool(names) and all(squash(name) in sites.names for name in names)
        if not is_site:
            names = [name for name in names if squash(name) not in sites.names]
        yield "; ".join(names), raw.rule_id, _AUTHOR_IS_SITE if is_site else raw.score
    elif raw.field is Field.URL:
        is_address = values[0].startswith(("http://", "https://"))
        yield values[0] if is_address else "", raw.rule_id, raw.score
    elif raw.field is Field.SOURCE_URL:
        # Pages also name themselves as their source.
        is_other = bool(hosts(values[0])) and not hosts(values[0]) & sites.names
        yield values[0] if is_other else "", raw.rule_id, raw.score
    elif raw.field is Field.TAGS:
        tags = dict.fromkeys(
            tag.strip() for value in values for tag in re.split(r"[,;]", value)
        )
        yield "; ".join(filter(None, tags)), raw.rule_id, raw.score
    elif raw.field is Field.LANGUAGE:
        yield values[0].replace("_", "-").lower(), raw.rule_id, raw.score
    else:
        yield values[0], raw.rule_id, raw.score
