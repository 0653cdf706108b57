"""All stages with the SentencePiece tokenizer and the weights of a tiny XLM-R."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizer,
)

from pipeline.vocab.specials import LEADING_IDS, MASK
from pipeline.vocab.words import load_word_vocab
from tests.helpers.stages import TINY_OVERRIDES, WIKI_FILE, run_stage


def save_xlmr(folder: Path) -> None:
    """Save an XLM-R of two narrow layers, with a SentencePiece Unigram tokenizer of the small wiki."""
    learner = Tokenizer(models.Unigram())
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    lines = re.sub(r"<[^>]*>", "", WIKI_FILE.read_text(encoding="utf-8")).splitlines()
    trainer = trainers.UnigramTrainer(vocab_size=300, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False)
    learner.train_from_iterator(lines, trainer)
    learnt = [(token, score) for token, score in json.loads(learner.to_str())["model"]["vocab"] if token != "<unk>"]
    pieces = [*((token, 0.0) for token in LEADING_IDS), *learnt, (MASK, 0.0)]
    XLMRobertaTokenizer(vocab=pieces).save_pretrained(folder)
    torch.manual_seed(0)
    config = XLMRobertaConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
    )  # fmt: skip
    XLMRobertaForMaskedLM(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all stages with a tiny XLM-R."""
    data_dir = tmp_path_factory.mktemp("sentencepiece")
    save_xlmr(data_dir / "xlmr")
    given = [
        f"data_dir={data_dir}",
        f"vocab.tokenizer.pretrained={data_dir / 'xlmr'}",
        f"pretrain.init_from={data_dir / 'xlmr'}",
    ]
    for stage in ("dump", "corpus", "vocab", "dataset", "pretrain", "export"):
        run_stage(stage, *TINY_OVERRIDES, "pretrain.phases.entities.epochs=1", "pretrain.phases.all.epochs=1", *given)
    return data_dir


def test_the_exported_tokenizer_gives_the_ids_of_pretraining(data_dir: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(data_dir / "small" / "export" / "tiny")
    original = AutoTokenizer.from_pretrained(data_dir / "xlmr")
    vocab = load_word_vocab(data_dir / "small" / "vocab" / "words")
    text = "The sea is salt water. 海 ξ"
    ids = tokenizer(text)["input_ids"]
    assert ids == original(text)["input_ids"]
    assert ids[1:-1] == vocab.tokenizer.encode(" " + text, add_special_tokens=False).ids
    assert tokenizer.convert_tokens_to_ids([MASK, "<ent>", "<ent2>"]) == [vocab.mask, vocab.size, vocab.size + 1]
    assert tokenizer("a <ent> b")["input_ids"].count(vocab.size) == 1


def test_the_code_of_the_card_runs(data_dir: Path) -> None:
    folder = data_dir / "small" / "export" / "tiny"
    card = (folder / "README.md").read_text(encoding="utf-8")
    program = card[card.index("```python") + len("```python") : card.index("```\n")]
    names: dict[str, object] = {"folder": str(folder)}
    exec(program, names)
    outputs, vocab = names["outputs"], load_word_vocab(data_dir / "small" / "vocab" / "words")
    assert outputs.logits.shape[-1] == vocab.size + 2
    assert outputs.entity_logits.shape[:2] == (1, 1)


def test_the_export_loads_without_missing_weights(data_dir: Path) -> None:
    _, report = AutoModelForMaskedLM.from_pretrained(data_dir / "small" / "export" / "tiny", output_loading_info=True)
    assert not report["missing_keys"]
    assert not report["unexpected_keys"]
