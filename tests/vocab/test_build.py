"""The vocab stage on a corpus written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.executors.config import ExecutorConfig
from pipeline.store.artefact import open_artefact
from pipeline.store.layout import Layout
from pipeline.vocab import bpe, words
from pipeline.vocab.build import build
from pipeline.vocab.config import EntitiesConfig, VocabConfig, WordsConfig
from tests.vocab.corpus_files import article, write_corpus

ENTITIES: dict[str, Any] = {
    "size": 100,
    "min_count": 1,
    "in_dump_only": False,
    "drop_disambiguation": False,
    "white_list": None,
}
PAGES = [
    article("1", "Ant", "An [[ant]] saw the [[dog]].\n"),
    article("2", "Dog", "A [[dog]] saw the [[ant]].\n"),
    article("303", "Fox", "xyzxyz xyzxyz [[Emu]] xyzxyz.\n"),  # held out
]


def context(root: Path, *, workers: int = 1, overwrite: bool = False) -> Context:
    executor = ExecutorConfig(
        kind="local", workers=workers, partition="", time="", memory_gb=1, environment="", sbatch={}
    )
    return Context(layout=Layout(root, "tiny"), executor=executor, overwrite=overwrite)


def config(adopt: str | None = None, words_size: int = 269, **entities: Any) -> VocabConfig:
    return VocabConfig(
        name="",
        validation_share=0.1,
        words=WordsConfig(adopt=adopt, size=words_size, min_count=2),
        entities=EntitiesConfig(**ENTITIES | entities),
    )


def test_validation_pages_are_in_no_vocabulary(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", [PAGES])
    build(config(), context(tmp_path))
    vocab = words.load(tmp_path / "vocab" / "words")
    # xyz is the most frequent string of all three pages, and would be merged first
    assert vocab.tokenizer.encode("xyz", add_special_tokens=False).tokens == ["x", "y", "z"]
    assert pq.read_table(tmp_path / "vocab" / "entities.parquet")["title"].to_pylist()[3:] == ["ant", "dog"]
    counts = open_artefact(tmp_path / "vocab", stage="vocab").counts
    assert (counts["pages.training"], counts["pages.validation"]) == (2, 1)
    assert (counts["links.seen"], counts["links.covered"]) == (4, 4)


def test_same_manifest_with_one_and_two_workers_and_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for workers in (1, 2):
        write_corpus(tmp_path / str(workers) / "corpus", [PAGES])
        build(config(), context(tmp_path / str(workers), workers=workers))
        found.append((tmp_path / str(workers) / "vocab" / "manifest.json").read_bytes())
    assert found[0] == found[1]
    build(config(), context(tmp_path / "1"))
    assert "is up to date" in capsys.readouterr().err


def test_the_account_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path / "corpus", [PAGES], {"ant": "Ant"})
    build(config(in_dump_only=True), context(tmp_path))
    told = capsys.readouterr().err
    assert "4 seen, 2 through redirects, 2 covered (50.0%)" in told
    assert "out of vocabulary: 2 not in dump\n" in told


def test_an_adopted_tokenizer_and_a_white_list_are_part_of_the_provenance(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", [PAGES])
    other, titles = tmp_path / "other", tmp_path / "titles.txt"
    words.save(bpe.train([" ab ab", " ab"], WordsConfig(adopt=None, size=263, min_count=1)), other)
    titles.write_text("Great_Auk\n\nEmu\n", encoding="utf-8")
    chosen = config(adopt=str(other), white_list=str(titles))
    build(chosen, context(tmp_path))
    assert open_artefact(tmp_path / "vocab", stage="vocab").counts["words"] == 263
    listed = pq.read_table(tmp_path / "vocab" / "entities.parquet")["title"].to_pylist()
    assert listed[3:] == ["ant", "dog", "Emu", "Great Auk"]
    titles.write_text("Emu\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"parents\.entities\.white_list"):
        build(chosen, context(tmp_path))
    build(chosen, context(tmp_path, overwrite=True))
    words.save(bpe.train([" cd cd", " cd"], WordsConfig(adopt=None, size=263, min_count=1)), other)
    with pytest.raises(PipelineError, match=r"parents\.words\.adopt/merges\.txt"):
        build(chosen, context(tmp_path))


def test_a_corpus_without_training_pages_is_an_error(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", [PAGES[2:]])
    with pytest.raises(PipelineError, match=r"no training page in the corpus \(1 validation pages\)"):
        build(config(), context(tmp_path))
    assert not (tmp_path / "vocab").exists()


@pytest.mark.parametrize(("source", "title"), [("wikipedia", "gene A"), ("jsonl", "gene_A")])
def test_a_white_list_means_the_titles_of_the_corpus(tmp_path: Path, source: str, title: str) -> None:
    """Underscores are spaces in a wiki's titles, and themselves in those of one's own text; a BOM is no part of one."""
    write_corpus(tmp_path / "corpus", [PAGES], config={"source": source})
    (tmp_path / "titles.txt").write_bytes("\ufeffgene_A\n".encode())
    build(config(white_list=str(tmp_path / "titles.txt")), context(tmp_path))
    titles = pq.read_table(tmp_path / "vocab" / "entities.parquet")["title"].to_pylist()
    assert titles[-1] == title


def test_a_white_list_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", [PAGES])
    with pytest.raises(PipelineError, match=r"vocab\.entities\.white_list=.*none\.txt is not a file"):
        build(config(white_list=str(tmp_path / "none.txt")), context(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"size": 3}, r"vocab\.entities\.size is 3"), ({"min_count": 0}, r"vocab\.entities\.min_count is 0")],
)
def test_contradictions_name_their_key(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**change)
    with pytest.raises(ValueError, match=r"vocab\.words\.size is 260: .* 261"):
        config(words_size=260)


def test_there_may_be_more_files_than_can_be_open(tmp_path: Path, few_files: int) -> None:
    pages = [article(str(number), f"Page {number}", "An [[ant]] saw the dog.\n") for number in range(few_files)]
    write_corpus(tmp_path / "corpus", [[page] for page in pages])
    build(config(), context(tmp_path))
    counts = open_artefact(tmp_path / "vocab", stage="vocab").counts
    assert counts["pages.training"] + counts["pages.validation"] == few_files
    assert counts["links.seen"] == counts["pages.training"]
