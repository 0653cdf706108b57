"""The scripts that measure the corpus: they find defects, links and templates, and know which defects are editors'."""

import re

from pipeline.corpus.titles import default_site
from scripts.corpus_defects import find_defects
from scripts.corpus_links import extract_prose, link_title, non_article_pattern, visible_text
from scripts.corpus_templates import classify_template, find_templates


def defect_kinds(text: str, source: str) -> list[tuple[str, bool]]:
    return [(defect.kind, defect.by_editors) for _, defect in find_defects("T", text, source)]


def test_defects_are_found() -> None:
    assert defect_kinds("Rome () is", "Rome ({{a}}; {{b}}) is") == [("empty parentheses", False)]
    assert defect_kinds("Rome (, 1950) is", "Rome ({{a}}, 1950) is") == [("broken parentheses", False)]
    assert defect_kinds("a town , in", "a town {{x}}, in") == [("space before punctuation", False)]
    assert defect_kinds("Lies at, Alabama", "Lies at {{coord|1|2}}, Alabama") == [("gap", False)]
    assert defect_kinds("a  b", "a b") == [("doubled spaces", False)]
    assert defect_kinds("a {{b}} c</ref>", "a") == [("wiki markup", False)] * 2 + [("html markup", False)]
    assert defect_kinds("thumb|a dog", "[[File:a.jpg|thumb|a dog]]") == [("leaked parameter", False)]
    assert defect_kinds("where formula_1 is", "where <math>x</math> is") == [("placeholder", False)]
    assert defect_kinds("A clean sentence (with a note), here.", "") == []


def test_wikitext_and_html_tables_are_removed_closed_or_not() -> None:
    media = re.compile(r"\[\[\s*File\s*:")
    source = (
        "a\n{|\n|<table><tr><td>b</table>\n</table>\nc\n<table><tr><td><table>d</table>e</table>\n{|\n|f\n== g ==\nh"
    )
    assert extract_prose(source, media).split() == ["a", "c", "h"]


def test_defects_by_editors_are_recognised() -> None:
    assert defect_kinds("a town , in", "a '''town''' , in") == [("space before punctuation", True)]
    assert defect_kinds("what it is made of.", "what [[it]] is made of.<ref>x</ref>") == [("gap", True)]


def test_prose_excludes_tables_templates_and_captions() -> None:
    media = re.compile(r"\[\[\s*File\s*:")
    source = "[[a]]<ref>[[b]]</ref>{{c|[[d]]|{{e}}}}\n{|\n|[[f]]\n|}\n[[File:g.jpg|[[h]]]] [[i|'''j''']]\n== [[k]] ==\n"
    assert re.findall(r"\[\[[^\[\]]*\]\]", extract_prose(source, media)) == ["[[a]]", "[[i|'''j''']]"]
    assert (visible_text("'''j'''&nbsp;<b>k</b>"), link_title(":foo_bar#x")) == ("j k", "Foo bar")


def test_categories_and_other_languages_are_not_articles() -> None:
    non_article = non_article_pattern(["Kategorie"])
    assert [bool(non_article.match(raw)) for raw in ("Kategorie: a", "de:a", "be:", ":fr:a")] == [True] * 4
    assert [bool(non_article.match(raw)) for raw in ("a", "Star Trek: Picard", "Halo 2: b")] == [False] * 3


def test_templates_in_prose_are_found_and_classified() -> None:
    media = re.compile(r"\[\[\s*File\s*:")
    source = (
        "{{infobox|a\n|b={{c}}}}{{hat}}\nA {{nowrap|{{d}}}} b.{{sfn|e}}<ref>{{f}}</ref>\n"
        "* {{cite book|g}} h {{zzz|i}}\n{|\n|{{j}}\n|}\n== {{k}} ==\n[[File:l.jpg|{{m}}]]"
    )
    found = [template for template, _ in find_templates(source, media)]
    assert found == ["{{nowrap|{{d}}}}", "{{sfn|e}}", "{{cite book|g}}", "{{zzz|i}}"]
    assert [line for _, line in find_templates(source, media)][1] == "A ◆ b.▶{{sfn|e}}◀"
    site = default_site("en")
    assert [classify_template(template, site) for template in (*found, "{{nbsp}}", "{{em|n}}")] == [
        "dropped", "vanishing", "vanishing", "dropped", "rendered", "rendered",
    ]  # fmt: skip
