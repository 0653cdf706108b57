"""The interface of a rival: a far simpler model that predicts the masked entities.

Every rival is a distribution over the full entity vocabulary, so it has a loss, and it orders the vocabulary strictly:
by probability, then by the number of training mentions, then by the lower id. A rank is a place in that order, from 1.
"""

from __future__ import annotations

from typing import Protocol

from numpy import float64
from numpy.typing import NDArray

from pipeline.evaluate.mentions import MaskedMentions
from pipeline.evaluate.scores import Scores
from pipeline.io.arrow import Int64Array

TopEntities = tuple[Int64Array, NDArray[float64]]
"""Ids [K, k] and their probabilities [K, k], in the rival's order."""


class EntityRival(Protocol):
    """A model of the entities that reads some of what the model sees."""

    def scores(self, mentions: MaskedMentions) -> Scores:
        """Return loss (in nats) and rank of each label over the full vocabulary."""
        ...

    def top(self, mentions: MaskedMentions, k: int) -> TopEntities:
        """Return the first k entities of each mention, with their probabilities.

        The arrays are dense; for many mentions, call it with some of them at a time.
        """
        ...
