"""Draw the loss curves of a training run and the figures of its checkpoints as PNGs, one phase after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

from pipeline.evaluate.artefact import MODEL, SETTING_RIVALS, WORD_RIVALS
from pipeline.evaluate.checkpoints import CheckpointFigures
from pipeline.evaluate.console_table import SCORER_TITLES
from pipeline.evaluate.scores import Figures
from pipeline.pretrain.metrics_file import LineKind, LossName, MetricsLine, curve_points, phase_starts
from pipeline.store.files import atomic_write

matplotlib.use("Agg")  # a cluster has no display
from matplotlib import pyplot  # must follow the choice of the backend
from matplotlib.axes import Axes
from matplotlib.figure import Figure

LOSS_LABELS: dict[LossName, str] = {"word_loss": "words", "entity_loss": "entities"}
"""Losses and their names in the picture."""
STYLES: dict[LineKind, str] = {"train": "-", "validation": "o-"}
LABEL_LINE = 10
"""Height of a line of phase labels in points."""
LABEL_GAP = 5
"""Smallest distance of two labels on one line in pixels."""
CHECKPOINT_FIGURES = {"loss": "loss (nats)", "hits_at_10": "hits@10"}


def plot_loss_curves(lines: list[MetricsLine], metrics: Figures, target: Path) -> None:
    """Draw the losses of a training run over the steps of all phases.

    Args:
        lines: the run's metrics.jsonl.
        metrics: metrics.json; the losses of some rivals on held-out pages are drawn as horizontal lines.
        target: path of the PNG.
    """
    save_figure(draw_loss_curves(lines, metrics), target)


def draw_loss_curves(lines: list[MetricsLine], metrics: Figures) -> Figure:
    """Return the figure of `plot_loss_curves`."""
    rivals = {
        "word_loss": {name: metrics.get(f"words.{name}.loss") for name in WORD_RIVALS},
        "entity_loss": {
            name: metrics.get(f"entities.visible.{name}.loss") for name in ("unigram", "prior_as_seen")
        },
    }  # fmt: skip
    shown = [name for name in LOSS_LABELS if any(name in line for line in lines)]
    figure, axes = pyplot.subplots(len(shown), 1, figsize=(8, 3.2 * len(shown)), sharex=True, squeeze=False)
    for axis, name in zip(axes[:, 0], shown, strict=True):
        for kind, style in STYLES.items():
            if points := curve_points(lines, kind, name):
                label = "training" if kind == "train" else "held out"
                axis.plot(*zip(*points, strict=True), style, label=label, markersize=4)
        draw_rivals(axis, rivals[name])
        axis.set_ylabel(f"loss on {LOSS_LABELS[name]} (nats)")
        axis.legend(frameon=False)
    axes[-1, 0].set_xlabel("step")
    label_phases(figure, axes[:, 0].tolist(), phase_starts(lines))
    return figure


def plot_checkpoint_curves(points: Sequence[CheckpointFigures], metrics: Figures, target: Path) -> None:
    """Draw the figures of checkpoints over the steps of all phases, with the rivals as horizontal lines.

    Args:
        points: the checkpoints in the order of training.
        metrics: metrics.json, for the rivals.
        target: path of the PNG.
    """
    save_figure(draw_checkpoint_curves(points, metrics), target)


def draw_checkpoint_curves(points: Sequence[CheckpointFigures], metrics: Figures) -> Figure:
    """Return the figure of `plot_checkpoint_curves`: a row for words, for visible and for hidden mentions."""
    rows = [("words", "words", {"loss": "loss (nats)"}, tuple(WORD_RIVALS))]
    rows += [
        (f"entities.{setting}", f"mention {setting}", CHECKPOINT_FIGURES, SETTING_RIVALS[setting])
        for setting in ("visible", "hidden")
        if f"entities.{setting}.{MODEL}.loss" in metrics
    ]
    figure, axes = pyplot.subplots(len(rows), 2, figsize=(11, 3 * len(rows)), squeeze=False, layout="constrained")
    for line, (prefix, title, names, rivals) in zip(axes, rows, strict=True):
        for axis, (name, label) in zip(line, names.items(), strict=False):
            values = [(point.step, point.figures[f"{prefix}.{MODEL}.{name}"]) for point in points]
            known = [(step, value) for step, value in values if value is not None]
            axis.plot([step for step, _ in known], [value for _, value in known], "o-", color="black", label=MODEL)
            draw_rivals(axis, {rival: metrics.get(f"{prefix}.{rival}.{name}") for rival in rivals})
            axis.set_ylabel(f"{title}: {label}")
            axis.set_xlabel("step")
    axes[0, 1].axis("off")  # words have one figure; the legend of all panels takes the place of the other
    lines = {line.get_label(): line for axis in axes.flat for line in axis.get_lines()}
    axes[0, 1].legend(list(lines.values()), list(lines), loc="center", frameon=False)
    return figure


def draw_rivals(axis: Axes, values: Mapping[str, float | None]) -> None:
    """Draw the value of each rival as a horizontal line; a rival has the same colour in every picture."""
    for name, value in values.items():
        if value is not None:
            colour = f"C{list(SCORER_TITLES).index(name)}"
            axis.axhline(value, color=colour, linestyle="--", linewidth=1.2, label=SCORER_TITLES[name])


def label_phases(figure: Figure, axes: Sequence[Axes], starts: Mapping[str, int]) -> None:
    """Mark where each phase starts, and arrange the picture; a label that would touch another one is a line higher."""
    for axis in axes:
        for start in starts.values():
            axis.axvline(start, color=matplotlib.rcParams["grid.color"], linewidth=0.8)
    figure.tight_layout()  # labels are measured when nothing moves their places any more
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]  # Agg's canvas has one
    for axis in axes:
        line_ends: list[float] = []  # right end of the last label on each line, in pixels
        for phase, start in starts.items():
            label = axis.annotate(
                f"phase {phase}", (start, 1), xycoords=axis.get_xaxis_transform(), xytext=(2, 3),
                textcoords="offset points", fontsize=8, annotation_clip=False,
            )  # fmt: skip
            box = label.get_window_extent(renderer)
            if box.x1 > figure.bbox.x1:
                label.set_horizontalalignment("right")
                box = label.get_window_extent(renderer)
            line = next((number for number, end in enumerate(line_ends) if end + LABEL_GAP < box.x0), len(line_ends))
            label.set_position((2, 3 + line * LABEL_LINE))
            line_ends[line : line + 1] = [box.x1]
    figure.tight_layout()


def save_figure(figure: Figure, target: Path) -> None:
    """Write a figure as PNG and free its memory."""
    with atomic_write(target, "wb") as file:
        # without date and version in the file, the same curves give the same bytes
        figure.savefig(file, format="png", dpi=120, metadata={"Software": None})
    pyplot.close(figure)
