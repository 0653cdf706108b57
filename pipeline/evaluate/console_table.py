"""Print the figures of an evaluation, the model beside its rivals, and say which of them is better."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.evaluate.artefact import (
    INTERVAL,
    MODEL,
    SETTING_RIVALS,
    STRONGEST,
    WORD_RIVALS,
)
from pipeline.evaluate.scores import Figures

SETTING_TITLES = {
    "visible": "entities, held out",
    "hidden": "entities, mention hidden",
    "moved": "entities, mention moved elsewhere",
    "train": "entities, training pages",
}
FIGURE_TITLES = {"loss": "loss", "perplexity": "ppl", "accuracy": "hits@1", "mrr": "MRR", "hits_at_10": "hits@10"}
SCORER_TITLES = {
    "model": "model",
    "unigram": "unigram",
    "bigram": "bigram",
    "prior_as_seen": "prior, mention as seen",
    "prior_and_titles": "prior, as seen, and titles",
    "prior_clean": "prior, clean (sees more than the model)",
    "naive_bayes_mention": "naive Bayes, mention as seen",
    "mention_bag": "embedding bag, mention as seen",
    "naive_bayes_tokens": "naive Bayes, tokens around",
    "naive_bayes_tokens_and_entities": "naive Bayes, tokens and entities around",
    "naive_bayes_all": "naive Bayes, mention and all around",
}


def render_evaluation(metrics: Figures) -> RenderableType:
    """Return the table of all settings, with a sentence on each comparison between the model and a strong rival."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("", *FIGURE_TITLES.values()):
        table.add_column(name, justify="right" if name else "left", no_wrap=True)
    add_section(table, metrics, "words", "words, held out", (MODEL, *WORD_RIVALS))
    for setting, title in SETTING_TITLES.items():
        if metrics.get(f"entities.{setting}.count"):
            add_section(table, metrics, f"entities.{setting}", title, (MODEL, *SETTING_RIVALS[setting]))
    return Group(table, *(Text(line) for line in comparison_lines(metrics)))


def add_section(table: Table, metrics: Figures, prefix: str, title: str, scorers: tuple[str, ...]) -> None:
    """Add a heading, and a row for the model and each rival that was fitted; the best value of a figure is bold."""
    scorers = tuple(scorer for scorer in scorers if f"{prefix}.{scorer}.loss" in metrics)
    table.add_row(Text(f"{title} ({metrics[f'{prefix}.count']:,})", style="bold"))
    columns = {name: [metrics.get(f"{prefix}.{scorer}.{name}") for scorer in scorers] for name in FIGURE_TITLES}
    for row, scorer in enumerate(scorers):
        cells = []
        for name, values in columns.items():
            known = [value for value in values if value is not None]
            best = known and values[row] == (min if name in ("loss", "perplexity") else max)(known)
            cells.append(Text(format_number(values[row]), style="bold" if best else ""))
        table.add_row(f"  {SCORER_TITLES[scorer]}", *cells)


def comparison_lines(metrics: Figures) -> list[str]:
    """Return sentences on the model and its strongest rivals: words, visible, hidden and moved mentions."""
    lines = []
    loss, rival_loss = metrics["words.model.loss"], metrics["words.bigram.loss"]
    if loss is not None and rival_loss is not None:
        winner = "the model" if loss < rival_loss else "the bigram"
        lines.append(f"words, held out, loss, model minus bigram: {loss - rival_loss:+.3f}: {winner} wins")
    for setting, rivals in STRONGEST.items():
        for rival in rivals:
            prefix = f"entities.{setting}.difference.{rival}.hits_at_10"
            values = [metrics.get(f"{prefix}.{part}") for part in INTERVAL]
            mean, low, high = (value if value is not None else float("nan") for value in values)
            if None in values:
                continue
            winner = "the model" if low > 0 else "naive Bayes" if rival.startswith("naive_bayes") else "the table"
            verdict = f"{winner} wins" if low > 0 or high < 0 else "no clear winner"
            lines.append(
                f"{SETTING_TITLES[setting]}, hits@10, model minus {SCORER_TITLES[rival]}: {mean:+.3f} "
                f"(95 %: {low:+.3f} to {high:+.3f}): {verdict}"
            )
    host = metrics.get("entities.moved.host")
    if host is not None:
        mention = metrics["entities.moved.model.accuracy"]
        lines.append(
            f"{SETTING_TITLES['moved']}: {mention:.1%} of the first choices follow the mention, {host:.1%} the place"
        )
    return lines


def format_number(value: float | None) -> str:
    """Return the value with three decimals, or as many as a perplexity deserves; "" if there is none."""
    if value is None:
        return ""
    return f"{value:,.1f}" if value >= 100 else f"{value:.3f}"
