"""The line's order and its parents."""

from pipeline.line import Step, steps


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
