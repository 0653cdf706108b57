"""Score every checkpoint that a run has kept: how words, visible and hidden mentions are learnt over the steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from pipeline.evaluate.artefact import MODEL
from pipeline.evaluate.measure import Meter
from pipeline.evaluate.scores import Figures
from pipeline.evaluate.summary import entity_summary, word_summary
from pipeline.store.files import JsonValue


@dataclass(frozen=True, slots=True)
class CheckpointFigures:
    """The figures of one checkpoint."""

    phase: str
    step: int
    """Steps done, counted over all phases."""
    figures: Figures
    """The model's keys of metrics.json for words and for the settings `visible` and `hidden`."""


def measure_checkpoints(meter: Meter) -> list[CheckpointFigures]:
    """Return the figures of all checkpoints, in the order of training. All processes must call this."""
    results = []
    for saved in meter.inputs.training.checkpoints():
        model = meter.inputs.training.load_checkpoint(saved).to(meter.accelerator.device)
        visible = meter.score_visible(model)
        figures = word_summary({MODEL: visible.scores.words})
        if meter.inputs.config.entities:
            hidden = meter.score_hidden(model)
            figures |= entity_summary("visible", {MODEL: visible.scores.entities})
            figures |= entity_summary("hidden", {MODEL: hidden.scores.entities})
        results.append(CheckpointFigures(saved.phase, saved.step, figures))
    return results


def checkpoint_records(points: Sequence[CheckpointFigures]) -> JsonValue:
    """Return the content of checkpoints.json."""
    return [asdict(point) for point in points]
