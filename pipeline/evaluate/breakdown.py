"""Divide masked entities by how often training had the entity, and by what training says about the mention.

A mean over all masked entities hides where a model is better than a table: it cannot be on a mention that always led to
one entity, and it can be on one that led to several or that has lost a token.
"""

from __future__ import annotations

import numpy as np

from pipeline.dataset.reader import ExampleStore
from pipeline.evaluate.mentions import MaskedMentions
from pipeline.evaluate.rivals.matching import PatternIndex, training_mentions
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.io.arrow import BoolArray, Int64Array

Groups = dict[str, BoolArray]
"""Name of a group -> [K] whether each position is in it. Each position is in exactly one group."""

FREQUENCY_GROUPS = ("0", "1-5", "6-20", "21-100", "more")
"""Names of the groups by number of training mentions."""
FREQUENCY_STARTS = (1, 6, 21, 101)
"""Lowest number of training mentions of each group but the first."""
AMBIGUITY_GROUPS = ("one", "several", "unseen", "damaged")
"""Names of the groups by mention."""


def frequency_groups(labels: Int64Array, unigram: Unigram) -> Groups:
    """Group masked entities by the number of training mentions of the label.

    Args:
        labels: [K].
        unigram: unigram model of the entities, with their counts.
    """
    numbers = np.digitize(unigram.counts[labels], FREQUENCY_STARTS)
    return {name: numbers == number for number, name in enumerate(FREQUENCY_GROUPS)}


def ambiguity_groups(mentions: MaskedMentions, train: ExampleStore, unigram: Unigram) -> Groups:
    """Group masked entities by their mention.

    `damaged`: a token of the mention is masked or replaced. Otherwise the mention, as it is, led in the training
    examples to `one` entity, to `several`, or was `unseen`.

    Args:
        mentions: the masked entities.
        train: training examples.
        unigram: unigram model of the entities; an entity with the count 0 in it is not counted here either.
    """
    index, rows = PatternIndex.build(mentions.clean, wildcard=None)
    table = index.count(training_mentions(train, unigram), unigram)
    entities = np.diff(table.offsets)[rows]
    changed = mentions.seen.row_numbers[mentions.seen.values != mentions.clean.values]
    is_damaged = np.bincount(changed, minlength=len(mentions)) > 0
    return {
        "one": ~is_damaged & (entities == 1),
        "several": ~is_damaged & (entities > 1),
        "unseen": ~is_damaged & (entities == 0),
        "damaged": is_damaged,
    }
