"""torch's flash attention kernels, called so that the results for two sets of keys can be merged.

attention.py needs two things that torch's public functions do not offer: the log-sum-exp of the forward pass, and a
backward pass that accepts the output and the log-sum-exp of the merged attention. Only private ops of torch do this. So
an op is called only if its arguments are the ones known here (torch 2.11 to 2.13); otherwise `find_flash_kernel`
returns the reason and attention.py uses another backend.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.model.sequences import Positions

aten = torch.ops.aten

SavedState = tuple[Tensor, ...]
"""Tensors that a kernel's forward hands to its backward: the random state of dropout on CUDA, none on a CPU."""


@dataclass(frozen=True, slots=True)
class FlashKernel:
    """A flash attention whose backward accepts an output and a log-sum-exp from outside.

    forward(query, key, value, queries, keys, dropout_p) -> output [B, Q, heads, d], log-sum-exp [B, Q, heads], state;
        a query without keys has output 0 and log-sum-exp -inf.
    backward(gradient, query, key, value, output, logsumexp, queries, keys, dropout_p, state)
        -> the gradients of query, key and value.
    `queries` and `keys` are the Positions of the queries and of the keys.
    """

    forward: Callable[..., tuple[Tensor, Tensor, SavedState]]
    backward: Callable[..., tuple[Tensor, Tensor, Tensor]]
    needs_query_positions: bool
    """Whether the kernel reads `queries`; if not, `queries` is None and one call can serve words and entities."""


def cpu_forward(
    query: Tensor, key: Tensor, value: Tensor, queries: None, keys: Positions, dropout_p: float
) -> tuple[Tensor, Tensor, SavedState]:
    """Call the forward kernel of torch for CPUs."""
    mask = padding_bias(keys, query)
    output, logsumexp = aten._scaled_dot_product_flash_attention_for_cpu(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), dropout_p, False, attn_mask=mask
    )
    logsumexp = logsumexp.transpose(1, 2)
    if keys.mask is not None:  # the kernel returns 0 for a query without keys
        logsumexp = logsumexp.masked_fill((keys.lengths == 0)[:, None, None], -math.inf)
    return output.transpose(1, 2), logsumexp, ()


def cpu_backward(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logsumexp: Tensor,
    queries: None, keys: Positions, dropout_p: float, state: SavedState,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Call the backward kernel of torch for CPUs."""
    tensors = (tensor.transpose(1, 2) for tensor in (gradient, query, key, value, output, logsumexp))
    gradients = aten._scaled_dot_product_flash_attention_for_cpu_backward(
        *tensors, dropout_p, False, attn_mask=padding_bias(keys, query)
    )
    for_query, for_key, for_value = (tensor.transpose(1, 2) for tensor in gradients)
    return for_query, for_key, for_value


def padding_bias(keys: Positions, query: Tensor) -> Tensor | None:
    """Return an additive mask [B, 1, 1, N]: 0 at real keys, -inf at padding; None if nothing is padded."""
    if keys.mask is None:
        return None
    return query.new_zeros(keys.mask.shape).masked_fill_(~keys.mask, -math.inf)[:, None, None]


# On CUDA the flat [B * N] positions are split into two segments per document, one of real positions and one of padding.
# Attention runs segment by segment, so real queries attend to real keys and padding to padding. This needs neither a
# copy without padding nor a mask, which the kernel does not accept.


def cuda_forward(
    query: Tensor, key: Tensor, value: Tensor, queries: Positions, keys: Positions, dropout_p: float
) -> tuple[Tensor, Tensor, SavedState]:
    """Call the forward kernel of torch for CUDA."""
    output, logsumexp, rng_state, unused, _ = aten._flash_attention_forward(
        query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1),
        queries.cu_seqlens, keys.cu_seqlens, queries.size, keys.size, dropout_p, False, False,
    )  # fmt: skip
    no_keys = has_no_keys(queries, keys)[..., None]
    logsumexp = logsumexp.t().view(*no_keys.shape[:2], -1).masked_fill(no_keys, -math.inf)  # from [heads, B * Q]
    return output.view_as(query).masked_fill(no_keys[..., None], 0), logsumexp, (rng_state, unused)


def cuda_backward(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logsumexp: Tensor,
    queries: Positions, keys: Positions, dropout_p: float, state: SavedState,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Call the backward kernel of torch for CUDA."""
    for_query, for_key, for_value = aten._flash_attention_backward(
        gradient.flatten(0, 1), query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1), output.flatten(0, 1),
        logsumexp.flatten(0, 1).t().contiguous(),  # the kernel expects [heads, B * Q]
        queries.cu_seqlens, keys.cu_seqlens, queries.size, keys.size, dropout_p, False, *state,
    )  # fmt: skip
    for_query = for_query.view_as(query).masked_fill(has_no_keys(queries, keys)[..., None, None], 0)
    return for_query, for_key.view_as(key), for_value.view_as(value)


def has_no_keys(queries: Positions, keys: Positions) -> Tensor:
    """Return [B, Q] bool: True for a query whose segment has no key; the kernel's output is undefined there."""
    real_keys = keys.lengths[:, None]
    return torch.where(queries.real_mask(), real_keys == 0, real_keys == keys.size)


CPU_KERNEL = FlashKernel(cpu_forward, cpu_backward, needs_query_positions=False)
CUDA_KERNEL = FlashKernel(cuda_forward, cuda_backward, needs_query_positions=True)
CUDA_FORWARD_ARGUMENTS = "query key value cum_seq_q cum_seq_k max_q max_k dropout_p is_causal return_debug_mask"
CUDA_BACKWARD_ARGUMENTS = (
    "grad_out query key value out logsumexp cum_seq_q cum_seq_k max_q max_k dropout_p is_causal rng_state unused"
)
CPU_FORWARD_ARGUMENTS = "query key value dropout_p is_causal attn_mask scale"
CPU_BACKWARD_ARGUMENTS = "grad_out query key value out logsumexp dropout_p is_causal attn_mask scale"


@functools.cache
def find_flash_kernel(device: str, dtype: torch.dtype, head: int, dropout_p: float) -> FlashKernel | str:
    """Return the flash kernel for this case, or the reason why there is none.

    An op that this torch does not have, or that takes other arguments than known here, is not called.

    Args:
        head: the width of an attention head.
    """
    if device == "cpu":
        if dropout_p > 0:
            return "the flash kernel for CPU has no dropout (model.attention_dropout)"
        known = has_op("_scaled_dot_product_flash_attention_for_cpu", CPU_FORWARD_ARGUMENTS, returns=2) and has_op(
            "_scaled_dot_product_flash_attention_for_cpu_backward", CPU_BACKWARD_ARGUMENTS, returns=3
        )
        return CPU_KERNEL if known else f"torch {torch.__version__} has a different flash kernel for CPU"
    if device != "cuda" or torch.version.hip is not None:
        return f"no flash kernel is known for {device}"
    if dtype not in (torch.float16, torch.bfloat16) or head % 8 or head > 256:
        return (
            f"the flash kernel for CUDA does not support heads of width {head} in {dtype} "
            f"(it needs fp16 or bf16 and a multiple of 8 up to 256)"
        )
    if not torch.backends.cuda.is_flash_attention_available() or torch.cuda.get_device_capability() < (8, 0):
        return "this GPU or this build of torch has no flash kernel"
    known = has_op("_flash_attention_forward", CUDA_FORWARD_ARGUMENTS, returns=5) and has_op(
        "_flash_attention_backward", CUDA_BACKWARD_ARGUMENTS, returns=3
    )
    return CUDA_KERNEL if known else f"torch {torch.__version__} has a different flash kernel for CUDA"


def has_op(op: str, arguments: str, *, returns: int) -> bool:
    """Whether torch has the private op `op` with the expected signature.

    Args:
        arguments: names of its first arguments, separated by spaces; every further argument must have a default.
        returns: number of its results.
    """
    packet = getattr(aten, op, None)
    if packet is None or "default" not in packet.overloads():
        return False
    schema = packet.default._schema
    expected = arguments.split()
    names = [argument.name for argument in schema.arguments[: len(expected)]]
    rest_has_defaults = all(argument.has_default_value() for argument in schema.arguments[len(expected) :])
    return names == expected and rest_has_defaults and len(schema.returns) == returns
