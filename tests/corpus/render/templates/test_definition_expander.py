"""Templates that the dump defines, as the wikis write them, and the text that a reader sees.

Most templates in use today call Lua modules, which are not run here, and are often inside others that do not.
"""

from __future__ import annotations

import pytest

from pipeline.corpus.render.page import adds_up, render_page
from pipeline.corpus.render.templates.definitions import Definitions, transcluded_part
from pipeline.corpus.titles import default_site
from tests.corpus.render.templates.pages import mark_links

TEXTS = {
    "Nowrap": '<span class="nowrap">{{{1}}}</span><noinclude>\n{{documentation}}\n</noinclude>',
    "Spaced en dash": "&nbsp;&ndash;&#32;<noinclude>\n{{documentation}}\n</noinclude>",
    "Middot": "&nbsp;<b>&middot;</b>",
    "Dash": " – ",
    "Lines": "\nb\n",
    "Tag": "&lt;{{{1}}}&gt;",
    "Bracketed": "&#91;{{{1}}}&#93;",
    "Star": "&#42;",
    "0": '<span style="visibility:hidden;color:transparent;">0</span>',
    "Cast listing": '<div class="cast" style="column-width:{{{width|25em}}};">\n{{{1|}}}\n</div>',
    "Boxed": '{| class="wikitable"\n|-\n| {{{1}}}\n|}',
    "Boxed if": "{{#if:{{{1|}}}|{{{!}} class=wikitable\n{{!}}-\n{{!}} {{{1}}}\n{{!}}}}}",
    "Safe": "{{{{{|safesubst:}}}#ifexist:{{{1}}}|[[{{{1}}}]]|{{{1}}}}}",
    "Apples": "{{{1}}} {{plural:{{{1}}}|apple|{{nowrap|apples}}}}",
    "Years": "{{{1}}} {{plural:{{{1}}}|год|года|лет}}",
    "Two": "* {{{1}}}\n* {{{2}}}",
    "Convert": "{{#invoke:Convert|convert}}<noinclude>{{documentation}}</noinclude>",
    "Lang": "{{{{{|safesubst:}}}#invoke:Lang|lang}}",
    "Efn": "{{#invoke:Footnotes|efn}}",
    "HMS": "{{#invoke:Ships|main}}",
    "Nbsp": "{{if empty|{{own lua}}}}",
    "If empty": "{{{1|}}}",
    "Own Lua": "{{#invoke:Own|main}}",
    "English word": "[[English language|English]] {{lang|en|{{{1}}}}}",
    "Share": "{{#expr: 100 * {{{1}}} / {{{2}}} round 0}}%",
    "Link if there": "{{#ifexist:{{{1}}}|[[{{{1}}}|{{{2}}}]]|{{{2}}} ({{{3}}})}}{{#ifexist:X||[[Category:Y]]}}",
    "Loop": "{{nowrap|{{lang|fr|{{loop}}x}}}}",
    "Growing": "{{growing|{{{1}}}a}}{{mutual|{{{1}}}b}}c",
    "Mutual": "{{growing|{{{1}}}d}}{{nowrap|{{growing|{{{1}}}e}}}}f",
    "Cases": "{{#switch:{{{1}}}|a=A|b|01=B|{{lc:D}}=D|e|E|{{nowrap|1=other}}}}",
    "Default": "{{#SWITCH:{{{1}}}|a=A|#default|b=B|c=C}}",
    "Last": "{{#switch: {{{1|}}}|a=A|#default = other|b}}",
    "Same": "{{#ifeq:{{{1|}}}||none|{{{1}}}}} {{#IFEQ:{{{1|}}}| 1.0 |one|{{lang|fr|not one}}}}",
    "Beside": "<b>a</b>{{boxed|b}} c {{#if:1|{{boxed|d}}}}e",
    "As written": "{{Template:Small caps}} {{template:small_caps|a}}, {{small_caps}}",
    "Small caps": "<small>{{{1|b}}}</small>",
}
REDIRECTS = {"Snd": "Spaced en dash", "Measure": "Convert", "Note here": "Efn", "Old ship": "HMS"}
CASES = [
    ("a{{snd}}b", "a – b"),
    ("a{{middot}} b{{dash}}c", "a · b – c"),
    ("a{{lines}}c", "a b c"),
    ("{{tag|b}} {{bracketed|[[A]]}}", "<b> [[A|A]]"),
    ("{{star}} a", "* a"),
    ("* {{0}}1 May\n* 12 May", "1 May\n12 May"),
    ("{{nowrap|{{convert|5|km|mi}} long}}, {{nowrap|({{lang|fr|mot}})}}", "5 km long, (mot)"),
    ("{{nowrap|a{{efn|b {{convert|1|km}}}}c}} ({{nowrap|({{own lua|x}})}}; d)", "ac (d)"),
    ("({{english word|dog}})", "([English language|English] dog)"),
    ("{{cast listing|\n* {{nowrap|[[A]] B}} as {{lang|fr|C}}\n* D\n}}", "[A|A] B as C\nD"),
    ("{{cast listing|1={{nowrap|a}}}} {{cast listing|width=3|b [[c|d=e]]}}", "a\nb [C|d=e]"),
    ("a {{boxed|b}} c", "a\nc"),
    ("{{own lua}}{{boxed|b}}\nc", "c"),
    ("a\n{{boxed if|b}}\nc {{safe|d}}", "a\nc [D|d]"),
    ("{{#ifexist:a|{{lang|fr|b}}|c}} {{plural:2|d|{{lang|fr|e}}}}", "b e"),
    ("{{apples|1}}, {{apples|1,000}}", "1 apple, 1,000 apples"),
    ("{{years|21}}, {{years|11}}, {{years|3}}, {{years|1.5}}", "21 год, 11 лет, 3 года, 1.5 года"),
    ("as follows: {{two|a|b}}", "as follows:\na\nb"),
    ("{{share|1|3}} {{link if there|a|b|c}}", "33% [A|b]"),
    ("{{measure|5|km}}{{note here|a}}, {{nowrap|{{measure|6|km}}}} of {{old ship|Hood|51}}",
     "5 km, 6 km of [HMS Hood (51)|HMS Hood (51)]"),
    ("{{lang|fr|a{{nbsp}}b}} {{nowrap|c{{nbsp}}d}}", "a b c d"),
    ("a {{loop}} b", "a x b"),
    ("{{growing}} {{nowrap|{{nowrap|a}}}} {{growing}}", "fc a fc"),
    ("{{as written}}", "b a, b"),
    ("{{cases|a}} {{cases|b}} {{cases|1}} {{cases|d}} {{cases|E}} {{cases|f}}", "A B B D other other"),
    ("{{default|a}} {{default|b}} {{default|d}} {{last}} {{last|b}}", "A B B b b"),
    ("{{#IF:a|{{LC:A}}}}", "a"),
    ("{{beside}} f", "a\nc\ne f"),
    ("{{#if:1|a {{boxed|b}} c}}", "a\nc"),
    ("{{same}}, {{same|1}}, {{same|a}}", "none not one, 1 one, a not one"),
]  # fmt: skip


@pytest.mark.parametrize(("wikitext", "text"), CASES)
def test_text_of_a_page_with_definitions(wikitext: str, text: str) -> None:
    definitions = Definitions({title: transcluded_part(text) for title, text in TEXTS.items()}, REDIRECTS)
    page = render_page(wikitext, site=default_site("en"), definitions=definitions, title="Page")
    assert mark_links(page) == f"{text}\n"
    for what in ("links", "characters"):
        assert adds_up(page.counts, what)


@pytest.mark.parametrize("opened", ["{{lang|fr|{{#if:1|", "{{small caps|{{#if:1|"])
def test_text_after_deeply_nested_templates_is_kept(opened: str) -> None:
    definitions = Definitions({title: transcluded_part(text) for title, text in TEXTS.items()}, {})
    wikitext = f"a {opened * 300}b{'}}' * 600} c"
    assert render_page(wikitext, site=default_site("en"), definitions=definitions, title="Page").text.split() == [
        "a",
        "c",
    ]


@pytest.mark.parametrize(
    ("around", "last"),
    [("{}", "a" * 30), ("{{{{nowrap|{}}}}}", "a"), ("{{{{lang|fr|{}}}}}", ""), ("{{{{#if:1|{}}}}}", "")],
)
def test_expansion_of_a_template_is_limited(around: str, last: str) -> None:
    """Each template calls the next one twice, 26 levels deep: 2 GB of text, or 67 million calls without text."""
    texts = {f"T{n}": around.format(f"{{{{T{n + 1}}}}}") * 2 for n in range(26)} | {"T26": last} | TEXTS
    page = render_page("b{{T0}}{{nowrap|c}}", site=default_site("en"), definitions=Definitions(texts, {}), title="Page")
    assert (page.text[0], page.text[-2]) == ("b", "c")
    assert len(page.text) < 2_000_010
