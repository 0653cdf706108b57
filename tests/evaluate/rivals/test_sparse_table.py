"""Sparse rows smoothed toward a unigram model: literal rows, and random ones compared with dense rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.evaluate.rivals import sparse_table
from pipeline.evaluate.rivals.sparse_table import SparseTable, add_up
from pipeline.evaluate.rivals.unigram import Unigram
from tests.evaluate.rivals.plain import assert_equal_scores, ranking, smoothed

UNIGRAM = Unigram(np.array([0, 3, 1, 3, 1]))  # p = 1/13, 4/13, 2/13, 4/13, 2/13


def test_an_empty_row_is_the_unigram():
    nothing = np.empty(0, dtype=np.int64)
    table = SparseTable.from_entries(nothing, nothing, nothing, height=2, unigram=UNIGRAM)
    scores = table.scores(np.array([0, 1, 0, 1, 0]), np.arange(5))
    assert scores.ranks.tolist() == [5, 1, 3, 2, 4]
    assert scores.losses == pytest.approx([math.log(13 / n) for n in (1, 4, 2, 4, 2)])


def test_weights_come_before_the_unigram_and_equal_weights_keep_its_order():
    table = SparseTable.from_entries(
        np.array([1, 1, 1]), np.array([4, 0, 2]), np.array([2, 3, 2]), height=2, unigram=UNIGRAM
    )
    rows = np.ones(5, dtype=np.int64)
    scores = table.scores(rows, np.arange(5))
    assert scores.ranks.tolist() == [1, 4, 2, 5, 3]
    # weight 7 in all: p(0) = (3 + 1/13) / 8 = 40/104, p(1) = (4/13) / 8, p(2) = (2 + 2/13) / 8
    assert scores.losses == pytest.approx([-math.log(n / 104) for n in (40, 4, 28, 4, 28)])
    ids, probabilities = table.top(np.array([1, 0]), 4)
    assert ids.tolist() == [[0, 2, 4, 1], [1, 3, 2, 4]]
    np.testing.assert_allclose(
        probabilities, [[40 / 104, 28 / 104, 28 / 104, 4 / 104], [4 / 13, 4 / 13, 2 / 13, 2 / 13]], atol=1e-15
    )


def test_a_small_weight_can_be_below_a_frequent_id():
    table = SparseTable.from_entries(np.array([0]), np.array([0]), np.array([1 / 13]), height=1, unigram=UNIGRAM)
    # 1/13 + 1/13 is as much as the ids 2 and 4 have; 0 comes after them, because it was never counted
    assert table.scores(np.zeros(5, dtype=np.int64), np.arange(5)).ranks.tolist() == [5, 1, 3, 2, 4]
    assert table.top(np.array([0]), 5)[0].tolist() == [[1, 3, 2, 4, 0]]


def test_weights_of_equal_entries_are_added_and_capped():
    table = SparseTable.from_entries(
        np.array([0, 0, 0]), np.array([2, 4, 2]), np.array([1.0, 0.5, 1.0]), height=1, unigram=UNIGRAM
    )
    assert (table.ids.tolist(), table.weights.tolist()) == ([2, 4], [2.0, 0.5])
    assert table.capped(1.0).weights.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("seed", range(5))
def test_random_tables_agree_with_dense_rows(seed: int):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 4, 30)
    rows, ids = rng.integers(0, 6, 80), rng.integers(0, 30, 80)
    weights = rng.choice([1.0, 2.0, 1 / (counts.sum() + 30)], 80)
    table = SparseTable.from_entries(rows, ids, weights, height=7, unigram=Unigram(counts))
    background, dense = smoothed(counts.tolist()), []
    for row in range(7):
        own = [weights[(rows == row) & (ids == index)].sum() for index in range(30)]
        dense.append([(own[index] + background[index]) / (sum(own) + 1) for index in range(30)])
    queried, labels = np.repeat(np.arange(7), 30), np.tile(np.arange(30), 7)
    assert_equal_scores(table.scores(queried, labels), [dense[row] for row in queried], counts.tolist())
    for k in (1, 4, 30, 50):
        found, probabilities = table.top(np.arange(7), k)
        expected = [ranking(row, counts.tolist())[:k] for row in dense]
        assert found.tolist() == expected
        np.testing.assert_allclose(
            probabilities,
            [[row[index] for index in first] for row, first in zip(dense, expected, strict=True)],
            rtol=0,
            atol=1e-12,
        )


@pytest.mark.parametrize("limit", [0, 3, 1 << 24])
def test_counts_do_not_depend_on_how_many_keys_are_in_memory(monkeypatch: pytest.MonkeyPatch, limit: int):
    monkeypatch.setattr(sparse_table, "KEYS_IN_MEMORY", limit)
    keys, counts = add_up([np.array([4, 9, 4]), np.array([], dtype=np.int64), np.array([9, 2]), np.array([4])])
    assert (keys.tolist(), counts.tolist()) == ([2, 4, 9], [1, 3, 2])
