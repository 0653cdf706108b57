"""Sums over masked positions, and their divisors."""

from __future__ import annotations

import pytest
import torch

from pipeline.pretrain.objective import Tally, loss_divisors, micro_batch_loss
from tests.helpers.small_luke import dimensions, ragged_batch, random_luke, without_entities


@pytest.fixture(scope="module")
def outputs():
    """Two micro-batches: four masked words and two entities, four words and none."""
    model, batches = random_luke(dimensions()), [ragged_batch(), without_entities(ragged_batch())]
    return [(model(batch), batch) for batch in batches]


def objective(kind, outputs, words, entities):
    return sum(
        micro_batch_loss(output, words=by[0], entities=by[1])
        for output, batch in outputs
        for by in [loss_divisors(kind, batch, words=words, entities=entities, micro_batches=len(outputs))]
    )


def test_the_means_of_the_global_batch_do_not_depend_on_micro_batches(outputs):
    (first, _), (second, _) = outputs
    expected = (first.word_loss_sum + second.word_loss_sum) / 8 + first.entity_loss_sum / 2
    torch.testing.assert_close(objective("global_batch", outputs, 8, 2), expected)


def test_upstreams_loss_is_the_mean_of_the_micro_batches_means(outputs):
    (first, _), (second, _) = outputs
    expected = ((first.word_loss_sum / 4 + first.entity_loss_sum / 2) + second.word_loss_sum / 4) / 2
    torch.testing.assert_close(objective("micro_batch", outputs, 8, 2), expected)


def test_metrics_are_means_over_scored_positions(outputs):
    tally = Tally.zero(torch.device("cpu"))
    for output, batch in outputs:
        tally += Tally.from_output(output, batch)
    metrics = tally.metrics()
    assert (metrics["words_scored"], metrics["entities_scored"]) == (8, 2)
    assert metrics["entity_loss"] == pytest.approx(outputs[0][0].entity_loss_sum.item() / 2)


def test_without_scored_positions_there_is_no_mean():
    assert Tally.zero(torch.device("cpu")).metrics() == {"words_scored": 0, "entities_scored": 0}
