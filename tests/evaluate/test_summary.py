"""Scores of four masked entities, reduced to the keys of metrics.json."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.evaluate.artefact import key_pattern
from pipeline.evaluate.scores import Scores
from pipeline.evaluate.summary import difference_summary, entity_summary, group_summary, word_summary

LABELS = np.array([7, 8, 7, 9])


def scores(*ranks: int) -> Scores:
    """Return scores with these ranks, and losses that equal them."""
    return Scores(LABELS[: len(ranks)], np.array(ranks, dtype=np.float64), np.array(ranks, dtype=np.int64))


def test_words():
    assert word_summary({"model": scores(1, 3), "bigram": scores(2, 2)}) == {
        "words.count": 2,
        "words.model.loss": 2.0, "words.model.perplexity": pytest.approx(np.exp(2)), "words.model.accuracy": 0.5,
        "words.bigram.loss": 2.0, "words.bigram.perplexity": pytest.approx(np.exp(2)), "words.bigram.accuracy": 0.0,
    }  # fmt: skip


def test_a_setting_and_its_groups():
    parts = {"model": scores(1, 20, 10, 1), "prior_as_seen": scores(1, 1, 1, 11)}
    assert entity_summary("visible", parts) == {
        "entities.visible.count": 4,
        "entities.visible.model.loss": 8.0,
        "entities.visible.model.accuracy": 0.5,
        "entities.visible.model.mrr": (1 + 1 / 20 + 1 / 10 + 1) / 4,
        "entities.visible.model.hits_at_10": 0.75,
        "entities.visible.prior_as_seen.loss": 3.5,
        "entities.visible.prior_as_seen.accuracy": 0.75,
        "entities.visible.prior_as_seen.mrr": (3 + 1 / 11) / 4,
        "entities.visible.prior_as_seen.hits_at_10": 0.75,
    }
    groups = {"one": np.array([True, False, True, False]), "several": np.array([False, True, False, True])}
    figures = group_summary("visible", "ambiguity", groups | {"unseen": np.zeros(4, bool)}, parts)
    assert figures["entities.visible.ambiguity.one.count"] == 2
    assert figures["entities.visible.ambiguity.one.model.loss"] == 5.5
    assert figures["entities.visible.ambiguity.several.prior_as_seen.accuracy"] == 0.5
    assert figures["entities.visible.ambiguity.unseen.count"] == 0
    assert figures["entities.visible.ambiguity.unseen.model.loss"] is None
    assert all(map(key_pattern, figures))


def test_differences_have_an_interval_that_contains_the_mean():
    ranks = np.tile([1, 20, 10, 1], 25)
    model = Scores(np.zeros(100, np.int64), ranks.astype(float), ranks)
    rival = Scores(np.zeros(100, np.int64), ranks.astype(float), np.ones(100, np.int64))
    parts = {"model": model, "prior_as_seen": rival, "prior_and_titles": model, "naive_bayes_all": rival}
    figures = difference_summary("visible", parts, np.arange(100), seed=0)
    prefix = "entities.visible.difference.prior_as_seen"
    assert figures[f"{prefix}.hits_at_10.mean"] == pytest.approx(-0.25)
    assert -0.36 < figures[f"{prefix}.hits_at_10.low"] < -0.30
    assert -0.20 < figures[f"{prefix}.hits_at_10.high"] < -0.14
    assert figures[f"{prefix}.accuracy.mean"] == pytest.approx(-0.5)
    same = [figures[f"entities.visible.difference.prior_and_titles.accuracy.{part}"] for part in ("low", "high")]
    assert same == [0, 0]
    assert all(map(key_pattern, figures))


def test_differences_of_nothing_are_none():
    nothing = {name: scores() for name in ("model", "naive_bayes_tokens", "naive_bayes_tokens_and_entities")}
    figures = difference_summary("hidden", nothing, np.empty(0, np.int64), seed=0)
    assert len(figures) == 12
    assert set(figures.values()) == {None}
