"""Invalid values and contradictions in the model config."""

from __future__ import annotations

import pytest

from pipeline.model.config import BodyConfig
from tests.helpers.small_luke import model_config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 1.0}, r"dropout is 1\.0: a number from 0 to below 1"),
        ({"attention_dropout": -0.1}, r"attention_dropout is -0\.1"),
        ({"entity_emb_size": 0}, "entity_emb_size is 0"),
        ({"max_logits_bytes": 0}, "max_logits_bytes is 0"),
        ({"backend": "sdpa"}, "backend is sdpa, .* set model.backend=auto or model.attention=vanilla"),
    ],
)
def test_contradictions(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_config(**changes)


def test_sdpa_computes_vanilla_attention_and_words_alone() -> None:
    assert model_config(backend="sdpa", attention="vanilla").backend == "sdpa"
    assert model_config(backend="sdpa", entities=False).backend == "sdpa"


@pytest.mark.parametrize(
    ("hidden", "heads", "message"),
    [(100, 3, "hidden_size is 100: it must be a multiple of"), (0, 1, "hidden_size is 0")],
)
def test_bodies(hidden: int, heads: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BodyConfig(
            num_hidden_layers=1,
            hidden_size=hidden,
            num_attention_heads=heads,
            intermediate_size=8,
            initializer_range=0.02,
            attention_init="random",
        )
