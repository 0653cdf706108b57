"""Plot the entity losses of several training runs in one picture.

Usage: python -m scripts.entity_curves TARGET.png RUN_FOLDER...

A run's folder is pretrain/<run>; its name becomes its label. Phases follow one another, as in the loss curves of the
stage evaluate.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib

from pipeline.pretrain.metrics_file import LineKind, loss_points, read_metrics
from pipeline.store.layout import METRICS_FILE

matplotlib.use("Agg")
from matplotlib import pyplot  # must follow the choice of the backend

STYLES: dict[LineKind, str] = {"train": ":", "validation": "o-"}


def main(target: Path, runs: list[Path]) -> None:
    """Write the picture of `runs` to `target`."""
    figure, axis = pyplot.subplots(figsize=(7, 3.6))
    for run in runs:
        lines = read_metrics(run / METRICS_FILE)
        for kind, style in STYLES.items():
            points = loss_points(lines, kind, "entity_loss")
            label = f"{run.name}, {'training' if kind == 'train' else 'held out'}"
            colour = f"C{runs.index(run)}"
            axis.plot(*zip(*points, strict=True), style, label=label, color=colour, markersize=4, linewidth=1)
    axis.set_xlabel("step")
    axis.set_ylabel("loss on entities (nats)")
    axis.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(target, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
