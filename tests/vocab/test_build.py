"""The vocab stage on a corpus written by hand."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from pipeline.errors import PipelineError
from pipeline.execution.context import Context
from pipeline.execution.executors.config import LocalExecutorConfig
from pipeline.holdout import is_held_out
from pipeline.store.artefact import open_artefact
from pipeline.store.files import read_json, write_json
from pipeline.store.layout import Layout
from pipeline.vocab import bpe, words
from pipeline.vocab.artefact import Vocab
from pipeline.vocab.build import build
from pipeline.vocab.config import EntitiesConfig, TokenizerConfig, VocabConfig
from tests.helpers.corpus_files import article, write_corpus

ENTITIES: dict[str, Any] = {
    "size": 100,
    "min_count": 1,
    "in_dump_only": False,
    "drop_disambiguation": False,
    "always_include": None,
}
PAGES = [
    article("1", "Ant", "An [[ant]] saw the [[dog]].\n"),
    article("2", "Dog", "A [[dog]] saw the [[ant]].\n"),
    article("303", "Fox", "xyzxyz xyzxyz [[Emu]] xyzxyz.\n"),  # held out
]


def context(root: Path, *, workers: int = 1, overwrite: bool = False) -> Context:
    executor = LocalExecutorConfig(kind="local", workers=workers, memory_gb=1)
    return Context(layout=Layout(root, "tiny"), executor=executor, overwrite=overwrite)


def config(pretrained: str | None = None, tokens: int = 269, **entities: Any) -> VocabConfig:
    return VocabConfig(
        name="",
        validation_share=0.1,
        tokenizer=TokenizerConfig(pretrained=pretrained, size=tokens, min_count=2),
        entities=EntitiesConfig(**ENTITIES | entities),
    )


def test_validation_pages_are_in_no_vocabulary(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", [PAGES])
    build(config(), context(tmp_path))
    vocab = words.load_word_vocab(tmp_path / "vocab" / "words")
    # xyz is the most frequent string of all three pages and would be merged first
    assert vocab.tokenizer.encode("xyz", add_special_tokens=False).tokens == ["x", "y", "z"]
    assert pq.read_table(tmp_path / "vocab" / "entities.parquet")["title"].to_pylist()[3:] == ["ant", "dog"]
    counts = open_artefact(tmp_path / "vocab", stage="vocab").counts
    assert (counts["pages.training"], counts["pages.validation"]) == (2, 1)
    assert (counts["links.seen"], counts["links.covered"]) == (4, 4)


def test_one_and_two_workers_write_the_same_manifest_and_it_is_then_up_to_date(
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


def test_the_mention_counts_are_those_of_plain_python(small_data_dir: Path) -> None:
    """Recompute mentions.parquet of the small wiki from its corpus and its aliases."""
    folder = small_data_dir / "small"
    vocab = Vocab.open(Layout(folder, ""))
    aliases = pq.read_table(vocab.folder / "aliases.parquet")
    ids = dict(zip(aliases["title"].to_pylist(), aliases["id"].to_pylist(), strict=True))
    expected: Counter[tuple[str, int]] = Counter()
    for path in sorted((folder / "corpus").glob("articles-*.parquet")):
        for page in pq.read_table(path).to_pylist():
            for link in page["links"]:
                mention = page["text"][link["start"] : link["end"]].strip()
                if link["title"] in ids and not is_held_out(page["id"], vocab.validation_share):
                    expected[mention, ids[link["title"]]] += 1
    found = vocab.mentions
    rows = [(found.mention(row), found.ids[row], found.counts[row]) for row in range(found.size)]
    assert rows == sorted(
        ((*pair, number) for pair, number in expected.items()), key=lambda row: (row[0], -row[2], row[1])
    )
    counts = vocab.artefact.counts
    assert counts["mentions.seen"] == counts["links.seen"]
    assert counts["mentions.kept"] == counts["links.covered"] == sum(expected.values())


def test_a_vocab_without_mention_counts_names_the_command_that_builds_them(tmp_path: Path) -> None:
    """As the stage wrote it before it counted mentions; the other files can still be read."""
    write_corpus(tmp_path / "corpus", [PAGES])
    build(config(), context(tmp_path))
    record = read_json(tmp_path / "vocab" / "manifest.json")
    del record["files"]["mentions.parquet"]
    write_json(tmp_path / "vocab" / "manifest.json", record)
    (tmp_path / "vocab" / "mentions.parquet").unlink()
    vocab = Vocab.open(Layout(tmp_path, ""))
    assert vocab.entities.size == 5
    with pytest.raises(PipelineError, match=r"vocab has no mentions\.parquet, .*: delete .* again with make vocab"):
        _ = vocab.mentions
    shutil.rmtree(tmp_path / "vocab")
    build(config(), context(tmp_path))
    assert Vocab.open(Layout(tmp_path, "")).mentions.candidates("dog")[1].tolist() == [2]


def test_the_account_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_corpus(tmp_path / "corpus", [PAGES], {"ant": "Ant"})
    build(config(in_dump_only=True), context(tmp_path))
    output = capsys.readouterr().err
    assert "4 seen, 2 through redirects, 2 covered (50.0%)" in output
    assert "out of vocabulary: 2 not in dump\n" in output
    assert "mentions: 2 kept, in 1 rows (mention, entity)\n" in output


def test_the_pretrained_tokenizer_and_the_titles_to_include_are_part_of_the_provenance(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", [PAGES])
    other, titles = tmp_path / "other", tmp_path / "titles.txt"
    words.save_tokenizer(bpe.train([" ab ab", " ab"], TokenizerConfig(pretrained=None, size=263, min_count=1)), other)
    titles.write_text("Great_Auk\n\nEmu\n", encoding="utf-8")
    chosen = config(pretrained=str(other), always_include=str(titles))
    build(chosen, context(tmp_path))
    assert open_artefact(tmp_path / "vocab", stage="vocab").counts["words"] == 263
    listed = pq.read_table(tmp_path / "vocab" / "entities.parquet")["title"].to_pylist()
    assert listed[3:] == ["ant", "dog", "Emu", "Great Auk"]
    titles.write_text("Emu\n", encoding="utf-8")
    with pytest.raises(PipelineError, match=r"parents\.entities\.always_include"):
        build(chosen, context(tmp_path))
    build(chosen, context(tmp_path, overwrite=True))
    words.save_tokenizer(bpe.train([" cd cd", " cd"], TokenizerConfig(pretrained=None, size=263, min_count=1)), other)
    with pytest.raises(PipelineError, match=r"parents\.tokenizer\.pretrained/merges\.txt"):
        build(chosen, context(tmp_path))


def test_a_corpus_without_training_pages_is_an_error(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", [PAGES[2:]])
    with pytest.raises(PipelineError, match=r"the corpus has no training page \(1 held-out pages\)"):
        build(config(), context(tmp_path))
    assert not (tmp_path / "vocab").exists()


@pytest.mark.parametrize(("source", "title"), [("wikipedia", "gene A"), ("jsonl", "gene_A")])
def test_titles_to_include_are_read_like_titles_of_the_corpus(tmp_path: Path, source: str, title: str) -> None:
    """An underscore means a space in the title of a wiki's page, but not in the user's own text; a BOM is ignored."""
    write_corpus(tmp_path / "corpus", [PAGES], config={"source": source})
    (tmp_path / "titles.txt").write_bytes("\ufeffgene_A\n".encode())
    build(config(always_include=str(tmp_path / "titles.txt")), context(tmp_path))
    titles = pq.read_table(tmp_path / "vocab" / "entities.parquet")["title"].to_pylist()
    assert titles[-1] == title


def test_a_missing_file_of_titles_to_include_is_an_error(tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus", [PAGES])
    with pytest.raises(PipelineError, match=r"vocab\.entities\.always_include=.*none\.txt is not a file"):
        build(config(always_include=str(tmp_path / "none.txt")), context(tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"size": 3}, r"size is 3"), ({"min_count": 0}, r"min_count is 0")],
)
def test_contradictions_name_their_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**change)
    with pytest.raises(ValueError, match=r"size is 260: .* 261"):
        config(tokens=260)


def test_a_corpus_may_have_more_files_than_can_be_open(tmp_path: Path, file_count_over_limit: int) -> None:
    numbers = range(file_count_over_limit)
    pages = [article(str(number), f"Page {number}", "An [[ant]] saw the dog.\n") for number in numbers]
    write_corpus(tmp_path / "corpus", [[page] for page in pages])
    build(config(), context(tmp_path))
    counts = open_artefact(tmp_path / "vocab", stage="vocab").counts
    assert counts["pages.training"] + counts["pages.validation"] == file_count_over_limit
    assert counts["links.seen"] == counts["pages.training"]
