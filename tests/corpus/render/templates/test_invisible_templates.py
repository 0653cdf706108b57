"""Templates that show nothing but tables, and those that only look like it, from their definitions alone."""

from __future__ import annotations

from collections import Counter

import pytest

from pipeline.corpus.render.page import render_page
from pipeline.corpus.render.templates.definitions import Definitions, transcluded_part
from pipeline.corpus.render.templates.expander import Expander
from pipeline.corpus.render.templates.invisible_templates import EMPTY_HTML_TABLE, EMPTY_TABLE, invisible_replacement
from pipeline.corpus.titles import default_site

TEXTS = {
    # invisible, as English Wikipedia writes them
    "Infobox": "{{#invoke:Infobox|infobox}}<includeonly>{{template other|{{#ifeq:{{PAGENAME}}|Infobox||{{#ifeq:"
    "{{str left|{{SUBJECTPAGENAME}}|7}}|Infobox|[[Category:Infoboxes|{{PAGENAME}}]]}}}}|}}</includeonly>",
    "Infobox town": "{{Infobox|title={{{name}}}|data1={{{population|}}} {{convert|{{{area}}}|km2}}}}"
    "{{main other|{{#if:{{{name|}}}||[[Category:Towns without a name]]}}}}",
    "Template other": "{{#switch:{{{demospace|{{NAMESPACE}}}}}|template={{{1|}}}|other|#default={{{2|}}}}}",
    "Main other": "{{{{{|safesubst:}}}#if:{{{demospace|}}}|{{{1|}}}|{{{2|}}}}}",
    "Convert": "{{#invoke:Convert|convert}}",
    "Towns": "{{Navbox\n|name=Towns\n|list1=[[A]] {{·}} [[B]]\n}}",
    "Navbox": "{{#invoke:Navbox|navbox}}",
    "Mark": '{| class="stub"\n| [[File:A.png]]\n| This article is a stub.\n|}\n[[Category:Stubs]]',
    "Barred": '{{{!}} class="infobox"\n{{!}} {{{1}}}\n{{!}}}',
    "Html box": '<div><TABLE id="{{{1|}}}"><tr><td>{{{1}}}<table><tr><td>b</td></tr></table></td></tr></table></div>',
    "Choice": "{{#switch:{{{1}}}|a|b={{Navbox}}|#default={{Mark}}}}{{#if:{{{2}}}|{{Navbox}}}}",
    "Tracked": "{{#if:{{{1|}}}|[[Category:{{{1}}}]]}}<references />{{#tag:references|{{{1}}}}}{{DEFAULTSORT:{{{1}}}}}",
    # visible, or possibly so
    "Nowrap": "<span>{{{1}}}</span>",
    "Text and table": "Before\n{|\n|a\n|}",
    "Between": "{|\n|a\n|}\nb\n{|\n|c\n|}",
    "Start": "{| class=succession",
    "End": "|}",
    "Titled": "{{PAGENAME}}{{Mark}}",
    "Either": "{{#if:{{{1|}}}|{{{1}}}|{{Mark}}}}",
    "Passed on": "{{main other|{{{1}}}}}",
    "Named by one": "{{Infobox {{{1}}}}}",
    "Loop": "{{Loop}}",
    "Fallthrough": "{{#switch:{{{1}}}|a|b}}",
    "With convert": "{{convert|1|km}}",
}
CASES = [
    *((name, "") for name in ("infobox", "infobox town", "navbox", "towns", "tracked")),
    *((name, EMPTY_TABLE) for name in ("mark", "barred", "html box", "choice")),
    *(
        (name, None)
        for name in (
            *("nowrap", "text and table", "between", "start", "end", "titled", "either", "passed on", "named by one"),
            *("loop", "fallthrough", "with convert", "main other", "unknown"),
        )
    ),
]


def make_expander(texts: dict[str, str]) -> Expander:
    """Return the expander of a page, in a dump with these definitions."""
    return Expander(Definitions(texts, {}), default_site("en"), "A", Counter())


@pytest.mark.parametrize(("name", "replacement"), CASES)
def test_replacement_of_a_template(name: str, replacement: str | None) -> None:
    texts = {title: transcluded_part(text) for title, text in TEXTS.items()}
    assert make_expander(texts).replacement_if_invisible(name) == replacement


@pytest.mark.parametrize(
    ("text", "replacement"),
    [
        ("", ""),
        (" \n[[Category:A|b]]<br />", ""),
        ("{|\n|a\n{|\n|b\n|}\n|}\n[[Category:A]]", EMPTY_HTML_TABLE),
        (":{|\n|a\n |}", EMPTY_HTML_TABLE),
        ("<table><tr><td>\n{|\n|}\n</table >", EMPTY_HTML_TABLE),
        ("{|\n|a\n|}b", None),
        ("{|\n|a", None),
        ("|}\n{|", None),
        ("{|\n<table>\n|}\n</table>", None),
        ("a {|\n|}", None),
        ("[[A]]", None),
        ("[[:Category:A]]", None),
        ("[[Image:A.png|thumb|a]][[fr:A]]", ""),
        ("[[Mission: Impossible]]", None),
        ("[[wikt:a|a]]", None),
        ("[[Wikipedia:A|a]]", None),
        ("<5>", None),
    ],
)
def test_tables_categories_and_tags_are_invisible(text: str, replacement: str | None) -> None:
    assert invisible_replacement(text, default_site("en")) == replacement


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a {{framed|[[Star Trek: Picard]]}}", "a Star Trek: Picard\n"),
        ("{{film}} b", "Mission: Impossible b\n"),
        ("{{mark}}}\na {{mark}}} b", "} a\n} b\n"),
    ],
)
def test_text_beside_tables_is_kept(page: str, text: str) -> None:
    texts = {**TEXTS, "Framed": "<span>{{{1}}}</span>", "Film": "[[Mission: Impossible]]"}
    definitions = Definitions({title: transcluded_part(text) for title, text in texts.items()}, {})
    assert render_page(page, site=default_site("en"), definitions=definitions, title="Page").text == text


def test_templates_of_many_templates_are_analyzed_quickly() -> None:
    texts = {f"T{n}": f"{{{{T{n + 1}}}}}" * 9 for n in range(35)} | {
        "T35": "[[Category:A]]",
        "Long": "[[Category:A]]" * 200_000,
    }
    assert make_expander(texts).replacement_if_invisible("T0") == ""
    assert make_expander(texts).replacement_if_invisible("Long") is None


def test_expansions_with_the_page_title_are_not_cached() -> None:
    texts = {"Here": "in {{PAGENAME}}{{lang|fr|{{dash}}}}", "Dash": "–", "Nowrap": "<b>{{{1}}}</b>"}
    definitions = Definitions(texts, {})
    for title in ("A", "B"):
        expander = Expander(definitions, default_site("en"), title, Counter())
        assert expander.expand_page("{{here}}{{dash}}{{nowrap|c {{here}}}}") == f"in {title}––<b>c in {title}–</b>"
    assert definitions.expansions == {"{{Dash}}": "–"}


def test_cached_expansions_do_not_depend_on_surrounding_templates() -> None:
    """Inside the expansion of A, a second A is a loop and expands to nothing; next to it, A is expanded."""
    definitions = Definitions({"A": "a{{lang|fr|{{b}}}}", "B": "b{{A}}"}, {})
    shown = []
    for page in ("{{a}} {{b}}", "{{b}} {{a}}"):
        definitions.expansions.clear()
        shown.append(sorted(Expander(definitions, default_site("en"), "A", Counter()).expand_page(page).split()))
    assert shown[0] == shown[1]


def test_limit_of_one_page_does_not_affect_cached_expansions() -> None:
    texts = {"Long": "a" * 1_500_000, "Short": "b{{lang|fr|{{other}}}}", "Other": "c"}
    definitions = Definitions(texts, {})
    Expander(definitions, default_site("en"), "A", Counter()).expand_page("{{long}}{{long}}{{short}}")
    assert Expander(definitions, default_site("en"), "B", Counter()).expand_page("{{short}}") == "bc"


def test_cached_expansions_are_counted_on_each_page() -> None:
    definitions = Definitions({"Links": "[[A]] {{nowrap|x}} [[B]]", "Nowrap": "<b>{{{1}}}</b>"}, {})
    counts = []
    for _ in range(2):
        expander = Expander(definitions, default_site("en"), "A", Counter())
        expander.expand_page("{{links}} [[C]]")
        counts.append(expander.counts)
    assert counts[0] == counts[1]
    assert counts[0]["templates.expanded"] == 1
