"""Score a model on masked batches: a loss, a rank and a first choice per masked position, and the means of them.

The rank of a label is 1 + the number of ids with a higher logit. Every reported value is a mean over a selection of the
losses and ranks.

The batches do not depend on the number of processes. Each process scores every n-th batch, and the scores are put back
in the order of the batches, so one process and several report the same figures. On CPUs they are equal to the bit if
the number of threads is equal too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray

from pipeline.io.arrow import BoolArray, Int64Array
from pipeline.model.luke import Luke
from pipeline.pretrain.objective import to_device
from pipeline.records import Batch

BatchSource = Callable[[int, int], Iterator[Batch[Int64Array]]]
"""(rank, ranks) -> the batches of one process: every `ranks`-th of a sequence that is the same for all."""
Figures = dict[str, float | None]
"""Name -> mean; None (null in metrics.json) if nothing was scored."""

TOP_K = 10
CHUNK_SIZE = 256
"""Number of masked positions whose logits are in memory at once: 1.5 GB with 500,000 entities, in both precisions."""


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

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, chosen: BoolArray | Int64Array) -> Scores:
        """Return the scores that a mask [K] or an array of indices chooses."""
        return Scores(self.labels[chosen], self.losses[chosen], self.ranks[chosen])

    def figures(self) -> Figures:
        """Return the means of entities."""
        return {
            "loss": mean_or_none(self.losses),
            "accuracy": mean_or_none(self.ranks == 1),
            "mrr": mean_or_none(1 / self.ranks),
            f"hits_at_{TOP_K}": mean_or_none(self.ranks <= TOP_K),
        }

    def word_figures(self) -> Figures:
        """Return the means of words."""
        loss = mean_or_none(self.losses)
        perplexity = None if loss is None else float(np.exp(loss))
        return {"loss": loss, "perplexity": perplexity, "accuracy": mean_or_none(self.ranks == 1)}


@dataclass(frozen=True, slots=True)
class ModelScores:
    """A model's scores on some batches, in the order of the batches and of their targets."""

    words: Scores
    entities: Scores
    choices: Int64Array
    """[K] the entity with the highest logit at each masked entity."""

    @staticmethod
    def join(parts: list[ModelScores]) -> ModelScores:
        """Concatenate scores."""
        return ModelScores(
            Scores.join([part.words for part in parts]),
            Scores.join([part.entities for part in parts]),
            np.concatenate([np.empty(0, np.int64), *(part.choices for part in parts)]),
        )

    def select_entities(self, chosen: Int64Array) -> ModelScores:
        """Return the same scores of words, and the scores of entities at the indices `chosen`."""
        return ModelScores(self.words, self.entities.select(chosen), self.choices[chosen])


def score_on_all_processes(model: Luke, batches: BatchSource, accelerator: Accelerator) -> ModelScores:
    """Return the scores of all batches, on every process. All processes must call this.

    Args:
        model: on the process's device.
        batches: the batches of a process, given its rank and the number of ranks.
        accelerator: knows the processes.
    """
    rank, ranks = accelerator.process_index, accelerator.num_processes
    own = score_batches(model, batches(rank, ranks), accelerator.device)
    numbered = gather_object([(rank + ranks * turn, scores) for turn, scores in enumerate(own)])
    return ModelScores.join([scores for _, scores in sorted(numbered, key=lambda pair: pair[0])])


@torch.no_grad()
def score_batches(model: Luke, batches: Iterable[Batch[Int64Array]], device: torch.device) -> list[ModelScores]:
    """Return the scores of the masked words and of the masked entities of each batch, computed without dropout."""
    model.eval()
    results = []
    for batch in batches:
        if not len(batch.word_targets) and not len(batch.entity_targets):
            results.append(ModelScores.join([]))
            continue
        on_device = to_device(batch, device)
        word_states, entity_states = model.encode(on_device)
        words, _ = rank_labels(
            model.word_logits, word_states.flatten(0, 1)[on_device.word_targets], on_device.word_labels
        )
        entities, choices = Scores.join([]), np.empty(0, np.int64)
        if len(batch.entity_targets):
            states = entity_states.flatten(0, 1)[on_device.entity_targets]
            entities, choices = rank_labels(model.entity_logits, states, on_device.entity_labels)
        results.append(ModelScores(words, entities, choices))
    return results


def rank_labels(
    head: Callable[[torch.Tensor], torch.Tensor], states: torch.Tensor, labels: torch.Tensor
) -> tuple[Scores, Int64Array]:
    """Return loss and rank of each label, and the id with the highest logit, in chunks of positions.

    Args:
        head: [K, H] hidden states -> [K, V] logits.
        states: [K, H].
        labels: [K].
    """
    parts, choices = [], [np.empty(0, np.int64)]
    for start in range(0, len(labels), CHUNK_SIZE):
        part = labels[start : start + CHUNK_SIZE]
        logits = head(states[start : start + CHUNK_SIZE]).double()
        label_logits = logits.gather(1, part[:, None])
        losses = torch.logsumexp(logits, dim=1) - label_logits[:, 0]
        ranks = 1 + (logits > label_logits).sum(dim=1)
        parts.append(Scores(part.cpu().numpy(), losses.cpu().numpy(), ranks.cpu().numpy()))
        choices.append(logits.argmax(dim=1).cpu().numpy())
    return Scores.join(parts), np.concatenate(choices)


def mean_or_none(values: NDArray[np.float64] | BoolArray) -> float | None:
    """Return the mean, or None if there are no values."""
    return float(np.mean(values)) if len(values) else None
