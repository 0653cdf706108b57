"""Attention over the words and the entities of a document, with one softmax over both.

In entity-aware attention every position has two queries, one for the keys of words and one for the keys of entities;
keys and values are shared. In vanilla attention both queries are the same. Three backends compute the same result:

reference  materialises the scores: for tests, twice the time of plain attention, the only one with dropout on a CPU
sdpa       torch's scaled_dot_product_attention over words and entities together: vanilla attention only
split      one flash kernel for the keys of words, one for the keys of entities: 1.0 to 1.2 times plain attention

`split` merges the two kernels as follows. For one query, let l_w and l_e be the log-sum-exps of its scores against
words and against entities, and o_w and o_e the outputs of the two kernels. The softmax over both has the log-sum-exp
l = log(exp l_w + exp l_e) and the output
    o = exp(l_w - l) o_w + exp(l_e - l) o_e = lerp(o_w, o_e, sigmoid(l_e - l_w)).
The backward pass of flash attention recomputes the weights as p = exp(s - l) and the gradient of the scores as
p * (dp - sum(do * o)). Both formulas are correct for each part if the kernel receives the *merged* l and o. So torch's
backward kernel runs once for each part, and the log-sum-exp needs no gradient. Dropout acts on p after the log-sum-exp
and changes none of this.

Lengths express padding: the first `length` positions of a document are real. The output at a padded query is finite but
meaningless; a padded key has no influence on a real query.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from pipeline.model.config import Backend
from pipeline.model.kernels import FlashKernel, find_flash_kernel
from pipeline.model.sequences import QKV, Positions

logger = logging.getLogger(__name__)


def attend(words: QKV, entities: QKV | None, *, dropout_p: float, backend: Backend) -> tuple[Tensor, Tensor | None]:
    """Return the output of attention for the words [B, L, heads, d] and for the entities [B, E, heads, d].

    Every document needs at least one word; it may have no entity. `entities` is None if the whole batch has none.
    If the backend does not support this case, a slower one computes it and a warning is logged once.
    """
    method = choose_method(words, entities, dropout_p=dropout_p, backend=backend)
    if method == "sdpa":
        return sdpa_attention(words, entities, dropout_p)
    if entities is None:
        return reference_attention([(words.word_query, words)], dropout_p), None
    if isinstance(method, FlashKernel):
        return split_attention(words, entities, dropout_p, method)
    return (
        reference_attention([(words.word_query, words), (words.entity_query, entities)], dropout_p),
        reference_attention([(entities.word_query, words), (entities.entity_query, entities)], dropout_p),
    )


def choose_method(
    words: QKV, entities: QKV | None, *, dropout_p: float, backend: Backend
) -> Literal["reference", "sdpa"] | FlashKernel:
    """Return `reference`, `sdpa`, or the flash kernel for `split`."""
    if backend == "reference":
        return "reference"
    vanilla = entities is None or words.word_query is words.entity_query
    query = words.word_query
    if vanilla and (backend == "sdpa" or entities is None or (backend == "auto" and query.device.type == "cpu")):
        return "sdpa"
    if backend == "sdpa":
        raise ValueError("the backend sdpa computes vanilla attention only")
    kernel = find_flash_kernel(query.device.type, query.dtype, query.size(-1), dropout_p)
    if isinstance(kernel, FlashKernel):
        return kernel
    fallback = "torch's sdpa is used" if vanilla else "scores are materialised, twice as slow"
    warn_once(f"attention: {kernel}; {fallback}")
    return "sdpa" if vanilla else "reference"


@functools.cache
def warn_once(message: str) -> None:
    """Log a warning, each message only once."""
    logger.warning(message)


# ---------------------------------------------------------------------------------------------- reference, sdpa


def reference_attention(parts: Sequence[tuple[Tensor, QKV]], dropout_p: float) -> Tensor:
    """Compute one softmax over the keys of all parts, with a query [B, Q, heads, d] for each: -> [B, Q, heads, d]."""
    part_scores = []
    for query, keys in parts:
        scores = torch.einsum("bqhd,bkhd->bhqk", query, keys.key) / math.sqrt(query.size(-1))
        mask = keys.positions.mask
        part_scores.append(scores if mask is None else scores.masked_fill(~mask[:, None, None], -math.inf))
    joint = torch.cat(part_scores, dim=-1)
    weights = joint.softmax(dim=-1, dtype=torch.promote_types(joint.dtype, torch.float32)).to(joint.dtype)
    if dropout_p:
        weights = F.dropout(weights, dropout_p)
    part_weights = torch.split(weights, [keys.positions.size for _, keys in parts], dim=-1)
    outputs = [
        torch.einsum("bhqk,bkhd->bqhd", weight, keys.value)
        for weight, (_, keys) in zip(part_weights, parts, strict=True)
    ]
    return functools.reduce(torch.add, outputs)


def sdpa_attention(words: QKV, entities: QKV | None, dropout_p: float) -> tuple[Tensor, Tensor | None]:
    """Compute vanilla attention with torch's scaled_dot_product_attention."""
    parts = [words] if entities is None else [words, entities]
    query, key, value = (
        torch.cat([getattr(part, name) for part in parts], dim=1).transpose(1, 2)
        for name in ("word_query", "key", "value")
    )
    mask = None
    if any(part.positions.mask is not None for part in parts):
        mask = torch.cat([part.positions.real_mask() for part in parts], dim=1)[:, None, None]
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout_p).transpose(1, 2)
    if entities is None:
        return output, None
    for_words, for_entities = torch.split(output, [words.positions.size, entities.positions.size], dim=1)
    return for_words, for_entities


# ---------------------------------------------------------------------------------------------- split


def split_attention(words: QKV, entities: QKV, dropout_p: float, kernel: FlashKernel) -> tuple[Tensor, Tensor]:
    """Compute entity-aware attention with a flash kernel for each kind of key."""

    def attend_to_both(word_query: Tensor, entity_query: Tensor, query_positions: Positions | None) -> Tensor:
        positions = (query_positions, words.positions, entities.positions)
        output: Tensor = MergedAttention.apply(  # type: ignore[no-untyped-call]
            word_query, words.key, words.value, entity_query, entities.key, entities.value, positions, dropout_p, kernel
        )
        return output

    if kernel.needs_query_positions:
        return (
            attend_to_both(words.word_query, words.entity_query, words.positions),
            attend_to_both(entities.word_query, entities.entity_query, entities.positions),
        )
    # Concatenating the queries costs 2 % of the attention's time; a second kernel call for few queries costs 5 %.
    word_query = torch.cat([words.word_query, entities.word_query], dim=1)
    entity_query = torch.cat([words.entity_query, entities.entity_query], dim=1)
    joint = attend_to_both(word_query, entity_query, None)
    for_words, for_entities = torch.split(joint, [words.positions.size, entities.positions.size], dim=1)
    return for_words, for_entities


PositionsOfParts = tuple[Positions | None, Positions, Positions]
"""Positions of the queries (None for a kernel that does not need them), of the words and of the entities."""


class MergedAttentionContext(FunctionCtx):
    """The attributes that `MergedAttention` saves between its passes."""

    saved_tensors: tuple[Tensor, ...]
    positions: PositionsOfParts
    dropout_p: float
    kernel: FlashKernel
    word_state_size: int


class MergedAttention(torch.autograd.Function):
    """Two flash attentions, merged by log-sum-exp (see the module docstring)."""

    @staticmethod
    def forward(
        ctx: MergedAttentionContext, q_w: Tensor, k_w: Tensor, v_w: Tensor, q_e: Tensor, k_e: Tensor, v_e: Tensor,
        positions: PositionsOfParts, dropout_p: float, kernel: FlashKernel,
    ) -> Tensor:  # fmt: skip
        """Return the output [B, Q, heads, d] of queries against words (q_w) and against entities (q_e)."""
        queries, words, entities = positions
        o_w, l_w, state_w = kernel.forward(q_w, k_w, v_w, queries, words, dropout_p)
        o_e, l_e, state_e = kernel.forward(q_e, k_e, v_e, queries, entities, dropout_p)
        entity_share = torch.sigmoid(l_e - l_w).to(o_w.dtype)  # 0 in a document without entities
        output = torch.lerp(o_w, o_e, entity_share.unsqueeze(-1))
        ctx.save_for_backward(
            q_w, k_w, v_w, q_e, k_e, v_e, output, torch.logaddexp(l_w, l_e), *state_w, *state_e
        )  # fmt: skip
        ctx.positions, ctx.dropout_p, ctx.kernel, ctx.word_state_size = positions, dropout_p, kernel, len(state_w)
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: MergedAttentionContext, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the six query, key and value tensors."""
        queries, words, entities = ctx.positions
        q_w, k_w, v_w, q_e, k_e, v_e, output, logsumexp, *states = ctx.saved_tensors
        state_w, state_e = tuple(states[: ctx.word_state_size]), tuple(states[ctx.word_state_size :])
        merged = (output, logsumexp)
        gradient = gradient.contiguous()
        for_words = ctx.kernel.backward(gradient, q_w, k_w, v_w, *merged, queries, words, ctx.dropout_p, state_w)
        for_entities = ctx.kernel.backward(gradient, q_e, k_e, v_e, *merged, queries, entities, ctx.dropout_p, state_e)
        return *for_words, *for_entities, None, None, None
