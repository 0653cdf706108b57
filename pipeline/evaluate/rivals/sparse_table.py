"""A table of weights with few entries per row, smoothed toward the unigram model: the form of most rivals.

p(i | row) = (weight(row, i) + p(i)) / (weight(row) + 1), where p(i) is the unigram model and weight(row) the sum of
the row. An empty row is the unigram model itself. A row orders the ids by probability, then by count, then by the lower
id.

Loss and rank of a label are exact without a dense row. An id whose weight is 0 has its place in the unigram's order, so
the ids above a label are counted in three parts: all ids whose unigram probability is above the label's score, minus
those that have an entry in the row, plus all entries of the row above the label's score. Each part is a binary search.
A million labels in a table of ten million entries and 500,000 ids take 7 s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluate.rivals.rival import TopEntities
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.evaluate.scores import Scores
from pipeline.io.arrow import BoolArray, Int64Array
from pipeline.pretrain.masking import concatenate_ranges

Float64Array = NDArray[np.float64]

KEYS_IN_MEMORY = 1 << 24
"""Number of keys after which equal ones are added up."""


@dataclass(frozen=True)
class SparseTable:
    """Rows of a conditional distribution over the unigram's vocabulary."""

    unigram: Unigram
    offsets: Int64Array
    """[rows + 1] start of each row's entries, and the end of the last one."""
    ids: Int64Array
    """[entries] ids with a weight; those of a row are in the unigram's order."""
    weights: Float64Array
    """[entries] positive weights."""

    @staticmethod
    def from_entries(
        rows: Int64Array, ids: Int64Array, weights: Float64Array | Int64Array, *, height: int, unigram: Unigram
    ) -> SparseTable:
        """Add up the weights of equal (row, id).

        Args:
            rows, ids, weights: [entries] in any order.
            height: number of rows.
            unigram: the model that the rows are smoothed toward.
        """
        keys, inverse = np.unique(rows * unigram.size + unigram.places[ids], return_inverse=True)
        row_of_key = keys // unigram.size
        return SparseTable(
            unigram,
            np.searchsorted(row_of_key, np.arange(height + 1)),
            unigram.order[keys - row_of_key * unigram.size],
            np.bincount(inverse, weights, minlength=len(keys)).astype(np.float64),  # of no weights it is int
        )

    def capped(self, limit: float) -> SparseTable:
        """Return the table with no weight above `limit`."""
        return replace(self, weights=np.minimum(self.weights, limit))

    def scores(self, rows: Int64Array, labels: Int64Array) -> Scores:
        """Return loss and rank of each label, given the row of each: [K]."""
        scores = self.label_scores(rows, labels)
        return Scores(labels, np.log(self.totals[rows] + 1) - np.log(scores), self.ranks(rows, labels, scores))

    def top(self, rows: Int64Array, k: int) -> TopEntities:
        """Return the first k ids of each of `rows` and their probabilities: [K, k]."""
        distinct, inverse = np.unique(rows, return_inverse=True)
        ids, scores = self.candidates(distinct, min(k, self.unigram.size))
        order = np.lexsort((self.unigram.places[ids], -scores))[:, : min(k, self.unigram.size)]
        probabilities = np.take_along_axis(scores, order, axis=1) / (self.totals[distinct] + 1)[:, None]
        return np.take_along_axis(ids, order, axis=1)[inverse], probabilities[inverse]

    @cached_property
    def totals(self) -> Float64Array:
        """Sum of the weights of each row: [rows]."""
        return np.bincount(self.row_numbers, self.weights, minlength=len(self.offsets) - 1).astype(np.float64)

    @property
    def row_numbers(self) -> Int64Array:
        """Row of each entry: [entries]."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @cached_property
    def keys(self) -> Int64Array:
        """Row and place in the unigram's order of each entry as one number, ascending: [entries]."""
        return self.row_numbers * self.unigram.size + self.unigram.places[self.ids]

    @cached_property
    def best_first(self) -> Int64Array:
        """Entries in the order of the rows, those of a row by the row's own order: [entries]."""
        return np.lexsort((self.unigram.places[self.ids], -self.entry_scores, self.row_numbers))

    @cached_property
    def entry_scores(self) -> Float64Array:
        """Weight plus unigram probability of each entry: [entries]."""
        return self.weights + self.unigram.probabilities[self.ids]

    def find(self, rows: Int64Array, ids: Int64Array) -> tuple[Int64Array, BoolArray]:
        """Return the entry of each (row, id), and whether there is one; where there is none, the entry is any."""
        wanted = rows * self.unigram.size + self.unigram.places[ids]
        if not len(self.keys):
            return np.zeros_like(wanted), np.zeros(wanted.shape, dtype=bool)
        entries = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return entries, self.keys[entries] == wanted

    def label_scores(self, rows: Int64Array, labels: Int64Array) -> Float64Array:
        """Return weight plus unigram probability of each (row, label): [K]."""
        entries, found = self.find(rows, labels)
        scores = self.unigram.probabilities[labels]
        scores[found] = self.entry_scores[entries[found]]
        return scores

    def ranks(self, rows: Int64Array, labels: Int64Array, scores: Float64Array) -> Int64Array:
        """Return the rank of each label in its row, given its score: [K]."""
        places = self.unigram.places[labels]
        falling = -self.unigram.probabilities[self.unigram.order]
        first, last = (np.searchsorted(falling, -scores, side) for side in ("left", "right"))
        above = first + np.clip(places - first, 0, last - first)
        above_with_entry = np.searchsorted(self.keys, rows * self.unigram.size + above) - self.offsets[rows]
        ranks: Int64Array = 1 + above - above_with_entry + self.entries_above(rows, places, scores)
        return ranks

    def entries_above(self, rows: Int64Array, places: Int64Array, scores: Float64Array) -> Int64Array:
        """Return how many entries of each row are above a score; of equal scores the lower place is above: [K]."""
        low, high = self.offsets[rows], self.offsets[rows + 1]
        while (low < high).any():
            open_ = low < high
            middle = np.where(open_, (low + high) // 2, 0)
            entries = self.best_first[middle]
            found = self.entry_scores[entries]
            is_above = (found > scores) | ((found == scores) & (self.unigram.places[self.ids[entries]] < places))
            low = np.where(open_ & is_above, middle + 1, low)
            high = np.where(open_ & ~is_above, middle, high)
        return low - self.offsets[rows]

    def candidates(self, rows: Int64Array, k: int) -> tuple[Int64Array, Float64Array]:
        """Return ids that include the first k of each row, and their scores, -inf for a filler: [K, 2k].

        They are the first k entries of the row and the first k ids of the unigram model, if these have no entry.
        """
        counts = np.minimum(np.diff(self.offsets)[rows], k)
        is_entry = np.arange(k) < counts[:, None]
        chosen = self.best_first[concatenate_ranges(self.offsets[rows], counts)]
        frequent = np.broadcast_to(self.unigram.order[:k], (len(rows), k))
        ids = np.concatenate([np.zeros((len(rows), k), dtype=np.int64), frequent], axis=1)
        scores = np.full(ids.shape, -np.inf)
        ids[:, :k][is_entry], scores[:, :k][is_entry] = self.ids[chosen], self.entry_scores[chosen]
        _, has_entry = self.find(np.broadcast_to(rows[:, None], frequent.shape), frequent)
        scores[:, k:] = np.where(has_entry, -np.inf, self.unigram.probabilities[frequent])
        return ids, scores


def add_up(parts: Iterable[Int64Array]) -> tuple[Int64Array, Int64Array]:
    """Return the distinct keys of all parts, ascending, and how often each occurs."""
    keys, counts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    waiting: list[Int64Array] = []
    for part in parts:
        waiting.append(part)
        if sum(map(len, waiting)) > KEYS_IN_MEMORY:
            keys, counts = merge_counts(keys, counts, np.concatenate(waiting))
            waiting = []
    return merge_counts(keys, counts, np.concatenate([keys[:0], *waiting]))


def merge_counts(keys: Int64Array, counts: Int64Array, more: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return the distinct keys and their counts after `more` keys are counted too."""
    distinct, inverse = np.unique(np.concatenate([keys, more]), return_inverse=True)
    merged = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(merged, inverse, np.concatenate([counts, np.ones(len(more), dtype=np.int64)]))
    return distinct, merged
