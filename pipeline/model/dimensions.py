"""The sizes of a model and the constants of RoBERTa's family."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model.config import Attention, Backend

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
