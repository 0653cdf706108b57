"""The corpus stage on the fixture dump: rows, counts, identical bytes, truncation, quarantine."""

import bz2
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.corpus.build import build
from pipeline.corpus.notes import note_path, write_note
from pipeline.corpus.xml.read_pass import PieceNote
from pipeline.errors import PipelineError
from pipeline.store.artefact import open_artefact
from pipeline.store.files import read_json, write_json
from pipeline.store.layout import RUN
from tests.corpus.fixture_corpus import CORPUS_CONFIG, WIKI_XML, dump_context, read_manifest, read_rows


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with the corpus of the fixture; tests must not write to it."""
    root = tmp_path_factory.mktemp("plain")
    build(CORPUS_CONFIG, dump_context(root, {"wiki.xml": WIKI_XML}))
    return root


def test_articles(plain: Path) -> None:
    articles = read_rows(plain, "articles")
    assert [row["title"] for row in articles] == ["Lighthouse", "Tower", "Lamp", "Ship", "Sea (water)", "Sea"]
    first = articles[0]
    text = first["text"]
    assert text == (
        "A lighthouse ([laithaus]) is a tower with a lamp for ships at sea. It warns of cliffs & shoals.\n"
        "The first one burned wood, later oil. Note: The keeper lived in the tower.\n"
        "a Keeper climbs the stairs\n"
        "the lamp is lit\n"
    )
    assert first["url"] == "https://test.example.org/wiki/Lighthouse"
    assert (first["id"], first["revision"], first["lead_end"]) == ("1", "101", 96)
    assert [(text[link["start"] : link["end"]], link["title"]) for link in first["links"]] == [
        ("tower", "Tower"), ("lamp", "Lamp"), ("ships", "Ship"), ("sea", "Sea (water)"), ("cliffs", "Cliff"),
        ("shoals", "Shoal"), ("wood", "Wood"), ("oil", "Whale oil"), ("keeper", "Keeper"), ("Keeper", "Keeper"),
        ("lamp", "Lamp"),
    ]  # fmt: skip
    assert [row["title"] for row in articles if row["is_disambiguation"]] == ["Sea"]


def test_redirects_quarantine_and_site(plain: Path) -> None:
    assert [(row["title"], row["target"]) for row in read_rows(plain, "redirects")] == [
        ("Light house", "Beacon"), ("Beacon", "Lighthouse"), ("Whale oil", "Train oil"), ("Train oil", "Whale oil"),
    ]  # fmt: skip
    assert read_rows(plain, "quarantine") == [
        {"id": "13", "revision": "113", "title": "Tide table", "reason": "model: json"}
    ]
    site = read_json(plain / "corpus" / "site.json")
    assert (site["dbname"], site["language"], site["articles"]) == ("testwiki", "en", 6)


def test_the_account_adds_up(plain: Path) -> None:
    counts = open_artefact(plain / "corpus", stage="corpus").counts
    pages = {key: number for key, number in counts.items() if key.startswith("pages.") and key != "pages.seen"}
    assert pages == {
        "pages.articles": 6, "pages.redirects": 4, "pages.templates": 1, "pages.dropped.namespace_1": 1,
        "pages.quarantined.model": 1,
    }  # fmt: skip
    assert sum(pages.values()) == counts["pages.seen"] == 13
    dropped = {key: number for key, number in counts.items() if key.startswith("links.dropped.")}
    assert dropped == {
        "links.dropped.media": 2, "links.dropped.reference": 1, "links.dropped.table": 1, "links.dropped.category": 1,
        "links.dropped.interlanguage": 1,
    }  # fmt: skip
    kept = sum(len(row["links"]) for row in read_rows(plain, "articles"))
    assert counts["links.kept"] == kept
    assert counts["links.seen"] == kept + sum(dropped.values())
    assert counts["characters.text"] == sum(len(row["text"]) for row in read_rows(plain, "articles"))


def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.corpus.xml.build.CHUNK_CHARACTERS", 300)
    half = WIKI_XML.index(b"<page>", WIKI_XML.index(b"<title>Ship"))
    header = WIKI_XML[: WIKI_XML.index(b"  <page>")]
    files = {"a.xml": WIKI_XML[:half] + b"</mediawiki>", "b.bz2": bz2.compress(header + WIKI_XML[half:])}
    for name, workers in (("one", 1), ("two", 2), ("again", 1)):
        build(CORPUS_CONFIG, dump_context(tmp_path / name, files, workers))
    assert len(list((tmp_path / "one" / "corpus").glob("articles-*"))) > 2
    assert read_manifest(tmp_path / "one") == read_manifest(tmp_path / "two") == read_manifest(tmp_path / "again")


def test_a_note_of_schema_1_is_read(tmp_path: Path) -> None:
    """An unfinished corpus may have notes of before, with other keys."""
    place = "after the page 'Lamp'"
    old = {"file": "wiki.xml", "truncated": True, "read": 10, "size": 20, "place": place}
    write_json(note_path(tmp_path, "00000"), old)
    note = PieceNote(file="wiki.xml", truncated=True, bytes_read=10, file_bytes=20, position=place)
    write_note(tmp_path, "00001", note)
    assert PieceNote.read(tmp_path, "00000") == PieceNote.read(tmp_path, "00001") == note


def test_a_truncated_dump_is_refused_unless_allowed(tmp_path: Path) -> None:
    cut = WIKI_XML[: WIKI_XML.index(b"<title>Ship")]
    where = dump_context(tmp_path, {"wiki.xml": cut})
    with pytest.raises(PipelineError, match=r"wiki.xml: at byte [\d,]+ of [\d,]+, after the page 'Lamp'"):
        build(CORPUS_CONFIG, where)
    note = next((tmp_path / "corpus.partial").rglob("work/notes/*.json"))
    write_json(note, read_json(note) | {"position": "Seen again"})
    with pytest.raises(PipelineError, match="Seen again"):  # the finished unit is not read again
        build(CORPUS_CONFIG, where)
    build(replace(CORPUS_CONFIG, allow_truncated=True), where)
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert (counts["files.truncated"], counts["pages.articles"]) == (1, 3)
    assert read_json(tmp_path / "corpus" / RUN)["resumed"]


def test_a_long_page_goes_to_the_quarantine(tmp_path: Path) -> None:
    build(replace(CORPUS_CONFIG, max_page_bytes=500), dump_context(tmp_path, {"wiki.xml": WIKI_XML}))
    assert read_rows(tmp_path, "quarantine")[0]["reason"] == "too_long: 554 bytes"


def test_a_page_that_takes_too_long_is_rendered_without_its_templates(plain: Path, tmp_path: Path) -> None:
    """The page Lamp computes a number of 370 million digits in one call into C; the chunk is the same without it."""
    start = WIKI_XML.index(b"<text", WIKI_XML.index(b"<title>Lamp"))
    place = WIKI_XML.index(b">", start) + 1
    endless = WIKI_XML[:place] + b"{{#expr: 9**9**9}} " + WIKI_XML[place:]
    build(replace(CORPUS_CONFIG, max_page_seconds=1), dump_context(tmp_path, {"wiki.xml": endless}))
    assert read_rows(tmp_path, "articles") == read_rows(plain, "articles")
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert (counts["articles.without_templates"], counts["pages.articles"]) == (1, 6)


def test_a_page_that_takes_too_much_memory_goes_to_the_quarantine(tmp_path: Path) -> None:
    start = WIKI_XML.index(b">", WIKI_XML.index(b"<text", WIKI_XML.index(b"<title>Lamp"))) + 1
    large = WIKI_XML[:start] + "é[[a]] ".encode() * 1_000_000 + WIKI_XML[start:]
    config = replace(CORPUS_CONFIG, max_page_memory_mb=8, max_page_bytes=20_000_000)
    build(config, dump_context(tmp_path, {"wiki.xml": large}))
    reasons = {row["title"]: row["reason"] for row in read_rows(tmp_path, "quarantine")}
    assert reasons == {"Lamp": "too_large: over 8 MB of memory", "Tide table": "model: json"}
    assert [row["title"] for row in read_rows(tmp_path, "articles")] == [
        "Lighthouse",
        "Tower",
        "Ship",
        "Sea (water)",
        "Sea",
    ]


def test_a_child_process_killed_from_outside_does_not_blame_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = dump_context(tmp_path, {"wiki.xml": WIKI_XML})
    with monkeypatch.context() as patched:
        patched.setattr(
            "pipeline.corpus.xml.render_pass.render_page", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
        )
        with pytest.raises(PipelineError, match=r"renders chunk 00000 was killed.*fewer workers"):
            build(CORPUS_CONFIG, where)
    build(CORPUS_CONFIG, where)
    assert len(read_rows(tmp_path, "articles")) == 6


def test_files_of_two_wikis_are_refused(tmp_path: Path) -> None:
    files = {"a.xml": WIKI_XML, "b.xml": WIKI_XML.replace(b"testwiki", b"otherwiki")}
    with pytest.raises(PipelineError, match="several wikis \\(otherwiki, testwiki\\)"):
        build(CORPUS_CONFIG, dump_context(tmp_path, files))


PAGE = "<page><title>{}</title><ns>{}</ns><id>1</id>{}<revision><text>x</text></revision></page>"


@pytest.mark.parametrize(
    ("pages", "message"),
    [
        ([], r"^there is no page in .*/dump: a dump of articles is needed"),
        (
            [
                PAGE.format("A", 0, "<redirect title='B'/>"),
                PAGE.format("Talk:A", 1, ""),
                PAGE.format("Template:A", 10, ""),
            ],
            r"^none of the 3 page\(s\) in .*/dump .* \(dropped\.namespace_1 1, redirects 1, templates 1\): a dump of",
        ),
        ([PAGE.format("A", 0, "").replace("x", "")], r"becomes an article \(quarantined\.no_text 1\): a dump"),
        ([PAGE.format(" ", 0, "")], r"becomes an article \(dropped\.no_title 1\): a dump"),
        ([PAGE.format("A", 0, "").replace("<id>1</id>", "")], r"becomes an article \(dropped\.no_id 1\): a dump"),
    ],
    ids=["no page", "no article", "no text", "no title", "no id"],
)
def test_a_dump_without_articles_is_refused_and_leaves_nothing(tmp_path: Path, pages: list[str], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        build(CORPUS_CONFIG, dump_context(tmp_path, {"a.xml": f"<mediawiki>{''.join(pages)}</mediawiki>".encode()}))
    assert not list(tmp_path.glob("corpus*"))


def test_a_missing_dump_file_is_reported(tmp_path: Path) -> None:
    where = dump_context(tmp_path, {"wiki.xml": WIKI_XML})
    (tmp_path / "dump" / "wiki.xml").unlink()
    (tmp_path / "dump" / "wiki.xml").symlink_to(tmp_path / "elsewhere.xml")
    with pytest.raises(PipelineError, match=r"links to .*elsewhere\.xml, which no longer exists"):
        build(CORPUS_CONFIG, where)


def test_a_changed_dump_file_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "wiki.xml"
    file.write_bytes(WIKI_XML)
    stats = {"wiki.xml": [file.stat().st_size, file.stat().st_mtime_ns]}
    where = dump_context(tmp_path, {"wiki.xml": WIKI_XML})
    (tmp_path / "dump" / "wiki.xml").unlink()
    (tmp_path / "dump" / "wiki.xml").symlink_to(file)
    write_json(tmp_path / "dump" / RUN, {"stats": stats})
    for changed in (WIKI_XML[:-500], WIKI_XML.replace(b"lamp", b"limp")):
        file.write_bytes(changed)
        os.utime(file, ns=(1, 1))
        with pytest.raises(PipelineError, match=r"wiki\.xml has changed since .*make dump ARGS=overwrite=true"):
            build(CORPUS_CONFIG, where)
    file.write_bytes(WIKI_XML)  # the same content with another time stamp
    os.utime(file, ns=(1, 1))
    build(CORPUS_CONFIG, where)


def test_repeated_pages_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(CORPUS_CONFIG, dump_context(tmp_path, {"a.xml": WIKI_XML, "b.bz2": bz2.compress(WIKI_XML)}))
    message = "7 page(s) occur more than once in the dump, the first is 'Lamp' (in a.xml and b.bz2)"
    assert message in capsys.readouterr().err
    assert open_artefact(tmp_path / "corpus", stage="corpus").counts["files.repeated_pages"] == 7


def test_datasets_opens_the_folder_and_the_files(plain: Path, tmp_path: Path) -> None:
    """Run in a new process, because `datasets` must be imported with an empty cache and without network."""
    program = """
import sys
from datasets import load_dataset
folder = sys.argv[1]
files = load_dataset("parquet", data_files=f"{folder}/articles-*.parquet")
for rows in (load_dataset(folder, split="train"), files["train"]):
    text, links = rows[0]["text"], rows[0]["links"]
    print(len(rows), [text[link["start"] : link["end"]] for link in links[:2]], links[3]["title"])
"""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "cache")}
    result = subprocess.run(
        [sys.executable, "-c", program, plain / "corpus"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines() == ["6 ['tower', 'lamp'] Sea (water)"] * 2
    card = (plain / "corpus" / "README.md").read_text()
    assert "| pages | 13 | 11 | model 1, namespace 1 1 |" in card
