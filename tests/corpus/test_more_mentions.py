"""Mentions that are added to a page's links, and those that are left alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpus.build import build
from pipeline.corpus.jsonl.build import build as build_own
from pipeline.corpus.more_mentions import added, with_more
from pipeline.records import Article, Link
from pipeline.store.artefact import open_artefact
from tests.corpus.jsonl.test_build import document, packed, where
from tests.corpus.jsonl.test_build import own as own_config
from tests.corpus.test_build import CONFIG, XML, context, rows
from tests.vocab.corpus_files import unmarked


def found(title: str, marked: str) -> list[tuple[str, str, str]]:
    """(words, title, kind) of what is added to text with links as [[title|mention]]; checks that nothing overlaps."""
    text, spans = unmarked(marked)
    links = [Link(*span) for span in spans]
    new = added(title, text, links)
    ordered = sorted([*links, *(link for link, _ in new)], key=lambda link: link.start)
    assert all(one.end <= two.start for one, two in pairwise(ordered))
    return [(text[link.start : link.end], link.title, kind) for link, kind in new]


@pytest.mark.parametrize(
    ("title", "marked", "wanted"),
    [
        ("X", "The [[Lamp]] and the Lamp.", [("Lamp", "Lamp", "repeated")]),
        ("X", "Lamps are [[Lamp|lamps]]: two lamps.", [("lamps", "Lamp", "repeated")]),
        ("X", "[[Paula Rudall|Rudall]] saw Rudall.", [("Rudall", "Paula Rudall", "repeated")]),
        ("X", "[[Montgomery, Alabama|Montgomery]]: Montgomery.", [("Montgomery", "Montgomery, Alabama", "repeated")]),
        ("X", "[[Light house|old tower]], an old tower.", [("old tower", "Light house", "repeated")]),
        ("Keeper", "The Keeper lit the lamp.", [("Keeper", "Keeper", "own_title")]),
        ("Sea (water)", "In the Sea it is.", [("Sea", "Sea (water)", "own_title")]),
        ("X", "[[Oil lamp]] on oil lamp, Oil lamp.", [("Oil lamp", "Oil lamp", "repeated")]),
        (
            "Axiom of choice",
            "An [[axiom]]: the axiom of choice.",
            [("axiom of choice", "Axiom of choice", "own_title")],
        ),
        # whole words
        ("X", "[[Art]] in Artist, Art-deco, neo-Art, Art–Music, Art's and (Art).", [("Art", "Art", "repeated")] * 2),
        # the longest first
        ("X", "[[oil]] [[oil lamp]], an oil lamp.", [("oil lamp", "oil lamp", "repeated")]),
        # never on a link
        ("X", "[[art]] and [[Modern art|modern art]]", []),
        # two meanings, one of them the page itself
        ("X", "[[A b|lamp]] [[C d|lamp]] lamp", []),
        ("Mercury (planet)", "Named for [[Mercury (god)|Mercury]]. Mercury is hot.", []),
        # words whose title says something else, or more
        ("X", "[[Africa (Roman province)|Africa]], Africa", []),
        ("X", "[[Christian art|Christian]], Christian; [[Oil lamp|lamp]], lamp", []),
        ("X", "[[New York (magazine)|New York]], in New York", []),
        # short, or without a letter
        ("It", "[[Iowa|IA]] IA It [[1990]] 1990", []),
        # parts of longer names
        ("X", "[[Lincoln]] saw the Lincoln Memorial, Mary Lincoln, J. Lincoln and the Lincoln of America.", []),
        ("X", "[[Lincoln]], then Lincoln said so.", [("Lincoln", "Lincoln", "repeated")]),
        ("X", "[[Lincoln]]. Lincoln.\nLincoln", [("Lincoln", "Lincoln", "repeated")] * 2),
        # no spaces, no words to tell
        ("日本", "[[東京都]]は東京都にある。日本の", []),
    ],
)
def test_what_is_added(title: str, marked: str, wanted: list[tuple[str, str, str]]) -> None:
    assert found(title, marked) == wanted


@pytest.mark.parametrize(("is_disambiguation", "links"), [(False, 1), (True, 0)])
def test_a_list_of_meanings_gets_none(is_disambiguation: bool, links: int) -> None:
    article = Article("1", "2", "", "Alien", '"Alien", a song\n', (), 15, is_disambiguation)
    assert len(with_more(article, Counter()).links) == links


def test_off_by_default_and_counted_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(CONFIG, context(tmp_path / "plain", {"wiki.xml": XML}))
    build(replace(CONFIG, more_mentions=True), context(tmp_path / "more", {"wiki.xml": XML}))
    plain, more = (open_artefact(tmp_path / name / "corpus", stage="corpus").counts for name in ("plain", "more"))
    new = {key: number for key, number in more.items() if key.startswith("links.added.")}
    assert new
    assert "; added: repeated 1, own_title 1\n" in capsys.readouterr().err.split("/more/")[1]
    assert {key: number for key, number in more.items() if key not in new} == plain
    pairs = list(zip(rows(tmp_path / "plain", "articles"), rows(tmp_path / "more", "articles"), strict=True))
    for before, after in pairs:
        links: list[dict[str, Any]] = after["links"]  # type: ignore[assignment]
        own = [{key: link[key] for key in ("start", "end", "title")} for link in links if not link["added"]]
        assert own == before["links"]
        assert [link["start"] for link in links] == sorted(link["start"] for link in links)
    assert sum(link["added"] for _, after in pairs for link in after["links"]) == sum(new.values()) > 0  # type: ignore


def test_text_of_ones_own_has_more_mentions_too(tmp_path: Path) -> None:
    config = own_config(
        tmp_path / "in", {"a.jsonl": packed(document("1", "[[gene:A|A BC]] is A BC, not Note 1.", "Note 1"))}
    )
    build_own(replace(config, more_mentions=True), where(tmp_path))
    [row] = rows(tmp_path, "articles")
    assert row["links"] == [
        {"start": 0, "end": 4, "title": "gene:A", "added": False},
        {"start": 8, "end": 12, "title": "gene:A", "added": True},
        {"start": 18, "end": 24, "title": "Note 1", "added": True},
    ]
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert (counts["links.added.repeated"], counts["links.added.own_title"], counts["links.kept"]) == (1, 1, 1)
