"""Evaluations of two and three runs side by side; runs that cannot be compared are refused."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.errors import PipelineError
from pipeline.evaluate import compare_runs as module
from pipeline.evaluate.artefact import ENTITY_RIVALS, WORD_RIVALS
from pipeline.evaluate.compare_runs import (
    SHORT_TITLES,
    ComparedFigure,
    best_rival,
    compare_figures,
    compare_runs,
    render_comparison,
)
from pipeline.store.builder import begin
from pipeline.store.files import read_json, write_json
from pipeline.store.layout import Layout

CONFIG = {"masking": {"words": 0.15}, "seed": 1, "rival_examples": 20000, "bag_passes": 20}
PARENTS = {"vocab": "v", "dataset": "d", "pretrain": "p"}


def write_evaluation(root: Path, run: str, metrics: dict[str, float | None], **changes: object) -> None:
    """Write the finished evaluation of a run."""
    config = CONFIG | {key: value for key, value in changes.items() if key in CONFIG}
    parents = PARENTS | {key: str(value) for key, value in changes.items() if key not in CONFIG}
    builder = begin(root / "evaluate" / run, stage="evaluate", config=config, parents=parents, overwrite=False)
    assert builder
    write_json(builder.folder / "metrics.json", metrics)
    builder.finish({})


def metrics(hits: float) -> dict[str, float | None]:
    """Return some of the keys of metrics.json."""
    return {
        "words.model.loss": 5.0,
        "words.bigram.loss": 6.0,
        "entities.visible.count": 4,
        "entities.visible.model.hits_at_10": hits,
        "entities.visible.unigram.hits_at_10": 0.125,
        "entities.visible.prior_as_seen.hits_at_10": 0.75,
        "entities.visible.prior_clean.hits_at_10": 0.875,
        "entities.moved.model.loss": None,
    }


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a layout with the evaluations of three runs that differ in their seed."""
    for run, hits in (("a", 0.5), ("b", 0.25), ("c", 0.75)):
        write_evaluation(tmp_path, run, metrics(hits), pretrain=run)
    return Layout(tmp_path, "tiny")


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what is printed to a console of 120 columns."""
    output = io.StringIO()
    monkeypatch.setattr(module, "console", Console(file=output, width=120, highlight=False, markup=False))
    return output


def test_a_table_and_a_file_with_mean_range_and_the_best_fair_rival(layout, printed, tmp_path):
    compare_runs(["a", "b", "c"], layout)
    content = json.loads((tmp_path / "evaluate" / "comparison.json").read_text())
    assert content["entities.visible.hits_at_10"] == {
        "runs": {"a": 0.5, "b": 0.25, "c": 0.75}, "mean": 0.5, "low": 0.25, "high": 0.75,
        "rivals": {"unigram": 0.125, "prior_as_seen": 0.75, "prior_clean": 0.875},
    }  # fmt: skip
    assert content["entities.moved.loss"]["mean"] is None
    lines = [line.split() for line in printed.getvalue().splitlines()]
    assert ["a", "b", "c", "mean", "range", "best", "rival"] in lines
    assert "hits@10 0.500 0.250 0.750 0.500 0.250 to 0.750 0.750 prior as seen".split() in lines
    assert "loss 5.000 5.000 5.000 5.000 5.000 to 5.000 6.000 bigram".split() in lines
    assert "moved" not in printed.getvalue()  # nothing was scored


def test_the_numbers_of_four_runs_fit_in_80_columns():
    runs = ["tiny", "tiny_vanilla", "seed_2", "seed_3"]
    figures = compare_figures({run: metrics(0.5) | {"words.model.loss": 10.25} for run in runs})
    table = Console(width=80, highlight=False, markup=False)
    with table.capture() as capture:
        table.print(render_comparison(runs, figures))
    assert "…" not in capture.get()
    assert capture.get().count("10.250") == 7


def test_a_run_without_entities_has_gaps():
    figures = compare_figures({"roberta": {"words.model.loss": 6.0}, "luke": metrics(0.5)})
    assert figures["words.loss"].mean == 5.5
    assert figures["entities.visible.hits_at_10"] == ComparedFigure(
        {"roberta": None, "luke": 0.5}, 0.5, 0.5, 0.5, {"unigram": 0.125, "prior_as_seen": 0.75, "prior_clean": 0.875}
    )


def test_every_rival_has_a_short_title():
    assert set(SHORT_TITLES) == {*WORD_RIVALS, *ENTITY_RIVALS}


def test_the_best_rival_does_not_see_more_than_the_model():
    figure = ComparedFigure({}, None, None, None, {"unigram": 7.0, "prior_as_seen": 2.0, "prior_clean": 1.0})
    assert best_rival(figure, higher_is_better=False) == "2.000 prior as seen"
    assert best_rival(figure, higher_is_better=True) == "7.000 unigram"
    alone = ComparedFigure({}, None, None, None, {"prior_clean": 1.0})
    assert best_rival(alone, higher_is_better=True) == "1.000 clean prior"
    assert best_rival(ComparedFigure({}, None, None, None, {"bigram": None}), higher_is_better=True) == ""


def test_a_run_without_an_evaluation_is_refused_with_the_command(layout):
    with pytest.raises(PipelineError) as caught:
        compare_runs(["a", "missing"], layout)
    assert str(caught.value) == (
        f"evaluate.runs names missing, but {layout.root}/evaluate/missing is not a finished evaluation: run make "
        'evaluate ARGS="run.name=missing" first, with the settings of the run. Finished are: a, b, c'
    )


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 2}, "seed: 1 and 2"),
        ({"dataset": "e"}, "dataset: d and e; scored dataset: d and e"),
        ({"scored_dataset": "other"}, "scored dataset: d and other"),
    ],
)
def test_runs_that_were_scored_on_other_examples_are_refused(layout, change, difference):
    write_evaluation(layout.root, "different", metrics(0.5), **change)
    with pytest.raises(PipelineError, match=rf"names a and different, which were scored .* \({difference}\): evaluate"):
        compare_runs(["a", "different"], layout)


def test_variants_of_the_evaluation_are_compared_in_their_own_folder(layout, printed, tmp_path):
    (tmp_path / "evaluate").rename(tmp_path / "evaluate-other")
    compare_runs(["a", "b"], Layout(tmp_path, "tiny", {"evaluate": "other"}))
    assert list(read_json(tmp_path / "evaluate-other" / "comparison.json")["words.loss"]["runs"]) == ["a", "b"]
