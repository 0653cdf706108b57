"""Config of the model: the config group `model`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Attention = Literal["entity_aware", "vanilla"]
Backend = Literal["auto", "reference", "split", "sdpa"]
AttentionInit = Literal["random", "local"]
EntityInit = Literal["random", "positions", "titles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyConfig:
    """Sizes of a model with random weights, by transformers' names."""

    num_hidden_layers: int
    """Transformer layers."""
    hidden_size: int
    """Width of the residual stream."""
    num_attention_heads: int
    """Attention heads; `hidden_size` must be a multiple."""
    intermediate_size: int
    """Width of the feed-forward layers."""
    initializer_range: float
    """Standard deviation of the initial weights. RoBERTa has 0.02 at a width of 768; a narrower body needs more
    (0.02 * sqrt(768 / hidden_size) keeps the size of the attention scores), because its attention would otherwise start
    almost uniform and stay so for many steps."""
    attention_init: AttentionInit
    """random: normal draws, as RoBERTa's. local: half of the heads attend to their own position and its neighbours from
    the first step; a small model otherwise spends most of its steps on learning this."""

    def __post_init__(self) -> None:
        for name in ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        if self.initializer_range <= 0:
            raise ValueError(f"initializer_range is {self.initializer_range}: it must be positive")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size is {self.hidden_size}: it must be a multiple of num_attention_heads, which is "
                f"{self.num_attention_heads}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """LUKE, or with `entities: false` a RoBERTa."""

    attention: Attention
    """entity_aware: a separate query matrix for each pair (word, entity) x (word, entity); vanilla: one for all."""
    backend: Backend
    """Implementation of attention. All give the same result. auto: the fastest for the device, dtype and dropout."""
    body: BodyConfig | None
    """Sizes of a model with random weights; null: those of the checkpoint that `pretrain.init_from` names."""
    entities: bool
    """Whether the model has entities; false: words only, a plain RoBERTa."""
    entity_emb_size: int
    """Width of the entity embeddings, which are projected up to the hidden size, and back down before the entity
    decoder. A model that starts from a LUKE needs that LUKE's width."""
    entity_init: EntityInit
    """Initial values of the entity parts of a model that starts from a RoBERTa. random: normal draws, as published.
    positions: the entity position table is the words' table, with its norm. titles: in addition each entity is the mean
    of its title's tokens, [MASK] is `<mask>` and the entity head is the word head; `entity_emb_size` must be the body's
    width."""
    dropout: float
    """Dropout during training on the embeddings and on the output of each sublayer."""
    attention_dropout: float
    """Dropout during training on the attention weights."""
    gradient_checkpointing: bool
    """Whether only each layer's input is kept and the layer is computed again in the backward pass: less memory, a
    third slower."""
    max_logits_bytes: int
    """Size of the fp32 logits above which a head computes them in pieces, and again in the backward pass."""

    def __post_init__(self) -> None:
        for name in ("dropout", "attention_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}: a number from 0 to below 1 is needed")
        for name in ("entity_emb_size", "max_logits_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        if self.entities and self.attention == "entity_aware" and self.backend == "sdpa":
            raise ValueError(
                "backend is sdpa, which has one query per token, but entity_aware attention needs two: "
                "set model.backend=auto or model.attention=vanilla"
            )
