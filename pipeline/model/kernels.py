"""Flash attention of one query side on one key side: torch's stock kernels, called so that two can be merged.

attention.py needs from a kernel what torch's public functions do not give: the log-sum-exp of the forward pass, and a
backward pass that takes the output and the log-sum-exp from outside. The ops that do are private to torch, so each is
called only where its arguments are those known here (torch 2.11 to 2.13); else `flash` says why not, and attention.py
takes another way.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.model.sequences import Side

aten = torch.ops.aten

Saved = tuple[Tensor, ...]
"""What a kernel's forward hands to its backward: nothing, or the state of dropout's random numbers."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A flash attention whose backward takes the output and log-sum-exp from outside.

    forward(query, key, value, rows, keys, dropout_p) -> output [B, Q, heads, d], log-sum-exp [B, Q, heads], saved;
        a row with no key has output 0 and log-sum-exp -inf.
    backward(gradient, query, key, value, output, logsumexp, rows, keys, dropout_p, saved) -> their gradients.
    """

    forward: Callable[..., tuple[Tensor, Tensor, Saved]]
    backward: Callable[..., tuple[Tensor, Tensor, Tensor]]
    needs_rows: bool
    """Whether it must know which queries are real; if not, `rows` is None and may stand for words and entities."""


def cpu_forward(
    query: Tensor, key: Tensor, value: Tensor, rows: None, keys: Side, dropout_p: float
) -> tuple[Tensor, Tensor, Saved]:
    output, logsumexp = aten._scaled_dot_product_flash_attention_for_cpu(
        query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), dropout_p, False, attn_mask=bias(keys, query)
    )
    logsumexp = logsumexp.transpose(1, 2)
    if keys.keep is not None:  # for a row without keys the kernel says 0
        logsumexp = logsumexp.masked_fill((keys.lengths == 0)[:, None, None], -math.inf)
    return output.transpose(1, 2), logsumexp, ()


def cpu_backward(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logsumexp: Tensor,
    rows: None, keys: Side, dropout_p: float, saved: Saved,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    tensors = (tensor.transpose(1, 2) for tensor in (gradient, query, key, value, output, logsumexp))
    gradients = aten._scaled_dot_product_flash_attention_for_cpu_backward(
        *tensors, dropout_p, False, attn_mask=bias(keys, query)
    )
    for_query, for_key, for_value = (tensor.transpose(1, 2) for tensor in gradients)
    return for_query, for_key, for_value


def bias(keys: Side, query: Tensor) -> Tensor | None:
    """[B, 1, 1, N]: 0 for a real key, -inf for padding."""
    if keys.keep is None:
        return None
    return query.new_zeros(keys.keep.shape).masked_fill_(~keys.keep, -math.inf)[:, None, None]


# On CUDA the flat [B * N] positions are cut into a real and a padding segment a document, and attention runs segment
# by segment: real queries meet real keys and padding meets padding. Nothing has to be packed, and no mask, which
# flash does not take, is needed.


def cuda_forward(
    query: Tensor, key: Tensor, value: Tensor, rows: Side, keys: Side, dropout_p: float
) -> tuple[Tensor, Tensor, Saved]:
    output, logsumexp, state, unused, _ = aten._flash_attention_forward(
        query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1),
        rows.segments, keys.segments, rows.size, keys.size, dropout_p, False, False,
    )  # fmt: skip
    alone = without_keys(rows, keys)[..., None]
    logsumexp = logsumexp.t().view(*alone.shape[:2], -1).masked_fill(alone, -math.inf)  # from [heads, B * Q]
    return output.view_as(query).masked_fill(alone[..., None], 0), logsumexp, (state, unused)


def cuda_backward(
    gradient: Tensor, query: Tensor, key: Tensor, value: Tensor, output: Tensor, logsumexp: Tensor,
    rows: Side, keys: Side, dropout_p: float, saved: Saved,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    for_query, for_key, for_value = aten._flash_attention_backward(
        gradient.flatten(0, 1), query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1), output.flatten(0, 1),
        logsumexp.flatten(0, 1).t().contiguous(),  # the kernel reads rows of [heads, B * Q]
        rows.segments, keys.segments, rows.size, keys.size, dropout_p, False, *saved,
    )  # fmt: skip
    for_query = for_query.view_as(query).masked_fill(without_keys(rows, keys)[..., None, None], 0)
    return for_query, for_key.view_as(key), for_value.view_as(value)


def without_keys(rows: Side, keys: Side) -> Tensor:
    """[B, Q] bool: queries whose segment has no key, which the kernel leaves undefined."""
    real_keys = keys.lengths[:, None]
    return torch.where(rows.real(), real_keys == 0, real_keys == keys.size)


CPU_KERNEL = Kernel(cpu_forward, cpu_backward, needs_rows=False)
CUDA_KERNEL = Kernel(cuda_forward, cuda_backward, needs_rows=True)
FORWARD = "query key value cum_seq_q cum_seq_k max_q max_k dropout_p is_causal return_debug_mask"
BACKWARD = "grad_out query key value out logsumexp cum_seq_q cum_seq_k max_q max_k dropout_p is_causal rng_state unused"
CPU = "query key value dropout_p is_causal attn_mask scale"
CPU_BACKWARD = "grad_out query key value out logsumexp dropout_p is_causal attn_mask scale"


@functools.cache
def flash(device: str, dtype: torch.dtype, head: int, dropout_p: float) -> Kernel | str:
    """The flash kernel for this case, or the reason why there is none.

    The ops are private to torch: one that is missing, or whose arguments are not the ones known here, is not called.
    """
    if device == "cpu":
        if dropout_p > 0:
            return "the flash kernel for CPU has no dropout (model.attention_dropout)"
        known = takes("_scaled_dot_product_flash_attention_for_cpu", CPU, returns=2) and takes(
            "_scaled_dot_product_flash_attention_for_cpu_backward", CPU_BACKWARD, returns=3
        )
        return CPU_KERNEL if known else f"torch {torch.__version__} has another kernel for CPU"
    if device != "cuda" or torch.version.hip is not None:
        return f"no flash kernel is known for {device}"
    if dtype not in (torch.float16, torch.bfloat16) or head % 8 or head > 256:
        return f"the flash kernel for CUDA takes no heads of {head} in {dtype} (bf16 and multiples of 8 up to 256)"
    if not torch.backends.cuda.is_flash_attention_available() or torch.cuda.get_device_capability() < (8, 0):
        return "this GPU, or this build of torch, has no flash kernel"
    known = takes("_flash_attention_forward", FORWARD, returns=5) and takes(
        "_flash_attention_backward", BACKWARD, returns=3
    )
    return CUDA_KERNEL if known else f"torch {torch.__version__} has another kernel for CUDA"


def takes(op: str, arguments: str, *, returns: int) -> bool:
    """Whether torch has this private op, with these arguments first, no other that must be given, that many results."""
    packet = getattr(aten, op, None)
    if packet is None or "default" not in packet.overloads():
        return False
    schema = packet.default._schema
    wanted = arguments.split()
    names = [argument.name for argument in schema.arguments[: len(wanted)]]
    complete = all(argument.has_default_value() for argument in schema.arguments[len(wanted) :])
    return names == wanted and complete and len(schema.returns) == returns
