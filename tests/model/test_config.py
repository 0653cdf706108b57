"""Contradictions die where the config is made, by the names of its keys."""

from __future__ import annotations

import pytest

from pipeline.model.config import BodyConfig
from tests.model.samples import config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dropout": 1.0}, r"model\.dropout is 1\.0: it must lie in \[0, 1\)"),
        ({"attention_dropout": -0.1}, r"model\.attention_dropout is -0\.1"),
        ({"entity_embedding": 0}, r"model\.entity_embedding is 0"),
        ({"logits_bytes": 0}, r"model\.logits_bytes is 0"),
        ({"backend": "sdpa"}, r"model\.backend=sdpa .* model\.attention=entity_aware"),
    ],
)
def test_contradictions(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**changes)


def test_sdpa_computes_vanilla_attention_and_words_alone() -> None:
    assert config(backend="sdpa", attention="vanilla").backend == "sdpa"
    assert config(backend="sdpa", entities=False).backend == "sdpa"


@pytest.mark.parametrize(
    ("hidden", "heads", "message"), [(100, 3, r"body\.hidden \(100\)"), (0, 1, r"body\.hidden is 0")]
)
def test_bodies(hidden: int, heads: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BodyConfig(layers=1, hidden=hidden, heads=heads, intermediate=8, deviation=0.02, attention_start="random")
