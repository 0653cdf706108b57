"""Config of the evaluate stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.pretrain.config import MaskingConfig
from pipeline.store.manifest import not_fingerprinted


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """The evaluation of a trained model."""

    masking: MaskingConfig
    """Masking of the measured examples: the published shares, so that figures can be compared."""
    entities: bool
    """Whether the model has entities."""
    train_examples: int
    """Training examples that are measured too, with masks that the training never used."""
    micro_batch_tokens: int = field(metadata=not_fingerprinted())
    """Maximum number of tokens and entities per forward pass, including padding."""
    seed: int
    """Seed of the masks and of the choice of training examples. It differs from the training's, so the masks do too."""

    def __post_init__(self) -> None:
        if self.train_examples < 0:
            raise ValueError(f"train_examples is {self.train_examples}: it cannot be negative")
        if self.micro_batch_tokens < 1:
            raise ValueError(f"micro_batch_tokens is {self.micro_batch_tokens}: at least 1 is needed")
