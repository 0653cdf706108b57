"""Which Examples make up a step, who takes which of them, and what is hidden in each.

Everything is a function of (seed, phase, step): the Examples of step s are positions s * batch ... of an endless
stream of permutations, one per epoch, and the masks of an Example are a function of its key alone. So the state of a
training's data is one integer, and the number of processes, workers or micro-batches changes nothing but who computes
what.

A global batch is fixed first, then dealt out to ranks and micro-batches by length (`dealing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pipeline.dataset.reader import ExampleStore
from pipeline.pretrain.config import MaskingConfig
from pipeline.pretrain.masking import WordTables, example_keys, mask_entities, mask_words, ranges
from pipeline.pretrain.micro_batching import deal
from pipeline.records import Batch
from pipeline.vocab.entities import PAD
from pipeline.vocab.words import WordVocab

Ints = NDArray[np.int64]
Int32s = NDArray[np.int32]

AT_ONCE = 2048
"""Examples that are sorted by length together where they are only measured."""


@dataclass(frozen=True, slots=True)
class Order:
    """The Examples of each step of a phase."""

    examples: int
    batch: int
    seed: int
    phase: int

    def steps(self, epochs: float) -> int:
        """Steps in so many passes over the Examples, at least one."""
        return max(1, round(epochs * self.examples / self.batch))

    def step(self, number: int) -> tuple[Ints, Ints]:
        """Indices and epochs of the Examples of step `number` (from 0): two arrays of [batch]."""
        position = np.arange(number * self.batch, (number + 1) * self.batch)
        epochs = position // self.examples
        indices = np.empty(self.batch, dtype=np.int64)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            indices[here] = permutation(self.seed, self.phase, int(epoch), self.examples)[
                position[here] % self.examples
            ]
        return indices, epochs


@lru_cache(maxsize=2)
def permutation(seed: int, phase: int, epoch: int, length: int) -> Ints:
    """The order of one epoch; two are kept since a batch may span the end of one."""
    return np.random.default_rng((seed, phase, epoch)).permutation(length)


@dataclass(frozen=True, slots=True)
class Masker:
    """Turns indices of Examples into masked, padded batches."""

    store: ExampleStore
    words: WordTables
    pad: int
    """The id of `<pad>`."""
    config: MaskingConfig
    entities: bool
    """False: words only, the entities are left out."""
    seed: int
    phase: int

    def deal(self, indices: Ints, *, budget: int, rank: int = 0, ranks: int = 1) -> list[Ints]:
        """One rank's micro-batches of the Examples `indices`, as positions in it; see `dealing.deal`."""
        words = self.store.lengths[indices].astype(np.int64)
        entities = self.store.entity_counts[indices].astype(np.int64) if self.entities else np.zeros_like(words)
        return deal(words, entities, budget=budget, rank=rank, ranks=ranks)

    def batch(self, indices: Ints, epochs: Ints) -> Batch:
        """Mask and pad the Examples `indices`, each with the masks of its epoch."""
        ragged = self.store.gather(indices)
        if not self.entities:
            ragged = ragged.without_entities()
        keys = example_keys(self.seed, self.phase, epochs, indices)
        word_ids, _ = padded(ragged.words, ragged.word_counts, self.pad)
        entity_ids, is_entity = padded(ragged.entities, ragged.entity_counts, PAD)
        words = mask_words(word_ids, keys, self.words, self.config)
        entities = mask_entities(entity_ids, keys, self.config)
        mention_positions, mention_offsets = mentions(ragged.spans, is_entity)
        return Batch(
            example_ids=indices,
            word_ids=words.ids,
            word_lengths=ragged.word_counts,
            entity_ids=entities.ids,
            entity_lengths=ragged.entity_counts,
            mention_positions=mention_positions,
            mention_offsets=mention_offsets,
            word_targets=words.targets,
            word_labels=words.labels,
            entity_targets=entities.targets,
            entity_labels=entities.labels,
        )


def padded(flat: Int32s, counts: Ints, pad: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Rows of unequal length as a rectangle.

    Returns:
        The rectangle [B, longest], and where it holds something else than padding.
    """
    filled = np.arange(counts.max(initial=0)) < counts[:, None]
    rectangle = np.full(filled.shape, pad, dtype=np.int64)
    rectangle[filled] = flat
    return rectangle, filled


def mentions(spans: Int32s, is_entity: NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """The word positions of all mentions in a row, and where the part of each entity, padded ones too, starts.

    Args:
        spans: [N, 2] half-open, in the order of the entities; is_entity: [B, E] which of the padded ones are these.
    """
    lengths = spans[:, 1] - spans[:, 0]
    spread = np.zeros(is_entity.size, dtype=np.int64)
    spread[is_entity.reshape(-1)] = lengths
    return ranges(spans[:, 0], lengths), np.cumsum(spread) - spread


def word_tables(vocab: WordVocab) -> WordTables:
    return WordTables.of(
        starts_word=vocab.word_starts,
        ends_word=vocab.word_ends,
        bare_space=vocab.bare_spaces,
        special=vocab.special,
        mask=vocab.mask,
    )


@dataclass(frozen=True, slots=True)
class StepBatches:
    """A map-style dataset for torch's DataLoader: item s is the list of one rank's micro-batches of step s."""

    order: Order
    masker: Masker
    micro_batch_tokens: int
    rank: int
    ranks: int

    def __getitem__(self, step: int) -> list[Batch]:
        indices, epochs = self.order.step(step)
        parts = self.masker.deal(indices, budget=self.micro_batch_tokens, rank=self.rank, ranks=self.ranks)
        return [self.masker.batch(indices[part], epochs[part]) for part in parts]


def in_turn(masker: Masker, indices: Ints, micro_batch_tokens: int) -> Iterator[Batch]:
    """Batches over `indices`, once each with the masks of epoch 0, like lengths together: for measuring."""
    for start in range(0, len(indices), AT_ONCE):
        some = indices[start : start + AT_ONCE]
        for part in masker.deal(some, budget=micro_batch_tokens):
            yield masker.batch(some[part], np.zeros_like(part))
