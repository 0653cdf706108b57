"""LUKE: a RoBERTa that reads words and entities, with a masked-language-model head for each.

In comes a records.Batch of tensors (B documents, L words, E entities), out come sums over the masked positions.
Parameters have the names of transformers' LukeForMaskedLM, so export is a copy; a model with `entity_vocab_size` 0 has
no entity part and is a RoBERTa. What makes it cheaper than the library's model, without changing a result:

- No attention score is materialised (attention.py).
- The heads, and the last layer from its attention on, see masked positions alone.
- Logits are kept once, and past `logits_bytes` of them the heads work in pieces (heads.py).
- A table has one dense gradient for its two uses, as embedding and as decoder (embeddings.py).

Every parameter takes part in every loss, by a gradient of zero where a batch has no entity or no target: DDP may run
without find_unused_parameters, and FSDP2's processes scatter the same gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.model.dimensions import INIT_STD, Dimensions
from pipeline.model.embeddings import EntityEmbeddings, WordEmbeddings
from pipeline.model.encoder import Encoder, idle
from pipeline.model.heads import EntityHead, WordHead, loss_and_hits
from pipeline.model.sequences import Side
from pipeline.records import Batch


@dataclass(frozen=True, slots=True)
class Output:
    """Sums over the masked positions, 0-dimensional; to be divided by the counts of the whole batch."""

    word_loss_sum: Tensor
    """fp32: cross entropy in nats."""
    entity_loss_sum: Tensor
    word_correct: Tensor
    """int64: positions at which the label has the highest logit."""
    entity_correct: Tensor


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the body hands to the heads."""

    hidden: Tensor
    """[B * L + B * E, H]: all words, then all entities; or [M, H], the rows asked for."""
    word_table: Tensor
    """[vocab_size, H]: the word embeddings, to be read by the decoder."""
    entity_table: Tensor | None
    """[entity_vocab_size, entity_embedding]: the entities'; None for a model of words only."""


class Body(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.embeddings = WordEmbeddings(dims)
        self.knows_entities = dims.entity_vocab_size > 0
        if self.knows_entities:
            self.entity_embeddings = EntityEmbeddings(dims)
        self.encoder = Encoder(dims)

    def forward(self, batch: Batch, rows: Tensor | None = None) -> Encoded:
        """All positions, or only `rows` [M] of the words and entities of all documents, words first."""
        words, word_table = self.embeddings(batch.word_ids)
        hidden = words.flatten(0, 1)
        sides = [Side.of(batch.word_lengths, batch.word_ids.size(1))]
        entity_table = self.entity_embeddings.entity_embeddings.weight if self.knows_entities else None
        if has_entities(batch):
            entities, entity_table = self.entity_embeddings(
                batch.entity_ids, batch.mention_positions, batch.mention_offsets
            )
            hidden = torch.cat([hidden, entities.flatten(0, 1)])
            sides.append(Side.of(batch.entity_lengths, batch.entity_ids.size(1)))
        elif self.knows_entities:
            hidden = hidden + idle(self.entity_embeddings)
        return Encoded(self.encoder(hidden, sides, rows), word_table, entity_table)


class Luke(nn.Module):
    """The model; its weights are undefined until `reset_parameters` or a load (see weights.py)."""

    def __init__(self, dimensions: Dimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.luke = Body(dimensions)
        self.lm_head = WordHead(dimensions)
        if dimensions.entity_vocab_size:
            self.entity_predictions = EntityHead(dimensions)

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator, deviation: float = INIT_STD) -> None:
        """Matrices and tables normal with `deviation`, biases and padding rows 0, LayerNorm at identity."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                module.weight.normal_(0.0, deviation, generator=generator)
            elif isinstance(module, nn.LayerNorm):
                module.weight.fill_(1.0)
            if isinstance(getattr(module, "bias", None), nn.Parameter):
                module.bias.zero_()  # type: ignore[operator]
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx].zero_()

    def forward(self, batch: Batch) -> Output:
        """Losses and hits at the batch's targets; no target gives 0."""
        words = batch.word_ids.numel()
        encoded: Encoded = self.luke(batch, torch.cat([batch.word_targets, batch.entity_targets + words]))
        for_words, for_entities = torch.split(encoded.hidden, [len(batch.word_targets), len(batch.entity_targets)])
        memory = self.dimensions.logits_bytes
        word_loss, word_correct = loss_and_hits(
            self.lm_head(for_words), encoded.word_table, self.lm_head.bias, batch.word_labels, logits_bytes=memory
        )
        if encoded.entity_table is None:
            return Output(word_loss, torch.zeros_like(word_loss), word_correct, torch.zeros_like(word_correct))
        head = self.entity_predictions
        entity_loss, entity_correct = loss_and_hits(
            head(for_entities), encoded.entity_table, head.bias, batch.entity_labels, logits_bytes=memory
        )
        return Output(word_loss, entity_loss, word_correct, entity_correct)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The last layer's output: words [B, L, H], entities [B, E, H]."""
        hidden = self.luke(batch).hidden
        words, entities = torch.split(hidden, [batch.word_ids.numel(), len(hidden) - batch.word_ids.numel()])
        return (
            words.view(*batch.word_ids.shape, -1),
            entities.view(len(batch.word_ids), -1 if len(entities) else 0, self.dimensions.hidden),
        )

    def word_logits(self, hidden: Tensor) -> Tensor:
        """[..., H] of any positions -> [..., vocab_size]."""
        return F.linear(self.lm_head(hidden), self.luke.embeddings.word_embeddings.weight, self.lm_head.bias)

    def entity_logits(self, hidden: Tensor) -> Tensor:
        """[..., H] of any positions -> [..., entity_vocab_size]."""
        decoder = self.luke.entity_embeddings.entity_embeddings.weight
        return F.linear(self.entity_predictions(hidden), decoder, self.entity_predictions.bias)


def has_entities(batch: Batch) -> bool:
    return int(batch.entity_ids.size(1)) > 0
