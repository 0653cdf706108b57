"""The scanner against mwparserfromhell: the same text and links, except for the differences listed here."""

import pytest

from pipeline.corpus.render.page import adds_up, preprocess, render_preprocessed
from pipeline.corpus.render.templates.definitions import NO_DEFINITIONS
from pipeline.corpus.render.wikitext.fallback_parser import parse_with_mwparserfromhell
from pipeline.corpus.render.wikitext.scanner import scan
from scripts.corpus_oracle import differing_lines
from scripts.corpus_pages import is_article
from tests.corpus.gensim_dump import open_gensim_dump
from tests.corpus.render.sites import ENGLISH_SITE
from tests.corpus.render.wikitext import cases

MWPARSERFROMHELL_FAILS = {
    "invalid title", "closed only once", "three brackets", "an unclosed caption ends at a heading",
    "forbidden entities", "unclosed tag", "an unclosed hidden element hides nothing", "includes", "mixed marks",
    "indented table", "unclosed table", "a table that html closes", "the rest of a template's table",
    "a template begins a list",
}  # fmt: skip
"""Cases with broken or rare markup that mwparserfromhell leaves in the text; the scanner's text is better."""


def test_parsers_agree_on_the_cases() -> None:
    differing = set()
    for name, (wikitext, _, _) in cases.ENGLISH.items():
        preprocessed = preprocess(wikitext, site=ENGLISH_SITE, definitions=NO_DEFINITIONS, title="Page")
        scanned, parsed = (
            render_preprocessed(preprocessed, ENGLISH_SITE, parser) for parser in (scan, parse_with_mwparserfromhell)
        )
        assert adds_up(parsed.counts, "links"), name
        if (scanned.text, scanned.links) != (parsed.text, parsed.links):
            differing.add(name)
    assert differing == MWPARSERFROMHELL_FAILS


@pytest.mark.slow
def test_parsers_agree_on_real_pages() -> None:
    dump = open_gensim_dump()
    found = {page.title: [*differing_lines(page, dump.site)] for page in filter(is_article, dump)}
    assert len(found) == 106
    # mwparserfromhell keeps the space before an external link's label: [http://x  The Peace Dividend].
    assert {title: len(lines) for title, lines in found.items() if lines} == {"Angola": 2}
