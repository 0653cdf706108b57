"""What a model is made of, beside its weights: the config group `model`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Attention = Literal["entity_aware", "vanilla"]
Backend = Literal["auto", "reference", "split", "sdpa"]
AttentionStart = Literal["random", "local"]
EntityStart = Literal["random", "positions", "titles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyConfig:
    """The sizes of a model made from nothing; one that starts from a checkpoint has the checkpoint's."""

    layers: int
    """Transformer layers."""
    hidden: int
    """Width of the residual stream."""
    heads: int
    """Attention heads; `hidden` is a multiple of it."""
    intermediate: int
    """Width of the feed-forward part."""
    deviation: float
    """Standard deviation of the initial weights: RoBERTa's 0.02 at a width of 768, more for a narrower body, in which
    attention would else start all but uniform and stay so for long (0.02 * sqrt(768 / hidden) keeps its scores)."""
    attention_start: AttentionStart
    """random: normal draws, as RoBERTa's; local: half of the heads see their own place and its neighbours from the
    first step on, which a small model else spends most of its steps to find."""

    def __post_init__(self) -> None:
        for name in ("layers", "hidden", "heads", "intermediate"):
            if getattr(self, name) < 1:
                raise ValueError(f"model.body.{name} is {getattr(self, name)}: at least 1 is needed")
        if self.deviation <= 0:
            raise ValueError(f"model.body.deviation is {self.deviation}: it must be positive")
        if self.hidden % self.heads:
            raise ValueError(f"model.body.hidden ({self.hidden}) is no multiple of model.body.heads ({self.heads})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """LUKE, or with `entities: false` the RoBERTa that it starts from."""

    attention: Attention
    """entity_aware: a query matrix of its own for each pair (word, entity) x (word, entity); vanilla: one for all."""
    backend: Backend
    """How attention is computed; all give the same result. auto: the fastest for the device, dtype and dropout."""
    body: BodyConfig | None
    """Sizes of a model made from nothing; null: those of the checkpoint it starts from."""
    entities: bool
    """false: words only, a plain RoBERTa."""
    entity_embedding: int
    """Width of the entity embeddings, projected up to the hidden size and back down before the entity decoder; that of
    the LUKE it starts from, if it starts from one."""
    entity_start: EntityStart
    """What the entity parts start as beside a RoBERTa. random: normal draws, as published; positions: their position
    table as the words', with its norm; titles: also each entity as its title's mean word, [MASK] as `<mask>` and the
    head as the words', for which `entity_embedding` must be the body's width."""
    dropout: float
    """On the embeddings and on what each sublayer adds, while training."""
    attention_dropout: float
    """On the attention's weights, while training."""
    gradient_checkpointing: bool
    """Keep each layer's input alone and compute the layer again in the backward pass: less memory, a third slower."""
    logits_bytes: int
    """A head whose fp32 logits would take more bytes computes them in pieces, again in the backward pass."""

    def __post_init__(self) -> None:
        for name in ("dropout", "attention_dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"model.{name} is {getattr(self, name)}: it must lie in [0, 1)")
        if self.entity_embedding < 1:
            raise ValueError(f"model.entity_embedding is {self.entity_embedding}: at least 1 is needed")
        if self.logits_bytes < 1:
            raise ValueError(f"model.logits_bytes is {self.logits_bytes}: at least 1 is needed")
        if self.entities and self.attention == "entity_aware" and self.backend == "sdpa":
            raise ValueError(
                "model.backend=sdpa has one query a token, model.attention=entity_aware two: "
                "take model.backend=auto or model.attention=vanilla"
            )
