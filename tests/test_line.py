"""The line's order and its parents."""

import pytest

from pipeline.errors import PipelineError
from pipeline.line import Step, refuse_shared_name, steps
from tests.line import configured


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
        refuse_shared_name(config, ["run.name=x"])
    refuse_shared_name(configured("stage=all", "runs=[tiny]"), ["run.name=x"])
