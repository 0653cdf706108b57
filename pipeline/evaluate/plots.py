"""Plot the loss curves of a training run as a PNG, one phase after the other."""

from __future__ import annotations

from pathlib import Path

import matplotlib

from pipeline.pretrain.metrics_file import LineKind, LossName, loss_points, phase_starts, read_metrics
from pipeline.store.files import atomic_write

matplotlib.use("Agg")  # a cluster has no display
from matplotlib import pyplot  # must follow the choice of the backend

LOSS_LABELS: dict[LossName, str] = {"word_loss": "words", "entity_loss": "entities"}
"""Losses and their names in the picture."""
STYLES: dict[LineKind, str] = {"train": "-", "validation": "o-"}


def plot_loss_curves(metrics: Path, baselines: dict[str, float | None], target: Path) -> None:
    """Draw the losses of a training run over the steps of all phases.

    Args:
        metrics: the run's metrics.jsonl.
        baselines: loss name -> loss of the unigram model on held-out pages, drawn as a horizontal line.
        target: path of the PNG.
    """
    lines = read_metrics(metrics)
    shown = [name for name in LOSS_LABELS if any(name in line for line in lines)]
    starts = phase_starts(lines)
    figure, axes = pyplot.subplots(len(shown), 1, figsize=(8, 3.2 * len(shown)), sharex=True, squeeze=False)
    for axis, name in zip(axes[:, 0], shown, strict=True):
        for kind, style in STYLES.items():
            if points := loss_points(lines, kind, name):
                label = "training" if kind == "train" else "held out"
                axis.plot(*zip(*points, strict=True), style, label=label, markersize=4)
        if baselines.get(name) is not None:
            axis.axhline(baselines[name], color="grey", linestyle="--", label="unigram, held out")
        for phase, start in starts.items():
            axis.axvline(start, color="lightgrey", linewidth=0.8)
            axis.text(start, 1.01, f" phase {phase}", transform=axis.get_xaxis_transform(), fontsize=8)
        axis.set_ylabel(f"loss on {LOSS_LABELS[name]} (nats)")
        axis.legend(frameon=False)
    axes[-1, 0].set_xlabel("step")
    figure.tight_layout()
    with atomic_write(target, "wb") as file:
        # without date and version in the file, the same curves give the same bytes
        figure.savefig(file, format="png", dpi=120, metadata={"Software": None})
    pyplot.close(figure)
