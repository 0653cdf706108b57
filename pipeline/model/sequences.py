"""The two kinds of positions in a batch, words and entities, and their queries, keys and values."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Positions:
    """The word positions, or the entity positions, of a batch; computed once and shared by all layers."""

    size: int
    """N, the padded length."""
    lengths: Tensor
    """[B] int64: the number of real positions of each document."""
    mask: Tensor | None
    """[B, N] bool: True at real positions; None on a CPU if nothing is padded."""
    cu_seqlens: Tensor
    """[2B + 1] int32: borders of the alternating real and padding segments in the flat [B * N] positions."""

    @staticmethod
    def from_lengths(lengths: Tensor, size: int) -> Positions:
        """Return the positions of documents of these lengths [B], each padded to `size`."""
        mask = torch.arange(size, device=lengths.device) < lengths[:, None]
        starts = torch.arange(len(lengths), device=lengths.device) * size
        borders = torch.stack((starts, starts + lengths), dim=1).flatten()
        cu_seqlens = F.pad(borders, (0, 1), value=len(lengths) * size).int()
        # On a GPU, reading the mask's values would make the host wait.
        unpadded = lengths.device.type == "cpu" and bool(mask.all())
        return Positions(size, lengths, None if unpadded else mask, cu_seqlens)

    def real_mask(self) -> Tensor:
        """Return `mask`, or a mask [B, N] of ones if it is None."""
        if self.mask is None:
            return self.lengths.new_ones(len(self.lengths), self.size, dtype=torch.bool)
        return self.mask


@dataclass(frozen=True, slots=True)
class QKV:
    """Queries, keys and values of the words, or of the entities, of a batch: [B, N, heads, d] each."""

    positions: Positions
    word_query: Tensor
    """Query against the keys of words."""
    entity_query: Tensor
    """Query against the keys of entities; in vanilla attention the same tensor as `word_query`."""
    key: Tensor
    value: Tensor
