"""The mention prior on counts that are visible here, and on a random wiki."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.evaluate.mentions import MaskedMentions, Ragged
from pipeline.evaluate.rivals.mention_prior import MentionPrior
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.records import Example
from tests.evaluate.rivals.plain import (
    MASK,
    assert_equal_scores,
    entity_unigram,
    masked,
    masker,
    prior,
    random_examples,
    ranking,
)
from tests.helpers.example_store import example_store

TRAIN = [
    Example("1", (0, 10, 11, 4, 10, 11, 2), (3, 3), ((1, 3), (4, 6))),
    Example("2", (0, 10, 11, 10, 12, 13, 2), (4, 5, 1), ((1, 3), (3, 5), (5, 6))),
]
UNIGRAM = Unigram(np.array([0, 0, 0, 2, 1, 1, 0]))  # p = 1/11, 1/11, 1/11, 3/11, 2/11, 2/11, 1/11


def prior_of(reads: str) -> MentionPrior:
    return MentionPrior(example_store(TRAIN), UNIGRAM, MASK, reads)


def mentions(seen: list[list[int]], clean: list[list[int]], labels: list[int]) -> MaskedMentions:
    empty, ids = Ragged.from_rows([[]] * len(labels)), np.array(labels)
    return MaskedMentions(
        ids, ids, ids, seen=Ragged.from_rows(seen), clean=Ragged.from_rows(clean), context=empty, entities=empty
    )


def test_counts_of_the_mention_as_seen():
    masked_mentions = mentions(
        seen=[[10, 11], [10, MASK], [10, MASK], [MASK, MASK], [13], [12, 11]],
        clean=[[4]] * 6,
        labels=[3, 5, 4, 3, 4, 6],
    )
    scores = prior_of("seen").scores(masked_mentions)
    expected = [
        (2 + 3 / 11) / 4,  # 10 11 led to 3 twice and to 4 once
        (1 + 2 / 11) / 5,  # 10 and any token: to 3 twice, to 4 and 5 once
        (1 + 2 / 11) / 5,
        (2 + 3 / 11) / 5,
        2 / 11,  # 13 led to [UNK] only, which is not counted: the unigram
        1 / 11,
    ]
    assert scores.losses == pytest.approx([-math.log(p) for p in expected], abs=1e-12)
    assert scores.ranks.tolist() == [1, 3, 2, 1, 2, 7]


def test_counts_of_the_clean_mention():
    masked_mentions = mentions(seen=[[MASK, MASK], [4, 4]], clean=[[10, 12], [10, 11]], labels=[5, 5])
    scores = prior_of("clean").scores(masked_mentions)
    assert scores.losses == pytest.approx([-math.log((1 + 2 / 11) / 2), -math.log(2 / 11 / 4)], abs=1e-12)
    assert scores.ranks.tolist() == [1, 3]


def test_first_entities():
    ids, probabilities = prior_of("seen").top(mentions([[10, MASK], [12]], [[4, 4], [4]], [3, 3]), 4)
    assert ids.tolist() == [[3, 4, 5, 0], [3, 4, 5, 0]]
    np.testing.assert_allclose(
        probabilities, [[25 / 55, 13 / 55, 13 / 55, 1 / 55], [3 / 11, 2 / 11, 2 / 11, 1 / 11]], atol=1e-15
    )


@pytest.mark.parametrize("reads", ["seen", "clean"])
def test_a_random_wiki_agrees_with_loops(reads: str):
    train, held_out = random_examples(60, seed=5), random_examples(60, seed=6)
    unigram, (found, _) = entity_unigram(train), masked(held_out)
    rival = MentionPrior(masker(train).store, unigram, MASK, reads)
    patterns = [getattr(found, reads).row(number).tolist() for number in range(len(found))]
    expected = [prior(train, pattern) for pattern in patterns]
    assert any(MASK in pattern for pattern in patterns) == (reads == "seen")
    assert_equal_scores(rival.scores(found), expected, unigram.counts.tolist())
    ids, probabilities = rival.top(found, 5)
    assert ids.tolist() == [ranking(row, unigram.counts.tolist())[:5] for row in expected]
    np.testing.assert_allclose(probabilities, np.take_along_axis(np.array(expected), ids, axis=1), rtol=0, atol=1e-9)
