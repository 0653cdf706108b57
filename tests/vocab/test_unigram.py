"""A pretrained SentencePiece tokenizer: its ids for sentences and for pieces, and the files that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer
from transformers import AutoTokenizer, XLMRobertaTokenizer

from pipeline.errors import PipelineError
from pipeline.vocab import unigram, words
from pipeline.vocab.pretrained_tokenizer import load_pretrained_tokenizer
from pipeline.vocab.words import WordVocab
from tests.helpers.tiny_unigram import TOKENS, save_tiny_unigram, tiny_unigram_vocab


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("unigram")


@pytest.fixture(scope="module")
def vocab(folder: Path) -> WordVocab:
    return tiny_unigram_vocab(folder)


def pieces(vocab: WordVocab, text: str) -> list[str]:
    encoding = vocab.tokenizer.encode(text, add_special_tokens=False)
    assert encoding.ids == [TOKENS.index(token) if token in TOKENS else vocab.unk for token in encoding.tokens]
    return encoding.tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (" dogs", ["▁dogs"]),
        ("dogs", ["dogs"]),  # no space before it, no ▁
        ("s", ["s"]),
        (" (", ["▁("]),
        ("NATO", ["NA", "TO"]),
        ("  He \u00a0 saw  dogs ", ["▁He", "▁saw", "▁dogs"]),  # white space is collapsed, and removed at the end
        (" 日本は", ["▁日本", "は"]),
        (" 東京は", ["▁", "東京", "は"]),
        ("東京の首都。", ["東京", "の", "首都", "。"]),
        (" ＡＢＣ１", ["▁A", "B", "C", "1"]),  # the normalizer is kept
        ("…", [".", ".", "."]),
        ("", []),
        (" ", []),
    ],
)
def test_pieces_of_sentences(vocab: WordVocab, text: str, tokens: list[str]) -> None:
    assert pieces(vocab, text) == tokens


def test_special_tokens_in_a_text_are_text(vocab: WordVocab) -> None:
    """Unigram has the special tokens among its own tokens, with the best score."""
    assert pieces(vocab, " <s>dogs</s>") == ["▁", "<", "s", ">", "dogs", "<", "/", "s", ">"]
    ids = vocab.tokenizer.encode(" <mask> <pad> <unk>", add_special_tokens=False).ids
    assert set(ids) & {0, 1, 2, vocab.mask} == set()


def test_unknown_characters_are_one_unknown_token(vocab: WordVocab) -> None:
    assert pieces(vocab, "はξξは") == ["は", "ξξ", "は"]
    assert vocab.tokenizer.encode("はξξは", add_special_tokens=False).ids == [19, 3, 19]


TEXT = "He saw dogs (NATO). 日本は 東京は首都。１９90年… ไทย Die Donaudampfschiff"


def test_a_sentence_has_the_ids_of_the_original(folder: Path, vocab: WordVocab) -> None:
    theirs = AutoTokenizer.from_pretrained(folder / "theirs")
    ours = AutoTokenizer.from_pretrained(folder / "ours")
    assert isinstance(theirs, XLMRobertaTokenizer)
    assert ours(TEXT)["input_ids"] == theirs(TEXT)["input_ids"]
    assert ours(TEXT, TEXT)["input_ids"] == theirs(TEXT, TEXT)["input_ids"]
    assert (ours.pad_token_id, ours.unk_token_id, ours.mask_token_id, len(ours)) == (1, 3, 41, 42)
    assert ours("He saw <mask>")["input_ids"] == [0, 5, 6, 41, 2]
    expected = theirs(TEXT, add_special_tokens=False)["input_ids"]
    assert vocab.tokenizer.encode(" " + TEXT, add_special_tokens=False).ids == expected
    # split where no token is split
    parts = [
        " He saw",
        " dogs",
        " (",
        "NATO",
        ").",
        " 日本",
        "は",
        " 東京",
        "は",
        "首都",
        "。１９90年… ไทย Die Donaudampfschiff",
    ]
    assert "".join(parts) == " " + TEXT
    ids = [encoding.ids for encoding in vocab.tokenizer.encode_batch_fast(parts, add_special_tokens=False)]
    assert sum(ids, []) == expected  # noqa: RUF017


def test_the_tables_that_masking_needs(vocab: WordVocab) -> None:
    assert (vocab.size, vocab.bos, vocab.pad, vocab.eos, vocab.unk, vocab.mask) == (42, 0, 1, 2, 3, 41)
    assert np.flatnonzero(vocab.special).tolist() == [0, 1, 2, 3, 41]

    def those(flags: np.ndarray) -> list[str]:
        return [TOKENS[index] for index in np.flatnonzero(flags & ~vocab.special)]

    unspaced = ["東京", "▁日本", "日本", "は", "の", "首都", "。", "年", "ประเทศ", "▁ไทย", "ไทย", "มี"]
    spaced = ["▁", "▁He", "▁saw", "▁dogs", "▁(", "▁Die", "▁Donau", "▁A"]
    assert sorted(those(vocab.word_starts)) == sorted([*unspaced, *spaced])
    assert those(vocab.word_ends) == unspaced
    assert those(vocab.bare_spaces) == ["▁"]


def test_other_spaces_become_plain_spaces_before_a_text_is_split(vocab: WordVocab) -> None:
    assert set("\u00a0\u3000\u200b\t") <= set(vocab.other_spaces)
    assert not set(" \n") & set(vocab.other_spaces)
    assert vocab.with_plain_spaces("a\u00a0b\u3000c\u200bd e\n") == "a b c d e\n"


def test_saving_a_loaded_tokenizer_changes_no_byte(folder: Path, vocab: WordVocab, tmp_path: Path) -> None:
    assert sorted(path.name for path in (folder / "ours").iterdir()) == ["tokenizer.json", "tokenizer_config.json"]
    words.save_tokenizer(load_pretrained_tokenizer(folder / "ours"), tmp_path)
    assert (tmp_path / "tokenizer.json").read_bytes() == (folder / "ours" / "tokenizer.json").read_bytes()


def test_the_markers_of_an_exported_luke_are_left_out(folder: Path, vocab: WordVocab, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "ours" / "tokenizer.json"))
    tokenizer.add_special_tokens(["<ent>", "<ent2>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert load_pretrained_tokenizer(tmp_path).to_str() == load_pretrained_tokenizer(folder / "ours").to_str()


def test_a_metaspace_alone_and_its_older_format_are_supported(tmp_path: Path) -> None:
    save_tiny_unigram(tmp_path)
    ours = load_pretrained_tokenizer(tmp_path).to_str()
    state = json.loads((tmp_path / "tokenizer.json").read_text())
    old = {"type": "Metaspace", "replacement": "▁", "add_prefix_space": True}
    (tmp_path / "tokenizer.json").write_text(json.dumps(state | {"pre_tokenizer": old}))
    assert load_pretrained_tokenizer(tmp_path).to_str() == ours


NEVER = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": True}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pre_tokenizer": {"type": "Whitespace"}}, r"pre_tokenizer is \['Whitespace'\], not \['Metaspace'\]"),
        ({"pre_tokenizer": NEVER}, "prepend_scheme is 'never', not 'always'"),
        ({"normalizer": {"type": "Strip", "strip_left": True, "strip_right": True}}, "would get different ids"),
        ({"normalizer": {"type": "Prepend", "prepend": "▁"}}, "would get different ids"),
        ({"added_tokens": [{"content": "<tag>", "id": 42}]}, "<mask> is 41, not 42"),
    ],
)
def test_another_kind_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    save_tiny_unigram(tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(state | change))
    with pytest.raises(PipelineError, match=message):
        load_pretrained_tokenizer(tmp_path)


def test_another_id_of_the_unknown_token_is_refused(tmp_path: Path) -> None:
    save_tiny_unigram(tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text())
    state["model"] |= {"unk_id": 0, "byte_fallback": True}
    (tmp_path / "tokenizer.json").write_text(json.dumps(state))
    with pytest.raises(PipelineError, match=r"unk_id is 0, not 3; model\.byte_fallback is True, not False"):
        load_pretrained_tokenizer(tmp_path)


def test_a_sentencepiece_file_alone_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "sentencepiece.bpe.model").write_bytes(b"\n\x0e\n\x05<unk>")
    with pytest.raises(PipelineError, match=r"(?s)only a SentencePiece file.*save_pretrained"):
        load_pretrained_tokenizer(tmp_path)


def test_a_tokenizer_without_normalizer_is_supported(tmp_path: Path) -> None:
    save_tiny_unigram(tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(state | {"normalizer": None}))
    tokenizer = load_pretrained_tokenizer(tmp_path)
    assert tokenizer.encode("He saw", add_special_tokens=False).tokens == ["▁He", "▁saw"]
    assert "\u3000" in unigram.space_characters(tokenizer)
    assert "\u200b" not in unigram.space_characters(tokenizer)
