"""The transformer's layers, over words and entities at once.

Between layers a batch is one matrix [B * L + B * E, H], words first: words and entities are contiguous in it, so
dense layers run once and the two sides' own query matrices need no copies.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pipeline.model.attention import attend
from pipeline.model.dimensions import Dimensions
from pipeline.model.sequences import Side, Stream


class SelfAttention(nn.Module):
    """Projections and attention: [B * (L + E), H] -> [B * (L + E), H]."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.query = nn.Linear(dims.hidden, dims.hidden)
        self.key = nn.Linear(dims.hidden, dims.hidden)
        self.value = nn.Linear(dims.hidden, dims.hidden)
        if dims.entity_aware:
            self.w2e_query = nn.Linear(dims.hidden, dims.hidden)
            self.e2w_query = nn.Linear(dims.hidden, dims.hidden)
            self.e2e_query = nn.Linear(dims.hidden, dims.hidden)
        self.dims = dims

    def forward(self, hidden: Tensor, sides: list[Side]) -> Tensor:
        counts = [len(side.lengths) * side.size for side in sides]
        if self.dims.entity_aware and len(sides) == 1:
            hidden = hidden + idle(self.w2e_query, self.e2w_query, self.e2e_query)
        keys, values = torch.split(self.key(hidden), counts), torch.split(self.value(hidden), counts)
        if self.dims.entity_aware and len(sides) == 2:
            words, entities = torch.split(hidden, counts)
            queries = [
                (self.query(words), self.w2e_query(words)),
                (self.e2w_query(entities), self.e2e_query(entities)),
            ]
        else:
            queries = [(query, query) for query in torch.split(self.query(hidden), counts)]
        streams = [self.stream(*rest) for rest in zip(sides, queries, keys, values, strict=True)]
        for_words, for_entities = attend(
            streams[0],
            streams[1] if len(streams) == 2 else None,
            dropout_p=self.dims.attention_dropout if self.training else 0.0,
            backend=self.dims.backend,
        )
        outputs = [output.flatten(0, 1).flatten(1) for output in (for_words, for_entities) if output is not None]
        return torch.cat(outputs) if len(outputs) == 2 else outputs[0]

    def stream(self, side: Side, queries: tuple[Tensor, Tensor], key: Tensor, value: Tensor) -> Stream:
        shape = (len(side.lengths), side.size, self.dims.heads, -1)
        first = queries[0].view(shape)
        second = first if queries[1] is queries[0] else queries[1].view(shape)
        return Stream(side, first, second, key.view(shape), value.view(shape))


def idle(*modules: nn.Module) -> Tensor:
    """0, with a gradient of 0 for the parameters of modules that a batch without entities does not touch."""
    parameters = [parameter for module in modules for parameter in module.parameters()]
    return torch.stack([parameter.flatten()[:0].float().sum() for parameter in parameters]).sum()


class Sublayer(nn.Module):
    """What closes attention and feed-forward alike: project, drop, add what came in, normalise."""

    def __init__(self, width: int, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(width, dims.hidden)
        self.LayerNorm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.dropout = dims.dropout

    def forward(self, inner: Tensor, outer: Tensor) -> Tensor:
        dropped = F.dropout(self.dense(inner), self.dropout, self.training)
        normalised: Tensor = self.LayerNorm(dropped + outer)
        return normalised


class AttentionLayer(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.self = SelfAttention(dims)
        self.output = Sublayer(dims.hidden, dims)

    def forward(self, hidden: Tensor, sides: list[Side], rows: Tensor | None) -> Tensor:
        inner = self.self(hidden, sides)
        if rows is not None:
            inner, hidden = inner.index_select(0, rows), hidden.index_select(0, rows)
        attended: Tensor = self.output(inner, hidden)
        return attended


class Intermediate(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.intermediate)

    def forward(self, hidden: Tensor) -> Tensor:
        return F.gelu(self.dense(hidden))


class Layer(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.attention = AttentionLayer(dims)
        self.intermediate = Intermediate(dims)
        self.output = Sublayer(dims.intermediate, dims)

    def forward(self, hidden: Tensor, sides: list[Side], rows: Tensor | None = None) -> Tensor:
        """All positions in, the same out, or only `rows` [M] of them."""
        attended = self.attention(hidden, sides, rows)
        result: Tensor = self.output(self.intermediate(attended), attended)
        return result


class Encoder(nn.Module):
    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(dims) for _ in range(dims.layers))
        self.gradient_checkpointing = dims.gradient_checkpointing

    def forward(self, hidden: Tensor, sides: list[Side], rows: Tensor | None) -> Tensor:
        """[B * (L + E), H] in and out, or only `rows` [M] out.

        What is not asked for is not computed where nothing needs it: behind the last layer's attention.
        """
        last = len(self.layer) - 1
        for index, layer in enumerate(self.layer):
            wanted = rows if index == last else None
            if self.gradient_checkpointing and self.training:
                hidden = checkpoint(layer, hidden, sides, wanted, use_reentrant=False)
            else:
                hidden = layer(hidden, sides, wanted)
        return hidden
