"""Selection of pages by title lists, disambiguation and length; every dropped page is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.corpus.build import build
from pipeline.corpus.page_filter import PageFilter, contains_title, sorted_title_hashes
from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from pipeline.store.files import file_digest
from tests.corpus.fixture_corpus import CORPUS_CONFIG, WIKI_XML, dump_context, read_rows
from tests.corpus.jsonl.documents import document, jsonl_config, jsonl_context, to_jsonl


def write_title_list(path: Path, *titles: str) -> str:
    path.write_text("\n".join(titles), encoding="utf-8")
    return str(path)


def outcome(root: Path) -> tuple[list[str], dict[str, int]]:
    """Return the titles of the articles and the counts of dropped pages, and check that the counts add up."""
    counts = open_artefact(root / "corpus", stage="corpus").counts
    fates = {key: number for key, number in counts.items() if key.startswith("pages.") and key != "pages.seen"}
    assert sum(fates.values()) == counts["pages.seen"]
    articles = read_rows(root, "articles")
    assert counts["links.kept"] == sum(len(row["links"]) for row in articles)  # type: ignore[arg-type]
    lost = sum(number for key, number in counts.items() if key.startswith("links.dropped."))
    assert counts["links.seen"] == counts["links.kept"] + lost
    prefix = "pages.dropped."
    dropped = {key.removeprefix(prefix): number for key, number in fates.items() if key.startswith(prefix)}
    dropped.pop("namespace_1", None)
    return [str(row["title"]) for row in articles], dropped


def test_titles_are_found_by_their_hashes() -> None:
    found = sorted_title_hashes(["b", "a", "b", "ß"])
    assert len(found) == 3
    assert [contains_title(found, title) for title in ("a", "b", "ß", "c", "")] == [True, True, True, False, False]
    assert not contains_title(sorted_title_hashes([]), "a")


def test_a_filter_without_rules_keeps_everything() -> None:
    page_filter = PageFilter(keep_titles=None, leave_out_titles=None, disambiguation="keep", min_characters=0)
    page_filter.check_title("x")
    page_filter.check_content(text="", is_disambiguation=True)


def test_leaving_out_reads_titles_as_links_and_follows_redirects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """ "light_house" -> Beacon -> Lighthouse; "Whale oil" and "Train oil" redirect to each other."""
    titles = write_title_list(
        tmp_path / "test.txt", "light_house", "", " sea (water)#Tides ", "Whale oil", "Atlantis", "a[b"
    )
    build(replace(CORPUS_CONFIG, leave_out_titles=titles), dump_context(tmp_path, {"wiki.xml": WIKI_XML}))
    assert outcome(tmp_path) == (["Tower", "Lamp", "Ship", "Sea"], {"leave_out": 2})
    corpus = open_artefact(tmp_path / "corpus", stage="corpus")
    assert corpus.counts["titles.leave_out_titles.seen"] == 5
    assert corpus.counts["titles.leave_out_titles.without_page"] == 3
    message = "3 of 5 titles of corpus.leave_out_titles match no page: Whale oil, Atlantis, a[b"
    assert message in capsys.readouterr().err
    assert corpus.manifest["parents"]["corpus.leave_out_titles"] == file_digest(tmp_path / "test.txt")
    assert "leave_out_titles" not in corpus.manifest["config"]


def test_keep_titles_and_leave_out_titles_together(tmp_path: Path) -> None:
    keep, leave = write_title_list(tmp_path / "keep", "lamp", "Ship", "Sea"), write_title_list(tmp_path / "out", "Ship")
    config = replace(CORPUS_CONFIG, keep_titles=keep, leave_out_titles=leave, disambiguation="drop")
    build(config, dump_context(tmp_path, {"wiki.xml": WIKI_XML}))
    assert outcome(tmp_path) == (["Lamp"], {"leave_out": 1, "not_kept": 4, "disambiguation": 1})


def test_titles_to_keep_without_page_are_refused_before_rendering(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.corpus.xml.render_pass.render_page", None)
    config = replace(CORPUS_CONFIG, keep_titles=write_title_list(tmp_path / "keep", "Atlantis", "Mu"))
    with pytest.raises(
        PipelineError, match=r"^none of the 2 titles of corpus\.keep_titles is the title of a page: give"
    ):
        build(config, dump_context(tmp_path, {"wiki.xml": WIKI_XML}))
    assert not list(tmp_path.glob("corpus*"))


def test_short_pages_are_dropped(tmp_path: Path) -> None:
    build(replace(CORPUS_CONFIG, min_characters=150), dump_context(tmp_path, {"wiki.xml": WIKI_XML}))
    titles, dropped = outcome(tmp_path)
    assert dropped == {"short": 6 - len(titles)}
    assert all(len(str(row["text"])) >= 150 for row in read_rows(tmp_path, "articles"))
    assert 0 < len(titles) < 6


def test_own_text_is_filtered_too_and_its_titles_are_only_stripped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    documents = [
        document("1", "An [[x|a]].", "drug_a"), document("2", "A [[b]].", "Drug a"),
        document("3", "It may be.", "May", is_disambiguation=True), document("4", "x", "tiny"),
    ]  # fmt: skip
    config = jsonl_config(tmp_path / "in", {"a.jsonl": to_jsonl(*documents)})
    leave = write_title_list(tmp_path / "out", "drug_a ", "drug a")
    build(replace(config, leave_out_titles=leave, disambiguation="drop", min_characters=4), jsonl_context(tmp_path))
    assert outcome(tmp_path) == (["Drug a"], {"leave_out": 1, "disambiguation": 1, "short": 1})
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert counts["titles.leave_out_titles.without_page"] == 1
    printed = capsys.readouterr().err
    assert "4 seen = 1 articles, " in printed
    assert "dropped: short 1, leave_out 1, disambiguation 1\n" in printed


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, r"corpus\.keep_titles=.* is not a file"),
        (b" \n\n", r"contains no title"),
        (b"a\n\xff", r"is not valid UTF-8 at byte 2"),
        (b"Atlantis", r"none of the 1 titles of corpus\.keep_titles is the title of a page"),
    ],
)
def test_a_list_that_cannot_be_used(tmp_path: Path, data: bytes | None, message: str) -> None:
    if data is not None:
        (tmp_path / "list").write_bytes(data)
    with pytest.raises(PipelineError, match=message):
        build(
            replace(CORPUS_CONFIG, keep_titles=str(tmp_path / "list")), dump_context(tmp_path, {"wiki.xml": WIKI_XML})
        )
