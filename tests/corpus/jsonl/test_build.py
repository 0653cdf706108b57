"""Text of one's own as a corpus: rows, account, parts, and what is told of wrong lines."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.corpus.config import CorpusConfig
from pipeline.corpus.jsonl import parts
from pipeline.corpus.jsonl.build import build
from pipeline.corpus.jsonl.lines import Wrong
from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.store.artefact import open_artefact
from pipeline.store.files import read_json
from pipeline.store.layout import Layout
from tests.corpus.test_build import CONFIG, LOCAL, digests, rows
from tests.vocab.corpus_files import unmarked


def document(page_id: str, marked: str, title: str = "", **more: object) -> dict[str, Any]:
    """A line's object from text with links as [[title|mention]]."""
    text, links = unmarked(marked)
    spans = [{"start": start, "end": end, "title": target} for start, end, target in links]
    return {"id": page_id, "title": title or f"Page {page_id}", "text": text, "links": spans, **more}


def packed(*documents: dict[str, Any]) -> bytes:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in documents).encode()


def own(folder: Path, files: dict[str, bytes]) -> CorpusConfig:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return replace(CONFIG, source="jsonl", language="de", files=tuple(str(folder / name) for name in files))


def where(root: Path, workers: int = 1) -> Context:
    return Context(layout=Layout(root=root, run=""), executor=replace(LOCAL, workers=workers), overwrite=False)


def test_the_artefact_has_a_dumps_files_and_columns(tmp_path: Path) -> None:
    first = document("a", "The [[gene:BRCA1|BRCA1]] gene.\nIt is [[drug_x|x]].", "gene:BRCA1", url="https://e.org/a")
    second = document("b", "Nothing linked.", is_disambiguation=True)
    config = own(tmp_path / "in", {"b.jsonl.gz": gzip.compress(packed(second)), "a.jsonl": packed(first)})
    build(config, where(tmp_path))
    assert rows(tmp_path, "articles") == [
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
    assert rows(tmp_path, "redirects") == rows(tmp_path, "quarantine") == []
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
    files = {"a.jsonl": packed(*documents[:40]), "b.gz": gzip.compress(packed(*documents[40:]))}
    for name, workers in (("one", 1), ("two", 2)):
        build(own(tmp_path / "in", files), where(tmp_path / name, workers))
    assert [row["id"] for row in rows(tmp_path / "one", "articles")] == [str(number) for number in range(60)]
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert len(list((tmp_path / "one" / "corpus").glob("articles-*"))) > 10


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_every_line_is_in_one_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, end: bytes) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", size)
    long = b"y" * 11
    content = [b"one", b"", b"x" * 10, long, b"two", b"x" * 9, b"last"]
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + end.join(content))
    found = [line for part in parts.cut([tmp_path / "a"]) for line, _ in parts.lines(part, 10)]
    assert [long if isinstance(line, Wrong) else line for line in found] == content


def test_a_part_in_the_midst_of_a_line_reads_no_further(tmp_path: Path) -> None:
    """All of JSON in one line: every part would read to the file's end."""
    with open(tmp_path / "a", "wb") as file:
        file.truncate(1 << 40)
    assert list(parts.lines(parts.Part(tmp_path / "a", 5 << 30, (5 << 30) + 10), 10)) == []


def test_what_is_wrong_is_told_with_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_BYTES", 150)
    good = [document(str(number), "A [[b]].") for number in range(10)]
    bad = document("x", "A [[b]].") | {"links": [{"start": 0, "end": 9, "title": "b"}]}
    files = {
        "a.jsonl": packed(*good[:5]) + b"\n" + packed(bad) + b"{\n" + packed(*good[5:]),
        "b.jsonl": packed(document("11", "x"), good[3], document("12", "[[y]]"), good[3], document("12", "z")),
    }
    with pytest.raises(PipelineError) as refused:
        build(own(tmp_path / "in", files), where(tmp_path))
    assert str(refused.value) == (
        "corpus.files: 5 of 17 lines cannot be used:\n"
        "  a.jsonl:7: links[0]: start 0, end 9 in a text of 4 characters: 0 <= start < end <= 4 is needed\n"
        "  a.jsonl:8: no JSON: Expecting property name enclosed in double quotes at character 1 of the line\n"
        "  b.jsonl:2: the id '3' stands at a.jsonl:4 already\n"
        "  b.jsonl:5: the id '12' stands at b.jsonl:3 already\n"
        "Mend the files and run this again; what a line may hold is in the README, under 'Your own text'."
    )
    assert not (tmp_path / "corpus").exists()
    build(own(tmp_path / "in", {"a.jsonl": packed(*good)}), where(tmp_path))  # mended, with no overwrite=true


PACKED = gzip.compress(b"one\ntwo\n")


@pytest.mark.parametrize("damage", ["head", "cut", "sum", "tail"])
def test_damage_is_told_where_it_is_met(tmp_path: Path, damage: str) -> None:
    damaged = {"head": PACKED[:5], "cut": PACKED[:-9], "sum": PACKED[:-8] + bytes(8), "tail": PACKED + b"tail"}
    (tmp_path / "a.gz").write_bytes(damaged[damage])
    *_, (last, _) = parts.lines(parts.Part(tmp_path / "a.gz", 0, None), 10)
    assert isinstance(last, parts.Damaged)


def test_a_damaged_file_is_told_with_what_else_is_wrong(tmp_path: Path) -> None:
    files = {"a.jsonl": b"{}\n", "b.gz": gzip.compress(b"[]\n" * 12)[:-4]}
    told = (
        r"(?s) 14 of 14 lines .*\n  a\.jsonl:1: .*\n  b\.gz: damaged in line 13 or before \(.*\): check.*\n  b\.gz:1: "
    )
    with pytest.raises(PipelineError, match=told):
        build(own(tmp_path / "in", files), where(tmp_path))
    assert not list(tmp_path.glob("corpus*"))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"\n \n\r\n", r"^there is no page in corpus\.files, 1 file\(s\), the first .*/in/a\.jsonl: lines with text"),
        (
            packed(document("1", " ")),
            r"^of 1 page\(s\) in corpus\.files, .* none becomes an article \(quarantined\.no_text 1\): lines",
        ),
        (
            packed(document("2", "x", "Page 1", is_disambiguation=True)),
            r"article \(dropped\.disambiguation 1\): look at corpus",
        ),
        (packed(document("2", "x"), document("3", "y")), r"article \(dropped\.not_kept 2\): look at corpus\.keep"),
    ],
    ids=["blank", "no text", "chosen", "unmatched"],
)
def test_what_gives_no_article_leaves_nothing(tmp_path: Path, data: bytes, told: str) -> None:
    (tmp_path / "titles").write_text("Page 1")
    config = own(tmp_path / "in", {"a.jsonl": data})
    with pytest.raises(PipelineError, match=told):
        build(replace(config, keep_titles=str(tmp_path / "titles"), disambiguation="drop"), where(tmp_path))
    assert not list(tmp_path.glob("corpus*"))


def test_what_it_takes_is_told_first_and_refused_where_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"a.jsonl": packed(document("1", "x" * 10_000_000)), "b.gz": gzip.compress(b"y" * 50)}
    config = replace(own(tmp_path / "in", files), max_page_bytes=1)
    with pytest.raises(PipelineError, match="cannot be used"):
        build(config, where(tmp_path))
    told = "corpus: takes about 1 MB to 3 MB more disk (1 MB to 3 MB to stay, 0 MB of scratch; "
    assert capsys.readouterr().err.startswith(told)
    free = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr("pipeline.execution.preflight.shutil.disk_usage", lambda _folder: free)
    with pytest.raises(PipelineError, match=r"^corpus needs at least 1 MB more disk .* has 1 MB free: make room"):
        build(config, where(tmp_path))
    assert not (tmp_path / "corpus.partial").exists()


def test_the_first_ten_are_told(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match="12 of 13 lines cannot be used, the first 10:") as refused:
        build(own(tmp_path / "in", {"a.jsonl": packed(document("1", "x")) + b"[]\n" * 12}), where(tmp_path))
    assert str(refused.value).count("a.jsonl:") == 10


def test_a_long_line_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    config = own(
        tmp_path / "in", {"a.jsonl": packed(document("1", "x" * 3000), document("2", "y"), document("2", "z"))}
    )
    with pytest.raises(
        PipelineError, match=r"(?s)a.jsonl:1: longer than corpus.max_page_bytes=1000.*a.jsonl:3: the id"
    ):
        build(replace(config, max_page_bytes=1000), where(tmp_path))


def test_a_page_without_text_goes_to_the_quarantine(tmp_path: Path) -> None:
    build(own(tmp_path / "in", {"a.jsonl": packed(document("1", " \n"), document("2", "x"))}), where(tmp_path))
    assert rows(tmp_path, "quarantine") == [{"id": "1", "revision": "", "title": "Page 1", "reason": "no_text"}]
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert (counts["pages.seen"], counts["pages.articles"], counts["pages.quarantined.no_text"]) == (2, 1, 1)


def test_a_changed_file_is_noticed_and_a_moved_one_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(own(tmp_path / "in", {"a.jsonl": packed(document("1", "x"))}), where(tmp_path))
    build(own(tmp_path / "moved", {"a.jsonl": packed(document("1", "x"))}), where(tmp_path))
    assert "is up to date" in capsys.readouterr().err
    with pytest.raises(PipelineError, match=r"parents\.a\.jsonl: "):
        build(own(tmp_path / "in", {"a.jsonl": packed(document("1", "y"))}), where(tmp_path))


def test_the_config_refuses_contradictions() -> None:
    with pytest.raises(ValueError, match=r"corpus\.source is jsonl and corpus\.files is empty"):
        replace(CONFIG, source="jsonl", language="en")
    with pytest.raises(ValueError, match=r"corpus\.source is jsonl and corpus\.language is empty"):
        replace(CONFIG, source="jsonl", files=("a.jsonl",))
    with pytest.raises(ValueError, match=r"corpus\.files is for corpus=jsonl, but corpus\.source is wikipedia"):
        replace(CONFIG, files=("a.jsonl",))
