"""The transformer layers, which process words and entities together.

Between layers a batch is one matrix [B * L + B * E, H], all words first. So dense layers run once for both, and the
query matrices that only words or only entities use read a contiguous part of it, without a copy.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pipeline.model.attention import attend
from pipeline.model.dimensions import Dimensions
from pipeline.model.sequences import QKV, Positions


class SelfAttention(nn.Module):
    """Projection to queries, keys and values, and attention: [B * (L + E), H] -> [B * (L + E), H]."""

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

    def forward(self, hidden: Tensor, positions: list[Positions]) -> Tensor:
        """Attend over `positions`: those of words, then those of entities unless the batch has none."""
        counts = [len(part.lengths) * part.size for part in positions]
        if self.dims.entity_aware and len(positions) == 1:
            hidden = hidden + zero_with_gradient(self.w2e_query, self.e2w_query, self.e2e_query)
        keys, values = torch.split(self.key(hidden), counts), torch.split(self.value(hidden), counts)
        if self.dims.entity_aware and len(positions) == 2:
            words, entities = torch.split(hidden, counts)
            queries = [
                (self.query(words), self.w2e_query(words)),
                (self.e2w_query(entities), self.e2e_query(entities)),
            ]
        else:
            queries = [(query, query) for query in torch.split(self.query(hidden), counts)]
        parts = [self.make_qkv(*part) for part in zip(positions, queries, keys, values, strict=True)]
        for_words, for_entities = attend(
            parts[0],
            parts[1] if len(parts) == 2 else None,
            dropout_p=self.dims.attention_dropout if self.training else 0.0,
            backend=self.dims.backend,
        )
        outputs = [output.flatten(0, 1).flatten(1) for output in (for_words, for_entities) if output is not None]
        return torch.cat(outputs) if len(outputs) == 2 else outputs[0]

    def make_qkv(self, positions: Positions, queries: tuple[Tensor, Tensor], key: Tensor, value: Tensor) -> QKV:
        """Split the projections [B * N, H] of one kind of positions into heads: [B, N, heads, d] each."""
        shape = (len(positions.lengths), positions.size, self.dims.heads, -1)
        word_query = queries[0].view(shape)
        entity_query = word_query if queries[1] is queries[0] else queries[1].view(shape)
        return QKV(positions, word_query, entity_query, key.view(shape), value.view(shape))


def zero_with_gradient(*modules: nn.Module) -> Tensor:
    """Return 0, computed from every parameter of `modules`.

    Adding it to a result gives the parameters that a batch without entities does not use a gradient of 0.
    """
    parameters = [parameter for module in modules for parameter in module.parameters()]
    return torch.stack([parameter.flatten()[:0].float().sum() for parameter in parameters]).sum()


class ResidualOutput(nn.Module):
    """The last part of attention and of the feed-forward layer: dense, dropout, residual connection, LayerNorm."""

    def __init__(self, width: int, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(width, dims.hidden)
        self.LayerNorm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.dropout = dims.dropout

    def forward(self, inner: Tensor, residual: Tensor) -> Tensor:
        """Project `inner` [..., width] and add it to `residual` [..., H]."""
        projected = F.dropout(self.dense(inner), self.dropout, self.training)
        normalised: Tensor = self.LayerNorm(projected + residual)
        return normalised


class AttentionLayer(nn.Module):
    """Self-attention with its residual connection."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.self = SelfAttention(dims)
        self.output = ResidualOutput(dims.hidden, dims)

    def forward(self, hidden: Tensor, positions: list[Positions], rows: Tensor | None) -> Tensor:
        """Compute attention for all positions and return all of them or only `rows` [M]."""
        inner = self.self(hidden, positions)
        if rows is not None:
            inner, hidden = inner.index_select(0, rows), hidden.index_select(0, rows)
        attended: Tensor = self.output(inner, hidden)
        return attended


class Intermediate(nn.Module):
    """The first half of the feed-forward layer: [..., H] -> [..., intermediate]."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.dense = nn.Linear(dims.hidden, dims.intermediate)

    def forward(self, hidden: Tensor) -> Tensor:
        """Project and apply GELU."""
        return F.gelu(self.dense(hidden))


class Layer(nn.Module):
    """One transformer layer: attention and feed-forward."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.attention = AttentionLayer(dims)
        self.intermediate = Intermediate(dims)
        self.output = ResidualOutput(dims.intermediate, dims)

    def forward(self, hidden: Tensor, positions: list[Positions], rows: Tensor | None = None) -> Tensor:
        """Return the layer's output at all positions or only at `rows` [M]."""
        attended = self.attention(hidden, positions, rows)
        result: Tensor = self.output(self.intermediate(attended), attended)
        return result


class Encoder(nn.Module):
    """The stack of layers."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(dims) for _ in range(dims.layers))
        self.gradient_checkpointing = dims.gradient_checkpointing

    def forward(self, hidden: Tensor, positions: list[Positions], rows: Tensor | None) -> Tensor:
        """Return the last layer's output at all positions [B * (L + E), H] or only at `rows`: [M, H].

        After the last layer's attention, only the requested rows are computed.
        """
        last = len(self.layer) - 1
        for index, layer in enumerate(self.layer):
            layer_rows = rows if index == last else None
            if self.gradient_checkpointing and self.training:
                hidden = checkpoint(layer, hidden, positions, layer_rows, use_reentrant=False)
            else:
                hidden = layer(hidden, positions, layer_rows)
        return hidden
