"""The word vocabulary's folder: written once, read by every later stage.

A word vocabulary is a tokenizer, trained here (`bpe.train`) or adopted (`adopt.adopt`). The folder is the same either
way, tokenizer.json and tokenizer_config.json, for a BPE vocab.json and merges.txt as well, and `AutoTokenizer` loads it
offline. Read, it comes as the tokenizer for pieces of text, and with what masking knows of its tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, models

from pipeline.store.files import write_json
from pipeline.vocab import bpe, unigram
from pipeline.vocab.boundaries import ends_word, starts_word
from pipeline.vocab.specials import BOS, EOS, MASK, PAD, ROLES, UNK

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WordVocab:
    """A finished word vocabulary, for reading."""

    tokenizer: Tokenizer
    """For pieces of text: nothing is put before a piece, and "<mask>" in it is some ordinary tokens."""
    size: int
    """Ids run from 0 to size - 1."""
    bos: int
    pad: int
    eos: int
    unk: int
    mask: int
    word_starts: Flags
    """[size] whether a token begins a word. A sequence's first token begins one whatever the table says."""
    word_ends: Flags
    """[size] whether the token after it begins a word, whatever the table says of that one."""
    bare_spaces: Flags
    """[size] whether a token is a space and no more: the token after it goes on with the word it begins."""
    special: Flags
    """[size] true for the five special ids, which are never masked and never drawn as a random word."""
    spaces: str
    """Characters beside plain space and newline that the tokenizer reads as a space: none for a BPE."""

    def with_plain_spaces(self, text: str) -> str:
        """The text, character for character, with plain spaces for those that the tokenizer takes for them."""
        return text.translate(dict.fromkeys(map(ord, self.spaces), " ")) if self.spaces else text


def load(folder: Path) -> WordVocab:
    """Open what `save` wrote."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    token_bytes, spaces = bpe.token_bytes, ""
    if isinstance(tokenizer.model, models.Unigram):
        token_bytes, spaces = unigram.token_bytes, unigram.spaces(tokenizer)
        tokenizer = unigram.for_pieces(tokenizer)
    tokenizer.encode_special_tokens = True
    ids = tokenizer.get_vocab()
    contents = [token_bytes(token) for token in sorted(ids, key=ids.__getitem__)]
    bos, pad, eos, unk, mask = (ids[token] for token in (BOS, PAD, EOS, UNK, MASK))
    special = np.isin(np.arange(len(ids)), [bos, pad, eos, unk, mask])
    return WordVocab(
        tokenizer,
        len(ids),
        bos=bos,
        pad=pad,
        eos=eos,
        unk=unk,
        mask=mask,
        word_starts=flags(starts_word(content) for content in contents) | special,
        word_ends=flags(ends_word(content) for content in contents) | special,
        bare_spaces=flags(content == b" " for content in contents) & ~special,
        special=special,
        spaces=spaces,
    )


def flags(values: Iterable[bool]) -> Flags:
    return np.fromiter(values, dtype=bool)


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the folder of a tokenizer that `bpe` or `unigram` built."""
    is_bpe = isinstance(tokenizer.model, models.BPE)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    if is_bpe:
        tokenizer.model.save(str(folder))
    own = bpe.TOKENIZER_CONFIG if is_bpe else unigram.TOKENIZER_CONFIG
    write_json(folder / "tokenizer_config.json", {**own, "model_max_length": 512, **ROLES})
