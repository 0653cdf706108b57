"""Every attention backend against the reference backend: outputs and gradients."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from pipeline.model import attention, kernels
from pipeline.model.attention import attend, choose_method
from pipeline.model.sequences import QKV, Positions

WORDS, ENTITIES = [40, 13, 2, 40], [7, 0, 3, 7]
"""Lengths of four documents: two of full length, one without entities, one of two words."""
INPUTS = ("word_query", "entity_query", "key", "value")
"""The tensors of QKV."""


def make_qkv(lengths: list[int], *, dtype: torch.dtype, vanilla: bool = False, device: str = "cpu", seed: int) -> QKV:
    """Return random queries, keys and values for documents of these lengths."""
    generator = torch.Generator().manual_seed(seed)
    size = max(lengths)

    def tensor() -> Tensor:
        values = torch.randn(len(lengths), size, 2, 16, dtype=torch.float64, generator=generator)
        return values.to(device, dtype).requires_grad_()

    query = tensor()
    positions = Positions.from_lengths(torch.tensor(lengths, device=device), size)
    return QKV(positions, query, query if vanilla else tensor(), tensor(), tensor())


def outputs_and_gradients(words: QKV, entities: QKV, backend: str, dropout_p: float = 0.0) -> dict[str, Tensor]:
    """Return the outputs of the real queries, and the gradients of a sum of them with a different weight for each."""
    outputs = attend(words, entities, dropout_p=dropout_p, backend=backend)
    total = torch.zeros((), dtype=words.key.dtype, device=words.key.device)
    found = {}
    for name, positions, output in zip(
        ("words", "entities"), (words.positions, entities.positions), outputs, strict=True
    ):
        assert output.isfinite().all()
        real = torch.arange(positions.size, device=output.device) < positions.lengths[:, None]
        found[name] = output * real[..., None, None]
        total = total + (found[name] * torch.arange(output.numel()).view_as(output).sin().to(output)).sum()
    leaves = {
        f"{kind} {name}": getattr(part, name) for kind, part in (("w", words), ("e", entities)) for name in INPUTS
    }
    return found | dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))


def max_difference(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """Return the largest difference, or nan if any is nan; Python's max would hide it."""
    return torch.stack([(one[name] - other[name]).abs().max() for name in one]).max().item()


@pytest.fixture
def fresh_caches() -> Iterator[None]:
    """Clear the cached kernels and the logged warnings before and after the test."""
    for cache in (kernels.find_flash_kernel, attention.warn_once):
        cache.cache_clear()
    yield
    for cache in (kernels.find_flash_kernel, attention.warn_once):
        cache.cache_clear()


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize(("word_lengths", "entity_lengths"), [(WORDS, ENTITIES), ([9, 9], [4, 4]), ([9, 3], [0, 1])])
def test_split_is_the_reference(
    dtype: torch.dtype, bound: float, word_lengths: list[int], entity_lengths: list[int]
) -> None:
    words, entities = make_qkv(word_lengths, dtype=dtype, seed=0), make_qkv(entity_lengths, dtype=dtype, seed=1)
    assert (
        max_difference(
            outputs_and_gradients(words, entities, "split"), outputs_and_gradients(words, entities, "reference")
        )
        < bound
    )


@pytest.mark.parametrize("backend", ["split", "sdpa", "auto"])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_vanilla_attention_is_the_reference(backend: str, dtype: torch.dtype, bound: float) -> None:
    words, entities = (
        make_qkv(lengths, dtype=dtype, vanilla=True, seed=seed) for seed, lengths in enumerate((WORDS, ENTITIES))
    )
    assert (
        max_difference(
            outputs_and_gradients(words, entities, backend), outputs_and_gradients(words, entities, "reference")
        )
        < bound
    )


def test_the_reference_by_hand() -> None:
    """Check one head of width 1 for one word and one entity: scores ln 2 and ln 6, weights 1/4 and 3/4."""
    one = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    positions = Positions.from_lengths(torch.tensor([1]), 1)
    words = QKV(positions, one * math.log(2), one * math.log(6), key=one, value=one * 8)
    entities = QKV(positions, one * math.log(1), one * math.log(3), key=one, value=one * 100)
    for backend in ("reference", "split"):
        for_words, for_entities = attend(words, entities, dropout_p=0.0, backend=backend)
        assert for_entities is not None
        assert for_words.item() == pytest.approx(8 / 4 + 3 * 100 / 4)
        assert for_entities.item() == pytest.approx(8 / 4 + 3 * 100 / 4)


def test_padding_reaches_no_real_query() -> None:
    words, entities = make_qkv(WORDS, dtype=torch.float64, seed=0), make_qkv(ENTITIES, dtype=torch.float64, seed=1)
    before = outputs_and_gradients(words, entities, "split")
    with torch.no_grad():
        for part in (words, entities):
            assert part.positions.mask is not None
            for name in INPUTS:
                getattr(part, name)[~part.positions.mask] = 1e3
    after = outputs_and_gradients(words, entities, "split")
    for name in ("words", "entities"):
        assert torch.equal(before[name], after[name])


@pytest.mark.parametrize("backend", ["reference", "split", "sdpa", "auto"])
def test_words_alone(backend: str) -> None:
    """Attention in a batch without entities is plain attention over the real words."""
    words = make_qkv([9, 4], dtype=torch.float64, seed=0)
    output, nothing = attend(words, None, dropout_p=0.0, backend=backend)
    assert nothing is None
    query, key, value = (getattr(words, name)[1, :4].transpose(0, 1) for name in ("word_query", "key", "value"))
    expected = (query @ key.transpose(1, 2) / 4).softmax(-1) @ value  # heads of 16
    assert torch.allclose(output[1, :4].transpose(0, 1), expected, atol=1e-12)


@pytest.mark.usefixtures("fresh_caches")
def test_dropout_on_cpu_uses_the_reference_and_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    words, entities = make_qkv([9], dtype=torch.float32, seed=0), make_qkv([4], dtype=torch.float32, seed=1)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert choose_method(words, entities, dropout_p=0.1, backend="auto") == "reference"
    assert [record.message for record in caplog.records] == [
        "attention: the flash kernel for CPU has no dropout (model.attention_dropout); "
        "scores are materialised, twice as slow"
    ]


@pytest.mark.usefixtures("fresh_caches")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("aten", SimpleNamespace()),
        ("CPU_FORWARD_ARGUMENTS", "query value key dropout_p"),
        ("CPU_BACKWARD_ARGUMENTS", "grad_out query key value"),
    ],
    ids=["no such op", "arguments in another order", "more arguments than known"],
)
def test_an_unknown_kernel_is_not_called_and_the_reference_is_used(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    words, entities = make_qkv(WORDS, dtype=torch.float32, seed=0), make_qkv(ENTITIES, dtype=torch.float32, seed=1)
    expected = outputs_and_gradients(words, entities, "reference")
    monkeypatch.setattr(kernels, name, value)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert max_difference(outputs_and_gradients(words, entities, "split"), expected) == 0
    assert [record.message for record in caplog.records] == [
        f"attention: torch {torch.__version__} has a different flash kernel for CPU; "
        "scores are materialised, twice as slow"
    ]


def test_a_kernel_is_known_by_its_arguments_and_results() -> None:
    arguments = "query key value dropout_p is_causal"
    assert kernels.has_op("_scaled_dot_product_flash_attention_for_cpu", arguments, returns=2)
    assert not kernels.has_op("_scaled_dot_product_flash_attention_for_cpu", arguments, returns=3)
    assert not kernels.has_op("_scaled_dot_product_flash_attention_for_cpu", "query value key", returns=2)
    assert not kernels.has_op(
        "_flash_attention_backward", kernels.CUDA_BACKWARD_ARGUMENTS.removesuffix(" unused"), returns=3
    )
    assert not kernels.has_op("no_such_attention", arguments, returns=2)


def test_this_torch_has_the_kernels_known_here() -> None:
    """A CPU build of torch has the CUDA ops too."""
    assert kernels.has_op("_flash_attention_forward", kernels.CUDA_FORWARD_ARGUMENTS, returns=5)
    assert kernels.has_op("_flash_attention_backward", kernels.CUDA_BACKWARD_ARGUMENTS, returns=3)
    assert kernels.find_flash_kernel("cpu", torch.float32, 64, 0.0) is kernels.CPU_KERNEL


def test_positions_from_lengths() -> None:
    positions = Positions.from_lengths(torch.tensor([3, 0, 4]), 4)
    assert positions.cu_seqlens.tolist() == [0, 3, 4, 4, 8, 12, 12]
    assert positions.mask is not None
    assert positions.mask.int().tolist() == [[1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]]
    assert Positions.from_lengths(torch.tensor([4, 4]), 4).mask is None


def test_dropout_zeroes_weights_and_keeps_the_mean() -> None:
    """Uniform attention over 64 + 64 values of 1 gives (kept / 128) / 0.75 for each query."""
    torch.manual_seed(0)
    positions = Positions.from_lengths(torch.tensor([64]), 64)
    zeros, ones = torch.zeros(1, 64, 8, 4), torch.ones(1, 64, 8, 4)
    words = entities = QKV(positions, zeros, zeros + 0, zeros, ones)
    output, _ = attend(words, entities, dropout_p=0.25, backend="reference")
    kept = output * 0.75 * 128
    assert torch.allclose(kept, kept.round(), atol=1e-3)
    assert kept.min() < 96 < kept.max()
    assert output.mean().item() == pytest.approx(1.0, abs=0.01)


# ---------------------------------------------------------------------------------------------- CUDA


class FakeCudaOps:
    """The private CUDA ops of torch, computed segment by segment with the documented layout of arguments and results.

    A query without keys is undefined in the kernel; here its output is nan and its log-sum-exp +inf.
    """

    @staticmethod
    def weights(query: Tensor, key: Tensor, logsumexp: Tensor) -> Tensor:
        scores = torch.einsum("qhd,khd->hqk", query, key) / math.sqrt(query.size(-1))
        return (scores - logsumexp[..., None]).exp()

    @staticmethod
    def segments(borders: Tensor, other: Tensor) -> list[tuple[slice, slice]]:
        assert borders.dtype == other.dtype == torch.int32
        return [
            (slice(int(a), int(b)), slice(int(c), int(d)))
            for a, b, c, d in zip(borders[:-1], borders[1:], other[:-1], other[1:], strict=True)
        ]

    @classmethod
    def _flash_attention_forward(
        cls, query: Tensor, key: Tensor, value: Tensor, cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int,
        dropout_p: float, is_causal: bool, return_debug_mask: bool,
    ) -> tuple[Tensor, ...]:  # fmt: skip
        assert (dropout_p, is_causal, return_debug_mask) == (0.0, False, False)
        output = torch.full_like(query, math.nan)
        logsumexp = query.new_full((query.size(1), query.size(0)), math.inf)
        for q, k in cls.segments(cu_q, cu_k):
            assert q.stop - q.start <= max_q
            assert k.stop - k.start <= max_k
            if k.stop > k.start:
                scores = torch.einsum("qhd,khd->hqk", query[q], key[k]) / math.sqrt(query.size(-1))
                logsumexp[:, q] = scores.logsumexp(-1)
                output[q] = torch.einsum("hqk,khd->qhd", scores.softmax(-1), value[k])
        state = torch.zeros(2, dtype=torch.uint64)
        return output, logsumexp, state, state, torch.empty(0)

    @classmethod
    def _flash_attention_backward(
        cls, gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logsumexp: Tensor,
        cu_q: Tensor, cu_k: Tensor, max_q: int, max_k: int, dropout_p: float, is_causal: bool,
        state: Tensor, unused: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
        assert logsumexp.is_contiguous()
        assert logsumexp.shape == (query.size(1), query.size(0))
        for_query = torch.full_like(query, math.nan)
        for_key, for_value = torch.zeros_like(key), torch.zeros_like(value)
        scale = 1 / math.sqrt(query.size(-1))
        for q, k in cls.segments(cu_q, cu_k):
            if k.stop > k.start:
                weights = cls.weights(query[q], key[k], logsumexp[:, q])
                delta = (gradient[q] * output[q]).sum(-1).t()[..., None]
                inner = weights * (torch.einsum("qhd,khd->hqk", gradient[q], value[k]) - delta) * scale
                for_query[q] = torch.einsum("hqk,khd->qhd", inner, key[k])
                for_key[k] += torch.einsum("hqk,qhd->khd", inner, query[q])
                for_value[k] += torch.einsum("hqk,qhd->khd", weights, gradient[q])
        return for_query, for_key, for_value


@pytest.mark.parametrize(("word_lengths", "entity_lengths"), [(WORDS, ENTITIES), ([9, 9], [4, 4]), ([9, 3], [0, 1])])
def test_the_cuda_path_is_the_reference(
    word_lengths: list[int], entity_lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Check segments, layouts and the merge without a GPU, with a fake of the CUDA ops."""
    words = make_qkv(word_lengths, dtype=torch.float64, seed=0)
    entities = make_qkv(entity_lengths, dtype=torch.float64, seed=1)
    expected = outputs_and_gradients(words, entities, "reference")
    monkeypatch.setattr(kernels, "aten", FakeCudaOps)
    monkeypatch.setattr(attention, "find_flash_kernel", lambda *_: kernels.CUDA_KERNEL)
    assert max_difference(outputs_and_gradients(words, entities, "split"), expected) < 1e-12


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("dropout_p", [0.0, 0.1])
def test_cuda_split_is_the_reference(dropout_p: float) -> None:
    """Compare bf16 with fp32; with dropout, the mean over many draws with the output without dropout."""
    words, entities = (
        make_qkv(lengths, dtype=torch.bfloat16, device="cuda", seed=seed)
        for seed, lengths in enumerate((WORDS, ENTITIES))
    )
    assert choose_method(words, entities, dropout_p=dropout_p, backend="auto") is kernels.CUDA_KERNEL
    wide = [
        QKV(part.positions, *(getattr(part, name).detach().float().requires_grad_() for name in INPUTS))
        for part in (words, entities)
    ]
    expected = outputs_and_gradients(wide[0], wide[1], "reference")
    draws = [outputs_and_gradients(words, entities, "auto", dropout_p) for _ in range(400 if dropout_p else 1)]
    found = {name: torch.stack([draw[name].float() for draw in draws]).mean(0) for name in expected}
    assert max_difference(found, expected) < (0.15 if dropout_p else 0.05)
