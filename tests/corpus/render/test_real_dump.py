"""Checks that hold on every page of a real dump, the English one in the gensim wheel."""

from collections import Counter

from pipeline.corpus.render.page import render_page
from pipeline.corpus.render.templates.definitions import NO_DEFINITIONS
from scripts.corpus_pages import is_article
from tests.corpus.gensim_dump import open_gensim_dump

MARKUP = ("[[", "]]", "{{", "}}", "''", "<ref", "<br", "|-", "  ", "()", "( )", "\x01", "\x02", "\x03", "\x04")


def test_spans_account_and_leftovers() -> None:
    dump = open_gensim_dump()
    counts: Counter[str] = Counter()
    misplaced, leftovers = [], []
    for page in filter(is_article, dump):
        made = render_page(page.text, site=dump.site, definitions=NO_DEFINITIONS, title=page.title)
        counts += made.counts
        end = 0
        for link in made.links:
            mention = made.text[link.start : link.end]
            if link.start < end or not mention or mention != mention.strip() or "\n" in mention:
                misplaced.append((page.title, link, mention))
            end = link.end
        leftovers += [(page.title, line) for line in made.text.split("\n") if any(mark in line for mark in MARKUP)]
    assert misplaced == []
    # One line, on the keys of a typewriter, has "()" because its editors meant it.
    assert [title for title, _ in leftovers] == ["ASCII"]
    dropped = sum(number for key, number in counts.items() if key.startswith("links.dropped."))
    assert counts["links.seen"] == counts["links.kept"] + dropped
    assert counts["links.kept"] > 22_000
