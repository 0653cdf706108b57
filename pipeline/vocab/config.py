"""Config of the vocab stage."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.holdout import check_share
from pipeline.store.manifest import not_fingerprinted

BYTES_AND_SPECIALS = 261
"""Size of the smallest byte-level vocabulary: 256 bytes, <s>, <pad>, </s>, <unk>, <mask>."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerConfig:
    """The tokenizer: a pretrained one, or one trained on the corpus."""

    pretrained: str | None
    """Hub name or folder of a byte-level BPE like RoBERTa's or a SentencePiece Unigram like XLM-R's, with the same
    special tokens at the same ids; null trains a byte-level BPE."""
    size: int
    """Number of tokens of a trained tokenizer, including special tokens; a small corpus may yield fewer."""
    min_count: int
    """Minimum number of occurrences in the training text for a pair of tokens to be merged."""

    def __post_init__(self) -> None:
        if self.size < BYTES_AND_SPECIALS:
            raise ValueError(f"size is {self.size}: bytes and special tokens alone take {BYTES_AND_SPECIALS}")
        if self.min_count < 1:
            raise ValueError(f"min_count is {self.min_count}: at least 1 is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitiesConfig:
    """The entity vocabulary: which link targets become entities, after redirects are resolved."""

    size: int
    """Maximum number of entities, including [PAD], [UNK] and [MASK]."""
    min_count: int
    """Minimum number of links on training pages for a title to become an entity."""
    in_dump_only: bool
    """Whether a title must be an article of the dump."""
    drop_disambiguation: bool
    """Whether disambiguation pages are left out."""
    always_include: str | None
    """Text file with one title per line; these titles are included regardless of the rules above; null for none."""

    def __post_init__(self) -> None:
        if self.size < 4:
            raise ValueError(f"size is {self.size}: three special entities and one other need at least 4")
        if self.min_count < 1:
            raise ValueError(f"min_count is {self.min_count}: at least 1 is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabConfig:
    """The two vocabularies of a corpus."""

    name: str = field(metadata=not_fingerprinted())
    """Variant of the folder: vocab-<name>; "" is the plain one."""
    validation_share: float
    """Share of the pages held out, which neither vocabulary counts. The dataset must use the same share."""
    tokenizer: TokenizerConfig
    entities: EntitiesConfig

    def __post_init__(self) -> None:
        check_share(self.validation_share)
