"""The unigram baseline on small counts."""

import math

import numpy as np
import pytest

from pipeline.evaluate.mentions import MaskedMentions, Ragged
from pipeline.evaluate.rivals.unigram import Unigram


@pytest.fixture
def unigram():
    return Unigram.from_ids([np.array([3, 3, 4]), np.array([3, 1, 0])], size=6, excluded=np.array([0, 1, 2]))


def test_special_ids_are_not_counted(unigram):
    assert unigram.counts.tolist() == [0, 0, 0, 3, 1, 0]


def test_add_one_over_the_whole_vocabulary(unigram):
    assert unigram.losses(np.array([3, 4, 5])) == pytest.approx([math.log(10 / 4), math.log(10 / 2), math.log(10)])


def test_hits_are_the_most_frequent_ids_and_ties_favour_the_lower_id(unigram):
    assert unigram.hits(np.array([3, 4, 5, 0]), 3).tolist() == [True, True, False, True]


def test_scores_and_first_entities(unigram):
    labels, empty = np.array([4, 0, 5, 3]), Ragged.from_rows([[]] * 4)
    mentions = MaskedMentions(labels, labels, labels, seen=empty, clean=empty, context=empty, entities=empty)
    scores = unigram.scores(mentions)
    assert scores.ranks.tolist() == [2, 3, 6, 1]
    assert scores.losses == pytest.approx([math.log(10 / 2), math.log(10), math.log(10), math.log(10 / 4)])
    ids, probabilities = unigram.top(mentions, 3)
    assert ids.tolist() == [[3, 4, 0]] * 4
    assert probabilities.tolist() == [[0.4, 0.2, 0.1]] * 4
