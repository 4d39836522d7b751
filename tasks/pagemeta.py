"""Metadata that an HTML page declares, as claims; nothing is decided here.

Each rule's score is the share of its values that were right on the development half of
the gold sets (fundus, wcxb, trafilatura, htmldate; titles, authors and dates; rules seen
fewer than ten times are held near their kin). A value with a known flaw (an author that
is the site itself, a title that may still end in the site's name) has a score of its own.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import lxml.html
from lxml.etree import XPath

from tasks.normalise import collapse_spaces, compose, drop_invisible
from tasks.pagevalues import iso_date, people, squash, strip_site
from tasks.pieces import Claim
from tasks.schema import Field

# rule: (field, score). Names of <meta> in lower case, best first.
_META: dict[str, tuple[Field, float]] = {
    "citation_title": (Field.TITLE, 0.9),
    "parsely-title": (Field.TITLE, 0.9),
    "sailthru.title": (Field.TITLE, 0.8),
    "dc.title": (Field.TITLE, 0.75),
    "dcterms.title": (Field.TITLE, 0.75),
    "og:title": (Field.TITLE, 0.7),
    "twitter:title": (Field.TITLE, 0.7),
    "twitter:text:title": (Field.TITLE, 0.7),
    "headline": (Field.TITLE, 0.7),
    "citation_author": (Field.AUTHORS, 0.95),
    "parsely-author": (Field.AUTHORS, 0.9),
    "sailthru.author": (Field.AUTHORS, 0.9),
    "cxenseparse:author": (Field.AUTHORS, 0.9),
    "dc.creator": (Field.AUTHORS, 0.8),
    "dcterms.creator": (Field.AUTHORS, 0.8),
    "author": (Field.AUTHORS, 0.75),
    "article:author": (Field.AUTHORS, 0.6),
    "og:article:author": (Field.AUTHORS, 0.6),
    "og:author": (Field.AUTHORS, 0.7),
    "byl": (Field.AUTHORS, 0.8),
    "article:published_time": (Field.PUBLISHED_ON, 0.95),
    "og:article:published_time": (Field.PUBLISHED_ON, 0.95),
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
    "date": (Field.PUBLISHED_ON, 0.9),
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
    "headline": (Field.TITLE, 0.8),
    "author": (Field.AUTHORS, 0.75),
    "datepublished": (Field.PUBLISHED_ON, 0.8),
    "datemodified": (Field.MODIFIED_ON, 0.8),
    "articlesection": (Field.SECTION, 0.7),
}
_JSONLD: dict[str, tuple[Field, float]] = {
    "headline": (Field.TITLE, 0.85),
    "name": (Field.TITLE, 0.7),
    "author": (Field.AUTHORS, 0.85),
    "creator": (Field.AUTHORS, 0.75),
    "datePublished": (Field.PUBLISHED_ON, 0.95),
    "dateCreated": (Field.PUBLISHED_ON, 0.7),
    "dateModified": (Field.MODIFIED_ON, 0.9),
    "publisher": (Field.PUBLISHER, 0.85),
    "url": (Field.URL, 0.8),
    "mainEntityOfPage": (Field.URL, 0.8),
    "articleSection": (Field.SECTION, 0.85),
    "keywords": (Field.TAGS, 0.8),
    "inLanguage": (Field.LANGUAGE, 0.8),
    "translator": (Field.TRANSLATOR, 0.9),
}
_SCORES = {
    "html.h1": 0.8,
    "html.title": 0.5,
    "html.title_without_site": 0.8,
    "html.rel_author": 0.7,
    "html.byline": 0.6,
    "html.author_class": 0.65,
    "html.twitter_data": 0.85,
    "html.time": 0.7,
    "html.canonical": 0.95,
    "html.lang": 0.85,
    "html.host": 0.3,
}
_AUTHOR_IS_SITE = 0.3
_HEADLINE_FIELDS = frozenset({Field.TITLE})
_DATES = frozenset({Field.PUBLISHED_ON, Field.MODIFIED_ON})
_ARTICLE_TYPE = re.compile(
    r"Article$|^(?:Blog|SocialMedia|DiscussionForum|LiveBlog)Posting$|^Report$|^Recipe$"
    r"|^(?:Critic)?Review$|^HowTo$|^Article"
)
_PAGE_TYPE = re.compile(r"^(?:Item|About|FAQ|Medical)?(?:Web)?Page$|^VideoObject$")
_TEASERS = frozenset({"itemListElement", "hasPart", "isRelatedTo", "comment", "review"})
_LABELS = re.compile(r"writ|auth|autor|verfass|geschrieben|par|por|skriv|av", re.IGNORECASE)
_MAX_AUTHOR_CHARS = 200
_MAX_DEPTH = 20

_META_TAGS = XPath("//meta[@content]")
_JSON_SCRIPTS = XPath("//script[contains(@type, 'ld+json')]")
_ITEMS = XPath("//*[@itemprop]")
_HEADINGS = XPath("//h1")
_TITLES = XPath("//title[not(ancestor::svg)]")
_CANONICAL = XPath("//link[@rel='canonical']/@href")
_REL_AUTHOR = XPath("//a[contains(concat(' ', @rel, ' '), ' author ')]")
_TIMES = XPath("//time[@datetime]")
_BYLINES = XPath(
    "//*[contains(@class, 'uthor') or contains(@class, 'yline') or contains(@class, 'UTHOR')]"
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
_CONTAINERS = frozenset({"aside", "footer", "nav"})


@dataclass(slots=True)
class _Found:
    """Values seen so far, with what the page says of its site."""

    claims: list[Claim] = field(default_factory=list)
    sites: set[str] = field(default_factory=set)
    heads: set[str] = field(default_factory=set)


def read_claims(tree: lxml.html.HtmlElement) -> list[Claim]:
    """Read what a page says of itself.

    Args:
        tree: The parsed page; left as it is.

    Returns:
        Claims without places, values cleaned, dates as ISO 8601.
    """
    raw = [
        *_from_meta(tree),
        *_from_json(tree),
        *_from_items(tree),
        *_from_page(tree),
    ]
    return _clean(raw)
