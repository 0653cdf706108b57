"""The presets of the published models: each composes, and its model has exactly the expected weights.

The models are built on the meta device, without values, from folders that hold nothing but the config.json of
roberta-base or roberta-large as published.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from rich.console import Console
from transformers import LukeForMaskedLM

from pipeline.cli.config import Config
from pipeline.dataset.reader import Block, ExampleStore
from pipeline.model.from_checkpoint import resolve_dimensions
from pipeline.model.luke import Luke
from pipeline.model.weights import ENTITY_QUERY, IGNORED_TENSORS, TIED_TENSORS, meta_model, transformers_config
from pipeline.pretrain.plan import make_plan, render_plan
from tests.helpers.stages import compose_config

PUBLISHED = {
    "architectures": ["RobertaForMaskedLM"], "attention_probs_dropout_prob": 0.1, "bos_token_id": 0, "eos_token_id": 2,
    "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "initializer_range": 0.02, "layer_norm_eps": 1e-05,
    "max_position_embeddings": 514, "model_type": "roberta", "pad_token_id": 1, "type_vocab_size": 1,
    "vocab_size": 50265,
}  # fmt: skip
SIZES = {
    "roberta-base": {
        "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072,
    },
    "roberta-large": {
        "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
    },
}  # fmt: skip

# The terms of the numbers below, for a width of h, L layers, V = 50,265 tokens, P = 514 positions and
# E = 500,000 entities of e = 256:
#   words and positions   V h + P h + h (type) + 2 h (LayerNorm)             39,000,576    52,000,768
#   a layer               4 (h h + h) + 2 * 4 h h + 4 h + h + 2 * 2 h         7,087,872    12,596,224
#   word head             h h + h + 2 h + V                                     642,393     1,101,913
#   entities              E e + e h + P h + h + 2 h                         128,593,664   128,791,552
#   entity head           h e + e + 2 e + E                                     697,376       762,912
#   entity-aware          3 L (h h + h) more                                 21,261,312    75,571,200
# The paper's 253M and 484M are words, layers and entities with a pooler (h h + h: 590,592 and 1,049,600), without the
# heads: 253,239,296 and 484,151,296.
PARAMETERS = {
    "luke_base": 275_249_785,
    "luke_base_paper": 253_988_473,
    "luke_large": 560_537_721,
    "luke_large_paper": 484_966_521,
}


@pytest.fixture(params=PARAMETERS)
def preset(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def config(preset: str) -> Config:
    return compose_config("stage=pretrain", f"experiment={preset}")


@pytest.fixture
def model(config: Config, tmp_path: Path) -> Luke:
    """Return the preset's model without values, as training would build it from the RoBERTa that the preset names."""
    assert config.pretrain.init_from is not None
    (tmp_path / "config.json").write_text(json.dumps(PUBLISHED | SIZES[config.pretrain.init_from]))
    dimensions = resolve_dimensions(
        str(tmp_path), config.model, vocab_size=50265, entity_vocab_size=config.vocab.entities.size
    )  # fmt: skip
    return meta_model(dimensions)


def test_the_number_of_parameters(preset: str, model: Luke) -> None:
    assert all(parameter.is_meta for parameter in model.parameters())
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[preset]


def test_the_papers_own_number(preset: str, model: Luke) -> None:
    """Count words, layers and entities with a pooler, without heads: 253M and 484M."""
    pairs = sum(parameter.numel() for name, parameter in model.luke.named_parameters() if ENTITY_QUERY.search(name))
    hidden = model.dimensions.hidden
    pooled = sum(parameter.numel() for parameter in model.luke.parameters()) - pairs + hidden * hidden + hidden
    assert pooled == (253_239_296 if preset.startswith("luke_base") else 484_151_296)
    assert pairs == {"luke_base": 21_261_312, "luke_large": 75_571_200}.get(preset, 0)


def test_its_weights_are_those_of_transformers_model(config: Config, model: Luke) -> None:
    """Compare names and shapes. The library also has a pooler and tied decoders."""
    settings = transformers_config(model.dimensions, attention=config.model.attention)
    with torch.device("meta"):
        library = LukeForMaskedLM(settings)
    theirs = {name: parameter.shape for name, parameter in library.named_parameters(remove_duplicate=False)}
    ours = {name: parameter.shape for name, parameter in model.named_parameters()}
    extra = {name for name in theirs.keys() - ours.keys() if not IGNORED_TENSORS.fullmatch(name)}
    assert extra <= TIED_TENSORS.keys()
    assert {name: theirs[name] for name in ours} == ours


def test_attention_in_pretraining_and_at_export(preset: str, config: Config) -> None:
    """The paper presets train with vanilla attention, copy the queries at export and mask [UNK]; ours do not."""
    paper = preset.endswith("_paper")
    assert config.model.attention == ("vanilla" if paper else "entity_aware")
    assert config.export.attention == "entity_aware"
    assert config.pretrain.masking.unknown_entities == paper
    assert config.runs == (preset,)


@pytest.mark.parametrize("preset", ["luke_base_paper", "luke_large_paper"])
def test_the_paper_presets_are_the_published_recipe(config: Config) -> None:
    pretrain = config.pretrain
    assert (pretrain.batch_size, pretrain.masking.words, pretrain.masking.entities) == (2048, 0.15, 0.15)
    assert {name: (phase.trains, phase.epochs, phase.learning_rate) for name, phase in pretrain.phases.items()} == {
        "entities": ("entities", 20, 5e-4),
        "all": ("everything", 20, 1e-5),
    }
    optimizer = pretrain.optimizer
    assert (optimizer.beta1, optimizer.beta2, optimizer.epsilon, optimizer.weight_decay) == (0.9, 0.999, 1e-6, 0.01)
    assert (optimizer.bias_correction, optimizer.clip_norm) == (False, None)
    assert (config.model.dropout, config.model.attention_dropout, config.model.entity_emb_size) == (0.1, 0.1, 256)
    assert (config.dataset.max_seq_length, config.dataset.max_entity_length) == (512, 128)
    assert (config.vocab.tokenizer.pretrained, config.vocab.entities.size) == ("roberta-base", 500_000)


def test_its_plan(preset: str, config: Config, model: Luke) -> None:
    """Check FLOPs and memory for the published number of steps on sequences as long as Wikipedia's."""
    words, entities = np.full(64, 480, dtype=np.int32), np.full(64, 25, dtype=np.int32)
    store = examples(words, entities)
    steps = [98_168, 98_168]
    plan = make_plan(config.pretrain, model, store, steps, device=torch.device("cpu"), processes=8, sharded=False)
    first, second = plan.phases.values()
    assert (plan.parameters, second.trained_parameters) == (PARAMETERS[preset], PARAMETERS[preset])
    assert first.tokens == second.tokens == 98_168 * 2048 * 480
    # six operations per weight and token, more for heads, scores and entities, less in the last layer
    body = sum(p.numel() for name, p in model.luke.named_parameters() if ".layer." in name)
    assert 0.95 < second.flops / (6 * body * second.tokens) < 1.2
    assert first.flops < second.flops
    weights = 4 * PARAMETERS[preset]
    assert (second.memory["gradients"], second.memory["moments"]) == (weights, 2 * weights)
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(render_plan(plan, config.pretrain))
    text = console.export_text()
    assert f"{PARAMETERS[preset] / 1e6:,.1f}M parameters" in text
    assert text.count("98,168") == 2


def examples(words: np.ndarray, entities: np.ndarray) -> ExampleStore:
    """Return examples with these numbers of tokens and entities, all of id 5."""
    offsets = [np.concatenate([[0], np.cumsum(counts)]).astype(np.int32) for counts in (words, entities)]
    block = Block(
        page_ids=pa.nulls(len(words), pa.string()),
        word_offsets=offsets[0],
        word_ids=np.full(words.sum(), 5, dtype=np.int32),
        entity_offsets=offsets[1],
        entity_ids=np.full(entities.sum(), 5, dtype=np.int32),
        entity_spans=np.ones((entities.sum(), 2), dtype=np.int32),
    )
    return ExampleStore([block], np.array([0, len(words)]))
