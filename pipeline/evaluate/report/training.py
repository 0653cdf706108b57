"""Turn metrics.jsonl and checkpoints.json into the curves of the report. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.evaluate.artefact import MODEL, SETTING_RIVALS, WORD_RIVALS
from pipeline.evaluate.checkpoints import CheckpointFigures
from pipeline.evaluate.console_table import format_number
from pipeline.evaluate.report.charts import Curves, Line
from pipeline.evaluate.scores import Figures
from pipeline.pretrain.metrics_file import LossName, MetricsLine, curve_points, phase_starts

LOSSES: dict[LossName, tuple[str, str, tuple[str, ...]]] = {
    "word_loss": ("Loss on words, nats", "words", tuple(WORD_RIVALS)),
    "entity_loss": ("Loss on entities, nats", "entities.visible", ("unigram", "prior_as_seen")),
}
"""Loss -> title of its chart, beginning of its keys in metrics.json, and the rivals that are drawn."""


@dataclass(frozen=True, slots=True)
class HeldOutPoint:
    """The losses on held-out examples at one step."""

    phase: str
    step: int
    """Counted over all phases."""
    word_loss: float | None
    entity_loss: float | None


@dataclass(frozen=True, slots=True)
class TrainingCurves:
    """All curves of a run."""

    curves: tuple[Curves, ...]
    phase_starts: dict[str, int]
    """Phase -> the step at which it starts."""
    held_out: tuple[HeldOutPoint, ...]

    @property
    def rivals(self) -> tuple[str, ...]:
        """The rivals that are drawn in any of the charts."""
        return tuple(dict.fromkeys(rival for curves in self.curves for rival in curves.levels))


def read_training(
    lines: list[MetricsLine], checkpoints: Sequence[CheckpointFigures], metrics: Figures
) -> TrainingCurves:
    """Return the curves of a run.

    Args:
        lines: metrics.jsonl.
        checkpoints: the checkpoints of checkpoints.json, if it was written.
        metrics: metrics.json, for the rivals.
    """
    starts = phase_starts(lines)
    curves = [*loss_curves(lines, metrics), *rate_curves(lines), *checkpoint_curves(checkpoints, metrics)]
    held_out = (
        HeldOutPoint(
            line["phase"], starts[line["phase"]] + line["step"], line.get("word_loss"), line.get("entity_loss")
        )
        for line in lines
        if line["kind"] == "validation"
    )
    return TrainingCurves(tuple(curves), starts, tuple(held_out))


def loss_curves(lines: list[MetricsLine], metrics: Figures) -> list[Curves]:
    """Return the curves of the losses that the run has."""
    curves = []
    for loss, (title, prefix, rivals) in LOSSES.items():
        train, held_out = curve_points(lines, "train", loss), curve_points(lines, "validation", loss)
        if train or held_out:
            curves.append(
                Curves(
                    loss.replace("_", "-"),
                    title,
                    f"{describe_change('training', train)} {describe_change('held-out pages', held_out)}",
                    (Line(train, "model", opacity=0.55), Line(held_out, "model", marked=True)),
                    known_levels(metrics, prefix, "loss", rivals),
                    format_number,
                )
            )
    return curves


def rate_curves(lines: list[MetricsLine]) -> list[Curves]:
    """Return the curves of the learning rate and of the speed."""
    rates, speeds = curve_points(lines, "train", "learning_rate"), curve_points(lines, "train", "tokens_per_second")
    return [
        Curves(name, title, description, (Line(points, "model"),), {}, number)
        for name, title, description, points, number in (
            ("learning-rate", "Learning rate", "The learning rate over the steps.", rates, "{:g}".format),
            ("speed", "Tokens per second", "The speed of training over the steps.", speeds, "{:,.0f}".format),
        )
        if points
    ]


def checkpoint_curves(checkpoints: Sequence[CheckpointFigures], metrics: Figures) -> list[Curves]:
    """Return the curves of hits@10 over the checkpoints, with the mention visible and hidden."""
    curves = []
    for setting in ("visible", "hidden"):
        prefix = f"entities.{setting}"
        values = [(point.step, point.figures.get(f"{prefix}.{MODEL}.hits_at_10")) for point in checkpoints]
        points = [(step, value) for step, value in values if value is not None]
        if points:
            title = f"hits@10 of the checkpoints, mention {setting}"
            levels = known_levels(metrics, prefix, "hits_at_10", SETTING_RIVALS[setting])
            fair = {name: value for name, value in levels.items() if name != "prior_clean"}
            curves.append(
                Curves(
                    f"checkpoints-{setting}",
                    title,
                    describe_change("hits@10", points),
                    (Line(points, "model", marked=True),),
                    fair,
                    format_number,
                )
            )
    return curves


def known_levels(metrics: Figures, prefix: str, figure: str, rivals: Sequence[str]) -> Mapping[str, float]:
    """Return rival -> its figure, for those that have it."""
    values = {rival: metrics.get(f"{prefix}.{rival}.{figure}") for rival in rivals}
    return {rival: value for rival, value in values.items() if value is not None}


def describe_change(name: str, points: Sequence[tuple[int, float]]) -> str:
    """Return a sentence on the first and the last point, for readers who do not see the picture."""
    if not points:
        return ""
    (first, before), (last, after) = points[0], points[-1]
    return f"{name}: {format_number(before)} at step {first:,}, {format_number(after)} at step {last:,}."
