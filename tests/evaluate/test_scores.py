"""Ranks, losses and first choices of small logits, and the figures computed from them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from pipeline.evaluate import scores as scores_module
from pipeline.evaluate.scores import ModelScores, Scores, rank_labels, score_batches, score_on_all_processes
from pipeline.io.arrow import Int64Array
from pipeline.records import Batch
from tests.helpers.small_luke import dimensions, ragged_batch, random_luke, without_entities


def test_the_rank_counts_higher_logits():
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0], [3.0, 0.0, 0.0, 0.0]])
    scores, choices = rank_labels(lambda states: states, logits, torch.tensor([2, 1]))
    assert scores.ranks.tolist() == [2, 2]
    assert scores.losses[0] == pytest.approx(math.log(sum(math.exp(x) for x in range(4))) - 2)
    assert scores.labels.tolist() == [2, 1]
    assert choices.tolist() == [3, 0]


def test_many_positions_are_ranked_in_chunks():
    logits = torch.randn(1000, 7, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(1000) % 7
    scores, choices = rank_labels(lambda states: states, logits, labels)
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    np.testing.assert_allclose(scores.losses, expected.numpy(), atol=1e-5)
    assert choices.tolist() == logits.argmax(dim=1).tolist()


def test_the_figures_of_entities_and_words():
    scores = Scores(np.array([1, 3]), np.array([1.0, 2.0]), np.array([1, 20]))
    assert scores.figures() == {"loss": 1.5, "accuracy": 0.5, "mrr": (1 + 1 / 20) / 2, "hits_at_10": 0.5}
    assert scores.word_figures() == {"loss": 1.5, "perplexity": pytest.approx(math.exp(1.5)), "accuracy": 0.5}
    assert scores.select(np.array([1])).figures()["loss"] == 2.0


def test_figures_of_nothing_are_none_and_not_nan():
    nothing = Scores.join([])
    assert nothing.figures() == {"loss": None, "accuracy": None, "mrr": None, "hits_at_10": None}
    assert nothing.word_figures() == {"loss": None, "perplexity": None, "accuracy": None}


def numpy_batch(batch: Batch[torch.Tensor]) -> Batch[Int64Array]:
    """Return a batch as the data loader yields it."""
    return batch.map(lambda tensor: tensor.numpy())


def test_a_model_is_scored_at_its_targets():
    model = random_luke(dimensions()).eval()
    batch = ragged_batch()
    plain = without_entities(batch)
    [scores, words_only] = score_batches(model, map(numpy_batch, [batch, plain]), torch.device("cpu"))
    with torch.no_grad():
        words, entities = model.encode(batch)
        logits = model.entity_logits(entities.flatten(0, 1)[batch.entity_targets])
        word_logits = model.word_logits(words.flatten(0, 1)[batch.word_targets])
    expected = torch.nn.functional.cross_entropy(logits, batch.entity_labels, reduction="none")
    np.testing.assert_allclose(scores.entities.losses, expected.numpy(), rtol=1e-5)
    assert scores.choices.tolist() == logits.argmax(dim=1).tolist()
    expected = torch.nn.functional.cross_entropy(word_logits, batch.word_labels, reduction="none")
    np.testing.assert_allclose(scores.words.losses, expected.numpy(), rtol=1e-5)
    assert len(words_only.words) == 4
    assert len(words_only.entities) == len(words_only.choices) == 0


def test_the_scores_are_in_the_order_of_the_batches_for_any_number_of_processes(monkeypatch):
    """Two processes take turns, and gather_object returns all of the first one's results before the second's."""
    model, batches = random_luke(dimensions()), [numpy_batch(ragged_batch()) for _ in range(5)]
    for number, batch in enumerate(batches):
        batch.word_ids[0, 2] = 10 + number

    def source(rank: int, ranks: int) -> Iterator[Batch[Int64Array]]:
        return iter(batches[rank::ranks])

    accelerator = Accelerator(cpu=True)
    alone = score_on_all_processes(model, source, accelerator)
    others = [
        (1 + 2 * turn, scores) for turn, scores in enumerate(score_batches(model, source(1, 2), torch.device("cpu")))
    ]
    monkeypatch.setattr(scores_module, "gather_object", lambda own: own + others)
    monkeypatch.setattr(Accelerator, "num_processes", 2)
    shared = score_on_all_processes(model, source, accelerator)
    assert shared.entities.losses.tolist() == alone.entities.losses.tolist()
    assert shared.words.ranks.tolist() == alone.words.ranks.tolist()
    assert shared.choices.tolist() == alone.choices.tolist()


def test_a_batch_without_targets_is_not_run():
    batch = numpy_batch(without_entities(ragged_batch()))
    empty = replace(batch, word_targets=np.empty(0, np.int64))
    [scores] = score_batches(random_luke(dimensions()), [empty], torch.device("cpu"))
    assert isinstance(scores, ModelScores)
    assert len(scores.words) == len(scores.entities) == 0
