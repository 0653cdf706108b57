"""Write and read the folder of the word vocabulary.

A word vocabulary is a tokenizer, trained here (`bpe.train`) or taken from an existing model (`pretrained_tokenizer`).
The folder is the same either way: tokenizer.json and tokenizer_config.json, for a BPE also vocab.json and merges.txt.
`AutoTokenizer` loads it offline. Later stages read it as a tokenizer for pieces of sentences, together with the tables
of its tokens that whole-word masking needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models

from pipeline.io.arrow import BoolArray
from pipeline.store.files import write_json
from pipeline.vocab import bpe, unigram
from pipeline.vocab.boundaries import ends_word, starts_word
from pipeline.vocab.specials import BOS, EOS, MASK, PAD, TOKEN_ROLES, UNK


@dataclass(frozen=True, slots=True)
class WordVocab:
    """A finished word vocabulary."""

    tokenizer: Tokenizer
    """For pieces of text: no prefix space is added, and a literal "<mask>" is split into ordinary tokens."""
    size: int
    """Number of tokens; ids are 0 to size - 1."""
    bos: int
    pad: int
    eos: int
    unk: int
    mask: int
    word_starts: BoolArray
    """[size] whether a token begins a word. The first token of a sequence always does."""
    word_ends: BoolArray
    """[size] whether a word ends with a token, so that the next token begins one regardless of `word_starts`."""
    bare_spaces: BoolArray
    """[size] whether a token is only a space; the word that it begins continues in the next token."""
    special: BoolArray
    """[size] true for the five special tokens, which are never masked and never drawn as a random replacement."""
    other_spaces: str
    """Characters other than plain space and newline that the tokenizer treats as a space; none for a BPE."""

    @property
    def is_sentencepiece(self) -> bool:
        """Whether the tokenizer is a SentencePiece Unigram, not a byte-level BPE."""
        return isinstance(self.tokenizer.model, models.Unigram)

    def token_text(self, token_id: int) -> str:
        """Return the text of a token, with a plain space for its space mark.

        A token of a BPE may contain only a part of a character; its bytes are then written like "\\xe6".
        """
        token = self.tokenizer.id_to_token(token_id) or ""
        token_bytes = unigram.token_bytes if self.is_sentencepiece else bpe.token_bytes
        return token_bytes(token).decode(errors="backslashreplace")

    def with_plain_spaces(self, text: str) -> str:
        """Replace each character of `other_spaces` with a plain space; the text keeps its length."""
        return text.translate(dict.fromkeys(map(ord, self.other_spaces), " ")) if self.other_spaces else text


def load_word_vocab(folder: Path) -> WordVocab:
    """Read a folder that `save_tokenizer` wrote."""
    return make_word_vocab(Tokenizer.from_file(str(folder / "tokenizer.json")))


def make_word_vocab(tokenizer: Tokenizer) -> WordVocab:
    """Return the word vocabulary of a tokenizer that `bpe.make_tokenizer` or `unigram.make_tokenizer` returned."""
    token_bytes, spaces = bpe.token_bytes, ""
    if isinstance(tokenizer.model, models.Unigram):
        token_bytes, spaces = unigram.token_bytes, unigram.space_characters(tokenizer)
        tokenizer = unigram.tokenizer_for_pieces(tokenizer)
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
        word_starts=to_flags(starts_word(content) for content in contents) | special,
        word_ends=to_flags(ends_word(content) for content in contents) | special,
        bare_spaces=to_flags(content == b" " for content in contents) & ~special,
        special=special,
        other_spaces=spaces,
    )


def to_flags(values: Iterable[bool]) -> BoolArray:
    """Convert the values to an array."""
    return np.fromiter(values, dtype=bool)


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the folder of a tokenizer that `bpe.make_tokenizer` or `unigram.make_tokenizer` returned."""
    is_bpe = isinstance(tokenizer.model, models.BPE)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    if is_bpe:
        tokenizer.model.save(str(folder))
    config = bpe.TOKENIZER_CONFIG if is_bpe else unigram.TOKENIZER_CONFIG
    write_json(folder / "tokenizer_config.json", {**config, "model_max_length": 512, **TOKEN_ROLES})
