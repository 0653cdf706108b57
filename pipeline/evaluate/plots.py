"""The loss curves of a training, all phases in a row, as a PNG."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib

from pipeline.store.files import atomic_write

matplotlib.use("Agg")  # no screen on a cluster
from matplotlib import pyplot  # after the choice of backend

LOSSES = {"word_loss": "words", "entity_loss": "entities"}


def loss_curves(metrics: Path, baselines: dict[str, float | None], target: Path) -> None:
    """Draw metrics.jsonl's losses over the steps of all phases.

    Args:
        metrics: the training's metrics.jsonl.
        baselines: loss name -> held-out unigram loss, drawn as a line to beat.
        target: where the PNG goes.
    """
    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    shown = [name for name in LOSSES if any(name in line for line in lines)]
    starts = phase_starts(lines)
    figure, axes = pyplot.subplots(len(shown), 1, figsize=(8, 3.2 * len(shown)), sharex=True, squeeze=False)
    for axis, name in zip(axes[:, 0], shown, strict=True):
        for kind, style in (("train", "-"), ("validation", "o-")):
            points = [
                (starts[line["phase"]] + line["step"], line[name])
                for line in lines
                if line["kind"] == kind and name in line
            ]
            label = "training" if kind == "train" else "held out"
            axis.plot(*zip(*points, strict=True), style, label=label, markersize=4) if points else None
        if baselines.get(name) is not None:
            axis.axhline(baselines[name], color="grey", linestyle="--", label="unigram, held out")
        for phase, start in starts.items():
            axis.axvline(start, color="lightgrey", linewidth=0.8)
            axis.text(start, 1.01, f" phase {phase}", transform=axis.get_xaxis_transform(), fontsize=8)
        axis.set_ylabel(f"loss on {LOSSES[name]} (nats)")
        axis.legend(frameon=False)
    axes[-1, 0].set_xlabel("step")
    figure.tight_layout()
    with atomic_write(target, "wb") as file:
        # No date and no version in the file: the same curves are the same bytes.
        figure.savefig(file, format="png", dpi=120, metadata={"Software": None})
    pyplot.close(figure)


def phase_starts(lines: list[dict[str, Any]]) -> dict[str, int]:
    """Phase -> the step it starts at, counted over all phases, in the order they were trained."""
    starts, total = {}, 0
    for _, phase in sorted({(line["phase_number"], line["phase"]) for line in lines}):
        starts[phase] = total
        total += max(line["step"] for line in lines if line["phase"] == phase)
    return starts
