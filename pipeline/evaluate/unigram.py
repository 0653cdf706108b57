"""The baseline: what is known of a masked token without its context.

The add-one-smoothed unigram of the training Examples over the model's own vocabulary: p(i) = (count_i + 1) / (N + V).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Unigram:
    """Counts of a vocabulary's ids in the training Examples, [V]."""

    counts: Ints

    @staticmethod
    def of(parts: Iterable[NDArray[np.integer]], *, size: int, never: Ints) -> Unigram:
        """Count the ids in `parts`; the ids `never` (special tokens, [UNK]), which are no target, count zero."""
        counts = np.zeros(size, dtype=np.int64)
        for ids in parts:
            counts += np.bincount(ids, minlength=size)
        counts[never] = 0
        return Unigram(counts)

    def losses(self, labels: Ints) -> NDArray[np.float64]:
        """-log p of each label, in nats."""
        total = self.counts.sum() + len(self.counts)
        losses: NDArray[np.float64] = np.log(total) - np.log(self.counts[labels] + 1.0)
        return losses

    def hits(self, labels: Ints, top: int) -> NDArray[np.bool_]:
        """Whether each label is one of the `top` most frequent ids; ties in favour of the lower id."""
        return np.isin(labels, np.argsort(-self.counts, kind="stable")[:top])
