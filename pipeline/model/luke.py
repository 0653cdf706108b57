"""LUKE: a RoBERTa that reads words and entities, with a masked-language-model head for each.

In comes a records.Batch of tensors (B documents, L words, E entities), out come sums over the masked positions.
Parameters have the names of transformers' LukeForMaskedLM, so export is a copy; a model with `entity_vocab_size` 0 has
no entity part and is a RoBERTa. Three things make it cheaper than the library's model, none of them changes a result:

- Between layers a batch is one matrix [B * L + B * E, H], words first: words and entities are contiguous in it, so
  dense layers run once and the two sides' own query matrices need no copies.
- An entity's position is the mean of its mention's rows of a position table, taken by `F.embedding_bag`; gathering
  padded mentions costs 32 times as much.
- The heads see masked positions alone, and past `logits_bytes` of logits they work in pieces.

Every parameter takes part in every loss, by a gradient of zero where a batch has no entity or no target: DDP may run
without find_unused_parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pipeline.model.attention import Side, Stream, attend
from pipeline.model.config import Attention, Backend
from pipeline.records import Batch

WORD_PAD = 1
"""RoBERTa's `<pad>`; positions of words count from WORD_PAD + 1, as in fairseq."""
ENTITY_PAD = 0
INIT_STD = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """All that is needed to make a Luke, its weights apart."""

    vocab_size: int
    """Words."""
    entity_vocab_size: int
    """Entities; 0 for a model of words only."""
    layers: int
    hidden: int
    heads: int
    intermediate: int
    max_positions: int
    """Rows of the position tables: two more than the longest sequence."""
    type_vocab_size: int
    """Rows of the token type tables; only row 0 is read."""
    layer_norm_eps: float
    entity_embedding: int
    attention: Attention
    dropout: float
    attention_dropout: float
    backend: Backend
    gradient_checkpointing: bool
    logits_bytes: int

    @property
    def entity_aware(self) -> bool:
        return self.attention == "entity_aware" and self.entity_vocab_size > 0


@dataclass(frozen=True, slots=True)
class Output:
    """Sums over the masked positions, 0-dimensional; to be divided by the counts of the whole batch."""

    word_loss_sum: Tensor
    """fp32: cross entropy in nats."""
    entity_loss_sum: Tensor
    word_correct: Tensor
    """int64: positions at which the label has the highest logit."""
    entity_correct: Tensor


class WordEmbeddings(nn.Module):
    """Word + position + type, normalised: [B, L] -> [B, L, H]."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(dims.vocab_size, dims.hidden, padding_idx=WORD_PAD)
        self.position_embeddings = nn.Embedding(dims.max_positions, dims.hidden, padding_idx=WORD_PAD)
        self.token_type_embeddings = nn.Embedding(dims.type_vocab_size, dims.hidden)
        self.LayerNorm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.dropout = dims.dropout

    def forward(self, word_ids: Tensor) -> Tensor:
        length = word_ids.size(1)
        first = WORD_PAD + 1
        if first + length > self.position_embeddings.num_embeddings:
            raise ValueError(f"{length} words, but the model has {self.position_embeddings.num_embeddings} positions")
        embedded = self.word_embeddings(word_ids)
        embedded = embedded + self.position_embeddings.weight[first : first + length]
        embedded = self.LayerNorm(embedded + self.token_type_embeddings.weight[0])
        return F.dropout(embedded, self.dropout, self.training)


class EntityEmbeddings(nn.Module):
    """Entity, projected up, + mean position of its mention + type, normalised: [B, E] -> [B, E, H].

    The position table is indexed by the word's place in the sequence, with no offset: 0 is `<s>`.
    """

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.entity_embeddings = nn.Embedding(dims.entity_vocab_size, dims.entity_embedding, padding_idx=ENTITY_PAD)
        self.entity_embedding_dense = (
            nn.Identity()
            if dims.entity_embedding == dims.hidden
            else nn.Linear(dims.entity_embedding, dims.hidden, bias=False)
        )
        self.position_embeddings = nn.Embedding(dims.max_positions, dims.hidden)
        self.token_type_embeddings = nn.Embedding(dims.type_vocab_size, dims.hidden)
        self.LayerNorm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.dropout = dims.dropout

    def forward(self, entity_ids: Tensor, mention_positions: Tensor, mention_offsets: Tensor) -> Tensor:
        embedded = self.entity_embedding_dense(self.entity_embeddings(entity_ids))
        table = self.position_embeddings.weight
        positions = F.embedding_bag(mention_positions, table, mention_offsets, mode="mean")  # [B * E, H]
        embedded = embedded + positions.view(*entity_ids.shape, -1) + self.token_type_embeddings.weight[0]
        return F.dropout(self.LayerNorm(embedded), self.dropout, self.training)


class SelfAttention(nn.Module):
    """Projections and attention: [B * (L + E), H] -> [B * (L + E), H]."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.query = nn.Linear(dims.hidden, dims.hidden)
        self.key = nn.Linear(dims.hidden, dims.hidden)
        self.value = nn.Linear(dims.hidden, dims.hidden)
        if dims.entity_aware:
            self.w2e_query = nn.Linear(dims.hidden, dims.hidden)
            self.e2w_query = nn.Linear(dims.hidden, dims.hidden)
            self.e2e_query = nn.Linear(dims.hidden, dims.hidden)
        self.dims = dims

    def forward(self, hidden: Tensor, sides: list[Side]) -> Tensor:
        counts = [len(side.lengths) * side.size for side in sides]
        keys, values = torch.split(self.key(hidden), counts), torch.split(self.value(hidden), counts)
        if self.dims.entity_aware and len(sides) == 2:
            words, entities = torch.split(hidden, counts)
            queries = [
                (self.query(words), self.w2e_query(words)),
                (self.e2w_query(entities), self.e2e_query(entities)),
            ]
        else:
            queries = [(query, query) for query in torch.split(self.query(hidden), counts)]
        streams = [self.stream(*rest) for rest in zip(sides, queries, keys, values, strict=True)]
        for_words, for_entities = attend(
            streams[0],
            streams[1] if len(streams) == 2 else None,
            dropout_p=self.dims.attention_dropout if self.training else 0.0,
            backend=self.dims.backend,
        )
        outputs = [output.flatten(0, 1).flatten(1) for output in (for_words, for_entities) if output is not None]
        return torch.cat(outputs) if len(outputs) == 2 else outputs[0]

    def stream(self, side: Side, queries: tuple[Tensor, Tensor], key: Tensor, value: Tensor) -> Stream:
        shape = (len(side.lengths), side.size, self.dims.heads, -1)
        first = queries[0].view(shape)
        second = first if queries[1] is queries[0] else queries[1].view(shape)
        return Stream(side, first, second, key.view(shape), value.view(shape))


class Sublayer(nn.Module):
    """What closes attention and feed-forward alike: project, drop, add what came in, normalise."""

    def __init__(self, width: int, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(width, dims.hidden)
        self.LayerNorm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.dropout = dims.dropout

    def forward(self, inner: Tensor, outer: Tensor) -> Tensor:
        dropped = F.dropout(self.dense(inner), self.dropout, self.training)
        normalised: Tensor = self.LayerNorm(dropped + outer)
        return normalised


class AttentionLayer(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.self = SelfAttention(dims)
        self.output = Sublayer(dims.hidden, dims)

    def forward(self, hidden: Tensor, sides: list[Side]) -> Tensor:
        attended: Tensor = self.output(self.self(hidden, sides), hidden)
        return attended


class Intermediate(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.intermediate)

    def forward(self, hidden: Tensor) -> Tensor:
        return F.gelu(self.dense(hidden))


class Layer(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.attention = AttentionLayer(dims)
        self.intermediate = Intermediate(dims)
        self.output = Sublayer(dims.intermediate, dims)

    def forward(self, hidden: Tensor, sides: list[Side]) -> Tensor:
        attended = self.attention(hidden, sides)
        result: Tensor = self.output(self.intermediate(attended), attended)
        return result


class Encoder(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(dims) for _ in range(dims.layers))
        self.gradient_checkpointing = dims.gradient_checkpointing

    def forward(self, hidden: Tensor, sides: list[Side]) -> Tensor:
        for layer in self.layer:
            if self.gradient_checkpointing and self.training:
                hidden = checkpoint(layer, hidden, sides, use_reentrant=False)
            else:
                hidden = layer(hidden, sides)
        return hidden


class Body(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.embeddings = WordEmbeddings(dims)
        if dims.entity_vocab_size:
            self.entity_embeddings = EntityEmbeddings(dims)
        self.encoder = Encoder(dims)

    def forward(self, batch: Batch) -> Tensor:
        """[B * L + B * E, H]: all words, then all entities."""
        hidden = self.embeddings(batch.word_ids).flatten(0, 1)
        sides = [Side.of(batch.word_lengths, batch.word_ids.size(1))]
        if has_entities(batch):
            entities = self.entity_embeddings(batch.entity_ids, batch.mention_positions, batch.mention_offsets)
            hidden = torch.cat([hidden, entities.flatten(0, 1)])
            sides.append(Side.of(batch.entity_lengths, batch.entity_ids.size(1)))
        encoded: Tensor = self.encoder(hidden, sides)
        return encoded


class WordHead(nn.Module):
    """Its decoder is the word embeddings."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.hidden)
        self.layer_norm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.bias = nn.Parameter(torch.empty(dims.vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        features: Tensor = self.layer_norm(F.gelu(self.dense(hidden)))
        return features


class EntityTransform(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.entity_embedding)
        self.LayerNorm = nn.LayerNorm(dims.entity_embedding, eps=dims.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        features: Tensor = self.LayerNorm(F.gelu(self.dense(hidden)))
        return features


class EntityHead(nn.Module):
    """Its decoder is the entity embeddings."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.transform = EntityTransform(dims)
        self.bias = nn.Parameter(torch.empty(dims.entity_vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        features: Tensor = self.transform(hidden)
        return features


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
        hidden = self.luke(batch)
        features = self.lm_head(hidden.index_select(0, batch.word_targets))
        word_loss, word_correct = self.decoded(
            features, self.luke.embeddings.word_embeddings.weight, self.lm_head.bias, batch.word_labels
        )
        if not self.dimensions.entity_vocab_size:
            return Output(word_loss, torch.zeros_like(word_loss), word_correct, torch.zeros_like(word_correct))
        features = self.entity_predictions(hidden.index_select(0, batch.entity_targets + batch.word_ids.numel()))
        entity_loss, entity_correct = self.decoded(
            features,
            self.luke.entity_embeddings.entity_embeddings.weight,
            self.entity_predictions.bias,
            batch.entity_labels,
        )
        if not has_entities(batch):
            entity_loss = entity_loss + self.idle()
        return Output(word_loss, entity_loss, word_correct, entity_correct)

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The last layer's output: words [B, L, H], entities [B, E, H]."""
        hidden: Tensor = self.luke(batch)
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

    def decoded(self, features: Tensor, decoder: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and hits of M positions: features [M, d], decoder [V, d], bias [V], labels [M]."""
        rows = max(1, self.dimensions.logits_bytes // (4 * len(decoder)))
        if len(labels) <= rows:
            return loss_and_hits(features, decoder, bias, labels)
        pieces = [
            checkpoint(loss_and_hits, some, decoder, bias, of_them, use_reentrant=False, preserve_rng_state=False)
            for some, of_them in zip(torch.split(features, rows), torch.split(labels, rows), strict=True)
        ]
        losses, hits = zip(*pieces, strict=True)
        return torch.stack(losses).sum(), torch.stack(hits).sum()

    def idle(self) -> Tensor:
        """0, with a gradient of 0 for the parameters that a batch without entities does not touch."""
        new = ("w2e_query", "e2w_query", "e2e_query", "entity_embeddings")
        parameters = [
            parameter
            for name, parameter in self.luke.named_parameters()
            if any(part in name.split(".") for part in new)
        ]
        return torch.stack([parameter.flatten()[:0].float().sum() for parameter in parameters]).sum()


def has_entities(batch: Batch) -> bool:
    return int(batch.entity_ids.size(1)) > 0


def loss_and_hits(features: Tensor, decoder: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Summed cross entropy in fp32 and the count of labels that have the highest logit."""
    logits = F.linear(features, decoder, bias)
    hits = (logits.detach().argmax(dim=-1) == labels).sum()
    wide = torch.promote_types(logits.dtype, torch.float32)
    return F.cross_entropy(logits.to(wide), labels, reduction="sum"), hits
