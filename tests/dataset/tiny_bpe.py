"""A byte-level BPE of twelve merges."""

from __future__ import annotations

from pathlib import Path

from pipeline.vocab import bpe, specials, words

MERGES = [
    ("h", "e"),
    ("Ġ", "he"),
    ("Ġ", "s"),
    ("Ġs", "a"),
    ("Ġsa", "w"),
    ("Ġ", "d"),
    ("Ġd", "o"),
    ("Ġdo", "g"),
    ("Ġdog", "s"),
    ("Ġ", "("),
    ("N", "A"),
    ("T", "O"),
]
BYTE = {token: 4 + byte for token, byte in bpe.BYTE_OF_CHARACTER.items()}
"""Ids of single bytes, 4 to 259, by the character that represents them."""
HE, SAW, DOG, DOGS, PAREN, NA, TO, MASK = 261, 264, 267, 268, 269, 270, 271, 272


def tiny_bpe_vocab(folder: Path) -> words.WordVocab:
    """Save the tokenizer in `folder` and load it."""
    alphabet = sorted(bpe.BYTE_OF_CHARACTER, key=bpe.BYTE_OF_CHARACTER.__getitem__)
    tokens = [*specials.LEADING_IDS, *alphabet, *("".join(merge) for merge in MERGES), specials.MASK]
    words.save_tokenizer(bpe.make_tokenizer({token: index for index, token in enumerate(tokens)}, MERGES), folder)
    return words.load_word_vocab(folder)
