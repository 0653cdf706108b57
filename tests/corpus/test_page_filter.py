"""Choosing pages: by lists of titles, disambiguation and length; every page that is not taken is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.corpus.build import build
from pipeline.corpus.jsonl.build import build as build_own
from pipeline.corpus.page_filter import Choice, hashes, holds
from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from pipeline.store.files import digest
from tests.corpus.jsonl.test_build import document, packed, where
from tests.corpus.jsonl.test_build import own as own_config
from tests.corpus.test_build import CONFIG, XML, context, rows


def listed(path: Path, *titles: str) -> str:
    path.write_text("\n".join(titles), encoding="utf-8")
    return str(path)


def outcome(root: Path) -> tuple[list[str], dict[str, int]]:
    """Titles of the articles, and the pages that were dropped; checks that the account adds up."""
    counts = open_artefact(root / "corpus", stage="corpus").counts
    fates = {key: number for key, number in counts.items() if key.startswith("pages.") and key != "pages.seen"}
    assert sum(fates.values()) == counts["pages.seen"]
    articles = rows(root, "articles")
    assert counts["links.kept"] == sum(len(row["links"]) for row in articles)  # type: ignore[arg-type]
    lost = sum(number for key, number in counts.items() if key.startswith("links.dropped."))
    assert counts["links.seen"] == counts["links.kept"] + lost
    prefix = "pages.dropped."
    dropped = {key.removeprefix(prefix): number for key, number in fates.items() if key.startswith(prefix)}
    dropped.pop("namespace_1", None)
    return [str(row["title"]) for row in articles], dropped


def test_titles_are_found_by_their_hashes() -> None:
    found = hashes(["b", "a", "b", "ß"])
    assert len(found) == 3
    assert [holds(found, title) for title in ("a", "b", "ß", "c", "")] == [True, True, True, False, False]
    assert not holds(hashes([]), "a")


def test_a_choice_of_nothing_takes_everything() -> None:
    choice = Choice(keep=None, leave_out=None, disambiguation="keep", min_characters=0)
    choice.by_title("x")
    choice.by_content(text="", is_disambiguation=True)


def test_leaving_out_reads_titles_as_links_and_follows_redirects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "light_house" -> Beacon -> Lighthouse; "Whale oil" and "Train oil" lead into each other."""
    titles = listed(tmp_path / "test.txt", "light_house", "", " sea (water)#Tides ", "Whale oil", "Atlantis", "a[b")
    build(replace(CONFIG, leave_out_titles=titles), context(tmp_path, {"wiki.xml": XML}))
    assert outcome(tmp_path) == (["Tower", "Lamp", "Ship", "Sea"], {"leave_out": 2})
    corpus = open_artefact(tmp_path / "corpus", stage="corpus")
    assert corpus.counts["titles.leave_out_titles.seen"] == 5
    assert corpus.counts["titles.leave_out_titles.without_page"] == 3
    assert "3 of 5 titles of corpus.leave_out_titles are no page's: Whale oil, Atlantis, a[b" in capsys.readouterr().err
    assert corpus.manifest["parents"]["corpus.leave_out_titles"] == digest(tmp_path / "test.txt")
    assert "leave_out_titles" not in corpus.manifest["config"]


def test_keeping_and_leaving_out_stand_together(tmp_path: Path) -> None:
    keep, leave = listed(tmp_path / "keep", "lamp", "Ship", "Sea"), listed(tmp_path / "out", "Ship")
    config = replace(CONFIG, keep_titles=keep, leave_out_titles=leave, disambiguation="drop")
    build(config, context(tmp_path, {"wiki.xml": XML}))
    assert outcome(tmp_path) == (["Lamp"], {"leave_out": 1, "not_kept": 4, "disambiguation": 1})


def test_titles_to_keep_that_are_no_pages_are_refused_before_the_pages_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.corpus.xml.render_pass.render", None)
    config = replace(CONFIG, keep_titles=listed(tmp_path / "keep", "Atlantis", "Mu"))
    with pytest.raises(PipelineError, match=r"^none of the 2 titles of corpus\.keep_titles is a page's: give"):
        build(config, context(tmp_path, {"wiki.xml": XML}))
    assert not list(tmp_path.glob("corpus*"))


def test_short_pages_are_left_out(tmp_path: Path) -> None:
    build(replace(CONFIG, min_characters=150), context(tmp_path, {"wiki.xml": XML}))
    titles, dropped = outcome(tmp_path)
    assert dropped == {"short": 6 - len(titles)}
    assert all(len(str(row["text"])) >= 150 for row in rows(tmp_path, "articles"))
    assert 0 < len(titles) < 6


def test_text_of_ones_own_is_chosen_alike_and_its_titles_are_only_trimmed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = [
        document("1", "An [[x|a]].", "drug_a"), document("2", "A [[b]].", "Drug a"),
        document("3", "It may be.", "May", is_disambiguation=True), document("4", "x", "tiny"),
    ]  # fmt: skip
    config = own_config(tmp_path / "in", {"a.jsonl": packed(*documents)})
    leave = listed(tmp_path / "out", "drug_a ", "drug a")
    build_own(replace(config, leave_out_titles=leave, disambiguation="drop", min_characters=4), where(tmp_path))
    assert outcome(tmp_path) == (["Drug a"], {"leave_out": 1, "disambiguation": 1, "short": 1})
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert counts["titles.leave_out_titles.without_page"] == 1
    fates = "4 seen = 1 articles, dropped.disambiguation 1, dropped.leave_out 1, dropped.short 1\n"
    assert fates in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, r"corpus\.keep_titles=.* is not a file"),
        (b" \n\n", r"holds no title"),
        (b"a\n\xff", r"is no UTF-8 at byte 2"),
        (b"Atlantis", r"none of the 1 titles of corpus\.keep_titles is a page's"),
    ],
)
def test_a_list_that_cannot_be_used(tmp_path: Path, data: bytes | None, told: str) -> None:
    if data is not None:
        (tmp_path / "list").write_bytes(data)
    with pytest.raises(PipelineError, match=told):
        build(replace(CONFIG, keep_titles=str(tmp_path / "list")), context(tmp_path, {"wiki.xml": XML}))


def test_the_config_names_its_key() -> None:
    with pytest.raises(ValueError, match=r"corpus\.min_characters is -1"):
        replace(CONFIG, min_characters=-1)
