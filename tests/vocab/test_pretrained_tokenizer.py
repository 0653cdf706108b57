"""Loading a pretrained BPE: the ids it keeps, and the files that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from pipeline.errors import PipelineError
from pipeline.vocab import words
from pipeline.vocab.pretrained_tokenizer import find_tokenizer_folder, load_pretrained_tokenizer
from tests.vocab.trained_bpe import merges, train_tiny_bpe

ROBERTA = Path(__file__).parents[3] / "shared" / "data" / "roberta-base"
needs_roberta = pytest.mark.skipif(not ROBERTA.is_dir(), reason=f"roberta-base's tokenizer is not in {ROBERTA}")


@needs_roberta
def test_roberta_base_keeps_its_ids(tmp_path: Path) -> None:
    words.save_tokenizer(load_pretrained_tokenizer(ROBERTA), tmp_path)
    vocab = words.load_word_vocab(tmp_path)
    assert (vocab.size, vocab.mask) == (50265, 50264)
    original = Tokenizer.from_file(str(ROBERTA / "tokenizer.json"))
    text = "Béla's dogs weren't 東京 in 1984—[they] said “no” <b>\u00a0🙂  twice"
    assert vocab.tokenizer.encode(text).ids == original.encode(text).ids
    assert vocab.tokenizer.get_vocab() == original.get_vocab()


def test_a_vocab_json_and_merges_txt_are_enough(tmp_path: Path) -> None:
    trained = train_tiny_bpe()
    words.save_tokenizer(trained, tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    assert load_pretrained_tokenizer(tmp_path).to_str() == trained.to_str()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"type": "WordPiece", "vocab": {}}}, "is needed, but the model is 'WordPiece'"),
        ({"pre_tokenizer": {"type": "Metaspace"}}, "pre_tokenizer is 'Metaspace', not 'ByteLevel'"),
        ({"normalizer": {"type": "Lowercase"}}, "normalizer is"),
        ({"added_tokens": [{"content": "<tag>", "id": 271}]}, "<mask> is 270, not 271"),
    ],
)
def test_another_kind_of_tokenizer_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    words.save_tokenizer(train_tiny_bpe(), tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(state | change))
    with pytest.raises(PipelineError, match=message):
        load_pretrained_tokenizer(tmp_path)


def test_the_markers_of_an_exported_luke_are_left_out(tmp_path: Path) -> None:
    trained = train_tiny_bpe()
    words.save_tokenizer(trained, tmp_path)
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    tokenizer.add_special_tokens(["<ent>", "<ent2>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert tokenizer.token_to_id("<ent2>") == 272
    assert load_pretrained_tokenizer(tmp_path).to_str() == trained.to_str()


def test_other_special_ids_and_gaps_between_ids_are_refused(tmp_path: Path) -> None:
    trained = train_tiny_bpe()
    vocab = trained.get_vocab()
    (tmp_path / "merges.txt").write_text("".join(f"{left} {right}\n" for left, right in merges(trained)))
    (tmp_path / "vocab.json").write_text(json.dumps(vocab | {"<s>": 1, "<pad>": 0}))
    with pytest.raises(PipelineError, match=r"<s> is 1, not 0; <pad> is 0, not 1"):
        load_pretrained_tokenizer(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps(vocab | {"<mask>": 300}))
    with pytest.raises(PipelineError, match=r"<mask> is 300, not 270; the 271 ids are not 0 to 270, each once"):
        load_pretrained_tokenizer(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        '{"model": ',
        "[]",
        '{"model": {"type": "BPE"}, "pre_tokenizer": {"type": "ByteLevel"}}',
        '{"model": {"type": "BPE", "vocab": {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4}, '
        '"merges": ["a b"]}, "pre_tokenizer": {"type": "ByteLevel"}}',
    ],
)
def test_a_broken_tokenizer_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(PipelineError, match="is not a complete tokenizer"):
        load_pretrained_tokenizer(tmp_path)


def test_broken_merges_are_refused(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"a": 0}')
    (tmp_path / "merges.txt").write_text("x y z\n")
    with pytest.raises(PipelineError, match="is not a complete tokenizer"):
        load_pretrained_tokenizer(tmp_path)


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"contains no tokenizer that can be used: it needs a tokenizer\.json"):
        load_pretrained_tokenizer(tmp_path)


def test_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(PipelineError, match=r"vocab\.tokenizer\.pretrained=no/such is not a folder on this machine"):
        find_tokenizer_folder("no/such")
