"""Exact values of the learning-rate schedule; AdamW with and without bias correction against its formula."""

import pytest
import torch

from pipeline.model.weights import ENTITY_QUERY
from pipeline.pretrain.config import OptimizerConfig, PhaseConfig
from pipeline.pretrain.optim import build_adamw, learning_rate, set_learning_rate, set_trainable
from tests.helpers.small_luke import dimensions, random_luke


def config(**changes: object) -> OptimizerConfig:
    values = {
        "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-6, "weight_decay": 0.1, "bias_correction": False, "clip_norm": None,
    }  # fmt: skip
    return OptimizerConfig(**(values | changes))


def rates(steps: int, *, peak: float = 1.0, warmup: float, decay: float | None = None) -> list[float]:
    phase = PhaseConfig(trains="everything", epochs=1, learning_rate=peak, warmup_ratio=warmup, decay_ratio=decay)
    return [learning_rate(step, phase=phase, steps=steps) for step in range(steps)]


def test_learning_rate_rises_to_the_peak_and_falls_to_the_last_step():
    assert rates(10, warmup=0.4) == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6])


def test_learning_rate_without_warmup():
    assert rates(2, peak=2.0, warmup=0.0) == [2.0, 1.0]


def test_learning_rate_stays_at_the_peak_until_the_decay():
    assert rates(10, warmup=0.2, decay=0.4) == pytest.approx([0.5, 1, 1, 1, 1, 1, 1, 3 / 4, 2 / 4, 1 / 4])
    assert rates(3, warmup=0.0, decay=0.01) == [1.0, 1.0, 1.0]  # at least one step decays, and it is not zero


def test_a_decay_of_all_steps_after_the_warmup_is_the_default():
    assert rates(10, warmup=0.4, decay=0.6) == rates(10, warmup=0.4)


@pytest.mark.parametrize("correction", [False, True])
def test_adamw_is_its_formula(correction):
    layer = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(layer.weight, 0.5)
    torch.nn.init.constant_(layer.bias, 0.5)
    optimizer = build_adamw(layer, config(bias_correction=correction))
    set_learning_rate(optimizer, 0.01)
    weight, moment, square = 0.5, 0.0, 0.0
    for step in range(1, 4):
        gradient = 0.3 * step
        for parameter in layer.parameters():
            parameter.grad = torch.full_like(parameter, gradient)
        optimizer.step()
        moment = 0.9 * moment + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        first = moment / (1 - 0.9**step) if correction else moment
        second = square / (1 - 0.999**step) if correction else square
        weight -= 0.01 * 0.1 * weight
        weight -= 0.01 * first / (second**0.5 + 1e-6)
    assert layer.weight.detach().flatten().tolist() == pytest.approx([weight] * 4, rel=1e-5)


def test_biases_and_norms_do_not_decay():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.LayerNorm(3))
    groups = build_adamw(model, config()).param_groups
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [(0.1, 1), (0.0, 3)]


def test_a_phase_can_train_the_entity_parts_alone():
    """Train the parameters that RoBERTa does not have, except the entity-aware queries."""
    model, roberta = random_luke(dimensions()), random_luke(dimensions(entity_vocab_size=0, attention="vanilla"))
    added = {name for name, _ in model.named_parameters()} - {name for name, _ in roberta.named_parameters()}
    set_trainable(model, "entities")
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {name for name in added if not ENTITY_QUERY.search(name)}
    assert len(added - trained) == 3 * 2 * 2  # three queries in two layers, each with a weight and a bias
    set_trainable(model, "everything")
    assert all(parameter.requires_grad for parameter in model.parameters())
