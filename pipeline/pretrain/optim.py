"""AdamW's parameter groups and the learning rate as a pure function of the step."""

from __future__ import annotations

import torch
from torch import nn

from pipeline.pretrain.config import OptimizerConfig, Trains

ENTITY_PARTS = ("entity_embeddings.", "entity_predictions.")
"""The parameters that RoBERTa does not have, by part of their names (luke#41). The entity-aware queries are not among
them: they start as copies of RoBERTa's own, so they move with the body."""

SETTLED = 1e9
"""A step count at which AdamW's bias corrections 1 - beta^step are exactly 1 in floating point."""


def is_trained(name: str, trains: Trains) -> bool:
    """Whether a phase that trains `trains` trains the parameter of this name."""
    return trains == "everything" or any(part in name for part in ENTITY_PARTS)


def choose_trained(model: nn.Module, trains: Trains) -> None:
    """Set which parameters a phase trains."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_trained(name, trains))


def adamw(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW over the parameters that require a gradient; biases and LayerNorm do not decay.

    torch's AdamW always corrects the moments' bias. Without `config.bias_correction` its count of steps starts where
    both corrections are 1, which is AdamW without them, fused kernels and all.
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
                "step": torch.full((), SETTLED, dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
    return optimizer


def learning_rate(step: int, *, peak: float, steps: int, warmup: float) -> float:
    """The rate of step `step` (from 0) of `steps`: up linearly over the share `warmup`, then down linearly.

    The peak is reached at the end of the warm-up, and the last step still moves: zero would be the step after it.
    """
    rising = round(warmup * steps)
    if step < rising:
        return peak * (step + 1) / rising
    return peak * (steps - step) / (steps - rising)


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
