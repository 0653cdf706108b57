"""Ranks and losses of small logits, and the metrics computed from them."""

import math

import numpy as np
import pytest
import torch

from pipeline.evaluate.scores import Scores, entity_metrics, rank_labels, train_metrics, word_metrics
from pipeline.evaluate.unigram import Unigram

UNIGRAM = Unigram(np.array([0, 2, 0, 6]))


def test_the_rank_counts_higher_logits():
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0], [3.0, 0.0, 0.0, 0.0]])
    scores = Scores.join(rank_labels(lambda states: states, logits, torch.tensor([2, 1])))
    assert scores.ranks.tolist() == [2, 2]
    assert scores.losses[0] == pytest.approx(math.log(sum(math.exp(x) for x in range(4))) - 2)
    assert scores.labels.tolist() == [2, 1]


def test_many_positions_are_ranked_in_chunks():
    logits = torch.randn(1000, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(1000) % 7
    scores = Scores.join(rank_labels(lambda states: states, logits, labels))
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    np.testing.assert_allclose(scores.losses, expected.numpy(), atol=1e-5)


def test_entity_metrics():
    scores = Scores(np.array([1, 3]), np.array([1.0, 2.0]), np.array([1, 20]))
    assert entity_metrics(scores, UNIGRAM, "_seen") == {
        "entity_loss_seen": 1.5,
        "entity_accuracy_seen": 0.5,
        "entity_mrr_seen": (1 + 1 / 20) / 2,
        "entity_hits_at_10_seen": 0.5,
        "unigram_entity_loss_seen": pytest.approx((math.log(12 / 3) + math.log(12 / 7)) / 2),
        "unigram_entity_hits_at_10_seen": 1.0,
        "entities_scored_seen": 2,
    }


def test_metrics_of_nothing_are_none_and_not_nan():
    metrics = train_metrics(Scores.join([]), UNIGRAM) | word_metrics(Scores.join([]), UNIGRAM)
    assert metrics == {
        "train_entity_loss": None, "train_unigram_entity_loss": None, "train_entities_scored": 0,
        "word_loss": None, "word_accuracy": None, "unigram_word_loss": None, "words_scored": 0,
    }  # fmt: skip
