"""Draw the charts of the report: curves over the steps, hits at every k, and hits by group.

A chart is small, so that the page can put several side by side, and has no legend: the page has one for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pipeline.evaluate.artefact import MODEL
from pipeline.evaluate.console_table import SCORER_TITLES
from pipeline.evaluate.plots import label_phases
from pipeline.evaluate.report.ranks import Breakdown, RankCurve
from pipeline.evaluate.report.svg import PAINTS, chart_style, new_chart, set_tip, to_inline_svg

BAR_WIDTH = 0.38
LABEL_HEIGHT = 0.08
"""Height of the number above a bar, on the axis of hits@10."""
Dashes: TypeAlias = "tuple[float, ...]"
SOLID: Dashes = ()
LINES: dict[str, tuple[str, Dashes]] = {
    MODEL: ("model", SOLID),
    "unigram": ("other", (1, 2)),
    "bigram": ("rival", (5, 2)),
    "prior_as_seen": ("rival", (5, 2)),
    "prior_and_titles": ("rival", (7, 2, 1, 2)),
    "prior_clean": ("other", (5, 2)),
    "naive_bayes_mention": ("rival", (1, 1.5)),
    "mention_bag": ("rival", (3, 1.5)),
    "naive_bayes_tokens": ("context", (1, 1.5)),
    "naive_bayes_tokens_and_entities": ("context", (5, 2)),
    "naive_bayes_all": ("context", (7, 2, 1, 2)),
}
"""Scorer -> name of its paint, and its dashes in multiples of the line's width."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart."""

    points: Sequence[tuple[float, float]]
    paint: str
    dashes: Dashes = SOLID
    marked: bool = False
    """Whether each point has a marker and a tooltip."""
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Curves:
    """A chart of lines over the steps of all phases."""

    name: str
    title: str
    description: str
    lines: Sequence[Line]
    levels: Mapping[str, float]
    """Scorer -> its value, drawn as a horizontal line."""
    number: Callable[[float], str]
    """Format of the values."""


def draw_curves(curves: Curves, phase_starts: Mapping[str, int]) -> str:
    """Return the chart as SVG.

    Args:
        curves: what to draw.
        phase_starts: phase -> the step at which it starts.
    """
    with chart_style():
        figure, axis = new_chart()
        for line in curves.lines:
            draw_line(axis, line)
            for x, y in line.points if line.marked else ():
                [dot] = axis.plot([x], [y], "o", color=PAINTS[line.paint], markersize=5)
                set_tip(dot, f"step {x:,.0f}: {curves.number(y)}")
        for scorer, value in curves.levels.items():
            paint, dashes = LINES[scorer]
            level = axis.axhline(value, color=PAINTS[paint], linestyle=line_style(dashes), linewidth=1.5)
            set_tip(level, f"{SCORER_TITLES[scorer]}: {curves.number(value)}")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.locator_params(nbins=6)
        axis.set_xlabel("step")
        label_phases(figure, [axis], phase_starts)
    return to_inline_svg(figure, name=curves.name, title=curves.title, description=curves.description)


def draw_line(axis: Axes, line: Line) -> None:
    """Draw a line."""
    if line.points:
        axis.plot(
            *zip(*line.points, strict=True),
            color=PAINTS[line.paint],
            linestyle=line_style(line.dashes),
            alpha=line.opacity,
        )


def line_style(dashes: Dashes) -> str | tuple[float, Dashes]:
    """Return the style of a line in matplotlib's form."""
    return (0, dashes) if dashes else "solid"


def draw_rank_curves(curves: Sequence[RankCurve], *, name: str, title: str, description: str, entities: int) -> str:
    """Return the chart of the share of masked entities whose rank is at most k, over k on a logarithmic axis.

    Args:
        curves: one per scorer.
        name, title, description: as for `to_inline_svg`.
        entities: size of the entity vocabulary, the end of the axis.
    """
    with chart_style(grid="both"):
        figure, axis = new_chart()
        for curve in curves:
            paint, dashes = LINES[curve.scorer]
            ks, shares = [*curve.ks.tolist(), entities], [*curve.shares.tolist(), 1.0]
            [line] = axis.step(ks, shares, where="post", color=PAINTS[paint], linestyle=line_style(dashes), zorder=2)
            line.set_linewidth(2.2 if curve.scorer == MODEL else 1.6)
            set_tip(line, curve.title)
        axis.set_xscale("log")
        axis.set_xlim(1, entities)
        axis.set_ylim(0, 1.02)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axis.xaxis.set_minor_formatter(lambda *_: "")
        axis.set_xlabel("k")
        figure.tight_layout()
    return to_inline_svg(figure, name=name, title=title, description=description)


def draw_breakdown(breakdown: Breakdown, *, name: str, title: str, description: str) -> str:
    """Return the bars of hits@10 by group, of the model and the rival, with a mark for the unigram."""
    with chart_style():
        figure, axis = new_chart()
        for place, group in enumerate(breakdown.groups):
            unigram = group.scores[breakdown.scorers.index("unigram")]
            for scorer, score in zip(breakdown.scorers, group.scores, strict=True):
                if score is None:
                    continue
                tip = f"{SCORER_TITLES[scorer]}, {group.title}: {score.hits_at_10:.3f}"
                if scorer == "unigram":
                    draw_mark(axis, place, score.hits_at_10, tip)
                else:
                    shift = (-BAR_WIDTH if scorer == MODEL else BAR_WIDTH) / 2
                    bar = draw_bar(axis, place + shift, score.hits_at_10, LINES[scorer][0], tip)
                    label_bar(axis, bar, 0.0 if unigram is None else unigram.hits_at_10)
        axis.set_xticks(
            range(len(breakdown.groups)), [f"{group.title}\nn = {group.count:,}" for group in breakdown.groups]
        )
        axis.tick_params(axis="x", length=0)
        axis.set_xlim(-0.5, len(breakdown.groups) - 0.5)
        axis.set_ylim(0, 1.08)
        axis.set_yticks([0, 0.25, 0.5, 0.75, 1])
        figure.tight_layout()
    return to_inline_svg(figure, name=name, title=title, description=description)


def draw_bar(axis: Axes, place: float, value: float, paint: str, tip: str) -> Rectangle:
    """Draw and return a bar."""
    bar: Rectangle = axis.bar(place, value, BAR_WIDTH * 0.94, color=PAINTS[paint], linewidth=0)[0]
    set_tip(bar, tip)
    return bar


def label_bar(axis: Axes, bar: Rectangle, mark: float) -> None:
    """Write the value of a bar above it, and above the mark of the unigram if that would go through the number."""
    value = bar.get_height()
    height = mark if value < mark < value + LABEL_HEIGHT else value
    place = (bar.get_x() + bar.get_width() / 2, height)
    axis.annotate(f"{value:.2f}", place, xytext=(0, 2), textcoords="offset points", ha="center", fontsize=9)


def draw_mark(axis: Axes, place: float, value: float, tip: str) -> None:
    """Draw a short horizontal line across the bars of a group."""
    [line] = axis.plot(
        [place - BAR_WIDTH, place + BAR_WIDTH], [value, value],
        color=PAINTS["ink"], linewidth=1.6, linestyle=(0, (1, 1)), zorder=3,
    )  # fmt: skip
    set_tip(line, tip)
