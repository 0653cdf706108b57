"""The two masked-language-model heads, and the loss over a decoder that is an embedding table."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.utils.checkpoint import checkpoint

from pipeline.model.dimensions import Dimensions


class WordHead(nn.Module):
    """Features and bias of the word predictions; the decoder is the word embedding table."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.hidden)
        self.layer_norm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.bias = nn.Parameter(torch.empty(dims.vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the features [..., H] that the decoder reads."""
        features: Tensor = self.layer_norm(F.gelu(self.dense(hidden)))
        return features


class EntityTransform(nn.Module):
    """The entity head's projection to the width of the entity embeddings; a module so that names match transformers."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.entity_embedding)
        self.LayerNorm = nn.LayerNorm(dims.entity_embedding, eps=dims.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        """Project [..., H] to [..., entity_embedding]."""
        features: Tensor = self.LayerNorm(F.gelu(self.dense(hidden)))
        return features


class EntityHead(nn.Module):
    """Features and bias of the entity predictions; the decoder is the entity embedding table."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.transform = EntityTransform(dims)
        self.bias = nn.Parameter(torch.empty(dims.entity_vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the features [..., entity_embedding] that the decoder reads."""
        features: Tensor = self.transform(hidden)
        return features


def loss_and_hits(
    features: Tensor, decoder: Tensor, bias: Tensor, labels: Tensor, *, logits_bytes: int
) -> tuple[Tensor, Tensor]:
    """Return the summed cross entropy in fp32 and the number of labels that have the highest logit.

    Args:
        features: [M, d]; decoder: [V, d]; bias: [V]; labels: [M].
        logits_bytes: if the fp32 logits would take more bytes, they are computed in chunks of rows, and computed again
            in the backward pass.
    """
    rows = max(1, logits_bytes // (4 * len(decoder)))
    if len(labels) <= rows:
        return cross_entropy_and_hits(features, decoder, bias, labels)
    chunks = [
        checkpoint(
            cross_entropy_and_hits, chunk, decoder, bias, chunk_labels, use_reentrant=False, preserve_rng_state=False
        )
        for chunk, chunk_labels in zip(torch.split(features, rows), torch.split(labels, rows), strict=True)
    ]
    losses, hits = zip(*chunks, strict=True)
    return torch.stack(losses).sum(), torch.stack(hits).sum()


def cross_entropy_and_hits(features: Tensor, decoder: Tensor, bias: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the summed cross entropy and the hits of features [M, d], from all logits at once."""
    loss, hits = CrossEntropy.apply(F.linear(features, decoder, bias), labels)  # type: ignore[no-untyped-call]
    return loss, hits


class CrossEntropyContext(FunctionCtx):
    """The attributes that `CrossEntropy` saves between its passes."""

    saved_tensors: tuple[Tensor, Tensor]
    dtype: torch.dtype


class CrossEntropy(torch.autograd.Function):
    """(logits [M, V], labels [M]) -> (summed loss, hits), with one matrix [M, V] in memory between the passes.

    torch's cross_entropy writes three: the log-probabilities, their gradient, which is 0 except at the labels, and the
    gradient of the logits. Here the second does not exist and the third overwrites the first.
    """

    @staticmethod
    def forward(ctx: CrossEntropyContext, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the summed loss in fp32 or fp64, and the number of labels that have the highest logit."""
        log_probabilities = logits.log_softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
        ctx.save_for_backward(log_probabilities, labels)
        ctx.dtype = logits.dtype
        hits = (log_probabilities.argmax(dim=-1) == labels).sum()
        ctx.mark_non_differentiable(hits)
        return -log_probabilities.gather(1, labels[:, None]).sum(), hits

    @staticmethod
    @once_differentiable
    def backward(ctx: CrossEntropyContext, gradient: Tensor, _: Tensor) -> tuple[Tensor, None]:
        """Return the gradient of the logits: softmax, minus 1 at the label, times `gradient`."""
        log_probabilities, labels = ctx.saved_tensors
        for_logits = log_probabilities.exp_().mul_(gradient)
        for_logits.scatter_add_(1, labels[:, None], -gradient.expand(len(labels), 1))
        return for_logits.to(ctx.dtype), None
