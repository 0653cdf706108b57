"""Words and entities become vectors.

Both tables are read twice, at the bottom by their ids and at the top as the heads' decoders; `Lookup` sees to it that
this does not cost a second gradient of the size of the table.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pipeline.model.dimensions import ENTITY_PAD, WORD_PAD, Dimensions


class Lookup(torch.autograd.Function):
    """(table [V, d], ids [...]) -> (table[ids] [..., d], the table, for the decoder to read).

    Left alone, autograd makes a dense gradient for each of a table's two readers and adds them up. Here the decoder's
    gradient comes through the same node, and backward adds the few rows that were looked up into it: at 50,265 x 768
    that saves 150 MB and 0.2 s of CPU, 4 % of a step; at 500,000 entities x 256, 500 MB.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(ids)
        ctx.set_materialize_grads(False)
        ctx.shape = table.shape
        return F.embedding(ids, table), table.view_as(table)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, for_rows: Tensor | None, for_table: Tensor | None) -> tuple[Tensor | None, None]:
        (ids,) = ctx.saved_tensors
        if for_rows is None:
            return for_table, None
        if for_table is None:
            for_table = for_rows.new_zeros(ctx.shape)
        # In place: the decoder's matrix product made this gradient, and nothing else holds it.
        return for_table.index_add_(0, ids.flatten(), for_rows.flatten(0, -2)), None


def lookup(embedding: nn.Embedding, ids: Tensor) -> tuple[Tensor, Tensor]:
    """`Lookup` in a module's table. Padding needs no care: nothing that is scored looks at it, so its gradient is 0."""
    rows, table = Lookup.apply(embedding.weight, ids)  # type: ignore[no-untyped-call]
    return rows, table


class WordEmbeddings(nn.Module):
    """Word + position + type, normalised: [B, L] -> [B, L, H] and the table for the decoder."""

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(dims.vocab_size, dims.hidden, padding_idx=WORD_PAD)
        self.position_embeddings = nn.Embedding(dims.max_positions, dims.hidden, padding_idx=WORD_PAD)
        self.token_type_embeddings = nn.Embedding(dims.type_vocab_size, dims.hidden)
        self.LayerNorm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.dropout = dims.dropout

    def forward(self, word_ids: Tensor) -> tuple[Tensor, Tensor]:
        length = word_ids.size(1)
        first = WORD_PAD + 1
        if first + length > self.position_embeddings.num_embeddings:
            raise ValueError(f"{length} words, but the model has {self.position_embeddings.num_embeddings} positions")
        embedded, table = lookup(self.word_embeddings, word_ids)
        embedded = embedded + self.position_embeddings.weight[first : first + length]
        embedded = self.LayerNorm(embedded + self.token_type_embeddings.weight[0])
        return F.dropout(embedded, self.dropout, self.training), table


class EntityEmbeddings(nn.Module):
    """Entity, projected up, + mean position of its mention + type, normalised: [B, E] -> [B, E, H] and the table.

    The position is the mean of the mention's rows of a position table, which are indexed by the word's place in the
    sequence, with no offset: 0 is `<s>`. `F.embedding_bag` takes it; gathering padded mentions costs 32 times as much.
    """

    def __init__(self, dims: Dimensions) -> None:
        super().__init__()
        self.entity_embeddings = nn.Embedding(dims.entity_vocab_size, dims.entity_embedding, padding_idx=ENTITY_PAD)
        self.entity_embedding_dense = (
            nn.Identity()
            if dims.entity_embedding == dims.hidden
            else nn.Linear(dims.entity_embedding, dims.hidden, bias=False)
        )
        self.position_embeddings = nn.Embedding(dims.max_positions, dims.hidden)
        self.token_type_embeddings = nn.Embedding(dims.type_vocab_size, dims.hidden)
        self.LayerNorm = nn.LayerNorm(dims.hidden, eps=dims.layer_norm_eps)
        self.dropout = dims.dropout

    def forward(self, entity_ids: Tensor, mention_positions: Tensor, mention_offsets: Tensor) -> tuple[Tensor, Tensor]:
        narrow, table = lookup(self.entity_embeddings, entity_ids)
        places = self.position_embeddings.weight
        positions = F.embedding_bag(mention_positions, places, mention_offsets, mode="mean")  # [B * E, H]
        embedded = self.entity_embedding_dense(narrow)
        embedded = embedded + positions.view(*entity_ids.shape, -1) + self.token_type_embeddings.weight[0]
        return F.dropout(self.LayerNorm(embedded), self.dropout, self.training), table
