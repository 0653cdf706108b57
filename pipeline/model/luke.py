"""LUKE: a RoBERTa that reads words and entities, with a masked-language-model head for each.

The input is a records.Batch of tensors (B documents of L tokens and E entities), the output sums over the masked
positions. Parameters have the names of transformers' LukeForMaskedLM, so exporting copies them. A model with
`entity_vocab_size` 0 has no entity parts and is a RoBERTa. Compared with transformers' model it computes the same
results at lower cost:

- Attention scores are not materialised (attention.py).
- The heads, and the last layer after its attention, compute masked positions only.
- Logits are held once, and computed in chunks if they exceed `logits_bytes` (heads.py).
- A table has one dense gradient for its two uses, as embedding and as decoder (embeddings.py).

Every parameter takes part in every loss; if a batch has no entity or no target, the gradient of the unused parameters
is 0. So DDP runs without find_unused_parameters, and all processes of FSDP2 reduce the same gradients.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.model.dimensions import INIT_STD, Dimensions
from pipeline.model.embeddings import EntityEmbeddings, WordEmbeddings
from pipeline.model.encoder import Encoder, zero_with_gradient
from pipeline.model.heads import EntityHead, WordHead, loss_and_hits
from pipeline.model.sequences import Positions
from pipeline.records import Batch

ENTITY_PARTS = ("luke.entity_embeddings.", "entity_predictions.")
"""Prefixes of the parameters that a RoBERTa does not have (luke#41). The entity-aware queries are not among them: they
start as copies of RoBERTa's queries and are trained with the body."""


@dataclass(frozen=True, slots=True)
class Output:
    """Sums over the masked positions, 0-dimensional; the caller divides them by the counts of the whole batch."""

    word_loss_sum: Tensor
    """fp32: cross entropy in nats."""
    entity_loss_sum: Tensor
    word_hits: Tensor
    """int64: number of positions at which the label has the highest logit."""
    entity_hits: Tensor


@dataclass(frozen=True, slots=True)
class Encoded:
    """The body's output, and the tables that the heads use as decoders."""

    hidden: Tensor
    """[B * L + B * E, H]: all words, then all entities; or only the requested rows [M, H]."""
    word_table: Tensor
    """[vocab_size, H]: the word embeddings."""
    entity_table: Tensor | None
    """[entity_vocab_size, entity_embedding]: the entity embeddings; None for a words-only model."""


def is_entity_parameter(name: str) -> bool:
    """Whether the parameter of Luke with this name belongs to the entity parts: embeddings and head."""
    return name.startswith(ENTITY_PARTS)


class Body(nn.Module):
    """Embeddings and encoder."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.embeddings = WordEmbeddings(dims)
        self.reads_entities = dims.entity_vocab_size > 0
        if self.reads_entities:
            self.entity_embeddings = EntityEmbeddings(dims)
        self.encoder = Encoder(dims)

    def forward(self, batch: Batch[Tensor], rows: Tensor | None = None) -> Encoded:
        """Encode all positions, or only `rows` [M], indices into all words followed by all entities."""
        words, word_table = self.embeddings(batch.word_ids)
        hidden = words.flatten(0, 1)
        positions = [Positions.from_lengths(batch.word_lengths, batch.word_ids.size(1))]
        entity_table = self.entity_embeddings.entity_embeddings.weight if self.reads_entities else None
        if has_entities(batch):
            entities, entity_table = self.entity_embeddings(
                batch.entity_ids, batch.mention_positions, batch.mention_offsets
            )
            hidden = torch.cat([hidden, entities.flatten(0, 1)])
            positions.append(Positions.from_lengths(batch.entity_lengths, batch.entity_ids.size(1)))
        elif self.reads_entities:
            hidden = hidden + zero_with_gradient(self.entity_embeddings)
        return Encoded(self.encoder(hidden, positions, rows), word_table, entity_table)


class Luke(nn.Module):
    """LUKE, or a RoBERTa; its weights are undefined until `reset_parameters` or a load (see weights.py)."""

    def __init__(self, dimensions: Dimensions) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.luke = Body(dimensions)
        self.lm_head = WordHead(dimensions)
        if dimensions.entity_vocab_size:
            self.entity_predictions = EntityHead(dimensions)

    @torch.no_grad()
    def reset_parameters(self, generator: torch.Generator, std: float = INIT_STD) -> None:
        """Draw matrices and tables from N(0, std^2); set biases and padding rows to 0 and LayerNorm to the identity."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                module.weight.normal_(0.0, std, generator=generator)
            elif isinstance(module, nn.LayerNorm):
                module.weight.fill_(1.0)
            if isinstance(getattr(module, "bias", None), nn.Parameter):
                module.bias.zero_()  # type: ignore[operator]
            if isinstance(module, nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx].zero_()

    def forward(self, batch: Batch[Tensor]) -> Output:
        """Return losses and hits at the batch's targets; all are 0 without targets."""
        words = batch.word_ids.numel()
        encoded: Encoded = self.luke(batch, torch.cat([batch.word_targets, batch.entity_targets + words]))
        for_words, for_entities = torch.split(encoded.hidden, [len(batch.word_targets), len(batch.entity_targets)])
        limit = self.dimensions.logits_bytes
        word_loss, word_hits = loss_and_hits(
            self.lm_head(for_words), encoded.word_table, self.lm_head.bias, batch.word_labels, logits_bytes=limit
        )
        if encoded.entity_table is None:
            return Output(word_loss, torch.zeros_like(word_loss), word_hits, torch.zeros_like(word_hits))
        head = self.entity_predictions
        entity_loss, entity_hits = loss_and_hits(
            head(for_entities), encoded.entity_table, head.bias, batch.entity_labels, logits_bytes=limit
        )
        return Output(word_loss, entity_loss, word_hits, entity_hits)

    def encode(self, batch: Batch[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the last layer's output: words [B, L, H], entities [B, E, H]."""
        hidden = self.luke(batch).hidden
        words, entities = torch.split(hidden, [batch.word_ids.numel(), len(hidden) - batch.word_ids.numel()])
        return (
            words.view(*batch.word_ids.shape, -1),
            entities.view(len(batch.word_ids), -1 if len(entities) else 0, self.dimensions.hidden),
        )

    def word_logits(self, hidden: Tensor) -> Tensor:
        """Compute the logits [..., vocab_size] of words from hidden states [..., H]."""
        return F.linear(self.lm_head(hidden), self.luke.embeddings.word_embeddings.weight, self.lm_head.bias)

    def entity_logits(self, hidden: Tensor) -> Tensor:
        """Compute the logits [..., entity_vocab_size] of entities from hidden states [..., H]."""
        decoder = self.luke.entity_embeddings.entity_embeddings.weight
        return F.linear(self.entity_predictions(hidden), decoder, self.entity_predictions.bias)


def has_entities(batch: Batch[Tensor]) -> bool:
    """Whether the batch has entity positions, padded ones included."""
    return batch.entity_ids.size(1) > 0
