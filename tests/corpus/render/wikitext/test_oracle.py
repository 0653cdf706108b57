"""The scanner against its oracle, mwparserfromhell: the same text and links, or a difference that is named."""

import pytest

from pipeline.corpus.render.page import adds_up, finish, prepare
from pipeline.corpus.render.templates.defined import NO_DEFINITIONS
from pipeline.corpus.render.wikitext.fallback_parser import parse
from pipeline.corpus.render.wikitext.scan import scan
from scripts.corpus_oracle import differences
from scripts.corpus_pages import is_article
from tests.corpus.render.test_page import ENGLISH
from tests.corpus.render.wikitext import cases
from tests.corpus.test_real import real_dump

PARSER_FAILS = {
    "invalid title", "closed only once", "three brackets", "an unclosed caption ends at a heading",
    "forbidden entities", "unclosed tag", "an unclosed hidden element hides nothing", "includes", "mixed marks",
    "indented table", "unclosed table", "a table that html closes", "the rest of a template's table",
    "a template begins a list",
}  # fmt: skip
"""Broken markup, and rare marks, that the parser shows as they are: the scanner's text is the better one."""


def test_they_read_the_cases_alike() -> None:
    differing = set()
    for name, (wikitext, _, _) in cases.ENGLISH.items():
        prepared = prepare(wikitext, site=ENGLISH, definitions=NO_DEFINITIONS, title="Page")
        scanned, parsed = (finish(prepared, ENGLISH, parser) for parser in (scan, parse))
        assert adds_up(parsed.counts, "links"), name
        if (scanned.text, scanned.links) != (parsed.text, parsed.links):
            differing.add(name)
    assert differing == PARSER_FAILS


@pytest.mark.slow
def test_they_read_every_page_alike() -> None:
    dump = real_dump()
    found = {page.title: [*differences(page, dump.site)] for page in filter(is_article, dump)}
    assert len(found) == 106
    # The parser keeps the space before an external link's label: [http://x  The Peace Dividend].
    assert {title: len(lines) for title, lines in found.items() if lines} == {"Angola": 2}
