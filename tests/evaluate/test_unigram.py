"""The unigram baseline on small counts."""

import math

import numpy as np
import pytest

from pipeline.evaluate.unigram import Unigram


@pytest.fixture
def unigram():
    return Unigram.from_ids([np.array([3, 3, 4]), np.array([3, 1, 0])], size=6, excluded=np.array([0, 1, 2]))


def test_special_ids_are_not_counted(unigram):
    assert unigram.counts.tolist() == [0, 0, 0, 3, 1, 0]


def test_add_one_over_the_whole_vocabulary(unigram):
    assert unigram.losses(np.array([3, 4, 5])) == pytest.approx([math.log(10 / 4), math.log(10 / 2), math.log(10)])


def test_hits_are_the_most_frequent_ids_and_ties_favour_the_lower_id(unigram):
    assert unigram.hits(np.array([3, 4, 5, 0]), 3).tolist() == [True, True, False, True]
