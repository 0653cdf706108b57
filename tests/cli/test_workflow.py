"""The order of the steps, and which step each of them waits for."""

import pytest

from pipeline.cli.workflow import Step, run_names, run_workflow, workflow_steps
from pipeline.errors import PipelineError
from tests.helpers.stages import compose_config


def test_the_steps_of_the_sample():
    assert workflow_steps(["roberta_tiny", "tiny"]) == [
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


def test_the_overrides_of_a_step():
    assert Step("vocab", None, ()).overrides() == ["stage=vocab"]
    assert Step("export", "tiny", (1,)).overrides() == ["stage=export", "run=tiny"]


def test_one_name_for_several_runs_is_refused():
    config = compose_config("stage=all")
    with pytest.raises(PipelineError, match=r"run.name was given for 2 runs \(roberta_tiny, tiny\)"):
        run_names(config, ["run.name=x"])


def test_a_run_without_a_file_is_refused_before_the_first_step() -> None:
    config = compose_config("stage=all", "runs=[tiny,nosuch]")
    with pytest.raises(PipelineError, match=r"runs is \[tiny, nosuch\], but configs/run/ has only luke_base, .*, tiny"):
        run_workflow(config, [])


def test_the_folders_of_the_results_are_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pipeline.cli.workflow.run_command", lambda _: 0)
    run_workflow(compose_config("stage=all"), [])
    assert (
        "tiny: model in data/sample/export/tiny, report in data/sample/evaluate/tiny/report.html\n"
        in capsys.readouterr().err
    )
    run_workflow(compose_config("stage=all", "runs=[tiny]", "run.name=x"), ["runs=[tiny]", "run.name=x"])
    assert "x: model in data/sample/export/x, report in data/sample/evaluate/x/report.html\n" in capsys.readouterr().err
