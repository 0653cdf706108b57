"""The account of a corpus as text."""

from __future__ import annotations

from pipeline.corpus.account import ALWAYS, account_lines, list_by_size

COUNTS = dict.fromkeys(ALWAYS, 0) | {
    "pages.seen": 1_234,
    "pages.articles": 1_200,
    "pages.redirects": 30,
    "pages.dropped.short": 1,
    "pages.dropped.namespace_1": 3,
    "links.seen": 9,
    "links.kept": 7,
    "links.dropped.media": 2,
    "links.dropped.table": 0,
    "links.added.repeated": 4,
    "characters.text": 5_000,
}


def test_reasons_are_listed_by_size_without_zeros() -> None:
    assert list_by_size(COUNTS, "pages.dropped.") == "namespace_1 3, short 1"
    assert list_by_size(COUNTS, "links.dropped.") == "media 2"
    assert list_by_size(COUNTS, "pages.quarantined.") == ""


def test_pages_links_and_text_have_a_line_each() -> None:
    assert account_lines(COUNTS).splitlines() == [
        "  pages: 1,234 seen = 1,200 articles, 30 redirects, 0 templates; quarantined: none; "
        "dropped: namespace_1 3, short 1",
        "  links: 9 seen, 7 kept; dropped: media 2; added: repeated 4",
        "  text: 5,000 characters",
    ]
    wikitext = account_lines(COUNTS | {"characters.wikitext": 8_000, "files.truncated": 1}).splitlines()
    assert wikitext[2:] == [
        "  text: 5,000 characters from 8,000 of wikitext",
        "  1 file(s) ended too early; the pages before that point were used",
    ]
