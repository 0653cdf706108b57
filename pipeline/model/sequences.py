"""What attention is given: the word positions and the entity positions of a batch, and what each of them brings."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


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

    def real(self) -> Tensor:
        """[B, N] bool: `keep`, also where nothing is padding."""
        if self.keep is None:
            return self.lengths.new_ones(len(self.lengths), self.size, dtype=torch.bool)
        return self.keep


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
