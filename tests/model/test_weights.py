"""Byte-identical round trips RoBERTa -> LUKE -> transformers -> LUKE, and checkpoints that do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import (
    AutoModelForMaskedLM,
    LukeForEntityPairClassification,
    RobertaConfig,
    RobertaForMaskedLM,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from pipeline.errors import PipelineError
from pipeline.model.config import Attention, BodyConfig
from pipeline.model.from_checkpoint import make_initial_model
from pipeline.model.hf_checkpoint import checkpoint_fingerprint
from pipeline.model.luke import Luke
from pipeline.model.weights import load_model, save_model, to_transformers
from tests.helpers.small_luke import (
    VOCAB_SIZE,
    dimensions,
    entity_vocab,
    load_transformers_folder,
    luke_from_checkpoint,
    model_config,
    ragged_batch,
    random_luke,
    word_vocab,
)

SIZES = {
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 40,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
}


@pytest.fixture
def roberta(tmp_path: Path) -> Path:
    """Save a RoBERTa with transformers."""
    torch.manual_seed(0)
    RobertaForMaskedLM(RobertaConfig(**SIZES)).save_pretrained(tmp_path / "roberta")
    return tmp_path / "roberta"


def export_to(model: Luke, folder: Path, attention: Attention = "entity_aware") -> Path:
    """Save the model as a transformers folder."""
    state, settings = to_transformers(model, attention=attention)
    settings.save_pretrained(folder)
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def replace_weights(folder: Path, **changes: Tensor | None) -> str:
    """Replace weights in `folder`, or remove those that are None; "__" in a name is a dot."""
    path = folder / "model.safetensors"
    state = load_file(path) | {name.replace("__", "."): tensor for name, tensor in changes.items()}
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, path, metadata={"format": "pt"})
    return str(folder)


def same_weights(one: Luke, other: Luke) -> bool:
    """Whether two models have equal weights under equal names."""
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_every_weight_of_roberta_is_in_luke(roberta: Path) -> None:
    given = RobertaForMaskedLM.from_pretrained(roberta).state_dict()
    state = luke_from_checkpoint(roberta).state_dict()
    for name, tensor in given.items():
        if not name.startswith("lm_head.decoder"):
            assert torch.equal(state.pop(name.replace("roberta.", "luke.")), tensor), name
    for layer in (0, 1):
        for kind in ("weight", "bias"):
            query = given[f"roberta.encoder.layer.{layer}.attention.self.query.{kind}"]
            for pair in ("w2e", "e2w", "e2e"):
                assert torch.equal(state.pop(f"luke.encoder.layer.{layer}.attention.self.{pair}_query.{kind}"), query)
    assert all(name.startswith(("luke.entity_embeddings.", "entity_predictions.")) for name in state)
    assert len(state) == 1 + 1 + 1 + 1 + 2 + 5


def test_entity_parts_come_from_the_generator(roberta: Path) -> None:
    assert same_weights(luke_from_checkpoint(roberta), luke_from_checkpoint(roberta))
    assert not same_weights(luke_from_checkpoint(roberta), luke_from_checkpoint(roberta, seed=1))


@pytest.mark.parametrize("attention", ["entity_aware", "vanilla"])
def test_round_trip_to_the_byte(roberta: Path, tmp_path: Path, attention: Attention) -> None:
    first = luke_from_checkpoint(roberta, attention=attention)
    folder = export_to(first, tmp_path / "luke", attention)
    second = load_transformers_folder(folder, model_config(attention=attention))
    assert same_weights(first, second)
    assert first.dimensions == second.dimensions
    export_to(second, tmp_path / "again", attention)
    for name in ("model.safetensors", "config.json"):
        assert (folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_round_trip_of_words_alone(roberta: Path, tmp_path: Path) -> None:
    first = luke_from_checkpoint(roberta, entities=False)
    folder = export_to(first, tmp_path / "roberta again")
    assert same_weights(first, load_transformers_folder(folder, model_config(entities=False)))
    ours, theirs = (RobertaForMaskedLM.from_pretrained(path).state_dict() for path in (folder, roberta))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert same_weights(luke_from_checkpoint(folder), luke_from_checkpoint(roberta))


@pytest.mark.parametrize("attention", ["entity_aware", "vanilla"])
def test_transformers_misses_nothing_in_an_export(tmp_path: Path, attention: Attention) -> None:
    folder = export_to(random_luke(dimensions(attention=attention)), tmp_path / "luke", attention)
    library, loading_info = AutoModelForMaskedLM.from_pretrained(folder, output_loading_info=True)
    assert {key: list(value) for key, value in loading_info.items() if value} == {}
    assert torch.equal(library.lm_head.decoder.weight, library.luke.embeddings.word_embeddings.weight)
    settings = json.loads((folder / "config.json").read_text())
    assert settings["use_entity_aware_attention"] == (attention == "entity_aware")
    assert {name: settings[name] for name in SIZES} == SIZES
    assert (settings["entity_vocab_size"], settings["entity_emb_size"]) == (20, 16)
    _, loading_info = LukeForEntityPairClassification.from_pretrained(folder, output_loading_info=True)
    assert sorted(loading_info["missing_keys"]) == ["classifier.weight"]


def test_a_vanilla_model_exported_as_entity_aware_computes_the_same(tmp_path: Path) -> None:
    model = random_luke(dimensions(attention="vanilla")).eval()
    folder = export_to(model, tmp_path / "luke", "entity_aware")
    aware = load_transformers_folder(folder, model_config()).eval()
    assert aware.dimensions.attention == "entity_aware"
    before, after = model.encode(ragged_batch()), aware.encode(ragged_batch())
    assert torch.allclose(before[0], after[0], atol=1e-5)
    assert torch.allclose(before[1][0], after[1][0], atol=1e-5)


def test_an_entity_aware_model_is_not_exported_as_vanilla() -> None:
    with pytest.raises(PipelineError, match=r"set export\.attention=entity_aware"):
        to_transformers(random_luke(dimensions()), attention="vanilla")


def test_our_own_format(tmp_path: Path) -> None:
    for index, model in enumerate(
        (random_luke(dimensions()), random_luke(dimensions(entity_vocab_size=0, attention="vanilla")))
    ):
        save_model(model, tmp_path / str(index))
        loaded = load_model(tmp_path / str(index))
        assert same_weights(model, loaded)
        assert model.dimensions == loaded.dimensions


def test_xlm_roberta_with_its_pooler_and_buffers(tmp_path: Path) -> None:
    """Old checkpoints also hold a pooler, position ids and a decoder."""
    torch.manual_seed(0)
    XLMRobertaForMaskedLM(XLMRobertaConfig(**SIZES)).save_pretrained(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    plain = luke_from_checkpoint(tmp_path)
    replace_weights(
        tmp_path,
        roberta__embeddings__position_ids=torch.arange(40)[None],
        roberta__pooler__dense__weight=torch.zeros(32, 32),
        roberta__pooler__dense__bias=torch.zeros(32),
        lm_head__decoder__weight=state["roberta.embeddings.word_embeddings.weight"].clone(),
        lm_head__decoder__bias=state["lm_head.bias"].clone(),
    )
    assert same_weights(luke_from_checkpoint(tmp_path), plain)


def test_shards(roberta: Path) -> None:
    whole = luke_from_checkpoint(roberta)
    state = load_file(roberta / "model.safetensors")
    (roberta / "model.safetensors").unlink()
    half = len(state) // 2
    parts = {"a.safetensors": list(state)[:half], "b.safetensors": list(state)[half:]}
    for file, names in parts.items():
        save_file({name: state[name] for name in names}, roberta / file)
    index = {"weight_map": {name: file for file, names in parts.items() for name in names}}
    (roberta / "model.safetensors.index.json").write_text(json.dumps(index))
    assert same_weights(luke_from_checkpoint(roberta), whole)
    (roberta / "b.safetensors").unlink()
    with pytest.raises(PipelineError, match=r"names files that do not exist: b\.safetensors"):
        luke_from_checkpoint(roberta)
    (roberta / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(PipelineError, match="has no weight_map"):
        luke_from_checkpoint(roberta)


def test_missing_unexpected_and_misshapen_weights_are_listed(roberta: Path) -> None:
    replace_weights(
        roberta,
        lm_head__dense__bias=None,
        roberta__encoder__layer__1__attention__self__query__weight=None,
        roberta__encoder__layer__2__output__dense__bias=torch.zeros(32),
        roberta__embeddings__token_type_embeddings__weight=torch.zeros(2, 32),
        lm_head__decoder__weight=torch.zeros(VOCAB_SIZE, 32),
    )
    with pytest.raises(PipelineError) as caught:
        luke_from_checkpoint(roberta)
    query = "luke.encoder.layer.1.attention.self"
    assert str(caught.value).splitlines() == [
        f"The weights of {roberta} do not fit a LUKE (2 layers x 32, entity_aware attention):",
        "  not tied: lm_head.decoder.weight differs from luke.embeddings.word_embeddings.weight "
        "(transformers 5 initialises it randomly when it loads a LUKE without one: "
        "convert the original file instead of loading and saving the model)",
        "  missing: lm_head.dense.bias",
        f"  missing: {query}.e2e_query.weight",
        f"  missing: {query}.e2w_query.weight",
        f"  missing: {query}.query.weight",
        f"  missing: {query}.w2e_query.weight",
        "  unexpected: luke.encoder.layer.2.output.dense.bias",
        "  misshapen: luke.embeddings.token_type_embeddings.weight is [2, 32], not [1, 32]",
        "Use a complete checkpoint of a masked language model, including its head.",
    ]


def test_an_entity_aware_folder_does_not_become_vanilla_silently(tmp_path: Path) -> None:
    folder = export_to(random_luke(dimensions()), tmp_path / "luke")
    with pytest.raises(PipelineError, match=r"unexpected: luke\.encoder\.layer\.0\.attention\.self\.e2e_query\.bias"):
        load_transformers_folder(folder, model_config(attention="vanilla"))


def test_no_entity_part_may_be_missing_in_a_luke(tmp_path: Path) -> None:
    folder = export_to(random_luke(dimensions()), tmp_path / "luke")
    with pytest.raises(PipelineError, match=r"missing: entity_predictions\.bias"):
        load_transformers_folder(replace_weights(folder, entity_predictions__bias=None), model_config())


def test_a_tokenizer_that_does_not_fit(roberta: Path) -> None:
    with pytest.raises(PipelineError, match=r"embeddings for 50 tokens, but the tokenizer in vocab/words has 51"):
        make_initial_model(
            model_config(), init_from=str(roberta), words=word_vocab(51), entities=entity_vocab(), language="en",
            generator=torch.Generator(),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.json", None, "has no config.json"),
        ("config.json", "{", "is not valid JSON"),
        (
            "config.json",
            '{"model_type": "bert"}',
            "has the model type 'bert', but here it must be one of: roberta, xlm-roberta, luke",
        ),
        ("config.json", '{"model_type": "roberta", "vocab_size": 50, "hidden_act": "relu"}', "hidden_act is 'relu'"),
        ("model.safetensors", None, r"has no model\.safetensors\. Pickled weights"),
        ("model.safetensors", "cut off", "is not a complete safetensors file"),
    ],
)
def test_a_broken_folder(roberta: Path, file: str, text: str | None, message: str) -> None:
    (roberta / file).unlink()
    if text is not None:
        (roberta / file).write_text(text)
    with pytest.raises(PipelineError, match=message):
        luke_from_checkpoint(roberta)


def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(
        PipelineError, match="no such folder is not an existing folder, and not a valid name of a model on the Hub"
    ):
        luke_from_checkpoint(tmp_path / "no such folder")


def test_sizes_have_one_source(roberta: Path) -> None:
    body = BodyConfig(
        num_hidden_layers=1,
        hidden_size=32,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.02,
        attention_init="random",
    )
    with pytest.raises(PipelineError, match=r"but both are given: .*roberta and model\.body="):
        luke_from_checkpoint(roberta, body=body)
    with pytest.raises(PipelineError, match="but neither is given"):
        make_initial_model(
            model_config(),
            init_from=None,
            words=word_vocab(9),
            entities=None,
            language=None,
            generator=torch.Generator(),
        )
    initial = make_initial_model(
        model_config(body=body, entities=False, attention="vanilla"),
        init_from=None,
        words=word_vocab(9),
        entities=entity_vocab(),
        language=None,
        generator=torch.Generator().manual_seed(0),
    )
    assert (initial.coverage, initial.counts) == (None, {})
    assert initial.model.dimensions == dimensions(
        vocab_size=9, entity_vocab_size=0, layers=1, heads=2, max_positions=514, attention="vanilla",
        dropout=0.1, attention_dropout=0.1,
    )  # fmt: skip


def test_the_fingerprint_depends_on_the_files_that_are_read_and_not_on_the_folder(
    roberta: Path, tmp_path: Path
) -> None:
    before = checkpoint_fingerprint(str(roberta))
    moved = roberta.rename(tmp_path / "moved")
    (moved / "README.md").write_text("a card")
    assert checkpoint_fingerprint(str(moved)) == before
    replace_weights(moved, lm_head__dense__bias=torch.ones(32))
    assert checkpoint_fingerprint(str(moved)) != before
