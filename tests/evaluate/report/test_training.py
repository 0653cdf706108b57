"""Training curves: held-out points, rivals as levels, and steps counted over all phases."""

from __future__ import annotations

from pipeline.evaluate.checkpoints import CheckpointFigures
from pipeline.evaluate.report.training import HeldOutPoint, read_training
from pipeline.pretrain.metrics_file import MetricsLine

LINES: list[MetricsLine] = [
    {"kind": "train", "phase": "entities", "phase_number": 0, "step": 5, "word_loss": 6.0, "entity_loss": 5.0,
     "learning_rate": 0.001, "tokens_per_second": 100.0},
    {"kind": "validation", "phase": "entities", "phase_number": 0, "step": 5, "word_loss": 6.5, "entity_loss": 5.5},
    {"kind": "train", "phase": "all", "phase_number": 1, "step": 10, "word_loss": 4.0, "entity_loss": 3.0,
     "learning_rate": 0.002, "tokens_per_second": 200.0},
    {"kind": "validation", "phase": "all", "phase_number": 1, "step": 10, "word_loss": 4.5},
]  # fmt: skip
METRICS: dict[str, float | None] = {
    "words.unigram.loss": 7.0, "words.bigram.loss": 6.0, "entities.visible.unigram.loss": 8.0,
    "entities.visible.prior_as_seen.loss": None, "entities.visible.unigram.hits_at_10": 0.1,
    "entities.visible.prior_clean.hits_at_10": 0.9,
}  # fmt: skip


def test_the_curves_of_a_run():
    training = read_training(LINES, [], METRICS)
    words, entities, rate, speed = training.curves
    assert training.phase_starts == {"entities": 0, "all": 5}
    assert [line.points for line in words.lines] == [[(5, 6.0), (15, 4.0)], [(5, 6.5), (15, 4.5)]]
    assert [line.marked for line in words.lines] == [False, True]
    assert words.levels == {"unigram": 7.0, "bigram": 6.0}
    assert words.description == (
        "training: 6.000 at step 5, 4.000 at step 15. held-out pages: 6.500 at step 5, 4.500 at step 15."
    )
    assert entities.lines[1].points == [(5, 5.5)]
    assert training.rivals == ("unigram", "bigram")
    assert entities.levels == {"unigram": 8.0}  # the other rival has no loss
    assert (rate.name, rate.lines[0].points) == ("learning-rate", [(5, 0.001), (15, 0.002)])
    assert (speed.name, speed.lines[0].points) == ("speed", [(5, 100.0), (15, 200.0)])
    assert training.held_out == (HeldOutPoint("entities", 5, 6.5, 5.5), HeldOutPoint("all", 15, 4.5, None))


def test_the_curves_of_a_words_only_run():
    lines = [{key: value for key, value in line.items() if key != "entity_loss"} for line in LINES]
    assert [curves.name for curves in read_training(lines, [], METRICS).curves] == [
        "word-loss", "learning-rate", "speed",
    ]  # fmt: skip


def test_checkpoints_have_a_curve_and_the_rivals_that_see_no_more():
    points = [
        CheckpointFigures("entities", 5, {"entities.visible.model.hits_at_10": 0.2}),
        CheckpointFigures("all", 15, {"entities.visible.model.hits_at_10": 0.4}),
    ]
    curves = read_training(LINES, points, METRICS).curves[-1]
    assert curves.name == "checkpoints-visible"
    assert curves.lines[0].points == [(5, 0.2), (15, 0.4)]
    assert curves.levels == {"unigram": 0.1}
