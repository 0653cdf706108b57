"""The records of masked entities and words: a literal batch, and random examples compared with plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate.mentions import NO_TOKEN, MaskedMentions, MaskedWords, Ragged, page_numbers
from pipeline.records import Batch, Example
from tests.evaluate.rivals.plain import SPECIAL, masker, random_examples
from tests.helpers.example_store import example_store

BOS, PAD, EOS, MASK = 0, 1, 2, 15


@pytest.fixture
def batch() -> Batch:
    """Return two examples: a b [c d] e [f], where c is masked and e replaced, and [g] h, where h is masked."""
    return Batch(
        example_ids=np.array([7, 3]),
        word_ids=np.array([[BOS, 4, 5, MASK, 7, 14, 9, EOS], [BOS, 10, MASK, EOS, PAD, PAD, PAD, PAD]]),
        word_lengths=np.array([8, 4]),
        entity_ids=np.array([[2, 5, 1], [2, 0, 0]]),
        entity_lengths=np.array([3, 1]),
        mention_positions=np.array([3, 4, 6, 1, 1]),
        mention_offsets=np.array([0, 2, 3, 4, 5, 5]),
        word_targets=np.array([3, 5, 10]),
        word_labels=np.array([6, 8, 11]),
        entity_targets=np.array([0, 3]),
        entity_labels=np.array([9, 8]),
    )


def rows(ragged: Ragged) -> list[list[int]]:
    return [ragged.row(index).tolist() for index in range(len(ragged))]


def test_masked_entities_of_a_batch(batch: Batch):
    mentions = MaskedMentions.from_batch(batch, SPECIAL)
    assert mentions.labels.tolist() == [9, 8]
    assert mentions.example_ids.tolist() == [7, 3]
    assert mentions.entity_numbers.tolist() == [0, 0]
    assert rows(mentions.seen) == [[MASK, 7], [10]]
    assert rows(mentions.clean) == [[6, 7], [10]]
    assert rows(mentions.context) == [[4, 5, 14, 9], []]
    assert rows(mentions.entities) == [[5], []]


def test_masked_words_have_their_left_neighbours(batch: Batch):
    words = MaskedWords.from_batch(batch, SPECIAL)
    assert words.labels.tolist() == [6, 8, 11]
    assert words.left.tolist() == [5, 7, 10]


def test_a_special_left_neighbour_is_none(batch: Batch):
    special = SPECIAL | (np.arange(16) == 7)
    assert MaskedWords.from_batch(batch, special).left.tolist() == [5, NO_TOKEN, 10]


def test_a_batch_without_entities_has_no_masked_entities(batch: Batch):
    empty = np.empty(0, dtype=np.int64)
    without = Batch(
        example_ids=batch.example_ids, word_ids=batch.word_ids, word_lengths=batch.word_lengths,
        entity_ids=np.empty((2, 0), dtype=np.int64), entity_lengths=np.zeros(2, dtype=np.int64),
        mention_positions=empty, mention_offsets=empty, word_targets=batch.word_targets, word_labels=batch.word_labels,
        entity_targets=empty, entity_labels=empty,
    )  # fmt: skip
    mentions = MaskedMentions.from_batch(without, SPECIAL)
    assert [len(mentions), len(mentions.seen), len(mentions.context), len(mentions.entities)] == [0, 0, 0, 0]


def test_random_examples_agree_with_loops():
    examples = random_examples(60, seed=1)
    source = masker(examples)
    indices = np.arange(len(examples))[::-1].copy()
    batch = source.masked_batch(indices, np.zeros_like(indices))
    mentions = MaskedMentions.from_batch(batch, SPECIAL)
    width = batch.entity_ids.shape[1]
    assert len(mentions) == len(batch.entity_targets) > 30
    for place, target in enumerate(batch.entity_targets.tolist()):
        row, number = divmod(target, width)
        example, seen = examples[indices[row]], batch.word_ids[row].tolist()
        start, end = example.entity_spans[number]
        around = [*seen[:start], *seen[end : len(example.word_ids)]]
        assert mentions.labels[place] == example.entity_ids[number]
        assert (mentions.example_ids[place], mentions.entity_numbers[place]) == (indices[row], number)
        assert mentions.seen.row(place).tolist() == seen[start:end]
        assert tuple(mentions.clean.row(place)) == example.word_ids[start:end]
        assert mentions.context.row(place).tolist() == [token for token in around if not SPECIAL[token]]
        assert mentions.entities.row(place).tolist() == [entity for entity in batch.entity_ids[row] if entity > 2]


def test_joining_and_selecting_are_inverse():
    examples = random_examples(40, seed=2)
    source, parts = masker(examples), []
    for indices in (np.arange(15), np.arange(15, 40)):
        parts.append(MaskedMentions.from_batch(source.masked_batch(indices, np.zeros_like(indices)), SPECIAL))
    joined = MaskedMentions.join(parts)
    assert len(joined) == len(parts[0]) + len(parts[1])
    first = joined.select(np.arange(len(joined)) < len(parts[0]))
    second = joined.select(np.arange(len(parts[0]), len(joined)))
    for selected, part in zip((first, second), parts, strict=True):
        for name in ("labels", "example_ids", "entity_numbers"):
            assert getattr(selected, name).tolist() == getattr(part, name).tolist()
        for name in ("seen", "clean", "context", "entities"):
            assert rows(getattr(selected, name)) == rows(getattr(part, name))


def test_ragged_rows():
    ragged = Ragged.from_rows([[5, 6], [], [7]])
    assert ragged.offsets.tolist() == [0, 2, 2, 3]
    assert ragged.row_numbers.tolist() == [0, 0, 2]
    assert rows(ragged.select(np.array([2, 0, 0]))) == [[7], [5, 6], [5, 6]]
    assert rows(ragged.select(np.array([False, True, True]))) == [[], [7]]


def test_examples_of_a_page_have_the_same_number():
    examples = [Example(page, (BOS, EOS), (), ()) for page in ("31", "4", "4", "15")]
    assert page_numbers(example_store(examples[:2], examples[2:])).tolist() == [0, 1, 1, 2]
    assert page_numbers(example_store()).tolist() == []
