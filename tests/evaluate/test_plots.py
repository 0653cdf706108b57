"""Pictures: labels that do not touch, and a line for each rival."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from pipeline.evaluate.artefact import ENTITY_RIVALS, PLACEHOLDERS, SETTING_RIVALS
from pipeline.evaluate.checkpoints import CheckpointFigures
from pipeline.evaluate.console_table import SCORER_TITLES
from pipeline.evaluate.plots import draw_checkpoint_curves, draw_loss_curves, plot_loss_curves
from pipeline.pretrain.metrics_file import MetricsLine

METRICS: dict[str, float | None] = {
    "words.unigram.loss": 7.0, "words.bigram.loss": 6.5, "words.model.loss": 6.0,
    **{
        f"entities.{setting}.{rival}.{figure}": 0.5
        for setting in ("visible", "hidden")
        for rival in ("model", *SETTING_RIVALS[setting])
        for figure in PLACEHOLDERS["figure"]
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    """Free the figures that a test has drawn."""
    yield
    pyplot.close("all")


def training_lines(*phases: tuple[str, int], every: int = 1) -> list[MetricsLine]:
    """Return the lines of a run with these phases and numbers of steps, one line every so many steps."""
    return [
        {"kind": kind, "phase": name, "phase_number": number, "step": step, "word_loss": 6.0, "entity_loss": 5.0}
        for number, (name, steps) in enumerate(phases)
        for step in range(every, steps + 1, every)
        for kind in ("train", "validation")
    ]


def label_boxes(figure: Figure, axis: int) -> list:
    """Return the bounding boxes of the phase labels of an axis as drawn, in pixels."""
    figure.canvas.draw()
    return [text.get_window_extent() for text in figure.axes[axis].texts]


@pytest.mark.parametrize(
    "phases",
    [
        [("entities", 5), ("all", 800)],  # the demo: the first phase is too short for its label
        [("all", 800), ("entities", 5)],
        [("entities", 2), ("warm", 2), ("everything", 2), ("all", 900)],
        [("entities", 300), ("all", 300)],
        [("a very long name of a phase that fills the picture", 5), ("all", 800)],
    ],
)
def test_the_labels_of_short_phases_do_not_touch(phases):
    figure = draw_loss_curves(training_lines(*phases), METRICS)
    for axis in (0, 1):
        boxes = label_boxes(figure, axis)
        assert len(boxes) == len(phases)
        assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
        assert all(figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1 for box in boxes)
        assert all(figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1 for box in boxes)
    upper, lower = (figure.axes[axis].get_tightbbox() for axis in (0, 1))
    assert not upper.overlaps(lower)


@pytest.mark.parametrize("steps", range(160, 260, 10))
def test_the_labels_do_not_touch_if_the_first_line_is_long_after_the_start(steps):
    """The mark of the first phase, at step 0, widens the axis, and the labels move."""
    figure = draw_loss_curves(training_lines(("entities", steps), ("all", 1400), every=80), METRICS)
    for axis in (0, 1):
        first, second = label_boxes(figure, axis)
        assert not first.overlaps(second)


def test_labels_of_long_phases_are_on_one_line():
    boxes = label_boxes(draw_loss_curves(training_lines(("entities", 300), ("all", 300)), METRICS), 0)
    assert boxes[0].y0 == boxes[1].y0


def labels_of(figure: Figure, axis: int) -> list[str]:
    """Return the labels of the lines of an axis that its legend shows."""
    return [text.get_text() for text in figure.axes[axis].get_legend().get_texts()]


def test_the_losses_of_rivals_are_lines():
    figure = draw_loss_curves(training_lines(("all", 5)), METRICS)
    assert labels_of(figure, 0) == ["training", "held out", "unigram", "bigram"]
    assert labels_of(figure, 1) == ["training", "held out", "unigram", "prior, mention as seen"]


def test_the_same_curves_give_the_same_bytes(tmp_path: Path):
    for name in ("a.png", "b.png"):
        plot_loss_curves(training_lines(("all", 5)), METRICS, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def checkpoint(step: int, **figures: float) -> CheckpointFigures:
    """Return a checkpoint with all figures of the model, 0.25 each but for those that are given."""
    keys = [key for key in METRICS if ".model." in key]
    return CheckpointFigures("all", step, dict.fromkeys(keys, 0.25) | figures)


def test_checkpoints_are_curves_with_the_rivals_as_horizontal_lines():
    points = [checkpoint(5), checkpoint(9, **{"entities.hidden.model.hits_at_10": 0.75})]
    figure = draw_checkpoint_curves(points, METRICS)
    assert [axis.get_ylabel() for axis in figure.axes if axis.axison] == [
        "words: loss (nats)", "mention visible: loss (nats)", "mention visible: hits@10", "mention hidden: loss (nats)",
        "mention hidden: hits@10",
    ]  # fmt: skip
    hidden = next(axis for axis in figure.axes if axis.get_ylabel() == "mention hidden: hits@10")
    curve, *rivals = hidden.get_lines()
    assert curve.get_xydata().tolist() == [[5, 0.25], [9, 0.75]]
    assert [line.get_ydata() for line in rivals] == [[0.5, 0.5]] * 3
    assert [line.get_label() for line in rivals] == [SCORER_TITLES[name] for name in SETTING_RIVALS["hidden"]]
    assert labels_of(figure, 1) == ["model", "unigram", "bigram", *(SCORER_TITLES[n] for n in list(ENTITY_RIVALS)[1:])]
    colours = {line.get_label(): line.get_color() for axis in figure.axes for line in axis.get_lines()}
    assert len(set(colours.values())) == len(colours)


def test_a_words_only_model_has_one_curve():
    metrics = {key: value for key, value in METRICS.items() if key.startswith("words")}
    figure = draw_checkpoint_curves([CheckpointFigures("all", 5, {"words.model.loss": 6.0})], metrics)
    assert [axis.get_ylabel() for axis in figure.axes if axis.axison] == ["words: loss (nats)"]
