"""Order, dealing and padding on data one can see."""

import numpy as np
import pytest

from pipeline.pretrain.batches import Order, deal, mentions, padded


def test_padded_rows_and_places():
    rectangle, lengths, places = padded(np.array([5, 6, 7, 8]), np.array([0, 1, 1, 4]), pad=1)
    assert rectangle.tolist() == [[5, 1, 1], [1, 1, 1], [6, 7, 8]]
    assert lengths.tolist() == [1, 0, 3]
    assert places.tolist() == [0, 6, 7, 8]


def test_padded_nothing():
    rectangle, _, places = padded(np.empty(0, np.int64), np.zeros(3, np.int64), pad=0)
    assert rectangle.shape == (2, 0)
    assert places.tolist() == []


def test_mentions_are_positions_in_a_row_with_offsets():
    # two Examples of two and one entities, padded to two each
    positions, offsets = mentions(np.array([[1, 3], [4, 5], [2, 5]]), np.array([0, 1, 2]), 4)
    assert positions.tolist() == [1, 2, 4, 2, 3, 4]
    assert offsets.tolist() == [0, 2, 3, 6]


def test_no_mentions():
    positions, offsets = mentions(np.empty((0, 2), np.int64), np.empty(0, np.int64), 0)
    assert positions.tolist() == offsets.tolist() == []


def test_every_epoch_sees_every_example_once():
    order = Order(examples=10, batch=4, seed=3, phase=0)
    taken = [order.step(step) for step in range(5)]
    indices = np.concatenate([part for part, _ in taken])
    epochs = np.concatenate([part for _, part in taken])
    assert epochs.tolist() == [0] * 10 + [1] * 10
    assert sorted(indices[:10]) == sorted(indices[10:]) == list(range(10))
    assert indices[:10].tolist() != indices[10:].tolist()


def test_a_batch_may_be_larger_than_the_dataset():
    indices, epochs = Order(examples=3, batch=8, seed=0, phase=0).step(0)
    assert epochs.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert sorted(indices[:3]) == sorted(indices[3:6]) == [0, 1, 2]


def test_order_depends_on_seed_and_phase():
    orders = {
        tuple(Order(examples=50, batch=50, seed=seed, phase=phase).step(0)[0].tolist())
        for seed in (0, 1)
        for phase in (0, 1)
    }
    assert len(orders) == 4


@pytest.mark.parametrize(("epochs", "steps"), [(1, 25), (0.5, 12), (20, 500), (0.001, 1)])
def test_steps_follow_from_epochs(epochs, steps):
    assert Order(examples=100, batch=4, seed=0, phase=0).steps(epochs) == steps


@pytest.mark.parametrize(("micro_batch", "ranks"), [(4, 1), (4, 2), (3, 3), (32, 2), (1, 1)])
def test_dealing_loses_none_and_gives_all_ranks_as_many_turns(micro_batch, ranks):
    lengths = np.random.default_rng(0).integers(5, 512, 30)
    dealt = [deal(lengths, micro_batch=micro_batch, rank=rank, ranks=ranks) for rank in range(ranks)]
    assert sorted(np.concatenate([part for parts in dealt for part in parts])) == list(range(30))
    assert len({len(parts) for parts in dealt}) == 1
    assert max(len(part) for parts in dealt for part in parts) <= micro_batch


def test_like_lengths_are_dealt_together():
    lengths = np.array([10, 500, 11, 499])
    assert [part.tolist() for part in deal(lengths, micro_batch=2, rank=0, ranks=1)] == [[0, 2], [3, 1]]
    assert [part.tolist() for part in deal(lengths, micro_batch=1, rank=1, ranks=2)] == [[2], [1]]
