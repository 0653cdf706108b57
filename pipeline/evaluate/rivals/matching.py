"""Find the training mentions whose tokens match the mentions to score; a wildcard token matches any one token.

The patterns are few and the training mentions many, so the training mentions are streamed and only what matches is
kept. Patterns of equal length with wildcards at the same places are one group. For a group, the tokens at the other
places of every training mention of that length are hashed at once, and the hashes are looked up in those of the group's
patterns. A pass therefore costs one hash and one binary search per training mention and group of its length: 16,000
mentions and 34 groups take 7 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.dataset.reader import Block, ExampleStore
from pipeline.evaluate.mentions import Ragged
from pipeline.evaluate.rivals.sparse_table import SparseTable, add_up
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.io.arrow import BoolArray, Int32Array, Int64Array
from pipeline.pretrain.masking import Keys, concatenate_ranges, random_bits

LabelledMentions = tuple[Ragged, Int64Array]
"""Tokens of K mentions and the entity of each: [K]."""


@dataclass(frozen=True, slots=True)
class PatternGroup:
    """Patterns of equal length with wildcards at the same places."""

    visible: Int64Array
    """Places without a wildcard."""
    hashes: Keys
    """[patterns] hash of the tokens at these places, ascending."""
    tokens: Int32Array
    """[patterns, places] in the order of the hashes."""
    numbers: Int64Array
    """[patterns] number of each pattern, in the order of the hashes."""


@dataclass(frozen=True, slots=True)
class PatternIndex:
    """Distinct patterns, ready to be compared with many mentions."""

    groups: dict[int, list[PatternGroup]]
    """Length in tokens -> groups of patterns."""
    size: int
    """Number of distinct patterns."""

    @staticmethod
    def build(patterns: Ragged, wildcard: int | None) -> tuple[PatternIndex, Int64Array]:
        """Return the index of the distinct patterns, and the number of each given pattern in it.

        Args:
            patterns: rows of tokens.
            wildcard: the token that matches any one token; None if there is none.
        """
        groups: dict[int, list[PatternGroup]] = {}
        numbers = np.empty(len(patterns), dtype=np.int64)
        size = 0
        for length in np.unique(patterns.lengths).tolist():
            members = np.flatnonzero(patterns.lengths == length)
            distinct, inverse = np.unique(as_matrix(patterns, members, length), axis=0, return_inverse=True)
            numbers[members] = size + inverse.reshape(-1)
            is_visible = distinct != wildcard if wildcard is not None else np.ones(distinct.shape, dtype=bool)
            groups[length] = list(make_groups(distinct, is_visible, size))
            size += len(distinct)
        return PatternIndex(groups, size), numbers

    def match(self, mentions: Ragged) -> tuple[Int64Array, Int64Array]:
        """Return all pairs (pattern, mention) that match, as numbers of the two."""
        patterns, found = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for length, groups in self.groups.items():
            members = np.flatnonzero(mentions.lengths == length)
            tokens = as_matrix(mentions, members, length)
            for group in groups:
                visible = tokens[:, group.visible]
                hashes = hash_rows(visible)
                entries = np.minimum(np.searchsorted(group.hashes, hashes), len(group.hashes) - 1)
                equal = (group.hashes[entries] == hashes) & (group.tokens[entries] == visible).all(axis=1)
                patterns.append(group.numbers[entries[equal]])
                found.append(members[equal])
        return np.concatenate(patterns), np.concatenate(found)

    def count(self, sources: Iterable[LabelledMentions], unigram: Unigram) -> SparseTable:
        """Count the mentions of `sources` that match each pattern, by entity; rows are the patterns."""
        keys, counts = add_up(self.matched_keys(sources, unigram.size))
        rows = keys // unigram.size
        return SparseTable.from_entries(rows, keys - rows * unigram.size, counts, height=self.size, unigram=unigram)

    def matched_keys(self, sources: Iterable[LabelledMentions], entities: int) -> Iterator[Int64Array]:
        """Yield pattern * entities + entity of each match."""
        for mentions, ids in sources:
            patterns, found = self.match(mentions)
            yield patterns * entities + ids[found]


def as_matrix(ragged: Ragged, rows: Int64Array, length: int) -> Int32Array:
    """Return the rows of equal length as a rectangle: [rows, length]."""
    matrix: Int32Array = ragged.values[ragged.offsets[rows][:, None] + np.arange(length)]
    return matrix


def make_groups(tokens: Int32Array, is_visible: BoolArray, first: int) -> Iterator[PatternGroup]:
    """Yield the groups of distinct patterns of equal length.

    Args:
        tokens: [patterns, length].
        is_visible: [patterns, length] False at wildcards.
        first: number of the first pattern.
    """
    shapes, shape_of_pattern = np.unique(is_visible, axis=0, return_inverse=True)
    for number, shape in enumerate(shapes):
        members = np.flatnonzero(shape_of_pattern.reshape(-1) == number)
        visible = np.flatnonzero(shape)
        hashes = hash_rows(tokens[members][:, visible])
        order = np.argsort(hashes)
        assert len(np.unique(hashes)) == len(hashes), "two patterns have the same 64-bit hash"
        yield PatternGroup(visible, hashes[order], tokens[members[order]][:, visible], first + members[order])


def hash_rows(tokens: Int32Array) -> Keys:
    """Return a 64-bit hash of each row of tokens: [rows]."""
    hashes = np.zeros(len(tokens), dtype=np.uint64)
    for column in tokens.T:
        hashes = random_bits(hashes, column.astype(np.int64))
    return hashes


def training_mentions(store: ExampleStore, unigram: Unigram) -> Iterator[LabelledMentions]:
    """Yield the mentions of all examples with their entities, one block of the dataset at a time.

    Entities that the unigram model of the training examples does not count, such as [UNK], are left out.
    """
    for block in store.blocks:
        mentions, entities = block_mentions(block)
        is_counted = unigram.counts[entities] > 0
        yield mentions.select(is_counted), entities[is_counted]


def block_mentions(block: Block) -> LabelledMentions:
    """Return the mentions of a block with their entities."""
    first, last = block.entity_offsets[0], block.entity_offsets[-1]
    spans = block.entity_spans[first:last]
    starts = spans[:, 0] + np.repeat(block.word_offsets[:-1].astype(np.int64), np.diff(block.entity_offsets))
    lengths = (spans[:, 1] - spans[:, 0]).astype(np.int64)
    tokens = block.word_ids[concatenate_ranges(starts, lengths)]
    return Ragged.from_lengths(tokens, lengths), block.entity_ids[first:last].astype(np.int64)
