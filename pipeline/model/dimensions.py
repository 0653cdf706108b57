"""The sizes of a model, and the constants of the RoBERTa family."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model.config import Attention, Backend
from pipeline.vocab import entities, specials

WORD_PAD = specials.PAD_ID
"""Id of `<pad>`; the first token reads row WORD_PAD + 1 of the position table, as in fairseq."""
ENTITY_PAD = entities.PAD
"""Id of [PAD]."""
INIT_STD = 0.02
"""RoBERTa's standard deviation of initial weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimensions:
    """The sizes and settings of a Luke without its weights; saved as dimensions.json next to them."""

    vocab_size: int
    """Number of tokens."""
    entity_vocab_size: int
    """Number of entities; 0 for a words-only model."""
    layers: int
    hidden: int
    """H, the width of the hidden states."""
    heads: int
    intermediate: int
    """Width of the feed-forward layer."""
    max_positions: int
    """Rows of the position tables: two more than the longest sequence."""
    type_vocab_size: int
    """Rows of the token type tables; only row 0 is read."""
    layer_norm_eps: float
    entity_embedding: int
    """Width of the entity embeddings."""
    attention: Attention
    dropout: float
    attention_dropout: float
    backend: Backend
    gradient_checkpointing: bool
    logits_bytes: int

    @property
    def entity_aware(self) -> bool:
        """Whether the model has entity-aware queries."""
        return self.attention == "entity_aware" and self.entity_vocab_size > 0
