"""Config of the evaluate stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.pretrain.config import MaskingConfig
from pipeline.store.manifest import not_fingerprinted


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """The evaluation of a trained model."""

    name: str = field(metadata=not_fingerprinted())
    """Variant of the folder: evaluate-<name>; "" is the plain one. Another dataset or model needs a name of its own."""
    masking: MaskingConfig
    """Masking of the measured examples: the published shares, so that figures can be compared."""
    entities: bool
    """Whether the model has entities."""
    dataset: str | None = field(metadata=not_fingerprinted())  # its fingerprint is a parent
    """Folder of another finished dataset with the run's tokenizer and entities, whose held-out pages are scored; null:
    the run's own."""
    model: str | None = field(metadata=not_fingerprinted())  # its fingerprint is a parent
    """Folder of another model to score, with the run's tokenizer and titles: a run's model/, an export, or a released
    LUKE; null: the run's own."""
    train_examples: int
    """Training examples that are measured too, with masks that the training never used."""
    moved_mentions: int
    """Maximum number of mentions in the probe that moves mentions into other contexts."""
    rival_examples: int
    """Maximum number of training examples on which naive Bayes and the bigram model are fitted."""
    bag_passes: int
    """How often the rival `mention_bag` sees each training mention; 0: there is no such rival."""
    checkpoints: bool
    """Whether every checkpoint that the run has kept is scored too, and drawn as a curve."""
    runs: tuple[str, ...] = field(metadata=not_fingerprinted())
    """Runs whose finished evaluations are printed side by side; if any is named, nothing is evaluated."""
    micro_batch_tokens: int = field(metadata=not_fingerprinted())
    """Maximum number of tokens and entities per forward pass, including padding."""
    seed: int
    """Seed of the masks and of the choice of training examples. It differs from the training's, so the masks do too."""

    def __post_init__(self) -> None:
        for name in ("train_examples", "moved_mentions", "bag_passes"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}: it cannot be negative")
        for name in ("rival_examples", "micro_batch_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        if self.masking.hide_mentions:
            raise ValueError(
                f"masking.hide_mentions is {self.masking.hide_mentions}: it must be 0, because the evaluation scores "
                "every example with visible and with hidden mentions"
            )
        if self.checkpoints and self.model is not None:
            raise ValueError(f"checkpoints is true, but model is {self.model}, and only the run itself has checkpoints")
        if len(set(self.runs)) < len(self.runs):
            raise ValueError(f"runs is [{', '.join(self.runs)}]: it names a run twice")
