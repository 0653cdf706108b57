"""The weakest rival: a unigram model, which predicts a masked position without its context.

It has the counts of the training examples with add-one smoothing, over the model's own vocabulary:
p(i) = (count_i + 1) / (N + V), where N is the sum of all counts and V the size of the vocabulary. It is used for words
and for entities, and the other rivals are smoothed toward it.

Its order of the ids, by count and then by the lower id, decides ties in every rival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluate.mentions import MaskedMentions
from pipeline.evaluate.rivals.rival import TopEntities
from pipeline.evaluate.scores import Scores
from pipeline.io.arrow import BoolArray, Int64Array


@dataclass(frozen=True)
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

    @property
    def size(self) -> int:
        """Number of ids in the vocabulary."""
        return len(self.counts)

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Probability of each id: [V]."""
        probabilities: NDArray[np.float64] = (self.counts + 1) / (self.counts.sum() + self.size)
        return probabilities

    @cached_property
    def order(self) -> Int64Array:
        """Ids by count, the largest first; ties by the lower id: [V]."""
        return np.argsort(-self.counts, kind="stable")

    @cached_property
    def places(self) -> Int64Array:
        """Place of each id in `order`, from 0: [V]."""
        places = np.empty(self.size, dtype=np.int64)
        places[self.order] = np.arange(self.size)
        return places

    def losses(self, labels: Int64Array) -> NDArray[np.float64]:
        """Return -log p of each label, in nats."""
        losses: NDArray[np.float64] = -np.log(self.probabilities[labels])
        return losses

    def hits(self, labels: Int64Array, top: int) -> BoolArray:
        """Return for each label whether it is one of the `top` most frequent ids; ties favour the lower id."""
        hits: BoolArray = self.places[labels] < top
        return hits

    def scores(self, mentions: MaskedMentions) -> Scores:
        """Return loss and rank of each label."""
        return Scores(mentions.labels, self.losses(mentions.labels), 1 + self.places[mentions.labels])

    def top(self, mentions: MaskedMentions, k: int) -> TopEntities:
        """Return the k most frequent entities, the same for every mention."""
        first = self.order[:k]
        shape = (len(mentions), len(first))
        return np.broadcast_to(first, shape), np.broadcast_to(self.probabilities[first], shape)
