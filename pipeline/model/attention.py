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
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from pipeline.model.config import Backend
from pipeline.model.kernels import Kernel, flash
from pipeline.model.sequences import Side, Stream

logger = logging.getLogger(__name__)


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
        mask = torch.cat([stream.side.real() for stream in streams], dim=1)[:, None, None]
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout_p).transpose(1, 2)
    if entities is None:
        return output, None
    for_words, for_entities = torch.split(output, [words.side.size, entities.side.size], dim=1)
    return for_words, for_entities


# ---------------------------------------------------------------------------------------------- split


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
