"""Pages that nobody should write: rendering never raises, always ends, keeps its account and its spans."""

import random
import time

import pytest

from pipeline.corpus.render.page import Rendered, adds_up
from pipeline.corpus.render.wikitext.markup import CLOSE, HOLE, LEAD, NOTHING, OPEN
from tests.corpus.render.test_page import rendered

PIECES = [
    "[[", "[[a|", "]]", "[[a]]", "[[a|''b''", "[[File:a|", "[[File:a|b]] ", "[[[", "[", "]", "[http://a ", "[[a|b\n",
    "{{", "{{a|", "}}", "{{a}}", "({{a}})", "(((({{a}}", "{{a}}/", "{{convert|", "{{lang|a|", "{{#if:", "{{{", "}}}",
    "<ref>", "(<ref/>", "<ref/>,", "<!--", "<nowiki>", "</nowiki>", "<math>{", "<div>", "<span", "<table>", "<h2>",
    "</h2>", "<span style=display:none>", "</span>", "<br", "\n{|", "\n|}", "\n!a||", "\n==", "\n= = =", "\n*",
    "\n:;a:b", "\n; a [[b:", " \n \n", "\r\n", "\t", "\u3000", "'' a", "''' '' ", "'", " ,", "|", "=", "-{", "}-",
    "__TOC__", "&amp;", "&#x110000;", HOLE, OPEN, CLOSE, "\ud800", "\x00",
]  # fmt: skip
WORDS = ["a", "b ", "Foo", "\n", "\n\n", ".", ", ", "(", ")"]


def sound(page: Rendered) -> bool:
    """Whether the account adds up, no mark is left, and every span is a mention."""
    end = 0
    for link in page.links:
        mention = page.text[link.start : link.end]
        if link.start < end or not mention or mention != mention.strip(" \n") or "\n" in mention:
            return False
        end = link.end
    return (
        adds_up(page.counts, "links")
        and adds_up(page.counts, "characters")
        and not any(mark in page.text for mark in (HOLE, NOTHING, OPEN, CLOSE, LEAD))
        and "articles.second_try" not in page.counts
    )


@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear(piece: str) -> None:
    """100 KB of each takes well under a second; quadratic work would take minutes."""
    start = time.process_time()
    page = rendered(piece * (100_000 // len(piece)))
    assert time.process_time() - start < 3
    assert sound(page)


def test_any_mixture_is_sound() -> None:
    source = random.Random(0)
    for _ in range(300):
        wikitext = "".join(source.choices(PIECES + WORDS, k=source.randint(1, 60)))
        assert sound(rendered(wikitext)), wikitext


def test_half_a_megabyte_on_one_line() -> None:
    page = rendered("[[a|b]] c, " * 50_000)
    assert len(page.links) == 50_000
    assert page.text.endswith("b c, b c,\n")
