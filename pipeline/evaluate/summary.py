"""Reduce scores to the keys of metrics.json (`artefact.py` describes them). Pure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.evaluate.artefact import COMPARED, MODEL, STRONGEST
from pipeline.evaluate.bootstrap import paired_difference
from pipeline.evaluate.breakdown import Groups
from pipeline.evaluate.scores import TOP_K, Figures, Scores
from pipeline.io.arrow import BoolArray, Int64Array

ScoresByName = Mapping[str, Scores]
"""`model` or a rival -> scores of the same masked positions."""


def word_summary(scores: ScoresByName) -> Figures:
    """Return the keys of the words."""
    figures: Figures = {"words.count": len(scores[MODEL])}
    for name, part in scores.items():
        figures |= {f"words.{name}.{key}": value for key, value in part.word_figures().items()}
    return figures


def entity_summary(setting: str, scores: ScoresByName) -> Figures:
    """Return the keys of a setting."""
    return prefixed_figures(f"entities.{setting}", scores)


def prefixed_figures(prefix: str, scores: ScoresByName) -> Figures:
    """Return the number of positions and the figures of the model and its rivals."""
    figures: Figures = {f"{prefix}.count": len(scores[MODEL])}
    for name, part in scores.items():
        figures |= {f"{prefix}.{name}.{key}": value for key, value in part.figures().items()}
    return figures


def group_summary(setting: str, grouping: str, groups: Groups, scores: ScoresByName) -> Figures:
    """Return the keys of all groups of a grouping."""
    figures: Figures = {}
    for group, chosen in groups.items():
        selected = {name: part.select(chosen) for name, part in scores.items()}
        figures |= prefixed_figures(f"entities.{setting}.{grouping}.{group}", selected)
    return figures


def difference_summary(setting: str, scores: ScoresByName, pages: Int64Array, seed: int) -> Figures:
    """Return the differences between the model and its strongest rivals, with intervals.

    Args:
        setting: name of the setting.
        scores: `model` and the rivals.
        pages: [K] page of each position, as a number.
        seed: seed of the draws; all differences have the same draws.
    """
    figures: Figures = {}
    for rival in STRONGEST[setting]:
        for name in COMPARED:
            values: tuple[float | None, ...] = (None, None, None)
            if len(pages):
                values = paired_difference(
                    hit_flags(scores[MODEL], name).astype(np.float64),
                    hit_flags(scores[rival], name).astype(np.float64),
                    pages=pages,
                    generator=np.random.default_rng(seed),
                )
            prefix = f"entities.{setting}.difference.{rival}.{name}"
            figures |= {f"{prefix}.{part}": value for part, value in zip(("mean", "low", "high"), values, strict=True)}
    return figures


def hit_flags(scores: Scores, figure: str) -> BoolArray:
    """Return at each position whether it counts as a hit for `accuracy` or `hits_at_10`."""
    flags: BoolArray = scores.ranks <= {"accuracy": 1, f"hits_at_{TOP_K}": TOP_K}[figure]
    return flags
