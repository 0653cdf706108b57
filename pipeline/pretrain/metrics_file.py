"""Read the file metrics.jsonl of a training run: one JSON object per line, in the order of the steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

LineKind = Literal["train", "validation"]
LossName = Literal["word_loss", "entity_loss"]
CurveName = LossName | Literal["learning_rate", "tokens_per_second"]


class MetricsLine(TypedDict):
    """The keys of a line that readers use; `metrics.py` writes more."""

    kind: LineKind
    phase: str
    phase_number: int
    step: int
    """Steps of the phase done, counted from 1."""
    word_loss: NotRequired[float]
    """Mean loss in nats per masked token; missing if none was scored."""
    entity_loss: NotRequired[float]
    """Mean loss in nats per masked entity; missing if none was scored."""
    learning_rate: NotRequired[float]
    """In lines of training, as are the following ones."""
    tokens_per_second: NotRequired[float]
    memory_gb: NotRequired[float]
    """Peak memory of a process."""


def read_metrics(path: Path) -> list[MetricsLine]:
    """Return all lines of a finished run's metrics.jsonl."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def curve_points(lines: list[MetricsLine], kind: LineKind, name: CurveName) -> list[tuple[int, float]]:
    """Return (step, value) of the lines of `kind` that have the value, with steps counted over all phases."""
    starts = phase_starts(lines)
    return [
        (starts[line["phase"]] + line["step"], line[name]) for line in lines if line["kind"] == kind and name in line
    ]


def phase_starts(lines: list[MetricsLine]) -> dict[str, int]:
    """Return the step at which each phase starts, counted over all phases, in the order of training."""
    starts, total = {}, 0
    for _, phase in sorted({(line["phase_number"], line["phase"]) for line in lines}):
        starts[phase] = total
        total += max(line["step"] for line in lines if line["phase"] == phase)
    return starts
