"""A tokenizer trained on a few words."""

from __future__ import annotations

import json

from tokenizers import Tokenizer

from pipeline.vocab import bpe
from pipeline.vocab.config import TokenizerConfig

TEXT = [" the dog saw the dogs", " the cat saw the dog", " a dog is a dog"] * 3
CONFIG = TokenizerConfig(pretrained=None, size=271, min_count=2)


def train_tiny_bpe() -> Tokenizer:
    """Train a BPE of 271 tokens on TEXT."""
    return bpe.train(TEXT, CONFIG)


def merges(tokenizer: Tokenizer) -> bpe.Merges:
    """Return the merges of a BPE."""
    return [(left, right) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]
