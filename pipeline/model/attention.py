"""Attention over the words and the entities of a document, with one softmax over both.

Entity-aware attention gives every token two queries, one that meets the keys of words and one that meets the keys of
entities; keys and values are shared. Vanilla attention is the case in which both queries are the same. Three backends
compute it, with the same result:

reference  materialises the scores: the oracle, twice the time of plain attention, and the only one with dropout on CPU
sdpa       torch's scaled_dot_product_attention over the concatenation: vanilla attention only
split      a flash kernel on the words' keys and another on the entities' keys, merged: 1.0 to 1.2 of plain attention

How `split` merges. For one query row let l_w, l_e be the log-sum-exps of its scores against words and against entities
and o_w, o_e the outputs of the two kernels. The softmax over both has l = log(exp l_w + exp l_e) and the output
    o = exp(l_w - l) o_w + exp(l_e - l) o_e = lerp(o_w, o_e, sigmoid(l_e - l_w)).
Flash's backward rebuilds the weights as p = exp(s - l) and the scores' gradient as p * (dp - sum(do * o)); both hold
for each part when it is given the *merged* l and o. So the stock backward runs once a part and nothing has to be
differentiated through the log-sum-exp. Dropout acts on p after the log-sum-exp, so it changes none of this.

Padding is expressed by lengths: the first `length` positions are real. A padded query's output is finite and otherwise
of no meaning; a padded key reaches no real query.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from pipeline.model.config import Backend

logger = logging.getLogger(__name__)
aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Side:
    """The word positions, or the entity positions, of a batch; made once and shared by all layers."""

    size: int
    """N, positions with padding."""
    lengths: Tensor
    """[B] int64: how many positions are real."""
    keep: Tensor | None
    """[B, N] bool: the real positions; None where the host can see that there is no padding."""
    segments: Tensor
    """[2B + 1] int32: borders of real, padding, real, padding, ... in the flat [B * N] positions."""

    @staticmethod
    def of(lengths: Tensor, size: int) -> Side:
        keep = torch.arange(size, device=lengths.device) < lengths[:, None]
        starts = torch.arange(len(lengths), device=lengths.device) * size
        borders = torch.stack((starts, starts + lengths), dim=1).flatten()
        segments = F.pad(borders, (0, 1), value=len(lengths) * size).int()
        # Looking at a GPU's values would make the host wait for it.
        full = lengths.device.type == "cpu" and bool(keep.all())
        return Side(size, lengths, None if full else keep, segments)


@dataclass(frozen=True, slots=True)
class Stream:
    """What the words, or the entities, bring to attention: [B, N, heads, d] each."""

    side: Side
    word_query: Tensor
    """Meets the words' keys."""
    entity_query: Tensor
    """Meets the entities' keys; in vanilla attention the same tensor as `word_query`."""
    key: Tensor
    value: Tensor


def attend(
    words: Stream, entities: Stream | None, *, dropout_p: float, backend: Backend
) -> tuple[Tensor, Tensor | None]:
    """Attention's output for the words [B, L, heads, d] and for the entities [B, E, heads, d].

    Every document needs a word; it may have no entity. `entities` is None where the batch has none.
    A backend that cannot do what is asked falls back to the reference and logs that once.
    """
    method = choose(words, entities, dropout_p=dropout_p, backend=backend)
    if method == "sdpa":
        return sdpa(words, entities, dropout_p)
    if entities is None:
        return materialised([(words.word_query, words)], dropout_p), None
    if isinstance(method, Kernel):
        return split(words, entities, dropout_p, method)
    return (
        materialised([(words.word_query, words), (words.entity_query, entities)], dropout_p),
        materialised([(entities.word_query, words), (entities.entity_query, entities)], dropout_p),
    )


def choose(words: Stream, entities: Stream | None, *, dropout_p: float, backend: Backend) -> str | Kernel:
    """`reference`, `sdpa`, or the flash kernel that `split` is to use."""
    if backend == "reference":
        return backend
    vanilla = entities is None or words.word_query is words.entity_query
    query = words.word_query
    if vanilla and (backend == "sdpa" or entities is None or (backend == "auto" and query.device.type == "cpu")):
        return "sdpa"
    if backend == "sdpa":
        raise ValueError("sdpa computes vanilla attention only")
    found = flash(query.device.type, query.dtype, query.size(-1), dropout_p)
    if isinstance(found, Kernel):
        return found
    tell(f"attention: {found}; " + ("torch's sdpa is used" if vanilla else "scores are materialised, twice as slow"))
    return "sdpa" if vanilla else "reference"


@functools.cache
def tell(message: str) -> None:
    """Log a message the first time it comes up."""
    logger.warning(message)


# ---------------------------------------------------------------------------------------------- reference, sdpa


def materialised(parts: Sequence[tuple[Tensor, Stream]], dropout_p: float) -> Tensor:
    """One softmax over the keys of all parts, each met by its own query [B, Q, heads, d] -> [B, Q, heads, d]."""
    scores = []
    for query, keys in parts:
        part = torch.einsum("bqhd,bkhd->bhqk", query, keys.key) / math.sqrt(query.size(-1))
        keep = keys.side.keep
        scores.append(part if keep is None else part.masked_fill(~keep[:, None, None], -math.inf))
    joint = torch.cat(scores, dim=-1)
    weights = joint.softmax(dim=-1, dtype=torch.promote_types(joint.dtype, torch.float32)).to(joint.dtype)
    if dropout_p:
        weights = F.dropout(weights, dropout_p)
    shares = torch.split(weights, [keys.side.size for _, keys in parts], dim=-1)
    outputs = [
        torch.einsum("bhqk,bkhd->bqhd", share, keys.value) for share, (_, keys) in zip(shares, parts, strict=True)
    ]
    return functools.reduce(torch.add, outputs)


def sdpa(words: Stream, entities: Stream | None, dropout_p: float) -> tuple[Tensor, Tensor | None]:
    """Vanilla attention by torch's own function."""
    streams = [words] if entities is None else [words, entities]
    query, key, value = (
        torch.cat([getattr(stream, name) for stream in streams], dim=1).transpose(1, 2)
        for name in ("word_query", "key", "value")
    )
    mask = None
    if any(stream.side.keep is not None for stream in streams):
        mask = torch.cat([real(stream.side) for stream in streams], dim=1)[:, None, None]
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout_p).transpose(1, 2)
    if entities is None:
        return output, None
    for_words, for_entities = torch.split(output, [words.side.size, entities.side.size], dim=1)
    return for_words, for_entities


def real(side: Side) -> Tensor:
    """[B, N] bool, also where nothing is padding."""
    return side.lengths.new_ones(len(side.lengths), side.size, dtype=torch.bool) if side.keep is None else side.keep


# ---------------------------------------------------------------------------------------------- split

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


def split(words: Stream, entities: Stream, dropout_p: float, kernel: Kernel) -> tuple[Tensor, Tensor]:
    """The outputs of the words' queries and of the entities' queries."""

    def merged(word_query: Tensor, entity_query: Tensor, rows: Side | None) -> Tensor:
        sides = (rows, words.side, entities.side)
        output: Tensor = Merged.apply(  # type: ignore[no-untyped-call]
            word_query, words.key, words.value, entity_query, entities.key, entities.value, sides, dropout_p, kernel
        )
        return output

    if kernel.needs_rows:
        return (
            merged(words.word_query, words.entity_query, words.side),
            merged(entities.word_query, entities.entity_query, entities.side),
        )
    # Copying the queries together costs 2 % of the attention; two calls with few queries each cost the kernel 5 %.
    word_query = torch.cat([words.word_query, entities.word_query], dim=1)
    entity_query = torch.cat([words.entity_query, entities.entity_query], dim=1)
    joint = merged(word_query, entity_query, None)
    for_words, for_entities = torch.split(joint, [words.side.size, entities.side.size], dim=1)
    return for_words, for_entities


class Merged(torch.autograd.Function):
    """Two flash attentions, merged by log-sum-exp (see the head of this module)."""

    @staticmethod
    def forward(
        ctx: Any, q_w: Tensor, k_w: Tensor, v_w: Tensor, q_e: Tensor, k_e: Tensor, v_e: Tensor,
        sides: tuple[Side | None, Side, Side], dropout_p: float, kernel: Kernel,
    ) -> Tensor:  # fmt: skip
        rows, words, entities = sides
        o_w, l_w, saved_w = kernel.forward(q_w, k_w, v_w, rows, words, dropout_p)
        o_e, l_e, saved_e = kernel.forward(q_e, k_e, v_e, rows, entities, dropout_p)
        share = torch.sigmoid(l_e - l_w).to(o_w.dtype)  # of the entities; 0 where there is none
        output = torch.lerp(o_w, o_e, share.unsqueeze(-1))
        ctx.save_for_backward(
            q_w, k_w, v_w, q_e, k_e, v_e, output, torch.logaddexp(l_w, l_e), *saved_w, *saved_e
        )  # fmt: skip
        ctx.rest = sides, dropout_p, kernel, len(saved_w)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        (rows, words, entities), dropout_p, kernel, count = ctx.rest
        q_w, k_w, v_w, q_e, k_e, v_e, output, logsumexp, *saved = ctx.saved_tensors
        merged = (output, logsumexp)
        gradient = gradient.contiguous()
        for_words = kernel.backward(gradient, q_w, k_w, v_w, *merged, rows, words, dropout_p, tuple(saved[:count]))
        for_entities = kernel.backward(
            gradient, q_e, k_e, v_e, *merged, rows, entities, dropout_p, tuple(saved[count:])
        )  # fmt: skip
        return *for_words, *for_entities, None, None, None


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
    return torch.where(real(rows), real_keys == 0, real_keys == keys.size)


CPU_KERNEL = Kernel(cpu_forward, cpu_backward, needs_rows=False)
CUDA_KERNEL = Kernel(cuda_forward, cuda_backward, needs_rows=True)
FORWARD = "query key value cum_seq_q cum_seq_k max_q max_k dropout_p is_causal return_debug_mask"
BACKWARD = "grad_out query key value out logsumexp cum_seq_q cum_seq_k max_q max_k dropout_p is_causal"
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
    """Whether torch has this private op, with these first arguments and that many results."""
    packet = getattr(aten, op, None)
    if packet is None or "default" not in packet.overloads():
        return False
    schema = packet.default._schema
    names = [argument.name for argument in schema.arguments]
    wanted = arguments.split()
    return names[: len(wanted)] == wanted and len(schema.returns) == returns
