"""Patterns with wildcards against mentions."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate.mentions import Ragged
from pipeline.evaluate.rivals import matching
from pipeline.evaluate.rivals.matching import PatternIndex, training_mentions
from pipeline.records import Example
from tests.evaluate.rivals.plain import MASK, entity_unigram, matches
from tests.helpers.example_store import example_store


def pairs(patterns: list[list[int]], mentions: list[list[int]], wildcard: int | None = MASK) -> set[tuple[int, int]]:
    """Return the pairs (pattern, mention) that match."""
    index, numbers = PatternIndex.build(Ragged.from_rows(patterns), wildcard)
    found, matched = index.match(Ragged.from_rows(mentions))
    together = list(zip(found.tolist(), matched.tolist(), strict=True))
    assert len({*together}) == len(together)
    return {(row, mention) for row, number in enumerate(numbers) for pattern, mention in together if pattern == number}


def test_a_wildcard_is_one_token():
    mentions = [[4, 5], [4, 6], [4], [4, 5, 6], [7, 5]]
    assert pairs([[4, MASK], [MASK, 5], [MASK, MASK], [4, 5]], mentions) == {
        (0, 0), (0, 1), (1, 0), (1, 4), (2, 0), (2, 1), (2, 4), (3, 0)
    }  # fmt: skip


def test_equal_patterns_are_one():
    index, numbers = PatternIndex.build(Ragged.from_rows([[4, MASK], [5], [4, MASK], [4, 5]]), MASK)
    assert index.size == 3
    assert numbers[0] == numbers[2]
    assert len({*numbers.tolist()}) == 3


def test_without_a_wildcard_every_token_is_compared():
    assert pairs([[MASK, 4]], [[5, 4], [MASK, 4]], wildcard=None) == {(0, 1)}


def test_mentions_with_equal_hashes_are_compared(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(matching, "hash_rows", lambda tokens: np.zeros(len(tokens), dtype=np.uint64))
    assert pairs([[4, MASK]], [[5, 4], [4, 5]]) == {(0, 1)}


def test_nothing_matches_nothing():
    assert pairs([], [[4]]) == set()
    assert pairs([[4]], []) == set()


def test_random_patterns_agree_with_a_loop():
    rng = np.random.default_rng(0)
    patterns = [rng.choice([4, 5, MASK], size).tolist() for size in rng.integers(1, 5, 60)]
    mentions = [rng.choice([4, 5, 6], size).tolist() for size in rng.integers(1, 5, 200)]
    expected = {
        (row, number)
        for row, pattern in enumerate(patterns)
        for number, mention in enumerate(mentions)
        if matches(pattern, mention)
    }
    assert pairs(patterns, mentions) == expected


def test_training_mentions_of_known_entities():
    first = Example("1", (0, 4, 5, 6, 2), (3, 1), ((1, 3), (3, 4)))
    second = Example("2", (0, 7, 8, 2), (4,), ((2, 3),))
    third = Example("3", (0, 9, 2), (), ())
    store = example_store([first, second], [third], [second])
    blocks = list(training_mentions(store, entity_unigram([first, second, second])))
    assert [[tokens.row(index).tolist() for index in range(len(tokens))] for tokens, _ in blocks] == [
        [[4, 5], [8]], [], [[8]]
    ]  # fmt: skip
    assert [entities.tolist() for _, entities in blocks] == [[3, 4], [], [4]]
