"""What the evaluation is told."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.pretrain.config import MaskingConfig
from pipeline.store.manifest import policy


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """The stage evaluate."""

    masking: MaskingConfig
    """What is hidden; the published shares, so that figures compare."""
    entities: bool
    """False for a words-only model."""
    train_examples: int
    """Training Examples that are measured too, masked as the training never masked them."""
    micro_batch_tokens: int = field(metadata=policy())
    """Words and entities per forward pass, padding included, at most."""
    seed: int
    """Of the masks and of the choice of training Examples; not the training's seed, so the masks are fresh."""
