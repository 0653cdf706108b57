"""metrics.json on the small wiki: complete, deterministic, and equal to a count by hand where one is possible."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pipeline.dataset.reader import ExampleStore
from pipeline.vocab.words import load
from tests.helpers.stages import TINY, run_stage

ENTITY_KEYS = {
    "entity_loss", "entity_accuracy", "entity_mrr", "entity_hits_at_10", "unigram_entity_loss",
    "unigram_entity_hits_at_10", "entities_scored",
}  # fmt: skip


@pytest.fixture(scope="module")
def figures(trained):
    return json.loads((trained / "small" / "evaluate" / "tiny" / "metrics.json").read_text())


def test_every_figure_is_there(figures):
    assert set(figures) == {
        "word_loss", "word_accuracy", "unigram_word_loss", "words_scored",
        "train_entity_loss", "train_unigram_entity_loss", "train_entities_scored",
        *ENTITY_KEYS, *(f"{key}_seen" for key in ENTITY_KEYS),
    }  # fmt: skip
    assert figures["words_scored"] > 0
    assert figures["entities_scored"] >= figures["entities_scored_seen"]
    assert figures["train_entities_scored"] > 0


def test_an_untrained_model_is_near_uniform(figures, trained):
    words = load(trained / "small" / "vocab" / "words").size
    assert figures["word_loss"] == pytest.approx(math.log(words), abs=0.5)


def test_the_unigram_is_over_the_training_tokens(figures, trained):
    """Every loss of the baseline lies between those of the most and the least frequent token."""
    root = trained / "small"
    vocab, train = load(root / "vocab" / "words"), ExampleStore.open(root / "dataset" / "train")
    ids = np.concatenate([np.array(train.example(index).word_ids) for index in range(len(train))])
    counts = np.bincount(ids[~vocab.special[ids]], minlength=vocab.size)
    least = math.log(counts.sum() + vocab.size)
    assert least - math.log(counts.max() + 1) <= figures["unigram_word_loss"] <= least


def test_curves_are_a_picture(trained):
    png = (trained / "small" / "evaluate" / "tiny" / "loss_curves.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"


def test_measuring_again_gives_the_same_bytes(trained, roberta):
    folder = trained / "small" / "evaluate" / "tiny"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}
    changed = [*TINY, f"data_dir={trained}", f"pretrain.start={roberta}", "overwrite=true"]
    run_stage("evaluate", *changed, "evaluate.seed=2")
    assert (folder / "metrics.json").read_bytes() != before["metrics.json"]
    run_stage("evaluate", *changed)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"} == before
