"""Which Examples make up a step, who takes which of them, and what is hidden in each.

Everything is a function of (seed, phase, step): the Examples of step s are positions s * batch ... of an endless
stream of permutations, one per epoch, and the masks of an Example are a function of its key alone. So the state of a
training's data is one integer, and the number of processes, workers or micro-batches changes nothing but who computes
what.

A global batch is fixed first, then sorted by length and dealt out: micro-batches hold Examples of like length (next to
no padding), and at any moment all ranks work on like lengths.
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
from pipeline.records import Batch
from pipeline.vocab.words import WordVocab

Ints = NDArray[np.int64]


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


def deal(lengths: Ints, *, micro_batch: int, rank: int, ranks: int) -> list[Ints]:
    """One rank's micro-batches, as positions in the global batch.

    Every rank gets the same number of micro-batches (their backward passes meet in a collective), of at most
    `micro_batch` Examples each; a global batch smaller than the number of ranks leaves some of them empty-handed,
    which is refused where the config meets the processes.

    Args:
        lengths: [batch] words of each Example of the global batch.
    """
    rounds = -(-len(lengths) // (micro_batch * ranks))
    parts = np.array_split(np.argsort(lengths, kind="stable"), rounds * ranks)
    return parts[rank::ranks]


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

    def batch(self, indices: Ints, epochs: Ints) -> Batch:
        """Mask and pad the Examples `indices`, each with the masks of its epoch."""
        ragged = self.store.gather(indices)
        keys = example_keys(self.seed, self.phase, epochs, indices)
        words = mask_words(ragged.words.astype(np.int64), ragged.word_offsets, keys, self.words, self.config)
        word_ids, word_lengths, word_places = padded(words.ids, ragged.word_offsets, self.pad)
        entity_flat, entity_offsets, spans = ragged.entities.astype(np.int64), ragged.entity_offsets, ragged.spans
        if not self.entities:
            entity_flat, spans = entity_flat[:0], spans[:0]
            entity_offsets = np.zeros_like(entity_offsets)
        entities = mask_entities(entity_flat, entity_offsets, keys, self.config)
        entity_ids, entity_lengths, entity_places = padded(entities.ids, entity_offsets, 0)
        positions, mention_offsets = mentions(spans.astype(np.int64), entity_places, entity_ids.size)
        return Batch(
            examples=indices,
            word_ids=word_ids,
            word_lengths=word_lengths,
            entity_ids=entity_ids,
            entity_lengths=entity_lengths,
            mention_positions=positions,
            mention_offsets=mention_offsets,
            word_targets=word_places[words.targets],
            word_labels=words.labels,
            entity_targets=entity_places[entities.targets],
            entity_labels=entities.labels,
        )


def padded(flat: Ints, offsets: Ints, pad: int) -> tuple[Ints, Ints, Ints]:
    """Rows of unequal length as a rectangle.

    Returns:
        The rectangle [B, longest], the lengths [B], and for each flat element its place in the flattened rectangle.
    """
    lengths = np.diff(offsets)
    width = int(lengths.max(initial=0))
    rows = np.repeat(np.arange(len(lengths)), lengths)
    places = rows * width + np.arange(len(flat)) - offsets[rows]
    rectangle = np.full((len(lengths), width), pad, dtype=np.int64)
    rectangle.reshape(-1)[places] = flat
    return rectangle, lengths, places


def mentions(spans: Ints, places: Ints, entities: int) -> tuple[Ints, Ints]:
    """The word positions of all mentions in a row, and where each of the `entities` padded entities' part starts.

    Args:
        spans: [N, 2] half-open, in the order of the entities; places: [N] each one's place among the padded ones.
    """
    lengths = spans[:, 1] - spans[:, 0]
    lengths_padded = np.zeros(entities, dtype=np.int64)
    lengths_padded[places] = lengths
    return ranges(spans[:, 0], lengths), np.cumsum(lengths_padded) - lengths_padded


def word_tables(vocab: WordVocab) -> WordTables:
    return WordTables.of(starts_word=vocab.word_starts, special=vocab.special, mask=vocab.mask)


@dataclass(frozen=True, slots=True)
class StepBatches:
    """A map-style dataset for torch's DataLoader: item s is the list of one rank's micro-batches of step s."""

    order: Order
    masker: Masker
    micro_batch: int
    rank: int
    ranks: int

    def __getitem__(self, step: int) -> list[Batch]:
        indices, epochs = self.order.step(step)
        lengths = self.masker.store.lengths[indices].astype(np.int64)
        parts = deal(lengths, micro_batch=self.micro_batch, rank=self.rank, ranks=self.ranks)
        return [self.masker.batch(indices[part], epochs[part]) for part in parts]


def in_turn(masker: Masker, indices: Ints, micro_batch: int) -> Iterator[Batch]:
    """Batches over `indices`, once each with the masks of epoch 0, like lengths together: for measuring."""
    ordered = indices[np.argsort(masker.store.lengths[indices], kind="stable")]
    for start in range(0, len(ordered), micro_batch):
        part = ordered[start : start + micro_batch]
        yield masker.batch(part, np.zeros_like(part))
