"""Wikitext to text and links, with literal answers."""

import pytest

from pipeline.corpus.render.page import adds_up
from pipeline.corpus.render.templates.definitions import Definitions
from pipeline.corpus.titles import SiteInfo, default_site
from tests.corpus.render.sites import ENGLISH_SITE, GERMAN_SITE, JAPANESE_SITE, mentions_and_titles, render_wikitext
from tests.corpus.render.wikitext import cases

CASES = [
    pytest.param(site, *case, id=f"{site.language}: {name}")
    for site, table in ((ENGLISH_SITE, cases.ENGLISH), (JAPANESE_SITE, cases.JAPANESE), (GERMAN_SITE, cases.GERMAN))
    for name, case in table.items()
]


@pytest.mark.parametrize(("site", "wikitext", "text", "links"), CASES)
def test_case(site: SiteInfo, wikitext: str, text: str, links: list[tuple[str, str]]) -> None:
    page = render_wikitext(wikitext, site)
    assert (page.text, mentions_and_titles(page)) == (text, links)
    for what in ("links", "characters"):
        assert adds_up(page.counts, what)
    assert "articles.second_try" not in page.counts


def test_a_turkish_link() -> None:
    page = render_wikitext("[[insan]]lar, [[iktisat|a]]", default_site("tr"))
    assert mentions_and_titles(page) == [("insanlar", "İnsan"), ("a", "İktisat")]


def test_drops_are_counted_by_reason() -> None:
    page = render_wikitext(
        "[[a]] [[File:B.jpg|[[c]]]] [[Category:D]] [[#e]] [[Help:F]] [[wikt:g]]<ref>[[h]]</ref>{{i|[[j]]}}"
    )
    assert {key: n for key, n in page.counts.items() if n and key.startswith("links")} == {
        "links.seen": 9, "links.kept": 1, "links.dropped.media": 2, "links.dropped.category": 1,
        "links.dropped.section": 1, "links.dropped.namespace": 1, "links.dropped.interwiki": 1,
        "links.dropped.reference": 1, "links.dropped.template": 1,
    }  # fmt: skip


def test_lead_ends_at_the_first_heading() -> None:
    assert render_wikitext("a\n\nb\n== c ==\nd").lead_end == 4
    assert render_wikitext("a\n\nb").lead_end == 4
    assert render_wikitext("== c ==\nd").lead_end == 0


def test_templates_of_the_dump() -> None:
    definitions = Definitions({"T": "<b>{{{1}}}</b>{{{x|?}}} [[Seen]]"}, {"Alias": "T"})
    page = render_wikitext("{{t|a}} {{Template:alias|b|x=!}} {{#if:|no|yes}} {{U}}", definitions=definitions)
    assert page.text == "a? Seen b! Seen yes\n"
    assert mentions_and_titles(page) == [("Seen", "Seen")] * 2
    assert page.counts["links.seen"] == 2


def test_recursive_templates_end() -> None:
    definitions = Definitions({"A": "x{{B}}", "B": "y{{A}}"}, {})
    assert "{{" not in render_wikitext("{{A}} z", definitions=definitions).text


@pytest.mark.parametrize(
    ("wikitext", "answer"),
    [("{{disambiguation}}", True), ("{{Hndis|name=X}}", True), ("{{aimai}}", True), ("__DISAMBIG__", True),
     ("{{place name disambiguation}}", True), ("[[a]]{{disambiguation needed}}", False), ("a", False)],
)  # fmt: skip
def test_disambiguation(wikitext: str, answer: bool) -> None:
    assert render_wikitext(wikitext).is_disambiguation is answer


def test_a_language_is_named_in_english_only_on_an_english_wiki() -> None:
    assert render_wikitext("a ({{lang-de|[[Wort]]}})").text == "a (German: Wort)\n"
    assert render_wikitext("（{{Lang-tr|''Türkiye''}}）", JAPANESE_SITE).text == "（Türkiye）\n"


def test_template_definitions_as_real_wikis_write_them() -> None:
    texts = {
        "Fix": """<sup class="{{{class|noprint Inline-Template}}}">&#91;<i>[[{{{link}}}|{{{text}}}]]</i>&#93;</sup>""",
        "Speculation inline": "{{Fix|link=WP:SPEC|text=speculation?}}[[Category:Speculation]]",
        "Convert": "{{safesubst:#invoke:convert|convert}}",
        "Cite web": "{{#invoke:citation/CS1|citation|CitationClass=web}}",
        "Pages": """<sup class="reference">:{{{1}}}</sup>""",
        "As of": "{{#if:{{{lc|}}}|as of|As of}} {{{1}}}[[Category:All {{{1}}}]]",
        "Infobox X": """{| class="infobox"\n|-\n! {{{name}}}\n| [[{{{a|b}}}]]\n|}""",
        "Hat": """<div role="note" class="hatnote">See [[z]].</div>""",
        "Flag": """<span class="flagicon">[[File:{{{1}}}.svg|20px|link=]]&nbsp;</span>[[{{{1}}}]]""",
        "Note": "{{#tag:ref|{{{1}}}|group=n}}",
    }
    wikitext = (
        "{{hat}}\n{{Infobox X|name=A}}\n'''A'''{{note|b [[c]]}} is{{speculation inline}} {{cvt|5|to|10|km|mi}} from "
        "{{flag|D}}.{{pages|7}} {{As of|2010}}, e. {{Cite web|title=f}}"
    )
    page = render_wikitext(wikitext, definitions=Definitions(texts, {"Cvt": "Convert"}))
    assert page.text == "A is 5 to 10 km from D. As of 2010, e.\n"
    assert mentions_and_titles(page) == [("D", "D")]
    assert adds_up(page.counts, "links")
    assert adds_up(page.counts, "characters")
