"""The two losses, summed before they are divided.

LUKE's loss is the mean over masked words plus the mean over masked entities. Micro-batches and ranks hold unequal
numbers of both, so a mean of their means is another objective, one that changes with the hardware. Here every
micro-batch gives sums, and the divisors are the counts of the whole global batch. Upstream's objective, that mean of
means, is there for those who want its numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from pipeline.model.luke import Luke, Output
from pipeline.pretrain.config import Objective
from pipeline.records import Batch

FIELDS = ("word_loss", "word_hits", "words", "entity_loss", "entity_hits", "entities")


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over masked positions, [6] in the order of `FIELDS`, on the device: added up without waiting for it."""

    sums: torch.Tensor

    @staticmethod
    def zero(device: torch.device) -> Tally:
        return Tally(torch.zeros(len(FIELDS), dtype=torch.float64, device=device))

    @staticmethod
    def of(output: Output, batch: Batch) -> Tally:
        sums = (
            output.word_loss_sum,
            output.word_correct,
            len(batch.word_targets),
            output.entity_loss_sum,
            output.entity_correct,
            len(batch.entity_targets),
        )
        device = output.word_loss_sum.device
        return Tally(torch.stack([torch.as_tensor(value, device=device).detach().double() for value in sums]))

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.sums + other.sums)

    def figures(self) -> dict[str, float]:
        """Losses in nats per masked token, accuracies, counts; an entity's keys only where one was scored."""
        values = dict(zip(FIELDS, self.sums.tolist(), strict=True))
        result: dict[str, float] = {}
        for kind, count in (("word", "words"), ("entity", "entities")):
            scored = int(values[count])
            if scored:
                result[f"{kind}_loss"] = values[f"{kind}_loss"] / scored
                result[f"{kind}_accuracy"] = values[f"{kind}_hits"] / scored
            result[f"{count}_scored"] = scored
        return result


def divisors(objective: Objective, batch: Batch, *, words: int, entities: int, micro_batches: int) -> tuple[int, int]:
    """What a micro-batch's sums over words and over entities are divided by.

    Args:
        words, entities: masked positions in the whole global batch, over all ranks and micro-batches.
        micro_batches: how many there are in the global batch, over all ranks.
    """
    if objective == "micro_batch_means":
        return len(batch.word_targets) * micro_batches, len(batch.entity_targets) * micro_batches
    return words, entities


def loss(output: Output, *, words: int, entities: int) -> torch.Tensor:
    """A micro-batch's part of the global batch's loss, by its `divisors`; a kind of which nothing is masked adds 0."""
    return output.word_loss_sum / max(words, 1) + output.entity_loss_sum / max(entities, 1)


def to_device(batch: Batch, device: torch.device) -> Batch:
    return batch.map(lambda array: torch.as_tensor(array).to(device, non_blocking=True))


@torch.no_grad()
def measured(model: Luke, batches: Iterable[Batch], device: torch.device) -> Tally:
    """The tally over `batches`, without dropout."""
    training = model.training
    model.eval()
    total = Tally.zero(device)
    for batch in batches:
        on_device = to_device(batch, device)
        total += Tally.of(model(on_device), on_device)
    model.train(training)
    return total
