"""The features around entities: a literal example, and a random wiki compared with loops."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pipeline.evaluate.rivals.features import bags_of_features, count_parts
from pipeline.records import Example
from tests.evaluate.rivals.plain import (
    ENTITIES,
    SPECIAL,
    WORDS,
    entity_unigram,
    masked,
    masker,
    mentions_of,
    random_examples,
)
from tests.helpers.example_store import example_store

PARTS = ("mention", "context", "entities")


def test_counts_of_two_examples():
    examples = [
        Example("1", (0, 4, 5, 6, 3, 4, 2), (3, 4, 3), ((1, 3), (3, 4), (5, 6))),
        Example("2", (0, 7, 8, 2), (1,), ((1, 2),)),
    ]
    unigram = entity_unigram(examples)
    parts = count_parts(example_store(examples).gather(np.arange(2)), unigram, special=SPECIAL, reads=PARTS)
    mention, context, entities = (part.counts.toarray() for part in parts)
    assert [part.part for part in parts] == [*PARTS]
    # 3 is mentioned as 4 5, with 6 4 around, and as 4, with 4 5 6 around; the unknown token 3 is not counted
    assert {index: count for index, count in enumerate(mention[3]) if count} == {4: 2, 5: 1}
    assert {index: count for index, count in enumerate(context[3]) if count} == {4: 2, 5: 1, 6: 2}
    assert {index: count for index, count in enumerate(entities[3]) if count} == {3: 2, 4: 2}
    assert {index: count for index, count in enumerate(mention[4]) if count} == {6: 1}
    assert {index: count for index, count in enumerate(context[4]) if count} == {4: 2, 5: 1}
    assert {index: count for index, count in enumerate(entities[4]) if count} == {3: 2}
    assert not mention[[0, 1, 2, *range(5, ENTITIES)]].any()
    # six ordinary tokens and a vocabulary of 16
    assert parts[1].background[[3, 4, 7, 9]].tolist() == [1 / 22, 3 / 22, 2 / 22, 1 / 22]
    assert parts[2].background.tolist() == unigram.probabilities.tolist()
    assert parts[2].is_feature.tolist() == [index in (3, 4) for index in range(ENTITIES)]


def test_a_random_wiki_agrees_with_loops():
    examples = random_examples(60, seed=10)
    expected = {"mention": np.zeros((ENTITIES, WORDS), int), "context": np.zeros((ENTITIES, WORDS), int)}
    expected["entities"] = np.zeros((ENTITIES, ENTITIES), int)
    for mention in mentions_of(examples):
        tokens = [token for token in mention.tokens if not SPECIAL[token]]
        for part, values in zip(PARTS, (tokens, mention.context, mention.others), strict=True):
            for value in values:
                expected[part][mention.entity, value] += 1
    every = masker(examples).store.gather(np.arange(60))
    for reads in (PARTS, ("entities", "context"), ("context",)):
        parts = count_parts(every, entity_unigram(examples), special=SPECIAL, reads=reads)
        assert [part.part for part in parts] == [*reads]
        for part in parts:
            assert part.counts.toarray().tolist() == expected[part.part].tolist()


def test_bags_of_a_random_wiki():
    mentions, _ = masked(random_examples(30, seed=11))
    rows = {"mention": mentions.seen, "context": mentions.context, "entities": mentions.entities}
    is_feature = np.arange(WORDS) != 5
    for part in PARTS:
        bags = bags_of_features(mentions, part, is_feature).toarray()
        for number, bag in enumerate(bags):
            counts = Counter(rows[part].row(number).tolist())
            assert bag.tolist() == [counts[index] if index != 5 else 0 for index in range(WORDS)]
