"""Change masked examples so that they show what a prediction of an entity rests on. Pure.

- Mention hidden: all tokens of the masked entities' mentions become `<mask>`. Only the context is left to read.
- Mention moved: the tokens of a masked entity's mention take the place of another one's, in an example of another page.
  The mention is complete and the context is wrong, so whoever reads the mention alone is right.

The moved examples are built one by one in Python: 20 microseconds each, a hundredth of the forward pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from pipeline.dataset.reader import ExampleStore, RaggedExamples
from pipeline.evaluate.mentions import MaskedMentions, Ragged
from pipeline.io.arrow import Int64Array
from pipeline.pretrain.batches import SORT_WINDOW, flatten_mentions, pad_rows
from pipeline.pretrain.masking import hide_mentions
from pipeline.pretrain.micro_batching import partition_batch
from pipeline.records import Batch
from pipeline.vocab.entities import MASK, PAD

MAX_ATTEMPTS = 100
"""Number of places that are tried for a mention before it is left out."""


def with_hidden_mentions(batch: Batch[Int64Array], mask_id: int) -> Batch[Int64Array]:
    """Return the batch with `<mask>` for every token of the masked entities' mentions, and no word to predict."""
    word_ids = hide_mentions(
        batch.word_ids,
        batch.entity_targets,
        entity_width=batch.entity_ids.shape[1],
        mention_positions=batch.mention_positions,
        mention_offsets=batch.mention_offsets,
        mask_id=mask_id,
    )
    return replace(batch, word_ids=word_ids, word_targets=batch.word_targets[:0], word_labels=batch.word_labels[:0])


@dataclass(frozen=True, slots=True)
class MovedMentions:
    """P pairs of masked entities: the mention of the first takes the place of the second's."""

    moved: Int64Array
    """[P] indices of the first, ascending."""
    hosts: Int64Array
    """[P] indices of the second."""


def pair_mentions(
    mentions: MaskedMentions,
    *,
    pages: Int64Array,
    lengths: Int64Array,
    max_length: int,
    generator: np.random.Generator,
) -> MovedMentions:
    """Give each masked entity a place on another page, of another entity, where its mention fits.

    The masked entities are put in random order. Each takes the first of its successors that can be its place.

    Args:
        mentions: K masked entities.
        pages: [K] page of each, as a number.
        lengths: [K] number of tokens of its example.
        max_length: largest number of tokens in an example.
        generator: source of the order.

    Returns:
        The pairs; a mention without a place among `MAX_ATTEMPTS` successors is left out.
    """
    count = len(mentions)
    order = generator.permutation(count)
    sizes, hosts = mentions.clean.lengths, np.full(count, -1, dtype=np.int64)
    waiting = np.arange(count)
    for shift in range(1, min(count, MAX_ATTEMPTS + 1)):
        first, second = order[waiting], order[(waiting + shift) % count]
        fits = (
            (pages[first] != pages[second])
            & (mentions.labels[first] != mentions.labels[second])
            & (lengths[second] - sizes[second] + sizes[first] <= max_length)
        )
        hosts[first[fits]] = second[fits]
        waiting = waiting[~fits]
    moved = np.flatnonzero(hosts >= 0)
    return MovedMentions(moved, hosts[moved])


def moved_batches(
    store: ExampleStore,
    mentions: MaskedMentions,
    pairs: MovedMentions,
    *,
    pad_id: int,
    micro_batch_tokens: int,
    rank: int,
    ranks: int,
) -> Iterator[Batch[Int64Array]]:
    """Yield every `ranks`-th of the batches of moved mentions, grouped by length.

    Each row is the host's example with the moved mention in place of the host's. The host's entity is masked, and
    nothing else is. The label is the entity of the moved mention, and `example_ids` has the number of the pair.

    Args:
        store: the examples of the masked entities.
        mentions: K masked entities.
        pairs: the moved mentions and their places.
        pad_id: id of `<pad>`.
        micro_batch_tokens: maximum number of padded positions in a batch.
        rank, ranks: the process that asks, and the number of processes.
    """
    number = 0
    for start in range(0, len(pairs.moved), SORT_WINDOW):
        numbers = np.arange(start, min(start + SORT_WINDOW, len(pairs.moved)))
        hosts, moved = mentions.select(pairs.hosts[numbers]), mentions.select(pairs.moved[numbers])
        examples = replace_mentions(store.gather(hosts.example_ids), hosts.entity_numbers, moved.clean)
        words, entities = Ragged.from_lengths(examples.word_ids, examples.word_lengths), examples.entity_lengths
        for part in partition_batch(words.lengths, entities, budget=micro_batch_tokens, rank=0, ranks=1):
            if number % ranks == rank and len(part):
                yield one_entity_batch(
                    select_examples(examples, part),
                    example_ids=numbers[part],
                    masked=hosts.entity_numbers[part],
                    labels=moved.labels[part],
                    pad_id=pad_id,
                )
            number += 1


def replace_mentions(examples: RaggedExamples, numbers: Int64Array, tokens: Ragged) -> RaggedExamples:
    """Replace the mention of one entity of each example, and shift the spans after it.

    Args:
        examples: B examples.
        numbers: [B] which entity of the example it is.
        tokens: B rows of new tokens.
    """
    word_rows, spans = [], examples.entity_spans.copy()
    words = Ragged.from_lengths(examples.word_ids, examples.word_lengths)
    first = np.cumsum(examples.entity_lengths) - examples.entity_lengths
    for row, (offset, count, number) in enumerate(zip(first, examples.entity_lengths, numbers, strict=True)):
        own = spans[offset : offset + count]
        start, end = own[number].tolist()
        new, row_ids = tokens.row(row), words.row(row)
        word_rows.append(np.concatenate([row_ids[:start], new, row_ids[end:]]))
        own[own >= end] += len(new) - (end - start)  # the mention's own end, and all that begins behind it
    return RaggedExamples(
        word_ids=np.concatenate([np.empty(0, np.int32), *word_rows]),
        word_lengths=np.array([len(row) for row in word_rows], dtype=np.int64),
        entity_ids=examples.entity_ids,
        entity_lengths=examples.entity_lengths,
        entity_spans=spans,
    )


def select_examples(examples: RaggedExamples, rows: Int64Array) -> RaggedExamples:
    """Return the examples at the indices `rows`."""
    words = Ragged.from_lengths(examples.word_ids, examples.word_lengths).select(rows)
    numbers = Ragged.from_lengths(np.arange(len(examples.entity_ids)), examples.entity_lengths).select(rows)
    return RaggedExamples(
        word_ids=words.values,
        word_lengths=words.lengths,
        entity_ids=examples.entity_ids[numbers.values],
        entity_lengths=numbers.lengths,
        entity_spans=examples.entity_spans[numbers.values],
    )


def one_entity_batch(
    examples: RaggedExamples, *, example_ids: Int64Array, masked: Int64Array, labels: Int64Array, pad_id: int
) -> Batch[Int64Array]:
    """Pad examples and mask one entity of each.

    Args:
        examples: B examples.
        example_ids: [B] number of each.
        masked: [B] which entity of the example is masked.
        labels: [B] the entity to predict there.
        pad_id: id of `<pad>`.
    """
    word_ids, _ = pad_rows(examples.word_ids, examples.word_lengths, pad_id)
    entity_ids, is_entity = pad_rows(examples.entity_ids, examples.entity_lengths, PAD)
    targets = np.arange(len(masked)) * entity_ids.shape[1] + masked
    entity_ids.reshape(-1)[targets] = MASK
    mention_positions, mention_offsets = flatten_mentions(examples.entity_spans, is_entity)
    nothing = np.empty(0, np.int64)
    return Batch(
        example_ids=example_ids,
        word_ids=word_ids,
        word_lengths=examples.word_lengths,
        entity_ids=entity_ids,
        entity_lengths=examples.entity_lengths,
        mention_positions=mention_positions,
        mention_offsets=mention_offsets,
        word_targets=nothing,
        word_labels=nothing,
        entity_targets=targets,
        entity_labels=labels,
    )
