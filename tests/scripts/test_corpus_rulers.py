"""The rulers measure: each finds what it is there to find, and tells the editors' own from ours."""

import re

from scripts.corpus_defects import defects
from scripts.corpus_links import prose, shown, target


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


def test_the_editors_own_are_told_apart() -> None:
    assert kinds("a town , in", "a '''town''' , in") == [("space before punctuation", True)]
    assert kinds("what it is made of.", "what [[it]] is made of.<ref>x</ref>") == [("gap", True)]


def test_prose_is_what_is_neither_table_nor_template_nor_caption() -> None:
    media = re.compile(r"\[\[\s*File\s*:")
    source = "[[a]]<ref>[[b]]</ref>{{c|[[d]]|{{e}}}}\n{|\n|[[f]]\n|}\n[[File:g.jpg|[[h]]]] [[i|'''j''']]\n== [[k]] ==\n"
    assert re.findall(r"\[\[[^\[\]]*\]\]", prose(source, media)) == ["[[a]]", "[[i|'''j''']]"]
    assert (shown("'''j'''&nbsp;<b>k</b>"), target(":foo_bar#x")) == ("j k", "Foo bar")
