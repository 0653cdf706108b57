"""Vocabularies that differ from the run's in one way each, and the messages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from pipeline.errors import PipelineError
from pipeline.evaluate.vocab_check import refuse_other_vocab
from pipeline.store.artefact import open_artefact
from pipeline.store.files import read_json, write_json
from pipeline.vocab.artefact import Vocab
from pipeline.vocab.entities import ENTITY_SCHEMA


@pytest.fixture
def ours(small_data_dir: Path) -> Vocab:
    """Return the small wiki's vocabulary."""
    return Vocab(open_artefact(small_data_dir / "small" / "vocab", stage="vocab"))


@pytest.fixture
def theirs(ours: Vocab, tmp_path: Path) -> Path:
    """Return the folder of a copy, whose record has another fingerprint, as one of another corpus would have."""
    folder = tmp_path / "vocab"
    shutil.copytree(ours.folder, folder)
    write_json(folder / "manifest.json", read_json(folder / "manifest.json") | {"parents": {"corpus": "another"}})
    return folder


def refuse(ours: Vocab, folder: Path) -> str:
    """Return the message with which a vocabulary is refused; "" if it is not."""
    try:
        refuse_other_vocab("evaluate.dataset is d", ours, Vocab(open_artefact(folder, stage="vocab")))
    except PipelineError as error:
        return str(error)
    return ""


def change_titles(folder: Path, change) -> None:
    """Apply a function to the list of titles in entities.parquet."""
    table = pq.read_table(folder / "entities.parquet")
    titles = change(table["title"].to_pylist())
    rows = [{"id": index, "title": title, "count": 1} for index, title in enumerate(titles)]
    pq.write_table(type(table).from_pylist(rows, schema=ENTITY_SCHEMA), folder / "entities.parquet")


def test_the_same_vocabulary_passes_whatever_corpus_it_was_counted_on(ours, theirs):
    assert Vocab(open_artefact(theirs, stage="vocab")).fingerprint != ours.fingerprint
    assert refuse(ours, theirs) == ""


def test_missing_titles_are_counted_and_quoted(ours, theirs):
    count = ours.entities.size
    change_titles(theirs, lambda titles: titles[:-2])
    missing = f"{ours.entities.title(count - 2)!r}, {ours.entities.title(count - 1)!r}"
    assert refuse(ours, theirs) == (
        f"evaluate.dataset is d, whose vocabulary {theirs} has other entities than the run's, {ours.folder}: 2 of the "
        f"run's {count:,} titles are missing, such as {missing}. Use one with all titles of the run's entities.parquet"
    )


def test_further_titles_and_other_ids_are_refused(ours, theirs):
    change_titles(theirs, lambda titles: [*titles, "New"])
    assert refuse(ours, theirs).endswith("1 titles are new, such as 'New'")
    change_titles(theirs, lambda titles: [*titles[:3], titles[4], titles[3], *titles[5:-1]])
    first, second = ours.entities.title(3), ours.entities.title(4)
    assert refuse(ours, theirs).endswith(f"The first is 3, {first!r} for the run and {second!r} there")


def test_another_tokenizer_is_refused(ours, theirs):
    path = theirs / "words" / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_tokens(["zyx"])
    tokenizer.save(str(path))
    size = ours.words.size
    assert f"has another tokenizer than the run's, {ours.folder}: it has {size + 1} tokens, the run's has {size}" in (
        refuse(ours, theirs)
    )
    content = read_json(ours.folder / "words" / "tokenizer.json")
    last, before = sorted(content["model"]["vocab"], key=content["model"]["vocab"].get)[-2:]
    ids = content["model"]["vocab"]
    ids[last], ids[before] = ids[before], ids[last]
    write_json(path, content)
    assert f"2 of the run's {size} tokens have another id or none there; the first is {last!r}" in refuse(ours, theirs)


def test_other_merges_are_refused(ours, theirs):
    path = theirs / "words" / "tokenizer.json"
    content = read_json(path)
    content["model"]["merges"].reverse()
    write_json(path, content)
    assert "the same tokens, but other merges, scores or normalization" in refuse(ours, theirs)
