"""The loss over a decoder against torch's cross entropy."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.model.heads import CrossEntropy, loss_and_hits


def test_cross_entropy_by_hand() -> None:
    """Check by hand: probabilities 1/4, 3/4 and 4/5, 1/5, the label is the second in both rows."""
    logits = torch.tensor([[0.0, math.log(3)], [math.log(4), 0.0]], dtype=torch.float64, requires_grad=True)
    loss, hits = CrossEntropy.apply(logits, torch.tensor([1, 1]))
    assert loss.item() == pytest.approx(math.log(4 / 3) + math.log(5))
    assert hits.item() == 1
    (gradient,) = torch.autograd.grad(10 * loss, logits)
    assert gradient.flatten().tolist() == pytest.approx([2.5, -2.5, 8.0, -8.0])


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
def test_cross_entropy_is_torchs(dtype: torch.dtype, bound: float) -> None:
    logits = (3 * torch.randn(7, 50, generator=torch.Generator().manual_seed(0))).to(dtype).requires_grad_()
    labels = torch.tensor([0, 49, 3, 3, 8, 20, 21])
    loss, _ = CrossEntropy.apply(logits, labels)
    wide = logits if dtype == torch.float64 else logits.float()
    expected = F.cross_entropy(wide, labels, reduction="sum")
    assert loss.dtype == wide.dtype
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    found, right = (torch.autograd.grad(value, logits)[0] for value in (loss / 7, expected / 7))
    assert found.dtype == dtype
    assert (found - right).abs().max() < bound


@pytest.mark.parametrize("logits_bytes", [1, 3 * 4 * 50, 10**9])
def test_chunks_give_the_same_result(logits_bytes: int) -> None:
    generator = torch.Generator().manual_seed(0)

    def tensor(*shape: int) -> Tensor:
        return torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_()

    features, decoder, bias = tensor(7, 16), tensor(50, 16), tensor(50)
    logits = F.linear(features, decoder, bias)
    labels = logits.argmax(1)
    labels[2:] = torch.arange(5)
    loss, hits = loss_and_hits(features, decoder, bias, labels, logits_bytes=logits_bytes)
    expected = F.cross_entropy(logits, labels, reduction="sum")
    assert hits.item() == (logits.argmax(1) == labels).sum()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    leaves = (features, decoder, bias)
    for found, right in zip(torch.autograd.grad(loss, leaves), torch.autograd.grad(expected, leaves), strict=True):
        assert torch.allclose(found, right, atol=1e-12)
