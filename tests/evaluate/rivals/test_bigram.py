"""The interpolated bigram on counts that are visible here, and on a random wiki."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from pipeline.evaluate.mentions import NO_TOKEN, MaskedWords
from pipeline.evaluate.rivals import bigram
from pipeline.evaluate.rivals.bigram import Bigram
from pipeline.evaluate.rivals.unigram import Unigram
from pipeline.records import Example
from tests.evaluate.rivals.plain import SPECIAL, WORDS, assert_equal_scores, masked, masker, random_examples, smoothed
from tests.helpers.example_store import example_store


def word_unigram(examples: list[Example]) -> Unigram:
    counts = Counter(token for example in examples for token in example.word_ids if not SPECIAL[token])
    return Unigram(np.array([counts[token] for token in range(WORDS)]))


def test_witten_bell():
    train = [Example("1", (0, 4, 5, 4, 6, 2), (), ()), Example("2", (0, 4, 5, 2), (), ())]
    unigram = word_unigram(train)  # 4 three times, 5 twice, 6 once: p = 4/22, 3/22, 2/22, the others 1/22
    model = Bigram.fit(example_store(train), unigram, special=SPECIAL, limit=10, seed=0)
    left = np.array([4, 4, 4, 5, 5, 6, NO_TOKEN])
    scores = model.scores(MaskedWords(np.array([5, 6, 4, 4, 6, 5, 5]), left))
    expected = [
        (2 + 2 * 3 / 22) / 5,  # after 4: 5 twice and 6 once, two different tokens
        (1 + 2 * 2 / 22) / 5,
        (2 * 4 / 22) / 5,
        (1 + 4 / 22) / 2,  # after 5: 4 once
        (2 / 22) / 2,
        3 / 22,  # nothing follows 6
        3 / 22,
    ]
    assert scores.losses == pytest.approx([-math.log(p) for p in expected], abs=1e-12)
    assert scores.ranks.tolist() == [1, 2, 3, 1, 3, 2, 2]
    ids, probabilities = model.top(MaskedWords(np.array([6, 6]), np.array([4, NO_TOKEN])), 2)
    assert ids.tolist() == [[5, 6], [4, 5]]
    assert probabilities.tolist() == [pytest.approx(expected[:2]), pytest.approx([4 / 22, 3 / 22])]
    assert model.examples == 2
    assert np.flatnonzero(np.diff(model.table.offsets)).tolist() == [4, 5]  # nothing is counted after <s>


def test_the_limit_takes_some_examples():
    train = random_examples(30, seed=7)
    unigram, store = word_unigram(train), masker(train).store
    some, other = (Bigram.fit(store, unigram, special=SPECIAL, limit=10, seed=seed) for seed in (0, 1))
    assert some.examples == other.examples == 10
    assert some.table.weights.tolist() != other.table.weights.tolist()
    chosen = np.random.default_rng(0).permutation(30)[:10]
    alone = Bigram.fit(example_store([train[index] for index in chosen]), unigram, special=SPECIAL, limit=99, seed=5)
    assert some.table.weights.tolist() == alone.table.weights.tolist()


@pytest.mark.parametrize("at_once", [7, 1 << 14])
def test_a_random_wiki_agrees_with_loops(monkeypatch: pytest.MonkeyPatch, at_once: int):
    monkeypatch.setattr(bigram, "EXAMPLES_AT_ONCE", at_once)
    train, held_out = random_examples(60, seed=8), random_examples(40, seed=9)
    unigram, (_, words) = word_unigram(train), masked(held_out)
    background = smoothed(unigram.counts.tolist())
    followers: dict[int, Counter[int]] = {left: Counter() for left in range(-1, WORDS)}
    for example in train:
        for left, right in zip(example.word_ids, example.word_ids[1:], strict=False):
            if not SPECIAL[left] and not SPECIAL[right]:
                followers[left][right] += 1
    expected = []
    for left in words.left.tolist():
        counts, different = followers[left], len(followers[left])
        expected.append(
            [(counts[w] + different * background[w]) / (counts.total() + different) for w in range(WORDS)]
            if different
            else background
        )
    assert NO_TOKEN in words.left
    model = Bigram.fit(masker(train).store, unigram, special=SPECIAL, limit=1000, seed=0)
    assert_equal_scores(model.scores(words), expected, unigram.counts.tolist())
