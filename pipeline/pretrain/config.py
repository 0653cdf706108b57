"""Config of the pretrain stage.

Numbers of steps are never settings: they follow from the epochs, the warm-up ratio and the size of the dataset.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pipeline.store.manifest import not_fingerprinted

LossNormalization = Literal["global_batch", "micro_batch"]
Trains = Literal["entities", "everything"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskingConfig:
    """Masking of the words and entities that the model predicts."""

    words: float
    """Share of the tokens of each example to predict, chosen as whole words."""
    entities: float
    """Share of the entities of each example to predict. Each is replaced by [MASK]."""
    mask_replace_prob: float
    """Probability that a chosen word is replaced by `<mask>`."""
    random_replace_prob: float
    """Probability that a chosen word is replaced by random tokens. Otherwise it stays as it is."""
    unknown_entities: bool
    """Whether [UNK] entities are masked and predicted too, as upstream does."""
    hide_mentions: float
    """Probability that a masked entity's mention is hidden: all of its tokens are replaced by `<mask>`, and only the
    context is left to predict the entity from. Word masking still chooses the tokens to predict."""

    def __post_init__(self) -> None:
        for name in ("words", "entities"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: a share between 0 and 1, both excluded, is needed")
        for name in ("mask_replace_prob", "random_replace_prob", "hide_mentions"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}: a probability from 0 to 1 is needed")
        if self.mask_replace_prob + self.random_replace_prob > 1:
            raise ValueError(
                f"mask_replace_prob is {self.mask_replace_prob} and random_replace_prob is {self.random_replace_prob}: "
                "their sum can be at most 1"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseConfig:
    """A part of the training with its own optimizer state and learning-rate schedule."""

    trains: Trains
    """`entities`: only the weights that RoBERTa does not have (entity embeddings and head); `everything`: all."""
    epochs: float
    """Passes over the training examples."""
    learning_rate: float
    """Highest learning rate, reached at the end of the warm-up."""
    warmup_ratio: float
    """Share of the phase's steps during which the learning rate rises linearly."""
    decay_ratio: float | None = None
    """Share of the phase's last steps during which the learning rate falls linearly to zero; between warm-up and decay
    it stays at its peak. null: it falls from the end of the warm-up on, as published."""

    def __post_init__(self) -> None:
        for name in ("epochs", "learning_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be positive")
        if not 0 <= self.warmup_ratio < 1:
            raise ValueError(f"warmup_ratio is {self.warmup_ratio}: a share of the steps from 0 to below 1 is needed")
        if self.decay_ratio is not None and not 0 < self.decay_ratio <= 1 - self.warmup_ratio:
            raise ValueError(
                f"decay_ratio is {self.decay_ratio}: a share of the steps above 0 is needed that leaves room for "
                f"warmup_ratio ({self.warmup_ratio}), or null to decay from the end of the warm-up on"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """AdamW, without weight decay on biases and LayerNorm."""

    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    bias_correction: bool
    """Whether the moments are corrected for their start at zero. Upstream's AdamW does not."""
    clip_norm: float | None
    """Largest norm of the whole gradient; null for no clipping."""

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: a number from 0 to below 1 is needed")
        if self.epsilon <= 0:
            raise ValueError(f"epsilon is {self.epsilon}: it must be positive")
        if self.weight_decay < 0:
            raise ValueError(f"weight_decay is {self.weight_decay}: it cannot be negative")
        if self.clip_norm is not None and self.clip_norm <= 0:
            raise ValueError(f"clip_norm is {self.clip_norm}: it must be positive, or null for no clipping")


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainConfig:
    """The training of a model. Fields that are not fingerprinted can change when a run is resumed."""

    init_from: str | None = field(metadata=not_fingerprinted())
    """RoBERTa or LUKE checkpoint in transformers' format, as a folder or a Hub name; null: random weights. A LUKE's
    entities are copied by title. The manifest records the checkpoint's digest, not its path."""
    phases: dict[str, PhaseConfig]
    """Phases in order. The key names the phase in metrics and checkpoints."""
    masking: MaskingConfig
    optimizer: OptimizerConfig
    batch_size: int
    """Examples per step, over all processes and micro-batches."""
    micro_batch_tokens: int = field(metadata=not_fingerprinted())
    """Maximum number of tokens and entities per forward pass of one process, including padding. A longer example is a
    micro-batch by itself. Changes speed and memory, not the result."""
    loss_normalization: LossNormalization
    """Divisor of the summed losses. `global_batch`: the loss is the mean over the global batch's masked tokens
    plus the mean over its masked entities. `micro_batch`: upstream's loss, the average of these two means over
    micro-batches and processes; it depends on `micro_batch_tokens` and the number of processes."""
    precision: Literal["no", "bf16"]
    """`bf16`: autocast over fp32 master weights."""
    compile: bool = field(metadata=not_fingerprinted())
    """Whether torch.compile compiles each layer: minutes at the start, then faster steps on a GPU. Rounding may differ
    in the last bits."""
    loader_workers: int = field(metadata=not_fingerprinted())
    """Number of data loader processes of each rank; 0: batches are prepared between the steps."""
    checkpoints_per_phase: int = field(metadata=not_fingerprinted())
    """Number of checkpoints in each phase, evenly spaced, the last at its end."""
    keep_checkpoints: int = field(metadata=not_fingerprinted())
    """Number of newest checkpoints that are kept; older ones are deleted."""
    validations_per_phase: int = field(metadata=not_fingerprinted())
    """Number of measurements on held-out examples in each phase, evenly spaced; 0: none."""
    validation_examples: int = field(metadata=not_fingerprinted())
    """Maximum number of held-out examples per measurement."""
    log_every: int = field(metadata=not_fingerprinted())
    """Steps between two lines of metrics.jsonl."""
    wandb: Literal["disabled", "offline", "online"] = field(metadata=not_fingerprinted())
    """Mode of Weights & Biases, which gets the metrics in addition to metrics.jsonl."""
    seed: int
    """Seed of the training: the top-level `seed`."""

    def __post_init__(self) -> None:
        if not self.phases:
            raise ValueError("phases is empty: at least one phase is needed")
        for name in ("batch_size", "micro_batch_tokens", "checkpoints_per_phase", "keep_checkpoints", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        for name in ("loader_workers", "validations_per_phase", "validation_examples"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it cannot be negative")
