"""What the vocab stage can be told; the values live in configs/vocab/."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipeline.holdout import check_share
from pipeline.store.manifest import policy

BYTES_AND_SPECIALS = 261
"""The smallest byte-level vocabulary: 256 bytes, <s>, <pad>, </s>, <unk>, <mask>."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsConfig:
    """The word tokenizer: adopted if `adopt` is set, else trained."""

    adopt: str | None
    """A byte-level BPE like RoBERTa's or a SentencePiece Unigram like XLM-R's, with their special ids, by Hub name or
    folder; null trains a BPE."""
    size: int
    """Tokens in all of a trained one, specials included; a small corpus may yield fewer."""
    min_count: int
    """How often a pair must occur in the training text to be merged."""

    def __post_init__(self) -> None:
        if self.size < BYTES_AND_SPECIALS:
            raise ValueError(
                f"vocab.words.size is {self.size}: bytes and special tokens alone take {BYTES_AND_SPECIALS}"
            )
        if self.min_count < 1:
            raise ValueError(f"vocab.words.min_count is {self.min_count}: at least 1 is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitiesConfig:
    """Which link targets become entities, after redirects are resolved."""

    size: int
    """Rows in all, [PAD], [UNK] and [MASK] included."""
    min_count: int
    """How many links of training pages a title needs."""
    in_dump_only: bool
    """Whether a title must be an article of the dump."""
    drop_disambiguation: bool
    """Whether disambiguation pages are left out."""
    white_list: str | None
    """A text file of titles, one a line, that are in whatever the rules above say; null for none."""

    def __post_init__(self) -> None:
        if self.size < 4:
            raise ValueError(f"vocab.entities.size is {self.size}: three specials and one entity need at least 4")
        if self.min_count < 1:
            raise ValueError(f"vocab.entities.min_count is {self.min_count}: at least 1 is needed")


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabConfig:
    """The vocab stage."""

    name: str = field(metadata=policy())
    """Variant of the folder: vocab-<name>; "" is the plain one."""
    validation_share: float
    """Share of the pages held out; they are counted in no vocabulary. The dataset must use the same."""
    words: WordsConfig
    """Word tokenizer."""
    entities: EntitiesConfig
    """Entity vocabulary."""

    def __post_init__(self) -> None:
        check_share(self.validation_share, "vocab.validation_share")
