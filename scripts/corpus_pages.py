"""What the rulers of the corpus share: pages with what the stage makes of them, and a crude reading of wikitext.

The rulers know the output and the source, and nothing of how one became the other: none of the stage's parsing is used
here, so its faults cannot hide in its own measure.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.corpus.render.page import Rendered, render
from pipeline.corpus.render.templates.defined import Definitions
from pipeline.corpus.titles import MAIN, TEMPLATE, SiteInfo
from pipeline.corpus.xml.dump_reader import Dump
from pipeline.corpus.xml.read_pass import template_row
from pipeline.records import Page

REFERENCE = re.compile(r"<ref(?=[\s/>])[^<>]*/>|<ref(?=[\s>])[^<>]*>.*?</ref\s*>", re.DOTALL | re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]]*)\]\]")
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
QUOTES = re.compile(r"'{2,}")
SPACE = re.compile(r"\s+")
INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def is_article(page: Page) -> bool:
    return page.namespace == MAIN and page.redirect is None


def articles(path: Path) -> tuple[list[Page], SiteInfo, Definitions]:
    """The dump's articles, its wiki, and the templates that it defines."""
    dump = Dump(path)
    everything = list(dump)
    rows = [template_row(page, dump.site) for page in everything if page.namespace == TEMPLATE]
    definitions = Definitions(
        {row["title"]: row["text"] for row in rows if row["redirect"] is None},
        {row["title"]: row["redirect"] for row in rows if row["redirect"] is not None},
    )
    return list(filter(is_article, everything)), dump.site, definitions


def pages(path: Path) -> Iterator[tuple[Page, Rendered]]:
    """The dump's articles, each with its text and links."""
    found, site, definitions = articles(path)
    for page in found:
        yield page, render(page.text, site=site, definitions=definitions, title=page.title)


def words(wikitext: str) -> str:
    """Wikitext with its links as their labels, without quotation marks, tags and doubled white space."""
    text = TAG.sub("", QUOTES.sub("", LINK.sub(r"\1", html.unescape(wikitext))))
    return SPACE.sub(" ", INVISIBLE.sub("", text))
