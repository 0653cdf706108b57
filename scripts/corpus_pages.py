"""Functions shared by the scripts that measure the corpus: rendered pages and a crude reading of wikitext.

These scripts compare only the output with the source. They use none of the pipeline's own parsing, so that its faults
cannot hide in the measurement.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.corpus.render.page import RenderedPage, render_page
from pipeline.corpus.render.templates.definitions import Definitions
from pipeline.corpus.titles import MAIN, TEMPLATE, SiteInfo
from pipeline.corpus.xml.dump_reader import DumpReader
from pipeline.corpus.xml.read_pass import to_template_row
from pipeline.records import Page

REFERENCE = re.compile(r"<ref(?=[\s/>])[^<>]*/>|<ref(?=[\s>])[^<>]*>.*?</ref\s*>", re.DOTALL | re.IGNORECASE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
LINK = re.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]]*)\]\]")
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
QUOTES = re.compile(r"'{2,}")
SPACE = re.compile(r"\s+")
INVISIBLE_CHARACTERS = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


def is_article(page: Page) -> bool:
    """Whether the page is an article and not a redirect."""
    return page.namespace == MAIN and page.redirect is None


def read_articles(path: Path) -> tuple[list[Page], SiteInfo, Definitions]:
    """Return the dump's articles, its wiki, and the templates that it defines."""
    dump = DumpReader(path)
    all_pages = list(dump)
    rows = [to_template_row(page, dump.site) for page in all_pages if page.namespace == TEMPLATE]
    definitions = Definitions(
        {row.title: row.text or "" for row in rows if row.redirect is None},
        {row.title: row.redirect for row in rows if row.redirect is not None},
    )
    return list(filter(is_article, all_pages)), dump.site, definitions


def render_articles(path: Path) -> Iterator[tuple[Page, RenderedPage]]:
    """Yield the dump's articles, each with its text and links."""
    pages, site, definitions = read_articles(path)
    for page in pages:
        yield page, render_page(page.text, site=site, definitions=definitions, title=page.title)


def strip_markup(wikitext: str) -> str:
    """Replace links by their labels, and remove bold and italic markup, tags and repeated white space."""
    text = TAG.sub("", QUOTES.sub("", LINK.sub(r"\1", html.unescape(wikitext))))
    return SPACE.sub(" ", INVISIBLE_CHARACTERS.sub("", text))
