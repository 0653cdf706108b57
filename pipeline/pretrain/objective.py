"""The training loss, and sums from which losses and accuracies are averaged.

LUKE's loss is the mean over masked tokens plus the mean over masked entities. Micro-batches and ranks hold unequal
numbers of both, so the mean of their means is a different objective, which changes with the hardware. By default every
micro-batch contributes sums, and the divisors are the counts of the whole global batch. Upstream minimises the mean of
means; `loss_normalization=micro_batch` reproduces it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from pipeline.io.arrow import Int64Array
from pipeline.model.luke import Luke, Output
from pipeline.pretrain.config import LossNormalization
from pipeline.records import Batch

TALLY_FIELDS = ("word_loss", "word_hits", "words", "entity_loss", "entity_hits", "entities")


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over masked positions. They stay on the device, so adding them up does not wait for it."""

    sums: torch.Tensor
    """[6] float64, in the order of `TALLY_FIELDS`."""

    @staticmethod
    def zero(device: torch.device) -> Tally:
        """Return a tally whose sums are 0."""
        return Tally(torch.zeros(len(TALLY_FIELDS), dtype=torch.float64, device=device))

    @staticmethod
    def from_output(output: Output, batch: Batch[torch.Tensor]) -> Tally:
        """Return the tally of one batch."""
        sums = (
            output.word_loss_sum,
            output.word_hits,
            len(batch.word_targets),
            output.entity_loss_sum,
            output.entity_hits,
            len(batch.entity_targets),
        )
        device = output.word_loss_sum.device
        return Tally(torch.stack([torch.as_tensor(value, device=device).detach().double() for value in sums]))

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.sums + other.sums)

    def metrics(self) -> dict[str, float]:
        """Return mean losses in nats, accuracies and counts; without a scored position, only the count 0."""
        values = dict(zip(TALLY_FIELDS, self.sums.tolist(), strict=True))
        result: dict[str, float] = {}
        for kind, count in (("word", "words"), ("entity", "entities")):
            scored = int(values[count])
            if scored:
                result[f"{kind}_loss"] = values[f"{kind}_loss"] / scored
                result[f"{kind}_accuracy"] = values[f"{kind}_hits"] / scored
            result[f"{count}_scored"] = scored
        return result


def loss_divisors(
    loss_normalization: LossNormalization, batch: Batch[Int64Array], *, words: int, entities: int, micro_batches: int
) -> tuple[int, int]:
    """Return the numbers by which a micro-batch's loss sums over words and over entities are divided.

    Args:
        loss_normalization: as `PretrainConfig.loss_normalization`.
        batch: the micro-batch.
        words, entities: masked positions in the whole global batch, over all ranks and micro-batches.
        micro_batches: number of micro-batches in the global batch, over all ranks.
    """
    if loss_normalization == "micro_batch":
        return len(batch.word_targets) * micro_batches, len(batch.entity_targets) * micro_batches
    return words, entities


def micro_batch_loss(output: Output, *, words: int, entities: int) -> torch.Tensor:
    """Return a micro-batch's part of the loss; without masked words (or entities) their term is 0.

    Args:
        words, entities: the `loss_divisors`.
    """
    return output.word_loss_sum / max(words, 1) + output.entity_loss_sum / max(entities, 1)


def to_device(batch: Batch[Int64Array], device: torch.device) -> Batch[torch.Tensor]:
    """Return the batch as tensors on `device`."""
    return batch.map(lambda array: torch.as_tensor(array).to(device, non_blocking=True))


@torch.no_grad()
def evaluate_tally(model: Luke, batches: Iterable[Batch[Int64Array]], device: torch.device) -> Tally:
    """Return the tally over `batches`, computed without dropout."""
    training = model.training
    model.eval()
    total = Tally.zero(device)
    for batch in batches:
        on_device = to_device(batch, device)
        total += Tally.from_output(model(on_device), on_device)
    model.train(training)
    return total
