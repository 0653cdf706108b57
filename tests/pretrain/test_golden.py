"""The exact loss curve of a training run on the small wiki: a change of it must be intended.

It has fifty steps of a randomly initialised model without dropout, so corpus, vocabularies, dataset, order, masks,
initial weights, loss and optimizer all influence it.
"""

from __future__ import annotations

import json

import pytest

from tests.helpers.stages import TINY_OVERRIDES, run_stage

SETTINGS = [
    *TINY_OVERRIDES, "model=roberta_tiny", "model.entities=true", "model.attention=entity_aware",
    "pretrain.init_from=null", "pretrain.phases.entities.epochs=5", "pretrain.phases.all.epochs=20",
    "pretrain.validations_per_phase=0", "pretrain.phases.all.learning_rate=1.5e-3", "pretrain.optimizer.beta2=0.98",
    "pretrain.masking.hide_mentions=0",
]  # fmt: skip
"""The presets' own values may change; these stay."""
WORDS = [5.85953, 6.02427, 6.01311, 5.88608, 5.93937, 5.85687, 6.28819, 5.76416, 6.00449, 6.06054]
ENTITIES = [2.86353, 2.84973, 2.77753, 2.90164, 2.89987, 2.83073, 2.7297, 2.69937, 2.79198, 2.63429]
LAST = (3.07727, 2.14327)
"""Losses after fifty steps: words, entities."""


def test_the_loss_curve(make_data_dir):
    data_dir = make_data_dir("golden")
    run_stage("pretrain", *SETTINGS, f"data_dir={data_dir}")
    text = (data_dir / "small" / "pretrain" / "tiny" / "metrics.jsonl").read_text()
    curve = [json.loads(line) for line in text.splitlines()]
    words, entities = ([line[key] for line in curve] for key in ("word_loss", "entity_loss"))
    assert len(curve) == 50
    assert words[:10] == pytest.approx(WORDS, abs=1e-4)
    assert entities[:10] == pytest.approx(ENTITIES, abs=1e-4)
    assert (words[-1], entities[-1]) == pytest.approx(LAST, abs=1e-2)
