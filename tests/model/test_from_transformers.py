"""A LUKE in transformers' format is loaded with all its rows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.errors import PipelineError
from pipeline.model.config import Attention
from pipeline.model.from_transformers import load_transformers_luke
from pipeline.model.weights import to_transformers
from tests.helpers.small_luke import dimensions, random_luke
from tests.helpers.stages import save_roberta


def save_luke(folder: Path, attention: Attention) -> dict[str, torch.Tensor]:
    """Save a LUKE as a transformers folder, and return its parameters."""
    model = random_luke(dimensions(attention=attention))
    weights, settings = to_transformers(model, attention=attention)
    settings.save_pretrained(folder)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return model.state_dict()


@pytest.mark.parametrize("attention", ["entity_aware", "vanilla"])
def test_all_weights_and_sizes_are_the_checkpoints(tmp_path: Path, attention: Attention) -> None:
    weights = save_luke(tmp_path, attention)
    model = load_transformers_luke(str(tmp_path))
    assert not model.training
    assert (model.dimensions.vocab_size, model.dimensions.entity_vocab_size) == (50, 20)
    assert (model.dimensions.attention, model.dimensions.dropout) == (attention, 0.0)
    assert model.state_dict().keys() == weights.keys()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in model.state_dict().items())


def test_queries_that_vanilla_attention_does_not_use_are_ignored(tmp_path: Path) -> None:
    weights = save_luke(tmp_path, "vanilla")
    path = tmp_path / "model.safetensors"
    state = load_file(path)
    for name in [name for name in state if ".self.query." in name]:
        state[name.replace(".query.", ".e2e_query.")] = torch.zeros_like(state[name])
    save_file(state, path, metadata={"format": "pt"})
    assert load_transformers_luke(str(tmp_path)).state_dict().keys() == weights.keys()


def test_a_roberta_is_refused(tmp_path: Path) -> None:
    save_roberta(tmp_path, vocab_size=50, positions=40)
    with pytest.raises(PipelineError, match="has the model type 'roberta', but here it must be one of: luke"):
        load_transformers_luke(str(tmp_path))
