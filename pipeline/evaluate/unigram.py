"""The baseline of the evaluation: a unigram model, which predicts a masked position without its context.

It has the counts of the training examples with add-one smoothing, over the model's own vocabulary:
p(i) = (count_i + 1) / (N + V), where N is the sum of all counts and V the size of the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.io.arrow import BoolArray, Int64Array


@dataclass(frozen=True, slots=True)
class Unigram:
    """A unigram model of a vocabulary."""

    counts: Int64Array
    """[V] counts of the ids in the training examples."""

    @staticmethod
    def from_ids(parts: Iterable[NDArray[np.integer]], *, size: int, excluded: Int64Array) -> Unigram:
        """Count the ids in `parts`.

        Args:
            parts: arrays of ids.
            size: size of the vocabulary.
            excluded: ids that are never a label (special tokens, [UNK]); their counts are 0.
        """
        counts = np.zeros(size, dtype=np.int64)
        for ids in parts:
            counts += np.bincount(ids, minlength=size)
        counts[excluded] = 0
        return Unigram(counts)

    def losses(self, labels: Int64Array) -> NDArray[np.float64]:
        """Return -log p of each label, in nats."""
        total = self.counts.sum() + len(self.counts)
        losses: NDArray[np.float64] = np.log(total) - np.log(self.counts[labels] + 1.0)
        return losses

    def hits(self, labels: Int64Array, top: int) -> BoolArray:
        """Return for each label whether it is one of the `top` most frequent ids; ties favour the lower id."""
        return np.isin(labels, np.argsort(-self.counts, kind="stable")[:top])
