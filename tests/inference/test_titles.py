"""The titles of a model's entities, several of which may lead to one entity."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.errors import PipelineError
from pipeline.inference.titles import EntityTitles
from pipeline.records import SPECIAL_ENTITIES
from tests.helpers.small_luke import entity_vocab

TITLES = EntityTitles.make(
    pa.array([*SPECIAL_ENTITIES, "de:Wien", "en:Oslo", "en:Vienna", "no:Oslo", "en:Osaka"]),
    np.array([0, 1, 2, 4, 3, 4, 3, 6]),
)


def test_an_entity_has_its_first_title() -> None:
    assert [TITLES.title(index) for index in range(2, 8)] == [
        "[MASK]", "en:Oslo", "de:Wien", "entity 5", "en:Osaka", "entity 7"
    ]  # fmt: skip


def test_every_title_leads_to_its_entity() -> None:
    assert [TITLES.find(title) for title in ("no:Oslo", "en:Oslo", "en:Vienna", "[UNK]")] == [3, 3, 4, 1]


def test_the_titles_of_the_vocab_stage() -> None:
    titles = EntityTitles.from_vocab(entity_vocab(Oslo=4, Bergen=2))
    assert (titles.find("Bergen"), titles.title(3)) == (4, "Oslo")


@pytest.mark.parametrize("title", ["en:oslo", "[MASK]", "[PAD]"])
def test_an_unknown_or_special_title_is_refused_with_similar_ones(title: str) -> None:
    with pytest.raises(PipelineError) as caught:
        TITLES.find(title)
    assert str(caught.value).startswith(f"{title!r} is not one of the model's 7 entities. The most similar titles are:")
    assert str(caught.value).endswith("[UNK] stands for any other entity")


def test_similar_titles_regardless_of_case() -> None:
    assert TITLES.similar("en:oslO") == ["en:Oslo", "en:Osaka", "no:Oslo", "en:Vienna", "de:Wien"]


def write_vocab(folder: Path, vocab: dict[str, int]) -> str:
    """Write entity_vocab.json, and return the folder."""
    (folder / "entity_vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    return str(folder)


def test_the_vocabulary_of_a_folder(tmp_path: Path) -> None:
    vocab = dict(zip([*SPECIAL_ENTITIES, "Oslo", "[MASK2]"], range(5), strict=True))
    assert EntityTitles.open(write_vocab(tmp_path, vocab), rows=5).title(4) == "[MASK2]"
    with pytest.raises(PipelineError, match="go up to 4, but it has only 4 entity embeddings"):
        EntityTitles.open(write_vocab(tmp_path, vocab), rows=4)


@pytest.mark.parametrize("vocab", [{}, {"Oslo": 0, "[UNK]": 1, "[MASK]": 2}])
def test_a_vocabulary_without_special_entities_is_refused(tmp_path: Path, vocab: dict[str, int]) -> None:
    with pytest.raises(PipelineError, match=r"but a LUKE has \[PAD\] \[UNK\] \[MASK\]"):
        EntityTitles.open(write_vocab(tmp_path, vocab), rows=5)
