"""The short way gives the tokenizer's ids, and is taken where it is known to."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from pipeline.dataset import encode
from pipeline.dataset.encode import PLAIN, SPACED, WORD, cuts_into_words, encoder, is_plain
from pipeline.vocab import words
from tests.dataset.tiny_words import BYTE, DOGS, HE, SAW, tiny_words


@pytest.fixture
def tokenizer(tmp_path: Path) -> Tokenizer:
    return tiny_words(tmp_path).tokenizer


class Asked:
    """A tokenizer that notes what it is asked."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.texts: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.tokenizer, name)

    def encode(self, text: str, **settings: bool) -> object:
        self.texts.append(text)
        return self.tokenizer.encode(text, **settings)

    def encode_batch_fast(self, texts: list[str], **settings: bool) -> object:
        self.texts += texts
        return self.tokenizer.encode_batch_fast(texts, **settings)


def test_each_word_is_asked_for_once_and_pieces_that_are_not_plain_as_a_whole(tokenizer: Tokenizer) -> None:
    asked = Asked(tokenizer)
    ids = encoder(asked)([" he saw dogs", " 犬", " dogs saw he's", ""])  # type: ignore[arg-type]
    assert ids == [
        [HE, SAW, DOGS],
        [BYTE["Ġ"], BYTE["ç"], BYTE["Ĭ"], BYTE["¬"]],
        [DOGS, SAW, HE, BYTE["'"], BYTE["s"]],
        [],
    ]
    assert asked.texts == [" 犬", " he", " saw", " dogs", "'s"]


def test_what_is_full_still_gives_the_ids(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encode, "WORDS", 1)
    asked = Asked(tokenizer)
    assert encoder(asked)([" he saw saw he"]) == [[HE, SAW, SAW, HE]]  # type: ignore[arg-type]
    assert asked.texts == [" he", " saw", " saw"]


def test_words_are_cut_as_the_tokenizer_cuts_them() -> None:
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain = [character for character in map(chr, SPACED) if is_plain(character)]
    assert len(plain) > 3000
    generator = random.Random(0)
    around = [f"{c}{c} {c}a{c}1{c}'s{c}'{c}\u00a0{c}  {c}_{c}" for c in plain]
    mixed = ["".join(generator.choices(plain, k=200)) for _ in range(200)]
    dense = ["".join(generator.choices("aé 1'_-.st \u00a0", k=200)) for _ in range(200)]
    for text in (*around, *mixed, *dense):
        assert PLAIN.fullmatch(text)
        spans = [(match.start(), match.end()) for match in WORD.finditer(text)]
        assert spans == [span for _, span in cut.pre_tokenize_str(text)]


@pytest.mark.parametrize("character", ["\n", "\x1c", "\u2009", "½", "²", "Ⅷ", "ก", "犬", "\u1c90", "\ud7ff"])
def test_not_plain(character: str) -> None:
    assert not PLAIN.fullmatch(character)


def test_other_tokenizers_go_the_long_way(tokenizer: Tokenizer) -> None:
    assert cuts_into_words(tokenizer)
    tokenizer.normalizer = normalizers.Lowercase()
    assert not cuts_into_words(tokenizer)
    assert encoder(tokenizer)([" HE"]) == [[HE]]
    unigram = Tokenizer(models.Unigram([("a", -1.0), ("b", -2.0)]))
    unigram.encode_special_tokens = True
    assert encoder(unigram)(["ab", "ba"]) == [[0, 1], [1, 0]]


@pytest.mark.parametrize("change", [{"add_prefix_space": True}, {"add_prefix_space": False, "use_regex": False}])
def test_another_byte_level_is_another_tokenizer(tokenizer: Tokenizer, change: dict[str, bool]) -> None:
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(**change)
    assert not cuts_into_words(tokenizer)


def test_special_tokens_that_are_heeded_are_no_words(tokenizer: Tokenizer) -> None:
    assert encoder(tokenizer)([words.MASK]) == [[BYTE[character] for character in words.MASK]]
    tokenizer.encode_special_tokens = False
    assert not cuts_into_words(tokenizer)
