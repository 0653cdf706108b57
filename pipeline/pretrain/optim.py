"""The optimizer: which parameters a phase trains, AdamW's parameter groups, and the learning-rate schedule."""

from __future__ import annotations

import torch
from torch import nn

from pipeline.model.luke import is_entity_parameter
from pipeline.pretrain.config import OptimizerConfig, PhaseConfig, Trains

STEPS_WITHOUT_BIAS = 1e9
"""Step count at which AdamW's bias corrections 1 - beta^step are exactly 1 in floating point."""


def is_trained(name: str, trains: Trains) -> bool:
    """Whether a phase that trains `trains` trains the parameter `name` (a full name in Luke).

    `entities` trains the parameters that RoBERTa does not have (luke#41). The entity-aware queries are not among them:
    they start as copies of RoBERTa's own, so they are trained with the body.
    """
    return trains == "everything" or is_entity_parameter(name)


def set_trainable(model: nn.Module, trains: Trains) -> None:
    """Set `requires_grad` of all parameters as a phase that trains `trains` needs it."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_trained(name, trains))


def build_adamw(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Return an AdamW over the parameters that require a gradient; biases and LayerNorm have no weight decay.

    torch's AdamW always corrects the bias of the moments. Without `config.bias_correction` the step count starts so
    high that both corrections are 1, which disables them and keeps the fused kernels.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=0.0,
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        fused=True,
    )
    if not config.bias_correction:
        for parameter in trained:
            optimizer.state[parameter] = {
                "step": torch.full((), STEPS_WITHOUT_BIAS, dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
    return optimizer


def learning_rate(step: int, *, phase: PhaseConfig, steps: int) -> float:
    """Return the learning rate of `step` (counted from 0) of `steps`: linear warm-up, plateau, linear decay.

    Without `phase.decay_ratio` there is no plateau. The last step still has a positive rate; the step after it would
    have zero.
    """
    peak, rising = phase.learning_rate, round(phase.warmup_ratio * steps)
    if step < rising:
        return peak * (step + 1) / rising
    falling = steps - rising if phase.decay_ratio is None else max(1, round(phase.decay_ratio * steps))
    return peak * min(1.0, (steps - step) / falling)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameter groups."""
    for group in optimizer.param_groups:
        group["lr"] = rate
