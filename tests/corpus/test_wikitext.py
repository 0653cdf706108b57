"""Wikitext -> text and links, literally."""

import time

import pytest

from pipeline.corpus.templates import NO_DEFINITIONS, Definitions
from pipeline.corpus.titles import SiteInfo
from pipeline.corpus.wikitext import Rendered, render

NAMES = {0: "", 6: "File", 10: "Template", 14: "Category"}
ENGLISH = SiteInfo("enwiki", "en", "https://en.wikipedia.org/wiki/Main_Page", True, NAMES)
JAPANESE = SiteInfo("jawiki", "ja", "", True, {0: "", 6: "ファイル", 10: "Template", 14: "Category"})


def rendered(wikitext: str, site: SiteInfo = ENGLISH, definitions: Definitions = NO_DEFINITIONS) -> Rendered:
    return render(wikitext, site=site, definitions=definitions, title="Page")


def pairs(page: Rendered) -> list[tuple[str, str]]:
    return [(page.text[link.start : link.end], link.title) for link in page.links]


CASES = {
    "trail": ("[[dog]]s", "dogs\n", [("dogs", "Dog")]),
    "trail behind a label": ("[[Dog|hound]]s.", "hounds.\n", [("hounds", "Dog")]),
    "no trail behind italics": ("''[[Time]]''s", "Times\n", [("Time", "Time")]),
    "no trail behind nowiki": ("[[dog]]<nowiki/>s", "dogs\n", [("dog", "Dog")]),
    "nested marks": ("''[[A|'''b''']]''", "b\n", [("b", "A")]),
    "pipe trick": ("[[Foo (bar)|]] [[Foo, Bar|]]", "Foo Foo\n", [("Foo", "Foo (bar)"), ("Foo", "Foo, Bar")]),
    "fragment": ("[[Foo#Bar]] [[Foo#Bar|x]]", "Foo#Bar x\n", [("Foo#Bar", "Foo"), ("x", "Foo")]),
    "section": ("[[#Bar]] [[#Bar|x]]", "#Bar x\n", []),
    "underscores": ("[[foo_bar]]", "foo_bar\n", [("foo_bar", "Foo bar")]),
    "spaces in and around": ("a[[b | c ]] d", "a c d\n", [("c", "B")]),
    "label over two lines": ("[[a|b\nc]] d", "b c d\n", [("b c", "A")]),
    "interlanguage": ("a [[de:Foo]] b", "a b\n", []),
    "interwiki": ("[[:fr:Foo]] [[wikt:foo|bar]]", "fr:Foo bar\n", []),
    "category": ("a\n[[Category:X|[[y]]]]\nb [[:Category:X]]", "a b Category:X\n", []),
    "media with links": ("[[File:A.jpg|thumb|a [[b]] ''c''\n\nd]]e [[f]]", "e f\n", [("f", "F")]),
    "link in a link": ("[[a|b [[c]] d]]", "b c d\n", [("c", "C")]),
    "empty mention": ("a[[b|<!-- -->&nbsp;]]c", "a c\n", []),
    "invalid title": ("[[a{b]] [[a<b|c]]", "a{b c\n", []),
    "unclosed": ("[[a b [[c]] ]] '''d", "a b c d\n", [("c", "C")]),
    "entities": ("&lt;b&gt; &amp;amp; 5&nbsp;km &#x1F600;", "<b> &amp; 5 km 😀\n", []),
    "beyond the basic plane": ("𠮷 [[𠮷野家|𠮷]]x", "𠮷 𠮷x\n", [("𠮷x", "𠮷野家")]),
    "external": ("[http://x.y label] [http://x.y] http://x.y", "label http://x.y\n", []),
    "nowiki": ("<nowiki>[[a]] ''b'' {{c}}</nowiki>", "[[a]] ''b'' {{c}}\n", []),
    "sub and sup": ("H<sub>2</sub>O<sup>+</sup>", "H2O+\n", []),
    "br": ("a<br/>b<br>c", "a b c\n", []),
    "reference": ("a<ref name=x>b [[c]]</ref> d<ref name=x /> .", "a d.\n", []),
    "comment": ("a <!-- [[b]] --> c<!-- to the end", "a c\n", []),
    "gallery and math": ("a\n<gallery>\nB.jpg|[[c]]\n</gallery>\nd <math>\\int e</math> f", "a\nd f\n", []),
    "table in a table": ("a\n{|\n| [[b]]\n{|\n| c\n|}\n|}\nd", "a\nd\n", []),
    "unclosed table": ("a\n{|\n| b\n== C ==\nd", "a\nd\n", []),
    "lists": ("* a\n** b\n# c\n: d\n; e : f", "a\nb\nc\nd\ne\nf\n", []),
    "list in html": ("<ul><li>a</li><li>[[b]]</li></ul>", "a\nb\n", [("b", "B")]),
    "paragraphs": ("a\nb\n\n\nc\n----\nd", "a b\nc\nd\n", []),
    "headings": ("a\n== [[b]] ==\nc\n=== d ===", "a\nc\n", []),
    "apostrophe": ("l'''amour'' 'x' ''''y''''", "l'amour 'x' 'y'\n", []),
    "magic words": ("__NOTOC__\na __FOO", "a __FOO\n", []),
    "unknown tag": ("a <foo> b < c", "a <foo> b < c\n", []),
    "html quotation": ("a <blockquote>b</blockquote> c", "a\nb\nc\n", []),
    "hidden": ('a <span style="display:none">[[b]]</span> c', "a c\n", []),
    "holes": (
        "Rome ({{a}}; {{b}}) is, {{c}}, at {{d}}, in ({{e}}, 1950) {{f}}.\n\n{{g}}, h\n\n({{i}})",
        "Rome is, at, in (1950).\nh\n",
        [],
    ),
    "editors' own gaps stay": ("a ( ) , b", "a ( ) , b\n", []),
    "rendered": (
        "{{lang|la|''[[Roma]]''}}, {{convert|5|to|10|km|mi|abbr=on}}, {{convert|6|ft|2|in}}, {{As of|2010|5}}",
        "Roma, 5 to 10 km, 6 feet 2 inches, As of May 2010\n",
        [("Roma", "Roma")],
    ),
    "template with a link dropped": ("a {{b|[[c]]|{{d|[[e]]}}}} f", "a f\n", []),
    "unbalanced braces": ("a {{b [[c]] d", "a b c d\n", [("c", "C")]),
    "invisible": ("a\u200e\u00adb\u2009c", "ab c\n", []),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    wikitext, text, links = CASES[name]
    page = rendered(wikitext)
    assert (page.text, pairs(page)) == (text, links)
    dropped = {key: number for key, number in page.counts.items() if key.startswith("links.dropped")}
    assert page.counts["links.seen"] == page.counts["links.kept"] + sum(dropped.values())


def test_drops_are_counted_by_reason() -> None:
    page = rendered("[[a]] [[File:B.jpg|[[c]]]] [[Category:D]] [[#e]] [[Help:F]] [[wikt:g]]<ref>[[h]]</ref>{{i|[[j]]}}")
    assert {key: n for key, n in page.counts.items() if n and key.startswith("links")} == {
        "links.seen": 9, "links.kept": 1, "links.dropped.media": 2, "links.dropped.category": 1,
        "links.dropped.section": 1, "links.dropped.namespace": 1, "links.dropped.interwiki": 1,
        "links.dropped.reference": 1, "links.dropped.template": 1,
    }  # fmt: skip


def test_japanese() -> None:
    page = rendered(
        "'''[[犬]]である'''（{{a}}、いぬ）。[[ファイル:a.jpg|[[b]]]][[画像:a.png]]「{{c}}」の[[Category:犬]]", JAPANESE
    )
    assert (page.text, pairs(page)) == ("犬である（いぬ）。の\n", [("犬", "犬")])


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


@pytest.mark.parametrize(
    "piece",
    ["[[", "[[a|", "{{", "{{a|", "<ref>", "<!--", "\n{|", "'' a", "(<ref/>", "<ref/>,", "[http://a ", "<div>",
     "[[a|''b''", "<span"],
)  # fmt: skip
def test_time_is_linear_in_unclosed_markup(piece: str) -> None:
    """100 KB of each takes well under a second; quadratic work would take minutes."""
    start = time.process_time()
    rendered(piece * (100_000 // len(piece)))
    assert time.process_time() - start < 5


def test_a_language_is_named_in_english_only_on_an_english_wiki() -> None:
    assert rendered("a ({{lang-de|[[Wort]]}})").text == "a (German: Wort)\n"
    assert rendered("（{{Lang-tr|''Türkiye''}}）", JAPANESE).text == "（Türkiye）\n"
