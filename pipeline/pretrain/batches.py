"""Training batches: choose the examples of each step, split them over ranks and micro-batches, mask and pad them.

Everything is a function of (seed, phase, step). The examples of step s are positions s * batch_size to
(s + 1) * batch_size - 1 of an endless sequence of permutations, one per epoch, and the masks of an example depend on
its key alone. The state of the data is therefore a single integer, and the number of processes, workers or
micro-batches changes only who computes what.

A global batch is fixed first and then split over ranks and micro-batches by length (`micro_batching.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.dataset.reader import ExampleStore
from pipeline.io.arrow import BoolArray, Int32Array, Int64Array
from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import (
    WordTables,
    choose_hidden_mentions,
    concatenate_ranges,
    example_keys,
    hide_mentions,
    mask_entities,
    mask_words,
)
from pipeline.pretrain.micro_batching import partition_batch
from pipeline.records import Batch
from pipeline.vocab.entities import PAD
from pipeline.vocab.words import WordVocab

SORT_WINDOW = 2048
"""Number of examples that evaluation sorts by length together."""


@dataclass(frozen=True, slots=True)
class EpochOrder:
    """The order in which a phase visits the examples: one permutation per epoch, cut into steps of equal size."""

    examples: int
    batch_size: int
    seed: int
    phase: int

    def step_count(self, epochs: float) -> int:
        """Return the number of steps in `epochs` passes over the examples, at least one."""
        return max(1, round(epochs * self.examples / self.batch_size))

    def examples_of_step(self, step: int) -> tuple[Int64Array, Int64Array]:
        """Return the dataset indices and the epochs of the examples of `step` (counted from 0): [batch_size] each."""
        positions = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs = positions // self.examples
        indices = np.empty(self.batch_size, dtype=np.int64)
        for epoch in np.unique(epochs):
            in_epoch = epochs == epoch
            indices[in_epoch] = epoch_permutation(self.seed, self.phase, int(epoch), self.examples)[
                positions[in_epoch] % self.examples
            ]
        return indices, epochs


@lru_cache(maxsize=2)
def epoch_permutation(seed: int, phase: int, epoch: int, length: int) -> Int64Array:
    """Return the order of one epoch; two are cached because a batch may span the end of an epoch."""
    return np.random.default_rng((seed, phase, epoch)).permutation(length)


@dataclass(frozen=True, slots=True)
class Masker:
    """Masking and padding of the examples of one dataset in one phase."""

    store: ExampleStore
    word_tables: WordTables
    pad_id: int
    """Id of `<pad>`."""
    config: MaskingConfig
    with_entities: bool
    """False leaves the entities out, for a words-only model."""
    seed: int
    phase: int

    def partition(self, indices: Int64Array, *, budget: int, rank: int = 0, ranks: int = 1) -> list[Int64Array]:
        """Split the examples `indices` into one rank's micro-batches, each an array of positions in `indices`.

        `micro_batching.partition_batch` has the rules.
        """
        words = self.store.word_lengths[indices].astype(np.int64)
        entities = self.store.entity_lengths[indices].astype(np.int64) if self.with_entities else np.zeros_like(words)
        return partition_batch(words, entities, budget=budget, rank=rank, ranks=ranks)

    def masked_batch(self, indices: Int64Array, epochs: Int64Array) -> Batch[Int64Array]:
        """Mask and pad the examples `indices`, each with the masks of its epoch."""
        ragged = self.store.gather(indices)
        if not self.with_entities:
            ragged = ragged.without_entities()
        keys = example_keys(self.seed, self.phase, epochs, indices)
        word_ids, _ = pad_rows(ragged.word_ids, ragged.word_lengths, self.pad_id)
        entity_ids, is_entity = pad_rows(ragged.entity_ids, ragged.entity_lengths, PAD)
        words = mask_words(word_ids, keys, self.word_tables, self.config)
        entities = mask_entities(entity_ids, keys, self.config)
        mention_positions, mention_offsets = flatten_mentions(ragged.entity_spans, is_entity)
        width = entity_ids.shape[1]
        hidden = choose_hidden_mentions(
            entities.targets, keys, entity_width=width, probability=self.config.hide_mentions
        )
        return Batch(
            example_ids=indices,
            word_ids=hide_mentions(
                words.ids,
                hidden,
                entity_width=width,
                mention_positions=mention_positions,
                mention_offsets=mention_offsets,
                mask_id=self.word_tables.mask_id,
            ),
            word_lengths=ragged.word_lengths,
            entity_ids=entities.ids,
            entity_lengths=ragged.entity_lengths,
            mention_positions=mention_positions,
            mention_offsets=mention_offsets,
            word_targets=words.targets,
            word_labels=words.labels,
            entity_targets=entities.targets,
            entity_labels=entities.labels,
        )


def pad_rows(flat: Int32Array, counts: Int64Array, pad: int) -> tuple[Int64Array, BoolArray]:
    """Arrange rows of unequal length in a rectangle.

    Args:
        flat: all rows, one after the other; counts: [B] the length of each; pad: the id that fills the rest.

    Returns:
        The rectangle [B, longest], and a mask of the same shape that is False at padding.
    """
    filled = np.arange(counts.max(initial=0)) < counts[:, None]
    rectangle = np.full(filled.shape, pad, dtype=np.int64)
    rectangle[filled] = flat
    return rectangle, filled


def flatten_mentions(spans: Int32Array, is_entity: BoolArray) -> tuple[Int64Array, Int64Array]:
    """Return the token positions of all mentions as one flat array, and the offset of each entity in it.

    Padded entities have an offset too; their part is empty.

    Args:
        spans: [N, 2] half-open token spans, in the order of the entities.
        is_entity: [B, E] False at padding.

    Returns:
        `Batch.mention_positions` [P] and `Batch.mention_offsets` [B * E].
    """
    lengths = spans[:, 1] - spans[:, 0]
    padded_lengths = np.zeros(is_entity.size, dtype=np.int64)
    padded_lengths[is_entity.reshape(-1)] = lengths
    return concatenate_ranges(spans[:, 0], lengths), np.cumsum(padded_lengths) - padded_lengths


def build_word_tables(vocab: WordVocab) -> WordTables:
    """Return the tables of `vocab` that masking needs."""
    return WordTables.from_flags(
        starts_word=vocab.word_starts,
        ends_word=vocab.word_ends,
        bare_space=vocab.bare_spaces,
        special=vocab.special,
        mask=vocab.mask,
    )


@dataclass(frozen=True, slots=True)
class StepBatches:
    """Map-style dataset for torch's DataLoader: item s is the list of one rank's micro-batches of step s."""

    order: EpochOrder
    masker: Masker
    micro_batch_tokens: int
    rank: int
    ranks: int

    def __getitem__(self, step: int) -> list[Batch[Int64Array]]:
        indices, epochs = self.order.examples_of_step(step)
        parts = self.masker.partition(indices, budget=self.micro_batch_tokens, rank=self.rank, ranks=self.ranks)
        return [self.masker.masked_batch(indices[part], epochs[part]) for part in parts]


def eval_batches(
    masker: Masker, indices: Int64Array, micro_batch_tokens: int, *, rank: int = 0, ranks: int = 1
) -> Iterator[Batch[Int64Array]]:
    """Yield every `ranks`-th of the batches that hold each of `indices` once, with the masks of epoch 0.

    Examples are grouped by length. The batches do not depend on the number of ranks, so neither do the results.
    """
    number = 0
    for start in range(0, len(indices), SORT_WINDOW):
        window = indices[start : start + SORT_WINDOW]
        for part in masker.partition(window, budget=micro_batch_tokens):
            if number % ranks == rank:
                yield masker.masked_batch(window[part], np.zeros_like(part))
            number += 1
