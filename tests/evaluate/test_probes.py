"""Hidden and moved mentions on three examples that can be read here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from pipeline.dataset.reader import Block, ExampleStore
from pipeline.evaluate.mentions import MaskedMentions
from pipeline.evaluate.probes import MAX_ATTEMPTS, MovedMentions, moved_batches, pair_mentions, with_hidden_mentions
from pipeline.io.arrow import Int64Array
from pipeline.pretrain.batches import flatten_mentions, pad_rows
from pipeline.records import Batch

BOS, PAD, EOS, MASK = 0, 1, 2, 9
SPECIAL = np.isin(np.arange(100), [BOS, PAD, EOS, MASK])

WORDS = [
    [BOS, 10, 11, 12, 13, 14, EOS],
    [BOS, 20, 21, 22, 23, EOS],
    [BOS, 30, 31, EOS],
]
ENTITIES = [[(5, 1, 3), (6, 4, 5)], [(7, 2, 5)], [(8, 1, 2)]]
"""(entity, start, end) of each mention."""
PAGES = ["a", "b", "c"]


def store() -> ExampleStore:
    """Return the three examples."""
    rows = [(entity, start, end) for entities in ENTITIES for entity, start, end in entities]
    block = Block(
        page_ids=pa.array(PAGES),
        word_offsets=np.cumsum([0, *map(len, WORDS)], dtype=np.int32),
        word_ids=np.array([token for row in WORDS for token in row], dtype=np.int32),
        entity_offsets=np.cumsum([0, *map(len, ENTITIES)], dtype=np.int32),
        entity_ids=np.array([row[0] for row in rows], dtype=np.int32),
        entity_spans=np.array([row[1:] for row in rows], dtype=np.int32),
    )
    return ExampleStore([block], np.array([0, len(WORDS)]))


def masked_batch() -> Batch[Int64Array]:
    """Return the three examples with the entities 6, 7 and 8 masked, the token 13 hidden and 21 replaced by 55."""
    lengths = np.array([len(row) for row in WORDS])
    ids, _ = pad_rows(np.array([token for row in WORDS for token in row], dtype=np.int32), lengths, PAD)
    ids[0, 4], ids[1, 2] = MASK, 55
    spans = np.array([row[1:] for entities in ENTITIES for row in entities], dtype=np.int32)
    is_entity = np.array([[True, True], [True, False], [True, False]])
    positions, offsets = flatten_mentions(spans, is_entity)
    return Batch(
        example_ids=np.array([0, 1, 2]),
        word_ids=ids,
        word_lengths=lengths,
        entity_ids=np.array([[5, 2], [2, 0], [2, 0]]),
        entity_lengths=np.array([2, 1, 1]),
        mention_positions=positions,
        mention_offsets=offsets,
        word_targets=np.array([4, 9]),
        word_labels=np.array([13, 21]),
        entity_targets=np.array([1, 2, 4]),
        entity_labels=np.array([6, 7, 8]),
    )


def test_every_token_of_the_masked_entities_mentions_is_hidden_and_nothing_else():
    hidden = with_hidden_mentions(masked_batch(), MASK)
    assert hidden.word_ids.tolist() == [
        [BOS, 10, 11, 12, MASK, 14, EOS],  # the mention of 5, which is not masked, stays
        [BOS, 20, MASK, MASK, MASK, EOS, PAD],
        [BOS, MASK, 31, EOS, PAD, PAD, PAD],
    ]
    assert hidden.word_targets.tolist() == hidden.word_labels.tolist() == []
    assert hidden.entity_labels.tolist() == [6, 7, 8]
    assert masked_batch().word_ids[1].tolist() == [BOS, 20, 55, 22, 23, EOS, PAD]  # a copy was changed


def test_hiding_changes_nothing_without_masked_entities():
    batch = masked_batch()
    hidden = with_hidden_mentions(replace(batch, entity_targets=np.empty(0, np.int64)), MASK)
    assert hidden.word_ids.tolist() == batch.word_ids.tolist()


def rows_of(batches: list[Batch[Int64Array]]) -> dict[int, tuple]:
    """Return pair number -> (tokens, entity ids, positions of each mention, label) of the moved examples."""
    rows = {}
    for batch in batches:
        width = batch.entity_ids.shape[1]
        ends = np.append(batch.mention_offsets, len(batch.mention_positions))
        for row, number in enumerate(batch.example_ids.tolist()):
            mentions = [
                batch.mention_positions[ends[slot] : ends[slot + 1]].tolist()
                for slot in range(row * width, row * width + int(batch.entity_lengths[row]))
            ]
            rows[number] = (
                batch.word_ids[row, : batch.word_lengths[row]].tolist(),
                batch.entity_ids[row, : batch.entity_lengths[row]].tolist(),
                mentions,
                batch.entity_labels.tolist()[row],
            )
    return rows


def move(pairs: list[tuple[int, int]], **changes: int) -> list[Batch[Int64Array]]:
    """Return the batches of the pairs (mention, place) of the masked entities 6, 7 and 8."""
    mentions = MaskedMentions.from_batch(masked_batch(), SPECIAL)
    moved, hosts = np.array(pairs).T
    settings = {"pad_id": PAD, "micro_batch_tokens": 1000, "rank": 0, "ranks": 1} | changes
    return list(moved_batches(store(), mentions, MovedMentions(moved, hosts), **settings))


def test_a_longer_mention_moves_the_spans_after_it_and_no_word_is_masked():
    rows = rows_of(move([(1, 0), (0, 1), (2, 1)]))
    # 21 22 23, without the replacement, in the place of 13: only the second entity, which is the host, moves
    assert rows[0] == ([BOS, 10, 11, 12, 21, 22, 23, 14, EOS], [5, 2], [[1, 2], [4, 5, 6]], 7)
    assert rows[1] == ([BOS, 20, 13, EOS], [2], [[2]], 6)
    assert rows[2] == ([BOS, 20, 30, EOS], [2], [[2]], 8)


def test_spans_behind_the_place_are_shifted():
    mentions = MaskedMentions.from_batch(masked_batch(), SPECIAL)
    mentions = replace(mentions, entity_numbers=np.array([0, 0, 0]))  # the first place is the mention of 5, at 1 to 3
    [batch] = moved_batches(
        store(), mentions, MovedMentions(np.array([1]), np.array([0])),
        pad_id=PAD, micro_batch_tokens=1000, rank=0, ranks=1,
    )  # fmt: skip
    assert rows_of([batch])[0] == (
        [BOS, 21, 22, 23, 12, 13, 14, EOS], [2, 6], [[1, 2, 3], [5]], 7,
    )  # fmt: skip


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_all_ranks_together_yield_the_batches_of_one(ranks: int):
    pairs = [(0, 1), (1, 0), (2, 0), (1, 2), (0, 2)]
    alone = move(pairs, micro_batch_tokens=10)
    shared = [move(pairs, micro_batch_tokens=10, rank=rank, ranks=ranks) for rank in range(ranks)]
    numbers = [batch.example_ids.tolist() for batch in alone]
    assert len(numbers) > 1
    assert [shared[turn % ranks][turn // ranks].example_ids.tolist() for turn in range(len(alone))] == numbers
    assert sum(map(len, shared)) == len(alone)


def pair(pages: list[int], labels: list[int], sizes: list[int], lengths: list[int], max_length: int) -> dict[int, int]:
    """Return mention -> place."""
    mentions = MaskedMentions.from_batch(masked_batch(), SPECIAL)
    clean = type(mentions.clean).from_rows([[10] * size for size in sizes])
    empty = type(mentions.clean).from_rows([[] for _ in sizes])
    records = MaskedMentions(
        labels=np.array(labels), example_ids=np.arange(len(labels)), entity_numbers=np.zeros(len(labels), np.int64),
        seen=clean, clean=clean, context=empty, entities=empty,
    )  # fmt: skip
    pairs = pair_mentions(
        records, pages=np.array(pages), lengths=np.array(lengths), max_length=max_length,
        generator=np.random.default_rng(0),
    )  # fmt: skip
    return dict(zip(pairs.moved.tolist(), pairs.hosts.tolist(), strict=True))


def test_a_place_is_on_another_page_and_of_another_entity():
    places = pair([0, 0, 1], [5, 6, 7], [1, 1, 1], [9, 9, 9], 10)
    assert (places[0], places[1]) == (2, 2)
    assert places[2] in (0, 1)
    assert pair([0, 1, 2], [5, 5, 7], [1, 1, 1], [9, 9, 9], 10)[0] == 2
    assert pair([0, 0], [5, 6], [1, 1], [9, 9], 10) == {}
    assert pair([0, 1], [5, 5], [1, 1], [9, 9], 10) == {}


def test_a_mention_that_fits_nowhere_is_left_out():
    # both sequences have 10 tokens: the mention of 3 tokens in the place of 1 makes 12
    assert pair([0, 1], [5, 6], [3, 1], [10, 10], 11) == {1: 0}
    assert pair([0, 1], [5, 6], [3, 1], [10, 10], 12) == {0: 1, 1: 0}


def test_the_search_for_a_place_ends():
    count = MAX_ATTEMPTS + 50
    assert pair([0] * count, list(range(count)), [1] * count, [9] * count, 10) == {}
    assert pair([], [], [], [], 10) == {}
