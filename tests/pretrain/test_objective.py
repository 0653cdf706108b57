"""Sums over masked positions, and what divides them."""

from __future__ import annotations

import pytest
import torch

from pipeline.pretrain.objective import Tally, divisors, loss
from tests.model.samples import dimensions, made, ragged, without_entities


@pytest.fixture(scope="module")
def outputs():
    """Two micro-batches: four masked words and two entities, four words and none."""
    model, batches = made(dimensions()), [ragged(), without_entities(ragged())]
    return [(model(batch), batch) for batch in batches]


def objective(kind, outputs, words, entities):
    return sum(
        loss(output, words=by[0], entities=by[1])
        for output, batch in outputs
        for by in [divisors(kind, batch, words=words, entities=entities, micro_batches=len(outputs))]
    )


def test_the_batch_s_means_do_not_see_micro_batches(outputs):
    (first, _), (second, _) = outputs
    expected = (first.word_loss_sum + second.word_loss_sum) / 8 + first.entity_loss_sum / 2
    torch.testing.assert_close(objective("batch_means", outputs, 8, 2), expected)


def test_upstream_takes_the_mean_of_the_micro_batches_means(outputs):
    (first, _), (second, _) = outputs
    expected = ((first.word_loss_sum / 4 + first.entity_loss_sum / 2) + second.word_loss_sum / 4) / 2
    torch.testing.assert_close(objective("micro_batch_means", outputs, 8, 2), expected)


def test_figures_are_means_over_what_was_scored(outputs):
    tally = Tally.zero(torch.device("cpu"))
    for output, batch in outputs:
        tally += Tally.of(output, batch)
    figures = tally.figures()
    assert (figures["words_scored"], figures["entities_scored"]) == (8, 2)
    assert figures["entity_loss"] == pytest.approx(outputs[0][0].entity_loss_sum.item() / 2)


def test_nothing_scored_has_no_mean():
    assert Tally.zero(torch.device("cpu")).figures() == {"words_scored": 0, "entities_scored": 0}
