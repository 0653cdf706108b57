"""The folder of the word vocabulary, and the tables that masking needs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.vocab import words
from tests.helpers.tiny_unigram import tiny_unigram_vocab
from tests.vocab.trained_bpe import train_tiny_bpe


def test_transformers_opens_the_folder_and_gives_the_same_ids(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    words.save_tokenizer(train_tiny_bpe(), tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path), local_files_only=True)
    ids = tokenizer("the dog saw <mask>")["input_ids"]
    assert ids[0] == 0
    assert ids[-2:] == [270, 2]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.mask_token_id) == (1, 3, 270)
    text = " the dogs saw a dog"
    ours = words.load_word_vocab(tmp_path).tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == ours


def test_special_tokens_in_a_text_are_text(tmp_path: Path) -> None:
    words.save_tokenizer(train_tiny_bpe(), tmp_path)
    vocab = words.load_word_vocab(tmp_path)
    ids = vocab.tokenizer.encode("the <s> and <mask>", add_special_tokens=False).ids
    assert not vocab.special[ids].any()


def test_tables_of_a_vocabulary(tmp_path: Path) -> None:
    words.save_tokenizer(train_tiny_bpe(), tmp_path)
    vocab = words.load_word_vocab(tmp_path)
    assert (vocab.size, vocab.bos, vocab.pad, vocab.eos, vocab.unk, vocab.mask) == (271, 0, 1, 2, 3, 270)
    assert np.flatnonzero(vocab.special).tolist() == [0, 1, 2, 3, 270]
    starts = {vocab.tokenizer.id_to_token(index) for index in np.flatnonzero(vocab.word_starts & ~vocab.special)}
    assert {token for token in starts if token.startswith("Ġ")} == {"Ġ", "Ġdo", "Ġdog", "Ġthe", "Ġsaw", "Ġa"}
    assert "og" not in starts


def test_the_text_of_a_token(tmp_path: Path) -> None:
    words.save_tokenizer(train_tiny_bpe(), tmp_path / "bpe")
    vocab = words.load_word_vocab(tmp_path / "bpe")
    ids = vocab.tokenizer.encode(" dog\n犬", add_special_tokens=False).ids
    assert [vocab.token_text(index) for index in [*ids, vocab.mask]] == [
        " dog", "\n", "\\xe7", "\\x8a", "\\xac", "<mask>"
    ]  # fmt: skip
    unigram = tiny_unigram_vocab(tmp_path / "unigram")
    assert [unigram.token_text(index) for index in (4, 5, 8, 16, 41)] == [" ", " He", "dogs", "東京", "<mask>"]
