"""The choice of the sentences and of the words that are asked; test_write.py has the guesses."""

from __future__ import annotations

import numpy as np

from pipeline.evaluate.report.excerpt import MaskedTokens
from pipeline.evaluate.report.ranks import ScoredRanks
from pipeline.evaluate.report.sentences import Drawn, choose_words, draw_examples, draw_mentions

MASK = 9


def scored(examples: list[int], model: list[int], table: list[int]) -> ScoredRanks:
    """Return masked entities with these examples and ranks."""
    ranks = {"visible": {"model": np.array(model), "prior_as_seen": np.array(table)}}
    return ScoredRanks(np.array(examples), np.arange(len(examples)), groups={}, ranks=ranks)


def test_two_of_each_outcome_each_from_another_example():
    every = scored([1, 1, 2, 3, 4, 5, 5], model=[1, 1, 1, 1, 1, 7, 7], table=[1, 1, 1, 1, 5, 1, 8])
    drawn = draw_mentions(every, seed=3)
    by_outcome = {name: [one for one in drawn if one.outcome == name] for name in ("both", "model", "table", "neither")}
    assert len(by_outcome["both"]) == 2
    assert len({one.example for one in by_outcome["both"]}) == 2
    assert by_outcome["model"] == [Drawn(4, 4, "model")]
    assert by_outcome["table"] == [Drawn(5, 5, "table")]
    assert by_outcome["neither"] == []  # its only example has been taken
    assert draw_mentions(every, seed=3) == drawn
    assert any(draw_mentions(every, seed=seed) != drawn for seed in range(10))


def test_the_examples_of_a_words_only_model():
    drawn = draw_examples(np.arange(100), seed=1)
    assert len({one.example for one in drawn}) == len(drawn) == 6
    assert {(one.entity_number, one.outcome) for one in drawn} == {(None, None)}
    assert [one.example for one in draw_examples(np.array([7]), seed=1)] == [7]


def test_hidden_tokens_between_visible_ones_are_asked_first():
    labels = dict.fromkeys((1, 2, 4, 6, 8), 5)
    tokens = MaskedTokens((0, MASK, MASK, 5, MASK, 5, MASK, 5, 3, 2), labels)  # the token at 8 was replaced
    assert choose_words(tokens, None, MASK) == [4, 6]
    assert choose_words(tokens, (6, 7), MASK) == [1, 4]  # not inside the mention
    assert choose_words(MaskedTokens((0, 5, 2), {1: 5}), None, MASK) == []
