"""Mentions that are added to a page's links, and mentions that are not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpus.build import build
from pipeline.corpus.more_mentions import add_mentions, find_more_mentions
from pipeline.records import Article, Link
from pipeline.store.artefact import open_artefact
from tests.corpus.fixture_corpus import CORPUS_CONFIG, WIKI_XML, dump_context, read_rows
from tests.corpus.jsonl.documents import document, jsonl_config, jsonl_context, to_jsonl
from tests.helpers.corpus_files import parse_marked_links


def added_links(title: str, marked: str) -> list[tuple[str, str, str]]:
    """Return (mention, title, kind) of the links added to a text with [[title|mention]], and check the overlaps."""
    text, spans = parse_marked_links(marked)
    links = [Link(*span) for span in spans]
    new = find_more_mentions(title, text, links)
    ordered = sorted([*links, *(link for link, _ in new)], key=lambda link: link.start)
    assert all(one.end <= two.start for one, two in pairwise(ordered))
    return [(text[link.start : link.end], link.title, kind) for link, kind in new]


@pytest.mark.parametrize(
    ("title", "marked", "expected"),
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
        # two titles, one of them the page's own
        ("X", "[[A b|lamp]] [[C d|lamp]] lamp", []),
        ("Mercury (planet)", "Named for [[Mercury (god)|Mercury]]. Mercury is hot.", []),
        # single words that are not the name in the title
        ("X", "[[Africa (Roman province)|Africa]], Africa", []),
        ("X", "[[Christian art|Christian]], Christian; [[Oil lamp|lamp]], lamp", []),
        ("X", "[[New York (magazine)|New York]], in New York", []),
        # mentions of one or two characters
        ("It", "He saw it: It.", []),
        ("Ito", "He saw it: Ito.", [("Ito", "Ito", "own_title")]),
        ("X", "[[ox]], an ox, [[C]], a C", []),
        ("X", "[[oxe]], an oxe", [("oxe", "oxe", "repeated")]),
        # mentions without a letter
        ("X", "[[1990]], 1990", []),
        # parts of longer names
        ("X", "[[Lincoln]] saw the Lincoln Memorial, Mary Lincoln, J. Lincoln and the Lincoln of America.", []),
        ("X", "[[Lincoln]], then Lincoln said so.", [("Lincoln", "Lincoln", "repeated")]),
        ("X", "[[Lincoln]]. Lincoln.\nLincoln", [("Lincoln", "Lincoln", "repeated")] * 2),
        # scripts without spaces between words
        ("日本", "[[東京都]]は東京都にある。日本の", []),
    ],
)
def test_added_mentions(title: str, marked: str, expected: list[tuple[str, str, str]]) -> None:
    assert added_links(title, marked) == expected


@pytest.mark.parametrize(("is_disambiguation", "links"), [(False, 1), (True, 0)])
def test_disambiguation_pages_get_none(is_disambiguation: bool, links: int) -> None:
    article = Article("1", "2", "", "Alien", '"Alien", a song\n', (), 15, is_disambiguation)
    assert len(add_mentions(article, Counter()).links) == links


def test_off_by_default_and_counted_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(CORPUS_CONFIG, dump_context(tmp_path / "plain", {"wiki.xml": WIKI_XML}))
    build(replace(CORPUS_CONFIG, more_mentions=True), dump_context(tmp_path / "more", {"wiki.xml": WIKI_XML}))
    plain, more = (open_artefact(tmp_path / name / "corpus", stage="corpus").counts for name in ("plain", "more"))
    new = {key: number for key, number in more.items() if key.startswith("links.added.")}
    assert new
    assert "; added: repeated 1, own_title 1\n" in capsys.readouterr().err.split("/more/")[1]
    assert {key: number for key, number in more.items() if key not in new} == plain
    pairs = list(zip(read_rows(tmp_path / "plain", "articles"), read_rows(tmp_path / "more", "articles"), strict=True))
    for before, after in pairs:
        links: list[dict[str, Any]] = after["links"]  # type: ignore[assignment]
        own = [{key: link[key] for key in ("start", "end", "title")} for link in links if not link["added"]]
        assert own == before["links"]
        assert [link["start"] for link in links] == sorted(link["start"] for link in links)
    assert sum(link["added"] for _, after in pairs for link in after["links"]) == sum(new.values()) > 0  # type: ignore


def test_own_text_gets_added_mentions_too(tmp_path: Path) -> None:
    config = jsonl_config(
        tmp_path / "in", {"a.jsonl": to_jsonl(document("1", "[[gene:A|A BC]] is A BC, not Note 1.", "Note 1"))}
    )
    build(replace(config, more_mentions=True), jsonl_context(tmp_path))
    [row] = read_rows(tmp_path, "articles")
    assert row["links"] == [
        {"start": 0, "end": 4, "title": "gene:A", "added": False},
        {"start": 8, "end": 12, "title": "gene:A", "added": True},
        {"start": 18, "end": 24, "title": "Note 1", "added": True},
    ]
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert (counts["links.added.repeated"], counts["links.added.own_title"], counts["links.kept"]) == (1, 1, 1)
