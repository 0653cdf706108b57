"""Render the report as one HTML page, which needs no other file: style, script and charts are in it.

Jinja escapes everything that it inserts, so a title such as "<script>" is shown as text. Only the charts are inserted
as they are; `svg.py` writes them as XML. A content security policy forbids all other scripts and all requests.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.evaluate.artefact import ENTITY_FIGURES, MODEL, WORD_FIGURES
from pipeline.evaluate.console_table import SCORER_TITLES, format_number
from pipeline.evaluate.report.charts import LINES, draw_breakdown, draw_curves, draw_rank_curves
from pipeline.evaluate.report.comparison import HEADINGS, TITLES
from pipeline.evaluate.report.gather import Report
from pipeline.evaluate.report.ranks import Breakdown, RankCurve

TEMPLATE, STYLE, SCRIPT = "report.html.j2", "report.css", "report.js"
LOADER = PackageLoader("pipeline.evaluate.report")
HITS_AT = (1, 3, 10, 30, 100)
"""Values of k in the table under the curves."""


def render_page(report: Report) -> str:
    """Return the HTML of a report."""
    environment = Environment(
        loader=LOADER,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": format_figure, "integer": format_integer, "duration": format_duration}
    style, script = (LOADER.get_source(environment, name)[0] for name in (STYLE, SCRIPT))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(TEMPLATE).render(
        report=report,
        style=Markup(style),
        script=Markup(script),
        script_hash=digest,
        titles=TITLES,
        headings=HEADINGS,
        figures={
            **WORD_FIGURES,
            **ENTITY_FIGURES,
            "loss": "mean surprise in nats: -log of the probability of what is right",
        },
        scorer_titles=SCORER_TITLES,
        lines=LINES,
        model=MODEL,
        charts=draw_charts(report),
        hits_at=HITS_AT,
        share_at=share_at,
    )


def draw_charts(report: Report) -> dict[str, Markup]:
    """Return the name of each chart -> its SVG."""
    charts = {}
    if report.training is not None:
        for curves in report.training.curves:
            charts[curves.name] = draw_curves(curves, report.training.phase_starts)
    if report.ranks is not None and report.ranks.count:
        for setting, rank_curves in report.ranks.curves.items():
            name = f"hits-{setting}"
            charts[name] = draw_rank_curves(
                rank_curves,
                name=name,
                title=f"Share of entities among the first k choices, mention {setting}",
                description=describe_ranks(rank_curves),
                entities=report.ranks.entities,
            )
        for breakdown in report.ranks.breakdowns:
            name = f"{breakdown.grouping}-{breakdown.setting}"
            charts[name] = draw_breakdown(
                breakdown,
                name=name,
                title=f"hits@10 by {breakdown.grouping}, mention {breakdown.setting}",
                description=describe_breakdown(breakdown),
            )
    return {name: Markup(svg) for name, svg in charts.items()}


def describe_ranks(curves: Sequence[RankCurve]) -> str:
    """Return the values at k = 10 as text."""
    return "At k = 10: " + ", ".join(f"{curve.title} {share_at(curve, 10):.3f}" for curve in curves) + "."


def describe_breakdown(breakdown: Breakdown) -> str:
    """Return the values of the bars as text."""
    parts = []
    for group in breakdown.groups:
        values = [
            f"{SCORER_TITLES[scorer]} {score.hits_at_10:.3f}"
            for scorer, score in zip(breakdown.scorers, group.scores, strict=True)
            if score is not None
        ]
        parts.append(f"{group.title}: {', '.join(values) or 'no mention'}")
    return "; ".join(parts) + "."


def share_at(curve: RankCurve, k: int) -> float:
    """Return the share of the masked entities whose rank is at most k."""
    return float(curve.shares[curve.ks.searchsorted(k, side="right") - 1])


def format_figure(value: float | None) -> str:
    """Return a figure as the console prints it; a dash if there is none."""
    return format_number(value) or "\u2013"


def format_integer(value: float) -> str:
    """Return a number without decimals, with separators of thousands."""
    return f"{value:,.0f}"


def format_duration(seconds: float) -> str:
    """Return a duration in its two largest units, such as "8 min 47 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    first = next((index for index, (number, _) in enumerate(units) if number), len(units) - 1)
    return " ".join(f"{number} {unit}" for number, unit in units[first : first + 2])
