"""The cached encoder gives the tokenizer's ids, and is bypassed where it would not."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from pipeline.dataset import encode as encode_module
from pipeline.dataset.encode import make_encoder, splits_at_spaces
from pipeline.vocab import words
from tests.dataset.tiny_bpe import BYTE, DOGS, HE, SAW, tiny_bpe_vocab

SPACE = BYTE["Ġ"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    return tiny_bpe_vocab(tmp_path).tokenizer


class RecordingTokenizer:
    """A tokenizer that records the texts it is given."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.texts: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tokenizer, name)

    def encode(self, text: str, **settings: bool) -> Any:
        self.texts.append(text)
        return self.tokenizer.encode(text, **settings)

    def encode_batch_fast(self, texts: list[str], **settings: bool) -> Any:
        self.texts += texts
        return self.tokenizer.encode_batch_fast(texts, **settings)


def encode_pieces(tokenizer: Any, pieces: list[str]) -> list[list[int]]:
    """Return the ids of each piece."""
    ids, edges = make_encoder(tokenizer)(pieces)
    assert len(edges) == len(pieces) + 1
    return [ids[start:end].tolist() for start, end in pairwise(edges)]


def test_each_chunk_is_tokenized_once(tokenizer: Tokenizer) -> None:
    recording = RecordingTokenizer(tokenizer)
    assert encode_pieces(recording, [" he saw dogs", "s saw", "", "s", " dogs"]) == [
        [HE, SAW, DOGS],
        [BYTE["s"], SAW],
        [],
        [BYTE["s"]],
        [DOGS],
    ]
    assert recording.texts == ["", " he", " saw", " dogs", "s"]


@pytest.mark.parametrize(
    "pieces", [[" he  saw"], [" he ", "s"], [" he \u00a0saw"], [" he\u3000 saw"], ["  he"], [" he", " a\0b"]]
)
def test_text_that_cannot_be_split_at_spaces_bypasses_the_cache(tokenizer: Tokenizer, pieces: list[str]) -> None:
    recording = RecordingTokenizer(tokenizer)
    expected = [tokenizer.encode(piece, add_special_tokens=False).ids for piece in pieces]
    assert encode_pieces(recording, pieces) == expected
    assert recording.texts[-len(pieces) :] == pieces


def test_any_text_gets_the_ids_of_the_tokenizer(tokenizer: Tokenizer) -> None:
    encode = make_encoder(tokenizer)
    generator = random.Random(0)
    for alphabet in (" he sawdog", " a1_'stN.-é犬", " a.\u00a0\u3000\t\x1c\u2009\x85\x00½"):
        for _ in range(500):
            pieces = ["".join(generator.choices(alphabet, k=generator.randrange(9))) for _ in range(4)]
            ids, edges = encode(pieces)
            found = [ids[start:end].tolist() for start, end in pairwise(edges)]
            assert found == [tokenizer.encode(piece, add_special_tokens=False).ids for piece in pieces], pieces


def test_a_full_cache_still_gives_the_ids(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode_module, "MAX_CACHED_CHUNKS", 1)
    recording = RecordingTokenizer(tokenizer)
    assert encode_pieces(recording, [" he saw saw he"]) == [[HE, SAW, SAW, HE]]
    assert recording.texts == ["", " he", " saw", " saw", " he"]


def test_other_tokenizers_are_not_cached(tokenizer: Tokenizer) -> None:
    assert splits_at_spaces(tokenizer)
    tokenizer.normalizer = normalizers.Lowercase()
    assert not splits_at_spaces(tokenizer)
    assert encode_pieces(tokenizer, [" HE", ""]) == [[HE], []]
    unigram = Tokenizer(models.Unigram([("a", -1.0), ("b", -2.0)]))
    unigram.encode_special_tokens = True
    assert encode_pieces(unigram, ["ab", "ba"]) == [[0, 1], [1, 0]]


@pytest.mark.parametrize("change", [{"add_prefix_space": True}, {"add_prefix_space": False, "use_regex": False}])
def test_other_byte_level_settings_are_not_cached(tokenizer: Tokenizer, change: dict[str, bool]) -> None:
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(**change)
    assert not splits_at_spaces(tokenizer)


def test_a_tokenizer_that_recognizes_special_tokens_in_text_is_not_cached(tokenizer: Tokenizer) -> None:
    assert encode_pieces(tokenizer, [words.MASK]) == [[BYTE[character] for character in words.MASK]]
    tokenizer.encode_special_tokens = False
    assert not splits_at_spaces(tokenizer)
