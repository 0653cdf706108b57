"""Splitting a global batch: on small batches, and against all possible cuts."""

from itertools import combinations

import numpy as np
import pytest

from pipeline.pretrain.micro_batching import PASS_COST, find_round_cuts, partition_batch


def lengths(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(5, 512, count), rng.integers(0, 60, count)


def size(words: np.ndarray, entities: np.ndarray, part: np.ndarray) -> int:
    return len(part) * int(words[part].max() + entities[part].max())


def no_entities(words: np.ndarray) -> np.ndarray:
    return np.zeros_like(words)


def test_similar_lengths_share_a_micro_batch():
    words = np.array([10, 500, 11, 499])
    assert [part.tolist() for part in partition_batch(words, no_entities(words), budget=1000, rank=0, ranks=1)] == [
        [0, 2],
        [3, 1],
    ]


def test_a_short_example_is_separate_if_that_saves_more_than_a_pass_costs():
    words = np.array([100, 100, 100, 20])
    assert [part.tolist() for part in partition_batch(words, no_entities(words), budget=1000, rank=0, ranks=1)] == [
        [3],
        [0, 1, 2],
    ]
    assert [part.tolist() for part in partition_batch(words, no_entities(words), budget=10_000, rank=0, ranks=1)] == [
        [3, 0, 1, 2]
    ]


def test_similar_lengths_are_sorted_by_entities():
    words, entities = np.array([100, 103, 101, 102]), np.array([40, 1, 2, 41])
    assert [part.tolist() for part in partition_batch(words, entities, budget=300, rank=0, ranks=1)] == [[1, 2], [0, 3]]


def test_ranks_alternate_in_taking_the_longest():
    words = np.array([10, 11, 50, 51])
    by_rank = [
        [part.tolist() for part in partition_batch(words, no_entities(words), budget=60, rank=rank, ranks=2)]
        for rank in (0, 1)
    ]
    assert by_rank == [[[0], [3]], [[1], [2]]]


@pytest.mark.parametrize("budget", [1, 600, 2_000, 16_384, 10**9])
@pytest.mark.parametrize(("count", "ranks"), [(1, 1), (30, 1), (30, 3), (512, 1), (512, 8), (64, 64)])
def test_all_examples_are_kept_within_the_budget_and_all_ranks_get_as_many_micro_batches(budget, count, ranks):
    words, entities = lengths(count)
    by_rank = [partition_batch(words, entities, budget=budget, rank=rank, ranks=ranks) for rank in range(ranks)]
    parts = [part for own in by_rank for part in own]
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    assert len({len(own) for own in by_rank}) == 1
    assert min(len(part) for part in parts) >= 1
    assert all(size(words, entities, part) <= budget for part in parts if len(part) > 1)


def test_the_remainder_goes_to_the_shortest():
    words = np.arange(10, 21)
    by_rank = [partition_batch(words, no_entities(words), budget=20, rank=rank, ranks=4) for rank in range(4)]
    assert sorted(len(part) for own in by_rank for part in own) == [1, 1, 1, 1, 1, 2, 2, 2]
    assert [part.tolist() for own in by_rank for part in own if len(part) > 1] == [[1, 2], [3, 4], [5, 6]]


def test_fewer_examples_than_ranks_leave_some_ranks_without():
    words = np.array([7, 9])
    by_rank = [partition_batch(words, no_entities(words), budget=50, rank=rank, ranks=3) for rank in range(3)]
    assert [[len(part) for part in parts] for parts in by_rank] == [[0], [1], [1]]


def cost(words: np.ndarray, entities: np.ndarray, borders: tuple[int, ...], budget: int) -> float:
    parts = np.split(np.arange(len(words)), borders)
    sizes = [size(words, entities, part) for part in parts]
    kept = all(total <= budget or len(part) == 1 for total, part in zip(sizes, parts, strict=True))
    return sum(sizes) + PASS_COST * budget * len(parts) if kept else np.inf


def test_no_other_cuts_cost_less():
    for seed in range(20):
        words, entities = lengths(9, seed)
        words.sort()
        found = find_round_cuts(words, entities, budget=1200, ranks=1)
        possible = (borders for number in range(9) for borders in combinations(range(1, 9), number))
        least = min(cost(words, entities, borders, 1200) for borders in possible)
        assert cost(words, entities, tuple(found), 1200) == least < np.inf


@pytest.mark.parametrize(("count", "padding"), [(512, 0.02), (2048, 0.01)])
def test_padding_almost_vanishes_in_few_passes(count, padding):
    words = np.minimum(512, lengths(count)[0] * 3)  # most sequences are full, the others of any length
    parts = partition_batch(words, no_entities(words), budget=16_384, rank=0, ranks=1)
    assert 1 - words.sum() / sum(size(words, no_entities(words), part) for part in parts) < padding
    assert len(parts) <= 1.5 * words.sum() / 16_384
