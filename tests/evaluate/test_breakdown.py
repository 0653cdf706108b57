"""The groups of masked entities: literal cases, and every position in exactly one group."""

from __future__ import annotations

import numpy as np

from pipeline.evaluate.breakdown import AMBIGUITY_GROUPS, FREQUENCY_GROUPS, ambiguity_groups, frequency_groups
from pipeline.evaluate.mentions import MaskedMentions, Ragged
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.records import Example
from tests.evaluate.rivals.plain import MASK, entity_unigram, masked, masker, mentions_of, random_examples
from tests.helpers.example_store import example_store


def members(groups: dict[str, np.ndarray]) -> dict[str, list[int]]:
    return {name: np.flatnonzero(mask).tolist() for name, mask in groups.items()}


def test_groups_by_frequency():
    unigram = Unigram(np.array([0, 0, 0, 1, 5, 6, 20, 21, 100, 101, 5000]))
    groups = members(frequency_groups(np.arange(2, 11), unigram))
    assert groups == {"0": [0], "1-5": [1, 2], "6-20": [3, 4], "21-100": [5, 6], "more": [7, 8]}
    assert tuple(groups) == FREQUENCY_GROUPS


def test_groups_by_ambiguity():
    train = [
        Example("1", (0, 10, 11, 4, 10, 11, 2), (3, 3), ((1, 3), (4, 6))),
        Example("2", (0, 12, 4, 12, 13, 2), (3, 5, 1), ((1, 2), (3, 4), (4, 5))),
    ]
    clean = Ragged.from_rows([[10, 11], [12], [13], [11], [10, 11], [12]])
    seen = Ragged.from_rows([[10, 11], [12], [13], [11], [10, MASK], [13]])
    empty = Ragged.from_rows([[]] * 6)
    ids = np.arange(6)
    mentions = MaskedMentions(ids, ids, ids, seen=seen, clean=clean, context=empty, entities=empty)
    groups = ambiguity_groups(mentions, example_store(train), entity_unigram(train))
    # 13 led to [UNK] only, which is not counted; the last two have a masked and a replaced token
    assert members(groups) == {"one": [0], "several": [1], "unseen": [2, 3], "damaged": [4, 5]}
    assert tuple(groups) == AMBIGUITY_GROUPS


def test_random_mentions_agree_with_loops():
    train, held_out = random_examples(40, seed=3), random_examples(60, seed=4)
    mentions, _ = masked(held_out)
    expected = []
    for number in range(len(mentions)):
        clean = tuple(mentions.clean.row(number).tolist())
        entities = {mention.entity for mention in mentions_of(train) if mention.tokens == clean}
        known = ["unseen", "one", "several"][min(len(entities), 2)]
        expected.append(known if clean == tuple(mentions.seen.row(number).tolist()) else "damaged")
    groups = ambiguity_groups(mentions, masker(train).store, entity_unigram(train))
    assert {*expected} == {*AMBIGUITY_GROUPS}
    assert members(groups) == {name: [i for i, group in enumerate(expected) if group == name] for name in groups}
