"""Train a byte-level BPE like RoBERTa's, or build one from the vocabulary and merges of an existing tokenizer.

Only the vocabulary and the merges of an existing tokenizer are kept, so that its other settings (prefix spaces,
truncation, added tokens) cannot change the dataset.

Training counts the parts into which the pre-tokenizer splits the text and merges the most frequent pair, ties by id.
The result depends on the text alone. The 106 articles of the sample take about 2 s on 2 cores for 6,000 tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from pipeline.vocab.config import TokenizerConfig
from pipeline.vocab.specials import BOS, EOS, LEADING_IDS, MASK, add_special_tokens
from pipeline.vocab.tokenizer_json import BpeJson

Merges = list[tuple[str, str]]

TOKENIZER_CONFIG: dict[str, str | bool] = {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": False}
"""The class with which transformers opens the tokenizer, and its settings."""


def byte_alphabet() -> dict[str, int]:
    """Return the byte of each character of byte-level tokens.

    A printable byte is written as its own character, the others as characters from U+0100 on.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


BYTE_OF_CHARACTER = byte_alphabet()


def token_bytes(token: str) -> bytes:
    """Return the bytes that a token represents."""
    return bytes(BYTE_OF_CHARACTER.get(character, 0) for character in token)


def train(lines: Iterable[str], config: TokenizerConfig) -> Tokenizer:
    """Train a BPE on lines of text."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=config.size - 1,  # leaves the last id for <mask>
        min_frequency=config.min_count,
        special_tokens=list(LEADING_IDS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(lines, trainer=trainer)
    model = json.loads(learner.to_str())["model"]
    vocab = {token: index for token, index in model["vocab"].items() if token != MASK}
    return make_tokenizer(vocab | {MASK: len(vocab)}, parse_merges(model["merges"]))


def make_tokenizer(vocab: Mapping[str, int], merges: Merges) -> Tokenizer:
    """Build the tokenizer from a vocabulary that contains the special tokens, and from merges in order of priority.

    Raises:
        Exception: a token of a merge is not in the vocabulary.
    """
    tokenizer = Tokenizer(models.BPE(vocab=dict(vocab), merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(
        (EOS, vocab[EOS]), (BOS, vocab[BOS]), trim_offsets=True, add_prefix_space=False
    )
    add_special_tokens(tokenizer)
    return tokenizer


def unsupported_settings(content: BpeJson) -> list[str]:
    """Return the settings of a tokenizer.json that differ from RoBERTa's, as "key is value, not value"."""
    model, pre_tokenizer = content["model"], content.get("pre_tokenizer") or {}
    settings = {
        "pre_tokenizer": (pre_tokenizer.get("type"), "ByteLevel"),
        "pre_tokenizer.use_regex": (pre_tokenizer.get("use_regex", True), True),
        "normalizer": (content.get("normalizer"), None),
        "model.ignore_merges": (model.get("ignore_merges", False), False),
        "model.continuing_subword_prefix": (model.get("continuing_subword_prefix") or "", ""),
        "model.end_of_word_suffix": (model.get("end_of_word_suffix") or "", ""),
    }
    return [f"{key} is {value!r}, not {expected!r}" for key, (value, expected) in settings.items() if value != expected]


def read_vocab_and_merges(vocab: Path, merges: Path) -> tuple[dict[str, int], Merges]:
    """Read vocab.json and merges.txt."""
    model = json.loads(Tokenizer(models.BPE.from_file(str(vocab), str(merges))).to_str())["model"]
    return model["vocab"], parse_merges(model["merges"])


def parse_merges(merges: Iterable[str | list[str]]) -> Merges:
    """Parse merges in either of the two formats of tokenizer.json: "a b" or ["a", "b"]."""
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in merges)
    return [(left, right) for left, right in pairs]
