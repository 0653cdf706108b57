"""From a model and masked batches to one number per masked token, and from those to the figures of metrics.json.

Per masked entity it keeps the loss and the rank (1 + the entities that score higher), per masked word the loss and
whether it was the best; everything reported is a mean over a selection of these.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.evaluate.unigram import Unigram
from pipeline.model.luke import Luke
from pipeline.pretrain.objective import to_device
from pipeline.records import Batch

Figures = dict[str, float | None]
"""Name -> mean; None (null in metrics.json) where nothing was scored."""

TOP = 10
CHUNK = 256
"""Masked tokens whose logits are held at once: 512 MB at 500,000 entities."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One masked token each: original ids, losses in nats, ranks from 1."""

    labels: NDArray[np.int64]
    losses: NDArray[np.float64]
    ranks: NDArray[np.int64]

    @staticmethod
    def join(parts: list[Scores]) -> Scores:
        return Scores(
            np.concatenate([np.empty(0, np.int64), *(part.labels for part in parts)]),
            np.concatenate([np.empty(0), *(part.losses for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(part.ranks for part in parts)]),
        )

    def where(self, chosen: NDArray[np.bool_]) -> Scores:
        return Scores(self.labels[chosen], self.losses[chosen], self.ranks[chosen])


@torch.no_grad()
def score(model: Luke, batches: Iterable[Batch], device: torch.device) -> tuple[Scores, Scores]:
    """The masked words' and the masked entities' scores, without dropout."""
    model.eval()
    words, entities = [], []
    for batch in batches:
        on_device = to_device(batch, device)
        word_states, entity_states = model.encode(on_device)
        targets = word_states.flatten(0, 1)[on_device.word_targets]
        words += ranked(model.word_logits, targets, on_device.word_labels)
        targets = entity_states.flatten(0, 1)[on_device.entity_targets]
        if len(targets):
            entities += ranked(model.entity_logits, targets, on_device.entity_labels)
    return Scores.join(words), Scores.join(entities)


def ranked(head: object, states: torch.Tensor, labels: torch.Tensor) -> list[Scores]:
    """Loss and rank of each label under `head`, a chunk of positions at a time.

    Args:
        states: [K, H]; labels: [K].
    """
    assert callable(head)
    parts = []
    for start in range(0, len(labels), CHUNK):
        part = labels[start : start + CHUNK]
        logits = head(states[start : start + CHUNK]).double()
        right = logits.gather(1, part[:, None])
        losses = torch.logsumexp(logits, dim=1) - right[:, 0]
        ranks = 1 + (logits > right).sum(dim=1)
        parts.append(Scores(part.cpu().numpy(), losses.cpu().numpy(), ranks.cpu().numpy()))
    return parts


def word_figures(scores: Scores, unigram: Unigram) -> Figures:
    return {
        "word_loss": mean(scores.losses),
        "word_accuracy": mean(scores.ranks == 1),
        "unigram_word_loss": mean(unigram.losses(scores.labels)),
        "words_scored": len(scores.labels),
    }


def entity_figures(scores: Scores, unigram: Unigram, suffix: str = "") -> Figures:
    figures: Figures = {
        "entity_loss": mean(scores.losses),
        "entity_accuracy": mean(scores.ranks == 1),
        "entity_mrr": mean(1 / scores.ranks),
        f"entity_hits_at_{TOP}": mean(scores.ranks <= TOP),
        "unigram_entity_loss": mean(unigram.losses(scores.labels)),
        f"unigram_entity_hits_at_{TOP}": mean(unigram.hits(scores.labels, TOP)),
        "entities_scored": len(scores.labels),
    }
    return {name + suffix: value for name, value in figures.items()}


def train_figures(scores: Scores, unigram: Unigram) -> Figures:
    return {
        "train_entity_loss": mean(scores.losses),
        "train_unigram_entity_loss": mean(unigram.losses(scores.labels)),
        "train_entities_scored": len(scores.labels),
    }


def mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float | None:
    return float(np.mean(values)) if len(values) else None
