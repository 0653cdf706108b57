"""Config of the dataset stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from pipeline.holdout import check_share
from pipeline.store.manifest import not_fingerprinted


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetConfig:
    """The way from articles to examples. Lengths are in tokens."""

    name: str = field(metadata=not_fingerprinted())
    """Variant of the folder: dataset-<name>; "" is the plain one."""
    validation_share: float
    """Share of the pages held out. The vocabulary must have been counted with the same share."""
    max_seq_length: int
    """Maximum number of tokens in an example, including <s> and </s>."""
    max_entity_length: int
    """Maximum number of entities in an example."""
    max_mention_length: int
    """Maximum number of tokens in a mention. A longer mention stays as text and loses its link."""
    min_sentence_length: int
    """Minimum number of tokens in a sentence. Shorter sentences are dropped."""
    max_sentence_length: int
    """Maximum number of tokens in a sentence. Longer sentences are dropped."""
    min_entities: int
    """Minimum number of entities in an example. An example with fewer is dropped; 0 keeps all."""
    unknown_entities: Literal["keep", "drop"]
    """Links to titles outside the vocabulary: kept as [UNK], or dropped."""

    def __post_init__(self) -> None:
        check_share(self.validation_share)
        limits = [
            ("max_mention_length", self.max_mention_length, "max_sentence_length", self.max_sentence_length),
            ("min_sentence_length", self.min_sentence_length, "max_sentence_length", self.max_sentence_length),
            ("max_sentence_length", self.max_sentence_length, "max_seq_length - 2", self.max_seq_length - 2),
            ("min_entities", self.min_entities, "max_entity_length", self.max_entity_length),
        ]
        for name, value, limit_name, limit in limits:
            if value > limit:
                raise ValueError(f"{name} is {value}: at most dataset.{limit_name}, which is {limit}, is allowed")
        for name in ("max_mention_length", "min_sentence_length", "max_entity_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        if self.min_entities < 0:
            raise ValueError(f"min_entities is {self.min_entities}: it cannot be negative")
