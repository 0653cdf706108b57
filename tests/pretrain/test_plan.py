"""The plan's arithmetic against a calculation by hand, and the printed table."""

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
from pipeline.pretrain.plan import (
    StepLoad,
    estimate_memory,
    format_count,
    format_duration,
    make_plan,
    mean_step_load,
    peak_flops,
    render_plan,
    training_flops,
)
from tests.helpers.small_luke import dimensions, ragged_batch, random_luke
from tests.helpers.stages import compose_config

# 10 and 6 words, 2 and 1 entities; 3 masked words, 1 masked entity
LOAD = StepLoad.from_counts(np.array([10, 6]), np.array([2, 1]), word_targets=3, entity_targets=1)
DIMS = dimensions(layers=2, hidden=4, intermediate=8, vocab_size=50, entity_vocab_size=20, entity_embedding=3)


def test_a_load_counts_pairs_within_each_example():
    assert StepLoad(words=16.0, entities=3.0, pairs=12.0**2 + 7.0**2, word_targets=3, entity_targets=1) == LOAD
    assert LOAD.scale(2) == LOAD + LOAD


def test_flops_by_hand():
    # attention: 19 tokens, four projections of 4 x 4, 193 scores of width 4 twice
    attention = 19 * 2 * 4 * 16 + 2 * 2 * 4 * 193
    # after it: one of 4 x 4 and two of 4 x 8; 19 tokens in the first layer, the 4 masked ones in the last
    body = 2 * attention + (19 + 4) * 2 * (16 + 2 * 32)
    words = 3 * 2 * 4 * (4 + 50)
    entities = 2 * 3 * (3 * 4 + 1 * (4 + 20))
    assert training_flops(DIMS, LOAD, "everything") == 3 * (body + words + entities)
    # no gradients of the body's weights: its backward pass is one forward's work
    assert training_flops(DIMS, LOAD, "entities") == 2 * (body + words) + 3 * entities


def test_vanilla_attention_has_one_projection_less():
    vanilla = dimensions(**{name: getattr(DIMS, name) for name in DIMS.__slots__} | {"attention": "vanilla"})
    assert training_flops(DIMS, LOAD, "everything") - training_flops(vanilla, LOAD, "everything") == 3 * 2 * 19 * 2 * 16


def test_a_matrix_product_has_two_operations_for_each_of_its_terms():
    """Compare with torch's own counter."""
    dims = dimensions(dropout=0.0, attention_dropout=0.0, backend="reference")
    batch = ragged_batch()
    with FlopCounterMode(display=False) as counter:
        output = random_luke(dims)(batch)
        (output.word_loss_sum + output.entity_loss_sum).backward()
    padded = StepLoad.from_counts(np.full(3, 12), np.full(3, 3), word_targets=4, entity_targets=2)
    assert counter.get_total_flops() == pytest.approx(training_flops(dims, padded, "everything"), rel=0.02)


@pytest.mark.parametrize(
    ("name", "teraflops"),
    [
        ("NVIDIA H100 80GB HBM3", 989),
        ("NVIDIA H100 PCIe", 756),
        ("NVIDIA H100 NVL", 835),
        ("NVIDIA H200", 989),
        ("NVIDIA GH200 480GB", 989),
        ("NVIDIA A100-SXM4-80GB", 312),
        ("NVIDIA L40S", 362),
    ],
)
def test_peak_flops_of_dense_bf16(name: str, teraflops: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare with NVIDIA's data sheets, whose figures with sparsity are twice as high."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: name)
    assert peak_flops(torch.device("cuda", 0)) == teraflops * 1e12


def test_peak_flops_of_other_devices_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA GeForce GTX 1080")
    assert peak_flops(torch.device("cuda", 0)) is None
    assert peak_flops(torch.device("cpu")) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(40, "40 s"), (95, "2 min"), (3700, "1 h 1 min"), (100_000, "1 days 3 h"), (2_600_000, "30 days 2 h")],
)
def test_durations(seconds, text):
    assert format_duration(seconds) == text


def test_counts():
    assert [format_count(number) for number in (7, 56_000, 3_400_000, 1.25e9)] == ["7", "56.0k", "3.4M", "1.2B"]


def test_the_expected_load_is_the_mean_over_the_dataset(small_data_dir):
    config = compose_config("stage=pretrain")
    store = ExampleStore.open(small_data_dir / "small" / "dataset" / "train")
    load = mean_step_load(store, replace(config.pretrain, batch_size=len(store)), DIMS)
    assert (load.words, load.entities) == (store.word_lengths.sum(), store.entity_lengths.sum())
    assert load.word_targets == pytest.approx(config.pretrain.masking.words * store.word_lengths.sum())
    assert mean_step_load(store, config.pretrain, dimensions(entity_vocab_size=0)).entities == 0


def test_memory_of_weights_gradients_and_moments():
    config = compose_config("stage=pretrain").pretrain
    with torch.device("meta"):
        model = Luke(DIMS)
    count = sum(parameter.numel() for parameter in model.parameters())
    entities = sum(p.numel() for name, p in model.named_parameters() if "entity" in name)
    whole = estimate_memory(model, config, positions=100, shards=1, trains="everything")
    assert (whole["weights"], whole["gradients"], whole["moments"]) == (4 * count, 4 * count, 8 * count)
    half = estimate_memory(model, replace(config, precision="bf16"), positions=100, shards=2, trains="entities")
    assert (half["weights"], half["gradients"]) == (3 * count, 2 * entities)
    assert half["activations"] < whole["activations"]


def test_the_plan_is_printed(small_data_dir):
    config = compose_config("stage=pretrain").pretrain
    store = ExampleStore.open(small_data_dir / "small" / "dataset" / "train")
    with torch.device("meta"):
        model = Luke(DIMS)
    plan = make_plan(config, model, store, [3, 5], device=torch.device("cpu"), processes=2, sharded=False)
    assert plan.phases["entities"].trained_parameters < plan.phases["all"].trained_parameters == plan.parameters
    console = Console(width=140, file=io.StringIO(), record=True)
    console.print(render_plan(plan, config))
    text = console.export_text()
    assert f"8 examples, steps of {config.batch_size}, 2 processes on cpu" in text
    rows = [line.split() for line in text.splitlines() if line.strip().startswith(("entities", "all"))]
    assert [row[2] for row in rows] == ["3", "5"]
    assert format_count(3 * mean_step_load(store, config, DIMS).words) in rows[0]
