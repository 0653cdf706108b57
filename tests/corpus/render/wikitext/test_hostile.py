"""Broken and hostile pages: rendering never raises, takes linear time, and its counts and spans stay consistent."""

import random
import time

import pytest

from pipeline.corpus.render.page import RenderedPage, adds_up
from pipeline.corpus.render.wikitext.markup import HEADING_MARK, HOLE, MENTION_END, MENTION_START, ZERO_WIDTH
from tests.corpus.render.sites import render_wikitext

PIECES = [
    "[[", "[[a|", "]]", "[[a]]", "[[a|''b''", "[[File:a|", "[[File:a|b]] ", "[[[", "[", "]", "[http://a ", "[[a|b\n",
    "{{", "{{a|", "}}", "{{a}}", "({{a}})", "(((({{a}}", "{{a}}/", "{{convert|", "{{lang|a|", "{{#if:", "{{{", "}}}",
    "<ref>", "(<ref/>", "<ref/>,", "<!--", "<nowiki>", "</nowiki>", "<math>{", "<div>", "<span", "<table>", "<h2>",
    "</h2>", "<span style=display:none>", "</span>", "<br", "\n{|", "\n|}", "\n!a||", "\n==", "\n= = =", "\n*",
    "\n:;a:b", "\n; a [[b:", " \n \n", "\r\n", "\t", "\u3000", "'' a", "''' '' ", "'", " ,", "|", "=", "-{", "}-",
    "__TOC__", "&amp;", "&#x110000;", HOLE, MENTION_START, MENTION_END, "\ud800", "\x00",
]  # fmt: skip
WORDS = ["a", "b ", "Foo", "\n", "\n\n", ".", ", ", "(", ")"]


def is_consistent(page: RenderedPage) -> bool:
    """Whether the counts add up, no mark is left, and every span is a mention."""
    end = 0
    for link in page.links:
        mention = page.text[link.start : link.end]
        if link.start < end or not mention or mention != mention.strip(" \n") or "\n" in mention:
            return False
        end = link.end
    return (
        adds_up(page.counts, "links")
        and adds_up(page.counts, "characters")
        and not any(mark in page.text for mark in (HOLE, ZERO_WIDTH, MENTION_START, MENTION_END, HEADING_MARK))
        and "articles.second_try" not in page.counts
    )


@pytest.mark.parametrize("piece", PIECES)
def test_time_is_linear(piece: str) -> None:
    """Render 100 KB of one piece: well under a second, while quadratic work would take minutes."""
    start = time.process_time()
    page = render_wikitext(piece * (100_000 // len(piece)))
    assert time.process_time() - start < 3
    assert is_consistent(page)


def test_any_mixture_is_consistent() -> None:
    rng = random.Random(0)
    for _ in range(300):
        wikitext = "".join(rng.choices(PIECES + WORDS, k=rng.randint(1, 60)))
        assert is_consistent(render_wikitext(wikitext)), wikitext


def test_half_a_megabyte_on_one_line() -> None:
    page = render_wikitext("[[a|b]] c, " * 50_000)
    assert len(page.links) == 50_000
    assert page.text.endswith("b c, b c,\n")
