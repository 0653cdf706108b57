"""metrics.json on the small wiki: complete, deterministic and plausible."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pipeline.dataset.reader import ExampleStore
from pipeline.vocab.words import load_word_vocab
from tests.helpers.stages import TINY_OVERRIDES, run_stage

ENTITY_KEYS = {
    "entity_loss", "entity_accuracy", "entity_mrr", "entity_hits_at_10", "unigram_entity_loss",
    "unigram_entity_hits_at_10", "entities_scored",
}  # fmt: skip


@pytest.fixture(scope="module")
def metrics(trained_data_dir):
    return json.loads((trained_data_dir / "small" / "evaluate" / "tiny" / "metrics.json").read_text())


def test_every_metric_is_there(metrics):
    assert set(metrics) == {
        "word_loss", "word_accuracy", "unigram_word_loss", "words_scored",
        "train_entity_loss", "train_unigram_entity_loss", "train_entities_scored",
        *ENTITY_KEYS, *(f"{key}_seen" for key in ENTITY_KEYS),
    }  # fmt: skip
    assert metrics["words_scored"] > 0
    assert metrics["entities_scored"] >= metrics["entities_scored_seen"]
    assert metrics["train_entities_scored"] > 0


def test_an_untrained_model_is_near_uniform(metrics, trained_data_dir):
    words = load_word_vocab(trained_data_dir / "small" / "vocab" / "words").size
    assert metrics["word_loss"] == pytest.approx(math.log(words), abs=0.5)


def test_the_unigram_is_over_the_training_tokens(metrics, trained_data_dir):
    """The baseline's mean loss is between those of the most and the least frequent token."""
    root = trained_data_dir / "small"
    vocab, train = load_word_vocab(root / "vocab" / "words"), ExampleStore.open(root / "dataset" / "train")
    ids = np.concatenate([np.array(train.example(index).word_ids) for index in range(len(train))])
    counts = np.bincount(ids[~vocab.special[ids]], minlength=vocab.size)
    least = math.log(counts.sum() + vocab.size)
    assert least - math.log(counts.max() + 1) <= metrics["unigram_word_loss"] <= least


def test_the_loss_curves_are_a_png(trained_data_dir):
    png = (trained_data_dir / "small" / "evaluate" / "tiny" / "loss_curves.png").read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"


def test_evaluating_again_gives_the_same_bytes(trained_data_dir, roberta):
    folder = trained_data_dir / "small" / "evaluate" / "tiny"
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}
    changed = [*TINY_OVERRIDES, f"data_dir={trained_data_dir}", f"pretrain.init_from={roberta}", "overwrite=true"]
    run_stage("evaluate", *changed, "evaluate.seed=2")
    assert (folder / "metrics.json").read_bytes() != before["metrics.json"]
    run_stage("evaluate", *changed)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"} == before
