"""Composing the config; errors name the key, the value and what is allowed."""

import re

import pytest
from hydra.errors import HydraException
from omegaconf import OmegaConf

from pipeline.cli.config import Config, parse_config, unknown_keys
from pipeline.cli.config_errors import explain_hydra_error
from pipeline.errors import PipelineError
from tests.helpers.stages import compose_config


def test_the_default_dump_is_the_sample():
    config = compose_config("stage=all")
    assert (config.dump.name, config.run.name, config.runs) == ("sample", "tiny", ("roberta_tiny", "tiny"))
    assert config.layout.folder("pretrain").as_posix() == "data/sample/pretrain/tiny"


def test_variants_have_folders_of_their_own():
    layout = compose_config("stage=all", "vocab.name=big", "run.name=x").layout
    assert layout.folder("vocab").as_posix() == "data/sample/vocab-big"
    assert layout.folder("export").as_posix() == "data/sample/export/x"


@pytest.mark.parametrize("override", ["vocab.name=a/b", "run.name=..", "dataset.name=.x"])
def test_a_name_that_is_not_a_folder_name_is_refused(override):
    with pytest.raises(PipelineError, match="a folder's name has no /"):
        _ = compose_config("stage=all", override).layout


def test_an_experiment_sets_the_model_of_its_run():
    config = compose_config("stage=all", "experiment=luke_base_paper")
    assert (config.model.attention, config.export.attention) == ("vanilla", "entity_aware")
    assert config.pretrain.masking.unknown_entities


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("run.name=", "run.name is empty: it names the folder of the run"),
        ("inspect.index=-1", "inspect.index is -1: it is counted from 0"),
        ("pretrain.batch_size=many", "pretrain.batch_size: Input should be a valid integer, .* \\(got 'many'\\)"),
        ("corpus.files=a.jsonl", "corpus.files: Input should be a list, in square brackets \\(got 'a.jsonl'\\)"),
        ("model.attention=entity", "model.attention: Input should be 'entity_aware' or 'vanilla' \\(got 'entity'\\)"),
        ("+corpus.fast=true", "corpus.fast: there is no such key"),
        ("+pretrain.phases.all.rate=1", "pretrain.phases.all.rate: there is no such key"),
        ("stage=train", "stage: Input should be 'dump', 'corpus'"),
    ],
)
def test_an_error_names_the_key_and_the_value(override, message):
    with pytest.raises(PipelineError, match=f"the config cannot be used:\n  {message}"):
        compose_config("stage=all", override)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("pretrain.masking.words=0", "pretrain.masking.words is 0.0: a share between 0 and 1"),
        ("evaluate.masking.words=0", "evaluate.masking.words is 0.0: a share between 0 and 1"),
        (
            "evaluate.masking.random_replace_prob=0.3",
            "evaluate.masking.mask_replace_prob is 0.8 and random_replace_prob",
        ),
        ("pretrain.phases.all.epochs=0", "pretrain.phases.all.epochs is 0.0: it must be positive"),
        (
            "pretrain.phases.entities.warmup_ratio=1",
            "pretrain.phases.entities.warmup_ratio is 1.0: a share of the steps",
        ),
        ("pretrain.optimizer.beta2=1", "pretrain.optimizer.beta2 is 1.0: a number from 0 to below 1"),
        ("pretrain.batch_size=0", "pretrain.batch_size is 0: at least 1 is needed"),
        ("pretrain.phases=null", "pretrain.phases: Input should be a valid dictionary"),
        ("evaluate.train_examples=-1", "evaluate.train_examples is -1: it cannot be negative"),
        ("model.dropout=1", "model.dropout is 1.0: a number from 0 to below 1"),
        ("vocab.tokenizer.size=5", "vocab.tokenizer.size is 5: bytes and special tokens alone take 261"),
        ("vocab.entities.min_count=0", "vocab.entities.min_count is 0: at least 1 is needed"),
        (
            "dataset.max_seq_length=100",
            "dataset.max_sentence_length is 126: at most dataset.max_seq_length - 2, which is",
        ),
        ("corpus.language=?", "corpus.language is '\\?': a code as Wikipedia uses it"),
        ("corpus.max_page_seconds=0", "corpus.max_page_seconds is 0.0: it must be positive"),
        ("dump.name=a/b", "dump.name is 'a/b': give the dump's folder a name"),
        ("executor.workers=0", "executor.workers is 0: at least 1 is needed"),
        ("cluster.resources.vocab.cpus=0", "cluster.resources.vocab.cpus is 0: at least 1 is needed"),
        ("cluster.resources.vocab.nodes=2", "cluster.resources.vocab.nodes is 2: only pretrain can use several"),
    ],
)
def test_an_error_of_a_shared_part_names_the_key_as_it_was_typed(override, message):
    with pytest.raises(PipelineError, match=f"the config cannot be used:\n  {message}"):
        compose_config("stage=all", override)


def test_an_error_in_a_body_names_its_key():
    with pytest.raises(PipelineError, match=r"  model\.body\.hidden_size is 130: it must be a multiple of"):
        compose_config("stage=all", "run=roberta_tiny", "model.body.hidden_size=130")
    with pytest.raises(PipelineError, match=r"  model\.body\.hidden_size: Input should be a valid integer"):
        compose_config("stage=all", "run=roberta_tiny", "model.body.hidden_size=x")


def test_a_value_that_others_take_over_is_blamed_once():
    with pytest.raises(PipelineError) as error:
        compose_config("stage=all", "validation_share=2")
    assert str(error.value) == (
        "the config cannot be used:\n  validation_share is 2.0: it must be between 0 and 1, both excluded"
    )


# ---------------------------------------------------------------------------------------------- tagged unions


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["dump=local", "dump.name=x"], "dump.files is empty: name the dump's files"),
        (["dump=local", "dump.name=x", "dump.files=a.xml"], "dump.files: Input should be a list"),
        (["dump=wikimedia", "dump.name=x"], "dump.wiki is '': give a wiki's database name"),
        (["dump=enwiki", "dump.retries=x"], "dump.retries: Input should be a valid integer"),
        (["dump=enwiki", "~dump.date"], "dump.date: Field required"),
        (["+dump.files=[a.xml]"], "dump.files exists only with dump=local"),
        (["+executor.partition=main"], "executor.partition exists only with executor=slurm"),
        (["executor=slurm"], "cluster.partition is empty: name one of the cluster's partitions"),
        (["executor.kind=spark"], r"executor\.kind: Input should be one of 'local', 'slurm', 'ray' \(got 'spark'\)"),
        (["dump.source=web"], r"dump\.source: Input should be one of .*'wikimedia' \(got 'web'\)"),
        (["executor=ray", "+executor.speed=1"], "executor.speed: there is no such key"),
    ],
)
def test_a_key_belongs_to_one_kind(overrides, message):
    with pytest.raises(PipelineError, match=f"  {message}"):
        compose_config("stage=all", *overrides)


# ---------------------------------------------------------------------------------------------- renamed keys and values


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("+pretrain.batch=8", "pretrain.batch is now pretrain.batch_size"),
        ("+vocab.words.adopt=x", "vocab.words is now vocab.tokenizer"),
        ("+pretrain.phases.more={trains: everything, epochs: 1, learning_rate: 1e-5, warmup: 0.1}",
         "pretrain.phases.more.warmup is now pretrain.phases.more.warmup_ratio"),
        ("+cluster.accelerate=x.yaml", "cluster.accelerate is now accelerate"),
        ("pretrain.loss_normalization=batch_means",
         "pretrain.loss_normalization=batch_means is now pretrain.loss_normalization=global_batch"),
    ],
)  # fmt: skip
def test_an_old_key_or_value_is_refused_with_the_new_one(override, message):
    with pytest.raises(PipelineError, match=f"the config cannot be used:\n  {message}"):
        compose_config("stage=all", override)


@pytest.mark.parametrize("verb", ["find", "load"])
def test_a_file_that_is_gone_is_refused_with_the_overrides_that_do_the_same(verb):
    """hydra cannot find it on the command line, and cannot load it from the defaults list of a user's file."""
    error = HydraException(f"In 'pretrain/mine': Could not {verb} 'pretrain/luke_paper'.")
    assert explain_hydra_error(Config, error).startswith("pretrain=luke_paper is now pretrain=luke pretrain.masking")


def test_unknown_keys_are_found_at_any_depth():
    values = {
        "stage": "all", "pretrain": {"masking": {"word": 1}}, "x": 2,
        "executor": {"kind": "local", "partition": "main"},
    }  # fmt: skip
    assert unknown_keys(Config, values) == ["x", "executor.partition", "pretrain.masking.word"]


def test_a_missing_stage_is_named_with_what_is_allowed():
    with pytest.raises(PipelineError) as error:
        compose_config()
    assert str(error.value) == (
        "stage is missing: one of dump, corpus, vocab, dataset, pretrain, evaluate, export, all, submit, inspect, "
        "predict, settings is needed"
    )


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("dump.name=???", "dump.name is missing: set it, dump.name=..."),
        (
            "cluster.env_command=${cluster.environment}",
            "the value of cluster.env_command refers to another key; cluster.environment is now cluster.env_command",
        ),
        ("run.name=${nosuch}", "the value of run.name refers to another key; nosuch: there is no such key"),
        ("run.name=${run.name}", "the config cannot be composed: run.name: "),
    ],
)
def test_a_value_that_cannot_be_composed_is_named(override, message):
    with pytest.raises(PipelineError, match=f"^{re.escape(message)}"):
        compose_config("stage=all", override)


def test_a_missing_value_is_named():
    with pytest.raises(PipelineError, match="data_dir: Field required"):
        parse_config(OmegaConf.create({"stage": "all"}))


def test_an_experiment_sets_the_held_out_share() -> None:
    """config.yaml's own values come first in its defaults list, or its 0.1 would replace the experiment's value."""
    assert compose_config("stage=all").validation_share == 0.1
    config = compose_config("stage=all", "experiment=luke_base")
    assert (config.validation_share, config.vocab.validation_share, config.dataset.validation_share) == (0.0005,) * 3
    assert compose_config("stage=all", "experiment=luke_base", "validation_share=0.01").vocab.validation_share == 0.01
