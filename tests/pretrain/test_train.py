"""Whole training runs on the small wiki: exact under kills, restarts, processes, micro-batches and workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.dataset.reader import ExampleStore
from pipeline.errors import PipelineError
from pipeline.pretrain.batches import EpochOrder
from pipeline.pretrain.metrics import MetricsWriter
from pipeline.pretrain.optim import is_trained
from pipeline.pretrain.signals import REQUEUE_EXIT_CODE
from pipeline.vocab.words import load_word_vocab
from tests.helpers.stages import SMALL_OVERRIDES, TINY_OVERRIDES, link_data_stages, run_stage, save_roberta

ROOT = Path(__file__).parents[2]
PRETRAIN = ["stage=pretrain", *TINY_OVERRIDES]
VARYING = ("tokens_per_second", "tflops_per_process", "data_wait_share", "memory_gb")
"""Keys of metrics.jsonl that vary from run to run."""


NO_DROPOUT = ["model.dropout=0", "model.attention_dropout=0"]
"""Overrides for a training run whose result does not depend on the number of processes."""
ONE_EXAMPLE_EACH = "pretrain.micro_batch_tokens=1"
"""Override for micro-batches of one example."""
SEND_SIGNAL_AT = str(Path(__file__).with_name("send_signal_at.py"))


def launch_command(settings: str, *script: str) -> tuple[str, ...]:
    """Return the arguments of Python that run `script` in two processes by an accelerate config of configs/launch/."""
    file = str(ROOT / "configs" / "launch" / settings)
    return ("-m", "accelerate.commands.launch", "--config_file", file, "--num_processes=2", *script)


def train(data_dir: Path, roberta: Path, *overrides: str) -> None:
    """Train in this process."""
    run_stage("pretrain", *TINY_OVERRIDES, f"data_dir={data_dir}", f"pretrain.init_from={roberta}", *overrides)


def train_in_subprocess(
    data_dir: Path, roberta: Path, *overrides: str, script: tuple[str, ...] = ("-m", "pipeline")
) -> int:
    """Train in a new process and return its exit code."""
    command = [sys.executable, *script, *PRETRAIN, f"data_dir={data_dir}", f"pretrain.init_from={roberta}", *overrides]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def metrics_lines(data_dir: Path) -> list[dict]:
    """Return the lines of metrics.jsonl without the keys that vary."""
    text = (data_dir / "small" / "pretrain" / "tiny" / "metrics.jsonl").read_text()
    return [{key: value for key, value in json.loads(line).items() if key not in VARYING} for line in text.splitlines()]


def manifest(data_dir: Path) -> bytes:
    """Return the content of manifest.json."""
    return (data_dir / "small" / "pretrain" / "tiny" / "manifest.json").read_bytes()


def weights(data_dir: Path) -> dict[str, torch.Tensor]:
    """Return the weights of the trained model."""
    return load_file(data_dir / "small" / "pretrain" / "tiny" / "model" / "model.safetensors")


@pytest.fixture(scope="session")
def uninterrupted(trained_data_dir) -> Path:
    """Return the data_dir of an uninterrupted training run, with dropout."""
    return trained_data_dir


@pytest.mark.parametrize(("point", "number"), [("step", 4), ("save", 5), ("metrics", 12)])
def test_killed_and_resumed_equals_uninterrupted(uninterrupted, roberta, make_data_dir, point, number):
    data_dir = make_data_dir("killed")
    exit_code = train_in_subprocess(data_dir, roberta, script=(SEND_SIGNAL_AT, "SIGKILL", point, str(number)))
    assert exit_code == -signal.SIGKILL
    assert not (data_dir / "small" / "pretrain" / "tiny").exists()
    train(data_dir, roberta)
    assert metrics_lines(data_dir) == metrics_lines(uninterrupted)
    assert manifest(data_dir) == manifest(uninterrupted)


def test_sigterm_saves_a_checkpoint_and_exits_with_85(uninterrupted, roberta, make_data_dir):
    data_dir = make_data_dir("stopped")
    exit_code = train_in_subprocess(data_dir, roberta, script=(SEND_SIGNAL_AT, "SIGTERM", "metrics", "2"))
    assert exit_code == REQUEUE_EXIT_CODE
    train(data_dir, roberta)
    assert metrics_lines(data_dir) == metrics_lines(uninterrupted)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_both_stop_signals_save_the_current_step(roberta, make_data_dir, monkeypatch, number):
    """Send the signal after step 1; the next step sees the flag."""
    data_dir = make_data_dir("signalled")
    write = MetricsWriter.write

    def write_then_signal(*args) -> None:
        write(*args)
        os.kill(os.getpid(), number)

    def fail(*_) -> None:
        raise AssertionError(f"{number.name} is not handled")

    monkeypatch.setattr(MetricsWriter, "write", write_then_signal)
    before = signal.signal(number, fail)  # without a handler, the signal would end pytest
    try:
        with pytest.raises(SystemExit) as caught:
            train(data_dir, roberta, "pretrain.checkpoints_per_phase=1")
    finally:
        signal.signal(number, before)
    assert caught.value.code == REQUEUE_EXIT_CODE
    checkpoints = data_dir / "small" / "pretrain" / "tiny.partial" / "checkpoints"
    assert [path.parent.name for path in checkpoints.glob("*/*/state.json")] == ["step-2"]


@pytest.fixture(scope="session")
def no_dropout(small_data_dir, roberta, tmp_path_factory) -> Path:
    """Return the data_dir of a training run without dropout, in one process."""
    data_dir = link_data_stages(small_data_dir, tmp_path_factory.mktemp("no_dropout"))
    train(data_dir, roberta, *NO_DROPOUT)
    return data_dir


def assert_same_training(first: Path, second: Path) -> None:
    """Assert equal batches and masks, and equal losses and weights up to summation order."""
    ours, theirs = metrics_lines(first), metrics_lines(second)
    for key in ("step", "words_scored", "entities_scored", "learning_rate"):
        assert [line.get(key) for line in ours] == [line.get(key) for line in theirs]
    for key in ("word_loss", "entity_loss", "gradient_norm"):
        np.testing.assert_allclose(
            [line[key] for line in ours if key in line], [line[key] for line in theirs if key in line], atol=1e-5
        )
    others = weights(second)
    for name, tensor in weights(first).items():
        torch.testing.assert_close(tensor, others[name], atol=1e-5, rtol=0)


@pytest.mark.parametrize("settings", ["ddp.yaml", "fsdp.yaml"])
def test_two_processes_with_micro_batches_of_one_example_equal_one_process(
    no_dropout, roberta, make_data_dir, settings
):
    data_dir = make_data_dir("together")
    script = launch_command(settings, "-m", "pipeline")
    assert train_in_subprocess(data_dir, roberta, *NO_DROPOUT, ONE_EXAMPLE_EACH, script=script) == 0
    run = json.loads((data_dir / "small" / "pretrain" / "tiny" / "run.json").read_text())
    assert (run["processes"], run["sharded"]) == (2, settings == "fsdp.yaml")
    assert_same_training(data_dir, no_dropout)


@pytest.mark.slow
def test_a_sharded_run_resumes_in_one_process(no_dropout, roberta, make_data_dir):
    """Stop in the second phase, so that moments are restored too."""
    data_dir = make_data_dir("moved")
    script = launch_command("fsdp.yaml", SEND_SIGNAL_AT, "SIGUSR1", "step", "9")
    assert train_in_subprocess(data_dir, roberta, *NO_DROPOUT, script=script) == 1  # the launcher's, not 85
    partial = data_dir / "small" / "pretrain" / "tiny.partial"
    assert (partial / "checkpoints" / "all" / "step-4" / "state.json").is_file()
    train(data_dir, roberta, *NO_DROPOUT)
    assert_same_training(data_dir, no_dropout)


@pytest.mark.slow
def test_batches_and_masks_are_the_same_with_dropout_too(uninterrupted, roberta, make_data_dir):
    data_dir = make_data_dir("dropped")
    script = launch_command("ddp.yaml", "-m", "pipeline")
    assert train_in_subprocess(data_dir, roberta, ONE_EXAMPLE_EACH, script=script) == 0
    ours, theirs = metrics_lines(data_dir), metrics_lines(uninterrupted)
    for key in ("words_scored", "entities_scored"):
        assert [line.get(key) for line in ours] == [line.get(key) for line in theirs]


@pytest.mark.parametrize("workers", [1, 2])
def test_loader_workers_change_nothing(uninterrupted, roberta, make_data_dir, workers):
    data_dir = make_data_dir("workers")
    train(data_dir, roberta, f"pretrain.loader_workers={workers}")
    assert metrics_lines(data_dir) == metrics_lines(uninterrupted)
    for name, tensor in weights(data_dir).items():
        assert torch.equal(tensor, weights(uninterrupted)[name])


def test_the_first_phase_trains_only_the_entity_parts(uninterrupted, roberta):
    checkpoints = uninterrupted / "small" / "pretrain" / "tiny" / "checkpoints"
    after = load_file(max((checkpoints / "entities").glob("step-*")) / "model.safetensors")
    before = {
        name.replace("roberta.", "luke.", 1): tensor
        for name, tensor in load_file(roberta / "model.safetensors").items()
    }
    moved = {name for name in before.keys() & after.keys() if not torch.equal(before[name], after[name])}
    assert moved == set()
    for name in after:
        query = name.replace("w2e_query", "query").replace("e2w_query", "query").replace("e2e_query", "query")
        if query != name:
            assert torch.equal(after[name], before[query])
    assert any(is_trained(name, "entities") for name in after)


def test_a_finished_training_is_up_to_date_and_a_changed_one_stops(uninterrupted, roberta, capsys):
    common = [*TINY_OVERRIDES, f"data_dir={uninterrupted}", f"pretrain.init_from={roberta}"]
    run_stage("pretrain", *common)
    assert "up to date" in capsys.readouterr().err
    with pytest.raises(PipelineError, match=r"config.pretrain.optimizer.weight_decay: 0.01 -> 0.5"):
        run_stage("pretrain", *common, "pretrain.optimizer.weight_decay=0.5")
    run_stage("pretrain", *common, ONE_EXAMPLE_EACH, "pretrain.wandb=offline")  # not fingerprinted


ONE_PHASE = ["~pretrain.phases.all"]


def test_an_extended_training_equals_training_all_phases_at_once(uninterrupted, roberta, make_data_dir, capsys):
    data_dir = make_data_dir("extended")
    train(data_dir, roberta, *ONE_PHASE)
    before = metrics_lines(data_dir)
    with pytest.raises(PipelineError, match=r"is finished, and the phases all\s+would extend it"):
        train(data_dir, roberta)
    capsys.readouterr()
    train(data_dir, roberta, "overwrite=true")
    assert "resuming after step 6 of phase entities" in capsys.readouterr().err
    assert metrics_lines(data_dir)[: len(before)] == before
    assert metrics_lines(data_dir) == metrics_lines(uninterrupted)
    assert manifest(data_dir) == manifest(uninterrupted)


def test_a_gradient_that_is_not_finite_stops_with_the_state_and_the_examples(roberta, make_data_dir):
    data_dir = make_data_dir("broken")
    common = [*TINY_OVERRIDES, f"data_dir={data_dir}", f"pretrain.init_from={roberta}"]
    with pytest.raises(
        PipelineError, match=r"norm is (nan|inf) at step \d+ of phase entities: training cannot continue"
    ):
        run_stage("pretrain", *common, "pretrain.phases.entities.learning_rate=1e30")
    folder = data_dir / "small" / "pretrain" / "tiny.partial"
    (report,) = (folder / "logs").glob("failed-entities-*.json")
    step = int(report.stem.rpartition("-")[2])
    assert (folder / "checkpoints" / "entities" / f"step-{step - 1}" / "state.json").is_file()
    train_examples = len(ExampleStore.open(data_dir / "small" / "dataset" / "train"))
    order = EpochOrder(examples=train_examples, batch_size=4, seed=0, phase=0)
    assert json.loads(report.read_text())["examples"] == order.examples_of_step(step - 1)[0].tolist()


def test_wandb_offline_leaves_a_run_beside_metrics_jsonl(roberta, make_data_dir):
    data_dir = make_data_dir("wandb")
    train(data_dir, roberta, *ONE_PHASE, "pretrain.wandb=offline")
    folder = data_dir / "small" / "pretrain" / "tiny"
    assert list(folder.glob("wandb/offline-run-*/*.wandb"))
    assert len(metrics_lines(data_dir)) > 0


def test_a_roberta_for_another_tokenizer_is_refused(uninterrupted, roberta, make_data_dir):
    data_dir = make_data_dir("other")
    common = [*TINY_OVERRIDES, f"data_dir={data_dir}", f"pretrain.init_from={roberta}"]
    (data_dir / "small" / "vocab").unlink()
    run_stage("vocab", *SMALL_OVERRIDES, f"data_dir={data_dir}", "vocab.tokenizer.size=300")
    (data_dir / "small" / "dataset").unlink()
    run_stage("dataset", *SMALL_OVERRIDES, f"data_dir={data_dir}", "vocab.tokenizer.size=300")
    with pytest.raises(PipelineError, match=r"embeddings for \d+ tokens, but the tokenizer .* has 300"):
        run_stage("pretrain", *common, "vocab.tokenizer.size=300")


def test_a_model_with_too_few_positions_is_refused_before_the_first_step(small_data_dir, make_data_dir, tmp_path):
    data_dir = make_data_dir("short")
    save_roberta(
        tmp_path / "roberta",
        vocab_size=load_word_vocab(small_data_dir / "small" / "vocab" / "words").size,
        positions=32,
    )
    common = [*TINY_OVERRIDES, f"data_dir={data_dir}", f"pretrain.init_from={tmp_path / 'roberta'}"]
    with pytest.raises(PipelineError, match=r"sequences of \d+ tokens, but the model has positions for 32"):
        run_stage("pretrain", *common)


def test_a_missing_checkpoint_to_start_from_is_reported(make_data_dir):
    with pytest.raises(PipelineError, match="run the stages pretrain and export of that run first"):
        run_stage(
            "pretrain",
            *TINY_OVERRIDES,
            f"data_dir={make_data_dir('none')}",
            "pretrain.init_from=data/none/export/roberta_tiny",
        )
