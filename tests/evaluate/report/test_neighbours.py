"""The nearest neighbours of entities, on embeddings in the plane."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.evaluate.report.neighbours import choose_entities, nearest_rows

TABLE = torch.tensor(
    [
        [9.0, 9.0], [9.0, 9.0], [9.0, 9.0],  # special entities, which do not count
        [12.0, 5.0], [11.0, 5.0], [10.0, 8.0], [7.0, 5.0], [10.0, 2.0],
    ]
)  # fmt: skip
"""The mean of the five entities is (10, 5)."""


def test_the_nearest_rows_by_the_cosine_around_the_mean():
    ids, cosines = nearest_rows(TABLE, np.array([3, 5]), 2)
    assert ids.tolist()[0][0] == 4  # the same direction from the mean
    assert cosines[0].tolist() == pytest.approx([1.0, 0.0], abs=1e-6)
    assert set(ids.tolist()[1]) <= {3, 4, 6}  # at right angles; 7 is opposite, 0 to 2 are special, 5 is itself
    assert cosines[1].tolist() == pytest.approx([0.0, 0.0], abs=1e-6)


def test_a_small_vocabulary_has_fewer_neighbours():
    ids, _ = nearest_rows(TABLE[:5], np.array([3]), 5)
    assert ids.tolist() == [[4]]


def test_the_most_linked_and_some_less_linked_entities_are_chosen():
    frequent, middle = choose_entities(1003)  # 1,000 entities besides the special ones
    assert frequent.tolist() == [3, 4, 5, 6, 7, 8]
    assert middle.tolist() == [103, 183, 263, 343, 423, 503]


@pytest.mark.parametrize("size", [3, 4, 6, 12])
def test_a_tiny_vocabulary_is_not_exceeded(size):
    frequent, middle = choose_entities(size)
    chosen = [*frequent.tolist(), *middle.tolist()]
    assert len(set(chosen)) == len(chosen)
    assert all(3 <= entity < size for entity in chosen)
