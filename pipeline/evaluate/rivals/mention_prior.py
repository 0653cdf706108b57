"""The rival that counts: which entity did the same mention lead to in the training examples?

Linking by such counts alone is known as the mention prior or commonness. p(e | m) = (c(m, e) + p(e)) / (c(m) + 1):
c(m, e) is the number of training mentions of the entity e whose tokens match m, c(m) their sum over all entities, and
p(e) the unigram model. Entities with equal counts are therefore in the unigram's order, and a mention that matches
nothing has the unigram's distribution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.dataset.reader import ExampleStore
from pipeline.evaluate.mentions import MaskedMentions
from pipeline.evaluate.rivals.matching import PatternIndex, training_mentions
from pipeline.evaluate.rivals.rival import TopEntities
from pipeline.evaluate.rivals.sparse_table import SparseTable
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.evaluate.scores import Scores
from pipeline.io.arrow import Int64Array


@dataclass(frozen=True, slots=True)
class MentionPrior:
    """Counts of the entities that a mention's tokens led to; `<mask>` matches any one token."""

    train: ExampleStore
    """Training examples; they are read again at each call of `scores` or `top`."""
    unigram: Unigram
    """Unigram model of the entities; an entity with the count 0 in it is not counted here either."""
    mask: int
    """Id of `<mask>`."""
    reads: Literal["seen", "clean"]
    """Tokens of the mention that it reads: as the model sees them, or before masking (more than the model sees)."""

    def scores(self, mentions: MaskedMentions) -> Scores:
        """Return loss and rank of each label."""
        table, rows = self.table(mentions)
        return table.scores(rows, mentions.labels)

    def top(self, mentions: MaskedMentions, k: int) -> TopEntities:
        """Return the first k entities of each mention."""
        table, rows = self.table(mentions)
        return table.top(rows, k)

    def table(self, mentions: MaskedMentions) -> tuple[SparseTable, Int64Array]:
        """Count what these mentions led to; return the counts and the row of each mention in them."""
        index, rows = PatternIndex.build(mentions.seen if self.reads == "seen" else mentions.clean, self.mask)
        return index.count(training_mentions(self.train, self.unigram), self.unigram), rows
