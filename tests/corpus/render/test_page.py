"""Wikitext -> text and links, literally."""

import pytest

from pipeline.corpus.render.page import Rendered, adds_up, render
from pipeline.corpus.render.templates.defined import NO_DEFINITIONS, Definitions
from pipeline.corpus.titles import SiteInfo, default_site
from tests.corpus.render.wikitext import cases

NAMES = {0: "", 6: "File", 10: "Template", 14: "Category"}
ENGLISH = SiteInfo("enwiki", "en", "https://en.wikipedia.org/wiki/Main_Page", True, NAMES)
JAPANESE = SiteInfo("jawiki", "ja", "", True, {0: "", 6: "ファイル", 10: "Template", 14: "Category"})


def rendered(wikitext: str, site: SiteInfo = ENGLISH, definitions: Definitions = NO_DEFINITIONS) -> Rendered:
    return render(wikitext, site=site, definitions=definitions, title="Page")


def pairs(page: Rendered) -> list[tuple[str, str]]:
    return [(page.text[link.start : link.end], link.title) for link in page.links]


GERMAN = SiteInfo("dewiki", "de", "", True, {0: "", 6: "Datei", 10: "Vorlage", 14: "Kategorie"})
CASES = [
    pytest.param(site, *case, id=f"{site.language}: {name}")
    for site, table in ((ENGLISH, cases.ENGLISH), (JAPANESE, cases.JAPANESE), (GERMAN, cases.GERMAN))
    for name, case in table.items()
]


@pytest.mark.parametrize(("site", "wikitext", "text", "links"), CASES)
def test_case(site: SiteInfo, wikitext: str, text: str, links: list[tuple[str, str]]) -> None:
    page = rendered(wikitext, site)
    assert (page.text, pairs(page)) == (text, links)
    for what in ("links", "characters"):
        assert adds_up(page.counts, what)
    assert "articles.second_try" not in page.counts


def test_a_turkish_link() -> None:
    page = rendered("[[insan]]lar, [[iktisat|a]]", default_site("tr"))
    assert pairs(page) == [("insanlar", "İnsan"), ("a", "İktisat")]


def test_drops_are_counted_by_reason() -> None:
    page = rendered("[[a]] [[File:B.jpg|[[c]]]] [[Category:D]] [[#e]] [[Help:F]] [[wikt:g]]<ref>[[h]]</ref>{{i|[[j]]}}")
    assert {key: n for key, n in page.counts.items() if n and key.startswith("links")} == {
        "links.seen": 9, "links.kept": 1, "links.dropped.media": 2, "links.dropped.category": 1,
        "links.dropped.section": 1, "links.dropped.namespace": 1, "links.dropped.interwiki": 1,
        "links.dropped.reference": 1, "links.dropped.template": 1,
    }  # fmt: skip


def test_lead_ends_at_the_first_heading() -> None:
    assert rendered("a\n\nb\n== c ==\nd").lead_end == 4
    assert rendered("a\n\nb").lead_end == 4
    assert rendered("== c ==\nd").lead_end == 0


def test_templates_of_the_dump() -> None:
    definitions = Definitions({"T": "<b>{{{1}}}</b>{{{x|?}}} [[Seen]]"}, {"Alias": "T"})
    page = rendered("{{t|a}} {{Template:alias|b|x=!}} {{#if:|no|yes}} {{U}}", definitions=definitions)
    assert page.text == "a? Seen b! Seen yes\n"
    assert pairs(page) == [("Seen", "Seen")] * 2
    assert page.counts["links.seen"] == 2


def test_templates_that_call_themselves_end() -> None:
    definitions = Definitions({"A": "x{{B}}", "B": "y{{A}}"}, {})
    assert "{{" not in rendered("{{A}} z", definitions=definitions).text


@pytest.mark.parametrize(
    ("wikitext", "answer"),
    [("{{disambiguation}}", True), ("{{Hndis|name=X}}", True), ("{{aimai}}", True), ("__DISAMBIG__", True),
     ("{{place name disambiguation}}", True), ("[[a]]{{disambiguation needed}}", False), ("a", False)],
)  # fmt: skip
def test_disambiguation(wikitext: str, answer: bool) -> None:
    assert rendered(wikitext).is_disambiguation is answer


def test_a_language_is_named_in_english_only_on_an_english_wiki() -> None:
    assert rendered("a ({{lang-de|[[Wort]]}})").text == "a (German: Wort)\n"
    assert rendered("（{{Lang-tr|''Türkiye''}}）", JAPANESE).text == "（Türkiye）\n"


def test_what_wikis_define_their_templates_as() -> None:
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
    page = rendered(wikitext, definitions=Definitions(texts, {"Cvt": "Convert"}))
    assert page.text == "A is 5 to 10 km from D. As of 2010, e.\n"
    assert pairs(page) == [("D", "D")]
    assert adds_up(page.counts, "links")
    assert adds_up(page.counts, "characters")
