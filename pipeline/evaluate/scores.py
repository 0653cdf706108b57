"""Score a model on masked batches: first a loss and a rank per masked position, then the means of metrics.json.

The rank of a label is 1 + the number of ids with a higher logit. Every reported value is a mean over a selection of the
losses and ranks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.evaluate.unigram import Unigram
from pipeline.io.arrow import BoolArray, Int64Array
from pipeline.model.luke import Luke
from pipeline.pretrain.objective import to_device
from pipeline.records import Batch

MetricValues = dict[str, float | None]
"""Name -> mean; None (null in metrics.json) if nothing was scored."""

TOP_K = 10
CHUNK_SIZE = 256
"""Number of masked positions whose logits are in memory at once: 512 MB at 500,000 entities."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of K masked positions."""

    labels: Int64Array
    """[K] original ids."""
    losses: NDArray[np.float64]
    """[K] losses in nats."""
    ranks: Int64Array
    """[K] ranks of the labels, from 1."""

    @staticmethod
    def join(parts: list[Scores]) -> Scores:
        """Concatenate scores."""
        return Scores(
            np.concatenate([np.empty(0, np.int64), *(part.labels for part in parts)]),
            np.concatenate([np.empty(0), *(part.losses for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(part.ranks for part in parts)]),
        )

    def select(self, chosen: BoolArray) -> Scores:
        """Return the scores at which `chosen` [K] is True."""
        return Scores(self.labels[chosen], self.losses[chosen], self.ranks[chosen])


@torch.no_grad()
def score_batches(model: Luke, batches: Iterable[Batch[Int64Array]], device: torch.device) -> tuple[Scores, Scores]:
    """Return the scores of the masked words and of the masked entities, computed without dropout."""
    model.eval()
    words, entities = [], []
    for batch in batches:
        on_device = to_device(batch, device)
        word_states, entity_states = model.encode(on_device)
        targets = word_states.flatten(0, 1)[on_device.word_targets]
        words += rank_labels(model.word_logits, targets, on_device.word_labels)
        targets = entity_states.flatten(0, 1)[on_device.entity_targets]
        if len(targets):
            entities += rank_labels(model.entity_logits, targets, on_device.entity_labels)
    return Scores.join(words), Scores.join(entities)


def rank_labels(
    head: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor, labels: torch.Tensor
) -> list[Scores]:
    """Return loss and rank of each label, in chunks of positions.

    Args:
        head: [K, H] hidden states -> [K, V] logits.
        states: [K, H].
        labels: [K].
    """
    parts = []
    for start in range(0, len(labels), CHUNK_SIZE):
        part = labels[start : start + CHUNK_SIZE]
        logits = head(states[start : start + CHUNK_SIZE]).double()
        label_logits = logits.gather(1, part[:, None])
        losses = torch.logsumexp(logits, dim=1) - label_logits[:, 0]
        ranks = 1 + (logits > label_logits).sum(dim=1)
        parts.append(Scores(part.cpu().numpy(), losses.cpu().numpy(), ranks.cpu().numpy()))
    return parts


def word_metrics(scores: Scores, unigram: Unigram) -> MetricValues:
    """Return the metrics of held-out words."""
    return {
        "word_loss": mean_or_none(scores.losses),
        "word_accuracy": mean_or_none(scores.ranks == 1),
        "unigram_word_loss": mean_or_none(unigram.losses(scores.labels)),
        "words_scored": len(scores.labels),
    }


def entity_metrics(scores: Scores, unigram: Unigram, suffix: str = "") -> MetricValues:
    """Return the metrics of held-out entities, each name with `suffix` appended."""
    metrics: MetricValues = {
        "entity_loss": mean_or_none(scores.losses),
        "entity_accuracy": mean_or_none(scores.ranks == 1),
        "entity_mrr": mean_or_none(1 / scores.ranks),
        f"entity_hits_at_{TOP_K}": mean_or_none(scores.ranks <= TOP_K),
        "unigram_entity_loss": mean_or_none(unigram.losses(scores.labels)),
        f"unigram_entity_hits_at_{TOP_K}": mean_or_none(unigram.hits(scores.labels, TOP_K)),
        "entities_scored": len(scores.labels),
    }
    return {name + suffix: value for name, value in metrics.items()}


def train_metrics(scores: Scores, unigram: Unigram) -> MetricValues:
    """Return the metrics of entities of training examples."""
    return {
        "train_entity_loss": mean_or_none(scores.losses),
        "train_unigram_entity_loss": mean_or_none(unigram.losses(scores.labels)),
        "train_entities_scored": len(scores.labels),
    }


def mean_or_none(values: NDArray[np.float64] | BoolArray) -> float | None:
    """Return the mean, or None if there are no values."""
    return float(np.mean(values)) if len(values) else None
