"""Attention and predictions of an untrained model, for each initialisation that the config offers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import RobertaConfig, RobertaForMaskedLM

from pipeline.errors import PipelineError
from pipeline.model.config import AttentionInit, BodyConfig
from pipeline.model.from_checkpoint import make_initial_model
from pipeline.model.initialization import sinusoids, tokenize_titles
from pipeline.model.luke import Luke
from pipeline.records import SPECIAL_ENTITIES
from pipeline.vocab.entities import EntityVocab
from tests.helpers.small_luke import VOCAB_SIZE, luke_from_checkpoint, model_config, word_vocab

ENTITIES = EntityVocab(pa.array([*SPECIAL_ENTITIES, "t7", "t8 t9", "t9"]), np.array([0, 0, 0, 5, 2, 1]))


@pytest.fixture
def roberta(tmp_path: Path) -> Path:
    """Save a RoBERTa of width 32 whose biases and norms are random too, so that a test notices a copy."""
    torch.manual_seed(0)
    sizes = RobertaConfig(
        vocab_size=VOCAB_SIZE, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=40, type_vocab_size=1,
    )  # fmt: skip
    model = RobertaForMaskedLM(sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3)
    model.save_pretrained(tmp_path / "roberta")
    return tmp_path / "roberta"


def luke_from_titles(roberta: Path, width: int = 32) -> Luke:
    """Return a LUKE whose entities start from their titles."""
    tokenizer = Tokenizer(models.WordLevel({f"t{index}": index for index in range(VOCAB_SIZE)}))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return make_initial_model(
        model_config(entity_init="titles", entity_emb_size=width), init_from=str(roberta),
        words=word_vocab(VOCAB_SIZE, tokenizer), entities=ENTITIES, language=None,
        generator=torch.Generator().manual_seed(0),
    ).model  # fmt: skip


def make_random_model(attention_init: AttentionInit) -> Luke:
    """Return a words-only model with random weights."""
    body = BodyConfig(
        num_hidden_layers=2, hidden_size=128, num_attention_heads=4, intermediate_size=8, initializer_range=0.05,
        attention_init=attention_init,
    )  # fmt: skip
    return make_initial_model(
        model_config(body=body, entities=False), init_from=None, words=word_vocab(), entities=None, language=None,
        generator=torch.Generator().manual_seed(0),
    ).model  # fmt: skip


def nearby_attention(model: Luke, head: int) -> float:
    """Return the share of a first-layer head's attention within four positions of the token."""
    ids = torch.randint(4, VOCAB_SIZE - 1, (8, 100), generator=torch.Generator().manual_seed(1))
    attention = model.luke.encoder.layer[0].attention.self
    hidden, _ = model.luke.embeddings.eval()(ids)
    query, key = (part(hidden)[..., 32 * head : 32 * (head + 1)] for part in (attention.query, attention.key))
    weights = (query @ key.transpose(1, 2) / math.sqrt(32)).softmax(dim=-1)
    near = (torch.arange(100)[:, None] - torch.arange(100)).abs() <= 4
    return float((weights * near).detach().sum() / (8 * 100))


def test_sinusoids() -> None:
    root = math.sqrt(2)
    expected = [
        [0.0, 0.0, root, root],
        [root * math.sin(1), root * math.sin(0.1), root * math.cos(1), root * math.cos(0.1)],
    ]
    assert sinusoids(2, 4).tolist() == [pytest.approx(row, abs=1e-6) for row in expected]


def test_half_of_the_heads_start_local() -> None:
    local, random = make_random_model("local"), make_random_model("random")
    assert [nearby_attention(random, head) < 0.15 for head in range(4)] == [True] * 4  # uniform attention: 0.09
    assert [nearby_attention(local, head) > 0.5 for head in range(4)] == [True, True, False, False]


def test_a_local_head_adds_what_it_sees_as_it_is() -> None:
    layer = make_random_model("local").luke.encoder.layer[1].attention
    read, write = layer.self.value.weight[:64], layer.output.dense.weight[:, :64]
    assert torch.allclose(read @ write, torch.eye(64), atol=1e-5)
    assert torch.equal(read, write.T)


def test_an_entity_starts_with_the_position_of_its_mention(roberta: Path) -> None:
    model = luke_from_checkpoint(roberta, entity_init="positions")
    words, entities = model.luke.embeddings.position_embeddings, model.luke.entity_embeddings.position_embeddings
    assert torch.equal(entities.weight[:38], words.weight[2:])  # position p is row p + 2 for words, row p for entities
    ours, theirs = model.luke.entity_embeddings, model.luke.embeddings
    assert torch.equal(ours.LayerNorm.weight, theirs.LayerNorm.weight)
    assert torch.equal(ours.token_type_embeddings.weight, theirs.token_type_embeddings.weight)
    drawn = luke_from_checkpoint(roberta, entity_init="random")
    assert not torch.equal(drawn.luke.entity_embeddings.position_embeddings.weight[:38], words.weight[2:])


def test_an_entity_starts_as_its_titles_words(roberta: Path) -> None:
    model = luke_from_titles(roberta)
    words, table = model.luke.embeddings.word_embeddings.weight, model.luke.entity_embeddings.entity_embeddings.weight
    expected = torch.stack([words[VOCAB_SIZE - 1], words[7], (words[8] + words[9]) / 2, words[9]])
    assert torch.allclose(table[2:], expected)
    counts = torch.tensor([1.0, 1.0, 1.0, 6.0, 3.0, 2.0])
    assert torch.allclose(model.entity_predictions.bias, (counts / 14).log())


def test_a_title_is_tokenized_as_in_a_text() -> None:
    """ " Oslo" and "日本" are tokens: the one follows a space in a text, the other does not."""
    pieces = ["?", " Oslo", "Os", "lo", "日本", " ", " Ob", "Ob"]
    tokenizer = Tokenizer(models.Unigram([(piece, -float(len(pieces))) for piece in pieces], unk_id=0))
    words = word_vocab(VOCAB_SIZE, tokenizer)
    assert tokenize_titles(["Oslo", "日本"], words) == [[1], [4]]
    # both forms of "Ob" have one token: the majority of the other titles decides
    assert tokenize_titles(["Oslo", "Ob"], words) == [[1], [6]]
    assert tokenize_titles(["日本", "Ob"], words) == [[4], [7]]


def test_a_masked_entity_is_first_predicted_like_a_masked_word(roberta: Path) -> None:
    model = luke_from_titles(roberta)
    state = torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    by_words = model.word_logits(state) - model.lm_head.bias
    by_entities = model.entity_logits(state) - model.entity_predictions.bias
    expected = torch.stack([by_words[:, 7], (by_words[:, 8] + by_words[:, 9]) / 2, by_words[:, 9]], dim=1)
    assert torch.allclose(by_entities[:, 3:], expected, atol=1e-5)


def test_initialisation_from_titles_needs_the_width_of_words(roberta: Path) -> None:
    with pytest.raises(PipelineError, match=r"width is 32, but model\.entity_emb_size is 16: set it to 32"):
        luke_from_titles(roberta, width=16)
