"""The corpus stage on JSON lines: rows, counts, parts, and the report of invalid lines."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.corpus.build import build
from pipeline.corpus.jsonl import parts
from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from pipeline.store.files import read_json
from tests.corpus.fixture_corpus import read_manifest, read_rows
from tests.corpus.jsonl.documents import document, jsonl_config, jsonl_context, to_jsonl


def test_the_artefact_has_the_files_and_columns_of_a_dumps_corpus(tmp_path: Path) -> None:
    first = document("a", "The [[gene:BRCA1|BRCA1]] gene.\nIt is [[drug_x|x]].", "gene:BRCA1", url="https://e.org/a")
    second = document("b", "Nothing linked.", is_disambiguation=True)
    config = jsonl_config(tmp_path / "in", {"b.jsonl.gz": gzip.compress(to_jsonl(second)), "a.jsonl": to_jsonl(first)})
    build(config, jsonl_context(tmp_path))
    assert read_rows(tmp_path, "articles") == [
        {
            "id": "a", "revision": "", "url": "https://e.org/a", "title": "gene:BRCA1",
            "text": "The BRCA1 gene.\nIt is x.\n", "lead_end": 25, "is_disambiguation": False,
            "links": [{"start": 4, "end": 9, "title": "gene:BRCA1"}, {"start": 22, "end": 23, "title": "drug_x"}],
        },
        {
            "id": "b", "revision": "", "url": "", "title": "Page b", "text": "Nothing linked.\n", "lead_end": 16,
            "is_disambiguation": True, "links": [],
        },
    ]  # fmt: skip
    assert read_rows(tmp_path, "redirects") == read_rows(tmp_path, "quarantine") == []
    site = read_json(tmp_path / "corpus" / "site.json")
    assert (site["language"], site["articles"]) == ("de", 2)
    card = (tmp_path / "corpus" / "README.md").read_text()
    assert card.endswith("| pages | 2 | 2 | none |\n| links | 2 | 2 | none |\n")
    assert "# Own text: plain text" in card
    assert "license" not in card
    corpus = open_artefact(tmp_path / "corpus", stage="corpus")
    assert sorted(corpus.manifest["parents"]) == ["a.jsonl", "b.jsonl.gz"]
    assert "files" not in corpus.manifest["config"]
    kept = {key: number for key, number in corpus.counts.items() if number}
    assert kept == {
        "characters.text": 41, "files.seen": 2, "links.kept": 2, "links.seen": 2, "pages.articles": 2, "pages.seen": 2,
    }  # fmt: skip


def test_same_bytes_with_any_number_of_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 500)
    monkeypatch.setattr("pipeline.corpus.jsonl.build.FILE_CHARACTERS", 200)
    documents = [document(str(number), f"Grüße {'x' * (number % 7 * 20)} [[T{number}]].") for number in range(60)]
    files = {"a.jsonl": to_jsonl(*documents[:40]), "b.gz": gzip.compress(to_jsonl(*documents[40:]))}
    for name, workers in (("one", 1), ("two", 2)):
        build(jsonl_config(tmp_path / "in", files), jsonl_context(tmp_path / name, workers))
    assert [row["id"] for row in read_rows(tmp_path / "one", "articles")] == [str(number) for number in range(60)]
    assert read_manifest(tmp_path / "one") == read_manifest(tmp_path / "two")
    assert len(list((tmp_path / "one" / "corpus").glob("articles-*"))) > 10


def test_invalid_lines_are_reported_with_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 150)
    good = [document(str(number), "A [[b]].") for number in range(10)]
    bad = document("x", "A [[b]].") | {"links": [{"start": 0, "end": 9, "title": "b"}]}
    files = {
        "a.jsonl": to_jsonl(*good[:5]) + b"\n" + to_jsonl(bad) + b"{\n" + to_jsonl(*good[5:]),
        "b.jsonl": to_jsonl(document("11", "x"), good[3], document("12", "[[y]]"), good[3], document("12", "z")),
    }
    with pytest.raises(PipelineError) as refused:
        build(jsonl_config(tmp_path / "in", files), jsonl_context(tmp_path))
    assert str(refused.value) == (
        "corpus.files: 5 of 17 lines cannot be used:\n"
        "  a.jsonl:7: links[0]: start 0, end 9: must satisfy 0 <= start < end <= 4, the length of the text\n"
        "  a.jsonl:8: the line is not valid JSON: Expecting property name enclosed in double quotes at character 1\n"
        "  b.jsonl:2: the id '3' is already used in a.jsonl:4\n"
        "  b.jsonl:5: the id '12' is already used in b.jsonl:3\n"
        "Fix the files and run this again; docs/corpus.md describes the fields of a line under 'Your own text'."
    )
    assert not (tmp_path / "corpus").exists()
    build(
        jsonl_config(tmp_path / "in", {"a.jsonl": to_jsonl(*good)}), jsonl_context(tmp_path)
    )  # fixed, without overwrite=true


def test_a_damaged_file_is_reported_among_the_invalid_lines(tmp_path: Path) -> None:
    files = {"a.jsonl": b"{}\n", "b.gz": gzip.compress(b"[]\n" * 12)[:-4]}
    message = (
        r"(?s) 14 of 14 lines .*\n  a\.jsonl:1: .*\n"
        r"  b\.gz: the file is damaged in line 13 or before \(.*\): check.*\n  b\.gz:1: "
    )
    with pytest.raises(PipelineError, match=message):
        build(jsonl_config(tmp_path / "in", files), jsonl_context(tmp_path))
    assert not list(tmp_path.glob("corpus*"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\n \n\r\n", r"^there is no page in corpus\.files, 1 file\(s\), the first .*/in/a\.jsonl: lines with text"),
        (
            to_jsonl(document("1", " ")),
            r"^none of the 1 page\(s\) in corpus\.files, .* becomes an article \(quarantined\.no_text 1\): lines",
        ),
        (
            to_jsonl(document("2", "x", "Page 1", is_disambiguation=True)),
            r"article \(dropped\.disambiguation 1\): check corpus",
        ),
        (to_jsonl(document("2", "x"), document("3", "y")), r"article \(dropped\.not_kept 2\): check corpus\.keep"),
    ],
    ids=["blank", "no text", "chosen", "unmatched"],
)
def test_input_without_articles_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "titles").write_text("Page 1")
    config = jsonl_config(tmp_path / "in", {"a.jsonl": data})
    with pytest.raises(PipelineError, match=message):
        build(replace(config, keep_titles=str(tmp_path / "titles"), disambiguation="drop"), jsonl_context(tmp_path))
    assert not list(tmp_path.glob("corpus*"))


def test_the_disk_estimate_is_printed_first_and_refuses_if_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"a.jsonl": to_jsonl(document("1", "x" * 10_000_000)), "b.gz": gzip.compress(b"y" * 50)}
    config = replace(jsonl_config(tmp_path / "in", files), max_page_bytes=1)
    with pytest.raises(PipelineError, match="cannot be used"):
        build(config, jsonl_context(tmp_path))
    message = "corpus: needs about 1 MB to 3 MB more disk (1 MB to 3 MB of output, 0 MB of scratch; "
    assert capsys.readouterr().err.startswith(message)
    free = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr("pipeline.execution.preflight.shutil.disk_usage", lambda _folder: free)
    with pytest.raises(PipelineError, match=r"^corpus needs at least 1 MB more disk .* has 1 MB free: make room"):
        build(config, jsonl_context(tmp_path))
    assert not (tmp_path / "corpus.partial").exists()


def test_only_the_first_ten_invalid_lines_are_listed(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="12 of 13 lines cannot be used, the first 10:") as refused:
        build(
            jsonl_config(tmp_path / "in", {"a.jsonl": to_jsonl(document("1", "x")) + b"[]\n" * 12}),
            jsonl_context(tmp_path),
        )
    assert str(refused.value).count("a.jsonl:") == 10


def test_a_long_line_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    config = jsonl_config(
        tmp_path / "in", {"a.jsonl": to_jsonl(document("1", "x" * 3000), document("2", "y"), document("2", "z"))}
    )
    with pytest.raises(
        PipelineError, match=r"(?s)a.jsonl:1: the line is longer than corpus.max_page_bytes=1000.*a.jsonl:3: the id"
    ):
        build(replace(config, max_page_bytes=1000), jsonl_context(tmp_path))


def test_a_page_without_text_goes_to_the_quarantine(tmp_path: Path) -> None:
    build(
        jsonl_config(tmp_path / "in", {"a.jsonl": to_jsonl(document("1", " \n"), document("2", "x"))}),
        jsonl_context(tmp_path),
    )
    assert read_rows(tmp_path, "quarantine") == [{"id": "1", "revision": "", "title": "Page 1", "reason": "no_text"}]
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert (counts["pages.seen"], counts["pages.articles"], counts["pages.quarantined.no_text"]) == (2, 1, 1)


def test_a_changed_file_is_noticed_and_a_moved_one_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(jsonl_config(tmp_path / "in", {"a.jsonl": to_jsonl(document("1", "x"))}), jsonl_context(tmp_path))
    build(jsonl_config(tmp_path / "moved", {"a.jsonl": to_jsonl(document("1", "x"))}), jsonl_context(tmp_path))
    assert "is up to date" in capsys.readouterr().err
    with pytest.raises(PipelineError, match=r"parents\.a\.jsonl: "):
        build(jsonl_config(tmp_path / "in", {"a.jsonl": to_jsonl(document("1", "y"))}), jsonl_context(tmp_path))
