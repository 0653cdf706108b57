"""What a training is told. Steps and warm-up are never typed in: they follow from epochs and the dataset's size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pipeline.store.manifest import policy

Objective = Literal["batch_means", "micro_batch_means"]
Trains = Literal["entities", "everything"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskingConfig:
    """What is hidden from the model."""

    words: float
    """Share of the tokens of each Example to predict, in whole words."""
    entities: float
    """Share of the entities of each Example to predict, each replaced by [MASK]."""
    as_mask: float
    """Share of the chosen words replaced by `<mask>`."""
    as_random: float
    """Share of the chosen words replaced by random tokens; the rest stay as they are."""
    unknown_entities: bool
    """Whether [UNK] entities are chosen and scored too, as upstream did."""

    def __post_init__(self) -> None:
        for name in ("words", "entities"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"pretrain.masking.{name} is {getattr(self, name)}: a share between 0 and 1 is needed")
        if self.as_mask < 0 or self.as_random < 0 or self.as_mask + self.as_random > 1:
            raise ValueError("pretrain.masking.as_mask and as_random are shares of the chosen words: their sum is <= 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseConfig:
    """A stretch of training with an optimizer and a schedule of its own."""

    trains: Trains
    """`entities`: only what RoBERTa does not have (entity embeddings and head); `everything`: all weights."""
    epochs: float
    """Passes over the training Examples."""
    learning_rate: float
    """Peak, at the end of the warm-up; it falls linearly to zero."""
    warmup: float
    """Share of the phase's steps over which the learning rate rises linearly."""

    def __post_init__(self) -> None:
        if self.epochs <= 0 or self.learning_rate <= 0:
            raise ValueError("pretrain.phases: epochs and learning_rate must be positive")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"pretrain.phases: warmup is {self.warmup}, a share of the steps in [0, 1) is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """AdamW; no decay on biases and LayerNorm."""

    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    bias_correction: bool
    """Upstream's AdamW has none."""
    clip_norm: float | None
    """Largest norm of the whole gradient; null for no clipping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainConfig:
    """The stage pretrain; what is marked as policy may change between a run and its continuation."""

    start: str | None = field(metadata=policy())
    """RoBERTa or LUKE checkpoint in transformers' format, a folder or a name on the Hub; null: random weights. A LUKE's
    entities are copied by title. Its digest is recorded, not its path."""
    phases: dict[str, PhaseConfig]
    """In order; the key names the phase in metrics and checkpoints."""
    masking: MaskingConfig
    optimizer: OptimizerConfig
    batch: int
    """Examples per step, over all processes and micro-batches."""
    micro_batch_tokens: int = field(metadata=policy())
    """Words and entities per forward pass of one process, padding included, at most; a longer Example goes alone.
    Changes speed and memory, not the result."""
    objective: Objective
    """What is minimised. `batch_means`: the mean over the global batch's masked words plus that over its masked
    entities. `micro_batch_means`: upstream's, the mean over micro-batches and processes of each one's two means, which
    changes with `micro_batch_tokens` and the number of processes."""
    precision: Literal["no", "bf16"]
    """`bf16`: autocast over fp32 master weights."""
    compile: bool = field(metadata=policy())
    """torch.compile each layer: minutes at the start, faster steps on a GPU; rounding may differ in the last bits."""
    loader_workers: int = field(metadata=policy())
    """Processes beside each rank that prepare batches; 0: prepared between the steps."""
    checkpoints: int = field(metadata=policy())
    """Checkpoints written per phase, evenly spaced, the last at its end."""
    keep: int = field(metadata=policy())
    """How many of the newest checkpoints stay."""
    validations: int = field(metadata=policy())
    """Measurements on held-out Examples per phase, evenly spaced; 0: none."""
    validation_examples: int = field(metadata=policy())
    """Held-out Examples that such a measurement takes, at most."""
    log_every: int = field(metadata=policy())
    """Steps between two lines of metrics.jsonl."""
    wandb: Literal["disabled", "offline", "online"] = field(metadata=policy())
    """Whether metrics go to Weights & Biases too; metrics.jsonl is written always."""
    seed: int
    """Set by the top-level `seed`."""

    def __post_init__(self) -> None:
        if not self.phases:
            raise ValueError("pretrain.phases is empty: at least one phase is needed")
        for name in ("batch", "micro_batch_tokens", "checkpoints", "keep", "log_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"pretrain.{name} is {getattr(self, name)}: it must be at least 1")
        for name in ("loader_workers", "validations", "validation_examples"):
            if getattr(self, name) < 0:
                raise ValueError(f"pretrain.{name} is {getattr(self, name)}: it cannot be negative")
