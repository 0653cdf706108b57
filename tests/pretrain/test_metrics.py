"""The lines of metrics.jsonl."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipeline.pretrain.checkpoint import TrainProgress
from pipeline.pretrain.metrics import MetricsWriter, format_losses
from pipeline.pretrain.objective import Tally
from pipeline.store.layout import METRICS_FILE


def open_writer(folder: Path, *, is_main_process: bool = True, device: str = "cpu") -> MetricsWriter:
    """Return a writer of one process, without Weights & Biases."""
    accelerator: Any = SimpleNamespace(
        device=torch.device(device),
        is_main_process=is_main_process,
        num_processes=1,
        reduce=lambda tensor, reduction: tensor,
    )
    config: Any = SimpleNamespace(wandb="disabled")
    return MetricsWriter(folder, config, accelerator)


def test_a_resumed_training_drops_the_lines_after_its_checkpoint(tmp_path: Path) -> None:
    places = [(0, 5), (0, 6), (1, 1), (1, 2)]
    lines = [json.dumps({"phase_number": phase, "step": step}) for phase, step in places]
    (tmp_path / METRICS_FILE).write_text("\n".join([*lines, '{"phase_number": 1, "st']))
    with open_writer(tmp_path) as metrics:
        metrics.resume_from(TrainProgress(1, 1))
        metrics.write("validation", TrainProgress(1, 2), "all", {"word_loss": 1.5})
    assert [json.loads(line) for line in (tmp_path / METRICS_FILE).read_text().splitlines()] == [
        {"phase_number": 0, "step": 5},
        {"phase_number": 0, "step": 6},
        {"phase_number": 1, "step": 1},
        {"kind": "validation", "phase": "all", "phase_number": 1, "step": 2, "word_loss": 1.5},
    ]


def test_mfu_is_the_share_of_the_devices_peak_flops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with 3e15 FLOPs together in 2 seconds reach 7.5e14 FLOP/s each, of the 9.89e14 of an H100."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    assert open_writer(tmp_path, device="cuda").peak_flops == 989e12
    with open_writer(tmp_path) as metrics:
        metrics.resume_from(TrainProgress(0, 0))
        metrics.peak_flops = 989e12
        metrics.accelerator.num_processes = 2
        metrics.tally, metrics.flops = Tally.zero(torch.device("cpu")), 3e15
        monkeypatch.setattr("pipeline.pretrain.metrics.time.perf_counter", lambda: metrics.started_at + 2)
        line = metrics.write_train_line(TrainProgress(0, 1), "all", rate=0.1, norm=1.0)
    assert (line["tflops_per_process"], line["mfu"]) == (750.0, 0.7583)


def test_only_the_main_process_writes(tmp_path: Path) -> None:
    with open_writer(tmp_path, is_main_process=False) as metrics:
        metrics.resume_from(TrainProgress(0, 0))
        metrics.write("train", TrainProgress(0, 1), "all", {})
    assert not (tmp_path / METRICS_FILE).exists()


def test_losses_as_text() -> None:
    assert format_losses({"word_loss": 5.7612, "entity_loss": 2.8726}) == "words 5.761, entities 2.873"
    assert format_losses({"word_loss": 5.0}) == "words 5.000"
