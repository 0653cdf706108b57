"""Titles: the target of a link as MediaWiki normalises it."""

import pytest

from pipeline.corpus.languages import link_trail
from pipeline.corpus.titles import SiteInfo, Title, default_site, namespace_of, normalise_title, pipe_trick

ENGLISH = SiteInfo("enwiki", "en", "https://en.wikipedia.org/wiki/Main_Page", True, {0: "", 6: "File", 14: "Category"})
GERMAN = SiteInfo("dewiki", "de", "", True, {0: "", 1: "Diskussion", 6: "Datei", 14: "Kategorie"})
WORDS = SiteInfo("enwiktionary", "en", "", False, {0: "", 14: "Category"})


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("dog", Title(0, "Dog")),
        (" great__white_ shark ", Title(0, "Great white shark")),
        ("dog#Breeds", Title(0, "Dog", "Breeds")),
        ("#Breeds", Title(0, "", "Breeds")),
        ("C%2B%2B", Title(0, "C++")),
        ("AT&amp;T", Title(0, "AT&T")),
        ("Law&notary", Title(0, "Law&notary")),
        ("A&notit;B&#x42;&#0066;", Title(0, "A&notit;BBB")),
        ("Star Trek: Picard", Title(0, "Star Trek: Picard")),
        ("ßeta", Title(0, "ßeta")),
        ("éclair", Title(0, "Éclair")),
        ("Cafe\u0301", Title(0, "Café")),
        ("category: dogs", Title(14, "Category:Dogs")),
        (":Category:dogs", Title(14, "Category:Dogs", colon=True)),
        ("Image:a.png", Title(6, "File:A.png")),
        ("Bild:a.png", Title(6, "File:A.png")),
        ("Tiedosto:a.jpg", Title(6, "File:A.jpg")),
        ("fr:Chien", Title(0, "Chien", interwiki="fr")),
        (":wikt:dog", Title(0, "dog", interwiki="wikt", colon=True)),
        (":en:dog", Title(0, "Dog", colon=True)),
        ("a[b", None),
        ("a<b", None),
        ("", None),
        ("x" * 256, None),
    ],
)
def test_normalise(raw: str, title: Title | None) -> None:
    assert normalise_title(raw, ENGLISH) == title


def test_namespaces_are_the_wikis_own_and_english() -> None:
    assert normalise_title("kategorie:hund", GERMAN) == Title(14, "Kategorie:Hund")
    assert normalise_title("Category:hund", GERMAN) == Title(14, "Kategorie:Hund")
    assert normalise_title("Diskussion:Hund", ENGLISH) == Title(0, "Diskussion:Hund")
    assert namespace_of("Diskussion:Hund", GERMAN) == 1
    assert namespace_of("Star Trek: Picard", default_site("")) == 0


def test_case_rule() -> None:
    assert normalise_title("dog", WORDS) == Title(0, "dog")


def test_turkish_i() -> None:
    names = ["insan", "ışık", "iOS", "Ivan", "éclair"]
    titles = [normalise_title(name, default_site("tr")) for name in names]
    assert [title.text for title in titles if title] == ["İnsan", "Işık", "İOS", "Ivan", "Éclair"]


def test_hidden() -> None:
    shown = {
        raw: normalise_title(raw, ENGLISH) for raw in ("Category:A", ":Category:A", "de:A", ":de:A", "wikt:A", "A")
    }
    assert [raw for raw, title in shown.items() if title is not None and title.hidden] == ["Category:A", "de:A"]


@pytest.mark.parametrize(
    ("raw", "label"),
    [("Foo (bar)", "Foo"), ("Boston, Massachusetts", "Boston"), ("Help:Foo (bar)", "Foo"), ("A, B (c)", "A, B")],
)
def test_pipe_trick(raw: str, label: str) -> None:
    assert pipe_trick(raw) == label


@pytest.mark.parametrize(
    ("language", "text", "trail"),
    [("en", "sé", "s"), ("fr", "és ", "és"), ("de", "ß-", "ß"), ("ru", "ами ", "ами"), ("ja", "は", ""),
     ("zh", "s", ""), ("xx", "sé", "s")],
)  # fmt: skip
def test_trail(language: str, text: str, trail: str) -> None:
    match = link_trail(language).match(text)
    assert (match[0] if match else "") == trail


def test_url() -> None:
    assert ENGLISH.url("AC/DC é") == "https://en.wikipedia.org/wiki/AC/DC%20%C3%A9"
    assert GERMAN.url("Hund") == "https://de.wikipedia.org/wiki/Hund"
