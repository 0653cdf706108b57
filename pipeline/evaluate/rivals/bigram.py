"""The rival of the words: a bigram model of the left neighbour, interpolated with the unigram model.

p(w | l) = (c(l, w) + T(l) p(w)) / (c(l) + T(l)), where c(l, w) is how often the token w follows l in the training
examples, c(l) the sum over w, T(l) the number of different w and p(w) the unigram model: the interpolation of Witten
and Bell (1991). A masked word without a visible left neighbour, and one behind a token that training never had, has the
unigram's distribution.

Counting 610,000 Japanese tokens takes 0.04 s, and the scores of 90,000 masked words 0.1 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.dataset.reader import ExampleStore
from pipeline.evaluate.mentions import NO_TOKEN, MaskedWords
from pipeline.evaluate.rivals.rival import TopEntities
from pipeline.evaluate.rivals.sparse_table import SparseTable, add_up
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.evaluate.scores import Scores
from pipeline.io.arrow import BoolArray, Int64Array

EXAMPLES_AT_ONCE = 1 << 14
"""Number of examples whose pairs are counted at once."""


@dataclass(frozen=True, slots=True)
class Bigram:
    """A bigram model of the words."""

    table: SparseTable
    """Row l has the weights c(l, w) / T(l); the last row is empty, for a word without a left neighbour."""
    examples: int
    """Number of training examples that it was fitted on."""

    @staticmethod
    def fit(train: ExampleStore, unigram: Unigram, *, special: BoolArray, limit: int, seed: int) -> Bigram:
        """Count the pairs of neighbours in at most `limit` training examples.

        Args:
            train: training examples.
            unigram: unigram model of the words.
            special: [vocabulary] whether a token is special; pairs with such a token are not counted.
            limit: maximum number of examples; if there are more, they are chosen at random.
            seed: seed of that choice.
        """
        examples = np.sort(np.random.default_rng(seed).permutation(len(train))[:limit])
        keys, counts = add_up(neighbour_pairs(train, examples, special, unigram.size))
        left = keys // unigram.size
        followers = np.bincount(left, minlength=unigram.size)
        table = SparseTable.from_entries(
            left,
            keys - left * unigram.size,
            counts / followers[left],
            height=unigram.size + 1,
            unigram=unigram,
        )
        return Bigram(table, len(examples))

    def scores(self, words: MaskedWords) -> Scores:
        """Return loss and rank of each label; rank 1 is a correct first choice."""
        return self.table.scores(self.rows(words), words.labels)

    def top(self, words: MaskedWords, k: int) -> TopEntities:
        """Return the first k tokens of each masked word, with their probabilities."""
        return self.table.top(self.rows(words), k)

    def rows(self, words: MaskedWords) -> Int64Array:
        """Return the row of the table of each masked word."""
        return np.where(words.left == NO_TOKEN, self.table.unigram.size, words.left)


def neighbour_pairs(store: ExampleStore, examples: Int64Array, special: BoolArray, size: int) -> Iterator[Int64Array]:
    """Yield the pairs of neighbouring ordinary tokens (l, w) as numbers l * size + w.

    Every example begins and ends with a special token, so no pair spans two examples.
    """
    for start in range(0, len(examples), EXAMPLES_AT_ONCE):
        ids = store.gather(examples[start : start + EXAMPLES_AT_ONCE]).word_ids.astype(np.int64)
        left, right = ids[:-1], ids[1:]
        ordinary = ~(special[left] | special[right])
        yield left[ordinary] * size + right[ordinary]
