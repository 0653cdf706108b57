"""The two masked-language-model heads: features, and the loss over a decoder that is an embedding table."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

from pipeline.model.dimensions import Dimensions


class WordHead(nn.Module):
    """Its decoder is the word embeddings."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.hidden)
        self.layer_norm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.bias = nn.Parameter(torch.empty(dims.vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        features: Tensor = self.layer_norm(F.gelu(self.dense(hidden)))
        return features


class EntityTransform(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.entity_embedding)
        self.LayerNorm = nn.LayerNorm(dims.entity_embedding, eps=dims.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        features: Tensor = self.LayerNorm(F.gelu(self.dense(hidden)))
        return features


class EntityHead(nn.Module):
    """Its decoder is the entity embeddings."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.transform = EntityTransform(dims)
        self.bias = nn.Parameter(torch.empty(dims.entity_vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        features: Tensor = self.transform(hidden)
        return features


def loss_and_hits(
    features: Tensor, decoder: Tensor, bias: Tensor, labels: Tensor, *, logits_bytes: int
) -> tuple[Tensor, Tensor]:
    """Summed cross entropy in fp32 and the count of labels that have the highest logit.

    Args:
        features: [M, d]; decoder: [V, d]; bias: [V]; labels: [M].
        logits_bytes: where fp32 logits would take more, they are made in pieces, again in the backward pass.
    """
    rows = max(1, logits_bytes // (4 * len(decoder)))
    if len(labels) <= rows:
        return decoded(features, decoder, bias, labels)
    pieces = [
        checkpoint(decoded, some, decoder, bias, of_them, use_reentrant=False, preserve_rng_state=False)
        for some, of_them in zip(torch.split(features, rows), torch.split(labels, rows), strict=True)
    ]
    losses, hits = zip(*pieces, strict=True)
    return torch.stack(losses).sum(), torch.stack(hits).sum()


def decoded(features: Tensor, decoder: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    loss, hits = CrossEntropy.apply(F.linear(features, decoder, bias), labels)  # type: ignore[no-untyped-call]
    return loss, hits


class CrossEntropy(torch.autograd.Function):
    """(logits [M, V], labels [M]) -> (summed loss, hits), holding one matrix [M, V] at a time between the passes.

    torch's own writes three: the log-probabilities, a gradient of zeros but for the labels, and the logits' gradient.
    Here the second is never made and the third overwrites the first.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logs = logits.log_softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
        ctx.save_for_backward(logs, labels)
        ctx.dtype = logits.dtype
        hits = (logs.argmax(dim=-1) == labels).sum()
        ctx.mark_non_differentiable(hits)
        return -logs.gather(1, labels[:, None]).sum(), hits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> tuple[Tensor, None]:
        logs, labels = ctx.saved_tensors
        for_logits = logs.exp_().mul_(gradient)  # softmax, less 1 at the label
        for_logits.scatter_add_(1, labels[:, None], -gradient.expand(len(labels), 1))
        return for_logits.to(ctx.dtype), None
