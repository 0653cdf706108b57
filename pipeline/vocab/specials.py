"""The special tokens of every word vocabulary here: RoBERTa's and XLM-R's, the same names with the same ids."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tokenizers import AddedToken, Tokenizer

from pipeline.errors import PipelineError

BOS, PAD, EOS, UNK, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
FIRST_IDS = {BOS: 0, PAD: 1, EOS: 2, UNK: 3}
"""<mask> has the last id."""
MARKERS = ("<ent>", "<ent2>")
"""What every exported LUKE has after <mask>, for fine-tuning; no part of the vocabulary it was pretrained with."""

ROLES = {
    **{"bos_token": BOS, "cls_token": BOS, "eos_token": EOS, "sep_token": EOS},
    **{"pad_token": PAD, "unk_token": UNK, "mask_token": MASK},
}
"""What transformers calls them."""


def add_specials(tokenizer: Tokenizer) -> None:
    """Make `tokenizer` take the special tokens out of a text whole."""
    specials = [AddedToken(token, special=True, normalized=False) for token in FIRST_IDS]
    # As RoBERTa has it, <mask> takes the space before it, so that "a <mask>" has no stray space token.
    tokenizer.add_special_tokens([*specials, AddedToken(MASK, special=True, lstrip=True, normalized=False)])


def check_ids(vocab: Mapping[str, int], folder: Path) -> None:
    """Raise PipelineError unless ids are dense and the special ones RoBERTa's."""
    wanted = FIRST_IDS | {MASK: len(vocab) - 1}
    wrong = [
        f"{token} is {vocab.get(token, 'missing')}, not {index}"
        for token, index in wanted.items()
        if vocab.get(token) != index
    ]
    if sorted(vocab.values()) != list(range(len(vocab))):
        wrong.append(f"the {len(vocab)} ids are not 0 to {len(vocab) - 1}, each once")
    if wrong:
        raise PipelineError(f"{folder} cannot be adopted, its ids are not RoBERTa's: " + "; ".join(wrong))
