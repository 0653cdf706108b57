"""Held-out entity losses of several runs in one picture: python -m scripts.entity_curves TARGET.png RUN_FOLDER...

A run's folder is pretrain/<run>; its name is its label. Phases follow one another, as in evaluate's loss curves.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib

from pipeline.evaluate.plots import phase_starts

matplotlib.use("Agg")
from matplotlib import pyplot  # after the choice of backend


def main(target: Path, runs: list[Path]) -> None:
    figure, axis = pyplot.subplots(figsize=(7, 3.6))
    for run in runs:
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        starts = phase_starts(lines)
        for kind, style in (("train", ":"), ("validation", "o-")):
            points = [
                (starts[line["phase"]] + line["step"], line["entity_loss"])
                for line in lines
                if line["kind"] == kind and "entity_loss" in line
            ]
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
