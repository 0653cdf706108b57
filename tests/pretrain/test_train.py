"""The training as a whole, on the small wiki: exact under kills, restarts, processes, micro-batches and workers."""

from __future__ import annotations

import json
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
from pipeline.pretrain.batches import Order
from pipeline.pretrain.optim import ENTITY_PARTS
from pipeline.pretrain.signals import REQUEUE
from pipeline.vocab.words import load
from tests.helpers.stages import SMALL, TINY, run_stage, save_roberta, shared

ROOT = Path(__file__).parents[2]
PRETRAIN = ["stage=pretrain", *TINY]
VARYING = ("tokens_per_second", "tflops_per_process", "data_wait_share", "memory_gb")
"""Figures of metrics.jsonl that are the machine's."""


STILL = ["model.dropout=0", "model.attention_dropout=0"]
"""Overrides for a training that draws no random numbers on the way: it may be spread over processes in any way."""
EACH_ALONE = "pretrain.micro_batch_tokens=1"
"""An override for micro-batches of one Example."""
SIGNALLED = str(Path(__file__).with_name("signalled_at.py"))


def launched(settings: str, *script: str) -> tuple[str, ...]:
    """`script` in two processes of this machine, by one of configs/accelerate/."""
    file = str(ROOT / "configs" / "accelerate" / settings)
    return ("-m", "accelerate.commands.launch", "--config_file", file, "--num_processes=2", *script)


def train(data_dir: Path, roberta: Path, *overrides: str) -> None:
    """Train in this process."""
    run_stage("pretrain", *TINY, f"data_dir={data_dir}", f"pretrain.start={roberta}", *overrides)


def started(data_dir: Path, roberta: Path, *overrides: str, script: tuple[str, ...] = ("-m", "pipeline")) -> int:
    """Train in a process of its own; its exit code."""
    command = [sys.executable, *script, *PRETRAIN, f"data_dir={data_dir}", f"pretrain.start={roberta}", *overrides]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def lines(data_dir: Path) -> list[dict]:
    text = (data_dir / "small" / "pretrain" / "tiny" / "metrics.jsonl").read_text()
    return [{key: value for key, value in json.loads(line).items() if key not in VARYING} for line in text.splitlines()]


def weights(data_dir: Path) -> dict[str, torch.Tensor]:
    return load_file(data_dir / "small" / "pretrain" / "tiny" / "model" / "model.safetensors")


@pytest.fixture(scope="session")
def straight(trained) -> Path:
    """A training that nothing disturbed, dropout included."""
    return trained


@pytest.mark.parametrize(("point", "number"), [("step", 4), ("save", 5), ("metrics", 12)])
def test_killed_and_resumed_is_the_straight_run(straight, roberta, linked, point, number):
    data_dir = linked("killed")
    assert started(data_dir, roberta, script=(SIGNALLED, "SIGKILL", point, str(number))) == -signal.SIGKILL
    assert not (data_dir / "small" / "pretrain" / "tiny").exists()
    train(data_dir, roberta)
    assert lines(data_dir) == lines(straight)
    manifests = [(root / "small" / "pretrain" / "tiny" / "manifest.json").read_bytes() for root in (data_dir, straight)]
    assert manifests[0] == manifests[1]


def test_told_to_stop_it_saves_and_asks_to_be_queued_again(straight, roberta, linked):
    data_dir = linked("stopped")
    assert started(data_dir, roberta, script=(SIGNALLED, "SIGUSR1", "metrics", "2")) == REQUEUE
    train(data_dir, roberta)
    assert lines(data_dir) == lines(straight)


@pytest.fixture(scope="session")
def still(small, roberta, tmp_path_factory) -> Path:
    """A training without dropout, in one process."""
    data_dir = shared(small, tmp_path_factory.mktemp("still"))
    train(data_dir, roberta, *STILL)
    return data_dir


def assert_same_training(first: Path, second: Path) -> None:
    """The same batches and masks; losses and weights but for the order of sums."""
    ours, theirs = lines(first), lines(second)
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
def test_two_processes_and_two_micro_batches_are_one(still, roberta, linked, settings):
    data_dir = linked("together")
    script = launched(settings, "-m", "pipeline")
    assert started(data_dir, roberta, *STILL, EACH_ALONE, script=script) == 0
    run = json.loads((data_dir / "small" / "pretrain" / "tiny" / "run.json").read_text())
    assert (run["processes"], run["sharded"]) == (2, settings == "fsdp.yaml")
    assert_same_training(data_dir, still)


@pytest.mark.slow
def test_stopped_in_shards_it_goes_on_in_one_process(still, roberta, linked):
    """In the second phase, so that moments are taken over too."""
    data_dir = linked("moved")
    script = launched("fsdp.yaml", SIGNALLED, "SIGUSR1", "step", "9")
    assert started(data_dir, roberta, *STILL, script=script) != 0  # the launcher makes 1 of the exit code
    partial = data_dir / "small" / "pretrain" / "tiny.partial"
    assert (partial / "checkpoints" / "all" / "step-4" / "state.json").is_file()
    train(data_dir, roberta, *STILL)
    assert_same_training(data_dir, still)


@pytest.mark.slow
def test_batches_and_masks_are_the_same_with_dropout_too(straight, roberta, linked):
    data_dir = linked("dropped")
    assert started(data_dir, roberta, EACH_ALONE, script=launched("ddp.yaml", "-m", "pipeline")) == 0
    for key in ("words_scored", "entities_scored"):
        assert [line.get(key) for line in lines(data_dir)] == [line.get(key) for line in lines(straight)]


@pytest.mark.parametrize("workers", [1, 2])
def test_loader_workers_change_nothing(straight, roberta, linked, workers):
    data_dir = linked("workers")
    train(data_dir, roberta, f"pretrain.loader_workers={workers}")
    assert lines(data_dir) == lines(straight)
    for name, tensor in weights(data_dir).items():
        assert torch.equal(tensor, weights(straight)[name])


def test_phase_one_moves_only_the_entity_parts(straight, roberta):
    checkpoints = straight / "small" / "pretrain" / "tiny" / "checkpoints"
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
    assert any(part in name for name in after for part in ENTITY_PARTS)


def test_a_finished_training_is_up_to_date_and_a_changed_one_stops(straight, roberta, capsys):
    common = [*TINY, f"data_dir={straight}", f"pretrain.start={roberta}"]
    run_stage("pretrain", *common)
    assert "up to date" in capsys.readouterr().err
    with pytest.raises(PipelineError, match=r"config.pretrain.optimizer.weight_decay: 0.01 -> 0.5"):
        run_stage("pretrain", *common, "pretrain.optimizer.weight_decay=0.5")
    run_stage("pretrain", *common, EACH_ALONE, "pretrain.wandb=offline")  # policy, not content


ONE_PHASE = ["~pretrain.phases.all"]


def test_an_extended_training_is_the_straight_one(straight, roberta, linked, capsys):
    data_dir = linked("extended")
    train(data_dir, roberta, *ONE_PHASE)
    before = lines(data_dir)
    with pytest.raises(PipelineError, match=r"is finished, and the phases all\s+would go on from where it ended"):
        train(data_dir, roberta)
    capsys.readouterr()
    train(data_dir, roberta, "overwrite=true")
    assert "going on after step 6 of phase entities" in capsys.readouterr().err
    assert lines(data_dir)[: len(before)] == before
    assert lines(data_dir) == lines(straight)
    manifests = [(root / "small" / "pretrain" / "tiny" / "manifest.json").read_bytes() for root in (data_dir, straight)]
    assert manifests[0] == manifests[1]


def test_a_gradient_that_is_not_finite_stops_with_the_state_and_the_examples(roberta, linked):
    data_dir = linked("broken")
    common = [*TINY, f"data_dir={data_dir}", f"pretrain.start={roberta}"]
    with pytest.raises(PipelineError, match=r"norm is (nan|inf) at step \d+ of phase entities: training cannot go on"):
        run_stage("pretrain", *common, "pretrain.phases.entities.learning_rate=1e30")
    folder = data_dir / "small" / "pretrain" / "tiny.partial"
    (told,) = (folder / "logs").glob("failed-entities-*.json")
    step = int(told.stem.rpartition("-")[2])
    assert (folder / "checkpoints" / "entities" / f"step-{step - 1}" / "state.json").is_file()
    train_examples = len(ExampleStore.open(data_dir / "small" / "dataset" / "train"))
    order = Order(examples=train_examples, batch=4, seed=0, phase=0)
    assert json.loads(told.read_text())["examples"] == order.step(step - 1)[0].tolist()


def test_wandb_offline_leaves_a_run_beside_metrics_jsonl(roberta, linked):
    data_dir = linked("wandb")
    train(data_dir, roberta, *ONE_PHASE, "pretrain.wandb=offline")
    folder = data_dir / "small" / "pretrain" / "tiny"
    assert list(folder.glob("wandb/offline-run-*/*.wandb"))
    assert len(lines(data_dir)) > 0


def test_a_roberta_for_another_tokenizer_is_refused(straight, roberta, linked):
    data_dir = linked("other")
    common = [*TINY, f"data_dir={data_dir}", f"pretrain.start={roberta}"]
    (data_dir / "small" / "vocab").unlink()
    run_stage("vocab", *SMALL, f"data_dir={data_dir}", "vocab.words.size=300")
    (data_dir / "small" / "dataset").unlink()
    run_stage("dataset", *SMALL, f"data_dir={data_dir}", "vocab.words.size=300")
    with pytest.raises(PipelineError, match=r"embeddings for \d+ words, but the tokenizer .* has 300"):
        run_stage("pretrain", *common, "vocab.words.size=300")


def test_a_model_with_too_few_positions_is_refused_before_the_first_step(small, linked, tmp_path):
    data_dir = linked("short")
    save_roberta(tmp_path / "roberta", vocab_size=load(small / "small" / "vocab" / "words").size, positions=32)
    common = [*TINY, f"data_dir={data_dir}", f"pretrain.start={tmp_path / 'roberta'}"]
    with pytest.raises(PipelineError, match=r"sequences of \d+ words, the model positions for 32"):
        run_stage("pretrain", *common)


def test_a_start_that_is_not_there_is_told(linked):
    with pytest.raises(PipelineError, match="run that one's stages first"):
        run_stage("pretrain", *TINY, f"data_dir={linked('none')}", "pretrain.start=data/none/export/roberta_tiny")
