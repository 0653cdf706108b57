"""Order and padding on small data; a masked example depends on nothing but its key."""

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest

from pipeline.dataset.reader import Block, ExampleStore
from pipeline.pretrain.batches import EpochOrder, Masker, StepBatches, eval_batches, flatten_mentions, pad_rows
from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import WordTables
from pipeline.records import Batch

WORDS, MASK = 100, 99
TABLES = WordTables.from_flags(
    starts_word=np.arange(WORDS) >= 50, special=np.isin(np.arange(WORDS), [0, 1, 2, MASK]), mask=MASK
)
MASKING = MaskingConfig(
    words=0.15, entities=0.15, mask_replace_prob=0.8, random_replace_prob=0.1, unknown_entities=False,
    hide_mentions=0.0,
)  # fmt: skip


def store(count: int = 60) -> ExampleStore:
    """Return examples of 3 to 40 tokens and 0 to 5 entities; each mention is one token."""
    rng = np.random.default_rng(0)
    lengths, entities = rng.integers(3, 41, count), rng.integers(0, 6, count)
    words = [[0, *rng.integers(4, MASK, length - 2).tolist(), 2] for length in lengths]
    starts = np.concatenate(
        [rng.integers(1, length - 1, number) for length, number in zip(lengths, entities, strict=True)]
    )
    block = Block(
        page_ids=pa.nulls(count, pa.string()),
        word_offsets=np.append(0, np.cumsum(lengths)).astype(np.int32),
        word_ids=np.concatenate(words).astype(np.int32),
        entity_offsets=np.append(0, np.cumsum(entities)).astype(np.int32),
        entity_ids=rng.integers(1, 30, entities.sum()).astype(np.int32),
        entity_spans=np.stack([starts, starts + 1], axis=1).astype(np.int32),
    )
    return ExampleStore([block], np.array([0, count]))


def masker(*, entities: bool = True) -> Masker:
    return Masker(store=store(), word_tables=TABLES, pad_id=1, config=MASKING, with_entities=entities, seed=0, phase=0)


def by_example(batches: list[Batch]) -> dict[int, tuple]:
    """Return for each example the model's input and the labels to predict."""
    found = {}
    for batch in batches:
        for row, example in enumerate(batch.example_ids.tolist()):
            words, entities = batch.word_lengths[row], batch.entity_lengths[row]
            assert (batch.word_ids[row, words:] == 1).all()
            assert (batch.entity_ids[row, entities:] == 0).all()
            first = batch.mention_offsets[row * batch.entity_ids.shape[1] :][:entities]
            found[example] = (
                batch.word_ids[row, :words].tolist(),
                batch.entity_ids[row, :entities].tolist(),
                batch.mention_positions[first].tolist(),
                targets(batch.word_targets, batch.word_labels, row, batch.word_ids.shape[1]),
                targets(batch.entity_targets, batch.entity_labels, row, batch.entity_ids.shape[1]),
            )
    return found


def targets(places: np.ndarray, labels: np.ndarray, row: int, width: int) -> list[tuple[int, int]]:
    own = (places >= row * width) & (places < (row + 1) * width)
    return list(zip((places[own] - row * width).tolist(), labels[own].tolist(), strict=True))


def test_an_example_is_masked_the_same_in_any_batch_on_any_rank():
    whole = masker()
    order = EpochOrder(examples=60, batch_size=40, seed=0, phase=0)
    (together,) = StepBatches(order, whole, micro_batch_tokens=10_000, rank=0, ranks=1)[0]
    expected = by_example([together])
    assert len(expected) == 40
    by_rank = [StepBatches(order, whole, micro_batch_tokens=100, rank=rank, ranks=3)[0] for rank in range(3)]
    assert len({len(batches) for batches in by_rank}) == 1
    assert by_example([batch for batches in by_rank for batch in batches]) == expected
    original = whole.store.gather(together.example_ids)
    assert together.entity_ids.shape == (40, 5)
    assert (
        by_example([together])[int(together.example_ids[0])][2]
        == original.entity_spans[: original.entity_lengths[0], 0].tolist()
    )


def test_evaluation_uses_every_example_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.pretrain.batches.SORT_WINDOW", 25)
    batches = list(eval_batches(masker(), np.arange(5, 60), 200))
    assert sorted(index for batch in batches for index in batch.example_ids.tolist()) == list(range(5, 60))
    assert max(batch.word_ids.size + batch.entity_ids.size for batch in batches) <= 200
    assert list(eval_batches(masker(), np.arange(0), 200)) == []


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_batches_of_an_evaluation_do_not_depend_on_the_number_of_ranks(monkeypatch: pytest.MonkeyPatch, ranks: int):
    monkeypatch.setattr("pipeline.pretrain.batches.SORT_WINDOW", 25)
    alone = list(eval_batches(masker(), np.arange(5, 60), 200))
    shared = [list(eval_batches(masker(), np.arange(5, 60), 200, rank=rank, ranks=ranks)) for rank in range(ranks)]
    assert sum(map(len, shared)) == len(alone)
    for number, batch in enumerate(alone):
        other = shared[number % ranks][number // ranks]
        assert all(np.array_equal(getattr(batch, f.name), getattr(other, f.name)) for f in fields(Batch))


def test_without_entities_a_batch_has_none():
    indices = np.arange(10)
    plain, full = masker(entities=False).masked_batch(indices, indices * 0), masker().masked_batch(indices, indices * 0)
    assert plain.entity_ids.shape == (10, 0)
    for field in fields(Batch):
        if field.name.startswith(("entity", "mention")):
            assert getattr(plain, field.name).size == (10 if field.name == "entity_lengths" else 0)
        else:
            assert np.array_equal(getattr(plain, field.name), getattr(full, field.name))


def test_padded_rows():
    rectangle, filled = pad_rows(np.array([5, 6, 7, 8], np.int32), np.array([1, 0, 3]), pad=1)
    assert rectangle.tolist() == [[5, 1, 1], [1, 1, 1], [6, 7, 8]]
    assert rectangle.dtype == np.int64
    assert filled.tolist() == [[True, False, False], [False, False, False], [True, True, True]]


def test_padded_nothing():
    rectangle, filled = pad_rows(np.empty(0, np.int32), np.zeros(2, np.int64), pad=0)
    assert rectangle.shape == filled.shape == (2, 0)


def test_mentions_are_flat_positions_with_offsets():
    # two examples, one with two entities and one with one, padded to two each
    spans = np.array([[1, 3], [4, 5], [2, 5]], np.int32)
    positions, offsets = flatten_mentions(spans, np.array([[True, True], [True, False]]))
    assert positions.tolist() == [1, 2, 4, 2, 3, 4]
    assert offsets.tolist() == [0, 2, 3, 6]


def test_no_mentions():
    positions, offsets = flatten_mentions(np.empty((0, 2), np.int32), np.empty((2, 0), bool))
    assert positions.tolist() == offsets.tolist() == []


def test_every_epoch_sees_every_example_once():
    order = EpochOrder(examples=10, batch_size=4, seed=3, phase=0)
    taken = [order.examples_of_step(step) for step in range(5)]
    indices = np.concatenate([part for part, _ in taken])
    epochs = np.concatenate([part for _, part in taken])
    assert epochs.tolist() == [0] * 10 + [1] * 10
    assert sorted(indices[:10]) == sorted(indices[10:]) == list(range(10))
    assert indices[:10].tolist() != indices[10:].tolist()


def test_a_batch_may_be_larger_than_the_dataset():
    indices, epochs = EpochOrder(examples=3, batch_size=8, seed=0, phase=0).examples_of_step(0)
    assert epochs.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert sorted(indices[:3]) == sorted(indices[3:6]) == [0, 1, 2]


def test_order_depends_on_seed_and_phase():
    orders = {
        tuple(EpochOrder(examples=50, batch_size=50, seed=seed, phase=phase).examples_of_step(0)[0].tolist())
        for seed in (0, 1)
        for phase in (0, 1)
    }
    assert len(orders) == 4


@pytest.mark.parametrize(("epochs", "steps"), [(1, 25), (0.5, 12), (20, 500), (0.001, 1)])
def test_steps_follow_from_epochs(epochs, steps):
    assert EpochOrder(examples=100, batch_size=4, seed=0, phase=0).step_count(epochs) == steps
