"""A byte-level BPE small enough to know by heart."""

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
BYTE = {token: 4 + byte for token, byte in bpe.BYTES.items()}
"""Ids of single bytes, by the character that stands for them: 4 to 259."""
HE, SAW, DOG, DOGS, PAREN, NA, TO, MASK = 261, 264, 267, 268, 269, 270, 271, 272


def tiny_words(folder: Path) -> words.WordVocab:
    alphabet = sorted(bpe.BYTES, key=bpe.BYTES.__getitem__)
    tokens = [*specials.FIRST_IDS, *alphabet, *("".join(merge) for merge in MERGES), specials.MASK]
    words.save(bpe.built({token: index for index, token in enumerate(tokens)}, MERGES), folder)
    return words.load(folder)
