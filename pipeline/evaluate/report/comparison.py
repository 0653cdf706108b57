"""Arrange the figures of metrics.json as tables: the model beside its rivals, and which of them wins. Pure.

A rival that sees more than the model is shown, but takes no part in the competition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.evaluate.artefact import (
    COMPARED,
    ENTITY_FIGURES,
    ENTITY_RIVALS,
    MODEL,
    SEES_MORE,
    SETTING_RIVALS,
    SETTINGS,
    STRONGEST,
    WORD_FIGURES,
    WORD_RIVALS,
)
from pipeline.evaluate.compare_runs import LOWER_IS_BETTER
from pipeline.evaluate.console_table import SCORER_TITLES
from pipeline.evaluate.scores import Figures

Verdict = Literal["model", "rival", "unclear"]

RIVALS = {**ENTITY_RIVALS, **WORD_RIVALS, "unigram": "predicts by frequency in the training examples, without context"}
"""Rival -> what it reads."""
HEADINGS = {
    "loss": "loss",
    "perplexity": "perplexity",
    "accuracy": "accuracy",
    "mrr": "MRR",
    "hits_at_10": "hits@10",
}
"""Figure -> its name; the table on the console has shorter ones."""
WORDS = "words"
TITLES = {
    WORDS: "Masked words",
    "visible": "Entities, mention visible",
    "hidden": "Entities, mention hidden",
    "moved": "Entities, mention moved to another page",
    "train": "Entities of training pages, new masks",
}
"""Words and settings -> heading."""
EXPLANATIONS = {WORDS: "held-out pages, 15 % of the tokens masked", **SETTINGS}


def verdict_text(verdict: Verdict, rival: str) -> str:
    """Return the verdict on the model and a rival in words."""
    names = {"unigram": "the unigram", "bigram": "the bigram", "mention_bag": "the embedding bag"}
    winner = "naive Bayes" if rival.startswith("naive_bayes") else names.get(rival, "the table")
    return {"model": "the model wins", "rival": f"{winner} wins", "unclear": "no clear winner"}[verdict]


@dataclass(frozen=True, slots=True)
class Scorer:
    """A column: the model or a rival."""

    name: str
    title: str
    reads: str
    """What a rival reads; empty for the model."""
    competes: bool
    """False for a rival that sees more than the model."""


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One figure of all scorers."""

    name: str
    title: str
    explanation: str
    lower_is_better: bool
    values: tuple[float | None, ...]
    """In the order of the scorers."""
    is_best: tuple[bool, ...]
    """Whether the value is the best of those that compete; several if they are equal."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table of one setting."""

    name: str
    title: str
    explanation: str
    count: int
    """Number of masked words or entities."""
    scorers: tuple[Scorer, ...]
    rows: tuple[FigureRow, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """The model's figure minus a strong rival's, with its 95 % interval."""

    setting: str
    rival: str
    figure: str
    mean: float
    low: float
    high: float

    @property
    def verdict(self) -> Verdict:
        """Who wins, if the interval does not contain 0."""
        return "model" if self.low > 0 else "rival" if self.high < 0 else "unclear"

    @property
    def verdict_text(self) -> str:
        """The verdict in words."""
        return verdict_text(self.verdict, self.rival)


@dataclass(frozen=True, slots=True)
class Duel:
    """The model against the best of the rivals that see no more than it does."""

    name: str
    """A key of `TITLES`."""
    figure: str
    model: float
    rival: str
    rival_value: float
    verdict: Verdict

    @property
    def rival_title(self) -> str:
        """The rival's title."""
        return SCORER_TITLES[self.rival]

    @property
    def verdict_text(self) -> str:
        """The verdict in words."""
        return verdict_text(self.verdict, self.rival)

    @property
    def title(self) -> str:
        """The heading."""
        return TITLES[self.name]

    @property
    def figure_title(self) -> str:
        """The name of the figure."""
        return HEADINGS[self.figure]


def compare(metrics: Figures) -> list[Comparison]:
    """Return the tables of the words and of all settings in which something was scored."""
    tables = [make_comparison(metrics, WORDS, WORDS, WORD_RIVALS, WORD_FIGURES)]
    tables += [
        make_comparison(metrics, setting, f"entities.{setting}", SETTING_RIVALS[setting], ENTITY_FIGURES)
        for setting in SETTINGS
    ]
    return [table for table in tables if table.count]


def make_comparison(
    metrics: Figures, name: str, prefix: str, rivals: tuple[str, ...] | Mapping[str, str], figures: Mapping[str, str]
) -> Comparison:
    """Return the table of one setting.

    Args:
        metrics: metrics.json.
        name: a key of `TITLES`.
        prefix: beginning of its keys.
        rivals: names of the rivals.
        figures: name of each figure -> explanation.
    """
    competes = {
        scorer: scorer != SEES_MORE or name != "visible"
        for scorer in (MODEL, *rivals)
        if any(f"{prefix}.{scorer}.{figure}" in metrics for figure in figures)  # a rival may not have been fitted
    }
    scorers = [
        Scorer(key, scorer_title(key, competes=fair), RIVALS.get(key, ""), fair) for key, fair in competes.items()
    ]
    rows = []
    for figure, explanation in figures.items():
        values = tuple(metrics.get(f"{prefix}.{scorer.name}.{figure}") for scorer in scorers)
        lower = figure in LOWER_IS_BETTER
        fair_values = [value for value, scorer in zip(values, scorers, strict=True) if scorer.competes]
        best = best_value(fair_values, lower_is_better=lower)
        is_best = tuple(
            scorer.competes and value is not None and value == best
            for value, scorer in zip(values, scorers, strict=True)
        )
        rows.append(FigureRow(figure, HEADINGS[figure], explanation, lower, values, is_best))
    count = int(metrics.get(f"{prefix}.count") or 0)
    return Comparison(name, TITLES[name], EXPLANATIONS[name], count, tuple(scorers), tuple(rows))


def scorer_title(name: str, *, competes: bool) -> str:
    """Return the title of a column; that of `SEES_MORE` says so only where it is true."""
    return "prior, clean mention" if name == SEES_MORE and competes else SCORER_TITLES[name]


def best_value(values: list[float | None], *, lower_is_better: bool) -> float | None:
    """Return the best of the values, or None if there is none."""
    known = [value for value in values if value is not None]
    return (min if lower_is_better else max)(known, default=None)


def read_differences(metrics: Figures) -> list[Difference]:
    """Return the differences that metrics.json has an interval for."""
    found = []
    for setting, rivals in STRONGEST.items():
        for figure in COMPARED:
            for rival in rivals:
                prefix = f"entities.{setting}.difference.{rival}.{figure}"
                mean, low, high = (metrics.get(f"{prefix}.{part}") for part in ("mean", "low", "high"))
                if mean is not None and low is not None and high is not None:
                    found.append(Difference(setting, rival, figure, mean, low, high))
    return found


def read_duels(comparisons: list[Comparison], differences: list[Difference]) -> list[Duel]:
    """Return the model's duels: on words, and on entities with the mention visible and hidden."""
    duels = []
    for comparison in comparisons:
        if comparison.name not in (WORDS, *STRONGEST):
            continue
        figure = "accuracy" if comparison.name == WORDS else "hits_at_10"
        row = next(row for row in comparison.rows if row.name == figure)
        model, *rivals = zip(comparison.scorers, row.values, strict=True)
        known = [(value, scorer) for scorer, value in rivals if scorer.competes and value is not None]
        if model[1] is None or not known:
            continue
        value, rival = max(known, key=lambda pair: pair[0])
        verdict: Verdict = "model" if model[1] > value else "rival" if model[1] < value else "unclear"
        for difference in differences:
            if (difference.setting, difference.rival, difference.figure) == (comparison.name, rival.name, figure):
                verdict = difference.verdict
        duels.append(Duel(comparison.name, figure, model[1], rival.name, value, verdict))
    return duels
