"""The stage on the fixture dump: rows, account, same bytes, truncation, quarantine."""

import bz2
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipeline.corpus.build import build
from pipeline.corpus.config import CorpusConfig
from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.store.artefact import open_artefact
from pipeline.store.builder import begin
from pipeline.store.files import read_json, write_json
from pipeline.store.layout import MANIFEST, RUN, Layout

XML = (Path(__file__).parents[1] / "fixtures" / "wiki.xml").read_bytes()
CONFIG = CorpusConfig(
    name="", source="wikipedia", files=(), language="", max_page_bytes=100_000, page_seconds=20, page_memory_mb=512,
    keep_titles=None,
    leave_out_titles=None, disambiguation="keep", min_characters=0, more_mentions=False, allow_truncated=False,
)  # fmt: skip
LOCAL = ExecutorConfig(kind="local", workers=1, partition="", time="", memory_gb=1, environment="", sbatch={})


@dataclass(frozen=True)
class DumpConfig:
    name: str = ""


def context(root: Path, files: dict[str, bytes], workers: int = 1, overwrite: bool = False) -> Context:
    """A root with a finished dump of these files."""
    layout = Layout(root=root, run="")
    job = begin(layout.folder("dump"), stage="dump", config=DumpConfig(), parents={}, overwrite=True)
    if job is not None:
        for name, data in files.items():
            (job.folder / name).write_bytes(data)
        job.finish({})
    return Context(layout=layout, executor=replace(LOCAL, workers=workers), overwrite=overwrite)


def rows(root: Path, kind: str) -> list[dict[str, object]]:
    return [row for path in sorted((root / "corpus").glob(f"{kind}-*")) for row in pq.read_table(path).to_pylist()]


def digests(root: Path) -> dict[str, object]:
    return dict(read_json(root / "corpus" / MANIFEST))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the fixture's corpus; not to be written to."""
    root = tmp_path_factory.mktemp("plain")
    build(CONFIG, context(root, {"wiki.xml": XML}))
    return root


def test_articles(plain: Path) -> None:
    articles = rows(plain, "articles")
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
    assert [(row["title"], row["target"]) for row in rows(plain, "redirects")] == [
        ("Light house", "Beacon"), ("Beacon", "Lighthouse"), ("Whale oil", "Train oil"), ("Train oil", "Whale oil"),
    ]  # fmt: skip
    assert rows(plain, "quarantine") == [
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
    kept = sum(len(row["links"]) for row in rows(plain, "articles"))
    assert counts["links.kept"] == kept
    assert counts["links.seen"] == kept + sum(dropped.values())
    assert counts["characters.text"] == sum(len(row["text"]) for row in rows(plain, "articles"))


def test_same_bytes_with_two_workers_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.corpus.build.CHUNK_CHARACTERS", 300)
    half = XML.index(b"<page>", XML.index(b"<title>Ship"))
    header = XML[: XML.index(b"  <page>")]
    files = {"a.xml": XML[:half] + b"</mediawiki>", "b.bz2": bz2.compress(header + XML[half:])}
    for name, workers in (("one", 1), ("two", 2), ("again", 1)):
        build(CONFIG, context(tmp_path / name, files, workers))
    assert len(list((tmp_path / "one" / "corpus").glob("articles-*"))) > 2
    assert digests(tmp_path / "one") == digests(tmp_path / "two") == digests(tmp_path / "again")


def test_truncated_stops_and_goes_on_when_allowed(tmp_path: Path) -> None:
    cut = XML[: XML.index(b"<title>Ship")]
    where = context(tmp_path, {"wiki.xml": cut})
    with pytest.raises(PipelineError, match=r"wiki.xml: at byte [\d,]+ of [\d,]+, after the page 'Lamp'"):
        build(CONFIG, where)
    note = next((tmp_path / "corpus.partial").rglob("work/notes/*.json"))
    write_json(note, read_json(note) | {"place": "Seen again"})
    with pytest.raises(PipelineError, match="Seen again"):  # the finished unit is not read again
        build(CONFIG, where)
    build(replace(CONFIG, allow_truncated=True), where)
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert (counts["files.truncated"], counts["pages.articles"]) == (1, 3)
    assert read_json(tmp_path / "corpus" / RUN)["resumed"]


def test_a_long_page_goes_to_the_quarantine(tmp_path: Path) -> None:
    build(replace(CONFIG, max_page_bytes=500), context(tmp_path, {"wiki.xml": XML}))
    assert rows(tmp_path, "quarantine")[0]["reason"] == "too_long: 554 bytes"


def test_a_page_that_takes_too_long_is_rendered_without_its_templates(plain: Path, tmp_path: Path) -> None:
    """A number of 370 million digits on the page Lamp, in one call into C; the chunk is as it would be without it."""
    start = XML.index(b"<text", XML.index(b"<title>Lamp"))
    place = XML.index(b">", start) + 1
    endless = XML[:place] + b"{{#expr: 9**9**9}} " + XML[place:]
    build(replace(CONFIG, page_seconds=1), context(tmp_path, {"wiki.xml": endless}))
    assert rows(tmp_path, "articles") == rows(plain, "articles")
    counts = open_artefact(tmp_path / "corpus", stage="corpus").counts
    assert (counts["articles.without_templates"], counts["pages.articles"]) == (1, 6)


def test_a_page_that_takes_too_much_memory_goes_to_the_quarantine(tmp_path: Path) -> None:
    start = XML.index(b">", XML.index(b"<text", XML.index(b"<title>Lamp"))) + 1
    large = XML[:start] + "é[[a]] ".encode() * 1_000_000 + XML[start:]
    config = replace(CONFIG, page_memory_mb=8, max_page_bytes=20_000_000)
    build(config, context(tmp_path, {"wiki.xml": large}))
    reasons = {row["title"]: row["reason"] for row in rows(tmp_path, "quarantine")}
    assert reasons == {"Lamp": "too_large: over 8 MB of memory", "Tide table": "model: json"}
    assert [row["title"] for row in rows(tmp_path, "articles")] == ["Lighthouse", "Tower", "Ship", "Sea (water)", "Sea"]


def test_a_child_killed_from_outside_is_no_fault_of_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = context(tmp_path, {"wiki.xml": XML})
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.corpus.xml.render_pass.render", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
        with pytest.raises(PipelineError, match=r"renders chunk 00000 was killed.*fewer workers"):
            build(CONFIG, where)
    build(CONFIG, where)
    assert len(rows(tmp_path, "articles")) == 6


def test_files_of_two_wikis_are_refused(tmp_path: Path) -> None:
    files = {"a.xml": XML, "b.xml": XML.replace(b"testwiki", b"otherwiki")}
    with pytest.raises(PipelineError, match="several wikis \\(otherwiki, testwiki\\)"):
        build(CONFIG, context(tmp_path, files))


PAGE = "<page><title>{}</title><ns>{}</ns><id>1</id>{}<revision><text>x</text></revision></page>"


@pytest.mark.parametrize(
    ("pages", "told"),
    [
        ([], r"^there is no page in .*/dump: a dump of articles is needed"),
        (
            [
                PAGE.format("A", 0, "<redirect title='B'/>"),
                PAGE.format("Talk:A", 1, ""),
                PAGE.format("Template:A", 10, ""),
            ],
            r"^of 3 page\(s\) in .*/dump none .* \(dropped\.namespace_1 1, redirects 1, templates 1\): a dump of",
        ),
        ([PAGE.format("A", 0, "").replace("x", "")], r"none becomes an article \(quarantined\.no_text 1\): a dump"),
        ([PAGE.format(" ", 0, "")], r"none becomes an article \(dropped\.no_title 1\): a dump"),
        (
            [PAGE.format("A", 0, "").replace("<id>1</id>", "")],
            r"none becomes an article \(dropped\.no_id 1\): a dump",
        ),
    ],
    ids=["no page", "no article", "no text", "no title", "no id"],
)
def test_a_dump_that_gives_no_article_is_refused_and_leaves_nothing(
    tmp_path: Path, pages: list[str], told: str
) -> None:
    with pytest.raises(PipelineError, match=told):
        build(CONFIG, context(tmp_path, {"a.xml": f"<mediawiki>{''.join(pages)}</mediawiki>".encode()}))
    assert not list(tmp_path.glob("corpus*"))


def test_config_names_its_keys() -> None:
    with pytest.raises(ValueError, match=r"corpus\.max_page_bytes is 0"):
        replace(CONFIG, max_page_bytes=0)
    with pytest.raises(ValueError, match=r"corpus\.language is 'pt_BR': a code"):
        replace(CONFIG, language="pt_BR")


def test_a_dump_file_that_has_gone_is_told(tmp_path: Path) -> None:
    where = context(tmp_path, {"wiki.xml": XML})
    (tmp_path / "dump" / "wiki.xml").unlink()
    (tmp_path / "dump" / "wiki.xml").symlink_to(tmp_path / "elsewhere.xml")
    with pytest.raises(PipelineError, match=r"leads to .*elsewhere\.xml, which is no longer there"):
        build(CONFIG, where)


def test_a_dump_file_that_has_changed_since_is_told(tmp_path: Path) -> None:
    file = tmp_path / "wiki.xml"
    file.write_bytes(XML)
    stats = {"wiki.xml": [file.stat().st_size, file.stat().st_mtime_ns]}
    where = context(tmp_path, {"wiki.xml": XML})
    (tmp_path / "dump" / "wiki.xml").unlink()
    (tmp_path / "dump" / "wiki.xml").symlink_to(file)
    write_json(tmp_path / "dump" / RUN, {"stats": stats})
    for changed in (XML[:-500], XML.replace(b"lamp", b"limp")):
        file.write_bytes(changed)
        os.utime(file, ns=(1, 1))
        with pytest.raises(PipelineError, match=r"wiki\.xml has changed since .*make dump ARGS=overwrite=true"):
            build(CONFIG, where)
    file.write_bytes(XML)  # the same content, if at another time
    os.utime(file, ns=(1, 1))
    build(CONFIG, where)


def test_pages_that_are_there_twice_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build(CONFIG, context(tmp_path, {"a.xml": XML, "b.bz2": bz2.compress(XML)}))
    told = "7 page(s) are in the dump more than once, 'Lamp' first (in a.xml and b.bz2), and taken each time"
    assert told in capsys.readouterr().err
    assert open_artefact(tmp_path / "corpus", stage="corpus").counts["files.repeated_pages"] == 7


def test_datasets_opens_the_folder_and_the_files(plain: Path, tmp_path: Path) -> None:
    """In a process of its own: `datasets` is imported with a cache of its own and without the network."""
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
    told = subprocess.run(
        [sys.executable, "-c", program, plain / "corpus"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.splitlines() == ["6 ['tower', 'lamp'] Sea (water)"] * 2
    card = (plain / "corpus" / "README.md").read_text()
    assert "| pages | 13 | 11 | model 1, namespace 1 1 |" in card
