"""The embedding bag learns which tokens name which entity, reads nothing else, and is repeatable."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.evaluate.mentions import MaskedMentions, Ragged
from pipeline.evaluate.rivals.mention_bag import MentionBag, shuffled_batches
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.records import Example
from tests.helpers.example_store import example_store

MASK = 19
SPECIAL = np.isin(np.arange(20), [0, 1, 2, 3, MASK])
UNIGRAM = Unigram(np.array([0, 0, 0, 60, 40, 20, 0]))
TRAIN = example_store(
    [
        Example("1", (0, 10, 11, 2), (3,), ((1, 3),)),
        Example("2", (0, 12, 11, 2), (4,), ((1, 3),)),
        Example("3", (0, 13, 2), (5,), ((1, 2),)),
        Example("4", (0, 14, 2), (6,), ((1, 2),)),  # not counted by the unigram, so it is no label
    ]
    * 20
)


def masked(seen: list[list[int]], labels: list[int]) -> MaskedMentions:
    rows, ids = Ragged.from_rows(seen), np.array(labels)
    return MaskedMentions(ids, ids, ids, seen=rows, clean=rows, context=rows, entities=rows)


@pytest.fixture(scope="module")
def bag() -> MentionBag:
    return MentionBag.fit(TRAIN, UNIGRAM, special=SPECIAL, passes=40, drop=0.2, seed=0)


def test_it_learns_the_tokens_and_ignores_masks(bag: MentionBag):
    mentions = masked([[10, 11], [MASK, 11, 12], [13], [10, MASK]], [3, 4, 5, 3])
    scores = bag.scores(mentions)
    assert scores.ranks.tolist() == [1, 1, 1, 1]
    assert (scores.losses < 0.5).all()
    ids, probabilities = bag.top(mentions, 2)
    assert ids[:, 0].tolist() == [3, 4, 5, 3]
    assert np.exp(-scores.losses) == pytest.approx(probabilities[:, 0])


def test_a_mention_without_a_visible_token_has_the_decoders_bias(bag: MentionBag):
    loss = bag.scores(masked([[MASK, MASK]], [4])).losses[0]
    assert loss == pytest.approx(-torch.log_softmax(bag.decoder.bias.double(), dim=0)[4].item())


def test_without_training_the_bias_is_the_unigram():
    scores = MentionBag.fit(TRAIN, UNIGRAM, special=SPECIAL, passes=0, drop=0.0, seed=0).scores(masked([[MASK]], [4]))
    assert scores.losses[0] == pytest.approx(-np.log(41 / 127), abs=1e-6)
    assert scores.ranks.tolist() == [2]


def test_the_order_of_tokens_does_not_matter(bag: MentionBag):
    losses = bag.scores(masked([[10, 11, 13], [13, 10, 11]], [3, 3])).losses
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_the_same_seed_gives_the_same_bag(bag: MentionBag):
    again = MentionBag.fit(TRAIN, UNIGRAM, special=SPECIAL, passes=40, drop=0.2, seed=0)
    assert torch.equal(again.embeddings, bag.embeddings)
    other = MentionBag.fit(TRAIN, UNIGRAM, special=SPECIAL, passes=40, drop=0.2, seed=1)
    assert not torch.equal(other.embeddings, bag.embeddings)


def test_a_pass_has_every_mention_once_and_drops_a_share_of_the_tokens():
    mentions = Ragged.from_rows([[number] * 4 for number in range(1000)])
    labels = np.arange(1000)
    batches = list(shuffled_batches((mentions, labels), 0.25, np.random.default_rng(0)))
    assert [len(part) for _, part in batches] == [256, 256, 256, 232]
    assert sorted(np.concatenate([part for _, part in batches]).tolist()) == labels.tolist()
    for some, wanted in batches:
        assert (wanted[some.row_numbers] == some.values).all()
    kept = sum(len(some.values) for some, _ in batches)
    assert kept / 4000 == pytest.approx(0.75, abs=0.03)
