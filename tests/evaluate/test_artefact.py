"""The patterns of the keys of metrics.json; test_build.py compares them with the keys of an evaluation."""

from __future__ import annotations

import pytest

from pipeline.evaluate.artefact import PLACEHOLDERS, SETTING_RIVALS, STRONGEST, key_pattern
from pipeline.evaluate.breakdown import AMBIGUITY_GROUPS, FREQUENCY_GROUPS


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("words.bigram.loss", "words.{word_scorer}.{word_figure}"),
        ("entities.visible.prior_as_seen.hits_at_10", "entities.{setting}.{scorer}.{figure}"),
        (
            "entities.visible.difference.naive_bayes_all.accuracy.low",
            "entities.{probed}.difference.{scorer}.{compared}.{interval}",
        ),
        ("entities.hidden.frequency.1-5.model.mrr", "entities.{probed}.{grouping}.{group}.{scorer}.{figure}"),
        ("entities.moved.host", "entities.moved.host"),
        ("entities.visible.prior_as_seen.hits_at_5", None),
        ("entities.visible.model.loss_seen", None),
        ("wordsXcount", None),
    ],
)
def test_the_pattern_of_a_key(key: str, pattern: str | None):
    assert key_pattern(key) == pattern


def test_the_groups_are_those_of_the_breakdown():
    assert PLACEHOLDERS["group"] == (*FREQUENCY_GROUPS, *AMBIGUITY_GROUPS)


def test_a_rival_that_the_model_is_compared_with_is_scored_in_that_setting():
    assert all(set(rivals) <= set(SETTING_RIVALS[setting]) for setting, rivals in STRONGEST.items())
