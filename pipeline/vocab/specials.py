"""Special tokens of the word vocabulary: those of RoBERTa and XLM-R, which have the same names and the same ids."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tokenizers import AddedToken, Tokenizer

from pipeline.errors import PipelineError

BOS, PAD, EOS, UNK, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
BOS_ID, PAD_ID, EOS_ID, UNK_ID = range(4)
LEADING_IDS = {BOS: BOS_ID, PAD: PAD_ID, EOS: EOS_ID, UNK: UNK_ID}
"""Ids of the special tokens that come first; <mask> has the last id of the vocabulary."""
ENTITY_MARKERS = ("<ent>", "<ent2>")
"""Tokens that an exported LUKE has after <mask>, for fine-tuning. Pretraining does not know them."""

TOKEN_ROLES = {
    **{"bos_token": BOS, "cls_token": BOS, "eos_token": EOS, "sep_token": EOS},
    **{"pad_token": PAD, "unk_token": UNK, "mask_token": MASK},
}
"""Names of the special tokens in a tokenizer_config.json of transformers."""


def add_special_tokens(tokenizer: Tokenizer) -> None:
    """Make `tokenizer` match the special tokens in a text as a whole."""
    specials = [AddedToken(token, special=True, normalized=False) for token in LEADING_IDS]
    # As in RoBERTa, <mask> includes the space before it, so that "a <mask>" has no separate space token.
    tokenizer.add_special_tokens([*specials, AddedToken(MASK, special=True, lstrip=True, normalized=False)])


def check_special_ids(vocab: Mapping[str, int], folder: Path) -> None:
    """Raise PipelineError unless the ids are dense and the special tokens have the ids of RoBERTa's."""
    expected = LEADING_IDS | {MASK: len(vocab) - 1}
    problems = [
        f"{token} is {vocab.get(token, 'missing')}, not {index}"
        for token, index in expected.items()
        if vocab.get(token) != index
    ]
    if sorted(vocab.values()) != list(range(len(vocab))):
        problems.append(f"the {len(vocab)} ids are not 0 to {len(vocab) - 1}, each once")
    if problems:
        raise PipelineError(
            f"the tokenizer in {folder} is not supported, because its ids are not laid out as RoBERTa's: "
            + "; ".join(problems)
        )
