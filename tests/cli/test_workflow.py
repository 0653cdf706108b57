"""The line's order and its parents."""

import pytest

from pipeline.cli.workflow import Step, run, run_names, steps
from pipeline.errors import PipelineError
from tests.helpers.stages import configured


def test_the_samples_line():
    assert steps(["roberta_tiny", "tiny"]) == [
        Step("dump", None, ()),
        Step("corpus", None, (0,)),
        Step("vocab", None, (1,)),
        Step("dataset", None, (2,)),
        Step("pretrain", "roberta_tiny", (3,)),
        Step("evaluate", "roberta_tiny", (4,)),
        Step("export", "roberta_tiny", (4,)),
        Step("pretrain", "tiny", (6,)),
        Step("evaluate", "tiny", (7,)),
        Step("export", "tiny", (7,)),
    ]


def test_a_steps_overrides():
    assert Step("vocab", None, ()).overrides() == ["stage=vocab"]
    assert Step("export", "tiny", (1,)).overrides() == ["stage=export", "run=tiny"]


def test_one_name_for_several_runs_is_refused():
    config = configured("stage=all")
    with pytest.raises(PipelineError, match=r"run.name was given to a line of 2 runs \(roberta_tiny, tiny\)"):
        run_names(config, ["run.name=x"])


def test_where_the_results_are_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("pipeline.cli.workflow.ended", lambda _: 0)
    run(configured("stage=all"), [])
    assert "tiny: model in data/sample/export/tiny, figures in data/sample/evaluate/tiny\n" in capsys.readouterr().err
    run(configured("stage=all", "runs=[tiny]", "run.name=x"), ["runs=[tiny]", "run.name=x"])
    assert "x: model in data/sample/export/x, figures in data/sample/evaluate/x\n" in capsys.readouterr().err
