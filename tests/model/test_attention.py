"""Every backend against the materialised scores, output and gradients."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.model import attention, kernels
from pipeline.model.attention import attend, choose
from pipeline.model.sequences import Side, Stream

WORDS, ENTITIES = [40, 13, 2, 40], [7, 0, 3, 7]
"""Lengths of four documents: one full, one without entities, one of two words."""
LEAVES = ("word_query", "entity_query", "key", "value")


def stream(lengths: list[int], *, dtype: torch.dtype, vanilla: bool = False, device: str = "cpu", seed: int) -> Stream:
    generator = torch.Generator().manual_seed(seed)
    size = max(lengths)

    def tensor() -> Tensor:
        values = torch.randn(len(lengths), size, 2, 16, dtype=torch.float64, generator=generator)
        return values.to(device, dtype).requires_grad_()

    query = tensor()
    side = Side.of(torch.tensor(lengths, device=device), size)
    return Stream(side, query, query if vanilla else tensor(), tensor(), tensor())


def results(words: Stream, entities: Stream, backend: str, dropout_p: float = 0.0) -> dict[str, Tensor]:
    """Outputs of the real queries and the gradients of a sum over them that weighs each number differently."""
    outputs = attend(words, entities, dropout_p=dropout_p, backend=backend)
    total = torch.zeros((), dtype=words.key.dtype, device=words.key.device)
    found = {}
    for name, side, output in zip(("words", "entities"), (words.side, entities.side), outputs, strict=True):
        assert output.isfinite().all()
        real = torch.arange(side.size, device=output.device) < side.lengths[:, None]
        found[name] = output * real[..., None, None]
        total = total + (found[name] * torch.arange(output.numel()).view_as(output).sin().to(output)).sum()
    leaves = {
        f"{kind} {name}": getattr(part, name) for kind, part in (("w", words), ("e", entities)) for name in LEAVES
    }
    return found | dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))


def furthest(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The largest difference; nan where one is nan, which Python's own max would lose."""
    return torch.stack([(one[name] - other[name]).abs().max() for name in one]).max().item()


@pytest.fixture
def unasked() -> Iterator[None]:
    """Nothing is known yet of the kernels, and nothing said, before the test and after it."""
    for cache in (kernels.flash, attention.tell):
        cache.cache_clear()
    yield
    for cache in (kernels.flash, attention.tell):
        cache.cache_clear()


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 0.05)])
@pytest.mark.parametrize(("word_lengths", "entity_lengths"), [(WORDS, ENTITIES), ([9, 9], [4, 4]), ([9, 3], [0, 1])])
def test_split_is_the_reference(
    dtype: torch.dtype, bound: float, word_lengths: list[int], entity_lengths: list[int]
) -> None:
    words, entities = stream(word_lengths, dtype=dtype, seed=0), stream(entity_lengths, dtype=dtype, seed=1)
    assert furthest(results(words, entities, "split"), results(words, entities, "reference")) < bound


@pytest.mark.parametrize("backend", ["split", "sdpa", "auto"])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_vanilla_attention_is_the_reference(backend: str, dtype: torch.dtype, bound: float) -> None:
    words, entities = (
        stream(lengths, dtype=dtype, vanilla=True, seed=seed) for seed, lengths in enumerate((WORDS, ENTITIES))
    )
    assert furthest(results(words, entities, backend), results(words, entities, "reference")) < bound


def test_the_reference_by_hand() -> None:
    """One head of width 1: a word that sees itself and one entity, scores ln 2 and ln 6, so weights 1/4 and 3/4."""
    one = torch.tensor([1]), torch.ones(1, 1, 1, 1, dtype=torch.float64)
    side = Side.of(one[0], 1)
    words = Stream(side, one[1] * math.log(2), one[1] * math.log(6), key=one[1], value=one[1] * 8)
    entities = Stream(side, one[1] * math.log(1), one[1] * math.log(3), key=one[1], value=one[1] * 100)
    for backend in ("reference", "split"):
        for_words, for_entities = attend(words, entities, dropout_p=0.0, backend=backend)
        assert for_entities is not None
        assert for_words.item() == pytest.approx(8 / 4 + 3 * 100 / 4)
        assert for_entities.item() == pytest.approx(8 / 4 + 3 * 100 / 4)


def test_padding_reaches_no_real_query() -> None:
    words, entities = stream(WORDS, dtype=torch.float64, seed=0), stream(ENTITIES, dtype=torch.float64, seed=1)
    before = results(words, entities, "split")
    with torch.no_grad():
        for part in (words, entities):
            assert part.side.keep is not None
            for name in LEAVES:
                getattr(part, name)[~part.side.keep] = 1e3
    after = results(words, entities, "split")
    for name in ("words", "entities"):
        assert torch.equal(before[name], after[name])


@pytest.mark.parametrize("backend", ["reference", "split", "sdpa", "auto"])
def test_words_alone(backend: str) -> None:
    """A batch without entities: what plain attention over the real words gives."""
    words = stream([9, 4], dtype=torch.float64, seed=0)
    output, nothing = attend(words, None, dropout_p=0.0, backend=backend)
    assert nothing is None
    query, key, value = (getattr(words, name)[1, :4].transpose(0, 1) for name in ("word_query", "key", "value"))
    expected = (query @ key.transpose(1, 2) / 4).softmax(-1) @ value  # heads of 16
    assert torch.allclose(output[1, :4].transpose(0, 1), expected, atol=1e-12)


@pytest.mark.usefixtures("unasked")
def test_dropout_on_cpu_takes_the_reference_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    words, entities = stream([9], dtype=torch.float32, seed=0), stream([4], dtype=torch.float32, seed=1)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert choose(words, entities, dropout_p=0.1, backend="auto") == "reference"
    assert [record.message for record in caplog.records] == [
        "attention: the flash kernel for CPU has no dropout (model.attention_dropout); "
        "scores are materialised, twice as slow"
    ]


@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize(
    ("name", "value"),
    [("aten", SimpleNamespace()), ("CPU", "query value key dropout_p"), ("CPU_BACKWARD", "grad_out query key value")],
    ids=["no such op", "arguments in another order", "more arguments than known"],
)
def test_another_kernel_is_not_called_and_the_reference_taken(
    name: str, value: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    words, entities = stream(WORDS, dtype=torch.float32, seed=0), stream(ENTITIES, dtype=torch.float32, seed=1)
    expected = results(words, entities, "reference")
    monkeypatch.setattr(kernels, name, value)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert furthest(results(words, entities, "split"), expected) == 0
    assert [record.message for record in caplog.records] == [
        f"attention: torch {torch.__version__} has another kernel for CPU; scores are materialised, twice as slow"
    ]


def test_a_kernel_is_known_by_its_arguments_and_results() -> None:
    arguments = "query key value dropout_p is_causal"
    assert kernels.takes("_scaled_dot_product_flash_attention_for_cpu", arguments, returns=2)
    assert not kernels.takes("_scaled_dot_product_flash_attention_for_cpu", arguments, returns=3)
    assert not kernels.takes("_scaled_dot_product_flash_attention_for_cpu", "query value key", returns=2)
    assert not kernels.takes("_flash_attention_backward", kernels.BACKWARD.removesuffix(" unused"), returns=3)
    assert not kernels.takes("no_such_attention", arguments, returns=2)


def test_this_torch_has_the_kernels_known_here() -> None:
    """The CUDA ops are registered in a build for CPU, too."""
    assert kernels.takes("_flash_attention_forward", kernels.FORWARD, returns=5)
    assert kernels.takes("_flash_attention_backward", kernels.BACKWARD, returns=3)
    assert kernels.flash("cpu", torch.float32, 64, 0.0) is kernels.CPU_KERNEL


def test_segments() -> None:
    side = Side.of(torch.tensor([3, 0, 4]), 4)
    assert side.segments.tolist() == [0, 3, 4, 4, 8, 12, 12]
    assert side.keep is not None
    assert side.keep.int().tolist() == [[1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1]]
    assert Side.of(torch.tensor([4, 4]), 4).keep is None


def test_dropout_zeroes_weights_and_keeps_the_mean() -> None:
    """A uniform attention over 64 + 64 values of 1 gives (kept / 128) / 0.75 a query."""
    torch.manual_seed(0)
    side = Side.of(torch.tensor([64]), 64)
    zeros, ones = torch.zeros(1, 64, 8, 4), torch.ones(1, 64, 8, 4)
    words = entities = Stream(side, zeros, zeros + 0, zeros, ones)
    output, _ = attend(words, entities, dropout_p=0.25, backend="reference")
    kept = output * 0.75 * 128
    assert torch.allclose(kept, kept.round(), atol=1e-3)
    assert kept.min() < 96 < kept.max()
    assert output.mean().item() == pytest.approx(1.0, abs=0.01)


# ---------------------------------------------------------------------------------------------- CUDA


class Stand:
    """What torch documents of the CUDA ops, computed segment by segment: the layout of each argument and result.

    A row with no key is undefined in the kernel, so here it is nan with a log-sum-exp of +inf.
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
    """Segments, layouts and the merge, where no GPU is: with the kernels' contract in place of the kernels."""
    words = stream(word_lengths, dtype=torch.float64, seed=0)
    entities = stream(entity_lengths, dtype=torch.float64, seed=1)
    expected = results(words, entities, "reference")
    stand: Any = Stand
    monkeypatch.setattr(kernels, "aten", stand)
    monkeypatch.setattr(attention, "flash", lambda *_: kernels.CUDA_KERNEL)
    assert furthest(results(words, entities, "split"), expected) < 1e-12


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("dropout_p", [0.0, 0.1])
def test_cuda_split_is_the_reference(dropout_p: float) -> None:
    """bf16 against fp32. With dropout: the mean over many draws of its output is the output without."""
    words, entities = (
        stream(lengths, dtype=torch.bfloat16, device="cuda", seed=seed)
        for seed, lengths in enumerate((WORDS, ENTITIES))
    )
    assert choose(words, entities, dropout_p=dropout_p, backend="auto") is kernels.CUDA_KERNEL
    wide = [
        Stream(part.side, *(getattr(part, name).detach().float().requires_grad_() for name in LEAVES))
        for part in (words, entities)
    ]
    expected = results(wide[0], wide[1], "reference")
    draws = [results(words, entities, "auto", dropout_p) for _ in range(400 if dropout_p else 1)]
    found = {name: torch.stack([draw[name].float() for draw in draws]).mean(0) for name in expected}
    assert furthest(found, expected) < (0.15 if dropout_p else 0.05)
