"""The training as a whole, on the small wiki: exact under kills, restarts, processes, micro-batches and workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.errors import PipelineError
from pipeline.pretrain.optim import ENTITY_PARTS
from pipeline.pretrain.signals import REQUEUE
from pipeline.vocab.words import load
from tests.line import SMALL, TINY, run_stage, save_roberta, shared

ROOT = Path(__file__).parents[2]
PRETRAIN = ["stage=pretrain", *TINY]
VARYING = ("tokens_per_second", "tflops_per_process", "data_wait_share", "memory_gb")
"""Figures of metrics.jsonl that are the machine's."""


def train(data_dir: Path, roberta: Path, *overrides: str, script: tuple[str, ...] = ("-m", "pipeline")) -> int:
    """Train in a process of its own, in one thread; its exit code."""
    command = [sys.executable, *script, *PRETRAIN, f"data_dir={data_dir}", f"pretrain.start={roberta}", *overrides]
    return subprocess.run(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False).returncode


def lines(data_dir: Path) -> list[dict]:
    text = (data_dir / "small" / "pretrain" / "tiny" / "metrics.jsonl").read_text()
    return [{key: value for key, value in json.loads(line).items() if key not in VARYING} for line in text.splitlines()]


def weights(data_dir: Path) -> dict[str, torch.Tensor]:
    return load_file(data_dir / "small" / "pretrain" / "tiny" / "model" / "model.safetensors")


@pytest.fixture(scope="session")
def straight(small, roberta, tmp_path_factory) -> Path:
    """A training that nothing disturbed, dropout included."""
    data_dir = shared(small, tmp_path_factory.mktemp("straight"))
    assert train(data_dir, roberta) == 0
    return data_dir


@pytest.mark.parametrize(("point", "number"), [("step", 4), ("save", 5), ("metrics", 12)])
def test_killed_and_resumed_is_the_straight_run(straight, roberta, linked, point, number):
    data_dir = linked("killed")
    script = (str(Path(__file__).with_name("killed_at.py")), point, str(number))
    assert train(data_dir, roberta, script=script) == -signal.SIGKILL
    assert not (data_dir / "small" / "pretrain" / "tiny").exists()
    assert train(data_dir, roberta) == 0
    assert lines(data_dir) == lines(straight)
    manifests = [(root / "small" / "pretrain" / "tiny" / "manifest.json").read_bytes() for root in (data_dir, straight)]
    assert manifests[0] == manifests[1]


def test_told_to_stop_it_saves_and_asks_to_be_queued_again(straight, roberta, linked):
    data_dir = linked("stopped")
    command = [sys.executable, "-m", "pipeline", *PRETRAIN, f"data_dir={data_dir}", f"pretrain.start={roberta}"]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"})
    metrics = data_dir / "small" / "pretrain" / "tiny.partial" / "metrics.jsonl"
    while not (metrics.is_file() and metrics.read_text().count("\n") >= 2):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGUSR1)
    assert process.wait() == REQUEUE
    assert train(data_dir, roberta) == 0
    assert lines(data_dir) == lines(straight)


def test_two_processes_and_two_micro_batches_are_one(roberta, linked):
    """The same losses and weights without dropout; the same batches and masks in any case."""
    still = ["model.dropout=0", "model.attention_dropout=0"]
    alone, together = linked("alone"), linked("together")
    assert train(alone, roberta, *still) == 0
    launch = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes=2", "--num_machines=1",
              "--mixed_precision=no", "--dynamo_backend=no", "-m", "pipeline")  # fmt: skip
    assert train(together, roberta, *still, "pretrain.micro_batch=2", script=launch) == 0
    first, second = lines(alone), lines(together)
    assert [line["words_scored"] for line in first] == [line["words_scored"] for line in second]
    for key in ("word_loss", "entity_loss", "gradient_norm"):
        np.testing.assert_allclose(
            [line[key] for line in first if key in line], [line[key] for line in second if key in line], atol=1e-5
        )
    for name, tensor in weights(alone).items():
        torch.testing.assert_close(tensor, weights(together)[name], atol=1e-5, rtol=0)


@pytest.mark.parametrize("workers", [1, 3])
def test_loader_workers_change_nothing(straight, roberta, linked, workers):
    data_dir = linked("workers")
    assert train(data_dir, roberta, f"pretrain.loader_workers={workers}") == 0
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
    run_stage("pretrain", *common, "pretrain.micro_batch=4", "pretrain.wandb=offline")  # policy, not content


def test_wandb_offline_leaves_a_run_beside_metrics_jsonl(roberta, linked):
    data_dir = linked("wandb")
    assert train(data_dir, roberta, "pretrain.wandb=offline") == 0
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
