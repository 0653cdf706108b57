"""What the dataset stage can be told; the values live in configs/dataset/."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pipeline.holdout import check_share
from pipeline.store.manifest import policy


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetConfig:
    """The dataset stage. Lengths are in tokens."""

    name: str = field(metadata=policy())
    """Variant of the folder: dataset-<name>; "" is the plain one."""
    validation_share: float
    """Share of the pages held out; the vocabulary must have been counted with the same."""
    max_words: int
    """Longest Example, <s> and </s> included."""
    max_entities: int
    """Most mentions of an Example."""
    max_mention: int
    """Longest mention; a longer one stays as text and loses its link."""
    min_sentence: int
    """Shortest sentence; shorter ones are dropped."""
    max_sentence: int
    """Longest sentence; longer ones are dropped."""
    min_entities: int
    """Fewest mentions of an Example; one with fewer is dropped, 0 keeps all."""
    unknown_entities: Literal["keep", "drop"]
    """Links to titles outside the vocabulary: kept as [UNK], or dropped."""

    def __post_init__(self) -> None:
        check_share(self.validation_share, "dataset.validation_share")
        ordered = [
            ("max_mention", self.max_mention, "max_sentence", self.max_sentence),
            ("min_sentence", self.min_sentence, "max_sentence", self.max_sentence),
            ("max_sentence", self.max_sentence, "max_words - 2", self.max_words - 2),
            ("min_entities", self.min_entities, "max_entities", self.max_entities),
        ]
        for small, less, large, more in ordered:
            if less > more:
                raise ValueError(f"dataset.{small} is {less}, more than dataset.{large}, which is {more}")
        for key in ("max_mention", "min_sentence", "max_entities"):
            if getattr(self, key) < 1:
                raise ValueError(f"dataset.{key} is {getattr(self, key)}: at least 1 is needed")
        if self.min_entities < 0:
            raise ValueError(f"dataset.min_entities is {self.min_entities}: at least 0 is needed")
