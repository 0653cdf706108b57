"""Put the finished evaluations of several runs side by side: `evaluate.runs=[a,b]`.

One row per figure: the value of each run, their mean and range, and the best rival. Runs that differ in their seed only
show how much a figure varies. The runs must have been scored on the same examples, or the comparison would be unfair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from rich.table import Table
from rich.text import Text

from pipeline.errors import PipelineError
from pipeline.evaluate.artefact import (
    COMPARISON,
    ENTITY_FIGURES,
    METRICS,
    MODEL,
    SEES_MORE,
    SETTINGS,
    WORD_FIGURES,
)
from pipeline.evaluate.console_table import FIGURE_TITLES, format_number
from pipeline.evaluate.scores import Figures
from pipeline.execution.console import console
from pipeline.store.artefact import Artefact, open_artefact
from pipeline.store.files import read_json, write_json
from pipeline.store.layout import MANIFEST, Layout

SHARED_SETTINGS = ("masking", "seed", "rival_examples", "bag_passes")
"""Settings of evaluate that decide which positions are scored, and how the rivals are fitted."""
SHORT_TITLES = {
    "unigram": "unigram",
    "bigram": "bigram",
    "prior_as_seen": "prior as seen",
    "prior_and_titles": "prior, titles",
    "prior_clean": "clean prior",
    "naive_bayes_mention": "Bayes, mention",
    "mention_bag": "bag, mention",
    "naive_bayes_tokens": "Bayes, tokens",
    "naive_bayes_tokens_and_entities": "Bayes, entities",
    "naive_bayes_all": "Bayes, all",
}
"""Names of the rivals that leave room for the runs."""
LOWER_IS_BETTER = ("loss", "perplexity")


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of several runs."""

    runs: dict[str, float | None]
    """Run -> the model's value; None if the run does not have the figure."""
    mean: float | None
    low: float | None
    """Lowest value of the runs."""
    high: float | None
    rivals: dict[str, float | None]
    """Rival -> its value, which is the same for all runs."""


def compare_runs(runs: Sequence[str], layout: Layout) -> None:
    """Print the evaluations of `runs` as a table, and write them to comparison.json.

    Raises:
        PipelineError: a run has no finished evaluation, or was scored on other examples than the first one.
    """
    artefacts = {run: open_evaluation(run, layout) for run in runs}
    check_comparable(artefacts)
    metrics = {run: read_json(artefact.folder / METRICS) for run, artefact in artefacts.items()}
    figures = compare_figures(metrics)
    target = layout.folder("evaluate").with_name(COMPARISON)
    write_json(target, {key: asdict(figure) for key, figure in figures.items()})
    console.print(render_comparison(runs, figures))
    console.print(f"evaluate: the comparison of {', '.join(runs)} is in {target}")


def open_evaluation(run: str, layout: Layout) -> Artefact:
    """Open the finished evaluation of a run."""
    folder = replace(layout, run=run).folder("evaluate")
    if not (folder / MANIFEST).is_file():
        finished = sorted(path.parent.name for path in folder.parent.glob(f"*/{MANIFEST}"))
        raise PipelineError(
            f"evaluate.runs names {run}, but {folder} is not a finished evaluation: run make evaluate "
            f'ARGS="run.name={run}" first, with the settings of the run. Finished are: {", ".join(finished) or "none"}'
        )
    return open_artefact(folder, stage="evaluate")


def check_comparable(artefacts: Mapping[str, Artefact]) -> None:
    """Raise PipelineError unless all runs were scored on the same examples with the same masks and rivals."""
    first, *others = artefacts
    for other in others:
        before, after = (scored_examples(artefacts[run]) for run in (first, other))
        different = [f"{key}: {before[key]} and {after[key]}" for key in before if before[key] != after[key]]
        if different:
            raise PipelineError(
                f"evaluate.runs names {first} and {other}, which were scored on different examples or masks "
                f"({'; '.join(different)}): evaluate both with the same settings, on the same dataset"
            )


def scored_examples(artefact: Artefact) -> dict[str, object]:
    """Return what decides which positions were scored, and what the rivals were fitted on."""
    parents = artefact.manifest["parents"]
    return {
        **{key: artefact.setting(key) for key in SHARED_SETTINGS},
        "dataset": parents["dataset"],
        "scored dataset": parents.get("scored_dataset", parents["dataset"]),
    }


def compare_figures(metrics: Mapping[str, Figures]) -> dict[str, ComparedFigure]:
    """Return key without the scorer -> the figure of all runs, such as "entities.visible.hits_at_10".

    Args:
        metrics: run -> its metrics.json.
    """
    keys = sorted({key for figures in metrics.values() for key in figures if f".{MODEL}." in key})
    compared = {}
    for key in keys:
        prefix, _, name = key.rpartition(f".{MODEL}.")
        runs = {run: figures.get(key) for run, figures in metrics.items()}
        known = [value for value in runs.values() if value is not None]
        rivals: dict[str, float | None] = {}
        for figures in metrics.values():
            for scorer in SHORT_TITLES:
                if f"{prefix}.{scorer}.{name}" in figures:
                    rivals.setdefault(scorer, figures[f"{prefix}.{scorer}.{name}"])
        mean = sum(known) / len(known) if known else None
        compared[f"{prefix}.{name}"] = ComparedFigure(
            runs, mean, min(known, default=None), max(known, default=None), rivals
        )
    return compared


def render_comparison(runs: Sequence[str], figures: Mapping[str, ComparedFigure]) -> Table:
    """Return the main figures as a table for a terminal."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("", *runs, "mean", "range", "best rival"):
        is_text = name in ("", "best rival")  # texts are folded if the terminal is narrow, numbers never are
        table.add_column(name, justify="left" if is_text else "right", no_wrap=not is_text)
    sections = {"words": ("words", WORD_FIGURES)}
    sections |= {f"entities.{setting}": (setting, ENTITY_FIGURES) for setting in SETTINGS}
    for prefix, (title, names) in sections.items():
        rows = {name: figures[f"{prefix}.{name}"] for name in names if f"{prefix}.{name}" in figures}
        if not any(figure.mean is not None for figure in rows.values()):
            continue
        table.add_row(Text(title, style="bold"))
        for name, figure in rows.items():
            values = [format_number(figure.runs[run]) for run in runs]
            spread = f"{format_number(figure.low)} to {format_number(figure.high)}"
            rival = best_rival(figure, higher_is_better=name not in LOWER_IS_BETTER)
            table.add_row(f"  {FIGURE_TITLES[name]}", *values, format_number(figure.mean), spread, rival)
    return table


def best_rival(figure: ComparedFigure, *, higher_is_better: bool) -> str:
    """Return the value and the name of the best of the rivals that see no more than the model."""
    fair = {rival: value for rival, value in figure.rivals.items() if rival != SEES_MORE or len(figure.rivals) == 1}
    known = [(value, rival) for rival, value in fair.items() if value is not None]
    if not known:
        return ""
    value, rival = max(known) if higher_is_better else min(known)
    return f"{format_number(value)} {SHORT_TITLES[rival]}"
