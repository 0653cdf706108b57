"""Config errors reach a person: what, where, what is allowed."""

import pytest

from pipeline.cli.config import Config, typed, unknown_keys
from pipeline.errors import PipelineError
from tests.helpers.stages import configured


def test_the_default_is_the_sample():
    config = configured("stage=all")
    assert (config.dump.name, config.run.name, config.runs) == ("sample", "tiny", ("roberta_tiny", "tiny"))
    assert config.layout.folder("pretrain").as_posix() == "data/sample/pretrain/tiny"


def test_variants_have_folders_of_their_own():
    layout = configured("stage=all", "vocab.name=big", "run.name=x").layout
    assert layout.folder("vocab").as_posix() == "data/sample/vocab-big"
    assert layout.folder("export").as_posix() == "data/sample/export/x"


@pytest.mark.parametrize("override", ["vocab.name=a/b", "run.name=..", "dataset.name=.x"])
def test_a_name_is_a_folders_name(override):
    with pytest.raises(PipelineError, match="it names a folder"):
        _ = configured("stage=all", override).layout


def test_a_run_can_be_chosen_within_an_experiment():
    config = configured("stage=all", "experiment=luke_base_paper")
    assert (config.model.attention, config.export.attention) == ("vanilla", "entity_aware")
    assert config.pretrain.masking.unknown_entities


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("pretrain.batch=0", "pretrain.batch is 0: it must be at least 1"),
        ("run.name=", "run.name is empty: it names the folder of the run"),
        ("pretrain.batch=many", "pretrain.batch: Input should be a valid integer"),
        ("dump.files=a.xml", "dump.files: Input should be a list, in square brackets \\(got 'a.xml'\\)"),
        ("model.attention=entity", "Input should be 'entity_aware' or 'vanilla'.* \\(got 'entity'\\)"),
        ("+corpus.fast=true", "unknown config keys: corpus.fast"),
        ("+pretrain.phases.all.rate=1", "unknown config keys: pretrain.phases.all.rate"),
        ("stage=train", "stage: Input should be 'dump', 'corpus'"),
    ],
)
def test_a_wrong_value_is_named(override, told):
    with pytest.raises(PipelineError, match=told):
        configured("stage=all", override)


def test_unknown_keys_are_found_at_any_depth():
    assert unknown_keys(Config, {"stage": "all", "pretrain": {"masking": {"word": 1}}, "x": 2}) == [
        "x", "pretrain.masking.word",
    ]  # fmt: skip


def test_a_missing_value_is_named():
    with pytest.raises(PipelineError, match="data_dir: Field required"):
        typed({"stage": "all"})
