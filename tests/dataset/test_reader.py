"""`reader` and Hugging Face datasets read back the examples that `shards` wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.dataset import shards
from pipeline.dataset.reader import ExampleStore
from pipeline.records import Example

EXAMPLES = [
    Example("12", (0, 7, 8, 9, 2), (1, 5), ((1, 2), (2, 4))),
    Example("12", (0, 6, 2), (), ()),
    Example("日本", (0, 7, 7, 2), (9,), ((1, 3),)),
    Example("25", (0, 4, 5, 6, 7, 2), (3, 3, 4), ((1, 2), (3, 4), (4, 5))),
    Example("25", (0, 2), (), ()),
]


def write_split(folder: Path, files: list[list[Example]]) -> None:
    """Write a split with the examples of each file."""
    folder.mkdir()
    for number, rows in enumerate(files):
        with open(folder / f"examples-{number:05}.arrow", "wb") as file:
            writer = shards.ShardWriter(file)
            for row in rows:
                writer.add(row)
            writer.close()
    shards.write_split_metadata(folder, "0123456789abcdef")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExampleStore:
    """Open a split of three files: the second is empty, the last has two record batches."""
    monkeypatch.setattr(shards, "EXAMPLES_PER_BATCH", 2)
    write_split(tmp_path / "train", [EXAMPLES[:2], [], EXAMPLES[2:]])
    return ExampleStore.open(tmp_path / "train")


def test_examples_come_back_in_order(store: ExampleStore) -> None:
    assert len(store) == 5
    assert len(store.blocks) == 3
    assert [store.example(index) for index in range(5)] == EXAMPLES
    assert store.word_lengths.tolist() == [5, 3, 4, 6, 2]
    assert store.entity_lengths.tolist() == [2, 0, 1, 3, 0]
    assert store.page_ids.to_pylist() == ["12", "12", "日本", "25", "25"]


def test_a_split_may_have_more_files_than_can_be_open(tmp_path: Path, file_count_over_limit: int) -> None:
    write_split(tmp_path / "train", [EXAMPLES[:1]] * file_count_over_limit)
    store = ExampleStore.open(tmp_path / "train")
    assert len(store) == file_count_over_limit
    assert store.example(file_count_over_limit - 1) == EXAMPLES[0]


def test_gather_concatenates_any_examples(store: ExampleStore) -> None:
    ragged = store.gather(np.array([3, 0, 4, 3]))
    assert ragged.word_ids.tolist() == [0, 4, 5, 6, 7, 2, 0, 7, 8, 9, 2, 0, 2, 0, 4, 5, 6, 7, 2]
    assert ragged.word_lengths.tolist() == [6, 5, 2, 6]
    assert ragged.entity_ids.tolist() == [3, 3, 4, 1, 5, 3, 3, 4]
    assert ragged.entity_lengths.tolist() == [3, 2, 0, 3]
    assert ragged.entity_spans.tolist() == [[1, 2], [3, 4], [4, 5], [1, 2], [2, 4], [1, 2], [3, 4], [4, 5]]
    assert {part.dtype for part in (ragged.word_ids, ragged.entity_ids, ragged.entity_spans)} == {np.dtype(np.int32)}


def test_entities_can_be_left_out(store: ExampleStore) -> None:
    ragged = store.gather(np.array([3, 0]))
    plain = ragged.without_entities()
    assert plain.word_ids.tolist() == ragged.word_ids.tolist()
    assert plain.word_lengths.tolist() == [6, 5]
    assert plain.entity_lengths.tolist() == [0, 0]
    assert (plain.entity_ids.shape, plain.entity_spans.shape) == ((0,), (0, 2))


def test_gather_of_no_indices(store: ExampleStore) -> None:
    ragged = store.gather(np.array([], dtype=np.int64))
    assert (ragged.word_ids.shape, ragged.entity_ids.shape, ragged.entity_spans.shape) == ((0,), (0,), (0, 2))
    assert ragged.word_lengths.tolist() == ragged.entity_lengths.tolist() == []


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_out_of_range_is_an_error(store: ExampleStore, index: int) -> None:
    with pytest.raises(IndexError, match="of 5 examples"):
        store.example(index)


def test_the_arrays_are_views_of_the_mapped_file(store: ExampleStore) -> None:
    for block in store.blocks:
        for view in (block.word_ids, block.word_offsets, block.entity_ids, block.entity_offsets, block.entity_spans):
            assert not view.flags.owndata
            assert not view.flags.writeable


def test_datasets_opens_it_without_conversion(tmp_path: Path) -> None:
    import datasets

    write_split(tmp_path / "train", [EXAMPLES[:2], [], EXAMPLES[2:]])
    before = sorted(path.name for path in (tmp_path / "train").iterdir())
    loaded = datasets.load_from_disk(str(tmp_path / "train"))
    assert loaded[2] == {"page_id": "日本", "word_ids": [0, 7, 7, 2], "entity_ids": [9], "entity_spans": [[1, 3]]}
    assert [len(row["word_ids"]) for row in loaded] == [5, 3, 4, 6, 2]
    assert (len(loaded), loaded.split) == (5, "train")
    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == before


def test_an_empty_split_can_be_opened(tmp_path: Path) -> None:
    write_split(tmp_path / "validation", [[]])
    store = ExampleStore.open(tmp_path / "validation")
    assert len(store) == 0
    assert store.word_lengths.tolist() == []
