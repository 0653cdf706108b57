"""What must hold on every page of a real dump: the English one in the gensim wheel."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

from pipeline.corpus.render.page import render
from pipeline.corpus.render.templates.defined import NO_DEFINITIONS
from pipeline.corpus.xml.dump_reader import Dump
from scripts.corpus_pages import is_article

NAME = "enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
MARKUP = ("[[", "]]", "{{", "}}", "''", "<ref", "<br", "|-", "  ", "()", "( )", "\x01", "\x02", "\x03", "\x04")


def real_dump() -> Dump:
    spec = importlib.util.find_spec("gensim")
    if spec is None or spec.origin is None:
        pytest.skip("the dump ships in gensim: pip install '.[sample]'")
    return Dump(Path(spec.origin).parent / "test" / "test_data" / NAME)


def test_spans_account_and_leftovers() -> None:
    dump = real_dump()
    counts: Counter[str] = Counter()
    misplaced, leftovers = [], []
    for page in filter(is_article, dump):
        made = render(page.text, site=dump.site, definitions=NO_DEFINITIONS, title=page.title)
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
