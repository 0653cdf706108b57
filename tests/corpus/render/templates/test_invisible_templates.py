"""What stands for templates of which all is dropped, and for those that look like them, by their definitions alone."""

from __future__ import annotations

from collections import Counter

import pytest

from pipeline.corpus.render.page import render
from pipeline.corpus.render.templates.defined import Definitions, define
from pipeline.corpus.render.templates.expander import Expander
from pipeline.corpus.render.templates.invisible_templates import NESTED_TABLE, TABLE, emptied
from pipeline.corpus.titles import default_site

TEXTS = {
    # English Wikipedia's way
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
    # what shows something, or may
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
    *((name, TABLE) for name in ("mark", "barred", "html box", "choice")),
    *(
        (name, None)
        for name in (
            *("nowrap", "text and table", "between", "start", "end", "titled", "either", "passed on", "named by one"),
            *("loop", "fallthrough", "with convert", "main other", "unknown"),
        )
    ),
]


def expander(title: str = "Page") -> Expander:
    definitions = Definitions({title: define(text) for title, text in TEXTS.items()}, {})
    return Expander(definitions, default_site("en"), title, Counter())


@pytest.mark.parametrize(("name", "shown"), CASES)
def test_what_stands_for_a_template(name: str, shown: str | None) -> None:
    assert expander().box(name) == shown


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ""),
        (" \n[[Category:A|b]]<br />", ""),
        ("{|\n|a\n{|\n|b\n|}\n|}\n[[Category:A]]", NESTED_TABLE),
        (":{|\n|a\n |}", NESTED_TABLE),
        ("<table><tr><td>\n{|\n|}\n</table >", NESTED_TABLE),
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
def test_tables_categories_and_tags_are_nothing(text: str, left: str | None) -> None:
    assert emptied(text, default_site("en")) == left


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("a {{framed|[[Star Trek: Picard]]}}", "a Star Trek: Picard\n"),
        ("{{film}} b", "Mission: Impossible b\n"),
        ("{{mark}}}\na {{mark}}} b", "} a\n} b\n"),
    ],
)
def test_what_a_reader_sees_beside_tables(page: str, text: str) -> None:
    texts = {**TEXTS, "Framed": "<span>{{{1}}}</span>", "Film": "[[Mission: Impossible]]"}
    definitions = Definitions({title: define(text) for title, text in texts.items()}, {})
    assert render(page, site=default_site("en"), definitions=definitions, title="Page").text == text


def test_templates_of_many_templates_are_soon_told() -> None:
    texts = {f"T{n}": f"{{{{T{n + 1}}}}}" * 9 for n in range(35)} | {
        "T35": "[[Category:A]]",
        "Long": "[[Category:A]]" * 200_000,
    }
    assert Expander(Definitions(texts, {}), default_site("en"), "A", Counter()).box("T0") == ""
    assert Expander(Definitions(texts, {}), default_site("en"), "A", Counter()).box("Long") is None


def test_the_title_is_no_part_of_what_is_remembered() -> None:
    texts = {"Here": "in {{PAGENAME}}{{lang|fr|{{dash}}}}", "Dash": "–", "Nowrap": "<b>{{{1}}}</b>"}
    definitions = Definitions(texts, {})
    for title in ("A", "B"):
        page = Expander(definitions, default_site("en"), title, Counter())
        assert page.page("{{here}}{{dash}}{{nowrap|c {{here}}}}") == f"in {title}––<b>c in {title}–</b>"
    assert definitions.calls == {"{{Dash}}": "–"}


def test_what_is_remembered_is_what_stands_alone() -> None:
    """In A's own argument there is no second A, which would be a loop; beside it there is."""
    definitions = Definitions({"A": "a{{lang|fr|{{b}}}}", "B": "b{{A}}"}, {})
    shown = []
    for page in ("{{a}} {{b}}", "{{b}} {{a}}"):
        definitions.calls.clear()
        shown.append(sorted(Expander(definitions, default_site("en"), "A", Counter()).page(page).split()))
    assert shown[0] == shown[1]


def test_what_is_remembered_is_of_no_page_that_grew_too_long() -> None:
    texts = {"Long": "a" * 1_500_000, "Short": "b{{lang|fr|{{other}}}}", "Other": "c"}
    definitions = Definitions(texts, {})
    Expander(definitions, default_site("en"), "A", Counter()).page("{{long}}{{long}}{{short}}")
    assert Expander(definitions, default_site("en"), "B", Counter()).page("{{short}}") == "bc"


def test_what_is_remembered_is_counted_each_time() -> None:
    definitions = Definitions({"Links": "[[A]] {{nowrap|x}} [[B]]", "Nowrap": "<b>{{{1}}}</b>"}, {})
    counts = []
    for _ in range(2):
        page = Expander(definitions, default_site("en"), "A", Counter())
        page.page("{{links}} [[C]]")
        counts.append(page.counts)
    assert counts[0] == counts[1]
    assert counts[0]["templates.expanded"] == 1
