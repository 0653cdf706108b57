"""The plan's arithmetic, by hand, and what it says of a training."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console
from torch.utils.flop_counter import FlopCounterMode

from pipeline.dataset.reader import ExampleStore
from pipeline.model.luke import Luke
from pipeline.pretrain.plan import Load, counted, duration, expected, flops, memory, planned, show
from tests.helpers.stages import configured
from tests.model.samples import dimensions, made, ragged

# 10 and 6 words, 2 and 1 entities; 3 masked words, 1 masked entity
LOAD = Load.of(np.array([10, 6]), np.array([2, 1]), word_targets=3, entity_targets=1)
DIMS = dimensions(layers=2, hidden=4, intermediate=8, vocab_size=50, entity_vocab_size=20, entity_embedding=3)


def test_a_load_counts_pairs_within_each_example():
    assert Load(words=16.0, entities=3.0, pairs=12.0**2 + 7.0**2, word_targets=3, entity_targets=1) == LOAD
    assert LOAD.times(2) == LOAD + LOAD


def test_arithmetic_by_hand():
    # attention: 19 tokens, four projections of 4 x 4, 193 scores of width 4 twice
    attention = 19 * 2 * 4 * 16 + 2 * 2 * 4 * 193
    # behind it: one of 4 x 4 and two of 4 x 8; 19 tokens in the first layer, the 4 masked ones in the last
    body = 2 * attention + (19 + 4) * 2 * (16 + 2 * 32)
    words = 3 * 2 * 4 * (4 + 50)
    entities = 2 * 3 * (3 * 4 + 1 * (4 + 20))
    assert flops(DIMS, LOAD, "everything") == 3 * (body + words + entities)
    # no gradients of the body's weights: its backward pass is one forward's work
    assert flops(DIMS, LOAD, "entities") == 2 * (body + words) + 3 * entities


def test_vanilla_attention_has_a_projection_less():
    vanilla = dimensions(**{name: getattr(DIMS, name) for name in DIMS.__slots__} | {"attention": "vanilla"})
    assert flops(DIMS, LOAD, "everything") - flops(vanilla, LOAD, "everything") == 3 * 2 * 19 * 2 * 16


def test_a_matrix_product_has_two_operations_for_each_of_its_terms():
    """Against torch's own counter."""
    dims = dimensions(dropout=0.0, attention_dropout=0.0, backend="reference")
    batch = ragged()
    with FlopCounterMode(display=False) as counter:
        output = made(dims)(batch)
        (output.word_loss_sum + output.entity_loss_sum).backward()
    padded = Load.of(np.full(3, 12), np.full(3, 3), word_targets=4, entity_targets=2)
    assert counter.get_total_flops() == pytest.approx(flops(dims, padded, "everything"), rel=0.02)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(40, "40 s"), (95, "2 min"), (3700, "1 h 1 min"), (100_000, "1 days 3 h"), (2_600_000, "30 days 2 h")],
)
def test_durations(seconds, told):
    assert duration(seconds) == told


def test_counts():
    assert [counted(number) for number in (7, 56_000, 3_400_000, 1.25e9)] == ["7", "56.0k", "3.4M", "1.2B"]


def test_the_expected_load_is_the_mean_over_the_dataset(small):
    config = configured("stage=pretrain")
    store = ExampleStore.open(small / "small" / "dataset" / "train")
    load = expected(store, replace(config.pretrain, batch=len(store)), DIMS)
    assert (load.words, load.entities) == (store.lengths.sum(), store.entity_counts.sum())
    assert load.word_targets == pytest.approx(config.pretrain.masking.words * store.lengths.sum())
    assert expected(store, config.pretrain, dimensions(entity_vocab_size=0)).entities == 0


def test_memory_of_weights_gradients_and_moments():
    config = configured("stage=pretrain").pretrain
    with torch.device("meta"):
        model = Luke(DIMS)
    count = sum(parameter.numel() for parameter in model.parameters())
    entities = sum(p.numel() for name, p in model.named_parameters() if "entity" in name)
    whole = memory(model, config, places=100, shards=1, trains="everything")
    assert (whole["weights"], whole["gradients"], whole["moments"]) == (4 * count, 4 * count, 8 * count)
    half = memory(model, replace(config, precision="bf16"), places=100, shards=2, trains="entities")
    assert (half["weights"], half["gradients"]) == (3 * count, 2 * entities)
    assert half["activations"] < whole["activations"]


def test_the_plan_is_told(small):
    config = configured("stage=pretrain").pretrain
    store = ExampleStore.open(small / "small" / "dataset" / "train")
    with torch.device("meta"):
        model = Luke(DIMS)
    plan = planned(config, model, store, [3, 5], device=torch.device("cpu"), processes=2, in_shards=False)
    assert plan.stretches["entities"].trained < plan.stretches["all"].trained == plan.parameters
    console = Console(width=140, file=io.StringIO(), record=True)
    console.print(show(plan, config))
    told = console.export_text()
    assert f"8 Examples, steps of {config.batch}, 2 processes on cpu" in told
    rows = [line.split() for line in told.splitlines() if line.strip().startswith(("entities", "all"))]
    assert [row[2] for row in rows] == ["3", "5"]
    assert counted(3 * expected(store, config, DIMS).words) in rows[0]
