"""The rulers measure: each finds what it is there to find, and tells the editors' own from ours."""

import re

from pipeline.corpus.titles import default_site
from scripts.corpus_defects import defects
from scripts.corpus_links import elsewhere, prose, shown, target
from scripts.corpus_templates import fate, templates


def kinds(text: str, source: str) -> list[tuple[str, bool]]:
    return [(defect.kind, defect.editors) for _, defect in defects("T", text, source)]


def test_defects_are_found() -> None:
    assert kinds("Rome () is", "Rome ({{a}}; {{b}}) is") == [("empty parentheses", False)]
    assert kinds("Rome (, 1950) is", "Rome ({{a}}, 1950) is") == [("broken parentheses", False)]
    assert kinds("a town , in", "a town {{x}}, in") == [("space before punctuation", False)]
    assert kinds("Lies at, Alabama", "Lies at {{coord|1|2}}, Alabama") == [("gap", False)]
    assert kinds("a  b", "a b") == [("doubled spaces", False)]
    assert kinds("a {{b}} c</ref>", "a") == [("wiki markup", False)] * 2 + [("html markup", False)]
    assert kinds("thumb|a dog", "[[File:a.jpg|thumb|a dog]]") == [("leaked parameter", False)]
    assert kinds("where formula_1 is", "where <math>x</math> is") == [("placeholder", False)]
    assert kinds("A clean sentence (with a note), here.", "") == []


def test_tables_of_either_kind_are_cut_closed_or_not() -> None:
    media = re.compile(r"\[\[\s*File\s*:")
    source = (
        "a\n{|\n|<table><tr><td>b</table>\n</table>\nc\n<table><tr><td><table>d</table>e</table>\n{|\n|f\n== g ==\nh"
    )
    assert prose(source, media).split() == ["a", "c", "h"]


def test_the_editors_own_are_told_apart() -> None:
    assert kinds("a town , in", "a '''town''' , in") == [("space before punctuation", True)]
    assert kinds("what it is made of.", "what [[it]] is made of.<ref>x</ref>") == [("gap", True)]


def test_prose_is_what_is_neither_table_nor_template_nor_caption() -> None:
    media = re.compile(r"\[\[\s*File\s*:")
    source = "[[a]]<ref>[[b]]</ref>{{c|[[d]]|{{e}}}}\n{|\n|[[f]]\n|}\n[[File:g.jpg|[[h]]]] [[i|'''j''']]\n== [[k]] ==\n"
    assert re.findall(r"\[\[[^\[\]]*\]\]", prose(source, media)) == ["[[a]]", "[[i|'''j''']]"]
    assert (shown("'''j'''&nbsp;<b>k</b>"), target(":foo_bar#x")) == ("j k", "Foo bar")


def test_categories_and_other_languages_are_no_links_of_the_prose() -> None:
    other = elsewhere(["Kategorie"])
    assert [bool(other.match(raw)) for raw in ("Kategorie: a", "de:a", "be:", ":fr:a")] == [True] * 4
    assert [bool(other.match(raw)) for raw in ("a", "Star Trek: Picard", "Halo 2: b")] == [False] * 3


def test_templates_of_the_prose_and_what_becomes_of_them() -> None:
    media = re.compile(r"\[\[\s*File\s*:")
    source = (
        "{{infobox|a\n|b={{c}}}}{{hat}}\nA {{nowrap|{{d}}}} b.{{sfn|e}}<ref>{{f}}</ref>\n"
        "* {{cite book|g}} h {{zzz|i}}\n{|\n|{{j}}\n|}\n== {{k}} ==\n[[File:l.jpg|{{m}}]]"
    )
    found = [template for template, _ in templates(source, media)]
    assert found == ["{{nowrap|{{d}}}}", "{{sfn|e}}", "{{cite book|g}}", "{{zzz|i}}"]
    assert [line for _, line in templates(source, media)][1] == "A ◆ b.▶{{sfn|e}}◀"
    site = default_site("en")
    assert [fate(template, site) for template in (*found, "{{nbsp}}", "{{em|n}}")] == [
        "dropped", "vanishing", "vanishing", "dropped", "rendered", "rendered",
    ]  # fmt: skip
