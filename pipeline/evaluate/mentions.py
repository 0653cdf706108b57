"""Extract from masked batches what the model sees of each masked entity and each masked word.

The rivals (`rivals/`) and the breakdown score the same masked positions as the model, so they start from the batches
that the model gets. The records here hold, for each masked entity, its mention with and without the masks, the words
around it and the entities around it. Nothing in them depends on the label.

All of it is numpy on flat arrays; the 679 masked entities of a Japanese sample take a few milliseconds. The largest
part is `context`, four bytes for each visible token of the example of each masked entity: up to 2 KB per entity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.dataset.reader import ExampleStore
from pipeline.io.arrow import BoolArray, Int32Array, Int64Array, as_numpy
from pipeline.pretrain.masking import concatenate_ranges
from pipeline.records import Batch
from pipeline.vocab.entities import FIRST_TITLE


@dataclass(frozen=True, slots=True)
class Ragged:
    """K rows of ids of unequal length, one after the other."""

    values: Int32Array
    """All rows concatenated."""
    offsets: Int64Array
    """[K + 1] start of each row in `values`, and the end of the last one."""

    @staticmethod
    def from_lengths(values: Int32Array | Int64Array, lengths: Int64Array) -> Ragged:
        """Return the rows of these lengths: [K]."""
        return Ragged(values.astype(np.int32, copy=False), np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))

    @staticmethod
    def from_rows(rows: Sequence[Sequence[int]]) -> Ragged:
        """Return the rows as one record."""
        values = np.array([value for row in rows for value in row], dtype=np.int32)
        return Ragged.from_lengths(values, np.array([len(row) for row in rows], dtype=np.int64))

    @staticmethod
    def join(parts: Sequence[Ragged]) -> Ragged:
        """Concatenate the rows of all parts."""
        values = np.concatenate([np.empty(0, np.int32), *(part.values for part in parts)])
        return Ragged.from_lengths(values, np.concatenate([np.empty(0, np.int64), *(part.lengths for part in parts)]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Int64Array:
        """Number of ids of each row: [K]."""
        return np.diff(self.offsets)

    @property
    def row_numbers(self) -> Int64Array:
        """Row of each value, as an index."""
        return np.repeat(np.arange(len(self)), self.lengths)

    def row(self, index: int) -> Int32Array:
        """Return the ids of one row."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def select(self, rows: BoolArray | Int64Array) -> Ragged:
        """Return the rows that a mask [K] or an array of indices chooses."""
        indices = np.flatnonzero(rows) if rows.dtype == bool else rows
        lengths = self.lengths[indices]
        return Ragged.from_lengths(self.values[concatenate_ranges(self.offsets[indices], lengths)], lengths)


@dataclass(frozen=True, slots=True)
class MaskedMentions:
    """K masked entities, as the model sees them."""

    labels: Int64Array
    """[K] original entity ids."""
    example_ids: Int64Array
    """[K] index of the example in its dataset."""
    entity_numbers: Int64Array
    """[K] which entity of the example it is, in text order from 0."""
    seen: Ragged
    """Tokens of the mention after word masking: `<mask>` and random replacements are in it."""
    clean: Ragged
    """Tokens of the mention before word masking, of the same lengths as `seen`."""
    context: Ragged
    """Tokens of the example outside the mention, after word masking; special ones, such as `<mask>`, are left out."""
    entities: Ragged
    """Ids of the example's entities that are not masked, without special entities such as [UNK]."""

    @staticmethod
    def from_batch(batch: Batch[Int64Array], special: BoolArray) -> MaskedMentions:
        """Return the masked entities of a batch, in the order of `batch.entity_targets`.

        Args:
            batch: masked examples.
            special: [vocabulary] whether a token is special; `<mask>` is.
        """
        width, entity_width = batch.word_ids.shape[1], max(1, batch.entity_ids.shape[1])
        targets = batch.entity_targets
        rows = targets // entity_width
        seen = batch.word_ids.reshape(-1)
        clean = seen.copy()
        clean[batch.word_targets] = batch.word_labels
        starts = batch.mention_offsets[targets]
        lengths = np.append(batch.mention_offsets, len(batch.mention_positions))[targets + 1] - starts
        positions = batch.mention_positions[concatenate_ranges(starts, lengths)] + np.repeat(rows * width, lengths)
        return MaskedMentions(
            labels=batch.entity_labels,
            example_ids=batch.example_ids[rows],
            entity_numbers=targets - rows * entity_width,
            seen=Ragged.from_lengths(seen[positions], lengths),
            clean=Ragged.from_lengths(clean[positions], lengths),
            context=visible_context(batch, rows, Ragged.from_lengths(positions, lengths), special),
            entities=filled(batch.entity_ids, batch.entity_ids >= FIRST_TITLE).select(rows),
        )

    @staticmethod
    def join(parts: Sequence[MaskedMentions]) -> MaskedMentions:
        """Concatenate the masked entities of all parts."""
        empty = np.empty(0, np.int64)
        return MaskedMentions(
            labels=np.concatenate([empty, *(part.labels for part in parts)]),
            example_ids=np.concatenate([empty, *(part.example_ids for part in parts)]),
            entity_numbers=np.concatenate([empty, *(part.entity_numbers for part in parts)]),
            seen=Ragged.join([part.seen for part in parts]),
            clean=Ragged.join([part.clean for part in parts]),
            context=Ragged.join([part.context for part in parts]),
            entities=Ragged.join([part.entities for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, chosen: BoolArray | Int64Array) -> MaskedMentions:
        """Return the masked entities that a mask [K] or an array of indices chooses."""
        indices = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return MaskedMentions(
            labels=self.labels[indices],
            example_ids=self.example_ids[indices],
            entity_numbers=self.entity_numbers[indices],
            seen=self.seen.select(indices),
            clean=self.clean.select(indices),
            context=self.context.select(indices),
            entities=self.entities.select(indices),
        )


@dataclass(frozen=True, slots=True)
class MaskedWords:
    """M masked tokens and their left neighbours, as the model sees them."""

    labels: Int64Array
    """[M] original ids."""
    left: Int64Array
    """[M] id of the token before, after word masking; `NO_TOKEN` if that one is special, as `<s>` and `<mask>` are."""

    @staticmethod
    def from_batch(batch: Batch[Int64Array], special: BoolArray) -> MaskedWords:
        """Return the masked words of a batch, in the order of `batch.word_targets`.

        Args:
            batch: masked examples.
            special: [vocabulary] whether a token is special; `<mask>` is.
        """
        left = batch.word_ids.reshape(-1)[batch.word_targets - 1]  # never the end of a row: each row begins with <s>
        return MaskedWords(batch.word_labels, np.where(special[left], NO_TOKEN, left))

    @staticmethod
    def join(parts: Sequence[MaskedWords]) -> MaskedWords:
        """Concatenate the masked words of all parts."""
        empty = np.empty(0, np.int64)
        return MaskedWords(
            np.concatenate([empty, *(part.labels for part in parts)]),
            np.concatenate([empty, *(part.left for part in parts)]),
        )


NO_TOKEN = -1
"""Left neighbour of a masked word that has no visible one."""


def visible_context(batch: Batch[Int64Array], rows: Int64Array, mentions: Ragged, special: BoolArray) -> Ragged:
    """Return the visible ordinary tokens of the examples `rows` [K] outside the mention of each.

    Args:
        batch: masked examples.
        rows: [K] row of each masked entity in the batch.
        mentions: K rows of positions of the mention's tokens in `batch.word_ids.reshape(-1)`.
        special: [vocabulary] whether a token is special.
    """
    height, width = batch.word_ids.shape
    is_visible = (np.arange(width) < batch.word_lengths[:, None]) & ~special[batch.word_ids]
    flat_positions = np.arange(height * width).reshape(height, width)
    positions = filled(flat_positions, is_visible).select(rows)
    owners = positions.row_numbers
    # a token is in the mention of its row if the pair (row, position) is
    key = owners * (height * width) + positions.values
    outside = ~np.isin(key, mentions.row_numbers * (height * width) + mentions.values)
    lengths = np.bincount(owners[outside], minlength=len(rows))
    return Ragged.from_lengths(batch.word_ids.reshape(-1)[positions.values[outside]], lengths)


def filled(rectangle: Int64Array, chosen: BoolArray) -> Ragged:
    """Return the values of each row of a rectangle at which `chosen` is True."""
    return Ragged.from_lengths(rectangle[chosen], chosen.sum(axis=1))


def page_numbers(store: ExampleStore) -> Int64Array:
    """Return the page of each example as a number, from 0 in the order of the first examples: [examples]."""
    return as_numpy(store.page_ids.dictionary_encode().indices).astype(np.int64)
