"""The short way gives the tokenizer's ids, and is taken where it is known to."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from pipeline.dataset import encode
from pipeline.dataset.encode import cuts_at_spaces, encoder
from pipeline.vocab import words
from tests.dataset.tiny_words import BYTE, DOGS, HE, SAW, tiny_words

SPACE = BYTE["Ġ"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    return tiny_words(tmp_path).tokenizer


class Asked:
    """A tokenizer that notes what it is asked."""

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


def encoded(tokenizer: Any, pieces: list[str]) -> list[list[int]]:
    ids, edges = encoder(tokenizer)(pieces)
    assert len(edges) == len(pieces) + 1
    return [ids[start:end].tolist() for start, end in pairwise(edges)]


def test_each_part_is_asked_for_once(tokenizer: Tokenizer) -> None:
    asked = Asked(tokenizer)
    assert encoded(asked, [" he saw dogs", "s saw", "", "s", " dogs"]) == [
        [HE, SAW, DOGS],
        [BYTE["s"], SAW],
        [],
        [BYTE["s"]],
        [DOGS],
    ]
    assert asked.texts == ["", " he", " saw", " dogs", "s"]


@pytest.mark.parametrize(
    "pieces", [[" he  saw"], [" he ", "s"], [" he \u00a0saw"], [" he\u3000 saw"], ["  he"], [" he", " a\0b"]]
)
def test_what_cannot_be_taken_apart_goes_the_long_way(tokenizer: Tokenizer, pieces: list[str]) -> None:
    asked = Asked(tokenizer)
    wanted = [tokenizer.encode(piece, add_special_tokens=False).ids for piece in pieces]
    assert encoded(asked, pieces) == wanted
    assert asked.texts[-len(pieces) :] == pieces


def test_any_text_gets_the_ids_of_the_tokenizer(tokenizer: Tokenizer) -> None:
    encode_pieces = encoder(tokenizer)
    generator = random.Random(0)
    for alphabet in (" he sawdog", " a1_'stN.-é犬", " a.\u00a0\u3000\t\x1c\u2009\x85\x00½"):
        for _ in range(500):
            pieces = ["".join(generator.choices(alphabet, k=generator.randrange(9))) for _ in range(4)]
            ids, edges = encode_pieces(pieces)
            found = [ids[start:end].tolist() for start, end in pairwise(edges)]
            assert found == [tokenizer.encode(piece, add_special_tokens=False).ids for piece in pieces], pieces


def test_what_is_full_still_gives_the_ids(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "PARTS", 1)
    asked = Asked(tokenizer)
    assert encoded(asked, [" he saw saw he"]) == [[HE, SAW, SAW, HE]]
    assert asked.texts == ["", " he", " saw", " saw", " he"]


def test_other_tokenizers_go_the_long_way(tokenizer: Tokenizer) -> None:
    assert cuts_at_spaces(tokenizer)
    tokenizer.normalizer = normalizers.Lowercase()
    assert not cuts_at_spaces(tokenizer)
    assert encoded(tokenizer, [" HE", ""]) == [[HE], []]
    unigram = Tokenizer(models.Unigram([("a", -1.0), ("b", -2.0)]))
    unigram.encode_special_tokens = True
    assert encoded(unigram, ["ab", "ba"]) == [[0, 1], [1, 0]]


@pytest.mark.parametrize("change", [{"add_prefix_space": True}, {"add_prefix_space": False, "use_regex": False}])
def test_another_byte_level_is_another_tokenizer(tokenizer: Tokenizer, change: dict[str, bool]) -> None:
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(**change)
    assert not cuts_at_spaces(tokenizer)


def test_special_tokens_that_are_heeded_are_no_text(tokenizer: Tokenizer) -> None:
    assert encoded(tokenizer, [words.MASK]) == [[BYTE[character] for character in words.MASK]]
    tokenizer.encode_special_tokens = False
    assert not cuts_at_spaces(tokenizer)
